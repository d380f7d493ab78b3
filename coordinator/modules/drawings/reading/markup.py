"""The drawing with what was read marked on it, and two drawings laid over each other. Runs inside the sandbox (DRW-36, DRW-40)."""

from __future__ import annotations

import ctypes
import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from coordinator.modules.drawings.reading.model import Limits
from coordinator.modules.drawings.reading.sheets import Picture, open_pdf, render, sheet_infos

COLOURS = {"green": (34, 139, 70), "orange": (230, 130, 0), "red": (200, 30, 30), "blue": (30, 90, 200)}
PAGE_PT = 842.0
PICTURE_SIDE_PX = 3000
_FILL_ALPHA = 48
_BALLOON_RADIUS = 0.009
_CIRCLE = 0.5523  # length of the handles of a quarter circle drawn as a Bézier curve


def annotate(path: Path, kind: str, marks: list[dict[str, Any]], target: Path, limits: Limits) -> int:
    """Write a PDF of the drawing with ``marks``: ``{page, box (shares), colour, balloon?}``; returns its page count.

    Pages of a PDF stay vectors; other files become one picture per page.
    """
    source = path
    if kind != "pdf":
        source = target.with_suffix(".sheets.pdf")
        _as_pdf(path, kind, source, limits)
    with open_pdf(source) as document:
        for index in range(len(document)):
            own = [m for m in marks if m["page"] == index + 1]
            if own:
                _mark_page(document, document[index], own)
        document.save(target)
        count = len(document)
    if source is not path:
        source.unlink()
    return count


def overlay(
    old: tuple[Path, str, int], new: tuple[Path, str, int], side_px: int, limits: Limits
) -> tuple[Picture, float]:
    """Two sheets over each other: grey = in both, red = only in the old one, blue = only in the new one.

    The old sheet is scaled to the new one and shifted to where most strokes agree. Returns the picture and the share
    of strokes that differ.
    """
    before, after = (
        cv2.cvtColor(render(path, kind, page, side_px, limits), cv2.COLOR_BGR2GRAY)
        for path, kind, page in (old, new)
    )
    height, width = after.shape
    before = cv2.resize(before, (width, height), interpolation=cv2.INTER_AREA)
    before = _shifted(before, after)
    ink_before, ink_after = before < 170, after < 170
    near_before, near_after = _grown(ink_before), _grown(ink_after)
    gone, added = ink_before & ~near_after, ink_after & ~near_before
    picture = np.full((height, width, 3), 255, dtype=np.uint8)
    picture[ink_after & near_before] = (150, 150, 150)
    picture[_grown(gone)] = (40, 40, 220)
    picture[_grown(added)] = (220, 110, 20)
    strokes = max(1, int(ink_before.sum() + ink_after.sum()))
    return picture, float((gone.sum() + added.sum()) / strokes)


def _shifted(before: Any, after: Any) -> Any:
    factor = 800 / max(after.shape)
    small = [
        255.0 - cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.float64)
        for image in (before, after)
    ]
    window = cv2.createHanningWindow((small[0].shape[1], small[0].shape[0]), cv2.CV_64F)
    (dx, dy), response = cv2.phaseCorrelate(small[0], small[1], window)
    limit = 0.05 * max(small[0].shape)
    if response < 0.05 or abs(dx) > limit or abs(dy) > limit:
        return before
    matrix = np.array([[1, 0, dx / factor], [0, 1, dy / factor]], dtype=np.float64)
    return cv2.warpAffine(before, matrix, (before.shape[1], before.shape[0]), borderValue=255)


def _grown(ink: Any) -> Any:
    return cv2.dilate(ink.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)


def _as_pdf(path: Path, kind: str, target: Path, limits: Limits) -> None:
    from PIL import Image

    pages = []
    for info in sheet_infos(path, kind, limits):
        picture = render(path, kind, info.page, PICTURE_SIDE_PX, limits)
        buffer = io.BytesIO()
        image = Image.fromarray(np.ascontiguousarray(picture[:, :, ::-1]))
        # The longer side becomes that of an A4 sheet.
        image.save(buffer, "PDF", resolution=72 * max(image.size) / PAGE_PT)
        pages.append(buffer.getvalue())
    import pypdfium2

    with pypdfium2.PdfDocument.new() as whole:
        for page in pages:
            with pypdfium2.PdfDocument(page) as single:
                whole.import_pages(single)
        whole.save(target)


