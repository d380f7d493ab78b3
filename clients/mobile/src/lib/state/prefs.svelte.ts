/** Choices of this device that hold nothing personal: language, theme, sound, station name. */

export type Theme = "system" | "light" | "dark";
export type Language = "fr" | "en";

interface Kept {
  language: Language;
  theme: Theme;
  sound: boolean;
  /** Name shown by a scan station; null on a phone. */
  station: string | null;
}

const PLACE = "usinage.prefs";
const DEFAULTS: Kept = { language: "fr", theme: "system", sound: true, station: null };

function load(): Kept {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(PLACE) ?? "{}") as Partial<Kept>) };
  } catch {
    return { ...DEFAULTS };
  }
}

class Prefs {
  #kept = $state<Kept>(typeof localStorage === "undefined" ? { ...DEFAULTS } : load());

  get language(): Language {
    return this.#kept.language;
  }
  get theme(): Theme {
    return this.#kept.theme;
  }
  get sound(): boolean {
    return this.#kept.sound;
  }
  get station(): string | null {
    return this.#kept.station;
  }

  set(fields: Partial<Kept>): void {
    Object.assign(this.#kept, fields);
    if (typeof localStorage !== "undefined") localStorage.setItem(PLACE, JSON.stringify(this.#kept));
    this.apply();
  }

  /** Reads `?station=1&name=…` (kept afterwards) or `?station=0`. */
  readAddress(search: string, fallbackName: string): void {
    const query = new URLSearchParams(search);
    const wanted = query.get("station");
    if (wanted === "1") this.set({ station: query.get("name") ?? this.#kept.station ?? fallbackName });
    else if (wanted === "0") this.set({ station: null });
  }

  /** Puts language, theme and size on the document. */
  apply(): void {
    if (typeof document === "undefined") return;
    const root = document.documentElement;
    root.lang = this.#kept.language;
    root.classList.toggle("station", this.#kept.station !== null);
    if (this.#kept.theme === "system") delete root.dataset["theme"];
    else root.dataset["theme"] = this.#kept.theme;
  }
}

export const prefs = new Prefs();
