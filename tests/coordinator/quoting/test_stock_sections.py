"""Hexagons, tubes and flats of the stock as the engine counts them: section, length out of weight, price per kilogram."""

from __future__ import annotations

from decimal import Decimal

import pytest

from coordinator.kernel.context import ContextFactory
from coordinator.modules.catalogue import api as catalogue
from coordinator.modules.quoting.shop import build_shop
from coordinator.modules.stock.ledger import Movement, post
from coordinator.modules.stock.models import StockLot, StorageLocation
from tests.conftest import master
from tests.coordinator.quoting.story import Story


@pytest.mark.requirement("QUO-10", "QUO-12")
def test_sections_of_the_stock(story: Story, factory: ContextFactory) -> None:
    with factory.open(master()) as ctx:
        material = catalogue.find_material(ctx, "C45E")
        assert material is not None
        assert material.density_g_cm3 is not None
        rack = ctx.add(StorageLocation(code="SECTIONS", name="Profilés", kind="rack"))
        sizes = {
            "HEX": {"shape": "hex", "diameter_mm": Decimal(24)},
            "TUBE": {"shape": "tube", "diameter_mm": Decimal(60), "wall_mm": Decimal(5)},
            "FLAT": {"shape": "flat", "width_mm": Decimal(50), "height_mm": Decimal(12)},
            "SQUARE": {"shape": "square", "width_mm": Decimal(25)},
            "LOST": {"shape": "tube", "diameter_mm": Decimal(60)},
        }
        for name, size in sizes.items():
            lot = ctx.add(
                StockLot(
                    stock_item_id=material.id,
                    lot_number=name,
                    status="released",
                    unit_cost=Decimal(2),
                    **size,
                )
            )
            amount = Decimal(3000) if material.unit == "mm" else Decimal(10)
            post(
                ctx,
                Movement(
                    material.id,
                    amount,
                    "receipt",
                    stock_lot_id=lot.id,
                    from_holder="fournisseur",
                    to_location_id=rack.id,
                ),
            )
            lot.status = "released"
        ctx.session.flush()
        found = {u.code: u for u in build_shop(ctx).stock}
        assert (found["HEX"].shape, found["HEX"].diameter_mm) == ("hex", 24.0)
        assert (found["TUBE"].diameter_mm, found["TUBE"].wall_mm) == (60.0, 5.0)
        assert (found["FLAT"].shape, found["FLAT"].width_mm, found["FLAT"].thickness_mm) == (
            "flat",
            50.0,
            12.0,
        )
        assert found["SQUARE"].width_mm == 25.0
        assert "LOST" not in found
        areas = {"HEX": 498.83, "TUBE": 863.94, "FLAT": 600.0, "SQUARE": 625.0}
        for name, area in areas.items():
            if material.unit == "kg":
                kg_per_mm = area * float(material.density_g_cm3) * 1e-6
                assert found[name].length_mm == pytest.approx(10 / kg_per_mm, rel=1e-3)
                assert found[name].price_per_kg == Decimal(2)
            else:
                assert found[name].length_mm == 3000.0
                expected = (
                    2 / (area * float(material.density_g_cm3) * 1e-6) / (1000 if material.unit == "m" else 1)
                )
                assert float(found[name].price_per_kg or 0) == pytest.approx(expected, rel=1e-3)


@pytest.mark.requirement("QUO-10", "QUO-45")
def test_a_person_asks_for_a_shape_and_for_parts_per_clamping(story: Story) -> None:
    quote = story.quote()
    line = story.line(quote["id"], drawing_analysis_id=story.block, quantity=40)
    story.act(quote["id"], "compute")
    chosen = story.sheet(quote["id"])["lines"][0]
    grips = [o["workholding"] for o in chosen["operations"] if o["workholding"]]
    assert any("pièces par bridage" in g for g in grips)
    story.change("quote-lines", line["id"], parts_per_clamping=1, blank_shape="flat")
    story.act(quote["id"], "compute")
    typed = story.sheet(quote["id"])["lines"][0]
    assert typed["blank"]["shape"] == "flat"
    assert typed["blank"]["stock_size"]["width_mm"] == 70.0
    assert not any("pièces par bridage" in (o["workholding"] or "") for o in typed["operations"])
    story.change("quote-lines", line["id"], blank_shape="hex")
    story.act(quote["id"], "compute")
    refused = story.sheet(quote["id"])["lines"][0]
    assert refused["error_code"] == "blank_shape"
    assert "six pans" in refused["error_message"]
