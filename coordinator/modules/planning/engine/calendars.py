"""Arithmetic on sorted, disjoint, half-open intervals of minutes, and the load profile of a person."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from coordinator.modules.planning.engine.model import Interval, Placement


def normalise(intervals: Iterable[Interval]) -> list[Interval]:
    """Sorted and merged copy; empty intervals are dropped."""
    merged: list[Interval] = []
    for start, end in sorted(interval for interval in intervals if interval[1] > interval[0]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def subtract(openings: Iterable[Interval], blocked: Iterable[Interval]) -> list[Interval]:
    """Parts of `openings` outside `blocked`."""
    result: list[Interval] = []
    cuts = normalise(blocked)
    for start, end in normalise(openings):
        cursor = start
        for cut_start, cut_end in cuts:
            if cut_end <= cursor or cut_start >= end:
                continue
            if cut_start > cursor:
                result.append((cursor, cut_start))
            cursor = max(cursor, cut_end)
        if cursor < end:
            result.append((cursor, end))
    return result


def intersect(first: Sequence[Interval], second: Sequence[Interval]) -> list[Interval]:
    """Common parts of two normalised lists."""
    result: list[Interval] = []
    i = j = 0
    while i < len(first) and j < len(second):
        start, end = max(first[i][0], second[j][0]), min(first[i][1], second[j][1])
        if start < end:
            result.append((start, end))
        if first[i][1] < second[j][1]:
            i += 1
        else:
            j += 1
    return result


class Axis:
    """A normalised calendar with fast search."""

    __slots__ = ("ends", "intervals", "starts")

    def __init__(self, intervals: Sequence[Interval]) -> None:
        self.intervals = list(intervals)
        self.starts = [interval[0] for interval in self.intervals]
        self.ends = [interval[1] for interval in self.intervals]

    def work(self, start: int, minutes: int) -> list[Interval] | None:
        """Worked intervals of `minutes` from `start` on; None when the calendar ends before."""
        pieces: list[Interval] = []
        index = bisect_right(self.ends, start)
        left = minutes
        while left > 0:
            if index >= len(self.intervals):
                return None
            begin = max(self.starts[index], start)
            end = min(self.ends[index], begin + left)
            pieces.append((begin, end))
            left -= end - begin
            index += 1
        return pieces

    def first_open(self, start: int) -> int | None:
        """First open minute at or after `start`."""
        index = bisect_right(self.ends, start)
        return None if index >= len(self.intervals) else max(self.starts[index], start)

    def total(self, start: int, end: int) -> int:
        """Open minutes within `[start, end)`."""
        index = bisect_right(self.ends, start)
        total = 0
        while index < len(self.intervals) and self.starts[index] < end:
            total += min(self.ends[index], end) - max(self.starts[index], start)
            index += 1
        return total


class LoadProfile:
    """Load of a person in percent over time, as a step function."""

    __slots__ = ("loads", "times")

    def __init__(self) -> None:
        self.times: list[int] = [-(10**9)]
        self.loads: list[int] = [0]

    def _split(self, minute: int) -> int:
        index = bisect_left(self.times, minute)
        if index == len(self.times) or self.times[index] != minute:
            self.times.insert(index, minute)
            self.loads.insert(index, self.loads[index - 1])
        return index

    def add(self, interval: Interval, pct: int) -> None:
        """Adds `pct` over the interval."""
        low, high = self._split(interval[0]), self._split(interval[1])
        for index in range(low, high):
            self.loads[index] += pct

    def first_conflict(self, interval: Interval, pct: int) -> int | None:
        """End of the first step of the interval where adding `pct` would exceed 100 %; None when it fits."""
        index = bisect_right(self.times, interval[0]) - 1
        while index < len(self.times) and self.times[index] < interval[1]:
            if self.loads[index] + pct > 100:
                return self.times[index + 1] if index + 1 < len(self.times) else interval[1]
            index += 1
        return None


def time_at_work(pieces: Sequence[Interval], minutes: int) -> int:
    """Instant at which `minutes` of the pieces have been worked (0 gives the first start)."""
    left = minutes
    for start, end in pieces:
        if left <= end - start:
            return start + left
        left -= end - start
    return pieces[-1][1]


def batch_done(placed: Placement, pieces_done: int, quantity: int) -> int:
    """When the first `pieces_done` of `quantity` pieces are finished (pieces follow each other evenly)."""
    if not placed.run_pieces:
        return placed.end_min
    run = sum(end - start for start, end in placed.run_pieces)
    return time_at_work(placed.run_pieces, -(-run * pieces_done // quantity))
