"""Counters of incidents, and the way back to ``alert`` after too many false stops (MCH-27)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

_DAY_S = 86_400.0
_KINDS = ("risk", "impact", "stop", "false_stop", "missed")
_MAX = 500


@dataclass
class IncidentCounters:
    """Times of what happened; pure, times in epoch seconds. Demotion lasts until ``record`` (commissioning) changes."""

    configured: str
    record: str | None
    max_false_stops: int = 2
    window_days: float = 7.0
    demoted_record: str | None = None
    _times: dict[str, deque[float]] = field(
        default_factory=lambda: {kind: deque(maxlen=_MAX) for kind in _KINDS}
    )

    @property
    def is_demoted(self) -> bool:
        """Whether stops are no longer asked for: a new signed commissioning record is the way back."""
        return self.demoted_record is not None and self.demoted_record == (self.record or "")

    @property
    def response(self) -> str:
        """Response in force."""
        return "alert" if self.configured == "request_stop" and self.is_demoted else self.configured

    def add(self, kind: str, at: float) -> bool:
        """Counts one; whether it was the false stop too many."""
        self._times[kind].append(at)
        if kind != "false_stop" or self.configured != "request_stop" or self.is_demoted:
            return False
        if self.count("false_stop", at) <= self.max_false_stops:
            return False
        self.demoted_record = self.record or ""
        return True

    def count(self, kind: str, now: float) -> int:
        """How many in the window; what lies in the future (clock set back) counts."""
        return sum(1 for at in self._times[kind] if now - at <= self.window_days * _DAY_S)

    def payload(self, machine_code: str, now: float) -> dict[str, Any]:
        """Payload of ``collision.counters``."""
        return {
            "machine_code": machine_code,
            "window_days": self.window_days,
            "risks": self.count("risk", now),
            "impacts": self.count("impact", now),
            "stops": self.count("stop", now),
            "false_stops": self.count("false_stop", now),
            "missed": self.count("missed", now),
            "response": self.response,
            "is_demoted": self.is_demoted,
        }

    def snapshot(self) -> dict[str, Any]:
        """Plain values for the file."""
        return {"demoted_record": self.demoted_record, "times": {k: list(v) for k, v in self._times.items()}}

    def restore(self, values: Any) -> None:
        """Takes over a file; what it does not understand is left out."""
        if not isinstance(values, dict):
            return
        self.demoted_record = values.get("demoted_record")
        times = values.get("times")
        for kind in _KINDS:
            rows = times.get(kind, []) if isinstance(times, dict) else []
            self._times[kind] = deque((float(at) for at in rows), maxlen=_MAX)
