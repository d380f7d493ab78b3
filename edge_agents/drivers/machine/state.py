"""Samples, their quality, and the normalised state of a machine: pure calculations (MCH-14, MCH-47)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

from edge_agents.drivers.machine.config import SignalSpec
from edge_agents.protocol.payloads import MachineState

Value = float | str | bool | None
GOOD, BAD = 0, 2
_FUTURE_S = 60.0
_WORDS: dict[str, Value] = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one signal; ``at`` in epoch seconds."""

    signal: str
    value: Value
    at: float
    quality: int = GOOD


@dataclass(frozen=True, slots=True)
class MachineEvent:
    """An event to record, with the time it happened; ``uid`` makes a repetition harmless."""

    type: str
    payload: dict[str, Any]
    at: float
    uid: UUID = field(default_factory=uuid4)


def normalise(spec: SignalSpec, raw: Any) -> Value:
    """Word of the map, scaled number, or text; ``None`` when there is nothing."""
    if isinstance(raw, (list, tuple)):
        raw = raw[0] if raw else None
    if raw is None:
        return None
    text = getattr(raw, "Text", raw)
    if spec.map:
        key = str(int(text)) if isinstance(text, (int, float)) and not isinstance(text, bool) else str(text)
        word = spec.map.get(key, spec.map.get(key.lower(), key.lower()))
        return _WORDS.get(word, word)
    if isinstance(text, bool):
        return text
    if isinstance(text, (int, float)):
        return float(text) * spec.scale
    return None if text is None else str(text)


def grade(spec: SignalSpec, value: Value, at: float, now: float, *, good: bool) -> int:
    """Quality of a value: bad when the source says so, out of its range, or in the future (MCH-47)."""
    if not good or at > now + _FUTURE_S:
        return BAD
    if isinstance(value, float):
        if not math.isfinite(value):
            return BAD
        if (spec.low is not None and value < spec.low) or (spec.high is not None and value > spec.high):
            return BAD
    return GOOD


def derive_state(values: Mapping[str, Value], *, stopping_alarm: bool = False) -> MachineState:
    """Normalised state of a machine from the last good value of each signal.

    Order of the rules: power, alarm, service, running, interrupted, setup, idle. Without any value the state
    is unknown, never stopped (MCH-45). ``alarm_state`` decides alone where the control has it, and so does
    ``execution``, which is a state already.
    """
    if not values:
        return "unknown"
    mode, program = values.get("operation_mode"), values.get("program_state")
    channel, execution = values.get("channel_state"), values.get("execution")
    if values.get("power_on") in (False, "off") or execution == "off":
        return "off"
    if (
        _is_stopped_by_alarm(values, stopping_alarm=stopping_alarm)
        or execution == "alarm"
        or program == "error"
    ):
        return "alarm"
    if mode == "service" or execution == "maintenance":
        return "maintenance"
    if execution in ("idle", "setup", "waiting"):
        return cast(MachineState, execution)
    if program == "running" or execution == "running" or (program is None and channel == "active"):
        return "waiting" if values.get("feed_override") == 0.0 else "running"
    if program == "interrupted" or channel == "interrupted":
        return "waiting"
    if mode in ("setup", "manual"):
        return "setup" if mode == "setup" or values.get("spindle_rotating") else "idle"
    return "idle"


def _is_stopped_by_alarm(values: Mapping[str, Value], *, stopping_alarm: bool) -> bool:
    if "alarm_state" in values:
        return values["alarm_state"] == "stop"
    return stopping_alarm or alarm_code(values) is not None


def alarm_code(values: Mapping[str, Value]) -> str | None:
    """Code of the one alarm a control shows as a signal; ``None`` when there is none."""
    code = values.get("alarm_code")
    if code in (None, "", 0.0, "0", False):
        return None
    return str(int(code)) if isinstance(code, float) else str(code)


def tool_name(value: Value) -> str | None:
    """Name of a tool from its number or its name."""
    if value in (None, ""):
        return None
    return f"T{int(value)}" if isinstance(value, float) else str(value)


def text_of(value: Value) -> str | None:
    """Words of a value, ``None`` for nothing."""
    if value in (None, ""):
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)


def utc(at: float) -> datetime:
    """Aware time of epoch seconds."""
    return datetime.fromtimestamp(at, UTC)
