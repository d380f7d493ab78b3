"""Discounts of a quote from the typed value to the invoice: floor, reason, paper, order, deliveries (QUO-33)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from pypdfium2 import PdfDocument

from coordinator.kernel.context import Context
from coordinator.kernel.lifecycle import move
from coordinator.kernel.models import Setting
from coordinator.modules.invoicing import drafts
from coordinator.modules.invoicing.models import Invoice, InvoiceLine
from coordinator.modules.orders.models import DeliveryNote, DeliveryNoteLine, SalesOrder, SalesOrderLine
from coordinator.modules.quoting.models import Quote
from tests.conftest import master, person
from tests.coordinator.quoting.story import Story

pytestmark = pytest.mark.requirement("QUO-33")
D = Decimal


def _priced(
    story: Story, *analyses: int, quantity: int = 10, margin: str = "45", **header: Any
) -> dict[str, Any]:
    """A computed quote with room above the minimum margin."""
    quote = story.quote(*analyses, quantity=quantity, margin_target_pct=margin, **header)
    story.act(quote["id"], "compute")
    return quote


def _sheet_of(story: Story, quote: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sheet and its selected scenario."""
    sheet = story.sheet(quote["id"])
    chosen = sheet["quote"]["selected_scenario_id"]
    return sheet, next(s for s in sheet["scenarios"] if s["id"] == chosen)


def _text(content: bytes) -> str:
    pages = PdfDocument(content)
    text = " ".join(page.get_textpage().get_text_range() for page in pages)
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").replace("−", "-").split())


def _money(value: Decimal) -> str:
    whole, _, cents = f"{value:,.2f}".partition(".")
    return f"{whole.replace(',', ' ')},{cents}"


def test_line_and_quote_discount_to_the_cent(story: Story) -> None:
    quote = _priced(story, story.shaft, story.block)
    sheet, before = _sheet_of(story, quote)
    line = sheet["lines"][0]
    story.change("quote-lines", line["id"], discount_pct="7.5")
    story.change("quotes", quote["id"], discount_amount="33.33", discount_reason="Série annuelle")
    assert story.sheet(quote["id"])["is_computed"] is False
    refused = story.act(quote["id"], "submit", expect=400)
    assert refused["code"] == "quote.not_computed"
    story.act(quote["id"], "compute")
    sheet, after = _sheet_of(story, quote)
    own = (D(before["lines"][0]["line_total_excl_tax"]) * D("0.075")).quantize(D("0.01"), ROUND_HALF_UP)
    assert D(after["gross_excl_tax"]) == D(before["price_excl_tax"])
    assert D(after["discount_excl_tax"]) == own + D("33.33")
    assert D(sheet["quote"]["total_excl_tax"]) == D(before["price_excl_tax"]) - own - D("33.33")
    for scenario in sheet["scenarios"]:
        shares = [D(x["quote_discount_excl_tax"]) for x in scenario["lines"]]
        assert sum(shares) == D("33.33")
        assert sum(D(x["line_total_excl_tax"]) for x in scenario["lines"]) == D(scenario["price_excl_tax"])

    story.act(quote["id"], "submit")
    story.act(quote["id"], "approve", accept_to_confirm=True)
    text = _text(story.http.get(f"/api/v1/quotes/{quote['id']}/pdf").content)
    total = D(sheet["quote"]["total_excl_tax"])
    for words in (
        f"Remise 7,5 % : -{_money(own)}",
        f"Total avant remise {_money(total + D('33.33'))}",
        "Remise -33,33",
        f"Total HT {_money(total)}",
        f"sur {_money(total)}",
    ):
        assert words in text, text[text.index("Détail") : text.index("Conditions")]
    assert "Série annuelle" not in text

    trace = story.http.get(f"/api/v1/quotes/{quote['id']}/history").json()
    given = next(e for e in trace if (e["new_values"] or {}).get("discount_amount"))
    assert given["new_values"]["discount_reason"] == "Série annuelle"
    assert given["user"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"discount_pct": "100.01"}, "quote.discount"),
        ({"discount_pct": "-1"}, "quote.discount"),
        ({"discount_amount": "-0.01"}, "quote.discount"),
        ({"discount_pct": "5", "discount_amount": "5"}, "quote.discount_both"),
    ],
)
@pytest.mark.parametrize("place", ["quotes", "quote-lines"])
def test_refused_discounts(story: Story, place: str, values: dict[str, str], code: str) -> None:
    quote = _priced(story, story.shaft)
    record = quote if place == "quotes" else story.sheet(quote["id"])["lines"][0]
    path = f"/api/v1/{place}/{record['id']}"
    version = story.http.get(path).json()["row_version"]
    answer = story.http.patch(path, json={**values, "row_version": version})
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == code


