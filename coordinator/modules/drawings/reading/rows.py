"""Reads detected boxes: each as it is and with its strokes painted out, a size apart from the figures stacked behind it (DRW-11)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import cv2
import numpy as np

from coordinator.modules.drawings.reading.crops import (
    Line,
    Stacked,
    around,
    cut,
    find_stacked,
    past_strokes,
    prepare,
    scaled,
)
from coordinator.modules.drawings.reading.hole_signs import find_hole_signs
from coordinator.modules.drawings.reading.model import BBox
from coordinator.modules.drawings.reading.ocr import Image, Quad, Read, read_crops
from coordinator.modules.drawings.reading.ocr_text import clean_text
from coordinator.modules.drawings.reading.page import Word
from coordinator.modules.drawings.reading.piles import find_piles

MIN_CONFIDENCE = 0.5
MIN_SINGLE_CONFIDENCE = 0.75
LONGEST_SIZE = 11  # width by height of a box which may hold deviations
PREFER_CLEAN = 0.03
MAX_OVERLOOKED = 60
WIDE_GAP = 1.0  # in letter heights
EVEN_GAP = 0.22
TALLER_THAN_FIGURES = 1.07
MENDED = 0.85  # highest confidence of a row set right after reading
FIRST_FIGURE = 1.6  # in heights of a row, its sign included
SMALL_SIZE, WIDE_TOLERANCE = 3.0, 0.25
BEYOND_DOUBT = 0.99
NOTHING = Read("", 0.0)
BARE_STROKE = 0.2  # width by height of a piece of a line, narrower than a figure 1 with its flag
_CLEAR = re.compile(
    r"^(?:\d{1,2}\s?[xX]\s?)?[(]?(?:[ØRMC+\-]|SR)?\s?(?:\d+(?:[.,]\d+)?|[.,]\d+)[)°]?(?:\s?±\s?\d*[.,]?\d+°?)?(?:\s?[A-Za-z]{1,2}\d{1,2})?$"
)
_STROKES_AT_ENDS = re.compile(r"^[-+_|.,'1Il(/]|[-_|,'1Il)/]$")
_ROW = re.compile(r"^[+\-]?(?:\d+(?:[.,]\d+)?|[.,]\d+)°?$")
_SIZE_OR_CALLOUT = re.compile(
    r"^(?!\d{1,3}\s?[xX]$)(?=..)[(]?(?:\d{1,3}\s?[xX]\s?)?(?:[ØRCM]|SR|SØ)?\s?\d*[.,]?\d"
)
_SIZE_BEFORE_SIGN = re.compile(r"^((?:\d{1,3}\s?[xX]\s?)?[ØR]?\s?\d+(?:[.,]\d+)?)\s*[+\-±]")
_SYMMETRIC = re.compile(r"^(?:\d{1,3}\s?[xX]\s?)?[ØR]?\s?(\d+(?:[.,]\d+)?)\s*±\s?(\d*[.,]?\d+)$")
SIZE = re.compile(r"^(?:\d{1,3}\s?[xX]\s?)?[ØRM(]?\s?\d*[.,]?\d+")


@dataclass
class _Box:
    """One detected box and what was read in it: as it is, without its strokes, row by row."""

    quad: Quad
    line: Line
    tight: BBox | None
    raw: Read = NOTHING
    clean: Read | None = None
    stacks: list[tuple[Stacked, list[Read]]] = field(default_factory=list)


def read_level(image: Image, ink: Image, quads: list[Quad]) -> list[Word]:
    """Words of level boxes, in the coordinates of the image."""
    boxes: list[_Box] = []
    apart: list[tuple[_Box, list[_Box]]] = []
    signed: list[tuple[_Box, list[tuple[BBox, str]], list[_Box]]] = []
    for quad in quads:
        whole = _plan(image, ink, quad)
        if signs := find_hole_signs(whole.line):
            signed.append((whole, signs, [_plan(image, ink, q) for q in _between(whole, signs)]))
            continue
        parts = cut_at_gaps(quad, whole.line)
        if len(parts) > 1:
            apart.append((whole, [_plan(image, ink, part) for part in parts]))
        else:
            boxes.append(whole)
    _read(image, boxes + [part for _, parts_of in apart for part in parts_of])
    for whole, pieces_of in apart:
        # Sizes which stand beside each other are several dimensions, the words of a note are one text.
        sizes = all(_SIZE_OR_CALLOUT.match(_best_text(box)) for box in pieces_of)
        boxes += pieces_of if sizes else [whole]
    wholes = [whole for whole, _ in apart if any(whole is box for box in boxes)]
    _read(image, wholes + [box for whole, _, parts_of in signed for box in (whole, *parts_of)])
    words = [word for whole, signs, parts_of in signed for word in _signed_words(whole, signs, parts_of)]
    pieces: list[Word] = []
    for box in boxes:
        stacked = _stacked_words(box)
        pieces += stacked
        if not stacked and (word := _plain_word(box)) is not None:
            words.append(word)
    return pieces + [word for word in words if not any(_mostly_inside(word, piece) for piece in pieces)]


def _read(image: Image, boxes: list[_Box]) -> None:
    """Read boxes as they are, then closer where that leaves a doubt."""
    crops = [scaled(cut(image, box.quad)) for box in boxes]
    for box, read in zip(boxes, read_crops(crops) if crops else [], strict=True):
        box.raw = read
    cleaned = [box for box in boxes if _has_strokes(box) and not _is_beyond_doubt(box.raw)]
    stacks = [(box, stacked) for box in boxes for stacked in _stacks(box)]
    crops = [box.line.crop(box.tight) for box in cleaned if box.tight is not None]
    for box, stacked in stacks:
        row_of = box.line.crop_apart if stacked.touching else box.line.crop
        crops += [row_of(stacked.top), row_of(stacked.bottom)]
        crops += [box.line.crop(stacked.main)] if stacked.main is not None else []
    reads = iter(read_crops([scaled(crop) for crop in crops]) if crops else [])
    for box in cleaned:
        box.clean = next(reads)
    for box, stacked in stacks:
        box.stacks.append((stacked, [next(reads) for _ in range(2 if stacked.main is None else 3)]))


def _has_strokes(box: _Box) -> bool:
    """True where strokes run through the box or its text fills only a part of it."""
    if box.tight is None:
        return False
    width = box.line.box[2] - box.line.box[0]
    return box.line.has_strokes or box.tight[2] - box.tight[0] < width - 1.1 * box.line.cap


def _is_beyond_doubt(read: Read) -> bool:
    """True for what is read so surely that erasing strokes could only spoil it; a stroke may look like a sign at an end."""
    text = clean_text(read.text)
    if read.confidence < BEYOND_DOUBT or len(text) < 2:
        return False
    return not _STROKES_AT_ENDS.search(text) and not _is_spoilt(text)


def _stacks(box: _Box) -> list[Stacked]:
    """Rows over each other which may stand at the end of a box."""
    x0, y0, x1, y1 = box.line.box
    if x1 - x0 >= LONGEST_SIZE * (y1 - y0):
        return []
    apart = find_stacked(box.line)
    piles = find_piles(box.line)
    if _is_beyond_doubt(box.raw) and _CLEAR.match(clean_text(box.raw.text)):
        # The text explains its whole box: only what stands behind it may be rows.
        piles = [pile for pile in piles if pile.main is None or pile.bottom[2] > x1]
    return ([] if apart is None else [apart]) + piles


def _between(box: _Box, signs: list[tuple[BBox, str]]) -> list[Quad]:
    """The parts of a box before, between and behind signs; each at least one figure wide."""
    x0, y0, x1, y1 = box.line.box
    edges = [x0, *(edge for glyph, _ in signs for edge in (glyph[0] - 1, glyph[2] + 1)), x1]
    return [
        np.array([(a, y0), (b, y0), (b, y1), (a, y1)], dtype=float)
        for a, b in zip(edges[::2], edges[1::2], strict=True)
        if b - a > 0.4 * box.line.cap
    ]


def _signed_words(whole: _Box, signs: list[tuple[BBox, str]], parts: list[_Box]) -> list[Word]:
    """One word of the texts and the signs between them; nothing where no text holds a figure."""
    found = [(glyph[0], sign, 1.0) for glyph, sign in signs]
    start, apart = signs[0][0][0], []
    for part in parts:
        word = _plain_word(part)
        if word is None:
            continue
        if word.u1 < start - WIDE_GAP * whole.line.cap:
            # Another text which stands before the call-out.
            apart.append(word)
        else:
            found.append((part.line.box[0], word.text, word.confidence))
    text = " ".join(item for _, item, _ in sorted(found))
    if not re.search(r"\d", text):
        plain = _plain_word(whole)
        return [] if plain is None else [plain]
    box = whole.tight or whole.line.box
    if apart:
        box = (start, *box[1:])
    return [*apart, _placed(clean_text(text), box, min(sure for _, _, sure in found))]


def _best_text(box: _Box) -> str:
    return clean_text((box.clean or box.raw).text)


def cut_at_gaps(quad: Quad, line: Line) -> list[Quad]:
    """A level box cut where neighbouring texts stand apart by more than a blank of their own font."""
    (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
    if x1 - x0 < 2.5 * (y1 - y0) or abs(float(quad[1][1] - quad[0][1])) > 0.3 * float(y1 - y0):
        return [quad]
    glyphs = [g for g in line.own() if not line.is_dash(g)]
    if len(glyphs) < 4:
        return [quad]
    gaps: list[tuple[float, float, float]] = []
    end = glyphs[0][2]
    for glyph in glyphs[1:]:
        gaps.append((glyph[0] - end, end, glyph[0]))
        end = max(end, glyph[2])
    # Letters of even pitch leave wide gaps everywhere.
    usual = float(np.median([gap for gap, _, _ in gaps]))
    least = max(WIDE_GAP * line.cap, WIDE_GAP * line.cap + 3 * (usual - EVEN_GAP * line.cap))
    edges = [float(x0)]
    for gap, left, right in gaps:
        if gap >= least:
            margin = 0.25 * line.cap
            edges += [left + margin, right - margin]
    edges.append(float(x1))
    return [
        np.array([(a, y0), (b, y0), (b, y1), (a, y1)], dtype=float)
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]  # fmt: skip


def _plan(image: Image, ink: Image, quad: Quad) -> _Box:
    """A box with its glyphs, taken on behind strokes which end it."""
    (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
    line = prepare(image, ink, (float(x0), float(y0), float(x1), float(y1)))
    if (longer := past_strokes(line)) is not None:
        quad = np.array([(longer[0], y0), (longer[2], y0), (longer[2], y1), (longer[0], y1)], dtype=float)
        x0, x1 = longer[0], longer[2]
        line = prepare(image, ink, longer)
    own = line.own()
    tight = around(own) if own else None
    if tight is not None and tight[3] - tight[1] < 0.4 * (y1 - y0):
        tight = None
    return _Box(quad, line, tight)


def _stacked_words(box: _Box) -> list[Word]:
    return next((words for stack in box.stacks if (words := _words_of_stack(box, *stack))), [])


def _words_of_stack(box: _Box, stacked: Stacked, reads: list[Read]) -> list[Word]:
    top, bottom = (
        _row_text(read, place, box.line.crossings)
        for read, place in zip(reads[:2], (stacked.top, stacked.bottom), strict=True)
    )
    if top is None or bottom is None:
        return []
    main = None if stacked.main is None else reads[2]
    if main is not None and stacked.main is not None and _holds_only(box.line, stacked.main):
        main = max(main, box.raw, key=_merit)
    main_text = clean_text(main.text) if main is not None else ""
    signed = any(text[0] in "+-" or float(text.rstrip("°").replace(",", ".")) == 0 for text in (top, bottom))
    if main is not None and not (
        SIZE.match(main_text) if signed else main_text.rstrip() in ("Ø", "R", "SØ", "M")
    ):
        return []
    ordered = _ordered(top, bottom) if signed else (top, bottom)
    if ordered is None:
        return []
    top, bottom = ordered
    if main is None and not all(re.search(r"\d[.,]\d", text) for text in (top, bottom)):
        return []
    sure = min(read.confidence for read in reads)
    if any(text != read.text.replace(" ", "") for text, read in zip((top, bottom), reads, strict=False)):
        sure = min(sure, MENDED)
    before: tuple[str, BBox] | None = None
    if stacked.main is not None:
        before = main_text, stacked.main
    elif top[0] in "+-" or bottom[0] in "+-":
        # Strokes through the size kept it from being found apart from its deviations.
        size = _SIZE_BEFORE_SIGN.match(clean_text(box.raw.text))
        x0, y0, _, y1 = box.line.box
        end = min(stacked.top[0], stacked.bottom[0]) - 0.2 * box.line.cap
        if size is None or end < x0 + 0.4 * box.line.cap:
            return []
        margin = 0.14 * (y1 - y0)
        before = size[1], (x0 + margin, y0 + margin, end, y1 - margin)
    # Both rows get the same width: they belong over each other however short one of them is.
    high, low = stacked.top, stacked.bottom
    left, right = min(high[0], low[0]), max(high[2], low[2])
    words = [
        _placed(top, (left, high[1], right, high[3]), sure),
        _placed(bottom, (left, low[1], right, low[3]), sure),
    ]
    if before is not None:
        words.append(_placed(*before, sure))
    return words


def _holds_only(line: Line, size: BBox) -> bool:
    """True when the detected box holds the size alone: its deviations stand behind it."""
    return abs(line.box[2] - size[2]) < 0.6 * line.cap and abs(line.box[0] - size[0]) < 0.9 * line.cap


def _ordered(top: str, bottom: str) -> tuple[str, str] | None:
    """The rows with the upper deviation above the lower; a sign lost or half lost is mended where only one reading orders them."""
    high, low = (float(text.rstrip("°").replace(",", ".")) for text in (top, bottom))
    if high > low:
        return top, bottom
    if low == 0 and top[0] == "-":
        return f"+{top[1:]}", bottom
    if top[0] == "+" and low > 0 and bottom[0] != "+":
        # The lower row lost its minus among the strokes.
        return top, f"-{bottom}"
    return None


def _placed(text: str, box: BBox, sure: float) -> Word:
    return Word(text, box[0], box[2], box[1], box[3], 0.0, sure, "ocr")


def _row_text(read: Read, box: BBox, crossings: tuple[float, ...] = ()) -> str | None:
    """The number of a small row; a lone ring is a nought. ``crossings``: places of strokes through the line."""
    text = clean_text(read.text).replace(" ", "").translate(str.maketrans("OoQDØ", "00000"))
    # The plus of the upper row stands over the nought of the lower one.
    text = re.sub(r"^±", "+", text).replace(":", ".")
    # A stroke left half a ring of the nought, or took its point: "+).05", "-003".
    text = re.sub(r"^([+\-]?)[()CcGUu](?=[.,]\d)", r"\g<1>0", text)
    text = re.sub(r"^([+\-]?0)(?=\d+$)", r"\g<1>.", text)
    if any(box[0] < x < box[0] + FIRST_FIGURE * (box[3] - box[1]) for x in crossings):
        # What is left of a nought between two strokes is as thin as a 1.
        text = re.sub(r"^([+\-]?)[1Il|](?=\.0\d)", r"\g<1>0", text)
    if text == "0" and (box[2] - box[0]) < 1.05 * (box[3] - box[1]):
        return text
    if text in ("", "°", "()", "D", "C", "c", "U", "u") or (len(text) == 1 and not text.isdigit()):
        ring = 0.4 < (box[2] - box[0]) / (box[3] - box[1]) < 1.05
        return "0" if ring else None
    text = text.strip("_|~'`=°")
    if read.confidence < MIN_CONFIDENCE or not _ROW.match(text):
        return None
    return text


def _plain_word(box: _Box) -> Word | None:
    read, tight = box.raw, box.tight
    if box.clean is not None:
        other = box.clean
        # A leading decimal point is small enough to be lost with the strokes.
        pointed = read.text == "." + other.text
        if (
            not pointed
            and not _lost_figures(other.text, read.text)
            and not _is_cut_short(other.text, read.text)
            and _merit(other) + PREFER_CLEAN >= _merit(read)
        ):
            read = other
    text = clean_text(read.text)
    if read.confidence < (MIN_CONFIDENCE if len(text) > 1 else MIN_SINGLE_CONFIDENCE) or not text:
        return None
    if tight is None:
        x0, y0, x1, y1 = box.line.box
        margin = 0.14 * (y1 - y0)
        return _placed(text, (x0 + margin, y0 + margin, x1 - margin, y1 - margin), read.confidence)
    glyphs = box.line.own()
    if text in ("1", "I", "l", "|") and tight[2] - tight[0] < BARE_STROKE * (tight[3] - tight[1]):
        return None
    text = with_parentheses(glyphs, text)
    return _placed(with_point(glyphs, _with_degree(glyphs, text)), tight, read.confidence)


def _is_cut_short(clean: str, raw: str) -> bool:
    """True when the last letter touched a stroke and lost its arms with it ("ml" instead of "mK")."""
    same = len(clean) == len(raw) > 2 and clean[:-1] == raw[:-1]
    return same and clean[-1] in "lI|1i" and raw[-1].isalpha()


def _lost_figures(clean: str, raw: str) -> bool:
    """True when a figure which is no mere stroke went with the strokes ("8" instead of "6.8")."""
    if not clean or clean == raw or not _CLEAR.match(raw):
        return False
    lost = raw[: -len(clean)] if raw.endswith(clean) else raw[len(clean) :] if raw.startswith(clean) else ""
    return re.search(r"[02-689]", lost) is not None


def _merit(read: Read) -> float:
    text = clean_text(read.text)
    whole = _CLEAR.match(text) is not None and text.count("(") == text.count(")")
    return read.confidence + (0.08 if whole else 0.0) - (0.3 if _is_spoilt(text) else 0.0)


def _is_spoilt(text: str) -> bool:
    """True for what no drawing says: nothing, "05", an empty or too wide tolerance."""
    bare = not text or re.match(r"0\d", text) or re.search(r"±\s?(?:0|\d*[.,])?$", text)
    return bool(bare) or _is_too_wide(text)


def _is_too_wide(text: str) -> bool:
    """True for a tolerance which is no small part of its size: a stroke was read as a figure."""
    match = _SYMMETRIC.match(text)
    if match is None:
        return False
    size, width = (float(part.replace(",", ".")) for part in match.groups())
    return size > SMALL_SIZE and width > WIDE_TOLERANCE * size


def with_point(glyphs: list[BBox], text: str) -> str:
    """Write the decimal point which stands on the line between figures but is missing in the text."""
    if not re.fullmatch(r"[ØR]?\d{2,4}", text) or len(glyphs) < 3:
        return text
    tallest = max(g[3] - g[1] for g in glyphs)
    tall = [g for g in glyphs if g[3] - g[1] >= 0.7 * tallest]
    foot = float(np.median([g[3] for g in tall]))
    points = [
        g
        for g in glyphs
        if max(g[3] - g[1], g[2] - g[0]) < 0.36 * tallest
        and abs(g[3] - foot) < 0.25 * tallest
        and g[1] < foot - 0.04 * tallest
    ]
    if len(tall) != len(text) or len(points) != 1:
        return text
    place = sum(g[0] < points[0][0] for g in tall)
    near = all(
        g[0] - points[0][2] < 0.4 * tallest and points[0][0] - g[2] < 0.4 * tallest
        for g in tall[max(0, place - 1) : place + 1]
    )
    if not near or place == len(text) or (place == 0 and len(text) < 3):
        return text
    return f"{text[:place]}.{text[place:]}"


def with_parentheses(glyphs: list[BBox], text: str) -> str:
    """Write the parentheses of a reference dimension where upright ones were read as figures: they are taller."""
    if not re.fullmatch(r"[(1lI|/\[{tJ]\s?[ØR]?\s?\d*[.,]?\d+\s?[)1lI|/\]}J]", text) or len(glyphs) < 3:
        return text
    if text[0] == "(" and text[-1] == ")":
        return text
    first, last, inner = glyphs[0], glyphs[-1], glyphs[1:-1]
    figure = max(g[3] - g[1] for g in inner)
    tall = all(
        g[3] - g[1] > TALLER_THAN_FIGURES * figure and g[2] - g[0] < 0.55 * (g[3] - g[1])
        for g in (first, last)
    )
    return f"({text[1:-1].strip()})" if tall and len(glyphs) >= len(text.replace(" ", "")) - 1 else text


def _with_degree(glyphs: list[BBox], text: str) -> str:
    """Write the degree sign where OCR read it as 0 or left it out."""
    if not re.fullmatch(r"(\d{1,3}\s?[xX]\s?)?\d{1,3}([.,]\d+)?[0oO°]?", text) or len(glyphs) < 2:
        return text
    tallest = max(g[3] - g[1] for g in glyphs)
    tall = [g for g in glyphs if g[3] - g[1] >= 0.8 * tallest]
    last = glyphs[-1]
    line = around(tall)
    width, height = last[2] - last[0], last[3] - last[1]
    high = abs(last[1] - line[1]) < 0.18 * tallest and height < 0.55 * tallest
    if last in tall or not high or not 0.7 < width / height < 1.4:
        return text
    digits = sum(char.isdigit() for char in text)
    bare = text[:-1] if text[-1] in "oO" or (text[-1] == "0" and digits > len(tall)) else text
    return bare.rstrip("°") + "°"


def _mostly_inside(word: Word, piece: Word) -> bool:
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = word.bbox, piece.bbox
    width, height = min(ax1, bx1) - max(ax0, bx0), min(ay1, by1) - max(ay0, by0)
    smaller = min((ax1 - ax0) * (ay1 - ay0), (bx1 - bx0) * (by1 - by0))
    return width > 0 and height > 0 and width * height > 0.4 * smaller


def find_overlooked(ink: Image, known: list[BBox], cap: float) -> list[Quad]:
    """Level rows of at least two glyphs of the sheet's letter height which no known box covers."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    free = np.zeros(count, np.uint8)
    tall = np.zeros(count, bool)
    for index in range(1, count):
        x, y, w, h, area = stats[index]
        if not 0.12 * cap <= max(w, h) <= 1.45 * cap or area < 5:
            continue
        u, v = x + w / 2, y + h / 2
        if any(box[0] <= u <= box[2] and box[1] <= v <= box[3] for box in known):
            continue
        free[index] = 255
        tall[index] = 0.48 * cap <= h and area < 0.8 * w * h + 0.2 * cap * cap
    mask = free[labels]
    joined = cv2.dilate(mask, np.ones((1, max(3, round(1.1 * cap))), np.uint8))
    groups, marks, places, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    members = np.zeros(groups, int)
    for index in map(int, np.flatnonzero(tall)):
        x, y, w, h = (int(value) for value in stats[index][:4])
        piece = marks[y : y + h, x : x + w]
        group = piece[labels[y : y + h, x : x + w] == index]
        members[group[0]] += 1
    found: list[Quad] = []
    pad = 0.25 * cap
    for index in range(1, groups):
        x, y, w, h, _ = places[index]
        if members[index] < 2 or h > 3.2 * cap or w < 1.2 * cap:
            continue
        trim = 0.55 * cap - pad
        x0, y0, x1, y1 = x + trim, y - pad, x + w - trim, y + h + pad
        found.append(np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=float))
    return found[:MAX_OVERLOOKED]


def is_sure_size(word: Word) -> bool:
    """What is taken from rows which text detection did not see: clear figures only."""
    return word.text == "0" or (
        word.confidence >= 0.85
        and len(word.text) > 1
        and re.search(r"\d", word.text) is not None
        and _CLEAR.match(word.text) is not None
    )
