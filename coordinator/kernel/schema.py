"""Shapes derived from an entity's columns: what may be sent, what is answered."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from sqlalchemy import Column, inspect

from coordinator.kernel.db import Record
from coordinator.kernel.enumerations import ENUMERATIONS
from coordinator.kernel.fields import FieldInfo

COMMON = ("id", "row_version", "created_at", "updated_at", "created_by_id", "archived_at")


class StrictModel(BaseModel):
    """Payload that names no unknown field."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


@lru_cache(maxsize=1024)
def field_columns(model: type[Record]) -> Mapping[str, Column[Any]]:
    """Declared fields by attribute name, inherited ones first, in order of declaration."""
    columns: dict[str, Column[Any]] = {}
    for attribute in inspect(model).column_attrs:
        column: Any = attribute.columns[-1]
        if attribute.key not in COMMON and isinstance(column.info.get("field"), FieldInfo):
            columns[attribute.key] = column
    return MappingProxyType(columns)


def info_of(column: Column[Any]) -> FieldInfo:
    """Declaration of a field column."""
    info: FieldInfo = column.info["field"]
    return info


def is_required(column: Column[Any]) -> bool:
    """Whether creation must give a value."""
    return not column.nullable and column.default is None and column.server_default is None


def default_value(column: Column[Any]) -> Any:
    """What the database row gets where nothing is given, if it is a plain value."""
    default: Any = column.default
    return default.arg if default is not None and default.is_scalar else None


def python_type(column: Column[Any]) -> Any:
    """Type accepted in a payload for this column, limits included."""
    info = info_of(column)
    if info.type == "choices":
        one: Any = Literal[ENUMERATIONS[info.enumeration or ""]]
        return Annotated[list[one], Field(max_length=100)]
    if info.type == "words":
        return Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=200)]
    if info.enumeration:
        return Literal[ENUMERATIONS[info.enumeration]]
    if info.type == "email":
        return Annotated[str, Field(max_length=_length(column), pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
    if info.type in {"text", "phone", "url"}:
        return Annotated[str, Field(max_length=_length(column))]
    simple: dict[str, Any] = {
        "long_text": Annotated[str, Field(max_length=100_000)],
        "integer": Annotated[int, Field(ge=-(2**31), lt=2**31)],
        "reference": Annotated[int, Field(ge=1, lt=2**63)],
        "boolean": bool,
        "date": dt.date,
        "datetime": dt.datetime,
        "uid": uuid.UUID,
        "json": Any,
    }
    if info.type in simple:
        return simple[info.type]
    numeric: Any = column.type
    return Annotated[
        Decimal, Field(max_digits=numeric.precision, decimal_places=numeric.scale, allow_inf_nan=False)
    ]


def _length(column: Column[Any]) -> int | None:
    type_: Any = column.type
    return getattr(type_, "length", None)


def is_writable(column: Column[Any]) -> bool:
    """Whether clients may set the field."""
    info = info_of(column)
    return not info.read_only and info.type != "secret"


@lru_cache(maxsize=512)
def create_schema(model: type[Record]) -> type[BaseModel]:
    """Payload of a creation. ``uid`` may be given by clients that work offline."""
    definitions: dict[str, Any] = {}
    for name, column in field_columns(model).items():
        if info_of(column).type == "uid":
            definitions[name] = (uuid.UUID | None, None)
        elif is_writable(column):
            type_ = python_type(column)
            definitions[name] = (type_, ...) if is_required(column) else (type_ | None, None)
    return create_model(f"{model.__name__}Create", __base__=StrictModel, **definitions)


@lru_cache(maxsize=512)
def patch_schema(model: type[Record]) -> type[BaseModel]:
    """Payload of a change: only the sent fields, and the version they were read in."""
    definitions: dict[str, Any] = {"row_version": (int, ...)}
    for name, column in field_columns(model).items():
        if is_writable(column):
            type_ = python_type(column)
            definitions[name] = (type_ if not column.nullable else type_ | None, None)
    return create_model(f"{model.__name__}Patch", __base__=StrictModel, **definitions)


@lru_cache(maxsize=512)
def read_schema(model: type[Record]) -> type[BaseModel]:
    """Answer for one record, for the API's documentation; decimals travel as text so that none is rounded."""
    definitions: dict[str, Any] = {
        "id": (int, ...),
        "row_version": (int, ...),
        "display": (str, ...),
        "created_at": (dt.datetime, ...),
        "updated_at": (dt.datetime, ...),
        "archived_at": (dt.datetime | None, None),
        "allowed_actions": (list[str], []),
    }
    for name, column in field_columns(model).items():
        if info_of(column).type != "secret":
            definitions[name] = (python_type(column) | None, None)
    config = ConfigDict(extra="allow", title=model.__name__)
    return create_model(f"{model.__name__}Read", __config__=config, **definitions)
