"""Boxes as shares of their sheet. Pure."""

from __future__ import annotations

from typing import Any

from coordinator.modules.drawings.reading.model import BBox


def shares(sheet: dict[str, Any], box: Any) -> BBox:
    """A box of the file as shares of the sheet described by ``sheet``, cut to the sheet."""
    width, height = max(1e-9, sheet["width"]), max(1e-9, sheet["height"])
    xs = [(box[0] - sheet["x0"]) / width, (box[2] - sheet["x0"]) / width]
    ys = [(box[1] - sheet["y0"]) / height, (box[3] - sheet["y0"]) / height]
    if sheet["y_up"]:
        ys = [1 - y for y in ys]
    cut = [min(1.0, max(0.0, v)) for v in (min(xs), min(ys), max(xs), max(ys))]
    return cut[0], cut[1], cut[2], cut[3]
