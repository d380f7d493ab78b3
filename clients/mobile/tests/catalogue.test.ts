import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { en } from "../src/lib/i18n/en";
import { fr } from "../src/lib/i18n/fr";
import { t, tn } from "../src/lib/i18n";
import { COMMENT_KINDS, PAUSE_REASONS, SCRAP_CAUSES } from "../src/lib/events";

const parameters = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
const sources = readdirSync("src", { recursive: true, encoding: "utf-8" })
  .filter((name) => /\.(svelte|ts)$/.test(name) && !name.includes("i18n"))
  .map((name) => [name, readFileSync(join("src", name), "utf-8")] as const);

describe("catalogues", () => {
  it("have the same keys, none empty, with the same parameters", () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(fr).sort());
    for (const [key, text] of Object.entries(fr)) {
      expect(text.trim(), key).not.toBe("");
      expect(en[key as keyof typeof fr].trim(), key).not.toBe("");
      expect(parameters(en[key as keyof typeof fr]), key).toEqual(parameters(text));
    }
  });

  it("speak without exclamation marks", () => {
    expect(Object.entries(fr).filter(([, text]) => text.includes("!"))).toEqual([]);
  });

  it("hold every code the application offers", () => {
    for (const reason of PAUSE_REASONS) expect(fr).toHaveProperty([`pause.reason.${reason}`]);
    for (const cause of SCRAP_CAUSES) expect(fr).toHaveProperty([`cause.${cause}`]);
    for (const kind of COMMENT_KINDS) expect(fr).toHaveProperty([`signal.kind.${kind}`]);
  });

  it("are used: no key without a reader", () => {
    const all = sources.map(([, text]) => text).join("\n") + readFileSync("scripts/manifest.ts", "utf-8");
    const unused = Object.keys(fr).filter((key) => {
      const stem = key.replace(/\.(one|other)$/, "");
      const parent = key.slice(0, key.lastIndexOf("."));
      const grand = key.replace(/\.[^.]+\.[^.]+$/, "");
      return ![`"${key}"`, `"${stem}"`, `${parent}.\${`, `"${parent}"`, `${grand}.\${`].some((text) => all.includes(text));
    });
    expect(unused).toEqual([]);
  });

  it("hold all visible text: no French words in the screens", () => {
    const accented = sources.filter(([, text]) => /[àâçéèêëîïôûùœ]/i.test(text.replace(/\/\*\*?[\s\S]*?\*\/|Français|\/\/.*/g, "")));
    expect(accented.map(([name]) => name)).toEqual([]);
  });
});

it("fills in parameters and chooses singular and plural", () => {
  expect(t("op.number", { order: "OF-1", sequence: 10 })).toBe("OF-1 · op. 10");
  expect([0, 1, 2].map((count) => tn("banner.waiting", count))).toEqual([
    "0 saisie en attente d’envoi",
    "1 saisie en attente d’envoi",
    "2 saisies en attente d’envoi",
  ]);
});
