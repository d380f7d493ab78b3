"""The picture of one line of text: strokes of the drawing painted out, the tight box, figures stacked over each other (DRW-18).

Text of drawings touches frames, dimension lines and centre lines. A stroke longer than a letter is high is no letter: it is
erased around the text before the text is read. What is left are glyphs, whose rows tell a size from its deviations.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from coordinator.modules.drawings.reading.erasing import erase
from coordinator.modules.drawings.reading.model import BBox
from coordinator.modules.drawings.reading.ocr import Image, Quad

READ_HEIGHT_PX = 48
CAP_SHARE = 0.72  # of the height of a detected box
REACH_BEFORE = 0.8  # in box heights
REACH_BEHIND = 4.5
REACH_ACROSS = 1.1
ROW_GAP = 0.7
COMMA_SHARE = 0.6
LONGEST_MINUS = 0.92
MINUS_GAP = 0.42
LEAST_FIGURE = 0.18  # of the height of a box which holds two rows and strokes
TOUCHING_ROWS = 1.16  # in letter heights
WAIST_SHARE = 0.4
THROUGH_SHARE = 0.8
PAST_STROKE = 0.45  # widest gap between two figures with a stroke between them, in letter heights
MOST_CROSSED = 8.0  # width by height of a box which may go on behind a stroke


@dataclass(frozen=True)
class Line:
    """Glyphs around a detected box in page pixels, and the picture without strokes; ``cap`` is the height of a figure.

    ``crossings`` are the places of upright strokes which run through the whole height of the box.
    """

    box: BBox
    cap: float
    glyphs: list[BBox]
    picture: Image
    origin: tuple[int, int]
    has_strokes: bool
    crossings: tuple[float, ...] = ()

    def own(self) -> list[BBox]:
        """Glyphs of the box itself without dashes of centre lines at its ends."""
        x0, y0, x1, y1 = self.box
        inside = [g for g in self.glyphs if x0 <= (g[0] + g[2]) / 2 <= x1 and y0 <= (g[1] + g[3]) / 2 <= y1]
        while inside and self.is_dash(inside[0]):
            inside = inside[1:]
        while inside and self.is_dash(inside[-1]):
            inside = inside[:-1]
        return inside

    def is_dash(self, glyph: BBox) -> bool:
        """A flat stroke longer than a minus sign, or apart from the figures: a dash of a centre line."""
        width = glyph[2] - glyph[0]
        if glyph[3] - glyph[1] >= 0.22 * self.cap or width <= 0.62 * self.cap:
            return False
        behind = [g[0] - glyph[2] for g in self.glyphs if g[0] > glyph[0] and _beside(g, glyph, self.cap)]
        return width > LONGEST_MINUS * self.cap or min(behind, default=self.cap) > MINUS_GAP * self.cap

    def crop_apart(self, box: BBox) -> Image:
        """The picture of a row alone: what touches it lies outside, its margin is paper."""
        x0, y0, x1, y1 = (round(v - o) for v, o in zip(box, (*self.origin, *self.origin), strict=True))
        part = self.picture[max(0, y0) : y1, max(0, x0) : x1]
        pad = max(2, round(0.25 * (y1 - y0)))
        paper = float(np.percentile(self.picture, 90))
        return cv2.copyMakeBorder(part, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=paper).astype(np.uint8)

    def crop(self, box: BBox) -> Image:
        """The cleaned picture of a tight box with the margin recognisers expect."""
        pad = 0.2 * min(self.cap, box[3] - box[1]) + 1
        height, width = self.picture.shape
        x0, y0 = (max(0, round(v - pad - o)) for v, o in zip(box[:2], self.origin, strict=True))
        x1, y1 = round(box[2] + pad - self.origin[0]), round(box[3] + pad - self.origin[1])
        return np.ascontiguousarray(self.picture[y0 : min(y1, height), x0 : min(x1, width)])


def around(boxes: list[BBox]) -> BBox:
    """The box around boxes."""
    return (
        min(box[0] for box in boxes), min(box[1] for box in boxes), max(box[2] for box in boxes), max(box[3] for box in boxes),
    )  # fmt: skip


def prepare(image: Image, ink: Image, box: BBox) -> Line:
    """Look closely at a level box: ``ink`` is 255 on 0, ``image`` grey."""
    height = max(8.0, box[3] - box[1])
    left, top = max(0, round(box[0] - REACH_BEFORE * height)), max(0, round(box[1] - REACH_ACROSS * height))
    right, bottom = round(box[2] + REACH_BEHIND * height), round(box[3] + REACH_ACROSS * height)
    part = ink[top:bottom, left:right]
    picture = image[top:bottom, left:right]
    cap = CAP_SHARE * height
    level, upright = _strokes(part, (box[0] - left, box[1] - top, box[2] - left, box[3] - top))
    strokes, glyph_ink = level | upright, part
    if strokes.any():
        picture, glyph_ink = erase(picture, part, level, upright, cap)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(glyph_ink, connectivity=8)
    glyphs: list[BBox] = []
    numbers: dict[BBox, int] = {}
    for number, (x, y, w, h, area) in enumerate(stats[1:count].tolist(), 1):
        border = x == 0 or y == 0 or x + w == part.shape[1] or y + h == part.shape[0]
        if w > 1.5 * height and area < 0.15 * w * h:
            continue
        if area < 4 or max(w, h) < 0.07 * height or h > 1.3 * height or w > 2.5 * height or border:
            continue
        glyphs.append((float(x + left), float(y + top), float(x + left + w), float(y + top + h)))
        numbers[glyphs[-1]] = number
    glyphs.sort()
    y0, y1 = round(box[1]) - top, round(box[3]) - top
    x0, x1 = round(box[0]) - left, round(box[2]) - left
    touched = bool(strokes[max(0, y0) : y1, max(0, x0) : x1].any())
    tall = [
        g[3] - g[1] for g in glyphs if g[1] >= box[1] - 2 and g[3] <= box[3] + 2 and box[0] <= g[0] <= box[2]
    ]
    tall = sorted((h for h in tall if h > LEAST_FIGURE * height), reverse=True)
    if tall:
        cap = float(np.median(tall[:4]))
    glyphs = [
        piece for glyph in glyphs for piece in _unstacked(glyph, labels == numbers[glyph], cap, (left, top))
    ] if any(g[3] - g[1] > TOUCHING_ROWS * cap for g in glyphs) else glyphs  # fmt: skip
    through = np.flatnonzero(upright[max(0, y0) : y1].mean(axis=0) > THROUGH_SHARE * 255) + left
    return Line(
        box, cap, glyphs, np.ascontiguousarray(picture), (left, top), touched, tuple(map(float, through))
    )


def past_strokes(line: Line) -> BBox | None:
    """The box with the figures behind and before it which only a stroke parts from it; None where there are none.

    Text detection ends a box where a line runs through the text.
    """
    x0, y0, x1, y1 = line.box
    own = line.own()
    if not own or x1 - x0 > MOST_CROSSED * (y1 - y0):
        return None
    start, end = own[0][0], max(g[2] for g in own)
    reach = PAST_STROKE * line.cap

    def beside(edge: float, glyph: BBox) -> bool:
        gap = glyph[0] - edge if glyph[0] >= edge - 1 else edge - glyph[2]
        level = glyph[1] > y0 - 0.1 * line.cap and glyph[3] < y1 + 0.1 * line.cap
        alike = 0.75 * line.cap < glyph[3] - glyph[1] < 1.2 * line.cap and glyph[2] - glyph[0] < line.cap
        low, high = sorted((edge, (glyph[0] + glyph[2]) / 2))
        parted = any(low - 0.3 * line.cap <= x <= high for x in line.crossings)
        return level and alike and gap < reach and parted and not line.is_dash(glyph)

    before = [g for g in line.glyphs if (g[0] + g[2]) / 2 < start and beside(start, g)]
    behind = [g for g in line.glyphs if (g[0] + g[2]) / 2 > end and beside(end, g)]
    if not before and not behind:
        return None
    margin = 0.15 * line.cap
    return (
        min([x0, *(g[0] - margin for g in before)]), y0, max([x1, *(g[2] + margin for g in behind)]), y1,
    )  # fmt: skip


def _beside(glyph: BBox, dash: BBox, cap: float) -> bool:
    """True for a figure on whose middle a dash points."""
    middle = (dash[1] + dash[3]) / 2
    return glyph[3] - glyph[1] > 0.4 * cap and glyph[1] < middle < glyph[3]


def _unstacked(
    glyph: BBox, own: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], cap: float, origin: tuple[int, int]
) -> list[BBox]:
    """Two signs of rows which touch each other, cut at the waist between them; any other glyph as it is."""
    width, height = glyph[2] - glyph[0], glyph[3] - glyph[1]
    if height <= TOUCHING_ROWS * cap or height > 2.6 * cap or width > 2.5 * cap:
        return [glyph]
    x0, y0 = round(glyph[0]) - origin[0], round(glyph[1]) - origin[1]
    part = own[y0 : y0 + round(height), x0 : x0 + round(width)]
    rows = part.sum(axis=1)
    start, end = round(0.3 * height), round(0.7 * height)
    waist = start + int(np.argmin(rows[start:end])) if end > start else 0
    if not waist or rows[waist] > WAIST_SHARE * min(rows[:waist].max(), rows[waist:].max()):
        return [glyph]
    pieces = []
    for a, b in ((0, waist), (waist, len(rows))):
        columns = np.flatnonzero(part[a:b].any(axis=0))
        pieces.append((glyph[0] + columns[0], glyph[1] + a, glyph[0] + columns[-1] + 1, glyph[1] + b))
    return [(float(p[0]), float(p[1]), float(p[2]), float(p[3])) for p in pieces]


def _strokes(ink: Image, box: BBox) -> tuple[Image, Image]:
    """Level strokes and upright strokes too long for letters of a box of this height, slightly thickened.

    Between the upper and the lower side of a close frame the upright sides are shorter: their distance tells how long.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    level = _opened(ink, (1, round(min(1.5 * height, max(0.65 * width, 0.95 * height)))))
    middle, across = (box[1] + box[3]) / 2, level[:, max(0, round((box[0] + box[2]) / 2))]
    rows = np.flatnonzero(across)
    over, under = rows[rows < middle], rows[rows > middle]
    longest = 1.25 * height
    if len(over) and len(under) and 0.6 * height < under[0] - over[-1] < 1.4 * height:
        longest = min(longest, max(0.66 * height, 0.92 * float(under[0] - over[-1])))
    upright = _opened(ink, (round(longest), 1))
    thick_level, thick_upright = cv2.dilate(level, np.ones((3, 1))), cv2.dilate(upright, np.ones((1, 3)))
    return thick_level.astype(np.uint8), thick_upright.astype(np.uint8)


