/** USB code readers type the code very fast and end it with Enter. */

const MAX_GAP_MS = 60;
/** Where no field and no PIN pad takes keys, only a reader types: a terminal that stutters must not cut its code in two. */
const MAX_GAP_ALONE_MS = 1_000;
const MIN_LENGTH = 4;

/** Collects keystrokes and tells a reader from a person by their rhythm. */
export class KeyboardReader {
  #text = "";
  #lastAt = 0;
  readonly #onCode: (text: string) => void;

  constructor(onCode: (text: string) => void) {
    this.#onCode = onCode;
  }

  /**
   * @param alone nothing else on the page takes keys
   * @returns true when this key ended a code, which then must not act on the page
   */
  key(key: string, atMs: number, alone = false): boolean {
    if (atMs - this.#lastAt > (alone ? MAX_GAP_ALONE_MS : MAX_GAP_MS)) this.#text = "";
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
