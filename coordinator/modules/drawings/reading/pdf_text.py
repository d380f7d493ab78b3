"""Words of a PDF page from its text layer: positions, direction, real letter heights, signs of CAD fonts (DRW-11)."""

from __future__ import annotations

import ctypes
import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from statistics import median
from typing import Any

import pypdfium2.raw as pdfium

from coordinator.modules.drawings.reading.page import Word, same_angle, to_frame
from coordinator.modules.drawings.reading.pdf_dropped import address, dropped_letters
from coordinator.modules.drawings.reading.signs import sign_of

MAX_DROPPED = 500
DEFAULT_CAP_SHARE = 0.72
GAP_OF_WORDS, GAP_OF_BLANK = 0.3, 1.3  # shares of the letter height
_INVISIBLE = 3
_UNKNOWN = "\ufffd"
MAX_GUESSED_SHARE = 0.1
GUESSED_SIGN = 0.7
_LIGATURES = frozenset({"ff", "fi", "fl", "ffi", "ffl", "ft", "st", "tt", "ti"})
_HYPHENS = {0x02: "-", 0xAD: "-"}
"""A hyphen at the end of a line as the library gives it, and the soft hyphen fonts map theirs to."""
_NAME_BYTES = 256
_SHX_TITLE = "AutoCAD SHX Text"


