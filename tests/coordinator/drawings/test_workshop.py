"""The drawing seen from the workshop, and the further parts it holds (DRW-03, DRW-13, DRW-24, DRW-26, DRW-29, DRW-30, DRW-41)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coordinator.modules.drawings import offered
from coordinator.modules.drawings.reading.model import BomItem, DrawingReading
from coordinator.modules.drawings.results import FilePart
from infra.samples.sheet import Callout
from tests.coordinator.drawings.desk import Desk, fields_of
from tests.coordinator.drawings.reading import modelled as m
from tests.coordinator.drawings.reading.test_processes import bom_sheet

_BOM = [
    ("1", "1", "Corps", "C45", "PL-100-01"),
    ("2", "4", "Entretoise", "S235", "PL-100-02"),
    ("3", "8", "Vis CHC M6x20", "8.8", "ISO 4762"),
]


def create(desk: Desk, plural: str, **values: Any) -> int:
    answer = desk.http.post(f"/api/v1/{plural}", json=values)
    assert answer.status_code == 201, answer.text
    made: int = answer.json()["id"]
    return made


def mill(desk: Desk, travel: str = "500", **more: Any) -> int:
    machine = create(
        desk, "machines", code="F1", name="Fraiseuse 3 axes", machine_type="mill", axis_count=3, travel_x_mm=travel,
        travel_y_mm=travel, travel_z_mm="400", **more,
    )  # fmt: skip
    for kind in ("milling", "drilling"):
        create(desk, "machine-capabilities", machine_id=machine, operation_type=kind)
    return machine


def plate(desk: Desk) -> Path:
    return desk.pdf(sizes=(80, 45, 12, Callout("diameter", 8.5, prefix="Ø", count=4)))


def sized(desk: Desk, review: dict[str, Any], **more: str) -> dict[str, Any]:
    return desk.correct(review, **{"length_mm": "80", "width_mm": "45", "height_mm": "12", **more})


@pytest.mark.requirement("DRW-29")
def test_feasibility_follows_the_park_and_the_corrected_size(desk: Desk) -> None:
    (review,) = desk.read(plate(desk))
    # Without machines of that kind nothing can be made here.
    sized(desk, review)
    assert desk.done(review, "check_feasibility")["result"] == "not_feasible"
    machine = mill(desk)
    assert desk.done(review, "check_feasibility")["result"] == "feasible"
    shown = desk.review(review["id"])["feasibility"]
    fitting = {p["process"]: [one["id"] for one in p["fitting"]] for p in shown["processes"]}
    assert fitting["milling"] == [machine]
    sized(desk, review, length_mm="800")
    report = desk.done(review, "check_feasibility")
    assert report["result"] == "not_feasible"
    assert any("au-delà des courses" in reason for reason in report["reasons"])
    assert desk.get(f"drawing-analyses/{review['id']}")["feasibility"] == "not_feasible"


@pytest.mark.requirement("DRW-29")
def test_unknown_until_the_size_is_known(desk: Desk) -> None:
    mill(desk)
    (review,) = desk.read(desk.pdf(sizes=(Callout("diameter", 8.5, prefix="Ø", count=4),)))
    desk.correct(review, length_mm=None, width_mm=None, height_mm=None)
    assert desk.done(review, "check_feasibility")["result"] == "unknown"


@pytest.mark.requirement("DRW-30")
def test_tools_of_the_workshop_are_suggested_and_missing_ones_listed(desk: Desk) -> None:
    mill(desk)
    create(
        desk,
        "tools",
        code="FOR-85",
        name="Foret carbure 8,5",
        tool_type="drill",
        diameter_mm="8.5",
        item_kind="tool",
    )
    (review,) = desk.read(
        desk.pdf(
            sizes=(
                80,
                45,
                Callout("diameter", 8.5, prefix="Ø", count=4),
                Callout("diameter", 11, prefix="Ø", count=2),
            )
        )
    )
    tools = {need["label"]: need for need in review["feasibility"]["tools"]}
    assert [t["code"] for t in tools["Foret Ø8,5"]["tools"]] == ["FOR-85"]
    assert tools["Foret Ø8,5"]["state"] == "out_of_stock"
    assert tools["Foret Ø11"]["state"] == "missing"
    missing = {one["label"] for one in review["feasibility"]["missing"] if one["kind"] == "tool"}
    assert {"Foret Ø8,5", "Foret Ø11"} <= missing


@pytest.mark.requirement("DRW-24")
def test_processes_of_other_trades_are_marked(desk: Desk) -> None:
    trade = desk.get("activity-types?q=Fraisage")["items"][0]["id"]
    create(desk, "company-activities", activity_type_id=trade)
    notes = ["Pièce mécano-soudée, cordons selon ISO 5817"]
    (review,) = desk.read(desk.pdf(sizes=(80, 45, 12), notes=notes))
    own = {p["process"]: p["is_own_trade"] for p in review["processes"]}
    assert own["milling"] is True
    assert own["welding"] is False
    assert any(
        "Soudage" in reason and "sous-traiter" in reason for reason in review["feasibility"]["reasons"]
    )


@pytest.mark.requirement("DRW-26")
def test_critical_zones_stand_in_the_review_and_red_on_the_marked_drawing(desk: Desk) -> None:
    (review,) = desk.read(desk.pdf(sizes=(80, Callout("diameter", 20, prefix="Ø", fit="H6"), 45)))
    zone = next(z for z in review["zones"] if z["reasons"] == ["tight"])
    row = next(f for f in review["features"] if f["id"] == zone["feature_id"])
    assert row["fit"] == "H6"
    assert zone["box"]
    assert len(review["zones"]) == 1
    marked = desk.http.get(f"/api/v1/drawings/{review['id']}/annotated.pdf?balloons=false")
    assert marked.status_code == 200
    plain = next(f for f in review["features"] if f["text"] == "80")
    answer = desk.http.patch(
        f"/api/v1/drawing-features/{plain['id']}",
        json={"row_version": plain["row_version"], "is_critical": True},
    )
    assert answer.status_code == 200, answer.text
    assert any("critical" in z["reasons"] for z in desk.review(review["id"])["zones"])
    assert (
        desk.http.get(f"/api/v1/drawings/{review['id']}/annotated.pdf?balloons=false").content
        != marked.content
    )


@pytest.mark.requirement("DRW-41")
def test_the_analysis_carries_its_data(desk: Desk) -> None:
    mill(desk)
    (review,) = desk.read(plate(desk))
    record = desk.get(f"drawings/{review['id']}/analysis")
    wanted = {
        "drawing_file_id", "part_revision_id", "drawing_number", "revision", "part_name", "analysed_at", "standard_system", "unit",
        "material_text", "material_id", "iso513_group", "treatments", "general_tolerance", "has_tight_tolerance", "processes",
        "complexity", "length_mm", "width_mm", "height_mm", "volume_cm3", "mass_kg", "estimated_time_min", "ai_comment",
        "detected_text", "errors", "confidence", "status", "validated_by_id", "validated_at", "version_no", "feasibility",
    }  # fmt: skip
    assert wanted <= set(record)
    assert "EQ-100" in record["detected_text"]
    assert record["errors"] == []
    assert "C45" in record["ai_comment"]
    assert record["estimated_time_min"] is None


@pytest.mark.requirement("DRW-41")
def test_the_quoted_time_of_the_part_stands_on_its_analysis(desk: Desk) -> None:
    (review,) = desk.read(plate(desk))
    revision_id = desk.done(desk.complete(review), "validate")["part_revision_id"]
    quote = create(desk, "quotes", customer_id=desk.customer())
    line = create(desk, "quote-lines", quote_id=quote, part_revision_id=revision_id, quantity="10")
    for number, minutes in ((10, "6.5"), (20, "1.5")):
        create(
            desk, "quote-line-operations", quote_line_id=line, sequence_no=number, operation_type="milling",
            operation_label="Fraisage", setup_min="60", run_min=minutes,
        )  # fmt: skip
    assert desk.get(f"drawings/{review['id']}/analysis")["estimated_time_min"] == 8
    assert desk.review(review["id"])["estimated_time_min"] == 8


@pytest.mark.requirement("DRW-03")
def test_rows_of_a_parts_list_become_lines(desk: Desk, tmp_path: Path) -> None:
    (review,) = desk.read(bom_sheet(_BOM).write(tmp_path / "ensemble.pdf"), quantity="3")
    offers = {o["name"]: o for o in review["offers"]}
    assert [o["is_bought"] for o in offers.values()] == [False, False, True]
    state = desk.get(
        f"drawings/imports/{desk.get('drawing-analyses/' + str(review['id']))['drawing_import_id']}"
    )
    assert state["analyses"][0]["parts_offered"] == 2
    made = desk.done(review, "take_parts", keys=[offers["Entretoise"]["key"]])
    line = desk.review(made["analysis_ids"][0])
    fields = fields_of(line)
    assert fields["drawing_number"]["value"] == "PL-100-02"
    assert fields["material_text"]["value"] == "S235"
    assert fields["drawing_number"]["box"]
    assert float(fields["quantity"]["value"]) == 12
    assert not [f for f in line["features"] if f["kind"].startswith("dimension.")]
    assert line["offers"] == []
    # Taken once, it is shown as the line it became, and asking again doubles nothing.
    again = desk.done(review, "take_parts", keys=[offers["Entretoise"]["key"]])
    assert again == {"analysis_ids": [], "existing_ids": [line["id"]]}
    shown = {o["name"]: o["analysis_id"] for o in desk.review(review["id"])["offers"]}
    assert shown == {"Corps": None, "Entretoise": line["id"], "Vis CHC M6x20": None}


@pytest.mark.requirement("DRW-13")
def test_each_solid_of_an_assembly_may_become_a_line_and_stays_one(desk: Desk, tmp_path: Path) -> None:
    block, pin = m.cut(m.box(60, 40, 10), m.rod(8, 20, (15, 10, -5))), m.rod(12, 30)
    path = m.step_file(
        tmp_path, m.together(block, m.moved(pin, (90, 0, 0)), m.moved(pin, (120, 0, 0))), "ensemble"
    )
    (review,) = desk.read(path, quantity="2")
    assert sorted((o["count"], o["size_mm"]) for o in review["offers"]) == [
        (1, [60, 40, 10]),
        (2, [30, 12, 12]),
    ]
    made = desk.done(review, "take_parts", keys=[o["key"] for o in review["offers"]])["analysis_ids"]
    sizes = {}
    for line_id in made:
        fields = fields_of(desk.review(line_id))
        sizes[line_id] = [float(fields[n]["value"]) for n in ("length_mm", "width_mm", "height_mm")]
        assert float(fields["quantity"]["value"]) == (2 if sizes[line_id][0] == 60 else 4)
    assert sorted(sizes.values()) == [[30, 12, 12], [60, 40, 10]]
    # Read again, a line is still its own solid and not the whole assembly.
    pin_line = next(i for i, size in sizes.items() if size[0] == 30)
    newer = desk.done({"id": pin_line}, "reanalyse")["analysis_id"]
    desk.work()
    again = fields_of(desk.review(newer))
    assert [float(again[n]["value"]) for n in ("length_mm", "width_mm", "height_mm")] == [30, 12, 12]
    # The same file sent again is known as the assembly it is, not as one of its parts.
    known = desk.send(path).json()["known"]
    assert [k["analysis_id"] for k in known] == [review["id"]]


def test_an_unknown_part_is_refused(desk: Desk, tmp_path: Path) -> None:
    (review,) = desk.read(bom_sheet(_BOM).write(tmp_path / "ensemble.pdf"))
    answer = desk.act(review, "take_parts", keys=["bom:0:9"])
    assert answer.status_code == 400
    assert answer.json()["code"] == "drawing.part_unknown"


def test_joining_keeps_what_was_confirmed(desk: Desk) -> None:
    first, second = desk.read(
        desk.pdf("A.pdf", drawing_number="A-1"), desk.pdf("B.pdf", drawing_number="B-2")
    )
    desk.done(first, "confirm", fields=["part_name"])
    desk.done(second, "confirm", fields=["general_tolerance"])
    desk.done(first, "join", analysis_id=second["id"])
    fields = fields_of(desk.review(first["id"]))
    assert fields["part_name"]["is_confirmed"]
    assert fields["general_tolerance"]["is_confirmed"]


@pytest.mark.requirement("DRW-03")
def test_screws_of_one_standard_are_rows_of_their_own(desk: Desk, tmp_path: Path) -> None:
    rows = [("1", "4", "Vis CHC M6x20", "8.8", "ISO 4762"), ("2", "2", "Vis CHC M8x30", "8.8", "ISO 4762")]
    (review,) = desk.read(bom_sheet(rows).write(tmp_path / "ensemble.pdf"))
    first = review["offers"][0]
    [line_id] = desk.done(review, "take_parts", keys=[first["key"]])["analysis_ids"]
    assert [o["analysis_id"] for o in desk.review(review["id"])["offers"]] == [line_id, None]


def test_a_taken_row_is_known_whatever_solid_it_is_matched_with_later() -> None:
    row = offered.Offer("bom:1:2", 1, "Axe", bom_no=2, solid_no=1, solid_file_id=5)
    assert offered._line_of(row, {(1, "bom", 2): 7}, {}) == 7
    assert offered._line_of(row, {(5, "solid", 1): 8}, {}) == 8
    assert offered._line_of(row, {(1, "bom", 1): 7, (5, "bom", 2): 8}, {}) is None


def test_a_row_of_a_later_sheet_is_read_again_with_all_sheets() -> None:
    rows = [BomItem(str(n), f"P-{n}", f"Pièce {n}", page=1 + n // 3) for n in (1, 2, 3)]
    reading = DrawingReading(file="e.pdf", kind="pdf", pages=2, bom=rows)
    parts = [FilePart(1, "e.pdf", reading, [4, 5], [])]
    [made] = offered.parts_for(offered.found_in(parts)[2], parts)
    assert made.pages == [4, 5]
    assert made.reading.title_block["drawing_number"].value == "P-3"
    gone = offered.reduced(reading, None, 9)
    assert gone.warnings == [offered.NO_LONGER_FOUND]
