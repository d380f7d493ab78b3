"""Text drawn as outlines or strokes, read from the paths themselves (DRW-11).

Letters are told one by one by their shape; equal shapes of a sheet are the same letter, so all places of a shape vote for it.
Rows of which a shape is doubtful are read once more as a whole line by OCR, on a picture without the drawing around them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from coordinator.modules.drawings.reading.letter_net import NO_SIGN, Scores, tell_letters
from coordinator.modules.drawings.reading.letter_picture import Image, letter_picture
from coordinator.modules.drawings.reading.letter_signs import SIGNS
from coordinator.modules.drawings.reading.outlined_glyphs import Glyph
from coordinator.modules.drawings.reading.outlined_lines import (
    Row,
    find_rows,
    find_slanted,
    in_frame,
    parts_by_height,
)
from coordinator.modules.drawings.reading.outlined_pieces import Piece, Stroke, gather_pieces
from coordinator.modules.drawings.reading.outlined_votes import spell_all, sureness, vote
from coordinator.modules.drawings.reading.outlined_words import cut_at_rules, join_row, letter_gap, words_of
from coordinator.modules.drawings.reading.page import Mark, Segment, Word, to_frame

LOWER_CASE_SHARE = 0.72
LEAST_SURE, LEAST_SURE_SHORT, LEAST_SURE_LONE, LEAST_SURE_FONT = 0.5, 0.62, 0.85, 0.7
CLEAR_ROW = 0.6
BETTER = 0.08
STRANGE = 0.2
TOO_HIGH = 1.6
RULE_LENGTH, RULE_SHARE = 8.0, 2.2  # points; letter heights: longer than any stroke of a letter
OVAL = (0.25, 0.85)  # width of a figure, share of its height
UNCOMMON_HEIGHT, FONT_HEIGHT = 1.5, 1.15
_LIKE_DRAWINGS = frozenset("oO0lI1iLTVUCXxJjcvrnu|°□+-.,'\"_/\\=:;()[]~*<>⌴↧√×")


@dataclass
class OutlinedText:
    """Words read, how many letters they hold and how many letter-like drawings were left unread."""

    words: list[Word] = field(default_factory=list)
    letters: int = 0
    unread: int = 0


@dataclass
class _Reading:
    row: Row
    cap: float
    baseline: float
    pictures: list[Image]
    scores: Scores

    def part(self, places: list[int]) -> _Reading:
        """The reading of some of its letters."""
        return _Reading(
            Row([self.row.glyphs[p] for p in places], self.row.angle),
            self.cap,
            self.baseline,
            [self.pictures[p] for p in places],
            self.scores[places],
        )

    @property
    def merit(self) -> float:
        """Mean probability of the likeliest sign; what is no letter counts nothing."""
        return float(sureness(self.scores).mean())


def read_outlined_text(
    strokes: Sequence[Stroke], known: Sequence[Word], segments: Sequence[Segment] = ()
) -> OutlinedText:
    """Words among the small strokes of a page, in page coordinates; those under ``known`` words are left out.

    ``segments`` are the straight strokes of the page: those longer than letters part the cells of a table.
    """
    rules = [segment for segment in segments if segment.length > RULE_LENGTH]
    drawn_rules = np.array([(s.x0, s.y0, s.x1, s.y1) for s in rules], dtype=float).reshape(-1, 4)
    pieces = _without_known(gather_pieces(strokes), known)
    rows, lone = find_rows(pieces)
    found = OutlinedText()
    accepted, _ = _accepted(rows, pieces)
    # One letter left of a row is as good as any lone one: a slanted text beside it may want it.
    single = [reading.row for reading in accepted if len(reading.row.glyphs) == 1]
    accepted = [reading for reading in accepted if len(reading.row.glyphs) > 1]
    lone += [Row([_level(row.glyphs[0], pieces)], 0.0) for row in single]
    used = {member for reading in accepted for member in reading.row.members}
    slanted, found.unread = _accepted(find_slanted(pieces, set(range(len(pieces))) - used), pieces)
    accepted += slanted
    used |= {member for reading in slanted for member in reading.row.members}
    lone = [row for row in lone if not used & row.members]
    accepted += _lone_letters(lone, pieces, accepted)
    shapes = [picture for reading in accepted for picture in reading.pictures]
    if not shapes:
        return found
    rows = [reading.row for reading in accepted]
    scores, shape = vote(rows, shapes, np.concatenate([reading.scores for reading in accepted]))
    spelt = spell_all(rows, [reading.cap for reading in accepted], scores, shape)
    usual = _usual_heights(accepted)
    measured = [(reading.row, reading.cap) for reading in accepted]
    gaps = {filled: letter_gap(measured, filled=filled) for filled in (False, True)}
    for reading, (signs, sure) in zip(accepted, spelt, strict=True):
        if not _is_text(reading, signs, sure, usual):
            continue
        gap = gaps[reading.row.glyphs[0].filled]
        parting = [segment for segment in rules if segment.length > RULE_SHARE * reading.cap]
        for start, end in cut_at_rules(reading.row, signs, drawn_rules):
            part = Row(reading.row.glyphs[start:end], reading.row.angle)
            words = words_of(part, signs[start:end], sure[start:end], reading.cap, reading.baseline, gap)
            found.words += join_row(words, parting)
        found.letters += len(signs)
    found.words.sort(key=lambda word: word.u0)  # rows parted by a wide blank go on in reading order
    return found


def _accepted(rows: list[Row], pieces: Sequence[Piece]) -> tuple[list[_Reading], int]:
    """Rows that read as text, and how many letters stand in longer rows that do not."""
    accepted, unread = [], 0
    for reading in (part for whole in _best_ways(rows, pieces) for part in _without_strangers(whole)):
        if reading.merit >= (LEAST_SURE if len(reading.row.glyphs) > 3 else LEAST_SURE_SHORT):
            accepted.append(reading)
        elif len(reading.row.glyphs) > 3:
            unread += len(reading.row.glyphs)
    return accepted, unread


def _usual_heights(readings: list[_Reading]) -> float:
    """The largest letter height of the rows that are clearly text."""
    return max((r.cap for r in readings if len(r.row.glyphs) > 3 and r.merit > CLEAR_ROW), default=0.0)


def _is_text(reading: _Reading, signs: list[str], sure: list[float], usual: float) -> bool:
    """Rows hold a letter or a figure; short ones much higher than all other text must be sure."""
    if not any(sign.isalnum() for sign in signs):
        return False
    if len(signs) >= 4:
        return True
    if signs == ["C"] and reading.row.glyphs[0].filled:
        return sure[0] > LEAST_SURE_FONT
    sizes = sum(s.isdigit() or s in "ABDEFGHKMNPQRSW" for s in signs)
    least = LEAST_SURE_LONE if reading.cap > UNCOMMON_HEIGHT * usual else LEAST_SURE_SHORT
    return (float(np.mean(sure)) > least and 2 * sizes >= len(signs)) or (
        all(s.isalpha() for s in signs) and float(np.mean(sure)) > LEAST_SURE_LONE
    )


def _without_known(pieces: list[Piece], known: Sequence[Word]) -> list[Piece]:
    boxes = np.array([word.bbox for word in known], dtype=float).reshape(-1, 4)
    kept = []
    for piece in pieces:
        x, y = (piece.box[0] + piece.box[2]) / 2, (piece.box[1] + piece.box[3]) / 2
        inside = (boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])
        if not inside.any():
            kept.append(piece)
    return kept


def _without_strangers(reading: _Reading) -> list[_Reading]:
    """The row cut where something stands in it that is no letter: an arrow at its end, the end of a line between."""
    glyphs, cap = reading.row.glyphs, reading.cap
    strange = (reading.scores.argmax(axis=1) == NO_SIGN) | (sureness(reading.scores) < STRANGE)
    for place, glyph in enumerate(glyphs):
        # Points and dashes look like anything; at a letter's distance they belong to it.
        if (
            strange[place]
            and max(glyph.height, glyph.width) < 0.45 * cap
            and _near_letter(glyphs, place, 0.5 * cap)
        ):
            strange[place] = False
    parts: list[list[int]] = [[]]
    for place, glyph in enumerate(glyphs):
        if strange[place] and glyph.height > TOO_HIGH * cap:
            parts.append([])
        else:
            parts[-1].append(place)
    found = []
    for places in parts:
        # Between letters a doubtful one stays: other places of its shape may tell it.
        while places and strange[places[-1]]:
            places.pop()
        while places and strange[places[0]]:
            places.pop(0)
        if places:
            found.append(reading.part(places))
    return found


def _near_letter(glyphs: Sequence[Glyph], place: int, reach: float) -> bool:
    gaps = [b.u0 - a.u1 for a, b in itertools.pairwise(glyphs)]
    return any(0 <= p < len(gaps) and gaps[p] < reach for p in (place - 1, place))


def _best_ways(rows: list[Row], pieces: Sequence[Piece]) -> list[_Reading]:
    """Each row read at its letter height and, where doubtful, as small letters only and from its other end."""
    best = [part for whole in _read([(row, *_measure(row)) for row in rows]) for part in _by_height(whole)]
    tries: list[tuple[int, Row, float, float]] = []
    for index, reading in enumerate(best):
        row = reading.row
        if _all_alike(row) and not _is_number(reading):
            tries.append((index, row, reading.cap / LOWER_CASE_SHARE, reading.baseline))
        if row.angle % 180 > 1 or reading.merit < CLEAR_ROW:
            turned = row.turned(pieces)
            tries.append((index, turned, *_measure(turned)))
    for (index, *_), reading in zip(
        tries, _read([(row, cap, base) for _, row, cap, base in tries]), strict=True
    ):
        if reading.merit > best[index].merit + BETTER:
            best[index] = reading
    return best


def _by_height(whole: _Reading) -> list[_Reading]:
    """The parts of a row of two letter heights, where each alone reads better than all at the height of the larger ones."""
    rows = parts_by_height(whole.row)
    if len(rows) < 2:
        return [whole]
    parts = _read([(row, *_measure(row)) for row in rows])
    merit = sum(part.merit * len(part.row.glyphs) for part in parts) / len(whole.row.glyphs)
    return parts if merit > whole.merit + BETTER else [whole]


def _is_number(reading: _Reading) -> bool:
    signs = [SIGNS[sign] for sign in reading.scores[:, :NO_SIGN].argmax(axis=1)]
    return 2 * sum(sign.isdigit() for sign in signs) >= len(signs)


def _measure(row: Row) -> tuple[float, float]:
    """Letter height and baseline: the common foot of the letters, and the height of the higher ones."""
    tallest = max(glyph.body_height for glyph in row.glyphs)
    tall = [glyph for glyph in row.glyphs if glyph.body_height >= 0.55 * tallest]
    baseline = float(np.median([glyph.body_v1 for glyph in tall]))
    tops = np.array([baseline - glyph.body_v0 for glyph in tall])
    tops = tops[tops >= 0.8 * tops.max()] if len(tops) else np.zeros(1)
    return max(float(np.median(tops)), 0.1), baseline


def _all_alike(row: Row) -> bool:
    heights = [glyph.body_height for glyph in row.glyphs]
    tall = [height for height in heights if height > 0.55 * max(heights)]
    return min(tall) > 0.82 * max(tall)


def _read(rows: list[tuple[Row, float, float]]) -> list[_Reading]:
    pictures = [
        [letter_picture(glyph.paths, cap, baseline, filled=glyph.filled) for glyph in row.glyphs]
        for row, cap, baseline in rows
    ]
    scores = tell_letters([picture for part in pictures for picture in part])
    readings, start = [], 0
    for (row, cap, baseline), part in zip(rows, pictures, strict=True):
        readings.append(_Reading(row, cap, baseline, part, scores[start : start + len(part)]))
        start += len(part)
    return readings


def _lone_letters(lone: list[Row], pieces: Sequence[Piece], accepted: list[_Reading]) -> list[_Reading]:
    """Single letters and figures: about as high as other text; what drawings resemble only beside other text."""
    caps = np.array([reading.cap for reading in accepted if len(reading.row.glyphs) > 2])
    if not len(caps):
        return []
    tries = []
    for row in lone:
        tries.append((row, *_measure(row)))
        for angle in (90.0, 270.0):
            paths = [in_frame(path, angle) for n in row.glyphs[0].members for path in pieces[n].paths]
            upright = Row([Glyph(paths, row.glyphs[0].filled, row.glyphs[0].members)], angle)
            tries.append((upright, *_measure(upright)))
    readings = _read(tries)
    found = []
    for start in range(0, len(readings), 3):
        ways = readings[start : start + 3]
        beside = [way for way in ways if _stands_beside(way, accepted)]
        # Read level unless another way is clearly right: most lone letters stand level.
        best = max(beside or ways[:1], key=lambda way: way.merit + 0.15 * (way.row.angle == 0))
        sign = SIGNS[int(best.scores[0, :NO_SIGN].argmax())]
        if not 0.9 * caps.min() < best.cap < UNCOMMON_HEIGHT * caps.max() or not sign.isalnum():
            continue
        glyph = best.row.glyphs[0]
        # A filled C is drawn by nothing but a font, whose C may be nearly as wide as it is high.
        font = glyph.filled and sign == "C" and best.cap < FONT_HEIGHT * caps.max()
        plain = sign in _LIKE_DRAWINGS and not (
            sign in "01C" and OVAL[0] < glyph.width / glyph.height < (1.0 if font else OVAL[1])
        )
        least = LEAST_SURE_FONT if font else LEAST_SURE if beside and not plain else LEAST_SURE_LONE
        if best.merit >= least and not (plain and not beside):
            found.append(best)
    return found


def _level(glyph: Glyph, pieces: Sequence[Piece]) -> Glyph:
    """The letter as it stands on a level line."""
    return Glyph([path for n in glyph.members for path in pieces[n].paths], glyph.filled, glyph.members)


def _stands_beside(lone: _Reading, accepted: list[_Reading]) -> bool:
    """True for a figure just behind or before text of its direction, as the 0 of a deviation is."""
    glyph = lone.row.glyphs[0]
    for reading in accepted:
        if abs(reading.row.angle - lone.row.angle) > 1 or not 0.6 < lone.cap / reading.cap < 1.6:
            continue
        first, last = reading.row.glyphs[0], reading.row.glyphs[-1]
        level = reading.baseline - 2.2 * reading.cap < glyph.v1 < reading.baseline + 1.6 * reading.cap
        gap = max(first.u0 - glyph.u1, glyph.u0 - last.u1)
        if level and -4 * reading.cap < gap < 1.3 * reading.cap:
            return True
    return False


def is_letter(mark: Mark, words: Sequence[Word]) -> bool:
    """True for a small drawing that lies in a word read from its outlines: it is no sign of its own."""
    x, y = (mark.box[0] + mark.box[2]) / 2, (mark.box[1] + mark.box[3]) / 2
    for word in words:
        u, v = to_frame(x, y, word.angle)
        if word.u0 < u < word.u1 and word.v0 - 0.3 * word.height < v < word.v1 + 0.3 * word.height:
            return True
    return False
