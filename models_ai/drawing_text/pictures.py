"""Pictures of single lines as reading cuts them out of scans: fonts, pens, strokes across and around, paper, copies, wrong margins.

A line is drawn into a small piece of a sheet, the piece is scanned and copied, then cut as the reading cuts pages:
the box of text detection as it is, or the tight box after long strokes were painted out (`reading/crops.py`).
"""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pil
from PIL import ImageDraw, ImageFont

from coordinator.modules.drawings.reading.crops import Line, around, cut, prepare, scaled
from coordinator.modules.drawings.reading.strokes import binarise

Picture = np.ndarray[Any, np.dtype[np.uint8]]

_CAP_PX = 40.0
MOST_PAINTED_OUT = 0.4
# Signs which fonts lack are drawn: strokes and circles in letter heights.
_SIGNS: dict[
    str, tuple[float, list[tuple[float, float, float, float]], list[tuple[float, float, float, float]]]
] = {
    "⌴": (1.35, [(0.1, 0.75, 0.1, 0.1), (0.1, 0.1, 1.2, 0.1), (1.2, 0.1, 1.2, 0.75)], []),
    "⌵": (1.25, [(0.1, 0.85, 0.6, 0.05), (0.6, 0.05, 1.1, 0.85)], []),
    "↧": (1.05, [(0.1, 1, 0.9, 1), (0.5, 1, 0.5, 0.05), (0.3, 0.35, 0.5, 0.05), (0.7, 0.35, 0.5, 0.05)], []),
    "□": (0.95, [(0.1, 0.1, 0.8, 0.1), (0.8, 0.1, 0.8, 0.8), (0.8, 0.8, 0.1, 0.8), (0.1, 0.8, 0.1, 0.1)], []),
    "Ø": (1.05, [(0.2, -0.1, 0.8, 1.1)], [(0.5, 0.5, 0.42, 0.42)]),
    "±": (0.85, [(0.1, 0.6, 0.7, 0.6), (0.4, 0.3, 0.4, 0.9), (0.1, 0.08, 0.7, 0.08)], []),
    "°": (0.5, [], [(0.25, 0.85, 0.16, 0.16)]),
    "×": (0.8, [(0.1, 0.1, 0.65, 0.65), (0.1, 0.65, 0.65, 0.1)], []),
}
_PLAIN = str.maketrans("éèêàâçùûôîïäöüÉÈÀÄÖÜµ", "eeeaacuuoiiaouEEAAOUu")


class StrokeFont:
    """Letters of a LibreCAD font: polylines in units of which ``cap`` is a capital's height."""

    def __init__(self, path: Path) -> None:
        self.glyphs: dict[str, list[list[tuple[float, float]]]] = {}
        current: list[list[tuple[float, float]]] | None = None
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            head = re.match(r"^\[#?([0-9A-Fa-f]+)\]", line.strip())
            if head:
                current = self.glyphs.setdefault(chr(int(head[1], 16)), [])
            elif current is not None and re.match(r"^C[0-9A-Fa-f]+$", line.strip()):
                current += self.glyphs.get(chr(int(line.strip()[1:], 16)), [])
            elif current is not None and line.strip() and line[0] != "#":
                current.append(self._polyline(line.strip()))
        self.cap = max(y for stroke in self.glyphs["H"] for _, y in stroke)

    @staticmethod
    def _polyline(line: str) -> list[tuple[float, float]]:
        points: list[tuple[float, float]] = []
        for item in line.split(";"):
            parts = item.split(",")
            if len(parts) < 2:
                continue
            end = float(parts[0]), float(parts[1])
            bulge = float(parts[2][1:]) if len(parts) > 2 and parts[2][:1] == "A" else 0.0
            points += _arc(points[-1], end, bulge) if bulge and points else [end]
        return points


def _arc(start: tuple[float, float], end: tuple[float, float], bulge: float) -> list[tuple[float, float]]:
    turn, chord = 4 * math.atan(bulge), math.dist(start, end)
    if chord < 1e-9 or abs(turn) < 1e-3:
        return [end]
    steps, reach = max(2, int(abs(turn) / 0.25)), chord / 2 / math.tan(turn / 2)
    cx = (start[0] + end[0]) / 2 - (end[1] - start[1]) / chord * reach
    cy = (start[1] + end[1]) / 2 + (end[0] - start[0]) / chord * reach
    first, radius = math.atan2(start[1] - cy, start[0] - cx), math.dist(start, (cx, cy))
    turns = [first + turn * step / steps for step in range(1, steps)]
    return [(cx + radius * math.cos(a), cy + radius * math.sin(a)) for a in turns] + [end]


