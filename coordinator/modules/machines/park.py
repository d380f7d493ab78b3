"""What the live view shows beside the state: program, work in hand, TRS of the day, load, tools (MCH-04, 07, 16)."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.models import Setting
from coordinator.kernel.remembered import Remembered
from coordinator.modules.company import api as company
from coordinator.modules.machines import oee_report
from coordinator.modules.machines.models import Machine, MachineCycle, MachineState

_PROGRAMS = text(
    "SELECT DISTINCT ON (machine_id) machine_id, program FROM machine_cycle WHERE machine_id = ANY (:ids)"
    " AND archived_at IS NULL AND ended_at > :since ORDER BY machine_id, ended_at DESC"
)
_WORK = text(
    "SELECT DISTINCT ON (e.machine_id) e.machine_id, e.started_at, o.id AS operation_id, o.operation_label, o.sequence_no,"
    " o.good_qty, o.planned_qty, w.number, p.first_name, p.last_name FROM time_entry e"
    " JOIN work_order_operation o ON o.id = e.work_order_operation_id JOIN work_order w ON w.id = o.work_order_id"
    " LEFT JOIN employee p ON p.id = e.employee_id WHERE e.machine_id = ANY (:ids) AND e.ended_at IS NULL"
    " AND e.archived_at IS NULL ORDER BY e.machine_id, e.started_at DESC"
)
_LOAD = text(
    "SELECT coalesce(sum(extract(epoch FROM least(end_at, :to) - greatest(start_at, :from)) / 60), 0)::float8 FROM machine_slot"
    " WHERE machine_id = :machine AND archived_at IS NULL AND status IN ('planned', 'in_progress')"
    " AND start_at < :to AND end_at > :from"
)
_TOOLS = text(
    "SELECT c.slot_number, s.id, s.code, s.name FROM machine_tool_compatibility c JOIN stock_item s ON s.id = c.tool_id"
    " WHERE c.machine_id = :machine AND c.slot_number IS NOT NULL AND c.archived_at IS NULL ORDER BY c.slot_number"
)
LOAD_DAYS = 7
# Every client reads the park every few seconds; the TRS weighs a day of states and the cycles of 90 days per machine.
_trs: Remembered[dict[str, Any]] = Remembered(15.0, Machine, MachineState, MachineCycle, Setting)


def programs(ctx: Context, machine_ids: list[int]) -> dict[int, str | None]:
    """Program of the last cycle of a day, by machine."""
    rows = ctx.session.execute(_PROGRAMS, {"ids": machine_ids, "since": ctx.now - dt.timedelta(days=1)})
    return {row.machine_id: row.program for row in rows}


def work_in_hand(ctx: Context, machine_ids: list[int]) -> dict[int, dict[str, Any]]:
    """Operation somebody works on, and who, by machine."""
    return {
        row.machine_id: {
            "work_order_number": row.number,
            "operation_id": row.operation_id,
            "operation_label": row.operation_label,
            "sequence_no": row.sequence_no,
            "good_qty": jsonable(row.good_qty),
            "planned_qty": jsonable(row.planned_qty),
            "person": f"{row.first_name} {row.last_name}" if row.last_name else None,
            "since": jsonable(row.started_at),
        }
        for row in ctx.session.execute(_WORK, {"ids": machine_ids})
    }


def day_start(ctx: Context, machine: Machine) -> dt.datetime:
    """Beginning of the local day of the machine's workshop."""
    calendar = company.calendar(ctx, company.calendar_of_workshop(ctx, machine.workshop_id))
    zone = ZoneInfo(calendar.time_zone)
    return dt.datetime.combine(ctx.now.astimezone(zone).date(), dt.time(), zone).astimezone(dt.UTC)


def trs_of_the_day(ctx: Context, machine: Machine) -> dict[str, Any]:
    """TRS since midnight beside its target, at most 15 s old; ``None`` where nothing was required yet."""
    return _trs.get(ctx.session, machine.id, lambda: _trs_of_the_day(ctx, machine))


def _trs_of_the_day(ctx: Context, machine: Machine) -> dict[str, Any]:
    start = day_start(ctx, machine)
    if ctx.now <= start:
        return {"value": None, "target_pct": None}
    found = oee_report.report(ctx, machine, start, ctx.now, "total")
    total = found["total"]
    return {
        "value": total["trs"],
        "target_pct": found["target_pct"],
        "is_estimated": total["estimated_parts"] > 0 or total["parts_without_reference"] > 0,
        "open_stops": len(found["inputs"]["open_stops"]),
    }


def load(ctx: Context, machine: Machine) -> dict[str, Any]:
    """Planned minutes against opened minutes of the coming days."""
    end = ctx.now + dt.timedelta(days=LOAD_DAYS)
    calendar_id = company.calendar_of_workshop(ctx, machine.workshop_id)
    opened = sum(
        (stop - start).total_seconds() / 60
        for start, stop in company.open_intervals(ctx, calendar_id, ctx.now, end)
    )
    planned = ctx.session.scalar(_LOAD, {"machine": machine.id, "from": ctx.now, "to": end}) or 0.0
    return {
        "days": LOAD_DAYS,
        "planned_min": round(planned),
        "capacity_min": round(opened),
        "load_pct": round(100 * planned / opened) if opened else None,
    }


def mounted_tools(ctx: Context, machine_id: int) -> list[dict[str, Any]]:
    """Tools in the magazine, by place."""
    return [dict(row) for row in ctx.session.execute(_TOOLS, {"machine": machine_id}).mappings()]
