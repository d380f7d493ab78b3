/** USB code readers type the code very fast and end it with Enter. */

const MAX_GAP_MS = 60;
const MIN_LENGTH = 4;

/** Collects keystrokes and tells a reader from a person by their rhythm. */
export class KeyboardReader {
  #text = "";
  #lastAt = 0;
  readonly #onCode: (text: string) => void;

  constructor(onCode: (text: string) => void) {
    this.#onCode = onCode;
  }

  /** @returns true when this key ended a code, which then must not act on the page */
  key(key: string, atMs: number): boolean {
    if (atMs - this.#lastAt > MAX_GAP_MS) this.#text = "";
    this.#lastAt = atMs;
    if (key === "Enter") {
      const text = this.#text;
      this.#text = "";
      if (text.length < MIN_LENGTH) return false;
      this.#onCode(text);
      return true;
    }
    if (key.length === 1) this.#text += key;
    return false;
  }
}
