"""``usinage agent check``: connects one machine driver for some seconds and shows what it reads (commissioning)."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge_agents.drivers.base import DriverContext, DriverError
from edge_agents.drivers.local_api import ask
from edge_agents.drivers.machine.config import MachineConfig
from edge_agents.drivers.machine.driver import MachineDriver
from edge_agents.drivers.registry import driver_class, parse_config
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.reference import ReferenceCache
from edge_agents.runtime.station import StationFile

Say = Callable[[str], None]


async def check(station: StationFile, name: str, seconds: float, say: Say) -> bool:
    """Runs the driver beside the station, recording nothing; whether it read the machine without fault.

    It only reads: the stop output, the cameras and the port of the running station stay alone.
    Raises ``ValueError`` for a driver which is none of a machine.
    """
    values = _driver(station, name)
    config = parse_config(values)
    if not isinstance(config, MachineConfig):
        raise ValueError(f"{name} n'est pas un pilote de machine")
    reading: dict[str, Any] = {
        "collision_response": "log", "stop_output": None, "cameras": (), "socket_port": None,
    }  # fmt: skip
    config = config.model_copy(update=reading)
    statuses: list[tuple[str, str | None]] = []
    told: list[tuple[str, dict[str, Any]]] = []

    async def emit(event_type: str, payload: dict[str, Any], **_more: Any) -> Any:
        told.append((event_type, payload))

    real = station.data_dir / "drivers" / name
    if values["type"] == "opcua_machine":
        _certificate(config, real, say)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / name
        directory.mkdir()
        if (real / "pki").is_dir():
            (directory / "pki").symlink_to((real / "pki").resolve())
        clock = Clock("yes")
        context = DriverContext(
            name,
            directory,
            emit,
            lambda s, d: statuses.append((s, d)),
            clock,
            ReferenceCache(directory, clock),
        )
        driver: MachineDriver[Any] = driver_class(values["type"])(config, context)  # type: ignore[assignment]
        work = asyncio.create_task(driver.run())
        try:
            await asyncio.wait([work], timeout=seconds)
            if work.done() and (error := work.exception()) is not None:
                raise DriverError("check.failed", str(error)) from error
            _show(driver, statuses, told, say)
            return driver.tracker.state != "unknown" and bool(statuses) and statuses[-1][0] == "ok"
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


def _driver(station: StationFile, name: str) -> dict[str, Any]:
    drivers: dict[str, Any] = station.config.get("drivers", {})
    if name not in drivers:
        raise ValueError(f"pilote {name} absent du fichier (présents : {', '.join(drivers)})")
    found: dict[str, Any] = drivers[name]
    return found


def _certificate(config: Any, directory: Path, say: Say) -> None:
    from edge_agents.drivers.opcua_machine.security import own_certificate

    if config.security != "none":
        own = own_certificate(config, directory)
        say(f"Certificat de l'agent : {own.words()}")


def _show(driver: MachineDriver[Any], statuses: list[Any], told: list[Any], say: Say) -> None:
    say(f"État : {driver.tracker.state}")
    for signal in driver.specs:
        value = driver.tracker.values.get(signal)
        unit = driver.specs[signal].unit
        say(f"  {signal:18} {'—' if value is None else value} {unit}".rstrip())
    for alarm in driver.tracker.alarms.values():
        say(f"  alarme {alarm.code} : {alarm.text}")
    for kind, payload in told:
        if kind == "health.alert":
            say(f"Attention : {payload['message']}")
    if statuses and statuses[-1][0] != "ok":
        say(f"Défaut : {statuses[-1][1]}")


async def request(station: StationFile, name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Asks a running driver of this station. Raises ``ValueError`` in French."""
    try:
        port = int((station.data_dir / "drivers" / name / "local_api.port").read_text())
        answer = await ask(port, values)
    except (OSError, TimeoutError):
        raise ValueError(f"la station ne tourne pas, ou {name} n'a pas de socket_port") from None
    if not answer.get("ok"):
        raise ValueError(str(answer.get("message")))
    return answer


async def judge(
    station: StationFile, name: str, verdict: str, incident: str | None, comment: str | None
) -> str:
    """Hands a person's judgement of an incident to the running agent; a French sentence. Raises ``ValueError``."""
    answer = await request(station, name, {"judge": verdict, "incident_uid": incident, "comment": comment})
    counters = answer["counters"]
    return (
        f"Enregistré. Arrêts : {counters['stops']}, faux : {counters['false_stops']}, chocs manqués : {counters['missed']} "
        f"en {counters['window_days']:g} jours ; réponse : {counters['response']}."
    )
