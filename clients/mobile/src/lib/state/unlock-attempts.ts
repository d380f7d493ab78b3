/** Counts wrong unlocking attempts on the device: after five, 15 minutes without a try. */

export const MAX_ATTEMPTS = 5;
export const LOCK_MS = 15 * 60_000;
const PLACE = "usinage.unlock";

interface Kept {
  failures: number;
  lockedUntil: number;
}

export class UnlockAttempts {
  readonly #storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;

  constructor(storage: Pick<Storage, "getItem" | "setItem" | "removeItem">) {
    this.#storage = storage;
  }

  #read(): Kept {
    return JSON.parse(this.#storage.getItem(PLACE) ?? '{"failures":0,"lockedUntil":0}') as Kept;
  }

  lockedForMs(nowMs: number): number {
    return Math.max(0, this.#read().lockedUntil - nowMs);
  }

  failed(nowMs: number): void {
    const failures = this.#read().failures + 1;
    const locked = failures >= MAX_ATTEMPTS;
    this.#storage.setItem(
      PLACE,
      JSON.stringify({ failures: locked ? 0 : failures, lockedUntil: locked ? nowMs + LOCK_MS : 0 }),
    );
  }

  clear(): void {
    this.#storage.removeItem(PLACE);
  }
}