def _opened(ink: Image, size: tuple[int, int]) -> Image:
    return cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones(size, np.uint8)).astype(np.uint8)


@dataclass(frozen=True)
class Stacked:
    """A size and the two rows behind it; ``main`` is None for bare limits."""

    main: BBox | None
    top: BBox
    bottom: BBox
    touching: bool = False


def find_stacked(line: Line) -> Stacked | None:
    """Rows of figures over each other at the end of a line: no figure stands across the middle between them."""
    chain = chain_of(line)
    cap = line.cap
    doubles: list[tuple[BBox, BBox]] = [
        (a, b)
        for a in chain
        for b in chain
        if b[1] >= a[3] - 0.08 * cap
        and min(a[2], b[2]) - max(a[0], b[0]) > 0.3 * min(a[2] - a[0], b[2] - b[0])
        and max(a[3] - a[1], b[3] - b[1]) >= 0.36 * cap
        and all(g[3] - g[1] >= 0.36 * cap or g[2] - g[0] >= 0.2 * cap for g in (a, b))
        and b[1] - a[3] < 0.9 * cap
    ]
    for upper, lower in sorted(doubles, key=lambda pair: pair[1][1] - pair[0][3]):
        if stacked := _rows_at(line, chain, upper, lower):
            return stacked
    return None


