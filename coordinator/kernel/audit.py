"""History of actions, derived from the flush: who, when, old and new values, chained by hashes (TRC-22…25, TRC-51).

The lines are written just before commit, in the same transaction: no action without its line. A transaction-level
advisory lock keeps the chain linear; it is held only from here to the end of the commit.
"""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event, insert, inspect, select, text
from sqlalchemy.orm import Session

from coordinator.kernel.db import Record, utcnow
from coordinator.kernel.fields import FieldInfo
from coordinator.kernel.i18n import first_text
from coordinator.kernel.models import AuditLog, AuditSeal, NumberSequence

GENESIS = bytes(32)
_LOCK = 0x67755F617564
_LARGE = 8192
_UNWATCHED = {"created_at", "updated_at", "row_version", "id"}
_SILENT: set[type[Record]] = {NumberSequence}


@dataclass
class Entry:
    """A line waiting for the end of the transaction."""

    action: str
    object_type: str | None
    record: Record | None
    old_values: dict[str, Any] | None = None
    new_values: dict[str, Any] | None = None
    details: str | None = None
    critical: bool = False


def silent(model: type[Record]) -> None:
    """Leave a technical table out of the history (counters, sessions' last contact)."""
    _SILENT.add(model)


def is_silent(model: type[Record]) -> bool:
    """Whether the history leaves this table out."""
    return model in _SILENT


def note(
    session: Session,
    action: str,
    record: Record | None = None,
    *,
    details: str | None = None,
    critical: bool = False,
) -> None:
    """Queue a line for an act that changes no field."""
    name = record.__tablename__ if record is not None else None
    _pending(session).append(Entry(action, name, record, details=details, critical=critical))


def mark_action(session: Session, record: Record, action: str, *, critical: bool = False) -> None:
    """Name the changes of ``record`` in this transaction after the command that makes them."""
    session.info.setdefault("audit_actions", {})[(record.__tablename__, record.id)] = (action, critical)


def install(session_class: type[Session] = Session) -> None:
    """Watch every session of the process. Called once by bootstrap."""
    if not event.contains(session_class, "after_flush", _after_flush):
        event.listen(session_class, "after_flush", _after_flush)
        event.listen(session_class, "before_commit", _before_commit)
        event.listen(session_class, "after_rollback", _after_rollback)


def _pending(session: Session) -> list[Entry]:
    entries: list[Entry] = session.info.setdefault("audit", [])
    return entries


def _after_flush(session: Session, _flush_context: Any) -> None:
    entries = _pending(session)
    for record in session.new:
        if _watched(record):
            entries.append(Entry("create", record.__tablename__, record, new_values=_values(record)))
    for record in session.dirty:
        if _watched(record) and session.is_modified(record):
            old, new = _changes(record)
            if new:
                entries.append(Entry("update", record.__tablename__, record, old, new))
    for record in session.deleted:
        if _watched(record):
            entries.append(Entry("delete", record.__tablename__, record, old_values=_values(record)))


def _watched(record: Any) -> bool:
    return isinstance(record, Record) and type(record) not in _SILENT


def _values(record: Record) -> dict[str, Any]:
    mapper = inspect(type(record))
    names = [c.key for c in mapper.column_attrs if c.key not in _UNWATCHED and not _is_secret(c)]
    loaded = inspect(record).dict
    return {n: _kept(loaded[n]) for n in names if loaded.get(n) is not None}


def _changes(record: Record) -> tuple[dict[str, Any], dict[str, Any]]:
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    state = inspect(record)
    for column in inspect(type(record)).column_attrs:
        if column.key in _UNWATCHED:
            continue
        history = state.attrs[column.key].history
        if not history.has_changes():
            continue
        if _is_secret(column):
            old[column.key], new[column.key] = "••••", "••••"
            continue
        old[column.key] = _kept(history.deleted[0]) if history.deleted else None
        new[column.key] = _kept(history.added[0]) if history.added else None
    return old, new


def _is_secret(column: Any) -> bool:
    info = column.columns[0].info.get("field")
    return isinstance(info, FieldInfo) and info.type == "secret"


