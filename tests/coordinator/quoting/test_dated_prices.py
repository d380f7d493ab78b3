"""Old supplier prices are used and said to be confirmed (QUO-50)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest

from coordinator.kernel.context import Context
from coordinator.modules.catalogue.models import SupplierItem, Tool
from coordinator.modules.parties.models import Supplier
from coordinator.modules.quoting import dated_prices
from tests.coordinator.quoting.engine import samples
from tests.factories import make


@pytest.mark.requirement("QUO-50")
def test_a_price_nobody_confirmed_lately_is_to_be_confirmed(ctx: Context) -> None:
    supplier = make(ctx, Supplier)
    tools = [make(ctx, Tool, code=code, name=f"Foret {code}") for code in ("A", "B", "C")]
    ages = {"A": (200,), "B": (200, 10), "C": (10,)}
    for tool in tools:
        for number, days in enumerate(ages[tool.code]):
            make(
                ctx, SupplierItem, supplier_id=supplier.id, stock_item_id=tool.id, price=Decimal(12),
                supplier_reference=f"{tool.code}{number}", fetched_at=ctx.now - dt.timedelta(days=days),
            )  # fmt: skip
    computed = samples.quote(samples.part(samples.SHAFT))
    first, *others = computed.scenarios
    bought = replace(computed, scenarios=(replace(first, to_buy=tuple(t.name for t in tools)), *others))
    marked = dated_prices.marked(ctx, bought)
    day = (ctx.now - dt.timedelta(days=200)).date()
    assert f"prix du {day:%d/%m/%Y} à confirmer : Foret A" in marked.scenarios[0].to_confirm
    assert not any("Foret B" in t or "Foret C" in t for t in marked.scenarios[0].to_confirm)
    assert marked.scenarios[1].to_confirm == others[0].to_confirm, "what is not bought needs no confirmation"
