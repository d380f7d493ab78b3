"""One model per event and telemetry type, and the registry both sides validate with (EDG-15, EDG-16).

Unknown fields are ignored, missing mandatory ones rejected. ``operation_code`` and ``code`` carry the
raw text of the QR code (for example ``gu:q/<uuid>``).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, ValidationError, model_validator

from edge_agents.protocol.envelope import UtcTime, describe
from edge_agents.protocol.errors import ProtocolError
from edge_agents.protocol.fields import (
    Amount,
    Code,
    Confidence,
    Finite,
    Means,
    Payload,
    Pieces,
    PositiveAmount,
    RawCode,
    Sha256,
    Text,
)
from edge_agents.protocol.machine_payloads import (
    CameraClip,
    CameraState,
    ChannelBatch,
    Collision,
    CollisionCounters,
    CollisionJudged,
    CollisionRecorded,
    MachineAlarm,
    MachineAnomaly,
    MachineCycle,
    MachineModel,
    MachineState,
    MachineStateChanged,
    ProgramTransferred,
    TelemetryBatch,
)
from edge_agents.protocol.posting import Handling

__all__ = [
    "EVENT_PAYLOADS",
    "PAYLOADS",
    "TELEMETRY_PAYLOADS",
    "ChannelBatch",
    "MachineState",
    "Payload",
    "TelemetryBatch",
    "parse_payload",
]


class ScanRead(Payload):
    """A code was read: every scan is recorded, also the unknown ones."""

    code: RawCode
    symbology: Code
    purpose: Code = "unknown"


class OperationStarted(Payload):
    operation_code: RawCode
    kind: Literal["setup", "run"]
    means: Means
    machine_code: Code | None = None


class OperationPaused(Payload):
    operation_code: RawCode
    reason_code: Code


class OperationResumed(Payload):
    operation_code: RawCode


class OperationReported(Payload):
    """Intermediate report: pieces since the last report."""

    operation_code: RawCode
    good: Pieces
    rework: Pieces
    scrap: Pieces
    scrap_cause: Text | None = None
    comment: Text | None = None


class OperationFinished(OperationReported):
    """Last report of an operation, with the pieces since the one before."""

    time_spent_min: Amount
    tool_change_flag: bool
    means: Means
    cut_count: Pieces | None = None
    cut_length_mm: Amount | None = None
    stock_unit_code: RawCode | None = None


class OperationUndone(Payload):
    """The operator takes back the last entry on an operation."""

    operation_code: RawCode
    undone_uid: UUID
    reason: Text | None = None


class CommentAdded(Payload):
    operation_code: RawCode
    kind: Code
    text: Text


class ToolBroken(Payload):
    operation_code: RawCode | None = None
    tool_code: Code
    cause: Text | None = None
    comment: Text | None = None


class ToolChanged(ToolBroken):
    """A tool was replaced for wear or life, without breakage."""


class BreakdownReported(Payload):
    machine_code: Code
    comment: Text


class _Stock(Payload):
    code: RawCode | None = None
    item_code: Code | None = None
    location_code: Code | None = None
    operation_code: RawCode | None = None

    @model_validator(mode="after")
    def _names_the_item(self) -> Self:
        if self.code is None and self.item_code is None:
            raise ValueError("code ou item_code est obligatoire")
        return self


class StockTaken(_Stock):
    quantity: PositiveAmount
    override_comment: Text | None = None
    """Why an entitled person takes what is not for the operation."""


class StockReturned(_Stock):
    quantity: PositiveAmount


class StockMoved(_Stock):
    quantity: PositiveAmount
    to_location_code: Code


class StockCounted(_Stock):
    quantity: Amount


class GoodsReceived(Payload):
    """A package at goods receipt: the raw contents of its label's codes, and what the person saw (CRM-49, CRM-50)."""

    code: RawCode | None = None
    """Of a label with one code; ``contents`` of one with several."""
    contents: Annotated[tuple[RawCode, ...], Field(max_length=12)] = ()
    quantity: PositiveAmount
    location_code: Code | None = None
    purchase_order_line_id: Annotated[int, Field(ge=1)] | None = None
    """The line a person chose while there was a line to the coordinator."""
    description: Annotated[str, Field(max_length=500)] | None = None
    supplier_lot: Annotated[str, Field(max_length=60)] | None = None
    heat_number: Annotated[str, Field(max_length=60)] | None = None
    certificate_number: Annotated[str, Field(max_length=60)] | None = None
    delivery_note: Annotated[str, Field(max_length=60)] | None = None

    @model_validator(mode="after")
    def _says_what_it_is(self) -> Self:
        if self.code is None and not self.contents and not (self.description or "").strip():
            raise ValueError("code, contents or description")
        return self


class CabinetSession(Payload):
    """One opening of a cabinet; images by their sha256, uploaded over HTTPS."""

    session_uid: UUID
    opened_at: UtcTime
    closed_at: UtcTime
    status: Literal["closed", "uncertain"]
    image_before: Sha256 | None
    image_after: Sha256 | None
    opened_by: Literal["button", "door", "drawer", "motion", "weight", "restart"] = "button"
    persons: Annotated[int, Field(ge=0, le=99)] = 1
    operation_code: RawCode | None = None
    brightness: Amount | None = None
    sharpness: Amount | None = None
    model: Text | None = None


