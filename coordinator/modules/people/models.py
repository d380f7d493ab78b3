"""Tables of the people who work here (area 16)."""

from __future__ import annotations

from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class Employee(Record):
    """A person of the personnel register."""

    __tablename__ = "employee"

    number: Mapped[str] = f.text(20, required=True, unique=True, search=True)
    first_name: Mapped[str] = f.text(100, required=True, search=True, personal=True)
    last_name: Mapped[str] = f.text(100, required=True, search=True, personal=True)
