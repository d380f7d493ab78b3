"""The database side of a backup: consistent dump, fingerprint of every table, scratch restore, swap."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any, cast
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from infra.embedded.databases import database_name, with_database
from infra.embedded.errors import InfraError
from infra.embedded.postgres import binaries_dir, libpq_url

Fingerprint = dict[str, dict[str, Any]]
_CHUNK = 1 << 20
_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname <> 'information_schema'
  AND n.nspname !~ '^(pg_|_?timescaledb)'
ORDER BY 1, 2
"""


def _first(cursor: psycopg.Cursor[Any]) -> Any:
    row = cursor.fetchone()
    if row is None:
        raise InfraError("infra.backup_dump", "La base ne répond pas à une question simple.")
    return row


def fingerprint(connection: psycopg.Connection[Any]) -> Fingerprint:
    """Rows and an order-independent digest of each table, the same before and after a restore."""
    for setting in (
        "TimeZone = 'UTC'",
        "DateStyle = 'ISO'",
        "extra_float_digits = 1",
        "bytea_output = 'hex'",
    ):
        connection.execute(f"SET LOCAL {setting}".encode())
    result: Fingerprint = {}
    for schema, table in connection.execute(_TABLES).fetchall():
        query = sql.SQL(
            "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM {} t"
        )
        row = _first(connection.execute(query.format(sql.Identifier(schema, table))))
        result[f"{schema}.{table}"] = {"rows": row[0], "digest": row[1]}
    return result


@contextlib.contextmanager
def snapshot(url: str) -> Iterator[tuple[psycopg.Connection[Any], str]]:
    """A transaction whose view of the data the dump shares."""
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield connection, str(_first(connection.execute("SELECT pg_export_snapshot()"))[0])


def size_bytes(connection: psycopg.Connection[Any]) -> int:
    """Size of the current database on disk."""
    return int(_first(connection.execute("SELECT pg_database_size(current_database())"))[0])


def has_timescale(connection: psycopg.Connection[Any]) -> bool:
    """Whether the time-series extension is installed in this database."""
    return (
        connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone() is not None
    )


def dump(url: str, snapshot_id: str) -> Iterator[bytes]:
    """Custom-format dump of a database as a stream. Raises ``infra.backup_dump``."""
    arguments = ["--format=custom", f"--snapshot={snapshot_id}"]
    with tempfile.TemporaryFile() as messages:
        process = _start("pg_dump", url, [*arguments, f"--dbname={_without_password(url)}"], messages)
        output = cast("IO[bytes]", process.stdout)
        try:
            while chunk := output.read(_CHUNK):
                yield chunk
        finally:
            output.close()
            code = process.wait()
        if code != 0:
            raise InfraError("infra.backup_dump", f"La copie de la base a échoué :\n{_tail(messages)}")


def load(url: str, chunks: Iterable[bytes], *, timescale: bool = False, rights: bool = True) -> None:
    """Restore a dump into an empty database, with owners and access rights unless told otherwise.

    Without ``rights``, or under an account that may not give objects away, all belongs to that account.
    Raises ``infra.backup_restore``.
    """
    if timescale:
        _execute(url, "CREATE EXTENSION IF NOT EXISTS timescaledb", "SELECT timescaledb_pre_restore()")
    arguments = ["--exit-on-error", f"--dbname={_without_password(url)}"]
    if not rights:
        arguments.append("--no-acl")
    if not (rights and _is_superuser(url)):
        arguments.append("--no-owner")
    with tempfile.TemporaryFile() as messages:
        process = _start("pg_restore", url, arguments, messages, reads=True)
        source = cast("IO[bytes]", process.stdin)
        # A refusal of pg_restore closes the pipe; its exit status tells why.
        with contextlib.suppress(BrokenPipeError):
            for chunk in chunks:
                source.write(chunk)
        with contextlib.suppress(BrokenPipeError):
            source.close()
        if process.wait() != 0:
            raise InfraError(
                "infra.backup_restore", f"La restauration de la base a échoué :\n{_tail(messages)}"
            )
    if timescale:
        _execute(url, "SELECT timescaledb_post_restore()")


@contextlib.contextmanager
def scratch_database(url: str) -> Iterator[str]:
    """An empty database beside the real one, dropped afterwards."""
    name = f"usinage_test_restore_{secrets.token_hex(4)}"
    create(url, name)
    try:
        yield with_database(url, name)
    finally:
        drop(url, name)


def create(url: str, name: str) -> None:
    """Create an empty database."""
    _execute(_admin(url), sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))


def drop(url: str, name: str) -> None:
    """Drop a database with its connections."""
    _execute(_admin(url), sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def exists(url: str) -> bool:
    """Whether the database of an address exists."""
    with psycopg.connect(libpq_url(_admin(url))) as connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        return connection.execute(query, (database_name(url),)).fetchone() is not None


def swap(url: str, replacement: str, aside: str) -> None:
    """Put database ``replacement`` in the place of the one ``url`` names, which is kept as ``aside``."""
    current = database_name(url)
    with psycopg.connect(libpq_url(_admin(url)), autocommit=True) as connection:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%s)"
        connection.execute(query, ([current, replacement],))
        rename = "ALTER DATABASE {} RENAME TO {}"
        if exists(url):
            _copy_rights(connection, current, replacement)
            connection.execute(sql.SQL(rename).format(sql.Identifier(current), sql.Identifier(aside)))
        try:
            connection.execute(sql.SQL(rename).format(sql.Identifier(replacement), sql.Identifier(current)))
        except psycopg.Error:
            connection.execute(sql.SQL(rename).format(sql.Identifier(aside), sql.Identifier(current)))
            raise


def _copy_rights(connection: psycopg.Connection[Any], current: str, replacement: str) -> None:
    """Give the replacement the access list of the database it replaces, which a dump does not carry."""
    query = """
        SELECT coalesce(r.rolname, ''), a.privilege_type
        FROM pg_database d CROSS JOIN aclexplode(d.datacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
        WHERE d.datname = %s
    """
    rights = connection.execute(query, (current,)).fetchall()
    if not rights:
        return
    target = sql.Identifier(replacement)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(target))
    for role, privilege in rights:
        grantee = sql.Identifier(role) if role else sql.SQL("PUBLIC")
        statement = sql.SQL("GRANT {} ON DATABASE {} TO {}")
        connection.execute(statement.format(sql.SQL(privilege), target, grantee))


def _is_superuser(url: str) -> bool:
    with psycopg.connect(libpq_url(url)) as connection:
        query = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        return bool(_first(connection.execute(query))[0])


def _admin(url: str) -> str:
    return with_database(url, "postgres")


def _execute(url: str, *statements: str | sql.Composed) -> None:
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode() if isinstance(statement, str) else statement)


def _without_password(url: str) -> str:
    parts = urlsplit(libpq_url(url))
    if parts.password is None:
        return libpq_url(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(unquote(parts.username or ''))}@{host}"))


def _start(
    program: str, url: str, arguments: list[str], messages: IO[bytes], *, reads: bool = False
) -> subprocess.Popen[bytes]:
    # The password never stands on a command line, which every account of the machine can read.
    environment = dict(os.environ)
    password = urlsplit(libpq_url(url)).password
    if password is not None:
        environment["PGPASSWORD"] = unquote(password)
    return subprocess.Popen(
        [str(binaries_dir() / program), *arguments],
        stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if reads else subprocess.PIPE,
        stderr=messages,
        env=environment,
    )


def _tail(messages: IO[bytes]) -> str:
    messages.seek(0)
    return messages.read().decode(errors="replace")[-1500:]
