import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { LiveLink } from "../src/lib/state/live";

class Socket {
  static last: Socket;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor() {
    Socket.last = this;
  }
  send(): void {}
  close(): void {}
  tell(entity: string): void {
    this.onmessage?.({ data: JSON.stringify({ entity, id: 1, action: "updated" }) });
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Socket);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it("tells a burst of changes once, each kind once, and nothing after closing", async () => {
  const told: string[][] = [];
  const link = new LiveLink("ws://x", () => Promise.resolve("token"), (entities) => told.push([...entities]));
  link.open();
  await vi.advanceTimersByTimeAsync(0);
  for (const entity of ["work_order", "time_entry", "work_order", "time_entry"]) Socket.last.tell(entity);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(told).toEqual([["work_order", "time_entry"]]);
  Socket.last.tell("task");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(told).toHaveLength(2);
  Socket.last.tell("task");
  link.close();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(told).toHaveLength(2);
});
