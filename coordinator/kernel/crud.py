"""What every declared entity can do: list, read, create, change, archive — one implementation for all."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Column, ColumnElement, and_, false, func, inspect, or_, select
from sqlalchemy.exc import IntegrityError

from coordinator.kernel.audit import jsonable, mark_action
from coordinator.kernel.context import Context
from coordinator.kernel.db import Record
from coordinator.kernel.errors import BusinessError, Conflict, FieldError, Invalid, NotFound
from coordinator.kernel.fields import STRUCTURED
from coordinator.kernel.i18n import choice_label, entity_label, field_label, has_text, vocabulary, written
from coordinator.kernel.lifecycle import allowed_actions
from coordinator.kernel.registry import EntitySpec, Permission
from coordinator.kernel.schema import field_columns, info_of, python_type

MAX_LIMIT = 100


@dataclass(frozen=True)
class ListQuery:
    """Page, order, search and filters of a list; ``filters`` are raw ``field`` or ``field__operator`` values."""

    skip: int = 0
    limit: int = 10
    sort: str | None = None
    q: str | None = None
    archived: bool = False
    filters: Mapping[str, str] | None = None


Names = Mapping[str, Mapping[int, str]]
"""Field that refers to others → number of the record → its short name."""


def display(spec: EntitySpec, record: Any, locale: str = "fr", names: Names | None = None) -> str:
    """Short name of a record, as shown in lists and links: choices in words, days and instants as people of the workshop write
    them, what it refers to by the given ``names``; :func:`title_of` finds those itself."""
    columns = field_columns(spec.model)
    parts = []
    for name in spec.title:
        value, column = getattr(record, name), columns.get(name)
        if column is not None and info_of(column).type == "reference":
            parts.append((names or {}).get(name, {}).get(value, ""))
        elif name == "id":
            parts.append(_numbered(spec.name, value, locale))
        elif name == "object_type":
            parts.append(entity_label(value, locale) if value else "")
        else:
            parts.append(_in_title(column, value, locale))
    shown = spec.title_separator.join(p for p in parts if p) or _numbered(spec.name, record.id, locale)
    first = next((n for n, part in zip(spec.title, parts, strict=True) if part), spec.title[0])
    return shown[:1].upper() + shown[1:] if _is_word(spec, first) else shown


def _numbered(entity: str, record_id: int, locale: str) -> str:
    label = entity_label(entity, locale) if has_text(f"entity.{entity}") else ""
    return f"{label} n° {record_id}".strip()


def _is_word(spec: EntitySpec, name: str) -> bool:
    column = field_columns(spec.model).get(name)
    return column is not None and bool(
        info_of(column).enumeration or vocabulary(spec.model.__tablename__, name)
    )


def _in_title(column: Column[Any] | None, value: Any, locale: str) -> str:
    if value is None:
        return ""
    enumeration = info_of(column).enumeration if column is not None else None
    if isinstance(value, list):
        return ", ".join(choice_label(enumeration, str(v), locale) if enumeration else str(v) for v in value)
    if isinstance(value, Decimal) and column is not None and info_of(column).type != "money":
        value = Decimal(f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}")
    if enumeration:
        return choice_label(enumeration, str(value), locale)
    words = vocabulary(column.table.name, column.name, locale) if column is not None else {}
    return words.get(value) or str(written(value, locale))


def scope_clause(ctx: Context, spec: EntitySpec, scope: str) -> ColumnElement[bool] | None:
    """Condition for the rows of a scope (ACC-19) the person may know of; a scope the entity does not know shows nothing."""
    narrow = _narrow_clause(ctx, spec, scope)
    known = known_clause(ctx, spec)
    if narrow is None or known is None:
        return known if narrow is None else narrow
    return and_(narrow, known)


def known_clause(ctx: Context, spec: EntitySpec) -> ColumnElement[bool] | None:
    """Condition for the rows whose existence the person may know of; the software's own services know all."""
    if spec.visibility is None or ctx.principal.kind == "service":
        return None
    return spec.visibility(ctx)


