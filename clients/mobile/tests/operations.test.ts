import { describe, expect, it } from "vitest";

import type { EventDraft, ShopEvent } from "../src/lib/events";
import {
  applyWaiting,
  byUrgency,
  findByCode,
  fromServer,
  needsTimeComment,
  nextAction,
  timeSpentMin,
} from "../src/lib/operations";
import { CODE, operation, resumed } from "./helpers";

const at = (time: string, draft: EventDraft): ShopEvent => ({
  ...draft,
  uid: `uid-${time}`,
  occurred_at: `2026-11-23T${time}:00.000Z`,
});
const started = (kind: "setup" | "run"): EventDraft => ({
  type: "operation.started",
  payload: { operation_code: CODE, kind, means: "qr" },
});
const paused: EventDraft = { type: "operation.paused", payload: { operation_code: CODE, reason_code: "other" } };
const reported: EventDraft = {
  type: "operation.reported",
  payload: { operation_code: CODE, good: 4, rework: 0, scrap: 1, scrap_cause: "tool" },
};

const shown = (...events: ShopEvent[]) => {
  const [result] = applyWaiting([fromServer(operation(), "2026-11-23T07:00:00.000Z")], events);
  if (!result) throw new Error("no operation");
  return result;
};

describe("waiting declarations on the list", () => {
  it("counts running time without the pause", () => {
    const result = shown(at("08:00", started("run")), at("08:30", paused), at("09:00", resumed()));
    expect(result).toMatchObject({ status: "in_progress", is_paused: false, has_waiting: true });
    expect(timeSpentMin(result, new Date("2026-11-23T09:15:00Z"))).toBeCloseTo(45);
  });

  it("offers resume while paused and production after setup", () => {
    expect(nextAction(shown(at("08:00", started("run")), at("08:30", paused)))).toBe("resume");
    expect(shown(at("08:00", started("setup"))).allowed_actions).toContain("start");
    expect(shown(at("08:00", started("run"))).allowed_actions).not.toContain("start");
  });

  it("adds reported and finished quantities", () => {
    const finished: EventDraft = {
      type: "operation.finished",
      payload: { operation_code: CODE, good: 5, rework: 0, scrap: 0, time_spent_min: 62, tool_change_flag: false, means: "qr" },
    };
    const result = shown(at("08:00", started("run")), at("08:20", reported), at("09:00", finished));
    expect(result).toMatchObject({ status: "done", good_qty: 9, scrap_qty: 1, actual_time_min: 62, allowed_actions: [] });
    expect(timeSpentMin(result, new Date("2026-11-23T12:00:00Z"))).toBe(62);
  });

  it("leaves other operations alone", () => {
    const other = fromServer(operation({ uid: "b", code: "gu:q/b" }), "2026-11-23T07:00:00.000Z");
    expect(applyWaiting([other], [at("08:00", started("run"))])[0]).toMatchObject({ status: "pending", has_waiting: false });
  });

  it("lets a device clock that is behind never take time away", () => {
    const running = fromServer(
      operation({ status: "in_progress", actual_time_min: 12 }),
      "2026-11-23T10:00:00.000Z",
    );
    expect(timeSpentMin(running, new Date("2026-11-23T09:00:00Z"))).toBe(12);
  });
});

describe("list order and codes", () => {
  const list = [
    operation({ uid: "late", planned_start_at: "2026-11-24T08:00:00Z" }),
    operation({ uid: "paused", status: "in_progress", is_paused: true }),
    operation({ uid: "soon", planned_start_at: "2026-11-23T08:00:00Z" }),
    operation({ uid: "running", status: "in_progress" }),
    operation({ uid: "blocked", status: "blocked" }),
  ];

  it("puts what runs first, then what comes next", () => {
    expect([...list].sort(byUrgency).map((op) => op.uid)).toEqual(["running", "paused", "soon", "late", "blocked"]);
  });

  it("finds operations by QR text, by number, and keeps several when only the order is typed", () => {
    const known = [10, 20].map((sequence_no) =>
      fromServer(operation({ uid: `u${sequence_no}`, code: `gu:q/u${sequence_no}`, sequence_no }), "2026-11-23T07:00:00Z"),
    );
    const found = (text: string) => findByCode(known, text).map((op) => op.sequence_no);
    expect(found("gu:q/u20")).toEqual([20]);
    expect(found("of-2026-0012/10")).toEqual([10]);
    expect(found("OF 2026 0012")).toEqual([10, 20]);
    expect(found("OF-2026-0013 10")).toEqual([]);
    expect(found("  ")).toEqual([]);
  });
});

it("asks a comment beyond 15 % only", () => {
  expect(needsTimeComment(100, 115)).toBe(false);
  expect(needsTimeComment(100, 116)).toBe(true);
  expect(needsTimeComment(100, 84)).toBe(true);
});
