"""Status and kind enumerations of the data model (00-data-model §5); each is enforced by the database."""

from __future__ import annotations

from typing import Literal

Tone = Literal["neutral", "info", "success", "warning", "danger", "muted"]

ENUMERATIONS: dict[str, tuple[str, ...]] = {
    "drawing_analysis": ("uploaded", "analysing", "to_review", "validated", "failed", "rejected", "superseded"),
    "quote": ("draft", "to_review", "approved", "sent", "accepted", "refused", "expired", "cancelled"),
    "quote_method": ("ai", "manual"),
    "scenario_kind": ("standard", "express", "economic"),
    "feasibility": ("unknown", "feasible", "subcontract", "not_feasible"),
    "criticality": ("standard", "sensitive", "critical", "aerospace", "military", "armament"),
    "customer": ("prospect", "active", "on_hold", "archived"),
    "supplier": ("approved", "conditional", "suspended", "not_approved"),
    "sales_order": ("pending", "validated", "in_production", "delivered", "closed", "cancelled"),
    "priority": ("normal", "urgent", "critical", "overdue_urgent"),
    "invoice": ("draft", "pending", "validated", "paid", "cancelled"),
    "invoice_kind": ("invoice", "deposit", "credit_note"),
    "platform_status": ("deposited", "rejected", "refused", "collected"),
    "generation_mode": ("automatic", "manual"),
    "customer_po": ("received", "matched", "to_check", "rejected"),
    "waiver": ("requested", "accepted", "refused", "withdrawn"),
    "validated_document": ("draft", "to_validate", "validated", "obsolete"),
    "nc_program": ("draft", "to_validate", "validated", "obsolete"),
    "work_order": ("draft", "released", "in_progress", "on_hold", "done", "cancelled"),
    "work_order_operation": ("pending", "in_progress", "blocked", "done", "cancelled"),
    "operation_type": (
        "cutting", "turning", "milling", "drilling", "grinding", "edm", "welding", "bending", "moulding", "assembly",
        "deburring", "washing", "marking", "inspection", "treatment", "logistics", "packaging", "other",
    ),
    "slot": ("planned", "in_progress", "done", "cancelled"),
    "machine_slot_kind": ("production", "maintenance", "reservation"),
    "operator_slot_purpose": ("production", "training", "maintenance", "meeting"),
    "plan_change_mode": ("auto_apply_notify", "require_approval"),
    "time_entry_kind": ("setup", "run"),
    "means": ("qr", "button", "badge_reader", "camera", "voice", "manual"),
    "machine": ("available", "running", "stopped", "breakdown", "maintenance", "retired"),
    "station": ("online", "offline", "fault"),
    "machine_type": (
        "saw", "lathe", "mill", "machining_centre", "mill_turn", "grinder", "edm", "welding", "press", "inspection",
        "other",
    ),
    "machine_event_kind": ("alarm", "collision", "stop", "anomaly"),
    "machine_event_level": ("risk", "impact", "info"),
    "machine_cycle_result": ("complete", "interrupted", "aborted"),
    "sample_quality": ("good", "uncertain", "bad"),
    "camera_purpose": ("security", "machine_interior", "machine_side", "stock", "other"),
    "station_kind": ("cabinet_camera", "rack_camera", "scan_station", "machine_agent", "site_gateway"),
    "station_command": ("requested", "sent", "done", "failed", "expired"),
    "station_config": ("desired", "applied", "refused"),
    "inbox_message": ("stored", "rejected"),
    "station_claim": ("pending", "approved", "refused", "expired"),
    "station_command_kind": (
        "identify", "capture_test_image", "run_count", "tare", "restart_agent", "reboot", "send_logs", "apply_update",
        "clear_session",
    ),
    "machine_state": ("off", "idle", "setup", "running", "waiting", "alarm", "maintenance", "unknown"),
    "robot_command": ("requested", "approved", "sent", "done", "failed"),
    "maintenance_order": ("planned", "in_progress", "done", "cancelled"),
    "maintenance_type": ("preventive", "corrective", "predictive"),
    "maintenance_request": ("open", "in_progress", "closed", "rejected"),
    "stock_item_kind": ("tool", "insert", "material", "ppe", "instrument", "consumable", "spare_part"),
    "storage_location_kind": (
        "workshop", "zone", "cabinet", "rack", "drawer", "bin", "compartment", "magazine", "supplier",
    ),
    "stock_movement_kind": (
        "receipt", "issue", "return", "consumption", "transfer", "offcut_creation", "scrap", "adjustment", "inventory",
    ),
    "movement_source": ("qr", "camera", "manual", "opcua", "system"),
    "stock_reservation_kind": ("firm", "soft"),
    "stock_count": ("open", "counted", "approved", "cancelled"),
    "tool_incident": ("open", "replaced", "confirmed", "cancelled"),
    "stock_unit_condition": ("new", "used", "worn", "broken", "out_of_service"),
    "stock_lot": ("quarantine", "released", "blocked", "consumed"),
    "purchase_order": ("draft", "to_approve", "sent", "partly_received", "received", "cancelled"),
    "reorder_proposal": ("proposed", "accepted", "ordered", "refused"),
    "reprice_proposal": ("proposed", "accepted", "refused"),
    "delivery_note": ("draft", "shipped", "delivered", "cancelled"),
    "cutting_data": ("proposed", "accepted", "rejected"),
    "cutting_data_source": ("supplier", "manual", "learned"),
    "instrument": ("in_service", "in_maintenance", "out_of_service", "scrapped"),
    "inspection_stage": ("incoming", "first_off", "in_process", "final", "after_subcontracting"),
    "verdict": ("compliant", "noncompliant", "to_review"),
    "nonconformity": ("open", "in_analysis", "waiver_requested", "action_in_progress", "closed", "cancelled"),
    "nonconformity_severity": ("critical", "major", "minor"),
    "cause": ("material", "machine", "tool", "instrument", "program", "method", "drawing", "operator", "supplier"),
    "disposition": ("rework", "scrap", "use_as_is", "return_to_supplier", "sort"),
    "document_version": ("draft", "in_review", "approved", "superseded", "archived", "expired"),
    "confidentiality": (
        "public", "internal", "confidential", "personal", "customer_confidential", "defence_restricted",
        "export_controlled",
    ),
    "absence": ("pending", "accepted", "refused", "cancelled"),
    "finance_transaction": ("draft", "validated", "rejected"),
    "finance_transaction_type": ("purchase", "sale", "service", "salary", "tax", "other"),
    "order_profitability": ("profitable", "watch", "unprofitable"),
    "ai_recommendation": ("proposed", "accepted", "corrected", "refused", "ignored"),
    "replan_proposal": ("proposed", "auto_applied", "accepted", "refused", "expired"),
    "vision_detection": ("shadow", "auto_booked", "to_confirm", "confirmed", "rejected"),
    "cabinet_session": ("open", "closed", "uncertain"),
    "task": ("open", "done", "cancelled"),
    "comment_kind": ("suggestion", "delay", "technical", "quality"),
    "comment": ("open", "accepted", "refused", "postponed"),
    "severity": ("info", "warning", "alarm", "critical"),
    "scope": ("all", "site", "workshop", "team", "assigned", "own"),
    "terminal_kind": ("pc", "phone"),
    "certification": ("target", "in_progress", "certified", "suspended"),
    "health_check": ("ok", "warning", "failed", "unknown"),
    "backup_run": ("running", "done", "failed"),
    "time_basis": ("piece", "lot"),
    "time_quality": ("trusted", "uncertain"),
    "shape": ("round", "hex", "square", "flat", "tube", "plate", "blank"),
    "outbox_delivery": ("pending", "done", "dead"),
}

