"""The review: fields with their place, questions, contradictions, corrections, versions, exports (DRW-31…43, 49, 50)."""

from __future__ import annotations

from decimal import Decimal

import cadquery as cq
import cv2
import numpy as np
import pypdfium2
import pytest

from coordinator.modules.catalogue.models import PartRevision
from coordinator.modules.drawings import accuracy, api, balloons, contradictions, versions
from coordinator.modules.drawings.models import DrawingAnalysis
from coordinator.modules.quoting.models import Quote, QuoteLine, QuoteLineOperation
from infra.samples.sheet import Callout
from tests.conftest import master
from tests.coordinator.drawings.desk import Desk, fields_of


def model(desk: Desk, name: str, size: tuple[float, float, float]) -> object:
    path = desk.folder / name
    cq.exporters.export(cq.Workplane("XY").box(*size), str(path))
    return path


@pytest.mark.requirement("DRW-31", "DRW-32", "DRW-34")
def test_every_field_tells_value_source_place_and_confidence(desk: Desk) -> None:
    [review] = desk.read(desk.pdf(drawing_number="RV-1", notes=("Certificat matière EN 10204 3.1",)))
    fields = fields_of(review)
    number = fields["drawing_number"]
    assert (number["value"], number["level"], number["page"], number["mandatory"]) == (
        "RV-1",
        "green",
        1,
        True,
    )
    assert number["engine"]
    x0, y0, x1, y1 = number["box"]
    assert 0.4 < x0 < x1 < 1, "the title block stands at the bottom right"
    assert 0.8 < y0 < y1 < 1
    assert number["candidates"][0]["value"] == "RV-1"
    assert fields["length_mm"]["level"] == "orange", "a size taken from dimensions is to be checked"
    assert fields["length_mm"]["value"] == "80.000"
    assert fields["quantity"]["level"] == fields["criticality"]["level"] == "empty"
    assert fields["certificate_required"]["candidates"][0]["evidence"].startswith("Certificat")
    asked = {q["field"]: q for q in review["questions"]}
    assert {"quantity", "criticality", "width_mm"} <= set(asked)
    assert all(q["text"].endswith(("?", ".")) for q in review["questions"])
    dimension = next(f for f in review["features"] if f["nominal"] == "80.0000")
    assert dimension["box"]
    assert dimension["bbox"]
    assert dimension["level"] == "green"
    text = desk.get(f"drawings/{review['id']}/text")
    assert any("RV-1" in line for sheet in text["sheets"] for line in sheet["lines"])


@pytest.mark.requirement("DRW-27")
def test_marks_propose_criticality_and_certificate_and_a_person_decides(desk: Desk) -> None:
    notes = ("100 % RESSUAGE", "FABRICATION SELON EN 9100", "CERTIFICAT 3.1")
    fields = fields_of(desk.read(desk.pdf(notes=notes))[0])
    proposed = fields["criticality"]["candidates"]
    assert [(c["value"], c["evidence"]) for c in proposed] == [
        ("aerospace", "FABRICATION SELON EN 9100"), ("sensitive", "100 % RESSUAGE"),
    ]  # fmt: skip
    assert fields["criticality"]["value"] is None
    assert [c["value"] for c in fields["certificate_required"]["candidates"]] == [True]
    assert fields["certificate_required"]["value"] is False


@pytest.mark.requirement("DRW-32")
def test_sheets_are_shown_as_pictures(desk: Desk) -> None:
    [review] = desk.read(desk.pdf(), desk.dxf())
    for file in review["files"]:
        [page] = file["pages"]
        answer = desk.http.get(page["preview"] + "?side=900")
        assert answer.headers["content-type"] == "image/png"
        picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert max(picture.shape) == 900
        assert (picture < 100).sum() > 500, "the drawing is on it"
    missing = review["files"][0]["pages"][0]["preview"].replace("/1.png", "/9.png")
    assert desk.http.get(missing).status_code == 404


