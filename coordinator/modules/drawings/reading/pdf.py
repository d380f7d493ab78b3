"""Reads vector PDF pages: text layer with positions, strokes and drawn signs; OCR where the text layer says nothing (DRW-11)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from coordinator.modules.drawings.reading.interpret import interpret
from coordinator.modules.drawings.reading.model import DrawingReading, Limits, ReadingFailedError
from coordinator.modules.drawings.reading.outlined_text import is_letter, read_outlined_text
from coordinator.modules.drawings.reading.page import Page, Segment, Word, join_words
from coordinator.modules.drawings.reading.pdf_paths import Drawn, read_paths, traces_of
from coordinator.modules.drawings.reading.pdf_signs import place_signs
from coordinator.modules.drawings.reading.pdf_text import PageFrame, PageText, is_guessed, read_words
from coordinator.modules.drawings.reading.ring_letters import place_ring_letters
from coordinator.modules.drawings.reading.safety import has_active_content

MIN_TEXT_CHARACTERS = 12
MAX_UNMAPPED_SHARE = 0.3
SCAN_SHARE = 0.6
MIN_OUTLINED = 8
OCR_SCALE = 300 / 72


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
    if pdfium.FPDFDoc_GetJavaScriptActionCount(document.raw) > 0 or has_active_content(path.read_bytes()):
        raise ReadingFailedError(
            "drawing.executable_content", "PDF refusé : il contient un programme (action ou script)."
        )


def _read_page(document: pypdfium2.PdfDocument, index: int, reading: DrawingReading) -> Page:
    source = document[index]
    frame = PageFrame.of(source)
    text, drawn, words = _words_of(source, frame)
    outlined = len(words) > len(text.words)
    # A stamp laid over a scan may be drawn; the drawing below it is still a picture.
    if _must_be_seen(text, drawn) and (not outlined or drawn.image_share > SCAN_SHARE):
        return _read_image(source, index, reading)
    page = Page(index + 1, frame.width, frame.height)
    turned = _turned(frame, words)
    if turned is not None:
        page = Page(index + 1, turned.width, turned.height, to_file=frame.back_from(turned))
        text, drawn, words = _words_of(source, turned)
    page.segments = drawn.segments
    if text.plotted:
        page.segments = _without_letters(page.segments, text.words)
    if outlined:
        drawn_words = words[len(text.words) :]
        page.segments = _without_letters(page.segments, drawn_words)
        drawn.marks = [mark for mark in drawn.marks if not is_letter(mark, drawn_words)]
        reading.warnings.append(f"Page {index + 1} : textes dessinés, lus d'après leurs tracés.")
    page.words = place_signs(place_ring_letters(words, drawn), drawn)
    page.words = _without_walled_guesses(page.words, page.segments)
    page.marks = drawn.marks
    page.traces = traces_of(drawn)
    return page


def _words_of(source: Any, frame: PageFrame) -> tuple[PageText, Drawn, list[Word]]:
    """Text layer and drawing of a page, and all its words: those of the layer, then those drawn as outlines."""
    text, drawn = read_words(source, frame), read_paths(source, frame)
    if text.plotted:
        return text, drawn, list(text.words)
    known = [] if _says_nothing(text) else text.words
    outlined = read_outlined_text(drawn.strokes, known, drawn.segments)
    if outlined.letters < MIN_OUTLINED or outlined.unread > outlined.letters:
        return text, drawn, list(text.words)
    text.words = list(known)
    return text, drawn, [*known, *outlined.words]


def _without_walled_guesses(words: list[Word], segments: list[Segment]) -> list[Word]:
    """A glyph without a meaning in a cell of its own is a sign of a control frame, no part of the size behind the wall."""
    guessed = [word for word in words if is_guessed(word)]
    walled: set[int] = set()
    for sign in guessed:
        behind = [
            o for o in words if o is not sign and abs(o.v1 - sign.v1) < 0.3 * sign.height and o.u0 > sign.u0
        ]
        following = min(behind, key=lambda o: o.u0, default=None)
        if following is not None and len(join_words([sign, following], segments, max_gap=2.0)) > 1:
            walled.add(id(sign))
    return [word for word in words if id(word) not in walled]


def _must_be_seen(text: PageText, drawn: Drawn) -> bool:
    """True for pages whose text layer says nothing reliable: none, letters without meaning, or another program's OCR of a scan."""
    readable = text.characters - text.unmapped
    return (
        sum(len(word.text) for word in text.words) < MIN_TEXT_CHARACTERS
        or _says_nothing(text)
        or (drawn.image_share > SCAN_SHARE and text.invisible > 0.5 * max(1, readable))
    )


def _says_nothing(text: PageText) -> bool:
    return text.unmapped > MAX_UNMAPPED_SHARE * text.characters


def _without_letters(segments: list[Segment], words: list[Word]) -> list[Segment]:
    """Strokes less those which draw the letters of words."""
    if not segments:
        return segments
    middles = np.array([((s.x0 + s.x1) / 2, (s.y0 + s.y1) / 2, s.length) for s in segments])
    keep = np.ones(len(segments), dtype=bool)
    for word in words:
        cos, sin = math.cos(math.radians(word.angle)), math.sin(math.radians(word.angle))
        u, v = middles[:, 0] * cos - middles[:, 1] * sin, middles[:, 0] * sin + middles[:, 1] * cos
        slack = 0.1 * word.height
        inside = (
            (u > word.u0 - slack) & (u < word.u1 + slack) & (v > word.v0 - slack) & (v < word.v1 + 2 * slack)
        )
        keep &= ~(inside & (middles[:, 2] < 1.25 * word.height))
    return [segment for segment, kept in zip(segments, keep, strict=True) if kept]


def _read_image(source: Any, index: int, reading: DrawingReading) -> Page:
    from coordinator.modules.drawings.reading.raster import read_page_image

    width, height = source.get_size()
    image = source.render(scale=min(OCR_SCALE, 6000 / max(width, height)), grayscale=True).to_numpy()
    reading.warnings.append(f"Page {index + 1} sans texte : lue par reconnaissance optique.")
    return read_page_image(image, index + 1, (width, height), reading)


def _turned(frame: PageFrame, words: list[Word]) -> PageFrame | None:
    """The frame turned by quarters where most text of the sheet does not read from the left; None when it does."""
    weight = [0, 0, 0, 0]
    for word in words:
        quarter = round(word.angle / 90) % 4
        if abs(((word.angle - 90 * quarter + 180) % 360) - 180) < 1:
            weight[quarter] += len(word.text)
    best = max(range(4), key=weight.__getitem__)
    # Vertical sizes are common on any sheet; a sheet on its side has nearly all its text turned.
    if best == 0 or weight[best] < 3 * weight[0] or weight[best] < 40:
        return None
    return frame.turned(best)
