"""Backups on a real PostgreSQL: make, prove, restore, and every way they may be damaged."""

from __future__ import annotations

import io
import json
import shutil
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from infra.backup import crypto, schedule, service
from infra.backup.cli import app
from infra.backup.retention import Retention, kept
from infra.backup.service import BackupPlace
from infra.embedded.databases import create_test_database, drop_test_database, with_database
from infra.embedded.errors import InfraError
from infra.embedded.postgres import EmbeddedPostgres, libpq_url

NIGHT = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("pg") / "data", durable=False) as embedded:
        yield embedded


def _execute(url: str, *statements: str) -> None:
    with psycopg.connect(libpq_url(url)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(libpq_url(url)) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.fixture
def place(server: EmbeddedPostgres, tmp_path: Path) -> Iterator[BackupPlace]:
    url = create_test_database(server.url())
    _execute(
        url,
        "CREATE TABLE article (id bigint PRIMARY KEY, nom text, prix numeric(12,4), le timestamptz, x jsonb)",
        "INSERT INTO article SELECT i, 'é' || i, i / 7.0, now(), '{\"a\": 1}' FROM generate_series(1, 5000) i",
        "CREATE TABLE mouvement (id bigint, article_id bigint REFERENCES article)",
        "CREATE TABLE mesure (le date, v float8) PARTITION BY RANGE (le)",
        "CREATE TABLE mesure_2026 PARTITION OF mesure FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "INSERT INTO mesure VALUES ('2026-05-01', 0.1), ('2026-06-01', 'NaN')",
    )
    files = tmp_path / "files"
    for name, data in (
        ("ab/cd/plan", b"plan" * 500_000),
        ("ab/ef/photo", b""),
        ("ab/gh/plan-2", b"plan" * 500_000),
    ):
        (files / name).parent.mkdir(parents=True)
        (files / name).write_bytes(data)
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "ca.key").write_text("CLE-SECRETE")
    key = tmp_path / "backup.key"
    crypto.create_key(key)
    yield BackupPlace(url, files, tmp_path / "target", key, secrets)
    drop_test_database(url)


def _code(error: pytest.ExceptionInfo[InfraError]) -> str:
    return error.value.code


def test_a_backup_is_encrypted_complete_and_proves_itself(place: BackupPlace) -> None:
    manifest = service.create(place, now=NIGHT)
    assert manifest["name"] == "usinage-20261123T020000Z"
    assert manifest["database"]["tables"]["public.article"]["rows"] == 5000
    assert manifest["files"]["count"] == 3
    everything = b"".join(path.read_bytes() for path in place.target.rglob("*") if path.is_file())
    for clear in (b"CLE-SECRETE", b"planplan", b"PGDMP", b"ab/cd/plan"):
        assert clear not in everything

    report = service.verify(place)
    assert (report["ok"], report["rows"], report["files"]) == (True, 5002, 3)
    databases = _rows(with_database(place.database_url, "postgres"), "SELECT datname FROM pg_database")
    assert not [name for (name,) in databases if str(name).startswith("usinage_test_restore")]


