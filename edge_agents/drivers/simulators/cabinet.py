"""Rendered scenes of a tool cabinet: shelf, ArUco markers, tools present or absent, light, noise, camera shift.

``python -m edge_agents.drivers.simulators.cabinet DIR`` writes a vision configuration, the empty scene and a full one.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

WIDTH, HEIGHT = 960, 640
_MARKER = 70
_MARGIN = 20
_COLUMNS, _ROWS = 4, 2


@dataclass(frozen=True)
class SceneLook:
    """How a scene is seen: light factor, noise in gray levels, blur in pixels, camera shift and turn."""

    light: float = 1.0
    noise: float = 3.0
    blur: float = 0.0
    shift_px: tuple[float, float] = (0.0, 0.0)
    turn_deg: float = 0.0
    seed: int = 1


def compartment_ids() -> list[str]:
    """Codes of the eight compartments; the last one is counted, the others are places of one tool."""
    return [f"A-{number:02d}" for number in range(1, _COLUMNS * _ROWS + 1)]


def _box(index: int) -> tuple[int, int, int, int]:
    width, height = 180, 200
    column, row = index % _COLUMNS, index // _COLUMNS
    return 100 + column * 195, 105 + row * 225, width, height


def vision_config() -> dict[str, Any]:
    """Vision CONFIG of the rendered cabinet."""
    compartments = []
    for index, name in enumerate(compartment_ids()):
        x, y, width, height = _box(index)
        polygon = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
        entry: dict[str, Any] = {
            "id": name,
            "method": "presence",
            "polygon": polygon,
            "item": f"OUTIL-{index + 1:02d}",
        }
        if index == _COLUMNS * _ROWS - 1:
            entry |= {"method": "count", "unit_area_px": 1950, "item": "PLAQUETTE"}
        compartments.append(entry)
    markers = {}
    for number, (x, y) in enumerate(_marker_places()):
        markers[number] = [
            [x, y],
            [x + _MARKER - 1, y],
            [x + _MARKER - 1, y + _MARKER - 1],
            [x, y + _MARKER - 1],
        ]
    return {
        "compartments": compartments,
        "fiducials": {"dictionary": "DICT_4X4_50", "markers": markers},
        "camera": {"width": WIDTH, "height": HEIGHT},
        "empty_image": "empty.png",
    }


def _marker_places() -> list[tuple[int, int]]:
    right, low = WIDTH - _MARGIN - _MARKER, HEIGHT - _MARGIN - _MARKER
    return [(_MARGIN, _MARGIN), (right, _MARGIN), (right, low), (_MARGIN, low)]


def render(content: Mapping[str, int], look: SceneLook | None = None) -> Any:
    """BGR image of the cabinet; ``content`` gives the number of pieces per compartment."""
    look = look or SceneLook()
    image = np.full((HEIGHT, WIDTH, 3), (200, 205, 205), np.uint8)
    for index, name in enumerate(compartment_ids()):
        x, y, width, height = _box(index)
        cv2.rectangle(image, (x, y), (x + width, y + height), (165, 170, 172), -1)
        cv2.rectangle(image, (x, y), (x + width, y + height), (90, 90, 90), 3)
        if index == _COLUMNS * _ROWS - 1:
            _draw_inserts(image, x, y, content.get(name, 0))
        elif content.get(name, 0):
            _draw_tool(image, x, y, index)
    table = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    for number, (x, y) in enumerate(_marker_places()):
        marker = cv2.aruco.generateImageMarker(table, number, _MARKER)
        cv2.rectangle(image, (x - 12, y - 12), (x + _MARKER + 11, y + _MARKER + 11), (255, 255, 255), -1)
        image[y : y + _MARKER, x : x + _MARKER] = marker[:, :, None]
    return _seen(image, look)


def _draw_tool(image: Any, x: int, y: int, index: int) -> None:
    shade = (60 + 6 * index, 55 + 5 * index, 50)
    cv2.rectangle(image, (x + 70, y + 20), (x + 110, y + 180), shade, -1)
    cv2.circle(image, (x + 90, y + 50), 38, (40, 45, 60 + 8 * index), -1)
    cv2.line(image, (x + 78, y + 90), (x + 102, y + 170), (120, 120, 125), 4)


def _draw_inserts(image: Any, x: int, y: int, count: int) -> None:
    for number in range(count):
        column, row = number % 3, number // 3
        corner = (x + 18 + column * 54, y + 18 + row * 60)
        cv2.rectangle(image, corner, (corner[0] + 43, corner[1] + 43), (30, 120, 190), -1)


def _seen(image: Any, look: SceneLook) -> Any:
    matrix = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), look.turn_deg, 1.0)
    matrix[:, 2] += np.array(look.shift_px)
    moved = cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    if look.blur:
        moved = cv2.GaussianBlur(moved, (0, 0), look.blur)
    noise = np.random.default_rng(look.seed).normal(0, look.noise, moved.shape)
    return np.clip(moved.astype(np.float32) * look.light + noise, 0, 255).astype(np.uint8)


def full_content() -> dict[str, int]:
    """One tool everywhere and five inserts in the counted compartment."""
    names = compartment_ids()
    return dict.fromkeys(names[:-1], 1) | {names[-1]: 5}


def write_station(directory: Path) -> Path:
    """Writes ``vision.yaml``, ``empty.png`` and ``frames/0001.png`` (full cabinet); returns the vision file."""
    frames = directory / "frames"
    frames.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(directory / "empty.png"), render({}))
    cv2.imwrite(str(frames / "0001.png"), render(full_content(), SceneLook(seed=2)))
    path = directory / "vision.yaml"
    path.write_text(yaml.safe_dump(vision_config(), allow_unicode=True), encoding="utf-8")
    return path


def main() -> None:
    """Command line of the renderer."""
    parser = argparse.ArgumentParser(description="Scènes simulées d'une armoire à outils.")
    parser.add_argument("directory", type=Path, help="dossier à remplir")
    print(write_station(parser.parse_args().directory))


if __name__ == "__main__":
    main()