@lru_cache(maxsize=64)
def _stroke_font(path: Path) -> StrokeFont:
    return StrokeFont(path)


@lru_cache(maxsize=256)
def _outline_font(path: Path) -> tuple[ImageFont.FreeTypeFont, frozenset[int]]:
    from fontTools.ttLib import TTFont

    cap = -ImageFont.truetype(str(path), 200).getbbox("H", anchor="ls")[1] / 200
    known = frozenset(TTFont(str(path), fontNumber=0).getBestCmap() or {})
    return ImageFont.truetype(str(path), round(_CAP_PX / cap)), known


def holds_figures(font: Path) -> bool:
    """True for a font file which can be read and writes figures and Latin letters."""
    try:
        known = (
            _stroke_font(font).glyphs
            if font.suffix == ".lff"
            else [chr(code) for code in _outline_font(font)[1]]
        )
    except (OSError, ValueError, KeyError, ZeroDivisionError):
        return False
    return set("0123456789,.+-HRhg") <= set(known)


_HIGH, _BASE = round(_CAP_PX * 2.2), round(_CAP_PX * 1.5)


def _drawn(sign: str, pen: int, narrow: float) -> Picture:
    width, strokes, rings = _SIGNS[sign]
    cell = np.full((_HIGH, round(width * _CAP_PX) + 2), 255, np.uint8)

    def at(x: float, y: float) -> tuple[int, int]:
        return round(x * _CAP_PX * 16), round((_BASE - y * _CAP_PX) * 16)

    for x0, y0, x1, y1 in strokes:
        cv2.line(cell, at(x0, y0), at(x1, y1), 0, pen, cv2.LINE_AA, 4)
    for x, y, rx, ry in rings:
        axes = round(rx * narrow * _CAP_PX * 16), round(ry * _CAP_PX * 16)
        cv2.ellipse(cell, at(x, y), axes, 0, 0, 360, 0, pen, cv2.LINE_AA, 4)
    return cell


def _stroked(font: StrokeFont, sign: str, pen: int, gap: float) -> Picture:
    strokes = font.glyphs.get(sign) or font.glyphs.get(sign.translate(_PLAIN)) or font.glyphs.get("-") or []
    scale = _CAP_PX / font.cap
    xs = [x for stroke in strokes for x, _ in stroke] or [0.0]
    cell = np.full(
        (_HIGH, round((max(xs) - min(xs)) * scale + (0.2 + gap) * _CAP_PX) + pen + 1), 255, np.uint8
    )
    for stroke in strokes:
        points = [
            (round(((x - min(xs)) * scale + pen / 2) * 16), round((_BASE - y * scale) * 16))
            for x, y in stroke
        ]
        if len(points) > 1:
            cv2.polylines(cell, [np.array(points, np.int32)], False, 0, pen, cv2.LINE_AA, 4)
        elif points:
            cv2.circle(cell, points[0], round(pen * 8), 0, -1, cv2.LINE_AA, 4)
    return cell


def write(text: str, font: Path, r: random.Random) -> Picture:
    """The text in black on white with letters about ``_CAP_PX`` high."""
    pen = max(2, round(_CAP_PX * r.uniform(0.05, 0.17)))
    gap, narrow, draw = r.choice([0, 0.05, 0.1]), r.choice([1, 1, 0.8]), r.random() < 0.4
    track = r.choice([0, 0, 0, 0.06, 0.14])
    cells: list[Picture | str] = []
    strokes = _stroke_font(font) if font.suffix == ".lff" else None
    letters, known = (None, frozenset()) if strokes else _outline_font(font)
    for sign in text:
        lacking = (sign not in strokes.glyphs) if strokes else ord(sign) not in known
        if sign in _SIGNS and (lacking or sign in "⌴⌵↧□" or (draw and sign in "Ø±°")):
            cells.append(_drawn(sign, pen, narrow))
        elif strokes and sign == " ":
            cells.append(np.full((_HIGH, round(_CAP_PX * r.uniform(0.35, 0.65))), 255, np.uint8))
        elif strokes:
            cells.append(_stroked(strokes, sign, pen, gap))
        elif cells and isinstance(cells[-1], str) and not track:
            cells[-1] += sign
        else:
            cells.append(sign)
    pieces: list[Picture] = []
    for cell in cells:
        if isinstance(cell, str) and letters is not None:
            picture = Pil.new("L", (math.ceil(letters.getlength(cell)) + 2, _HIGH), 255)
            ImageDraw.Draw(picture).text((0, _BASE), cell, font=letters, fill=0, anchor="ls")
            pieces.append(np.asarray(picture))
        elif not isinstance(cell, str):
            pieces.append(cell)
        if track and not strokes:
            pieces.append(np.full((_HIGH, round(track * _CAP_PX)), 255, np.uint8))
    line = np.hstack(pieces)
    if (stretch := r.choice([1, 1, 1, 0.85, 1.12, 0.75])) != 1:
        line = cv2.resize(line, (max(4, round(line.shape[1] * stretch)), _HIGH), interpolation=cv2.INTER_AREA)
    if (slant := r.choice([0, 0, 0, 0.26, 0.12])) != 0:
        shear = np.array([[1, -slant, slant * _BASE], [0, 1, 0]])
        line = cv2.warpAffine(line, shear, (line.shape[1] + round(_CAP_PX * 0.3), _HIGH), borderValue=255)
    return line.astype(np.uint8)


