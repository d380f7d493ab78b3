"""From raw signals to normalised state, cycles, alarms and collisions: pure calculations (MCH-14)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from edge_agents.drivers.opcua_machine.config import Limit, NodeSpec
from edge_agents.protocol.payloads import MachineState

Value = float | str | bool | None
GOOD, BAD = 0, 2
_MAX_TRACE = 600
_REARM = 0.8
_FUTURE_S = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one signal; ``at`` in epoch seconds."""

    signal: str
    value: Value
    at: float
    quality: int = GOOD


@dataclass(frozen=True, slots=True)
class MachineEvent:
    """An event to record, with the time it happened."""

    type: str
    payload: dict[str, Any]
    at: float


def normalise(spec: NodeSpec, raw: Any) -> Value:
    """Word of the map, scaled number, or text; ``None`` when there is nothing."""
    if raw is None:
        return None
    text = getattr(raw, "Text", raw)
    if spec.map:
        key = str(int(text)) if isinstance(text, (int, float)) and not isinstance(text, bool) else str(text)
        return spec.map.get(key, spec.map.get(key.lower(), key.lower()))
    if isinstance(text, bool):
        return text
    if isinstance(text, (int, float)):
        return float(text) * spec.scale
    return str(text)


def grade(spec: NodeSpec, value: Value, at: float, now: float, *, good: bool) -> int:
    """Quality of a value: bad when the server says so, out of its range, or in the future (MCH-47)."""
    if not good or at > now + _FUTURE_S:
        return BAD
    if isinstance(value, float):
        if not math.isfinite(value):
            return BAD
        if (spec.low is not None and value < spec.low) or (spec.high is not None and value > spec.high):
            return BAD
    return GOOD


def derive_state(values: Mapping[str, Value]) -> MachineState:
    """Normalised state of a machine from the last good value of each signal.

    Order of the rules: power, alarm, service, running, interrupted, setup, idle. Without any value the state
    is unknown, never stopped (MCH-45).
    """
    if not values:
        return "unknown"
    mode, program = values.get("operation_mode"), values.get("program_state")
    channel, execution = values.get("channel_state"), values.get("execution")
    if values.get("power_on") is False or execution == "off":
        return "off"
    if _alarm(values) or execution == "alarm":
        return "alarm"
    if mode == "service" or execution == "maintenance":
        return "maintenance"
    if program == "running" or execution == "running" or (program is None and channel == "active"):
        return "waiting" if values.get("feed_override") == 0.0 else "running"
    if program == "interrupted" or channel == "interrupted" or execution == "waiting":
        return "waiting"
    if mode in ("setup", "manual") or execution == "setup":
        return (
            "setup" if mode == "setup" or execution == "setup" or values.get("spindle_rotating") else "idle"
        )
    return "idle"


def _alarm(values: Mapping[str, Value]) -> str | None:
    code = values.get("alarm_code")
    if code in (None, "", 0.0, "0", False):
        return None
    return str(int(code)) if isinstance(code, float) else str(code)


@dataclass
class PartCounter:
    """Pieces made, from a counter which may be reset or jump (MCH-48)."""

    max_step: int
    last: int | None = None

    def step(self, value: float) -> tuple[int, str | None]:
        """Pieces since the last value (0 to ``max_step``), and what was wrong with it."""
        number, last = int(value), self.last
        self.last = number
        if last is None or number == last:
            return 0, None
        if number < last:
            return 0, f"compteur de pièces remis de {last} à {number}"
        if number - last > self.max_step:
            return 0, f"saut du compteur de pièces de {last} à {number}"
        return number - last, None


@dataclass
class _Cycle:
    uid: str
    program: str | None
    started: float
    ended: float | None = None
    result: str = "complete"
    parts: int = 0


