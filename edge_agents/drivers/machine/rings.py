"""The last seconds of every numeric signal, in bounded memory, with its peaks kept (MCH-23)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Point = tuple[float, float]
_MAX_POINTS = 3_000
_MAX_SIGNALS = 32
_MAX_TRACE = 600
_MAX_TRACES = 6_000  # points of one message together: about 150 KB of the 256 KB a message may have


@dataclass
class Rings:
    """Points of the last ``span_s`` per signal, at most 3000 each: faster ones leave the farther value of a short time."""

    span_s: float
    _rings: dict[str, deque[Point]] = field(default_factory=dict)

    def add(self, signal: str, at: float, value: float) -> None:
        """Keeps one value; a late one (clock set back) is kept at the time of the last."""
        ring = self._rings.get(signal)
        if ring is None:
            if len(self._rings) >= _MAX_SIGNALS:
                return
            ring = self._rings[signal] = deque(maxlen=_MAX_POINTS)
        append(ring, at, value, self.span_s / _MAX_POINTS)
        while ring and ring[-1][0] - ring[0][0] > self.span_s:
            ring.popleft()

    def points(self, now: float) -> dict[str, list[Point]]:
        """What the rings hold of the time before ``now``."""
        found = {}
        for name, ring in self._rings.items():
            kept = [point for point in ring if now - point[0] <= self.span_s]
            if kept:
                found[name] = kept
        return found


def append(points: deque[Point] | list[Point], at: float, value: float, step_s: float) -> None:
    """Adds a point; closer than ``step_s`` to the one before, only the value farther from zero stays."""
    if points:
        last_at, last = points[-1]
        at = max(at, last_at)
        before = points[-2][0] if len(points) > 1 else None
        if before is not None and at - before < step_s:
            points[-1] = (at, value if abs(value) >= abs(last) else last)
            return
    points.append((at, value))


def traces(points: dict[str, list[Point]]) -> list[dict[str, Any]]:
    """Signals as a message carries them: lowest and highest value of each piece of time when there are too many."""
    named = sorted(points.items())[:_MAX_SIGNALS]
    limit = max(20, min(_MAX_TRACE, _MAX_TRACES // max(1, len(named))))
    found = []
    for name, all_points in named:
        kept = thin(all_points, limit)
        times = [round(at * 1000) for at, _ in kept]
        found.append({"channel": name, "t": times, "v": [value for _, value in kept]})
    return found


def thin(points: list[Point], limit: int) -> list[Point]:
    """At most ``limit`` points with the first, the last and every piece's extremes."""
    if len(points) <= limit:
        return points
    pieces = (limit - 2) // 2
    kept = [points[0]]
    inner = points[1:-1]
    for index in range(pieces):
        piece = inner[index * len(inner) // pieces : (index + 1) * len(inner) // pieces]
        kept += _extremes(piece)
    return [*kept, points[-1]]


def _extremes(piece: Iterable[Point]) -> list[Point]:
    ordered = sorted(piece, key=lambda point: point[1])
    if not ordered:
        return []
    return sorted({ordered[0], ordered[-1]})
