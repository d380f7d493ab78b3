"""TRS of a machine from what is recorded: states, calendar, cycles, declared quantities (MCH-28 to MCH-31)."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import select, text

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.modules.company import api as company
from coordinator.modules.machines import oee
from coordinator.modules.machines.models import Machine, MachineState

Grain = Literal["total", "shift", "day", "week", "month"]
MAX_DAYS = 400
_NO_STOP = {"running", "maintenance", "unknown", "setup"}

# The reference time and the quality come from the operation the cycle belongs to; without one, the median of the machine's
# complete cycles of that program in the 90 days before stands in, marked as estimated.
_PRODUCTION = text(
    "SELECT c.ended_at, c.part_count AS parts, (o.run_time_min / nullif(o.planned_qty, 0))::float8 AS reference_min,"
    " (o.good_qty / nullif(o.good_qty + o.scrap_qty + o.rework_qty, 0))::float8 AS good_share, usual.per_part_min"
    " FROM machine_cycle c LEFT JOIN work_order_operation o ON o.id = c.work_order_operation_id"
    " LEFT JOIN (SELECT p.program, percentile_cont(0.5) WITHIN GROUP (ORDER BY p.duration_min / p.part_count)::float8"
    "  AS per_part_min FROM machine_cycle p WHERE p.machine_id = :machine AND p.result = 'complete' AND p.part_count > 0"
    "  AND p.ended_at < :end AND p.ended_at >= CAST(:start AS timestamptz) - INTERVAL '90 days' GROUP BY 1) usual"
    " ON usual.program = c.program"
    " WHERE c.machine_id = :machine AND c.archived_at IS NULL AND c.part_count > 0"
    " AND c.ended_at >= :start AND c.ended_at < :end ORDER BY c.ended_at"
)


def report(
    ctx: Context, machine: Machine, start: dt.datetime, end: dt.datetime, grain: Grain
) -> dict[str, Any]:
    """Times and rates of the whole period and of each shift, day, week or month of it.

    Raises:
        BusinessError: ``telemetry.range`` for an empty period or more than 400 days.
    """
    end = min(end, ctx.now)
    if end <= start or end - start > dt.timedelta(days=MAX_DAYS):
        raise BusinessError("telemetry.range", limit=MAX_DAYS)
    calendar_id = company.calendar_of_workshop(ctx, machine.workshop_id)
    opening = company.open_intervals(ctx, calendar_id, start, end)
    spans = _spans(ctx, machine.id, start, end)
    production = _production(ctx, machine.id, start, end)
    planned = frozenset(str(ctx.settings.get("machines.planned_stop_reasons")).replace(" ", "").split(","))
    zone = ZoneInfo(company.calendar(ctx, calendar_id).time_zone)
    windows = opening if grain == "shift" else _windows(start, end, grain, zone)
    target = ctx.settings.get("machines.trs_target_pct", machine=machine.id, site=machine.site_id)

    def line(window: oee.Interval) -> dict[str, Any]:
        found = dataclasses.asdict(oee.compute(window, opening, spans, production, planned))
        return {k: round(v, 4) if isinstance(v, float) else jsonable(v) for k, v in found.items()}

    return {
        "machine": {"id": machine.id, "code": machine.code, "name": machine.name},
        "standard": "NF E60-182",
        "target_pct": jsonable(target),
        "total": line((start, end)),
        "lines": [] if grain == "total" else [line(window) for window in windows],
        "inputs": {
            "work_calendar_id": calendar_id,
            "planned_stop_reasons": sorted(planned),
            "states": len(spans),
            "cycles": len(production),
            "open_stops": _unqualified(ctx, machine, spans),
        },
    }


def _spans(ctx: Context, machine_id: int, start: dt.datetime, end: dt.datetime) -> list[oee.Span]:
    query = select(MachineState).where(MachineState.machine_id == machine_id, MachineState.started_at < end)
    query = query.where(MachineState.ended_at.is_(None) | (MachineState.ended_at > start))
    return [
        oee.Span(s.state, max(s.started_at, start), min(s.ended_at or end, end), s.reason_code)
        for s in ctx.session.scalars(query.order_by(MachineState.started_at))
    ]


def _production(ctx: Context, machine_id: int, start: dt.datetime, end: dt.datetime) -> list[oee.Production]:
    rows = ctx.session.execute(_PRODUCTION, {"machine": machine_id, "start": start, "end": end})
    return [
        oee.Production(
            row.ended_at,
            row.parts,
            row.per_part_min if row.reference_min is None else row.reference_min,
            1.0 if row.good_share is None else row.good_share,
            is_estimated=row.reference_min is None or row.good_share is None,
        )
        for row in rows
    ]


def _windows(start: dt.datetime, end: dt.datetime, grain: Grain, zone: ZoneInfo) -> list[oee.Interval]:
    """Local days, weeks or months that cover the period, cut to it."""
    found: list[oee.Interval] = []
    moment = start
    while moment < end and grain != "total":
        day = moment.astimezone(zone).date()
        if grain == "week":
            following = day + dt.timedelta(days=7 - day.weekday())
        elif grain == "month":
            following = (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        else:
            following = day + dt.timedelta(days=1)
        limit = dt.datetime.combine(following, dt.time(), zone).astimezone(dt.UTC)
        found.append((moment, min(limit, end)))
        moment = limit
    return found


def _unqualified(ctx: Context, machine: Machine, spans: list[oee.Span]) -> list[dict[str, Any]]:
    """Stops longer than the limit which nobody has explained (MCH-15)."""
    limit = dt.timedelta(minutes=ctx.settings.integer("machines.stop_reason_after_min", machine=machine.id))
    return [
        {"state": s.state, "start": jsonable(s.start), "end": jsonable(s.end)}
        for s in spans
        if s.state not in _NO_STOP and s.reason is None and s.end - s.start > limit
    ]
