"""Reads vector PDF pages: words from the text layer at any angle, strokes and drawn signs from the paths (DRW-11)."""

from __future__ import annotations

import ctypes
import math
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from coordinator.modules.drawings.reading.interpret import interpret
from coordinator.modules.drawings.reading.model import DrawingReading, Limits, ReadingFailedError
from coordinator.modules.drawings.reading.page import Page, Segment, Word, same_angle, to_frame
from coordinator.modules.drawings.reading.symbols import Points, Symbol, recognise_symbol

CAP_SHARE = 0.72
MIN_TEXT_CHARACTERS = 12
OCR_SCALE = 300 / 72
MAX_PATH_OBJECTS = 60_000
_ACTIVE = re.compile(rb"/(?:Launch|JavaScript|JS)\b")
_LIGATURES = str.maketrans(
    {
        "\ufb01": "fi",
        "\ufb02": "fl",
        "\u00ad": "-",
        "\u2010": "-",
        "\u2011": "-",
        "\u2212": "-",
        "\u2300": "Ø",
    }
)


def read_pdf(path: Path, limits: Limits) -> DrawingReading:
    """Read every page; pages without text are read by OCR from their image."""
    document = _open(path)
    try:
        _refuse_active_content(path, document)
        if len(document) > limits.max_pages:
            raise ReadingFailedError(
                "drawing.too_many_pages",
                f"Le document compte {len(document)} pages (limite {limits.max_pages}).",
            )
        reading = DrawingReading(file=str(path), kind="pdf", pages=len(document))
        pages = [_read_page(document, index, reading) for index in range(len(document))]
    finally:
        document.close()
    interpret(reading, pages)
    return reading


def _open(path: Path) -> pypdfium2.PdfDocument:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as failure:
        if "password" in str(failure).lower() or "security" in str(failure).lower():
            raise ReadingFailedError(
                "drawing.encrypted",
                "Fichier protégé par mot de passe : indiquez-le ou fournissez un autre fichier.",
            ) from failure
        raise ReadingFailedError("drawing.corrupt", "Fichier PDF illisible ou corrompu.") from failure
    if len(document) == 0:
        raise ReadingFailedError("drawing.corrupt", "Le fichier PDF ne contient aucune page.")
    return document


def _refuse_active_content(path: Path, document: pypdfium2.PdfDocument) -> None:
    if pdfium.FPDFDoc_GetJavaScriptActionCount(document.raw) > 0 or _ACTIVE.search(path.read_bytes()):
        raise ReadingFailedError(
            "drawing.executable_content", "PDF refusé : il contient un programme (action ou script)."
        )


def _read_page(document: pypdfium2.PdfDocument, index: int, reading: DrawingReading) -> Page:
    source = document[index]
    width, height = source.get_size()
    page = Page(index + 1, width, height)
    words = _words(source, height)
    if sum(len(word.text) for word in words) < MIN_TEXT_CHARACTERS:
        from coordinator.modules.drawings.reading.raster import read_page_image

        image = source.render(scale=min(OCR_SCALE, 6000 / max(width, height)), grayscale=True).to_numpy()
        reading.warnings.append(f"Page {index + 1} sans texte : lue par reconnaissance optique.")
        return read_page_image(image, index + 1, (width, height), reading)
    symbols = _read_paths(source, page, height)
    page.words = _place_symbols(words, symbols)
    return page


def _words(source: Any, page_height: float) -> list[Word]:
    """Characters of the text layer joined to words in reading order of the file."""
    text = source.get_textpage()
    matrix = pdfium.FS_MATRIX()
    x, y = ctypes.c_double(), ctypes.c_double()
    glyphs: list[Word] = []
    breaks: set[int] = set()
    for index in range(text.count_chars()):
        code = pdfium.FPDFText_GetUnicode(text.raw, index)
        char = chr(code).translate(_LIGATURES) if code else ""
        if not char.strip() or not char.isprintable():
            breaks.add(len(glyphs))
            continue
        pdfium.FPDFText_GetMatrix(text.raw, index, matrix)
        pdfium.FPDFText_GetCharOrigin(text.raw, index, x, y)
        angle = math.degrees(math.atan2(matrix.b, matrix.a))
        em = pdfium.FPDFText_GetFontSize(text.raw, index) * math.hypot(matrix.a, matrix.b)
        u, baseline = to_frame(x.value, page_height - y.value, angle)
        left, bottom, right, top = text.get_charbox(index)
        spans = [to_frame(px, page_height - py, angle)[0] for px in (left, right) for py in (bottom, top)]
        straight = abs(round(angle / 90) * 90 - angle) < 1
        end = max(spans) if straight else u + 0.56 * em
        glyphs.append(Word(char, u, max(end, u + 0.1 * em), baseline - CAP_SHARE * em, baseline, angle))
    return _join_glyphs(glyphs, breaks)


