"""Peaks of good cycles per program and tool: limits nobody had to type (MCH-22)."""

from __future__ import annotations

import statistics
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_agents.drivers.machine.config import BaselineConfig, Limit
from edge_agents.protocol.units import conversion

Key = tuple[str, str, str]
_MAX_KEYS = 600
_KEPT_PEAKS = 60


@dataclass
class Baseline:
    """Learns from cycles which ended well; a key is program, tool, signal. Memory is bounded, the oldest key goes."""

    config: BaselineConfig
    units: Mapping[str, str] = field(default_factory=dict)
    """Unit of each signal; peaks learned in another are converted when restored, or forgotten."""
    _peaks: OrderedDict[Key, deque[float]] = field(default_factory=OrderedDict)
    _limits: dict[Key, Limit | None] = field(default_factory=dict)
    _running: dict[Key, float] = field(default_factory=dict)

    def observe(self, program: str, tool: str, signal: str, value: float) -> None:
        """One value of the running cycle."""
        key = (program, tool, signal)
        known = self._running.get(key)
        if known is None and len(self._running) >= _MAX_KEYS:
            return
        if known is None or value > known:
            self._running[key] = value

    def end_cycle(self, *, is_good: bool) -> bool:
        """Takes over the peaks of a good cycle, forgets those of any other; whether something was learned."""
        running, self._running = self._running, {}
        if not is_good:
            return False
        for key, peak in running.items():
            peaks = self._peaks.setdefault(key, deque(maxlen=_KEPT_PEAKS))
            peaks.append(round(peak, 4))
            self._peaks.move_to_end(key)
            self._limits.pop(key, None)
        while len(self._peaks) > _MAX_KEYS:
            old, _ = self._peaks.popitem(last=False)
            self._limits.pop(old, None)
        return bool(running)

    def limit(self, program: str, tool: str, signal: str) -> Limit | None:
        """Learned thresholds, or ``None`` while too few good cycles were seen.

        Median of the peaks plus factor times their spread (median absolute deviation scaled to a normal deviation).
        """
        key = (program, tool, signal)
        if key not in self._limits:
            self._limits[key] = self._compute(key)
        return self._limits[key]

    def _compute(self, key: Key) -> Limit | None:
        peaks = self._peaks.get(key)
        if peaks is None or len(peaks) < self.config.min_cycles:
            return None
        usual = statistics.median(peaks)
        if usual <= 0:
            return None
        deviation = 1.4826 * statistics.median(abs(peak - usual) for peak in peaks)
        spread = max(deviation, self.config.min_spread * usual)
        highest = max(peaks)
        risk = max(usual + self.config.risk_factor * spread, highest + spread)
        return Limit(risk=risk, impact=max(usual + self.config.impact_factor * spread, risk + spread))

    def snapshot(self) -> list[Any]:
        """What was learned, for a file."""
        return [[*key, list(peaks), self.units.get(key[2], "")] for key, peaks in self._peaks.items()]

    def restore(self, rows: Any) -> None:
        """Takes over a file; rows it does not understand are left out."""
        for row in rows if isinstance(rows, list) else []:
            try:
                program, tool, signal, peaks, unit = row if len(row) > 4 else [*row, ""]
                how = conversion(str(unit), self.units.get(str(signal)))
                if how is None:
                    continue
                numbers = [round(float(peak) * how.factor + how.offset, 4) for peak in peaks]
            except (TypeError, ValueError):
                continue
            self._peaks[(str(program), str(tool), str(signal))] = deque(numbers, maxlen=_KEPT_PEAKS)
