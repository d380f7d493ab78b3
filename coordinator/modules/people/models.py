"""Tables of the people who work here (area 16)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class JobPosition(Record):
    """Position (poste) held by people."""

    __tablename__ = "job_position"

    code: Mapped[str] = f.text(40, required=True, unique=True, search=True)
    label: Mapped[str] = f.text(120, required=True, search=True)


class Team(Record):
    """Team of a workshop."""

    __tablename__ = "team"

    code: Mapped[str] = f.text(40, required=True, unique=True, search=True)
    name: Mapped[str] = f.text(120, required=True, search=True)
    workshop_id: Mapped[int | None] = f.ref("workshop.id")


class Employee(Record):
    """A person of the personnel register (HRM-01)."""

    __tablename__ = "employee"
    __table_args__ = (
        CheckConstraint(
            "left_on IS NULL OR hired_on IS NULL OR left_on >= hired_on", name="leaves_after_hire"
        ),
    )

    number: Mapped[str] = f.text(20, required=True, unique=True, search=True)
    first_name: Mapped[str] = f.text(100, required=True, search=True, personal=True)
    last_name: Mapped[str] = f.text(100, required=True, search=True, personal=True)
    email: Mapped[str | None] = f.text(254, kind="email", personal=True)
    phone: Mapped[str | None] = f.text(30, kind="phone", personal=True)
    department_id: Mapped[int | None] = f.ref("department.id")
    team_id: Mapped[int | None] = f.ref("team.id")
    job_position_id: Mapped[int | None] = f.ref("job_position.id")
    manager_id: Mapped[int | None] = f.ref("employee.id")
    work_calendar_id: Mapped[int | None] = f.ref("work_calendar.id")
    hired_on: Mapped[dt.date | None] = f.date()
    left_on: Mapped[dt.date | None] = f.date()
    administrative_status: Mapped[str | None] = f.text(60, group="hr_sensitive")
    hr_notes: Mapped[str | None] = f.long_text(group="hr_sensitive")
    hourly_cost: Mapped[Decimal | None] = f.money(group="salaries")
    is_active: Mapped[bool] = f.boolean(default=True)


class EmploymentContract(Record):
    """Contract; several over time, never overlapping (HRM-02)."""

    __tablename__ = "employment_contract"
    __table_args__ = (
        CheckConstraint("end_date IS NULL OR end_date >= start_date", name="days_in_order"),
        CheckConstraint("weekly_hours > 0 AND weekly_hours <= 60", name="weekly_hours_range"),
    )

    employee_id: Mapped[int] = f.ref("employee.id", required=True)
    contract_type: Mapped[str] = f.choice("contract_type", default="permanent")
    weekly_hours: Mapped[Decimal] = f.decimal(4, 2, required=True, unit="h", default=Decimal(35))
    is_executive: Mapped[bool] = f.boolean()
    start_date: Mapped[dt.date] = f.date(required=True)
    end_date: Mapped[dt.date | None] = f.date()
    trial_end_date: Mapped[dt.date | None] = f.date()
    gross_salary: Mapped[Decimal | None] = f.money(group="salaries")


class Skill(Record):
    """Skill people have and operations ask for (HRM-18)."""

    __tablename__ = "skill"

    code: Mapped[str] = f.text(40, required=True, unique=True, search=True)
    label: Mapped[str] = f.text(120, required=True, search=True)
    operation_type: Mapped[str | None] = f.choice("operation_type", required=False)


class EmployeeSkill(Record):
    """Level of a person: 0 none, 1 in training, 2 with help, 3 autonomous, 4 can train (HRM-18)."""

    __tablename__ = "employee_skill"
    __table_args__ = (
        UniqueConstraint("employee_id", "skill_id", "machine_id", postgresql_nulls_not_distinct=True),
        CheckConstraint("level BETWEEN 0 AND 4", name="level_range"),
    )

    employee_id: Mapped[int] = f.ref("employee.id", required=True)
    skill_id: Mapped[int] = f.ref("skill.id", required=True)
    machine_id: Mapped[int | None] = f.ref("machine.id")
    level: Mapped[int] = f.integer(required=True, default=0)
    assessed_on: Mapped[dt.date | None] = f.date()


class AbsenceType(Record):
    """Kind of absence (HRM-11)."""

    __tablename__ = "absence_type"

    code: Mapped[str] = f.text(40, required=True, unique=True, search=True)
    label: Mapped[str] = f.text(120, required=True, search=True)
    is_paid: Mapped[bool] = f.boolean(default=True)
    is_planned: Mapped[bool] = f.boolean(default=True)


class Absence(Record):
    """Absence of a person; accepted ones take him out of planning (HRM-11, HRM-12)."""

    __tablename__ = "absence"
    __table_args__ = (CheckConstraint("end_at > start_at", name="end_after_start"),)

    employee_id: Mapped[int] = f.ref("employee.id", required=True)
    absence_type_id: Mapped[int] = f.ref("absence_type.id", required=True)
    start_at: Mapped[dt.datetime] = f.timestamp(required=True)
    end_at: Mapped[dt.datetime] = f.timestamp(required=True)
    status: Mapped[str] = f.status("absence", "pending")
    is_justified: Mapped[bool] = f.boolean()
    is_planned: Mapped[bool] = f.boolean(default=True)
    comment: Mapped[str | None] = f.text(500)
    decided_by_id: Mapped[int | None] = f.ref("user_account.id", read_only=True)
    decided_at: Mapped[dt.datetime | None] = f.timestamp(read_only=True)
