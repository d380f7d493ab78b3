"""Manifest of the planning module."""

from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, false, select

from coordinator.kernel.context import Context
from coordinator.kernel.db import Record
from coordinator.kernel.registry import (
    Command,
    EntitySpec,
    Handler,
    Job,
    Lifecycle,
    Module,
    Permission,
    Transition,
)
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.planning import endpoints, events, service, slots
from coordinator.modules.planning.engine.replan import Trigger
from coordinator.modules.planning.models import (
    MachineAssignment,
    MachineSlot,
    OperatorSlot,
    PlanChangePolicy,
    PlanRun,
    ReplanChange,
    ReplanProposal,
)

AUTOMATIC = (
    Trigger.OPERATOR_ABSENCE, Trigger.TOOL_MISSING, Trigger.MACHINE_BREAKDOWN, Trigger.MATERIAL_SHORTAGE,
)  # fmt: skip
"""Triggers whose change applies by itself when nobody is harmed (PLN-24, **Default**)."""


class RefuseParams(BaseModel):
    """Why the plan stays as it is."""

    reason: str = Field(default="", max_length=300)


SLOT_LIFE = Lifecycle(
    "status",
    (
        Transition("start", ("planned",), "in_progress", automatic=True),
        Transition("finish", ("planned", "in_progress"), "done", automatic=True),
        Transition("cancel", ("planned",), "cancelled", "update", tone="danger"),
    ),
)
PROPOSAL_LIFE = Lifecycle(
    "status",
    (
        Transition("auto_apply", ("proposed",), "auto_applied", effect=service.put_in_force, event="replan.applied", automatic=True),
        Transition(
            "accept", ("proposed",), "accepted", "validate", service.put_in_force, event="replan.applied", tone="primary",
            critical=True,
        ),
        Transition("refuse", ("proposed",), "refused", "validate", service.refuse, RefuseParams, event="replan.refused", tone="danger"),
        Transition("undo", ("auto_applied", "accepted"), "refused", "validate", service.undo, event="replan.undone", confirm=True),
        Transition("expire", ("proposed",), "expired", automatic=True),
    ),
)  # fmt: skip


def _own_tasks(ctx: Context, scope: str) -> ColumnElement[bool]:
    """An operator sees his own tasks, not the remaining work (PLN-30)."""
    me = ctx.principal.employee_id
    if me is None or scope not in {"own", "assigned", "team"}:
        return false()
    if scope != "team":
        return OperatorSlot.employee_id == me
    employees: Any = ctx.registry.entities["employee"].model
    led = select(employees.id).where((employees.manager_id == me) | (employees.id == me))
    return OperatorSlot.employee_id.in_(led)


def _own_machines(ctx: Context, scope: str) -> ColumnElement[bool]:
    own = select(OperatorSlot.machine_slot_id).where(
        _own_tasks(ctx, scope), OperatorSlot.machine_slot_id.is_not(None)
    )
    return MachineSlot.id.in_(own)


def _computed(model: type[Record], **kwargs: Any) -> EntitySpec:
    return EntitySpec(
        model, "planning", "planning", can_create=False, can_update=False, can_delete=False, **kwargs
    )


def seed(ctx: Context) -> None:
    """Policies of PLN-24."""
    known = set(ctx.session.scalars(select(PlanChangePolicy.trigger)))
    for trigger in Trigger:
        if trigger.value not in known:
            mode = "auto_apply_notify" if trigger in AUTOMATIC else "require_approval"
            ctx.add(PlanChangePolicy(trigger=trigger.value, mode=mode))


def _solve_now(ctx: Context, _params: Any) -> dict[str, Any]:
    """Ask for a new plan; it is computed in the background."""
    ctx.defer(events.SOLVE, lock="planning", trigger="manual", requested_at=ctx.now)
    return {"queued": True}


