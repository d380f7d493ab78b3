import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync("src/lib/tokens.css", "utf-8");

function block(selector: string): Record<string, string> {
  const from = css.indexOf(`${selector} {`);
  if (from < 0) throw new Error(`no ${selector}`);
  const body = css.slice(from, css.indexOf("}", from));
  return Object.fromEntries(
    [...body.matchAll(/--([\w-]+):\s*([^;]+);/g)].map((match): [string, string] => [match[1] ?? "", match[2] ?? ""]),
  );
}

const light = block("\n:root");
const themes = {
  light,
  dark: { ...light, ...block(':root[data-theme="dark"]') },
};

/** Relative luminance and contrast of WCAG 2.2. */
function luminance(hex: string): number {
  const channels = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
  const [r, g, b] = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const STATUSES = ["waiting", "ready", "running", "paused", "blocked", "done"];
const CONFIRMATIONS = ["success", "waiting", "warning", "danger"];
const PAIRS: [string, string][] = [
  ...["background", "surface"].flatMap((ground): [string, string][] =>
    ["text", "muted", "link", "primary-strong", "error-text"].map((ink) => [ink, ground]),
  ),
  ["link", "surface-sunken"],
  ["on-primary", "primary"],
  ["on-action", "action"],
  ["on-action", "action-hover"],
  ["paused-fg", "surface"],
  ...STATUSES.map((name): [string, string] => [`${name}-fg`, `${name}-bg`]),
  ...CONFIRMATIONS.map((name): [string, string] => [`confirm-${name}-fg`, `confirm-${name}-bg`]),
];

describe.each(Object.entries(themes))("%s theme", (_name, tokens) => {
  it.each(PAIRS)("%s on %s is readable", (ink, ground) => {
    expect(contrast(tokens[ink] ?? "", tokens[ground] ?? "")).toBeGreaterThanOrEqual(4.5);
  });
  it("shows the edges of fields", () => {
    expect(contrast(tokens["border-strong"] ?? "", tokens["surface"] ?? "")).toBeGreaterThanOrEqual(3);
  });
});

it("has one dark theme, chosen by the person or by the device", () => {
  expect(block(':root:not([data-theme="light"])')).toEqual(block(':root[data-theme="dark"]'));
});

it("keeps touch targets at 56 px on phones and larger on stations", () => {
  expect(parseInt(light["touch"] ?? "")).toBeGreaterThanOrEqual(56);
  expect(parseInt(block(":root.station")["touch"] ?? "")).toBeGreaterThan(56);
  expect(block(":root.station")["base-size"]).toBe("20px");
});