def test_zero_and_twice_the_same_change_nothing_more(story: Story) -> None:
    quote = _priced(story, story.shaft)
    _, plain = _sheet_of(story, quote)
    story.change("quotes", quote["id"], discount_pct="0")
    story.act(quote["id"], "compute")
    assert _sheet_of(story, quote)[1]["price_excl_tax"] == plain["price_excl_tax"]
    totals = set()
    for _ in range(2):
        story.change("quotes", quote["id"], discount_pct="4", discount_reason="Client fidèle")
        story.act(quote["id"], "compute")
        totals.add(_sheet_of(story, quote)[1]["price_excl_tax"])
    assert len(totals) == 1
    assert D(totals.pop()) == D(plain["price_excl_tax"]) - (D(plain["price_excl_tax"]) * D("0.04")).quantize(
        D("0.01")
    )


def test_a_discount_typed_over_an_old_state_is_refused_and_needs_the_right(story: Story) -> None:
    quote = _priced(story, story.shaft)
    path = f"/api/v1/quotes/{quote['id']}"
    version = story.http.get(path).json()["row_version"]
    body = {"discount_pct": "3", "row_version": version}
    assert story.api(person("quoting:read")).patch(path, json=body).status_code == 403
    assert story.http.patch(path, json=body).status_code == 200
    stale = story.http.patch(path, json={"discount_pct": "9", "row_version": version})
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict.stale")
    assert D(stale.json()["current"]["discount_pct"]) == 3


@pytest.mark.requirement("QUO-32")
@pytest.mark.parametrize("place", ["line", "quote"])
def test_below_the_floor_nobody_approves_and_the_room_is_told(story: Story, place: str) -> None:
    quote = _priced(story, story.shaft)
    line = story.sheet(quote["id"])["lines"][0]
    reason = {"discount_reason": "Geste commercial"}
    story.change("quotes", quote["id"], **reason)

    def give(**discount: str) -> None:
        if place == "quote":
            story.change("quotes", quote["id"], **discount)
        else:
            story.change("quote-lines", line["id"], **discount)
        story.act(quote["id"], "compute")

    give(discount_pct="100")
    story.act(quote["id"], "submit")
    refused = story.act(quote["id"], "approve", expect=400, accept_to_confirm=True)
    assert refused["code"] == "quote.below_minimum_margin"
    room = D(refused["lines"][0]["discount_max"])
    assert room > 0
    give(discount_pct=None, discount_amount=str(room + D("0.01")))  # type: ignore[arg-type]
    assert story.act(quote["id"], "approve", expect=400)["code"] == "quote.below_minimum_margin"
    give(discount_amount=str(room))
    record = story.act(quote["id"], "approve", accept_to_confirm=True)["record"]
    assert D(record["margin_pct"]) >= 15
    assert (
        story.http.patch(
            f"/api/v1/quotes/{quote['id']}", json={"discount_pct": "1", "row_version": record["row_version"]}
        ).json()["code"]
        == "quote.locked"
    )


def test_a_discount_without_reason_is_not_approved(story: Story) -> None:
    quote = _priced(story, story.shaft)
    line = story.sheet(quote["id"])["lines"][0]
    story.change("quote-lines", line["id"], discount_pct="2")
    story.act(quote["id"], "compute")
    story.act(quote["id"], "submit")
    refused = story.act(quote["id"], "approve", expect=400, accept_to_confirm=True)
    assert refused["code"] == "quote.discount_reason"


def test_a_scenario_under_its_floor_is_not_on_the_paper(story: Story) -> None:
    """28 % off leave the standard price above its floor; the economic one, 10 % lower, goes under it."""
    quote = _priced(story, story.shaft, margin="40")
    story.change("quotes", quote["id"], discount_pct="28", discount_reason="Appel d'offres")
    story.act(quote["id"], "compute")
    sheet = story.sheet(quote["id"])
    low = {s["kind"]: s["details"]["below_minimum"] for s in sheet["scenarios"]}
    assert low == {"standard": [], "express": [], "economic": [1]}
    story.act(quote["id"], "submit")
    story.act(quote["id"], "approve", accept_to_confirm=True)
    text = _text(story.http.get(f"/api/v1/quotes/{quote['id']}/pdf").content)
    assert "Express" in text
    assert "Économique" not in text


