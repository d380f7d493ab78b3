"""Database objects that are not tables of a mapped class: append-only guards, job queue, views and partitions."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterator

import sqlalchemy as sa
from procrastinate.schema import SchemaManager
from sqlalchemy.dialects import postgresql

from coordinator.bootstrap import metadata, registry
from coordinator.kernel.models import APPEND_ONLY

GUARD = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
"""


def statements() -> Iterator[str]:
    """Every statement that builds the present schema in an empty database, in order."""
    tables = metadata()
    yield from _tables(tables)
    yield GUARD
    for table in tables.sorted_tables:
        if table.name in APPEND_ONLY or table.info.get("append_only"):
            yield (
                f"CREATE TRIGGER {table.name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table.name}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
    yield SchemaManager.get_schema()
    yield from _module_ddl()


def _tables(tables: sa.MetaData) -> Iterator[str]:
    collected: list[str] = []

    def collect(statement: sa.schema.ExecutableDDLElement, *_args: object, **_kwargs: object) -> None:
        collected.append(str(statement.compile(dialect=postgresql.dialect())).strip())  # type: ignore[no-untyped-call]

    engine = sa.create_mock_engine("postgresql+psycopg://", collect)
    by_name = sorted(tables.tables.values(), key=lambda table: table.name)
    tables.create_all(engine, by_name, checkfirst=False)
    # SQLAlchemy keeps a table's indexes and late keys in sets: sorted, so that the same code gives the same text.
    for kind, group in itertools.groupby(collected, key=_kind):
        run = list(group)
        yield from sorted(run) if kind else run


def _kind(statement: str) -> str:
    """``INDEX`` or ``KEY`` for statements whose order among themselves is free, else nothing."""
    if statement.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX")):
        return "INDEX"
    return "KEY" if statement.startswith("ALTER TABLE") else ""


def _module_ddl() -> Iterator[str]:
    """Views, partitions and functions a module keeps in ``ddl.py`` as ``STATEMENTS``."""
    for name in registry().modules:
        path = f"coordinator.modules.{name}.ddl"
        if importlib.util.find_spec(path):
            yield from importlib.import_module(path).STATEMENTS
