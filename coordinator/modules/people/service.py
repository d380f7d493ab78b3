"""Rules of people's records: contracts, skills, absences (HRM-02, HRM-11, HRM-12, HRM-51)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import or_, select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, FieldError
from coordinator.modules.people.models import (
    Absence,
    AbsenceType,
    Employee,
    EmployeeSkill,
    EmploymentContract,
    Skill,
)

ABSENCE_TYPES = {
    "paid_leave": ("Congés payés", True, True), "rtt": ("RTT", True, True), "sick_leave": ("Maladie", False, False),
    "work_accident": ("Accident du travail", False, False), "family": ("Événement familial", True, True),
    "training": ("Formation", True, True), "unpaid": ("Congé sans solde", False, True),
    "unjustified": ("Absence injustifiée", False, False), "late": ("Retard", False, False),
}  # fmt: skip
SKILLS = {
    "turning": "Tournage", "milling": "Fraisage", "drilling": "Perçage", "grinding": "Rectification", "cutting": "Débit",
    "edm": "Électro-érosion", "welding": "Soudure", "inspection": "Contrôle", "deburring": "Ébavurage", "assembly": "Montage",
}  # fmt: skip


def _refuse(code: str, field: str, **params: Any) -> None:
    raise BusinessError(code, errors=[FieldError(field, code, params)], **params)


def check_employee(_ctx: Context, employee: Employee) -> None:
    """A person does not lead himself, and leaves after he came."""
    if employee.id is not None and employee.manager_id == employee.id:
        _refuse("employee.own_manager", "manager_id")
    if employee.hired_on and employee.left_on and employee.left_on < employee.hired_on:
        _refuse("period.reversed", "left_on")


def check_contract(ctx: Context, contract: EmploymentContract) -> None:
    """Refuse reversed dates and contracts that overlap (HRM-02, HRM-51)."""
    if contract.end_date is not None and contract.end_date < contract.start_date:
        _refuse("period.reversed", "end_date")
    with ctx.session.no_autoflush:
        query = select(EmploymentContract).where(
            EmploymentContract.employee_id == contract.employee_id,
            EmploymentContract.archived_at.is_(None),
            or_(EmploymentContract.end_date.is_(None), EmploymentContract.end_date >= contract.start_date),
        )
        if contract.end_date is not None:
            query = query.where(EmploymentContract.start_date <= contract.end_date)
        if any(other is not contract for other in ctx.session.scalars(query)):
            _refuse("contract.overlap", "start_date")


def check_skill(_ctx: Context, skill: EmployeeSkill) -> None:
    """Levels go from 0 to 4 (HRM-18)."""
    if skill.level is not None and not 0 <= skill.level <= 4:
        _refuse("skill.level", "level")


def check_absence(ctx: Context, absence: Absence) -> None:
    """Refuse reversed times and absences that overlap (HRM-51)."""
    if absence.end_at <= absence.start_at:
        _refuse("period.reversed", "end_at")
    with ctx.session.no_autoflush:
        query = select(Absence).where(
            Absence.employee_id == absence.employee_id,
            Absence.status.in_(("pending", "accepted")),
            Absence.archived_at.is_(None),
            Absence.start_at < absence.end_at,
            Absence.end_at > absence.start_at,
        )
        if any(other is not absence for other in ctx.session.scalars(query)):
            _refuse("absence.overlap", "start_at")


def change_absence(ctx: Context, absence: Absence) -> None:
    """Only a request nobody decided yet may be changed."""
    if absence.status != "pending":
        _refuse("absence.decided", "start_at")
    check_absence(ctx, absence)


def decide(ctx: Context, absence: Absence, _params: Any) -> None:
    """Note who decided and when."""
    absence.decided_by_id = ctx.principal.user_id
    absence.decided_at = ctx.now


def absences_between(
    ctx: Context, employee_ids: list[int] | None, start: dt.datetime, end: dt.datetime
) -> list[Absence]:
    """Accepted absences that touch a period, of some people or of all."""
    query = select(Absence).where(
        Absence.status == "accepted",
        Absence.archived_at.is_(None),
        Absence.start_at < end,
        Absence.end_at > start,
    )
    if employee_ids is not None:
        query = query.where(Absence.employee_id.in_(employee_ids))
    return list(ctx.session.scalars(query.order_by(Absence.start_at)))


def seed(ctx: Context) -> None:
    """Kinds of absence and skills of a machine shop, where missing."""
    known = set(ctx.session.scalars(select(AbsenceType.code)))
    for code, (label, is_paid, is_planned) in ABSENCE_TYPES.items():
        if code not in known:
            ctx.session.add(AbsenceType(code=code, label=label, is_paid=is_paid, is_planned=is_planned))
    skills = set(ctx.session.scalars(select(Skill.code)))
    for code, label in SKILLS.items():
        if code not in skills:
            ctx.session.add(Skill(code=code, label=label, operation_type=code))
    ctx.session.flush()
