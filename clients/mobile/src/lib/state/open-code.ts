/** What a scanned or typed code opens: the device's own list first, then the coordinator's word. */
import { ApiError, NetworkError, SignInNeeded } from "../api/errors";
import { readOperation } from "../api/read-operation";
import type { Operation } from "../api/types";
import type { Means } from "../events";
import { t } from "../i18n";
import { looksLikeLabel } from "../scan/label-code";
import { findByCode, type LocalOperation } from "../operations";
import { app } from "./app.svelte";
import { arrivedBy } from "./act";
import { feedback, signal } from "./feedback.svelte";
import { noteLabel, openLabel } from "./label";
import { router } from "./router.svelte";

const STOCK_KINDS = [
  "stock_item",
  "tool",
  "material",
  "ppe_item",
  "stock_lot",
  "stock_unit",
  "storage_location",
];
const REPEAT_MS = 5_000;

let last = { code: "", at: 0 };

/** The scanned operation, or null when the answer does not hold a whole one. */
function operationIn(value: Record<string, unknown> | null): Operation | null {
  const whole = typeof value?.["uid"] === "string" && typeof value["code"] === "string" && "allowed_actions" in value;
  return whole ? readOperation(value as unknown as Operation) : null;
}

function openOperation(operation: Operation, means: Means): void {
  arrivedBy(operation.uid, means);
  signal("success");
  router.replace("op", operation.uid);
}

/**
 * Opens what the code designates. Unknown codes book nothing and say what to do.
 * @returns operations to choose between when the number designates several
 */
export async function openCode(code: string, means: Means): Promise<LocalOperation[]> {
  const now = Date.now();
  if (means === "qr" && last.code === code && now - last.at < REPEAT_MS) return [];
  last = { code, at: now };
  const known = findByCode(app.operations, code);
  const [only] = known;
  if (known.length > 1) return known;
  if (only) {
    openOperation(only, means);
    return [];
  }
  try {
    const answer = await app.lookUp(code);
    const operation = answer.kind === "work_order_operation" ? operationIn(answer.object) : null;
    if (operation) {
      app.adopt(operation);
      openOperation(operation, means);
    } else if (STOCK_KINDS.includes(answer.kind)) {
      signal("success");
      router.replace("stock", code, answer.display ?? code);
    } else if (answer.kind === "unknown") {
      if (means === "manual" || !(await openLabel(code))) showUnknown(answer.message);
    } else {
      feedback.show({ tone: "waiting", title: answer.display ?? code, detail: answer.message });
    }
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 403)) showUnknown(error.detail);
    else if (error instanceof NetworkError && looksLikeLabel(code)) noteLabel(code);
    else if (error instanceof NetworkError)
      feedback.show({ tone: "warning", title: t("scan.offline.title"), detail: code, advice: t("scan.offline.advice") });
    else if (error instanceof ApiError || error instanceof SignInNeeded)
      feedback.show({
        tone: "warning",
        title: t("scan.failed.title"),
        detail: error instanceof ApiError ? error.detail : t("banner.sign_in"),
      });
    else throw error;
  }
  return [];
}

function showUnknown(message: string | null): void {
  feedback.show({
    tone: "danger",
    title: t("scan.unknown.title"),
    detail: message,
    advice: t("scan.unknown.advice"),
  });
}
