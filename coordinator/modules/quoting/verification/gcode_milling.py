"""Milling paths: planes in zigzag strips, walls as contours, pockets in levels of zigzag, slots, opened bores."""

from __future__ import annotations

import math
from collections.abc import Mapping

from coordinator.modules.quoting.engine.cutting import Cut
from coordinator.modules.quoting.engine.shapes import Shape
from coordinator.modules.quoting.verification.gcode_holes import opening
from coordinator.modules.quoting.verification.writer import CLEAR_MM, Program

_RAMP = 0.07
_RAMP_FEED = 0.7


def _parts(cut: Cut) -> tuple[Shape, float, float, float]:
    """Shape, tool diameter, ap and ae in mm."""
    if cut.shape is None:
        raise ValueError(cut.label)
    d = (cut.choice.tool.diameter_mm if cut.choice else None) or 10.0
    return cut.shape, d, cut.ap_mm.value if cut.ap_mm else d, cut.ae_mm.value if cut.ae_mm else d


def _levels(depth: float, ap: float) -> list[float]:
    count = max(1, math.ceil(depth / max(ap, 1e-6) - 1e-3))
    return [-depth * (i + 1) / count for i in range(count)]


def plane(program: Program, cut: Cut) -> None:
    """Strips along the longer side, entered and left in the air."""
    shape, d, ap, ae = _parts(cut)
    program.rotating(cut)
    rough = shape["stock"] - shape["finish_ap"]
    levels = [z + shape["stock"] for z in _levels(rough, ap)] if rough > 0 else []
    levels += [0.0] * int(shape["finish"])
    strips = max(1, math.ceil(shape["width"] / ae - 1e-6))
    for z in levels:
        program.move(x=-d / 2 - CLEAR_MM, y=ae / 2, rapid=True)
        program.move(z=z, rapid=True)
        for strip in range(strips):
            y = (strip + 0.5) * shape["width"] / strips
            right = strip % 2 == 0
            if strip:
                program.move(y=y)
            program.move(x=shape["length"] + d / 2 + CLEAR_MM if right else -d / 2 - CLEAR_MM)
        program.move(z=z + 10.0, rapid=True)


def walls(program: Program, cut: Cut) -> None:
    """Contours: outside with rounded corners, inside a pocket, a slot or a bore; the floor of a pocket afterwards."""
    shape, d, ap, ae = _parts(cut)
    feed = program.rotating(cut)
    for x, y in program.centres(cut):
        sizes = shape.sizes
        for z in _levels(shape["height"], ap):
            for index in range(max(1, int(shape["passes"]))):
                rest = max(int(shape["passes"]) - 1 - index, 0) * ae
                program.move(x=x, y=y, rapid=True)
                program.move(z=z + CLEAR_MM, rapid=True)
                program.move(z=z, feed=feed * 2)
                if "diameter" in sizes:
                    _bore(program, x, y, (sizes["diameter"] - d) / 2, feed * (1 - d / sizes["diameter"]))
                elif "slot_length" in sizes:
                    _inside(program, x, y, sizes["slot_length"] - d, max(sizes["slot_width"] - d, 0.0), feed)
                elif "floor_length" in sizes:
                    _inside(program, x, y, sizes["floor_length"] - d, sizes["floor_width"] - d, feed)
                else:
                    _outside(program, x, y, shape["length"], d / 2 + rest, feed)
        if "floor_length" in sizes:
            _floor(program, x, y, sizes, d, feed)
        program.move(z=5.0, rapid=True)


def sawing(program: Program, cut: Cut) -> None:
    """Straight passes of a slitting saw beside its slot, each back in rapid."""
    assert cut.shape is not None  # noqa: S101 — programs are written of operations with a shape
    half = cut.shape["way"] / 2
    feed = program.rotating(cut)
    for x, y in program.centres(cut):
        for _ in range(int(cut.shape["passes"])):
            program.move(x=x - half, y=y, rapid=True)
            program.move(z=-cut.shape["depth"], rapid=True)
            program.move(x=x + half, feed=feed)
            program.move(z=5.0, rapid=True)


def _bore(program: Program, x: float, y: float, radius: float, feed: float) -> None:
    program.move(x=x + radius, y=y, feed=feed)
    program.circle(x, y, radius, feed=feed)
    program.move(x=x, y=y, feed=feed * 2)


def _inside(program: Program, x: float, y: float, length: float, width: float, feed: float) -> None:
    half_l, half_w = max(length, 0.0) / 2, max(width, 0.0) / 2
    program.move(x=x - half_l, y=y - half_w, feed=feed)
    for sx, sy in ((1, -1), (1, 1), (-1, 1), (-1, -1)):
        program.move(x=x + sx * half_l, y=y + sy * half_w, feed=feed)


def _outside(program: Program, x: float, y: float, perimeter: float, offset: float, feed: float) -> None:
    """A rectangle of 3:2 with the given perimeter, tool outside, round the corners."""
    length, width = 0.3 * perimeter, 0.2 * perimeter
    x0, y0 = x - length / 2, y - width / 2
    program.move(x=x0 - CLEAR_MM, y=y0 - offset, feed=feed)
    for sx, sy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        corner_x = x0 + (length if sx == 1 or (sy == 1) else 0.0)
        corner_y = y0 + (width if sy == 1 or (sx == -1) else 0.0)
        program.move(x=corner_x + offset * sy, y=corner_y - offset * sx, feed=feed)
        end_x, end_y = corner_x + offset * sx, corner_y + offset * sy
        program.add(f"G3 X{end_x:.4f} Y{end_y:.4f} I{-offset * sy:.4f} J{offset * sx:.4f} F{feed:.2f}")


