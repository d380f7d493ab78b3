"""What the plan leaves free for a quote: the first free day of each machine and the orders in front of it (QUO-34).

Read through the registry: a shop without planning quotes from its calendar alone, and its dates are marked to confirm.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.machines.models import Machine
from coordinator.modules.quoting.engine.planning_simulation import Availability, BookedJob
from coordinator.modules.quoting.engine.shop import Calendar

BUSY_FROM = 0.8
"""A day counts as taken from this share of its opening on."""


@dataclass(frozen=True)
class Slot:
    """Planned minutes of a machine on a day, for an order."""

    machine: str
    day: dt.date
    minutes: float
    order: str = ""


def earliest_free(slots: Iterable[Slot], calendar: Calendar, today: dt.date) -> dict[str, dt.date]:
    """First open day per machine whose planned load stays under ``BUSY_FROM`` of the opening."""
    load: dict[str, dict[dt.date, float]] = defaultdict(lambda: defaultdict(float))
    for slot in slots:
        load[slot.machine][slot.day] += slot.minutes
    found = {}
    for machine, days in load.items():
        day = today
        while day <= max(days) and not _is_free(days.get(day, 0.0), calendar.minutes(day)):
            day += dt.timedelta(days=1)
        found[machine] = day
    return found


def _is_free(planned: float, open_min: int) -> bool:
    return open_min > 0 and planned < BUSY_FROM * open_min


def from_plan(ctx: Context, calendar: Calendar) -> Availability:
    """The plan as a quote sees it; nothing is booked (QUO-36)."""
    today = ctx.now.date()
    spec = ctx.registry.entities.get("machine_slot")
    if spec is None:
        return Availability(today, is_known=False)
    slots = list(_slots(ctx, spec.model, today))
    totals: dict[tuple[str, str], float] = defaultdict(float)
    for slot in slots:
        if slot.order:
            totals[slot.machine, slot.order] += slot.minutes
    booked = tuple(BookedJob(m, o, minutes) for (m, o), minutes in sorted(totals.items()))
    return Availability(today, earliest_free(slots, calendar, today), booked)


def _slots(ctx: Context, model: Any, today: dt.date) -> Iterable[Slot]:
    query = select(model, Machine.code).join(Machine, Machine.id == model.machine_id)
    query = query.where(model.status.in_(("planned", "in_progress")), model.work_date >= today)
    rows = ctx.session.execute(query.where(model.archived_at.is_(None))).all()
    orders = _order_names(ctx, {slot.work_order_operation_id for slot, _ in rows})
    for slot, code in rows:
        minutes = float(slot.estimated_load_min or 0) or (slot.end_at - slot.start_at).total_seconds() / 60
        yield Slot(code, slot.work_date, minutes, orders.get(slot.work_order_operation_id, ""))


def _order_names(ctx: Context, operation_ids: set[int | None]) -> dict[int | None, str]:
    operations, orders = (ctx.registry.entities.get(n) for n in ("work_order_operation", "work_order"))
    if operations is None or orders is None or not operation_ids:
        return {}
    operation: Any = operations.model
    order: Any = orders.model
    query = select(operation.id, order.number).join(order, order.id == operation.work_order_id)
    return dict(ctx.session.execute(query.where(operation.id.in_(operation_ids - {None}))).tuples().all())
