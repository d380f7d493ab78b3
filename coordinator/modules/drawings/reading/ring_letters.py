"""Letters in a drawn circle behind a value: Ⓜ Ⓛ Ⓟ Ⓔ and their kin (ISO 2692, ISO 10578, ISO 8015), written or drawn as strokes."""

from __future__ import annotations

import re
from dataclasses import replace

from coordinator.modules.drawings.reading.page import Word, to_frame
from coordinator.modules.drawings.reading.pdf_paths import Drawn
from coordinator.modules.drawings.reading.stroke_signs import RINGED, recognise_strokes
from coordinator.modules.drawings.reading.symbols import Symbol

_RINGS = {"M": "Ⓜ", "L": "Ⓛ", "P": "Ⓟ", "E": "Ⓔ", "S": "Ⓢ", "F": "Ⓕ", "T": "Ⓣ"}
MIN_RING, MAX_RING = 1.0, 2.6  # shares of the letter height of the value before it
MAX_GAP = 1.4


def place_ring_letters(words: list[Word], drawn: Drawn) -> list[Word]:
    """Words with the ringed letters among them; the circles no longer count as degree rings."""
    placed = list(words)
    for ring in [symbol for symbol in drawn.symbols if symbol.text == "°"]:
        value = _value_before(ring, words)
        if value is None:
            continue
        letter = _written(ring, placed)
        sign = _RINGS[letter.text] if letter is not None else _stroked(ring, drawn, value)
        if sign is None:
            continue
        if letter is not None:
            placed.remove(letter)
        u0, u1, _, _ = _extent(ring, value.angle)
        near = min(u0, value.u1 + 0.3 * value.height)
        placed.append(replace(value, text=sign, u0=near, u1=u1))
        drawn.symbols.remove(ring)
    return placed


def _extent(ring: Symbol, angle: float) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = ring.bbox
    u, v = to_frame((x0 + x1) / 2, (y0 + y1) / 2, angle)
    half = min(x1 - x0, y1 - y0) / 2
    return u - half, u + half, v - half, v + half


def _value_before(ring: Symbol, words: list[Word]) -> Word | None:
    """The number a ring stands just behind, at its height."""
    best: tuple[float, Word] | None = None
    for word in words:
        if not re.search(r"\d[)]?$", word.text):
            continue
        u0, u1, v0, v1 = _extent(ring, word.angle)
        gap = u0 - word.u1
        level = word.v0 < (v0 + v1) / 2 < word.v1
        sized = MIN_RING * word.height < u1 - u0 < MAX_RING * word.height
        if (
            level
            and sized
            and -0.3 * word.height < gap < MAX_GAP * word.height
            and (best is None or gap < best[0])
        ):
            best = gap, word
    return best[1] if best else None


def _written(ring: Symbol, words: list[Word]) -> Word | None:
    for word in words:
        if word.text not in _RINGS:
            continue
        u0, u1, v0, v1 = _extent(ring, word.angle)
        if u0 < (word.u0 + word.u1) / 2 < u1 and v0 < (word.v0 + word.v1) / 2 < v1 and word.height < v1 - v0:
            return word
    return None


def _stroked(ring: Symbol, drawn: Drawn, value: Word) -> str | None:
    u0, u1, v0, v1 = _extent(ring, value.angle)
    radius, cu, cv = (u1 - u0) / 2, (u0 + u1) / 2, (v0 + v1) / 2
    paths: list[list[tuple[float, float]]] = []
    for mark in drawn.marks:
        for path in mark.paths:
            turned = [to_frame(x, y, value.angle) for x, y in path]
            if (
                all((u - cu) ** 2 + (v - cv) ** 2 < (0.93 * radius) ** 2 for u, v in turned)
                and turned not in paths
            ):
                paths.append(turned)
    return _RINGS.get(recognise_strokes(paths, RINGED) or "") if paths else None
