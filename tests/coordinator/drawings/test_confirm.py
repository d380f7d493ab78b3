"""A doubtful value that a person confirmed is no longer asked; what follows from the material is as sure as the material."""

from __future__ import annotations

import pytest

from tests.coordinator.drawings.desk import Desk, fields_of


@pytest.mark.requirement("DRW-31", "DRW-34")
def test_a_confirmed_value_is_no_longer_asked(desk: Desk) -> None:
    [review] = desk.read(desk.pdf())
    assert fields_of(review)["length_mm"]["level"] == "orange"
    assert "length_mm" in {q["field"] for q in review["questions"] if q["kind"] == "check"}
    desk.done(review, "confirm", fields=["length_mm"])
    after = desk.review(review["id"])
    field = fields_of(after)["length_mm"]
    assert (field["level"], field["is_confirmed"], field["correction"]) == ("human", True, None)
    assert "length_mm" not in {q["field"] for q in after["questions"]}
    history = desk.get(f"drawing-analyses/{review['id']}/history")
    assert "confirm" in {h["action"] for h in history}
    changed = fields_of(desk.correct(after, length_mm="81"))["length_mm"]
    assert (changed["is_confirmed"], changed["correction"]["corrected_value"]) == (False, "81")


def test_nothing_and_unknown_fields_cannot_be_confirmed(desk: Desk) -> None:
    [review] = desk.read(desk.pdf())
    for names in (["height_mm"], ["colour"], []):
        assert desk.act(review, "confirm", fields=names).status_code == 422, names


@pytest.mark.requirement("DRW-22", "DRW-32")
def test_the_matched_material_stands_where_it_is_written(desk: Desk) -> None:
    [review] = desk.read(desk.pdf(material="C45"))
    fields = fields_of(review)
    assert fields["material_id"]["level"] == fields["material_text"]["level"] == "green"
    assert fields["material_id"]["box"] == fields["material_text"]["box"]
    chosen = fields_of(desk.correct(review, material_id=desk.material("42CrMo4")))
    assert chosen["material_id"]["level"] == "human"


def test_the_norm_is_chosen_from_words(desk: Desk) -> None:
    [review] = desk.read(desk.pdf())
    norm = fields_of(review)["standard_system"]
    assert [c["value"] for c in norm["choices"]] == ["iso", "asme"]
    assert norm["display"].startswith("ISO")
