"""Objects which belong in no tray: for teaching what is strange, and others never shown in training to test it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.simulators.tray_pieces import FINE, Sprite, bgr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]
    Chance = np.random.Generator


def _sheet(height: float, width: float) -> tuple[Any, Any]:
    size = (max(int(height), 6), max(int(width), 6))
    return np.zeros((*size, 3), np.float32), np.zeros(size, np.float32)


def _gray(chance: Chance, low: float = 40, high: float = 210) -> tuple[float, float, float]:
    level = chance.uniform(low, high)
    return level, level * chance.uniform(0.95, 1.03), level * chance.uniform(0.92, 1.06)


def _vivid(chance: Chance) -> tuple[float, float, float]:
    b, g, r = (float(part) for part in chance.uniform(10, 245, 3))
    return b, g, r


def _ring(chance: Chance, scale: float, *, sides: int) -> Sprite:
    side = chance.uniform(14, 34) * scale * FINE
    colour, alpha = _sheet(side, side)
    middle, radius = side / 2, side / 2 - 1
    tone = np.array(_gray(chance, 70))
    angle = np.arange(sides) * 2 * np.pi / sides + chance.uniform(0, 6)
    points = np.stack([middle + radius * np.cos(angle), middle + radius * np.sin(angle)], axis=1)
    cv2.fillPoly(alpha, [np.round(points * 8).astype(np.int32)], 1, cv2.LINE_AA, 3)
    colour[:] = tone
    hole = radius * chance.uniform(0.35, 0.62)
    at = (int(middle), int(middle))
    cv2.circle(colour, at, int(hole * 1.12), bgr(tone * 0.5), -1, cv2.LINE_AA)
    cv2.circle(alpha, at, int(hole), 0, -1, cv2.LINE_AA)
    return Sprite(colour, alpha, radius * 0.3)


def nut(chance: Chance, scale: float) -> Sprite:
    """Hexagon nut."""
    return _ring(chance, scale, sides=6)


def washer(chance: Chance, scale: float) -> Sprite:
    """Round washer."""
    return _ring(chance, scale, sides=40)


def screw(chance: Chance, scale: float) -> Sprite:
    """Screw: wide head, short threaded body."""
    length, body = chance.uniform(22, 60) * scale * FINE, chance.uniform(5, 11) * scale * FINE
    head = body * chance.uniform(1.5, 1.9)
    colour, alpha = _sheet(head + 2, length)
    tone = np.array(_gray(chance, 60))
    rows = np.abs(np.arange(alpha.shape[0]) - (alpha.shape[0] - 1) / 2)
    x = np.arange(alpha.shape[1])
    wave = 1 - 0.12 * (np.cos(2 * np.pi * x / max(body * 0.22, 3)) + 1) / 2
    reach = np.where(x < body * 0.7, head / 2, body / 2 * wave)
    alpha[:] = np.clip(reach[None, :] - rows[:, None] + 0.5, 0, 1)
    light = 0.5 + 0.6 * np.sqrt(np.clip(1 - (rows[:, None] / np.maximum(reach[None, :], 1)) ** 2, 0, 1))
    colour[:] = np.clip(light * np.where(x < body * 0.7, 1.0, wave)[None, :], 0, 2)[..., None] * tone
    return Sprite(np.clip(colour, 0, 255), alpha, body / 2)


def pen(chance: Chance, scale: float) -> Sprite:
    """Ball pen or marker: smooth, in two colours, one thin end."""
    length, across = chance.uniform(90, 145) * scale * FINE, chance.uniform(8, 15) * scale * FINE
    colour, alpha = _sheet(across + 2, length)
    rows = np.abs(np.arange(alpha.shape[0]) - (alpha.shape[0] - 1) / 2)
    share = np.arange(alpha.shape[1]) / alpha.shape[1]
    reach = np.interp(share, (0, 0.9, 1), (1, 1, 0.15)) * across / 2
    alpha[:] = np.clip(reach[None, :] - rows[:, None] + 0.5, 0, 1)
    light = 0.45 + 0.7 * np.sqrt(np.clip(1 - (rows[:, None] / np.maximum(reach[None, :], 1)) ** 2, 0, 1))
    first, second = np.array(_vivid(chance)), np.array(_vivid(chance))
    colour[:] = light[..., None] * np.where((share < chance.uniform(0.3, 0.6))[None, :, None], first, second)
    return Sprite(np.clip(colour, 0, 255), alpha, across / 2)


def rag(chance: Chance, scale: float) -> Sprite:
    """Crumpled cloth or paper: an uneven soft patch."""
    side = chance.uniform(40, 110) * scale * FINE
    colour, alpha = _sheet(side, side * chance.uniform(0.6, 1))
    height, width = alpha.shape
    rough = cv2.resize(
        chance.normal(0, 1, (7, 7)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    far = np.hypot((x / width - 0.5) * 2, (y / height - 0.5) * 2)
    alpha[:] = np.clip((0.92 + 0.1 * rough - far) * 14, 0, 1)
    fine = cv2.resize(
        chance.normal(0, 1, (19, 19)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    colour[:] = np.array(_vivid(chance)) * (0.85 + 0.18 * fine + 0.1 * rough)[..., None]
    return Sprite(np.clip(colour, 0, 255), alpha, 6 * scale)


def swarf(chance: Chance, scale: float) -> Sprite:
    """A curled chip."""
    side = chance.uniform(24, 60) * scale * FINE
    colour, alpha = _sheet(side * 0.7, side)
    height, width = alpha.shape
    t = np.linspace(0, 1, 90)
    turns = chance.uniform(2, 5)
    x = width * (0.12 + 0.76 * t) + height * 0.22 * np.cos(2 * np.pi * turns * t)
    y = height / 2 + height * 0.34 * np.sin(2 * np.pi * turns * t)
    points = np.round(np.stack([x, y], axis=1)).astype(np.int32)[:, None]
    thick = max(int(chance.uniform(1.2, 3) * scale * FINE), 2)
    cv2.polylines(alpha, [points], False, 1, thick, cv2.LINE_AA)
    cv2.polylines(colour, [points], False, _gray(chance, 90), thick, cv2.LINE_AA)
    return Sprite(colour, alpha, 4 * scale)


def finger(chance: Chance, scale: float) -> Sprite:
    """Fingers or a hand, bare or gloved."""
    across = chance.uniform(20, 34) * scale * FINE
    length = chance.uniform(90, 170) * scale * FINE
    count = int(chance.integers(1, 5))
    colour, alpha = _sheet(across * count * 0.95 + 4, length)
    skins = (
        (125, 160, 215),
        (95, 130, 190),
        (60, 85, 130),
        (150, 180, 225),
        (40, 55, 85),
        (70, 70, 70),
        (200, 120, 40),
    )
    tone = np.array(skins[int(chance.integers(0, len(skins)))], np.float32)
    for number in range(count):
        y = int(across * (0.5 + number * 0.92))
        end = int(length * chance.uniform(0.7, 0.95) - across / 2)
        cv2.line(alpha, (0, y), (end, y), 1, int(across * 0.9), cv2.LINE_AA)
    soft = cv2.GaussianBlur(alpha, (0, 0), max(across * 0.18, 1))
    colour[:] = tone * (0.4 + 0.65 * soft[..., None])
    return Sprite(np.clip(colour, 0, 255), alpha, across / 3)


def blob(chance: Chance, scale: float) -> Sprite:
    """Any convex object of one colour with an edge."""
    side = chance.uniform(16, 70) * scale * FINE
    colour, alpha = _sheet(side * chance.uniform(0.4, 1), side)
    height, width = alpha.shape
    angle = np.sort(chance.uniform(0, 2 * np.pi, int(chance.integers(3, 9))))
    points = np.stack(
        [width / 2 + width / 2.1 * np.cos(angle), height / 2 + height / 2.1 * np.sin(angle)], axis=1
    )
    tone = np.array(_vivid(chance) if chance.random() < 0.6 else _gray(chance))
    hull = cv2.convexHull(np.round(points).astype(np.int32))
    cv2.fillPoly(alpha, [hull], 1, cv2.LINE_AA)
    colour[:] = tone
    cv2.polylines(colour, [hull], True, bgr(tone * 0.5), max(int(side * 0.05), 1), cv2.LINE_AA)
    return Sprite(colour, alpha, side * 0.1)


def battery(chance: Chance, scale: float) -> Sprite:
    """Round cell with a bright cap: never shown in training."""
    length, across = chance.uniform(44, 62) * scale * FINE, chance.uniform(10, 18) * scale * FINE
    colour, alpha = _sheet(across, length)
    rows = np.abs(np.arange(alpha.shape[0]) - (alpha.shape[0] - 1) / 2) / (alpha.shape[0] / 2)
    share = np.arange(alpha.shape[1]) / alpha.shape[1]
    alpha[:] = np.where(share < 0.95, 1.0, 0.0)[None, :] * (rows < 0.98)[:, None]
    alpha[:] = np.maximum(alpha, (rows < 0.35)[:, None] * np.ones_like(share)[None, :])
    light = 0.45 + 0.7 * np.sqrt(np.clip(1 - rows**2, 0, 1))
    band = np.where((share > 0.7)[None, :, None], np.array([40, 140, 200]), np.array(_gray(chance, 20, 70)))
    colour[:] = light[:, None, None] * band
    return Sprite(np.clip(colour, 0, 255), alpha, across / 2)


def key(chance: Chance, scale: float) -> Sprite:
    """Door key: a bow with a hole and a toothed blade; never shown in training."""
    length = chance.uniform(48, 70) * scale * FINE
    colour, alpha = _sheet(length * 0.42, length)
    height, width = alpha.shape
    tone = np.array([(80, 160, 190), (180, 180, 178)][int(chance.integers(0, 2))], np.float32)
    bow = height // 2
    cv2.circle(alpha, (bow, bow), bow - 1, 1, -1, cv2.LINE_AA)
    cv2.rectangle(alpha, (bow, int(height * 0.36)), (width - 2, int(height * 0.58)), 1, -1)
    for x in range(int(width * 0.5), width - 6, max(int(width * 0.07), 3)):
        cv2.circle(alpha, (x, int(height * 0.6)), int(height * 0.07) + 1, 0, -1)
    cv2.circle(alpha, (int(bow * 0.6), bow), max(int(bow * 0.25), 1), 0, -1)
    colour[:] = tone * chance.uniform(0.75, 1.1)
    cv2.line(colour, (bow, height // 2), (width, height // 2), bgr(tone * 0.6), 2)
    return Sprite(np.clip(colour, 0, 255), alpha, 3 * scale)


def tape_roll(chance: Chance, scale: float) -> Sprite:
    """Roll of adhesive tape: a coloured wide ring; never shown in training."""
    side = chance.uniform(45, 75) * scale * FINE
    colour, alpha = _sheet(side, side)
    at, radius = (int(side / 2), int(side / 2)), int(side / 2 - 1)
    tone = np.array(_vivid(chance))
    cv2.circle(alpha, at, radius, 1, -1, cv2.LINE_AA)
    for share, factor in ((1.0, 1.0), (0.85, 0.9), (0.7, 1.0)):
        cv2.circle(colour, at, int(radius * share), bgr(tone * factor), -1, cv2.LINE_AA)
    cv2.circle(colour, at, int(radius * 0.62), (150, 175, 195), -1, cv2.LINE_AA)
    cv2.circle(alpha, at, int(radius * 0.54), 0, -1, cv2.LINE_AA)
    return Sprite(np.clip(colour, 0, 255), alpha, side * 0.15)


SHOWN: dict[str, Callable[[Chance, float], Sprite]] = {
    "nut": nut, "washer": washer, "screw": screw, "pen": pen, "rag": rag, "swarf": swarf, "finger": finger, "blob": blob,
}  # fmt: skip
"""Strange objects a detector is trained with."""

KEPT: dict[str, Callable[[Chance, float], Sprite]] = {"battery": battery, "key": key, "tape_roll": tape_roll}
"""Strange objects no training picture shows: how well the unknown is noticed is measured on these."""