@dataclass(frozen=True)
class PageFrame:
    """Maps page coordinates (crop box and rotation included) to the sheet as it is shown: points from the top left, y down."""

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float
    width: float
    height: float

    @classmethod
    def of(cls, page: Any) -> PageFrame:
        """The frame of an opened page."""
        width, height = page.get_size()
        fine = 1000

        def shown(x: float, y: float) -> tuple[float, float]:
            px, py = ctypes.c_int(), ctypes.c_int()
            size = (round(width * fine), round(height * fine))
            pdfium.FPDF_PageToDevice(page.raw, 0, 0, *size, 0, x, y, px, py)
            return px.value / fine, py.value / fine

        (e, f), (ax, ay), (bx, by) = shown(0, 0), shown(100, 0), shown(0, 100)
        return cls((ax - e) / 100, (ay - f) / 100, (bx - e) / 100, (by - f) / 100, e, f, width, height)

    def turned(self, quarters: int) -> PageFrame:
        """The sheet turned clockwise by quarters, so that text at 90° times ``quarters`` reads from the left."""
        frame = self
        for _ in range(quarters % 4):
            # (x, y) of the shown sheet becomes (height - y, x).
            frame = PageFrame(
                -frame.b,
                frame.a,
                -frame.d,
                frame.c,
                frame.height - frame.f,
                frame.e,
                frame.height,
                frame.width,
            )
        return frame

    def back_from(self, turned: PageFrame) -> tuple[float, float, float, float, float, float]:
        """The affine map (page.to_file) from a turned sheet back to this one."""
        det = turned.a * turned.d - turned.b * turned.c

        def origin(u: float, v: float) -> tuple[float, float]:
            u, v = u - turned.e, v - turned.f
            return (turned.d * u - turned.c * v) / det, (turned.a * v - turned.b * u) / det

        (ox, oy), (ax, ay), (bx, by) = (self.point(*origin(*spot)) for spot in ((0, 0), (1, 0), (0, 1)))
        return ax - ox, bx - ox, ox, ay - oy, by - oy, oy

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A page point on the shown sheet."""
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f

    def angle(self, x: float, y: float) -> float:
        """Direction of a page vector on the shown sheet, degrees counter-clockwise."""
        return math.degrees(math.atan2(-(self.b * x + self.d * y), self.a * x + self.c * y))


@dataclass
class _Glyph:
    char: str
    font: str
    em: float
    u: float
    baseline: float
    angle: float
    box: tuple[float, float, float, float] | None
    owner: int = 0
    advance: float | None = None


@dataclass
class PageText:
    """Words of a page and how far its text layer can be trusted; ``plotted`` when letters are also drawn as strokes."""

    words: list[Word]
    characters: int = 0
    unmapped: int = 0
    invisible: int = 0
    plotted: bool = False
    soft_breaks: set[int] = field(default_factory=set)
    """Glyphs before which only the library, not the file, puts a blank or a line end."""


def read_words(page: Any, frame: PageFrame) -> PageText:
    """All words of the text layer, in the order of the file, and those of plotted SHX text kept as comments."""
    glyphs, breaks, text = _glyphs(page, frame)
    caps, advances = _cap_shares(glyphs), _advances(glyphs)
    words: list[Word] = []
    for index, glyph in enumerate(glyphs):
        cap = caps.get(glyph.font, DEFAULT_CAP_SHARE) * glyph.em
        word = Word(
            glyph.char,
            glyph.u,
            glyph.u + _width(glyph, cap, advances),
            glyph.baseline - cap,
            glyph.baseline,
            glyph.angle,
        )
        last = words[-1] if words else None
        if glyph.char == _UNKNOWN or (last is not None and last.text == _UNKNOWN):
            words.append(word)
            continue
        blank = index in breaks
        spaced = blank and last is not None and glyph.owner != 0 and glyph.owner == glyphs[index - 1].owner
        abutting = last is not None and index in text.soft_breaks and _abuts(last, word)
        if last is not None and (
            abutting or ((spaced or not blank) and _continues(last, word, spaced=spaced))
        ):
            spaced = spaced and not abutting
            text_so_far = last.text + (" " if spaced else "") + word.text
            words[-1] = replace(last, text=text_so_far, u1=max(last.u1, word.u1))
        else:
            words.append(word)
    comments = _plotted_comments(page, frame)
    text.words = _guess_signs(_without_doubles(words), text) + comments
    text.plotted = bool(comments) or text.invisible > 0
    return text


def _glyphs(page: Any, frame: PageFrame) -> tuple[list[_Glyph], set[int], PageText]:
    layer = page.get_textpage()
    matrix, x, y = pdfium.FS_MATRIX(), ctypes.c_double(), ctypes.c_double()
    loose = pdfium.FS_RECTF()
    name, flags = ctypes.create_string_buffer(_NAME_BYTES), ctypes.c_int()
    glyphs: list[_Glyph] = []
    breaks: set[int] = set()
    text = PageText([])
    for index in range(layer.count_chars()):
        code = pdfium.FPDFText_GetUnicode(layer.raw, index)
        raw = _HYPHENS.get(code) or (chr(code) if 0 < code < 0x110000 else "")
        generated = pdfium.FPDFText_IsGenerated(layer.raw, index) == 1
        if generated or raw.isspace():
            place = len(glyphs)
            if generated and place not in breaks:
                text.soft_breaks.add(place)
            elif not generated:
                text.soft_breaks.discard(place)
            breaks.add(place)
            continue
        text.characters += 1
        unknown = not raw.isprintable() or pdfium.FPDFText_HasUnicodeMapError(layer.raw, index) == 1
        if not raw or (unknown and not 0xF000 <= code <= 0xF0FF):
            text.unmapped += 1
            breaks.update((len(glyphs), len(glyphs) + 1))
            raw = _UNKNOWN
        owner = pdfium.FPDFText_GetTextObject(layer.raw, index)
        if owner and pdfium.FPDFTextObj_GetTextRenderMode(owner) == _INVISIBLE:
            text.invisible += 1
        pdfium.FPDFText_GetFontInfo(layer.raw, index, name, _NAME_BYTES, flags)
        font = name.value.decode("utf-8", "replace")
        pdfium.FPDFText_GetMatrix(layer.raw, index, matrix)
        pdfium.FPDFText_GetCharOrigin(layer.raw, index, x, y)
        angle = frame.angle(matrix.a, matrix.b)
        em = pdfium.FPDFText_GetFontSize(layer.raw, index) * math.hypot(matrix.c, matrix.d)
        u, baseline = to_frame(*frame.point(x.value, y.value), angle)
        pdfium.FPDFText_GetLooseCharBox(layer.raw, index, loose)
        box = _box_in_frame(layer.get_charbox(index), loose, frame, angle)
        last = glyphs[-1] if glyphs else None
        if (
            last is not None
            and last.char + raw in _LIGATURES
            and abs(last.u - u) + abs(last.baseline - baseline) < 0.01 * em
            and last.owner == address(owner)
        ):
            # The library gives a ligature as its letters, all at one place.
            last.char += raw
            continue
        for char in sign_of(raw, font):
            glyphs.append(_Glyph(char, font, em or 1.0, u, baseline, angle, box, address(owner)))
    _repeat_dropped(page, frame, glyphs, breaks, text)
    for before, glyph in pairwise(glyphs):
        step = glyph.u - before.u
        if (
            abs(glyph.baseline - before.baseline) < 0.05 * glyph.em
            and same_angle(glyph.angle, before.angle)
            and 0.15 < step / before.em < 1.2
        ):
            before.advance = step
    return glyphs, breaks, text


def _repeat_dropped(
    page: Any, frame: PageFrame, glyphs: list[_Glyph], breaks: set[int], text: PageText
) -> None:
    if all(glyph.box is not None for glyph in glyphs):
        return  # only slanted letters are dropped
    letters = Counter(glyph.owner for glyph in glyphs)
    where = {glyph.owner: index for index, glyph in enumerate(glyphs)}
    u0, v0 = frame.point(0.0, 0.0)
    added = 0
    told = {owner for owner, count in letters.items() if count == 1}
    for lost in islice(dropped_letters(page, told), MAX_DROPPED):
        place = where[lost.after] + 1
        last = glyphs[place - 1]
        u, v = frame.point(lost.dx, lost.dy)
        du, dv = to_frame(u - u0, v - v0, last.angle)
        glyphs.insert(
            place, replace(last, u=last.u + du, baseline=last.baseline + dv, owner=lost.owner, advance=None)
        )
        for marks in (breaks, text.soft_breaks):
            moved = {index + 1 if index >= place else index for index in marks}
            marks.clear()
            marks.update(moved)
        where = {owner: index + (index >= place) for owner, index in where.items()} | {lost.owner: place}
        added += 1
    text.characters += added


def _box_in_frame(
    tight: tuple[float, float, float, float], loose: Any, frame: PageFrame, angle: float
) -> tuple[float, float, float, float] | None:
    """Extent (u0, u1, v0, v1) of a glyph: its advance along the text, its ink across; None where the text is slanted."""
    if abs(round(angle / 90) * 90 - angle) >= 1:
        return None
    left, bottom, right, top = tight
    ink = [to_frame(*frame.point(px, py), angle)[1] for px in (left, right) for py in (bottom, top)]
    along = [
        to_frame(*frame.point(px, py), angle)[0]
        for px in (loose.left, loose.right)
        for py in (loose.bottom, loose.top)
    ]
    return min(along), max(along), min(ink), max(ink)


def _cap_shares(glyphs: list[_Glyph]) -> dict[str, float]:
    """Height of figures and capitals per font, as a share of the em, measured on the glyphs themselves."""
    heights: dict[str, list[float]] = defaultdict(list)
    for glyph in glyphs:
        if glyph.box is not None and (glyph.char in "0123456789" or "A" <= glyph.char <= "Z"):
            heights[glyph.font].append((glyph.baseline - glyph.box[2]) / glyph.em)
    return {font: min(0.95, max(0.4, median(values))) for font, values in heights.items() if len(values) >= 3}


def _advances(glyphs: list[_Glyph]) -> dict[tuple[str, str], float]:
    """Advance of the letters of each font, shares of the em, as seen in upright and level text."""
    return {
        (glyph.font, glyph.char): (glyph.box[1] - glyph.box[0]) / glyph.em
        for glyph in glyphs
        if glyph.box is not None
    }


def _width(glyph: _Glyph, cap: float, advances: dict[tuple[str, str], float]) -> float:
    if glyph.box is not None:
        return max(glyph.box[1] - glyph.u, 0.12 * glyph.em)
    known = advances.get((glyph.font, glyph.char))
    if known is not None:
        return known * glyph.em
    share = 0.3 if glyph.char in ".,'°-" else 0.6
    return min(glyph.advance or math.inf, share * cap / DEFAULT_CAP_SHARE)


def _continues(last: Word, word: Word, *, spaced: bool) -> bool:
    height = max(last.height, word.height)
    return (
        same_angle(last.angle, word.angle)
        and abs(last.v1 - word.v1) < 0.1 * height
        and abs(last.height - word.height) < 0.25 * height
        and -0.4 * height <= word.u0 - last.u1 < (GAP_OF_BLANK if spaced else GAP_OF_WORDS) * height
    )


def _abuts(last: Word, word: Word) -> bool:
    """True for the next letter of a text that the file writes letter by letter, out of the order of reading."""
    return _continues(last, word, spaced=False) and -0.15 <= (word.u0 - last.u1) / word.height <= 0.1


def _guess_signs(words: list[Word], text: PageText) -> list[Word]:
    """Glyphs without a meaning in the file: before "Ø" a counterbore, between a size and a number a depth, elsewhere left out.

    Sign fonts often come without their table of characters; what stands beside such a sign tells which it is, less surely.
    """
    if not text.unmapped:
        return words
    known = [word for word in words if word.text != _UNKNOWN]
    if text.unmapped > MAX_GUESSED_SHARE * text.characters:
        return known
    for word in words:
        if word.text != _UNKNOWN:
            continue
        line = [
            o
            for o in known
            if same_angle(o.angle, word.angle) and abs(o.v1 - word.v1) < 0.15 * max(o.height, word.height)
        ]
        behind = min(
            (o for o in line if -0.3 * o.height < o.u0 - word.u1 < 1.3 * o.height),
            key=lambda o: o.u0,
            default=None,
        )
        # Only a call-out of a hole has a depth: elsewhere the glyph may as well be ± or ×.
        before = any(-0.3 * o.height < word.u0 - o.u1 < 1.6 * o.height for o in line) and any(
            o.u1 < word.u0 + 0.3 * o.height and re.search(r"[ØM]\s?\d|^[Ø⌴⌵]", o.text) for o in line
        )
        if behind is None or not re.match(r"Ø|[.,]?\d", behind.text):
            continue
        sign = "⌴" if behind.text[0] == "Ø" else "↧" if before else None
        if sign is not None:
            known.append(replace(word, text=sign, v0=behind.v0, v1=behind.v1, confidence=GUESSED_SIGN))
    return known


def is_guessed(word: Word) -> bool:
    """True for a sign that stands for a glyph without a meaning."""
    return word.confidence == GUESSED_SIGN and word.text in ("⌴", "↧")


def _without_doubles(words: list[Word]) -> list[Word]:
    """Bold text is sometimes written twice, a hair apart; one copy counts."""
    seen: dict[tuple[str, int, int], list[Word]] = defaultdict(list)
    kept = []
    for word in words:
        key = (word.text, round(word.u0 / 4), round(word.v1 / 4))
        near = [
            other
            for du in (-1, 0, 1)
            for dv in (-1, 0, 1)
            for other in seen.get((key[0], key[1] + du, key[2] + dv), [])
        ]
        if any(
            abs(other.u0 - word.u0) < 0.12 * word.height and abs(other.v1 - word.v1) < 0.12 * word.height
            and same_angle(other.angle, word.angle)
            for other in near
        ):  # fmt: skip
            continue
        seen[key].append(word)
        kept.append(word)
    return kept


def _plotted_comments(page: Any, frame: PageFrame) -> list[Word]:
    """AutoCAD plots SHX text as strokes and keeps what it says in comments on top of it."""
    words = []
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page.raw), 20_000)):
        note = pdfium.FPDFPage_GetAnnot(page.raw, index)
        try:
            if _annotation_text(note, b"T") != _SHX_TITLE:
                continue
            content = _annotation_text(note, b"Contents")
            rect = pdfium.FS_RECTF()
            if content.strip() and pdfium.FPDFAnnot_GetRect(note, rect):
                words.append(_comment_word(content, rect, frame))
        finally:
            pdfium.FPDFPage_CloseAnnot(note)
    return words


def _comment_word(content: str, rect: Any, frame: PageFrame) -> Word:
    content = "".join(
        sign_of(char, "") for char in content.replace("%%c", "Ø").replace("%%p", "±").replace("%%d", "°")
    )
    (ax, ay), (bx, by) = frame.point(rect.left, rect.bottom), frame.point(rect.right, rect.top)
    box = (min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))
    upright = box[3] - box[1] > 1.3 * (box[2] - box[0]) and len(content.strip()) > 1
    angle = 90.0 if upright else 0.0
    (u0, v0), (u1, v1) = to_frame(box[0], box[1], angle), to_frame(box[2], box[3], angle)
    return Word(content.strip(), min(u0, u1), max(u0, u1), min(v0, v1), max(v0, v1), angle)


def _annotation_text(note: Any, key: bytes) -> str:
    size = pdfium.FPDFAnnot_GetStringValue(note, key, None, 0)
    if size <= 2:
        return ""
    buffer = (ctypes.c_ushort * (size // 2 + 1))()
    pdfium.FPDFAnnot_GetStringValue(note, key, buffer, size)
    return bytes(buffer)[: size - 2].decode("utf-16-le", "replace")