class VisionDetection(Payload):
    """One changed compartment of a session; ``delta`` is after minus before, null when not countable."""

    session_uid: UUID
    detection_uid: UUID
    location_code: Code
    item_code: Code | None
    count_before: Amount | None
    count_after: Amount | None
    delta: Finite | None
    confidence: Confidence
    method: Literal["presence", "count", "boxes", "marker", "label_text", "weight", "bar_ends", "items"]
    usable: bool
    reason: Text | None
    code: RawCode | None = None
    model: Text | None = None
    crop_before: Sha256 | None = None
    crop_after: Sha256 | None = None
    frame: tuple[Finite, Finite, Finite, Finite] | None = None
    diameter_mm: Amount | None = None
    handling: Handling | None = None


class VisionDisputed(Payload):
    """Somebody at the cabinet says that what the station understood is wrong; without ``detection_uid`` all of it."""

    session_uid: UUID
    detection_uid: UUID | None = None


class CountedPlace(Payload):
    location_code: Code
    item_code: Code | None
    count: Pieces | None
    confidence: Confidence
    method: Code
    reason: Text | None = None


class VisionCounted(Payload):
    """Every compartment of a station counted at once, doors closed: asked for, or once a day. A ``reference`` counts nothing: it brings the view
    without anybody, in the frame of which compartments are drawn."""

    count_uid: UUID
    trigger: Literal["daily", "asked", "restart", "reference"]
    places: Annotated[list[CountedPlace], Field(max_length=400)]
    image: Sha256 | None = None
    model: Text | None = None
    brightness: Amount | None = None
    sharpness: Amount | None = None


class HealthAlert(Payload):
    code: Code
    message: Text
    image: Sha256 | None = None


class InstrumentUsed(Payload):
    instrument_code: RawCode
    operation_code: RawCode | None = None


class MeasurementRecorded(Payload):
    operation_code: RawCode
    characteristic: Code
    value: Finite
    unit: Code
    instrument_code: RawCode | None = None
    piece: Code | None = None


class NonconformityReported(Payload):
    description: Text
    operation_code: RawCode | None = None
    quantity: Pieces | None = None


class AttendanceRecorded(Payload):
    badge_user_ref: Code
    direction: Literal["in", "out"]


class ChecklistCompleted(Payload):
    checklist_code: Code
    answers: dict[str, Any]
    machine_code: Code | None = None
    operation_code: RawCode | None = None


class DocumentAcknowledged(Payload):
    document_code: Code
    revision: Code


class Subcontract(Payload):
    operation_code: RawCode
    quantity: Pieces
    supplier_code: Code | None = None


EVENT_PAYLOADS: dict[str, type[Payload]] = {
    "scan.read": ScanRead,
    "operation.started": OperationStarted,
    "operation.paused": OperationPaused,
    "operation.resumed": OperationResumed,
    "operation.reported": OperationReported,
    "operation.finished": OperationFinished,
    "operation.undone": OperationUndone,
    "comment.added": CommentAdded,
    "tool.broken": ToolBroken,
    "tool.changed": ToolChanged,
    "breakdown.reported": BreakdownReported,
    "stock.taken": StockTaken,
    "stock.returned": StockReturned,
    "stock.moved": StockMoved,
    "stock.counted": StockCounted,
    "cabinet.session": CabinetSession,
    "vision.detection": VisionDetection,
    "vision.disputed": VisionDisputed,
    "vision.counted": VisionCounted,
    "machine.state": MachineStateChanged,
    "machine.cycle": MachineCycle,
    "machine.alarm": MachineAlarm,
    "collision.risk": Collision,
    "collision.impact": Collision,
    "collision.recorded": CollisionRecorded,
    "collision.judged": CollisionJudged,
    "collision.counters": CollisionCounters,
    "machine.anomaly": MachineAnomaly,
    "machine.model": MachineModel,
    "camera.clip": CameraClip,
    "camera.state": CameraState,
    "instrument.used": InstrumentUsed,
    "measurement.recorded": MeasurementRecorded,
    "nonconformity.reported": NonconformityReported,
    "attendance.recorded": AttendanceRecorded,
    "checklist.completed": ChecklistCompleted,
    "document.acknowledged": DocumentAcknowledged,
    "goods.received": GoodsReceived,
    "subcontract.sent": Subcontract,
    "subcontract.returned": Subcontract,
    "program.transferred": ProgramTransferred,
    "health.alert": HealthAlert,
}
TELEMETRY_PAYLOADS: dict[str, type[Payload]] = {"telemetry.batch": TelemetryBatch}
PAYLOADS: dict[str, type[Payload]] = EVENT_PAYLOADS | TELEMETRY_PAYLOADS


def parse_payload(event_type: str, payload: dict[str, Any]) -> Payload:
    """Typed payload. Raises ``ProtocolError`` ``type.unknown`` or ``payload.invalid`` naming the fields."""
    model = PAYLOADS.get(event_type)
    if model is None:
        raise ProtocolError("type.unknown", f"Type de message inconnu : {event_type!r}.")
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        raise ProtocolError("payload.invalid", describe(error)) from None
