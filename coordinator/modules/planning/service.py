"""Planning the shop, and rearranging it after an event (PLN-08, PLN-20…27)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy import func, select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.errors import BusinessError, DomainError
from coordinator.kernel.i18n import t
from coordinator.kernel.lifecycle import move
from coordinator.modules.planning import demand, problem, store
from coordinator.modules.planning.engine import model as engine
from coordinator.modules.planning.engine.replan import Event, Move, ReplanResult, Trigger, replan
from coordinator.modules.planning.engine.solve import SolveOptions, solve
from coordinator.modules.planning.engine.validate import PlanningInputError
from coordinator.modules.planning.models import (
    MachineSlot,
    OperatorSlot,
    PlanChangePolicy,
    PlanRun,
    ReplanChange,
    ReplanProposal,
)
from coordinator.modules.planning.problem import Shop

_log = structlog.get_logger(__name__)
SERVICE = "planning"


def options_for(ctx: Context, shop: Shop) -> SolveOptions:
    """Search longer the more there is to place, never beyond the setting (PLN-20)."""
    most = float(ctx.settings.decimal("planning.solve_seconds"))
    return SolveOptions(seconds=min(most, 1.0 + 0.05 * len(shop.operations)))


def plan(ctx: Context, *, trigger: str = "manual", options: SolveOptions | None = None) -> PlanRun:
    """Plan every open operation anew around what runs, is locked or begins soon, and apply it.

    Raises:
        BusinessError: ``planning.input`` with every contradiction of the data.
    """
    shop = problem.build(ctx)
    return store.apply(
        ctx, shop, _solved(shop, options or options_for(ctx, shop)), trigger=trigger, read_at=ctx.now
    )


def _solved(shop: Shop, options: SolveOptions) -> engine.Plan:
    try:
        return solve(shop.problem, options)
    except PlanningInputError as error:
        raise BusinessError("planning.input", reasons=str(error)) from error


def solve_job(factory: ContextFactory, *, trigger: str, requested_at: str) -> None:
    """Plan in the background: read, compute without a transaction, write (PLN-08).

    A plan read after the request already knows what it asks for, so several requests cost one computation.
    """
    with factory.open(Principal.service(SERVICE)) as ctx:
        last = problem.last_run(ctx)
        asked = dt.datetime.fromisoformat(requested_at)
        if last is not None and last.started_on is not None and last.started_on >= asked:
            return
        try:
            shop = problem.build(ctx)
        except BusinessError as refusal:
            cannot(ctx, refusal)
            return
        read_at = ctx.now
        options = options_for(ctx, shop)
    try:
        found = _solved(shop, options)
        with factory.open(Principal.service(SERVICE)) as ctx:
            run = store.apply(ctx, shop, found, trigger=trigger, read_at=read_at)
            _tell(ctx, run)
    except DomainError as refusal:
        with factory.open(Principal.service(SERVICE)) as ctx:
            cannot(ctx, refusal)


def cannot(ctx: Context, refusal: DomainError) -> None:
    """A plan that cannot be made is a task of the planner, not a silent failure."""
    _log.warning("plan not made", code=refusal.code)
    title = t("task.plan_failed", ctx.locale, reason=refusal.message(ctx.locale))
    key = f"plan_failed:{ctx.now:%Y-%m-%d}:{refusal.code}"
    tasks.open_task(ctx, "planning.failed", title, role="production_manager", dedupe_key=key)


def _tell(ctx: Context, run: PlanRun) -> None:
    late = [row["order"] for row in run.lateness or [] if row["late_min"] > 0]
    if late:
        words = t("planning.late_orders", ctx.locale, orders=", ".join(late[:10]))
        tasks.notify(ctx, "warning", "planning", words, run, role="production_manager")
    if run.left_out:
        words = t("planning.left_out", ctx.locale, count=len(run.left_out))
        tasks.notify(ctx, "warning", "planning", words, run, role="production_manager")


# --- rearrangement ----------------------------------------------------------------------------------------------


def rearrange(
    ctx: Context, trigger: Trigger, label: str, *, machine_id: int | None = None, employee_id: int | None = None,
    start: dt.datetime | None = None, end: dt.datetime | None = None, operation_ids: tuple[int, ...] = (),
    seconds: float | None = None, max_iterations: int | None = None,
) -> ReplanProposal:  # fmt: skip
    """Propose a new plan after an event, and apply it where the policy of its trigger allows (PLN-21, PLN-24).

    Raises:
        BusinessError: ``planning.input``; ``planning.unknown`` for a machine or person that is not planned.
    """
    store.lock_plan(ctx)
    shop = problem.build(ctx, ignore_breakdown=machine_id if trigger is Trigger.MACHINE_BREAKDOWN else None)
    baseline = shop.baseline or _solved(shop, options_for(ctx, shop))
    event = _event(ctx, shop, trigger, label, machine_id, employee_id, start, end, operation_ids)
    limit = float(ctx.settings.decimal("planning.replan_seconds")) if seconds is None else seconds
    limit = min(limit, 1.0 + 0.05 * len(shop.operations))
    try:
        found = replan(shop.problem, baseline, event, seconds=limit, max_iterations=max_iterations)
    except PlanningInputError as error:
        raise BusinessError("planning.input", reasons=str(error)) from error
    return _propose(ctx, shop, found, event, machine_id, employee_id)


def _event(
    ctx: Context, shop: Shop, trigger: Trigger, label: str, machine_id: int | None, employee_id: int | None,
    start: dt.datetime | None, end: dt.datetime | None, operation_ids: tuple[int, ...],
) -> Event:  # fmt: skip
    codes = {i: c for c, i in shop.machine_ids.items()}
    if (machine_id is not None and machine_id not in codes) or (
        employee_id is not None and employee_id not in shop.names
    ):
        raise BusinessError("planning.unknown")
    return Event(
        trigger, label, machine=codes.get(machine_id) if machine_id is not None else None,
        operator=shop.names.get(employee_id) if employee_id is not None else None,
        start_min=shop.axis.to_min(max(start or ctx.now, shop.axis.epoch)),
        end_min=shop.axis.to_min(end) if end is not None else None,
        tasks=tuple(str(i) for i in operation_ids if i in shop.operations),
    )  # fmt: skip


def _propose(
    ctx: Context,
    shop: Shop,
    found: ReplanResult,
    event: Event,
    machine_id: int | None,
    employee_id: int | None,
) -> ReplanProposal:
    reasons = [*found.approval_reasons, *_suspended(ctx)]
    proposal = ReplanProposal(
        trigger=event.trigger.value, reason=event.label[:500], machine_id=machine_id, employee_id=employee_id,
        summary={
            "orders_late": list(found.orders_late), "orders_later": list(found.orders_later),
            "orders_saved": list(found.orders_saved), "setup_delta_min": found.setup_delta_min, "moved": len(found.moves),
            "approval_reasons": reasons, "left_out": [x.message for x in found.left_out], "base_run_id": shop.base_run_id,
            "plan": problem.write_plan(found.plan, shop.axis), "solver_status": found.plan.status,
            "orders": _orders(shop, found),
        },
    )  # fmt: skip
    ctx.add(proposal)
    slots = _slot_ids(ctx)
    for moved in found.moves:
        ctx.add(_change(proposal, moved, shop, slots))
    mode = policy(ctx, event.trigger.value)
    if mode == "auto_apply_notify" and not reasons:
        move(ctx, proposal, "auto_apply")
        words = t("planning.applied", ctx.locale, reason=event.label, moved=len(found.moves))
        tasks.notify(ctx, "info", "planning", words, proposal, role="production_manager")
    else:
        _ask(ctx, proposal, reasons)
    return proposal


def _ask(ctx: Context, proposal: ReplanProposal, reasons: list[str]) -> None:
    """A responsible decides; nothing is applied by itself (PLN-25)."""
    title = t("task.replan", ctx.locale, reason=proposal.reason)
    minutes = ctx.settings.integer("planning.answer_min")
    tasks.open_task(
        ctx, "planning.proposal", title, proposal, role="production_manager", due_at=ctx.now + dt.timedelta(minutes=minutes),
        details={"reasons": reasons}, dedupe_key=f"replan:{proposal.id}",
    )  # fmt: skip
    tasks.notify(ctx, "warning", "planning", title, proposal, role="production_manager")


def _suspended(ctx: Context) -> list[str]:
    """Too many automatic changes are a sign of wrong input (PLN-55)."""
    query = (
        select(func.count())
        .select_from(ReplanProposal)
        .where(
            ReplanProposal.status == "auto_applied",
            ReplanProposal.created_at > ctx.now - dt.timedelta(hours=1),
        )
    )
    limit = ctx.settings.integer("planning.max_automatic_per_hour")
    return (
        [t("planning.suspended", ctx.locale, limit=limit)]
        if (ctx.session.scalar(query) or 0) >= limit
        else []
    )


def _orders(shop: Shop, found: ReplanResult) -> list[dict[str, Any]]:
    """End of each order before and after, for the comparison side by side (PLN-25)."""
    before = shop.baseline.orders if shop.baseline is not None else {}
    rows = []
    for order, result in found.plan.orders.items():
        old = before.get(order)
        if old is None or old.end_min != result.end_min:
            rows.append(
                {
                    "order": order, "old_end_at": _at(shop, old.end_min if old else None), "new_end_at": _at(shop, result.end_min),
                    "due_at": _at(shop, result.due_min), "late_min": result.late_min,
                }
            )  # fmt: skip
    return rows


def _at(shop: Shop, minute: int | None) -> str | None:
    return None if minute is None else shop.axis.to_datetime(minute).isoformat()


def _slot_ids(ctx: Context) -> dict[int, tuple[int | None, int | None]]:
    found: dict[int, tuple[int | None, int | None]] = {}
    models: tuple[Any, ...] = (MachineSlot, OperatorSlot)
    for index, model in enumerate(models):
        query = select(model.work_order_operation_id, func.min(model.id)).where(
            model.status == "planned", model.work_order_operation_id.is_not(None), model.archived_at.is_(None)
        )
        for operation_id, slot_id in ctx.session.execute(query.group_by(model.work_order_operation_id)):
            pair = found.get(operation_id, (None, None))
            found[operation_id] = (slot_id, pair[1]) if index == 0 else (pair[0], slot_id)
    return found


def _change(
    proposal: ReplanProposal, moved: Move, shop: Shop, slots: dict[int, tuple[int | None, int | None]]
) -> ReplanChange:
    def values(place: engine.Placement | None) -> dict[str, Any] | None:
        if place is None:
            return None
        times = {"start_at": _at(shop, place.start_min), "end_at": _at(shop, place.end_min)}
        return {"machine": place.machine, "operator": place.operator, **times}

    machine_slot, operator_slot = slots.get(int(moved.task), (None, None))
    new = values(moved.new)
    return ReplanChange(
        replan_proposal_id=proposal.id, work_order_operation_id=int(moved.task), machine_slot_id=machine_slot,
        operator_slot_id=operator_slot, old_values=values(moved.old), new_values={**(new or {}), "reason": moved.reason},
    )  # fmt: skip


def policy(ctx: Context, trigger: str) -> str:
    """Whether changes of this trigger may apply by themselves (PLN-24)."""
    query = select(PlanChangePolicy.mode).where(
        PlanChangePolicy.trigger == trigger, PlanChangePolicy.archived_at.is_(None)
    )
    return ctx.session.scalar(query) or "require_approval"


# --- decisions on a proposal ------------------------------------------------------------------------------------


def put_in_force(ctx: Context, proposal: ReplanProposal, _params: Any) -> dict[str, Any]:
    """Apply the plan of a proposal, as long as the plan it came from still holds (PLN-51).

    Raises:
        Conflict: ``planning.outdated`` or ``planning.conflict``.
    """
    run = _apply_kept(
        ctx, proposal, (proposal.summary or {})["plan"], (proposal.summary or {}).get("base_run_id")
    )
    proposal.summary = {**(proposal.summary or {}), "applied_run_id": run.id}
    _decided(ctx, proposal)
    return {"plan_run_id": run.id, "operations": run.operation_count}


def undo(ctx: Context, proposal: ReplanProposal, _params: Any) -> dict[str, Any]:
    """Put the plan back as it was before, while nothing of it has started (PLN-26).

    Raises:
        Conflict: ``planning.started`` or ``planning.outdated``.
    """
    from coordinator.kernel.errors import Conflict

    summary = proposal.summary or {}
    before = ctx.session.get(PlanRun, summary.get("base_run_id")) if summary.get("base_run_id") else None
    if before is None or not before.placements:
        raise Conflict("planning.no_way_back")
    query = select(ReplanChange.work_order_operation_id).where(ReplanChange.replan_proposal_id == proposal.id)
    if demand.started_ids(ctx, [i for i in ctx.session.scalars(query) if i is not None]):
        raise Conflict("planning.started")
    run = _apply_kept(ctx, proposal, before.placements, summary.get("applied_run_id"))
    proposal.refusal_reason = t("planning.undone", ctx.locale)
    return {"plan_run_id": run.id}


def _apply_kept(ctx: Context, proposal: ReplanProposal, kept: dict[str, Any], base: int | None) -> PlanRun:
    from coordinator.kernel.errors import Conflict

    store.lock_plan(ctx)
    shop = problem.build(ctx)
    if shop.base_run_id != base:
        raise Conflict("planning.outdated")
    # What has started since follows the shop floor; the rest takes the proposed place.
    wanted = replace(
        problem.read_plan(kept, shop), status=str((proposal.summary or {}).get("solver_status", "feasible"))
    )
    return store.apply(ctx, shop, wanted, trigger=proposal.trigger, read_at=ctx.now)


def refuse(ctx: Context, proposal: ReplanProposal, params: Any) -> None:
    """Keep the plan, with the reason (PLN-25, PLN-29)."""
    proposal.refusal_reason = getattr(params, "reason", None) or None
    _decided(ctx, proposal)


def _decided(ctx: Context, proposal: ReplanProposal) -> None:
    from coordinator.kernel.models import Task

    proposal.decided_at = ctx.now
    proposal.decided_by_id = ctx.principal.user_id
    query = select(Task).where(Task.dedupe_key == f"replan:{proposal.id}", Task.status == "open")
    for task in ctx.session.scalars(query):
        tasks.close_task(ctx, task)
