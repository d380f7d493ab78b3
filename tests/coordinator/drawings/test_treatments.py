"""Treatments of an analysis carry their details."""

import pytest

from coordinator.modules.drawings import results


@pytest.mark.requirement("DRW-23")
def test_treatments_of_an_analysis_have_kind_hardness_and_layer() -> None:
    found = results.treatments(
        {"heat_treatment": "Trempé revenu 28-32 HRC", "surface_treatment": "Zingage 8 µm, épargner le Ø20 H7"}
    )
    assert [(item["kind"], item["hardness"], item["changes_size"]) for item in found] == [
        ("heat", "28-32 HRC", False),
        ("coating", None, True),
    ]
    assert found[1]["thickness_um"] == (8.0, 8.0)
    assert found[1]["masked"] == "épargner le Ø20 H7"
