"""Sawing: debit of the bars, offcuts with their own label, scrap ends (STK-10, STK-21, STK-23)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from coordinator.kernel import qr
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.modules.stock import flow, ledger, rules
from coordinator.modules.stock.flow import Override
from coordinator.modules.stock.ledger import Movement
from coordinator.modules.stock.models import StockLot, StockMovement, StockUnit
from coordinator.modules.stock.views import StockBalance

if TYPE_CHECKING:
    from coordinator.modules.stock.cutting_plans import PlanCut
    from coordinator.modules.stock.models_cutting import CuttingPlan, CuttingPlanBar

ZERO = Decimal(0)


@dataclass
class CutResult:
    """What a sawing did: lengths in mm, ids of movements and offcuts, pieces that found no bar."""

    consumed_mm: Decimal = ZERO
    scrap_mm: Decimal = ZERO
    missing_pieces: int = 0
    movement_ids: list[int] = field(default_factory=list)
    offcut_ids: list[int] = field(default_factory=list)
    offcut_codes: list[str] = field(default_factory=list)


def debit_cut(
    ctx: Context,
    *,
    cut_count: int,
    cut_length_mm: Decimal,
    stock_lot_id: int | None = None,
    stock_unit_id: int | None = None,
    work_order_operation_id: int | None = None,
    work_order_id: int | None = None,
    uid: uuid.UUID,
    user_id: int | None = None,
    demand: rules.Demand | None = None,
    override: Override | None = None,
    kerf_mm: Decimal | None = None,
    facing_mm: Decimal | None = None,
    source: str = "system",
) -> CutResult:
    """Debit ``cut_count`` × (``cut_length_mm`` + kerf) from a lot or from one bar, once per ``uid``.

    Bars followed one by one leave an offcut of at least the reuse minimum, with its own code, or scrap; a lot
    without bars is debited as a length. Pieces beyond what is there are booked and flagged.

    Raises:
        BusinessError: ``stock.cut_values``; the lot's refusal for the demand (STK-29).
    """
    if cut_count <= 0 or cut_length_mm <= 0 or (stock_lot_id is None and stock_unit_id is None):
        raise BusinessError("stock.cut_values")
    unit = ctx.get(StockUnit, stock_unit_id) if stock_unit_id is not None else None
    lot_id = unit.stock_lot_id if unit is not None else stock_lot_id
    item_id = unit.stock_item_id if unit is not None else ctx.get(StockLot, lot_id).stock_item_id
    ledger.lock_item(ctx, item_id)
    if ledger.by_uid(ctx, uid) is not None:
        return CutResult()
    flow.check_lot(ctx, lot_id, demand, override)
    kerf = kerf_mm if kerf_mm is not None else ctx.settings.decimal("stock.saw_kerf_mm")
    facing = facing_mm if facing_mm is not None else ctx.settings.decimal("stock.saw_facing_mm")
    common = Movement(
        item_id,
        Decimal(1),
        "consumption",
        source,
        lot_id,
        None,
        work_order_operation_id=work_order_operation_id,
        work_order_id=work_order_id,
        user_id=user_id,
    )
    rows = ledger.balances(ctx, item_id, lot_id=lot_id, unit_id=stock_unit_id)
    bars = {row.stock_unit_id: row for row in rows if row.stock_unit_id is not None}
    cutter = _Cutter(ctx, common, uid)
    if not bars:
        cutter.length(rules.cut_length(cut_count, cut_length_mm, kerf, facing))
        return cutter.result
    plan = rules.plan_cuts(
        [_bar(ctx, row) for row in bars.values()],
        cut_count,
        cut_length_mm,
        kerf_mm=kerf,
        facing_mm=facing,
        minimum_mm=ctx.settings.decimal("stock.offcut_min_mm"),
    )
    for cut in plan.cuts:
        cutter.bar(bars[cut.key], cut)
    if plan.missing:
        cutter.result.missing_pieces = plan.missing
        cutter.missing(plan.missing * (cut_length_mm + kerf), rows[-1].storage_location_id)
    return cutter.result


def _bar(ctx: Context, row: StockBalance) -> rules.Bar:
    unit = ctx.get(StockUnit, row.stock_unit_id)
    return rules.Bar(unit.id, row.quantity, unit.parent_id is not None)


class _Cutter:
    """Writes the movements of one sawing under identifiers derived from its own."""

    def __init__(self, ctx: Context, common: Movement, uid: uuid.UUID) -> None:
        self._ctx = ctx
        self._common = common
        self._uid = uid
        self._number = 0
        self.result = CutResult()

    def _next(self) -> uuid.UUID:
        self._number += 1
        return self._uid if self._number == 1 else uuid.uuid5(self._uid, str(self._number))

    def _post(self, kind: str, quantity: Decimal, **values: object) -> StockMovement:
        known = {
            **vars(self._common),
            "kind": kind,
            "quantity": quantity,
            "uid": self._next(),
            "act_uid": self._uid,
            **values,
        }
        row = ledger.post(self._ctx, Movement(**known))  # type: ignore[arg-type]
        self.result.movement_ids.append(row.id)
        return row

    def length(self, quantity: Decimal) -> None:
        """Debit a length that no followed bar covers."""
        common = Movement(
            **{**vars(self._common), "quantity": quantity, "uid": self._next(), "act_uid": self._uid}
        )
        for row in flow.take(self._ctx, common):
            self.result.movement_ids.append(row.id)
        self.result.consumed_mm += quantity

    def missing(self, quantity: Decimal, location_id: int) -> None:
        """Book what was cut from a bar the ledger does not know: kept, flagged, to be counted (STK-24)."""
        self._post("consumption", quantity, from_location_id=location_id)
        self.result.consumed_mm += quantity

    def bar(self, row: StockBalance, cut: rules.BarCut) -> None:
        """Debit one bar and deal with what remains of it."""
        place = row.storage_location_id
        bar: dict[str, int | None] = {"stock_unit_id": cut.key, "from_location_id": place}
        self._post("consumption", cut.consumed_mm, **bar)
        self.result.consumed_mm += cut.consumed_mm
        if cut.remainder_mm <= 0:
            return
        if not cut.keep_remainder:
            self._post("scrap", cut.remainder_mm, **bar)
            self.result.scrap_mm += cut.remainder_mm
            return
        self._keep(cut.key, cut.remainder_mm, place, bar)

    def _keep(
        self, unit_id: int, length_mm: Decimal, location_id: int, source: dict[str, int | None]
    ) -> None:
        """The rest of a bar becomes an offcut with its own code."""
        parent = self._ctx.get(StockUnit, unit_id)
        offcut = self._offcut(parent, length_mm)
        self._post("offcut_creation", length_mm, **source)
        self._post(
            "offcut_creation",
            length_mm,
            stock_unit_id=offcut.id,
            stock_lot_id=parent.stock_lot_id,
            to_location_id=location_id,
        )
        self.result.offcut_ids.append(offcut.id)
        code = qr.code_of(self._ctx, offcut)
        self.result.offcut_codes.append(code)
        self._ctx.emit("stock.offcut_created", {"stock_unit_id": offcut.id, "code": code})

    def _offcut(self, parent: StockUnit, length_mm: Decimal) -> StockUnit:
        """The rest of a bar: same lot, hence same grade, heat and certificate (STK-10)."""
        return self._ctx.add(
            StockUnit(
                uid=uuid.uuid5(self._uid, f"offcut:{parent.id}"),
                stock_item_id=parent.stock_item_id,
                stock_lot_id=parent.stock_lot_id,
                parent_id=parent.id,
                condition="used",
                shape=parent.shape,
                length_mm=length_mm,
                diameter_mm=parent.diameter_mm,
                width_mm=parent.width_mm,
                height_mm=parent.height_mm,
                origin_work_order_id=self._common.work_order_id,
            )
        )


class PlanCutter(_Cutter):
    """Debits bars as an approved plan says, piece by piece; the rest of a bar appears with its last piece."""

    def __init__(self, ctx: Context, stock_item_id: int, cut: PlanCut) -> None:
        common = Movement(
            stock_item_id,
            Decimal(1),
            "consumption",
            "system",
            work_order_operation_id=cut.operation_id,
            work_order_id=cut.work_order_id,
            user_id=cut.user_id,
        )
        super().__init__(ctx, common, cut.uid)

    def planned(self, bar: CuttingPlanBar, length_mm: Decimal, plan: CuttingPlan) -> None:
        """Pieces cut from one bar now, with kerfs and facing; the last kerf may run out of the bar."""
        assert bar.stock_unit_id is not None  # noqa: S101 — plans are made of followed bars
        rows = ledger.balances(self._ctx, plan.stock_item_id, unit_id=bar.stock_unit_id)
        held = sum((row.quantity for row in rows), ZERO)
        place = rows[0].storage_location_id if rows else ledger.main_place(self._ctx, plan.stock_item_id)
        wanted = length_mm
        if bar.is_cut and held > bar.remainder_mm:
            wanted = held - bar.remainder_mm
        source = {
            "stock_unit_id": bar.stock_unit_id,
            "stock_lot_id": bar.stock_lot_id,
            "from_location_id": place,
        }
        if wanted > 0:
            self._post("consumption", wanted, **source)
            self.result.consumed_mm += wanted
        rest = held - wanted
        if not bar.is_cut or rest <= 0:
            return
        if rest < plan.minimum_mm:
            self._post("scrap", rest, **source)
            self.result.scrap_mm += rest
        else:
            self._keep(bar.stock_unit_id, rest, place, source)
