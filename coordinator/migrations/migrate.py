"""Bring a database to the present schema."""

from __future__ import annotations

from sqlalchemy import create_engine

from coordinator.migrations.ddl import build


def upgrade(url: str) -> None:
    """Create or migrate the schema at ``url``."""
    engine = create_engine(url)
    with engine.begin() as connection:
        build(connection)
    engine.dispose()
