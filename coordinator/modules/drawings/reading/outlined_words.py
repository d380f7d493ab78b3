"""Words of a row of told letters, as a text layer would give them: cut at blanks and where another letter height begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from coordinator.modules.drawings.reading.outlined_glyphs import Glyph
from coordinator.modules.drawings.reading.outlined_lines import Row
from coordinator.modules.drawings.reading.page import Segment, Word, separated

SOURCE = "outline"
BLANK_SHARE, LEAST_BLANK, NARROW_BLANK, NUMBER_BLANK, POINT_BLANK = 0.38, 0.2, 0.12, 1.45, 0.95
USUAL_GAP = 0.25
OWN_GAPS = 8
WIDE_SPACED = 0.45
JOINED_GAP = 1.35
NARROW = 0.36
OTHER_HEIGHT, OTHER_LEVEL = 0.17, 0.17
_HANGING = frozenset("Q,;JØ/()[]|gjpqy")
_BEGINS = frozenset("+-±(Ø")
_ALIKE_IN_SMALL = frozenset("COSVWXZ")
SMALL_LETTER = (0.6, 0.86)
LETTERS_FOR_BLANKS, CLEAR_BLANK = 6, 0.14
_NARROW_SIGNS = frozenset("1IlijtfrJ")


def _signs_of_holes(glyphs: Sequence[Glyph], signs: Sequence[str], cap: float) -> list[str]:
    """A V that stands alone before a size is the sign of a countersink: both are drawn alike."""
    found = list(signs)
    for place, sign in enumerate(signs[:-1]):
        alone = place == 0 or glyphs[place].u0 - glyphs[place - 1].u1 > 0.5 * cap
        if sign in "Vv" and alone and (signs[place + 1] == "Ø" or signs[place + 1].isdigit()):
            found[place] = "⌵"
    return found


def _small_letters(glyphs: Sequence[Glyph], signs: Sequence[str], cap: float) -> list[str]:
    """C, O, S, V, W, X and Z lower than the figures and capitals on both sides of them are small letters (ISO 2768-cL)."""
    found = list(signs)
    for place in range(1, len(signs) - 1):
        sides = [
            next((n for n in order if signs[n].isalnum()), None)
            for order in (range(place - 1, -1, -1), range(place + 1, len(signs)))
        ]
        if signs[place] in _ALIKE_IN_SMALL and all(
            side is not None and _measures(signs[side]) and glyphs[side].height > 0.93 * cap for side in sides
        ):
            low, high = SMALL_LETTER
            if low * cap < glyphs[place].height < high * cap:
                found[place] = signs[place].lower()
    return found


def letter_gap(rows: Sequence[tuple[Row, float]], *, filled: bool) -> float:
    """Usual gap between letters of a kind of font on a sheet, share of the letter height (most gaps are inside words)."""
    gaps = [gap for row, cap in rows if row.glyphs[0].filled == filled for gap in _gaps(row, cap)]
    return float(np.median(gaps)) if gaps else USUAL_GAP


def _gaps(row: Row, cap: float) -> list[float]:
    return [(b.u0 - a.u1) / cap for a, b in zip(row.glyphs, row.glyphs[1:], strict=False)]


def words_of(
    row: Row, signs: Sequence[str], sure: Sequence[float], cap: float, baseline: float, usual_gap: float
) -> list[Word]:
    """The words of a row, in page coordinates, each with its own letter height."""
    own = _gaps(row, cap)
    gap = float(np.median(own)) if len(own) >= OWN_GAPS else usual_gap
    words = []
    signs = _small_letters(row.glyphs, _signs_of_holes(row.glyphs, signs, cap), cap)
    for start, end in _cuts(row.glyphs, signs, cap, gap):
        glyphs, part = row.glyphs[start:end], signs[start:end]
        own_cap, own_base = _own_height(glyphs, part, cap, baseline)
        words.append(
            Word(
                _tidy("".join(part)),
                glyphs[0].u0,
                max(glyph.u1 for glyph in glyphs),
                own_base - own_cap,
                own_base,
                row.angle,
                float(np.mean(sure[start:end])),
                SOURCE,
            )
        )
    return words


def join_row(words: list[Word], strokes: list[Segment]) -> list[Word]:
    """Words of a row with usual blanks between them as one text, as a text layer gives them; strokes of cells part them."""
    joined: list[Word] = []
    for word in words:
        last = joined[-1] if joined else None
        if (
            last is not None
            and 0 <= word.u0 - last.u1 < JOINED_GAP * max(last.height, word.height)
            and abs(last.v1 - word.v1) < 0.1 * word.height
            and abs(last.height - word.height) < 0.2 * word.height
            and not separated(last, word, strokes)
        ):
            sure = min(last.confidence, word.confidence)
            joined[-1] = replace(last, text=_tidy(f"{last.text} {word.text}"), u1=word.u1, confidence=sure)
        else:
            joined.append(word)
    return joined


def _tidy(text: str) -> str:
    """Signs in their usual form; where I and l are drawn alike, what stands behind a figure tells pounds and aluminium."""
    text = text.replace("''", '"').replace("+/-", "±")
    return re.sub(r"(?<=\d)(\s?)I(?=bs?\b)", r"\1l", re.sub(r"(?<=\d)AI(?=[-\d])", "Al", text))


def _cuts(
    glyphs: Sequence[Glyph], signs: Sequence[str], cap: float, usual_gap: float
) -> list[tuple[int, int]]:
    pitch = _figure_pitch(glyphs, signs)
    # Letters pressed together leave less for a blank as well.
    blank = (
        usual_gap
        + BLANK_SHARE
        * float(np.median([glyph.width for glyph in glyphs if glyph.height > 0.5 * cap] or [0.6 * cap]))
        / cap
    )
    clear = _clear_blank(glyphs, signs, cap, blank)
    heights: list[tuple[float, float]] = []
    starts = [0]
    for place in range(1, len(glyphs)):
        before, glyph = glyphs[place - 1], glyphs[place]
        wide = _are_wide(signs[place - 1], signs[place])
        if _is_blank(before, glyph, signs[place - 1], signs[place], cap, pitch, clear if wide else blank):
            starts.append(place)
            heights = []
        for index in (place - 1, place) if not heights else (place,):
            if not _measures(signs[index]):
                continue
            height, foot = glyphs[index].height, glyphs[index].v1
            known = np.median([h for h, _ in heights]) if heights else height
            level = np.median([f for _, f in heights]) if heights else foot
            tall = max(float(known), height)
            if heights and (
                abs(height - known) > OTHER_HEIGHT * tall or abs(foot - level) > OTHER_LEVEL * tall
            ):
                first = index
                while first - 1 > starts[-1] and signs[first - 1] in _BEGINS:
                    first -= 1
                starts.append(first)
                heights = []
            heights.append((height, foot))
    starts = sorted(set(starts))
    return list(zip(starts, [*starts[1:], len(glyphs)], strict=True))


def _are_wide(one: str, two: str) -> bool:
    """Letters which fill their place: what is empty between them is a gap of the font or a blank."""
    return all(sign.isalnum() and sign not in _NARROW_SIGNS for sign in (one, two))


def _clear_blank(glyphs: Sequence[Glyph], signs: Sequence[str], cap: float, blank: float) -> float:
    """Where the gaps of a row fall into two clear groups, the middle between them, at most ``blank``."""
    gaps = sorted(
        (b.u0 - a.u1) / cap
        for a, b, s, t in zip(glyphs, glyphs[1:], signs, signs[1:], strict=False)
        if _are_wide(s, t)
    )
    if len(gaps) < LETTERS_FOR_BLANKS:
        return blank
    step, middle = max((high - low, (high + low) / 2) for low, high in pairwise(gaps))
    return min(blank, middle) if step > CLEAR_BLANK and middle > LEAST_BLANK else blank


def _measures(sign: str) -> bool:
    """True for figures and capitals that stand on the line and are as high as it."""
    return (sign.isdigit() or (sign.isupper() and sign.isascii())) and sign not in _HANGING


def _figure_pitch(glyphs: Sequence[Glyph], signs: Sequence[str]) -> float | None:
    """Distance of neighbouring figures, which most fonts make equal."""
    steps = [
        (b.u0 + b.u1 - a.u0 - a.u1) / 2
        for a, b, s, t in zip(glyphs, glyphs[1:], signs, signs[1:], strict=False)
        if s.isdigit() and t.isdigit()
    ]
    return float(np.min(steps)) if steps else None


def _is_blank(
    before: Glyph, glyph: Glyph, sign_before: str, sign: str, cap: float, pitch: float | None, blank: float
) -> bool:
    scale = max(cap * 0.5, min(cap, max(before.height, glyph.height)))
    gap = glyph.u0 - before.u1
    if sign_before.isdigit() and sign.isdigit():
        step = (glyph.u0 + glyph.u1 - before.u0 - before.u1) / 2
        # Figures of one number keep their distance; a narrow 1 leaves a wide gap.
        return gap > blank * scale and step > NUMBER_BLANK * max(pitch or 0.0, 0.75 * scale)
    if (sign in ".," and sign_before.isdigit()) or (sign_before in ".," and sign.isdigit()):
        return gap > POINT_BLANK * cap
    narrow = (before.width < NARROW * scale) + (glyph.width < NARROW * scale)
    return gap > max(LEAST_BLANK, blank + NARROW_BLANK * narrow * (blank > WIDE_SPACED)) * scale


def _own_height(
    glyphs: Sequence[Glyph], signs: Sequence[str], cap: float, baseline: float
) -> tuple[float, float]:
    measured = [(g.height, g.v1) for g, sign in zip(glyphs, signs, strict=True) if _measures(sign)]
    if not measured:
        return cap, baseline
    return float(np.median([h for h, _ in measured])), float(np.median([f for _, f in measured]))