@pytest.mark.requirement("DRW-33", "DRW-38", "DRW-42")
def test_validation_needs_every_mandatory_answer(desk: Desk) -> None:
    customer = desk.customer()
    [review] = desk.read(desk.pdf(drawing_number="VA-1"), customer_id=customer)
    assert not review["may_validate"]
    refused = desk.act(review, "validate")
    assert refused.status_code == 400
    assert {e["field"] for e in refused.json()["errors"]} == set(review["missing"])
    assert {"quantity", "criticality"} <= set(review["missing"])
    complete = desk.complete(review, criticality="sensitive", certificate_required=True)
    assert complete["may_validate"]
    revision_id = desk.done(complete, "validate")["part_revision_id"]
    with desk.factory.open(master()) as ctx:
        revision = ctx.get(PartRevision, revision_id)
        assert (revision.criticality, revision.certificate_required) == ("sensitive", True)
    stale = desk.http.patch(
        f"/api/v1/drawings/{review['id']}", json={"row_version": 1, "fields": {"part_name": "X"}}
    )
    assert stale.status_code in (400, 409)
    unknown = desk.http.patch(
        f"/api/v1/drawings/{review['id']}", json={"row_version": 1, "fields": {"nonsense": 1}}
    )
    assert unknown.status_code == 422


@pytest.mark.requirement("DRW-35")
def test_corrections_are_kept_once_per_field_and_taken_back(desk: Desk) -> None:
    [review] = desk.read(desk.pdf(part_name="Équere"))
    review = desk.correct(review, part_name="Équerre", scale="1:2")
    review = desk.correct(review, part_name="Équerre gauche")
    field = fields_of(review)["part_name"]
    assert field["level"] == "human"
    assert field["correction"]["read_value"] == "Équere"
    assert field["correction"]["corrected_value"] == "Équerre gauche"
    assert fields_of(review)["scale"]["correction"]["read_value"] == "1:1"
    review = desk.correct(review, part_name="Équere")
    assert fields_of(review)["part_name"]["correction"] is None
    dimension = next(f for f in review["features"] if f["nominal"] == "45.0000")
    changed = desk.http.patch(
        f"/api/v1/drawing-features/{dimension['id']}",
        json={"row_version": dimension["row_version"], "nominal": "46", "text": "46"},
    )
    assert changed.status_code == 200, changed.text
    added = desk.http.post(
        f"/api/v1/drawings/{review['id']}/features",
        json={"kind": "dimension.diameter", "text": "Ø12 H7", "nominal": "12", "fit": "H7", "count": 2, "page": 1,
              "box": [0.1, 0.1, 0.2, 0.12], "file_id": review["files"][0]["id"]},
    )  # fmt: skip
    assert added.status_code == 201, added.text
    gone = next(f for f in review["features"] if f["nominal"] == "80.0000")
    assert desk.http.post(f"/api/v1/drawing-features/{gone['id']}/remove").status_code == 200
    kinds = {c["field_name"] for c in desk.get("drawing-corrections?limit=50")["items"]}
    assert {"scale", "feature.nominal", "feature.text", "feature"} <= kinds
    with desk.factory.open(master()) as ctx:
        described = api.description(ctx, ctx.get(DrawingAnalysis, review["id"]))
        assert sorted(d["nominal"] for d in described["dimensions"]) == [12.0, 46.0]
        assert described["title_block"]["scale"]["value"] == "1:2"


@pytest.mark.requirement("DRW-49")
def test_a_model_of_another_size_blocks_until_one_is_chosen(desk: Desk) -> None:
    [review] = desk.read(desk.pdf("T-1.pdf", drawing_number="T-1"), model(desk, "T-1.step", (90, 45, 10)))
    [open_one] = review["contradictions"]
    assert open_one["key"] == "size"
    assert {v["source"] for v in open_one["values"]} == {"drawing", "model"}
    assert fields_of(review)["length_mm"]["level"] == "contradiction"
    assert fields_of(review)["length_mm"]["value"] is None
    filled = desk.correct(review, quantity="5", criticality="standard")
    assert not filled["may_validate"]
    index = next(i for i, v in enumerate(open_one["values"]) if v["source"] == "model")
    desk.done(review, "choose", key="size", index=index)
    chosen = desk.review(review["id"])
    assert fields_of(chosen)["length_mm"]["value"] == "90.000"
    assert chosen["contradictions"][0]["chosen"] == index
    assert not [q for q in chosen["questions"] if q["kind"] == "contradiction"]
    assert desk.act(review, "choose", key="size", index=7).status_code == 400
    complete = desk.complete(chosen)
    assert desk.act(complete, "validate").status_code == 200


@pytest.mark.requirement("DRW-49")
def test_a_contradiction_is_not_validated_away(desk: Desk) -> None:
    [review] = desk.read(
        desk.pdf("M-1.pdf", drawing_number="M-1", material="C45", notes=("Matière : 42CrMo4",)),
        customer_id=desk.customer(),
    )
    assert [c["key"] for c in review["contradictions"]] == ["material"]
    assert fields_of(review)["material_text"]["value"] is None
    assert fields_of(review)["material_id"]["value"] is None
    complete = desk.complete(review, material_id=desk.material("C45"))
    # The material is typed, but which of both writings is right is still open.
    assert complete["missing"] == []
    assert desk.act(complete, "validate").json()["code"] == "drawing.contradictory"
    desk.done(review, "choose", key="material", index=1)
    assert fields_of(desk.review(review["id"]))["material_text"]["value"] == "42CrMo4"
    assert desk.act(review, "validate").status_code == 200


