"""Exchange with another quoting tool, lists on paper, drawings of several parts (QUO-43, DRW-13)."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest

from coordinator.modules.quoting import listing, solids
from tests.conftest import master
from tests.coordinator.quoting import workshop
from tests.coordinator.quoting.engine.samples import BLOCK, SHAFT
from tests.coordinator.quoting.story import Story


def bring(story: Story, quote_id: int, content: bytes, name: str = "externe.csv", **form: Any) -> Any:
    return story.http.post(f"/api/v1/quotes/{quote_id}/exchange", files={"file": (name, content)}, data=form)


@pytest.mark.requirement("QUO-43")
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_quote_goes_out_and_comes_back_with_the_same_times(story: Story, kind: str) -> None:
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    content = story.http.get(f"/api/v1/quotes/{quote['id']}/exchange", params={"format": kind}).content
    copy = story.quote(method="manual")
    answer = bring(story, copy["id"], content, f"externe.{kind}")
    assert answer.status_code == 200, answer.text
    story.act(copy["id"], "compute")
    here, there = story.sheet(quote["id"])["lines"][0], story.sheet(copy["id"])["lines"][0]
    assert there["method"] == "manual"
    assert there["material_id"] == here["material_id"]
    assert len(there["operations"]) == len(here["operations"])

    def minutes(line: dict[str, Any]) -> Decimal:
        return sum(
            (Decimal(o["run_min"]) + Decimal(o["loading_min"] or 0) for o in line["operations"]), Decimal(0)
        )

    assert abs(minutes(here) - minutes(there)) < Decimal("0.05")
    assert there["manual_unit_price"] is None, "its prices are ours to compute"
    assert there["unit_price_excl_tax"] is not None


@pytest.mark.requirement("QUO-43")
def test_prices_of_the_other_tool_are_taken_only_if_asked_for(story: Story) -> None:
    text = "drawing_number,quantity,operation_type,run_min,setup_min,machine,unit_price,material_cost\n"
    text += "X-1,5,milling,12.5,30,CU3-1,99.50,3\n"
    quote = story.quote(method="manual")
    assert bring(story, quote["id"], text.encode(), take_prices="true").status_code == 200
    story.act(quote["id"], "compute")
    line = story.sheet(quote["id"])["lines"][0]
    assert Decimal(line["unit_price_excl_tax"]) == Decimal("99.50")
    assert line["description"] == "X-1"


@pytest.mark.requirement("QUO-43", "QUO-47")
@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("drawing_number;quantity\nX;1\n", "operation_type"),
        ("drawing_number;quantity;operation_type;run_min\nX;0;milling;1\n", "Ligne 2"),
        ("drawing_number;quantity;operation_type;run_min;machine\nX;1;milling;1;NOPE\n", "NOPE"),
        ("drawing_number;quantity;operation_type;run_min;material\nX;1;milling;1;Kryptonite\n", "Kryptonite"),
        ("drawing_number;quantity;operation_type;run_min\nX;1;sorcery;1\n", "sorcery"),
        ("drawing_number;quantity;operation_type;run_min\n", "aucune ligne"),
        (f"drawing_number;quantity;operation_type;run_min\nX;1;milling;1;{'a' * 200_000}\n", "CSV"),
        ('{"version": "deux", "rows": []}', "Version deux"),
    ],
)
def test_a_bad_file_is_refused_whole_with_the_place(story: Story, text: str, word: str) -> None:
    quote = story.quote(method="manual")
    answer = bring(story, quote["id"], text.encode())
    assert answer.status_code == 400
    assert answer.json()["code"] == "quote.import_invalid"
    assert word in answer.json()["detail"]
    assert story.sheet(quote["id"])["lines"] == []


@pytest.mark.requirement("QUO-47")
@pytest.mark.parametrize("column", ["material_cost", "unit_price"])
def test_a_negative_amount_of_another_tool_is_refused(story: Story, column: str) -> None:
    quote = story.quote(method="manual")
    text = f"drawing_number;quantity;operation_type;run_min;{column}\nX;1;milling;1;-50\n"
    answer = bring(story, quote["id"], text.encode(), take_prices="true")
    assert (answer.status_code, answer.json()["code"]) == (400, "quote.price")
    assert story.sheet(quote["id"])["lines"] == []


@pytest.mark.requirement("QUO-43", "QUO-33")
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_discounts_go_out_and_come_back_with_the_prices(story: Story, kind: str) -> None:
    quote = story.quote(story.shaft, story.block, margin_target_pct="45", discount_amount="25.50")
    first, second = story.sheet(quote["id"])["lines"]
    story.change("quote-lines", first["id"], discount_pct="7.5")
    story.change("quote-lines", second["id"], discount_amount="12.34")
    story.act(quote["id"], "compute")
    content = story.http.get(f"/api/v1/quotes/{quote['id']}/exchange", params={"format": kind}).content

    copy = story.quote(method="manual")
    answer = bring(story, copy["id"], content, f"a.{kind}", take_prices="true").json()
    assert answer["warnings"] == []
    story.act(copy["id"], "compute")
    here, there = story.sheet(quote["id"]), story.sheet(copy["id"])
    assert Decimal(there["quote"]["discount_amount"]) == Decimal("25.50")
    names = ("discount_pct", "discount_amount", "unit_price_excl_tax")
    for a, b in zip(here["lines"], there["lines"], strict=True):
        assert [a[n] and Decimal(a[n]) for n in names] == [b[n] and Decimal(b[n]) for n in names]
    standard = [next(s for s in x["scenarios"] if s["kind"] == "standard") for x in (here, there)]
    assert standard[0]["discount_excl_tax"] == standard[1]["discount_excl_tax"]

    again = bring(story, copy["id"], content.replace(b"25,5", b"3").replace(b"25.5", b"3"), f"a.{kind}",
                  take_prices="true").json()  # fmt: skip
    assert "3,00" in again["warnings"][0], "another discount is told, the quote keeps its own"
    assert Decimal(story.sheet(copy["id"])["quote"]["discount_amount"]) == Decimal("25.50")

    plain = story.quote(method="manual")
    told = bring(story, plain["id"], content, f"a.{kind}").json()
    assert len(told["warnings"]) == 1
    sheet = story.sheet(plain["id"])
    assert sheet["quote"]["discount_amount"] is None
    assert all(x["discount_pct"] is None and x["discount_amount"] is None for x in sheet["lines"])


@pytest.mark.requirement("QUO-43", "QUO-33")
@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("120;;;", "Ligne 2, discount_pct"),
        (";-1;;", "Ligne 2, discount_amount"),
        ("5;5;;", "Ligne 2, discount_amount"),
        (";;5;5", "quote_discount_amount"),
    ],
)
def test_a_discount_that_is_none_is_refused_with_its_place(story: Story, row: str, word: str) -> None:
    quote = story.quote(method="manual")
    head = "drawing_number;quantity;operation_type;run_min;discount_pct;discount_amount;quote_discount_pct"
    text = f"{head};quote_discount_amount\nX;1;milling;1;{row}\n"
    answer = bring(story, quote["id"], text.encode(), take_prices="true")
    assert (answer.status_code, answer.json()["code"]) == (400, "quote.import_invalid")
    assert word in answer.json()["detail"]


@pytest.mark.requirement("QUO-43")
def test_lists_as_pdf_excel_and_csv(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    pdf = story.http.get("/api/v1/quotes/list/pdf", params={"status": "draft"})
    assert pdf.content.startswith(b"%PDF")
    import pypdfium2

    words = pypdfium2.PdfDocument(pdf.content)[0].get_textpage().get_text_bounded()
    assert quote["number"] in words
    assert "Aéro Composants" in words
    assert story.http.get("/api/v1/quotes/export", params={"format": "xlsx"}).content.startswith(b"PK")
    rows = list(
        csv.DictReader(
            io.StringIO(story.http.get("/api/v1/quotes/export").content.decode("utf-8-sig")), delimiter=";"
        )
    )
    assert [r["number"] for r in rows] == [quote["number"]]
    assert "premiers" not in words
    monkeypatch.setattr(listing, "LIMIT", 0)
    short = pypdfium2.PdfDocument(story.http.get("/api/v1/quotes/list/pdf").content)
    assert "les 0 premiers devis seulement" in short[0].get_textpage().get_text_bounded()


def _assembly() -> dict[str, Any]:
    shaft = {"name": "Axe", "count": 2, **{k: SHAFT[k] for k in ("solid", "turned_profile", "features")}}
    block = {
        "name": "Corps",
        "count": 1,
        "solid": BLOCK["solid"],
        "features": BLOCK["features"],
        "turned_profile": None,
    }
    title = {
        **BLOCK["title_block"],
        "drawing_number": {"value": "ENS-1", "status": "read", "confidence": 1.0},
    }
    return {**BLOCK, "title_block": title, "parts": [shaft, block]}


@pytest.mark.requirement("DRW-13", "QUO-01")
def test_a_drawing_of_several_parts_gives_a_line_per_part(story: Story) -> None:
    with story.factory.open(master()) as ctx:
        analysis = workshop.validated(ctx, _assembly(), story.customer).id
    quote = story.quote()
    ids = story.act(quote["id"], "add-drawings", drawing_analysis_ids=[analysis], quantity=5)["result"][
        "quote_line_ids"
    ]
    story.act(quote["id"], "compute")
    axle, body = story.sheet(quote["id"])["lines"]
    assert [axle["id"], body["id"]] == ids
    assert [(x["description"], int(Decimal(x["quantity"]))) for x in (axle, body)] == [
        ("Axe", 10),
        ("Corps", 5),
    ]
    assert "turning" in {o["operation_type"] for o in axle["operations"]}
    assert "turning" not in {o["operation_type"] for o in body["operations"]}
    assert any("réparties" in w for w in axle["warnings"])
    assert axle["unit_price_excl_tax"]


@pytest.mark.requirement("DRW-13")
def test_a_line_of_an_assembly_is_offered_to_be_split(story: Story) -> None:
    with story.factory.open(master()) as ctx:
        analysis = workshop.validated(ctx, _assembly(), story.customer).id
    quote = story.quote(analysis, quantity=3)
    [line] = story.sheet(quote["id"])["lines"]
    story.http.post("/api/v1/quote-price-breaks", json={"quote_line_id": line["id"], "quantity": 10})
    story.change("quote-lines", line["id"], keep_stock_surface=True, inspection_sheet=False)
    assert [(p["name"], p["count"]) for p in line["parts_offered"]] == [("Axe", 2), ("Corps", 1)]
    assert story.http.post(f"/api/v1/quote-lines/{line['id']}/split").status_code == 200
    split = story.sheet(quote["id"])["lines"]
    assert [(x["solid_no"], int(Decimal(x["quantity"]))) for x in split] == [(1, 6), (2, 3)]
    assert [[int(Decimal(b["quantity"])) for b in x["price_breaks"]] for x in split] == [[20], [10]]
    assert [(x["keep_stock_surface"], x["inspection_sheet"]) for x in split] == [(True, False)] * 2
    assert story.http.post(f"/api/v1/quote-lines/{split[0]['id']}/split").status_code == 409


def test_a_single_part_offers_nothing() -> None:
    assert solids.parts_of({"parts": []}) == []
    assert solids.parts_of({"parts": [{"name": "A", "count": 1}]}) == []
    assert len(solids.parts_of(json.loads('{"parts": [{"name": null, "count": 4}]}'))) == 1
