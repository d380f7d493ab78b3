"""Plate nesting: rectangles sawn from plates by edge-to-edge cuts, offcuts first. Pure.

Guillotine heuristic after Jylänki (2010): the piece goes to the free rectangle it fits best, and what is left of that
rectangle is split by one straight cut into two free rectangles. Orders of the pieces, rules of choice and of splitting
are tried, then bounded random changes of the best order; the best plan by ``_cost`` wins. The same input gives the
same plan. Lengths are whole micrometres inside.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

_UM = 1000
_REST_WORTH = 0.8
"""What a kept rest is worth against new plate, so that few plates are opened rather than many cut into."""
MAX_PIECES = 1000
"""More would keep a person waiting for many seconds; they are asked to plan in parts."""


@dataclass(frozen=True)
class PlatePiece:
    """Equal rectangles, mm. ``may_turn`` is false where the grain or the face must lie along the plate's length."""

    key: int
    length_mm: Decimal
    width_mm: Decimal
    count: int
    may_turn: bool = True


@dataclass(frozen=True)
class StockPlate:
    """A plate or offcut on the shelf, mm; its grain lies along its length."""

    key: int
    length_mm: Decimal
    width_mm: Decimal
    is_remnant: bool = False


@dataclass(frozen=True)
class PlateSaw:
    """What cutting costs, mm: kerf per cut, ``trim_mm`` off each edge of a plate, least side of a rest worth keeping."""

    kerf_mm: Decimal
    trim_mm: Decimal = Decimal(0)
    minimum_mm: Decimal = Decimal(100)


@dataclass(frozen=True)
class Rect:
    """A rectangle on a plate, mm from its corner; ``x`` runs along the plate's length."""

    x_mm: Decimal
    y_mm: Decimal
    length_mm: Decimal
    width_mm: Decimal


@dataclass(frozen=True)
class Placed:
    """One piece on a plate; ``is_turned``: its length lies across the plate."""

    key: int
    at: Rect
    is_turned: bool


@dataclass(frozen=True)
class NestedPlate:
    """One plate of the plan: its pieces, and the rectangles that are left of it."""

    plate: StockPlate
    pieces: tuple[Placed, ...]
    kept: tuple[Rect, ...]
    scrap_mm2: Decimal


@dataclass(frozen=True)
class PlateNesting:
    """A cutting plan; ``missing`` pieces by key found no plate."""

    plates: tuple[NestedPlate, ...]
    missing: dict[int, int]
    scrap_mm2: Decimal
    kept_mm2: Decimal


_Free = tuple[int, int, int, int]


@dataclass
class _Sheet:
    plate: StockPlate
    free: list[_Free]
    placed: list[tuple[int, _Free, bool]]


@dataclass(frozen=True)
class _One:
    index: int
    length: int
    width: int
    may_turn: bool


@dataclass(frozen=True)
class _Job:
    ones: list[_One]
    plates: list[StockPlate]
    keys: list[int]
    kerf: int
    trim: int
    minimum: int


_Score = Callable[[_Free, int, int], tuple[int, int]]
_Cost = tuple[int, int, int, int]


def _um(value: Decimal) -> int:
    return int((value * _UM).to_integral_value())


