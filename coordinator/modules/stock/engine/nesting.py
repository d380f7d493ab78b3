"""Bar nesting: which pieces are sawn from which bar, offcuts first. Pure.

One-dimensional cutting stock with a limited number of bars of different lengths. Sequential value correction
(Belov & Scheithauer 2007): bars are filled one after the other by a knapsack over pseudo-prices of the pieces; prices
rise for pieces that ended in wasteful bars, and the filling is repeated a bounded number of times. First-fit
decreasing is the fallback and the first candidate; the best plan by ``_cost`` wins. All lengths are whole micrometres
inside, so that a bar of exactly n pieces and n − 1 kerfs gives n pieces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt

_UM = 1000
_CELLS = 12_000
"""Cells of the knapsack; a piece is rounded up to them, so a plan is never too long."""

_REST_WORTH = 0.8
"""What a kept rest is worth against a whole bar, so that few bars are opened rather than many cut into."""


@dataclass(frozen=True)
class Piece:
    """Pieces of one length that one operation needs; lengths in mm."""

    key: int
    length_mm: Decimal
    count: int


@dataclass(frozen=True)
class StockBar:
    """A bar or offcut on the shelf; length in mm."""

    key: int
    length_mm: Decimal
    is_remnant: bool = False


@dataclass(frozen=True)
class Saw:
    """What a cut costs, in mm: kerf per piece, facing per bar, shortest rest worth keeping."""

    kerf_mm: Decimal
    facing_mm: Decimal = Decimal(0)
    minimum_mm: Decimal = Decimal(50)


@dataclass(frozen=True)
class NestedBar:
    """One bar of the plan: ``pieces`` counts by key of the piece; the rest is kept or scrap."""

    bar: StockBar
    pieces: dict[int, int]
    consumed_mm: Decimal
    remainder_mm: Decimal
    keep_remainder: bool


@dataclass(frozen=True)
class Nesting:
    """A cutting plan; ``missing`` pieces by key found no bar."""

    bars: tuple[NestedBar, ...]
    missing: dict[int, int]
    new_mm: Decimal
    scrap_mm: Decimal
    kept_mm: Decimal
    rounds: int


@dataclass
class _Job:
    """The task in whole micrometres."""

    steps: list[int]
    counts: list[int]
    keys: list[int]
    bars: list[StockBar]
    kerf: int
    facing: int
    minimum: int
    prices: list[float] = field(default_factory=list)

    def room(self, bar: StockBar) -> int:
        """Length for pieces with their kerfs; the last kerf may run out of the bar."""
        return _um(bar.length_mm) - self.facing + self.kerf


_Fill = dict[int, int]
_Plan = list[tuple[StockBar, _Fill]]


def _um(value: Decimal) -> int:
    return int((value * _UM).to_integral_value())


def nest(pieces: Sequence[Piece], bars: Sequence[StockBar], saw: Saw, *, rounds: int = 24) -> Nesting:
    """Spread pieces over bars: fewest missing pieces, then least new material used up, then least scrap.

    Args:
        rounds: corrections of the pseudo-prices; the work is bounded by them, the answer is the same every time.

    Raises:
        ValueError: a length or count that is not positive, a negative kerf or facing.
    """
    _check(pieces, bars, saw)
    job = _Job(
        steps=[_um(p.length_mm + saw.kerf_mm) for p in pieces],
        counts=[p.count for p in pieces],
        keys=[p.key for p in pieces],
        bars=sorted(bars, key=lambda b: (not b.is_remnant, b.length_mm, b.key)),
        kerf=_um(saw.kerf_mm),
        facing=_um(saw.facing_mm),
        minimum=_um(saw.minimum_mm),
    )
    job.prices = [float(step) for step in job.steps]
    best = _first_fit(job)
    cost = _cost(job, best)
    done = 0
    for done in range(1, rounds + 1):
        plan = _sequential(job)
        found = _cost(job, plan)
        if found < cost:
            best, cost = plan, found
        if _is_ideal(cost) or not _correct(job, plan, done):
            break
    return _result(job, best, done)


def _check(pieces: Sequence[Piece], bars: Sequence[StockBar], saw: Saw) -> None:
    if any(p.length_mm <= 0 or p.count <= 0 for p in pieces) or any(b.length_mm <= 0 for b in bars):
        raise ValueError("lengths and counts are positive")
    if saw.kerf_mm < 0 or saw.facing_mm < 0 or saw.minimum_mm < 0:
        raise ValueError("kerf, facing and minimum are not negative")


def _first_fit(job: _Job) -> _Plan:
    """Longest pieces first into the first bar with room; remnants come first in the list of bars."""
    left = [job.room(bar) for bar in job.bars]
    fills: list[_Fill] = [{} for _ in job.bars]
    order = sorted(range(len(job.steps)), key=lambda i: -job.steps[i])
    for index in order:
        todo = job.counts[index]
        for place, room in enumerate(left):
            if todo == 0:
                break
            fits = min(todo, max(0, room // job.steps[index]))
            if fits:
                fills[place][index] = fits
                left[place] = room - fits * job.steps[index]
                todo -= fits
    return [(bar, fill) for bar, fill in zip(job.bars, fills, strict=True) if fill]


def _sequential(job: _Job) -> _Plan:
    """Fill bar after bar by price; among unused new bars the one that wastes least of itself is taken."""
    todo = list(job.counts)
    plan: _Plan = []
    waiting = list(job.bars)
    while any(todo) and waiting:
        bar = waiting[0]
        options = [bar] if bar.is_remnant else _one_of_each_length(waiting)
        filled = [(one, _fill(job, one, todo)) for one in options]
        bar, fill = min(filled, key=lambda pair: _waste(job, *pair))
        if not fill:
            gone = {one.length_mm for one in options}
            waiting = [b for b in waiting if b.is_remnant != bar.is_remnant or b.length_mm not in gone]
            continue
        waiting.remove(bar)
        for index, count in fill.items():
            todo[index] -= count
        plan.append((bar, fill))
    return plan


def _one_of_each_length(bars: list[StockBar]) -> list[StockBar]:
    found: dict[Decimal, StockBar] = {}
    for bar in bars:
        found.setdefault(bar.length_mm, bar)
    return list(found.values())


def _waste(job: _Job, bar: StockBar, fill: _Fill) -> tuple[bool, float, Decimal]:
    rest = _rest(job, bar, fill)
    lost = rest if rest < job.minimum else 0
    used = _um(bar.length_mm) - rest
    return (not fill, lost / used if used else 1.0, bar.length_mm)


def _rest(job: _Job, bar: StockBar, fill: _Fill) -> int:
    used = sum(job.steps[i] * n for i, n in fill.items())
    return max(0, _um(bar.length_mm) - job.facing - used)


def _fill(job: _Job, bar: StockBar, todo: list[int]) -> _Fill:
    """Dearest filling of one bar: bounded knapsack over cells, then single pieces into what rounding left."""
    room = job.room(bar)
    if room <= 0:
        return {}
    cell = max(1, math.ceil(room / _CELLS))
    size = room // cell
    value: npt.NDArray[np.float64] = np.zeros(size + 1)
    taken: list[tuple[int, int, npt.NDArray[np.bool_]]] = []
    for index, step in enumerate(job.steps):
        left = min(todo[index], room // step)
        chunk = 1
        while left > 0:
            count = min(chunk, left)
            width = math.ceil(count * step / cell)
            if width <= size:
                with_it = value[: size + 1 - width] + count * job.prices[index]
                better = np.zeros(size + 1, dtype=bool)
                better[width:] = with_it > value[width:] + 1e-9
                value[width:] = np.where(better[width:], with_it, value[width:])
                taken.append((index, count, better))
            left -= count
            chunk *= 2
    return _squeeze(job, room, todo, _read_back(job, taken, size, cell))


def _read_back(job: _Job, taken: list[tuple[int, int, npt.NDArray[np.bool_]]], size: int, cell: int) -> _Fill:
    fill: _Fill = {}
    at = size
    for index, count, better in reversed(taken):
        if better[at]:
            fill[index] = fill.get(index, 0) + count
            at -= math.ceil(count * job.steps[index] / cell)
    return fill


def _squeeze(job: _Job, room: int, todo: list[int], fill: _Fill) -> _Fill:
    left = room - sum(job.steps[i] * n for i, n in fill.items())
    for index in sorted(range(len(job.steps)), key=lambda i: -job.steps[i]):
        more = min(todo[index] - fill.get(index, 0), left // job.steps[index])
        if more > 0:
            fill[index] = fill.get(index, 0) + more
            left -= more * job.steps[index]
    return fill


def _correct(job: _Job, plan: _Plan, turn: int) -> bool:
    """Pieces of wasteful bars become dearer, so that they are placed while there is choice. Whether anything changed."""
    moved = False
    for bar, fill in plan:
        rest = _rest(job, bar, fill)
        share = rest / max(1, _um(bar.length_mm))
        weight = 1.0 / (1 + turn * 0.15)
        for index in fill:
            wanted = job.steps[index] ** 1.02 / (1.0 - 0.9 * share)
            mixed = (1 - weight) * job.prices[index] + weight * wanted
            moved = moved or abs(mixed - job.prices[index]) > 1e-6 * mixed
            job.prices[index] = mixed
    return moved


def _cost(job: _Job, plan: _Plan) -> tuple[int, int, int, int, int]:
    """Missing length, worth of new material used up, scrap, bars touched, pieces of rest."""
    placed = [0] * len(job.steps)
    new = scrap = kept = 0
    for bar, fill in plan:
        rest = _rest(job, bar, fill)
        lost = rest if rest < job.minimum else 0
        scrap += lost
        kept += 1 if rest >= job.minimum else 0
        if not bar.is_remnant:
            new += _um(bar.length_mm) - int(_REST_WORTH * (rest - lost))
        for index, count in fill.items():
            placed[index] += count
    missing = sum((want - got) * s for want, got, s in zip(job.counts, placed, job.steps, strict=True))
    return (missing, new, scrap, len(plan), kept)


def _is_ideal(cost: tuple[int, int, int, int, int]) -> bool:
    return cost[0] == 0 and cost[2] == 0 and cost[3] <= 1


def _result(job: _Job, plan: _Plan, rounds: int) -> Nesting:
    left = dict(zip(job.keys, job.counts, strict=True))
    bars = []
    for bar, fill in plan:
        rest = Decimal(_rest(job, bar, fill)) / _UM
        pieces = {job.keys[i]: n for i, n in sorted(fill.items(), key=lambda p: -job.steps[p[0]])}
        for key, count in pieces.items():
            left[key] -= count
        keep = rest > 0 and _um(rest) >= job.minimum
        bars.append(NestedBar(bar, pieces, bar.length_mm - rest, rest, keep))
    scrap = sum((b.remainder_mm for b in bars if not b.keep_remainder), Decimal(0))
    kept = sum((b.remainder_mm for b in bars if b.keep_remainder), Decimal(0))
    new = sum(
        (b.bar.length_mm - (b.remainder_mm if b.keep_remainder else 0) for b in bars if not b.bar.is_remnant),
        Decimal(0),
    )
    return Nesting(tuple(bars), {k: n for k, n in left.items() if n}, new, scrap, kept, rounds)


def lower_bound_mm(pieces: Sequence[Piece], bars: Sequence[StockBar], saw: Saw) -> Decimal:
    """Length no plan can do without: every piece with its kerf, less one kerf for each bar there is."""
    need = sum((p.count * (p.length_mm + saw.kerf_mm) for p in pieces), Decimal(0))
    return max(Decimal(0), need - len(bars) * saw.kerf_mm)
