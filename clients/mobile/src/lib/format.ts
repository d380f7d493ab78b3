/** French workshop formats for display, and reading of typed numbers. */
import type { Language } from "./state/prefs.svelte";

const LOCALES: Record<Language, string> = { fr: "fr-FR", en: "en-GB" };

/** Keeps a number and its unit on one line. */
const NBSP = "\u00a0";

/** "45 min" under two hours, then "7 h 30". */
export function formatMinutes(minutes: number): string {
  const whole = Math.round(minutes);
  if (whole < 120) return `${whole}${NBSP}min`;
  const rest = whole % 60;
  const hours = `${Math.floor(whole / 60)}${NBSP}h`;
  return rest === 0 ? hours : `${hours}${NBSP}${String(rest).padStart(2, "0")}`;
}

/** Running clock "1:07:45" or "07:45". */
export function formatClock(minutes: number): string {
  const seconds = Math.max(0, Math.floor(minutes * 60));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

export function formatNumber(value: number, language: Language, maxDecimals = 3): string {
  return new Intl.NumberFormat(LOCALES[language], { maximumFractionDigits: maxDecimals }).format(value);
}

export function formatDateTime(iso: string, language: Language): string {
  return new Intl.DateTimeFormat(LOCALES[language], {
    day: "2-digit",
    month: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  }).format(new Date(iso));
}

export function formatTime(date: Date, language: Language): string {
  return new Intl.DateTimeFormat(LOCALES[language], { hour: "2-digit", minute: "2-digit" }).format(date);
}

export function formatDay(date: Date, language: Language): string {
  return new Intl.DateTimeFormat(LOCALES[language], { weekday: "long", day: "numeric", month: "long" }).format(date);
}

export type ReadNumber = { value: number } | { error: "empty" | "invalid" | "ambiguous" };

/**
 * Reads a typed number; comma and dot are both decimal marks, spaces group thousands.
 * "1,234" and "1.234" could mean 1.234 or 1234 and are reported as ambiguous.
 */
export function readNumber(text: string): ReadNumber {
  const compact = text.replace(/[\s\u00a0\u202f]/g, "");
  if (compact === "") return { error: "empty" };
  if (!/^\d+([.,]\d+)?$/.test(compact)) return { error: "invalid" };
  if (/^[1-9]\d{0,2}[.,]\d{3}$/.test(compact)) return { error: "ambiguous" };
  return { value: Number(compact.replace(",", ".")) };
}
