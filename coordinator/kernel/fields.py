"""Columns declared once: type, database constraint, label key, unit, search and visibility.

Use as ``from coordinator.kernel import fields as f`` and ``name: Mapped[str] = f.text(200, search=True)``.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    Enum,
    ForeignKey,
    Integer,
    Numeric,
    String,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import MappedColumn, mapped_column

from coordinator.kernel.enumerations import ENUMERATIONS

FieldType = Literal[
    "text",
    "long_text",
    "integer",
    "decimal",
    "money",
    "quantity",
    "boolean",
    "date",
    "datetime",
    "choice",
    "choices",
    "words",
    "reference",
    "json",
    "email",
    "phone",
    "url",
    "secret",
    "uid",
]


STRUCTURED: frozenset[FieldType] = frozenset({"json", "choices", "words"})
"""Types whose values hold several parts: neither sorted nor filtered by."""


@dataclass(frozen=True)
class FieldInfo:
    """What the clients, the importer and the audit need to know of a column."""

    type: FieldType
    unit: str | None = None
    decimals: int | None = None
    search: bool = False
    group: str | None = None
    """Field group hidden without its own right (ACC-20): prices, costs_margins, salaries, hr_sensitive, bank…"""
    read_only: bool = False
    enumeration: str | None = None
    personal: bool = False


def _column(info: FieldInfo, type_: Any, *args: Any, required: bool, **kwargs: Any) -> MappedColumn[Any]:
    return mapped_column(type_, *args, nullable=not required, info={"field": info}, **kwargs)


def text(
    length: int = 200,
    *,
    required: bool = False,
    unique: bool = False,
    search: bool = False,
    default: str | None = None,
    group: str | None = None,
    read_only: bool = False,
    kind: FieldType = "text",
    personal: bool = False,
    index: bool = False,
) -> MappedColumn[Any]:
    """Short text of at most ``length`` characters."""
    info = FieldInfo(kind, search=search, group=group, read_only=read_only, personal=personal)
    return _column(
        info, String(length), required=required, unique=unique or None, default=default, index=index or None
    )


def long_text(
    *, required: bool = False, search: bool = False, group: str | None = None, read_only: bool = False
) -> MappedColumn[Any]:
    """Text without limit, several lines."""
    return _column(
        FieldInfo("long_text", search=search, group=group, read_only=read_only), Text, required=required
    )


def secret(length: int = 500) -> MappedColumn[Any]:
    """Hash or encrypted value: never in an answer, a log, an export or the audit's values."""
    return _column(FieldInfo("secret", read_only=True), String(length), required=False)


def integer(
    *,
    required: bool = False,
    unit: str | None = None,
    default: int | None = None,
    read_only: bool = False,
    group: str | None = None,
    minimum: int | None = None,
    name: str | None = None,
) -> MappedColumn[Any]:
    """Whole number; ``minimum`` needs the column ``name`` and becomes a check constraint."""
    checks = (
        [CheckConstraint(f"{name} >= {minimum}", name=f"{name}_min")] if minimum is not None and name else []
    )
    info = FieldInfo("integer", unit=unit, decimals=0, read_only=read_only, group=group)
    return _column(info, Integer, *checks, required=required, default=default)


def decimal(
    precision: int = 14,
    decimals: int = 3,
    *,
    required: bool = False,
    unit: str | None = None,
    default: Any = None,
    read_only: bool = False,
    group: str | None = None,
    kind: FieldType = "decimal",
) -> MappedColumn[Any]:
    """Exact number with ``decimals`` places."""
    info = FieldInfo(kind, unit=unit, decimals=decimals, read_only=read_only, group=group)
    return _column(info, Numeric(precision, decimals), required=required, default=default)


def money(
    *, required: bool = False, default: Any = None, read_only: bool = False, group: str | None = "prices"
) -> MappedColumn[Any]:
    """Amount in euro, 2 places, never a float (DAT-04)."""
    return decimal(
        14, 2, required=required, unit="€", default=default, read_only=read_only, group=group, kind="money"
    )


def unit_price(
    *, required: bool = False, default: Any = None, read_only: bool = False, group: str | None = "prices"
) -> MappedColumn[Any]:
    """Price of one unit in euro, 4 places (DAT-04)."""
    return decimal(
        14, 4, required=required, unit="€", default=default, read_only=read_only, group=group, kind="money"
    )


def quantity(
    *, required: bool = False, default: Any = None, unit: str | None = None, read_only: bool = False
) -> MappedColumn[Any]:
    """Quantity, 3 places (DAT-04)."""
    return decimal(14, 3, required=required, unit=unit, default=default, read_only=read_only, kind="quantity")


def boolean(*, default: bool = False, read_only: bool = False) -> MappedColumn[Any]:
    """Yes or no, never unknown."""
    return _column(FieldInfo("boolean", read_only=read_only), Boolean, required=True, default=default)


def date(*, required: bool = False, read_only: bool = False, personal: bool = False) -> MappedColumn[Any]:
    """Calendar day."""
    return _column(FieldInfo("date", read_only=read_only, personal=personal), Date, required=required)


def timestamp(*, required: bool = False, read_only: bool = False, index: bool = False) -> MappedColumn[Any]:
    """Instant, stored UTC."""
    info = FieldInfo("datetime", read_only=read_only)
    return _column(info, DateTime(timezone=True), required=required, index=index or None)


def choice(
    enumeration: str, *, default: str | None = None, required: bool = True, read_only: bool = False
) -> MappedColumn[Any]:
    """Value of one enumeration of ``enumerations.ENUMERATIONS``, held by a check constraint (DAT-06)."""
    type_ = Enum(
        *ENUMERATIONS[enumeration],
        name=enumeration,
        native_enum=False,
        create_constraint=True,
        length=40,
        validate_strings=True,
    )
    info = FieldInfo("choice", enumeration=enumeration, read_only=read_only)
    return _column(info, type_, required=required, default=default)


def status(enumeration: str, default: str) -> MappedColumn[Any]:
    """The one status column of a record; moved by commands only."""
    return choice(enumeration, default=default, read_only=True)


def ref(
    target: str,
    *,
    required: bool = False,
    read_only: bool = False,
    unique: bool = False,
    group: str | None = None,
    use_alter: bool = False,
) -> MappedColumn[Any]:
    """Foreign key to ``table.id``; deletion of a referenced record is refused (DAT-08)."""
    info = FieldInfo("reference", read_only=read_only, group=group)
    key = ForeignKey(target, ondelete="RESTRICT", use_alter=use_alter)
    return _column(
        info, BigInteger, key, required=required, unique=unique or None, index=None if unique else True
    )


def json(*, required: bool = False, read_only: bool = False, default: Any = None) -> MappedColumn[Any]:
    """Structured value."""
    return _column(FieldInfo("json", read_only=read_only), JSONB, required=required, default=default)


def choices(
    enumeration: str, *, required: bool = False, read_only: bool = False, default: Any = None
) -> MappedColumn[Any]:
    """Several values of one enumeration, in the order they were chosen."""
    info = FieldInfo("choices", enumeration=enumeration, read_only=read_only)
    return _column(info, JSONB, required=required, default=default)


def words(*, required: bool = False, read_only: bool = False, default: Any = None) -> MappedColumn[Any]:
    """Several short texts, such as keywords."""
    return _column(FieldInfo("words", read_only=read_only), JSONB, required=required, default=default)


def uid() -> MappedColumn[Any]:
    """Unique identifier of what can be born offline, so that a replay never duplicates (DAT-03)."""
    return _column(FieldInfo("uid", read_only=True), Uuid, required=True, unique=True, default=uuid.uuid4)
