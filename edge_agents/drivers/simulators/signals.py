"""Simulated input module with Modbus TCP, and the machine wired to it: stack light, pulses, shock sensor, current clamp.

``usinage agent simulate signals``; orders on the control port: ``light`` (green, yellow, red: on, off, blinking), ``pulse``
(pieces), ``shock`` (seconds), ``current`` (A), ``set`` (input, on), ``fail`` (on: the module answers no more), ``status``.
"""

from __future__ import annotations

import argparse
import asyncio
import struct
import time
from typing import Any

from edge_agents.drivers.modbus import READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT, WRITE_COIL
from edge_agents.drivers.simulators.tcp import TcpSimulator, options, run

INPUTS = {"green": 0, "yellow": 1, "red": 2, "parts": 3, "shock": 4, "power": 5}
CURRENT_REGISTER = 0
STOP_COIL = 8
_HEADER = struct.Struct(">HHHB")
_BLINK_S = 0.25


class SignalsSimulator(TcpSimulator):
    """Modbus TCP server; current in hundredths of an ampere in input register 0, the stop contact is coil 8."""

    def __init__(self, *, port: int = 0, control_port: int = 0) -> None:
        super().__init__(port, control_port, self.answer)
        self.discrete = [False] * 16
        self.coils = [False] * 16
        self.registers = [0] * 8
        self.discrete[INPUTS["power"]] = True
        self.is_failing = False
        self.connections = 0
        self._blinking: dict[str, asyncio.Task[None]] = {}
        self.stops = 0
        self.stop_at = 0.0

    async def __aexit__(self, *_: object) -> None:
        for task in self._blinking.values():
            task.cancel()
        await super().__aexit__()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while not self.is_failing:
            transaction, _, length, unit = _HEADER.unpack(await reader.readexactly(_HEADER.size))
            body = self._answer_modbus(await reader.readexactly(length - 1))
            writer.write(_HEADER.pack(transaction, 0, len(body) + 1, unit) + body)
            await writer.drain()

    def _answer_modbus(self, body: bytes) -> bytes:
        function, (address, value) = body[0], struct.unpack(">HH", body[1:5])
        bits = {READ_COILS: self.coils, READ_DISCRETE: self.discrete}.get(function)
        if bits is not None and address + value <= len(bits):
            packed = bytearray((value + 7) // 8)
            for index in range(value):
                packed[index // 8] |= bits[address + index] << (index % 8)
            return bytes([function, len(packed)]) + bytes(packed)
        if function in (READ_HOLDING, READ_INPUT) and address + value <= len(self.registers):
            return bytes([function, 2 * value]) + struct.pack(
                f">{value}H", *self.registers[address : address + value]
            )
        if function == WRITE_COIL and address < len(self.coils):
            self.coils[address] = value == 0xFF00
            if address == STOP_COIL and self.coils[address]:
                self.stops, self.stop_at = self.stops + 1, time.monotonic()
            return body[:5]
        return bytes([function | 0x80, 2])

    def light(self, name: str, level: str) -> None:
        """Sets one lamp to on, off or blinking."""
        task = self._blinking.pop(name, None)
        if task is not None:
            task.cancel()
        self.discrete[INPUTS[name]] = level == "on"
        if level == "blinking":
            self._blinking[name] = asyncio.ensure_future(self._blink(INPUTS[name]))

    async def _blink(self, index: int) -> None:
        while True:
            self.discrete[index] = not self.discrete[index]
            await asyncio.sleep(_BLINK_S)

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carries out one control request. Raises ``ValueError`` for an unknown one."""
        order = request.get("do")
        if order == "light":
            for name in ("green", "yellow", "red"):
                if name in request:
                    self.light(name, str(request[name]))
        elif order == "pulse":
            for _ in range(int(request.get("pieces", 1))):
                self.discrete[INPUTS["parts"]] = True
                await asyncio.sleep(float(request.get("seconds", 0.2)))
                self.discrete[INPUTS["parts"]] = False
                await asyncio.sleep(float(request.get("seconds", 0.2)))
        elif order == "shock":
            self.discrete[INPUTS["shock"]] = True
            await asyncio.sleep(float(request.get("seconds", 0.2)))
            self.discrete[INPUTS["shock"]] = False
        elif order == "current":
            self.registers[CURRENT_REGISTER] = round(float(request["value"]) * 100)
        elif order == "set":
            self.discrete[INPUTS[str(request["input"])]] = bool(request["on"])
        elif order == "fail":
            self.is_failing = bool(request.get("on", True))
        elif order != "status":
            raise ValueError(f"ordre inconnu : {order!r}")
        levels = {name: self.discrete[index] for name, index in INPUTS.items()}
        return {"ok": True, "port": self.port, "inputs": levels, "stop": self.coils[STOP_COIL]}


async def _serve(arguments: argparse.Namespace) -> None:
    async with SignalsSimulator(port=arguments.port, control_port=arguments.control_port) as simulator:
        print(f"modbus 127.0.0.1:{simulator.port} {simulator.places}", flush=True)
        await asyncio.Event().wait()


def main(arguments: list[str] | None = None) -> None:
    """Command line of the simulator."""
    parser = options("Module d'entrées Modbus TCP simulé, avec sa machine.", 5020, 5021, what="Modbus TCP")
    run(_serve, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
