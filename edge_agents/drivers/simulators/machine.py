"""Simulated machine tool behind a real OPC UA server, controlled through a local socket.

``usinage agent simulate opcua --space sinumerik``; one JSON object per line on the control port, its key ``do`` one of
``start_cycle`` (program, seconds, parts, tool), ``end_cycle`` (parts), ``abort_cycle``, ``load_peak``, ``alarm``, ``clear_alarm``, ``mode``,
``counter``, ``set``, ``drop``, ``accept`` (client certificates), ``freeze`` (values stop, the connection lives), ``status``.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_agents.drivers import opcua_names as ua
from edge_agents.drivers.local_api import LocalApi
from edge_agents.drivers.opcua_names import Node
from edge_agents.drivers.simulators import opcua_makers, opcua_space
from edge_agents.drivers.simulators.opcua_server import CountedServer, ServerSecurity, make_server

SPACES = ("opc40501", "vendor", "sinumerik", "heidenhain")
_STATES = {"Initializing": 0, "Running": 1, "Ended": 2, "Interrupted": 3, "Aborted": 4}
_MODES = {"manual": 0, "automatic": 1, "setup": 2, "auto_manual": 3, "service": 4, "other": 5}
_STANDARD_WORDS: dict[str, dict[Any, Any]] = {
    "program_state": {name.lower(): number for name, number in _STATES.items()},
    "channel_state": {"active": 0, "interrupted": 1, "reset": 2},
    "operation_mode": dict(_MODES),
}
_STEP_S = 0.1


class MachineSimulation:
    """Behaviour of the machine, independent of how its nodes were made; ``words`` are the control's own values."""

    def __init__(self, nodes: dict[str, Node], words: Mapping[str, Mapping[Any, Any]] | None = None) -> None:
        self._nodes = nodes
        self._words = _STANDARD_WORDS if words is None else words
        self._kinds: dict[str, ua.VariantType] = {}
        self.values: dict[str, Any] = {}
        self._cycle: asyncio.Task[None] | None = None
        self._peak_until = 0.0
        self._peak = 0.0
        self._random = random.Random(7)
        self.is_frozen = False
        self.wear = 0.0

    async def write(self, signal: str, value: Any) -> None:
        """Sets a signal with the present time, as a control does; a word becomes what this control calls it."""
        node = self._nodes.get(signal)
        if node is None or self.is_frozen:
            return
        if signal not in self._kinds:
            self._kinds[signal] = await node.read_data_type_as_variant_type()
        kind = self._kinds[signal]
        words = self._words.get(signal, {})
        raw = words[value] if isinstance(value, (str, bool)) and value in words else value
        if kind == ua.VariantType.LocalizedText and isinstance(raw, str):
            raw = ua.LocalizedText(raw)
        if kind == ua.VariantType.String and not isinstance(raw, str):
            raw = str(raw)
        self.values[signal] = value
        await node.write_value(ua.data_value(raw, kind, datetime.now(UTC)))

    async def _program_state(self, name: str) -> None:
        await self.write("program_state_text", name.capitalize())
        await self.write("program_state", name)

    async def start_cycle(self, program: str, seconds: float, parts: int, tool: int) -> None:
        """Runs one program; returns at once."""
        if self._cycle is not None and not self._cycle.done():
            raise ValueError("un cycle est déjà en cours")
        await self.write("program", program)
        await self.write("tool", tool)
        await self.write("operation_mode", "automatic")
        await self.write("spindle_rotating", True)
        await self.write("spindle_speed", 4200.0)
        await self.write("channel_state", "active")
        await self._program_state("running")
        self._cycle = asyncio.create_task(self._run_cycle(seconds, parts))

    async def _run_cycle(self, seconds: float, parts: int) -> None:
        await asyncio.sleep(seconds)
        await self._finish(parts)

    async def _finish(self, parts: int) -> None:
        await self._stop("ended")
        if parts:
            await self.write("part_count", int(self.values.get("part_count", 0)) + parts)

    async def _stop(self, state: str) -> None:
        await self._program_state(state)
        await self.write("channel_state", "reset")
        await self.write("spindle_rotating", False)
        await self.write("spindle_speed", 0.0)

    async def end_cycle(self, parts: int) -> None:
        """Ends the running program now, as if it had come to its end."""
        if self._cycle is not None:
            self._cycle.cancel()
        await self._finish(parts)

    async def cut_cycle(self) -> None:
        """Aborts the running program."""
        if self._cycle is not None:
            self._cycle.cancel()
        await self._stop("aborted")

    def load_peak(self, value: float, seconds: float) -> None:
        """Lets the spindle load jump for a moment."""
        self._peak, self._peak_until = value, asyncio.get_running_loop().time() + seconds

    async def breathe(self) -> None:
        """Moves the spindle load like a cut does, ten times a second, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            if now < self._peak_until:
                load = self._peak
            elif self.values.get("spindle_rotating"):
                load = 35.0 + self.wear + 8.0 * math.sin(now * 2) + self._random.uniform(-2, 2)
            else:
                load = 0.0
            if load != self.values.get("spindle_load"):
                await self.write("spindle_load", float(load))
            await asyncio.sleep(_STEP_S)


class SignalAlarms:
    """The one alarm of a space which shows it as two variables."""

    def __init__(self, simulator: MachineSimulator, is_number: bool) -> None:
        self._simulator = simulator
        self._is_number = is_number
        self.codes: list[str] = []

    async def prepare(self) -> None:
        """Nothing to make ready."""

    async def set(self, code: str, text: str, _severity: int, *, active: bool) -> None:
        """Raises or clears it."""
        machine = self._simulator.simulation
        self.codes = [code] if active else []
        if active:
            await machine.write("alarm_text", text)
        none: int | str = 0 if self._is_number else ""
        shown: int | str = int(code) if self._is_number else code
        await machine.write("alarm_code", shown if active else none)
        if not active:
            await machine.write("alarm_text", "")


class MachineSimulator:
    """OPC UA server plus control socket."""

    def __init__(
        self,
        *,
        name: str = "M01",
        serial_number: str = "SIM-0001",
        port: int = 0,
        control_port: int = 0,
        vendor: bool = False,
        space: str | None = None,
        security: ServerSecurity | None = None,
        max_sessions: int = 10,
        port_file: Path | None = None,
    ) -> None:
        self._name = name
        self._serial = serial_number
        self._space = space or ("vendor" if vendor else "opc40501")
        self._security = security
        self._max_sessions = max_sessions
        self._port = port
        self.server: Any = None
        self.sessions: CountedServer
        self.simulation = MachineSimulation({})
        self.alarms: Any = SignalAlarms(self, is_number=False)
        self.control = LocalApi(self.answer, control_port, port_file)
        self._breath: asyncio.Task[None] | None = None
        self._severities: dict[str, int] = {}

    @property
    def endpoint(self) -> str:
        path = "/HEIDENHAIN/NC" if self._space == "heidenhain" else ""
        return f"opc.tcp://127.0.0.1:{self._port}{path}"

    async def __aenter__(self) -> MachineSimulator:
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)
        if self._port == 0:
            from edge_agents.drivers.simulators.broker import free_port

            self._port = free_port()
        self.server, self.sessions = await make_server(
            self.endpoint, security=self._security, max_sessions=self._max_sessions
        )
        await self._build()
        await self.server.start()
        await self.control.__aenter__()
        self._breath = asyncio.create_task(self.simulation.breathe())
        return self

    async def _build(self) -> None:
        words: Mapping[str, Mapping[Any, Any]] = _STANDARD_WORDS
        if self._space == "sinumerik":
            nodes, self.alarms = await opcua_makers.build_sinumerik(self.server)
            words = opcua_makers.SINUMERIK_WORDS
        elif self._space == "heidenhain":
            nodes, self.alarms = await opcua_makers.build_heidenhain(self.server)
            words = opcua_makers.HEIDENHAIN_WORDS
        elif self._space == "vendor":
            nodes = await opcua_space.build_vendor(self.server)
            self.alarms, words = SignalAlarms(self, is_number=True), {}
        else:
            nodes = await opcua_space.build(self.server, self._name, self._serial)
        await self.alarms.prepare()
        self.simulation = MachineSimulation(nodes, words)

    async def __aexit__(self, *_: object) -> None:
        if self._breath is not None:
            self._breath.cancel()
        await self.control.__aexit__()
        await self.server.stop()

    def drop_connections(self) -> int:
        """Cuts every client's socket without a goodbye; returns how many."""
        transports = list(self.server.iserver.asyncio_transports)
        for transport in transports:
            transport.abort()
        return len(transports)

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carries out one control request. Raises ``ValueError`` for an unknown one."""
        machine, order = self.simulation, request.get("do")
        if order == "start_cycle":
            await machine.start_cycle(
                str(request.get("program", "O1042")),
                float(request.get("seconds", 2)),
                int(request.get("parts", 1)),
                int(request.get("tool", 12)),
            )
        elif order == "end_cycle":
            await machine.end_cycle(int(request.get("parts", 1)))
        elif order == "abort_cycle":
            await machine.cut_cycle()
        elif order == "load_peak":
            machine.load_peak(float(request.get("value", 160)), float(request.get("seconds", 0.5)))
        elif order in ("alarm", "clear_alarm"):
            await self._alarm(request, active=order == "alarm")
        elif order == "mode":
            await machine.write("operation_mode", str(request["mode"]))
        elif order == "counter":
            await machine.write("part_count", int(request["value"]))
        elif order == "set":
            await machine.write(str(request["signal"]), request["value"])
        elif order == "freeze":
            machine.is_frozen = bool(request.get("on", True))
        elif order == "drop":
            return {"ok": True, "dropped": self.drop_connections()}
        elif order == "accept":
            return {"ok": True, "accepted": self._security.accept() if self._security is not None else 0}
        elif order != "status":
            raise ValueError(f"ordre inconnu : {order!r}")
        shown = {key: str(value) for key, value in machine.values.items()}
        counted = {"created": self.sessions.created, "open": self.sessions.open_sessions}
        return {"ok": True, "endpoint": self.endpoint, "values": shown, "sessions": counted}

    async def _alarm(self, request: dict[str, Any], *, active: bool) -> None:
        severity = int(request.get("severity", 1000))
        known = self.alarms.codes
        codes = [str(request["code"])] if "code" in request else (["700123"] if active else list(known))
        for code in codes:
            await self.alarms.set(
                code, str(request.get("text", "Pression d'huile basse")), severity, active=active
            )
            self._severities[code] = severity if active else 0
        worst = max(self._severities.values(), default=0)
        words = "stop" if worst >= 700 else "warning" if worst else "none"
        await self.simulation.write("alarm_state", words)


async def serve(arguments: argparse.Namespace) -> None:
    """Runs the simulator until it is ended."""
    security = None
    if arguments.secure is not None:
        users = dict([arguments.user.split(":", 1)]) if arguments.user else {}
        security = ServerSecurity(arguments.secure, users=users, is_anonymous_allowed=not users)
    simulator = MachineSimulator(
        name=arguments.name,
        port=arguments.opcua_port,
        control_port=arguments.control_port,
        space="vendor" if arguments.vendor else arguments.space,
        security=security,
        port_file=arguments.port_file,
    )
    async with simulator:
        print(f"{simulator.endpoint} contrôle 127.0.0.1:{simulator.control.port}", flush=True)
        if security is not None:
            print(f"certificat du serveur SHA-256 {security.fingerprint()}", flush=True)
        await asyncio.Event().wait()


def parser() -> argparse.ArgumentParser:
    """Options of the simulator."""
    found = argparse.ArgumentParser(description="Machine-outil simulée avec serveur OPC UA.")
    found.add_argument("--name", default="M01", help="nom de la machine")
    found.add_argument("--opcua-port", type=int, default=4840, help="port du serveur OPC UA (0 : libre)")
    found.add_argument("--control-port", type=int, default=4841, help="port de commande local (0 : libre)")
    found.add_argument("--port-file", type=Path, help="fichier où écrire le port de commande")
    found.add_argument("--space", choices=SPACES, default="opc40501", help="espace d'adresses")
    found.add_argument("--vendor", action="store_true", help="comme --space vendor")
    found.add_argument(
        "--secure", type=Path, help="dossier des certificats : signature et chiffrement exigés"
    )
    found.add_argument("--user", help="utilisateur:mot-de-passe exigé (avec --secure)")
    return found


def main(arguments: list[str] | None = None) -> None:
    """Command line of the simulator."""
    try:
        asyncio.run(serve(parser().parse_args(arguments)))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
