"""Reads DXF drawings: real dimensions with tolerances, texts, title block, closed contours and circles (DRW-12)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from coordinator.modules.drawings.reading.contours import find_contours, find_hole_circles
from coordinator.modules.drawings.reading.dxf_dimension import (
    CHARACTER_WIDTH,
    DIMENSION_TYPES,
    forced_words,
    plain_lines,
    read_dimension,
)
from coordinator.modules.drawings.reading.dxf_file import is_cut, open_dxf
from coordinator.modules.drawings.reading.dxf_text import STACK, frame_rows, plain_text, with_signs
from coordinator.modules.drawings.reading.dxf_traces import read_traces
from coordinator.modules.drawings.reading.interpret import interpret
from coordinator.modules.drawings.reading.model import (
    Dimension,
    DrawingReading,
    GeometricTolerance,
    ReadingFailedError,
)
from coordinator.modules.drawings.reading.page import Mark, Page, Segment, Word, to_frame

LINE_SPACING = 5 / 3
MAX_ENTITIES = 200_000
MAX_NESTING = 4
MAX_MARK_SHARE = 0.03
TRACE_SHARE = 0.12
_TOLD = 5
_FRENCH = {"mm": "millimètres", "inch": "pouces"}
_UNITS = {1: ("inch", 25.4), 2: ("inch", 304.8), 4: ("mm", 1.0), 5: ("mm", 10.0), 6: ("mm", 1000.0)}


def read_dxf(path: Path) -> DrawingReading:
    """Read model space and the used layouts; raises ReadingFailedError when the file is no DXF."""
    document = open_dxf(path)
    reading = DrawingReading(file=str(path), kind="dxf", pages=1)
    unit, factor = _UNITS.get(document.header.get("$INSUNITS", 0), (None, 1.0))
    pages: list[Page] = []
    dimensions: list[Dimension] = []
    first: list[Any] = []
    forced: list[str] = []
    if is_cut(path):
        reading.warnings.append(
            "Fichier DXF tronqué : sa fin manque, une partie du plan peut être absente. Redemandez-le au client."
        )
    sheets = list(_sheets(document, _hidden_layers(document)))
    if not sheets and (sheets := list(_sheets(document, set()))):
        reading.warnings.append("Tous les calques du plan sont masqués : lu quand même, à vérifier.")
    for entities in sheets:
        page, found, frames, typed = _collect(entities, unit or "mm", len(pages) + 1)
        forced += typed
        first = first or entities
        pages.append(page)
        dimensions += found
        reading.geometric_tolerances += frames
    reading.pages = max(1, len(pages))
    reading.unit = unit
    reading.contours = find_contours(first, factor)
    reading.features = find_hole_circles(first, factor)
    if forced:
        more = f" et {len(forced) - _TOLD} autres" if len(forced) > _TOLD else ""
        reading.warnings.append(
            f"Cotes écrites à la main, différentes du dessin : {' ; '.join(forced[:_TOLD])}{more}. À vérifier."
        )
    if unit is None and pages:
        _ask_unit(reading, pages[0])
    interpret(reading, pages or [Page(1, 0.0, 0.0)], dimensions)
    if unit is not None and reading.unit not in (None, unit):
        reading.warnings.append(
            f"Unités contradictoires : le fichier est en {_FRENCH[unit]}, le plan écrit {_FRENCH[reading.unit or unit]}. À choisir."
        )
    return reading


def _hidden_layers(document: Any) -> set[str]:
    return {layer.dxf.name.lower() for layer in document.layers if layer.is_off() or layer.is_frozen()}


def _sheets(document: Any, hidden: set[str]) -> Iterator[list[Any]]:
    """Entities of model space and of each used paper layout, one sheet each, block references opened, hidden layers left out."""
    count = 0
    for layout in document.layouts:
        entities = []
        for entity in layout:
            for item in _opened(entity, 0):
                count += 1
                if count > MAX_ENTITIES:
                    raise ReadingFailedError(
                        "drawing.too_complex", f"Plan trop complexe : plus de {MAX_ENTITIES} éléments."
                    )
                if item.dxf.get("layer", "0").lower() not in hidden and not item.dxf.get("invisible", 0):
                    entities.append(item)
        if any(item.dxftype() != "VIEWPORT" for item in entities):
            yield entities


def _opened(entity: Any, depth: int) -> Iterator[Any]:
    if entity.dxftype() != "INSERT" or depth >= MAX_NESTING:
        yield entity
        return
    yield from (attribute for attribute in entity.attribs if not attribute.is_invisible)
    for part in entity.virtual_entities():
        yield from _opened(part, depth + 1)


def _collect(
    entities: list[Any], unit: str, number: int
) -> tuple[Page, list[Dimension], list[GeometricTolerance], list[str]]:
    strokes: list[tuple[float, float, float, float]] = []
    words: list[tuple[str, float, float, float, float]] = []
    dims: list[Any] = []
    frames: list[GeometricTolerance] = []
    for entity in entities:
        kind = entity.dxftype()
        if kind == "LINE":
            strokes.append((entity.dxf.start.x, entity.dxf.start.y, entity.dxf.end.x, entity.dxf.end.y))
        elif kind == "LWPOLYLINE":
            points = [(x, y) for x, y, *_ in entity.get_points()]
            points += points[:1] if entity.closed else []
            strokes += [(*a, *b) for a, b in pairwise(points)]
        elif kind in ("TEXT", "ATTRIB"):
            words += _text_words(entity)
        elif kind == "MTEXT":
            words += _mtext_words(entity)
        elif kind == "MULTILEADER":
            words += _leader_words(entity)
        elif kind == "TOLERANCE":
            frames += [item for row in frame_rows(entity.dxf.content) if (item := row.tolerance(number))]
        elif kind in DIMENSION_TYPES:
            dims.append(entity)
    corners = [corner for word in words for corner in _corners(*word)]
    xs = [x for x0, _, x1, _ in strokes for x in (x0, x1)] + [x for x, _ in corners]
    ys = [y for _, y0, _, y1 in strokes for y in (y0, y1)] + [y for _, y in corners]
    left, top = min(xs, default=0.0), max(ys, default=0.0)
    page = Page(number, max(xs, default=0.0) - left, top - min(ys, default=0.0))
    # The page frame starts at the top left; the file counts y upwards.
    page.to_file = (1.0, 0.0, left, 0.0, -1.0, top)
    page.segments = [Segment(x0 - left, top - y0, x1 - left, top - y1) for x0, y0, x1, y1 in strokes]
    page.marks = _round_marks(entities, left, top, MAX_MARK_SHARE * max(page.width, page.height))
    page.traces = read_traces(entities, left, top, TRACE_SHARE * max(page.width, page.height))
    page.words = [
        _word(text, x - left, top - y, height, angle) for text, x, y, height, angle in words if text.strip()
    ]
    read = [(entity, read_dimension(entity, unit, number, left, top)) for entity in dims]
    found = [(entity, dimension) for entity, dimension in read if dimension is not None]
    forced = [told for entity, dimension in found if (told := forced_words(entity, dimension))]
    return page, [dimension for _, dimension in found], frames, forced


def _corners(text: str, x: float, y: float, height: float, angle: float) -> list[tuple[float, float]]:
    """Ends of the baseline and of the upper edge of a text."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    length = len(text) * CHARACTER_WIDTH * height
    return [(x + u * c - v * s, y + u * s + v * c) for u in (0.0, length) for v in (-0.3 * height, height)]


