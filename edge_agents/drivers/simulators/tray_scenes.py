"""Rendered shared trays: several kinds of items lying together, with every piece's true outline (training, tests, benchmark).

A piece is drawn from its own seed, so that the same piece lies in the picture before and after unless it was taken. Grounds, light,
dirt, blur and overlaps vary; some grounds and strange objects are never used in training and measure how far the detector carries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.simulators import tray_strangers
from edge_agents.drivers.simulators.tray_pieces import DRAW, FINE, OTHER, Sprite

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]
    Chance = np.random.Generator

GROUNDS = ("plain", "foam", "wood", "rubber", "metal")
KEPT_GROUNDS = ("chequer", "cloth")
_TRIES = 40
_MARGIN_PX = 3


@dataclass(frozen=True, slots=True)
class Tray:
    """A tray to draw: size in pixels, pixels per mm, kind of ground, and the seed of its looks."""

    width: int
    height: int
    scale: float
    ground: str
    seed: int


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece: kind (``other/NAME`` for strange objects), seed of its looks, centre in pixels, turn in degrees."""

    kind: str
    seed: int
    x: float = 0.0
    y: float = 0.0
    turn_deg: float = 0.0

    @property
    def label(self) -> str:
        """Kind as the detector knows it."""
        return self.kind.split("/")[0]


@lru_cache(maxsize=256)
def sprite_of(kind: str, seed: int, scale: float) -> Sprite:
    """Picture of a piece; always the same for the same seed."""
    chance = np.random.default_rng([seed, 17])
    if kind.startswith(OTHER):
        name = kind.split("/")[1]
        return (tray_strangers.SHOWN | tray_strangers.KEPT)[name](chance, scale)
    return DRAW[kind](chance, scale)


