"""Typed values: manual lines, mixed quotes, price breaks, comparison, other trades, selling rates (QUO-07, 08, 32, 42)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from sqlalchemy import select

from coordinator.kernel.models import Setting
from coordinator.modules.company import api as company
from coordinator.modules.company.models import RateCard, RateCardLine
from coordinator.modules.machines.models import Machine
from tests.conftest import master, person
from tests.coordinator.quoting.story import Story


def setting(story: Story, key: str, value: object) -> None:
    with story.factory.open(master()) as ctx:
        ctx.add(Setting(key=key, scope="global", value=value))


@pytest.mark.requirement("QUO-01", "QUO-07")
def test_manual_and_automatic_lines_share_a_quote(story: Story) -> None:
    quote = story.quote(story.shaft)
    line = story.line(
        quote["id"], method="manual", description="Cale", manual_material_cost="4.00", programs_exist=True
    )
    story.operation(line["id"], machine_id=story.machine("CU3-1"))
    outside = story.operation(
        line["id"], 20, operation_type="treatment", operation_label="Zingage", setup_min="0", run_min="0",
        is_subcontracted=True, cost="50.00",
    )  # fmt: skip
    story.act(quote["id"], "compute")
    sheet = story.sheet(quote["id"])
    automatic, manual = sheet["lines"]
    assert automatic["method"] == "ai"
    milled, treated = manual["operations"]
    assert Decimal(milled["cost"]) == Decimal(130), "1 h of set-up and 10 × 6 min at 65 €/h"
    assert Decimal(treated["cost"]) == Decimal(50)
    unit_cost = Decimal(manual["unit_cost"])
    assert unit_cost == Decimal("23.15"), (
        "130 € + 50 € + 10 × 4.40 € of material + half of 15 € of delivery, for ten"
    )
    assert sheet["quote"]["total_excl_tax"] is not None
    story.http.post(f"/api/v1/quote-line-operations/{outside['id']}/reset")
    story.act(quote["id"], "compute")
    assert Decimal(story.sheet(quote["id"])["lines"][1]["unit_cost"]) == Decimal("18.15")


@pytest.mark.requirement("QUO-07", "QUO-05")
def test_price_breaks_of_a_manual_line_spread_its_set_up(story: Story) -> None:
    quote = story.quote(method="manual")
    line = story.line(quote["id"], description="Cale", manual_material_cost="4.00", programs_exist=True)
    story.operation(line["id"], machine_id=story.machine("CU3-1"))
    for quantity in (1, 100):
        made = story.http.post(
            "/api/v1/quote-price-breaks", json={"quote_line_id": line["id"], "quantity": quantity}
        )
        assert made.status_code == 201
    story.act(quote["id"], "compute")
    one, hundred = (
        Decimal(b["unit_price_excl_tax"]) for b in story.sheet(quote["id"])["lines"][0]["price_breaks"]
    )
    rate, material = Decimal(65) / 60, Decimal("4.4")
    for price, quantity in ((one, 1), (hundred, 100)):
        cost = ((60 + 6 * quantity) * rate + 15) / quantity + material
        assert abs(price - cost / Decimal("0.75")) < Decimal("0.02"), quantity


@pytest.mark.requirement("QUO-05", "QUO-45")
def test_price_breaks_keep_the_typed_times(story: Story) -> None:
    quote = story.quote()
    story.act(
        quote["id"],
        "add-drawings",
        drawing_analysis_ids=[story.shaft],
        quantity=10,
        price_break_quantities=[50],
    )
    story.act(quote["id"], "compute")
    line = story.sheet(quote["id"])["lines"][0]
    before = Decimal(line["price_breaks"][0]["unit_price_excl_tax"])
    row = next(o for o in line["operations"] if o["operation_type"] == "turning")
    story.change("quote-line-operations", row["id"], run_min=str(Decimal(row["run_min"]) + 30))
    story.act(quote["id"], "compute")
    after = Decimal(story.sheet(quote["id"])["lines"][0]["price_breaks"][0]["unit_price_excl_tax"])
    assert after - before > 30, "half an hour more per piece at 65 €/h and more"


@pytest.mark.requirement("QUO-08")
def test_automatic_and_manual_side_by_side(story: Story) -> None:
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    line = story.sheet(quote["id"])["lines"][0]
    path = f"/api/v1/quotes/{quote['id']}/comparison"
    assert story.http.get(path, params={"line": line["id"]}).json()["code"] == "quote.nothing_typed"
    row = next(o for o in line["operations"] if o["operation_type"] == "turning")
    story.change("quote-line-operations", row["id"], run_min=str(Decimal(row["run_min"]) + 6))
    before = story.sheet(quote["id"])["lines"][0]
    found = story.http.get(path, params={"line": line["id"]}).json()
    turning = next(r for r in found["rows"] if r["operation_type"] == "turning")
    assert turning["difference_min"] == pytest.approx(60, abs=0.5), "ten pieces, six minutes each"
    assert found["automatic"]["unit_price"] == f"{Decimal(line['unit_price_excl_tax']):.2f}"
    assert found["manual"]["error"] is None
    assert found["difference_pct"] is not None
    assert story.sheet(quote["id"])["lines"][0] == before, "comparing changes nothing"
    seller = story.api(person("quoting:read", field_groups=frozenset({"prices"})))
    assert seller.get(path, params={"line": line["id"]}).status_code == 403


@pytest.mark.requirement("QUO-32")
def test_selling_rates_make_the_price_without_margin_on_top(story: Story) -> None:
    quote = story.quote(method="manual")
    line = story.line(quote["id"], description="Cale", manual_material_cost="0", programs_exist=True)
    story.operation(line["id"], machine_id=story.machine("CU3-1"))
    with story.factory.open(master()) as ctx:
        center = ctx.get(Machine, story.machine("CU3-1")).work_center_id
        card = ctx.session.scalars(
            select(RateCardLine).where(
                RateCardLine.work_center_id == center, RateCardLine.archived_at.is_(None)
            )
        ).one()
        card.selling_rate = Decimal(100)
    setting(story, "quoting.use_selling_rates", True)
    story.act(quote["id"], "compute")
    sheet = story.sheet(quote["id"])
    assert Decimal(sheet["lines"][0]["unit_price_excl_tax"]) == Decimal("21.5"), (
        "2 h at 100 € and 15 € of delivery for ten"
    )
    assert Decimal(sheet["lines"][0]["unit_cost"]) == Decimal("14.5")
    assert Decimal(sheet["quote"]["margin_pct"]) == Decimal("32.56")


@pytest.mark.requirement("QUO-49")
def test_an_expired_grid_blocks_the_price_and_names_the_rate(story: Story) -> None:
    quote = story.quote(method="manual")
    line = story.line(quote["id"], description="Cale", manual_material_cost="4.00", programs_exist=True)
    story.operation(line["id"], machine_id=story.machine("CU3-1"))
    with story.factory.open(master()) as ctx:
        card = ctx.session.scalars(select(RateCard)).one()
        card.valid_from, card.valid_to = (
            ctx.now.date() - dt.timedelta(days=9),
            ctx.now.date() - dt.timedelta(days=1),
        )
    result = story.act(quote["id"], "compute")["result"]
    assert [q["code"] for q in result["questions"] if q["blocking"]] == ["rate_missing"]
    assert "CU3-1" in result["questions"][0]["text"]
    sheet = story.sheet(quote["id"])
    assert sheet["quote"]["total_excl_tax"] is None
    story.act(quote["id"], "submit")
    assert story.act(quote["id"], "approve", expect=400)["code"] == "quote.open_questions"


@pytest.mark.requirement("QUO-49")
def test_a_rate_of_zero_is_no_rate(story: Story) -> None:
    quote = story.quote(method="manual")
    line = story.line(quote["id"], description="Cale", manual_material_cost="4.00", programs_exist=True)
    story.operation(line["id"], machine_id=story.machine("CU3-1"))
    with story.factory.open(master()) as ctx:
        center = ctx.get(Machine, story.machine("CU3-1")).work_center_id
        company.set_rate(ctx, "machine_hour", Decimal(0), "h", on=ctx.now.date(), work_center_id=center)
    result = story.act(quote["id"], "compute")["result"]
    assert "rate_missing" in [q["code"] for q in result["questions"] if q["blocking"]]


@pytest.mark.requirement("QUO-42", "QUO-47")
def test_other_trades_are_counted_only_when_ticked(story: Story) -> None:
    quote = story.quote()
    wire = {"trade": "wire_edm", "length_mm": 200, "height_mm": 20}
    line = story.line(quote["id"], drawing_analysis_id=story.block, trade_operations=[wire], quantity=10)
    result = story.act(quote["id"], "compute")["result"]
    assert "trade_inactive" in [q["code"] for q in result["questions"] if q["blocking"]]
    setting(story, "quoting.trades.active", ["wire_edm"])
    with story.factory.open(master()) as ctx:
        company.set_rate(ctx, "subcontracting", Decimal(80), "piece", on=ctx.now.date())
    story.act(quote["id"], "compute")
    found = story.sheet(quote["id"])["lines"][0]
    assert found["error_code"] is None, found["error_message"]
    eroded = [o for o in found["operations"] if o["operation_type"] == "edm"]
    assert len(eroded) == 1
    wrong = story.http.patch(
        f"/api/v1/quote-lines/{line['id']}",
        json={
            "trade_operations": [{"trade": "wire_edm", "length_mm": -1}],
            "row_version": found["row_version"],
        },
    )
    assert wrong.json()["code"] == "quote.trade"


@pytest.mark.requirement("QUO-41")
def test_the_proposal_and_what_became_of_it_are_kept(story: Story) -> None:
    quote = story.quote(story.shaft, story.block)
    story.act(quote["id"], "compute")
    first, second = story.sheet(quote["id"])["lines"]
    assert [first["proposal_status"], second["proposal_status"]] == ["proposed", "proposed"]
    price = first["proposal"]["unit_price"]
    story.change("quote-lines", first["id"], manual_unit_price=str(Decimal(price) + 5))
    story.act(quote["id"], "compute")
    assert story.sheet(quote["id"])["lines"][0]["proposal"]["unit_price"] == price, (
        "typed values are no proposal"
    )
    story.act(quote["id"], "submit")
    story.act(quote["id"], "approve", accept_to_confirm=True)
    assert [x["proposal_status"] for x in story.sheet(quote["id"])["lines"]] == ["corrected", "accepted"]
