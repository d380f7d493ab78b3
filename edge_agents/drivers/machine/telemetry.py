"""Telemetry batches: on change with deadband, sent after 5 s or 200 values (EDG-17, MCH-11)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_agents.drivers.machine.config import SignalSpec
from edge_agents.drivers.machine.state import GOOD, Sample


@dataclass
class TelemetryBatcher:
    """Collects the numeric samples of one machine; pure, times are given in epoch seconds."""

    machine_code: str
    specs: Mapping[str, SignalSpec]
    batch_s: float
    batch_values: int
    _channels: dict[str, dict[str, Any]] = field(default_factory=dict)
    _count: int = 0
    _opened: float | None = None
    _last: dict[str, tuple[float, int]] = field(default_factory=dict)

    def add(self, sample: Sample, now: float) -> None:
        """Keeps a sample unless it lies within the deadband of the last one."""
        spec = self.specs.get(sample.signal)
        if spec is None or not spec.telemetry:
            return
        number = sample.value
        if isinstance(number, bool):
            number = float(number)
        if not isinstance(number, float):
            return
        finite = math.isfinite(number)
        last = self._last.get(sample.signal)
        if (
            last
            and finite
            and last[1] == sample.quality
            and spec.deadband
            and (abs(number - last[0]) < spec.deadband)
        ):
            return
        self._last[sample.signal] = (number if finite else 0.0, sample.quality)
        channel = self._channels.setdefault(sample.signal, {"unit": spec.unit, "t": [], "v": [], "q": []})
        channel["t"].append(round(sample.at * 1000))
        channel["v"].append(number if finite else None)
        channel["q"].append(sample.quality)
        self._count += 1
        if self._opened is None:
            self._opened = now

    def due(self, now: float) -> dict[str, Any] | None:
        """The payload to record, when the batch is old or large enough."""
        if self._opened is None:
            return None
        if self._count < self.batch_values and 0 <= now - self._opened < self.batch_s:
            return None
        return self.flush()

    def flush(self) -> dict[str, Any] | None:
        """Everything collected so far."""
        if not self._count:
            return None
        for channel in self._channels.values():
            if all(quality == GOOD for quality in channel["q"]):
                channel["q"] = None
        payload = {"machine_code": self.machine_code, "channels": self._channels}
        self._channels, self._count, self._opened = {}, 0, None
        return payload