_TONES: dict[Tone, frozenset[str]] = {
    "info": frozenset({"to_review", "uploaded", "analysing", "sent", "released", "validated", "setup", "received", "ready",
                       "to_validate", "proposed", "matched"}),
    "success": frozenset({"running", "in_progress", "in_production", "online", "approved", "accepted", "paid", "available",
                          "profitable", "compliant", "active", "certified", "ok", "auto_booked", "confirmed", "delivered"}),
    "warning": frozenset({"on_hold", "to_check", "to_confirm", "to_approve", "waiting", "watch", "uncertain", "conditional",
                          "quarantine", "urgent", "warning", "stopped", "interrupted", "worn", "postponed"}),
    "danger": frozenset({"blocked", "failed", "fault", "offline", "breakdown", "alarm", "refused", "rejected", "expired",
                         "overdue_urgent", "critical", "unprofitable", "broken", "noncompliant", "dead", "impact", "risk",
                         "suspended", "aborted"}),
    "muted": frozenset({"done", "closed", "cancelled", "obsolete", "superseded", "archived", "retired", "consumed", "draft",
                        "scrapped", "out_of_service", "unknown", "off", "idle"}),
}


def tone(value: str) -> Tone:
    """Meaning of a status for the eye, the same everywhere (DESIGN.md); shown with its word, never alone."""
    for name, values in _TONES.items():
        if value in values:
            return name
    return "neutral"
