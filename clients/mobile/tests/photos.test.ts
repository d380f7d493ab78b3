import { describe, expect, it } from "vitest";
import { ApiError, NetworkError } from "../src/lib/api/errors";
import { PhotoBox, type PhotoStore } from "../src/lib/queue/photos";
import { looksLikeLabel } from "../src/lib/scan/label-code";

function memory(): PhotoStore {
  const values = new Map<string, unknown>();
  return {
    getValue: (id) => Promise.resolve(values.get(id) ?? null),
    setValue: (id, value) => Promise.resolve(void values.set(id, value)),
    removeValue: (id) => Promise.resolve(void values.delete(id)),
  };
}

describe("photos noted without a network", () => {
  const photo = new Blob([new Uint8Array([255, 216, 0, 7])], { type: "image/jpeg" });

  it("leave after the fact they belong to, whole, once", async () => {
    const sent: [string, string, number[]][] = [];
    const box = new PhotoBox(memory(), async (owner, uid, blob) => {
      sent.push([owner, uid, [...new Uint8Array(await blob.arrayBuffer())]]);
    });
    await box.keep("4", "a", photo);
    await box.flush(["a"]);
    expect(sent).toEqual([]);
    await box.flush([]);
    await box.flush([]);
    expect(sent).toEqual([["4", "a", [255, 216, 0, 7]]]);
    expect(await box.waiting()).toEqual([]);
  });

  it("stay when the network is away, go when their receipt was refused", async () => {
    let fault: Error = new NetworkError("cut");
    const box = new PhotoBox(memory(), () => Promise.reject(fault));
    await box.keep("4", "a", photo);
    await box.flush([]);
    expect(await box.waiting()).toEqual(["a"]);
    fault = new ApiError(404, "not_found", null);
    await box.flush([]);
    expect(await box.waiting()).toEqual([]);
  });
});

describe("a code read without a network", () => {
  it.each(["[)>\u001e06\u001dP42\u001dQ1\u001e\u0004", "]d20104006381333931", "10L1\u001d3010", "(01)04006381333931(10)L2"])(
    "is a label: %j",
    (code) => expect(looksLikeLabel(code)).toBe(true),
  );
  it.each(["gu:q/6b0f7a52", "4006381333931", "OF-2026-0012", "https://exemple.fr"])("is none: %s", (code) =>
    expect(looksLikeLabel(code)).toBe(false),
  );
});
