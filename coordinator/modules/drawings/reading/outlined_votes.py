"""Equal shapes are one letter: every place of a shape votes for what it is, whole lines read by OCR where that stays in doubt."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import cv2
import numpy as np

from coordinator.modules.drawings.reading.letter_net import NO_SIGN, Scores
from coordinator.modules.drawings.reading.letter_picture import Image
from coordinator.modules.drawings.reading.letter_signs import SIGNS
from coordinator.modules.drawings.reading.outlined_glyphs import Glyph
from coordinator.modules.drawings.reading.outlined_lines import Row

SAME_SHAPE, SAME_SPOT = (
    0.12,
    75,
)  # difference of two blurred pictures: share of their ink, largest of one point
DOUBT = 0.25
MAX_LINES = 24
OCR_WEIGHT = 0.45
LINE_CAP_PX, LINE_PAD_PX = 30, 12
_SIGNS_OCR_MISSES = frozenset("Ø°±⌴↧□√×µ²³")
_ALIKE = (
    "0OoQØ",
    "1lI|",
    "5Ss",
    "8B",
    "2Zz",
    "cC",
    "vV",
    "wW",
    "xX×",
    "pP",
    "uU",
    "kK",
    ",'.",
    "-_~",
    "6bG",
    "9gq",
    "mM",
    "µu",
)
_TWINS = (
    ("0O", 1.5), ("lI|", 0.8), ("1lI|", 2.5), ("xX×", 1.5), ("vV", 1.5), ("cC", 1.5), ("oO", 1.5), ("sS", 1.5), ("zZ", 1.5), ("wW", 1.5),
)  # fmt: skip
"""Letters which some fonts draw alike: however sure one is, its twins stay within this reach."""
_BARS, _BAR_REACH = "1lI|", 0.4
_HABIT, LEAST_HABIT = 0.8, -1.2
WORD_GAP, SLOPING_BAR = 0.24, 0.42
_VOWELS = frozenset("aeiouyéèêàâäöüôîû")
_CANDIDATES = 8
_RARE = dict.fromkeys("|~@<>*!\\", -2.5) | dict.fromkeys("=#&;?_[]²³", -0.7)
Kinds = str


def vote(rows: Sequence[Row], pictures: Sequence[Image], scores: Scores) -> tuple[Scores, Any]:
    """Scores in which all places of one shape agree, and the number of each shape."""
    shape = _shapes(pictures, [glyph for row in rows for glyph in row.glyphs])
    count = int(shape.max()) + 1
    summed = np.zeros((count, scores.shape[1]), np.float64)
    np.add.at(summed, shape, scores)
    mean = summed / np.bincount(shape, minlength=count)[:, None]
    mean += _line_votes(rows, shape, mean)
    mean -= np.log(np.exp(mean - mean.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)) + mean.max(
        axis=1, keepdims=True
    )
    return mean[shape].astype(np.float32), shape


def _shapes(pictures: Sequence[Image], glyphs: Sequence[Glyph]) -> Any:
    """Number of the shape of each letter: as many strokes and points, and the same picture but for rounding."""
    small = [
        cv2.GaussianBlur(cv2.resize(picture, (20, 20), interpolation=cv2.INTER_AREA), (3, 3), 0).ravel()
        for picture in pictures
    ]
    flat = np.array(small).astype(np.float32)
    leaders: dict[tuple[int, int], list[int]] = defaultdict(list)
    found = np.zeros(len(flat), int)
    count = 0
    for index, glyph in enumerate(glyphs):
        alike = leaders[len(glyph.paths), sum(len(path) for path in glyph.paths)]
        if alike:
            unlike = np.abs(flat[alike] - flat[index])
            apart = unlike.sum(axis=1) / np.maximum(flat[alike].sum(axis=1), 1)
            apart[unlike.max(axis=1) > SAME_SPOT] = 1.0
            best = int(apart.argmin())
            if apart[best] < SAME_SHAPE:
                found[index] = found[alike[best]]
                continue
        found[index] = count
        alike.append(index)
        count += 1
    return found


def _line_votes(rows: Sequence[Row], shape: Any, mean: Any) -> Any:
    """What OCR of whole lines adds to the scores of each doubtful shape."""
    added = np.zeros_like(mean)
    doubt = 1 - sureness(mean)
    uses = np.bincount(shape, minlength=len(mean))
    starts = np.cumsum([0, *(len(row.glyphs) for row in rows)])
    wanted = doubt > DOUBT
    if not wanted.any():
        return added
    worth = []
    for number, row in enumerate(rows):
        own = set(shape[starts[number] : starts[number + 1]].tolist())
        gain = sum(doubt[s] * min(10, uses[s]) for s in own if wanted[s])
        if len(row.glyphs) > 2 and gain > 0:
            worth.append((gain / (4 + len(row.glyphs)), number))
    chosen = [number for _, number in sorted(worth, reverse=True)[:MAX_LINES]]
    votes: dict[int, list[str]] = defaultdict(list)
    for number, text in zip(chosen, _read_lines([rows[n] for n in chosen]), strict=True):
        own = shape[starts[number] : starts[number + 1]]
        told = ["" if int(mean[s].argmax()) == NO_SIGN else SIGNS[int(mean[s].argmax())] for s in own]
        for place, sign in _aligned(told, text):
            votes[int(own[place])].append(sign)
    for number, signs in votes.items():
        top = int(mean[number, :NO_SIGN].argmax())
        if not wanted[number] or (SIGNS[top] in _SIGNS_OCR_MISSES and doubt[number] < 0.5):
            continue
        weight = OCR_WEIGHT * min(len(signs), 3) / len(signs)
        for sign in signs:
            for place, own_sign in enumerate(SIGNS):
                chance = _chance(own_sign, sign)
                added[number, place] += weight * np.log(chance)
            added[number, NO_SIGN] += weight * np.log(0.01)
    return added


def _chance(own: str, read: str) -> float:
    """How often line reading gives ``read`` for a letter; small accents it tends to miss."""
    if own == read:
        return 0.8
    if unicodedata.normalize("NFD", own)[0] == read:
        return 0.4
    return 0.1 if _alike(own, read) else 0.01


def _alike(one: str, two: str) -> bool:
    return any(one in group and two in group for group in _ALIKE)


def _read_lines(rows: Sequence[Row]) -> list[str]:
    from coordinator.modules.drawings.reading.ocr import rapid_engine

    try:
        return [
            read.text.replace(" ", "")
            for read in rapid_engine().recognise([line_picture(row) for row in rows])
        ]
    except ImportError:
        return [""] * len(rows)


def line_picture(row: Row) -> Image:
    """The row alone, black on white, upright."""
    cap = float(np.percentile([glyph.height for glyph in row.glyphs], 80)) or 1.0
    scale = LINE_CAP_PX / cap
    u0, u1 = min(g.u0 for g in row.glyphs), max(g.u1 for g in row.glyphs)
    v0, v1 = min(g.v0 for g in row.glyphs), max(g.v1 for g in row.glyphs)
    size = (round((v1 - v0) * scale) + 2 * LINE_PAD_PX, min(6000, round((u1 - u0) * scale) + 2 * LINE_PAD_PX))
    picture: Image = np.full(size, 255, np.uint8)
    for glyph in row.glyphs:
        placed = [
            np.round(((path - [u0, v0]) * scale + LINE_PAD_PX) * 16).astype(np.int32) for path in glyph.paths
        ]
        if glyph.filled:
            cv2.fillPoly(picture, placed, 0, cv2.LINE_AA, 4)
        else:
            cv2.polylines(picture, placed, False, 0, 3, cv2.LINE_AA, 4)
    return picture


def _aligned(told: list[str], text: str) -> list[tuple[int, str]]:
    """Places of letters and the sign of a line reading that stands there (least edits)."""
    if not text or not 0.6 <= len(text) / len(told) <= 1.5:
        return []
    cost = np.zeros((len(told) + 1, len(text) + 1))
    cost[:, 0], cost[0, :] = np.arange(len(told) + 1), np.arange(len(text) + 1)
    for i, one in enumerate(told, 1):
        for j, two in enumerate(text, 1):
            swap = 0.0 if one == two else 0.4 if _alike(one, two) else 1.0
            cost[i, j] = min(cost[i - 1, j - 1] + swap, cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    if cost[-1, -1] > 0.5 * len(told):
        return []
    pairs, i, j = [], len(told), len(text)
    while i and j:
        if cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
        elif cost[i, j] == cost[i, j - 1] + 1:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, text[j]))
    return pairs


def spell(row: Row, cap: float, scores: Scores) -> tuple[list[str], list[float]]:
    """Signs of a row and how sure each is: the likeliest spelling, figures beside figures and letters beside letters."""
    told, scores = (
        scores,
        _with_twins_near(scores, row)
        + np.array([*(_RARE.get(sign, 0.0) for sign in SIGNS), 0.0], np.float32),
    )
    order = np.argsort(-scores[:, :NO_SIGN], axis=1)[:, :_CANDIDATES]
    paths: list[tuple[float, list[int]]] = []
    best: dict[int, tuple[float, list[int]]] = {}
    for place, choices in enumerate(order.tolist()):
        fresh: dict[int, tuple[float, list[int]]] = {}
        apart = place == 0 or row.glyphs[place].u0 - row.glyphs[place - 1].u1 > 0.6 * cap
        for sign in choices:
            own = float(scores[place, sign])
            if not best:
                fresh[sign] = own + _step("", SIGNS[sign]), [sign]
                continue
            fresh[sign] = max(
                (score + own + _step("" if apart else SIGNS[last], SIGNS[sign]), [*path, sign])
                for last, (score, path) in best.items()
            )
        best = fresh
    paths = sorted(best.values(), reverse=True)
    signs = _bars_by_neighbours(paths[0][1], row, cap)
    chances = np.exp(told[:, :NO_SIGN])
    sure = [min(1.0, float(chances[place] @ _twins()[sign])) for place, sign in enumerate(signs)]
    return [SIGNS[sign] for sign in signs], sure


def _bars_by_neighbours(signs: list[int], row: Row, cap: float) -> list[int]:
    """A bare stroke between small letters is an l; before small letters it is an I only where a row begins."""
    text = [SIGNS[sign] for sign in signs]
    between = [b.u0 - a.u1 for a, b in pairwise(row.glyphs)]
    word_gap = WORD_GAP * cap + (float(np.median(between)) if between else 0.0)
    for place, sign in enumerate(text):
        glyph = row.glyphs[place]
        steep = sign == "/" and glyph.width < SLOPING_BAR * glyph.height and _is_bar(glyph)
        if not (sign in "lI|" or steep):
            continue
        gaps = [
            row.glyphs[p + 1].u0 - row.glyphs[p].u1 < word_gap if 0 <= p < len(text) - 1 else False
            for p in (place - 1, place)
        ]
        before, behind = text[place - 1] if gaps[0] else "", text[place + 1] if gaps[1] else ""
        if before.islower() or (before.isupper() and behind.islower()):
            text[place] = "l"
        elif behind.islower() and not before:
            # A word begins with l before a vowel only.
            text[place] = "l" if behind in _VOWELS else "I"
        elif before.isupper() or behind.isupper():
            text[place] = "I"
    return [SIGNS.index(sign) for sign in text]


def _with_twins_near(scores: Scores, row: Row) -> Scores:
    near = scores.copy()
    for group, reach in _TWINS:
        places = [SIGNS.index(sign) for sign in group]
        near[:, places] = np.maximum(near[:, places], scores[:, places].max(axis=1, keepdims=True) - reach)
    places = [SIGNS.index(sign) for sign in _BARS]
    for number, glyph in enumerate(row.glyphs):
        if _is_bar(glyph):
            near[number, places] = np.maximum(near[number, places], near[number, places].max() - _BAR_REACH)
    return near


def _is_bar(glyph: Glyph) -> bool:
    """True for a 1, l or I drawn as a bare stroke or as its outline."""
    if len(glyph.members) > 1 or len(glyph.paths) > 1:
        return False
    points = glyph.paths[0]
    across, along = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[::-1]
    if not glyph.filled:
        return bool(across < 0.06 * along)
    area = abs(float(np.sum(points[:-1, 0] * points[1:, 1] - points[1:, 0] * points[:-1, 1]))) / 2
    return glyph.width < 0.25 * glyph.height and area > 0.7 * glyph.width * glyph.height


def sureness(scores: Scores) -> Any:
    """Probability of the likeliest sign of each letter together with the signs drawn alike."""
    chances = np.exp(scores[:, :NO_SIGN])
    best = chances.argmax(axis=1)
    return np.minimum(1.0, (chances * _twins()[best]).sum(axis=1))


@lru_cache(maxsize=1)
def _twins() -> Any:
    return np.array([[float(a == b or _alike(a, b)) for b in SIGNS] for a in SIGNS], np.float32)


def spell_all(
    rows: Sequence[Row], caps: Sequence[float], scores: Scores, shape: Any
) -> list[tuple[list[str], list[float]]]:
    """Spell every row, then once more with what each shape was mostly taken for: a figure stays one at the end of a word."""
    starts = np.cumsum([0, *(len(row.glyphs) for row in rows)])

    def spelt(known: Scores) -> list[tuple[list[str], list[float]]]:
        return [
            spell(row, cap, known[a:b])
            for row, cap, a, b in zip(rows, caps, starts, starts[1:], strict=False)
        ]

    first = [sign for signs, _ in spelt(scores) for sign in signs]
    taken = np.zeros((int(shape.max()) + 1, scores.shape[1]))
    np.add.at(taken, (shape, [SIGNS.index(sign) for sign in first]), 1.0)
    habit = np.maximum(LEAST_HABIT, np.log((taken + 0.3) / (taken.sum(axis=1, keepdims=True) + 0.6)))
    used = taken.sum(axis=1) >= 3
    return spelt((scores + _HABIT * np.where(used[:, None], habit, 0.0)[shape]).astype(np.float32))


_STEPS = {
    "DD": 0.2, "DU": -0.9, "UD": -0.9, "DL": -1.3, "LD": -1.3, "LU": -2.2, "UL": 0.0, "LL": 0.2, "UU": 0.2, "ND": 0.2, "NU": -0.5, "NL": -0.8,
    "DN": 0.0, "UN": -0.8, "LN": -0.4, "ØU": -2.0, "ØL": -2.5, "ØN": -0.3, "DØ": -0.7, "UØ": -0.7, "LØ": -2.0,
}  # fmt: skip


def _step(before: str, sign: str) -> float:
    return _STEPS.get(_kind(before) + _kind(sign), 0.0)


def _kind(sign: str) -> Kinds:
    if sign.isdigit():
        return "D"
    if sign in "Ø±":
        return "Ø" if sign else ""
    if sign.isalpha():
        return "U" if sign.isupper() else "L"
    return "N" if sign and sign in '.,+-°"' else "P" if sign else ""
