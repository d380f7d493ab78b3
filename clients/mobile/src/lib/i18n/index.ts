import { prefs } from "../state/prefs.svelte";
import { en } from "./en";
import { fr, type MessageKey } from "./fr";

export type { MessageKey } from "./fr";

type Params = Record<string, string | number>;

const CATALOGUES: Record<"fr" | "en", Record<MessageKey, string>> = { fr, en };

/** French double punctuation, « quotes » and units never stand alone at the start of a line. */
function withFrenchSpaces(text: string): string {
  return text.replace(/ (?=[:;?»%×]|min\b|mm\b)/g, "\u00a0").replace(/(?<=«) /g, "\u00a0");
}

/** The text of a key in the chosen language with its {parameters} filled in. */
export function t(key: MessageKey, params: Params = {}): string {
  const text = CATALOGUES[prefs.language][key];
  return withFrenchSpaces(text).replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name];
    return value === undefined ? whole : String(value);
  });
}

type PluralStem = Extract<MessageKey, `${string}.other`> extends `${infer Stem}.other` ? Stem : never;

/** The singular or plural text for a count, given as {count}. In French 0 is singular. */
export function tn(stem: PluralStem, count: number, params: Params = {}): string {
  const form = new Intl.PluralRules(prefs.language).select(count) === "one" ? "one" : "other";
  return t(`${stem}.${form}` as MessageKey, { ...params, count });
}

/** The text of a code that the server may extend; an unknown code is shown as it is. */
export function tCode(prefix: string, code: string): string {
  const key = `${prefix}.${code}`;
  return key in fr ? t(key as MessageKey) : code;
}
