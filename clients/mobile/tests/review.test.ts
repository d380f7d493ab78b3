import { describe, expect, it } from "vitest";

import { routeOf, type Notice } from "../src/lib/state/notices";
import { age, correction, frameOf, leaves, moved, nextOf, reasonWords, signed, type Detection } from "../src/lib/state/review";
import { operation } from "./helpers";
import { fromServer } from "../src/lib/operations";

function detection(fields: Partial<Detection> = {}): Detection {
  return {
    id: 5,
    delta: -2,
    count_before: 5,
    count_after: 3,
    confidence_pct: "83.50",
    status: "to_confirm",
    reason: "confidence, certified",
    detected_at: "2026-11-23T08:00:00Z",
    stock_item_id: 9,
    frame: [0.1, 0.2, 0.3, 0.4],
    allowed_actions: ["confirm", "reject", "count_again"],
    photographs: [],
    ...fields,
  };
}

describe("the next view", () => {
  it("is the one that waits after this one, then the oldest, never this one again", () => {
    expect(nextOf([3, 5, 8], 5)).toBe(8);
    expect(nextOf([3, 5, 8], 8)).toBe(3);
    expect(nextOf([5], 5)).toBeNull();
    expect(nextOf([], 5)).toBeNull();
    // opened by its address although it waits no more
    expect(nextOf([3, 8], 5)).toBe(3);
  });
});

describe("a correction", () => {
  it("sends only what differs from what the camera believes", () => {
    expect(correction(detection(), -2, null)).toEqual({});
    expect(correction(detection(), -3, 9)).toEqual({ delta: -3 });
    expect(correction(detection(), 0, 12)).toEqual({ delta: 0, stock_item_id: 12 });
    expect(correction(detection({ stock_item_id: null }), -2, 12)).toEqual({ stock_item_id: 12 });
  });

  it("says what it leaves, when the count before is known", () => {
    expect(leaves(detection(), -3)).toBe(2);
    expect(leaves(detection({ count_before: null }), -3)).toBeNull();
  });
});

describe("words", () => {
  it("tell the movement as a person does", () => {
    expect([moved(-2), moved(1), moved(0)]).toEqual(["2 pris", "1 remis", "rien n’a bougé"]);
    expect([signed(-2), signed(3), signed(0)]).toEqual(["−2", "+3", "0"]);
  });

  it("name every reason, and an unknown one by its code", () => {
    expect(reasonWords("confidence, certified")).toBe("confiance insuffisante · matière certifiée");
    expect(reasonWords("something_new")).toBe("something_new");
    expect(reasonWords(null)).toBe("");
  });

  it("tell the age in minutes, then in days", () => {
    const at = "2026-11-23T08:00:00Z";
    expect(age(at, Date.parse("2026-11-23T08:45:00Z"))).toBe("il y a 45\u00a0min");
    expect(age(at, Date.parse("2026-11-26T09:00:00Z"))).toBe("il y a 3 jours");
    expect(age(at, Date.parse("2026-11-23T07:00:00Z"))).toBe("il y a 0\u00a0min");
  });
});

it("frames the compartment only with usable corners", () => {
  expect(frameOf(detection())).toEqual([0.1, 0.2, 0.3, 0.4]);
  expect(frameOf(detection({ frame: null }))).toBeNull();
  expect(frameOf(detection({ frame: [0.5, 0.2, 0.3, 0.4] }))).toBeNull();
});

describe("a task or message", () => {
  const about = (objectType: string | null, objectId: number | null): Notice => ({
    id: 1,
    words: "",
    severity: "info",
    at: "",
    dueAt: null,
    isRead: false,
    objectType,
    objectId,
  });
  const operations = [fromServer(operation({ id: 4, uid: "u-4" }), "2026-11-23T08:00:00Z")];

  it("opens what it is about, for who may decide", () => {
    expect(routeOf(about("vision_detection", 7), [], true)).toEqual(["review", "7"]);
    expect(routeOf(about("vision_detection", 7), [], false)).toBeNull();
    expect(routeOf(about("work_order_operation", 4), operations, false)).toEqual(["op", "u-4"]);
    expect(routeOf(about("work_order_operation", 5), operations, false)).toBeNull();
    expect(routeOf(about("station", 1), operations, true)).toBeNull();
  });
});
