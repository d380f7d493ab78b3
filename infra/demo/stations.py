"""The three stations of the demo: their folders, their processes, the way a person speaks with them."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edge_agents.drivers import local_api
from infra.demo.errors import DemoError
from infra.demo.process import ROOT, Service, python

_TEMPLATES = ROOT / "firmware_configs" / "stations"
_CODE = re.compile(r"Code de la station : (\S+)")
MACHINE_CODE = "TCN-200"


def ask(port: int, request: dict[str, Any], *, timeout_s: float = 30.0) -> dict[str, Any]:
    """One request to a local API (``edge_agents.drivers.local_api``)."""
    return asyncio.run(local_api.ask(port, request, timeout_s=timeout_s))


@dataclass
class StationUnit:
    """One station: ``key`` in the story, ``driver`` with the local API, ``config`` it shall get from the coordinator."""

    key: str
    name: str
    kind: str
    driver: str
    folder: Path
    service: Service
    config: dict[str, Any]
    station_id: int = 0
    code: str = ""

    @property
    def data(self) -> Path:
        """Folder of journal, identity, configuration, drivers."""
        return self.folder / "data"

    def claim_code(self) -> str | None:
        """Code the station shows on its screen while it waits for admission."""
        if not self.service.log.exists():
            return None
        found = _CODE.findall(self.service.log.read_text(encoding="utf-8", errors="replace"))
        return found[-1] if found else None

    def port(self, timeout_s: float = 30.0) -> int:
        """Port of its local API. Raises ``DemoError`` when the driver does not run."""
        file = self.data / "drivers" / self.driver / "local_api.port"
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if file.exists():
                port = int(file.read_text() or 0)
                try:
                    ask(port, {"status": 1}, timeout_s=5)
                    return port
                except (OSError, ValueError, TimeoutError):
                    pass  # the file of a killed process names a port nobody listens on
            self.service.require_running()
            time.sleep(0.2)
        raise DemoError("demo.station_silent", f"{self.name} ne répond pas :{self.service.tail()}")

    def ask(self, **request: Any) -> dict[str, Any]:
        """Scan, press a button, open a door… and read the answer."""
        return ask(self.port(), request)

    def journal_counts(self) -> dict[str, int]:
        """Events and telemetry messages given a number so far, by the station's own journal."""
        return {stream: last for stream, (last, _acked) in self._streams().items()}

    def waiting(self) -> dict[str, int]:
        """Messages of each stream the coordinator has not acknowledged."""
        return {stream: last - acked for stream, (last, acked) in self._streams().items()}

    def _streams(self) -> dict[str, tuple[int, int]]:
        rows = self._journal(
            lambda db: db.execute("SELECT stream, last_seq, acked_seq FROM stream").fetchall()
        )
        return {stream: (last, acked) for stream, last, acked in rows}

    def event_ids(self) -> set[str]:
        """Identifiers of the events in the journal."""
        query = "SELECT message_id FROM message WHERE stream = 'event'"
        return {row[0] for row in self._journal(lambda db: db.execute(query).fetchall())}

    def _journal(self, read: Callable[[sqlite3.Connection], list[Any]]) -> list[Any]:
        path = self.data / "journal" / "journal.db"
        if not path.exists():
            raise DemoError("demo.no_journal", f"{self.name} n'a pas de journal.")
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
        try:
            return read(db)
        finally:
            db.close()


def make_stations(folder: Path, api_url: str, opcua_port: int) -> dict[str, StationUnit]:
    """Write the files of the three stations; none is started."""
    units = {}
    for key, kind, driver, name in (
        ("scan", "scan_station", "scanner", "Poste de scan atelier"),
        ("cabinet", "cabinet_camera", "cabinet", "Armoire à outils A"),
        ("machine", "machine_agent", "machine", "Agent du tour CN"),
    ):
        units[key] = _make(folder / key, key, kind, driver, name, api_url, opcua_port)
    return units


def _make(
    folder: Path, key: str, kind: str, driver: str, name: str, api_url: str, opcua_port: int
) -> StationUnit:
    folder.mkdir(parents=True)
    station = yaml.safe_load((_TEMPLATES / f"{kind}.yaml").read_text(encoding="utf-8"))
    station |= {"api_url": api_url, "config_trial_s": 3, "trust_clock": "yes"}
    station["link"] = {"min_delay_s": 0.3, "max_delay_s": 2, "ack_timeout_s": 8, "keepalive_s": 10}
    first = station["config"]
    first["health_interval_s"] = 5
    driver_config = first["drivers"][driver]
    if key == "scan":
        driver_config |= {"duplicate_s": 0.5, "logout_s": 3600}
    elif key == "cabinet":
        _paint_cabinet(folder)
    else:
        driver_config |= {
            "machine_code": MACHINE_CODE, "endpoint": f"opc.tcp://127.0.0.1:{opcua_port}", "sampling_ms": 100,
            "batch_s": 1, "min_delay_s": 0.3, "max_delay_s": 2, "settle_s": 0.3,
        }  # fmt: skip
    # What the coordinator wants is told from what the station came with by the health interval.
    desired = json.loads(json.dumps(first)) | {"health_interval_s": 2}
    path = folder / "STATION.yaml"
    path.write_text(yaml.safe_dump(station, allow_unicode=True), encoding="utf-8")
    log = folder / "station.log"
    service = Service(
        f"station-{key}", python("coordinator.cli", "agent", "run", str(path)), folder, {}, log, label=name
    )
    return StationUnit(key, name, kind, driver, folder, service, desired)


def _paint_cabinet(folder: Path) -> None:
    from edge_agents.drivers.simulators import cabinet

    cabinet.write_station(folder)


def photograph(unit: StationUnit, content: dict[str, int], number: int) -> None:
    """Put before the camera what the cabinet looks like with ``content``, with the light and shake of that moment."""
    import cv2

    from edge_agents.drivers.simulators import cabinet

    frames = unit.folder / "frames"
    look = cabinet.SceneLook(
        seed=number + 2, light=1.0 - 0.02 * (number % 4), shift_px=(number % 3 - 1.0, 0.5)
    )
    temporary = frames / "next.tmp"
    ok, data = cv2.imencode(".png", cabinet.render(content, look))
    if not ok:
        raise DemoError("demo.render", "La scène de l'armoire n'a pas pu être dessinée.")
    temporary.write_bytes(data.tobytes())
    temporary.replace(frames / f"{number + 10:06d}.png")
    for old in sorted(frames.glob("*.png"))[:-3]:
        old.unlink()
