"""Inspection sheets of quotes (QUO-40): automatic for aerospace and military, preset for the others; boxes of a line."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pypdfium2 as pdfium
import pytest

from coordinator.kernel.models import Task
from coordinator.modules.catalogue.models import Material
from coordinator.modules.quoting import inspection
from tests.conftest import master
from tests.coordinator.quoting.story import Story


def _text(content: bytes) -> str:
    return " ".join(page.get_textpage().get_text_range() for page in pdfium.PdfDocument(io.BytesIO(content)))


def _file_all(story: Story, quote_id: int) -> None:
    with story.factory.open(master()) as ctx:
        inspection.file_all(ctx, quote_id)


@pytest.mark.requirement("QUO-40")
def test_the_sheet_follows_the_drawing_and_waits_for_a_person(story: Story) -> None:
    quote = story.quote()
    line = story.line(quote["id"], drawing_analysis_id=story.shaft, quantity=30)
    assert line["inspection_sheet"] is True, "the software asks, preset yes"
    path = f"/api/v1/quotes/{quote['id']}/inspection"
    found = story.http.get(path, params={"line": line["id"]}).json()
    rows = {r["requirement"]: r for r in found["characteristics"]}
    assert (rows["Ø30 k6"]["lower"], rows["Ø30 k6"]["upper"]) == (30.002, 30.015)
    assert "micromètre" in rows["Ø30 k6"]["instrument"]
    assert rows["Ø30 k6"]["is_key"]
    assert rows["M20"]["instrument"].startswith("bague filetée"), "the thread is on the outside of the shaft"
    assert found["parts_checked"] == 4
    draft = story.http.get(f"{path}/pdf", params={"line": line["id"]})
    assert "GAMME DE CONTRÔLE" in _text(draft.content)
    assert found["document_version_id"] is None

    for action in ("compute", "submit"):
        story.act(quote["id"], action)
    story.act(quote["id"], "approve", accept_to_confirm=True)
    _file_all(story, quote["id"])
    filed = story.http.get("/api/v1/documents?document_type=inspection_sheet").json()["items"]
    assert [d["title"] for d in filed] == ["Gamme de contrôle A-100 A"]
    stored = story.http.get(f"/api/v1/quote-lines/{line['id']}").json()["inspection_version_id"]
    version = story.http.get(f"/api/v1/document-versions/{stored}").json()
    assert version["status"] == "draft", "a person puts it in force"
    with story.factory.open(master()) as ctx:
        tasks = [t for t in ctx.session.query(Task) if t.kind == "inspection_review"]
        assert [t.role_code for t in tasks] == ["quality_manager"]
    again = story.http.post(f"/api/v1/quote-lines/{line['id']}/inspection-sheet", json={})
    assert again.status_code == 200, again.text
    assert len(story.http.get("/api/v1/documents?document_type=inspection_sheet").json()["items"]) == 1


@pytest.mark.requirement("QUO-40")
def test_a_person_may_leave_it_out_but_not_for_aerospace_and_military(story: Story) -> None:
    quote = story.quote()
    plain = story.line(quote["id"], drawing_analysis_id=story.shaft, inspection_sheet=False)
    military = story.line(
        quote["id"],
        drawing_analysis_id=story.block,
        inspection_sheet=False,
        criticality="military",
        quantity=7,
    )
    assert (plain["inspection_sheet"], military["inspection_sheet"]) == (False, True)
    _file_all(story, quote["id"])
    sheets = {x["id"]: x["inspection_version_id"] for x in story.sheet(quote["id"])["lines"]}
    assert sheets[plain["id"]] is None
    assert sheets[military["id"]] is not None
    found = story.http.get(f"/api/v1/quotes/{quote['id']}/inspection", params={"line": military["id"]}).json()
    assert found["parts_checked"] == 7, "all parts of a critical line"
    other = story.quote()
    strange = story.http.get(f"/api/v1/quotes/{other['id']}/inspection", params={"line": military["id"]})
    assert strange.status_code == 404


@pytest.mark.requirement("QUO-40")
def test_a_line_without_drawing_says_that_the_sheet_is_to_be_completed(story: Story) -> None:
    quote = story.quote(method="manual")
    line = story.line(quote["id"], description="Cale", length_mm="120", width_mm="40", height_mm="12")
    found = story.http.get(f"/api/v1/quotes/{quote['id']}/inspection", params={"line": line["id"]}).json()
    assert any("sans plan" in w for w in found["warnings"])
    sizes = {
        r["requirement"]: (r["lower"], r["upper"]) for r in found["characteristics"] if r["from_general"]
    }
    assert sizes == {"120": (119.7, 120.3), "40": (39.7, 40.3), "12": (11.8, 12.2)}


@pytest.mark.requirement("QUO-11")
def test_stock_surfaces_that_stay_ask_for_no_allowance(story: Story) -> None:
    quote = story.quote()
    line = story.line(quote["id"], drawing_analysis_id=story.block)
    story.act(quote["id"], "compute")
    before = story.sheet(quote["id"])["lines"][0]
    story.change("quote-lines", line["id"], keep_stock_surface=True)
    story.act(quote["id"], "compute")
    after = story.sheet(quote["id"])["lines"][0]
    assert before["blank"]["size_mm"][2] >= 32
    assert after["blank"]["size_mm"][2] == 25
    assert not [o for o in after["operations"] if "Surfaçage" in o["operation_label"]]


@pytest.mark.requirement("QUO-22")
def test_the_owners_density_is_used_and_shown(story: Story) -> None:
    quote = story.quote(story.block)
    with story.factory.open(master()) as ctx:
        line = story.sheet(quote["id"])["lines"][0]
        ctx.get(Material, line["material_id"]).density_g_cm3 = Decimal("5.5")
    story.act(quote["id"], "compute")
    blank = story.sheet(quote["id"])["lines"][0]["blank"]
    told = blank["explanation"]["inputs"]
    assert told["masse volumique g/cm³"] == 5.5
    assert told["masse volumique prise sur"].startswith("fiche matière")


@pytest.mark.requirement("QUO-03")
def test_a_price_break_of_an_approved_quote_is_not_taken_away(story: Story) -> None:
    quote = story.quote()
    line = story.line(quote["id"], drawing_analysis_id=story.shaft)
    made = story.http.post(
        "/api/v1/quote-price-breaks", json={"quote_line_id": line["id"], "quantity": "100"}
    ).json()
    path = f"/api/v1/quote-price-breaks/{made['id']}"
    for action in ("compute", "submit"):
        story.act(quote["id"], action)
    story.act(quote["id"], "approve", accept_to_confirm=True)
    version = story.http.get(path).json()["row_version"]
    refused = story.http.post(f"{path}/archive", json={"row_version": version})
    assert (refused.status_code, refused.json()["code"]) == (409, "quote.locked")
    story.act(quote["id"], "reopen")
    assert story.http.post(f"{path}/archive", json={"row_version": version}).status_code == 200


@pytest.mark.requirement("QUO-04")
def test_the_header_keeps_what_the_customer_asks_and_computes_the_delay(story: Story) -> None:
    header: dict[str, Any] = {
        "customer_reference": "AO-2026-118", "delivery_date_requested": "2027-03-15", "valid_until": "2027-01-31",
        "incoterm": "DAP Blagnac", "exclusions": "Transport", "margin_target_pct": "28",
    }  # fmt: skip
    quote = story.quote(story.shaft, **header)
    assert {k: quote[k] for k in header if k != "margin_target_pct"} == {
        k: v for k, v in header.items() if k != "margin_target_pct"
    }
    assert "lead_time_days" not in quote, "the delay is computed per scenario, never typed on the header"
    story.act(quote["id"], "compute")
    story.act(quote["id"], "select-scenario", kind="economic")
    sheet = story.sheet(quote["id"])
    chosen = next(s for s in sheet["scenarios"] if s["id"] == sheet["quote"]["selected_scenario_id"])
    assert chosen["kind"] == "economic"
    assert all(s["lead_time_days"] > 0 for s in sheet["scenarios"])
    best = next(s for s in sheet["scenarios"] if s["is_recommended"])
    assert best["kind"] == "economic", "the wished date is far away: the cheapest that keeps it"
    for bad in ({"valid_until": "2020-01-01"}, {"margin_target_pct": "100"}):
        answer = story.http.post("/api/v1/quotes", json={"customer_id": story.customer, **bad})
        assert answer.status_code in (400, 422), answer.text
    for action in ("submit",):
        story.act(quote["id"], action)
    story.act(quote["id"], "approve", accept_to_confirm=True)
    story.act(quote["id"], "send")
    story.act(quote["id"], "accept")
    orders = story.http.get("/api/v1/sales-orders").json()["items"]
    assert not orders or orders[0]["delivery_date_requested"] == "2027-03-15"