def _mark_page(document: Any, page: Any, marks: list[dict[str, Any]]) -> None:
    from pypdfium2 import raw

    width, height = page.get_size()
    font = raw.FPDFText_LoadStandardFont(document.raw, b"Helvetica-Bold")
    radius = _BALLOON_RADIUS * max(width, height)
    for mark in marks:
        x0, y0, x1, y1 = mark["box"]
        left, right, top, bottom = x0 * width, x1 * width, (1 - y0) * height, (1 - y1) * height
        colour = COLOURS.get(mark.get("colour", "blue"), COLOURS["blue"])
        _rectangle(page, left - 1, bottom - 1, right - left + 2, top - bottom + 2, colour)
        if mark.get("balloon") is not None:
            x, y = max(radius, left - 1.4 * radius), min(height - radius, top + 1.2 * radius)
            _balloon(document, page, font, x, y, radius, str(mark["balloon"]))
    raw.FPDFPage_GenerateContent(page.raw)
    raw.FPDFFont_Close(font)


def _rectangle(
    page: Any, x: float, y: float, width: float, height: float, colour: tuple[int, int, int]
) -> None:
    from pypdfium2 import raw

    shape = raw.FPDFPageObj_CreateNewRect(x, y, width, height)
    raw.FPDFPageObj_SetFillColor(shape, *colour, _FILL_ALPHA)
    raw.FPDFPageObj_SetStrokeColor(shape, *colour, 255)
    raw.FPDFPageObj_SetStrokeWidth(shape, 0.6)
    raw.FPDFPath_SetDrawMode(shape, raw.FPDF_FILLMODE_WINDING, 1)
    raw.FPDFPage_InsertObject(page.raw, shape)


def _balloon(document: Any, page: Any, font: Any, x: float, y: float, radius: float, number: str) -> None:
    from pypdfium2 import raw

    circle = raw.FPDFPageObj_CreateNewPath(x + radius, y)
    k = _CIRCLE * radius
    raw.FPDFPath_BezierTo(circle, x + radius, y + k, x + k, y + radius, x, y + radius)
    raw.FPDFPath_BezierTo(circle, x - k, y + radius, x - radius, y + k, x - radius, y)
    raw.FPDFPath_BezierTo(circle, x - radius, y - k, x - k, y - radius, x, y - radius)
    raw.FPDFPath_BezierTo(circle, x + k, y - radius, x + radius, y - k, x + radius, y)
    raw.FPDFPath_Close(circle)
    raw.FPDFPageObj_SetFillColor(circle, 255, 255, 255, 255)
    raw.FPDFPageObj_SetStrokeColor(circle, *COLOURS["red"], 255)
    raw.FPDFPageObj_SetStrokeWidth(circle, 0.8)
    raw.FPDFPath_SetDrawMode(circle, raw.FPDF_FILLMODE_WINDING, 1)
    raw.FPDFPage_InsertObject(page.raw, circle)
    size = radius * (1.25 if len(number) < 2 else 1.05 if len(number) == 2 else 0.8)
    text = raw.FPDFPageObj_CreateTextObj(document.raw, font, ctypes.c_float(size))
    encoded = ctypes.create_string_buffer((number + "\x00").encode("utf-16-le"))
    raw.FPDFText_SetText(text, ctypes.cast(encoded, ctypes.POINTER(ctypes.c_ushort)))
    raw.FPDFPageObj_SetFillColor(text, *COLOURS["red"], 255)
    # Figures of Helvetica Bold are 0.556 of their size wide and 0.72 high.
    matrix = (1, 0, 0, 1, x - 0.278 * size * len(number), y - 0.36 * size)
    raw.FPDFPageObj_Transform(text, *matrix)
    raw.FPDFPage_InsertObject(page.raw, text)