MODULE = Module(
    name="planning",
    depends=("company", "identity", "catalogue", "people", "machines", "stock", "routings"),
    entities=[
        EntitySpec(
            MachineSlot, "planning", "planning", title=("task_label",), default_sort="start_at", lifecycle=SLOT_LIFE,
            on_create=slots.on_save_machine_slot, on_update=slots.on_save_machine_slot, scope_filter=_own_machines,
            list_fields=("machine_id", "task_label", "kind", "start_at", "end_at", "status", "is_locked"),
        ),
        EntitySpec(
            OperatorSlot, "planning", "planning", title=("task_label",), default_sort="start_at", lifecycle=SLOT_LIFE,
            on_create=slots.on_save_operator_slot, on_update=slots.on_save_operator_slot, scope_filter=_own_tasks,
            list_fields=("employee_id", "task_label", "purpose", "machine_id", "start_at", "end_at", "status", "is_locked"),
        ),
        EntitySpec(MachineAssignment, "planning", "planning", title=("task_label",), default_sort="-assigned_on"),
        EntitySpec(PlanChangePolicy, "planning", "planning", title=("trigger",), create_right="validate"),
        _computed(PlanRun, title=("trigger",), list_fields=("trigger", "solver_status", "operation_count", "seconds", "created_at")),
        _computed(
            ReplanProposal, title=("reason",), lifecycle=PROPOSAL_LIFE,
            list_fields=("reason", "trigger", "status", "machine_id", "employee_id", "created_at"),
        ),
        _computed(ReplanChange, title=("id",), default_sort="id"),
    ],
    commands=[Command("plan_now", Permission("planning", "update"), _solve_now, path="/planning/solve")],
    routers=[endpoints.router],
    handlers=[
        Handler("work_order.created", "planning.order_created", events.plan_on("order_created")),
        Handler("work_order.changed", "planning.order_changed", events.plan_on("order_changed")),
        Handler("work_order.cancelled", "planning.order_cancelled", events.on_cancelled),
        Handler("sales_order.changed", "planning.sales_order_changed", events.plan_on("order_changed")),
        Handler("operation.started", "planning.operation_started", events.on_started),
        Handler("operation.finished", "planning.operation_finished", events.on_finished),
        Handler("machines.breakdown", "planning.breakdown", events.on_breakdown),
        Handler("machines.returned", "planning.machine_back", events.plan_on("machine_back")),
        Handler("absence.accepted", "planning.absence", events.on_absence),
        Handler("tool_incident.opened", "planning.tool_missing", events.on_tool_incident),
    ],
    jobs=[
        Job(events.SOLVE, service.solve_job, queue="planning", detached=True),
        Job(events.REPLAN, events.replan_job, queue="planning", detached=True),
    ],
    settings=[
        SettingDef("planning.solve_seconds", "planning", "decimal", 20, "s", 1, 600),
        SettingDef("planning.replan_seconds", "planning", "decimal", 10, "s", 1, 600),
        SettingDef("planning.horizon_days", "planning", "integer", 90, "j", 7, 730),
        SettingDef("planning.frozen_min", "planning", "integer", 120, "min", 0, 10_080),
        SettingDef("planning.drift_min", "planning", "integer", 30, "min", 1, 1440),
        SettingDef("planning.breakdown_hours", "planning", "integer", 8, "h", 1, 2000),
        SettingDef("planning.answer_min", "planning", "integer", 30, "min", 1, 10_080),
        SettingDef("planning.max_automatic_per_hour", "planning", "integer", 10, None, 1, 1000),
        SettingDef("planning.min_skill_level", "planning", "integer", 3, None, 1, 4),
        SettingDef("planning.other_machines", "planning", "boolean", True),
        SettingDef("planning.weight_late_order", "planning", "decimal", 200, None, 0, 100_000),
        SettingDef("planning.weight_lateness", "planning", "decimal", 10, None, 0, 100_000),
        SettingDef("planning.weight_setup_change", "planning", "decimal", 2, None, 0, 100_000),
        SettingDef("planning.weight_balance", "planning", "decimal", "0.1", None, 0, 100_000),
        SettingDef("planning.weight_moved_task", "planning", "decimal", 5, None, 0, 100_000),
    ],
    seed=seed,
)  # fmt: skip
