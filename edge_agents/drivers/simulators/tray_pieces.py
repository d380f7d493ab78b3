"""Drawn pieces for shared trays: drills, end mills, taps, reamers, collets, insert boxes, inserts, hex keys, strange objects.

Every piece is a sprite at twice the final scale, lying along x, whose own rectangle is its label. Round tools are turned
bodies: a radius along the axis, light over the cylinder, and the groove pattern of their kind wound around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]
    Chance = np.random.Generator

FINE = 2.0
KINDS = ("drill", "end_mill", "tap", "reamer", "collet", "insert_box", "insert", "hex_key", "other")
OTHER = "other"
_STEELS = ((190, 190, 188), (165, 168, 170), (120, 122, 125), (70, 70, 74), (45, 46, 50))
_COATINGS = ((60, 165, 205), (50, 120, 160), (95, 70, 75), (70, 60, 65), (150, 120, 90), (185, 185, 185))


@dataclass(frozen=True, slots=True)
class Sprite:
    """Picture of a piece (BGR, 0..255) and where it is (0..1); its rectangle is its outline."""

    colour: Image
    alpha: Image
    height_mm: float


def _pick(chance: Chance, table: Any) -> Image:
    return np.asarray(table[int(chance.integers(0, len(table)))], np.float32) * chance.uniform(0.85, 1.12)


def _turned(
    radius: Image, pattern: Callable[[Image, Image], Image], colour: Image, chance: Chance
) -> tuple[Image, Image]:
    """A body of revolution seen from the side: ``radius`` along x, ``pattern`` (x, angle) → brightness factor."""
    top = float(radius.max())
    rows = int(np.ceil(2 * top)) + 2
    y = (np.arange(rows, dtype=np.float32) - (rows - 1) / 2)[:, None]
    across = y / np.maximum(radius[None, :], 0.3)
    inside = np.clip((radius[None, :] - np.abs(y)) + 0.5, 0, 1)
    v = np.clip(across, -1, 1)
    side = chance.uniform(-0.55, 0.55)
    light = 0.38 + 0.62 * np.sqrt(np.clip(1 - v**2, 0, 1)) + 0.2 * v * np.sign(side)
    light = light + chance.uniform(0.1, 0.9) * np.exp(-(((v - side) / chance.uniform(0.06, 0.25)) ** 2))
    x = np.broadcast_to(np.arange(len(radius), dtype=np.float32)[None, :], light.shape)
    bright = light * pattern(x, np.arcsin(v))
    tint = colour if colour.ndim == 2 else np.broadcast_to(colour, (len(radius), 3))
    return np.clip(bright[..., None] * tint[None, :, :], 0, 255), inside


def _sizes(chance: Chance, scale: float, width: tuple[float, float], ratio: tuple[float, float],
           length: tuple[float, float]) -> tuple[float, float]:  # fmt: skip
    """Length and radius in sprite pixels of a tool of a random diameter (mm)."""
    across = chance.uniform(*width)
    along = float(np.clip(across * chance.uniform(*ratio), *length))
    return along * scale * FINE, across * scale * FINE / 2


def _parts(count: int, cut: int, shank: Image, edge: Image) -> Image:
    colours = np.broadcast_to(shank, (count, 3)).copy()
    colours[cut:] = edge
    return colours


def _wound(starts: int, helix_deg: float, radius: float, depth: float, open_part: float, phase: float) -> Any:
    slope = np.tan(np.radians(helix_deg)) / max(radius, 1.0)

    def pattern(x: Image, angle: Image) -> Image:
        wave = np.cos(starts * (x * slope + angle) + phase)
        return np.asarray(1 - depth / (1 + np.exp(-(wave - open_part) * 8)))

    return pattern


def _after(cut: int, pattern: Any) -> Any:
    """The pattern from ``cut`` on, a plain shank before."""
    return lambda x, angle: np.where(x >= cut, pattern(x, angle), 1.0)


def drill(chance: Chance, scale: float) -> Sprite:
    """Twist drill: two wide helical flutes, a pointed end."""
    length, radius = _sizes(chance, scale, (5, 16), (7, 13), (55, 170))
    count = int(length)
    cut = int(count * chance.uniform(0.28, 0.5))
    profile = np.full(count, radius, np.float32)
    profile[:cut] *= chance.choice([1.0, 1.0, chance.uniform(0.75, 1.35)])
    point = int(radius * 2 * chance.uniform(0.28, 0.5))
    profile[count - point :] = radius * np.linspace(1, 0.08, point)
    steel = _pick(chance, _STEELS)
    edge = _pick(chance, _COATINGS) if chance.random() < 0.45 else steel
    flutes = _wound(2, chance.uniform(24, 38), radius, chance.uniform(0.5, 0.8), chance.uniform(-0.2, 0.35),
                    chance.uniform(0, 6))  # fmt: skip
    colour, alpha = _turned(profile, _after(cut, flutes), _parts(count, cut, steel, edge), chance)
    return Sprite(colour, alpha, radius)


def end_mill(chance: Chance, scale: float) -> Sprite:
    """End mill: short helical teeth, a flat or round end, a thick smooth shank."""
    length, radius = _sizes(chance, scale, (6, 20), (3.6, 6.5), (42, 110))
    count = int(length)
    cut = int(count - min(radius * 2 * chance.uniform(1.0, 2.4), 0.6 * count))
    profile = np.full(count, radius, np.float32)
    if chance.random() < 0.3:
        profile[cut:] *= chance.uniform(0.55, 0.9)
    tip = float(profile[-1])
    if chance.random() < 0.25:
        end = int(tip)
        profile[count - end :] = tip * np.sqrt(np.clip(1 - np.linspace(0, 1, end) ** 2, 0.02, 1))
    profile[: int(radius * 0.25) + 1] *= 0.85
    shank = _pick(chance, _STEELS[:3])
    edge = _pick(chance, _COATINGS) if chance.random() < 0.7 else shank
    teeth = _wound(int(chance.integers(2, 6)), chance.uniform(30, 48), tip, chance.uniform(0.55, 0.85),
                   chance.uniform(-0.1, 0.3), chance.uniform(0, 6))  # fmt: skip
    whole = edge if chance.random() < 0.3 else shank
    colour, alpha = _turned(profile, _after(cut, teeth), _parts(count, cut, whole, edge), chance)
    return Sprite(colour, alpha, radius)


def tap(chance: Chance, scale: float) -> Sprite:
    """Tap: fine thread with straight or slow flutes, a square at the end of the shank."""
    length, radius = _sizes(chance, scale, (5, 16), (5.5, 9), (48, 115))
    count = int(length)
    cut = int(count * chance.uniform(0.55, 0.72))
    pitch = max(radius * chance.uniform(0.18, 0.3), 2.6)
    x = np.arange(count)
    profile = np.full(count, radius, np.float32)
    profile[:cut] *= chance.choice([chance.uniform(0.62, 0.8), 1.0])
    profile[cut:] *= (1 - 0.13 * np.abs((x[cut:] / pitch) % 1 - 0.5) * 2).astype(np.float32)
    lead = int(radius * chance.uniform(0.8, 2.2))
    profile[count - lead :] *= np.linspace(1, chance.uniform(0.6, 0.8), lead)
    square = int(radius * chance.uniform(1.1, 1.8))
    flutes = _wound(int(chance.integers(3, 5)), chance.choice([0.0, 0.0, chance.uniform(10, 40)]), radius,
                    chance.uniform(0.5, 0.8), chance.uniform(0.3, 0.6), chance.uniform(0, 6))  # fmt: skip

    def pattern(along: Image, angle: Image) -> Image:
        thread = 0.72 + 0.38 * np.cos(2 * np.pi * (along / pitch + angle * 0.08))
        shank = np.where(along < square, np.where(np.abs(angle) < 0.75, 1.25, 0.6), 1.0)
        return np.where(along >= cut, thread * flutes(along, angle), shank)

    steel = _pick(chance, _STEELS)
    edge = _pick(chance, _COATINGS) if chance.random() < 0.35 else steel
    colour, alpha = _turned(profile, pattern, _parts(count, cut, steel, edge), chance)
    return Sprite(colour, alpha, radius)


def reamer(chance: Chance, scale: float) -> Sprite:
    """Reamer: long, many straight narrow flutes, a small chamfer, often a neck."""
    length, radius = _sizes(chance, scale, (6, 15), (9, 14), (85, 175))
    count = int(length)
    cut = int(count * chance.uniform(0.4, 0.62))
    profile = np.full(count, radius, np.float32)
    neck = int(count * chance.uniform(0.05, 0.16))
    profile[cut - neck : cut] *= chance.uniform(0.6, 0.9)
    end = max(int(radius * 0.4), 2)
    profile[count - end :] *= np.linspace(1, 0.7, end)
    flutes = _wound(int(chance.integers(6, 9)), chance.uniform(-6, 6), radius, chance.uniform(0.5, 0.8),
                    chance.uniform(-0.2, 0.2), chance.uniform(0, 6))  # fmt: skip
    colour, alpha = _turned(profile, _after(cut, flutes), _pick(chance, _STEELS[:4]), chance)
    return Sprite(colour, alpha, radius)


def collet(chance: Chance, scale: float) -> Sprite:
    """Spring collet, lying on its side or standing on its face."""
    across = chance.uniform(17, 40) * scale * FINE
    if chance.random() < 0.45:
        return _collet_top(chance, across)
    count, radius = int(across * chance.uniform(0.95, 1.4)), across / 2
    profile = np.interp(
        np.arange(count) / count, (0, 0.62, 0.63, 0.7, 0.71, 1), (0.66, 1, 0.86, 0.86, 0.98, 0.72)
    )
    slits = int(chance.integers(6, 11))
    turn = chance.uniform(0, 6)

    def pattern(x: Image, angle: Image) -> Image:
        wave = np.cos(slits * angle + turn)
        return np.where((wave > 0.9) & (x > 0.12 * count), 0.25, 1.0) * np.where(
            np.abs(x / count - 0.665) < 0.04, 0.5, 1.0
        )

    colour, alpha = _turned(
        (profile * radius).astype(np.float32), pattern, _pick(chance, _STEELS[:3]), chance
    )
    return Sprite(colour, alpha, radius)


def _collet_top(chance: Chance, across: float) -> Sprite:
    side = int(across) + 2
    colour, alpha = _sheet(side, side)
    middle, radius = (side // 2, side // 2), side // 2 - 1
    steel = _pick(chance, _STEELS[:3])
    cv2.circle(alpha, middle, radius, 1, -1, cv2.LINE_AA)
    for share, factor in ((1.0, 0.75), (0.86, 1.1), (0.66, 0.9)):
        cv2.circle(colour, middle, int(radius * share), bgr(steel * factor), -1, cv2.LINE_AA)
    bore = radius * chance.uniform(0.16, 0.5)
    slots, turn = int(chance.integers(4, 9)), chance.uniform(0, 6)
    for k in range(slots):
        angle = turn + k * 2 * np.pi / slots
        ends = [
            (int(middle[0] + np.cos(angle) * r), int(middle[1] + np.sin(angle) * r))
            for r in (bore, radius * 0.95)
        ]
        cv2.line(colour, ends[0], ends[1], (25, 25, 28), max(int(radius * 0.06), 1), cv2.LINE_AA)
    cv2.circle(colour, middle, int(bore), (18, 18, 20), -1, cv2.LINE_AA)
    return Sprite(_sheen(colour, chance), alpha, across / 4)


def insert_box(chance: Chance, scale: float) -> Sprite:
    """Plastic box of inserts: coloured, with a printed label, or with a clear lid over the inserts."""
    width, height = int(chance.uniform(48, 95) * scale * FINE), int(chance.uniform(30, 55) * scale * FINE)
    colour, alpha = _sheet(height, width)
    body = chance.uniform(20, 235, 3).astype(np.float32)
    if chance.random() < 0.4:
        body = np.full(3, chance.uniform(30, 90), np.float32)
    colour[:] = body
    alpha[:] = 1
    corner = max(int(height * 0.06), 1)
    for x, y in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)):
        cv2.circle(alpha, (x, y), corner, 0, -1)
    cv2.rectangle(colour, (0, 0), (width - 1, height - 1), bgr(body * 0.6), max(int(height * 0.05), 1))
    if chance.random() < 0.4:
        _lid(colour, chance)
    else:
        _label(colour, chance)
    return Sprite(_sheen(colour, chance), alpha, 18 * scale * FINE)


def _lid(colour: Image, chance: Chance) -> None:
    height, width = colour.shape[:2]
    columns, rows = int(chance.integers(4, 6)), 2
    gold = _pick(chance, _COATINGS)
    for k in range(columns * rows):
        x, y = (k % columns + 0.5) * width / columns, (k // columns + 0.5) * height / rows
        radius = 0.36 * min(width / columns, height / rows)
        points = [
            (x + radius * np.cos(a), y + radius * np.sin(a)) for a in np.pi / 4 + np.arange(4) * np.pi / 2
        ]
        cv2.fillPoly(
            colour, [np.round(points).astype(np.int32)], bgr(gold * chance.uniform(0.8, 1.15)), cv2.LINE_AA
        )
        cv2.circle(colour, (int(x), int(y)), max(int(radius * 0.28), 1), (30, 30, 30), -1, cv2.LINE_AA)
    colour[:] = colour * 0.8 + 45


def _label(colour: Image, chance: Chance) -> None:
    height, width = colour.shape[:2]
    x0, x1 = int(width * chance.uniform(0.06, 0.25)), int(width * chance.uniform(0.75, 0.94))
    y0, y1 = int(height * chance.uniform(0.1, 0.3)), int(height * chance.uniform(0.7, 0.92))
    paper = chance.uniform(200, 255)
    cv2.rectangle(colour, (x0, y0), (x1, y1), (paper, paper, paper), -1)
    line = max((y1 - y0) // 5, 2)
    for number in range(4):
        y = y0 + line // 2 + number * line
        end = x0 + int((x1 - x0) * chance.uniform(0.35, 0.95))
        if chance.random() < 0.3:
            for bar in range(x0 + 3, end, 4):
                cv2.line(colour, (bar, y), (bar, min(y + line, y1)), (30, 30, 30), int(chance.integers(1, 3)))
        else:
            cv2.line(colour, (x0 + 3, y + line // 3), (end, y + line // 3), (60, 60, 60), max(line // 3, 1))


def insert(chance: Chance, scale: float) -> Sprite:
    """Loose indexable insert: rhombus, triangle, square, round or trigon, with its hole."""
    side = int(chance.uniform(10, 22) * scale * FINE)
    shape = int(chance.integers(0, 5))
    corners = {
        0: np.array([0, 80, 180, 260]), 1: np.array([0, 55, 180, 235]), 2: np.array([0, 120, 240]),
        3: np.array([45, 135, 225, 315]), 4: np.arange(0, 360, 12),
    }[shape]  # fmt: skip
    reach = np.ones(len(corners))
    if shape < 2:
        half = np.radians(40 if shape == 0 else 27.5)
        reach = np.array([1, np.tan(half), 1, np.tan(half)])
        corners = np.array([0, 90, 180, 270])
    angle = np.radians(corners)
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * reach[:, None] * side / 2
    points -= points.min(axis=0) - 1
    width, height = np.ceil(points.max(axis=0)).astype(int) + 2
    colour, alpha = _sheet(int(height), int(width))
    tone = _pick(chance, (*_COATINGS, *_STEELS))
    outline = np.round(points * 8).astype(np.int32)
    cv2.fillPoly(alpha, [outline], 1, cv2.LINE_AA, 3)
    colour[:] = tone * 0.7
    middle = points.mean(axis=0)
    inner = np.round((middle + (points - middle) * 0.78) * 8).astype(np.int32)
    cv2.fillPoly(colour, [inner], bgr(tone * 1.05), cv2.LINE_AA, 3)
    if chance.random() < 0.88:
        hole = max(int(min(width, height) * chance.uniform(0.12, 0.2)), 1)
        cv2.circle(colour, (int(middle[0]), int(middle[1])), hole, (22, 22, 24), -1, cv2.LINE_AA)
    return Sprite(_sheen(colour, chance), alpha, side * 0.25)


def hex_key(chance: Chance, scale: float) -> Sprite:
    """Hex key: an L of constant section."""
    thick = max(chance.uniform(3.5, 9) * scale * FINE, 4)
    long_arm = max(chance.uniform(50, 140) * scale * FINE, 6 * thick)
    short = long_arm * chance.uniform(0.22, 0.45) + thick
    width, height = int(long_arm + thick), int(short + thick)
    colour, alpha = _sheet(height, width)
    tone = _pick(chance, _STEELS)
    h = thick / 2
    path = [(h, height - h), (h, h + thick * 0.6), (h + thick * 0.6, h), (width - h, h)]
    points = np.round(np.array(path) * 8).astype(np.int32)[:, None]
    cv2.polylines(alpha, [points], False, 1, int(thick), cv2.LINE_AA, 3)
    for share, factor in ((1.0, 0.6), (0.62, 1.0), (0.25, 1.35)):
        cv2.polylines(colour, [points], False, bgr(tone * factor), max(int(thick * share), 1), cv2.LINE_AA, 3)
    return Sprite(colour, alpha, thick / 2)


def _sheet(height: int, width: int) -> tuple[Any, Any]:
    return np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)


def bgr(colour: Any) -> tuple[float, float, float]:
    """A colour as OpenCV takes it, cut to 0..255."""
    b, g, r = (float(np.clip(part, 0, 255)) for part in colour)
    return b, g, r


def _sheen(colour: Image, chance: Chance) -> Image:
    """Uneven light over a flat face."""
    height, width = colour.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = chance.uniform(0, 2 * np.pi)
    along = np.cos(angle) * (x / max(width, 1) - 0.5) + np.sin(angle) * (y / max(height, 1) - 0.5)
    shine = 1 + chance.uniform(0, 0.45) * along
    band = chance.uniform(0, 70) * np.exp(-(((along - chance.uniform(-0.5, 0.5)) / 0.12) ** 2))
    return np.asarray(np.clip(colour * shine[..., None] + band[..., None], 0, 255))


DRAW: dict[str, Callable[[Chance, float], Sprite]] = {
    "drill": drill, "end_mill": end_mill, "tap": tap, "reamer": reamer, "collet": collet,
    "insert_box": insert_box, "insert": insert, "hex_key": hex_key,
}  # fmt: skip
"""Kind of item → what draws one (generator, pixels per mm)."""
