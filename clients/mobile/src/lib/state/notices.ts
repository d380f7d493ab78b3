/** Tasks and messages of the person, and the screen of this application each of them belongs to. */
import type { LocalOperation } from "../operations";
import { app } from "./app.svelte";

export interface Notice {
  id: number;
  /** Title of a task, text of a message. */
  words: string;
  severity: string;
  at: string;
  dueAt: string | null;
  isRead: boolean;
  objectType: string | null;
  objectId: number | null;
}

type Row = Record<string, unknown>;

const text = (row: Row, name: string) => (typeof row[name] === "string" ? row[name] : null);
const number = (row: Row, name: string) => (typeof row[name] === "number" ? row[name] : null);

function notice(row: Row): Notice {
  return {
    id: number(row, "id") ?? 0,
    words: text(row, "title") ?? text(row, "text") ?? "",
    severity: text(row, "severity") ?? "info",
    at: text(row, "created_at") ?? "",
    dueAt: text(row, "due_at"),
    isRead: text(row, "read_at") !== null,
    objectType: text(row, "object_type"),
    objectId: number(row, "object_id"),
  };
}

async function read(path: string): Promise<Notice[]> {
  return ((await app.call(path)) as { items: Row[] }).items.map(notice);
}

/** Open tasks, the longest waiting first. @throws ApiError, NetworkError, SignInNeeded */
export function openTasks(): Promise<Notice[]> {
  return read("/tasks?status=open&sort=id&limit=50");
}

/** Latest messages. @throws ApiError, NetworkError, SignInNeeded */
export function latestMessages(): Promise<Notice[]> {
  return read("/notifications?sort=-id&limit=30");
}

/** Notes that a message was read. @throws ApiError, NetworkError, SignInNeeded */
export async function markRead(id: number): Promise<void> {
  await app.call(`/notifications/${id}/read`, { method: "POST", body: {} });
}

/** Route of what a notice is about; null when it is dealt with elsewhere. */
export function routeOf(about: Notice, operations: LocalOperation[], mayReview: boolean): string[] | null {
  if (about.objectType === "vision_detection" && about.objectId !== null)
    return mayReview ? ["review", String(about.objectId)] : null;
  if (about.objectType === "work_order_operation") {
    const known = operations.find((one) => Number(one.id) === about.objectId);
    return known ? ["op", known.uid] : null;
  }
  return null;
}
