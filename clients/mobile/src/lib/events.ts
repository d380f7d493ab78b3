/** The facts an operator declares. Names and payloads are those of the station messages. */
import type { Operation } from "./api/types";

export type Means = "qr" | "button" | "manual";
export type StartKind = "setup" | "run";

export interface Quantities {
  good: number;
  rework: number;
  scrap: number;
}

export interface EventPayloads {
  "operation.started": { operation_code: string; kind: StartKind; means: Means; machine_code?: string };
  "operation.paused": { operation_code: string; reason_code: string };
  "operation.resumed": { operation_code: string };
  "operation.reported": Quantities & { operation_code: string; scrap_cause?: string; comment?: string };
  "operation.finished": Quantities & {
    operation_code: string;
    scrap_cause?: string;
    time_spent_min: number;
    comment?: string;
    tool_change_flag: boolean;
    cut_count?: number;
    cut_length_mm?: number;
    means: Means;
  };
  "comment.added": { operation_code: string; kind: string; text: string };
  "tool.broken": { operation_code?: string; tool_code: string; cause?: string; comment?: string };
  "tool.changed": { operation_code: string; tool_code: string; cause: string };
  "breakdown.reported": { machine_code: string; comment: string };
  "stock.taken": { code: string; quantity: number; operation_code?: string; location_code?: string; override_comment?: string };
  "stock.returned": { code: string; quantity: number; operation_code?: string };
  "stock.moved": { code: string; quantity: number; to_location_code: string; location_code?: string };
  "goods.received": {
    contents: string[];
    quantity: number;
    purchase_order_line_id?: number;
    description?: string;
    delivery_note?: string;
  };
  "stock.counted": { code: string; quantity: number; location_code?: string };
}

export type EventType = keyof EventPayloads;

/** An event before it has an identity and a time. */
export type EventDraft = { [T in EventType]: { type: T; payload: EventPayloads[T] } }[EventType];

export type ShopEvent = EventDraft & {
  uid: string;
  /** ISO 8601 UTC with milliseconds. */
  occurred_at: string;
};

export const PAUSE_REASONS = ["breakdown", "waiting_material", "machine_stop", "regulatory_break", "other"] as const;
export const SCRAP_CAUSES = [
  "material",
  "machine",
  "tool",
  "instrument",
  "program",
  "method",
  "drawing",
  "operator",
  "supplier",
] as const;
export const BREAK_CAUSES = ["overload", "wear", "vibration", "chips", "defect", "collision", "material"] as const;
export const COMMENT_KINDS = ["suggestion", "delay", "technical", "quality"] as const;

/** The operation an event is about, or null (stock, machine breakdown). */
export function operationCode(event: EventDraft): string | null {
  return "operation_code" in event.payload ? (event.payload.operation_code ?? null) : null;
}

/** True when the event concerns this operation. */
export function concerns(event: EventDraft, operation: Operation): boolean {
  return operationCode(event) === operation.code;
}
