"""API benchmark: twelve people read and write at a realistic volume, beside a bare FastAPI with one PostgreSQL round trip."""

from __future__ import annotations

import os
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pyotp
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from coordinator.bench import entry
from coordinator.bootstrap import registry, seed
from coordinator.kernel.config import Config
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.db import Base, make_engine
from coordinator.migrations.migrate import upgrade
from coordinator.modules.catalogue.models import Part, PartRevision
from coordinator.modules.company.models import CompanyProfile
from coordinator.modules.execution.models import WorkOrder, WorkOrderOperation
from coordinator.modules.identity import api as identity
from coordinator.modules.identity import sessions
from coordinator.modules.parties.models import Customer
from coordinator.modules.routings.models import Routing

PARTS, ORDERS, OPERATIONS = 50_000, 1_000, 20_000
USERS, REQUESTS = 12, 60
START_S = 180.0


def run() -> list[dict[str, Any]]:
    """95th percentile of an answer's time, in all and by kind of request; the reference is measured in the same run."""
    from infra.embedded.databases import with_database
    from infra.embedded.ports import free_port
    from infra.embedded.postgres import EmbeddedPostgres

    with tempfile.TemporaryDirectory(prefix="usinage-bench-") as folder:
        root = Path(folder)
        server = EmbeddedPostgres(root / "pg")
        server.start("usinage_bench")
        try:
            url = with_database(server.url(), "usinage_bench")
            config = Config(database_url=url, data_dir=root / "data", secrets_dir=root / "secrets")
            token = _fill(config)
            with _serve("coordinator.gateway.bench_api:application", config, free_port()) as address:
                measured = _load(address, token)
            with _serve("coordinator.gateway.bench_api:bare", config, free_port()) as address:
                reference = _bare_load(address)
        finally:
            server.stop()
    return _report(measured, reference)


def application() -> Any:
    """The product's application on the database of the environment."""
    from coordinator.bootstrap import make_factory
    from coordinator.gateway.app import create_app

    return create_app(make_factory())


def bare() -> Any:
    """The least an application of this kind does: one route, one round trip."""
    from fastapi import FastAPI

    engine = make_engine(os.environ["USINAGE_DATABASE_URL"])
    app = FastAPI()

    @app.get("/one")
    def one() -> dict[str, int]:
        with engine.connect() as connection:
            return {"one": int(connection.scalar(text("SELECT 1")) or 0)}

    return app


@contextmanager
def _serve(target: str, config: Config, port: int) -> Iterator[str]:
    environment = {
        **os.environ,
        "USINAGE_DATABASE_URL": config.database_url,
        "USINAGE_DATA_DIR": str(config.data_dir),
        "USINAGE_SECRETS_DIR": str(config.secrets_dir),
    }
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        target,
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    process = subprocess.Popen(command, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_S
        while True:
            try:
                httpx.get(f"{address}/openapi.json", timeout=START_S).raise_for_status()
                break
            except httpx.TransportError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise SystemExit("Le serveur de la mesure n'a pas démarré.") from None
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _fill(config: Config) -> str:
    """Volume of a shop after some years, and the token of its owner."""
    upgrade(config.database_url)
    engine = make_engine(config.database_url)
    factory = ContextFactory(sessionmaker(engine, expire_on_commit=False), registry(), config)
    seed(factory)
    with factory.open(Principal.service("bench")) as ctx:
        ctx.add(CompanyProfile(legal_name="Mesure SARL"))
        user = identity.create_master(
            ctx, first_name="M", last_name="M", email="m@mesure.fr", password=secrets.token_urlsafe(20),
            totp_secret=pyotp.random_base32(),
        )  # fmt: skip
        customer = ctx.add(Customer(code="C-MESURE", name="Client de la mesure"))
        part = ctx.add(Part(customer_id=customer.id, name="Pièce 0", drawing_number="MES-0"))
        revision = ctx.add(PartRevision(part_id=part.id, revision="-"))
        routing = ctx.add(Routing(number="GAM-MESURE", part_revision_id=revision.id, name="Gamme"))
        order = ctx.add(WorkOrder(number="OF-0", routing_id=routing.id, quantity=10))
        operation = ctx.add(
            WorkOrderOperation(
                work_order_id=order.id,
                sequence_no=10,
                operation_type="turning",
                operation_label="Tournage",
                planned_qty=10,
            )
        )
        _copy(ctx.session, part, PARTS, name="'Pièce ' || g", drawing_number="'MES-' || g")
        _copy(ctx.session, order, ORDERS, number="'OF-' || g")
        _copy(
            ctx.session, operation, OPERATIONS, uid="gen_random_uuid()", sequence_no="10 * (1 + g % 20)",
            operation_label="'Opération ' || g", work_order_id=f"{order.id} + g / 20",
        )  # fmt: skip
        token = sessions.open_session(ctx, user, "password+totp").access_token
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()
    return token


def _copy(session: Session, row: Base, count: int, **changes: str) -> None:
    """``count`` rows like ``row``, with SQL expressions of ``g`` for what differs."""
    table = row.__tablename__
    names = [c.name for c in row.__table__.columns if c.name != "id"]
    values = ", ".join(changes.get(n, f"t.{n}") for n in names)
    statement = (
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} t, generate_series(1, :n) g"  # noqa: S608
    )
    key: Any = row
    session.execute(text(f"{statement} WHERE t.id = :id"), {"n": count, "id": key.id})


