"""The whole life of a lot, a bar or a tool: certificate, receipt, movements, uses, parts made (STK-45). Both ways."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select

from coordinator.kernel.context import Context
from coordinator.kernel.i18n import choice_label, t
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.stock import shop
from coordinator.modules.stock.models import (
    StockLot,
    StockMovement,
    StockUnit,
    StorageLocation,
    ToolIncident,
    ToolUsage,
)


@dataclass(frozen=True)
class Step:
    """One thing that happened, with what it leads to."""

    at: dt.datetime
    what: str
    details: str
    person: str = ""
    entity: str | None = None
    record_id: int | None = None


def of_lot(ctx: Context, lot: StockLot) -> list[Step]:
    """Life of a material lot, oldest first."""
    units = select(StockUnit.id).where(StockUnit.stock_lot_id == lot.id)
    movements = select(StockMovement).where(
        or_(StockMovement.stock_lot_id == lot.id, StockMovement.stock_unit_id.in_(units))
    )
    steps = _certificate(ctx, lot) + _movements(ctx, movements)
    for part in shop.parts_of_lot(ctx, lot.id):
        words = t(
            "stock.life.parts",
            ctx.locale,
            **{k: part.get(k) or "—" for k in ("number", "order", "part", "quantity")},
        )
        steps.append(Step(part["at"], t("stock.life.made", ctx.locale), words, "", "part_lot", part["id"]))
    return sorted(steps, key=lambda s: s.at)


def of_unit(ctx: Context, unit: StockUnit) -> list[Step]:
    """Life of a bar, offcut or tool: its parents' first, then its own, its uses and what happened to it."""
    family = _ancestors(ctx, unit)
    steps = []
    if unit.stock_lot_id is not None:
        steps += _certificate(ctx, ctx.get(StockLot, unit.stock_lot_id))
    steps += _movements(ctx, select(StockMovement).where(StockMovement.stock_unit_id.in_(family)))
    usages = select(ToolUsage).where(ToolUsage.stock_unit_id == unit.id)
    for usage in ctx.session.scalars(usages):
        facts = shop.operation(ctx, usage.work_order_operation_id)
        words = t(
            "stock.life.used",
            ctx.locale,
            minutes=f"{usage.used_min:.1f}".replace(".", ","),
            parts=usage.part_count if usage.part_count is not None else "—",
            operation=facts.name if facts is not None else "—",
        )
        words += f" · {choice_label('tool_usage_basis', usage.basis, ctx.locale)}"
        link = ("work_order_operation", usage.work_order_operation_id) if facts is not None else (None, None)
        steps.append(
            Step(usage.occurred_at, t("stock.life.use", ctx.locale), words, person(ctx, usage.user_id), *link)
        )
    incidents = select(ToolIncident).where(ToolIncident.stock_unit_id == unit.id)
    for incident in ctx.session.scalars(incidents):
        words = incident.cause or incident.comment or "—"
        steps.append(
            Step(
                incident.occurred_at,
                t("stock.life.broken", ctx.locale),
                words,
                person(ctx, incident.reported_by_id),
                "tool_incident",
                incident.id,
            )
        )
    return sorted(steps, key=lambda s: s.at)


def _ancestors(ctx: Context, unit: StockUnit) -> list[int]:
    found = [unit.id]
    above = unit.parent_id
    while above is not None and above not in found:
        found.append(above)
        above = ctx.get(StockUnit, above).parent_id
    return found


def _certificate(ctx: Context, lot: StockLot) -> list[Step]:
    if lot.certificate_verified_at is None:
        return []
    words = t(
        "stock.life.certificate_words",
        ctx.locale,
        type=lot.certificate_type or "—",
        number=lot.certificate_number or "—",
        heat=lot.certificate_heat_number or "—",
    )
    verifier = person(ctx, lot.certificate_verified_by_id)
    return [
        Step(
            lot.certificate_verified_at,
            t("stock.life.certificate", ctx.locale),
            words,
            verifier,
            "stock_lot",
            lot.id,
        )
    ]


def _movements(ctx: Context, query: Any) -> list[Step]:
    steps = []
    for row in ctx.session.scalars(query.order_by(StockMovement.occurred_at, StockMovement.id)):
        facts = shop.operation(ctx, row.work_order_operation_id)
        way = " → ".join(x for x in (_place(ctx, row, "from"), _place(ctx, row, "to")) if x)
        parts = [
            f"{row.quantity.normalize():f}",
            way,
            facts.name if facts is not None else "",
            row.comment or "",
        ]
        steps.append(
            Step(
                row.occurred_at,
                choice_label("stock_movement_kind", row.kind, ctx.locale),
                " · ".join(p for p in parts if p),
                person(ctx, row.user_id),
                "stock_movement",
                row.id,
            )
        )
    return steps


def _place(ctx: Context, row: StockMovement, side: str) -> str:
    location_id = getattr(row, f"{side}_location_id")
    if location_id is not None:
        return ctx.get(StorageLocation, location_id).code
    return t("stock.life.in_use", ctx.locale) if getattr(row, f"{side}_holder") else ""


def person(ctx: Context, user_id: int | None) -> str:
    """Name of an account; empty without one."""
    user = ctx.session.get(UserAccount, user_id) if user_id is not None else None
    return f"{user.first_name} {user.last_name}" if user is not None else ""
