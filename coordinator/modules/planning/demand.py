"""Open operations of the shop, read from the tables of work orders (which stand in a higher module)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update

from coordinator.kernel.context import Context
from coordinator.kernel.db import Base

OPEN_ORDERS = ("draft", "released", "in_progress")


@dataclass(frozen=True)
class Before:
    """An operation to wait for; ``transfer_qty`` is the batch that may pass on (RTG-12)."""

    operation_id: int
    transfer_qty: Decimal | None = None


@dataclass(frozen=True)
class OpenOperation:
    """One operation still to be done; times in minutes for the whole lot."""

    id: int
    work_order_id: int
    order: str
    sequence_no: int
    label: str
    operation_type: str
    machine_id: int | None
    setup_min: Decimal
    run_min: Decimal
    attendance_pct: Decimal
    external_days: int | None
    is_external: bool
    skill_id: int | None
    planned_qty: Decimal
    declared_qty: Decimal
    status: str
    started_at: dt.datetime | None
    assigned_employee_id: int | None
    due_date: dt.date | None
    priority: str
    criticality: str
    routing_operation_id: int | None
    before: tuple[Before, ...] = field(default=())


def tables() -> tuple[Any, Any, Any]:
    """``work_order``, ``work_order_operation``, ``operation_dependency``."""
    found = Base.metadata.tables
    return found["work_order"], found["work_order_operation"], found["operation_dependency"]


def open_operations(ctx: Context, only: Iterable[int] | None = None) -> list[OpenOperation]:
    """Operations of open orders that are not done, released or not (PLN-08); ``only`` restricts to some."""
    order, operation, _ = tables()
    query = (
        select(operation, order.c.number, order.c.due_date, order.c.priority, order.c.criticality)
        .join(order, order.c.id == operation.c.work_order_id)
        .where(order.c.status.in_(OPEN_ORDERS), order.c.archived_at.is_(None))
        .where(operation.c.status.in_(("pending", "in_progress", "blocked")))
        .order_by(order.c.number, operation.c.sequence_no)
    )
    if only is not None:
        query = query.where(operation.c.id.in_(list(only)))
    rows = ctx.session.execute(query).mappings().all()
    waits = _waits(ctx, rows)
    return [_operation(row, waits[row["id"]]) for row in rows]


def _waits(ctx: Context, rows: Any) -> dict[int, tuple[Before, ...]]:
    _, _, dependency = tables()
    ids = [row["id"] for row in rows]
    declared: dict[int, list[Before]] = defaultdict(list)
    known = set(ids)
    query = select(dependency).where(
        dependency.c.work_order_operation_id.in_(ids), dependency.c.archived_at.is_(None)
    )
    for row in ctx.session.execute(query).mappings():
        waits = declared[row["work_order_operation_id"]]
        if row["predecessor_id"] in known:
            waits.append(Before(row["predecessor_id"], row["transfer_qty"]))
    found: dict[int, tuple[Before, ...]] = {}
    last: dict[int, int] = {}
    for row in rows:
        chain = (Before(last[row["work_order_id"]]),) if row["work_order_id"] in last else ()
        found[row["id"]] = tuple(declared[row["id"]]) if row["id"] in declared else chain
        last[row["work_order_id"]] = row["id"]
    return found


def _operation(row: Any, before: tuple[Before, ...]) -> OpenOperation:
    return OpenOperation(
        id=row["id"], work_order_id=row["work_order_id"], order=row["number"], sequence_no=row["sequence_no"],
        label=row["operation_label"], operation_type=row["operation_type"], machine_id=row["machine_id"],
        setup_min=row["setup_time_min"], run_min=row["run_time_min"], attendance_pct=row["attendance_pct"],
        external_days=row["external_days"], is_external=row["supplier_id"] is not None or bool(row["external_days"]),
        skill_id=row["skill_id"], planned_qty=row["planned_qty"],
        declared_qty=row["good_qty"] + row["scrap_qty"] + row["rework_qty"], status=row["status"],
        started_at=row["started_at"], assigned_employee_id=row["assigned_employee_id"], due_date=row["due_date"],
        priority=row["priority"], criticality=row["criticality"], routing_operation_id=row["routing_operation_id"],
        before=before,
    )  # fmt: skip


def write_starts(ctx: Context, starts: dict[int, dt.datetime | None]) -> None:
    """Keep the planned start beside the operations; the plan's own history is in its slots and runs."""
    _, operation, _ = tables()
    known: dict[int, dt.datetime | None] = dict(
        ctx.session.execute(
            select(operation.c.id, operation.c.planned_start_at).where(operation.c.id.in_(starts))
        )
        .tuples()
        .all()
    )
    for operation_id, start in starts.items():
        if operation_id in known and known[operation_id] != start:
            statement = update(operation).where(operation.c.id == operation_id)
            ctx.session.execute(statement.values(planned_start_at=start, updated_at=operation.c.updated_at))


def started_ids(ctx: Context, ids: Iterable[int]) -> set[int]:
    """Those of the operations that are no longer merely planned."""
    _, operation, _ = tables()
    query = select(operation.c.id).where(operation.c.id.in_(list(ids)), operation.c.status != "pending")
    return set(ctx.session.scalars(query))
