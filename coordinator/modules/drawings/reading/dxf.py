"""Reads DXF drawings: real dimensions with tolerances, texts, title block, closed contours and circles (DRW-12)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from ezdxf import recover
from ezdxf.filemanagement import readfile
from ezdxf.lldxf.const import DXFError

from coordinator.modules.drawings.reading.contours import find_contours, find_hole_circles
from coordinator.modules.drawings.reading.dimension_text import parse_dimension
from coordinator.modules.drawings.reading.interpret import interpret
from coordinator.modules.drawings.reading.layout import TextBlock, make_dimension
from coordinator.modules.drawings.reading.model import Dimension, DrawingReading, ReadingFailedError
from coordinator.modules.drawings.reading.page import Page, Segment, Word, to_frame

CHARACTER_WIDTH = 0.78  # share of the text height
LINE_SPACING = 5 / 3
MAX_ENTITIES = 200_000
MAX_NESTING = 4
_UNITS = {1: ("inch", 25.4), 2: ("inch", 304.8), 4: ("mm", 1.0), 5: ("mm", 10.0), 6: ("mm", 1000.0)}
_STACK = re.compile(r"\\S([^;^#/]*)[\^#/]([^;]*);")
_CODES = {"%%c": "Ø", "%%p": "±", "%%d": "°", "%%C": "Ø", "%%P": "±", "%%D": "°", "%%%": "%"}
_ANGULAR = (2, 5)


def read_dxf(path: Path) -> DrawingReading:
    """Read model space and the used layouts; raises ReadingFailedError when the file is no DXF."""
    document = _load(path)
    reading = DrawingReading(file=str(path), kind="dxf", pages=1)
    unit, factor = _UNITS.get(document.header.get("$INSUNITS", 0), (None, 1.0))
    entities = list(_entities(document))
    page, dimensions = _collect(entities, unit or "mm")
    reading.unit = unit
    reading.contours = find_contours(entities, factor)
    reading.features = find_hole_circles(entities, factor)
    if unit is None:
        _ask_unit(reading, page)
    interpret(reading, [page], dimensions)
    return reading


def _load(path: Path) -> Any:
    try:
        return readfile(path)
    except (DXFError, OSError, ValueError, UnicodeDecodeError):
        try:
            return recover.readfile(path)[0]
        except (DXFError, OSError, ValueError, IndexError, KeyError) as failure:
            raise ReadingFailedError("drawing.corrupt", "Fichier DXF illisible ou corrompu.") from failure


def _entities(document: Any) -> Iterator[Any]:
    """Entities of model space and of layouts, block references opened."""
    count = 0
    for layout in document.layouts:
        for entity in layout:
            for item in _opened(entity, 0):
                count += 1
                if count > MAX_ENTITIES:
                    raise ReadingFailedError(
                        "drawing.too_complex", f"Plan trop complexe : plus de {MAX_ENTITIES} éléments."
                    )
                yield item


def _opened(entity: Any, depth: int) -> Iterator[Any]:
    if entity.dxftype() != "INSERT" or depth >= MAX_NESTING:
        yield entity
        return
    yield from entity.attribs
    for part in entity.virtual_entities():
        yield from _opened(part, depth + 1)


def _collect(entities: list[Any], unit: str) -> tuple[Page, list[Dimension]]:
    strokes: list[tuple[float, float, float, float]] = []
    words: list[tuple[str, float, float, float, float]] = []
    dims: list[Any] = []
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
        elif kind == "DIMENSION":
            dims.append(entity)
    xs = [x for x0, _, x1, _ in strokes for x in (x0, x1)] + [word[1] for word in words]
    ys = [y for _, y0, _, y1 in strokes for y in (y0, y1)] + [word[2] for word in words]
    left, top = min(xs, default=0.0), max(ys, default=0.0)
    page = Page(1, max(xs, default=0.0) - left, top - min(ys, default=0.0))
    # The page frame starts at the top left; the file counts y upwards.
    page.to_file = (1.0, 0.0, left, 0.0, -1.0, top)
    page.segments = [Segment(x0 - left, top - y0, x1 - left, top - y1) for x0, y0, x1, y1 in strokes]
    page.words = [
        _word(text, x - left, top - y, height, angle) for text, x, y, height, angle in words if text.strip()
    ]
    found = [_dimension(entity, unit, left, top) for entity in dims]
    return page, [dimension for dimension in found if dimension is not None]


def _word(text: str, x: float, y: float, height: float, angle: float) -> Word:
    u, baseline = to_frame(x, y, angle)
    return Word(
        text, u, u + len(text) * CHARACTER_WIDTH * height, baseline - height, baseline, angle, 1.0, "dxf"
    )


def plain_text(text: str) -> str:
    """Replace the %% codes of DXF text."""
    for code, sign in _CODES.items():
        text = text.replace(code, sign)
    return text


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
    raw = entity.text
    stack = _STACK.search(raw)
    lines = [plain_text(line) for line in _plain_mtext(_STACK.sub("", raw))]
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


def _plain_mtext(raw: str) -> list[str]:
    from ezdxf.tools.text import fast_plain_mtext

    return [str(line) for line in fast_plain_mtext(raw, split=True)]


def _dimension(entity: Any, unit: str, left: float, top: float) -> Dimension | None:
    """A DIMENSION entity: its written text with the measured value, its deviations from the dimension style."""
    override = entity.override()
    measured = _measured(entity, override)
    if measured is None:
        return None
    raw = plain_text(entity.dxf.get("text", "") or "<>")
    if not raw.strip():
        return None
    stack = _STACK.search(raw)
    text = " ".join(_plain_mtext(_STACK.sub("", raw).replace("<>", measured)))
    stacked = (stack[1].strip(), stack[2].strip()) if stack else _style_deviations(override, text)
    kind = entity.dimtype & 7
    if kind in (3, 4) and re.match(r"^\d", text):
        text = ("Ø" if kind == 3 else "R") + text
    if stacked and stacked[0] == "±":
        text, stacked = f"{text} ±{stacked[1]}", None
    parsed = parse_dimension(text, stacked)
    if parsed is None:
        return None
    place = entity.dxf.get("text_midpoint") or entity.dxf.get("defpoint")
    height = float(override.get("dimtxt", 2.5))
    word = _word(
        parsed.text,
        place.x - left - len(parsed.text) * CHARACTER_WIDTH * height / 2,
        top - place.y + height / 2,
        height,
        0.0,
    )
    dimension = make_dimension(TextBlock([word]), parsed, unit, 1, basic=bool(override.get("dimgap", 0) < 0))
    dimension.source = "dxf_dimension"
    return dimension


def _measured(entity: Any, override: Any) -> str | None:
    value = entity.get_measurement()
    if not isinstance(value, int | float):
        return None
    if (entity.dimtype & 7) in _ANGULAR:
        return f"{value:.{max(0, int(override.get('dimadec', 0)))}f}°"
    scaled = abs(float(value)) * float(override.get("dimlfac", 1.0) or 1.0)
    return _number(scaled, int(override.get("dimdec", 2)))


def _number(value: float, decimals: int) -> str:
    text = f"{value:.{max(0, min(8, decimals))}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace(".", ",") or "0"


def _style_deviations(override: Any, text: str) -> tuple[str, str] | None:
    """Deviations of the dimension style: DIMTP upwards, DIMTM downwards; equal ones are written with ±."""
    if not override.get("dimtol", 0) or re.search(r"±|[+\-]\d", text):
        return None
    decimals = int(override.get("dimtdec", 4))
    upper, lower = float(override.get("dimtp", 0.0)), -float(override.get("dimtm", 0.0))
    if upper == 0 and lower == 0:
        return None
    if upper == -lower:
        return "±", _number(upper, decimals)
    return _signed(upper, decimals), _signed(lower, decimals)


def _signed(value: float, decimals: int) -> str:
    return "0" if value == 0 else ("+" if value > 0 else "-") + _number(abs(value), decimals)


def _ask_unit(reading: DrawingReading, page: Page) -> None:
    width, height = page.width, page.height
    reading.warnings.append(
        f"DXF sans unité : {width:.1f} × {height:.1f} mm ou {width * 25.4:.1f} × {height * 25.4:.1f} mm (pouces) ? À choisir."
    )
