"""Bring a database to the present schema, through Alembic's history."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

FOLDER = Path(__file__).resolve().parent
_LOCK = 0x67755F6D6967


def _alembic(url: str = "") -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["url"] = url
    return config


def head_revision() -> str | None:
    """Newest revision of the history."""
    return ScriptDirectory.from_config(_alembic()).get_current_head()


def current_revision(url: str) -> str | None:
    """Revision of the database at ``url``; ``None`` when it is empty."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def upgrade(url: str) -> str | None:
    """Migrate to the newest revision, all or nothing; a second process waits for the first. Returns the revision."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            config = _alembic(url)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
    return head_revision()