def chain_of(line: Line, tallest: float = 1.35) -> list[BBox]:
    """Glyphs of the box and those which go on behind it without a wide gap, with rows above and below.

    ``tallest`` is the height of the highest glyph which counts, in letter heights.
    """
    cap = line.cap
    y0, y1 = line.box[1] - 0.95 * cap, line.box[3] + 0.95 * cap
    near = [g for g in line.glyphs if y0 <= (g[1] + g[3]) / 2 <= y1 and g[3] - g[1] <= tallest * cap]
    own = [g for g in near if line.box[0] - 2 <= (g[0] + g[2]) / 2 <= line.box[2] and not line.is_dash(g)]
    if not own:
        return []
    end = max(g[2] for g in own)
    chain = list(own)
    for glyph in near:
        if (glyph[0] + glyph[2]) / 2 <= line.box[2]:
            continue
        if glyph[0] - end > 0.95 * cap:
            break
        chain.append(glyph)
        end = max(end, glyph[2])
    return sorted(chain)


def _row(glyphs: list[BBox], seed: BBox, cap: float) -> BBox:
    """The box around the glyphs which go on beside one of them, on its level."""
    high, deep = seed[1] - 0.35 * cap, seed[3] + 0.5 * cap
    level = [g for g in glyphs if high <= (g[1] + g[3]) / 2 <= deep and g[1] >= high and g[3] <= deep]
    row = seed
    for glyph in sorted(level, key=lambda g: abs(g[0] - seed[0])):
        if glyph[0] - row[2] < ROW_GAP * cap and row[0] - glyph[2] < ROW_GAP * cap:
            row = around([row, glyph])
    return row


