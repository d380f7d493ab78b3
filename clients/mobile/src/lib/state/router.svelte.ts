/** Hash routes: `#/op/<uid>/finish`. One screen at a time, the back button works. */

class Router {
  path = $state<string[]>([]);

  start(): void {
    const read = () => {
      this.path = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
      window.scrollTo(0, 0);
    };
    window.addEventListener("hashchange", read);
    read();
  }

  go(...path: string[]): void {
    location.hash = "/" + path.map(encodeURIComponent).join("/");
  }

  /** Replaces the current screen, so that "back" does not return to a finished form. */
  replace(...path: string[]): void {
    location.replace("#/" + path.map(encodeURIComponent).join("/"));
  }

  /** To the screen this one belongs to: a form to its operation, everything else to the list. */
  up(): void {
    const [section, uid] = this.path;
    if (section === "op" && uid !== undefined && this.path.length > 2) this.replace("op", uid);
    else if (["machines", "outbox", "review", "notices"].includes(section ?? "")) this.replace("more");
    else this.replace();
  }
}

export const router = new Router();