def _requests(rng: random.Random, user: int) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    for number in range(REQUESTS):
        draw = rng.random()
        if draw < 0.15:
            body = {"name": f"Neuve {number}", "drawing_number": f"N-{user}-{number}-{rng.random()}"}
            yield "create", "POST", "/parts", {"json": body}
        elif draw < 0.45:
            yield "get", "GET", f"/parts/{rng.randint(1, PARTS)}", {}
        elif draw < 0.65:
            yield "list", "GET", "/parts", {"params": {"limit": 50, "skip": 50 * rng.randint(0, 20)}}
        elif draw < 0.85:
            yield "list", "GET", "/work-order-operations", {"params": {"limit": 50}}
        else:
            yield "search", "GET", "/parts", {"params": {"limit": 20, "q": f"MES-{rng.randint(100, PARTS)}"}}


def _load(address: str, token: str) -> dict[str, list[float]]:
    """Milliseconds of every request by kind; any refusal ends the measurement."""
    measured: dict[str, list[float]] = {}
    failures: list[str] = []

    def person(user: int) -> None:
        rng = random.Random(user)
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"{address}/api/v1", headers=headers, timeout=60) as client:
            client.get("/auth/me")
            for kind, method, path, options in _requests(rng, user):
                begun = time.perf_counter()
                answer = client.request(method, path, **options)
                measured.setdefault(kind, []).append(1000 * (time.perf_counter() - begun))
                if answer.status_code >= 300:
                    failures.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")

    _together(person)
    if failures:
        raise SystemExit(f"{len(failures)} demandes refusées, par exemple {failures[0]}")
    return measured


def _bare_load(address: str) -> list[float]:
    measured: list[float] = []

    def person(_user: int) -> None:
        with httpx.Client(base_url=address, timeout=60) as client:
            client.get("/one")
            for _ in range(REQUESTS):
                begun = time.perf_counter()
                client.get("/one").raise_for_status()
                measured.append(1000 * (time.perf_counter() - begun))

    _together(person)
    return measured


def _together(person: Any) -> None:
    threads = [threading.Thread(target=person, args=(number,)) for number in range(USERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _report(measured: dict[str, list[float]], reference: list[float]) -> list[dict[str, Any]]:
    everything = [ms for values in measured.values() for ms in values]
    base = round(_p95(reference), 3)
    rows = [entry("p95_ms", _p95(everything), "ms", reference=base, lower_is_better=True)]
    for kind in sorted(measured):
        rows.append(entry(f"{kind}_p95_ms", _p95(measured[kind]), "ms", reference=base, lower_is_better=True))
        rows.append(entry(f"{kind}_median_ms", statistics.median(measured[kind]), "ms"))
    return rows