def _figures_beside(chain: list[BBox], seed: BBox, cap: float) -> BBox:
    """The seed itself, or for a minus sign the figure it stands before."""
    if seed[3] - seed[1] >= 0.36 * cap:
        return seed
    behind = [g for g in chain if 0 <= g[0] - seed[2] < ROW_GAP * cap and _beside(g, seed, cap)]
    return min(behind, default=seed)


def _rows_at(line: Line, chain: list[BBox], over: BBox, under: BBox) -> Stacked | None:
    cap = line.cap
    slack = 0.07 * cap
    # A sign stands in the middle of its row: the figures beside it tell where the row begins and ends.
    rows_at = [_figures_beside(chain, seed, cap) for seed in (over, under)]
    split, at = (rows_at[0][3] + rows_at[1][1]) / 2, max(over[0], under[0])

    least = COMMA_SHARE * max(over[3] - over[1], under[3] - under[1])

    def crosses(g: BBox) -> bool:
        # The comma of the upper row hangs down into the lower one.
        return g[1] < split - slack and g[3] > split + slack and g[3] - g[1] > least

    start = max((g[2] for g in chain if crosses(g) and g[0] < at), default=None)
    end = min((g[0] for g in chain if crosses(g) and g[0] >= at), default=None)
    rows = [
        g for g in chain
        if (start is None or g[0] >= start - slack) and (end is None or g[2] <= end + slack) and not crosses(g)
    ]  # fmt: skip
    # Full-height text behind the rows: what stands here is no pair of deviations.
    if end is not None:
        return None
    upper, lower = ([g for g in rows if (g[1] + g[3] < 2 * split) == above] for above in (True, False))
    upper, lower = ([g for g in row if not line.is_dash(g)] for row in (upper, lower))
    top, bottom = _row(upper, rows_at[0], cap), _row(lower, rows_at[1], cap)
    heights = sorted((top[3] - top[1], bottom[3] - bottom[1]))
    if heights[0] < 0.36 * cap or heights[1] > 1.5 * heights[0] or heights[1] > 1.25 * cap:
        return None
    left = [g for g in chain if start is not None and g[0] < start - slack]
    main = [g for g in left if g[3] > split - 0.6 * cap and g[1] < split + 0.6 * cap]
    if start is None and (stacked := _size_on_one_row(upper, lower, top, bottom, cap)) is not None:
        return stacked
    if start is None or not main:
        covers = line.box[1] < split - 0.5 * heights[0] and line.box[3] > split + 0.5 * heights[0]
        wide = all(row[2] - row[0] > 1.3 * (row[3] - row[1]) for row in (top, bottom))
        return Stacked(None, top, bottom) if covers and wide else None
    whole = around(main)
    if abs((whole[1] + whole[3]) / 2 - split) > 0.38 * (whole[3] - whole[1]):
        return None
    if min(top[0], bottom[0]) - whole[2] > 0.9 * cap:
        return None
    return Stacked(whole, top, bottom)


def _size_on_one_row(
    upper: list[BBox], lower: list[BBox], top: BBox, bottom: BBox, cap: float
) -> Stacked | None:
    """Deviations in tall parentheses: the size stands on the level of one of the rows, apart from it by a gap."""
    start = min(top[0], bottom[0])
    before = [[g for g in row if g[2] < start - 0.3 * cap] for row in (upper, lower)]
    level = [
        [g for g in row if g[1] > seed[1] - 0.35 * cap and g[3] < seed[3] + 0.35 * cap]
        for row, seed in zip(before, (top, bottom), strict=True)
    ]
    if abs(top[0] - bottom[0]) > 0.6 * cap or bool(level[0]) == bool(level[1]):
        return None
    main = around(level[0] or level[1])
    if not 0.8 * cap < main[3] - main[1] < 1.25 * cap or start - main[2] > 1.3 * cap:
        return None
    return Stacked(main, top, bottom)


def cut(image: Image, quad: Quad) -> Image:
    """The picture inside a quadrilateral, made level."""
    width = max(4, round(float(np.linalg.norm(quad[1] - quad[0]))))
    height = max(4, round(float(np.linalg.norm(quad[3] - quad[0]))))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), target)
    return cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=255).astype(
        np.uint8
    )


def scaled(crop: Image) -> Image:
    """A crop at least as high as the recogniser reads."""
    factor = READ_HEIGHT_PX / max(1, crop.shape[0])
    if factor <= 1:
        return crop
    return cv2.resize(crop, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
