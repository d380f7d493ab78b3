"""Reads scans and photos of drawings: upright, deskewed, text found twice (level and upright), signs checked (DRW-11)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from coordinator.modules.drawings.reading import stacks, strokes
from coordinator.modules.drawings.reading.interpret import interpret
from coordinator.modules.drawings.reading.model import DrawingReading, Limits, ReadingFailedError
from coordinator.modules.drawings.reading.ocr import Image, Quad, Read, rapid_engine, read_crops
from coordinator.modules.drawings.reading.ocr_text import clean_text
from coordinator.modules.drawings.reading.page import Page, Word, to_frame

Matrix = np.ndarray[Any, np.dtype[np.float64]]

MIN_CONFIDENCE = 0.5
MIN_SINGLE_CONFIDENCE = 0.75
READ_HEIGHT_PX = 48
SLANT_MIN_DEG = 8.0
MAX_READING_SIDE_PX = 5000


@dataclass
class _Found:
    """A text box of one pass: its corners in reading order, and what was read."""

    quad: Quad
    read: Read


def read_raster(path: Path, limits: Limits) -> DrawingReading:
    """Read an image file; every page of a TIFF."""
    images = load_images(path, limits)
    reading = DrawingReading(file=str(path), kind="raster", pages=len(images))
    pages = [
        read_page_image(image, index + 1, (image.shape[1], image.shape[0]), reading)
        for index, image in enumerate(images)
    ]
    interpret(reading, pages)
    return reading


def load_images(path: Path, limits: Limits) -> list[Image]:
    """Decode to grey images; raises ReadingFailedError for images too large or damaged."""
    from PIL import Image as Pil
    from PIL import ImageSequence

    Pil.MAX_IMAGE_PIXELS = None
    try:
        with Pil.open(path) as picture:
            if picture.width * picture.height > limits.max_pixels:
                raise ReadingFailedError(
                    "drawing.image_too_large",
                    f"Image trop grande : {picture.width} × {picture.height} pixels.",
                )
            if getattr(picture, "n_frames", 1) > limits.max_pages:
                raise ReadingFailedError(
                    "drawing.too_many_pages", f"Le document dépasse {limits.max_pages} pages."
                )
            return [_grey(frame) for frame in ImageSequence.Iterator(picture)]
    except (OSError, ValueError, SyntaxError) as failure:
        raise ReadingFailedError("drawing.corrupt", "Image illisible ou corrompue.") from failure


def _grey(frame: Any) -> Image:
    if frame.mode in ("RGBA", "LA", "PA") or "transparency" in frame.info:
        from PIL import Image as Pil

        rgba = frame.convert("RGBA")
        frame = Pil.alpha_composite(Pil.new("RGBA", rgba.size, "white"), rgba)
    grey = np.asarray(frame.convert("L"), dtype=np.uint8)
    return np.ascontiguousarray(grey if grey.mean() > 100 else 255 - grey)


def read_page_image(image: Image, number: int, size: tuple[float, float], reading: DrawingReading) -> Page:
    """Find the words and strokes of one page image; ``size`` is its extent in the coordinates of the file."""
    image = np.ascontiguousarray(image.reshape(image.shape[0], image.shape[1]))
    _read_codes(image, reading)
    to_file = np.array([[size[0] / image.shape[1], 0, 0], [0, size[1] / image.shape[0], 0], [0, 0, 1]])
    scale = min(1.0, MAX_READING_SIDE_PX / max(image.shape))
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8)
        to_file = to_file @ np.diag([1 / scale, 1 / scale, 1.0])
    image, turn = strokes.deskew(image)
    image, quarter, boxes = _upright(image)
    to_file = to_file @ turn @ quarter
    page = Page(number, image.shape[1], image.shape[0])
    ink = strokes.binarise(image)
    page.segments = strokes.find_rules(ink)
    ink = strokes.without_rules(ink, page.segments)
    page.words = _read_words(image, ink, boxes)
    page.to_file = tuple(float(value) for value in to_file[:2].ravel())  # type: ignore[assignment]
    return page


def _read_codes(image: Image, reading: DrawingReading) -> None:
    import zxingcpp

    reading.codes += [
        code.text for code in zxingcpp.read_barcodes(image) if code.text and code.text not in reading.codes
    ]


def _upright(image: Image) -> tuple[Image, Matrix, list[Quad]]:
    """Turn the sheet by quarters until its text reads from the left; returns also the text boxes of the result."""
    boxes = rapid_engine().detect(image)
    turn = np.eye(3)
    wide = [box for box in boxes if _extent(box)[0] > 3 * _extent(box)[1]]
    tall = [box for box in boxes if _extent(box)[1] > 3 * _extent(box)[0]]
    if len(tall) > 2 * len(wide) and len(tall) >= 4:
        turn = turn @ _quarter_turn(image)
        image = np.ascontiguousarray(np.rot90(image, -1))
        boxes = rapid_engine().detect(image)
        wide = [box for box in boxes if _extent(box)[0] > 3 * _extent(box)[1]]
    sample = sorted(wide, key=lambda box: -_extent(box)[0])[:5]
    crops = [_crop(image, box) for box in sample]
    if len(crops) >= 4:
        straight = rapid_engine().recognise(crops)
        flipped = rapid_engine().recognise([np.ascontiguousarray(crop[::-1, ::-1]) for crop in crops])
        if sum(r.confidence for r in flipped) > sum(r.confidence for r in straight) + 0.12 * len(crops):
            height, width = image.shape
            turn = turn @ np.array([[-1.0, 0, width - 1], [0, -1, height - 1], [0, 0, 1]])
            image = np.ascontiguousarray(image[::-1, ::-1])
            boxes = rapid_engine().detect(image)
    return image, turn, boxes


def _quarter_turn(image: Image) -> Matrix:
    """Maps points of the image turned clockwise back to the image."""
    return np.array([[0.0, 1, 0], [-1, 0, image.shape[0] - 1], [0, 0, 1]])


def _extent(quad: Quad) -> tuple[float, float]:
    return float(np.linalg.norm(quad[1] - quad[0])), float(np.linalg.norm(quad[3] - quad[0]))


def _read_words(image: Image, ink: Image, boxes: list[Quad]) -> list[Word]:
    """Words of the level pass and of the upright pass; where both saw something, the better reading stays."""
    level = _recognise_rows(
        image,
        ink,
        [box for box in boxes if _slant(box) < SLANT_MIN_DEG and _extent(box)[0] >= 0.5 * _extent(box)[1]],
    )
    slanted = _recognise_slanted(image, [box for box in boxes if _slant(box) >= SLANT_MIN_DEG])
    words = [_word(item, ink, 0.0) for item in level] + [
        _word(item, None, _angle(item.quad)) for item in slanted
    ]
    turned, turned_ink = (np.ascontiguousarray(np.rot90(layer, -1)) for layer in (image, ink))
    upright = [
        box
        for box in rapid_engine().detect(turned)
        if _extent(box)[0] > 1.15 * _extent(box)[1] and _slant(box) < SLANT_MIN_DEG
    ]
    for item in _recognise_rows(turned, turned_ink, upright):
        word = _word(item, turned_ink, 0.0)
        # The turned image maps to the reading frame of 90° by a shift along the text.
        shift = image.shape[0] - 1
        words.append(replace(word, u0=word.u0 - shift, u1=word.u1 - shift, angle=90.0))
    words = _without_rivals([word for word in words if word.text and not _is_fragment(word)])
    words = strokes.add_diameter_signs(words, ink)
    return stacks.complete_stacks(
        words, ink, image, lambda crops: read_crops([_scaled(crop) for crop in crops])
    )


def _slant(quad: Quad) -> float:
    angle = abs(_angle(quad)) % 90
    return min(angle, 90 - angle)


def _angle(quad: Quad) -> float:
    along = quad[1] - quad[0]
    return math.degrees(math.atan2(-along[1], along[0]))


def _recognise(image: Image, boxes: list[Quad]) -> list[_Found]:
    reads = read_crops([_scaled(_crop(image, box)) for box in boxes])
    return [
        _Found(box, read)
        for box, read in zip(boxes, reads, strict=True)
        if read.confidence >= (MIN_CONFIDENCE if len(read.text) > 1 else MIN_SINGLE_CONFIDENCE)
    ]


def _recognise_rows(image: Image, ink: Image, boxes: list[Quad]) -> list[_Found]:
    """Read level boxes; where small figures stand behind a size in one box, size and figures are read apart."""
    found = _recognise(image, boxes)
    pieces: list[Quad] = []
    kept: list[_Found] = []
    for item in found:
        x0, y0 = item.quad.min(axis=0)
        x1, y1 = item.quad.max(axis=0)
        parts = stacks.split_trailing(ink, (x0, y0, x1, y1)) if stacks.may_be_size(item.read.text) else []
        if parts:
            pieces += [np.array([(a, b), (c, b), (c, d), (a, d)], dtype=float) for a, b, c, d in parts]
        else:
            text = stacks.degree_at_end(ink, (x0, y0, x1, y1), item.read.text)
            kept.append(_Found(item.quad, Read(text, item.read.confidence)))
    return kept + _recognise(image, pieces)


def _recognise_slanted(image: Image, boxes: list[Quad]) -> list[_Found]:
    """Slanted text is read both ways up; the surer reading tells its direction."""
    found = []
    for box in boxes:
        if _extent(box)[1] > _extent(box)[0]:
            box = np.roll(box, 1, axis=0)
        turned = np.roll(box, 2, axis=0)
        tries = _recognise(image, [box, turned])
        tries.sort(
            key=lambda item: (
                -(item.read.confidence + (0.2 if clean_text(item.read.text)[:1].isdigit() else 0))
            )
        )
        found += tries[:1]
    return found


def _crop(image: Image, quad: Quad) -> Image:
    width, height = (max(4, round(side)) for side in _extent(quad))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), target)
    return cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=255).astype(
        np.uint8
    )


def _scaled(crop: Image) -> Image:
    factor = READ_HEIGHT_PX / crop.shape[0]
    if factor <= 1:
        return crop
    return cv2.resize(crop, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def _word(found: _Found, ink: Image | None, angle: float) -> Word:
    corners = [to_frame(float(x), float(y), angle) for x, y in found.quad]
    us, vs = [u for u, _ in corners], [v for _, v in corners]
    u0, u1, v0, v1 = min(us), max(us), min(vs), max(vs)
    margin = 0.14 * (v1 - v0)
    tight = strokes.ink_box(ink, (u0, v0, u1, v1)) if ink is not None else None
    if tight is not None:
        u0, v0, u1, v1 = tight
    else:
        u0, v0, u1, v1 = u0 + margin, v0 + margin, u1 - margin, v1 - margin
    return Word(clean_text(found.read.text), u0, u1, v0, v1, angle, found.read.confidence, "ocr")


def _without_rivals(words: list[Word]) -> list[Word]:
    """Of two readings of the same place keep the longer and surer one."""

    def merit(word: Word) -> float:
        straight = 1.0 if word.angle % 90 == 0 else 0.9
        # A single figure looks alike in both directions: it goes with the words beside it.
        company = 1.2 if len(word.text) <= 2 and _has_company(word, words) else 1.0
        return word.confidence * math.sqrt(len(word.text)) * straight * company

    kept: list[Word] = []
    for word in sorted(words, key=merit, reverse=True):
        if not any(_overlap(word, other) > 0.35 for other in kept):
            kept.append(word)
    return kept


def _is_fragment(word: Word) -> bool:
    """One letter read from half a glyph: far too narrow for what it is."""
    narrow = word.u1 - word.u0 < 0.42 * word.height
    return len(word.text) == 1 and narrow and word.text not in "1IlijJ|/!-+,."


def _has_company(word: Word, words: list[Word]) -> bool:
    return any(
        other.angle == word.angle
        and len(other.text) > 1
        and abs(other.v0 + other.v1 - word.v0 - word.v1) < 2 * max(other.height, word.height)
        and -0.5 * other.height < word.u0 - other.u1 < 1.2 * other.height
        for other in words
    )


def _overlap(a: Word, b: Word) -> float:
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = a.bbox, b.bbox
    width, height = min(ax1, bx1) - max(ax0, bx0), min(ay1, by1) - max(ay0, by0)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / max(1.0, min((ax1 - ax0) * (ay1 - ay0), (bx1 - bx0) * (by1 - by0)))
