"""Somebody in the picture of a cabinet: hands, gloves, sleeves, faces, with the pixels they cover. For tests of what is stored.

Tones go from very fair to very dark; a glove or a skin may be given the colour of the ground it lies on, the hardest case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_SKINS = (
    (190, 205, 235),
    (150, 180, 225),
    (120, 155, 205),
    (95, 130, 185),
    (70, 100, 155),
    (50, 72, 115),
    (35, 48, 75),
)
_GLOVES = ((38, 38, 40), (170, 100, 40), (225, 225, 220), (60, 140, 190), (40, 110, 60), (70, 90, 120))
_SLEEVES = ((110, 70, 40), (60, 60, 62), (40, 40, 150), (190, 195, 200), (60, 120, 60), (30, 140, 230))
_HAIR = ((20, 22, 25), (30, 45, 75), (70, 110, 150), (150, 150, 150))
KINDS = ("bare", "glove", "sleeve", "like_ground", "edge", "swift", "flat", "face")
"""Bare arm; gloved; bare hand from a sleeve; of the ground's own colour; only fingertips at the border; blurred by its own movement;
evenly lit, without shading; a face leaning in."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture with somebody in it, and where (True)."""

    image: Image
    body: Image


def enter(image: Image, kind: str, chance: np.random.Generator) -> Seen:
    """Somebody of a kind reaches or leans into a BGR picture."""
    if kind == "face":
        return _face(image, chance)
    height, width = image.shape[:2]
    side = min(height, width)
    big = side * chance.uniform(0.1, 0.22)
    reach = side * (chance.uniform(0.02, 0.1) if kind == "edge" else chance.uniform(0.15, 0.75))
    start, inward = _entry(width, height, chance)
    across = np.array([-inward[1], inward[0]])
    palm = start + inward * (reach - (1.6 * big if kind == "edge" else 0.4 * big))
    arm = np.zeros((height, width), np.uint8)
    wrist = palm - inward * big * 0.7
    cv2.line(arm, _at(start - inward * 3 * big), _at(wrist), 255, int(big * chance.uniform(0.7, 1.0)))
    hand = np.zeros((height, width), np.uint8)
    cv2.ellipse(
        hand,
        _at(palm),
        (int(big * 0.75), int(big * 0.6)),
        float(np.degrees(np.arctan2(inward[1], inward[0]))),
        0,
        360,
        255,
        -1,
    )
    cv2.line(hand, _at(wrist), _at(palm), 255, int(big * 0.7))
    spread, bent = chance.uniform(0.04, 0.2), chance.uniform(0.4, 1.0)
    for finger in range(5):
        thumb = finger == 0
        root = palm + across * (finger - 2) * 0.3 * big + inward * big * (0.1 if thumb else 0.45)
        length = big * (0.7 if thumb else 1.15 - 0.1 * abs(finger - 2.5)) * (bent if finger else 1.0)
        tip = root + inward * length + across * ((-0.5 if thumb else (finger - 2.3) * spread) * big)
        cv2.line(hand, _at(root), _at(tip), 255, max(int(big * 0.27), 3))
    ground = (
        image.reshape(-1, 3).mean(axis=0)
        if chance.random() < 0.5
        else np.median(image.reshape(-1, 3), axis=0)
    )
    skin = np.array(_SKINS[int(chance.integers(len(_SKINS)))], float)
    first = {
        "glove": np.array(_GLOVES[int(chance.integers(len(_GLOVES)))], float),
        "like_ground": ground * chance.uniform(0.94, 1.06),
    }.get(kind, skin)
    cover = kind == "sleeve" or chance.random() < 0.3
    second = np.array(_SLEEVES[int(chance.integers(len(_SLEEVES)))], float) if cover else first
    deep = 0.0 if kind == "flat" else chance.uniform(0.15, 0.6)
    found = _laid(image, arm, second, big, deep, chance)
    found = _laid(found, hand, first, big, deep, chance)
    body = (arm | hand) > 0
    if kind == "swift":
        return _moving(image, found, body, inward, big, chance)
    return Seen(found, body)


