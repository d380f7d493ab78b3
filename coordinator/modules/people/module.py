"""Manifest of the people module."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, false, or_, select

from coordinator.kernel.context import Context
from coordinator.kernel.registry import EntitySpec, Lifecycle, Module, Transition
from coordinator.modules.people import service
from coordinator.modules.people.models import (
    Absence,
    AbsenceType,
    Employee,
    EmployeeSkill,
    EmploymentContract,
    JobPosition,
    Skill,
    Team,
)


def _reachable(ctx: Context, scope: str, employee_id: Any) -> ColumnElement[bool]:
    """``own``: the person himself; ``team``: those he leads and himself (HRM-03)."""
    me = ctx.principal.employee_id
    if me is None or scope not in {"own", "team"}:
        return false()
    if scope == "own":
        return employee_id == me  # type: ignore[no-any-return]
    return or_(employee_id == me, employee_id.in_(select(Employee.id).where(Employee.manager_id == me)))


def _own(model: Any) -> Any:
    column = model.id if model is Employee else model.employee_id
    return lambda ctx, scope: _reachable(ctx, scope, column)


ABSENCE = Lifecycle(
    "status",
    (
        Transition("accept", ("pending",), "accepted", "validate", effect=service.decide, event="absence.accepted", tone="primary"),
        Transition("refuse", ("pending",), "refused", "validate", effect=service.decide, event="absence.refused", tone="danger"),
        Transition("cancel", ("pending", "accepted"), "cancelled", "update", effect=service.decide, event="absence.cancelled",
                   confirm=True),
    ),
)  # fmt: skip

MODULE = Module(
    name="people",
    depends=("company", "identity"),
    entities=[
        EntitySpec(Employee, "hr", "people", title=("first_name", "last_name"), title_separator=" ", import_key=("number",), default_sort="number",
                   list_fields=("number", "last_name", "first_name", "job_position_id", "team_id", "is_active"),
                   on_create=service.check_employee, on_update=service.check_employee, scope_filter=_own(Employee)),
        EntitySpec(EmploymentContract, "hr", "people", title=("contract_type", "start_date"), on_create=service.check_contract,
                   on_update=service.check_contract, scope_filter=_own(EmploymentContract)),
        EntitySpec(Absence, "hr", "people", title=("employee_id", "start_at"), lifecycle=ABSENCE, on_create=service.check_absence,
                   on_update=service.change_absence, scope_filter=_own(Absence), default_sort="-start_at",
                   list_fields=("employee_id", "absence_type_id", "start_at", "end_at", "status")),
        EntitySpec(EmployeeSkill, "hr", "people", title=("skill_id", "level"), on_create=service.check_skill,
                   on_update=service.check_skill, scope_filter=_own(EmployeeSkill)),
        EntitySpec(JobPosition, "hr", "people", title=("label",), import_key=("code",), default_sort="label"),
        EntitySpec(Team, "hr", "people", title=("name",), import_key=("code",), default_sort="name"),
        EntitySpec(Skill, "hr", "people", title=("label",), import_key=("code",), default_sort="label"),
        EntitySpec(AbsenceType, "hr", "people", title=("label",), import_key=("code",), default_sort="label"),
    ],
    seed=service.seed,
)  # fmt: skip
