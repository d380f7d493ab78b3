"""Manifest of the execution module."""

from typing import Any

from sqlalchemy import ColumnElement, false, select, true

from coordinator.kernel import audit
from coordinator.kernel.context import Context
from coordinator.kernel.registry import (
    Command,
    DeviceHandler,
    EntitySpec,
    Handler,
    Job,
    Lifecycle,
    Module,
    Permission,
    Transition,
)
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.execution import (
    cadence,
    cycles,
    drawing_endpoints,
    endpoints,
    facts,
    inbox,
    inspection,
    operations,
    orders,
    release,
    replacement,
    sheet,
    stock_link,
    times,
    undo,
    views,
)
from coordinator.modules.execution.models import (
    Comment,
    OperatorCadence,
    PartHold,
    PartLot,
    StopReason,
    TimeEntry,
    TimePause,
    WorkOrder,
    WorkOrderOperation,
)

stock_link.connect()

# Open entries change with each scan; their own rows and the shop events are the history.
audit.silent(TimePause)

ORDER_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "release", ("draft", "on_hold"), "released", "validate", release.release, event="work_order.released",
            critical=True, tone="primary",
        ),
        Transition("start", ("released",), "in_progress", automatic=True),
        Transition(
            "hold", ("draft", "released", "in_progress"), "on_hold", "update", params=orders.ReasonParams,
            event="work_order.held", tone="danger",
        ),
        Transition("resume", ("on_hold",), "in_progress", "validate", orders.resume, event="work_order.resumed"),
        Transition("finish", ("in_progress",), "done", event="work_order.done", automatic=True),
        Transition(
            "cancel", ("draft", "released", "in_progress", "on_hold"), "cancelled", "validate", orders.cancel,
            event="work_order.cancelled", tone="danger", confirm=True, critical=True,
        ),
    ),
)  # fmt: skip
OPERATION_LIFE = Lifecycle(
    "status",
    (
        Transition("start", ("pending",), "in_progress", automatic=True),
        Transition("unstart", ("in_progress",), "pending", automatic=True),
        Transition("finish", ("in_progress",), "done", automatic=True),
        Transition("hold_back", ("pending",), "blocked", automatic=True),
        Transition("block", ("pending", "in_progress"), "blocked", "update", orders.block, orders.ReasonParams, tone="danger"),
        Transition(
            "unblock", ("blocked",), "pending", "validate", orders.unblock, module_code="quality", critical=True, tone="primary"
        ),
        Transition("cancel", ("pending", "in_progress", "blocked"), "cancelled", "validate", tone="danger", confirm=True),
    ),
)  # fmt: skip
COMMENT_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "accept",
            ("open", "postponed"),
            "accepted",
            "update",
            inbox.answer,
            inbox.AnswerParams,
            tone="primary",
        ),
        Transition(
            "refuse",
            ("open", "postponed"),
            "refused",
            "update",
            inbox.answer,
            inbox.AnswerParams,
            tone="danger",
        ),
        Transition("postpone", ("open",), "postponed", "update", inbox.answer, inbox.AnswerParams),
    ),
)


def _own_times(ctx: Context, scope: str) -> ColumnElement[bool]:
    """Each sees his own times; a team leader those of his team (EXE-24, EXE-27)."""
    if ctx.principal.user_id is None:
        return false()
    own = TimeEntry.user_id == ctx.principal.user_id
    if scope == "team" and ctx.principal.employee_id is not None:
        employees = ctx.registry.entities["employee"].model
        led = select(employees.id).where(employees.manager_id == ctx.principal.employee_id)  # type: ignore[attr-defined]
        return own | TimeEntry.employee_id.in_(led)
    return own if scope in {"own", "assigned", "team"} else false()


def _assigned_orders(ctx: Context, scope: str) -> ColumnElement[bool]:
    """Orders one of whose operations is the person's (RTG-33)."""
    return WorkOrder.id.in_(select(WorkOrderOperation.work_order_id).where(views.mine(ctx, scope)))


def _entries(model: type[Any], **kwargs: Any) -> EntitySpec:
    return EntitySpec(
        model, "time_tracking", "production", can_create=False, can_update=False, can_delete=False, **kwargs
    )


