"""The engine's problem from the database: operations, machines, people, calendars, locks, the plan that holds."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.company import api as company
from coordinator.modules.company.models import Site
from coordinator.modules.machines.api import Machine, MachineEvent
from coordinator.modules.machines.models import MachineCapability
from coordinator.modules.people import api as people
from coordinator.modules.people.models import Skill
from coordinator.modules.planning import demand
from coordinator.modules.planning.demand import OpenOperation
from coordinator.modules.planning.engine import model as engine
from coordinator.modules.planning.models import MachineAssignment, MachineSlot, OperatorSlot, PlanRun

DAY_MIN = 24 * 60
BENCH = "poste "
"""Prefix of the pretended machine of an operation without one: the person alone limits it."""


@dataclass
class Shop:
    """A problem with the names to go back: task ids are operation ids, machines codes, operators names."""

    problem: engine.Problem
    axis: engine.TimeAxis
    operations: dict[int, OpenOperation]
    machine_ids: dict[str, int]
    employee_ids: dict[str, int]
    baseline: engine.Plan | None = None
    base_run_id: int | None = None
    names: dict[int, str] = field(default_factory=dict)
    """Operator's engine name by employee."""


def weights(ctx: Context) -> engine.Weights:
    """Weights of the objective (PLN-10)."""
    names = ("late_order", "lateness", "setup_change", "balance", "moved_task")
    return engine.Weights(**{n: float(ctx.settings.get(f"planning.weight_{n}")) for n in names})


def build(ctx: Context, *, ignore_breakdown: int | None = None) -> Shop:
    """Everything the engine needs now. ``ignore_breakdown`` leaves one machine open, to compare before and after."""
    epoch = ctx.now.replace(hour=0, minute=0, second=0, microsecond=0) - dt.timedelta(days=7)
    axis = engine.TimeAxis(epoch)
    horizon = axis.to_min(ctx.now) + ctx.settings.integer("planning.horizon_days") * DAY_MIN
    end = axis.to_datetime(horizon)
    operations = {o.id: o for o in demand.open_operations(ctx)}
    machines, machine_ids, able = _machines(ctx, axis, end, ignore_breakdown)
    operators, employee_ids = _operators(ctx, axis, end)
    names = {employee_id: name for name, employee_id in employee_ids.items()}
    reader = _Tasks(ctx, axis, operations, {i: c for c, i in machine_ids.items()}, able, operators, names)
    tasks = tuple(reader.task(operation) for operation in operations.values())
    benches = tuple(engine.Machine(name, reader.bench_openings(end)) for name in reader.benches)
    problem = engine.Problem(
        tasks, machines + benches, operators, now_min=math.ceil((ctx.now - epoch).total_seconds() / 60), horizon_min=horizon,
        frozen_min=ctx.settings.integer("planning.frozen_min"), weights=weights(ctx),
    )  # fmt: skip
    shop = Shop(problem, axis, operations, machine_ids, employee_ids, names=names)
    run = last_run(ctx)
    if run is not None and run.placements:
        shop.baseline, shop.base_run_id = read_plan(run.placements, shop), run.id
        shop.problem = replace(problem, baseline=shop.baseline)
    return shop


def last_run(ctx: Context) -> PlanRun | None:
    """The run whose plan holds."""
    query = select(PlanRun).where(PlanRun.placements.is_not(None), PlanRun.archived_at.is_(None))
    return ctx.session.scalars(query.order_by(PlanRun.id.desc()).limit(1)).one_or_none()


# --- machines and people ----------------------------------------------------------------------------------------


def _intervals(
    axis: engine.TimeAxis, spans: list[tuple[dt.datetime, dt.datetime]]
) -> tuple[engine.Interval, ...]:
    return tuple((axis.to_min(start), axis.to_min(end)) for start, end in spans)


