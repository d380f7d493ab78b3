/** Small things read from the coordinator once a person is there, and kept on the device for the time without a line. */
import type { ApiClient } from "../api/client";
import { ApiError, NetworkError, SignInNeeded } from "../api/errors";
import type { DeviceDatabase } from "../queue/database";
import { prefs } from "./prefs.svelte";
import { keepRules, type StationRules } from "./station-rules";

export interface StopReason {
  code: string;
  label: string;
}

/** No line, no session any more, or a refusal: there is no answer now, nothing is broken. */
export function isExpected(error: unknown): boolean {
  return error instanceof NetworkError || error instanceof ApiError || error instanceof SignInNeeded;
}

/** The shop's own list of pause reasons; without it the usual ones are offered. */
export async function readStopReasons(client: ApiClient, db: DeviceDatabase, owner: string): Promise<StopReason[]> {
  try {
    const answer = await client.request(owner, "/stop-reasons?limit=100&sort=label");
    const rows = (answer as { items: Record<string, unknown>[] }).items;
    const found = rows.flatMap(({ code, label }) =>
      typeof code === "string" && typeof label === "string" ? [{ code, label }] : [],
    );
    await db.setValue("stop-reasons", found);
    return found;
  } catch (error) {
    if (!isExpected(error)) throw error;
    return ((await db.getValue("stop-reasons")) as StopReason[] | null) ?? [];
  }
}

/** The rules of this station's screen, when this is one; those kept before hold until an answer comes. */
export async function readStationRules(client: ApiClient, owner: string): Promise<void> {
  if (prefs.station === null) return;
  try {
    const path = `/stations/screen-rules?station=${encodeURIComponent(prefs.station)}`;
    keepRules((await client.request(owner, path)) as StationRules);
  } catch (error) {
    if (!isExpected(error)) throw error;
  }
}