@dataclass
class _Scene:
    """A piece of a sheet at drawing size: the line's ink box in pixels, letters ``_CAP_PX`` high."""

    sheet: Picture
    box: tuple[int, int, int, int]
    pen: int

    def stroke(self, x0: float, y0: float, x1: float, y1: float, pen: int | None = None) -> None:
        """A straight stroke in pixels of the sheet."""
        ends = (round(x0 * 16), round(y0 * 16)), (round(x1 * 16), round(y1 * 16))
        cv2.line(self.sheet, *ends, 0, pen or self.pen, cv2.LINE_AA, 4)

    def arrow(self, x: float, y: float, turn: float, length: float, kind: int) -> None:
        """The head of an arrow whose tip is at a point: filled, open or an oblique tick."""
        c, s, w = math.cos(turn), math.sin(turn), length * 0.18
        sides = [(x - c * length - s * k * w, y - s * length + c * k * w) for k in (1, -1)]
        if kind == 0:
            points = np.array([(round(u * 16), round(v * 16)) for u, v in [(x, y), *sides]], np.int32)
            cv2.fillPoly(self.sheet, [points], 0, cv2.LINE_AA, 4)
        elif kind == 1:
            for u, v in sides:
                self.stroke(x, y, u, v)
        else:
            self.stroke(x - 0.4 * length, y + 0.4 * length, x + 0.4 * length, y - 0.4 * length)