@pytest.mark.requirement("OPS-34")
def test_verification_compares_contents_not_only_counts(
    place: BackupPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = service.database.fingerprint

    def before_change(connection: psycopg.Connection[object]) -> service.database.Fingerprint:
        found = original(connection)
        found["public.article"] = {**found["public.article"], "digest": "1"}
        return found

    monkeypatch.setattr(service.database, "fingerprint", before_change)
    service.create(place, now=NIGHT)
    monkeypatch.setattr(service.database, "fingerprint", original)
    with pytest.raises(InfraError) as refusal:
        service.verify(place)
    assert _code(refusal) == "infra.backup_differs"
    assert "public.article" in refusal.value.message


def test_a_second_backup_adds_only_what_is_new(place: BackupPlace) -> None:
    service.create(place, now=NIGHT)
    before = {path: path.stat().st_mtime_ns for path in (place.target / "objects").rglob("*.enc")}
    assert len(before) == 2  # two equal files are kept once
    (place.files_dir / "new").write_bytes(b"nouveau")
    service.create(place, now=NIGHT + timedelta(days=1))
    after = {path: path.stat().st_mtime_ns for path in (place.target / "objects").rglob("*.enc")}
    assert len(after) == 3
    assert before.items() <= after.items()


def test_restore_brings_back_data_and_files_and_keeps_the_old(place: BackupPlace, tmp_path: Path) -> None:
    saved = _rows(place.database_url, "SELECT md5(string_agg(a::text, '|' ORDER BY id)) FROM article a")
    service.create(place, now=NIGHT)
    _execute(place.database_url, "DELETE FROM article WHERE id > 10", "DROP TABLE mouvement")
    shutil.rmtree(place.files_dir / "ab" / "cd")
    (place.files_dir / "since").write_bytes(b"later")

    result = service.restore(place, keys_dir=tmp_path / "keys")
    try:
        assert (
            _rows(place.database_url, "SELECT md5(string_agg(a::text, '|' ORDER BY id)) FROM article a")
            == saved
        )
        assert _rows(place.database_url, "SELECT count(*) FROM mouvement") == [(0,)]
        assert (place.files_dir / "ab/cd/plan").read_bytes() == b"plan" * 500_000
        assert (place.files_dir / "since").exists()
        assert result["files"] == 1
        assert (tmp_path / "keys" / "ca.key").read_text() == "CLE-SECRETE"
        assert (tmp_path / "keys" / "ca.key").stat().st_mode & 0o077 == 0
        old = with_database(place.database_url, result["kept_as"])
        assert _rows(old, "SELECT count(*) FROM article") == [(10,)]
    finally:
        drop_test_database(with_database(place.database_url, result["kept_as"]))


def test_a_damaged_backup_never_replaces_good_data(place: BackupPlace) -> None:
    manifest = service.create(place, now=NIGHT)
    dump = place.target / manifest["name"] / "database.dump.enc"
    data = bytearray(dump.read_bytes())
    data[len(data) // 2] ^= 1
    dump.write_bytes(bytes(data))
    for action in (service.verify, service.restore):
        with pytest.raises(InfraError) as refusal:
            action(place)
        assert _code(refusal) == "infra.backup_damaged"
    assert _rows(place.database_url, "SELECT count(*) FROM article") == [(5000,)]


def test_a_changed_manifest_or_a_missing_file_is_found(place: BackupPlace) -> None:
    manifest = service.create(place, now=NIGHT)
    file = place.target / manifest["name"] / "manifest.json"
    good = file.read_text()
    changed = json.loads(good)
    changed["database"]["tables"]["public.article"]["rows"] = 4999
    for text in (json.dumps(changed), "{", "{}"):
        file.write_text(text)
        with pytest.raises(InfraError) as refusal:
            service.verify(place)
        assert _code(refusal) == "infra.backup_damaged"
    file.write_text(good)
    next((place.target / "objects").rglob("*.enc")).unlink()
    with pytest.raises(InfraError) as refusal:
        service.verify(place)
    assert _code(refusal) == "infra.backup_damaged"


def test_another_key_opens_nothing(place: BackupPlace, tmp_path: Path) -> None:
    service.create(place, now=NIGHT)
    other = tmp_path / "other.key"
    crypto.create_key(other)
    with pytest.raises(InfraError) as refusal:
        service.verify(BackupPlace(place.database_url, place.files_dir, place.target, other))
    assert _code(refusal) == "infra.backup_damaged"
    other.write_text("court")
    with pytest.raises(InfraError) as refusal:
        service.create(BackupPlace(place.database_url, place.files_dir, place.target, other))
    assert _code(refusal) == "infra.backup_key"
    with pytest.raises(InfraError):
        crypto.create_key(other)


def test_a_full_disk_refuses_before_writing(place: BackupPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(service.shutil, "disk_usage", lambda _: usage(10, 10, 1_000_000))
    with pytest.raises(InfraError) as refusal:
        service.create(place, now=NIGHT)
    assert _code(refusal) == "infra.backup_disk_full"
    assert list(place.target.iterdir()) == []


def test_a_failure_leaves_no_half_backup(place: BackupPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Iterator[bytes]:
        yield b"half"
        raise InfraError("infra.backup_dump", "panne")

    monkeypatch.setattr(service.database, "dump", broken)
    with pytest.raises(InfraError):
        service.create(place, now=NIGHT)
    assert service.names(place.target) == []
    assert [path.name for path in place.target.iterdir()] == []


def test_retention_keeps_7_days_5_weeks_12_months_10_years() -> None:
    nights = [NIGHT - timedelta(days=day) for day in range(365 * 12)]
    staying = kept(nights)
    assert {NIGHT - timedelta(days=day) for day in range(7)} <= staying
    assert len({moment.isocalendar()[:2] for moment in staying if moment > NIGHT - timedelta(days=34)}) >= 5
    assert len({(m.year, m.month) for m in staying if m > NIGHT - timedelta(days=360)}) == 12
    assert len({moment.year for moment in staying}) == 10
    assert len(staying) <= 7 + 5 + 12 + 10
    assert kept([NIGHT], Retention(0, 0, 0, 0)) == {NIGHT}


def test_pruning_removes_old_backups_and_contents_nobody_names(place: BackupPlace) -> None:
    (place.files_dir / "old").write_bytes(b"vieux")
    service.create(place, now=NIGHT - timedelta(days=1))
    (place.files_dir / "old").unlink()
    service.create(place, now=NIGHT)
    assert service.prune(place, Retention(1, 1, 1, 1)) == ["usinage-20261122T020000Z"]
    assert len(list((place.target / "objects").rglob("*.enc"))) == 2
    assert service.verify(place)["ok"]


@pytest.mark.parametrize("size", [0, 1, crypto.CHUNK - 1, crypto.CHUNK, crypto.CHUNK + 1, 3 * crypto.CHUNK])
def test_encryption_survives_any_size_and_refuses_any_change(size: int) -> None:
    key, data = bytes(range(32)), bytes(size)
    target = io.BytesIO()
    crypto.encrypt([data[:7], data[7:]], target, key, "n")
    whole = target.getvalue()
    assert b"".join(crypto.decrypt(io.BytesIO(whole), key, "n")) == data
    shortened = [whole[:-1], whole[: len(whole) // 2], whole[:20], b"", whole + b"x"]
    if size > crypto.CHUNK:
        shortened.append(whole[: 29 + crypto.CHUNK + 16])
    for damaged in shortened:
        with pytest.raises(InfraError):
            list(crypto.decrypt(io.BytesIO(damaged), key, "n"))
    with pytest.raises(InfraError):
        list(crypto.decrypt(io.BytesIO(whole), key, "other name"))


def test_the_command_line(place: BackupPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    options = [
        "--database", place.database_url, "--files", str(place.files_dir), "--target", str(place.target),
        "--key", str(place.key_file),
    ]  # fmt: skip
    run = CliRunner()
    made = run.invoke(app, ["create", *options, "--json"])
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["kind"] == "manual"
    proved = run.invoke(app, ["verify", *options, "--json"])
    assert json.loads(proved.stdout)["ok"] is True
    look = run.invoke(app, ["restore", *options, "--json"])
    assert look.exit_code == 0
    assert json.loads(look.stdout)["dry_run"] is True
    assert _rows(place.database_url, "SELECT count(*) FROM article") == [(5000,)]
    missing = run.invoke(app, ["verify", *options, "--name", "usinage-20000101T000000Z"])
    assert missing.exit_code == 1
    assert "Aucune sauvegarde" in missing.stderr


def test_a_backup_older_than_26_hours_is_an_alarm(place: BackupPlace) -> None:
    assert not schedule.is_fresh(place.target, NIGHT)
    service.create(place, now=NIGHT)
    assert schedule.is_fresh(place.target, NIGHT + timedelta(hours=25))
    assert not schedule.is_fresh(place.target, NIGHT + timedelta(hours=27))


def test_the_next_night_is_found_and_a_missed_one_is_made_up() -> None:
    assert schedule.due(None, NIGHT, "02:00")
    assert not schedule.due(NIGHT, NIGHT + timedelta(hours=20), "02:00")
    assert schedule.due(NIGHT, NIGHT + timedelta(hours=24), "02:00")
    assert schedule.due(NIGHT - timedelta(days=3), NIGHT + timedelta(hours=9), "02:00")


def test_the_backup_account_of_the_nas_has_enough_rights(
    server: EmbeddedPostgres, place: BackupPlace
) -> None:
    roles = Path(__file__).resolve().parents[2] / "infra/database/01-roles.sql"
    _execute(place.database_url, roles.read_text(encoding="utf-8"))
    owner = place.database_url.replace("postgres@", "usinage_owner@", 1)
    _execute(owner, "CREATE TABLE proprietaire (id int)", "INSERT INTO proprietaire VALUES (1)")
    account = replace(place, database_url=place.database_url.replace("postgres@", "usinage_backup@", 1))
    service.create(account, now=NIGHT)
    assert service.verify(account)["rows"] == 5003


def test_a_restore_keeps_owners_and_rights(place: BackupPlace) -> None:
    roles = Path(__file__).resolve().parents[2] / "infra/database/01-roles.sql"
    _execute(place.database_url, roles.read_text(encoding="utf-8"))
    owner = place.database_url.replace("postgres@", "usinage_owner@", 1)
    _execute(owner, "CREATE TABLE proprietaire (id int)")
    service.create(place, now=NIGHT)
    result = service.restore(place)
    try:
        query = "SELECT tableowner FROM pg_tables WHERE tablename = 'proprietaire'"
        assert _rows(place.database_url, query) == [("usinage_owner",)]
        api = place.database_url.replace("postgres@", "usinage_api@", 1)
        _execute(api, "INSERT INTO proprietaire VALUES (1)")
        _execute(owner, "ALTER TABLE proprietaire ADD COLUMN nom text")
        rights = "SELECT has_database_privilege('usinage_owner', current_database(), 'CREATE')"
        assert _rows(place.database_url, rights) == [(True,)]
    finally:
        drop_test_database(with_database(place.database_url, result["kept_as"]))
