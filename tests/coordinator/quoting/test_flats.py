"""Flats on turned parts: the length of the drawing counts, and only a missing one is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.coordinator.quoting.engine import samples
from tests.coordinator.quoting.engine.samples import SHAFT


def _line(**flat: Any) -> dict[str, Any]:
    feature = {"type": "flat", "depth_mm": 3.0, "diameter_mm": 40.0, "count": 1, "axis": [1, 0, 0], **flat}
    found: dict[str, Any] = samples.line(samples.quote(samples.part({**SHAFT, "features": [feature]})))
    return found


def _told(line: dict[str, Any]) -> bool:
    return any("Méplat : longueur non lue" in w for w in line["warnings"])


@pytest.mark.requirement("QUO-06")
def test_a_missing_length_is_told_and_a_read_one_is_not() -> None:
    assert _told(_line())
    assert not _told(_line(length_mm=30.0))


def test_the_length_makes_the_time() -> None:
    def milling(line: dict[str, Any]) -> float:
        return sum(float(o["run_min"]) for o in line["operations"] if o["operation_type"] == "milling")

    short, long = milling(_line(length_mm=10.0)), milling(_line(length_mm=50.0))
    assert 0 < short < long
