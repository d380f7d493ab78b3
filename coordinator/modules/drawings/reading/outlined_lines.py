"""Rows of letters among the pieces of a page: what stands side by side on one line, in every reading direction."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coordinator.modules.drawings.reading.outlined_glyphs import (
    LETTER_MAX,
    LETTER_MIN,
    Glyph,
    Numbers,
    is_bare,
    with_accents,
    with_colons,
)
from coordinator.modules.drawings.reading.outlined_pieces import Piece, Points
from coordinator.modules.drawings.reading.page import to_frame

SMALL_SHARE = 0.5
MAX_GAP = 1.4  # shares of the letter height
MIN_GAP = -0.4
SAME_LEVEL = 0.16
HIGHER_THAN_ROW, WIDER_THAN_ROW = 1.55, 2.2
WIDEST = 1.9
SLANTED_REACH = 1.7
DOT_POINTS = 6
PARALLEL = 0.12
LEAST_BESIDE_BAR = 0.6
NEXT_LETTERS = 2
POINT_SHARE = 0.4
LEAST_OF_HIGHEST, OTHER_SIZE = 0.3, 0.6
SLANTED_REACH_ALONG = 2.5
MOST_GROWTHS = 5
FIGURE_SHARE, MOST_TILTED = 0.8, 8.0  # letter heights; degrees


@dataclass
class Row:
    """Letters on one line, from left to right in the reading direction ``angle`` (degrees counter-clockwise)."""

    glyphs: list[Glyph]
    angle: float

    @property
    def members(self) -> set[int]:
        """Numbers of the pieces the row is made of."""
        return {member for glyph in self.glyphs for member in glyph.members}

    def turned(self, pieces: Sequence[Piece]) -> Row:
        """The same letters read from the other end."""
        return Row(
            [_glyph(pieces, glyph.members, self.angle + 180) for glyph in reversed(self.glyphs)],
            (self.angle + 180) % 360,
        )


def find_rows(pieces: Sequence[Piece]) -> tuple[list[Row], list[Row]]:
    """Level and upright rows of two letters and more, and lone letters in level direction."""
    free = set(range(len(pieces)))
    rows = []
    candidates = [row for angle in (0.0, 90.0) for row in _chains(pieces, free, angle)]
    for row in sorted(candidates, key=_merit, reverse=True):
        left = [glyph for glyph in row.glyphs if free.issuperset(glyph.members)]
        if len(left) < 2 or len(left) < 0.7 * len(row.glyphs):
            continue
        rows.append(Row(left, row.angle))
        free -= rows[-1].members
    lone = [
        row for row in _chains(pieces, free, 0.0, least=1) if len(row.glyphs) == 1 and _is_tall(row.glyphs[0])
    ]
    return rows, lone


def _merit(row: Row) -> float:
    """Letters of a row stand close beside each other; those of rows over each other are further apart."""
    gaps = [
        max(0.0, b.u0 - a.u1) / max(a.height, b.height, 1e-6)
        for a, b in zip(row.glyphs, row.glyphs[1:], strict=False)
    ]
    return sum(1.0 - min(1.0, gap) for gap in gaps)


def _glyph(pieces: Sequence[Piece], members: Iterable[int], angle: float) -> Glyph:
    members = tuple(members)
    paths = [in_frame(path, angle) for member in members for path in pieces[member].paths]
    return Glyph(paths, any(pieces[member].filled for member in members), members)


def in_frame(path: Points, angle: float) -> Points:
    """Page points as (u, v) of a reading direction."""
    u, v = to_frame(path[:, 0], path[:, 1], angle)  # type: ignore[arg-type]
    return np.stack([u, v], axis=1)


def _chains(pieces: Sequence[Piece], free: set[int], angle: float, least: int = 2) -> list[Row]:
    glyphs = [_glyph(pieces, (number,), angle) for number in sorted(free)]
    glyphs = [glyph for glyph in glyphs if max(glyph.height, glyph.width) <= LETTER_MAX * 1.25]
    glyphs = sorted(with_colons(with_accents(glyphs)), key=lambda glyph: glyph.u0)
    follower = _followers(glyphs)
    starts = set(range(len(glyphs))) - set(follower.values())
    rows = []
    for start in sorted(starts):
        chain = [start]
        while chain[-1] in follower:
            chain.append(follower[chain[-1]])
        for part in _levelled([glyphs[index] for index in chain]):
            run = _merged(part)
            # Strokes of a hatching or a centre line stand in rows as well; some letter of a row has a shape.
            shaped = any(_is_tall(glyph) and not is_bare(glyph) for glyph in run)
            if len(run) >= least and shaped:
                rows.append(Row(run, angle))
    return rows


def _levelled(run: list[Glyph]) -> list[list[Glyph]]:
    """The run cut where the line or the letter height changes, and at what is too high or too wide for its letters."""
    tall = [
        place
        for place, glyph in enumerate(run)
        if _is_tall(glyph) and not is_bare(glyph) and not _is_point_of(run, place)
    ]
    parts: list[list[Glyph]] = [[]]
    last: Glyph | None = None
    for place, glyph in enumerate(run):
        # Deviations behind a size are smaller than its figures: each letter is compared with those next to it.
        before = bisect_left(tall, place)
        beside = tall[max(0, before - NEXT_LETTERS) : before + NEXT_LETTERS + 1]
        usual = float(np.median([run[n].body_height for n in beside or range(len(run))]))
        if glyph.body_height > HIGHER_THAN_ROW * usual or glyph.width > WIDER_THAN_ROW * usual:
            parts.append([])
            last = None
            continue
        small = glyph.body_height < 0.62 * usual
        if not small:
            if last is not None and not _letters_of_one_row(last, glyph):
                # Signs before the figures of a deviation go with them, points and commas stay behind.
                parts.append(_taken_back(parts[-1], last, glyph))
            last = glyph
        parts[-1].append(glyph)
    return [part for part in parts if part]


def _is_point_of(run: list[Glyph], place: int) -> bool:
    """True for a point or a dash of large letters, which may be as high as the letters of small text are."""
    beside = run[max(0, place - NEXT_LETTERS) : place + NEXT_LETTERS + 1]
    return run[place].body_height < POINT_SHARE * float(np.median([glyph.body_height for glyph in beside]))


def parts_by_height(row: Row) -> list[Row]:
    """The row cut where its letters become much smaller or larger, as the deviations behind a size are."""
    highest = max(glyph.body_height for glyph in row.glyphs)
    parts: list[list[Glyph]] = [[]]
    last: Glyph | None = None
    for glyph in row.glyphs:
        if glyph.body_height >= LEAST_OF_HIGHEST * highest and not is_bare(glyph):
            if last is not None and not OTHER_SIZE < glyph.body_height / last.body_height < 1 / OTHER_SIZE:
                parts.append(_taken_back(parts[-1], last, glyph))
            last = glyph
        parts[-1].append(glyph)
    return [Row(part, row.angle) for part in parts]


def _taken_back(part: list[Glyph], last: Glyph, glyph: Glyph) -> list[Glyph]:
    """Takes what stands behind the last letter in the band of the next one off the part: the sign of a deviation."""
    moved: list[Glyph] = []
    while part and part[-1] is not last and _nearer(part[-1], last, glyph):
        moved.insert(0, part.pop())
    return moved


def _letters_of_one_row(one: Glyph, two: Glyph) -> bool:
    scale = max(one.body_height, two.body_height)
    foot, top = abs(one.body_v1 - two.body_v1), abs(one.body_v0 - two.body_v0)
    return (
        foot <= SAME_LEVEL * scale
        or top <= SAME_LEVEL * scale
        or (foot <= 0.36 * scale and top <= 0.36 * scale)
    )


def _nearer(mark: Glyph, before: Glyph, behind: Glyph) -> bool:
    """True for a mark that stands in the band of the letter behind it rather than of the one before it."""
    middle = (mark.v0 + mark.v1) / 2

    def off(letter: Glyph) -> float:
        return abs(middle - (letter.body_v0 + letter.body_v1) / 2) / max(letter.body_height, 1e-6)

    return off(behind) < off(before)


def _is_tall(glyph: Glyph) -> bool:
    return LETTER_MIN <= glyph.height <= LETTER_MAX and glyph.width < WIDEST * glyph.height


def _followers(glyphs: list[Glyph]) -> dict[int, int]:
    """The nearest glyph behind each on its line; a glyph follows only one."""
    if not glyphs:
        return {}
    u0, u1, v0, v1 = (
        np.array([getattr(glyph, name) for glyph in glyphs]) for name in ("u0", "u1", "v0", "v1")
    )
    height = v1 - v0
    tall = np.array([_is_tall(glyph) for glyph in glyphs])
    bare = np.array([is_bare(glyph) for glyph in glyphs])
    points = np.array([sum(len(path) for path in glyph.paths) for glyph in glyphs])
    wanted: dict[int, tuple[float, int]] = {}
    for i in range(len(glyphs)):
        first, last = i + 1, int(np.searchsorted(u0, u1[i] + MAX_GAP * LETTER_MAX, side="right"))
        js = np.arange(first, last)
        if not len(js):
            continue
        scale = np.maximum(height[i], height[js])
        scale = np.maximum(scale, 0.5 * max(height[i], glyphs[i].width))
        gap = u0[js] - u1[i]
        fits = (gap > MIN_GAP * scale) & (gap < MAX_GAP * scale) & (u1[js] > u1[i] - 0.2 * scale)
        fits &= _same_row(v0[i], v1[i], bool(tall[i]), v0[js], v1[js], tall[js])
        # A straight stroke much longer than a letter beside it is a line of the drawing, no 1 and no l.
        share = np.minimum(height[i], height[js]) / np.maximum(np.maximum(height[i], height[js]), 1e-6)
        longer_bare = np.where(height[js] > height[i], bare[js], bare[i])
        detailed = np.where(height[js] > height[i], points[i], points[js]) > DOT_POINTS
        fits &= ~(longer_bare & (share < LEAST_BESIDE_BAR) & ((share > 0.3) | detailed))
        letters = fits & ~bare[js] & (height[js] > SMALL_SHARE * height[i])
        if letters.any():
            fits &= ~(bare[js] & (height[js] > 1.3 * height[i]))
        js = js[fits]
        if not len(js):
            continue
        j = int(js[np.argmin(np.maximum(0, u0[js] - u1[i]) + 0.5 * np.abs(v1[js] - v1[i]) * tall[js])])
        distance = max(0.0, float(u0[j] - u1[i])) + 0.3 * abs(float(v1[j] - v1[i]))
        if j not in wanted or distance < wanted[j][0]:
            wanted[j] = distance, i
    return {i: j for j, (_, i) in wanted.items()}


def _same_row(top: float, bottom: float, tall: bool, tops: Numbers, bottoms: Numbers, talls: Any) -> Any:
    high, highs = bottom - top, bottoms - tops
    scale, least = np.maximum(high, highs), np.minimum(high, highs)
    overlap = np.minimum(bottom, bottoms) - np.maximum(top, tops)
    level = np.abs(bottom - bottoms) <= SAME_LEVEL * scale
    upper = np.abs(top - tops) <= SAME_LEVEL * scale
    near = (np.abs(bottom - bottoms) <= 0.4 * scale) & (np.abs(top - tops) <= 0.4 * scale)
    letters = (least >= 0.45 * scale) & (level | upper | (near & (overlap >= 0.6 * least)))
    # Points, commas, signs and dashes stand anywhere in the band of their letter.
    small = least < SMALL_SHARE * scale
    middle_one, middle_all = (top + bottom) / 2, (tops + bottoms) / 2
    band_of_one = (middle_all > top - 0.2 * high) & (middle_all < bottom + 0.3 * high)
    band_of_all = (middle_one > tops - 0.2 * highs) & (middle_one < bottoms + 0.3 * highs)
    mark = small & np.where(highs < high, band_of_one, band_of_all)
    both_small = ~(talls | tall) & (overlap > -0.6 * scale)
    return letters | mark | both_small


def _merged(run: list[Glyph]) -> list[Glyph]:
    """Parts which stand over each other as one sign: the points of ":", the strokes of "="."""
    merged: list[Glyph] = []
    tallest = max(glyph.height for glyph in run)
    for glyph in run:
        last = merged[-1] if merged else None
        if last is not None:
            narrow = max(1e-6, min(last.width, glyph.width))
            overlap = min(last.u1, glyph.u1) - max(last.u0, glyph.u0)
            low = max(last.height, glyph.height) < SMALL_SHARE * tallest
            if (
                low and (overlap > 0.6 * narrow or (narrow < 0.05 * tallest and overlap >= 0))
            ) or _one_letter(last, glyph, overlap / narrow):
                merged[-1] = last.with_(glyph)
                continue
        merged.append(glyph)
    return merged


def _one_letter(one: Glyph, two: Glyph, overlap: float) -> bool:
    """True for parts of a letter of a font of several strokes: close parallel bars, shapes over each other."""
    if is_bare(one) and is_bare(two):
        high = max(one.height, two.height)
        return (
            two.u0 - one.u0 < PARALLEL * high
            and abs(one.v0 - two.v0) + abs(one.v1 - two.v1) < PARALLEL * high
        )
    return overlap > 0.85 and not is_bare(one) and not is_bare(two)


def find_slanted(pieces: Sequence[Piece], numbers: set[int]) -> list[Row]:
    """Rows in other directions among some pieces: letters near each other whose middles stand on a slanted line."""
    free = set(numbers)
    shaped = [n for n in sorted(free) if not pieces[n].is_bar]
    if len(shaped) < 3:
        return []
    boxes = np.array([pieces[n].box for n in shaped])
    middles, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    good = (sides >= LETTER_MIN) & (sides <= LETTER_MAX)
    rows: list[Row] = []
    for group in _groups(middles, sides, good):
        if len(group) < 3:
            continue
        usual = float(np.median(sides[group]))
        angle = _direction(middles[[n for n in group if sides[n] > 0.7 * usual]])
        if angle is None:
            continue
        found = _along(pieces, free, [shaped[n] for n in group], angle, SLANTED_REACH_ALONG * usual)
        free -= {member for row in found for member in row.members}
        rows += found
    return rows


def _along(
    pieces: Sequence[Piece], free: set[int], group: list[int], angle: float, reach: float
) -> list[Row]:
    """Rows through a group of letters, followed past blanks and signs as long as letters come within reach."""
    around = free.intersection(group)
    row_of_group, rows = set(around), list[Row]()
    if len(around) < 3:
        return []
    for _ in range(MOST_GROWTHS):
        boxes = np.array([pieces[n].box for n in sorted(row_of_group)])
        low, high = boxes[:, :2].min(axis=0) - reach, boxes[:, 2:].max(axis=0) + reach
        near = {
            n for n in free
            if low[0] < pieces[n].box[0] and pieces[n].box[2] < high[0]
            and low[1] < pieces[n].box[1] and pieces[n].box[3] < high[1]
        }  # fmt: skip
        if rows and near <= around:
            break
        around |= near
        angle = _levelled_angle(pieces, around, angle)
        rows = _chains(pieces, around, angle, least=3)
        row_of_group = max(
            (row.members for row in rows), key=lambda own: len(own.intersection(group)), default=around
        )
    taken: set[int] = set()
    kept = []
    for row in rows:
        if not taken & row.members:
            kept.append(row)
            taken |= row.members
    return kept


def _levelled_angle(pieces: Sequence[Piece], around: set[int], angle: float) -> float:
    """The direction in which the letters of the longest row stand on one line: their middles tell it only roughly."""
    rows = _chains(pieces, around, angle, least=3)
    longest = max(rows, key=lambda row: len(row.glyphs), default=None)
    if longest is None:
        return angle
    tall = [glyph for glyph in longest.glyphs if _is_tall(glyph)]
    usual = max(glyph.height for glyph in tall)
    feet = np.array(
        [(glyph.u0 + glyph.u1, 2 * glyph.v1) for glyph in tall if glyph.height > FIGURE_SHARE * usual]
    )
    if len(feet) < 2 or np.ptp(feet[:, 0]) < 2 * usual:
        return angle
    slope = float(np.degrees(np.arctan(np.polyfit(feet[:, 0], feet[:, 1], 1)[0])))
    return angle - slope if abs(slope) < MOST_TILTED else angle


def _groups(middles: Numbers, sides: Numbers, good: Any) -> list[list[int]]:
    left = set(np.flatnonzero(good).tolist())
    groups = []
    while left:
        group, front = [], [left.pop()]
        while front:
            index = front.pop()
            group.append(index)
            rest = np.array(sorted(left), dtype=int)
            if not len(rest):
                continue
            step = np.hypot(*(middles[rest] - middles[index]).T)
            near = rest[
                (step < SLANTED_REACH * np.minimum(sides[rest], sides[index]))
                & (np.maximum(sides[rest], sides[index]) < 2.2 * np.minimum(sides[rest], sides[index]))
            ]
            front += near.tolist()
            left -= set(near.tolist())
        groups.append(group)
    return groups


def _direction(middles: Numbers) -> float | None:
    """Direction of a line of points, read from left to right; None where they stand in no line."""
    if len(middles) < 3:
        return None
    spread = middles - middles.mean(axis=0)
    _, sizes, axes = np.linalg.svd(spread, full_matrices=False)
    if sizes[1] > 0.35 * sizes[0]:
        return None
    x, y = axes[0]
    angle = float(np.degrees(np.arctan2(-y, x)))
    # Sizes on slanted lines are read from below or from the right (ISO 129-1).
    while angle > 92:
        angle -= 180
    while angle <= -88:
        angle += 180
    return angle
