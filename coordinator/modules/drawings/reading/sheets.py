"""Sheets of a file as pictures and words, for review and for title-block styles. Runs inside the sandbox.

A box "in shares" is ``[x0, y0, x1, y1]`` between 0 and 1 from the top left corner of the sheet, whatever the file's units.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from coordinator.modules.drawings.reading.boxes import shares
from coordinator.modules.drawings.reading.model import BBox, Kind, Limits, ReadingFailedError
from coordinator.modules.drawings.reading.safety import has_active_content
from coordinator.modules.drawings.reading.sheet_kinds import MODELS

Picture = np.ndarray[Any, np.dtype[np.uint8]]
MAX_SIDE_PX = 6000
OCR_SIDE_PX = 3000
_MIN_TEXT = 12


@dataclass
class SheetInfo:
    """Size of one sheet in the units of ``bbox``: points (PDF), pixels (images), drawing units (DXF, y upwards)."""

    page: int
    width: float
    height: float
    unit: str
    x0: float = 0.0
    y0: float = 0.0
    y_up: bool = False
    words: list[tuple[str, float, float, float, float]] = field(default_factory=list)
    """Text with its box in shares of the sheet."""

    def shares(self, box: BBox) -> BBox:
        """A box of the file as shares of the sheet."""
        return shares(asdict(self), box)


def sheet_infos(
    path: Path, kind: str, limits: Limits, *, optical: int = 0, until: float = math.inf
) -> list[SheetInfo]:
    """Every sheet of a file with its words: of sheets without a text layer those of the first ``optical`` ones only.

    Past ``until`` (monotonic clock) sheets stay without words.
    """
    infos = list(_sizes(path, kind, limits))
    for info in infos:
        if info.page > 1 and time.monotonic() > until:
            break
        with contextlib.suppress(ReadingFailedError):
            info.words = words(path, kind, info, limits, optical=info.page <= optical)
    return infos


def _sizes(path: Path, kind: str, limits: Limits) -> Iterator[SheetInfo]:
    if kind == "pdf":
        with open_pdf(path) as document:
            for index in range(min(len(document), limits.max_pages)):
                width, height = document.get_page_size(index)
                yield SheetInfo(index + 1, width, height, "pt")
    elif kind == "raster":
        for index, (width, height) in enumerate(_frame_sizes(path, limits)):
            yield SheetInfo(index + 1, width, height, "px")
    elif kind == "dxf":
        from coordinator.modules.drawings.reading.dxf_picture import extents

        x0, y0, x1, y1 = extents(path)
        yield SheetInfo(1, x1 - x0, y1 - y0, "du", x0, y0, True)
    elif kind in MODELS:
        from coordinator.modules.drawings.reading import model_picture

        # A model without a picture is still a model: it was measured before.
        with contextlib.suppress(ReadingFailedError):
            layout = model_picture.layout_of(_scene(path, kind, edges=False))
            yield SheetInfo(1, layout.width, layout.height, "px")


def render(path: Path, kind: str, page: int, max_side_px: int, limits: Limits) -> Picture:
    """Picture of one sheet in colour (BGR), its longer side ``max_side_px``; raises ReadingFailedError without such a sheet."""
    side = max(64, min(MAX_SIDE_PX, max_side_px))
    if kind == "pdf":
        with open_pdf(path) as document:
            if not 1 <= page <= len(document):
                raise _no_page(page)
            width, height = document.get_page_size(page - 1)
            bitmap = document[page - 1].render(scale=side / max(width, height, 1.0))
            array = bitmap.to_numpy()
            return np.ascontiguousarray(
                array[:, :, :3] if array.ndim == 3 else cv2.cvtColor(array, cv2.COLOR_GRAY2BGR)
            )
    if kind == "raster":
        return _scaled(_frame(path, page, limits), side)
    if kind == "dxf" and page == 1:
        from coordinator.modules.drawings.reading.dxf_picture import draw

        return draw(path, side)
    if kind in MODELS and page == 1:
        from coordinator.modules.drawings.reading import model_picture

        return model_picture.draw(_scene(path, kind, edges=True), side)
    raise _no_page(page)


def _scene(path: Path, kind: str, *, edges: bool) -> Any:
    from coordinator.modules.drawings.reading import model_files, model_picture

    model = model_files.load_model(path, cast("Kind", kind))
    return model_picture.scene_of(model.solids or [model.shape], edges=edges)


def words(
    path: Path, kind: str, info: SheetInfo, limits: Limits, *, optical: bool = True
) -> list[tuple[str, float, float, float, float]]:
    """Words of a sheet: text layer where there is one, else optical reading."""
    if kind == "dxf":
        from coordinator.modules.drawings.reading.dxf_picture import texts

        return [(text, *info.shares(box)) for text, box in texts(path)]
    if kind == "pdf":
        with open_pdf(path) as document:
            found = _text_layer(document[info.page - 1], info)
        if sum(len(word[0]) for word in found) >= _MIN_TEXT:
            return found
    if not optical or kind in MODELS:
        return []
    return _optical(render(path, kind, info.page, OCR_SIDE_PX, limits))


def split(path: Path, kind: str, folder: Path, limits: Limits) -> list[Path]:
    """The sheets of a file as files of their own; the file itself where it has one sheet."""
    if kind == "pdf":
        with open_pdf(path) as document:
            count = len(document)
            # Single pages no longer carry what the document as a whole would start.
            if count > 1 and has_active_content(path.read_bytes()):
                raise ReadingFailedError(
                    "drawing.executable_content", "PDF refusé : il contient un programme (action ou script)."
                )
            if count > limits.max_pages:
                raise ReadingFailedError(
                    "drawing.too_many_pages", f"Le document compte {count} pages (limite {limits.max_pages})."
                )
            if count == 1:
                return [path]
            return [_single_page(document, index, folder) for index in range(count)]
    if kind == "raster":
        count = len(list(_frame_sizes(path, limits)))
        if count > 1:
            return [_single_frame(path, number, folder, limits) for number in range(1, count + 1)]
    return [path]


def unlock(path: Path, password: str, target: Path) -> int:
    """Write a copy of an encrypted PDF without its password; returns the number of pages.

    Raises ReadingFailedError ``drawing.wrong_password``, ``drawing.corrupt``.
    """
    import pypdfium2
    from pypdfium2 import raw

    try:
        document = pypdfium2.PdfDocument(path, password=password)
    except pypdfium2.PdfiumError as failure:
        if "password" in str(failure).lower():
            raise ReadingFailedError(
                "drawing.wrong_password", "Mot de passe refusé par le fichier."
            ) from failure
        raise ReadingFailedError("drawing.corrupt", "Fichier PDF illisible ou corrompu.") from failure
    with document:
        document.save(target, flags=raw.FPDF_REMOVE_SECURITY)
        return len(document)


def open_pdf(path: Path) -> Any:
    """Open a PDF, or say in French why not."""
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as failure:
        if "password" in str(failure).lower() or "security" in str(failure).lower():
            raise ReadingFailedError(
                "drawing.encrypted",
                "Fichier protégé par mot de passe : indiquez-le ou fournissez un autre fichier.",
            ) from failure
        raise ReadingFailedError("drawing.corrupt", "Fichier PDF illisible ou corrompu.") from failure


def _single_page(document: Any, index: int, folder: Path) -> Path:
    import pypdfium2

    target = folder / f"page-{index + 1:03d}.pdf"
    with pypdfium2.PdfDocument.new() as single:
        single.import_pages(document, [index])
        single.save(target)
    return target


def _single_frame(path: Path, number: int, folder: Path, limits: Limits) -> Path:
    target = folder / f"page-{number:03d}.png"
    cv2.imwrite(str(target), _frame(path, number, limits))
    return target


def _frame_sizes(path: Path, limits: Limits) -> Iterator[tuple[int, int]]:
    from PIL import Image, ImageSequence

    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(path) as picture:
            if getattr(picture, "n_frames", 1) > limits.max_pages:
                raise ReadingFailedError(
                    "drawing.too_many_pages", f"Le document dépasse {limits.max_pages} pages."
                )
            for frame in ImageSequence.Iterator(picture):
                if frame.width * frame.height > limits.max_pixels:
                    raise _too_many_pixels(frame.width, frame.height)
                yield frame.width, frame.height
    except (OSError, ValueError, SyntaxError) as failure:
        raise ReadingFailedError("drawing.corrupt", "Image illisible ou corrompue.") from failure


def _frame(path: Path, page: int, limits: Limits) -> Picture:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(path) as picture:
            if not 1 <= page <= getattr(picture, "n_frames", 1):
                raise _no_page(page)
            picture.seek(page - 1)
            if picture.width * picture.height > limits.max_pixels:
                raise _too_many_pixels(picture.width, picture.height)
            rgba = picture.convert("RGBA")
            flat = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
            return np.ascontiguousarray(np.asarray(flat, dtype=np.uint8)[:, :, ::-1])
    except (OSError, ValueError, SyntaxError, EOFError) as failure:
        raise ReadingFailedError("drawing.corrupt", "Image illisible ou corrompue.") from failure


def _scaled(picture: Picture, side: int) -> Picture:
    factor = side / max(picture.shape[:2])
    if factor >= 1:
        return picture
    return cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.uint8)


def _text_layer(page: Any, info: SheetInfo) -> list[tuple[str, float, float, float, float]]:
    text = page.get_textpage()
    found = []
    for index in range(min(text.count_rects(), 5000)):
        left, bottom, right, top = text.get_rect(index)
        content = text.get_text_bounded(left - 0.5, bottom - 0.5, right + 0.5, top + 0.5)
        first = content.replace("\r", "\n").split("\n")[0].strip()
        if first:
            found.append((first[:120], *info.shares((left, info.height - top, right, info.height - bottom))))
    return found


def _optical(picture: Picture) -> list[tuple[str, float, float, float, float]]:
    import pytesseract

    height, width = picture.shape[:2]
    try:
        data = pytesseract.image_to_data(
            picture, lang="fra+eng", config="--psm 11", output_type=pytesseract.Output.DICT, timeout=60
        )
    except (pytesseract.TesseractNotFoundError, pytesseract.TesseractError, RuntimeError):
        return []
    return [
        (text.strip()[:120], x / width, y / height, (x + w) / width, (y + h) / height)
        for text, x, y, w, h, confidence in zip(
            data["text"], data["left"], data["top"], data["width"], data["height"], data["conf"], strict=True
        )
        if text.strip() and float(confidence) > 30
    ]


def codes_on(path: Path, kind: str, page: int, limits: Limits) -> list[str]:
    """Texts of the bar codes and QR codes of a sheet (DRW-14)."""
    import zxingcpp

    picture = cv2.cvtColor(render(path, kind, page, OCR_SIDE_PX, limits), cv2.COLOR_BGR2GRAY)
    return list(dict.fromkeys(code.text for code in zxingcpp.read_barcodes(picture) if code.text))


def _no_page(page: int) -> ReadingFailedError:
    return ReadingFailedError("drawing.no_page", f"Ce fichier n'a pas de page {page} à montrer.")


def _too_many_pixels(width: int, height: int) -> ReadingFailedError:
    return ReadingFailedError("drawing.image_too_large", f"Image trop grande : {width} × {height} pixels.")