@dataclass
class MachineTracker:
    """Keeps what is known of one machine and turns each sample into events."""

    machine_code: str
    limits: Mapping[str, Limit]
    ring_s: float = 30.0
    stale_s: float = 30.0
    max_parts_per_step: int = 50
    parts_per_cycle: int = 1
    settle_s: float = 1.0
    collision_response: str = "alert"
    values: dict[str, Value] = field(default_factory=dict)
    state: MachineState = "unknown"
    since: float | None = None
    _last_at: float | None = None
    _counter: PartCounter = field(init=False)
    _cycle: _Cycle | None = None
    _alarm: tuple[str, str] | None = None
    _armed: dict[str, str] = field(default_factory=dict)
    _rings: dict[str, deque[tuple[float, float | None]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._counter = PartCounter(self.max_parts_per_step)

    def observe(self, sample: Sample) -> list[MachineEvent]:
        """Takes one sample; a bad one only counts as a sign of life."""
        self._last_at = max(self._last_at or sample.at, sample.at)
        events: list[MachineEvent] = []
        if sample.quality >= BAD:
            return events
        previous = self.values.get(sample.signal)
        if sample.value is None:
            self.values.pop(sample.signal, None)
        else:
            self.values[sample.signal] = sample.value
        if isinstance(sample.value, float):
            self._remember(sample)
            events += self._collision(sample)
        if sample.signal == "program_state":
            events += self._program(str(sample.value or ""), str(previous or ""), sample.at)
        if sample.signal == "part_count" and isinstance(sample.value, float):
            events += self._parts(sample.value, sample.at)
        if sample.signal in ("alarm_code", "alarm_text"):
            events += self._alarms(sample.at)
        return events + self._update_state(sample.at)

    def alive(self, at: float) -> None:
        """The server answers although no value changed."""
        self._last_at = max(self._last_at or at, at)

    def tick(self, now: float) -> list[MachineEvent]:
        """Lets time pass: ends settled cycles and notices silence."""
        events: list[MachineEvent] = []
        cycle = self._cycle
        if cycle is not None and cycle.ended is not None and now - cycle.ended >= self.settle_s:
            events.append(self._close_cycle(cycle))
        if self._last_at is not None and now - self._last_at > self.stale_s and self.state != "unknown":
            self.values.clear()
            events += self._change_state("unknown", now, f"aucune donnée depuis {self.stale_s:g} s")
        return events

    def lost(self, now: float, cause: str) -> list[MachineEvent]:
        """The connection was cut: nothing is known any more."""
        events: list[MachineEvent] = []
        cycle = self._cycle
        if cycle is not None and cycle.ended is not None:
            events.append(self._close_cycle(cycle))
        self.values.clear()
        return events + (self._change_state("unknown", now, cause) if self.state != "unknown" else [])

    def _update_state(self, at: float) -> list[MachineEvent]:
        new = derive_state(self.values)
        if new == self.state:
            return []
        return self._change_state(new, at, self._alarm[1] if new == "alarm" and self._alarm else None)

    def _change_state(self, new: MachineState, at: float, cause: str | None) -> list[MachineEvent]:
        payload = {
            "machine_code": self.machine_code,
            "state": new,
            "previous_state": self.state,
            "since": _utc(at),
            "cause": cause,
        }
        self.state, self.since = new, at
        return [MachineEvent("machine.state", payload, at)]

    def _program(self, new: str, old: str, at: float) -> list[MachineEvent]:
        events: list[MachineEvent] = []
        cycle = self._cycle
        if new == "running":
            if cycle is not None and cycle.ended is not None:
                events.append(self._close_cycle(cycle))
            if self._cycle is None:
                program = self.values.get("program")
                self._cycle = _Cycle(str(uuid4()), str(program) if program else None, at)
        elif cycle is not None and cycle.ended is None and new != "interrupted":
            cycle.ended = at
            aborted = "interrupted" if old == "interrupted" else "aborted"
            cycle.result = "complete" if new == "ended" else aborted
        return events

    def _close_cycle(self, cycle: _Cycle) -> MachineEvent:
        self._cycle = None
        ended = cycle.ended if cycle.ended is not None else cycle.started
        counted = "part_count" in self.values or self._counter.last is not None
        estimated = self.parts_per_cycle if cycle.result == "complete" else 0
        payload = {
            "machine_code": self.machine_code,
            "cycle_uid": cycle.uid,
            "program": cycle.program,
            "started_at": _utc(cycle.started),
            "ended_at": _utc(ended),
            "result": cycle.result,
            "part_count": cycle.parts if counted else estimated,
        }
        return MachineEvent("machine.cycle", payload, ended)

    def _parts(self, value: float, at: float) -> list[MachineEvent]:
        made, problem = self._counter.step(value)
        if problem is not None:
            text = f"{self.machine_code} : {problem} ; aucune pièce comptée."
            return [MachineEvent("health.alert", {"code": "machine.part_counter", "message": text}, at)]
        if made == 0:
            return []
        if self._cycle is not None:
            self._cycle.parts += made
            return []
        program = self.values.get("program")
        cycle = _Cycle(str(uuid4()), str(program) if program else None, at, at, "complete", made)
        return [self._close_cycle(cycle)]

    def _alarms(self, at: float) -> list[MachineEvent]:
        code = _alarm(self.values)
        text = str(self.values.get("alarm_text") or "")
        if code is None:
            ended, self._alarm = self._alarm, None
            return [self._alarm_event(*ended, active=False, at=at)] if ended else []
        if self._alarm is not None and self._alarm[0] == code:
            self._alarm = (code, text or self._alarm[1])
            return []
        events = [self._alarm_event(*self._alarm, active=False, at=at)] if self._alarm else []
        self._alarm = (code, text)
        return [*events, self._alarm_event(code, text, active=True, at=at)]

    def _alarm_event(self, code: str, text: str, *, active: bool, at: float) -> MachineEvent:
        payload = {"machine_code": self.machine_code, "code": code, "text": text, "active": active}
        return MachineEvent("machine.alarm", payload, at)

    def _remember(self, sample: Sample) -> None:
        ring = self._rings.setdefault(sample.signal, deque(maxlen=20_000))
        ring.append((sample.at, sample.value if isinstance(sample.value, float) else None))
        while ring and sample.at - ring[0][0] > self.ring_s:
            ring.popleft()

    def _collision(self, sample: Sample) -> list[MachineEvent]:
        limit, value = self.limits.get(sample.signal), sample.value
        if limit is None or not isinstance(value, float):
            return []
        level = "impact" if value >= limit.impact else "risk" if value >= limit.risk else None
        armed = self._armed.get(sample.signal, "")
        if level is None:
            if value < limit.risk * _REARM:
                self._armed.pop(sample.signal, None)
            return []
        if armed in ("impact", level):
            return []
        self._armed[sample.signal] = level
        threshold = limit.impact if level == "impact" else limit.risk
        program, tool = self.values.get("program"), self.values.get("tool")
        payload = {
            "machine_code": self.machine_code,
            "source": "machine_signal",
            "signal": sample.signal,
            "value": value,
            "threshold": threshold,
            "program": str(program) if program else None,
            "tool": _tool(tool),
            "signals": self.traces(sample.at),
            "response": self.collision_response,
        }
        return [MachineEvent(f"collision.{level}", payload, sample.at)]

    def traces(self, now: float) -> list[dict[str, Any]]:
        """The last seconds of every numeric signal, thinned to at most 600 points each."""
        found = []
        for name, ring in sorted(self._rings.items()):
            points = [(at, value) for at, value in ring if now - at <= self.ring_s]
            stride = max(1, math.ceil(len(points) / _MAX_TRACE))
            kept = points[::-1][::stride][::-1]
            if kept:
                times = [round(at * 1000) for at, _ in kept]
                found.append({"channel": name, "t": times, "v": [value for _, value in kept]})
        return found[:32]


def _tool(value: Value) -> str | None:
    if value is None:
        return None
    return f"T{int(value)}" if isinstance(value, float) else str(value)


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
