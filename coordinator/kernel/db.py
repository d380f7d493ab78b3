"""Database base: naming, common columns, engine and sessions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    DateTime,
    Engine,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    create_engine,
    func,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, declared_attr, mapped_column, sessionmaker

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of every mapped table."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dt.datetime: DateTime(timezone=True),
        int: BigInteger,
    }


class Row(Base):
    """A row with a key and nothing else: ledgers, links, technical tables."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, sort_order=-100)


class Record(Row):
    """A business record: who and when, and a version against lost updates (DAT-03)."""

    __abstract__ = True

    created_at: Mapped[dt.datetime] = mapped_column(server_default=func.now(), sort_order=900)
    updated_at: Mapped[dt.datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), sort_order=901
    )
    row_version: Mapped[int] = mapped_column(Integer, nullable=False, sort_order=903)
    archived_at: Mapped[dt.datetime | None] = mapped_column(nullable=True, sort_order=904)

    @declared_attr
    def created_by_id(cls) -> Mapped[int | None]:
        """Account that created the record; empty for imports and services."""
        # use_alter: accounts refer to sites and employees, which refer back to accounts.
        return mapped_column(
            BigInteger,
            ForeignKey("user_account.id", ondelete="RESTRICT", use_alter=True),
            nullable=True,
            sort_order=902,
        )

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.row_version}


REQUESTS_AT_ONCE = 16
"""Requests that hold a connection through several steps at the same time."""
_SHORT_READS = 4
"""Connections left beside them for what opens and closes one within a single step."""


def make_engine(url: str, *, pool_size: int = 10) -> Engine:
    """Engine with sane limits; connections are checked before use so that a database restart is survived."""
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max(pool_size, REQUESTS_AT_ONCE + _SHORT_READS - pool_size),
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={
            "options": "-c timezone=UTC -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000"
        },
    )


def make_session_factory(engine: Engine) -> sessionmaker[Session]:
    """Factory of sessions; objects stay readable after commit."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def transaction(factory: sessionmaker[Session]) -> Iterator[Session]:
    """One unit of work: commit at the end, roll back on any error."""
    with factory() as session, session.begin():
        yield session


def utcnow() -> dt.datetime:
    """Now, aware, UTC."""
    return dt.datetime.now(dt.UTC)
