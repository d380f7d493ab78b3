"""A plate plan takes its pieces from released orders; their parts know the plate, and nothing is taken twice."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel import lifecycle
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.modules.catalogue.models import Material
from coordinator.modules.execution.models import PartLotMaterial
from coordinator.modules.stock import api as stock
from coordinator.modules.stock import cutting_plans, plate_plans
from coordinator.modules.stock.models import StockUnit, StorageLocation
from coordinator.modules.stock.models_cutting import PlatePlan


@pytest.fixture
def sheets(ctx: Context) -> Material:
    """Two plates of 8 mm and one of 12 mm."""
    aluminium = ctx.add(
        Material(code="AL-TOLE", name="Tôle alu", item_kind="material", unit="pce", managed_by="unit")
    )
    rack = ctx.add(StorageLocation(code="RT-1", name="Rack à tôles", kind="rack"))
    lot = stock.new_lot(ctx, aluminium.id, heat_number="T-77")
    for number, height in enumerate((8, 8, 12)):
        unit = ctx.add(
            StockUnit(
                stock_item_id=aluminium.id, stock_lot_id=lot.id, serial_number=f"T{number}", shape="plate",
                length_mm=Decimal(2000), width_mm=Decimal(1000), height_mm=Decimal(height),
            )
        )  # fmt: skip
        stock.receive(ctx, aluminium.id, Decimal(1), location_id=rack.id, lot=lot, unit_id=unit.id)
    return aluminium


def from_plate(shop: Any, sheets: Material, thickness_mm: int = 8) -> None:
    """The first operation of the order cuts rectangles."""
    shop.operations[0].material = {
        "material_id": sheets.id, "shape": "plate", "width_mm": "300", "thickness_mm": str(thickness_mm),
        "cut_length_mm": "400", "cut_count": 10,
    }  # fmt: skip
    shop.ctx.session.flush()


@pytest.mark.requirement("STK-21", "STK-30")
def test_pieces_come_from_released_orders_and_leave_stock_once(
    ctx: Context, build: Callable[..., Any], sheets: Material
) -> None:
    shop = build()
    from_plate(shop, sheets)
    found = plate_plans.propose(ctx, sheets, plate_plans.PlatePlanParams())
    plan = ctx.get(PlatePlan, found["plate_plan_id"])
    (piece,) = plan.pieces
    assert (piece["operation_id"], piece["count"]) == (shop.operations[0].id, 10)
    assert (Decimal(piece["length_mm"]), Decimal(piece["width_mm"]), plan.thickness_mm) == (400, 300, 8)
    assert plan.missing_count == 0
    with pytest.raises(BusinessError, match="Rien à débiter"):
        cutting_plans.propose(ctx, sheets, cutting_plans.PlanParams())
    lifecycle.move(ctx, plan, "approve")
    with pytest.raises(BusinessError, match="Rien à débiter"):
        plate_plans.propose(ctx, sheets, plate_plans.PlatePlanParams())
    (sheet,) = plate_plans.sheets_of(ctx, plan.id)
    plate_plans.cut(ctx, sheet, None)
    left = stock.on_hand(ctx, sheets.id)
    shop.start()
    done = shop.finish(after=30, good=10, cut_count=10, cut_length_mm=400)
    assert done.result == "done", done.message
    assert stock.on_hand(ctx, sheets.id) == left, "the plate was taken when it was cut"
    ties = ctx.session.scalars(select(PartLotMaterial)).all()
    assert [(tie.stock_lot_id, tie.stock_unit_id) for tie in ties] == [
        (sheet.stock_lot_id, sheet.stock_unit_id)
    ]


def test_a_plan_per_thickness_and_none_for_what_is_cancelled(
    ctx: Context, build: Callable[..., Any], sheets: Material
) -> None:
    shop = build()
    from_plate(shop, sheets, 12)
    own = plate_plans.PlateWish(label="Cale", length_mm=Decimal(100), width_mm=Decimal(50), count=2)
    ids = [shop.operations[0].id]
    with pytest.raises(BusinessError, match="épaisseur"):
        plate_plans.propose(ctx, sheets, plate_plans.PlatePlanParams(pieces=[own]))
    params = plate_plans.PlatePlanParams(pieces=[own], thickness_mm=Decimal(8), work_order_operation_ids=ids)
    (only,) = plate_plans.propose(ctx, sheets, params)["plate_plan_ids"]
    assert [p["label"] for p in ctx.get(PlatePlan, only).pieces] == ["Cale"], (
        "the order wants another thickness"
    )
    found = plate_plans.propose(ctx, sheets, plate_plans.PlatePlanParams(work_order_operation_ids=ids))
    plan = ctx.get(PlatePlan, found["plate_plan_id"])
    assert plan.thickness_mm == 12
    lifecycle.move(ctx, plan, "approve")
    assert stock.plate_sources(ctx, ids[0])
    lifecycle.move(ctx, plan, "cancel")
    assert not stock.plate_sources(ctx, ids[0])
    assert plate_plans.propose(ctx, sheets, plate_plans.PlatePlanParams())["plate_plan_ids"]