def outline(piece: Piece, scale: float) -> Image:
    """Corners (4 x 2, pixels) of the rectangle around a piece."""
    height, width = sprite_of(piece.kind, piece.seed, scale).alpha.shape
    half = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / (2 * FINE)
    angle = np.radians(piece.turn_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.asarray(half @ turn + (piece.x, piece.y))


def lay(
    tray: Tray, pieces: Sequence[Piece], lying: Sequence[Piece], chance: Chance, overlap: float = 0.1
) -> list[Piece]:
    """Lays pieces among those already lying; one for which no room is found is left out.

    No piece hides more than ``overlap`` of another one, whichever lies above.
    """
    placed = list(lying)
    shapes = [_shape(tray, piece) for piece in placed]
    for piece in pieces:
        for _ in range(_TRIES):
            turn = (
                chance.uniform(0, 360)
                if chance.random() < 0.7
                else float(chance.integers(0, 4)) * 90 + chance.normal(0, 5)
            )
            there = replace(
                piece, turn_deg=turn, x=chance.uniform(0, tray.width), y=chance.uniform(0, tray.height)
            )
            corners = outline(there, tray.scale)
            if (
                corners.min() < _MARGIN_PX
                or (corners > np.array([tray.width, tray.height]) - _MARGIN_PX).any()
            ):
                continue
            shape = _shape(tray, there)
            size = shape.sum()
            if all((shape & other).sum() <= overlap * min(size, other.sum()) for other in shapes):
                placed.append(there)
                shapes.append(shape)
                break
    return placed


def _shape(tray: Tray, piece: Piece) -> Image:
    mask = np.zeros((tray.height // 2 + 1, tray.width // 2 + 1), np.uint8)
    cv2.fillConvexPoly(mask, np.round(outline(piece, tray.scale) / 2).astype(np.int32), 1)
    return mask.astype(bool)


def draw(tray: Tray, pieces: Sequence[Piece], *, dirt: int = 0) -> Image:
    """Float BGR picture of a tray; the first piece lies lowest."""
    image = _ground(tray)
    light = np.random.default_rng([tray.seed, 11])
    angle, soft = light.uniform(0, 2 * np.pi), light.uniform(1, 3.5)
    strength = light.uniform(0.2, 0.65)
    spots = np.random.default_rng([tray.seed, 12])
    for _ in range(dirt):
        _spot(image, spots)
    for piece in pieces:
        _lay_on(image, tray, piece, (float(np.cos(angle)), float(np.sin(angle))), soft, strength)
    return image


def _lay_on(
    image: Image, tray: Tray, piece: Piece, away: tuple[float, float], soft: float, strength: float
) -> None:
    sprite = sprite_of(piece.kind, piece.seed, tray.scale)
    fall = min(sprite.height_mm / FINE * 0.5, 9.0)
    room = int(fall + 3 * soft) + 3
    corners = outline(piece, tray.scale)
    x0, y0 = (int(v) for v in np.maximum(np.floor(corners.min(axis=0)) - room, 0))
    x1, y1 = (int(v) for v in np.minimum(np.ceil(corners.max(axis=0)) + room, [tray.width, tray.height]))
    if x1 <= x0 or y1 <= y0:
        return
    angle = np.radians(piece.turn_deg)
    height, width = sprite.alpha.shape
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / FINE
    shift = np.array([piece.x - x0, piece.y - y0]) - matrix @ np.array([width / 2, height / 2])
    whole = np.concatenate([matrix, shift[:, None]], axis=1)
    size = (x1 - x0, y1 - y0)
    flags = cv2.INTER_AREA if FINE > 1 else cv2.INTER_LINEAR
    alpha = np.asarray(cv2.warpAffine(cv2.GaussianBlur(sprite.alpha, (0, 0), 0.6), whole, size, flags=flags))[
        ..., None
    ]
    colour = np.asarray(
        cv2.warpAffine(sprite.colour, whole, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    )
    slid = np.array([[1, 0, away[0] * fall], [0, 1, away[1] * fall]])
    shadow = cv2.GaussianBlur(np.asarray(cv2.warpAffine(alpha, slid, size)), (0, 0), soft)[..., None]
    part = image[y0:y1, x0:x1]
    part *= 1 - strength * shadow
    part[:] = part * (1 - alpha) + colour * alpha


def _ground(tray: Tray) -> Image:
    chance = np.random.default_rng([tray.seed, 3])
    height, width = tray.height, tray.width
    base = (
        chance.uniform(25, 215, 3)
        if chance.random() < 0.35
        else np.full(3, chance.uniform(25, 215)) * chance.uniform(0.92, 1.08, 3)
    )
    image = np.broadcast_to(base.astype(np.float32), (height, width, 3)).copy()
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    rough = chance.standard_normal((height, width), dtype=np.float32)
    if tray.ground == "foam":
        image += (cv2.GaussianBlur(rough, (0, 0), 1.3) * 22)[..., None]
    elif tray.ground == "wood":
        image += (cv2.GaussianBlur(rough, (0, 0), sigmaX=14, sigmaY=0.9) * 60)[..., None]
    elif tray.ground == "rubber":
        step = chance.uniform(6, 16)
        image += (np.sin(2 * np.pi * (x if chance.random() < 0.5 else y) / step) * chance.uniform(4, 16))[
            ..., None
        ]
    elif tray.ground == "metal":
        image += (cv2.GaussianBlur(rough, (0, 0), sigmaX=0.8, sigmaY=9) * 26)[..., None]
        for _ in range(int(chance.integers(5, 40))):
            at = (int(chance.integers(0, width)), int(chance.integers(0, height)))
            to = (at[0] + int(chance.normal(0, 25)), at[1] + int(chance.normal(0, 25)))
            tone = tuple(float(v) for v in base * chance.uniform(0.75, 1.25))
            cv2.line(image, at, to, tone, 1, cv2.LINE_AA)
    elif tray.ground == "chequer":
        step = chance.uniform(9, 16)
        bumps = np.cos(2 * np.pi * (x + y) / step) * np.cos(2 * np.pi * (x - y) / step)
        image += (np.clip(bumps, 0.3, 1) * 34)[..., None]
    elif tray.ground == "cloth":
        image += (
            np.sin(2 * np.pi * x / 3.1) * np.sin(2 * np.pi * y / 3.1) * 10
            + cv2.GaussianBlur(rough, (0, 0), 9) * 120
        )[..., None]
    if chance.random() < 0.5:
        edge = tuple(float(v) for v in base * chance.uniform(0.4, 0.9))
        cv2.rectangle(image, (0, 0), (width - 1, height - 1), edge, int(chance.integers(1, 5)))
    return np.clip(image, 0, 255)


def _spot(image: Image, chance: Chance) -> None:
    height, width = image.shape[:2]
    at = (int(chance.integers(0, width)), int(chance.integers(0, height)))
    if chance.random() < 0.4:
        for _ in range(6):
            speck = (at[0] + int(chance.normal(0, 14)), at[1] + int(chance.normal(0, 14)))
            tone = float(chance.uniform(20, 220))
            cv2.circle(image, speck, int(chance.integers(1, 3)), (tone, tone, tone), -1, cv2.LINE_AA)
        return
    mask: Any = np.zeros((height, width), np.float32)
    axes = (int(chance.integers(4, max(width // 9, 6))), int(chance.integers(3, max(width // 14, 5))))
    cv2.ellipse(mask, at, axes, float(chance.uniform(0, 180)), 0, 360, float(chance.uniform(0.1, 0.4)), -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 3)[..., None]
    image[:] = image * (1 - mask) + np.array([30, 38, 45]) * mask


def seen(image: Image, chance: Chance, *, hard: float = 1.0) -> Image:
    """What a camera makes of it: light, shadow edge, tint, focus, movement, grain, compression (``hard`` 0 none, 1 usual)."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = chance.uniform(0, 2 * np.pi)
    along = np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)
    light = np.exp(chance.uniform(-0.5, 0.28) * hard) * (1 + chance.uniform(-0.45, 0.45) * hard * along)
    if chance.random() < 0.35 * hard:
        edge = (along - chance.uniform(-0.35, 0.35)) * chance.uniform(6, 50)
        light = light * (1 - chance.uniform(0.1, 0.45) / (1 + np.exp(-edge)))
    if chance.random() < 0.25 * hard:
        gap = (x - chance.uniform(0, width)) ** 2 + (y - chance.uniform(0, height)) ** 2
        light = light * (
            1 + chance.uniform(0.2, 0.8) * np.exp(-gap / (2 * (chance.uniform(0.08, 0.25) * width) ** 2))
        )
    tint = 1 + chance.uniform(-0.1, 0.1, 3) * hard
    picture = image * light[..., None].astype(np.float32) * tint.astype(np.float32)
    blur = chance.uniform(0, 1.1) * hard
    if blur > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), blur)
    if chance.random() < 0.12 * hard:
        length = int(chance.integers(2, 5))
        core = np.eye(length, dtype=np.float32) if chance.random() < 0.5 else np.ones((1, length), np.float32)
        picture = cv2.filter2D(picture, -1, core / core.sum())
    picture = (
        picture + chance.standard_normal(picture.shape, dtype=np.float32) * chance.uniform(0.5, 5) * hard
    )
    flat = np.clip(picture, 0, 255).astype(np.uint8)
    if chance.random() < 0.5:
        _, data = cv2.imencode(".jpg", flat, [cv2.IMWRITE_JPEG_QUALITY, int(chance.integers(45, 95))])
        flat = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return np.asarray(flat)


def random_tray(chance: Chance, width: int, height: int, *, kept: bool = False,
                scale: tuple[float, float] = (1.1, 2.3)) -> Tray:  # fmt: skip
    """A tray of a random ground and scale; ``kept`` takes the grounds training never sees."""
    ground = str(chance.choice(KEPT_GROUNDS if kept else GROUNDS))
    return Tray(width, height, float(chance.uniform(*scale)), ground, int(chance.integers(0, 2**31)))


def stranger(chance: Chance, *, kept: bool = False) -> Piece:
    """A strange object; ``kept`` takes those training never sees."""
    names = sorted(tray_strangers.KEPT if kept else tray_strangers.SHOWN)
    return Piece(f"{OTHER}/{chance.choice(names)}", int(chance.integers(0, 2**31)))


def item(kind: str, chance: Chance) -> Piece:
    """A piece of a kind."""
    return Piece(kind, int(chance.integers(0, 2**31)))
