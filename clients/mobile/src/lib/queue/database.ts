/** The device's own database: waiting events, issues and small values, all sealed with one key. */
import type { EventResult } from "../api/types";
import type { ShopEvent } from "../events";
import { createKey, seal, unseal, type Sealed } from "./crypto";
import { issueOf, type EventStore, type Issue, type PendingEvent } from "./store";

const VERSION = 1;
const KEY_NAME = "device";

interface EventRow extends Sealed {
  seq: number;
  uid: string;
}
interface KeyedRow extends Sealed {
  id: string;
}

function promised<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB request failed"));
  });
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onerror = () => reject(transaction.error ?? new Error("IndexedDB transaction failed"));
    transaction.onabort = () => reject(transaction.error ?? new Error("IndexedDB transaction aborted"));
  });
}

function open(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, VERSION);
  request.onupgradeneeded = () => {
    const db = request.result;
    db.createObjectStore("keys");
    db.createObjectStore("events", { keyPath: "seq", autoIncrement: true }).createIndex("uid", "uid", {
      unique: true,
    });
    db.createObjectStore("issues", { keyPath: "id" });
    db.createObjectStore("values", { keyPath: "id" });
  };
  return promised(request);
}

/** The key of this device, made at first use; when two windows race, the first one written wins. */
async function deviceKey(db: IDBDatabase): Promise<CryptoKey> {
  const read = () => promised(db.transaction("keys").objectStore("keys").get(KEY_NAME)) as Promise<CryptoKey | undefined>;
  const kept = await read();
  if (kept) return kept;
  const fresh = await createKey();
  const transaction = db.transaction("keys", "readwrite");
  transaction.objectStore("keys").add(fresh, KEY_NAME);
  await committed(transaction).catch(() => undefined);
  return (await read()) ?? fresh;
}

export class DeviceDatabase implements EventStore {
  readonly #db: IDBDatabase;
  readonly #key: CryptoKey;

  private constructor(db: IDBDatabase, key: CryptoKey) {
    this.#db = db;
    this.#key = key;
  }

  static async open(name = "usinage"): Promise<DeviceDatabase> {
    const db = await open(name);
    return new DeviceDatabase(db, await deviceKey(db));
  }

  close(): void {
    this.#db.close();
  }

  async append(owner: string, events: ShopEvent[]): Promise<void> {
    // sealing comes first: an IndexedDB transaction ends as soon as other work is awaited
    const rows = await Promise.all(
      events.map(async (event) => ({
        uid: event.uid,
        ...(await seal(this.#key, `events:${event.uid}`, { owner, event })),
      })),
    );
    const transaction = this.#db.transaction("events", "readwrite", { durability: "strict" });
    for (const row of rows) transaction.objectStore("events").add(row);
    await committed(transaction);
  }

  async pending(): Promise<PendingEvent[]> {
    const rows = (await promised(this.#db.transaction("events").objectStore("events").getAll())) as EventRow[];
    return this.#readable(rows, async (row) => {
      const body = (await unseal(this.#key, `events:${row.uid}`, row)) as { owner: string; event: ShopEvent };
      return { seq: row.seq, ...body };
    });
  }

  async settle(answered: { pending: PendingEvent; result: EventResult }[], answeredAt: string): Promise<void> {
    const kept: KeyedRow[] = [];
    for (const { pending, result } of answered) {
      const issue = issueOf(pending, result, answeredAt);
      const id = pending.event.uid;
      if (issue) kept.push({ id, ...(await seal(this.#key, `issues:${id}`, issue)) });
    }
    const transaction = this.#db.transaction(["events", "issues"], "readwrite", { durability: "strict" });
    for (const { pending } of answered) transaction.objectStore("events").delete(pending.seq);
    for (const row of kept) transaction.objectStore("issues").put(row);
    await committed(transaction);
  }

  async issues(): Promise<Issue[]> {
    const rows = (await promised(this.#db.transaction("issues").objectStore("issues").getAll())) as KeyedRow[];
    const issues = await this.#readable(
      rows,
      async (row) => (await unseal(this.#key, `issues:${row.id}`, row)) as Issue,
    );
    return issues.sort((a, b) => a.answered_at.localeCompare(b.answered_at));
  }

  async dismiss(uid: string): Promise<void> {
    const transaction = this.#db.transaction("issues", "readwrite");
    transaction.objectStore("issues").delete(uid);
    await committed(transaction);
  }

  async getValue(id: string): Promise<unknown> {
    const row = (await promised(this.#db.transaction("values").objectStore("values").get(id))) as KeyedRow | undefined;
    if (!row) return null;
    const [value] = await this.#readable([row], (kept) => unseal(this.#key, `values:${id}`, kept));
    return value ?? null;
  }

  async setValue(id: string, value: unknown): Promise<void> {
    const row: KeyedRow = { id, ...(await seal(this.#key, `values:${id}`, value)) };
    const transaction = this.#db.transaction("values", "readwrite");
    transaction.objectStore("values").put(row);
    await committed(transaction);
  }

  async removeValue(id: string): Promise<void> {
    const transaction = this.#db.transaction("values", "readwrite");
    transaction.objectStore("values").delete(id);
    await committed(transaction);
  }

  /** Opens each row; one that no longer opens (damaged storage) must not hide the others. */
  async #readable<R, T>(rows: R[], read: (row: R) => Promise<T>): Promise<T[]> {
    const settled = await Promise.allSettled(rows.map(read));
    return settled.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  }
}