@pytest.mark.requirement("DRW-50")
def test_a_dxf_without_unit_asks_with_both_sizes(desk: Desk) -> None:
    import ezdxf

    path = desk.folder / "sans-unite.dxf"
    document = ezdxf.new()
    document.header["$INSUNITS"] = 0
    document.modelspace().add_lwpolyline([(0, 0), (10, 0), (10, 4), (0, 4)], close=True)
    document.modelspace().add_circle((5, 2), 0.5)
    document.saveas(path)
    [review] = desk.read(path)
    [asked] = review["contradictions"]
    assert asked["key"] == "unit"
    labels = [v["label"] for v in asked["values"]]
    assert labels[0].startswith("10.2 × 4.2 mm")
    assert labels[1].startswith("259.1 × 106.7 mm")
    assert fields_of(review)["unit"]["value"] is None
    desk.done(review, "choose", key="unit", index=1)
    chosen = desk.review(review["id"])
    assert fields_of(chosen)["unit"]["value"] == "inch"
    hole = next(f for f in chosen["features"] if f["kind"] == "feature.hole")
    assert float(hole["nominal"]) == pytest.approx(25.4)


def test_unit_of_title_block_against_dimensions() -> None:
    from coordinator.modules.drawings.reading.fuse import fuse
    from coordinator.modules.drawings.reading.model import Dimension, DrawingReading, FieldValue

    reading = DrawingReading(file="a.pdf", kind="pdf", unit="inch")
    reading.title_block["unit"] = FieldValue("mm", 0.95, "read", 1)
    reading.dimensions = [Dimension("2.500", "linear", 2.5, unit="inch")]
    found = contradictions.find(fuse([reading]), [reading], [{"file_id": 4}], [])
    assert [(c["key"], [v["value"] for v in c["values"]]) for c in found] == [("unit", ["mm", "inch"])]
    reading.title_block["unit"] = FieldValue("Inches", 0.95, "read", 1)
    assert contradictions.find(fuse([reading]), [reading], [{"file_id": 4}], []) == []


@pytest.mark.requirement("DRW-36")
def test_a_new_version_keeps_the_former_and_a_new_revision_shows_differences(desk: Desk) -> None:
    customer = desk.customer()
    [first] = desk.read(desk.pdf("N-1 A.pdf", drawing_number="N-1", revision="A"), customer_id=customer)
    first = desk.complete(first, part_name="Bras")
    desk.done(first, "validate")
    again = desk.done(first, "reanalyse")["analysis_id"]
    assert desk.act(first, "reanalyse").status_code == 409
    desk.work()
    second = desk.review(again)
    assert (second["version_no"], second["status"]) == (2, "to_review")
    former = desk.review(first["id"])
    assert former["status"] == "validated", "the former stays in force until the new one is validated"
    assert fields_of(former)["part_name"]["value"] == "Bras"
    found = desk.get(f"drawings/{again}/differences")["differences"]
    assert {f["name"]: (f["old"], f["new"]) for f in found["fields"]}["part_name"] == ("Bras", "Équerre")
    desk.done(desk.complete(second), "validate")
    assert desk.review(first["id"])["status"] == "superseded"
    with desk.factory.open(master()) as ctx:
        assert api.validated_description(ctx, first["id"])["title_block"]["part_name"]["value"] == "Bras"

    path = desk.pdf("N-1 B.pdf", drawing_number="N-1", revision="B", material="42CrMo4", sizes=(80, 47))
    [revised] = desk.read(path, customer_id=customer)
    assert revised["previous_id"] == again
    assert any("indice A" in w for w in revised["warnings"])
    found = desk.get(f"drawings/{revised['id']}/differences")["differences"]
    names = {f["name"]: (f["old"], f["new"]) for f in found["fields"]}
    assert names["revision"] == ("A", "B")
    assert names["material_text"] == ("C45", "42CrMo4")
    [(old, new)] = [(c["old"]["nominal"], c["new"]["nominal"]) for c in found["changed"]]
    assert (old, new) == ("45.0000", "47.0000")
    overlay = desk.http.get(f"/api/v1/drawings/{revised['id']}/overlay/{again}/1.png?side=1200")
    picture = cv2.imdecode(np.frombuffer(overlay.content, np.uint8), cv2.IMREAD_COLOR).astype(int)
    red = (picture[:, :, 2] - picture[:, :, 0] > 100).sum()
    blue = (picture[:, :, 0] - picture[:, :, 2] > 100).sum()
    grey = ((picture.max(axis=2) - picture.min(axis=2) < 10) & (picture.max(axis=2) < 200)).sum()
    assert red > 20
    assert blue > 20
    assert grey > 10 * (red + blue), "most of the drawing did not change"


