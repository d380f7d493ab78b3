"""Simulated machine tool behind a real OPC UA server, controlled through a local socket.

``python -m edge_agents.drivers.simulators.machine --opcua-port 4840 --control-port 4841``; one JSON object
per line on the control port, its key ``do`` one of ``start_cycle`` (program, seconds, parts, tool),
``abort_cycle``, ``load_peak``, ``alarm``, ``clear_alarm``, ``mode``, ``counter``, ``set``, ``drop``, ``status``.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge_agents.drivers import opcua_names as ua
from edge_agents.drivers.local_api import LocalApi
from edge_agents.drivers.opcua_names import Node, Server
from edge_agents.drivers.simulators import opcua_space

_STATES = ("Initializing", "Running", "Ended", "Interrupted", "Aborted")
_MODES = {"manual": 0, "automatic": 1, "setup": 2, "auto_manual": 3, "service": 4, "other": 5}
_STEP_S = 0.1


class MachineSimulation:
    """Behaviour of the machine, independent of how its nodes were made."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self._nodes = nodes
        self._kinds: dict[str, ua.VariantType] = {}
        self.values: dict[str, Any] = {}
        self._cycle: asyncio.Task[None] | None = None
        self._peak_until = 0.0
        self._peak = 0.0
        self._random = random.Random(7)

    async def write(self, signal: str, value: Any) -> None:
        """Sets a signal with the present time, as a control does."""
        node = self._nodes.get(signal)
        if node is None:
            return
        if signal not in self._kinds:
            self._kinds[signal] = await node.read_data_type_as_variant_type()
        self.values[signal] = value
        stamp = datetime.now(UTC)
        await node.write_value(ua.data_value(value, self._kinds[signal], stamp))

    async def _program_state(self, number: int) -> None:
        await self.write("program_state_text", ua.LocalizedText(_STATES[number]))
        await self.write("program_state", number)

    async def start_cycle(self, program: str, seconds: float, parts: int, tool: int) -> None:
        """Runs one program; returns at once."""
        if self._cycle is not None and not self._cycle.done():
            raise ValueError("un cycle est déjà en cours")
        await self.write("program", program)
        await self.write("tool", tool)
        await self.write("operation_mode", _MODES["automatic"])
        await self.write("spindle_rotating", True)
        await self.write("spindle_speed", 4200.0)
        await self.write("channel_state", 0)
        await self._program_state(1)
        self._cycle = asyncio.create_task(self._run_cycle(seconds, parts))

    async def _run_cycle(self, seconds: float, parts: int) -> None:
        await asyncio.sleep(seconds)
        await self._stop(2)
        await self.write("part_count", int(self.values.get("part_count", 0)) + parts)

    async def _stop(self, state: int) -> None:
        await self._program_state(state)
        await self.write("channel_state", 2)
        await self.write("spindle_rotating", False)
        await self.write("spindle_speed", 0.0)

    async def cut_cycle(self) -> None:
        """Aborts the running program."""
        if self._cycle is not None:
            self._cycle.cancel()
        await self._stop(4)

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
                load = 35.0 + 8.0 * math.sin(now * 2) + self._random.uniform(-2, 2)
            else:
                load = 0.0
            if load != self.values.get("spindle_load"):
                await self.write("spindle_load", float(load))
            await asyncio.sleep(_STEP_S)


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
        port_file: Path | None = None,
    ) -> None:
        self._name = name
        self._serial = serial_number
        self._vendor = vendor
        self._port = port
        self.server = Server()
        self.simulation = MachineSimulation({})
        self.control = LocalApi(self.answer, control_port, port_file)
        self._breath: asyncio.Task[None] | None = None

    @property
    def endpoint(self) -> str:
        return f"opc.tcp://127.0.0.1:{self._port}"

    async def __aenter__(self) -> MachineSimulator:
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)
        if self._port == 0:
            from edge_agents.drivers.simulators.broker import free_port

            self._port = free_port()
        await self.server.init()
        self.server.set_endpoint(self.endpoint)
        self.server.set_server_name("gestion-usinage simulator")
        self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        if self._vendor:
            nodes = await opcua_space.build_vendor(self.server)
        else:
            nodes = await opcua_space.build(self.server, self._name, self._serial)
        self.simulation = MachineSimulation(nodes)
        await self.server.start()
        await self.control.__aenter__()
        self._breath = asyncio.create_task(self.simulation.breathe())
        return self

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
        elif order == "abort_cycle":
            await machine.cut_cycle()
        elif order == "load_peak":
            machine.load_peak(float(request.get("value", 160)), float(request.get("seconds", 0.5)))
        elif order == "alarm":
            await machine.write("alarm_text", str(request.get("text", "Pression d'huile basse")))
            await machine.write("alarm_code", request.get("code", 700123 if self._vendor else "700123"))
        elif order == "clear_alarm":
            await machine.write("alarm_code", 0 if self._vendor else "")
            await machine.write("alarm_text", "")
        elif order == "mode":
            await machine.write("operation_mode", _MODES[str(request["mode"])])
        elif order == "counter":
            await machine.write("part_count", int(request["value"]))
        elif order == "set":
            await machine.write(str(request["signal"]), request["value"])
        elif order == "drop":
            return {"ok": True, "dropped": self.drop_connections()}
        elif order != "status":
            raise ValueError(f"ordre inconnu : {order!r}")
        shown = {key: str(value) for key, value in machine.values.items()}
        return {"ok": True, "endpoint": self.endpoint, "values": shown}


async def _serve(arguments: argparse.Namespace) -> None:
    simulator = MachineSimulator(
        name=arguments.name,
        port=arguments.opcua_port,
        control_port=arguments.control_port,
        vendor=arguments.vendor,
        port_file=arguments.port_file,
    )
    async with simulator:
        print(f"{simulator.endpoint} contrôle 127.0.0.1:{simulator.control.port}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Command line of the simulator."""
    parser = argparse.ArgumentParser(description="Machine-outil simulée avec serveur OPC UA.")
    parser.add_argument("--name", default="M01", help="nom de la machine")
    parser.add_argument("--opcua-port", type=int, default=4840, help="port du serveur OPC UA (0 : libre)")
    parser.add_argument("--control-port", type=int, default=4841, help="port de commande local (0 : libre)")
    parser.add_argument("--port-file", type=Path, help="fichier où écrire le port de commande")
    parser.add_argument("--vendor", action="store_true", help="espace d'adresses propre au constructeur")
    try:
        asyncio.run(_serve(parser.parse_args()))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
