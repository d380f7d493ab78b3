"""Everything of a workshop on this machine, each part a process of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg

from coordinator.kernel.pki import Pki
from infra.demo.errors import DemoError
from infra.demo.process import Service, environment, python, wait_until
from infra.demo.stations import MACHINE_CODE, StationUnit, ask, make_stations
from infra.embedded.broker import BrokerSettings, write_settings
from infra.embedded.errors import InfraError
from infra.embedded.ports import free_port, require_free_port
from infra.embedded.postgres import EmbeddedPostgres, libpq_url

HOST = "127.0.0.1"
DATABASE = "usinage"
START_TIMEOUT_S = 90.0


class Workshop:
    """Starts, watches and ends database, broker, coordinator, machine and stations below one folder."""

    def __init__(self, folder: Path, *, port: int | None = None, broker_port: int | None = None) -> None:
        self.folder = folder
        for asked, name in ((port, "API"), (broker_port, "courtier MQTT")):
            if asked is not None:
                require_free_port(asked, name, HOST)
        self.api_port = port or free_port(HOST)
        self.broker_port = broker_port or free_port(HOST)
        self.opcua_port = free_port(HOST)
        self.database = EmbeddedPostgres(folder / "postgres", max_connections=60)
        self.database_url = ""
        self.services: dict[str, Service] = {}
        self.stations: dict[str, StationUnit] = {}

    @property
    def api_url(self) -> str:
        """Address of the coordinator."""
        return f"http://{HOST}:{self.api_port}"

    @property
    def env(self) -> dict[str, str]:
        """Settings of the coordinator's processes."""
        return {
            "USINAGE_DATABASE_URL": self.database_url,
            "USINAGE_DATA_DIR": str(self.folder / "data"),
            "USINAGE_SECRETS_DIR": str(self.folder / "secrets"),
            "USINAGE_API_HOST": HOST,
            "USINAGE_API_PORT": str(self.api_port),
            "USINAGE_API_URL": self.api_url,
            "USINAGE_MQTT_HOST": HOST,
            "USINAGE_MQTT_PORT": str(self.broker_port),
            "USINAGE_DATABASE_POOL_SIZE": "5",
        }

    # start and end ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything in its order; when one part refuses, all that runs is ended. Raises ``DemoError``."""
        try:
            self._start()
        except InfraError as error:
            self.stop()
            raise DemoError(error.code, error.message) from error
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        for name in ("data", "secrets"):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        self.database_url = self.database.start(DATABASE)
        self._start_broker()
        migrate = self._service("migrate", "la mise à jour de la base", "coordinator.cli", "migrate")
        migrate.start()
        self._start_machine()
        if migrate.wait(START_TIMEOUT_S) != 0:
            raise DemoError(
                "demo.migration", f"La base de données n'a pas pu être préparée :{migrate.tail()}"
            )
        for name, label in (("serve", "l'API"), ("worker", "l'exécutant"), ("ingest", "la réception")):
            self._service(name, label, "coordinator.cli", name).start()
        self.stations = make_stations(self.folder / "stations", self.api_url, self.opcua_port)
        api = self.services["serve"]
        wait_until(self._answers, START_TIMEOUT_S, "L'API ne répond pas", api)
        for name in ("worker", "ingest", "machine"):
            self.services[name].require_running()

    def _service(self, name: str, label: str, *arguments: str, env: dict[str, str] | None = None) -> Service:
        log = self.folder / "logs" / f"{name}.log"
        service = Service(
            name, python(*arguments), self.folder, self.env if env is None else env, log, label=label
        )
        self.services[name] = service
        return service

    def _start_broker(self) -> None:
        pki = Pki.open_or_create(self.folder / "secrets" / "pki")
        server = pki.server_certificate("broker", ["localhost", HOST])
        pki.client_certificate("coordinator")
        settings = BrokerSettings(
            host=HOST, tls_port=self.broker_port, ca_file=str(pki.ca_file), cert_file=str(server.certificate),
            key_file=str(server.key), crl_file=str(pki.crl_file), state_file=str(self.folder / "broker.state.json"),
        )  # fmt: skip
        config = self.folder / "broker.yaml"
        write_settings(settings, config)
        self._service(
            "broker", "le courtier MQTT", "infra.embedded.broker", "--config", str(config), env={}
        ).start()
        self.wait_for_broker()

    def wait_for_broker(self) -> None:
        """Wait until the broker listens."""
        broker = self.services["broker"]

        def listens() -> bool:
            with contextlib.suppress(InfraError):
                require_free_port(self.broker_port, "courtier MQTT", HOST)
                return False
            return True

        wait_until(listens, START_TIMEOUT_S, "Le courtier MQTT ne démarre pas", broker)

    def _start_machine(self) -> None:
        port_file = self.folder / "machine.port"
        options = ("--name", MACHINE_CODE, "--opcua-port", str(self.opcua_port), "--control-port", "0")
        machine = self._service(
            "machine", "la machine simulée", "edge_agents.drivers.simulators.machine", *options, "--port-file",
            str(port_file), env={},
        )  # fmt: skip
        machine.start()
        wait_until(port_file.exists, START_TIMEOUT_S, "La machine simulée ne démarre pas", machine)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.api_url}/api/v1/health", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        """End every process and the database."""
        for unit in self.stations.values():
            unit.service.ask_to_stop()
        for service in self.services.values():
            if service.name != "broker":
                service.ask_to_stop()
        for unit in self.stations.values():
            unit.service.stop()
        for service in reversed(list(self.services.values())):
            service.stop()
        self.database.stop(force=True)

    # what the story does to it ----------------------------------------------------------------------------

    @property
    def mqtt_services(self) -> tuple[Service, ...]:
        """Processes a person would look at when messages do not arrive."""
        return (self.services["broker"], self.services["ingest"])

    def restart_broker(self, *, kill: bool = False) -> None:
        """End the broker, abruptly with ``kill``, and start it again on the same port and state."""
        self.stop_broker(kill=kill)
        self.start_broker()

    def stop_broker(self, *, kill: bool = False) -> None:
        """Cut the line between the stations and the coordinator."""
        broker = self.services["broker"]
        broker.kill() if kill else broker.stop()

    def start_broker(self) -> None:
        """Bring the line back."""
        self.services["broker"].start()
        self.wait_for_broker()

    def machine_order(self, **order: Any) -> dict[str, Any]:
        """Give an order to the simulated machine (see ``simulators.machine``). Raises ``DemoError`` when refused."""
        answer = ask(int((self.folder / "machine.port").read_text()), order)
        if not answer.get("ok"):
            raise DemoError("demo.machine", f"La machine simulée refuse {order} : {answer.get('message')}")
        return answer

    @contextlib.contextmanager
    def sql(self) -> Iterator[psycopg.Connection[Any]]:
        """Connection that looks at the database, as a witness beside the API."""
        with psycopg.connect(libpq_url(self.database_url), options="-c timezone=UTC") as connection:
            yield connection

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query of the witness."""
        with self.sql() as connection:
            return connection.execute(query, values).fetchall()

    def value(self, query: str, *values: Any) -> Any:
        """First value of a query of the witness, ``None`` without rows."""
        found = self.rows(query, *values)
        return found[0][0] if found else None

    def check(self) -> list[dict[str, Any]]:
        """Results of ``usinage check`` run on this installation."""
        done = subprocess.run(
            python("coordinator.cli", "check", "--json"), cwd=self.folder, env=environment(self.env), capture_output=True,
            text=True, check=False, timeout=START_TIMEOUT_S,
        )  # fmt: skip
        try:
            return list(json.loads(done.stdout))
        except ValueError as error:
            raise DemoError("demo.check", f"Le diagnostic ne répond pas : {done.stderr[-500:]}") from error

    def write_note(self, name: str, content: Any) -> Path:
        """Keep a JSON document of the story in the folder."""
        path = self.folder / name
        path.write_text(json.dumps(content, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
        return path


def in_background(function: Any, *arguments: Any) -> threading.Thread:
    """Run something beside the story (a live simulation)."""
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread
