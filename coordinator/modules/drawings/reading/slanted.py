"""Reads slanted boxes of scans: turned level along the dimension line beside them, both ways up (DRW-11)."""

from __future__ import annotations

import math

import cv2
import numpy as np

from coordinator.modules.drawings.reading.ocr import Image, Quad
from coordinator.modules.drawings.reading.page import Word, to_frame
from coordinator.modules.drawings.reading.rows import SIZE, read_level
from coordinator.modules.drawings.reading.strokes import add_diameter_signs

SAME_SLANT_DEG = 2.5
LINE_REACH = 0.9  # in heights of the box
LINE_LENGTH = 2.5
MAX_BOX_TILT_DEG = 14.0
READS_UPRIGHT_DEG = (-90.0, 105.0)
UPRIGHT_LEAD = 0.3
SURE_UPRIGHT = 1.2  # more than any text can gain which stands on its head


def read_slanted(image: Image, ink: Image, quads: list[Quad]) -> list[Word]:
    """Words of slanted boxes; boxes of nearly one slant share one reading direction, so that their rows fit together."""
    words: list[Word] = []
    angles: list[float] = []
    found = [(quad, _angle(quad), angle_of_line_beside(ink, quad, _angle(quad))) for quad in quads]
    lined = [(quad, beside) for quad, _, beside in found if beside is not None]
    for quad, own, beside in sorted(found, key=lambda item: (item[2] is None, -_size(item[0]))):
        if beside is None:
            # Deviations stand a row away from the dimension line: they lie as the size they belong to.
            beside = next((angle for other, angle in lined if _belongs(quad, own, other, angle)), None)
        if beside is not None:
            quad, own = _tilted(quad, own, beside), beside
        near = [angle for angle in angles if abs((angle - own + 90) % 180 - 90) < SAME_SLANT_DEG]
        if not near:
            angles.append(own)
        words += _read_one_slanted(image, ink, quad, near[0] if near else own)
    return words


def _size(quad: Quad) -> float:
    return float(np.ptp(quad, axis=0).sum())


def _belongs(quad: Quad, angle: float, other: Quad, other_angle: float) -> bool:
    """True for a box beside another one which lies nearly in its direction."""
    apart = float(np.linalg.norm(quad.mean(axis=0) - other.mean(axis=0)))
    turn = (other_angle - angle + 90) % 180 - 90
    return apart < 0.6 * (_size(quad) + _size(other)) and abs(turn) < MAX_BOX_TILT_DEG


def angle_of_line_beside(ink: Image, quad: Quad, angle: float) -> float | None:
    """Direction of the longest straight stroke along a slanted text: its dimension line is straighter than its box."""
    height = float(min(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[3] - quad[0])))
    reach = LINE_REACH * height
    (x0, y0), (x1, y1) = quad.min(axis=0) - reach, quad.max(axis=0) + reach
    part = ink[max(0, round(y0)) : max(0, round(y1)), max(0, round(x0)) : max(0, round(x1))]
    if part.size == 0:
        return None
    lines = cv2.HoughLinesP(
        part, 1, math.pi / 720, round(1.5 * height), minLineLength=LINE_LENGTH * height, maxLineGap=2
    )
    best: tuple[float, float] | None = None
    for ax, ay, bx, by in [] if lines is None else np.asarray(lines, dtype=float).reshape(-1, 4):
        turn = (math.degrees(math.atan2(ay - by, bx - ax)) - angle + 90) % 180 - 90
        length = math.hypot(bx - ax, by - ay)
        if abs(turn) < MAX_BOX_TILT_DEG and (best is None or length > best[0]):
            best = length, angle + turn
    return None if best is None else best[1]


def _tilted(quad: Quad, angle: float, wanted: float) -> Quad:
    """The box turned about its middle from one direction to another."""
    turn = math.radians(angle - wanted)
    c, s = math.cos(turn), math.sin(turn)
    middle = quad.mean(axis=0)
    return np.asarray((quad - middle) @ np.array([[c, s], [-s, c]]) + middle, dtype=float)


def _angle(quad: Quad) -> float:
    sides = quad[1] - quad[0], quad[3] - quad[0]
    along = max(sides, key=lambda side: float(np.linalg.norm(side)))
    return math.degrees(math.atan2(-along[1], along[0]))


def _read_one_slanted(image: Image, ink: Image, quad: Quad, angle: float) -> list[Word]:
    """The surroundings of the box are turned level, both ways up; the surer way stays."""
    low, high = READS_UPRIGHT_DEG
    ways = sorted((angle, (angle + 360) % 360 - 180), key=lambda way: not low < way <= high)
    first = _read_turned(image, ink, quad, ways[0])
    if _upright_merit(first) > SURE_UPRIGHT:
        return first
    return max(first, _read_turned(image, ink, quad, ways[1]), key=_upright_merit)


def _upright_merit(words: list[Word]) -> float:
    """Surety of the words, and a lead for what starts like a size and stands upright on the sheet."""
    if not words:
        return 0.0
    low, high = READS_UPRIGHT_DEG
    sure = sum(word.confidence * len(word.text) for word in words) / sum(len(word.text) for word in words)
    size = any(SIZE.match(word.text) for word in words)
    return sure + 0.2 * size + UPRIGHT_LEAD * (low < words[0].angle <= high)


def _read_turned(image: Image, ink: Image, quad: Quad, angle: float) -> list[Word]:
    corners = [to_frame(float(x), float(y), angle) for x, y in quad]
    u0, u1 = min(u for u, _ in corners), max(u for u, _ in corners)
    v0, v1 = min(v for _, v in corners), max(v for _, v in corners)
    height = v1 - v0
    left, top = u0 - height, v0 - 1.2 * height
    width, depth = round(u1 - u0 + 5.6 * height), round(3.4 * height)
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    turn = np.array([[c, -s, -left], [s, c, -top]])
    flags = cv2.INTER_CUBIC
    part = cv2.warpAffine(image, turn, (width, depth), flags=flags, borderValue=255).astype(np.uint8)
    grey = cv2.warpAffine(ink, turn, (width, depth), flags=cv2.INTER_LINEAR)
    marks = cv2.threshold(grey, 127, 255, cv2.THRESH_BINARY)[1].astype(np.uint8)
    a, b, d, e = u0 - left, v0 - top, u1 - left, v1 - top
    level = read_level(part, marks, [np.array([(a, b), (d, b), (d, e), (a, e)])])
    level = add_diameter_signs(level, marks)
    return [
        Word(w.text, w.u0 + left, w.u1 + left, w.v0 + top, w.v1 + top, angle, w.confidence, "ocr")
        for w in level
    ]