def _narrow_clause(ctx: Context, spec: EntitySpec, scope: str) -> ColumnElement[bool] | None:
    if scope == "all":
        return None
    if spec.scope_filter:
        return spec.scope_filter(ctx, scope)
    if scope == "own" and ctx.principal.user_id is not None:
        return spec.model.created_by_id == ctx.principal.user_id
    return false()


def list_records(ctx: Context, spec: EntitySpec, query: ListQuery) -> dict[str, Any]:
    """One page of records the person may read: ``{items, total, skip, limit}``."""
    scope = ctx.require(Permission(spec.module_code, "read"))
    conditions = _conditions(ctx, spec, query, scope)
    statement = select(spec.model).where(*conditions).order_by(*_order(spec, query.sort))
    page = statement.offset(query.skip).limit(min(query.limit, MAX_LIMIT))
    records: Sequence[Record] = ()
    total = None
    if query.q:  # no index helps a search within words: page and total come from one pass
        rows = ctx.session.execute(page.add_columns(func.count().over())).all()
        records, total = [row[0] for row in rows], rows[0][1] if rows else None
    if total is None:
        total = ctx.session.scalar(select(func.count()).select_from(spec.model).where(*conditions)) or 0
    if total and not records:
        records = ctx.session.scalars(page).all()
    return {
        "items": serialize_many(ctx, spec, records),
        "total": total,
        "skip": query.skip,
        "limit": query.limit,
    }


def select_all(ctx: Context, spec: EntitySpec, query: ListQuery, *, limit: int) -> Sequence[Record]:
    """Records of an export: same conditions and order as the list, up to ``limit``."""
    scope = ctx.require(Permission(spec.module_code, "export"))
    conditions = _conditions(ctx, spec, query, scope)
    statement = select(spec.model).where(*conditions).order_by(*_order(spec, query.sort)).limit(limit)
    return ctx.session.scalars(statement).all()


def visible_record(ctx: Context, spec: EntitySpec, record_id: int, scope: str, *, lock: bool = False) -> Any:
    """The record if it lies within the scope.

    Raises:
        NotFound: unknown, or outside the scope (its existence is not told).
    """
    statement = select(spec.model).where(spec.model.id == record_id)
    clause = scope_clause(ctx, spec, scope)
    if clause is not None:
        statement = statement.where(clause)
    if lock:
        statement = statement.with_for_update(of=spec.model).execution_options(populate_existing=True)
    record = ctx.session.scalars(statement).one_or_none()
    if record is None:
        raise NotFound(entity=spec.name, id=record_id)
    return record


def read_record(ctx: Context, spec: EntitySpec, record_id: int) -> dict[str, Any]:
    """One record with its links, computed values and allowed actions."""
    scope = ctx.require(Permission(spec.module_code, "read"))
    return serialize(ctx, spec, visible_record(ctx, spec, record_id, scope))


def create_record(ctx: Context, spec: EntitySpec, values: Mapping[str, Any]) -> Any:
    """Create a record from validated values."""
    if not spec.can_create:
        raise NotFound(entity=spec.name, id="")
    ctx.require(Permission(spec.module_code, spec.create_right))
    _check_groups(ctx, spec, values)
    record = spec.model(**{k: v for k, v in values.items() if v is not None})
    record.created_by_id = ctx.principal.user_id
    _check_references(ctx, spec, values)
    if spec.on_create:
        spec.on_create(ctx, record)
    ctx.session.add(record)
    flush(ctx, spec)
    return record