def test_rows_that_moved_or_changed_are_told_apart() -> None:
    def row(nominal: float, x: float, kind: str = "dimension.linear", **more: object) -> dict[str, object]:
        blank = dict.fromkeys(("tol_upper", "tol_lower", "fit", "unit", "text", "page"))
        return {
            **blank,
            "kind": kind,
            "nominal": nominal,
            "count": 1,
            "box": [x, 0.5, x + 0.02, 0.52],
            **more,
        }

    result = versions.compare_rows([row(10, 0.1), row(20, 0.4), row(5, 0.8)], [row(10, 0.3), row(21, 0.41)])
    assert [(c["old"]["nominal"], c["new"]["nominal"]) for c in result["changed"]] == [(20, 21)]
    assert [r["nominal"] for r in result["removed"]] == [5]
    assert result["added"] == []


@pytest.mark.requirement("DRW-37")
def test_similar_parts_are_found_with_their_times_and_prices(desk: Desk) -> None:
    customer = desk.customer()
    [known] = desk.read(desk.pdf("S-1.pdf", drawing_number="S-1"), customer_id=customer)
    revision_id = desk.done(desk.complete(known), "validate")["part_revision_id"]
    with desk.factory.open(master()) as ctx:
        quote = ctx.add(Quote(number="D-2026-7", customer_id=customer, quote_date=ctx.now.date()))
        line = QuoteLine(quote_id=quote.id, line_no=1, part_revision_id=revision_id, quantity=Decimal(10))
        line.unit_price_excl_tax = Decimal("12.50")
        ctx.add(line)
        for number, minutes in ((10, "4.5"), (20, "1.5")):
            ctx.add(
                QuoteLineOperation(
                    quote_line_id=line.id, sequence_no=number, operation_type="milling", operation_label="Fraiser",
                    run_min=Decimal(minutes), setup_min=Decimal(15),
                )
            )  # fmt: skip
    [far] = desk.read(
        desk.pdf("S-3.pdf", drawing_number="S-3", sizes=(900, 700, 500, 400)), customer_id=customer
    )
    desk.done(desk.complete(far, length_mm="900", width_mm="700", height_mm="500"), "validate")
    [review] = desk.read(desk.pdf("S-2.pdf", drawing_number="S-2", sizes=(82, 45)), customer_id=customer)
    desk.complete(review, length_mm="82", width_mm="45", height_mm="10")
    [found] = desk.get(f"drawings/{review['id']}/similar")["items"]
    assert found["drawing_number"] == "S-1"
    assert 0.85 <= found["similarity"] < 1
    [quoted] = found["history"]
    assert (quoted["number"], quoted["run_min"], quoted["setup_min"]) == ("D-2026-7", "6.000", "30.000")
    assert quoted["unit_price_excl_tax"] == "12.5000"


@pytest.mark.requirement("DRW-39")
def test_toleranced_characteristics_carry_balloons(desk: Desk) -> None:
    sizes = (80, Callout("linear", 45, upper=0.1, lower=-0.1), Callout("linear", 30, upper=0.05, lower=0.0))
    [review] = desk.read(desk.pdf(sizes=sizes))
    listed = desk.get(f"drawings/{review['id']}/characteristics")
    items = [i for i in listed["items"] if i["kind"].startswith("dimension")]
    assert [(i["nominal"], i["lower_limit"], i["upper_limit"]) for i in items] == [
        ("45.0000", "44.9000", "45.1000"), ("30.0000", "30.0000", "30.0500"),
    ]  # fmt: skip
    assert [i["balloon_no"] for i in listed["items"]] == list(range(1, len(listed["items"]) + 1))
    review = desk.correct(review, criticality="aerospace")
    desk.done(review, "number_balloons")
    everything = desk.get(f"drawings/{review['id']}/characteristics")
    assert everything["everything"]
    assert "80.0000" in {i["nominal"] for i in everything["items"]}
    assert balloons.limits(None, None, None) == (None, None)