def _round_marks(entities: list[Any], left: float, top: float, limit: float) -> list[Mark]:
    """Small circles as marks: they may belong to a sign, such as the projection symbol."""
    turn = [2 * math.pi * step / 16 for step in range(17)]
    marks = []
    for item in (e for e in entities if e.dxftype() == "CIRCLE" and e.dxf.radius < limit):
        x, y, r = item.dxf.center.x - left, top - item.dxf.center.y, item.dxf.radius
        path = tuple((x + r * math.cos(a), y + r * math.sin(a)) for a in turn)
        marks.append(Mark((path,), (x - r, y - r, x + r, y + r)))
    return marks


def _word(text: str, x: float, y: float, height: float, angle: float) -> Word:
    u, baseline = to_frame(x, y, angle)
    return Word(
        text, u, u + len(text) * CHARACTER_WIDTH * height, baseline - height, baseline, angle, 1.0, "dxf"
    )


def _text_words(entity: Any) -> list[tuple[str, float, float, float, float]]:
    align, anchor, _ = entity.get_placement()
    text, height, angle = plain_text(entity.dxf.text), entity.dxf.height, entity.dxf.rotation
    width = len(text) * CHARACTER_WIDTH * height
    name = align.name
    back = width / 2 if "CENTER" in name or name.startswith("MIDDLE") else width if "RIGHT" in name else 0.0
    down = height / 2 if name.startswith("MIDDLE") else height if name.startswith("TOP") else 0.0
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return [(text, anchor.x - back * c + down * s, anchor.y - back * s - down * c, height, angle)]


def _mtext_words(entity: Any) -> list[tuple[str, float, float, float, float]]:
    """Lines of a multi-line text; stacked parts become small words over each other."""
    raw = with_signs(entity.text)
    stack = STACK.search(raw)
    lines = [plain_text(line) for line in plain_lines(STACK.sub("", raw))]
    height, angle = entity.dxf.char_height, entity.get_rotation()
    point, row = entity.dxf.insert, (entity.dxf.attachment_point - 1) // 3
    column = (entity.dxf.attachment_point - 1) % 3
    total = height * (1 + LINE_SPACING * (len(lines) - 1))
    first = {0: -height, 1: total / 2 - height, 2: total - height}[row]
    found = []
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    for index, line in enumerate(lines):
        width = len(line) * CHARACTER_WIDTH * height
        along, up = -column * width / 2, first - index * LINE_SPACING * height
        found.append((line, point.x + along * c - up * s, point.y + along * s + up * c, height, angle))
        if stack and index == 0:
            for text, lift in ((stack[1], 0.62 * height), (stack[2], -0.22 * height)):
                u, v = along + width + 0.2 * height, up + lift
                found.append(
                    (text.strip(), point.x + u * c - v * s, point.y + u * s + v * c, 0.6 * height, angle)
                )
    return found


def _leader_words(entity: Any) -> list[tuple[str, float, float, float, float]]:
    """Text of a multileader, its lines below each other."""
    content = entity.context.mtext
    if content is None or not content.default_content:
        return []
    height = float(entity.context.char_height or 2.5)
    lines = [plain_text(line) for line in plain_lines(STACK.sub("", with_signs(content.default_content)))]
    angle = math.degrees(float(content.rotation or 0.0))
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    x, y = content.insert.x, content.insert.y
    drops = [height * (1 + LINE_SPACING * index) for index in range(len(lines))]
    return [
        (line, x + drop * s, y - drop * c, height, angle) for line, drop in zip(lines, drops, strict=True)
    ]


def _ask_unit(reading: DrawingReading, page: Page) -> None:
    width, height = page.width, page.height
    reading.warnings.append(
        f"DXF sans unité : {width:.1f} × {height:.1f} mm ou {width * 25.4:.1f} × {height * 25.4:.1f} mm (pouces) ? À choisir."
    )
