"""Welding symbols of a sheet (ISO 2553, AWS A2.4): reference line, symbols on both its sides, their sizes, tail (DRW-24)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from coordinator.modules.drawings.reading.layout import TextBlock
from coordinator.modules.drawings.reading.model import Note, StandardSystem, Weld
from coordinator.modules.drawings.reading.page import Mark, Page, to_frame
from coordinator.modules.drawings.reading.weld_lines import PROCESS, read_reference_lines
from coordinator.modules.drawings.reading.weld_text import describe, write

_SIZE = re.compile(
    r"^(?:(?P<iso>[azs]\s?\d{1,2}(?:[.,]\d)?)|(?P<plain>\d{1,2}(?:[.,]\d+)?|\d+/\d+))(?P<run>\s*(?:\d+\s*[xX]\s*\d+.*)?)$"
)
_WRITTEN = re.compile(r"^([azs]\s?\d{1,2}(?:[.,]\d)?)\s*([△▷◺◣⊿▲◿])")
REACH_HEIGHTS = 1.6
TAIL_HEIGHTS = 14.0
SQUARE = 0.12


def find_welds(blocks: Sequence[TextBlock], page: Page, *, unit: str) -> tuple[list[Weld], set[int]]:
    """Welds asked for on a page, and the blocks which belong to their symbols."""
    found, used = read_reference_lines(blocks, page, unit)
    triangles = [mark for mark in page.marks if _is_fillet(mark)]
    for block in blocks:
        if not block.words or block.stack is not None or id(block) in used:
            continue
        size = _size(block, triangles)
        if size is None:
            continue
        used.add(id(block))
        tail = _tail(block, blocks)
        if tail is not None:
            used.add(id(tail))
        weld = describe(Weld("fillet", unit=unit, page=page.number, bbox=block.bbox), size, "", "")
        found.append(write(weld, [tail.text] if tail is not None else []))
    return found, used


def sided(welds: list[Weld], system: StandardSystem) -> list[Weld]:
    """Tell the side of symbols without a dashed line: AWS draws the arrow side below; ISO 2553 leaves both readings open."""
    known = {"above": "other", "below": "arrow"} if system == "asme" else {}
    for weld in welds:
        if weld.side in ("above", "below"):
            weld.side = known.get(weld.side, "unknown")
            write(weld, [weld.tail] if weld.tail else [])
    return welds


def notes_of(welds: Sequence[Weld]) -> list[Note]:
    """The symbols as notes of kind "weld"."""
    return [Note(weld.text, weld.page, weld.bbox, "weld") for weld in welds]


def _size(block: TextBlock, triangles: Sequence[Mark]) -> str | None:
    if match := _WRITTEN.match(block.text):
        return match[1]
    match = _SIZE.match(block.text)
    if match is None:
        return None
    # "6" beside a triangle alone might be a size beside an arrow; the triangle must stand right behind it.
    beside = any(_behind(block, mark, 1.0 if match["plain"] else REACH_HEIGHTS) for mark in triangles)
    return (match["iso"] or match["plain"]) if beside else None


def _behind(block: TextBlock, mark: Mark, reach: float) -> bool:
    last = block.words[-1]
    points = [to_frame(x, y, last.angle) for path in mark.paths for x, y in path]
    us, vs = [u for u, _ in points], [v for _, v in points]
    gap, middle = min(us) - last.u1, (min(vs) + max(vs)) / 2
    size = max(max(us) - min(us), max(vs) - min(vs))
    return (
        -0.2 * last.height <= gap <= reach * last.height
        and last.v0 - 0.5 * last.height < middle < last.v1 + 0.5 * last.height
        and 0.5 * last.height <= size <= 2.2 * last.height
    )


def _is_fillet(mark: Mark) -> bool:
    """An open triangle with a right angle and two legs of one length; filled ones are arrow heads."""
    if mark.filled or not mark.paths:
        return False
    corners: list[tuple[float, float]] = []
    for path in mark.paths:
        for point in path:
            if not any(math.dist(point, known) < 0.6 for known in corners):
                corners.append(point)
    if len(corners) != 3 or sum(len(path) - 1 for path in mark.paths) < 3:
        return False
    for i in range(3):
        a, b, c = corners[i], corners[(i + 1) % 3], corners[(i + 2) % 3]
        p, q = (b[0] - a[0], b[1] - a[1]), (c[0] - a[0], c[1] - a[1])
        lengths = math.hypot(*p), math.hypot(*q)
        if min(lengths) < 2:
            continue
        cosine = abs(p[0] * q[0] + p[1] * q[1]) / (lengths[0] * lengths[1])
        if cosine < SQUARE and max(lengths) < 1.5 * min(lengths):
            return True
    return False


def _tail(block: TextBlock, blocks: Sequence[TextBlock]) -> TextBlock | None:
    """The process named behind the fork of the reference line."""
    last = block.words[-1]
    for other in blocks:
        if other is block or not other.words or not PROCESS.match(other.text):
            continue
        word = other.words[0]
        level = abs(word.angle - last.angle) < 1 and abs(word.v1 - last.v1) < 1.5 * last.height
        if level and 0 < word.u0 - last.u1 < TAIL_HEIGHTS * last.height:
            return other
    return None
