"""Strokes and small drawn marks of a PDF page, form objects opened, in coordinates of the shown sheet."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium

from coordinator.modules.drawings.reading.model import BBox
from coordinator.modules.drawings.reading.outlined_pieces import MAX_LETTER, Stroke
from coordinator.modules.drawings.reading.page import Mark, Segment, Trace
from coordinator.modules.drawings.reading.pdf_text import PageFrame
from coordinator.modules.drawings.reading.symbols import Points, Symbol, recognise_symbol

MAX_PATH_OBJECTS = 60_000
MAX_DEPTH = 8
MARK_SIZE = 40.0
MARK_MAX_PATHS = 8
MAX_TRACES, MAX_FILLED_POINTS = 20_000, 8
TOUCH = 0.6
CURVE_STEPS = 6
Affine = tuple[float, float, float, float, float, float]


@dataclass
class Drawn:
    """What the paths of a page are: signs, small marks, straight strokes, images' share of the sheet."""

    symbols: list[Symbol] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    strokes: list[Stroke] = field(default_factory=list)
    """Every polyline small enough for a letter; what the letters of outlined text are found in."""
    image_share: float = 0.0
    dashed: list[Points] = field(default_factory=list)


def read_paths(page: Any, frame: PageFrame) -> Drawn:
    """Collect the strokes of a page and the signs drawn as small paths."""
    drawn = Drawn()
    pending: list[Mark] = []
    for count, (item, kind, matrix) in enumerate(_objects(page)):
        if count > MAX_PATH_OBJECTS:
            break
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            drawn.image_share += _image_area(matrix, frame) / max(1.0, frame.width * frame.height)
            continue
        paths = _subpaths(item, matrix, frame)
        if not paths:
            continue
        box = _box(paths)
        filled = _is_filled(item)
        if _is_dashed(item):
            drawn.dashed += paths
        if not (filled and _is_white(item)):
            drawn.strokes += [Stroke(np.array(path), filled) for path in paths if _is_small(path)]
        if max(box[2] - box[0], box[3] - box[1]) >= MARK_SIZE:
            _add_segments(drawn, paths)
            continue
        mark = Mark(tuple(tuple(path) for path in paths), box, filled)
        if pending and not _touch(_box_of(pending), box):
            _close(drawn, pending)
            pending = []
        pending.append(mark)
    _close(drawn, pending)
    return drawn


def _close(drawn: Drawn, marks: list[Mark]) -> None:
    """Tell signs among small paths drawn one after the other: each alone, else all together."""
    if not marks:
        return
    paths = [path for mark in marks for path in mark.paths]
    box = _box_of(marks)
    if len(marks) > 1 and len(paths) <= 3:
        whole = recognise_symbol([list(path) for path in paths])
        if whole is not None:
            drawn.symbols.append(whole)
            return
    for mark in marks:
        symbol = recognise_symbol([list(path) for path in mark.paths]) if len(mark.paths) <= 3 else None
        if symbol is not None:
            drawn.symbols.append(symbol)
        else:
            _add_segments(drawn, [list(path) for path in mark.paths])
    if len(paths) <= MARK_MAX_PATHS and max(box[2] - box[0], box[3] - box[1]) < MARK_SIZE:
        drawn.marks.append(Mark(tuple(paths), box, all(mark.filled for mark in marks)))
    elif len(marks) > 1:
        drawn.marks += [mark for mark in marks if len(mark.paths) <= MARK_MAX_PATHS]


def _objects(page: Any) -> Iterator[tuple[Any, int, Affine]]:
    for index in range(pdfium.FPDFPage_CountObjects(page.raw)):
        yield from _opened(pdfium.FPDFPage_GetObject(page.raw, index), (1, 0, 0, 1, 0, 0), 0)


def _opened(item: Any, outer: Affine, depth: int) -> Iterator[tuple[Any, int, Affine]]:
    kind = pdfium.FPDFPageObj_GetType(item)
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(item, matrix)
    own = _compose((matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f), outer)
    if kind in (pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_IMAGE):
        yield item, kind, own
    elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < MAX_DEPTH:
        for index in range(pdfium.FPDFFormObj_CountObjects(item)):
            yield from _opened(pdfium.FPDFFormObj_GetObject(item, index), own, depth + 1)


