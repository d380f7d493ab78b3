"""Tables of the company, its sites and workshops (area 01)."""

from __future__ import annotations

from sqlalchemy.orm import Mapped

from coordinator.kernel import fields as f
from coordinator.kernel.db import Record


class Site(Record):
    """Place of the company (SET-08)."""

    __tablename__ = "site"

    code: Mapped[str] = f.text(20, required=True, unique=True, search=True)
    name: Mapped[str] = f.text(120, required=True, search=True)
    siret: Mapped[str | None] = f.text(14)
    time_zone: Mapped[str] = f.text(40, required=True, default="Europe/Paris")
    is_default: Mapped[bool] = f.boolean()
