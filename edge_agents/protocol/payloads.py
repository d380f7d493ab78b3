"""One model per event and telemetry type, and the registry both sides validate with (EDG-15, EDG-16).

Unknown fields are ignored, missing mandatory ones rejected. ``operation_code`` and ``code`` carry the
raw text of the QR code (for example ``gu:q/<uuid>``).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from edge_agents.protocol.envelope import UtcTime, describe
from edge_agents.protocol.errors import ProtocolError

Code = Annotated[str, StringConstraints(min_length=1, max_length=256)]
RawCode = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Pieces = Annotated[int, Field(ge=0, le=10_000_000)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False, le=1e9)]
PositiveAmount = Annotated[float, Field(gt=0, allow_inf_nan=False, le=1e9)]
Percent = Annotated[float, Field(ge=0, le=100)]
Confidence = Annotated[float, Field(ge=0, le=1)]
Means = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")]
Response = Literal["log", "alert", "request_stop"]
MachineState = Literal["off", "idle", "setup", "running", "waiting", "alarm", "maintenance", "unknown"]


class Payload(BaseModel):
    """Base of all payloads."""

    model_config = ConfigDict(extra="ignore", frozen=True)


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
    method: Literal["presence", "count", "boxes", "marker", "label_text", "weight", "bar_ends"]
    usable: bool
    reason: Text | None
    code: RawCode | None = None
    model: Text | None = None
    crop_before: Sha256 | None = None
    crop_after: Sha256 | None = None
    frame: tuple[Finite, Finite, Finite, Finite] | None = None
    diameter_mm: Amount | None = None


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
    """Every compartment of a station counted at once, doors closed: asked for, or once a day."""

    count_uid: UUID
    trigger: Literal["daily", "asked", "restart"]
    places: Annotated[list[CountedPlace], Field(max_length=400)]
    image: Sha256 | None = None
    model: Text | None = None
    brightness: Amount | None = None
    sharpness: Amount | None = None


class MachineStateChanged(Payload):
    machine_code: Code
    state: MachineState
    previous_state: MachineState
    since: UtcTime
    cause: Text | None = None


class MachineCycle(Payload):
    """One program run; ``part_count`` is the number of pieces this cycle made (reset and jumps removed)."""

    machine_code: Code
    cycle_uid: UUID
    program: str | None
    started_at: UtcTime
    ended_at: UtcTime
    result: Literal["complete", "interrupted", "aborted"]
    part_count: Pieces


class MachineAlarm(Payload):
    """Raised once and cleared once; ``severity`` 1 to 1000 as in OPC UA, where the control gives one."""

    machine_code: Code
    code: str
    text: str
    active: bool
    severity: Annotated[int, Field(ge=0, le=1000)] | None = None


class SignalTrace(Payload):
    """Samples of one channel around an incident; ``t`` in epoch milliseconds."""

    channel: Code
    t: list[int]
    v: list[Finite | None]

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.t) != len(self.v):
            raise ValueError("t et v doivent avoir la même longueur")
        return self


class Collision(Payload):
    machine_code: Code
    source: Code
    signal: Code
    value: Finite
    threshold: Finite
    program: str | None
    tool: str | None
    signals: Annotated[list[SignalTrace], Field(max_length=32)]
    response: Response = "alert"
    incident_uid: UUID | None = None
    basis: Literal["limit", "baseline", "alarm", "sensor"] = "limit"
    program_line: str | None = None
    stop: Literal["requested", "refused"] | None = None
    stop_detail: Text | None = None
    reaction_ms: Annotated[float, Field(ge=0)] | None = None


class CollisionRecorded(Payload):
    """What a collision notice announced, once the time after it has passed: signals from before and after.

    ``is_complete`` is false when the station lost power or the machine its connection meanwhile.
    """

    incident_uid: UUID
    machine_code: Code
    level: Literal["risk", "impact"]
    before_s: Amount
    after_s: Amount
    is_complete: bool
    signals: Annotated[list[SignalTrace], Field(max_length=32)]


class CollisionJudged(Payload):
    """What a person says of an incident at the station; ``missed`` has no incident (MCH-27)."""

    machine_code: Code
    verdict: Literal["confirmed", "false_alarm", "missed"]
    incident_uid: UUID | None = None
    was_stopped: bool = False
    comment: Text | None = None


class CollisionCounters(Payload):
    """Counters of the last ``window_days`` and the response in force; ``is_demoted`` after too many false stops (MCH-27)."""

    machine_code: Code
    window_days: PositiveAmount
    risks: Pieces
    impacts: Pieces
    stops: Pieces
    false_stops: Pieces
    missed: Pieces
    response: Response
    is_demoted: bool


class AnomalyReason(Payload):
    """One measure of a cycle beside what is usual for this program (median, and the range of nine cycles in ten)."""

    feature: Code
    value: Finite
    usual: Finite
    low: Finite
    high: Finite
    unit: str
    share: Confidence


class MachineAnomaly(Payload):
    """Score of a finished cycle, 0 usual to 1 never seen; ``is_approved`` says whether a person approved the model."""

    machine_code: Code
    cycle_uid: UUID
    program: str | None
    tool: str | None
    score: Confidence
    threshold: Confidence
    model_version: Code
    is_approved: bool
    explanation: Annotated[list[AnomalyReason], Field(max_length=16)]


class MachineModel(Payload):
    """A model the station learned from good cycles and proposes; rates are measured on cycles kept aside."""

    machine_code: Code
    version: Code
    learned_from: UtcTime
    learned_to: UtcTime
    cycles: Pieces
    held_out: Pieces
    programs: Annotated[list[Code], Field(max_length=200)]
    features: Annotated[list[Code], Field(max_length=64)]
    contamination: Confidence
    seed: int
    threshold: Confidence
    false_alarm_rate: Confidence
    precision: Confidence | None = None
    recall: Confidence | None = None
    judged_anomalies: Pieces = 0


class CameraClip(Payload):
    """A clip kept for an event; files by their sha256, uploaded over HTTPS, never a continuous recording (MCH-35)."""

    camera_code: Code
    machine_code: Code | None = None
    reason: Code
    incident_uid: UUID | None = None
    started_at: UtcTime
    ended_at: UtcTime
    frames: Pieces
    clip: Sha256 | None
    image: Sha256 | None
    delete_after: UtcTime


class CameraState(Payload):
    """``covered`` sees nothing, ``offline`` delivers nothing, ``off`` is not activated (MCH-36, MCH-51)."""

    camera_code: Code
    state: Literal["live", "offline", "covered", "off"]
    since: UtcTime
    detail: Text | None = None


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


class GoodsReceived(Payload):
    code: RawCode
    quantity: PositiveAmount
    location_code: Code | None = None


class Subcontract(Payload):
    operation_code: RawCode
    quantity: Pieces
    supplier_code: Code | None = None


class ProgramTransferred(Payload):
    machine_code: Code
    program: Code
    sha256: Sha256
    direction: Literal["to_machine", "from_machine"]


class ChannelBatch(Payload):
    """Values of one channel: epoch ms, value or null, quality 0 good, 1 uncertain, 2 and above bad."""

    unit: str
    t: list[int]
    v: list[Finite | None]
    q: list[Annotated[int, Field(ge=0, le=255)]] | None = None

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.t) != len(self.v) or (self.q is not None and len(self.q) != len(self.t)):
            raise ValueError("t, v et q doivent avoir la même longueur")
        return self


class TelemetryBatch(Payload):
    machine_code: Code
    channels: dict[Code, ChannelBatch]


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