def _machines(
    ctx: Context, axis: engine.TimeAxis, end: dt.datetime, ignore: int | None
) -> tuple[tuple[engine.Machine, ...], dict[str, int], dict[str, list[str]]]:
    """Machines in use with their openings, ids by code, and codes able to do each operation type."""
    rows = list(
        ctx.session.scalars(select(Machine).where(Machine.archived_at.is_(None), Machine.status != "retired"))
    )
    calendars: dict[int | None, tuple[engine.Interval, ...]] = {}
    blocked = _blocked(ctx, axis, end)
    found = []
    for machine in sorted(rows, key=lambda m: m.code):
        if machine.site_id not in calendars:
            calendars[machine.site_id] = _intervals(axis, site_hours(ctx, machine.site_id, axis.epoch, end))
        stops = list(blocked.get(machine.id, ()))
        if machine.status == "breakdown" and machine.id != ignore:
            stops.append(breakdown_window(ctx, machine, axis))
        found.append(engine.Machine(machine.code, calendars[machine.site_id], tuple(stops), machine.name))
    codes = {machine.id: machine.code for machine in rows}
    able: dict[str, list[str]] = defaultdict(list)
    query = select(MachineCapability).where(MachineCapability.archived_at.is_(None))
    for row in ctx.session.scalars(query.order_by(MachineCapability.id)):
        if row.machine_id in codes:
            able[row.operation_type].append(codes[row.machine_id])
    return tuple(found), {code: i for i, code in codes.items()}, able


def site_hours(
    ctx: Context, site_id: int | None, start: dt.datetime, end: dt.datetime
) -> list[tuple[dt.datetime, dt.datetime]]:
    """Opening hours of a site; without one, those of the company."""
    site = ctx.session.get(Site, site_id) if site_id is not None else company.default_site(ctx)
    calendar_id = (
        site.work_calendar_id
        if site is not None and site.work_calendar_id
        else company.default_calendar(ctx).id
    )
    return company.open_intervals(ctx, calendar_id, start, end)


def _blocked(ctx: Context, axis: engine.TimeAxis, end: dt.datetime) -> dict[int, list[engine.Interval]]:
    """Maintenance and reservations."""
    query = select(MachineSlot).where(
        MachineSlot.kind != "production", MachineSlot.status.in_(("planned", "in_progress")),
        MachineSlot.archived_at.is_(None), MachineSlot.end_at > axis.epoch, MachineSlot.start_at < end,
    )  # fmt: skip
    found: dict[int, list[engine.Interval]] = defaultdict(list)
    for slot in ctx.session.scalars(query):
        found[slot.machine_id].append((axis.to_min(slot.start_at), axis.to_min(slot.end_at)))
    return found


def breakdown_window(ctx: Context, machine: Machine, axis: engine.TimeAxis) -> engine.Interval:
    """From the breakdown to the expected return (**Default** hours after it, never before a while from now)."""
    query = select(MachineEvent.occurred_at).where(
        MachineEvent.machine_id == machine.id, MachineEvent.code == "breakdown"
    )
    since = ctx.session.scalar(query.order_by(MachineEvent.id.desc()).limit(1)) or ctx.now
    hours = ctx.settings.integer("planning.breakdown_hours", machine=machine.id)
    back = max(since + dt.timedelta(hours=hours), ctx.now + dt.timedelta(hours=1))
    return (axis.to_min(min(since, ctx.now)), axis.to_min(back))


def _operators(
    ctx: Context, axis: engine.TimeAxis, end: dt.datetime
) -> tuple[tuple[engine.Operator, ...], dict[str, int]]:
    types = {
        code: kind
        for code, kind in ctx.session.execute(select(Skill.code, Skill.operation_type)).tuples()
        if kind
    }
    level = ctx.settings.integer("planning.min_skill_level")
    persons = people.people(ctx)
    taken = [p.name for p in persons]
    busy = _other_duties(ctx, axis)
    found, ids = [], {}
    for person in persons:
        name = person.name if taken.count(person.name) == 1 else f"{person.name} ({person.number})"
        held = [code for code, reached in person.skills.items() if reached >= level]
        skills: dict[str, int | None] = dict.fromkeys(
            [*held, *(f"type:{types[c]}" for c in held if c in types)]
        )
        hours = _intervals(axis, people.availability(ctx, person.employee_id, axis.epoch, end))
        found.append(engine.Operator(name, hours, skills, tuple(busy.get(person.employee_id, ())), name))
        ids[name] = person.employee_id
    return tuple(found), ids


def _other_duties(ctx: Context, axis: engine.TimeAxis) -> dict[int, list[engine.Interval]]:
    """Training, meetings and maintenance of people."""
    query = select(OperatorSlot).where(
        OperatorSlot.work_order_operation_id.is_(None), OperatorSlot.status.in_(("planned", "in_progress")),
        OperatorSlot.archived_at.is_(None), OperatorSlot.end_at > axis.epoch,
    )  # fmt: skip
    found: dict[int, list[engine.Interval]] = defaultdict(list)
    for slot in ctx.session.scalars(query):
        found[slot.employee_id].append((axis.to_min(slot.start_at), axis.to_min(slot.end_at)))
    return found


