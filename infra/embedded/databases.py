"""Throw-away databases for tests: migrate one template once, clone it in milliseconds for each test."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Callable
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from infra.embedded.errors import InfraError
from infra.embedded.postgres import libpq_url


def database_name(url: str) -> str:
    """Name of the database an address points to."""
    return unquote(urlsplit(url).path.lstrip("/"))


def with_database(url: str, name: str) -> str:
    """The same address with another database."""
    parts = urlsplit(url)
    # urlunsplit would drop the empty network location of "user@/name?host=…".
    return urlunsplit(parts._replace(path="/" + quote(name)))


def require_test_name(name: str) -> None:
    """Refuse a database whose name does not contain ``test``, so that no test touches real data (OPS-51)."""
    if "test" not in name:
        raise InfraError(
            "infra.not_a_test_database",
            f"Refus : la base « {name} » n'est pas une base de test (son nom doit contenir « test »).",
        )


def ensure_template(admin_url: str, name: str, build: Callable[[str], None]) -> str:
    """Create template database ``name`` once for all processes; ``build(url)`` fills it (migrations…).

    A build that fails leaves nothing behind. Returns the template's address, to clone with
    ``create_test_database``.
    """
    require_test_name(name)
    url = with_database(admin_url, name)
    with psycopg.connect(libpq_url(admin_url), autocommit=True) as connection:
        key = zlib.crc32(name.encode())
        connection.execute("SELECT pg_advisory_lock(%s)", (key,))
        try:
            row = connection.execute(
                "SELECT datistemplate FROM pg_database WHERE datname = %s", (name,)
            ).fetchone()
            if row is not None and row[0]:
                return url
            identifier = sql.Identifier(name)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
            build(url)
            # The mark comes last: an interrupted build is never taken for a finished one.
            connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true").format(identifier))
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", (key,))
    return url


def create_test_database(admin_url: str, template: str | None = None, *, name: str | None = None) -> str:
    """Create an isolated database (a clone of ``template`` when given) and return its SQLAlchemy address.

    Every connection to the template must be closed (dispose the engine that migrated it).
    """
    name = name or f"test_{secrets.token_hex(6)}"
    require_test_name(name)
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
    with psycopg.connect(libpq_url(admin_url), autocommit=True) as connection:
        connection.execute(statement)
    return with_database(admin_url, name)


def drop_test_database(url: str, admin_url: str | None = None) -> None:
    """Drop a test database, ending its open connections. Refuses any other database."""
    name = database_name(url)
    require_test_name(name)
    with psycopg.connect(
        libpq_url(admin_url or with_database(url, "postgres")), autocommit=True
    ) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