@pytest.mark.requirement("DRW-40")
def test_the_marked_drawing_and_the_json(desk: Desk) -> None:
    source = desk.pdf(sizes=(80, Callout("linear", 45, upper=0.1, lower=-0.1)))
    [review] = desk.read(source)
    answer = desk.http.get(f"/api/v1/drawings/{review['id']}/annotated.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    with pypdfium2.PdfDocument(answer.content) as marked, pypdfium2.PdfDocument(source) as plain:
        assert marked[0].get_size() == plain[0].get_size()
        assert "EQ-100" in marked[0].get_textpage().get_text_range(), "the page stays text and lines"
        with_marks, without = (
            len(list(document[0].get_objects(max_depth=1))) for document in (marked, plain)
        )
        assert with_marks > without + len(review["features"])
    exported = desk.http.get(f"/api/v1/drawings/{review['id']}/export.json").json()
    assert exported["review"]["id"] == review["id"]
    assert exported["description"]["title_block"]["drawing_number"]["value"] == "EQ-100"
    history = desk.get(f"drawing-analyses/{review['id']}/history")
    assert [h["action"] for h in history].count("export") == 2


@pytest.mark.requirement("DRW-43")
def test_accuracy_comes_from_what_people_corrected(desk: Desk) -> None:
    [review] = desk.read(desk.pdf(part_name="Équere"))
    review = desk.correct(review, part_name="Équerre")
    first = review["features"][0]
    assert desk.http.post(f"/api/v1/drawing-features/{first['id']}/remove").status_code == 200
    desk.done(desk.complete(review), "validate")
    measured = desk.get("drawings/accuracy")
    assert measured["drawings"] == 1
    assert measured["fields"]["part_name"] == {"right": 0, "wrong": 1, "missed": 0, "rate": 0.0}
    assert measured["fields"]["drawing_number"]["right"] == 1
    assert measured["elements"]["wrong"] == 1
    assert set(measured["by_format"]) == {"pdf"}
    assert measured["saved_min_total"] > 0
    assert {t["name"]: t["ok"] for t in measured["targets"]}["title_block"] is False


def test_verdicts_on_a_field() -> None:
    assert accuracy.of_field("C45", False, None) == accuracy.Tally(right=1)
    assert accuracy.of_field("C45", True, "42CrMo4") == accuracy.Tally(wrong=1)
    assert accuracy.of_field(None, True, "C45") == accuracy.Tally(missed=1)
    assert accuracy.of_field(None, False, None) is None, "absent on the drawing counts for nothing"


@pytest.mark.requirement("DRW-14")
def test_a_code_on_the_drawing_is_offered_as_number(desk: Desk) -> None:
    import segno
    from PIL import Image

    plan = desk.pdf("QR-1.pdf", drawing_number="QR-1")
    segno.make("CDE-2026-118", error="m").save(desk.folder / "code.png", scale=8)
    with pypdfium2.PdfDocument(plan) as document:
        bitmap = document[0].render(scale=2).to_pil().convert("L")
    bitmap.paste(Image.open(desk.folder / "code.png").convert("L"), (120, 60))
    bitmap.convert("RGB").save(desk.folder / "QR-2.pdf")
    [review] = desk.read(desk.folder / "QR-2.pdf")
    number = fields_of(review)["drawing_number"]
    assert "CDE-2026-118" in [c["value"] for c in number["candidates"] if c["engine"] == "code"]
    assert number["value"] != "CDE-2026-118", "offered, not taken"


def test_progress_is_told_while_a_file_is_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from coordinator.modules.drawings import service

    told: list[tuple[int, str | None]] = []
    [analysis] = desk.send(desk.many_pages("deux.pdf", desk.pdf("p1.pdf"), desk.pdf("p2.pdf"))).json()[
        "analyses"
    ]
    assert analysis["status"] == "uploaded", "answered before anything is read"
    tell = service._Progress.__call__

    def watched(self: service._Progress, share: float, step: str, name: str = "") -> None:
        self._last = float("-inf")
        tell(self, share, step, name)
        state = desk.get(f"drawings/imports/{desk.get('drawing-imports')['items'][0]['id']}")["analyses"][0]
        told.append((state["progress_pct"], state["progress_step"]))

    monkeypatch.setattr(service._Progress, "__call__", watched)
    desk.work()
    assert told[0] == (0, "deux.pdf : Page 1 sur 2")
    assert told[1] == (42, "deux.pdf : Page 2 sur 2")
    assert desk.review(analysis["id"])["progress_pct"] == 100
