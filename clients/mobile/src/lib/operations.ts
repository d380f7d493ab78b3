/** What the operator sees of his operations: the server's list with his waiting declarations applied. */
import type { Operation, OperationAction } from "./api/types";
import { concerns, type EventDraft, type Quantities, type ShopEvent } from "./events";

/** An operation with the clock state this device needs to show running time. */
export interface LocalOperation extends Operation {
  /** ISO time since which time runs, null when it does not. `actual_time_min` is the time before it. */
  running_since: string | null;
  /** True when a declaration about it still waits to be sent. */
  has_waiting: boolean;
}

const RUNNING: OperationAction[] = ["pause", "report", "finish"];
const PAUSED: OperationAction[] = ["resume", "report", "finish"];

/** The server's record as of `fetchedAt` (ISO): its actual time includes what runs until then. */
export function fromServer(operation: Operation, fetchedAt: string): LocalOperation {
  const running = operation.status === "in_progress" && !operation.is_paused;
  return { ...operation, running_since: running ? fetchedAt : null, has_waiting: false };
}

/** Minutes spent until `now`. */
export function timeSpentMin(operation: LocalOperation, now: Date): number {
  if (operation.running_since === null) return operation.actual_time_min;
  const elapsed = (now.getTime() - Date.parse(operation.running_since)) / 60_000;
  return operation.actual_time_min + Math.max(0, elapsed);
}

function stopped(operation: LocalOperation, at: string): LocalOperation {
  return { ...operation, actual_time_min: timeSpentMin(operation, new Date(at)), running_since: null };
}

function withQuantities(operation: LocalOperation, added: Quantities): LocalOperation {
  return {
    ...operation,
    good_qty: operation.good_qty + added.good,
    rework_qty: operation.rework_qty + added.rework,
    scrap_qty: operation.scrap_qty + added.scrap,
  };
}

/** The operation after one of its events, as the coordinator will most likely have it. */
export function applyEvent(operation: LocalOperation, event: ShopEvent): LocalOperation {
  if (!concerns(event, operation)) return operation;
  switch (event.type) {
    case "operation.started":
      return {
        ...operation,
        status: "in_progress",
        is_paused: false,
        started_at: operation.started_at ?? event.occurred_at,
        running_since: operation.running_since ?? event.occurred_at,
        allowed_actions: event.payload.kind === "setup" ? ["start", ...RUNNING] : RUNNING,
      };
    case "operation.paused":
      return { ...stopped(operation, event.occurred_at), is_paused: true, allowed_actions: PAUSED };
    case "operation.resumed":
      return { ...operation, is_paused: false, running_since: event.occurred_at, allowed_actions: RUNNING };
    case "operation.reported":
      return withQuantities(operation, event.payload);
    case "operation.finished":
      return {
        ...withQuantities(stopped(operation, event.occurred_at), event.payload),
        actual_time_min: event.payload.time_spent_min,
        status: "done",
        is_paused: false,
        allowed_actions: [],
      };
    default:
      return operation;
  }
}

/** The list with waiting events applied in order. */
export function applyWaiting(operations: LocalOperation[], waiting: ShopEvent[]): LocalOperation[] {
  return operations.map((operation) => {
    const mine = waiting.filter((event) => concerns(event, operation));
    return mine.reduce(applyEvent, { ...operation, has_waiting: mine.length > 0 });
  });
}

function rank(operation: Operation): number {
  if (operation.status === "in_progress") return operation.is_paused ? 1 : 0;
  return { pending: 2, blocked: 3, done: 4, cancelled: 5 }[operation.status];
}

/** Order of work: what runs, what is paused, then what comes next by planned start. */
export function byUrgency(a: Operation, b: Operation): number {
  const planned = (operation: Operation) => operation.planned_start_at ?? "9999";
  return (
    rank(a) - rank(b) ||
    planned(a).localeCompare(planned(b)) ||
    a.work_order_number.localeCompare(b.work_order_number) ||
    a.sequence_no - b.sequence_no
  );
}

/** Parts there are to work on: those planned, less what earlier operations lost. */
export function expectedQty(operation: Operation): number {
  return Math.min(operation.planned_qty, operation.received_qty ?? operation.planned_qty);
}

/** Parts still to declare; never negative. */
export function remainingQty(operation: Operation): number {
  return Math.max(0, expectedQty(operation) - operation.good_qty - operation.scrap_qty - operation.rework_qty);
}

/** The action to put forward, and what else is possible. */
export function nextAction(operation: Operation): OperationAction | null {
  const order: OperationAction[] =
    operation.status === "in_progress" && !operation.is_paused
      ? ["finish", "report", "pause"]
      : ["resume", "start", "finish", "report"];
  return order.find((action) => operation.allowed_actions.includes(action)) ?? null;
}

/** The operations a read or typed code designates among those known on the device. */
export function findByCode(operations: LocalOperation[], text: string): LocalOperation[] {
  const wanted = text.trim();
  const exact = operations.filter((op) => op.code === wanted || wanted.toLowerCase().endsWith(op.uid.toLowerCase()));
  if (exact.length > 0) return exact;
  const plain = (value: string) => value.toLowerCase().replace(/[^a-z0-9]/g, "");
  const typed = plain(wanted);
  if (typed === "") return [];
  const numbered = operations.filter((op) => plain(`${op.work_order_number}${op.sequence_no}`) === typed);
  return numbered.length > 0 ? numbered : operations.filter((op) => plain(op.work_order_number) === typed);
}

/** Whether a time differs from the proposal by more than the share that needs a comment (15 %). */
export function needsTimeComment(proposedMin: number, enteredMin: number): boolean {
  return Math.abs(enteredMin - proposedMin) > 0.15 * Math.max(proposedMin, 1);
}

/** Rounded proposal shown to the operator, at least one minute. */
export function proposedTimeMin(operation: LocalOperation, now: Date): number {
  return Math.max(1, Math.round(timeSpentMin(operation, now)));
}

export function describesOperation(event: EventDraft): boolean {
  return event.type.startsWith("operation.");
}