@pytest.mark.requirement("QUO-35")
def test_prices_of_other_quantities_are_printed_with_the_scenario_they_are_of(story: Story) -> None:
    quote = _priced(story, story.shaft)
    line = story.sheet(quote["id"])["lines"][0]
    story.http.post("/api/v1/quote-price-breaks", json={"quote_line_id": line["id"], "quantity": "200"})
    story.act(quote["id"], "compute")
    story.act(quote["id"], "submit")
    story.act(quote["id"], "approve", accept_to_confirm=True)
    path = f"/api/v1/quotes/{quote['id']}/pdf"
    told = {
        s["kind"]: s["price_breaks"][0]["unit_price_excl_tax"] for s in story.sheet(quote["id"])["scenarios"]
    }
    assert told["standard"] != told["express"]
    for kind in ("standard", "express"):
        if kind != "standard":
            story.act(quote["id"], "reopen")
            story.act(quote["id"], "select-scenario", kind=kind)
            story.act(quote["id"], "approve", accept_to_confirm=True)
        text = _text(story.http.get(path).content)
        assert _money(D(told[kind]).quantize(D("0.01"))) in text[text.index("Prix par quantité") :][:80]


def test_an_amount_above_the_price_is_asked_about(story: Story) -> None:
    quote = _priced(story, story.shaft)
    story.change("quotes", quote["id"], discount_amount="999999", discount_reason="Faute de frappe")
    story.act(quote["id"], "compute")
    sheet = story.sheet(quote["id"])
    assert sheet["quote"]["total_excl_tax"] is None
    assert any(q["code"] == "discount_exceeds" and q["blocking"] for q in sheet["questions"])
    story.act(quote["id"], "submit")
    assert story.act(quote["id"], "approve", expect=400)["code"] == "quote.open_questions"


@pytest.mark.requirement("QUO-05", "QUO-32")
def test_price_breaks_hold_the_floor_with_the_percentage_off(story: Story) -> None:
    quote = _priced(story, story.shaft, margin="30")
    line = story.sheet(quote["id"])["lines"][0]
    story.http.post("/api/v1/quote-price-breaks", json={"quote_line_id": line["id"], "quantity": "200"})
    story.change("quotes", quote["id"], discount_pct="30", discount_reason="Cadre")
    story.act(quote["id"], "compute")
    story.act(quote["id"], "submit")
    refused = story.act(quote["id"], "approve", expect=400)
    assert [x.get("quantity") for x in refused["lines"]] == [None, "200"]
    story.change("quotes", quote["id"], discount_pct="5")
    story.act(quote["id"], "compute")
    story.act(quote["id"], "approve", accept_to_confirm=True)
    assert "Prix par quantité, avant remise" in _text(
        story.http.get(f"/api/v1/quotes/{quote['id']}/pdf").content
    )


@pytest.mark.requirement("QUO-07")
def test_a_manual_line_takes_a_discount(story: Story) -> None:
    quote = story.quote(method="manual", margin_target_pct="40")
    line = story.line(
        quote["id"], description="Bride", quantity="4", method="manual", manual_material_cost="12"
    )
    story.operation(line["id"])
    story.change("quote-lines", line["id"], manual_unit_price="100", discount_pct="10")
    story.act(quote["id"], "compute")
    _, chosen = _sheet_of(story, quote)
    assert (D(chosen["gross_excl_tax"]), D(chosen["price_excl_tax"])) == (400, 360)


@pytest.mark.requirement("QUO-03", "QUO-39")
def test_an_expired_quote_keeps_its_discount_in_the_next_version(story: Story) -> None:
    quote = _priced(story, story.shaft)
    line = story.sheet(quote["id"])["lines"][0]
    story.change("quote-lines", line["id"], discount_pct="2")
    story.change("quotes", quote["id"], discount_pct="3", discount_reason="Cadre")
    story.act(quote["id"], "compute")
    story.act(quote["id"], "submit")
    story.act(quote["id"], "approve", accept_to_confirm=True)
    story.act(quote["id"], "send")
    with story.factory.open(master()) as ctx:
        move(ctx, ctx.get(Quote, quote["id"]), "expire")
    version = story.http.get(f"/api/v1/quotes/{quote['id']}").json()["row_version"]
    locked = story.http.patch(
        f"/api/v1/quotes/{quote['id']}", json={"discount_pct": "9", "row_version": version}
    )
    assert locked.json()["code"] == "quote.locked"
    new = story.act(quote["id"], "revise")["result"]["quote_id"]
    sheet = story.sheet(new)
    assert (D(sheet["quote"]["discount_pct"]), sheet["quote"]["discount_reason"]) == (3, "Cadre")
    assert D(sheet["lines"][0]["discount_pct"]) == 2