# --- tasks ------------------------------------------------------------------------------------------------------


class _Tasks:
    """Turns operations into tasks."""

    def __init__(
        self, ctx: Context, axis: engine.TimeAxis, operations: dict[int, OpenOperation], codes: dict[int, str],
        able: dict[str, list[str]], operators: tuple[engine.Operator, ...], names: dict[int, str],
    ) -> None:  # fmt: skip
        self._ctx = ctx
        self._axis = axis
        self._operations = operations
        self._codes = codes
        self._able = able
        self._names = names
        self._has_people = bool(operators)
        self._skills = {skill for operator in operators for skill in operator.skills}
        self._skill_codes = dict(ctx.session.execute(select(Skill.id, Skill.code)).tuples().all())
        self._types = dict(ctx.session.execute(select(Machine.code, Machine.machine_type)).tuples().all())
        self._locked = _locked_slots(ctx, operations)
        self._usual = _usual(ctx, codes, names)
        site = company.default_site(ctx)
        self._zone = ZoneInfo(site.time_zone if site is not None else "Europe/Paris")
        self.benches: list[str] = []

    def bench_openings(self, end: dt.datetime) -> tuple[engine.Interval, ...]:
        """Hours of the site."""
        return _intervals(self._axis, site_hours(self._ctx, None, self._axis.epoch, end))

    def task(self, operation: OpenOperation) -> engine.Task:
        """One operation."""
        running = operation.status == "in_progress"
        choices = () if operation.is_external else self._choices(operation)
        lock = self._running(operation, choices) if running else self._lock(operation)
        return engine.Task(
            id=str(operation.id), order=operation.order, sequence=operation.sequence_no,
            quantity=max(1, int(operation.planned_qty)), choices=choices, links=self._links(operation), label=operation.label,
            skills=self._needs(operation), attendance_pct=int(operation.attendance_pct), needs_operator=self._has_people,
            due_min=self._due(operation), priority=engine.Priority(operation.priority),
            status=engine.TaskStatus.IN_PROGRESS if running else engine.TaskStatus.PLANNED, lock=lock,
            external_lead_min=(operation.external_days or 1) * DAY_MIN if operation.is_external else None,
            usual_operators=self._first_choice(operation), critical=operation.criticality in {"aerospace", "military", "armament"},
        )  # fmt: skip

    def _choices(self, operation: OpenOperation) -> tuple[engine.MachineChoice, ...]:
        left = (
            1 - min(Decimal(1), operation.declared_qty / operation.planned_qty)
            if operation.planned_qty
            else Decimal(1)
        )
        setup = 0 if operation.status == "in_progress" else math.ceil(operation.setup_min)
        run = max(1, math.ceil(operation.run_min * left))
        own = self._codes.get(operation.machine_id) if operation.machine_id is not None else None
        codes = [own] if own else []
        others = self._able.get(operation.operation_type, [])
        same = self._types.get(own) if own else None
        codes += [c for c in others if c != own and (same is None or self._types.get(c) == same)]
        if not codes:
            codes = [f"{BENCH}{operation.order}/{operation.sequence_no}"]
            self.benches += codes
        if not bool(self._ctx.settings.get("planning.other_machines")):
            codes = codes[:1]
        missing = operation.setup_min + operation.run_min <= 0
        return tuple(
            engine.MachineChoice(code, setup, None if missing else run, preference=0 if index == 0 else 1)
            for index, code in enumerate(codes)
        )

    def _links(self, operation: OpenOperation) -> tuple[engine.Link, ...]:
        return tuple(
            engine.Link(
                str(b.operation_id), transfer_quantity=int(b.transfer_qty) if b.transfer_qty else None
            )
            for b in operation.before
            if b.operation_id in self._operations
        )

    def _needs(self, operation: OpenOperation) -> frozenset[str]:
        """The skill asked for; else whoever masters that kind of operation, when anybody is known to."""
        if operation.skill_id is not None:
            return frozenset({self._skill_codes[operation.skill_id]})
        kind = f"type:{operation.operation_type}"
        return frozenset({kind}) if kind in self._skills else frozenset()

    def _due(self, operation: OpenOperation) -> int:
        """End of the due day in the shop's own time; without a date, the end of the horizon."""
        if operation.due_date is None:
            return (
                self._axis.to_min(self._ctx.now)
                + self._ctx.settings.integer("planning.horizon_days") * DAY_MIN
            )
        evening = dt.datetime.combine(operation.due_date, dt.time(18), self._zone)
        return self._axis.to_min(evening)

    def _first_choice(self, operation: OpenOperation) -> tuple[str, ...]:
        names = (
            [self._names[operation.assigned_employee_id]]
            if operation.assigned_employee_id in self._names
            else []
        )
        return tuple(dict.fromkeys([*names, *self._usual.get(operation.machine_id, [])]))

    def _running(self, operation: OpenOperation, choices: tuple[engine.MachineChoice, ...]) -> engine.Lock:
        """A running operation ends when what is left of it is done."""
        start = self._axis.to_min(operation.started_at or self._ctx.now)
        now = self._axis.to_min(self._ctx.now)
        if operation.is_external:
            return engine.Lock(
                start, None, None, max(now + 1, start + (operation.external_days or 1) * DAY_MIN)
            )
        spent = max(0, now - start)
        total = math.ceil(operation.setup_min + operation.run_min)
        left = max(total - spent, choices[0].run_min or 1 if operation.declared_qty else 1)
        operator = self._names.get(operation.assigned_employee_id) if operation.assigned_employee_id else None
        return engine.Lock(start, choices[0].machine, operator, now + max(1, left))

    def _lock(self, operation: OpenOperation) -> engine.Lock | None:
        slot, employee_id = self._locked.get(operation.id, (None, None))
        if slot is None or slot.machine_id not in self._codes:
            return None
        operator = self._names.get(employee_id) if employee_id is not None else None
        return engine.Lock(self._axis.to_min(slot.start_at), self._codes[slot.machine_id], operator)


