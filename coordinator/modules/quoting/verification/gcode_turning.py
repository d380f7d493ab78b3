"""Turning passes: facing, roughing bands, contours, grooves, threads, parting."""

from __future__ import annotations

import math

from coordinator.modules.quoting.engine.cutting import Cut
from coordinator.modules.quoting.engine.shapes import Shape
from coordinator.modules.quoting.verification.writer import CLEAR_MM, Program


def _shape(cut: Cut) -> Shape:
    if cut.shape is None:
        raise ValueError(cut.label)
    return cut.shape


def _ap(cut: Cut) -> float:
    return cut.ap_mm.value if cut.ap_mm else 1.0


def face(program: Program, cut: Cut) -> None:
    """Facing from outside inwards, one level per pass."""
    shape = _shape(cut)
    program.turning_mode(cut)
    for i in range(cut.passes):
        z = shape["stock"] * (1 - (i + 1) / cut.passes)
        program.move(x=shape["d1"] + 2 * CLEAR_MM, z=z + CLEAR_MM, rapid=True)
        program.move(z=z, rapid=True)
        program.move(x=shape["d2"] if shape["d2"] else -0.8)
        program.move(z=z + 1.0, rapid=True)


def bands(program: Program, cut: Cut) -> None:
    """Longitudinal roughing: each pass feeds along, lifts at 45°, returns."""
    shape = _shape(cut)
    inside = bool(shape["internal"])
    sign = 1.0 if inside else -1.0
    program.turning_mode(cut)
    for start, end, length in shape.rows:
        depth = abs(end - start) / 2
        count = max(1, math.ceil(depth / max(_ap(cut), 1e-6) - 1e-3))
        for i in range(count):
            d = start + sign * 2 * depth * (i + 1) / count
            program.move(x=d, z=CLEAR_MM, rapid=True)
            program.move(z=-length)
            program.move(x=max(d - sign * 1.0, 0.0), z=-length + 0.5)
            program.move(z=CLEAR_MM, rapid=True)
    if inside:
        program.move(z=10.0, rapid=True)


def contour(program: Program, cut: Cut) -> None:
    """Finishing along the outline; a further pass only where the segment asks for it."""
    shape = _shape(cut)
    inside = bool(shape["internal"])
    program.turning_mode(cut)
    passes = int(max(row[2] for row in shape.rows))
    for index in range(passes):
        z, cutting = 0.0, False
        for d, length, count in shape.rows:
            allowed = index < count
            if allowed and not cutting:
                program.move(x=d + (-2 if inside else 2) * CLEAR_MM, z=z + CLEAR_MM, rapid=True)
                program.move(x=d, rapid=True)
            elif allowed:
                program.move(x=d)
            elif cutting:
                program.move(x=d + (-2 if inside else 2), rapid=True)
            z -= length
            if allowed:
                program.move(z=z)
            cutting = allowed
        last = shape.rows[-1][0]
        program.move(x=max(last + (-2 if inside else 2), 0.0), rapid=True)
        if inside or index + 1 < passes:
            program.move(z=CLEAR_MM, rapid=True)


def groove(program: Program, cut: Cut) -> None:
    """Plunges side by side, out at rapid."""
    shape = _shape(cut)
    program.turning_mode(cut)
    blade = _ap(cut)
    for number in range(shape.count):
        for plunge in range(int(shape["plunges"])):
            z = -10.0 - 10 * number - blade * plunge
            program.move(x=shape["d1"] + 2.0, z=z, rapid=True)
            program.move(x=shape["d2"])
            program.add("G4 P0.1")
            program.move(x=shape["d1"] + 2.0, rapid=True)


def thread(program: Program, cut: Cut) -> None:
    """Single-point passes with a run-in of two pitches."""
    shape = _shape(cut)
    program.turning_mode(cut, constant_speed=False)
    run_in, total = max(2 * shape["pitch"], CLEAR_MM), 0.613 * shape["pitch"]
    program.move(x=shape["d"] + 3.0, z=run_in, rapid=True)
    for i in range(cut.passes):
        d = shape["d"] - 2 * total * math.sqrt((i + 1) / cut.passes)
        program.move(x=d, rapid=True)
        program.add(f"G33 Z{-shape['length']:.4f} K{shape['pitch']:.4f}")
        program.move(x=shape["d"] + 3.0, rapid=True)
        program.move(z=run_in, rapid=True)


def parting(program: Program, cut: Cut) -> None:
    """Part off to the bore or past the centre."""
    shape = _shape(cut)
    program.turning_mode(cut)
    program.move(x=shape["d1"] + 2 * CLEAR_MM, z=-program.along_mm, rapid=True)
    program.move(x=shape["d2"] if shape["d2"] else -0.4)
    program.move(x=shape["d1"] + 2 * CLEAR_MM, rapid=True)