def _ordered(story: Story, quote: dict[str, Any]) -> int:
    """The order of a quote, opened without purchase order."""
    for action, params in (("submit", {}), ("approve", {"accept_to_confirm": True}), ("send", {})):
        story.act(quote["id"], action, **params)
    body = {"quote_id": quote["id"], "forced_reason": "Accord au téléphone"}
    made = story.http.post("/api/v1/sales-orders/open-forced", json=body)
    assert made.status_code == 200, made.text
    return int(made.json()["sales_order_id"])


def _invoice(ctx: Context, order_id: int, number: int, quantities: dict[int, str]) -> Invoice:
    note = ctx.add(
        DeliveryNote(
            number=f"BL-{order_id}-{number}", sales_order_id=order_id, status="shipped", delivery_date=ctx.now.date(),
        )
    )  # fmt: skip
    for line_id, quantity in quantities.items():
        row = DeliveryNoteLine(delivery_note_id=note.id, sales_order_line_id=line_id, quantity=D(quantity))
        ctx.add(row)
    made = drafts.invoice_note(ctx, note)
    assert made is not None
    return made


@pytest.mark.requirement("ORD-28", "ORD-31")
@pytest.mark.parametrize("is_apart", [False, True])
def test_order_and_partial_invoices_come_to_the_quotes_total(story: Story, is_apart: bool) -> None:
    """Three deliveries of odd quantities: order, invoices and quote agree to the cent, one-off work is invoiced once."""
    if is_apart:
        with story.factory.open(master()) as ctx:
            ctx.add(Setting(key="quoting.spread_one_off_costs", scope="global", value=False))
    quote = _priced(story, story.shaft, story.block, quantity=7)
    line = story.sheet(quote["id"])["lines"][0]
    story.change("quote-lines", line["id"], discount_pct="3.33")
    story.change("quotes", quote["id"], discount_pct="2.5", discount_reason="Cadre annuel")
    story.act(quote["id"], "compute")
    sheet, chosen = _sheet_of(story, quote)
    assert any(D(x["one_off_excl_tax"]) for x in chosen["lines"]) is is_apart
    total = D(sheet["quote"]["total_excl_tax"])
    order_id = _ordered(story, quote)
    if is_apart:
        text = _text(story.http.get(f"/api/v1/quotes/{quote['id']}/pdf").content)
        assert text.count("Frais fixes (programmation, réglages, montage), ligne") == 2
        assert f"Total HT {_money(total)}" in text
    with story.factory.open(master()) as ctx:
        order = ctx.get(SalesOrder, order_id)
        assert order.total_excl_tax == total
        lines = ctx.session.query(SalesOrderLine).filter_by(sales_order_id=order_id).order_by("line_no").all()
        assert all(x.discount_excl_tax for x in lines)
        first, second = (x.id for x in lines)
        made = [
            _invoice(ctx, order_id, number, q)
            for number, q in enumerate(({first: "3"}, {first: "2", second: "5"}, {first: "2", second: "2"}))
        ]
        assert sum(x.total_excl_tax for x in made) == total
        rows = ctx.session.query(InvoiceLine).filter(InvoiceLine.invoice_id.in_([x.id for x in made])).all()
        assert all(x.discount_amount and x.discount_pct == 0 for x in rows)
        assert sum(x.unit == "forfait" for x in rows) == (2 if is_apart else 0)
        assert sum(x.quantity for x in rows if x.sales_order_line_id == first) == 7


def test_another_quantity_of_a_pending_order_keeps_the_share(story: Story) -> None:
    quote = _priced(story, story.shaft)
    story.change("quotes", quote["id"], discount_pct="10", discount_reason="Cadre")
    story.act(quote["id"], "compute")
    order_id = _ordered(story, quote)
    items = story.http.get(f"/api/v1/sales-order-lines?sales_order_id={order_id}").json()["items"]
    line = items[0]
    whole = D(line["quantity"]) * D(line["unit_price_excl_tax"])
    changed = story.change("sales-order-lines", line["id"], quantity="5")
    assert D(changed["discount_excl_tax"]) == (whole / 2 * D("0.1")).quantize(D("0.01"), ROUND_HALF_UP)
    order = story.http.get(f"/api/v1/sales-orders/{order_id}").json()
    assert D(order["total_excl_tax"]) == (whole / 2).quantize(D("0.01"), ROUND_HALF_UP) - D(
        changed["discount_excl_tax"]
    )
    path = f"/api/v1/sales-order-lines/{line['id']}"
    too_much = {"discount_excl_tax": str(whole), "row_version": changed["row_version"]}
    assert story.http.patch(path, json=too_much).json()["code"] == "order.discount"
