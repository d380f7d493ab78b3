/** What a queue needs from its storage; every method is one atomic step on disk. */
import type { EventResult } from "../api/types";
import type { ShopEvent } from "../events";

export interface PendingEvent {
  /** Order of declaration on this device. */
  seq: number;
  /** Id of the person who declared it; events are sent with that person's session only. */
  owner: string;
  event: ShopEvent;
}

/** An event the coordinator did not simply accept; it stays visible until the person has read it. */
export interface Issue {
  owner: string;
  event: ShopEvent;
  result: "refused" | "review";
  code: string | null;
  message: string | null;
  /** ISO 8601 UTC. */
  answered_at: string;
}

export interface EventStore {
  append(owner: string, events: ShopEvent[]): Promise<void>;
  /** All waiting events in order of declaration. */
  pending(): Promise<PendingEvent[]>;
  /** Removes answered events and keeps those refused or to review as issues, in one transaction. */
  settle(answered: { pending: PendingEvent; result: EventResult }[], answeredAt: string): Promise<void>;
  issues(): Promise<Issue[]>;
  dismiss(uid: string): Promise<void>;
}

/** The issue to keep for a result, or null when the event was accepted. */
export function issueOf(pending: PendingEvent, result: EventResult, answeredAt: string): Issue | null {
  if (result.result !== "refused" && result.result !== "review") return null;
  return {
    owner: pending.owner,
    event: pending.event,
    result: result.result,
    code: result.code,
    message: result.message,
    answered_at: answeredAt,
  };
}
