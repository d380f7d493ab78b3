"""Letters put together from pieces: accents and dots over them, the lower stroke of ±, the points of a colon."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from coordinator.modules.drawings.reading.outlined_pieces import Points

Numbers = np.ndarray[Any, np.dtype[np.float64]]
LETTER_MIN, LETTER_MAX = 1.0, 32.0  # points
MARK_GAP, BAR_GAP = 0.47, 0.55
MARK_SHARE = 0.38
SLOPE = 0.32
LEAST_PART = 0.08


@dataclass
class Glyph:
    """One letter in the frame of its row: (u, v) paths and their extent."""

    paths: list[Points]
    filled: bool
    members: tuple[int, ...]
    u0: float = field(init=False)
    u1: float = field(init=False)
    v0: float = field(init=False)
    v1: float = field(init=False)
    body_v0: float = field(init=False)
    """Upper end without dots and accents."""
    body_v1: float = field(init=False)

    def __post_init__(self) -> None:
        points = np.concatenate(self.paths)
        (self.u0, self.v0), (self.u1, self.v1) = (
            (float(u), float(v)) for u, v in (points.min(axis=0), points.max(axis=0))
        )
        self.body_v0, self.body_v1 = self.v0, self.v1

    @property
    def height(self) -> float:
        return self.v1 - self.v0

    @property
    def width(self) -> float:
        return self.u1 - self.u0

    @property
    def body_height(self) -> float:
        return self.body_v1 - self.body_v0

    def with_(self, other: Glyph) -> Glyph:
        """Both as one letter, the higher part its body."""
        whole = Glyph(self.paths + other.paths, self.filled or other.filled, self.members + other.members)
        body = self if self.body_height >= other.body_height else other
        whole.body_v0, whole.body_v1 = body.body_v0, body.body_v1
        return whole


def is_bare(glyph: Glyph) -> bool:
    return len(glyph.paths) == 1 and len(glyph.paths[0]) < 3


@dataclass
class _Extents:
    """Boxes of glyphs sorted by their left ends."""

    order: list[Glyph]
    u0: Numbers
    u1: Numbers
    v0: Numbers
    v1: Numbers

    @classmethod
    def of(cls, glyphs: list[Glyph]) -> _Extents:
        order = sorted(glyphs, key=lambda glyph: glyph.u0)
        u0, u1, v0, v1 = (np.array([getattr(g, name) for g in order]) for name in ("u0", "u1", "v0", "v1"))
        return cls(order, u0, u1, v0, v1)

    def near(self, glyph: Glyph, before: float, behind: float, above: float, below: float) -> list[int]:
        """Numbers of glyphs that reach into the surroundings of one."""
        first, last = np.searchsorted(self.u0, [glyph.u0 - before - LETTER_MAX, glyph.u1 + behind])
        part = slice(int(first), int(last))
        inside = (
            (self.u1[part] > glyph.u0 - before)
            & (self.v1[part] > glyph.v0 - above)
            & (self.v0[part] < glyph.v1 + below)
        )
        return [int(first) + int(n) for n in np.flatnonzero(inside)]


def with_accents(glyphs: list[Glyph]) -> list[Glyph]:
    """Dots and accents joined to the letter below them, what lies inside a sign to it."""
    if not glyphs:
        return []
    extents = _Extents.of(glyphs)
    order = extents.order
    joined: dict[int, int] = {}
    for number, mark in enumerate(order):
        reach = LETTER_MAX if mark.height < LETTER_MAX * MARK_SHARE else 0.0
        best: tuple[float, int] | None = None
        for other in extents.near(mark, LETTER_MAX * SLOPE, 0.0, MARK_GAP * reach, MARK_GAP * reach):
            base = order[other]
            if other == number or joined.get(other) == number:
                continue
            if _is_part_of(mark, base):
                best = -1.0, other
                break
            far = _accent_gap(mark, base)
            if far is not None and (best is None or far < best[0]):
                best = far, other
        if best is None:
            continue
        base = order[best[1]]
        sure = best[0] < 0 or _is_bar_of(mark, base)
        if sure or not (_ends_a_row(mark, extents) or _in_company(mark, extents)):
            joined[number] = best[1]
    whole: dict[int, Glyph] = {number: glyph for number, glyph in enumerate(order) if number not in joined}
    for number, base_number in joined.items():
        while base_number in joined and joined[base_number] != number:
            base_number = joined[base_number]
        if base_number in whole:
            whole[base_number] = whole[base_number].with_(order[number])
        else:
            whole[number] = order[number]
    return list(whole.values())


def _accent_gap(mark: Glyph, base: Glyph) -> float | None:
    """How far a mark stands from the letter it may belong to; None where it does not."""
    if base.height < 1.6 * mark.height or mark.height > MARK_SHARE * base.height:
        return None
    gap = max(base.v0 - mark.v1, mark.v0 - base.v1)
    if _is_bar_of(mark, base):
        return gap if gap < BAR_GAP * base.height else None
    # The dot over a sloping i stands beside its stroke; below a letter stands a comma of its own row or a letter of the next.
    lean = SLOPE * base.height if mark.v1 <= base.v0 + 0.05 * base.height else 0.1 * base.height
    overlap = min(mark.u1, base.u1 + lean) - max(mark.u0, base.u0 - 0.1 * base.height)
    above = mark.v0 <= base.v1 and -0.04 * base.height < gap < MARK_GAP * base.height
    if not above or mark.width > 1.3 * base.height or overlap < 0.7 * mark.width:
        return None
    return 2 * max(0.0, mark.u1 - base.u1) + max(0.0, gap)


def _is_part_of(mark: Glyph, base: Glyph) -> bool:
    """True for a stroke within a small sign of several strokes; what stands inside a frame or a ring is no part of it."""
    inside = base.u0 <= mark.u0 and mark.u1 <= base.u1 and base.v0 <= mark.v0 and mark.v1 <= base.v1
    share = max(mark.width, mark.height) / max(base.width, base.height, 1e-6)
    if not inside or base.filled or is_bare(base) or not LEAST_PART < share < 0.5:
        return False
    closed = any(
        len(path) > 3 and np.hypot(*(path[0] - path[-1])) < 0.05 * base.height
        and np.ptp(path[:, 0]) > 0.9 * base.width and np.ptp(path[:, 1]) > 0.9 * base.height
        for path in base.paths
    )  # fmt: skip
    return not closed or max(base.width, base.height) < 2.2 * max(mark.width, mark.height)


def _is_bar_of(mark: Glyph, base: Glyph) -> bool:
    """True for the lower stroke of ±: level, as wide as the plus sign over it."""
    return (
        mark.height < 0.3 * mark.width
        and 0.7 * base.width < mark.width < 1.35 * base.width
        and 0.7 * base.height < base.width < 1.6 * base.height
        and mark.v0 > base.v1 - 0.05 * base.height
        and abs(mark.u0 + mark.u1 - base.u0 - base.u1) < 0.9 * base.width
        and _is_plus(base)
    )


def _is_plus(glyph: Glyph) -> bool:
    """True when every point lies near the middle line along or across."""
    points = np.concatenate(glyph.paths)
    middle = np.array([glyph.u0 + glyph.u1, glyph.v0 + glyph.v1]) / 2
    off = np.abs(points - middle) / [max(glyph.width, 1e-6), max(glyph.height, 1e-6)]
    return bool((off.min(axis=1) < 0.22).all())


def with_colons(glyphs: list[Glyph]) -> list[Glyph]:
    """The two points of a colon as one sign, where they stand behind a letter that is higher than both."""
    if not glyphs:
        return []
    extents = _Extents.of(glyphs)
    order = extents.order
    joined: dict[int, int] = {}
    for low, lower in enumerate(order):
        if lower.height > 0.3 * LETTER_MAX or lower.width > 2 * lower.height + 0.2:
            continue
        if _in_company(lower, extents):  # a letter of its row, however high what stands before it is
            continue
        around = extents.near(lower, LETTER_MAX, SLOPE * LETTER_MAX, LETTER_MAX, 0.0)
        for letter in (order[n] for n in around):
            high = letter.height
            if not (
                lower.height < 0.3 * high
                and 0 < lower.u0 - letter.u1 < 2.2 * high
                and abs(lower.v1 - letter.v1) < 0.12 * high
                and not any(_stands_between(order[n], letter, lower) for n in around)
            ):
                continue
            for up in around:
                upper = order[up]
                rise = lower.v0 - upper.v1
                if (
                    up != low and 0.12 * high < rise < 0.85 * high and upper.v0 > letter.v0 - 0.12 * high
                    and abs(upper.width - lower.width) + abs(upper.height - lower.height) < 0.1 * high
                    and -0.06 * high < upper.u0 - lower.u0 < 0.06 * high + SLOPE * rise * 1.3
                ):  # fmt: skip
                    joined[up] = low
    points = {low: up for up, low in joined.items() if low not in joined}
    return [
        glyph.with_(order[points[n]]) if n in points else glyph
        for n, glyph in enumerate(order)
        if n not in points.values()
    ]


def _stands_between(other: Glyph, letter: Glyph, point: Glyph) -> bool:
    """True for a further letter before a point: deviations over each other both have one, which are no colon."""
    return (
        other is not letter
        and letter.u1 < other.u0
        and other.u1 < point.u0
        and other.height > 2 * point.height
    )


def _in_company(mark: Glyph, extents: _Extents) -> bool:
    """True for a small letter among others of its size: a label over a value is no accent."""
    reach = 3 * max(mark.height, mark.width)
    near = 0
    for number in extents.near(mark, reach, reach, 0.0, 0.0):
        other = extents.order[number]
        gap = max(other.u0 - mark.u1, mark.u0 - other.u1)
        level = abs(other.v1 - mark.v1) < 0.3 * mark.height + 0.05
        alike = 0.6 * mark.height < other.height < 1.7 * mark.height + 0.05
        near += other is not mark and gap < reach and level and alike
    return near >= 2


def _ends_a_row(mark: Glyph, extents: _Extents) -> bool:
    """True for a comma or a point behind a letter of the row above."""
    for number in extents.near(mark, LETTER_MAX, 0.0, LETTER_MAX, 0.0):
        other = extents.order[number]
        if (
            other.height > 1.6 * mark.height
            and -0.3 * other.height < mark.u0 - other.u1 < 0.5 * other.height
            and mark.v0 < other.v1 < mark.v1 + 0.12 * other.height
        ):
            return True
    return False
