"""Hole cycles written out block by block: drilling, pecking, plunging, reaming, boring, tapping, thread milling."""

from __future__ import annotations

import math
from collections.abc import Iterator

from coordinator.modules.quoting.engine.cutting import Cut
from coordinator.modules.quoting.engine.shapes import Shape
from coordinator.modules.quoting.verification.writer import CLEAR_MM, Program

_REAM_OUT = 3.0


def _each(program: Program, cut: Cut) -> Iterator[Shape]:
    shape = cut.shape
    if shape is None:
        raise ValueError(cut.label)
    for x, y in program.centres(cut):
        program.move(x=x, y=y, rapid=True)
        program.move(z=CLEAR_MM, rapid=True)
        yield shape
        program.move(z=5.0, rapid=True)


def drilling(program: Program, cut: Cut) -> None:
    """Through the point; deep holes in pecks of one diameter with full retract, half a diameter beyond 10 D."""
    feed = program.rotating(cut)
    for shape in _each(program, cut):
        depth, d = shape["depth"] + 0.3 * shape["d"], shape["d"]
        ratio = shape["depth"] / d
        if shape["peck"] <= 1:
            program.move(z=-depth, feed=feed)
            continue
        first, step = (3.0, 1.0) if ratio <= 10 else (2.0, 0.6)
        reached = 0.0
        while reached < depth - 1e-6:
            step_mm = (first if reached == 0.0 else step) * d
            goal = min(reached + step_mm, depth)
            if reached:
                program.move(z=-reached + 0.5, rapid=True)
            program.move(z=-goal, feed=feed)
            program.move(z=CLEAR_MM, rapid=True)
            reached = goal


def plunge(program: Program, cut: Cut) -> None:
    """Spotting, countersinking, counterboring: in, one turn, out."""
    feed = program.rotating(cut)
    turn = 60 / max(cut.n_rev_min.value if cut.n_rev_min else 1000.0, 1.0)
    for shape in _each(program, cut):
        program.move(z=-shape["depth"], feed=feed)
        program.add(f"G4 P{turn:.3f}")


def reaming(program: Program, cut: Cut) -> None:
    """In at the reamer's feed, out at three times the feed with the spindle turning."""
    feed = program.rotating(cut)
    for shape in _each(program, cut):
        program.move(z=-shape["depth"] - 0.3 * shape["d"], feed=feed)
        program.move(z=CLEAR_MM, feed=_REAM_OUT * feed)


def boring(program: Program, cut: Cut) -> None:
    """In at feed, oriented stop, out at rapid."""
    feed = program.rotating(cut)
    speed = cut.n_rev_min.value if cut.n_rev_min else 0.0
    for shape in _each(program, cut):
        for _ in range(max(1, int(shape["passes"]))):
            program.move(z=-shape["depth"] - 1.0, feed=feed)
            program.add("M5")
            program.move(z=CLEAR_MM, rapid=True)
            program.add(f"G97 S{speed:.0f} M3")


def tapping(program: Program, cut: Cut) -> None:
    """Rigid tapping from two pitches above: in, reverse, out, forward again."""
    feed = program.rotating(cut)
    for shape in _each(program, cut):
        start = max(CLEAR_MM, 2 * shape["pitch"])
        program.move(z=start, rapid=True)
        program.move(z=-shape["depth"], feed=feed)
        program.add("M4")
        program.move(z=start, feed=feed)
        program.add("M3")


def thread_milling(program: Program, cut: Cut) -> None:
    """Half-turn in, one helix per cutter length, half-turn out, at the feed of the cutter's centre."""
    feed = program.rotating(cut)
    for shape in _each(program, cut):
        radius = (shape["d"] - shape["cutter"]) / 2
        centre_feed = feed * (shape["d"] - shape["cutter"]) / shape["d"]
        x, y = program.centres(cut)[0]
        for turn in range(int(shape["turns"])):
            z = -shape["depth"] * (turn + 1) / shape["turns"]
            program.move(z=z, rapid=True)
            program.move(x=x + radius, y=y, feed=centre_feed)
            program.circle(x, y, radius, z + shape["pitch"], centre_feed)
            program.move(x=x, y=y, feed=centre_feed)


def strokes(program: Program, cut: Cut) -> None:
    """Slotting with a held spindle: one axial stroke per chip, lifted clear on the way back."""
    if cut.feed_mm_min is None or cut.ap_mm is None:
        raise ValueError(f"no conditions: {cut.label}")
    program.add("M5")
    for shape in _each(program, cut):
        x, y = program.centres(cut)[0]
        for number in range(int(shape["strokes"])):
            infeed = min((number + 1) * cut.ap_mm.value, shape["depth"])
            program.move(x=x + infeed, y=y, rapid=True)
            program.move(z=-shape["length"] - 3.0, feed=cut.feed_mm_min.value)
            program.move(x=x + infeed - 0.5, y=y, rapid=True)
            program.move(z=CLEAR_MM, rapid=True)


def opening(radius_from: float, radius_to: float, ae_mm: float) -> list[float]:
    """Centre radii of the circles that open a hole, innermost first."""
    count = max(1, math.ceil((radius_to - radius_from) / ae_mm - 1e-6))
    return [radius_from + (radius_to - radius_from) * (i + 1) / count for i in range(count)]
