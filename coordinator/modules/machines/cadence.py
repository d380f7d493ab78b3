"""Cadence against history: a machine's day at equal programs; the rule serves persons' work too (MCH-21)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from zoneinfo import ZoneInfo

from sqlalchemy import select, text

from coordinator.kernel.context import Context
from coordinator.kernel.i18n import t
from coordinator.modules.company import api as company
from coordinator.modules.machines import alerts
from coordinator.modules.machines.models import Machine

MIN_HISTORY = 5
MIN_CYCLES = 5
HISTORY_DAYS = 60
_MAD_TO_SIGMA = 1.4826
_SPREADS = 3.0


@dataclass(frozen=True)
class Unusual:
    """A value far from its history."""

    usual: float
    is_more: bool
    difference_pct: float


def judge(value: float, history: Sequence[float], beyond_pct: float) -> Unusual | None:
    """Whether a value is out of its history: beyond ``beyond_pct`` of the median and three robust spreads of it.

    The spread is the median absolute deviation made comparable with a standard deviation, so that one bad day of the
    past does not hide the next. Too little history says nothing.
    """
    if len(history) < MIN_HISTORY:
        return None
    usual = median(history)
    if usual <= 0:
        return None
    spread = _MAD_TO_SIGMA * median(abs(one - usual) for one in history)
    difference = value - usual
    if abs(difference) <= max(usual * beyond_pct / 100, _SPREADS * spread):
        return None
    return Unusual(usual, difference > 0, 100 * abs(difference) / usual)


_DAYS = text(
    "WITH cycles AS (SELECT machine_id, program, duration_min, (ended_at AT TIME ZONE :zone)::date AS day FROM machine_cycle"
    "  WHERE machine_id = :machine AND result = 'complete' AND program IS NOT NULL AND duration_min > 0"
    "  AND archived_at IS NULL AND ended_at >= :since AND ended_at < :until),"
    " usual AS (SELECT program, percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_min) AS usual_min FROM cycles"
    "  WHERE day < :day GROUP BY program HAVING count(*) >= :least)"
    " SELECT day, (sum(u.usual_min) / sum(c.duration_min)::float8)::float8 AS pace FROM cycles c JOIN usual u USING (program)"
    " GROUP BY day HAVING count(*) >= :least ORDER BY day"
)


def watch_days(ctx: Context) -> None:
    """Each night: the machines whose day ran at another pace than their days before, programs being equal."""
    query = select(Machine).where(Machine.archived_at.is_(None), Machine.status != "retired")
    for machine in ctx.session.scalars(query.order_by(Machine.id)):
        zone = company.calendar(ctx, company.calendar_of_workshop(ctx, machine.workshop_id)).time_zone
        _watch_day(ctx, machine, (ctx.now.astimezone(ZoneInfo(zone)) - dt.timedelta(days=1)).date(), zone)


def _watch_day(ctx: Context, machine: Machine, day: dt.date, zone: str) -> None:
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), ZoneInfo(zone))
    values = {
        "machine": machine.id, "zone": zone, "day": day, "until": end, "since": end - dt.timedelta(days=HISTORY_DAYS + 1),
        "least": MIN_CYCLES,
    }  # fmt: skip
    paces = {row.day: row.pace for row in ctx.session.execute(_DAYS, values)}
    pace = paces.pop(day, None)
    if pace is None:
        return
    beyond = ctx.settings.integer("machines.cadence_pct", machine=machine.id, site=machine.site_id)
    found = judge(pace, list(paces.values()), beyond)
    if found is None:
        return
    direction = "faster" if found.is_more else "slower"
    words = t(
        f"machine.alert.cadence_{direction}",
        ctx.locale,
        machine=machine.name,
        pct=f"{found.difference_pct:.0f}",
    )
    alerts.open_alert(
        ctx,
        machine,
        "warning",
        f"cadence {day.isoformat()}",
        words,
        occurred_at=end - dt.timedelta(seconds=1),
    )
