/** One act of the operator: record it, say in words what happened, go where work continues. */
import type { Operation } from "../api/types";
import type { EventDraft, Means, Quantities } from "../events";
import { formatNumber } from "../format";
import { t, tCode, tn } from "../i18n";
import type { LocalOperation } from "../operations";
import { app } from "./app.svelte";
import { feedback } from "./feedback.svelte";
import { prefs } from "./prefs.svelte";
import { router } from "./router.svelte";

/** How the person reached each operation: by its QR code, a typed number, or the list. */
const arrivals = new Map<string, Means>();

export function arrivedBy(uid: string, means: Means): void {
  arrivals.set(uid, means);
}

export function meansFor(uid: string): Means {
  return arrivals.get(uid) ?? "button";
}

/** "OF-2026-0012 · op. 20" */
export function operationNumber(operation: Operation): string {
  return t("op.number", { order: operation.work_order_number, sequence: operation.sequence_no });
}

export function operationTitle(operation: Operation): string {
  return operation.operation_label || tCode("type", operation.operation_type);
}

/** "10 bonnes, 1 au rebut" */
export function quantitiesInWords(quantities: Quantities): string {
  const parts = [
    quantities.good > 0 ? tn("quantities.good", quantities.good) : "",
    quantities.rework > 0 ? t("quantities.rework", { count: quantities.rework }) : "",
    quantities.scrap > 0 ? t("quantities.scrap", { count: quantities.scrap }) : "",
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(", ") : t("quantities.zero");
}

export function inWords(value: number): string {
  return formatNumber(value, prefs.language);
}

/**
 * Records the drafts and shows the confirmation.
 * @param title what was done, in words; the server's own words replace it when it answers at once
 * @param photo of what the first draft is about; kept and sent after it
 * @returns false when the device or the coordinator refused
 */
export async function act(
  drafts: EventDraft[],
  title: string,
  detail: string | null,
  photo: Blob | null = null,
): Promise<boolean> {
  let outcome;
  try {
    outcome = await app.declare(drafts, photo);
  } catch {
    feedback.show({ tone: "danger", title: t("confirm.failed"), detail, advice: t("confirm.failed.advice") });
    return false;
  }
  switch (outcome.result) {
    case "waiting":
      feedback.show({ tone: "waiting", title, detail, advice: t("confirm.waiting") });
      return true;
    case "refused":
      feedback.show({
        tone: "danger",
        title: t("confirm.refused"),
        detail: outcome.message ?? detail,
        advice: t("confirm.refused.advice"),
      });
      return false;
    case "review":
      feedback.show({
        tone: "warning",
        title: t("confirm.review"),
        detail: outcome.message ?? title,
        advice: t("confirm.review.advice"),
      });
      return true;
    default:
      feedback.show({ tone: "success", title: outcome.message ?? title, detail });
      return true;
  }
}

/** Acts on an operation, then shows it again (or the list once it is finished). */
export async function actOn(operation: LocalOperation, drafts: EventDraft[], title: string): Promise<void> {
  const accepted = await act(drafts, title, `${operationTitle(operation)} · ${operationNumber(operation)}`);
  if (!accepted) return;
  if (drafts.some((draft) => draft.type === "operation.finished")) router.replace();
  else if (router.path[0] === "op") router.replace("op", operation.uid);
  else router.go("op", operation.uid);
}

export async function start(operation: LocalOperation, kind: "setup" | "run"): Promise<void> {
  const payload = { operation_code: operation.code, kind, means: meansFor(operation.uid) };
  const draft: EventDraft = {
    type: "operation.started",
    payload: operation.machine ? { ...payload, machine_code: operation.machine.code } : payload,
  };
  await actOn(operation, [draft], t(kind === "setup" ? "confirm.started.setup" : "confirm.started.run"));
}

export async function resume(operation: LocalOperation): Promise<void> {
  await actOn(
    operation,
    [{ type: "operation.resumed", payload: { operation_code: operation.code } }],
    t("confirm.resumed"),
  );
}

/** Declares a broken tool, then shows the solutions found, or says that they wait for the network. */
export async function declareBreakage(draft: EventDraft, detail: string): Promise<boolean> {
  let outcome;
  try {
    outcome = await app.declare([draft]);
  } catch {
    feedback.show({ tone: "danger", title: t("confirm.failed"), detail, advice: t("confirm.failed.advice") });
    return false;
  }
  if (outcome.result === "waiting") {
    feedback.show({ tone: "waiting", title: t("confirm.tool"), detail, advice: t("breakage.waiting") });
    router.replace();
    return true;
  }
  if (outcome.result === "refused") {
    feedback.show({
      tone: "danger",
      title: t("confirm.refused"),
      detail: outcome.message ?? detail,
      advice: t("confirm.refused.advice"),
    });
    return false;
  }
  router.replace("breakage", outcome.uid);
  return true;
}
