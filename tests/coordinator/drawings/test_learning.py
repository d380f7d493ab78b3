"""Two identical corrections in one style of title block propose a template; approved, it acts (DRW-35)."""

from __future__ import annotations

import pytest

from coordinator.modules.drawings import styles
from tests.coordinator.drawings.desk import Desk, fields_of


@pytest.mark.requirement("DRW-35")
def test_a_template_is_proposed_approved_and_applied(desk: Desk) -> None:
    customer = desk.customer()

    def plan(number: str, name: str) -> dict[str, object]:
        # This customer writes the finish into the cell of the author.
        [review] = desk.read(
            desk.pdf(f"{number}.pdf", drawing_number=number, author=name), customer_id=customer
        )
        return review

    first = desk.correct(plan("L-1", "Zingage blanc"), surface_treatment="Zingage blanc")
    assert desk.get("title-block-templates")["total"] == 0
    again = desk.correct(first, surface_treatment="Zingage blanc ")
    assert desk.get("title-block-templates")["total"] == 0, "one drawing corrected twice is one correction"
    assert again["title_block_style_id"] is not None
    second = desk.correct(plan("L-2", "Anodisation 20"), surface_treatment="Anodisation 20")
    assert second["title_block_style_id"] == again["title_block_style_id"]
    [template] = desk.get("title-block-templates")["items"]
    assert (template["field_name"], template["status"], template["evidence_count"]) == (
        "surface_treatment",
        "proposed",
        2,
    )
    assert template["label"].startswith("Dessiné")

    waiting = plan("L-3", "Brunissage")
    assert fields_of(waiting)["surface_treatment"]["value"] is None, "a proposal does not act"
    approved = desk.http.post(f"/api/v1/title-block-templates/{template['id']}/approve")
    assert approved.status_code == 200, approved.text
    field = fields_of(plan("L-4", "Nickelage chimique"))["surface_treatment"]
    assert (field["value"], field["level"]) == ("Nickelage chimique", "green")
    assert field["engine"] == "modèle de cartouche"
    [other] = desk.read(
        desk.pdf("L-5.pdf", drawing_number="L-5", author="Chromage"), customer_id=desk.customer("Autre")
    )
    assert fields_of(other)["surface_treatment"]["value"] is None, "a style belongs to its customer"


def word(text: str, x: float, y: float, width: float = 0.08) -> list[object]:
    return [text, x, y, x + width, y + 0.01]


def test_styles_are_known_by_printed_words_and_places() -> None:
    one = [
        word("Matière", 0.5, 0.9),
        word("Échelle", 0.7, 0.9),
        word("Indice", 0.9, 0.95),
        word("Date", 0.7, 0.95),
        word("C45", 0.5, 0.92),
    ]
    same = [
        word("MATIERE :", 0.501, 0.9),
        word("Echelle", 0.7, 0.901),
        word("Indice", 0.9, 0.95),
        word("Date", 0.7, 0.95),
    ]
    moved = [
        word("Matière", 0.1, 0.9),
        word("Échelle", 0.2, 0.9),
        word("Indice", 0.3, 0.95),
        word("Date", 0.4, 0.95),
    ]
    a, b, c = (styles.signature(words) for words in (one, same, moved))
    assert styles.likeness(a, b) == 1.0
    assert styles.likeness(a, c) == 0.0
    assert styles.signature(one[:3]) == [], "three words are no style"


def test_a_value_is_found_with_its_label_and_read_back() -> None:
    words = [
        word("Werkstoff", 0.5, 0.9),
        word("1.4301", 0.5, 0.915),
        word("poliert", 0.59, 0.915),
        word("Blatt", 0.8, 0.9),
        word("1/2", 0.8, 0.915),
    ]
    sheets = [{"page": 1, "words": words}]
    found = styles.locate("1.4301 poliert", sheets)
    assert found is not None
    assert found.label == "Werkstoff"
    assert styles.value_at(found.box, 1, sheets) == "1.4301 poliert"
    assert styles.locate("S235", sheets) is None
    assert styles.value_at(found.box, 2, sheets) is None
