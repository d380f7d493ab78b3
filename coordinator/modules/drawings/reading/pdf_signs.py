"""Gives signs drawn as strokes (Ø ± ° ⌴ ⌵ ↧ □) to the number beside them; signs without a number are geometry."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from coordinator.modules.drawings.reading.page import Mark, Word, same_angle, to_frame
from coordinator.modules.drawings.reading.pdf_paths import Drawn
from coordinator.modules.drawings.reading.pdf_text import is_guessed
from coordinator.modules.drawings.reading.stroke_signs import HOLE_SIGNS, recognise_strokes
from coordinator.modules.drawings.reading.symbols import Symbol

SIGN_GAP = 0.3
_BEFORE_NUMBER = ("Ø", *HOLE_SIGNS)
_COUNT_OR_SIZE = re.compile(r"(?:\d\s?[xX)]?|\d[a-zA-Z]|THRU|ALL)$")
_NUMBER_START = re.compile(r"^[(\[]?(?:S?[ØR])?[.,]?\d")


def place_signs(words: list[Word], drawn: Drawn) -> list[Word]:
    """Words with the drawn signs among them, each in the direction and on the baseline of its number."""
    placed = list(words)
    for symbol in drawn.symbols:
        if any(_covers(word, symbol) for word in words):
            continue
        word = _beside(symbol, words)
        if word is not None:
            placed.append(word)
    found = _hole_signs(drawn.marks, [*words, *(word for word in placed if word.text == "Ø")])
    # What is drawn is known; a sign guessed at the same place gives way to it.
    placed = [
        word for word in placed if not (is_guessed(word) and any(_overlap(word, sign) for sign in found))
    ]
    placed += found
    return [_reaching_back(word, words) if word.text in _BEFORE_NUMBER else word for word in placed]


def _overlap(a: Word, b: Word) -> bool:
    level = abs(a.v1 - b.v1) < 0.6 * max(a.height, b.height)
    return level and same_angle(a.angle, b.angle) and a.u0 < b.u1 and b.u0 < a.u1


def _reaching_back(sign: Word, words: list[Word]) -> Word:
    """A sign behind a wide blank ("2x  Ø8") still belongs to the text before it."""
    for word in words:
        gap = sign.u0 - word.u1
        if (
            0.8 * sign.height < gap < 1.7 * sign.height
            and same_angle(word.angle, sign.angle)
            and abs(word.v1 - sign.v1) < 0.2 * sign.height
            and _COUNT_OR_SIZE.search(word.text)
        ):
            return replace(sign, u0=word.u1 + 0.5 * sign.height)
    return sign


def _hole_signs(marks: list[Mark], words: list[Word]) -> list[Word]:
    """⌴ ⌵ ↧ □ drawn just before a number: each mark serves the nearest number."""
    boxes = np.array([mark.box for mark in marks], dtype=float).reshape(-1, 4)
    nearest: dict[int, tuple[float, Word, list[list[tuple[float, float]]]]] = {}
    for word in words:
        if not (_NUMBER_START.match(word.text) or word.text == "Ø"):
            continue
        x0, y0, x1, y1 = word.bbox
        reach = 2.5 * word.height
        near = (
            (boxes[:, 2] >= x0 - reach) & (boxes[:, 0] <= x1 + reach)
            & (boxes[:, 3] >= y0 - reach) & (boxes[:, 1] <= y1 + reach)
        )  # fmt: skip
        for index in np.flatnonzero(near).tolist():
            paths = [[to_frame(x, y, word.angle) for x, y in path] for path in marks[index].paths]
            before = _just_before(paths, word)
            if before is not None and (index not in nearest or before[0] < nearest[index][0]):
                nearest[index] = (*before, paths)
    found = [(word, recognise_strokes(paths, HOLE_SIGNS)) for _, word, paths in nearest.values()]
    return [replace(word, text=sign) for word, sign in found if sign]


def _just_before(paths: list[list[tuple[float, float]]], word: Word) -> tuple[float, Word] | None:
    """The gap to a number and the place of a sign of its height which stands just before it."""
    us, vs = [u for path in paths for u, _ in path], [v for path in paths for _, v in path]
    gap = word.u0 - max(us)
    if (
        -0.1 * word.height <= gap <= 1.2 * word.height
        and 0.45 * word.height < max(vs) - min(vs) < 1.5 * word.height
        and word.v0 - 0.4 * word.height < (min(vs) + max(vs)) / 2 < word.v1 + 0.4 * word.height
    ):
        place = Word("", min(us), max(us), word.v0, word.v1, word.angle)
        return gap, _drawn_close(place, word, after=False)
    return None


def _covers(word: Word, symbol: Symbol) -> bool:
    """True for the outline of a letter which the text layer already holds."""
    x, y = (symbol.bbox[0] + symbol.bbox[2]) / 2, (symbol.bbox[1] + symbol.bbox[3]) / 2
    x0, y0, x1, y1 = word.bbox
    if not (x0 <= x <= x1 and y0 <= y <= y1):
        return False
    u, v = to_frame(x, y, word.angle)
    return word.u0 < u < word.u1 and word.v0 < v < word.v1


def _beside(symbol: Symbol, words: list[Word]) -> Word | None:
    best: tuple[float, Word] | None = None
    for word in words:
        sign = _in_frame(symbol, word)
        after = symbol.text == "°"
        gap = sign.u0 - word.u1 if after else word.u0 - sign.u1
        level = word.v0 - 0.5 * word.height < (sign.v0 + sign.v1) / 2 < word.v1 + 0.3 * word.height
        # A small circle at letter height or below is no degree ring.
        fits = sign.u1 - sign.u0 < 1.8 * word.height and (
            not after or (sign.u1 - sign.u0 < 0.7 * word.height and sign.v1 < word.v1 - 0.25 * word.height)
        )
        if (
            level
            and fits
            and -0.5 * word.height <= gap <= 1.2 * word.height
            and re.search(r"\d", word.text)
            and (best is None or abs(gap) < best[0])
        ):
            best = (abs(gap), _drawn_close(sign, word, after=after))
    return best[1] if best else None


def _drawn_close(sign: Word, word: Word, *, after: bool) -> Word:
    """The sign on the line of its number, its box reaching to it: wide blanks between them do not part them."""
    if after:
        return replace(sign, v0=word.v0, v1=word.v1)
    return replace(sign, u1=max(sign.u1, word.u0 - SIGN_GAP * word.height), v0=word.v0, v1=word.v1)


def _in_frame(symbol: Symbol, word: Word) -> Word:
    x0, y0, x1, y1 = symbol.bbox
    u, v = to_frame((x0 + x1) / 2, (y0 + y1) / 2, word.angle)
    half = min(x1 - x0, y1 - y0) / 2
    return Word(symbol.text, u - half, u + half, v - half, v + half, word.angle)
