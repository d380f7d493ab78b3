"""Gives signs drawn as strokes (Ø ± ° ⌴ ⌵ ↧ □) to the number beside them; signs without a number are geometry."""

from __future__ import annotations

import re
from dataclasses import replace

from coordinator.modules.drawings.reading.page import Mark, Word, to_frame
from coordinator.modules.drawings.reading.pdf_paths import Drawn
from coordinator.modules.drawings.reading.stroke_signs import HOLE_SIGNS, recognise_strokes
from coordinator.modules.drawings.reading.symbols import Symbol

SIGN_GAP = 0.3
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
    signs = [word for word in placed if len(word.text) == 1 and word.text in "Ø±°"]
    for mark in drawn.marks:
        word = _hole_sign(mark, [*words, *signs])
        if word is not None:
            placed.append(word)
    return placed


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


def _hole_sign(mark: Mark, words: list[Word]) -> Word | None:
    """⌴ ⌵ ↧ or □ drawn just before a number, at its height."""
    best: tuple[float, Word, list[list[tuple[float, float]]]] | None = None
    for word in words:
        if not _near(mark, word) or not (_NUMBER_START.match(word.text) or word.text in "Ø"):
            continue
        paths = [[to_frame(x, y, word.angle) for x, y in path] for path in mark.paths]
        us, vs = [u for path in paths for u, _ in path], [v for path in paths for _, v in path]
        gap = word.u0 - max(us)
        if (
            -0.1 * word.height <= gap <= 1.2 * word.height
            and 0.45 * word.height < max(vs) - min(vs) < 1.5 * word.height
            and word.v0 - 0.4 * word.height < (min(vs) + max(vs)) / 2 < word.v1 + 0.4 * word.height
            and (best is None or gap < best[0])
        ):
            sign_word = Word("", min(us), max(us), word.v0, word.v1, word.angle)
            best = (gap, _drawn_close(sign_word, word, after=False), paths)
    if best is None:
        return None
    sign = recognise_strokes(best[2], HOLE_SIGNS)
    return replace(best[1], text=sign) if sign else None


def _near(mark: Mark, word: Word) -> bool:
    x0, y0, x1, y1 = word.bbox
    reach = 2.5 * word.height
    return (
        x0 - reach <= mark.box[2]
        and mark.box[0] <= x1 + reach
        and y0 - reach <= mark.box[3]
        and mark.box[1] <= y1 + reach
    )
