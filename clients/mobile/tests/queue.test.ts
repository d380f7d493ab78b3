import "fake-indexeddb/auto";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ApiError, NetworkError, SignInNeeded } from "../src/lib/api/errors";
import type { EventResult } from "../src/lib/api/types";
import type { ShopEvent } from "../src/lib/events";
import { DeviceDatabase } from "../src/lib/queue/database";
import { BATCH_SIZE, EventQueue, SAME_GESTURE_MS } from "../src/lib/queue/queue";
import { commented, resumed } from "./helpers";

let name = 0;
let db: DeviceDatabase;
let received: { owner: string; uids: string[] }[];
let clockMs: number;

beforeEach(async () => {
  db = await DeviceDatabase.open(`test-${++name}`);
  received = [];
  clockMs = Date.parse("2026-11-23T08:00:00.000Z");
});
afterEach(() => db.close());

const done = (event: ShopEvent): EventResult => ({ uid: event.uid, result: "done", code: null, message: "Fait" });

/** A coordinator that remembers uids, as the real one does. */
function coordinator(answer: (event: ShopEvent) => EventResult = done) {
  const known = new Set<string>();
  return (owner: string, events: ShopEvent[]): Promise<EventResult[]> => {
    received.push({ owner, uids: events.map((event) => event.uid) });
    return Promise.resolve(
      events.map((event) => {
        if (known.has(event.uid)) return { uid: event.uid, result: "duplicate", code: null, message: null };
        known.add(event.uid);
        return answer(event);
      }),
    );
  };
}

const queueWith = (send: ConstructorParameters<typeof EventQueue>[1]) =>
  new EventQueue(db, send, { now: () => new Date(clockMs++) });

describe("order and identity", () => {
  it("sends in order of declaration, in batches, and empties the device", async () => {
    const queue = queueWith(coordinator());
    const uids: string[] = [];
    for (let i = 0; i < BATCH_SIZE + 5; i++) {
      const [event] = await queue.append("7", [commented(`note ${i}`)]);
      uids.push(event?.uid ?? "");
    }
    const report = await queue.flush();
    expect(received.map((call) => call.uids.length)).toEqual([BATCH_SIZE, 5]);
    expect(received.flatMap((call) => call.uids)).toEqual(uids);
    expect(report.blocked).toBeNull();
    expect(await db.pending()).toEqual([]);
  });

  it("writes the time of the act in UTC, not the time of sending", async () => {
    const queue = queueWith(coordinator());
    const [event] = await queue.append("7", [resumed()]);
    clockMs += 3_600_000;
    expect(event?.occurred_at).toBe("2026-11-23T08:00:00.000Z");
    expect((await db.pending())[0]?.event.occurred_at).toBe("2026-11-23T08:00:00.000Z");
  });

  it("treats the same gesture within five seconds as one", async () => {
    const queue = queueWith(coordinator());
    const [first] = await queue.append("7", [resumed()]);
    const [again] = await queue.append("7", [resumed()]);
    expect(again?.uid).toBe(first?.uid);
    await queue.append("7", [resumed("gu:q/other")]);
    await queue.append("8", [resumed()]);
    clockMs += SAME_GESTURE_MS;
    await queue.append("7", [resumed()]);
    expect((await db.pending()).length).toBe(4);
  });

  it("sends each person's events with that person's session only", async () => {
    const queue = queueWith((owner, events) =>
      owner === "8" ? Promise.reject(new SignInNeeded()) : coordinator()(owner, events),
    );
    await queue.append("8", [commented("a")]);
    await queue.append("7", [commented("b")]);
    const report = await queue.flush();
    expect(received.map((call) => call.owner)).toEqual(["7"]);
    expect(report.blocked).toBe("sign_in");
    expect((await db.pending()).map((item) => item.owner)).toEqual(["8"]);
  });
});

