"""Boxes around text: theoretically exact sizes, feature control frames with their sign, rows of tables (DRW-18, DRW-19)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from coordinator.modules.drawings.reading.dimension_text import NUMBER, normalise, to_number
from coordinator.modules.drawings.reading.layout import TextBlock
from coordinator.modules.drawings.reading.model import GeometricTolerance
from coordinator.modules.drawings.reading.page import Page, same_angle, to_frame, union_box
from coordinator.modules.drawings.reading.stroke_signs import CHARACTERISTICS, recognise_strokes

NAMES = {
    "⌖": "position", "⊥": "perpendicularity", "∥": "parallelism", "⏥": "flatness", "○": "circularity", "⌭": "cylindricity",
    "◎": "concentricity", "↗": "circular_runout", "⌰": "total_runout", "∠": "angularity", "⌯": "symmetry",
    "⌓": "surface_profile", "⌒": "line_profile", "⏤": "straightness",
}  # fmt: skip
_WRITTEN = {
    "//": "∥",
    "/ /": "∥",
    "||": "∥",
    "O": "○",
    "⊕": "⌖",
    "◯": "○",
    "=": "⌯",
    "-": "⏤",
    "—": "⏤",
    "/": "↗",
    "<": "∠",
    "▱": "⏥",
    "◠": "⌒",
    "⌳": "⌓",
}
_VALUE = re.compile(rf"^([{''.join(NAMES)}])?\s*(S?\s?Ø|R)?\s*({NUMBER})(?![\d:°])(.*)$")
_DATUM = re.compile(r"^\(?[A-Z]{1,2}\d?(?:\s*-\s*[A-Z]{1,2})?\)?\s*(?:[ⓂⓁⓅⓈ]|\[[A-Z,<>]+\])*$")
_DATUMS_BEHIND = re.compile(r"\s+([A-Z])(?=\s|$)")
_MODIFIERS = ("Ⓜ", "Ⓛ", "Ⓟ", "Ⓢ", "Ⓔ", "CZ", "UZ", "SZ", "Ⓕ", "Ⓣ")
TABLE_CELLS = 3
CELL_GAP, EXACT_GAP = 6.0, 1.8  # blank beside a text in its cell, letter heights
Box = tuple[float, float, float, float]
Ends = npt.NDArray[np.float64]


@dataclass
class Cell:
    """A ruled cell (u0, u1, v0, v1 along and across its text) and what is written in it."""

    box: Box
    block: TextBlock
    angle: float


@dataclass
class Frames:
    """What the boxes of a page are: blocks of exact sizes, tolerances, blocks used up by frames and by rows of tables."""

    basic: set[int] = field(default_factory=set)
    tolerances: list[GeometricTolerance] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    tabled: set[int] = field(default_factory=set)


@dataclass
class _Rules:
    """Straight strokes along and across one text direction: (position, from, to)."""

    level: list[tuple[float, float, float]] = field(default_factory=list)
    upright: list[tuple[float, float, float]] = field(default_factory=list)


def read_frames(blocks: list[TextBlock], page: Page) -> Frames:
    """Sort the boxed blocks of a page into exact sizes, feature control frames and table rows."""
    found = Frames()
    rules: dict[int, _Rules] = {}
    cells: list[Cell] = []
    ends = np.array([(s.x0, s.y0, s.x1, s.y1) for s in page.segments], dtype=float).reshape(-1, 4)
    for block in blocks:
        angle = block.parts[0].angle
        if round(angle) not in rules:
            rules[round(angle)] = _rules_along(ends, angle)
        ruled = rules[round(angle)]
        box = _cell_around(block, ruled)
        if box is not None:
            cells.append(Cell(box, block, angle))
    for row in _rows(cells):
        ruled = rules[round(row[0].angle)]
        tolerance = _tolerance(row, ruled, page)
        if tolerance is not None:
            found.tolerances.append(tolerance)
            found.used |= {id(cell.block) for cell in row}
        elif len(row) >= TABLE_CELLS:
            found.tabled |= {id(cell.block) for cell in row}
        elif len(row) == 1 and _is_close(row[0]):
            found.basic.add(id(row[0].block))
    return found


def _rules_along(ends: Ends, angle: float) -> _Rules:
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    u = ends[:, 0::2] * cos - ends[:, 1::2] * sin
    v = ends[:, 0::2] * sin + ends[:, 1::2] * cos
    du, dv = np.abs(u[:, 0] - u[:, 1]), np.abs(v[:, 0] - v[:, 1])
    level = dv <= 0.02 * du + 0.05
    upright = ~level & (du <= 0.02 * dv + 0.05)
    return _Rules(_spans(v[level], u[level]), _spans(u[upright], v[upright]))


def _spans(across: Ends, along: Ends) -> list[tuple[float, float, float]]:
    table = np.stack([across.mean(axis=1), along.min(axis=1), along.max(axis=1)], axis=1)
    return [(at, lo, hi) for at, lo, hi in table.tolist()]


def _cell_around(block: TextBlock, rules: _Rules) -> Box | None:
    """The four strokes which closely surround a block, or None."""
    parts = block.parts
    u0, u1 = min(w.u0 for w in parts), max(w.u1 for w in parts)
    v0, v1 = min(w.v0 for w in parts), max(w.v1 for w in parts)
    h = min(w.height for w in block.words) if block.words else parts[0].height
    over = [v for v in _spots(rules.level, u0, u1, h) if v0 - 1.3 * h <= v <= v0 + 0.15 * h]
    under = [v for v in _spots(rules.level, u0, u1, h) if v1 - 0.15 * h <= v <= v1 + 1.3 * h]
    left = [u for u in _spots(rules.upright, v0, v1, h) if u0 - CELL_GAP * h <= u <= u0 + 0.25 * h]
    right = [u for u in _spots(rules.upright, v0, v1, h) if u1 - 0.25 * h <= u <= u1 + CELL_GAP * h]
    if not (over and under and left and right):
        return None
    top, bottom, west, east = max(over), min(under), max(left), min(right)
    # A box closes: its sides reach from the upper to the lower stroke, and these from side to side.
    reach = 0.3 * h
    sides = [(west, top, bottom, rules.upright), (east, top, bottom, rules.upright)]
    flats = [(top, west, east, rules.level), (bottom, west, east, rules.level)]
    return (west, east, top, bottom) if all(_covered(*edge, reach) for edge in sides + flats) else None


def _is_close(cell: Cell) -> bool:
    """True for a box drawn around one size, not a wide field which happens to hold it."""
    parts = cell.block.parts
    height = min(word.height for word in parts)
    before = min(word.u0 for word in parts) - cell.box[0]
    behind = cell.box[1] - max(word.u1 for word in parts)
    return max(before, behind) <= EXACT_GAP * height


def _spots(strokes: list[tuple[float, float, float]], start: float, end: float, height: float) -> list[float]:
    """Positions of strokes that run along a whole text, letters drawn as strokes excluded."""
    slack = 0.3 * height
    middle = (start + end) / 2
    return [
        at
        for at, lo, hi in strokes
        if lo <= middle + slack and hi >= middle - slack and hi - lo > 0.8 * height
    ]


def _covered(
    at: float, start: float, end: float, strokes: list[tuple[float, float, float]], slack: float
) -> bool:
    """True when strokes at one position cover a stretch without a gap."""
    reached = start + slack
    for _, lo, hi in sorted((s for s in strokes if abs(s[0] - at) <= 0.4 * slack), key=lambda s: s[1]):
        if lo <= reached + slack:
            reached = max(reached, hi)
    return reached >= end - slack


def _rows(cells: list[Cell]) -> list[list[Cell]]:
    """Cells which share a side, left to right; a tall first cell may rule two rows."""
    rows: list[list[Cell]] = []
    for cell in sorted(cells, key=lambda item: item.box[0]):
        slack = 0.3 * (cell.box[3] - cell.box[2])
        for row in rows:
            last = row[-1]
            if (
                same_angle(last.angle, cell.angle)
                and abs(last.box[1] - cell.box[0]) < slack
                and last.box[2] - slack < cell.box[2]
                and cell.box[3] < last.box[3] + slack
            ):
                row.append(cell)
                break
        else:
            rows.append([cell])
    return rows


def _tolerance(row: list[Cell], rules: _Rules, page: Page) -> GeometricTolerance | None:
    """A feature control frame: sign, value with its zone and modifiers, datums. None for any other box."""
    texts = [normalise(cell.block.text) for cell in row]
    sign = _written_sign(texts[0])
    rest = texts[1:] if sign else texts
    value = _VALUE.match(rest[0]) if rest else None
    if value is None:
        return None
    behind = value[4]
    datums = [text for text in rest[1:] if _DATUM.match(text)]
    if len(datums) != len(rest) - 1:
        return None
    if sign is None:
        sign = _written_sign(value[1] or "")
        drawn = sign is None and _has_cell_before(row[0], rules)
        sign = _drawn_sign(row[0], rules, page) if drawn else sign
        if sign is None and not drawn and not datums:
            return None
    datums += _DATUMS_BEHIND.findall(behind)
    written = " ".join(texts)
    modifiers = (["Ø"] if value[2] and "Ø" in value[2] else []) + [
        item for item in _MODIFIERS if item in written
    ]
    text = written if sign is None or _written_sign(texts[0]) or value[1] else f"{sign} {written}"
    return GeometricTolerance(
        NAMES.get(sign or ""), to_number(value[3]), text, datums, modifiers, page.number,
        union_box([cell.block.bbox for cell in row]), min(cell.block.confidence for cell in row),
    )  # fmt: skip


def _written_sign(text: str) -> str | None:
    sign = _WRITTEN.get(text.strip(), text.strip())
    return sign if sign in NAMES else None


def _first_cell(cell: Cell, rules: _Rules) -> Box | None:
    """The cell left of a cell, bounded by the next upright stroke, if upper and lower strokes go on that far."""
    # A sign reaches nearly from stroke to stroke: one that covers the whole height comes first.
    return _cell_left_of(cell, rules, 0.07) or _cell_left_of(cell, rules, 0.15)


def _cell_left_of(cell: Cell, rules: _Rules, looseness: float) -> Box | None:
    u0, _, v0, v1 = cell.box
    height = v1 - v0
    slack = looseness * height
    edges = [
        u
        for u, _, _ in rules.upright
        if 0.4 * height < u0 - u < 2.6 * height and _covered(u, v0, v1, rules.upright, slack)
    ]
    if not edges:
        return None
    west = max(edges)
    closed = all(_covered(v, west, u0, rules.level, slack) for v in (v0, v1))
    return (west, u0, v0, v1) if closed else None


def _has_cell_before(cell: Cell, rules: _Rules) -> bool:
    return _first_cell(cell, rules) is not None


def _drawn_sign(cell: Cell, rules: _Rules, page: Page) -> str | None:
    """The characteristic drawn as strokes in the cell before the value."""
    box = _first_cell(cell, rules)
    if box is None:
        return None
    u0, u1, v0, v1 = box
    margin = 0.06 * (v1 - v0)
    paths: list[list[tuple[float, float]]] = []
    for mark in page.marks:
        for path in mark.paths:
            turned = [to_frame(x, y, cell.angle) for x, y in path]
            if all(u0 + margin < u < u1 - margin and v0 - margin < v < v1 + margin for u, v in turned):
                paths.append(turned)
    if not paths:
        for stroke in page.segments:
            ends = [to_frame(stroke.x0, stroke.y0, cell.angle), to_frame(stroke.x1, stroke.y1, cell.angle)]
            if all(u0 + margin < u < u1 - margin and v0 + margin < v < v1 - margin for u, v in ends):
                paths.append(ends)
    return recognise_strokes(paths, CHARACTERISTICS) if paths else None