def update_record(
    ctx: Context, spec: EntitySpec, record_id: int, values: Mapping[str, Any], row_version: int
) -> Any:
    """Change the given fields of a record read in ``row_version``.

    Raises:
        Conflict: ``conflict.stale``, with the present record under ``current``.
        BusinessError: ``record.moved``, for a line given to another record.
    """
    if not spec.can_update:
        raise NotFound(entity=spec.name, id=record_id)
    scope = ctx.require(Permission(spec.module_code, "update"))
    record = visible_record(ctx, spec, record_id, scope, lock=True)
    if record.row_version != row_version:
        raise Conflict(
            "conflict.stale", extra={"current": serialize(ctx, spec, record)}, entity=spec.name, id=record_id
        )
    if record.archived_at is not None:
        raise Conflict("record.archived", entity=spec.name, id=record_id)
    parent = spec.part_of
    if parent is not None and values.get(parent, getattr(record, parent)) != getattr(record, parent):
        raise BusinessError("record.moved", errors=[FieldError(parent, "record.moved")])
    _check_groups(ctx, spec, values)
    _check_references(ctx, spec, values)
    for name, value in values.items():
        setattr(record, name, value)
    if spec.on_update:
        spec.on_update(ctx, record)
    flush(ctx, spec)
    return record


def set_archived(
    ctx: Context, spec: EntitySpec, record_id: int, row_version: int | None, *, archived: bool
) -> Any:
    """Archive or restore; nothing is ever deleted (DAT-08)."""
    if not spec.can_delete:
        raise NotFound(entity=spec.name, id=record_id)
    scope = ctx.require(Permission(spec.module_code, "delete"))
    record = visible_record(ctx, spec, record_id, scope, lock=True)
    if row_version is not None and record.row_version != row_version:
        raise Conflict(
            "conflict.stale", extra={"current": serialize(ctx, spec, record)}, entity=spec.name, id=record_id
        )
    if spec.on_archive:
        spec.on_archive(ctx, record)
    mark_action(ctx.session, record, "archive" if archived else "restore")
    record.archived_at = ctx.now if archived else None
    ctx.session.flush()
    return record


def flush(ctx: Context, spec: EntitySpec) -> None:
    """Send changes; a constraint's refusal becomes a business error naming the field where it can."""
    try:
        ctx.session.flush()
    except IntegrityError as error:
        diagnostic = getattr(error.orig, "diag", None)
        constraint = getattr(diagnostic, "constraint_name", None) or ""
        if constraint.startswith("uq_"):
            fields = [n for n in field_columns(spec.model) if f"_{n}" in constraint]
            labels = ", ".join(field_label(spec.name, n, ctx.locale) for n in fields)
            errors = [FieldError(n, "field.unique") for n in fields]
            raise BusinessError("record.duplicate", errors=errors, fields=labels) from error
        raise BusinessError("record.constraint", constraint=constraint) from error


def serialize(ctx: Context, spec: EntitySpec, record: Record) -> dict[str, Any]:
    """Full public form of one record."""
    answer = serialize_many(ctx, spec, [record])[0]
    for name, compute in spec.computed.items():
        answer[name] = jsonable(compute(ctx, record))
    answer["allowed_actions"] = allowed_actions(ctx, spec, record)
    return answer


def serialize_many(ctx: Context, spec: EntitySpec, records: Sequence[Record]) -> list[dict[str, Any]]:
    """Public form of records: visible fields, and ``{id, display}`` beside each reference."""
    columns = field_columns(spec.model)
    visible = [
        n for n, c in columns.items() if info_of(c).type != "secret" and ctx.principal.sees(info_of(c).group)
    ]
    answers = []
    for record in records:
        answer: dict[str, Any] = {
            "id": record.id,
            "row_version": record.row_version,
            "display": "",
        }
        answer.update({n: jsonable(getattr(record, n)) for n in visible})
        for name in ("created_at", "updated_at", "archived_at"):
            answer[name] = jsonable(getattr(record, name))
        answers.append(answer)
    names = _title_names(ctx, spec, records, linked=add_links(ctx, spec.model, answers))
    for record, answer in zip(records, answers, strict=True):
        answer["display"] = display(spec, record, ctx.locale, names)
    return answers


@lru_cache(maxsize=1024)
def _references(model: type[Record]) -> Mapping[str, str]:
    columns = field_columns(model).items()
    return {n: target_entity(c) for n, c in columns if info_of(c).type == "reference"}


