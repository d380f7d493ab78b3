"""Spans of states, plausibility of counts and samples, fit of a part on a machine. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

GOOD, UNCERTAIN, BAD = 0, 1, 2
FUTURE_TOLERANCE = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class CountStep:
    """Parts made between two readings of a counter, and why they are not simply the difference."""

    parts: int
    anomaly: str | None = None


def counter_step(previous: int | None, current: int, max_step: int) -> CountStep:
    """Parts between two counter readings; a reset counts what was made since, a jump counts nothing (MCH-48)."""
    if current < 0:
        return CountStep(0, "negative")
    if previous is None:
        return CountStep(0)
    step = current - previous
    if step < 0:
        return CountStep(current if current <= max_step else 0, "reset")
    if step > max_step:
        return CountStep(0, "jump")
    return CountStep(step)


def plausible_parts(reported: int, max_parts: int) -> CountStep:
    """Parts one cycle may book."""
    if reported < 0:
        return CountStep(0, "negative")
    if reported > max_parts:
        return CountStep(0, "jump")
    return CountStep(reported)


@dataclass(frozen=True)
class PartNeed:
    """What an operation asks of a machine; lengths in mm, mass in kg; ``None`` asks nothing."""

    length_mm: Decimal | None = None
    width_mm: Decimal | None = None
    height_mm: Decimal | None = None
    diameter_mm: Decimal | None = None
    mass_kg: Decimal | None = None
    axis_count: int | None = None
    spindle_rpm: int | None = None
    power_kw: Decimal | None = None


@dataclass(frozen=True)
class MachineLimits:
    """What a machine offers; ``None`` is unknown and never excludes."""

    travel_mm: tuple[Decimal | None, Decimal | None, Decimal | None] = (None, None, None)
    max_turning_diameter_mm: Decimal | None = None
    table_load_kg: Decimal | None = None
    axis_count: int | None = None
    max_spindle_rpm: int | None = None
    spindle_power_kw: Decimal | None = None
    unknown: tuple[str, ...] = field(default=())


def _over(need: Decimal | int | None, limit: Decimal | int | None) -> bool:
    return need is not None and limit is not None and need > limit


def misfits(need: PartNeed, machine: MachineLimits) -> list[str]:
    """Limits the part exceeds: ``travel``, ``turning_diameter``, ``load``, ``axes``, ``speed``, ``power`` (MCH-05).

    The part may lie in any orientation, so its sorted sides are compared with the sorted strokes.
    """
    found = []
    sides = sorted(
        (s for s in (need.length_mm, need.width_mm, need.height_mm) if s is not None), reverse=True
    )
    strokes = sorted((t for t in machine.travel_mm if t is not None), reverse=True)
    if any(side > stroke for side, stroke in zip(sides, strokes, strict=False)):
        found.append("travel")
    checks: tuple[tuple[str, Decimal | int | None, Decimal | int | None], ...] = (
        ("turning_diameter", need.diameter_mm, machine.max_turning_diameter_mm),
        ("load", need.mass_kg, machine.table_load_kg),
        ("axes", need.axis_count, machine.axis_count),
        ("speed", need.spindle_rpm, machine.max_spindle_rpm),
        ("power", need.power_kw, machine.spindle_power_kw),
    )
    return found + [name for name, wanted, limit in checks if _over(wanted, limit)]