def nest(
    pieces: Sequence[PlatePiece], plates: Sequence[StockPlate], saw: PlateSaw, *, rounds: int = 40
) -> PlateNesting:
    """Spread rectangles over plates: least missing, then least new plate used up, then least scrap, then fewest plates.

    Args:
        rounds: random changes of the order that are tried; the work is bounded by them.

    Raises:
        ValueError: a size or count that is not positive, a negative kerf or trim, more than ``MAX_PIECES`` pieces.
    """
    _check(pieces, plates, saw)
    ones = [
        _One(i, _um(p.length_mm), _um(p.width_mm), p.may_turn)
        for i, p in enumerate(pieces)
        for _ in range(p.count)
    ]
    ordered = sorted(plates, key=lambda p: (not p.is_remnant, p.length_mm * p.width_mm, p.key))
    job = _Job(
        ones, ordered, [p.key for p in pieces], _um(saw.kerf_mm), _um(saw.trim_mm), _um(saw.minimum_mm)
    )
    rules = list(product(_SCORES, _SPLITS))
    tried = [
        (_cost(job, sheets, left), order, rule, sheets, left)
        for key in _ORDERS
        for rule in rules
        for order in [sorted(ones, key=key)]
        for sheets, left in [_pack(job, order, rule)]
    ]
    best = min(tried, key=lambda one: one[0])
    chance = random.Random(1)
    turns = rounds if len(ones) > 1 else 0
    for turn in range(turns):
        order = list(best[1])
        for _ in range(1 + turn % 4):
            i, j = chance.randrange(len(order)), chance.randrange(len(order))
            order[i], order[j] = order[j], order[i]
        rule = best[2] if turn % 2 else chance.choice(rules)
        sheets, left = _pack(job, order, rule)
        cost = _cost(job, sheets, left)
        if cost < best[0]:
            best = (cost, order, rule, sheets, left)
    return _result(job, best[3], best[4])


def _check(pieces: Sequence[PlatePiece], plates: Sequence[StockPlate], saw: PlateSaw) -> None:
    if any(p.length_mm <= 0 or p.width_mm <= 0 or p.count <= 0 for p in pieces):
        raise ValueError("sizes and counts are positive")
    if any(p.length_mm <= 0 or p.width_mm <= 0 for p in plates):
        raise ValueError("sizes of plates are positive")
    if saw.kerf_mm < 0 or saw.trim_mm < 0 or saw.minimum_mm < 0:
        raise ValueError("kerf, trim and minimum are not negative")
    if sum(p.count for p in pieces) > MAX_PIECES:
        raise ValueError(f"more than {MAX_PIECES} pieces")


_ORDERS: tuple[Callable[[_One], tuple[int, int]], ...] = (
    lambda one: (-one.length * one.width, one.index),
    lambda one: (-max(one.length, one.width), one.index),
    lambda one: (-min(one.length, one.width), one.index),
    lambda one: (-one.width, -one.length),
)
_SCORES: tuple[_Score, ...] = (
    lambda free, dx, dy: (free[2] * free[3] - dx * dy, min(free[2] - dx, free[3] - dy)),
    lambda free, dx, dy: (min(free[2] - dx, free[3] - dy), free[2] * free[3] - dx * dy),
)
_SPLITS: tuple[Callable[[int, int, int, int], bool], ...] = (
    lambda right, top, _dx, _dy: right >= top,
    lambda right, top, dx, dy: max(right * (top + dy), top * dx) >= max(right * dy, top * (right + dx)),
    lambda right, top, _dx, _dy: right < top,
)
"""Whether the first cut goes across the plate, so that the right rest keeps the full height of the rectangle."""


def _pack(
    job: _Job, order: Sequence[_One], rule: tuple[_Score, Callable[[int, int, int, int], bool]]
) -> tuple[list[_Sheet], list[_One]]:
    sheets: list[_Sheet] = []
    waiting = list(job.plates)
    left = []
    for one in order:
        if any(_place(job, sheet, one, rule) for sheet in sheets):
            continue
        opened = False
        for plate in waiting:
            sheet = _Sheet(plate, [_usable(job, plate)], [])
            if _place(job, sheet, one, rule):
                sheets.append(sheet)
                waiting.remove(plate)
                opened = True
                break
        if not opened:
            left.append(one)
    return sheets, left


def _usable(job: _Job, plate: StockPlate) -> _Free:
    length, width = _um(plate.length_mm), _um(plate.width_mm)
    return (job.trim, job.trim, max(0, length - 2 * job.trim), max(0, width - 2 * job.trim))


