"""What other modules may call."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy import or_, select

from coordinator.kernel.context import Context
from coordinator.modules.company import api as company
from coordinator.modules.people import rules, service
from coordinator.modules.people.models import Employee, EmployeeSkill, EmploymentContract, Skill

Interval = tuple[dt.datetime, dt.datetime]


@dataclass(frozen=True)
class Person:
    """What planning needs to know of somebody: ``skills`` maps a skill's code to a level of 0 to 4."""

    employee_id: int
    number: str
    name: str
    work_calendar_id: int
    job_position_id: int | None
    team_id: int | None
    skills: dict[str, int]


def people(ctx: Context, *, on: dt.date | None = None) -> list[Person]:
    """People employed on a day (today by default), with their calendar and general skills."""
    day = on or ctx.now.date()
    query = select(Employee).where(
        Employee.is_active, Employee.archived_at.is_(None),
        or_(Employee.hired_on.is_(None), Employee.hired_on <= day), or_(Employee.left_on.is_(None), Employee.left_on >= day),
    )  # fmt: skip
    employees = ctx.session.scalars(query.order_by(Employee.number)).all()
    default = company.default_calendar(ctx).id if employees else 0
    skills = _skills(ctx, [e.id for e in employees])
    return [
        Person(
            employee_id=e.id, number=e.number, name=f"{e.first_name} {e.last_name}",
            work_calendar_id=e.work_calendar_id or default, job_position_id=e.job_position_id, team_id=e.team_id,
            skills=skills.get(e.id, {}),
        )
        for e in employees
    ]  # fmt: skip


def _skills(ctx: Context, employee_ids: list[int]) -> dict[int, dict[str, int]]:
    query = select(EmployeeSkill.employee_id, Skill.code, EmployeeSkill.level).join(
        Skill, Skill.id == EmployeeSkill.skill_id
    )
    query = query.where(EmployeeSkill.employee_id.in_(employee_ids), EmployeeSkill.archived_at.is_(None))
    found: dict[int, dict[str, int]] = {}
    for employee_id, code, level in ctx.session.execute(query):
        of_person = found.setdefault(employee_id, {})
        of_person[code] = max(level, of_person.get(code, 0))
    return found


def skill_level(ctx: Context, employee_id: int, skill_code: str, machine_id: int | None = None) -> int:
    """Level of a person: the one for the machine if any, else the general one, else 0 (HRM-18)."""
    query = select(EmployeeSkill).join(Skill, Skill.id == EmployeeSkill.skill_id)
    rows = ctx.session.scalars(
        query.where(
            EmployeeSkill.employee_id == employee_id,
            Skill.code == skill_code,
            EmployeeSkill.archived_at.is_(None),
        )
    ).all()
    of_machine = [r.level for r in rows if r.machine_id is not None and r.machine_id == machine_id]
    general = [r.level for r in rows if r.machine_id is None]
    return (of_machine or general or [0])[0]


def availability(ctx: Context, employee_id: int, start: dt.datetime, end: dt.datetime) -> list[Interval]:
    """Hours at which a person works within ``[start, end)``: his calendar less accepted absences (HRM-12, HRM-43).

    Aware UTC, sorted, without overlap; nothing before he is hired nor after he leaves.
    """
    employee = ctx.get(Employee, employee_id)
    calendar_id = employee.work_calendar_id or company.default_calendar(ctx).id
    absent = [(a.start_at, a.end_at) for a in service.absences_between(ctx, [employee_id], start, end)]
    present = rules.employed_within(start, end, employee.hired_on, employee.left_on)
    if present is None or not employee.is_active:
        return []
    return rules.subtract(company.open_intervals(ctx, calendar_id, *present), absent)


def absences(ctx: Context, start: dt.datetime, end: dt.datetime) -> dict[int, list[Interval]]:
    """Accepted absences that touch a period, by person."""
    found: dict[int, list[Interval]] = {}
    for absence in service.absences_between(ctx, None, start, end):
        found.setdefault(absence.employee_id, []).append((absence.start_at, absence.end_at))
    return found


def mean_hourly_cost(ctx: Context, job_position_id: int) -> Decimal | None:
    """Mean hourly cost of a position in euro, never by name (HRM-48); ``None`` when nobody has one."""
    query = select(Employee.hourly_cost).where(
        Employee.job_position_id == job_position_id, Employee.is_active, Employee.hourly_cost.is_not(None)
    )
    costs = [c for c in ctx.session.scalars(query) if c is not None]
    return (sum(costs, Decimal(0)) / len(costs)).quantize(Decimal("0.01"), ROUND_HALF_UP) if costs else None


def weekly_hours(ctx: Context, employee_id: int, on: dt.date) -> Decimal | None:
    """Contractual hours a week on a day."""
    query = select(EmploymentContract.weekly_hours).where(
        EmploymentContract.employee_id == employee_id, EmploymentContract.archived_at.is_(None),
        EmploymentContract.start_date <= on,
        or_(EmploymentContract.end_date.is_(None), EmploymentContract.end_date >= on),
    )  # fmt: skip
    return ctx.session.scalar(query)
