"""Measures of one cycle, gathered while it runs in constant memory: what the anomaly model looks at (MCH-19)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

_QUANTITIES = ("mean", "max", "spread")


@dataclass
class _Running:
    """Time-weighted mean and spread, and the maximum, of one signal which holds its value until the next."""

    last: float
    last_at: float
    weight: float = 0.0
    total: float = 0.0
    squares: float = 0.0
    highest: float = -math.inf

    def add(self, value: float, at: float) -> None:
        self._hold(at)
        self.last = value
        self.highest = max(self.highest, value)

    def _hold(self, at: float) -> None:
        seconds = max(0.0, at - self.last_at)
        self.weight += seconds
        self.total += self.last * seconds
        self.squares += self.last * self.last * seconds
        self.last_at = max(at, self.last_at)

    def end(self, at: float) -> dict[str, float]:
        self._hold(at)
        if self.weight <= 0:
            return {}
        mean = self.total / self.weight
        variance = max(0.0, self.squares / self.weight - mean * mean)
        return {"mean": mean, "max": max(self.highest, self.last), "spread": math.sqrt(variance)}


@dataclass
class CycleMeasures:
    """Gathers one cycle; ``signals`` are those of the configuration."""

    signals: tuple[str, ...]
    _running: dict[str, _Running] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)

    def begin(self, at: float) -> None:
        """A cycle starts: signals keep the value they had."""
        self._running = {name: _Running(value, at, highest=value) for name, value in self._last.items()}

    def add(self, signal: str, value: float, at: float) -> None:
        """One good value, inside or outside of a cycle."""
        if signal not in self.signals or not math.isfinite(value):
            return
        self._last[signal] = value
        running = self._running.get(signal)
        if running is None:
            self._running[signal] = _Running(value, at, highest=value)
        else:
            running.add(value, at)

    def end(self, started: float, ended: float) -> dict[str, float]:
        """Measures of the finished cycle: ``duration_s`` and mean, max, spread per signal."""
        found = {"duration_s": ended - started}
        for name, running in sorted(self._running.items()):
            found |= {f"{name}.{quantity}": value for quantity, value in running.end(ended).items()}
        return found
