"""Payloads of machines and their cameras: states, cycles, incidents, models, clips, telemetry."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from edge_agents.protocol.envelope import UtcTime
from edge_agents.protocol.fields import (
    Amount,
    Code,
    Confidence,
    Finite,
    Payload,
    Pieces,
    PositiveAmount,
    Sha256,
    Text,
)
from edge_agents.protocol.units import MAX_UNIT

Response = Literal["log", "alert", "request_stop"]
MachineState = Literal["off", "idle", "setup", "running", "waiting", "alarm", "maintenance", "unknown"]


class MachineStateChanged(Payload):
    machine_code: Code
    state: MachineState
    previous_state: MachineState
    since: UtcTime
    cause: Text | None = None


class ToolTime(Payload):
    """Minutes a tool worked in a program run; ``tool`` as the control names it (T and its number, or its name)."""

    tool: Code
    used_min: Amount


class MachineCycle(Payload):
    """One program run; ``part_count`` is the number of pieces this cycle made (reset and jumps removed).

    ``tools`` is empty where the control does not name the active tool.
    """

    machine_code: Code
    cycle_uid: UUID
    program: str | None
    started_at: UtcTime
    ended_at: UtcTime
    result: Literal["complete", "interrupted", "aborted"]
    part_count: Pieces
    tools: Annotated[list[ToolTime], Field(default_factory=list, max_length=64)]


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


class ProgramTransferred(Payload):
    machine_code: Code
    program: Code
    sha256: Sha256
    direction: Literal["to_machine", "from_machine"]


ChannelCode = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class ChannelBatch(Payload):
    """Values of one channel: epoch ms, value or null, quality 0 good, 1 uncertain, 2 and above bad."""

    unit: Annotated[str, StringConstraints(max_length=MAX_UNIT)]
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
    channels: dict[ChannelCode, ChannelBatch]
