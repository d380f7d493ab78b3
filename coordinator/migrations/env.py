"""Alembic environment: runs on the connection ``migrate`` hands over, or on the configured database."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from coordinator.bootstrap import metadata
from coordinator.kernel.config import get_config


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata(), compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    engine = create_engine(context.config.attributes.get("url") or get_config().database_url)
    with engine.connect() as own:
        _run(own)