def _floor(program: Program, x: float, y: float, sizes: Mapping[str, float], d: float, feed: float) -> None:
    tool = sizes["floor_tool"]
    _zigzag(program, x, y, sizes["floor_length"] - d, sizes["floor_width"] - d, 0.7 * min(tool, d), feed)


def _zigzag(
    program: Program, x: float, y: float, length: float, width: float, step: float, feed: float
) -> None:
    length, width = max(length, 0.0), max(width, 0.0)
    lanes = max(1, math.ceil(width / step - 1e-6) + 1) if width > 0 else 1
    for lane in range(lanes):
        at = y - width / 2 + (width * lane / (lanes - 1) if lanes > 1 else 0.0)
        start, end = (-length / 2, length / 2) if lane % 2 == 0 else (length / 2, -length / 2)
        program.move(x=x + start, y=at, feed=feed)
        program.move(x=x + end, y=at, feed=feed)


def volume(program: Program, cut: Cut) -> None:
    """A pocket level by level: ramp in, zigzag, once around; a bore is opened in circles."""
    shape, d, ap, ae = _parts(cut)
    feed = program.rotating(cut)
    for x, y in program.centres(cut):
        program.move(x=x, y=y, rapid=True)
        program.move(z=CLEAR_MM, rapid=True)
        above = 0.0
        for z in _levels(shape["depth"], ap):
            if shape["round"]:
                _open_level(program, (x, y, z), shape, d, ae, feed)
            elif shape.sizes.get("notch"):
                _notch_level(program, (x, y, z), shape, d, ae, feed)
            else:
                _pocket_level(program, (x, y, above, z), shape, d, ae, feed)
            above = z
        program.move(z=5.0, rapid=True)


def _open_level(
    program: Program, at: tuple[float, float, float], shape: Shape, d: float, ae: float, feed: float
) -> None:
    x, y, z = at
    diameter = shape["length"]
    inner, outer = max((shape["start"] - d) / 2, 0.0), (diameter - d) / 2
    if shape["start"] > d + 1:
        program.move(x=x, y=y, rapid=True)
        program.move(z=z, feed=feed * 2)
    else:
        radius = min(0.4 * d, outer)
        program.move(x=x + radius, y=y, feed=feed)
        program.circle(x, y, radius, z, feed * _RAMP_FEED)
    for radius in opening(inner, outer, ae):
        program.move(x=x + radius, y=y, feed=feed)
        program.circle(x, y, radius, feed=max(feed * (1 - d / (2 * radius + d)), 0.2 * feed))
    program.move(x=x, y=y, feed=feed * 2)


def _pocket_level(
    program: Program, at: tuple[float, float, float, float], shape: Shape, d: float, ae: float, feed: float
) -> None:
    x, y, above, z = at
    length, width = shape["length"] - d, shape["width"] - d
    ramp = (above - z) / _RAMP
    span = max(min(length, ramp), 0.5)
    program.move(x=x - length / 2, y=y - width / 2, feed=feed)
    turns = max(1, math.ceil(ramp / span / 2))
    for i in range(turns):
        down = above + (z - above) * (i + 0.5) / turns
        program.move(x=x - length / 2 + span, y=y - width / 2, z=down, feed=feed * _RAMP_FEED)
        program.move(
            x=x - length / 2, y=y - width / 2, z=above + (z - above) * (i + 1) / turns, feed=feed * _RAMP_FEED
        )
    _zigzag(program, x, y, length, width, ae, feed)
    _inside(program, x, y, length, width, feed)


def _notch_level(
    program: Program, at: tuple[float, float, float], shape: Shape, d: float, ae: float, feed: float
) -> None:
    """Lanes along an open side, from outside the material inwards; each is entered and left in the air."""
    x, y, z = at
    lanes = max(1, math.ceil(shape["width"] / ae - 1e-6))
    span = shape["length"] / 2 + d / 2 + CLEAR_MM
    program.move(x=x - span, y=y - shape["width"] / 2 - d / 2, rapid=True)
    program.move(z=z, rapid=True)
    for lane in range(lanes):
        side = 1 if lane % 2 == 0 else -1
        program.move(y=y - shape["width"] / 2 - d / 2 + (lane + 1) * shape["width"] / lanes, feed=feed)
        program.move(x=x + side * span, feed=feed)


def slot(program: Program, cut: Cut) -> None:
    """Level by level, ramping down along the slot, there and back."""
    shape, d, ap, _ = _parts(cut)
    feed = program.rotating(cut)
    half = max(shape["length"] - d, 0.0) / 2
    spread = max(shape["width"] - d, 0.0)
    for x, y in program.centres(cut):
        program.move(x=x - half, y=y, rapid=True)
        program.move(z=CLEAR_MM, rapid=True)
        program.move(z=0.0, feed=feed)
        side = -1
        for z in _levels(shape["depth"], ap):
            lanes = max(1, int(shape["lanes"]))
            for lane in range(lanes):
                at = y - spread / 2 + (spread * lane / (lanes - 1) if lanes > 1 else spread / 2)
                side = -side
                program.move(y=at, feed=feed)
                program.move(x=x + side * half, y=at, z=z if lane == 0 else None, feed=feed)
            side = -side
            program.move(x=x + side * half, feed=feed)
        program.move(z=5.0, rapid=True)
