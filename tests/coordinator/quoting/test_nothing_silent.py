"""No wrong or old price leaves the house silently: odd values, rates and prices of yesterday, other currencies (QUO-47 to 50)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from coordinator.kernel.context import ContextFactory
from coordinator.modules.catalogue.models import SupplierItem, Tool
from coordinator.modules.company.models import RateCard, RateCardLine
from coordinator.modules.parties.models import Supplier
from coordinator.modules.quoting import shop
from coordinator.modules.quoting.models import Quote
from tests.conftest import master
from tests.coordinator.quoting.story import Story


def _code(answer: dict[str, Any]) -> str:
    return str(answer["code"])


@pytest.mark.requirement("QUO-47")
@pytest.mark.parametrize("quantity", ["0", "-1", "2.5", "10000000", "99999999999"])
def test_odd_quantities_are_refused(story: Story, quantity: str) -> None:
    quote = story.quote()
    body = {"quote_id": quote["id"], "drawing_analysis_id": story.shaft, "quantity": quantity}
    answer = story.http.post("/api/v1/quote-lines", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "quote.quantity")


def test_a_quantity_of_years_of_work_is_confirmed_by_a_person(story: Story) -> None:
    quote = story.quote(story.block, quantity=9_999_999)
    story.act(quote["id"], "compute")
    story.act(quote["id"], "submit")
    refused = story.act(quote["id"], "approve", expect=400)
    assert _code(refused) == "quote.to_confirm"
    assert any("au-delà d'un an" in text for text in refused["to_confirm"])


def test_a_negative_cost_lowers_no_price(story: Story) -> None:
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    operation = story.sheet(quote["id"])["lines"][0]["operations"][0]
    path = f"/api/v1/quote-line-operations/{operation['id']}"
    refused = story.http.patch(path, json={"cost": "-5000", "row_version": operation["row_version"]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "cost")


@pytest.mark.requirement("QUO-30", "QUO-49")
def test_a_rate_changed_since_the_computation_asks_for_another(story: Story, factory: ContextFactory) -> None:
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    before = story.sheet(quote["id"])
    with factory.open(master()) as ctx:
        ctx.session.execute(
            update(RateCardLine).where(RateCardLine.kind == "machine_hour").values(rate=RateCardLine.rate * 2)
        )
    story.act(quote["id"], "submit")
    refused = story.act(quote["id"], "approve", expect=400, accept_to_confirm=True)
    assert _code(refused) == "quote.stale_price"
    after = story.sheet(quote["id"])
    assert after["quote"]["total_excl_tax"] == before["quote"]["total_excl_tax"], "the check changes nothing"
    assert [o["id"] for o in after["lines"][0]["operations"]] == [
        o["id"] for o in before["lines"][0]["operations"]
    ]
    story.act(quote["id"], "compute")
    story.act(quote["id"], "approve", accept_to_confirm=True)


@pytest.mark.requirement("QUO-49")
def test_a_rate_expired_since_the_computation_blocks_approval(story: Story, factory: ContextFactory) -> None:
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    story.act(quote["id"], "submit")
    with factory.open(master()) as ctx:
        yesterday = ctx.now.date() - dt.timedelta(days=1)
        ctx.session.execute(update(RateCard).values(valid_to=yesterday))
    assert _code(story.act(quote["id"], "approve", expect=400)) == "quote.stale_price"


@pytest.mark.requirement("QUO-30")
def test_a_draft_computed_again_takes_the_day_and_a_typed_end_of_validity_stays(
    story: Story, factory: ContextFactory
) -> None:
    quote = story.quote(story.shaft)
    with factory.open(master()) as ctx:
        record, today = ctx.get(Quote, quote["id"]), ctx.now.date()
        record.quote_date = today - dt.timedelta(days=200)
        record.valid_until = record.quote_date + dt.timedelta(days=30)
    story.act(quote["id"], "compute")
    found = story.sheet(quote["id"])["quote"]
    assert found["quote_date"] == today.isoformat()
    assert found["valid_until"] == (today + dt.timedelta(days=30)).isoformat()
    typed = today + dt.timedelta(days=12)
    story.change("quotes", quote["id"], valid_until=typed.isoformat())
    with factory.open(master()) as ctx:
        ctx.get(Quote, quote["id"]).quote_date = today - dt.timedelta(days=1)
    story.act(quote["id"], "compute")
    assert story.sheet(quote["id"])["quote"]["valid_until"] == typed.isoformat()


@pytest.mark.requirement("QUO-45")
def test_typed_values_do_not_make_a_price_old(story: Story) -> None:
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    line = story.sheet(quote["id"])["lines"][0]
    first, second, *_ = line["operations"]
    story.change("quote-line-operations", first["id"], run_min="3.5")
    story.change("quote-line-operations", second["id"], cost="41.20")
    story.operation(line["id"], 500, operation_label="Marquage", run_min="1", setup_min="5")
    story.act(quote["id"], "compute")
    story.act(quote["id"], "submit")
    story.act(quote["id"], "approve", accept_to_confirm=True)
    history = story.http.get(f"/api/v1/quotes/{quote['id']}/history").json()
    assert history[0]["action"] == "approve"


def test_an_approved_quote_past_its_validity_is_not_sent(story: Story, factory: ContextFactory) -> None:
    quote = story.approved()
    with factory.open(master()) as ctx:
        ctx.get(Quote, quote["id"]).valid_until = ctx.now.date() - dt.timedelta(days=1)
    refused = story.act(quote["id"], "send", expect=400, means="other")
    assert _code(refused) == "quote.validity_over"
    assert story.sheet(quote["id"])["quote"]["status"] == "approved"


def test_amounts_in_another_currency_are_never_euros(story: Story, factory: ContextFactory) -> None:
    with factory.open(master()) as ctx:
        tool = ctx.session.scalars(select(Tool).limit(1)).one()
        supplier = ctx.add(Supplier(code="F-US", name="Outils US", status="approved"))
        for currency, price in (("USD", "11.00"), ("EUR", "12.00")):
            ctx.add(
                SupplierItem(
                    supplier_id=supplier.id, stock_item_id=tool.id, supplier_reference=f"R-{currency}",
                    price=Decimal(price), currency=currency,
                )
            )  # fmt: skip
        known = [t.price for t in shop.build_shop(ctx).supplier_items if t.supplier == "Outils US"]
        assert known == [Decimal("12.00")]
        ctx.session.execute(update(RateCard).values(currency="CHF"))
        assert shop.build_shop(ctx).rate_card.lines == ()


@pytest.mark.requirement("QUO-43")
@pytest.mark.parametrize(
    ("column", "value"), [("quantity", "1e12"), ("unit_price", "1e30"), ("run_min", "1e40")]
)
def test_absurd_numbers_of_a_file_are_told_with_their_place(story: Story, column: str, value: str) -> None:
    quote = story.quote()
    row = {
        "drawing_number": "A",
        "quantity": "5",
        "unit_price": "3",
        "operation_type": "milling",
        "run_min": "2",
    }
    row[column] = value
    content = ";".join(row) + "\n" + ";".join(row.values()) + "\n"
    answer = story.http.post(
        f"/api/v1/quotes/{quote['id']}/exchange", files={"file": ("x.csv", content.encode(), "text/csv")}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "quote.import_invalid")
    assert f"Ligne 2, {column}" in answer.json()["detail"]
