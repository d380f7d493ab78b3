"""Start, pause, resume, report and finish of an operation: one implementation for stations, phones and the office."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import choice_label, t
from coordinator.kernel.lifecycle import move
from coordinator.modules.execution import cutting, cycles, inspection, replacement, rules, times
from coordinator.modules.execution.facts import Fact, number
from coordinator.modules.execution.models import Comment, TimeEntry, TimePause, WorkOrderOperation
from coordinator.modules.execution.orders import lot_of, operations_of, predecessors, received_qty
from coordinator.modules.machines.api import Machine, machine_by_code, may_operate
from coordinator.modules.people import api as people
from coordinator.modules.people.models import Skill

_MEANS = ("qr", "button", "badge_reader", "camera", "voice", "manual")


def _means(payload: Mapping[str, Any]) -> str:
    means = str(payload.get("means") or "qr")
    return means if means in _MEANS else "manual"


def _emit(fact: Fact, event_type: str, **values: Any) -> None:
    operation = fact.operation
    fact.ctx.emit(
        event_type,
        {
            "id": operation.id, "work_order_id": operation.work_order_id, "machine_id": operation.machine_id,
            "user_id": fact.event.user_id, "occurred_at": fact.at, **values,
        },
    )  # fmt: skip


def _open_order(fact: Fact) -> bool:
    """Whether the order and the operation can still be worked on; contradictions are noted."""
    operation, order = fact.operation, fact.order
    if order.status not in {"released", "in_progress"}:
        fact.against(f"shop.order_{order.status}", order=order.number)
        return False
    if operation.status in {"done", "cancelled", "blocked"}:
        fact.against(
            f"shop.operation_{operation.status}",
            number=operation.sequence_no,
            reason=operation.blocked_reason or "",
        )
        return False
    return True


# --- start ------------------------------------------------------------------------------------------------------


def start(fact: Fact) -> str:
    """Begin or join an operation, or pass from set-up to run (EXE-08, EXE-09, EXE-11, EXE-12)."""
    ctx, operation = fact.ctx, fact.operation
    kind = "setup" if fact.payload.get("kind") == "setup" else "run"
    is_open = _open_order(fact)
    machine = _machine(fact)
    running = times.open_entry(ctx, operation.id, fact.event.user_id)
    if running is not None and running.kind == kind:
        raise BusinessError("shop.already_started", number=operation.sequence_no)
    if running is None and is_open:
        _check_start(fact, machine)
    if running is not None:
        times.close_entry(ctx, running, fact.at)
    entry = TimeEntry(
        uid=fact.event.uid, employee_id=fact.employee_id, user_id=fact.event.user_id,
        machine_id=machine.id if machine is not None else None, work_order_operation_id=operation.id, kind=kind,
        recorded_at=ctx.now, started_at=fact.at, means=_means(fact.payload), time_quality=fact.event.time_quality,
        needs_validation=fact.event.time_quality == "uncertain",
    )  # fmt: skip
    ctx.add(entry)
    if operation.ended_at is not None and operation.ended_at >= fact.at:
        times.close_entry(ctx, entry, operation.ended_at)
    if is_open:
        _mark_started(fact)
    fact.trace("operation.started", kind=kind, machine=machine.code if machine is not None else None)
    _emit(fact, "operation.started", kind=kind)
    return t("shop.started", ctx.locale, number=operation.sequence_no, label=operation.operation_label)


def _machine(fact: Fact) -> Machine | None:
    code = fact.payload.get("machine_code")
    if code:
        return machine_by_code(fact.ctx, str(code))
    return fact.ctx.session.get(Machine, fact.operation.machine_id) if fact.operation.machine_id else None


def _check_start(fact: Fact, machine: Machine | None) -> None:
    ctx, operation = fact.ctx, fact.operation
    if not _has_parts(fact) and not fact.may_manage():
        fact.against("shop.nothing_available", number=operation.sequence_no)
    if operation.attendance_pct >= 100:
        span: rules.Span = (fact.at, None)
        other = times.busy_elsewhere(ctx, fact.event.user_id, fact.employee_id, span, besides=operation.id)
        if other is not None:
            fact.against("shop.busy_elsewhere", number=other.sequence_no, label=other.operation_label)
    if machine is not None and machine.status in {"maintenance", "breakdown", "retired"}:
        _check(fact, "machine", "shop.machine_down", machine=machine.name)
    if machine is not None and operation.machine_id not in {None, machine.id}:
        fact.warn("shop.other_machine", machine=machine.name)
    replacement.check_start(fact)
    if machine is not None and not may_operate(ctx, machine, fact.employee_id, fact.at.date()):
        fact.against("shop.not_authorized", machine=machine.name)
    _check_people(fact, machine)


def _has_parts(fact: Fact) -> bool:
    """Whether the operations before have passed on parts, a whole lot or the declared batch."""
    for before, transfer in predecessors(fact.ctx, fact.operation):
        needed = min(transfer or Decimal(1), fact.operation.planned_qty)
        if before.good_qty < needed:
            return False
    return True


def _check(fact: Fact, name: str, code: str, **params: Any) -> None:
    """A check of EXE-12: refuses critical parts by default, warns on the others; both are settings."""
    level = "critical" if fact.is_critical else "standard"
    if fact.ctx.settings.get(f"execution.check_{name}_{level}") == "block":
        fact.against(code, **params)
    else:
        fact.warn(f"error.{code}", **params)


def _check_people(fact: Fact, machine: Machine | None) -> None:
    """Assign whoever scans a free operation, if he is qualified (EXE-08)."""
    ctx, operation = fact.ctx, fact.operation
    if fact.employee_id is None:
        return
    qualified = True
    if operation.skill_id is not None:
        skill = ctx.get(Skill, operation.skill_id)
        machine_id = machine.id if machine is not None else None
        level = people.skill_level(ctx, fact.employee_id, skill.code, machine_id)
        qualified = level >= ctx.settings.integer("execution.min_skill_level")
        if not qualified:
            _check(fact, "skill", "shop.not_qualified", skill=skill.label)
    if qualified and operation.assigned_employee_id is None:
        operation.assigned_employee_id = fact.employee_id


def _mark_started(fact: Fact) -> None:
    ctx, operation, order = fact.ctx, fact.operation, fact.order
    if operation.started_at is None or fact.at < operation.started_at:
        operation.started_at, operation.started_by_id = fact.at, fact.event.user_id
    if operation.status == "pending":
        move(ctx, operation, "start")
    if order.status == "released":
        move(ctx, order, "start")
    if fact.is_critical:
        words = t("shop.critical_started", ctx.locale, order=order.number, number=operation.sequence_no)
        for role in ("quality_manager", "workshop_manager"):
            tasks.notify(ctx, "info", "critical_part", words, operation, role=role)


# --- pause and resume -------------------------------------------------------------------------------------------


def _running(fact: Fact) -> TimeEntry | None:
    entry = times.open_entry(fact.ctx, fact.operation.id, fact.event.user_id)
    if entry is None:
        fact.against("shop.not_running", number=fact.operation.sequence_no)
    return entry


def pause(fact: Fact) -> str:
    """Stop the counting with a reason (EXE-20); some reasons call for help at once (EXE-44)."""
    ctx, operation = fact.ctx, fact.operation
    entry = _running(fact)
    reason = str(fact.payload.get("reason_code") or "other")[:40]
    if entry is not None:
        if times.open_pause(ctx, entry.id) is not None:
            raise BusinessError("shop.already_paused", number=operation.sequence_no)
        at = max(fact.at, entry.started_at)
        ctx.add(TimePause(uid=fact.event.uid, time_entry_id=entry.id, reason=reason, started_at=at))
    fact.trace("operation.paused", reason=reason)
    _emit(fact, "operation.paused", reason=reason)
    if reason in {"breakdown", "waiting_material", "waiting_tool", "machine_stop"}:
        params = {
            "order": fact.order.number,
            "number": operation.sequence_no,
            "reason": t(f"stop_reason.{reason}", ctx.locale),
        }
        words = t("shop.stopped", ctx.locale, **params)
        tasks.notify(ctx, "warning", "shop_stop", words, operation, role="workshop_manager")
    return t("shop.paused", ctx.locale, number=operation.sequence_no)


def resume(fact: Fact) -> str:
    """Go on after a pause."""
    ctx, operation = fact.ctx, fact.operation
    entry = _running(fact)
    waiting = times.open_pause(ctx, entry.id) if entry is not None else None
    if waiting is None:
        fact.against("shop.not_paused", number=operation.sequence_no)
    elif waiting.reason == times.END_OF_SHIFT:
        fact.against("shop.shift_over", number=operation.sequence_no)
    else:
        waiting.ended_at = max(fact.at, waiting.started_at)
    fact.trace("operation.resumed")
    _emit(fact, "operation.resumed")
    return t("shop.resumed", ctx.locale, number=operation.sequence_no)


# --- quantities -------------------------------------------------------------------------------------------------


def report(fact: Fact) -> str:
    """Parts since the last report (EXE-29)."""
    ctx, operation = fact.ctx, fact.operation
    added = _added(fact)
    if added.total <= 0:
        raise BusinessError("shop.no_quantity")
    is_open = _open_order(fact)
    if is_open and operation.status == "pending":
        fact.against("shop.not_started", number=operation.sequence_no)
    _take_in(fact, added)
    fact.trace("operation.reported", **_texts(added))
    _emit(fact, "operation.reported", **_texts(added))
    params = {"good": f"{operation.good_qty:.0f}", "planned": f"{operation.planned_qty:.0f}"}
    return t("shop.reported", ctx.locale, **params)


def _texts(added: rules.Quantities) -> dict[str, int]:
    return {name: int(getattr(added, name)) for name in rules.DECLARED}


def _added(fact: Fact) -> rules.Quantities:
    added = rules.Quantities(*(number(fact.payload, name) for name in rules.DECLARED))
    cause = fact.payload.get("scrap_cause")
    if added.scrap + added.rework > 0 and cause not in rules.CAUSES:
        raise BusinessError("shop.cause_missing")
    return added


def _take_in(fact: Fact, added: rules.Quantities) -> None:
    """Add declared parts, never more than were received (EXE-30); scrap has consequences (EXE-31, EXE-33)."""
    ctx, operation = fact.ctx, fact.operation
    got = received_qty(ctx, operation)
    limit = rules.allowed_total(got, ctx.settings.decimal("execution.quantity_tolerance_pct"))
    declared = operation.good_qty + operation.rework_qty + operation.scrap_qty + added.total
    if declared > limit and added.total > 0 and not fact.may_manage():
        fact.against("shop.too_many", declared=f"{declared:.0f}", received=f"{got:.0f}")
        return
    operation.good_qty += added.good
    operation.rework_qty += added.rework
    operation.scrap_qty += added.scrap
    if added.scrap > 0:
        _scrapped(fact, added.scrap)
    if added.rework > 0:
        _ask(fact, "shop.rework", "task.rework", "methods", quantity=f"{added.rework:.0f}")


def _scrapped(fact: Fact, quantity: Decimal) -> None:
    ctx = fact.ctx
    cause = str(fact.payload.get("scrap_cause"))
    words = {"quantity": f"{quantity:.0f}", "cause": choice_label("cause", cause, ctx.locale)}
    _ask(fact, "shop.scrap", "task.scrap_relaunch", "production_manager", **words)
    _emit(fact, "operation.scrapped", quantity=quantity, cause=cause, is_critical=fact.is_critical)
    if fact.is_critical:
        reason = t("shop.blocked_by_scrap", ctx.locale, **words)
        _ask(fact, "shop.nonconformity", "task.critical_scrap", "quality_manager", **words)
        for operation in operations_of(ctx, fact.order.id):
            if operation.status == "pending" and operation.id != fact.operation.id:
                operation.blocked_reason = reason
                move(ctx, operation, "hold_back")


def _ask(fact: Fact, kind: str, title: str, role: str, **params: Any) -> None:
    ctx, operation = fact.ctx, fact.operation
    words = t(title, ctx.locale, order=fact.order.number, number=operation.sequence_no, **params)
    key = f"{kind}:{fact.event.uid}"
    tasks.open_task(ctx, kind, words, operation, role=role, dedupe_key=key)


# --- finish -----------------------------------------------------------------------------------------------------


def finish(fact: Fact) -> str:
    """Last report of an operation: parts, time, tools, material; the next one opens (EXE-15, EXE-18, EXE-38)."""
    ctx, operation, payload = fact.ctx, fact.operation, fact.payload
    added = _added(fact)
    spent = _time_spent(fact)
    inspection.check_finish(fact)
    if not _open_order(fact):
        _keep_time(fact)
        fact.trace("operation.finished", kept=True, **_texts(added))
        return ""
    if operation.status == "pending":
        fact.against("shop.not_started", number=operation.sequence_no)
        move(ctx, operation, "start")
        operation.started_at = operation.started_at or fact.at - dt.timedelta(minutes=float(spent))
    _take_in(fact, added)
    _check_shortfall(fact)
    _close_times(fact, spent)
    operation.ended_at, operation.ended_by_id = (
        max(fact.at, operation.started_at or fact.at),
        fact.event.user_id,
    )
    operation.validation_means = _means(payload)
    operation.validated_by_id = fact.event.user_id
    if payload.get("tool_change_flag"):
        operation.tool_change_flag = True
        _ask(fact, "shop.tool_change", "task.tool_change", "methods")
        replacement.tool_change_alert(fact)
    _remark(fact)
    words = [t("shop.finished", ctx.locale, number=operation.sequence_no, label=operation.operation_label)]
    if operation.operation_type == "cutting":
        words.append(cutting.debit(fact))
    move(ctx, operation, "finish")
    cycles.link_past(ctx, operation)
    fact.trace("operation.finished", time_spent_min=str(spent), **_texts(added))
    _emit(fact, "operation.finished", time_spent_min=spent, **_texts(added))
    words.append(_next(fact))
    return " ".join(word for word in words if word)


def _time_spent(fact: Fact) -> Decimal:
    try:
        spent = Decimal(str(fact.payload.get("time_spent_min") or 0)).quantize(rules.MILLI)
    except ArithmeticError:
        raise BusinessError("shop.time_range") from None
    if spent < 0 or spent > rules.MAX_TIME_MIN:
        raise BusinessError("shop.time_range")
    return spent


def _close_times(fact: Fact, spent: Decimal) -> None:
    """End what runs; the confirmed time stands beside the computed one, a big difference is explained (EXE-18)."""
    ctx, operation = fact.ctx, fact.operation
    _keep_time(fact)
    entries = times.entries_of(ctx, operation.id)
    proposed = times.spent_min(ctx, operation.id, fact.at)
    if not entries and spent <= 0:
        fact.against("shop.no_time", number=operation.sequence_no)
    limit = ctx.settings.decimal("execution.time_correction_pct")
    if entries and spent > 0:
        if rules.time_needs_comment(proposed, spent, limit) and not fact.payload.get("comment"):
            fact.against(
                "shop.time_comment", proposed=f"{proposed:.0f}", entered=f"{spent:.0f}", limit=f"{limit:.0f}"
            )
        last = entries[-1]
        last.confirmed_min = max(Decimal(0), times.elapsed_min(ctx, last, fact.at) + spent - proposed)
    elif spent > 0:
        ctx.add(
            TimeEntry(
                uid=uuid.uuid5(fact.event.uid, "time"), employee_id=fact.employee_id, user_id=fact.event.user_id,
                machine_id=operation.machine_id, work_order_operation_id=operation.id, recorded_at=ctx.now,
                started_at=fact.at - dt.timedelta(minutes=float(spent)), ended_at=fact.at, duration_min=spent,
                means="manual", is_manual=True, needs_validation=True, remarks=fact.payload.get("comment"),
            )
        )  # fmt: skip
    ctx.session.flush()
    operation.actual_time_min = times.spent_min(ctx, operation.id, fact.at)


def _keep_time(fact: Fact) -> None:
    """No time is lost: what runs ends when the fact happened (EXE-55)."""
    for entry in times.entries_of(fact.ctx, fact.operation.id):
        if entry.ended_at is None:
            times.close_entry(fact.ctx, entry, fact.at)


def _check_shortfall(fact: Fact) -> None:
    operation = fact.operation
    got = received_qty(fact.ctx, operation)
    declared = operation.good_qty + operation.rework_qty + operation.scrap_qty
    if declared < got and not fact.payload.get("comment"):
        fact.against("shop.shortfall", declared=f"{declared:.0f}", received=f"{got:.0f}")


def _remark(fact: Fact) -> None:
    words = str(fact.payload.get("comment") or "").strip()
    if words:
        operation = fact.operation
        operation.operator_remark = "\n".join(x for x in (operation.operator_remark, words) if x)


def _next(fact: Fact) -> str:
    """Open what comes after; the last operation ends the order."""
    ctx, order = fact.ctx, fact.order
    rows = operations_of(ctx, order.id)
    if all(row.status in {"done", "cancelled"} for row in rows):
        lot = lot_of(ctx, order.id)
        lot.quantity = fact.operation.good_qty
        move(ctx, order, "finish")
        return t("shop.order_finished", ctx.locale, order=order.number, quantity=f"{lot.quantity:.0f}")
    waiting = [row for row in rows if row.status == "pending" and _follows(ctx, row, fact.operation)]
    for row in waiting:
        ctx.emit("operation.opened", {"id": row.id, "work_order_id": order.id})
    if not waiting:
        return ""
    return t("shop.next", ctx.locale, number=waiting[0].sequence_no, label=waiting[0].operation_label)


def _follows(ctx: Context, row: WorkOrderOperation, done: WorkOrderOperation) -> bool:
    before = [p for p, _ in predecessors(ctx, row)]
    return done.id in {p.id for p in before} and all(p.status == "done" for p in before)


# --- remarks, tools, breakdowns ---------------------------------------------------------------------------------


def comment(fact: Fact) -> str:
    """A free remark; suggestions go to the methods inbox (EXE-41)."""
    ctx, operation = fact.ctx, fact.operation
    kind = str(fact.payload.get("kind") or "suggestion")
    words = str(fact.payload.get("text") or "").strip()
    if not words:
        raise BusinessError("shop.empty_comment")
    kind = kind if kind in {"suggestion", "delay", "technical", "quality"} else "technical"
    row = Comment(
        uid=fact.event.uid, kind=kind, object_type="work_order_operation", object_id=operation.id,
        user_id=fact.event.user_id, text=words,
    )  # fmt: skip
    ctx.add(row)
    fact.trace("comment.added", kind=kind, text=words)
    if kind == "suggestion":
        title = t("task.suggestion", ctx.locale, order=fact.order.number, number=operation.sequence_no)
        tasks.open_task(
            ctx, "comment.suggestion", title, row, role="methods", dedupe_key=f"comment:{fact.event.uid}"
        )
    return t("shop.commented", ctx.locale)


def tool_broken(fact: Fact) -> str:
    """The breakage in the life of the lot; stock books the tool (EXE-40)."""
    fact.operation.tool_change_flag = True
    fact.trace("tool.broken", tool=str(fact.payload.get("tool_code"))[:120], cause=fact.payload.get("cause"))
    return t("shop.tool_broken", fact.ctx.locale)


def tool_changed(fact: Fact) -> str:
    """A tool replaced for wear (EXE-39)."""
    fact.operation.tool_change_flag = True
    fact.trace("tool.changed", tool=str(fact.payload.get("tool_code"))[:120], cause=fact.payload.get("cause"))
    _ask(fact, "shop.tool_change", "task.tool_change", "methods")
    return t("shop.commented", fact.ctx.locale)
