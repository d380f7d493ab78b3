"""Start of the coordinator's processes: API, worker, ingest, migration."""

from __future__ import annotations

import asyncio
import signal
import ssl
import threading
from typing import Any

import structlog

from coordinator.bootstrap import make_factory, seed
from coordinator.kernel.config import Config, get_config
from coordinator.kernel.log import configure_logging
from coordinator.kernel.pki import Pki

_log = structlog.get_logger(__name__)


def _prepare() -> Config:
    config = get_config()
    configure_logging(config.log_level, json=config.log_json)
    if not config.database_url:
        raise SystemExit("USINAGE_DATABASE_URL manque : indiquez l'adresse de la base de données.")
    return config


def run_api(host: str | None, port: int | None, *, skip_tests: bool = False) -> int:
    """Serve HTTP until stopped; refuses to open to users when a mandatory check fails (OPS-49, OPS-50)."""
    import uvicorn

    from coordinator.gateway.app import create_app
    from coordinator.selfcheck import run_checks

    config = _prepare()
    failed = [c for c in run_checks(mandatory_only=True) if c["status"] == "failed"]
    if failed and not skip_tests:
        for check in failed:
            _log.error("check failed", check=check["code"], detail=check["detail"])
        return 1
    app = create_app(make_factory(config))
    uvicorn.run(
        app, host=host or config.api_host, port=port or config.api_port, log_config=None, access_log=False
    )
    return 0


def run_worker() -> int:
    """Run background jobs and outbox deliveries until stopped; a job interrupted by a crash is taken up again."""
    import procrastinate

    from coordinator.kernel.jobs import make_app

    config = _prepare()
    factory = make_factory(config)
    url = config.database_url.replace("postgresql+psycopg://", "postgresql://")
    app = make_app(factory, procrastinate.PsycopgConnector(conninfo=url))

    async def work() -> None:
        async with app.open_async():
            await app.run_worker_async(
                concurrency=2, install_signal_handlers=True, listen_notify=True, delete_jobs="never"
            )

    asyncio.run(work())
    return 0


def broker_tls(config: Config) -> ssl.SSLContext | None:
    """TLS of the coordinator towards the broker, with its own client certificate."""
    if not config.mqtt_tls:
        return None
    paths = Pki.open_or_create(config.pki_dir).client_certificate("coordinator")
    context = ssl.create_default_context(cafile=str(Pki.open_or_create(config.pki_dir).ca_file))
    context.load_cert_chain(str(paths.certificate), str(paths.key))
    return context


def run_ingest() -> int:
    """Receive stations' messages until stopped."""
    from coordinator.gateway.ingest import Ingest, spare_collector

    config = _prepare()
    factory = make_factory(config)
    spare_collector()
    ingest = Ingest(factory, tls=broker_tls(config))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ingest.start()
    stop.wait()
    ingest.stop()
    return 0


def run_migrations() -> dict[str, Any]:
    """Bring the schema and the reference data up to date."""
    from coordinator.migrations.migrate import upgrade

    config = _prepare()
    revision = upgrade(config.database_url)
    seed(make_factory(config))
    return {"revision": revision}