def add_links(ctx: Context, model: type[Record], answers: list[dict[str, Any]]) -> Names:
    """Put ``{id, display}`` beside each reference of the answers; returns the names found, by field."""
    columns = field_columns(model)
    wanted: dict[str, set[int]] = defaultdict(set)
    references = _references(model)
    for name, target in references.items():
        wanted[target].update(a[name] for a in answers if a.get(name) is not None)
    titles = {target: titles_of(ctx, target, ids) for target, ids in wanted.items() if ids}
    for name, target in references.items():
        link = name.removesuffix("_id")
        for answer in answers:
            if name in answer and link not in columns:
                key = answer[name]
                answer[link] = (
                    None
                    if key is None
                    else {"id": key, "display": titles[target].get(key, _numbered(target, key, ctx.locale))}
                )
    return {n: titles[t] for n, t in references.items() if t in titles and any(n in a for a in answers)}


def target_entity(column: Column[Any]) -> str:
    """Table a reference points to."""
    return next(iter(column.foreign_keys)).target_fullname.split(".")[0]


_TITLE_DEPTH = 4


def title_of(ctx: Context, spec: EntitySpec, record: Record) -> str:
    """Short name of one record, with the names of what it refers to."""
    return display(spec, record, ctx.locale, _title_names(ctx, spec, [record]))


def _title_names(
    ctx: Context, spec: EntitySpec, rows: Sequence[Any], depth: int = 0, linked: Names | None = None
) -> Names:
    """Names of what the titles of ``rows`` refer to; those already ``linked`` are not asked for again."""
    references, known = _references(spec.model), linked or {}
    wanted = {n: {getattr(r, n) for r in rows} - {None} for n in spec.title if n in references}
    return {
        n: known[n] if n in known else titles_of(ctx, references[n], ids, depth + 1)
        for n, ids in wanted.items()
        if ids and depth < _TITLE_DEPTH
    }


def titles_of(ctx: Context, target: str, ids: Iterable[int], depth: int = 0) -> dict[int, str]:
    """Short names of the records of ``target`` the person may know of; names that refer to others go ``_TITLE_DEPTH`` deep."""
    spec = ctx.registry.entities.get(target)
    if spec is None:
        return {}
    known = known_clause(ctx, spec)
    conditions = [spec.model.id.in_(list(ids)), *([] if known is None else [known])]
    if set(spec.title) <= set(inspect(spec.model).column_attrs.keys()):
        columns = [getattr(spec.model, name) for name in spec.title if name != "id"]
        rows: Sequence[Any] = ctx.session.execute(select(spec.model.id, *columns).where(*conditions)).all()
    else:
        rows = ctx.session.scalars(select(spec.model).where(*conditions)).all()
    names = _title_names(ctx, spec, rows, depth)
    return {row.id: display(spec, row, ctx.locale, names) for row in rows}


def _conditions(ctx: Context, spec: EntitySpec, query: ListQuery, scope: str) -> list[ColumnElement[bool]]:
    model = spec.model
    conditions: list[ColumnElement[bool]] = [
        model.archived_at.is_not(None) if query.archived else model.archived_at.is_(None)
    ]
    clause = scope_clause(ctx, spec, scope)
    if clause is not None:
        conditions.append(clause)
    if query.q:
        conditions.append(_search(spec, query.q))
    for key, raw in (query.filters or {}).items():
        conditions.append(_filter(ctx, spec, key, raw))
    return conditions


def _search(spec: EntitySpec, words: str) -> ColumnElement[bool]:
    columns = [getattr(spec.model, n) for n, c in field_columns(spec.model).items() if info_of(c).search]
    if not columns:
        return false()
    pattern = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    # Half the time of ILIKE, for the same answer.
    return or_(*[func.lower(c).like(func.lower(pattern), escape="\\") for c in columns])


