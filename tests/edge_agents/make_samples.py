"""Rewrites the committed message samples: ``python -m tests.edge_agents.make_samples``.

Samples freeze the wire format; a test decodes each one and compares what comes back.
"""

import json
import uuid
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).with_name("samples")
OP = "gu:q/6b0f7a52-93a5-4a17-9d0c-6a2a0a4f3b11"
UID = "b7c7b1b4-1f0d-4a7e-9a43-6f3c6f0f2a01"
UID2 = "c1a5d0c2-0f6e-4c53-8f57-0f0f1d5ce902"
SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
T0, T1 = "2026-11-23T06:00:00.000Z", "2026-11-23T06:12:30.250Z"
_TRACE = {"channel": "spindle_load", "t": [1795413600000, 1795413600500], "v": [31.5, 148.0]}
_COLLISION = {
    "machine_code": "M03",
    "source": "spindle_load",
    "signal": "spindle_load",
    "value": 148.0,
    "threshold": 140.0,
    "program": "O1042",
    "tool": "T12",
    "signals": [_TRACE],
    "response": "alert",
    "incident_uid": UID2,
    "basis": "limit",
    "program_line": "N120",
    "stop": "requested",
    "stop_detail": None,
    "reaction_ms": 1.4,
}
PAYLOADS: dict[str, dict[str, Any]] = {
    "scan.read": {"code": OP, "symbology": "QRCode", "purpose": "operation"},
    "operation.started": {"operation_code": OP, "kind": "run", "means": "qr", "machine_code": "M03"},
    "operation.paused": {"operation_code": OP, "reason_code": "break"},
    "operation.resumed": {"operation_code": OP},
    "operation.reported": {
        "operation_code": OP,
        "good": 4,
        "rework": 0,
        "scrap": 1,
        "scrap_cause": "cote hors tolérance",
        "comment": None,
    },
    "operation.finished": {
        "operation_code": OP,
        "good": 5,
        "rework": 0,
        "scrap": 0,
        "scrap_cause": None,
        "comment": None,
        "time_spent_min": 42.5,
        "tool_change_flag": False,
        "means": "qr",
        "cut_count": 10,
        "cut_length_mm": 703.0,
        "stock_unit_code": "gu:u/" + UID,
    },
    "operation.undone": {"operation_code": OP, "undone_uid": UID, "reason": "erreur de saisie"},
    "comment.added": {"operation_code": OP, "kind": "quality", "text": "Bavure à l'ébauche"},
    "tool.broken": {"operation_code": OP, "tool_code": "T-FR-08", "cause": "copeaux", "comment": None},
    "tool.changed": {"operation_code": OP, "tool_code": "T-FR-08", "cause": "usure", "comment": None},
    "breakdown.reported": {"machine_code": "M03", "comment": "Bruit à la broche"},
    "stock.taken": {
        "code": None,
        "item_code": "FR-08",
        "quantity": 1.0,
        "location_code": "A-03",
        "operation_code": OP,
        "override_comment": None,
    },
    "stock.returned": {
        "code": None,
        "item_code": "FR-08",
        "quantity": 1.0,
        "location_code": "A-03",
        "operation_code": None,
    },
    "stock.moved": {
        "code": "gu:u/" + UID,
        "item_code": None,
        "quantity": 2.5,
        "location_code": "A-03",
        "operation_code": None,
        "to_location_code": "B-01",
    },
    "stock.counted": {
        "code": None,
        "item_code": "PL-CNMG",
        "quantity": 0.0,
        "location_code": "A-04",
        "operation_code": None,
    },
    "cabinet.session": {
        "session_uid": UID,
        "opened_at": T0,
        "closed_at": T1,
        "status": "closed",
        "image_before": SHA,
        "image_after": SHA,
        "opened_by": "door",
        "persons": 1,
        "operation_code": "gu:q/5b1f0f6e-0c1f-4f6a-9a52-1f2f3c4d5e6f",
        "brightness": 118.4,
        "sharpness": 240.7,
        "model": "9f2c41d07a3b",
    },
    "vision.detection": {
        "session_uid": UID,
        "detection_uid": UID2,
        "location_code": "A-03",
        "item_code": "FR-08",
        "count_before": 1.0,
        "count_after": 0.0,
        "delta": -1.0,
        "confidence": 0.97,
        "method": "presence",
        "usable": True,
        "reason": None,
        "code": None,
        "model": "9f2c41d07a3b",
        "crop_before": SHA,
        "crop_after": SHA,
        "frame": [0.1, 0.2, 0.3, 0.4],
        "diameter_mm": None,
        "handling": "auto",
    },
    "vision.disputed": {"session_uid": UID, "detection_uid": UID2},
    "vision.counted": {
        "count_uid": UID,
        "trigger": "daily",
        "places": [
            {
                "location_code": "A-03",
                "item_code": "FR-08",
                "count": 4,
                "confidence": 0.97,
                "method": "count",
                "reason": None,
            }
        ],
        "image": SHA,
        "model": "9f2c41d07a3b",
        "brightness": 118.4,
        "sharpness": 240.7,
    },
    "machine.state": {
        "machine_code": "M03",
        "state": "running",
        "previous_state": "idle",
        "since": T0,
        "cause": None,
    },
    "machine.cycle": {
        "machine_code": "M03",
        "cycle_uid": UID,
        "program": "O1042",
        "started_at": T0,
        "ended_at": T1,
        "result": "complete",
        "part_count": 1,
        "tools": [{"tool": "T4", "used_min": 3.5}, {"tool": "T12", "used_min": 0.75}],
    },
    "machine.alarm": {
        "machine_code": "M03",
        "code": "700123",
        "text": "Huile basse",
        "active": True,
        "severity": 500,
    },
    "collision.risk": _COLLISION,
    "collision.impact": _COLLISION,
    "instrument.used": {"instrument_code": "gu:i/" + UID, "operation_code": OP},
    "measurement.recorded": {
        "operation_code": OP,
        "characteristic": "B1-03",
        "value": 12.013,
        "unit": "mm",
        "instrument_code": "gu:i/" + UID,
        "piece": "2",
    },
    "nonconformity.reported": {"description": "Rayure", "operation_code": OP, "quantity": 1},
    "attendance.recorded": {"badge_user_ref": "u-12", "direction": "in"},
    "checklist.completed": {
        "checklist_code": "CK-START",
        "answers": {"huile": True},
        "machine_code": "M03",
        "operation_code": None,
    },
    "document.acknowledged": {"document_code": "PRO-007", "revision": "C"},
    "goods.received": {
        "contents": ["[)>\x1e06\x1dP42CD4-30\x1dQ12\x1d1TL-88\x1e\x04"],
        "code": None,
        "quantity": 12.0,
        "location_code": "Q-01",
        "purchase_order_line_id": 41,
        "description": None,
        "supplier_lot": "L-88",
        "heat_number": "C4471",
        "certificate_number": "CERT-5",
        "delivery_note": "BL 1204",
    },
    "subcontract.sent": {"operation_code": OP, "quantity": 20, "supplier_code": "F-0042"},
    "subcontract.returned": {"operation_code": OP, "quantity": 19, "supplier_code": "F-0042"},
    "program.transferred": {
        "machine_code": "M03",
        "program": "O1042",
        "sha256": SHA,
        "direction": "to_machine",
    },
    "health.alert": {"code": "disk.nearly_full", "message": "Disque rempli à 83 %.", "image": None},
    "telemetry.batch": {
        "machine_code": "M03",
        "channels": {
            "spindle_load": {"unit": "%", "t": [1795413600000, 1795413601000], "v": [31.5, None], "q": [0, 2]}
        },
    },
    "collision.recorded": {
        "incident_uid": UID2,
        "machine_code": "M03",
        "level": "impact",
        "before_s": 30.0,
        "after_s": 30.0,
        "is_complete": True,
        "signals": _COLLISION["signals"],
    },
    "collision.judged": {
        "machine_code": "M03",
        "verdict": "false_alarm",
        "incident_uid": UID2,
        "was_stopped": True,
        "comment": "Ébauche normale",
    },
    "collision.counters": {
        "machine_code": "M03",
        "window_days": 7.0,
        "risks": 4,
        "impacts": 3,
        "stops": 3,
        "false_stops": 3,
        "missed": 0,
        "response": "alert",
        "is_demoted": True,
    },
    "machine.anomaly": {
        "machine_code": "M03",
        "cycle_uid": UID,
        "program": "O1042",
        "tool": "T12",
        "score": 0.71,
        "threshold": 0.58,
        "model_version": "3f9a0c11",
        "is_approved": True,
        "explanation": [
            {
                "feature": "spindle_load.mean",
                "value": 58.0,
                "usual": 36.0,
                "low": 33.0,
                "high": 39.0,
                "unit": "%",
                "share": 0.8,
            }
        ],
    },
    "machine.model": {
        "machine_code": "M03",
        "version": "3f9a0c11",
        "learned_from": T0,
        "learned_to": T1,
        "cycles": 240,
        "held_out": 60,
        "programs": ["O1042"],
        "features": ["duration_s", "spindle_load.mean"],
        "contamination": 0.1,
        "seed": 42,
        "threshold": 0.58,
        "false_alarm_rate": 0.08,
        "precision": None,
        "recall": None,
        "judged_anomalies": 0,
    },
    "camera.clip": {
        "camera_code": "CAM-03",
        "machine_code": "M03",
        "reason": "collision.impact",
        "incident_uid": UID2,
        "started_at": T0,
        "ended_at": T1,
        "frames": 450,
        "clip": SHA,
        "image": SHA,
        "delete_after": T1,
    },
    "camera.state": {"camera_code": "CAM-03", "state": "covered", "since": T0, "detail": "Image noire"},
}


def sample(event_type: str, seq: int) -> dict[str, Any]:
    """A complete message of one type."""
    return {
        "message_id": str(uuid.uuid5(uuid.NAMESPACE_URL, event_type)),
        "station_id": "st-scan-01",
        "seq": seq,
        "type": event_type,
        "schema_version": 1,
        "occurred_at": T1,
        "sent_at": "2026-11-23T06:12:30.500Z",
        "time_quality": "trusted",
        "user_ref": "u-12" if event_type.startswith("operation") else None,
        "payload": PAYLOADS[event_type],
    }


if __name__ == "__main__":
    SAMPLES.mkdir(exist_ok=True)
    for number, name in enumerate(PAYLOADS, start=1):
        text = json.dumps(sample(name, number), indent=1, ensure_ascii=False)
        (SAMPLES / f"{name}.json").write_text(text + "\n", encoding="utf-8")