describe("interruptions", () => {
  it("keeps everything while the network is away and sends once when it is back", async () => {
    let online = false;
    const server = coordinator();
    const queue = queueWith((owner, events) =>
      online ? server(owner, events) : Promise.reject(new NetworkError("down")),
    );
    await queue.append("7", [commented("a")]);
    await queue.append("7", [commented("b")]);
    expect((await queue.flush()).blocked).toBe("network");
    expect((await db.pending()).length).toBe(2);
    online = true;
    expect((await queue.flush()).blocked).toBeNull();
    expect(received.length).toBe(1);
    expect(await db.pending()).toEqual([]);
  });

  it("survives a crash between sending and the answer: same uid again, counted once", async () => {
    const server = coordinator();
    const lostAnswer = queueWith(async (owner, events) => {
      await server(owner, events);
      throw new NetworkError("connection reset");
    });
    const [event] = await lostAnswer.append("7", [resumed()]);
    await lostAnswer.flush();
    db.close();

    db = await DeviceDatabase.open(`test-${name}`);
    const report = await new EventQueue(db, server).flush();
    expect(received.map((call) => call.uids)).toEqual([[event?.uid], [event?.uid]]);
    expect(report.answered.map((item) => item.result.result)).toEqual(["duplicate"]);
    expect(await db.pending()).toEqual([]);
    expect(await db.issues()).toEqual([]);
  });

  it("removes only events that were answered for", async () => {
    const queue = queueWith((owner, events) => {
      received.push({ owner, uids: events.map((event) => event.uid) });
      return Promise.resolve(received.length === 1 ? events.slice(0, 1).map(done) : []);
    });
    await queue.append("7", [commented("a")]);
    const [second] = await queue.append("7", [commented("b")]);
    expect((await queue.flush()).blocked).toBe("server");
    expect((await db.pending()).map((item) => item.event.uid)).toEqual([second?.uid]);
  });

  it("waits on server faults without losing or reordering", async () => {
    const queue = queueWith(() => Promise.reject(new ApiError(500, "internal", null)));
    await queue.append("7", [commented("a")]);
    expect((await queue.flush()).blocked).toBe("server");
    expect((await db.pending()).length).toBe(1);
  });

  it("shares one run between concurrent calls", async () => {
    const queue = queueWith(coordinator());
    await queue.append("7", [commented("a")]);
    await Promise.all([queue.flush(), queue.flush(), queue.flush()]);
    expect(received.length).toBe(1);
  });
});

describe("refusals", () => {
  it("keeps a refused event as an issue with the coordinator's words and goes on", async () => {
    const queue = queueWith(
      coordinator((event) =>
        event.type === "operation.resumed"
          ? { uid: event.uid, result: "refused", code: "operation.blocked", message: "Opération bloquée" }
          : done(event),
      ),
    );
    const [refused] = await queue.append("7", [resumed()]);
    await queue.append("7", [commented("a")]);
    await queue.flush();
    expect(await db.pending()).toEqual([]);
    const [issue, ...others] = await db.issues();
    expect(others).toEqual([]);
    expect(issue).toMatchObject({ owner: "7", result: "refused", message: "Opération bloquée" });
    expect(issue?.event.uid).toBe(refused?.uid);
    await db.dismiss(refused?.uid ?? "");
    expect(await db.issues()).toEqual([]);
  });

  it("isolates the one event that the server cannot read", async () => {
    const server = coordinator();
    const queue = queueWith((owner, events) =>
      events.some((event) => event.type === "operation.resumed")
        ? Promise.reject(new ApiError(422, "shape", "Forme inattendue"))
        : server(owner, events),
    );
    await queue.append("7", [commented("a")]);
    await queue.append("7", [commented("b")]);
    await queue.append("7", [resumed()]);
    await queue.append("7", [commented("c")]);
    expect((await queue.flush()).blocked).toBeNull();
    expect(received.flatMap((call) => call.uids).length).toBe(3);
    expect((await db.issues()).map((issue) => [issue.event.type, issue.message])).toEqual([
      ["operation.resumed", "Forme inattendue"],
    ]);
  });
});

describe("secrecy on the device", () => {
  it("stores neither words nor people in clear, and the key cannot be taken out", async () => {
    await queueWith(coordinator()).append("7", [commented("remplacer la plaquette")]);
    await db.setValue("operations:7", { items: ["Axe de broche"] });
    const raw = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open(`test-${name}`);
      request.onsuccess = () => resolve(request.result);
    });
    const all = (store: string) =>
      new Promise<unknown[]>((resolve) => {
        const request = raw.transaction(store).objectStore(store).getAll();
        request.onsuccess = () => resolve(request.result as unknown[]);
      });
    const rows = [...(await all("events")), ...(await all("values"))] as { data: ArrayBuffer }[];
    expect(rows.length).toBe(2);
    for (const row of rows) {
      const text = new TextDecoder("latin1").decode(row.data) + JSON.stringify({ ...row, data: null });
      expect(text).not.toMatch(/plaquette|broche|owner/);
    }
    const [key] = (await all("keys")) as CryptoKey[];
    expect(key?.extractable).toBe(false);
    raw.close();
  });

  it("a damaged record does not hide the others", async () => {
    const queue = queueWith(coordinator());
    await queue.append("7", [commented("a")]);
    await queue.append("7", [commented("b")]);
    const raw = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open(`test-${name}`);
      request.onsuccess = () => resolve(request.result);
    });
    await new Promise<void>((resolve) => {
      const transaction = raw.transaction("events", "readwrite");
      const cursor = transaction.objectStore("events").openCursor();
      cursor.onsuccess = () => {
        const row = cursor.result?.value as { data: ArrayBuffer } | undefined;
        if (row) cursor.result?.update({ ...row, data: new ArrayBuffer(40) });
      };
      transaction.oncomplete = () => resolve();
    });
    raw.close();
    expect((await db.pending()).map((item) => item.event.payload)).toMatchObject([{ text: "b" }]);
  });
});
