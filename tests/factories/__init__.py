"""Makes any record with the fewest valid values, references included."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from decimal import Decimal
from typing import Any

from coordinator.kernel.context import Context
from coordinator.kernel.db import Base, Record
from coordinator.kernel.enumerations import ENUMERATIONS
from coordinator.kernel.schema import field_columns, info_of

_numbers = itertools.count(1)
NOW = dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.UTC)

LINKS: dict[str, tuple[str, ...]] = {
    "permission_grant": ("role_id",),
    "contact": ("customer_id",),
    "resource_access_right": ("role_id",),
    "address": ("customer_id",),
}
"""Optional references one of which a rule demands."""

OVERRIDES: dict[str, dict[str, Any]] = {
    "resource_access_right": {"object_type": "role", "object_id": 1},
    "supplier_evaluation": {"criterion": "quality", "score": 80},
    "material_synonym": {"system": "EN"},
    "cutting_data": {"iso513_group": "P2"},
    "alarm_threshold": {"level": "warning", "max_value": Decimal(80)},
    "shift": {"weekday": 1, "start_min": 480, "end_min": 960},
    "stock_movement": {"to_holder": "atelier"},
    "camera": {"informed_on": NOW.date(), "sign_on": NOW.date(), "consultation": "none_elected"},
}
"""Values a rule demands, by entity: callables get the running number."""


def model_of(table: str) -> type[Record]:
    """Mapped class of a table."""
    for mapper in Base.registry.mappers:
        if getattr(mapper.class_, "__tablename__", None) == table:
            found: type[Record] = mapper.class_
            return found
    raise LookupError(table)


def values(ctx: Context, model: type[Record], **given: Any) -> dict[str, Any]:
    """Valid values of the required fields of a model."""
    number = next(_numbers)
    result: dict[str, Any] = {}
    for name, column in field_columns(model).items():
        is_linked = name in LINKS.get(model.__tablename__, ())
        if name in given or (not is_linked and (column.nullable or column.default is not None)):
            continue
        info = info_of(column)
        if info.type == "reference":
            target = next(iter(column.foreign_keys)).target_fullname.split(".")[0]
            result[name] = make(ctx, model_of(target)).id
        elif info.enumeration:
            first = ENUMERATIONS[info.enumeration][0]
            result[name] = [first] if info.type == "choices" else first
        else:
            result[name] = _value(info.type, number, column)
    for name, value in OVERRIDES.get(model.__tablename__, {}).items():
        result[name] = value(number) if callable(value) else value
    return {**result, **given}


def _value(type_: str, number: int, column: Any) -> Any:
    simple: dict[str, Any] = {
        "integer": number,
        "decimal": Decimal(1),
        "money": Decimal("10.00"),
        "quantity": Decimal(1),
        "boolean": False,
        "date": NOW.date(),
        "datetime": NOW + dt.timedelta(hours=next(_numbers)),
        "json": {},
        "words": [],
        "uid": uuid.uuid4(),
        "email": f"personne{number}@exemple.fr",
    }
    if type_ in simple:
        return simple[type_]
    text = f"x{number}"
    return text[: getattr(column.type, "length", None) or 200]


def make(ctx: Context, model: type[Record], **given: Any) -> Any:
    """A stored record with valid required values."""
    record = model(**values(ctx, model, **given))
    ctx.session.add(record)
    ctx.session.flush()
    return record
