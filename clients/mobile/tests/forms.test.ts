import { describe, expect, it } from "vitest";

import { beyondPlanned, buildFinish, buildReport, type FinishTexts } from "../src/lib/forms";
import { formatMinutes, readNumber } from "../src/lib/format";
import { operation } from "./helpers";

const texts = (fields: Partial<FinishTexts> = {}): FinishTexts => ({
  good: "10",
  rework: "0",
  scrap: "0",
  cause: "",
  timeMin: "60",
  comment: "",
  toolChange: false,
  oldTool: "",
  newTool: "",
  toolReason: "",
  cutCount: "",
  cutLength: "",
  ...fields,
});
const finish = (fields: Partial<FinishTexts>, op = operation()) =>
  buildFinish(op, texts(fields), 60, 60.4, "qr", (old, next, why) => `${old}>${next}:${why}`);
const faults = (result: ReturnType<typeof finish>) =>
  result.ok ? [] : result.faults.map((fault) => `${fault.field}:${fault.fault}`);

describe("finishing", () => {
  it("builds the event", () => {
    expect(finish({ timeMin: "65,5" })).toEqual({
      ok: true,
      value: [
        {
          type: "operation.finished",
          payload: {
            operation_code: operation().code,
            good: 10,
            rework: 0,
            scrap: 0,
            time_spent_min: 65.5,
            tool_change_flag: false,
            means: "qr",
          },
        },
      ],
    });
  });

  it.each([
    [{ good: "9", scrap: "1" }, ["cause:missing"]],
    [{ good: "-1" }, ["good:whole", "comment:short"]],
    [{ good: "2.5" }, ["good:whole", "comment:short"]],
    [{ timeMin: "90" }, ["comment:time"]],
    [{ timeMin: "0" }, ["timeMin:range"]],
    [{ timeMin: "1500" }, ["timeMin:range"]],
    [{ timeMin: "-5" }, ["timeMin:range"]],
    [{ good: "8" }, ["comment:short"]],
    [{ toolChange: true, oldTool: "T4" }, ["tool:missing"]],
  ] as [Partial<FinishTexts>, string[]][])("refuses %o", (fields, expected) => {
    expect(faults(finish(fields))).toEqual(expected);
  });

  it("sends the clock itself when the rounded proposal was left as it was", () => {
    const sent = finish({});
    expect(sent.ok && sent.value[0]?.payload).toMatchObject({ time_spent_min: 60.4 });
  });

  it("expects the parts received, not those planned before a scrap", () => {
    const after = operation({ received_qty: 9 });
    expect(faults(finish({ good: "9" }, after))).toEqual([]);
    expect(faults(finish({ good: "8" }, after))).toEqual(["comment:short"]);
    expect(beyondPlanned(after, texts({ good: "10" }))).toBe(1);
  });

  it("accepts a corrected time with a comment", () => {
    expect(faults(finish({ timeMin: "90", comment: "réglage long" }))).toEqual([]);
  });

  it("tells methods about a tool change", () => {
    const result = finish({ toolChange: true, oldTool: "T4", newTool: "T9", toolReason: "usure" });
    expect(result.ok && result.value.map((draft) => draft.type)).toEqual(["operation.finished", "comment.added"]);
    expect(result.ok && result.value[1]?.payload).toMatchObject({ kind: "technical", text: "T4>T9:usure" });
  });

  it("reads cut count and length for sawing", () => {
    const saw = operation({ operation_type: "cutting", cut_count: 10, cut_length_mm: 70.5 });
    const result = finish({ cutCount: "12", cutLength: "70,5" }, saw);
    expect(result.ok && result.value[0]?.payload).toMatchObject({ cut_count: 12, cut_length_mm: 70.5 });
    expect(faults(finish({ cutLength: "1,234" }, saw))).toEqual(["cutLength:ambiguous"]);
    expect(faults(finish({ cutLength: "70 mm" }, saw))).toEqual(["cutLength:invalid"]);
  });
});

describe("partial report", () => {
  it("needs at least one part and a cause for rework", () => {
    const report = (good: string, rework: string) =>
      buildReport(operation(), { good, rework, scrap: "0", cause: "" }, "");
    expect(report("0", "0")).toMatchObject({ ok: false, faults: [{ fault: "zero" }] });
    expect(report("0", "1")).toMatchObject({ ok: false, faults: [{ field: "cause" }] });
    expect(report("3", "0").ok).toBe(true);
  });

  it("counts earlier declarations against the plan", () => {
    const op = operation({ good_qty: 8, scrap_qty: 1 });
    expect(beyondPlanned(op, { good: "3", rework: "", scrap: "0", cause: "" })).toBe(2);
  });
});

describe("numbers and durations", () => {
  it.each([
    ["70,5", { value: 70.5 }],
    ["70.5", { value: 70.5 }],
    ["1 234,5", { value: 1234.5 }],
    ["0,125", { value: 0.125 }],
    ["1,234", { error: "ambiguous" }],
    ["", { error: "empty" }],
    ["1e3", { error: "invalid" }],
  ])("reads %s", (text, expected) => expect(readNumber(text)).toEqual(expected));

  it("writes minutes under two hours, then hours", () => {
    expect([119.4, 120, 450].map((minutes) => formatMinutes(minutes).replace(/\u00a0/g, " "))).toEqual(["119 min", "2 h", "7 h 30"]);
  });
});
