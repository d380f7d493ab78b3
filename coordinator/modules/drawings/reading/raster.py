"""Reads scans and photos of drawings: upright, deskewed, text found twice (level and upright), signs checked (DRW-11)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from coordinator.modules.drawings.reading import rows, strokes
from coordinator.modules.drawings.reading.box_cuts import cut_at_rules
from coordinator.modules.drawings.reading.crops import CAP_SHARE
from coordinator.modules.drawings.reading.interpret import interpret
from coordinator.modules.drawings.reading.model import DrawingReading, Limits, ReadingFailedError
from coordinator.modules.drawings.reading.ocr import Image, Quad
from coordinator.modules.drawings.reading.orientation import extent, stand_upright
from coordinator.modules.drawings.reading.page import Page, Word
from coordinator.modules.drawings.reading.projection_ink import find_symbol_strokes
from coordinator.modules.drawings.reading.scribbles import find_scribbles
from coordinator.modules.drawings.reading.slanted import read_slanted
from coordinator.modules.drawings.reading.unread_cells import MIN_CONFIDENCE, find_unread_values

SLANT_MIN_DEG = 8.0
MIN_READING_SIDE_PX = 2300
MAX_ENLARGEMENT = 2.0
MAX_READING_SIDE_PX = 5000
LONE_UPRIGHT = 0.93
BLOT_SHARE = 0.27  # of the height of a letter: strokes of bold letters are thinner
FIGURES_WITH_HOLES = "0689"  # strokes which meet at the head of an arrow may look like a 4
CUT_GAP = 1.0  # widest blank around a stroke which cuts a text, in letter heights
_SIZE_ALONE = re.compile(r"^(?:\d{1,2}\s?[xX]\s?)?[ØR]?\s?\d+(?:[.,]\d+)?$")
_TOLERANCE_ALONE = re.compile(r"^(?:±\s?\d*[.,]?\d+°?|(?:[efghkmnp]|js|[EFGHJKNP]|JS)(?:[5-9]|1[0-4]))$")


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
    return np.ascontiguousarray(grey)


def read_page_image(image: Image, number: int, size: tuple[float, float], reading: DrawingReading) -> Page:
    """Find the words and strokes of one page image; ``size`` is its extent in the coordinates of the file."""
    image = np.ascontiguousarray(image.reshape(image.shape[0], image.shape[1]))
    if strokes.is_light_on_dark(image):
        image = 255 - image
    _read_codes(image, reading)
    to_file = np.array([[size[0] / image.shape[1], 0, 0], [0, size[1] / image.shape[0], 0], [0, 0, 1]])
    side = max(image.shape)
    scale = min(1.0, MAX_READING_SIDE_PX / side)
    if side < MIN_READING_SIDE_PX:
        scale = min(MAX_ENLARGEMENT, MIN_READING_SIDE_PX / side)
    if scale != 1:
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=way).astype(np.uint8)
        to_file = to_file @ np.diag([1 / scale, 1 / scale, 1.0])
    image, turn = strokes.deskew(image)
    upright = stand_upright(image)
    image, boxes = upright.image, upright.boxes
    to_file = to_file @ turn @ upright.way_back
    page = Page(number, image.shape[1], image.shape[0])
    ink = strokes.binarise(image)
    page.segments = strokes.find_rules(ink)
    page.segments += strokes.find_box_sides(ink, page.segments, _letter_height(boxes))
    boxes = cut_at_rules(boxes, page.segments)
    clear = strokes.without_rules(ink, page.segments)
    page.words = _read_words(image, ink, clear, boxes, upright.boxes_from_right)
    page.segments = strokes.outside_words(page.segments, page.words)
    values = rows.read_level(image, ink, find_unread_values(page, clear))
    page.words += [word for word in values if word.confidence >= MIN_CONFIDENCE]
    page.marks = find_scribbles(clear, page.words)
    symbol_marks, symbol_strokes = find_symbol_strokes(ink, clear)
    page.marks += symbol_marks
    page.segments = page.segments + symbol_strokes
    page.to_file = tuple(float(value) for value in to_file[:2].ravel())  # type: ignore[assignment]
    return page


def _letter_height(boxes: list[Quad]) -> float:
    """The usual height of a figure in pixels; 0 without text."""
    return CAP_SHARE * float(np.median([min(extent(box)) for box in boxes])) if boxes else 0.0


def _read_codes(image: Image, reading: DrawingReading) -> None:
    import zxingcpp

    reading.codes += [
        code.text for code in zxingcpp.read_barcodes(image) if code.text and code.text not in reading.codes
    ]


def _read_words(
    image: Image, ink: Image, clear: Image, boxes: list[Quad], from_right: Callable[[], list[Quad]]
) -> list[Word]:
    """Words of the level pass and of the upright pass; where both saw something, the better reading stays.

    ``ink`` is all ink, ``clear`` the ink without the long rules; ``from_right``: boxes of the page turned clockwise.
    """
    level = [box for box in boxes if _slant(box) < SLANT_MIN_DEG and extent(box)[0] >= 0.5 * extent(box)[1]]
    words = rows.read_level(image, ink, level)
    words += read_slanted(image, ink, [box for box in boxes if _slant(box) >= SLANT_MIN_DEG])
    turned, turned_ink = (np.ascontiguousarray(np.rot90(layer, -1)) for layer in (image, ink))
    upright = [
        box for box in from_right() if extent(box)[0] >= 0.5 * extent(box)[1] and _slant(box) < SLANT_MIN_DEG
    ]
    # The turned image maps to the reading frame of 90° by a shift along the text.
    shift = image.shape[0] - 1
    for word in rows.read_level(turned, turned_ink, upright):
        words.append(replace(word, u0=word.u0 - shift, u1=word.u1 - shift, angle=90.0))
    words = [word for word in words if word.text and not _is_fragment(word) and not _is_blot(word, ink)]
    words = _without_rivals(words)
    words = _without_rivals(words + _overlooked_words(image, ink, clear, words))
    return _join_targets(_join_cut_deviations(strokes.add_diameter_signs(words, clear)))


def _join_cut_deviations(words: list[Word]) -> list[Word]:
    """A text which a stroke cuts is one again: "25 ±0" and "2", "4.2" and "f7", "13" and "±0.3"."""
    joined = list(words)
    for word in words:
        for rest in words:
            if word is rest or not _goes_on_in(word, rest):
                continue
            joined = [other for other in joined if other is not word and other is not rest]
            lost = "0" if word.text.endswith("±") and rest.text[0] in ".," else ""
            blank = " " if rest.text[0] == "±" else ""
            sure = min(word.confidence, rest.confidence, rows.MENDED)
            joined.append(
                replace(word, text=word.text + lost + blank + rest.text, u1=rest.u1, confidence=sure)
            )
    return joined


def _goes_on_in(word: Word, rest: Word) -> bool:
    """True when the second word is the end of the first: right behind it, on its level, and nothing on its own."""
    level = abs(rest.v0 + rest.v1 - word.v0 - word.v1) < 0.4 * word.height
    if rest.angle != word.angle or not level:
        return False
    gap = (rest.u0 - word.u1) / word.height
    if re.search(r"\d\s?±\s?0?[.,]?$", word.text):
        if word.text.endswith("±") and re.fullmatch(r"[.,]\d{1,3}", rest.text):
            # The stroke took the nought.
            return -0.2 < gap < 1.8
        return -0.2 < gap < 0.7 and bool(re.fullmatch(r"[.,]?\d{1,3}", rest.text))
    tolerance = _TOLERANCE_ALONE.match(rest.text)
    return -0.2 < gap < CUT_GAP and tolerance is not None and bool(_SIZE_ALONE.match(word.text))


def _join_targets(words: list[Word]) -> list[Word]:
    """A datum target is written in two halves of a circle: the size of its area over its name."""
    joined = list(words)
    for size in words:
        if size.angle or not re.fullmatch(r"Ø?\s?\d+(?:[.,]\d+)?", size.text):
            continue
        for name in words:
            gap = name.v0 - size.v1
            centred = abs(name.u0 + name.u1 - size.u0 - size.u1) < 1.2 * size.height
            alike = 0.7 < name.height / size.height < 1.4
            if (
                not name.angle
                and re.fullmatch(r"[A-Z]\d", name.text)
                and centred
                and alike
                and 0.2 * size.height < gap < 1.2 * size.height
            ):
                joined = [word for word in joined if word is not size and word is not name]
                joined.append(replace(size, text=f"{size.text} {name.text}"))
    return joined


def _overlooked_words(image: Image, ink: Image, clear: Image, words: list[Word]) -> list[Word]:
    """Figures beside strokes which text detection does not see, level and upright."""
    caps = [word.height for word in words if re.search(r"\d", word.text) and word.confidence > 0.8]
    if len(caps) < 4:
        return []
    cap = float(np.median(caps))
    known = [word.bbox for word in words]
    level = rows.read_level(image, ink, rows.find_overlooked(clear, known, cap))
    found = [word for word in level if _is_sure(word, level)]
    shift = image.shape[0] - 1
    turned, turned_ink, turned_clear = (
        np.ascontiguousarray(np.rot90(layer, -1)) for layer in (image, ink, clear)
    )
    sideways = [
        (shift - y1, x0, shift - y0, x1) for x0, y0, x1, y1 in [*known, *(word.bbox for word in found)]
    ]
    upright = rows.read_level(turned, turned_ink, rows.find_overlooked(turned_clear, sideways, cap))
    return found + [
        replace(word, u0=word.u0 - shift, u1=word.u1 - shift, angle=90.0)
        for word in upright
        if _is_sure(word, upright)
    ]


def _is_sure(word: Word, found: list[Word]) -> bool:
    """Clear figures, and a single one before its deviations."""
    single = len(word.text) == 1 and word.text.isdigit() and word.confidence > 0.9
    return rows.is_sure_size(word) or (single and _has_company(word, found))


def _slant(quad: Quad) -> float:
    along = quad[1] - quad[0]
    angle = abs(math.degrees(math.atan2(-along[1], along[0]))) % 90
    return min(angle, 90 - angle)


def _without_rivals(words: list[Word]) -> list[Word]:
    """Of two readings of the same place keep the longer and surer one."""

    def merit(word: Word) -> float:
        straight = 1.0 if word.angle % 90 == 0 else 0.9
        # A lone sign is level unless its upright reading is clearly surer.
        straight = LONE_UPRIGHT if word.angle == 90 and len(word.text) == 1 else straight
        # A single figure looks alike in both directions: it goes with the words beside it.
        company = 1.2 if len(word.text) <= 2 and _has_company(word, words) else 1.0
        # Two figures stand beside each other: a box higher than wide holds them lying on their side.
        lying = 0.8 if len(word.text) > 1 and word.u1 - word.u0 < 0.9 * word.height else 1.0
        return word.confidence * math.sqrt(len(word.text)) * straight * company * lying

    kept: list[Word] = []
    for word in sorted(words, key=merit, reverse=True):
        if not any(_overlap(word, other) > 0.35 for other in kept):
            kept.append(word)
    return kept


def _is_fragment(word: Word) -> bool:
    """One letter read from half a glyph: far too narrow for what it is."""
    narrow = word.u1 - word.u0 < 0.42 * word.height
    return len(word.text) == 1 and narrow and word.text not in "1IlijJ|/!-+,."


def _is_blot(word: Word, ink: Image) -> bool:
    """A figure, or two strokes, which is a patch of ink: the head of an arrow. Thick strokes around a hole are a figure."""
    if not re.fullmatch(r"\d|11", word.text):
        return False
    x0, y0, x1, y1 = (max(0, round(value)) for value in word.bbox)
    side = max(4, round(BLOT_SHARE * word.height))
    part = ink[y0:y1, x0:x1]
    if not part.size:
        return False
    patch = cv2.morphologyEx(part, cv2.MORPH_OPEN, np.ones((side, side), np.uint8), borderValue=0).any()
    return bool(patch) and not (word.text in FIGURES_WITH_HOLES and _has_hole(part))


def _has_hole(part: Image) -> bool:
    _, tree = cv2.findContours(part, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return tree is not None and bool((tree[0][:, 3] >= 0).any())


def _has_company(word: Word, words: list[Word]) -> bool:
    return any(
        other.angle == word.angle
        and len(other.text) > 1
        and abs(other.v0 + other.v1 - word.v0 - word.v1) < 2 * max(other.height, word.height)
        and -0.5 * other.height < max(word.u0 - other.u1, other.u0 - word.u1) < 1.2 * other.height
        for other in words
    )


def _overlap(a: Word, b: Word) -> float:
    boxes = (a.bbox, b.bbox)
    if a.angle == b.angle:
        # The upright boxes of slanted rows over each other overlap, the rows do not.
        boxes = ((a.u0, a.v0, a.u1, a.v1), (b.u0, b.v0, b.u1, b.v1))
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = boxes
    width, height = min(ax1, bx1) - max(ax0, bx0), min(ay1, by1) - max(ay0, by0)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / max(1.0, min((ax1 - ax0) * (ay1 - ay0), (bx1 - bx0) * (by1 - by0)))
