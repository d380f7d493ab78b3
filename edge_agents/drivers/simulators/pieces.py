"""Drawing of what lies in a rendered compartment: drills, inserts, hand tools, bar ends, foreign objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

Box = tuple[int, int, int, int]
_SMOOTH = cv2.LINE_AA


def _shaded(colour: Any, factor: float) -> tuple[int, int, int]:
    b, g, r = (int(np.clip(part * factor, 0, 255)) for part in colour)
    return b, g, r


def draw_drill(
    image: Image, box: Box, count: int, style: np.random.Generator, loose: np.random.Generator
) -> None:
    """A hole in a stand, with the shank of a drill standing in it or not."""
    x, y, w, h = box
    middle = (x + w // 2, y + h // 2)
    radius = int(min(w, h) * style.uniform(0.16, 0.34))
    steel = np.array([185, 185, 180]) * style.uniform(0.8, 1.15)
    cv2.circle(image, middle, radius + 3, (45, 45, 48), -1, _SMOOTH)
    cv2.circle(image, middle, radius, (20, 20, 22), -1, _SMOOTH)
    if not count:
        return
    lean = loose.uniform(-1, 1, 2) * min(w, h) * 0.1
    top = (int(middle[0] + lean[0]), int(middle[1] + lean[1] - min(w, h) * 0.08))
    cv2.line(image, middle, top, _shaded(steel, 0.65), radius * 2 - 2, _SMOOTH)
    cv2.circle(image, top, radius - 1, _shaded(steel, 0.95), -1, _SMOOTH)
    turn = loose.uniform(0, np.pi)
    for angle in (turn, turn + np.pi):
        end = (int(top[0] + np.cos(angle) * radius * 0.8), int(top[1] + np.sin(angle) * radius * 0.8))
        cv2.line(image, top, end, _shaded(steel, 0.45), 2, _SMOOTH)
    shine = (int(top[0] - radius * 0.35), int(top[1] - radius * 0.35))
    cv2.circle(image, shine, max(radius // 4, 1), _shaded(steel, 1.35), -1, _SMOOTH)


def draw_inserts(
    image: Image, box: Box, count: int, style: np.random.Generator, loose: np.random.Generator
) -> None:
    """A box with loose inserts side by side, each turned as it fell."""
    x, y, w, h = box
    tray = np.array([[200, 200, 200], [90, 60, 40], [60, 60, 62]][int(style.integers(0, 3))]) * style.uniform(
        0.9, 1.1
    )
    cv2.rectangle(image, (x, y), (x + w, y + h), _shaded(tray, 1.0), -1)
    cv2.rectangle(image, (x, y), (x + w, y + h), _shaded(tray, 0.6), 4)
    sides = int(style.choice([3, 4, 4, 40]))
    gold = [(40, 150, 200), (45, 45, 50), (150, 155, 160)][int(style.integers(0, 3))]
    if abs(float(np.mean(gold)) - float(tray.mean())) < 40:
        gold = (40, 150, 200)
    radius = min(w / 3, h / 2) * style.uniform(0.3, 0.36)
    cells = loose.permutation(6)[:count]
    for cell in cells:
        room = np.array([w / 3, h / 2]) - 2 * radius - 6
        jitter = loose.uniform(-0.5, 0.5, 2) * np.maximum(room, 0)
        centre = np.array([x + (cell % 3 + 0.5) * w / 3, y + (cell // 3 + 0.5) * h / 2]) + jitter
        start = loose.uniform(0, 2 * np.pi)
        corners = start + np.arange(sides) * 2 * np.pi / sides
        outline = centre + radius * np.stack([np.cos(corners), np.sin(corners)], axis=1)
        cv2.fillPoly(image, [np.round(outline + 3).astype(np.int32)], _shaded(tray, 0.7), _SMOOTH)
        cv2.fillPoly(
            image, [np.round(outline).astype(np.int32)], _shaded(gold, loose.uniform(0.85, 1.2)), _SMOOTH
        )
        cv2.circle(image, (int(centre[0]), int(centre[1])), int(radius * 0.3), (25, 25, 25), -1, _SMOOTH)


def draw_board_tool(
    image: Image, box: Box, count: int, style: np.random.Generator, loose: np.random.Generator
) -> None:
    """A foam cut-out in the shape of a hand tool, with the tool in it or not."""
    x, y, w, h = box
    foam = np.array([48, 46, 44]) * style.uniform(0.8, 1.4)
    floor = np.array([[30, 200, 230], [60, 60, 220], [200, 140, 60]][int(style.integers(0, 3))])
    cv2.rectangle(image, (x, y), (x + w, y + h), _shaded(foam, 1.0), -1)
    _outline(image, box, style, floor * 0.75, 1.0)
    if count:
        steel = np.array([165, 168, 170]) * style.uniform(0.75, 1.15)
        off = loose.normal(0, 1.2, 2)
        moved = (int(x + off[0]), int(y + off[1]), w, h)
        again = np.random.default_rng(int(style.integers(0, 2**31)))
        _outline(image, moved, again, steel, 0.93)


def _outline(image: Image, box: Box, style: np.random.Generator, colour: Any, scale: float) -> None:
    """Handle, shaft and head of a tool along the compartment."""
    x, y, w, h = box
    along = h >= w
    long, wide = (h, w) if along else (w, h)
    handle = wide * 0.26 * scale
    shaft = wide * 0.12 * scale
    head = wide * 0.24 * scale

    def at(part: float, side: float = 0.0) -> tuple[int, int]:
        first = (y if along else x) + long * part
        second = (x if along else y) + wide / 2 + side
        return (int(second), int(first)) if along else (int(first), int(second))

    cv2.line(image, at(0.2), at(0.45), _shaded(colour, 0.7), max(int(handle), 2), _SMOOTH)
    cv2.line(image, at(0.45), at(0.8), _shaded(colour, 1.0), max(int(shaft), 2), _SMOOTH)
    cv2.circle(image, at(0.8), max(int(head), 3), _shaded(colour, 0.95), -1, _SMOOTH)
    if style.random() < 0.5:
        cv2.circle(image, at(0.8), max(int(head * 0.45), 1), _shaded(colour, 0.4), -1, _SMOOTH)
    cv2.line(image, at(0.22, -handle * 0.25), at(0.42, -handle * 0.25), _shaded(colour, 1.3), 1, _SMOOTH)


def draw_bars(
    image: Image, box: Box, count: int, style: np.random.Generator, loose: np.random.Generator
) -> None:
    """A cell of a rack with sawn bar ends lying on each other, seen from the front."""
    x, y, w, h = box
    cv2.rectangle(image, (x, y), (x + w, y + h), (28, 28, 30), -1)
    cv2.rectangle(image, (x, y), (x + w, y + h), (90, 95, 100), 4)
    radius = min(w / 8.6, h / 4.4)
    metal = np.array([[175, 178, 180], [95, 150, 190], [150, 150, 148]][int(style.integers(0, 3))])
    spots = [(x + w / 2 + (k - 1.5) * 2.05 * radius, y + h - radius - 6) for k in range(4)]
    spots += [(x + w / 2 + (k - 1) * 2.05 * radius, y + h - radius * 2.8 - 6) for k in range(3)]
    for centre in spots[:count]:
        place = (round(centre[0] + loose.uniform(-1, 1)), round(centre[1] + loose.uniform(-1, 1)))
        shade = loose.uniform(0.7, 1.15)
        cv2.circle(image, place, round(radius * 0.96), _shaded(metal, shade * 0.6), -1, _SMOOTH)
        cv2.circle(image, place, round(radius * 0.86), _shaded(metal, shade), -1, _SMOOTH)
        for ring in (0.3, 0.55, 0.75):
            cv2.circle(
                image,
                place,
                round(radius * ring),
                _shaded(metal, shade * loose.uniform(0.85, 1.1)),
                1,
                _SMOOTH,
            )


def draw_foreign(image: Image, box: Box, loose: np.random.Generator) -> None:
    """Something that does not belong: a cup, a rag, a box."""
    x, y, w, h = box
    colour = tuple(int(c) for c in loose.integers(20, 240, 3))
    centre = (int(x + w * loose.uniform(0.4, 0.6)), int(y + h * loose.uniform(0.4, 0.6)))
    size = int(min(w, h) * loose.uniform(0.34, 0.45))
    if loose.random() < 0.5:
        cv2.circle(image, centre, size, colour, -1, _SMOOTH)
        cv2.circle(image, centre, int(size * 0.7), _shaded(colour, 0.5), 3, _SMOOTH)
    else:
        corner = (centre[0] - size, centre[1] - size)
        cv2.rectangle(image, corner, (centre[0] + size, centre[1] + size), colour, -1)
        cv2.line(image, corner, (centre[0] + size, centre[1] + size), _shaded(colour, 1.4), 4, _SMOOTH)


DRAW = {
    "drill_stand": draw_drill,
    "insert_box": draw_inserts,
    "shadow_board": draw_board_tool,
    "bar_rack": draw_bars,
}
"""Kind of cabinet → what draws one of its compartments."""
