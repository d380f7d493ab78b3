"""Words of a row of told letters, as a text layer would give them: cut at blanks and where another letter height begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from coordinator.modules.drawings.reading.outlined_glyphs import Glyph, Numbers
from coordinator.modules.drawings.reading.outlined_lines import Row
from coordinator.modules.drawings.reading.page import Segment, Word, separated, to_frame

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
SMALL_LETTER, AS_HIGH = (0.6, 0.86), 0.93
_X_HEIGHT = frozenset("aceimnorsuvwxz")
LETTERS_FOR_BLANKS, CLEAR_BLANK = 6, 0.14
UPRIGHT_RULE, MEETS = 0.02, 1.0  # slope; points
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
    """C, O, S, V, W, X and Z as their height tells: lower than the figures and capitals on both sides of them they are small
    letters (ISO 2768-cL), as high as these beside lower letters capitals (CuZn39)."""
    found = list(signs)
    low, high = SMALL_LETTER
    lower = any(s in _X_HEIGHT and g.height < high * cap for g, s in zip(glyphs, signs, strict=True))
    for place, sign in enumerate(signs):
        if sign.upper() not in _ALIKE_IN_SMALL:
            continue
        height = glyphs[place].height
        if sign.islower() and lower and height > AS_HIGH * cap:
            found[place] = sign.upper()
            continue
        sides = [
            next((n for n in order if signs[n].isalnum()), None)
            for order in (range(place - 1, -1, -1), range(place + 1, len(signs)))
        ]
        if (
            all(n is not None and _measures(signs[n]) and glyphs[n].height > AS_HIGH * cap for n in sides)
            and low * cap < height < high * cap
        ):
            found[place] = sign.lower()
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


def cut_at_rules(row: Row, signs: Sequence[str], rules: Numbers) -> list[tuple[int, int]]:
    """Ranges of the letters of a row in the cells of a table; a letter over a border belongs to the cell it began in.

    ``rules`` are strokes of the page as rows of x0, y0, x1, y1.
    """
    starts = [0]
    borders = _borders(row, rules)
    for place, (a, b) in enumerate(pairwise(row.glyphs), start=1):
        if not (signs[place - 1].isalpha() and signs[place].isalpha()):
            continue
        across = (borders[:, 1] < min(a.v0, b.v0)) & (borders[:, 2] > max(a.v1, b.v1))
        between = (borders[:, 0] > a.u0 + 0.25 * a.width) & (borders[:, 0] < b.u0 + 0.25 * b.width)
        if bool((between & across).any()):
            starts.append(place)
    return list(zip(starts, [*starts[1:], len(row.glyphs)], strict=True))


def _borders(row: Row, rules: Numbers) -> Numbers:
    """Upright borders near a row as (u, top, foot): strokes that end at both ends on level ones, as no extension line does."""
    if not len(rules):
        return np.zeros((0, 3))
    u0, v0 = to_frame(rules[:, 0], rules[:, 1], row.angle)  # type: ignore[arg-type]
    u1, v1 = to_frame(rules[:, 2], rules[:, 3], row.angle)  # type: ignore[arg-type]
    left, right = np.minimum(u0, u1), np.maximum(u0, u1)
    low, high = np.minimum(v0, v1), np.maximum(v0, v1)
    level = (high - low < UPRIGHT_RULE * (right - left)).nonzero()[0]
    near = (
        (left > row.glyphs[0].u0)
        & (right < row.glyphs[-1].u1)
        & (low < row.glyphs[0].v1)
        & (high > row.glyphs[0].v0)
    )
    upright = (near & (right - left < UPRIGHT_RULE * (high - low))).nonzero()[0]

    def ends_on_level(ends: Numbers) -> Any:
        meets = np.abs(ends[:, None] - low[level][None, :]) < MEETS
        spans = (left[level] < left[upright][:, None] + MEETS) & (
            right[level] > left[upright][:, None] - MEETS
        )
        return (meets & spans).any(axis=1)

    borders = upright[ends_on_level(low[upright]) & ends_on_level(high[upright])]
    return np.stack([left[borders], low[borders], high[borders]], axis=1)


def join_row(words: list[Word], strokes: list[Segment]) -> list[Word]:
    """Words of a row with usual blanks between them as one text, as a text layer gives them; strokes of cells part them, but none ends behind a ±."""
    joined: list[Word] = []
    for word in words:
        last = joined[-1] if joined else None
        if (
            last is not None
            and 0 <= word.u0 - last.u1 < JOINED_GAP * max(last.height, word.height)
            and abs(last.v1 - word.v1) < 0.1 * word.height
            and abs(last.height - word.height) < 0.2 * word.height
            and (last.text.endswith("±") or not separated(last, word, strokes))
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
