"""Operations a machinist expects where the first tool that fits is not the one to take."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.modules.quoting.engine.part import Feature, HoleStep, PartDescription
from coordinator.modules.quoting.verification.bench import compare
from tests.coordinator.quoting.engine.samples import line, quote


def hub(
    *features: Feature, material: str = "C45", d: float = 80.0, length: float = 60.0, quantity: int = 20
) -> PartDescription:
    return PartDescription(
        "M-1", material=material, quantity=quantity, form="turned", turned_profile=((0.0, d), (length, d)),
        size_mm=(d, d, length), general_tolerance="ISO 2768-mK", features=features,
    )  # fmt: skip


def bore(*steps: tuple[float, float], form: str = "plain", through: bool = True) -> Feature:
    smallest = min(d for d, _ in steps)
    depth = sum(length for _, length in steps)
    return Feature("bore", form, smallest, depth, through, is_coaxial=True, axis=(0.0, 0.0, 1.0),
                   steps=tuple(HoleStep(*s) for s in steps))  # fmt: skip


def operations(found: dict[str, Any], word: str) -> list[dict[str, Any]]:
    return [o for o in found["operations"] if word in o["label"]]


@pytest.mark.requirement("QUO-13")
def test_keyway_of_a_bore_is_slotted_not_milled() -> None:
    key = Feature("slot", "internal", width_mm=8.0, length_mm=60.0, depth_mm=3.3, axis=(0.0, 0.0, 1.0))
    part = hub(bore((30.0, 60.0)), key)
    result = quote(part)
    found = line(result)
    (slotted,) = operations(found, "Mortaisage")
    assert not operations(found, "Rainure 8")
    # 3.3 mm at 0.05 mm per stroke and four to spring back, 66 mm out at 8 m/min and back three times as fast
    assert slotted["cut_min"] == pytest.approx((66 + 4) * 66 * (4 / 3) / 8000, rel=1e-3)
    assert any("Outil à mortaiser largeur 8 mm" in gap["what"] for gap in found["resource_gaps"])
    assert abs(compare("moyeu", part, result.lines[0].options[0]).gap_pct) < 15


@pytest.mark.requirement("QUO-13")
def test_wide_step_over_a_small_hole_is_drilled_before_it_is_bored() -> None:
    part = hub(bore((74.0, 56.0), (12.0, 4.0), form="counterbore"), material="EN AW-2017A")
    result = quote(part)
    found = line(result)
    assert [o["label"].split(" × Ø")[1] for o in operations(found, "Perçage")] == ["12 × 60", "50 × 41"]
    (rough,) = operations(found, "Alésage ébauche")
    assert rough["tool"] == "BA-25"
    assert abs(compare("cloche", part, result.lines[0].options[0]).gap_pct) < 15


@pytest.mark.requirement("QUO-17")
def test_cone_at_the_mouth_of_a_centre_bore_is_countersunk() -> None:
    found = line(quote(hub(bore((5.0, 1.25), (2.5, 6.75), form="countersink", through=False), d=16.0)))
    assert operations(found, "Chanfrein 1 × Ø5")
    assert not operations(found, "Alésage")


@pytest.mark.requirement("QUO-18")
def test_chamfers_of_large_threads_do_not_take_longer_than_a_cutter_would_cost() -> None:
    thread = Feature("hole", diameter_mm=17.5, depth_mm=25.0, through=True, count=12, axis=(0.0, 0.0, 1.0),
                     thread="M20", positions_mm=tuple((90.0, float(i), 0.0) for i in range(12)))  # fmt: skip
    found = line(quote(hub(thread, material="X2CrNiMo17-12-2", d=220.0, length=25.0, quantity=6)))
    (chamfer,) = operations(found, "Chanfrein")
    assert chamfer["run_min"] < 6
