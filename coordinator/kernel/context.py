"""The acting principal and the unit of work handed to every service function."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from sqlalchemy.orm import Session, sessionmaker

from coordinator.kernel.config import Config
from coordinator.kernel.db import Record, utcnow
from coordinator.kernel.errors import Conflict, Forbidden, NotFound, Unauthenticated
from coordinator.kernel.files import FileStore
from coordinator.kernel.i18n import t
from coordinator.kernel.registry import Permission, Registry
from coordinator.kernel.settings_store import Settings

PrincipalKind = Literal["anonymous", "user", "station", "service"]
T = TypeVar("T", bound=Record)


@dataclass(frozen=True)
class Principal:
    """Who acts, with the effective rights: ``(module_code, right) → scope`` (ACC-17…19)."""

    kind: PrincipalKind
    name: str
    user_id: int | None = None
    employee_id: int | None = None
    site_id: int | None = None
    station_id: str | None = None
    roles: frozenset[str] = frozenset()
    rights: Mapping[tuple[str, str], str] = field(default_factory=dict)
    field_groups: frozenset[str] = frozenset()
    is_master: bool = False
    session_id: int | None = None
    switched_off: frozenset[str] = frozenset()
    """Module codes not in use here (SET-20): nobody has a right on them, the software's own services excepted."""

    @classmethod
    def anonymous(cls) -> Principal:
        """Nobody."""
        return cls(kind="anonymous", name="anonyme")

    @classmethod
    def service(cls, name: str) -> Principal:
        """Part of the software acting by itself; may do what rules ask, never validate or sign (ACC-36)."""
        return cls(kind="service", name=name)

    def scope(self, module_code: str, right: str) -> str | None:
        """Scope of the right, ``None`` when refused."""
        if module_code in self.switched_off and self.kind != "service":
            return None
        if self.is_master:
            return "all"
        if self.kind == "service":
            return None if right == "validate" else "all"
        return self.rights.get((module_code, right))

    def may(self, module_code: str, right: str) -> bool:
        """Whether the right exists, in whatever scope."""
        return self.scope(module_code, right) is not None

    def sees(self, group: str | None) -> bool:
        """Whether a field group is visible (ACC-20)."""
        return group is None or self.is_master or self.kind == "service" or group in self.field_groups


@dataclass
class Context:
    """One unit of work: session, principal, fixed instant, settings, files. Services never commit."""

    session: Session
    principal: Principal
    registry: Registry
    config: Config
    now: dt.datetime = field(default_factory=utcnow)
    locale: str = "fr"
    correlation_id: uuid.UUID = field(default_factory=uuid.uuid4)
    ip: str | None = None
    terminal_id: str | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        self.settings = Settings(self.session, self.registry.settings)
        self.files = FileStore(self.config.files_dir, self.session)
        self.session.info["context"] = self

    def require(self, permission: Permission) -> str:
        """Scope of the permission.

        Raises:
            Unauthenticated: nobody is signed in.
            Forbidden: ``access.denied`` with module and right; ``module_disabled`` for a module switched off.
        """
        if self.principal.kind == "anonymous":
            raise Unauthenticated
        if permission.module_code in self.principal.switched_off and self.principal.kind != "service":
            label = t(f"module.{permission.module_code}", self.locale)
            raise Forbidden("module_disabled", extra={"module": permission.module_code}, module=label)
        scope = self.principal.scope(permission.module_code, permission.right)
        if scope is None:
            raise Forbidden(
                extra={"module": permission.module_code, "right": permission.right},
                module=permission.module_code,
                right=permission.right,
            )
        return scope

    def act_as(self, principal: Principal) -> None:
        """Go on as ``principal``, without the modules that are switched off."""
        off = self.registry.switched_off(self)
        self.principal = replace(principal, switched_off=off) if off != principal.switched_off else principal

    def get(self, model: type[T], record_id: int | None, *, lock: bool = False) -> T:
        """The record, optionally locked until the end of the transaction.

        Raises:
            NotFound: unknown id.
        """
        record = None
        if record_id is not None:
            record = self.session.get(model, record_id, with_for_update={"of": model} if lock else None)
        if record is None:
            raise NotFound(entity=model.__tablename__, id=record_id)
        return record

    def add(self, record: T) -> T:
        """Put a new record under this unit of work and give it its id."""
        if record.created_by_id is None:
            record.created_by_id = self.principal.user_id
        self.session.add(record)
        self.session.flush()
        return record

    def check_version(self, record: Record, row_version: int | None) -> None:
        """Refuse a stale write.

        Raises:
            Conflict: ``conflict.stale``.
        """
        if row_version is not None and record.row_version != row_version:
            raise Conflict("conflict.stale", entity=record.__tablename__, id=record.id)

    def emit(self, event_type: str, payload: dict[str, Any] | None = None) -> None:
        """Write an event to the outbox; handlers run after commit."""
        from coordinator.kernel.outbox import emit

        emit(self, event_type, payload or {})

    def defer(
        self, job: str, *, at: dt.datetime | None = None, lock: str | None = None, **kwargs: Any
    ) -> None:
        """Queue a job in this transaction: it exists only if the transaction commits."""
        from coordinator.kernel.jobs import defer

        defer(self, job, at=at, lock=lock, **kwargs)

    def note(
        self, action: str, record: Record | None = None, *, details: str | None = None, critical: bool = False
    ) -> None:
        """Add an act without field change (print, export, consultation of a critical record) to the history."""
        from coordinator.kernel.audit import note

        note(self.session, action, record, details=details, critical=critical)


@dataclass
class ContextFactory:
    """Opens units of work outside a request: workers, ingest, command line."""

    sessions: sessionmaker[Session]
    registry: Registry
    config: Config
    clock: Callable[[], dt.datetime] = utcnow

    @contextmanager
    def open(self, principal: Principal, **kwargs: Any) -> Iterator[Context]:
        """A context whose transaction commits at the end of the block and rolls back on error."""
        with self.sessions() as session, session.begin():
            yield Context(session, principal, self.registry, self.config, now=self.clock(), **kwargs)
