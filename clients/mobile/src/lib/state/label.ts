/** A supplier's label: what its codes say, read by the coordinator, before the goods are received. */
import { ApiError } from "../api/errors";
import { t } from "../i18n";
import { app } from "./app.svelte";
import { feedback, signal } from "./feedback.svelte";
import { router } from "./router.svelte";

export interface LabelChoice {
  purchase_order_id: number;
  row_version: number;
  purchase_order_line_id: number;
  order: string;
  supplier: string;
  item: string | null;
  unit: string | null;
  remaining: string;
  quantity: string | null;
  certificate_type: string | null;
  warnings: string[];
}

export interface LabelProposal {
  fields: { identifier: string; label: string; value: string }[];
  part: string | null;
  lot: string | null;
  heat_number: string | null;
  certificate_number: string | null;
  quantity: string | null;
  delivery_note: string | null;
  known_part: boolean;
  can_tie: boolean;
  choices: LabelChoice[];
  already: { message: string; repeatable: boolean } | null;
}

/** Contents of the codes scanned so far of a label that has several. */
let begun: string[] = [];

/** Without a network a label is noted as it is; the coordinator reads it when it hears of it. */
export function noteLabel(code: string): void {
  const contents = [...begun.filter((content) => content !== code), code];
  begun = [];
  signal("success");
  router.replace("receipt", JSON.stringify(contents));
}

/** The next scanned code belongs to the label these contents come from. */
export function awaitAnotherCode(contents: string[]): void {
  begun = contents;
  router.replace("scan");
}

/** The camera was left without another code: the next label stands for itself. */
export function awaitNoCode(): void {
  begun = [];
}

/**
 * Opens the receipt when an unknown code is a supplier's label.
 * @returns false when it is none
 */
export async function openLabel(code: string): Promise<boolean> {
  const contents = [...begun.filter((content) => content !== code), code];
  try {
    await app.readLabel(contents);
  } catch (error) {
    if (error instanceof ApiError) begun = [];
    if (!(error instanceof ApiError) || error.status === 404 || error.status === 403) throw error;
    if (!error.code.startsWith("label.") || error.code === "label.unknown") return false;
    feedback.show({ tone: "danger", title: t("receipt.refused"), detail: error.detail });
    return true;
  }
  begun = [];
  signal("success");
  router.replace("receipt", JSON.stringify(contents));
  return true;
}
