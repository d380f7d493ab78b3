/**
 * The offline queue: every declaration is first written on the device, then sent in order, and
 * removed only when the coordinator answered for its uid. A replay is harmless, a loss is not.
 */
import { ApiError, NetworkError, SignInNeeded } from "../api/errors";
import type { EventResult } from "../api/types";
import type { EventDraft, ShopEvent } from "../events";
import type { EventStore, PendingEvent } from "./store";

export const BATCH_SIZE = 50;
/** A second identical declaration within this time is the same gesture (double tap, double scan). */
export const SAME_GESTURE_MS = 5_000;

export type Sender = (owner: string, events: ShopEvent[]) => Promise<EventResult[]>;

export interface FlushReport {
  answered: { pending: PendingEvent; result: EventResult }[];
  /** Why something is still waiting: the network, a sign-in, a server fault; null when nothing is. */
  blocked: "network" | "sign_in" | "server" | null;
}

export interface QueueOptions {
  now?: () => Date;
  newUid?: () => string;
  /** Called after answers were stored, before the next batch. */
  onAnswered?: (answered: FlushReport["answered"]) => Promise<void> | void;
}

export class EventQueue {
  readonly #store: EventStore;
  readonly #send: Sender;
  readonly #now: () => Date;
  readonly #newUid: () => string;
  readonly #onAnswered: QueueOptions["onAnswered"];
  #recent: { owner: string; key: string; at: number; event: ShopEvent }[] = [];
  #running: Promise<FlushReport> | null = null;

  constructor(store: EventStore, send: Sender, options: QueueOptions = {}) {
    this.#store = store;
    this.#send = send;
    this.#now = options.now ?? (() => new Date());
    this.#newUid = options.newUid ?? (() => crypto.randomUUID());
    this.#onAnswered = options.onAnswered;
  }

  /**
   * Writes declarations on the device, all or none, and gives them back with uid and time.
   * The same declaration repeated within 5 s gives back the first one and stores nothing.
   */
  async append(owner: string, drafts: EventDraft[]): Promise<ShopEvent[]> {
    const at = this.#now();
    this.#recent = this.#recent.filter((seen) => at.getTime() - seen.at < SAME_GESTURE_MS);
    const fresh: ShopEvent[] = [];
    const all = drafts.map((draft) => {
      const key = JSON.stringify([draft.type, Object.entries(draft.payload).sort()]);
      const seen = this.#recent.find((known) => known.owner === owner && known.key === key);
      if (seen) return seen.event;
      const event: ShopEvent = { ...draft, uid: this.#newUid(), occurred_at: at.toISOString() };
      this.#recent.push({ owner, key, at: at.getTime(), event });
      fresh.push(event);
      return event;
    });
    try {
      if (fresh.length > 0) await this.#store.append(owner, fresh);
    } catch (error) {
      this.#recent = this.#recent.filter((seen) => !fresh.includes(seen.event));
      throw error;
    }
    return all;
  }

  /** Sends what waits. Concurrent calls share one run. Never throws for network or server faults. */
  flush(): Promise<FlushReport> {
    this.#running ??= this.#flushAll().finally(() => (this.#running = null));
    return this.#running;
  }

  async #flushAll(): Promise<FlushReport> {
    const report: FlushReport = { answered: [], blocked: null };
    const owners = [...new Set((await this.#store.pending()).map((item) => item.owner))];
    for (const owner of owners) {
      const blocked = await this.#flushOwner(owner, report.answered);
      if (blocked !== null && report.blocked !== "network") report.blocked = blocked;
      if (blocked === "network") break;
    }
    return report;
  }

  async #flushOwner(owner: string, answered: FlushReport["answered"]): Promise<FlushReport["blocked"]> {
    for (;;) {
      const waiting = (await this.#store.pending()).filter((item) => item.owner === owner);
      if (waiting.length === 0) return null;
      const outcome = await this.#sendBatch(owner, waiting.slice(0, BATCH_SIZE));
      if (typeof outcome === "string") return outcome;
      await this.#store.settle(outcome, this.#now().toISOString());
      answered.push(...outcome);
      await this.#onAnswered?.(outcome);
    }
  }

  async #sendBatch(owner: string, batch: PendingEvent[]): Promise<FlushReport["answered"] | "network" | "sign_in" | "server"> {
    const events = batch.map((item) => item.event);
    let results: EventResult[];
    try {
      results = await this.#send(owner, events);
    } catch (error) {
      if (error instanceof NetworkError) return "network";
      if (error instanceof SignInNeeded) return "sign_in";
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) return "sign_in";
      if (error.status >= 500 || error.status === 408 || error.status === 429) return "server";
      const [first] = batch;
      if (!first) return "server";
      // one event the server cannot even read must not hold back the others: find it alone
      if (batch.length > 1) return this.#sendBatch(owner, batch.slice(0, Math.floor(batch.length / 2)));
      const result = { uid: first.event.uid, result: "refused" as const, code: error.code, message: error.detail };
      return [{ pending: first, result }];
    }
    const answered = batch.flatMap((pending) => {
      const result = results.find((one) => one.uid === pending.event.uid);
      return result ? [{ pending, result }] : [];
    });
    return answered.length > 0 ? answered : "server";
  }
}
