/** Puts an operation of the wire into the shape this application relies on. */
import type { Operation } from "./types";

/** Decimals may travel as text ("12.50"); an absent value stays null, it is not zero. */
function amount(value: unknown): number | null {
  if (value === null || value === undefined || value === "") return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

/** The material as one text, also when it travels as a record of its parts. */
function materialText(value: unknown): string | null {
  if (typeof value === "string") return value === "" ? null : value;
  if (typeof value !== "object" || value === null) return null;
  const record = value as Record<string, unknown>;
  const text = record["display"] ?? record["designation"] ?? record["name"];
  return typeof text === "string" ? text : null;
}

export function readOperation(raw: Operation): Operation {
  const part = raw.part as Operation["part"] | null;
  return {
    ...raw,
    part: { name: part?.name ?? "", drawing_number: part?.drawing_number ?? null, revision: part?.revision ?? null },
    material: materialText(raw.material),
    planned_qty: amount(raw.planned_qty) ?? 0,
    received_qty: amount(raw.received_qty),
    good_qty: amount(raw.good_qty) ?? 0,
    scrap_qty: amount(raw.scrap_qty) ?? 0,
    rework_qty: amount(raw.rework_qty) ?? 0,
    planned_time_min: amount(raw.planned_time_min),
    actual_time_min: amount(raw.actual_time_min) ?? 0,
    cut_length_mm: amount(raw.cut_length_mm),
    cut_count: amount(raw.cut_count),
  };
}