MODULE = Module(
    name="execution",
    depends=(
        "company", "identity", "documents", "parties", "catalogue", "people", "machines", "stock", "routings", "planning",
        "drawings",
    ),
    entities=[
        EntitySpec(
            WorkOrder, "routing", "production", title=("number",), lifecycle=ORDER_LIFE, can_create=False, can_delete=False,
            on_update=orders.check_order, scope_filter=_assigned_orders,
            list_fields=("number", "part_revision_id", "quantity", "due_date", "priority", "criticality", "status"),
        ),
        EntitySpec(
            WorkOrderOperation, "routing", "production", title=("sequence_no", "operation_label"), lifecycle=OPERATION_LIFE,
            can_create=False, can_delete=False, default_sort="-work_order_id,sequence_no", on_update=orders.check_operation,
            scope_filter=views.mine,
            list_fields=(
                "work_order_id", "sequence_no", "operation_label", "machine_id", "assigned_employee_id", "planned_qty",
                "good_qty", "status", "planned_start_at", "planned_time_min", "actual_time_min",
            ),
        ),
        EntitySpec(
            PartHold, "quality", "production", title=("reason",), can_create=False, can_update=False, can_delete=False,
            default_sort="-marked_at",
            list_fields=("marked_at", "work_order_id", "work_order_operation_id", "reason", "status", "decided_by_id", "decided_at"),
        ),
        EntitySpec(
            OperatorCadence, "time_tracking", "production", title=("direction",), can_create=False, can_delete=False,
            default_sort="-found_at", visibility=cadence.managers_only,
            list_fields=(
                "found_at", "work_order_operation_id", "employee_id", "direction", "part_min", "usual_min", "explanation",
            ),
        ),
        _entries(
            TimeEntry, title=("kind", "started_at"), default_sort="-started_at", scope_filter=_own_times,
            list_fields=(
                "employee_id", "work_order_operation_id", "kind", "started_at", "ended_at", "duration_min", "confirmed_min",
                "is_manual", "needs_validation",
            ),
        ),
        EntitySpec(
            StopReason, "time_tracking", "production", title=("label",), import_key=("code",), default_sort="label",
            create_right="validate", scope_filter=lambda _ctx, _scope: true(),
        ),
        EntitySpec(
            Comment, "methods", "methods", title=("text",), lifecycle=COMMENT_LIFE, can_create=False, can_update=False,
            can_delete=False, list_fields=("kind", "text", "object_type", "object_id", "user_id", "status", "created_at"),
        ),
        EntitySpec(
            PartLot, "traceability", "production", title=("number",), can_create=False, can_update=False, can_delete=False,
            list_fields=("number", "work_order_id", "quantity", "created_at"),
        ),
    ],
    commands=[
        Command("launch", Permission("routing", "create"), orders.launch, orders.LaunchParams, entity="routing",
                available=lambda routing: routing.status != "obsolete" and not routing.is_template),
        Command("print_sheet", Permission("routing", "read"), sheet.file_sheet, entity="work_order"),
        Command("decide", Permission("quality", "validate"), inspection.decide, inspection.DecideParams, entity="part_hold",
                available=lambda hold: hold.status == "open", critical=True, tone="primary"),
        Command("approve", Permission("time_tracking", "validate"), times.approve, times.ApproveParams, entity="time_entry",
                available=lambda entry: entry.needs_validation),
        Command("declare_time", Permission("time_tracking", "create"), times.declare, times.DeclareParams,
                path="/time-declarations"),
    ],
    routers=[drawing_endpoints.router, endpoints.router],
    handlers=[
        Handler("machines.cycle_recorded", "execution.link_cycle", cycles.on_cycle),
        Handler("work_order.released", "execution.file_sheet", sheet.on_released),
        Handler("machines.collision", "execution.parts_to_inspect", inspection.on_collision),
        Handler("operation.finished", "execution.cadence", cadence.on_finished),
        Handler("tool_incident.took_over", "execution.take_over_tool", replacement.on_took_over),
    ],
    device_handlers=[
        DeviceHandler("scan.read", facts.on_scan),
        DeviceHandler("operation.started", facts.handled("start", operations.start)),
        DeviceHandler("operation.paused", facts.handled("pause", operations.pause)),
        DeviceHandler("operation.resumed", facts.handled("resume", operations.resume)),
        DeviceHandler("operation.reported", facts.handled("report", operations.report)),
        DeviceHandler("operation.finished", facts.handled("end", operations.finish)),
        DeviceHandler("operation.undone", facts.handled("undo", undo.undo)),
        DeviceHandler("comment.added", facts.handled("comment", operations.comment)),
        DeviceHandler("tool.broken", facts.handled("tool_broken", operations.tool_broken, needs_operation=False)),
        DeviceHandler("tool.changed", facts.handled("tool_changed", operations.tool_changed)),
        DeviceHandler("breakdown.reported", facts.on_breakdown),
    ],
    jobs=[Job("execution.stop_forgotten", times.stop_forgotten, cron="*/10 * * * *")],
    settings=[
        SettingDef("execution.late_after_s", "time_tracking", "integer", 60, "s", 5, 86_400),
        SettingDef("execution.time_correction_pct", "time_tracking", "decimal", 15, "%", 0, 500),
        SettingDef("execution.quantity_tolerance_pct", "routing", "decimal", 0, "%", 0, 100),
        SettingDef("execution.overrun_pct", "time_tracking", "decimal", 110, "%", 100, 1000),
        SettingDef("execution.cycle_difference_pct", "machines", "decimal", 5, "%", 0, 100),
        SettingDef("execution.cadence_pct", "time_tracking", "integer", 25, "%", 1, 1_000),
        SettingDef("execution.min_skill_level", "routing", "integer", 3, None, 1, 4),
        SettingDef("execution.forgotten_after_min", "time_tracking", "integer", 30, "min", 0, 480),
        SettingDef("execution.undo_min", "time_tracking", "integer", 5, "min", 0, 1440),
        SettingDef("execution.check_machine_critical", "routing", "text", "block"),
        SettingDef("execution.check_machine_standard", "routing", "text", "warn"),
        SettingDef("execution.check_skill_critical", "routing", "text", "block"),
        SettingDef("execution.check_skill_standard", "routing", "text", "warn"),
    ],
    station_data=views.station_data,
    seed=inbox.seed,
)  # fmt: skip
