"""Collision risk and impact: notices at once, the signals before and after once they are there (MCH-22 to MCH-24)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID, uuid4, uuid5

from edge_agents.drivers.machine.baseline import Baseline
from edge_agents.drivers.machine.config import Limit
from edge_agents.drivers.machine.rings import Point, Rings, append, traces
from edge_agents.drivers.machine.state import MachineEvent, Sample, Value, text_of, tool_name

Level = Literal["risk", "impact"]
_REARM = 0.8
_MAX_AFTER = 3_000


@dataclass(frozen=True, slots=True)
class _Found:
    level: Level
    value: float
    threshold: float
    basis: str
    source: str


@dataclass
class Incident:
    """One incident from its first notice until the time after it has passed."""

    uid: UUID
    level: Level
    at: float
    due_at: float
    before: dict[str, list[Point]] = field(default_factory=dict)
    after: dict[str, list[Point]] = field(default_factory=dict)
    is_whole: bool = True


@dataclass
class IncidentWatch:
    """Compares each value with the configured and the learned limits; keeps one open incident at a time."""

    machine_code: str
    limits: Mapping[str, Limit]
    response: str = "alert"
    before_s: float = 30.0
    after_s: float = 30.0
    alarm_patterns: tuple[str, ...] = ()
    baseline: Baseline | None = None
    rings: Rings = field(init=False)
    incident: Incident | None = None
    _armed: dict[str, tuple[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rings = Rings(self.before_s)

    def observe(self, sample: Sample, values: Mapping[str, Value], *, is_running: bool) -> list[MachineEvent]:
        """Takes one good sample; a notice when it crosses a limit for the first time."""
        value = sample.value
        if isinstance(value, bool):
            if sample.signal != "shock":
                return []
            value = float(value)
        if not isinstance(value, float):
            return []
        self._remember(sample.signal, sample.at, value)
        found = self._judge(sample.signal, value, values, is_running=is_running)
        if found is None:
            return []
        return [self._notice(found, sample.signal, sample.at, values)]

    def alarm(self, code: str, at: float, values: Mapping[str, Value]) -> list[MachineEvent]:
        """An alarm was raised: an impact when its code is among those which mean a collision or a servo overload."""
        if not any(_matches(pattern, code) for pattern in self.alarm_patterns):
            return []
        found = _Found("impact", 1.0, 1.0, "alarm", f"alarm:{code}"[:200])
        return [self._notice(found, "alarm_code", at, values)]

    def _judge(
        self, signal: str, value: float, values: Mapping[str, Value], *, is_running: bool
    ) -> _Found | None:
        if signal == "shock" and signal not in self.limits:
            found = _Found("impact", value, 1.0, "sensor", "shock_sensor") if value >= 1.0 else None
            return self._rising(signal, value, 1.0, found)
        fixed = self.limits.get(signal)
        learned = self._learned(signal, value, values) if is_running else None
        found = _over(value, fixed, "limit")
        other = _over(value, learned, "baseline")
        if found is None or (other is not None and found.level == "risk" and other.level == "impact"):
            found = other
        lowest = min((limit.risk for limit in (fixed, learned) if limit is not None), default=None)
        return None if lowest is None else self._rising(signal, value, lowest, found)

    def _learned(self, signal: str, value: float, values: Mapping[str, Value]) -> Limit | None:
        if self.baseline is None or signal not in self.baseline.config.signals:
            return None
        program, tool = text_of(values.get("program")) or "", tool_name(values.get("tool")) or ""
        self.baseline.observe(program, tool, signal, abs(value))
        return self.baseline.limit(program, tool, signal)

    def _rising(self, signal: str, value: float, lowest: float, found: _Found | None) -> _Found | None:
        """Lets a crossing through once; the signal is armed again below four fifths of the lowest limit."""
        armed, limit = self._armed.get(signal, ("", lowest))
        if found is None:
            if abs(value) < min(limit, lowest) * _REARM or value == 0:
                self._armed.pop(signal, None)
            return None
        if armed in ("impact", found.level):
            return None
        self._armed[signal] = (found.level, lowest)
        return found

    def _notice(self, found: _Found, signal: str, at: float, values: Mapping[str, Value]) -> MachineEvent:
        before = self.rings.points(at)
        incident = self.incident
        if incident is None:
            incident = self.incident = Incident(uuid4(), found.level, at, at + self.after_s, before)
        elif found.level == "impact":
            incident.level = "impact"
        payload = {
            "machine_code": self.machine_code,
            "source": found.source,
            "signal": signal,
            "value": found.value,
            "threshold": found.threshold,
            "program": text_of(values.get("program")),
            "program_line": text_of(values.get("program_line")),
            "tool": tool_name(values.get("tool")),
            "signals": traces(before),
            "response": self.response,
            "incident_uid": str(incident.uid),
            "basis": found.basis,
        }
        return MachineEvent(f"collision.{found.level}", payload, at)

    def _remember(self, signal: str, at: float, value: float) -> None:
        self.rings.add(signal, at, value)
        incident = self.incident
        if incident is not None and at > incident.at:
            points = incident.after.setdefault(signal, [])
            if len(points) < _MAX_AFTER:
                append(points, at, value, self.after_s / _MAX_AFTER)

    def lost(self) -> None:
        """The connection was cut: the signals after an open incident have a hole."""
        if self.incident is not None:
            self.incident.is_whole = False

    def tick(self, now: float) -> list[MachineEvent]:
        """Ends the open incident once its time after has passed; a clock set back does not keep it open for ever."""
        incident = self.incident
        if incident is None or incident.at - 1.0 <= now < incident.due_at:
            return []
        self.incident = None
        points = dict(incident.before)
        for name, after in incident.after.items():
            points[name] = points.get(name, []) + [p for p in after if p[0] <= incident.due_at]
        payload = {
            "incident_uid": str(incident.uid),
            "machine_code": self.machine_code,
            "level": incident.level,
            "before_s": self.before_s,
            "after_s": self.after_s,
            "is_complete": incident.is_whole and now >= incident.due_at,
            "signals": traces(points),
        }
        return [MachineEvent("collision.recorded", payload, incident.at, uuid5(incident.uid, "recorded"))]

    def snapshot(self) -> dict[str, Any] | None:
        """The open incident, for the file that survives a power cut (its signals before are in the notice)."""
        if self.incident is None:
            return None
        incident = self.incident
        return {
            "uid": str(incident.uid),
            "level": incident.level,
            "at": incident.at,
            "due_at": incident.due_at,
        }

    def restore(self, values: Any) -> None:
        """Takes over an incident a power cut interrupted: it ends in time, marked incomplete."""
        try:
            uid, level = UUID(values["uid"]), values["level"]
            self.incident = Incident(
                uid,
                "impact" if level == "impact" else "risk",
                float(values["at"]),
                float(values["due_at"]),
                is_whole=False,
            )
        except (TypeError, KeyError, ValueError):
            self.incident = None


def _over(value: float, limit: Limit | None, basis: str) -> _Found | None:
    if limit is None or abs(value) < limit.risk:
        return None
    level: Level = "impact" if abs(value) >= limit.impact else "risk"
    threshold = limit.impact if level == "impact" else limit.risk
    return _Found(level, value, threshold, basis, "machine_signal")


def _matches(pattern: str, code: str) -> bool:
    return code.startswith(pattern[:-1]) if pattern.endswith("*") else code == pattern
