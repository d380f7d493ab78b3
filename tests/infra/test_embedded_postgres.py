"""The embedded PostgreSQL on its real programs: start, join, restart, clone, refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.embedded.databases import (
    create_test_database,
    database_name,
    drop_test_database,
    ensure_template,
    with_database,
)
from infra.embedded.errors import InfraError
from infra.embedded.postgres import EmbeddedPostgres, ensure_database, libpq_url


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    embedded = EmbeddedPostgres(tmp_path_factory.mktemp("pg") / "data", durable=False)
    embedded.start()
    yield embedded
    embedded.stop(force=True)


def _rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(libpq_url(url)) as connection:
        return connection.execute(query.encode()).fetchall()


def test_a_second_start_on_the_same_folder_keeps_the_data(tmp_path: Path) -> None:
    first = EmbeddedPostgres(tmp_path / "data", durable=False)
    url = first.start("atelier")
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute("CREATE TABLE piece (id bigint)")
        connection.execute("INSERT INTO piece VALUES (7)")
    first.stop()
    assert not first.is_running()

    second = EmbeddedPostgres(tmp_path / "data", durable=False)
    try:
        assert _rows(second.start("atelier"), "SELECT id FROM piece") == [(7,)]
    finally:
        second.stop()


def test_the_server_lives_until_the_last_process_leaves(server: EmbeddedPostgres) -> None:
    code = (
        "import sys; from infra.embedded.postgres import EmbeddedPostgres as E; "
        "print(E(sys.argv[1], durable=False).start())"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code, str(server.data_dir)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == server.url()
    assert server.is_running()


def test_it_survives_a_kill_of_the_server(tmp_path: Path) -> None:
    embedded = EmbeddedPostgres(tmp_path / "data", durable=False)
    embedded.start()
    pid = int((tmp_path / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
    os.kill(pid, 9)
    while embedded.is_running():
        pass
    try:
        assert _rows(embedded.start(), "SELECT 1") == [(1,)]
    finally:
        embedded.stop()


def test_a_path_too_long_for_a_socket_still_works(tmp_path: Path) -> None:
    embedded = EmbeddedPostgres(tmp_path / ("long" * 25) / "data", durable=False)
    try:
        assert _rows(embedded.start(), "SELECT 1") == [(1,)]
        assert embedded.socket_dir != embedded.data_dir
    finally:
        embedded.stop()


def test_nobody_else_can_open_the_socket(server: EmbeddedPostgres) -> None:
    assert (server.socket_dir / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0
    assert _rows(server.url(), "SHOW listen_addresses") == [("",)]


def test_data_of_another_version_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "PG_VERSION").write_text("12\n")
    with pytest.raises(InfraError) as refusal:
        EmbeddedPostgres(tmp_path / "data").start()
    assert refusal.value.code == "infra.postgres_version"
    assert "PostgreSQL 12" in refusal.value.message


def test_clones_are_isolated_and_carry_the_template(server: EmbeddedPostgres) -> None:
    builds: list[str] = []

    def build(url: str) -> None:
        builds.append(url)
        with psycopg.connect(libpq_url(url)) as connection:
            connection.execute("CREATE TABLE outil (code text)")

    for _ in range(2):
        ensure_template(server.url(), "test_template_clones", build)
    assert len(builds) == 1

    one, two = (create_test_database(server.url(), "test_template_clones") for _ in range(2))
    with psycopg.connect(libpq_url(one)) as connection:
        connection.execute("INSERT INTO outil VALUES ('FR-10')")
    assert _rows(one, "SELECT code FROM outil") == [("FR-10",)]
    assert _rows(two, "SELECT code FROM outil") == []
    drop_test_database(one)
    with pytest.raises(psycopg.OperationalError):
        _rows(one, "SELECT 1")


def test_a_failed_build_is_done_again(server: EmbeddedPostgres) -> None:
    def failing(url: str) -> None:
        with psycopg.connect(libpq_url(url)) as connection:
            connection.execute("CREATE TABLE half (id int)")
        raise ValueError("migration")

    with pytest.raises(ValueError, match="migration"):
        ensure_template(server.url(), "test_template_broken", failing)
    url = ensure_template(server.url(), "test_template_broken", lambda _: None)
    assert _rows(url, "SELECT count(*) FROM pg_tables WHERE tablename = 'half'") == [(0,)]


@pytest.mark.requirement("OPS-51")
def test_only_databases_named_test_are_made_or_dropped_by_tests(server: EmbeddedPostgres) -> None:
    ensure_database(server.libpq_url(), "atelier_reel")
    real = with_database(server.url(), "atelier_reel")
    assert database_name(real) == "atelier_reel"
    for attempt in (
        lambda: create_test_database(server.url(), name="atelier"),
        lambda: drop_test_database(real),
        lambda: ensure_template(server.url(), "modele", lambda _: None),
    ):
        with pytest.raises(InfraError) as refusal:
            attempt()
        assert refusal.value.code == "infra.not_a_test_database"
    assert _rows(real, "SELECT 1") == [(1,)]
