"""Rendered cabinets of four kinds with known content: drill stands, insert boxes, shadow boards, bar racks.

Every cabinet, content and look comes from its seed, so that a session drawn once can be drawn again. The drawings are
meant to be hard in the ways real ones are: grain and scratches, uneven and changing light, shadows, shine, dirt that
comes and stays, loose positions, small camera moves, blur, hands, foreign objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.simulators import pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

WIDTH, HEIGHT = 800, 600
KINDS = ("drill_stand", "insert_box", "shadow_board", "bar_rack")
_GRIDS = {"drill_stand": (5, 3), "insert_box": (3, 2), "shadow_board": (4, 2), "bar_rack": (3, 2)}
_CAPACITY = {"drill_stand": 1, "insert_box": 6, "shadow_board": 1, "bar_rack": 7}
_METHOD = {
    "drill_stand": "presence",
    "insert_box": "count",
    "shadow_board": "presence",
    "bar_rack": "bar_ends",
}
_GROUNDS = ((150, 165, 175), (95, 130, 165), (70, 72, 75), (185, 185, 180), (120, 95, 70))


@dataclass(frozen=True, slots=True)
class Cabinet:
    """A cabinet to draw; ``boxes`` are x, y, width, height of its compartments in pixels."""

    kind: str
    seed: int
    boxes: tuple[tuple[int, int, int, int], ...]

    @property
    def places(self) -> list[str]:
        """Codes of the compartments."""
        return [f"{self.kind.upper()}-{n:02d}" for n in range(1, len(self.boxes) + 1)]

    @property
    def capacity(self) -> int:
        """Most pieces a compartment holds."""
        return _CAPACITY[self.kind]


@dataclass(frozen=True, slots=True)
class Look:
    """How a picture is taken: gain, shadow strength (0..1), shift and turn of the camera, blur and grain."""

    light: float = 1.0
    shadow: float = 0.0
    shift_px: tuple[float, float] = (0.0, 0.0)
    turn_deg: float = 0.0
    blur: float = 0.0
    grain: float = 3.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)


def make_cabinet(kind: str, seed: int) -> Cabinet:
    """A cabinet of a kind; size and spacing of its compartments vary with the seed."""
    chance = np.random.default_rng([seed, KINDS.index(kind)])
    columns, rows = _GRIDS[kind]
    cell_w, cell_h = (WIDTH - 90) // columns, (HEIGHT - 90) // rows
    fill = chance.uniform(0.78, 0.9)
    width, height = int(cell_w * fill), int(cell_h * fill)
    boxes = [
        (45 + c * cell_w + (cell_w - width) // 2, 45 + r * cell_h + (cell_h - height) // 2, width, height)
        for r in range(rows)
        for c in range(columns)
    ]
    return Cabinet(kind, seed, tuple(boxes))


def config_of(cabinet: Cabinet) -> dict[str, Any]:
    """Vision CONFIG of a rendered cabinet."""
    compartments = []
    for name, (x, y, w, h) in zip(cabinet.places, cabinet.boxes, strict=True):
        polygon = [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]
        entry = {"id": name, "method": _METHOD[cabinet.kind], "item": f"ART-{name}", "polygon": polygon}
        compartments.append(entry)
    return {"compartments": compartments, "camera": {"width": WIDTH, "height": HEIGHT}}


def random_look(chance: np.random.Generator) -> Look:
    """Light and camera of an ordinary day."""
    return Look(
        light=chance.uniform(0.65, 1.2),
        shadow=chance.uniform(0, 0.45) if chance.random() < 0.5 else 0.0,
        shift_px=(chance.normal(0, 5), chance.normal(0, 5)),
        turn_deg=chance.normal(0, 0.8),
        blur=chance.uniform(0, 0.9),
        grain=chance.uniform(1.5, 5),
        tint=(chance.uniform(0.92, 1.08), 1.0, chance.uniform(0.92, 1.08)),
    )


def random_content(cabinet: Cabinet, chance: np.random.Generator) -> dict[str, int]:
    """Pieces per compartment."""
    return {name: int(chance.integers(0, cabinet.capacity + 1)) for name in cabinet.places}


def render(
    cabinet: Cabinet,
    content: Mapping[str, int],
    look: Look,
    seed: int,
    *,
    foreign: str | None = None,
    dirt: int = 0,
) -> Image:
    """BGR picture; ``seed`` places loose pieces, ``dirt`` smudges stay where the cabinet's seed put them."""
    image = _ground(cabinet)
    for number, (name, box) in enumerate(zip(cabinet.places, cabinet.boxes, strict=True)):
        style = np.random.default_rng([cabinet.seed, number, 7])
        loose = np.random.default_rng([seed, number])
        pieces.DRAW[cabinet.kind](image, box, content.get(name, 0), style, loose)
        if name == foreign:
            pieces.draw_foreign(image, box, loose)
    smudges = np.random.default_rng([cabinet.seed, 99])
    for _ in range(dirt):
        _smudge(image, smudges)
    return _seen(image, look, np.random.default_rng([seed, 5]))