def _compose(inner: Affine, outer: Affine) -> Affine:
    a, b, c, d, e, f = inner
    A, B, C, D, E, F = outer  # noqa: N806
    return a * A + b * C, a * B + b * D, c * A + d * C, c * B + d * D, e * A + f * C + E, e * B + f * D + F


def _image_area(matrix: Affine, frame: PageFrame) -> float:
    return min(abs(matrix[0] * matrix[3] - matrix[1] * matrix[2]), frame.width * frame.height)


def _subpaths(item: Any, matrix: Affine, frame: PageFrame) -> list[Points]:
    """Polylines of a path, curves cut into chords."""
    found: list[Points] = []
    x, y = ctypes.c_float(), ctypes.c_float()
    a, b, c, d, e, f = matrix
    bends: Points = []
    for index in range(pdfium.FPDFPath_CountSegments(item)):
        piece = pdfium.FPDFPath_GetPathSegment(item, index)
        pdfium.FPDFPathSegment_GetPoint(piece, x, y)
        point = frame.point(a * x.value + c * y.value + e, b * x.value + d * y.value + f)
        kind = pdfium.FPDFPathSegment_GetType(piece)
        if kind == pdfium.FPDF_SEGMENT_MOVETO or not found:
            found.append([point])
        elif kind == pdfium.FPDF_SEGMENT_BEZIERTO:
            bends.append(point)
            if len(bends) == 3:
                found[-1] += _chords(found[-1][-1], bends)
                bends = []
        else:
            found[-1].append(point)
        if pdfium.FPDFPathSegment_GetClose(piece) and len(found[-1]) > 2 and found[-1][0] != found[-1][-1]:
            found[-1].append(found[-1][0])
    return [path for path in found if len(path) > 1]


def _chords(start: tuple[float, float], bends: Points) -> Points:
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = start, *bends
    chords = []
    for step in range(1, CURVE_STEPS + 1):
        t = step / CURVE_STEPS
        s = 1 - t
        p, q, r, w = s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t
        chords.append((p * x0 + q * x1 + r * x2 + w * x3, p * y0 + q * y1 + r * y2 + w * y3))
    return chords


def _is_filled(item: Any) -> bool:
    mode, stroke = ctypes.c_int(), ctypes.c_int()
    return bool(pdfium.FPDFPath_GetDrawMode(item, mode, stroke)) and mode.value != 0


def _is_dashed(item: Any) -> bool:
    return bool(pdfium.FPDFPageObj_GetDashCount(item) > 0)


def traces_of(drawn: Drawn) -> list[Trace]:
    """Small polylines and dashed lines of a page; letters (many contours painted) come along, large ones do not."""
    small = [
        Trace(tuple(map(tuple, stroke.points.tolist())), stroke.filled)
        for stroke in drawn.strokes[:MAX_TRACES]
    ]
    small = [trace for trace in small if not trace.filled or len(trace.points) <= MAX_FILLED_POINTS]
    return small + [Trace(tuple(path), dashed=True) for path in drawn.dashed[:MAX_TRACES]]


def _is_white(item: Any) -> bool:
    """True for painted white, which covers what lies below and draws nothing."""
    colour = [ctypes.c_uint() for _ in range(4)]
    found = pdfium.FPDFPageObj_GetFillColor(item, *colour)
    return bool(found) and all(part.value > 250 for part in colour[:3])


def _is_small(path: Points) -> bool:
    box = _box([path])
    return max(box[2] - box[0], box[3] - box[1]) <= MAX_LETTER


def _add_segments(drawn: Drawn, paths: list[Points]) -> None:
    for path in paths:
        for (x0, y0), (x1, y1) in pairwise(path):
            if abs(x1 - x0) + abs(y1 - y0) > 2:
                drawn.segments.append(Segment(x0, y0, x1, y1))


def _box(paths: list[Points]) -> BBox:
    xs, ys = [x for path in paths for x, _ in path], [y for path in paths for _, y in path]
    return min(xs), min(ys), max(xs), max(ys)


def _box_of(marks: list[Mark]) -> BBox:
    boxes = [mark.box for mark in marks]
    return (
        min(box[0] for box in boxes), min(box[1] for box in boxes),
        max(box[2] for box in boxes), max(box[3] for box in boxes),
    )  # fmt: skip


def _touch(a: BBox, b: BBox) -> bool:
    return a[0] - TOUCH <= b[2] and b[0] - TOUCH <= a[2] and a[1] - TOUCH <= b[3] and b[1] - TOUCH <= a[3]
