"""Numbers without gaps, a history that shows tampering, requests that act once, files that are whole."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from coordinator.kernel import audit, tasks
from coordinator.kernel.context import ContextFactory
from coordinator.kernel.errors import NotFound, TooLarge
from coordinator.kernel.files import FileStore
from coordinator.kernel.log import redact
from coordinator.kernel.models import APPEND_ONLY, AuditLog, Task
from coordinator.kernel.numbering import next_number
from coordinator.migrations.ddl import statements
from coordinator.modules.company.models import Site
from tests.conftest import master
from tests.factories import make

Api = Callable[..., Any]


@pytest.mark.requirement("SET-42", "ORD-30")
def test_numbers_are_consecutive_under_concurrency_and_rollback(fresh_factory: ContextFactory) -> None:
    taken: list[str] = []

    def take(fail: bool) -> None:
        try:
            with fresh_factory.open(master()) as ctx:
                number = next_number(ctx, "invoice")
                if fail:
                    raise RuntimeError
            taken.append(number)
        except RuntimeError:
            pass

    threads = [threading.Thread(target=take, args=(i % 3 == 0,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counters = sorted(int(n.rsplit("-", 1)[1]) for n in taken)
    assert counters == list(range(1, len(taken) + 1))
    assert len(taken) == 8


@pytest.mark.requirement("TRC-25", "TRC-52")
@pytest.mark.parametrize(
    "tampering", ["UPDATE audit_log SET details = 'x' WHERE id = :id", "DELETE FROM audit_log WHERE id = :id"]
)
def test_a_changed_or_removed_line_breaks_the_chain(factory: ContextFactory, tampering: str) -> None:
    for number in range(3):
        with factory.open(master()) as ctx:
            make(ctx, Site, code=f"T{number}")
    with factory.sessions() as session:
        assert audit.verify_chain(session).intact
        middle = session.scalars(select(AuditLog.id).order_by(AuditLog.id).offset(1)).first()
        session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER audit_log_append_only"))
        session.execute(text(tampering), {"id": middle})
        assert not audit.verify_chain(session).intact
        session.rollback()


@pytest.mark.requirement("TRC-25")
def test_values_the_database_writes_otherwise_keep_the_chain_whole(factory: ContextFactory) -> None:
    odd = {
        "zero": -0.0,
        "huge": 1e22,
        "tiny": 1e-9,
        "third": 1 / 3,
        "list": [1, 1.0, True, None, "é\u2028"],
        "deep": {"b": 2, "a": 1},
    }
    with factory.open(master()) as ctx:
        task = tasks.open_task(ctx, "test", "Essai", details=odd)
        tasks.open_task(ctx, "test", "Gros", details={"x": ["y" * 50] * 1000})
    with factory.open(master()) as ctx:
        ctx.get(Task, task.id).details = {**odd, "zero": 1e300}
    with factory.sessions() as session:
        assert audit.verify_chain(session).intact
        large = session.scalars(
            select(AuditLog).where(AuditLog.object_type == "task").order_by(AuditLog.id)
        ).all()[1]
        assert set((large.new_values or {})["details"]) == {"sha256", "characters"}


@pytest.mark.requirement("DAT-11")
def test_append_only_tables_refuse_change_and_deletion(factory: ContextFactory) -> None:
    guarded = [t for t in APPEND_ONLY if f"CREATE TRIGGER {t}_append_only" in "\n".join(statements())]
    assert {"audit_log", "stock_movement", "scan_event", "security_event"} <= set(guarded)
    for table in guarded:
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET id = id", f"TRUNCATE {table} CASCADE"):
            with factory.sessions() as session, pytest.raises(DBAPIError, match="append-only"):
                session.execute(text(statement))


@pytest.mark.requirement("OPS-12")
def test_a_repeated_request_answers_the_same_and_acts_once(api: Api) -> None:
    client = api(master())
    headers = {"Idempotency-Key": "k1"}
    first = client.post("/api/v1/sites", json={"code": "I1", "name": "Un"}, headers=headers)
    second = client.post("/api/v1/sites", json={"code": "I1", "name": "Un"}, headers=headers)
    assert first.status_code == 201
    assert second.json()["id"] == first.json()["id"]
    other = client.post("/api/v1/sites", json={"code": "I2", "name": "Deux"}, headers=headers)
    assert other.status_code == 409
    assert other.json()["code"] == "idempotency.reused"
    assert client.get("/api/v1/sites?q=I1").json()["total"] == 1


@pytest.mark.requirement("SET-24")
def test_an_import_is_whole_or_nothing(api: Api) -> None:
    client = api(master())
    good = "Code;Nom;Fuseau horaire\r\nN1;Nord;Europe/Paris\r\nN2;Sud;Europe/Paris\r\n".encode("utf-8-sig")
    bad = good + b"N3;;Europe/Paris\r\n"

    def send(content: bytes, dry_run: bool, name: str = "sites.csv") -> Any:
        return client.post(
            f"/api/v1/sites/import?dry_run={str(dry_run).lower()}", files={"file": (name, content)}
        )

    dry = send(bad, dry_run=True).json()
    assert (dry["rows"], dry["valid"]) == (3, 2)
    assert dry["errors"][0]["line"] == 4
    assert send(bad, dry_run=False).status_code == 400
    assert client.get("/api/v1/sites?q=N1").json()["total"] == 0
    done = send(good, dry_run=False).json()
    assert (done["created"], done["updated"]) == (2, 0)
    again = send(good.replace(b"Nord", b"Grand Nord"), dry_run=False).json()
    assert (again["created"], again["updated"]) == (0, 2)
    assert client.get("/api/v1/sites?q=Grand").json()["total"] == 1
    for content, name in ((b"", "vide.csv"), (b"%PDF-1.7", "plan.pdf"), (b"PK\x03\x04 casse", "x.xlsx")):
        assert send(content, dry_run=True, name=name).status_code in {400, 415}


def test_exports_come_back_and_run_no_formula(api: Api) -> None:
    client = api(master())
    client.post("/api/v1/sites", json={"code": "F1", "name": "=1+1"})
    text_ = client.get("/api/v1/sites/export?format=csv&q=F1").content.decode("utf-8-sig")
    assert "'=1+1" in text_
    workbook = client.get("/api/v1/sites/export?format=xlsx&q=F1")
    assert workbook.content[:2] == b"PK"


def test_a_file_is_kept_once_and_its_damage_is_seen(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    first, second = store.put(b"plan"), store.put(b"plan")
    assert first == second
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 1
    assert store.read(first.sha256) == b"plan"
    assert store.is_intact(first.sha256)
    first.path.write_bytes(b"autre")
    assert not store.is_intact(first.sha256)
    with pytest.raises(TooLarge):
        store.put(b"x" * 100, max_bytes=10)
    with pytest.raises(NotFound):
        store.path("../../etc/passwd")
    assert not list(tmp_path.glob(".incoming-*"))


@pytest.mark.requirement("OPS-22")
def test_logs_hide_secrets_at_any_depth() -> None:
    shown = redact(
        None,
        "info",
        {"event": "x", "password": "p", "headers": {"Authorization": "b", "host": "h"}, "pin": "1"},
    )
    assert shown == {
        "event": "x",
        "password": "••••",
        "headers": {"Authorization": "••••", "host": "h"},
        "pin": "••••",
    }