def _locked_slots(
    ctx: Context, operations: dict[int, OpenOperation]
) -> dict[int, tuple[MachineSlot, int | None]]:
    query = select(MachineSlot).where(
        MachineSlot.work_order_operation_id.in_(operations), MachineSlot.is_locked, MachineSlot.status == "planned",
        MachineSlot.archived_at.is_(None),
    )  # fmt: skip
    found: dict[int, tuple[MachineSlot, int | None]] = {}
    for slot in ctx.session.scalars(query):
        own = select(OperatorSlot.employee_id).where(
            OperatorSlot.machine_slot_id == slot.id, OperatorSlot.is_locked
        )
        found[slot.work_order_operation_id or 0] = (slot, ctx.session.scalar(own.limit(1)))
    return found


def _usual(ctx: Context, codes: dict[int, str], names: dict[int, str]) -> dict[int | None, list[str]]:
    query = select(MachineAssignment).where(
        MachineAssignment.archived_at.is_(None), MachineAssignment.status.in_(("planned", "in_progress"))
    )
    found: dict[int | None, list[str]] = defaultdict(list)
    for row in ctx.session.scalars(query.order_by(MachineAssignment.assigned_on.desc())):
        if row.machine_id in codes and row.employee_id in names:
            found[row.machine_id].append(names[row.employee_id])
    return found


# --- plans as data ----------------------------------------------------------------------------------------------


def write_plan(plan: engine.Plan, axis: engine.TimeAxis) -> dict[str, Any]:
    """A plan as JSON; minutes count from its own epoch."""
    tasks = {
        task_id: {
            "machine": p.machine, "operator": p.operator, "start": p.start_min, "end": p.end_min,
            "setup": [list(i) for i in p.setup_pieces], "run": [list(i) for i in p.run_pieces],
        }
        for task_id, p in plan.placements.items()
    }  # fmt: skip
    return {"epoch": axis.epoch.isoformat(), "tasks": tasks}


def read_plan(data: dict[str, Any], shop: Shop) -> engine.Plan:
    """A kept plan on the axis of today's problem; what is done or gone is left out."""
    from coordinator.modules.planning.engine.score import order_results

    shift = int((dt.datetime.fromisoformat(data["epoch"]) - shop.axis.epoch).total_seconds() // 60)
    machines = {m.id for m in shop.problem.machines}
    operators = {o.id for o in shop.problem.operators}
    placements = {}
    for task_id, p in data["tasks"].items():
        gone = (p["machine"] and p["machine"] not in machines) or (
            p["operator"] and p["operator"] not in operators
        )
        if int(task_id) not in shop.operations or gone:
            continue
        pieces = [tuple((a + shift, b + shift) for a, b in p[kind]) for kind in ("setup", "run")]
        placements[task_id] = engine.Placement(
            task_id, p["machine"], p["operator"], p["start"] + shift, p["end"] + shift, pieces[0], pieces[1]
        )
    orders = order_results(shop.problem.tasks, placements, ())
    return engine.Plan(placements, orders=orders)
