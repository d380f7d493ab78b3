"""Sawing debits the bar the order planned, and ties its lot to the parts (EXE-38, RTG-28, TRC-02)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.modules.execution.facts import Fact, number
from coordinator.modules.execution.models import PartLotMaterial
from coordinator.modules.execution.orders import lot_of
from coordinator.modules.execution.release import demand_of
from coordinator.modules.stock import api as stock


def debit(fact: Fact) -> str:
    """Debit count × (length + kerf) from the planned, scanned or best bar; what cannot be booked becomes a task."""
    ctx, planned = fact.ctx, fact.operation.material or {}
    count = int(number(fact.payload, "cut_count")) or int(planned.get("cut_count") or 0)
    length = _length(fact, planned)
    if count <= 0 or length <= 0:
        return ""
    if not fact.payload.get("stock_unit_code") and (plates := stock.plate_sources(ctx, fact.operation.id)):
        # Plates leave stock when their plan is cut; here the parts get their material.
        _tie(ctx, fact, plates)
        return ""
    result = _by_plan(fact, count, length)
    if result is not None:
        return _told(fact, result, count, length)
    lot_id, unit_id = _source(fact, planned, length)
    if lot_id is None and unit_id is None:
        _missing(fact, f"{count} × {length:.0f} mm")
        return t("shop.cut_not_booked", ctx.locale)
    try:
        with ctx.session.begin_nested():
            result = stock.debit_cut(
                ctx, cut_count=count, cut_length_mm=length, stock_lot_id=lot_id, stock_unit_id=unit_id,
                work_order_operation_id=fact.operation.id, work_order_id=fact.order.id,
                uid=uuid.uuid5(fact.event.uid, "cut"), user_id=fact.event.user_id, demand=demand_of(ctx, fact.order),
            )  # fmt: skip
    except BusinessError as refusal:
        if not fact.late:
            raise
        fact.doubts.append((refusal.code, refusal.message(ctx.locale)))
        return ""
    return _told(fact, result, count, length)


def _by_plan(fact: Fact, count: int, length: Decimal) -> stock.CutResult | None:
    """Debit the bars of an approved cutting plan; pieces beyond it come from the best bar left. ``None`` without plan.

    A bar scanned at the saw is a person's word and goes before the plan.
    """
    ctx = fact.ctx
    plan = (
        stock.open_plan(ctx, fact.operation.id, length) if not fact.payload.get("stock_unit_code") else None
    )
    if plan is None:
        return None
    uid = uuid.uuid5(fact.event.uid, "cut")
    cut = stock.PlanCut(fact.operation.id, count, length, uid, fact.order.id, fact.event.user_id)
    result, left = stock.debit_plan(ctx, plan, cut)
    if left:
        result.missing_pieces += left
    return result


def _told(fact: Fact, result: stock.CutResult, count: int, length: Decimal) -> str:
    ctx = fact.ctx
    lots = _link(ctx, fact, result.movement_ids)
    fact.trace(
        "material.cut", cut_count=count, cut_length_mm=str(length), consumed_mm=str(result.consumed_mm), stock_lot_ids=lots,
        offcut_ids=result.offcut_ids, missing=result.missing_pieces,
    )  # fmt: skip
    if result.missing_pieces:
        _missing(fact, f"{result.missing_pieces} × {length:.0f} mm")
    if result.offcut_ids:
        return t(
            "shop.cut_offcut",
            ctx.locale,
            consumed=f"{result.consumed_mm:.0f}",
            offcuts=len(result.offcut_ids),
        )
    return t("shop.cut", ctx.locale, consumed=f"{result.consumed_mm:.0f}")


def _length(fact: Fact, planned: dict[str, Any]) -> Decimal:
    try:
        return Decimal(str(fact.payload.get("cut_length_mm") or planned.get("cut_length_mm") or 0))
    except ArithmeticError:
        raise BusinessError("shop.quantity") from None


def _source(fact: Fact, planned: dict[str, Any], length: Decimal) -> tuple[int | None, int | None]:
    """Lot and bar: the scanned one, the planned one, else the best in stock (offcuts first)."""
    scanned = fact.payload.get("stock_unit_code")
    if scanned:
        target = stock.resolve(fact.ctx, str(scanned))
        if planned.get("material_id") not in (None, target.item.id):
            fact.against("shop.wrong_material", item=target.item.name)
        return target.lot_id, target.unit_id
    lot_id, unit_id = planned.get("stock_lot_id"), planned.get("stock_unit_id")
    if lot_id is not None or unit_id is not None or planned.get("material_id") is None:
        return lot_id, unit_id
    found = stock.candidates(fact.ctx, planned["material_id"], length, demand_of(fact.ctx, fact.order))
    # Bars of a lot are cut one after the other, so the lot of the best bar is debited, not that bar alone.
    return (
        (found[0].stock_lot_id, None if found[0].stock_lot_id else found[0].stock_unit_id)
        if found
        else (None, None)
    )


def _link(ctx: Context, fact: Fact, movement_ids: list[int]) -> list[int]:
    movements = ctx.session.scalars(
        select(stock.StockMovement).where(stock.StockMovement.id.in_(movement_ids))
    )
    used = {(m.stock_lot_id, m.stock_unit_id) for m in movements if m.kind == "consumption"}
    _tie(ctx, fact, sorted(used, key=str))
    return sorted({lot_id for lot_id, _ in used if lot_id is not None})


def _tie(ctx: Context, fact: Fact, used: Iterable[tuple[int | None, int | None]]) -> None:
    """Note of which material the parts of the order are."""
    lot = lot_of(ctx, fact.order.id)
    for lot_id, unit_id in used:
        if lot_id is None and unit_id is None:
            continue
        values = {"part_lot_id": lot.id, "stock_lot_id": lot_id, "stock_unit_id": unit_id}
        ctx.session.execute(insert(PartLotMaterial).values(values).on_conflict_do_nothing())


def _missing(fact: Fact, what: str) -> None:
    """A shortage is shown to a person, never hidden (RTG-51)."""
    ctx = fact.ctx
    title = t(
        "task.cut_not_booked",
        ctx.locale,
        order=fact.order.number,
        number=fact.operation.sequence_no,
        what=what,
    )
    key = f"cut:{fact.event.uid}"
    tasks.open_task(ctx, "execution.cut", title, fact.operation, role="storekeeper", dedupe_key=key)