_OPERATORS = {
    "gte": "__ge__",
    "lte": "__le__",
    "gt": "__gt__",
    "lt": "__lt__",
    "eq": "__eq__",
    "ne": "__ne__",
}


def _filter(ctx: Context, spec: EntitySpec, key: str, raw: str) -> ColumnElement[bool]:
    name, _, operator = key.partition("__")
    column = _sortable(spec, name)
    declared = field_columns(spec.model).get(name)
    if column is None or (declared is not None and not ctx.principal.sees(info_of(declared).group)):
        raise Invalid(errors=[FieldError(key, "filter.unknown", {"field": name})])
    if raw == "null" and operator in {"", "eq", "ne"}:
        return column.is_(None) if operator != "ne" else column.is_not(None)  # type: ignore[no-any-return]
    if operator == "contains":
        return column.icontains(raw, autoescape=True)  # type: ignore[no-any-return]
    if operator == "in":
        return column.in_([_parse(spec, name, key, part) for part in raw.split(",")])  # type: ignore[no-any-return]
    value = _parse(spec, name, key, raw)
    if operator and operator not in _OPERATORS:
        raise Invalid(errors=[FieldError(key, "filter.unknown", {"field": key})])
    return getattr(column, _OPERATORS.get(operator, "__eq__"))(value)  # type: ignore[no-any-return]


def _parse(spec: EntitySpec, name: str, key: str, raw: str) -> Any:
    declared = field_columns(spec.model).get(name)
    type_: Any = (
        python_type(declared)
        if declared is not None
        else (int if name in {"id", "created_by_id"} else dt.datetime)
    )
    try:
        return TypeAdapter(type_).validate_strings(raw) if type_ is not Decimal else Decimal(raw)
    except ValidationError:
        raise Invalid(errors=[FieldError(key, "filter.value", {"value": raw[:40]})]) from None


def _sortable(spec: EntitySpec, name: str) -> Any:
    declared = field_columns(spec.model)
    if name in declared and info_of(declared[name]).type not in {"secret", *STRUCTURED}:
        return getattr(spec.model, name)
    if name in {"id", "created_at", "updated_at", "created_by_id", "archived_at"}:
        return getattr(spec.model, name)
    return None


def _order(spec: EntitySpec, sort: str | None) -> list[Any]:
    order = []
    for part in (sort or spec.default_sort).split(","):
        column = _sortable(spec, part.strip().lstrip("-"))
        if column is None:
            raise Invalid(errors=[FieldError("sort", "filter.unknown", {"field": part})])
        order.append(column.desc() if part.strip().startswith("-") else column.asc())
    return [*order, spec.model.id.desc()]


def _check_groups(ctx: Context, spec: EntitySpec, values: Mapping[str, Any]) -> None:
    columns = field_columns(spec.model)
    hidden = [n for n in values if not ctx.principal.sees(info_of(columns[n]).group)]
    if hidden:
        raise BusinessError("field.hidden", errors=[FieldError(n, "field.hidden") for n in hidden])


def _check_references(ctx: Context, spec: EntitySpec, values: Mapping[str, Any]) -> None:
    """A reference to an unknown record is a business error naming the field (DAT-17)."""
    columns = field_columns(spec.model)
    metadata = spec.model.metadata
    for name, value in values.items():
        if value is None or info_of(columns[name]).type != "reference":
            continue
        table = metadata.tables[target_entity(columns[name])]
        query = select(table.c.id).where(table.c.id == value)
        target = ctx.registry.entities.get(table.name)
        known = known_clause(ctx, target) if target is not None else None
        if ctx.session.scalar(query if known is None else query.where(known)) is None:
            label = field_label(spec.name, name, ctx.locale)
            errors = [FieldError(name, "reference.unknown", {"field": label, "id": value})]
            raise BusinessError("reference.unknown", errors=errors, field=label, id=value)


def mapped_tables(model: type[Record]) -> list[str]:
    """Tables of a mapped class, parents included."""
    return [table.name for table in inspect(model).tables]
