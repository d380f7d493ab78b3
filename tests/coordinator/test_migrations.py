"""The history of the schema: one way from an empty database to the declared tables (DAT-14)."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from coordinator.kernel.db import make_engine
from coordinator.migrations import baseline, migrate
from coordinator.migrations.ddl import statements
from infra.embedded.databases import create_test_database, drop_test_database


def test_the_committed_schema_is_the_declared_one() -> None:
    committed, declared = (
        {part.strip() for part in text_.split(baseline.SEPARATOR)}
        for text_ in (baseline.TARGET.read_text(), baseline.script())
    )
    assert committed == declared, "python -m coordinator.migrations.baseline"


@pytest.mark.requirement("DAT-14")
def test_an_empty_database_is_migrated_once(postgres: str) -> None:
    url = create_test_database(postgres)
    try:
        assert migrate.current_revision(url) is None
        assert migrate.upgrade(url) == migrate.head_revision()
        assert migrate.upgrade(url) == migrate.current_revision(url)
        engine = make_engine(url)
        with engine.connect() as connection:
            count = connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
        engine.dispose()
        created = sum(1 for s in statements() if s.startswith("CREATE TABLE") and "PARTITION OF" not in s)
        assert count is not None
        assert count >= created
    finally:
        drop_test_database(url, postgres)
