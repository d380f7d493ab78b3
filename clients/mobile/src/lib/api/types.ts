/** Wire types of the coordinator's API that this application uses. Times are ISO 8601 UTC. */

export type OperationStatus = "pending" | "in_progress" | "blocked" | "done" | "cancelled";
export type OperationAction = "start" | "pause" | "resume" | "report" | "finish";

/** A planned tool; the last fields only near the end of its life. */
export interface PlannedTool {
  code: string;
  name: string;
  life_pct?: number | null;
  life_is_estimated?: boolean;
  advice?: "change" | "regrind" | null;
}

export interface Operation {
  id: number | string;
  uid: string;
  code: string;
  work_order_number: string;
  sequence_no: number;
  operation_label: string;
  operation_type: string;
  machine: { id: number | string; code: string; name: string } | null;
  part: { name: string; drawing_number: string | null; revision: string | null };
  material: string | null;
  planned_qty: number;
  /** Parts the operations before have passed on; null while nothing tells. */
  received_qty?: number | null;
  good_qty: number;
  scrap_qty: number;
  rework_qty: number;
  status: OperationStatus;
  is_paused: boolean;
  planned_time_min: number | null;
  actual_time_min: number;
  started_at: string | null;
  planned_start_at: string | null;
  tools: PlannedTool[];
  cut_length_mm: number | null;
  cut_count: number | null;
  allowed_actions: OperationAction[];
  /** Why parts wait for a quality decision; nothing is closed before. */
  to_inspect?: string | null;
}

export interface User {
  id: number | string;
  first_name: string;
  last_name: string;
  email: string;
  language: string;
}

export interface LoginAnswer {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  must_change_password: boolean;
  user: User;
}

export interface RefreshAnswer {
  access_token: string;
  refresh_token?: string;
  expires_in: number;
}

export interface Me {
  user: User;
  roles: string[];
  rights: Record<string, Record<string, unknown>>;
  /** What must be done before anything else, e.g. "password_change". */
  restrictions?: string[];
}

export interface CodeAnswer {
  kind: string;
  display: string | null;
  object: Record<string, unknown> | null;
  allowed_actions: string[];
  message: string | null;
}

export type EventVerdict = "done" | "duplicate" | "refused" | "review";

export interface EventResult {
  uid: string;
  result: EventVerdict;
  code: string | null;
  message: string | null;
}

export interface MachineRow {
  id: number | string;
  display?: string;
  code?: string;
  name?: string;
  state?: string | null;
  status?: string | null;
  since?: string | null;
  program?: string | null;
  work?: { work_order_number: string; operation_label: string; person: string | null } | null;
  trs?: { value: number | null; is_estimated?: boolean; open_stops?: number } | null;
  alarms?: MachineAlert[];
}

export interface MachineAlert {
  id: number;
  severity: string;
  text: string | null;
  occurred_at: string;
  acknowledged_at: string | null;
}

export interface StockPlace {
  id: number;
  code: string;
  name: string;
  quantity: number;
}

/** What a scanned code of the stock stands for. */
export interface StockThing {
  kind: "stock_item" | "stock_lot" | "stock_unit" | "storage_location";
  code: string;
  item_code?: string;
  display: string;
  unit: string;
  actions: string[];
  places: StockPlace[];
  details: { label: string; value: string }[];
  content?: { code: string; display: string; quantity: number; unit: string }[];
  warning: string | null;
  /** Whether this person may take it all the same, with a reason. */
  may_override?: boolean;
  safety_sheet_url: string | null;
}

/** Where a place is, the outermost level first. */
export interface PlaceMap {
  code: string;
  display: string;
  levels: {
    /** What it lies in; `null`: the workshop. */
    inside: string | null;
    /** `x`, `y` in 0…1 where the position of every cell is known. */
    cells: { code: string; name: string; is_here: boolean; x: number | null; y: number | null }[];
  }[];
}

export interface FoundItem {
  code: string;
  display: string;
  unit: string;
  places: StockPlace[];
  usual_places: string[];
}

export interface BreakageOption {
  id: number;
  tool: string;
  kind: string;
  kind_label: string;
  conditions: string;
  strategy: string;
  time_factor: number;
  needs_manager: boolean;
  status: string;
  place: string | null;
}

export interface Breakage {
  id: number;
  uid: string;
  status: string;
  tool: string;
  is_critical: boolean;
  is_repeated: boolean;
  asked: boolean;
  options: BreakageOption[];
}