def _join_glyphs(glyphs: list[Word], breaks: set[int]) -> list[Word]:
    words: list[Word] = []
    for index, glyph in enumerate(glyphs):
        last = words[-1] if words and index not in breaks else None
        if (
            last is not None
            and same_angle(last.angle, glyph.angle)
            and abs(last.v1 - glyph.v1) < 0.1 * last.height
            and abs(last.height - glyph.height) < 0.1 * last.height
            and -0.4 * last.height <= glyph.u0 - last.u1 < 0.5 * last.height
        ):
            words[-1] = replace(last, text=last.text + glyph.text, u1=max(last.u1, glyph.u1))
        else:
            words.append(glyph)
    return words


def _read_paths(source: Any, page: Page, page_height: float) -> list[Symbol]:
    """Collect straight strokes of the page and the signs drawn as small paths."""
    symbols: list[Symbol] = []
    for count, item in enumerate(source.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=8)):
        if count > MAX_PATH_OBJECTS:
            break
        subpaths = _subpaths(item, page_height)
        symbol = recognise_symbol(subpaths) if len(subpaths) <= 3 else None
        if symbol is not None and max(symbol.bbox[2] - symbol.bbox[0], symbol.bbox[3] - symbol.bbox[1]) < 40:
            symbols.append(symbol)
            continue
        for path in subpaths:
            for (x0, y0), (x1, y1) in pairwise(path):
                if abs(x1 - x0) + abs(y1 - y0) > 2:
                    page.segments.append(Segment(x0, y0, x1, y1))
    return symbols


def _subpaths(item: Any, page_height: float) -> list[Points]:
    matrix = item.get_matrix()
    found: list[Points] = []
    x, y = ctypes.c_float(), ctypes.c_float()
    for index in range(pdfium.FPDFPath_CountSegments(item.raw)):
        piece = pdfium.FPDFPath_GetPathSegment(item.raw, index)
        pdfium.FPDFPathSegment_GetPoint(piece, x, y)
        px, py = matrix.on_point(x.value, y.value)
        if pdfium.FPDFPathSegment_GetType(piece) == pdfium.FPDF_SEGMENT_MOVETO or not found:
            found.append([])
        found[-1].append((px, page_height - py))
        if pdfium.FPDFPathSegment_GetClose(piece) and len(found[-1]) > 2:
            found[-1].append(found[-1][0])
    return [path for path in found if len(path) > 1]


def _place_symbols(words: list[Word], symbols: list[Symbol]) -> list[Word]:
    """Give each drawn sign the direction and baseline of the number beside it; signs without a number are geometry."""
    placed = list(words)
    for symbol in symbols:
        best: tuple[float, Word] | None = None
        for word in words:
            sign = _in_frame(symbol, word)
            after = symbol.text == "°"
            gap = sign.u0 - word.u1 if after else word.u0 - sign.u1
            level = word.v0 - 0.5 * word.height < (sign.v0 + sign.v1) / 2 < word.v1 + 0.3 * word.height
            fits = sign.u1 - sign.u0 < 1.8 * word.height and (
                not after or sign.u1 - sign.u0 < 0.7 * word.height
            )
            if (
                level
                and fits
                and -0.5 * word.height <= gap <= 0.9 * word.height
                and re.search(r"\d", word.text)
                and (best is None or abs(gap) < best[0])
            ):
                best = (abs(gap), replace(sign, v0=word.v0, v1=word.v1))
        if best is not None:
            placed.append(best[1])
    return placed


def _in_frame(symbol: Symbol, word: Word) -> Word:
    x0, y0, x1, y1 = symbol.bbox
    u, v = to_frame((x0 + x1) / 2, (y0 + y1) / 2, word.angle)
    half = min(x1 - x0, y1 - y0) / 2
    return Word(symbol.text, u - half, u + half, v - half, v + half, word.angle)