def _entry(width: int, height: int, chance: np.random.Generator) -> tuple[Image, Image]:
    side, along = int(chance.integers(0, 4)), chance.uniform(0.1, 0.9)
    start = np.array(
        [(along * width, height), (along * width, 0), (0, along * height), (width, along * height)][side],
        float,
    )
    inward = np.array([(0, -1), (0, 1), (1, 0), (-1, 0)][side], float)
    turn = chance.uniform(-0.6, 0.6)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ inward
    return start, turned


def _laid(
    image: Image, shape: Image, tone: Image, big: float, deep: float, chance: np.random.Generator
) -> Image:
    """A shape in a tone, darker towards its edge, with some texture and a soft shadow beneath."""
    relief = cv2.GaussianBlur(shape, (0, 0), big * 0.15).astype(np.float32) / 255
    grain = cv2.GaussianBlur(
        chance.normal(0, 1, shape.shape).astype(np.float32), (0, 0), chance.uniform(1, 3)
    )
    grain = grain * (chance.uniform(1, 5) / max(float(grain.std()), 1e-6))
    light = chance.uniform(0.85, 1.15)
    body = tone * light * (1 - deep * (1 - np.clip(2 * relief - 0.9, 0, 1))[..., None]) + grain[..., None]
    drop = int(big * chance.uniform(0, 0.12))
    shadow = (
        cv2.GaussianBlur(np.roll(shape, drop, axis=0), (0, 0), max(big * 0.08, 1)).astype(np.float32) / 255
    )
    below = image * (1 - chance.uniform(0, 0.35) * shadow[..., None])
    edge = cv2.GaussianBlur(shape, (0, 0), 1.0).astype(np.float32)[..., None] / 255
    return np.asarray(np.clip(below * (1 - edge) + body * edge, 0, 255).astype(np.uint8))


def _moving(
    image: Image, found: Image, body: Image, inward: Image, big: float, chance: np.random.Generator
) -> Seen:
    """The same hand while it moves: smeared along or across its way."""
    length = max(int(big * chance.uniform(0.15, 0.5)), 3)
    way = inward if chance.random() < 0.5 else np.array([-inward[1], inward[0]])
    kernel = np.zeros((2 * length + 1,) * 2, np.float32)
    cv2.line(kernel, _at(length - way * length / 2), _at(length + way * length / 2), 1, 1)
    kernel = kernel / kernel.sum()
    weight = cv2.filter2D(body.astype(np.float32), -1, kernel)
    smeared = cv2.filter2D(np.where(body[..., None], found, 0).astype(np.float32), -1, kernel)
    mixed = image * (1 - weight[..., None]) + smeared
    return Seen(np.asarray(np.clip(mixed, 0, 255).astype(np.uint8)), weight > 0.3)


def _face(image: Image, chance: np.random.Generator) -> Seen:
    height, width = image.shape[:2]
    big = min(height, width) * chance.uniform(0.2, 0.5)
    start, inward = _entry(width, height, chance)
    centre = start + inward * big * chance.uniform(-0.2, 0.9)
    turn = float(np.degrees(np.arctan2(inward[1], inward[0])))
    hair, face = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8)
    cv2.ellipse(
        hair, _at(centre - inward * big * 0.15), (int(big * 0.75), int(big * 0.58)), turn, 0, 360, 255, -1
    )
    cv2.ellipse(
        face, _at(centre + inward * big * 0.05), (int(big * 0.62), int(big * 0.46)), turn, 0, 360, 255, -1
    )
    skin = np.array(_SKINS[int(chance.integers(len(_SKINS)))], float)
    found = _laid(image, hair, np.array(_HAIR[int(chance.integers(len(_HAIR)))], float), big, 0.3, chance)
    found = _laid(found, face, skin, big, chance.uniform(0.1, 0.5), chance)
    across = np.array([-inward[1], inward[0]])
    for where in (centre + across * big * 0.2, centre - across * big * 0.2):
        cv2.ellipse(
            found,
            _at(where),
            (max(int(big * 0.06), 2), max(int(big * 0.1), 2)),
            turn,
            0,
            360,
            (235, 235, 235),
            -1,
        )
        cv2.circle(found, _at(where), max(int(big * 0.05), 2), (40, 35, 30), -1)
    cv2.ellipse(
        found,
        _at(centre + inward * big * 0.35),
        (max(int(big * 0.05), 2), int(big * 0.18)),
        turn,
        0,
        360,
        (70, 70, 150),
        -1,
    )
    return Seen(found, (hair | face) > 0)


def _at(point: Any) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
