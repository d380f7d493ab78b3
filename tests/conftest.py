"""Shared fixtures: a real PostgreSQL, one database per worker, one rolled-back transaction per test."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

from coordinator.bootstrap import registry, seed
from coordinator.kernel.config import Config
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.db import make_engine
from coordinator.kernel.registry import RIGHTS
from infra.embedded.databases import create_test_database, drop_test_database, ensure_template
from infra.embedded.postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[1]


def shared_data() -> Path:
    """Folder of the real inputs kept outside the project."""
    return Path(os.environ.get("USINAGE_SHARED", ROOT.parent / "shared")) / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real inputs; the test is skipped where they are missing."""
    folder = shared_data()
    if not folder.is_dir():
        pytest.skip("shared data missing: set USINAGE_SHARED")
    return folder


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the test server, one for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "pg"
    server = EmbeddedPostgres(folder, durable=False)
    yield server.start()
    server.stop()


def _build(url: str) -> None:
    from coordinator.migrations.migrate import upgrade

    upgrade(url)
    engine = make_engine(url)
    config = Config(database_url=url)
    seed(ContextFactory(sessionmaker(engine, expire_on_commit=False), registry(), config))
    engine.dispose()


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """Migrated and seeded template database."""
    from coordinator.migrations.migrate import FOLDER

    history = b"".join(p.read_bytes() for p in sorted((FOLDER / "versions").glob("*.*")))
    name = "usinage_test_template_" + hashlib.sha256(history).hexdigest()[:12]
    ensure_template(postgres, name, _build)
    return name


@pytest.fixture(scope="session")
def worker_database(postgres: str, template: str) -> Iterator[str]:
    """Database of this worker."""
    url = create_test_database(postgres, template)
    yield url
    drop_test_database(url, postgres)


@pytest.fixture
def config(tmp_path: Path, worker_database: str) -> Config:
    """Process configuration with throw-away folders."""
    return Config(database_url=worker_database, data_dir=tmp_path / "data", secrets_dir=tmp_path / "secrets")


@pytest.fixture
def factory(config: Config) -> Iterator[ContextFactory]:
    """Units of work inside one outer transaction that is rolled back at the end of the test."""
    engine = create_engine(config.database_url, connect_args={"options": "-c timezone=UTC"})
    with engine.connect() as connection:
        outer = connection.begin()
        sessions = sessionmaker(connection, expire_on_commit=False, join_transaction_mode="create_savepoint")
        yield ContextFactory(sessions, registry(), config)
        outer.rollback()
    engine.dispose()


@pytest.fixture
def fresh_factory(postgres: str, template: str, tmp_path: Path) -> Iterator[ContextFactory]:
    """Units of work on a database of the test's own, with real commits (threads, processes, NOTIFY)."""
    url = create_test_database(postgres, template)
    engine = make_engine(url)
    config = Config(database_url=url, data_dir=tmp_path / "data", secrets_dir=tmp_path / "secrets")
    yield ContextFactory(sessionmaker(engine, expire_on_commit=False), registry(), config)
    engine.dispose()
    drop_test_database(url, postgres)


def master() -> Principal:
    """Somebody with every right, without an account."""
    return Principal(kind="user", name="test", is_master=True)


def person(*permissions: str, **kwargs: Any) -> Principal:
    """Somebody with the given ``module:right`` or ``module:*`` permissions, scope ``all``."""
    rights: dict[tuple[str, str], str] = {}
    for permission in permissions:
        module, _, right = permission.partition(":")
        for one in RIGHTS if right == "*" else (right,):
            rights[module, one] = "all"
    return Principal(kind="user", name="personne", rights=rights, **kwargs)


@pytest.fixture
def open_as(factory: ContextFactory) -> Callable[..., Any]:
    """``with open_as(principal) as ctx`` — a unit of work of that principal."""
    return factory.open


@pytest.fixture
def ctx(factory: ContextFactory) -> Iterator[Context]:
    """Unit of work with every right."""
    with factory.open(master()) as context:
        yield context


@pytest.fixture
def session(ctx: Context) -> Session:
    """Its session."""
    return ctx.session


@pytest.fixture(scope="session")
def application() -> Any:
    """The real HTTP application, built once; its database is set per test."""
    from coordinator.gateway.app import create_app

    engine = create_engine("postgresql+psycopg://")
    config = Config(database_url="postgresql+psycopg://")
    return create_app(ContextFactory(sessionmaker(engine), registry(), config))


@pytest.fixture
def api(factory: ContextFactory, application: Any) -> Iterator[Callable[[Principal | None], Any]]:
    """``api(principal)`` — an HTTP client acting as that principal without a token; ``api(None)`` signs in for real."""
    from fastapi.testclient import TestClient

    from coordinator.gateway.authentication import authenticate

    principals: dict[str, Principal] = {}

    def recognise(context: Context, request: Any) -> Principal:
        found = principals.get(request.headers.get("x-test-principal", ""))
        return found if found is not None else authenticate(context, request)

    application.state.factory = factory
    application.state.authenticate = recognise
    clients = []

    def build(principal: Principal | None = None) -> TestClient:
        headers = {}
        if principal is not None:
            key = str(len(principals))
            principals[key] = principal
            headers = {"x-test-principal": key}
        client = TestClient(application, raise_server_exceptions=True, headers=headers)
        clients.append(client)
        return client

    yield build
    for client in clients:
        client.close()