def jsonable(value: Any) -> Any:
    """``value`` in JSON types, exactly: decimals and instants as text."""
    if isinstance(value, decimal.Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value


def _after_rollback(session: Session) -> None:
    session.info.pop("audit", None)
    session.info.pop("audit_actions", None)


def _before_commit(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()
    entries = session.info.pop("audit", [])
    actions = session.info.pop("audit_actions", {})
    if not entries:
        return
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    previous = session.scalar(select(AuditLog.sha256).order_by(AuditLog.id.desc()).limit(1)) or GENESIS
    rows = []
    for entry in entries:
        row = _row(session, entry, actions)
        row["previous_sha256"] = previous
        row["sha256"] = previous = line_hash(row)
        rows.append(row)
    session.execute(insert(AuditLog), rows)
    _announce(session, entries)


def _row(session: Session, entry: Entry, actions: dict[tuple[str, int], tuple[str, bool]]) -> dict[str, Any]:
    context = session.info.get("context")
    principal = context.principal if context else None
    record_id = entry.record.id if entry.record is not None else None
    action, critical = entry.action, entry.critical
    if entry.object_type and record_id is not None and (entry.object_type, record_id) in actions:
        command, marked = actions[entry.object_type, record_id]
        critical = critical or marked
        if action == "update":  # a record born or printed inside a command keeps that word
            action = command
    spec = context.registry.entities.get(entry.object_type) if context and entry.object_type else None
    return {
        "occurred_at": context.now if context else utcnow(),
        "user_id": principal.user_id if principal else None,
        "actor": principal.name if principal else "system",
        "module_code": spec.module_code if spec else "platform",
        "action_code": action,
        "object_type": entry.object_type,
        "object_id": record_id,
        "details": entry.details,
        "old_values": entry.old_values,
        "new_values": entry.new_values,
        "is_critical": critical or entry.action == "delete",
        "station_id": principal.station_id if principal else None,
        "terminal_id": context.terminal_id if context else None,
        "ip": context.ip if context else None,
        "correlation_id": context.correlation_id if context else None,
        "reason": context.reason if context else None,
    }


def actor_words(line: AuditLog, locale: str = "fr") -> str:
    """Who acted, for people: a person's or a station's name as kept; a part of the software by what it is, never by its code."""
    if line.user_id is not None or line.station_id is not None:
        return line.actor
    return first_text([f"actor.{line.actor}", "actor.software"], locale)


_HASHED = (
    "occurred_at", "user_id", "actor", "module_code", "action_code", "object_type", "object_id", "details", "old_values",
    "new_values", "is_critical", "station_id", "terminal_id", "ip", "correlation_id", "reason",
)  # fmt: skip


def line_hash(row: dict[str, Any]) -> bytes:
    """SHA-256 of the former line's hash and the canonical content of this one."""
    content = {name: _canonical(jsonable(row[name])) for name in _HASHED}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(row["previous_sha256"] + canonical.encode()).digest()


def _canonical(value: Any) -> Any:
    """Numbers as one text each: the database keeps neither −0.0 nor the difference between 1e22 and its digits."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        number = decimal.Decimal(repr(value))
        return format(number.normalize(), "f") if number else "0"
    if isinstance(value, dict):
        return {k: _canonical(v) for k, v in value.items()}
    return [_canonical(v) for v in value]


def _kept(value: Any) -> Any:
    """Value for the history; of a very large structure only its digest, the content stands in its record."""
    plain = jsonable(value)
    if not isinstance(plain, dict | list):
        return plain
    text_ = json.dumps(plain, sort_keys=True, ensure_ascii=False, default=str)
    if len(text_) <= _LARGE:
        return plain
    return {"sha256": hashlib.sha256(text_.encode()).hexdigest(), "characters": len(text_)}


def _announce(session: Session, entries: list[Entry]) -> None:
    """Tell live clients what changed; PostgreSQL delivers it only if the transaction commits."""
    seen = set()
    for entry in entries:
        if entry.record is None or entry.action not in {"create", "update", "delete"}:
            continue
        message = {
            "entity": entry.object_type,
            "id": entry.record.id,
            "action": f"{entry.action}d",
            "row_version": entry.record.row_version,
        }
        key = json.dumps(message)
        if key not in seen:
            seen.add(key)
            session.execute(text("SELECT pg_notify('gu_live', :payload)"), {"payload": key})


@dataclass(frozen=True)
class ChainReport:
    """Result of a verification."""

    lines: int
    intact: bool
    first_broken_id: int | None = None


def verify_chain(session: Session) -> ChainReport:
    """Recompute every hash; a changed, inserted or removed line breaks the chain (TRC-25, TRC-52)."""
    previous = GENESIS
    count = 0
    seals = {s.last_audit_log_id: s.sha256 for s in session.scalars(select(AuditSeal))}
    columns = [getattr(AuditLog, name) for name in _HASHED]
    query = select(AuditLog.id, AuditLog.previous_sha256, AuditLog.sha256, *columns).order_by(AuditLog.id)
    for line in session.execute(query.execution_options(yield_per=2000)).mappings():
        row = dict(line)
        count += 1
        sealed = seals.pop(row["id"], row["sha256"])
        if row["previous_sha256"] != previous or line_hash(row) != row["sha256"] or sealed != row["sha256"]:
            return ChainReport(count, intact=False, first_broken_id=row["id"])
        previous = row["sha256"]
    if seals:
        return ChainReport(count, intact=False, first_broken_id=min(seals))
    return ChainReport(count, intact=True)