def _ground(cabinet: Cabinet) -> Image:
    chance = np.random.default_rng([cabinet.seed, 3])
    colour = np.array(_GROUNDS[int(chance.integers(0, len(_GROUNDS)))], np.float32) * chance.uniform(
        0.85, 1.1
    )
    grain = cv2.GaussianBlur(
        chance.normal(0, 25, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), sigmaX=6, sigmaY=0.8
    )
    fine = chance.normal(0, 2.5, (HEIGHT, WIDTH)).astype(np.float32)
    image = np.clip(colour[None, None] + (grain + fine)[..., None], 0, 255).astype(np.uint8)
    for _ in range(45):
        start = (int(chance.integers(0, WIDTH)), int(chance.integers(0, HEIGHT)))
        end = (start[0] + int(chance.integers(-60, 60)), start[1] + int(chance.integers(-25, 25)))
        shade = tuple(int(c) for c in np.clip(colour * chance.uniform(0.6, 1.35), 0, 255))
        cv2.line(image, start, end, shade, 1, cv2.LINE_AA)
    for x, y in ((18, 18), (WIDTH - 18, 18), (18, HEIGHT - 18), (WIDTH - 18, HEIGHT - 18)):
        cv2.circle(image, (x, y), 8, (60, 60, 60), -1, cv2.LINE_AA)
        cv2.line(image, (x - 6, y - 4), (x + 6, y + 4), (150, 150, 150), 2, cv2.LINE_AA)
    return image


def _smudge(image: Image, chance: np.random.Generator) -> None:
    centre = (int(chance.integers(0, WIDTH)), int(chance.integers(0, HEIGHT)))
    mask: Any = np.zeros((HEIGHT, WIDTH), np.float32)
    axes = (int(chance.integers(6, 22)), int(chance.integers(3, 12)))
    cv2.ellipse(
        mask, centre, axes, float(chance.uniform(0, 180)), 0, 360, float(chance.uniform(0.15, 0.4)), -1
    )
    mask = cv2.GaussianBlur(mask, (0, 0), 3)[..., None]
    image[:] = np.clip(image * (1 - mask) + np.array([30, 38, 45]) * mask, 0, 255).astype(np.uint8)


def _seen(image: Image, look: Look, chance: np.random.Generator) -> Image:
    matrix = np.array(cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), look.turn_deg, 1.0))
    matrix[:, 2] = matrix[:, 2] + np.array(look.shift_px)
    turned = cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
    moved: Any = turned.astype(np.float32)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    angle = chance.uniform(0, 2 * np.pi)
    along = np.cos(angle) * (x / WIDTH - 0.5) + np.sin(angle) * (y / HEIGHT - 0.5)
    light: Any = look.light * (1 + chance.uniform(-0.3, 0.3) * along)
    if look.shadow:
        edge = (along - chance.uniform(-0.3, 0.3)) * chance.uniform(8, 60)
        light = light * (1 - look.shadow / (1 + np.exp(-edge)))
    moved = moved * light[..., None] * np.array(look.tint, np.float32)
    if look.blur > 0.2:
        moved = cv2.GaussianBlur(moved, (0, 0), look.blur)
    noise = chance.standard_normal((HEIGHT, WIDTH, 3), dtype=np.float32) * look.grain
    return np.asarray(np.clip(moved + noise, 0, 255).astype(np.uint8))