def _place(
    job: _Job, sheet: _Sheet, one: _One, rule: tuple[_Score, Callable[[int, int, int, int], bool]]
) -> bool:
    score, across = rule
    ways = [(one.length, one.width, False)]
    if one.may_turn and one.length != one.width:
        ways.append((one.width, one.length, True))
    found = [
        (score(free, dx, dy), number, dx, dy, is_turned)
        for number, free in enumerate(sheet.free)
        for dx, dy, is_turned in ways
        if dx <= free[2] and dy <= free[3]
    ]
    if not found:
        return False
    _, number, dx, dy, is_turned = min(found)
    x, y, width, height = sheet.free.pop(number)
    sheet.placed.append((one.index, (x, y, dx, dy), is_turned))
    right, top = width - dx - job.kerf, height - dy - job.kerf
    cut_across = across(max(right, 0), max(top, 0), dx, dy)
    if right > 0:
        sheet.free.append((x + dx + job.kerf, y, right, height if cut_across else dy))
    if top > 0:
        sheet.free.append((x, y + dy + job.kerf, dx if cut_across else width, top))
    return True


def _area(free: _Free) -> int:
    return free[2] * free[3]


def _kept(job: _Job, sheet: _Sheet) -> list[_Free]:
    return [f for f in sheet.free if min(f[2], f[3]) >= max(job.minimum, 1)]


def _plate_area(plate: StockPlate) -> int:
    return _um(plate.length_mm) * _um(plate.width_mm)


def _cost(job: _Job, sheets: Sequence[_Sheet], left: Sequence[_One]) -> _Cost:
    missing = sum(one.length * one.width for one in left)
    new = scrap = 0
    for sheet in sheets:
        kept = sum(_area(f) for f in _kept(job, sheet))
        used = sum(_area(at) for _, at, _ in sheet.placed)
        scrap += _plate_area(sheet.plate) - used - kept
        if not sheet.plate.is_remnant:
            new += _plate_area(sheet.plate) - int(_REST_WORTH * kept)
    return (missing, new, scrap, len(sheets))


def _rect(at: _Free) -> Rect:
    x, y, length, width = (Decimal(value) / _UM for value in at)
    return Rect(x, y, length, width)


def _result(job: _Job, sheets: Sequence[_Sheet], left: Sequence[_One]) -> PlateNesting:
    plates = []
    for sheet in sheets:
        kept = sorted(_kept(job, sheet), key=_area, reverse=True)
        used = sum(_area(at) for _, at, _ in sheet.placed)
        scrap = _plate_area(sheet.plate) - used - sum(_area(f) for f in kept)
        pieces = tuple(Placed(job.keys[i], _rect(at), is_turned) for i, at, is_turned in sheet.placed)
        plates.append(
            NestedPlate(sheet.plate, pieces, tuple(_rect(f) for f in kept), Decimal(scrap) / _UM**2)
        )
    missing: dict[int, int] = {}
    for one in left:
        missing[job.keys[one.index]] = missing.get(job.keys[one.index], 0) + 1
    scrap_mm2 = sum((p.scrap_mm2 for p in plates), Decimal(0))
    kept_mm2 = sum((r.length_mm * r.width_mm for p in plates for r in p.kept), Decimal(0))
    return PlateNesting(tuple(plates), missing, scrap_mm2, kept_mm2)


def lower_bound(pieces: Sequence[PlatePiece], length_mm: Decimal, width_mm: Decimal, saw: PlateSaw) -> int:
    """Equal plates no plan can do without.

    By area, each piece and each plate grown by one kerf; and by pieces of which no two fit on one plate, because both
    are more than half as long and half as wide (Martello & Vigo 1998, with turning: the shorter side of the piece
    against the longer half of the plate).
    """
    kerf = saw.kerf_mm
    length, width = length_mm - 2 * saw.trim_mm + kerf, width_mm - 2 * saw.trim_mm + kerf
    if length <= kerf or width <= kerf:
        return 0
    area = sum((p.count * (p.length_mm + kerf) * (p.width_mm + kerf) for p in pieces), Decimal(0))
    alone = sum(p.count for p in pieces if 2 * (min(p.length_mm, p.width_mm) + kerf) > max(length, width))
    return max(math.ceil(area / (length * width)), alone)
