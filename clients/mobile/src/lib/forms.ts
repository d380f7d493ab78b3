/** Checks of the forms and the events they become. Pure: texts in, events or named faults out. */
import type { Operation } from "./api/types";
import type { EventDraft, Means, Quantities } from "./events";
import { readNumber } from "./format";
import { expectedQty, needsTimeComment } from "./operations";

const MAX_TIME_MIN = 1440;

export interface QuantityTexts {
  good: string;
  rework: string;
  scrap: string;
  cause: string;
}

export interface FinishTexts extends QuantityTexts {
  timeMin: string;
  comment: string;
  toolChange: boolean;
  oldTool: string;
  newTool: string;
  toolReason: string;
  cutCount: string;
  cutLength: string;
}

export type Fault =
  | { field: "good" | "rework" | "scrap"; fault: "whole" }
  | { field: "good"; fault: "zero" }
  | { field: "cause"; fault: "missing" }
  | { field: "timeMin"; fault: "range" }
  | { field: "comment"; fault: "time" | "short" }
  | { field: "tool"; fault: "missing" }
  | { field: "cutCount" | "cutLength"; fault: "invalid" | "ambiguous" };

export type Checked<T> = { ok: true; value: T } | { ok: false; faults: Fault[] };

function readCount(text: string): number | null {
  const compact = text.trim() === "" ? "0" : text.replace(/[\s\u00a0\u202f]/g, "");
  return /^\d{1,7}$/.test(compact) ? Number(compact) : null;
}

function readQuantities(texts: QuantityTexts): { quantities: Quantities; faults: Fault[] } {
  const faults: Fault[] = [];
  const quantities: Quantities = { good: 0, rework: 0, scrap: 0 };
  for (const field of ["good", "rework", "scrap"] as const) {
    const value = readCount(texts[field]);
    if (value === null) faults.push({ field, fault: "whole" });
    else quantities[field] = value;
  }
  if (quantities.scrap + quantities.rework > 0 && texts.cause === "") faults.push({ field: "cause", fault: "missing" });
  return { quantities, faults };
}

/** How many parts the entry goes beyond the quantity there is to make, counting earlier declarations. */
export function beyondPlanned(operation: Operation, texts: QuantityTexts): number {
  const added = (["good", "rework", "scrap"] as const).reduce((sum, field) => sum + (readCount(texts[field]) ?? 0), 0);
  const total = operation.good_qty + operation.rework_qty + operation.scrap_qty + added;
  return Math.max(0, total - expectedQty(operation));
}

const withCause = (cause: string) => (cause === "" ? {} : { scrap_cause: cause });
const withComment = (comment: string) => (comment.trim() === "" ? {} : { comment: comment.trim() });

/** Partial declaration of parts. */
export function buildReport(operation: Operation, texts: QuantityTexts, comment: string): Checked<EventDraft[]> {
  const { quantities, faults } = readQuantities(texts);
  if (faults.length === 0 && quantities.good + quantities.rework + quantities.scrap === 0)
    faults.push({ field: "good", fault: "zero" });
  if (faults.length > 0) return { ok: false, faults };
  const payload = {
    operation_code: operation.code,
    ...quantities,
    ...withCause(quantities.scrap + quantities.rework > 0 ? texts.cause : ""),
    ...withComment(comment),
  };
  return { ok: true, value: [{ type: "operation.reported", payload }] };
}

/**
 * End of an operation; quantities are those not yet declared.
 * @param proposedMin time from the clocking as the form showed it, whole minutes
 * @param clockedMin the clock now, minutes: sent when the proposal was left as it was, so that its rounding is no correction
 * @param toolText words of the tool change for methods, built from (old, new, reason)
 */
export function buildFinish(
  operation: Operation,
  texts: FinishTexts,
  proposedMin: number,
  clockedMin: number,
  means: Means,
  toolText: (old: string, next: string, reason: string) => string,
): Checked<EventDraft[]> {
  const { quantities, faults } = readQuantities(texts);
  const time = readNumber(texts.timeMin);
  const timeMin = "value" in time ? time.value : 0;
  if (timeMin <= 0 || timeMin > MAX_TIME_MIN) faults.push({ field: "timeMin", fault: "range" });
  else if (needsTimeComment(proposedMin, timeMin) && texts.comment.trim() === "")
    faults.push({ field: "comment", fault: "time" });
  if (missingParts(operation, quantities) > 0 && texts.comment.trim() === "" && !hasCommentFault(faults))
    faults.push({ field: "comment", fault: "short" });
  const spentMin = timeMin === proposedMin && clockedMin > 0 ? Math.round(clockedMin * 1000) / 1000 : timeMin;
  const tool = [texts.oldTool, texts.newTool, texts.toolReason].map((text) => text.trim());
  if (texts.toolChange && tool.includes("")) faults.push({ field: "tool", fault: "missing" });
  const cuts = readCuts(operation, texts, faults);
  if (faults.length > 0) return { ok: false, faults };

  const drafts: EventDraft[] = [
    {
      type: "operation.finished",
      payload: {
        operation_code: operation.code,
        ...quantities,
        ...withCause(quantities.scrap + quantities.rework > 0 ? texts.cause : ""),
        time_spent_min: spentMin,
        ...withComment(texts.comment),
        tool_change_flag: texts.toolChange,
        ...cuts,
        means,
      },
    },
  ];
  if (texts.toolChange) {
    const text = toolText(tool[0] ?? "", tool[1] ?? "", tool[2] ?? "");
    drafts.push({ type: "comment.added", payload: { operation_code: operation.code, kind: "technical", text } });
  }
  return { ok: true, value: drafts };
}

/** Parts that stay undeclared against what there is to make once these quantities are added. */
export function missingParts(operation: Operation, added: Quantities): number {
  const declared = operation.good_qty + operation.rework_qty + operation.scrap_qty;
  return Math.max(0, expectedQty(operation) - declared - added.good - added.rework - added.scrap);
}

/** As `missingParts`, from what is typed so far. */
export function missingFromTexts(operation: Operation, texts: QuantityTexts): number {
  return missingParts(operation, readQuantities(texts).quantities);
}

function hasCommentFault(faults: Fault[]): boolean {
  return faults.some((fault) => fault.field === "comment");
}

export function isSawing(operation: Operation): boolean {
  return operation.cut_count !== null || operation.cut_length_mm !== null || operation.operation_type === "cutting";
}

function readCuts(
  operation: Operation,
  texts: FinishTexts,
  faults: Fault[],
): { cut_count?: number; cut_length_mm?: number } {
  if (!isSawing(operation)) return {};
  const cuts: { cut_count?: number; cut_length_mm?: number } = {};
  if (texts.cutCount.trim() !== "") {
    const count = readCount(texts.cutCount);
    if (count === null) faults.push({ field: "cutCount", fault: "invalid" });
    else cuts.cut_count = count;
  }
  const length = readNumber(texts.cutLength);
  if ("value" in length) cuts.cut_length_mm = length.value;
  else if (length.error !== "empty") faults.push({ field: "cutLength", fault: length.error });
  return cuts;
}
