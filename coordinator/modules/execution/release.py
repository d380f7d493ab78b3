"""Checks before the workshop gets an order (RTG-18). Each failure names the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, FieldError
from coordinator.kernel.i18n import t
from coordinator.modules.catalogue.api import PartRevision
from coordinator.modules.execution import rules
from coordinator.modules.execution.models import WorkOrder, WorkOrderOperation
from coordinator.modules.execution.orders import operations_of
from coordinator.modules.machines.api import Machine
from coordinator.modules.machines.models import MachineCapability
from coordinator.modules.people import api as people
from coordinator.modules.people.models import Skill
from coordinator.modules.routings import api as routings
from coordinator.modules.stock import api as stock


@dataclass(frozen=True)
class Finding:
    """A failed check; ``blocks`` keeps the order back, else it is a warning."""

    code: str
    blocks: bool
    params: dict[str, Any]


def demand_of(ctx: Context, order: WorkOrder) -> stock.Demand:
    """What the order asks of its material (STK-29)."""
    revision = ctx.session.get(PartRevision, order.part_revision_id) if order.part_revision_id else None
    return stock.Demand(order.criticality, bool(revision and revision.certificate_required))


def checks(ctx: Context, order: WorkOrder) -> list[Finding]:
    """Everything found before a release."""
    routing = ctx.get(routings.Routing, order.routing_id)
    found = []
    if routings.needs_validation(ctx, routing, order.criticality):
        params = {"routing": f"{routing.number} v{routing.version_no}"}
        found.append(Finding("release.routing", True, params))
    operations = [o for o in operations_of(ctx, order.id) if o.status != "cancelled"]
    if not operations:
        found.append(Finding("release.empty", True, {}))
    critical = order.criticality in rules.CRITICAL
    for operation in operations:
        found += _machine(ctx, operation, critical)
        found += _people(ctx, operation, critical)
        found += _material(ctx, order, operation, critical)
    return found


def _machine(ctx: Context, operation: WorkOrderOperation, critical: bool) -> list[Finding]:
    if operation.machine_id is None:
        return []
    machine = ctx.get(Machine, operation.machine_id)
    params = {"number": operation.sequence_no, "machine": machine.name}
    if machine.status == "retired" or machine.archived_at is not None:
        return [Finding("release.machine_retired", True, params)]
    if machine.status in {"breakdown", "maintenance"}:
        return [Finding("release.machine_down", critical, params)]
    can = select(MachineCapability.operation_type).where(
        MachineCapability.machine_id == machine.id, MachineCapability.archived_at.is_(None)
    )
    known = set(ctx.session.scalars(can))
    return (
        [Finding("release.machine_unable", critical, params)]
        if known and operation.operation_type not in known
        else []
    )


def _people(ctx: Context, operation: WorkOrderOperation, critical: bool) -> list[Finding]:
    if operation.skill_id is None:
        return []
    skill = ctx.get(Skill, operation.skill_id)
    level = ctx.settings.integer("execution.min_skill_level")
    able = any(
        people.skill_level(ctx, p.employee_id, skill.code, operation.machine_id) >= level
        for p in people.people(ctx)
    )
    params = {"number": operation.sequence_no, "skill": skill.label}
    return [] if able else [Finding("release.nobody", critical, params)]


def _material(ctx: Context, order: WorkOrder, operation: WorkOrderOperation, critical: bool) -> list[Finding]:
    planned = operation.material or {}
    found = []
    lot_id = planned.get("stock_lot_id")
    if lot_id is not None:
        try:
            stock.check_lot(ctx, lot_id, demand_of(ctx, order))
        except BusinessError as refusal:
            params = {"number": operation.sequence_no, "reason": refusal.message(ctx.locale)}
            found.append(Finding("release.material_refused", True, params))
    if planned.get("material_id") is not None and planned.get("cut_length_mm"):
        need = Decimal(planned["cut_length_mm"]) * planned["cut_count"]
        there = stock.availability(ctx, planned["material_id"]).available
        if there < need:
            params = {
                "number": operation.sequence_no,
                "need": f"{need:.0f}",
                "there": f"{there:.0f}",
                "name": planned["name"],
            }
            found.append(Finding("release.material_short", critical, params))
    return found


def release(ctx: Context, order: WorkOrder, _params: Any) -> dict[str, Any]:
    """Give an order to the workshop; warnings are answered, faults refuse (RTG-16, RTG-18).

    Raises:
        BusinessError: ``work_order.release_blocked`` with one entry per fault.
    """
    found = checks(ctx, order)
    faults = [f for f in found if f.blocks]
    if faults:
        words = " ".join(t(f"error.{f.code}", ctx.locale, **f.params) for f in faults)
        errors = [FieldError("operations", f.code, f.params) for f in faults]
        raise BusinessError("work_order.release_blocked", errors=errors, number=order.number, reasons=words)
    order.released_at = ctx.now
    order.released_by_id = ctx.principal.user_id
    return {
        "warnings": [{"code": f.code, "message": t(f"error.{f.code}", ctx.locale, **f.params)} for f in found]
    }
