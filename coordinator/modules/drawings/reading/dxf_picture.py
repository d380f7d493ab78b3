"""Draws a DXF as a picture with OpenCV, for review. Runs inside the sandbox."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from ezdxf.addons.drawing.backend import Backend
from ezdxf.addons.drawing.config import BackgroundPolicy, ColorPolicy, Configuration
from ezdxf.addons.drawing.frontend import Frontend
from ezdxf.addons.drawing.properties import RenderContext
from ezdxf.addons.drawing.recorder import Player, Recorder

from coordinator.modules.drawings.reading.dxf_file import open_dxf
from coordinator.modules.drawings.reading.model import BBox, ReadingFailedError

MARGIN = 0.01
_FLATTENING_PX = 0.5


def extents(path: Path) -> BBox:
    """Drawn area in drawing units, ``x0, y0, x1, y1``, with a small margin."""
    return _area(_recorded(path))


def draw(path: Path, side_px: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Picture of the drawn area, black on white, its longer side ``side_px``."""
    player = _recorded(path)
    x0, y0, x1, y1 = _area(player)
    scale = side_px / max(x1 - x0, y1 - y0)
    shape = (max(1, round((y1 - y0) * scale)), max(1, round((x1 - x0) * scale)), 3)
    canvas = _Canvas(np.full(shape, 255, dtype=np.uint8), x0, y1, scale)
    player.replay(canvas)
    picture: np.ndarray[Any, np.dtype[np.uint8]] = canvas.picture
    return picture


def texts(path: Path) -> list[tuple[str, BBox]]:
    """Texts with their boxes in drawing units."""
    from ezdxf import bbox as boxes
    from ezdxf.disassemble import recursive_decompose

    found = []
    for entity in recursive_decompose(_space(open_dxf(path))):
        if entity.dxftype() not in ("TEXT", "ATTRIB", "MTEXT"):
            continue
        raw = entity.plain_text() if hasattr(entity, "plain_text") else str(entity.dxf.text)
        box = boxes.extents([entity], fast=True)
        if raw.strip() and box.has_data:
            found.append(
                (" ".join(raw.split())[:120], (box.extmin.x, box.extmin.y, box.extmax.x, box.extmax.y))
            )
    return found


def _space(document: Any) -> Any:
    """Model space, or the first filled sheet where model space is empty."""
    spaces = [document.modelspace(), *(document.layout(name) for name in document.layout_names_in_taborder())]
    return next((space for space in spaces if len(space)), spaces[0])


def _recorded(path: Path) -> Player:
    document = open_dxf(path)
    recorder = Recorder()
    config = Configuration(
        background_policy=BackgroundPolicy.WHITE, color_policy=ColorPolicy.BLACK, hatching_timeout=5.0
    )
    Frontend(RenderContext(document), recorder, config=config).draw_layout(_space(document))
    return recorder.player()


def _area(player: Player) -> BBox:
    box = player.bbox()
    if not box.has_data or max(box.size.x, box.size.y) <= 0:
        raise ReadingFailedError("drawing.no_page", "Ce fichier DXF ne montre rien.")
    margin = MARGIN * max(box.size.x, box.size.y)
    return (
        box.extmin.x - margin, box.extmin.y - margin, box.extmax.x + margin, box.extmax.y + margin,
    )  # fmt: skip


class _Canvas(Backend):
    """Backend of the ezdxf drawing add-on that paints on an OpenCV picture."""

    def __init__(self, picture: Any, left: float, top: float, scale: float) -> None:
        super().__init__()
        self.picture = picture
        self._left, self._top, self._scale = left, top, scale

    def _points(self, vertices: Iterable[Any]) -> Any:
        found = [((v.x - self._left) * self._scale, (self._top - v.y) * self._scale) for v in vertices]
        limited = np.clip(np.array(found, dtype=float).reshape(-1, 2), -30000, 30000)
        return np.round(limited).astype(np.int32)

    def set_background(self, color: str) -> None:
        """The sheet is white already."""

    def draw_point(self, pos: Any, properties: Any) -> None:  # noqa: ARG002
        """A dot."""
        cv2.circle(self.picture, tuple(map(int, self._points([pos])[0])), 1, (0, 0, 0), -1)

    def draw_line(self, start: Any, end: Any, properties: Any) -> None:  # noqa: ARG002
        """One stroke."""
        cv2.polylines(self.picture, [self._points([start, end])], False, (0, 0, 0), 1, cv2.LINE_AA)

    def draw_path(self, path: Any, properties: Any) -> None:  # noqa: ARG002
        """A curve, flattened."""
        points = self._points(path.flattening(_FLATTENING_PX / self._scale))
        cv2.polylines(self.picture, [points], False, (0, 0, 0), 1, cv2.LINE_AA)

    def draw_filled_paths(self, paths: Any, properties: Any) -> None:  # noqa: ARG002
        """Glyphs and hatches."""
        rings = [
            self._points(ring.flattening(_FLATTENING_PX / self._scale))
            for path in paths
            for ring in path.sub_paths()
        ]
        rings = [ring for ring in rings if len(ring) > 2]
        if rings:
            cv2.fillPoly(self.picture, rings, (0, 0, 0), cv2.LINE_AA)

    def draw_filled_polygon(self, points: Any, properties: Any) -> None:  # noqa: ARG002
        """A filled area."""
        ring = self._points(points.vertices())
        if len(ring) > 2:
            cv2.fillPoly(self.picture, [ring], (0, 0, 0), cv2.LINE_AA)

    def draw_image(self, image_data: Any, properties: Any) -> None:
        """Pictures inside a drawing are left out."""

    def clear(self) -> None:
        """Back to white."""
        self.picture[:] = 255
