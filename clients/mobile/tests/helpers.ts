import type { Operation } from "../src/lib/api/types";
import type { EventDraft } from "../src/lib/events";

export function operation(fields: Partial<Operation> = {}): Operation {
  return {
    id: 1,
    uid: "3f1f9a52-8c39-4f57-a0c9-7f7d3f0a1b20",
    code: "gu:q/3f1f9a52-8c39-4f57-a0c9-7f7d3f0a1b20",
    work_order_number: "OF-2026-0012",
    sequence_no: 20,
    operation_label: "Tournage ébauche",
    operation_type: "turning",
    machine: { id: 4, code: "TR1", name: "Tour Mazak" },
    part: { name: "Axe", drawing_number: "D-1042", revision: "B" },
    material: "42CrMo4",
    planned_qty: 10,
    good_qty: 0,
    scrap_qty: 0,
    rework_qty: 0,
    status: "pending",
    is_paused: false,
    planned_time_min: 90,
    actual_time_min: 0,
    started_at: null,
    planned_start_at: null,
    tools: [],
    cut_length_mm: null,
    cut_count: null,
    allowed_actions: ["start"],
    ...fields,
  };
}

export const CODE = operation().code;

export const resumed = (code = CODE): EventDraft => ({ type: "operation.resumed", payload: { operation_code: code } });

export const commented = (text: string): EventDraft => ({
  type: "comment.added",
  payload: { operation_code: CODE, kind: "suggestion", text },
});
