"""Spoils pictures on purpose: a hand in front, dark, out of focus, moved camera. For tests, benchmarks and teaching checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_SKINS = ((125, 160, 215), (95, 130, 190), (60, 85, 130), (150, 180, 225), (40, 55, 85))
_GLOVES = ((60, 60, 60), (160, 90, 30), (40, 140, 220), (210, 210, 205))


def hand(image: Image, chance: np.random.Generator, *, reach: float = 0.5) -> Image:
    """A forearm, palm and fingers (bare or gloved) reaching ``reach`` of the picture's shorter side into it."""
    height, width = image.shape[:2]
    side = min(height, width)
    big = side * chance.uniform(0.16, 0.24)
    entry = chance.integers(0, 4)
    along = chance.uniform(0.25, 0.75)
    start = np.array(
        [(along * width, height), (along * width, 0), (0, along * height), (width, along * height)][entry]
    )
    inward = np.array([(0, -1), (0, 1), (1, 0), (-1, 0)][entry], float)
    turn = chance.uniform(-0.35, 0.35)
    inward = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ inward
    across = np.array([-inward[1], inward[0]])
    palm = start + inward * side * reach * 0.75
    shape = np.zeros((height, width), np.uint8)
    cv2.line(shape, _at(start - inward * big), _at(palm), 255, int(big * 1.1))
    cv2.circle(shape, _at(palm), int(big * 0.8), 255, -1)
    for finger in range(5):
        offset = (finger - 2) * 0.36 * big
        length = big * (1.5 - 0.15 * abs(finger - 2)) * chance.uniform(0.85, 1.1)
        root = palm + across * offset
        tip = root + inward * length + across * (finger - 2) * 0.12 * big
        cv2.line(shape, _at(root), _at(tip), 255, max(int(big * 0.32), 3))
    colours = _GLOVES if chance.random() < 0.3 else _SKINS
    tone = np.array(colours[chance.integers(0, len(colours))], np.float32)
    relief = cv2.GaussianBlur(shape, (0, 0), big * 0.25).astype(np.float32) / 255
    light = max(float(image.mean()) / 120, 0.3)
    grain = cv2.GaussianBlur(chance.normal(0, 12, (height, width)).astype(np.float32), (0, 0), 1.5)
    skin = (tone * light)[None, None] * (0.45 + 0.6 * relief[..., None]) + grain[..., None]
    edge = cv2.GaussianBlur(shape, (0, 0), 1.5).astype(np.float32)[..., None] / 255
    return np.clip(image * (1 - edge) + skin * edge, 0, 255).astype(np.uint8)


def _at(point: Any) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def dark(image: Image, chance: np.random.Generator) -> Image:
    """The lamp is out: a few per cent of the light, with sensor noise."""
    dim = image.astype(np.float32) * chance.uniform(0.02, 0.12)
    return np.clip(dim + chance.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def blurred(image: Image, chance: np.random.Generator) -> Image:
    """Out of focus or wet lens."""
    sigma = chance.uniform(0.009, 0.02) * max(image.shape[:2])
    return cv2.GaussianBlur(image, (0, 0), sigma)


def moved(image: Image, chance: np.random.Generator) -> Image:
    """The camera was knocked: the view slides by 30 to 60 % of the picture."""
    height, width = image.shape[:2]
    angle = chance.uniform(0, 2 * np.pi)
    slide = chance.uniform(0.3, 0.6)
    matrix = np.array([[1, 0, slide * width * np.cos(angle)], [0, 1, slide * height * np.sin(angle)]])
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)


def other_scene(image: Image, chance: np.random.Generator) -> Image:
    """Something else altogether: coarse blotches, edges and lines in the same size."""
    height, width = image.shape[:2]
    small = chance.uniform(40, 220, (9, 7, 3)).astype(np.float32)
    scene = np.clip(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), 0, 255).astype(
        np.uint8
    )
    for _ in range(60):
        x, y = int(chance.integers(0, width)), int(chance.integers(0, height))
        w, h = chance.integers(5, max(width // 4, 6), 2)
        colour = tuple(int(c) for c in chance.integers(0, 255, 3))
        if chance.random() < 0.5:
            cv2.rectangle(scene, (x, y), (x + int(w), y + int(h)), colour, int(chance.integers(1, 4)))
        else:
            cv2.circle(scene, (x, y), int(w) // 2, colour, -1 if chance.random() < 0.5 else 2)
    return np.clip(scene + chance.normal(0, 3, scene.shape), 0, 255).astype(np.uint8)


def exposed(image: Image, chance: np.random.Generator) -> Image:
    """Strong change of exposure: gain and gamma far from the taught pictures, another colour of light."""
    gain, gamma = float(np.exp(chance.uniform(-1.1, 0.55))), float(np.exp(chance.uniform(-0.7, 0.7)))
    tint = chance.uniform(0.75, 1.25, 3)
    return np.clip(255.0 * (image / 255.0) ** gamma * gain * tint, 0, 255).astype(np.uint8)


def shaded(image: Image, chance: np.random.Generator) -> Image:
    """A hard or soft shadow over a part, or a lamp shining on a spot."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width]
    angle = chance.uniform(0, 2 * np.pi)
    along = np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)
    if chance.random() < 0.5:
        edge = (along - chance.uniform(-0.2, 0.2)) * chance.uniform(8, 60)
        light = 1 - chance.uniform(0.3, 0.6) / (1 + np.exp(-edge))
    else:
        spread = 2 * (chance.uniform(0.12, 0.25) * width) ** 2
        gap = (x - chance.uniform(0, width)) ** 2 + (y - chance.uniform(0, height)) ** 2
        light = 1 + chance.uniform(0.4, 1.3) * np.exp(-gap / spread)
    return np.asarray(np.clip(image * light[..., None], 0, 255).astype(np.uint8))


def turned(image: Image, chance: np.random.Generator) -> Image:
    """The camera was shifted, turned or tilted a little."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved_to = corners + (chance.uniform(-0.03, 0.03, (4, 2)) * [width, height]).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, moved_to.astype(np.float32))
    return np.asarray(cv2.warpPerspective(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT))


def cut_out(image: Image, chance: np.random.Generator) -> Image:
    """A part of the picture at the same scale, up to 6 % less on each side."""
    height, width = image.shape[:2]
    left, right = chance.uniform(0, 0.06, 2) * width
    top, low = chance.uniform(0, 0.06, 2) * height
    return image[int(top) : int(height - low), int(left) : int(width - right)].copy()


def rough(image: Image, chance: np.random.Generator) -> Image:
    """Slightly out of focus, grainy, and compressed hard."""
    soft = cv2.GaussianBlur(image, (0, 0), chance.uniform(0.5, 1.8)).astype(np.float32)
    noisy = np.clip(soft + chance.normal(0, chance.uniform(3, 18), image.shape), 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, int(chance.integers(20, 70))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))


VARIATIONS = {"exposed": exposed, "shaded": shaded, "turned": turned, "cut_out": cut_out, "rough": rough}
"""Name of a strong variation a reader has to bear → what makes it."""

FAULTS = {
    "dark": dark,
    "blurred": blurred,
    "covered": hand,
    "camera_moved": moved,
    "wrong_scene": other_scene,
}
"""Name of a fault → what makes it."""