def crop(
    text: str, kind: str, font: Path, other: tuple[str, Path], r: random.Random
) -> tuple[Picture, str] | None:
    """A crop of a line and what it says: one upright line of grey on paper; None when nothing of it can be cut.

    ``other`` is a neighbouring text and its font. An empty text gives strokes without letters.
    """
    line = (
        write(text, font, r) if text else np.full((_HIGH, round(_CAP_PX * r.uniform(0.5, 5))), 255, np.uint8)
    )
    if text:
        dark_rows, dark_columns = (np.flatnonzero((line < 128).any(axis=axis)) for axis in (1, 0))
        if len(dark_rows) < 3 or not len(dark_columns):
            return None
        line = line[dark_rows[0] : dark_rows[-1] + 1, dark_columns[0] : dark_columns[-1] + 1]
    else:
        line = line[: round(_CAP_PX)]
    high, wide = line.shape
    tall = max(float(high), 0.7 * _CAP_PX)
    left, above = round(_CAP_PX * r.uniform(1.2, 2.5)), round(_CAP_PX * r.uniform(1.6, 2.4))
    right, below = round(_CAP_PX * r.uniform(1.2, 6)), round(_CAP_PX * r.uniform(1.6, 2.4))
    sheet = np.full((above + high + below, left + wide + right), 255, np.uint8)
    scene = _Scene(
        sheet, (left, above, left + wide, above + high), max(1, round(_CAP_PX * r.uniform(0.03, 0.11)))
    )
    crossed = _clutter(scene, kind if text else "none", r)
    _neighbours(scene, other, r)
    place = sheet[above : above + high, left : left + wide]
    np.minimum(place, line, out=place)
    letter = _letter_height(r)
    tilt = r.choice([0.0, 0.0, r.gauss(0, 0.4), r.uniform(-3, 3)])
    height, width = sheet.shape
    matrix = cv2.getRotationMatrix2D((left + wide / 2, above + high / 2), tilt, 1.0)
    if tilt:
        sheet = cv2.warpAffine(sheet, matrix, (width, height), borderValue=255).astype(np.uint8)
    grey = _copied(sheet, letter, r)
    if r.random() < 0.45:
        up = r.uniform(1.1, 2.0)
        grey = cv2.resize(grey, None, fx=up, fy=up, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    scale = np.array([grey.shape[1] / width, grey.shape[0] / height])
    x0, y0, x1, y1 = float(left), above + high / 2 - tall / 2, float(left + wide), above + high / 2 + tall / 2
    mode = r.random()
    if mode < 0.55 or not text:
        # The box of text detection: a fifth of a box's height around the letters, more or less.
        if crossed and r.random() < 0.3:
            x1 = min(width - 1.0, x1 + _CAP_PX * r.uniform(0.2, 1.2))
        edge = [
            _CAP_PX * v
            for v in (r.gauss(0.22, 0.1), r.gauss(0.24, 0.1), r.gauss(0.22, 0.1), r.gauss(0.24, 0.1))
        ]
        if r.random() < 0.12:
            edge = [v + _CAP_PX * r.uniform(0, 0.5) for v in edge]
        edge = [max(-0.06 * _CAP_PX, v) for v in edge]
        turn = math.radians(tilt) if r.random() < 0.6 else 0.0
        c, s = math.cos(turn), math.sin(turn)
        middle = np.array([left + wide / 2, above + high / 2])
        corners = np.array([(x0 - edge[0], y0 - edge[1]), (x1 + edge[2], y0 - edge[1]), (x1 + edge[2], y1 + edge[3]), (x0 - edge[0], y1 + edge[3])])  # fmt: skip
        quad = ((corners - middle) @ np.array([[c, -s], [s, c]]) + middle) * scale
        return cut(grey, quad), text
    pad = 0.2 * _CAP_PX
    box = tuple(
        float(v) for v in (np.array([x0 - pad, y0 - pad, x1 + pad, y1 + pad]).reshape(2, 2) * scale).ravel()
    )
    ink = binarise(grey)
    ready = prepare(grey, ink, (box[0], box[1], box[2], box[3]))
    if _painted_out(ready, grey, ink) > (MOST_PAINTED_OUT if crossed else MOST_PAINTED_OUT / 2):
        return None
    if mode < 0.8:
        own = ready.own()
        tight = around(own) if own else None
        # The strokes may have taken letters with them: only a box which still holds the text teaches its text.
        if tight is None or tight[2] - tight[0] < 0.9 * (x1 - x0) * scale[0] or tight[3] - tight[1] < 0.75 * high * scale[1] or tight[2] - tight[0] > 1.15 * (x1 - x0) * scale[0] + letter:  # fmt: skip
            return None
        return ready.crop(tight), text
    tight = (x0 * scale[0], y0 * scale[1], x1 * scale[0], y1 * scale[1])
    return (ready.crop(tight) if r.random() < 0.6 else ready.crop_apart(tight)), text


def _painted_out(ready: Line, grey: Picture, ink: Picture) -> float:
    """The share of a box's ink which was taken for strokes of the drawing and erased."""
    (left, top), (height, width) = ready.origin, ready.picture.shape
    x0, y0, x1, y1 = (max(0, round(v - o)) for v, o in zip(ready.box, (left, top, left, top), strict=True))
    inside = ink[top : top + height, left : left + width][y0:y1, x0:x1] > 0
    lost = (ready.picture != grey[top : top + height, left : left + width])[y0:y1, x0:x1]
    return float((inside & lost).sum()) / max(1.0, float(inside.sum()))


def _letter_height(r: random.Random) -> float:
    return math.exp(r.uniform(math.log(8), math.log(34)))


def _clutter(scene: _Scene, kind: str, r: random.Random) -> bool:
    """Strokes of the drawing: along the text, at its ends, through it, hatching; True when one meets the text."""
    x0, y0, x1, y1 = scene.box
    height, width = scene.sheet.shape
    cap, high = _CAP_PX, y1 - y0
    heads, long = r.choice([0, 0, 1, 2]), r.uniform(0.6, 1.3) * cap
    met = False
    if r.random() < (0.3 if kind != "words" else 0.2):
        # The dimension line under a text, or the rule of a field.
        y = y1 + r.uniform(0.03, 0.55) * cap
        slope = r.choice([0, 0, r.uniform(-0.05, 0.05)]) * cap
        scene.stroke(0, y, width, y + slope)
        if r.random() < 0.3:
            scene.arrow(
                r.choice([x0 - r.uniform(-0.5, 1) * cap, x1 + r.uniform(-0.5, 1) * cap]),
                y,
                r.choice([0, math.pi]),
                long,
                heads,
            )
    if r.random() < 0.1:
        y = y0 - r.uniform(0.05, 0.4) * cap
        scene.stroke(0, y, width, y)
    if r.random() < 0.1:
        for x in r.choice(
            [
                (x0 - r.uniform(0.1, 0.5) * cap,),
                (x1 + r.uniform(0.1, 0.5) * cap,),
                (x0 - 0.25 * cap, x1 + 0.25 * cap),
            ]
        ):
            scene.stroke(x, 0, x, height)
    if kind == "words" and r.random() < 0.75:
        return met
    if kind == "none" and r.random() < 0.6:
        _pieces(scene, long, heads, r)
        return True
    if r.random() < 0.12 or kind == "none":
        # An extension, contour or centre line across the text.
        x = r.uniform(x0, x1)
        lean = r.choice([0, 0, r.uniform(-0.7, 0.7)]) * high
        if r.random() < 0.3:
            for part in range(-2, 5):
                start = y0 + (part * 0.9 + r.random() * 0.1) * cap
                scene.stroke(x, start, x, start + r.choice([0.6, 0.65, 0.15]) * cap)
        else:
            scene.stroke(x - lean, y0 - 0.9 * high, x + lean, y1 + 0.9 * high)
        met = True
    if r.random() < 0.1:
        # A dimension line which runs through the text with its arrow in it.
        y = y0 + r.uniform(0.05, 0.95) * high
        a, b = (
            (0.0, x0 + r.uniform(0, 1) * (x1 - x0))
            if r.random() < 0.5
            else (x0 + r.uniform(0, 1) * (x1 - x0), float(width))
        )
        scene.stroke(a, y, b, y)
        if r.random() < 0.6:
            scene.arrow(*((b, y, 0.0) if a == 0 else (a, y, math.pi)), long, heads)
        met = True
    if r.random() < 0.07 or (kind == "none" and r.random() < 0.4):
        # An arrow head alone on or beside the text, upright or level.
        x, y = r.uniform(x0 - 0.5 * cap, x1 + 0.5 * cap), y0 + r.uniform(-0.3, 1.3) * high
        turn = r.choice([0.0, math.pi / 2, math.pi, -math.pi / 2, r.uniform(0, 6.28)])
        scene.arrow(x, y, turn, long, heads)
        if r.random() < 0.7:
            scene.stroke(x, y, x - 3 * cap * math.cos(turn), y - 3 * cap * math.sin(turn))
        met = True
    if r.random() < 0.06:
        # The end of a stroke which stops at the text.
        side = r.choice([-1, 1])
        x, y = (x0 - r.uniform(0, 0.25) * cap, x1 + r.uniform(0, 0.25) * cap)[side > 0], r.uniform(y0, y1)
        scene.stroke(x, y, x + side * r.uniform(0.2, 3) * cap, y + r.uniform(-0.2, 0.2) * cap)
    if r.random() < 0.05 or (kind == "none" and r.random() < 0.3):
        pitch, fine = r.uniform(0.35, 1.2) * cap, max(1, scene.pen - 2)
        lean = r.choice([-1, 1]) * height
        for step in range(-int(height / pitch) - 1, int(width / pitch) + int(height / pitch) + 1):
            scene.stroke(step * pitch, 0, step * pitch + lean, height, fine)
        met = True
    return met


def _pieces(scene: _Scene, long: float, heads: int, r: random.Random) -> None:
    """What text detection takes for text: heads of arrows on their line, corners and pairs of contour lines."""
    x0, y0, x1, y1 = scene.box
    u, v = (x0 + x1) / 2 + r.uniform(-0.3, 0.3) * _CAP_PX, (y0 + y1) / 2 + r.uniform(-0.3, 0.3) * _CAP_PX
    turn = r.choice([0.0, math.pi / 2, math.pi, -math.pi / 2, r.uniform(0, 6.28)])
    c, s = math.cos(turn), math.sin(turn)
    kind, reach = r.random(), r.uniform(1, 6) * _CAP_PX
    if kind < 0.25:
        # Short strokes: dashes, pieces of hatching and of contours, of any slant.
        for _ in range(r.choice([1, 1, 2])):
            lean, half = r.uniform(0, math.pi), r.uniform(0.15, 0.6) * _CAP_PX
            a, b = u + r.uniform(-0.4, 0.4) * _CAP_PX, v + r.uniform(-0.2, 0.2) * _CAP_PX
            scene.stroke(
                a - half * math.cos(lean),
                b - half * math.sin(lean),
                a + half * math.cos(lean),
                b + half * math.sin(lean),
            )
    elif kind < 0.7:
        scene.arrow(u, v, turn, long, heads)
        scene.stroke(u, v, u - c * reach, v - s * reach)
        if r.random() < 0.6:
            scene.stroke(u - s * reach, v + c * reach, u + s * reach, v - c * reach)
    elif kind < 0.85:
        scene.stroke(u, v, u + c * reach, v + s * reach)
        scene.stroke(u, v, u - s * reach, v + c * reach)
    else:
        gap = r.uniform(0.15, 0.9) * _CAP_PX
        for side in (-gap / 2, gap / 2):
            a, b = u - s * side, v + c * side
            scene.stroke(a - c * reach, b - s * reach, a + c * reach, b + s * reach)


def _neighbours(scene: _Scene, other: tuple[str, Path], r: random.Random) -> None:
    """A text above, below or beside, close enough to be cut by the edge of the crop."""
    if r.random() > 0.3:
        return
    line = write(other[0], other[1], r)
    dark_rows, dark_columns = (np.flatnonzero((line < 128).any(axis=axis)) for axis in (1, 0))
    if len(dark_rows) < 3:
        return
    line = line[dark_rows[0] : dark_rows[-1] + 1, dark_columns[0] : dark_columns[-1] + 1]
    x0, y0, x1, y1 = scene.box
    side = r.choice(["over", "under", "under", "before", "behind"])
    if side in ("over", "under"):
        x = x0 + round(r.uniform(-0.5, 0.5) * _CAP_PX)
        gap = round(r.uniform(0.12, 0.7) * _CAP_PX)
        y = y0 - gap - line.shape[0] if side == "over" else y1 + gap
    else:
        gap = round(r.uniform(0.75, 1.6) * _CAP_PX)
        x, y = (x0 - gap - line.shape[1] if side == "before" else x1 + gap), y0
    top, first = max(0, -y), max(0, -x)
    place = scene.sheet[max(0, y) : y + line.shape[0], max(0, x) : x + line.shape[1]]
    part = line[top : top + place.shape[0], first : first + place.shape[1]]
    place[: part.shape[0], : part.shape[1]] = np.minimum(place[: part.shape[0], : part.shape[1]], part)


def _copied(sheet: Picture, letter: float, r: random.Random) -> Picture:
    """The resolution of a scan, blur, grain, thresholds, compression."""
    noise = np.random.RandomState(r.randrange(1 << 30))
    factor = letter / _CAP_PX
    grey = cv2.resize(sheet, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.float32)
    if r.random() < 0.75:
        grey = cv2.GaussianBlur(
            grey, (0, 0), max(0.25, r.uniform(0.2, 0.05 * letter if letter < 22 else 1.2))
        )
    ink, paper = r.choice([0, 0, 0, 20, 50, 90, 130]), r.choice([255, 255, 255, 240, 215, 190])
    if paper - ink < 60:
        ink = 60
    grey = ink + grey / 255 * (paper - ink)
    kind = r.random()
    if kind < 0.35:
        grey += noise.normal(0, r.uniform(1, 11), grey.shape)
    elif kind < 0.55:
        grey += noise.normal(0, r.uniform(0, 14), grey.shape)
        grey = np.where(grey > ink + (paper - ink) * r.uniform(0.4, 0.75), 255, 0).astype(np.float32)
    elif kind < 0.65:
        for _ in range(2):
            grey = np.clip(
                (cv2.GaussianBlur(grey, (0, 0), 0.7) - 128) * 1.8 + r.choice([118, 132, 145]), 0, 255
            )
        grey += noise.normal(0, 6, grey.shape)
    line = np.clip(grey, 0, 255).astype(np.uint8)
    if kind > 0.8:
        quality = [cv2.IMWRITE_JPEG_QUALITY, r.choice([25, 35, 50, 70])]
        line = cv2.imdecode(cv2.imencode(".jpg", line, quality)[1], cv2.IMREAD_GRAYSCALE).astype(np.uint8)
    return line


def fitted(picture: Picture, height: int, widest: int) -> Picture | None:
    """A crop at the height the network reads, as the reader makes it; None when it is too wide to teach with."""
    line = scaled(picture)
    width = max(8, math.ceil(height * line.shape[1] / line.shape[0]))
    return None if width > widest else cv2.resize(line, (width, height)).astype(np.uint8)
