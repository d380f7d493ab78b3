/** Registers the service worker and offers a new version when one is there. */

const CHECK_EVERY_MS = 60 * 60_000;

class Updates {
  available = $state(false);
  #waiting: ServiceWorker | null = null;

  async register(): Promise<void> {
    if (!("serviceWorker" in navigator)) return;
    try {
      const registration = await navigator.serviceWorker.register("./sw.js", { scope: "./" });
      if (registration.waiting && navigator.serviceWorker.controller) this.#offer(registration.waiting);
      registration.addEventListener("updatefound", () => {
        const fresh = registration.installing;
        fresh?.addEventListener("statechange", () => {
          if (fresh.state === "installed" && navigator.serviceWorker.controller) this.#offer(fresh);
        });
      });
      setInterval(() => void registration.update().catch(() => undefined), CHECK_EVERY_MS);
    } catch {
      // without a service worker the application still works while the network is there
    }
  }

  #offer(worker: ServiceWorker): void {
    this.#waiting = worker;
    this.available = true;
  }

  /** Takes the new version; waiting declarations stay in the device database. */
  apply(): void {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
    this.#waiting?.postMessage("activate-now");
  }
}

export const updates = new Updates();
