"""Roughness values which stand beside their check mark without "Ra" before them (ISO 1302 of 1978 and many drawings since)."""

from __future__ import annotations

import math
import re

from coordinator.modules.drawings.reading.dimension_text import normalise, to_number
from coordinator.modules.drawings.reading.layout import TextBlock
from coordinator.modules.drawings.reading.model import SurfaceTexture
from coordinator.modules.drawings.reading.page import Page, to_frame

_RA_STEPS_UM = (
    0.012, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.2, 1.6, 2, 2.5, 3.2, 4, 5, 6, 6.3, 8, 10, 12.5, 16, 20, 25, 32, 50, 100,
)  # fmt: skip
_VALUE = re.compile(r"^(N\s?(?:1[0-2]|[1-9])|\d+(?:[.,]\d+)?|[.,]\d+)$")
_LEG_DEG = (48.0, 72.0)
INCH_LIMIT = 250  # ASME gives microinches as whole numbers (16, 32, 63, 125)
_MICROINCH = {8: 0.2, 16: 0.4, 32: 0.8, 63: 1.6, 125: 3.2, 250: 6.3}


def read_marked_textures(
    blocks: list[TextBlock], page: Page, *, inches: bool
) -> tuple[list[SurfaceTexture], set[int]]:
    """Bare values over or behind a check mark, as Ra in µm, and the ids of the blocks they stand in."""
    found: list[SurfaceTexture] = []
    used: set[int] = set()
    for block in blocks:
        value = (
            _value(normalise(block.text), inches=inches)
            if len(block.words) == 1 and block.stack is None
            else None
        )
        if value is not None and _check_mark_near(block, page):
            found.append(
                SurfaceTexture("Ra", value, block.text, False, page.number, block.bbox, block.confidence)
            )
            used.add(id(block))
    return found, used


def _value(text: str, *, inches: bool) -> float | None:
    if not _VALUE.match(text):
        return None
    if text.startswith("N"):
        return round(0.025 * 2 ** (int(text[1:]) - 1), 3) if int(text[1:]) < 12 else 50.0
    number = to_number(text)
    if inches and number in _MICROINCH and float(number).is_integer():
        return _MICROINCH[int(number)]
    return number if number in _RA_STEPS_UM else None


def _check_mark_near(block: TextBlock, page: Page) -> bool:
    """Two strokes rising at about 60° from one point below the text, the right one longer."""
    word = block.words[0]
    height = word.height
    middle_u, middle_v = (word.u0 + word.u1) / 2, (word.v0 + word.v1) / 2
    legs: dict[bool, list[tuple[float, float, float]]] = {True: [], False: []}
    for stroke in page.segments:
        a, b = to_frame(stroke.x0, stroke.y0, word.angle), to_frame(stroke.x1, stroke.y1, word.angle)
        foot, tip = (a, b) if a[1] > b[1] else (b, a)
        if abs(foot[0] - middle_u) > 6 * height or not -0.5 * height < foot[1] - middle_v < 6 * height:
            continue
        rise, run = foot[1] - tip[1], tip[0] - foot[0]
        slope = math.degrees(math.atan2(rise, abs(run)))
        if _LEG_DEG[0] < slope < _LEG_DEG[1] and 0.5 * height < stroke.length < 8 * height:
            legs[run > 0].append((foot[0], foot[1], stroke.length))
    return any(
        math.hypot(right[0] - left[0], right[1] - left[1]) < 0.15 * height
        and 1.1 * left[2] < right[2] < 4.5 * left[2]
        and left[1] - right[2] * 1.25 < middle_v < left[1] - 0.1 * height
        and left[0] - left[2] - 3 * height < middle_u < left[0] + right[2] + 2.5 * height
        for left in legs[False]
        for right in legs[True]
    )
