/** The review queue of the cabinet cameras: what a camera believes, and the answer of the person (VIS-19). */
import { formatMinutes } from "../format";
import { t, tCode, tn } from "../i18n";
import { app } from "./app.svelte";
import { inWords } from "./act";

export type Verdict = "confirm" | "reject" | "count-again";
export type Moment = "before" | "after" | "crop_before" | "crop_after";
/** Corners of the compartment as parts of the picture: left, top, right, bottom. */
export type Frame = [number, number, number, number];

interface Named {
  id: number;
  display: string;
}

export interface Detection {
  id: number;
  delta: number;
  count_before: number | null;
  count_after: number | null;
  confidence_pct: string | number | null;
  status: string;
  reason: string | null;
  detected_at: string;
  stock_item_id: number | null;
  frame: number[] | null;
  allowed_actions: string[];
  stock_item?: Named | null;
  storage_location?: Named | null;
  photographs: { moment: Moment; sha256: string; url: string | null }[];
  circumstances?: { station: string | null; person: string | null; operation: string | null };
}

export interface Sheet {
  /** Null when nothing waits. */
  detection: Detection | null;
  queue: number[];
  total: number;
}

const QUEUE = 100;

/** How many detections wait. @throws ApiError, NetworkError, SignInNeeded */
export async function waitingCount(): Promise<number> {
  const page = (await app.call("/vision-detections?status=to_confirm&limit=1")) as { total: number };
  return page.total;
}

/** A detection and what waits behind it; without number the one that waits longest. @throws ApiError, NetworkError, SignInNeeded */
export async function readSheet(id: number | null): Promise<Sheet> {
  const list = app.call(`/vision-detections?status=to_confirm&sort=detected_at,id&limit=${QUEUE}`);
  const named = id === null ? null : ((await app.call(`/vision-detections/${id}`)) as Detection);
  const page = (await list) as { items: { id: number }[]; total: number };
  const queue = page.items.map((row) => row.id);
  const [first] = queue;
  const detection =
    named ?? (first === undefined ? null : ((await app.call(`/vision-detections/${first}`)) as Detection));
  return { detection, queue, total: page.total };
}

/** A picture of a detection as an address an image can show. @throws ApiError, NetworkError, SignInNeeded */
export async function picture(sha256: string): Promise<string> {
  return (await app.call(`/stations/files/${sha256}`, { file: true, timeoutMs: 30_000 })) as string;
}

/** Articles of a name, for a correction. @throws ApiError, NetworkError, SignInNeeded */
export async function findItems(words: string): Promise<Named[]> {
  const query = new URLSearchParams({ q: words, limit: "8" });
  return ((await app.call(`/stock-items?${query}`)) as { items: Named[] }).items;
}

/** Sends the answer. @throws ApiError `vision.already_reviewed` when somebody was faster; NetworkError, SignInNeeded */
export async function decide(id: number, verdict: Verdict, body: Record<string, number>): Promise<void> {
  await app.call(`/vision-detections/${id}/${verdict}`, { method: "POST", body });
}

/** The one that waits after this one, from the start again at the end; null when this was the last. */
export function nextOf(queue: number[], current: number): number | null {
  const here = queue.indexOf(current);
  return [...queue.slice(here + 1), ...queue.slice(0, Math.max(here, 0))].find((id) => id !== current) ?? null;
}

/** What differs from what the camera believes: nothing is sent for what stays. */
export function correction(detection: Detection, delta: number, itemId: number | null): Record<string, number> {
  return {
    ...(delta === detection.delta ? {} : { delta }),
    ...(itemId === null || itemId === detection.stock_item_id ? {} : { stock_item_id: itemId }),
  };
}

/** "+2", "−2" or "0". */
export function signed(value: number): string {
  if (value === 0) return "0";
  return `${value > 0 ? "+" : "−"}${inWords(Math.abs(value))}`;
}

/** "2 pris", "1 remis" or "rien n’a bougé". */
export function moved(delta: number): string {
  if (delta === 0) return t("review.moved.none");
  return delta < 0 ? tn("review.taken", -delta) : tn("review.returned", delta);
}

/** What a corrected movement leaves in the place; null while the count before is unknown. */
export function leaves(detection: Detection, delta: number): number | null {
  return detection.count_before === null ? null : detection.count_before + delta;
}

/** Why a person is asked, as the station and the rules of the stock name it. */
export function reasonWords(codes: string | null): string {
  const named = (codes ?? "").split(",").map((code) => code.trim());
  return named
    .filter(Boolean)
    .map((code) => tCode("review.reason", code))
    .join(" · ");
}

/** "il y a 45 min" or "il y a 3 j". */
export function age(iso: string, now: number): string {
  const minutes = Math.max(0, (now - Date.parse(iso)) / 60_000);
  const days = Math.floor(minutes / 1440);
  return days > 0 ? tn("review.days", days) : t("review.ago", { duration: formatMinutes(minutes) });
}

/** The four corners when they are usable. */
export function frameOf(detection: Detection): Frame | null {
  const [x0, y0, x1, y1] = detection.frame ?? [];
  if (x0 === undefined || y0 === undefined || x1 === undefined || y1 === undefined) return null;
  return x1 > x0 && y1 > y0 ? [x0, y0, x1, y1] : null;
}
