"""A plan made into slots of machines and people; only what changes is written, so that the history says what moved."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from coordinator.kernel.context import Context
from coordinator.kernel.errors import Conflict
from coordinator.modules.planning import demand, problem
from coordinator.modules.planning.engine import model as engine
from coordinator.modules.planning.models import MachineSlot, OperatorSlot, PlanRun
from coordinator.modules.planning.problem import BENCH, Shop


def lock_plan(ctx: Context) -> None:
    """One writer of the plan at a time (PLN-51)."""
    ctx.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('planning', 11))"))


def apply(ctx: Context, shop: Shop, plan: engine.Plan, *, trigger: str, read_at: dt.datetime) -> PlanRun:
    """Make ``plan`` the plan of the shop and keep it as a run.

    Raises:
        Conflict: ``planning.conflict`` when a task somebody placed meanwhile stands in the way (PLN-17).
    """
    lock_plan(ctx)
    begun = demand.started_ids(ctx, [int(task_id) for task_id in plan.placements])
    writer = _Writer(ctx, shop, trigger)
    try:
        with ctx.session.begin_nested():
            for task_id, placed in plan.placements.items():
                if int(task_id) not in begun:
                    writer.place(int(task_id), placed)
            writer.cancel_rest(begun)
            ctx.session.flush()
            ctx.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    except IntegrityError as error:
        raise Conflict("planning.conflict") from error
    finally:
        ctx.session.execute(text("SET CONSTRAINTS ALL DEFERRED"))
    demand.write_starts(ctx, writer.starts)
    run = PlanRun(
        uid=uuid.uuid4(), trigger=trigger[:60], solver_status=plan.status, seconds=Decimal(str(round(plan.seconds, 2))),
        operation_count=len(plan.placements), started_on=read_at, placements=problem.write_plan(plan, shop.axis),
        left_out=[
            {"work_order_operation_id": int(x.task), "order": x.order, "code": x.code, "message": x.message, "field": x.field}
            for x in (*plan.left_out, *plan.conflicts)
        ],
        lateness=[
            {"order": r.order, "late_min": r.late_min, "end_at": _instant(shop, r.end_min), "due_at": _instant(shop, r.due_min)}
            for r in plan.orders.values()
        ],
    )  # fmt: skip
    ctx.add(run)
    ctx.emit("planning.applied", {"plan_run_id": run.id, "trigger": trigger, "left_out": len(plan.left_out)})
    return run


def _instant(shop: Shop, minute: int | None) -> str | None:
    return None if minute is None else shop.axis.to_datetime(minute).isoformat()


class _Writer:
    """Compares the wanted places with the planned slots and writes the difference."""

    def __init__(self, ctx: Context, shop: Shop, trigger: str) -> None:
        self._ctx = ctx
        self._shop = shop
        self._auto = trigger not in {"manual"}
        self.starts: dict[int, dt.datetime | None] = {}
        self._machine = _by_operation(ctx, MachineSlot)
        self._operator = _by_operation(ctx, OperatorSlot)
        self._kept: set[tuple[str, int]] = set()

    def place(self, operation_id: int, placed: engine.Placement) -> None:
        """Slots of one operation."""
        start = self._shop.axis.to_datetime(placed.start_min)
        self.starts[operation_id] = start
        slot = None
        if placed.machine is not None and not placed.machine.startswith(BENCH):
            slot = self._machine_slot(operation_id, placed)
        if placed.operator is not None:
            self._operator_slots(operation_id, placed, slot)

    def _common(self, operation_id: int, start: int, end: int) -> dict[str, Any]:
        operation = self._shop.operations[operation_id]
        start_at, end_at = self._shop.axis.to_datetime(start), self._shop.axis.to_datetime(end)
        return {
            "work_order_operation_id": operation_id, "start_at": start_at, "end_at": end_at, "work_date": start_at.date(),
            "time_slot": f"{start_at:%H:%M}–{end_at:%H:%M}",
            "task_label": f"{operation.order} · {operation.sequence_no} · {operation.label}"[:200], "is_auto_assigned": self._auto,
        }  # fmt: skip

    def _machine_slot(self, operation_id: int, placed: engine.Placement) -> MachineSlot:
        load = sum(b - a for a, b in placed.pieces)
        wanted = {
            **self._common(operation_id, placed.start_min, max(placed.end_min, placed.start_min + 1)),
            "machine_id": self._shop.machine_ids[placed.machine or ""], "kind": "production", "estimated_load_min": Decimal(load),
        }  # fmt: skip
        known = self._machine.get(operation_id, [])
        slot = _write(self._ctx, MachineSlot, known[0] if known else None, wanted)
        self._kept.add(("machine_slot", slot.id))
        return slot  # type: ignore[no-any-return]

    def _operator_slots(self, operation_id: int, placed: engine.Placement, slot: MachineSlot | None) -> None:
        operation = self._shop.operations[operation_id]
        pieces = [(a, b, Decimal(100)) for a, b in placed.setup_pieces]
        pieces += [
            (a, b, operation.attendance_pct) for a, b in placed.run_pieces if operation.attendance_pct > 0
        ]
        known = list(self._operator.get(operation_id, []))
        for start, end, share in _joined(pieces):
            wanted = {
                **self._common(operation_id, start, end), "employee_id": self._shop.employee_ids[placed.operator or ""],
                "machine_id": slot.machine_id if slot is not None else None, "attendance_pct": share,
                "machine_slot_id": slot.id if slot is not None else None, "purpose": "production",
            }  # fmt: skip
            row = _write(self._ctx, OperatorSlot, known.pop(0) if known else None, wanted)
            self._kept.add(("operator_slot", row.id))

    def cancel_rest(self, begun: Iterable[int]) -> None:
        """Planned slots the new plan no longer has; what runs follows the shop floor, not the plan."""
        spared = set(begun)
        for rows in (*self._machine.values(), *self._operator.values()):
            for row in rows:
                if (
                    row.__tablename__,
                    row.id,
                ) not in self._kept and row.work_order_operation_id not in spared:
                    row.status = "cancelled"
                    self.starts.setdefault(row.work_order_operation_id, None)


def _by_operation(ctx: Context, model: Any) -> dict[int, list[Any]]:
    query = select(model).where(
        model.status == "planned", model.work_order_operation_id.is_not(None), model.archived_at.is_(None)
    )
    found: dict[int, list[Any]] = defaultdict(list)
    for row in ctx.session.scalars(query.order_by(model.start_at, model.id)):
        found[row.work_order_operation_id].append(row)
    return found


def _write(ctx: Context, model: Any, known: Any, wanted: dict[str, Any]) -> Any:
    if known is None:
        return ctx.add(model(**wanted))
    for name, value in wanted.items():
        if getattr(known, name) != value:
            setattr(known, name, value)
    return known


def _joined(pieces: list[tuple[int, int, Decimal]]) -> list[tuple[int, int, Decimal]]:
    """Pieces that touch and ask for the same share become one."""
    joined: list[tuple[int, int, Decimal]] = []
    for start, end, share in sorted(pieces):
        if joined and joined[-1][1] == start and joined[-1][2] == share:
            joined[-1] = (joined[-1][0], end, share)
        elif end > start:
            joined.append((start, end, share))
    return joined
