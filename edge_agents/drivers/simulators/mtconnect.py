"""Simulated MTConnect agent with one machine: real HTTP, real documents of any version from 1.3 to 2.x.

``usinage agent simulate mtconnect``; the control port takes the orders of the OPC UA machine: ``start_cycle``, ``end_cycle``,
``abort_cycle``, ``load_peak``, ``alarm``, ``clear_alarm``, ``counter``, ``set`` (item, value), ``drop`` (cuts the streams),
``restart`` (a new instance with an empty buffer), ``status``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape, quoteattr

from edge_agents.drivers.simulators.tcp import TcpSimulator, options, run

_BOUNDARY = "usinage-simulated-boundary"
_ITEMS: dict[str, tuple[str, str, str, str, str]] = {
    # id: category, type, sub-type, component, name of the element in streams
    "avail": ("EVENT", "AVAILABILITY", "", "device", "Availability"),
    "estop": ("EVENT", "EMERGENCY_STOP", "", "controller", "EmergencyStop"),
    "system": ("CONDITION", "SYSTEM", "", "controller", "Condition"),
    "logic": ("CONDITION", "LOGIC_PROGRAM", "", "path", "Condition"),
    "mode": ("EVENT", "CONTROLLER_MODE", "", "path", "ControllerMode"),
    "exec": ("EVENT", "EXECUTION", "", "path", "Execution"),
    "pgm": ("EVENT", "PROGRAM", "", "path", "Program"),
    "line": ("EVENT", "LINE_NUMBER", "ABSOLUTE", "path", "LineNumber"),
    "parts": ("EVENT", "PART_COUNT", "ALL", "path", "PartCount"),
    "tool": ("EVENT", "TOOL_NUMBER", "", "path", "ToolNumber"),
    "fovr": ("EVENT", "PATH_FEEDRATE_OVERRIDE", "PROGRAMMED", "path", "PathFeedrateOverride"),
    "rovr": ("EVENT", "PATH_FEEDRATE_OVERRIDE", "RAPID", "path", "PathFeedrateOverride"),
    "sspeed": ("SAMPLE", "ROTARY_VELOCITY", "ACTUAL", "spindle", "RotaryVelocity"),
    "sload": ("SAMPLE", "LOAD", "", "spindle", "Load"),
    "xload": ("SAMPLE", "LOAD", "", "x", "Load"),
}
_START = {
    "avail": "AVAILABLE", "estop": "ARMED", "mode": "AUTOMATIC", "exec": "READY", "pgm": "", "line": "0", "parts": "0",
    "tool": "0", "fovr": "100", "rovr": "100", "sspeed": "0", "sload": "0", "xload": "0",
}  # fmt: skip


@dataclass
class _Entry:
    sequence: int
    item: str
    text: str
    at: str
    level: str = ""
    code: str = ""


@dataclass
class SimulatedAgent:
    """Buffer and documents of an agent; ``version`` such as "1.3" or "2.2"."""

    version: str = "1.7"
    device: str = "VMC-1"
    buffer_size: int = 4096
    instance: int = 1_700_000_000
    entries: deque[_Entry] = field(default_factory=deque)
    next: int = 1
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        for item, text in _START.items():
            self.put(item, text)
        for item in ("system", "logic"):
            self.put(item, "", level="Normal")

    def put(self, item: str, text: str, *, level: str = "", code: str = "") -> None:
        """A new observation."""
        at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        self.entries.append(_Entry(self.next, item, text, at, level, code))
        self.next += 1
        while len(self.entries) > self.buffer_size:
            self.entries.popleft()
        self.changed.set()

    def value(self, item: str) -> str:
        """Last value of an item."""
        return next(
            (entry.text for entry in reversed(self.entries) if entry.item == item), _START.get(item, "")
        )

    @property
    def first(self) -> int:
        return self.entries[0].sequence if self.entries else self.next

    def restart(self) -> None:
        """A new instance: numbers begin again."""
        values = {item: self.value(item) for item in _START}
        self.instance += 1
        self.entries.clear()
        self.next = 1
        for item, text in values.items():
            self.put(item, text)

    # documents ------------------------------------------------------------------------------------------------

    def _document(self, kind: str, header: str, body: str) -> bytes:
        created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<MTConnect{kind} '
            f'xmlns="urn:mtconnect.org:MTConnect{kind}:{self.version}">'
            f'<Header creationTime="{created}" sender="simulator" instanceId="{self.instance}" '
            f'version="{self.version}.0.0" bufferSize="{self.buffer_size}" {header}/>{body}</MTConnect{kind}>'
        )
        return text.encode()

    def probe(self) -> bytes:
        """Device description."""

        def items(component: str) -> str:
            found = ""
            for name, (category, kind, sub_type, where, _) in _ITEMS.items():
                if where == component:
                    more = f' subType="{sub_type}"' if sub_type else ""
                    found += f'<DataItem id="{name}" category="{category}" type="{kind}"{more}/>'
            return f"<DataItems>{found}</DataItems>"

        body = (
            f'<Devices><Device id="d1" name={quoteattr(self.device)} uuid="sim-0001"><Description/>{items("device")}'
            f'<Components><Axes id="ax"><Components><Linear id="x" name="X">{items("x")}</Linear>'
            f'<Rotary id="c" name="C">{items("spindle")}</Rotary></Components></Axes>'
            f'<Controller id="cn">{items("controller")}<Components><Path id="p" name="path">{items("path")}</Path>'
            "</Components></Controller></Components></Device></Devices>"
        )
        return self._document("Devices", "", body)

    def streams(self, entries: list[_Entry], following: int) -> bytes:
        """Observations, by component as agents send them."""
        groups: dict[str, list[_Entry]] = {}
        for entry in entries:
            groups.setdefault(_ITEMS[entry.item][3], []).append(entry)
        body = ""
        for component, found in groups.items():
            parts = {"SAMPLE": "", "EVENT": "", "CONDITION": ""}
            for entry in found:
                parts[_ITEMS[entry.item][0]] += _element(entry)
            inner = "".join(
                f"<{name}>{parts[key]}</{name}>"
                for key, name in (("SAMPLE", "Samples"), ("EVENT", "Events"), ("CONDITION", "Condition"))
                if parts[key]
            )
            body += f'<ComponentStream component="{component}" componentId="{component}">{inner}</ComponentStream>'
        numbers = f'firstSequence="{self.first}" lastSequence="{self.next - 1}" nextSequence="{following}"'
        device = f'<DeviceStream name={quoteattr(self.device)} uuid="sim-0001">{body}</DeviceStream>'
        return self._document("Streams", numbers, f"<Streams>{device}</Streams>")

    def current(self, at: int | None) -> bytes:
        """Last value of everything, now or at a place of the buffer; every active condition."""
        if at is not None and not self.first <= at < self.next:
            return self.error("OUT_OF_RANGE", f"'at' must be between {self.first} and {self.next - 1}")
        last: dict[tuple[str, str], _Entry] = {}
        for entry in self.entries:
            if at is not None and entry.sequence > at:
                break
            if entry.level == "Normal" and not entry.code:
                for key in [key for key in last if key[0] == entry.item]:
                    del last[key]
            if entry.level in ("Fault", "Warning"):
                last.pop((entry.item, ""), None)
            if entry.level == "Normal" and entry.code:
                last.pop((entry.item, entry.code), None)
            else:
                last[(entry.item, entry.code)] = entry
        return self.streams(list(last.values()), self.next if at is None else at + 1)

    def sample(self, start: int, count: int) -> tuple[bytes, int]:
        """Observations from ``start`` on and the number that follows."""
        if not self.first <= start <= self.next:
            return self.error("OUT_OF_RANGE", f"'from' must be between {self.first} and {self.next}"), start
        found = [entry for entry in self.entries if entry.sequence >= start][:count]
        following = found[-1].sequence + 1 if found else start
        return self.streams(found, following), following

    def error(self, code: str, text: str) -> bytes:
        """Error document."""
        return self._document(
            "Error", "", f'<Errors><Error errorCode="{code}">{escape(text)}</Error></Errors>'
        )


def _element(entry: _Entry) -> str:
    category, kind, sub_type, _, name = _ITEMS[entry.item]
    more = f' subType="{sub_type}"' if sub_type else ""
    if category == "CONDITION":
        name = entry.level or "Normal"
        more = f' type="{kind}"' + (f" nativeCode={quoteattr(entry.code)}" if entry.code else "")
    return (
        f'<{name} dataItemId="{entry.item}" timestamp="{entry.at}" sequence="{entry.sequence}"{more}>'
        f"{escape(entry.text)}</{name}>"
    )


class MtconnectSimulator(TcpSimulator):
    """The agent over HTTP, and its machine."""

    def __init__(
        self, *, version: str = "1.7", port: int = 0, control_port: int = 0, buffer_size: int = 4096
    ) -> None:
        super().__init__(port, control_port, self.answer)
        self.agent = SimulatedAgent(version, buffer_size=buffer_size)
        self._streams: set[asyncio.StreamWriter] = set()
        self._active: set[str] = set()
        self.is_streaming = True
        self.streams_opened = 0
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aexit__(self, *_: object) -> None:
        self.drop()
        await super().__aexit__()

    def drop(self) -> int:
        """Cuts every open stream; returns how many."""
        found = list(self._streams)
        for writer in found:
            writer.transport.abort()
        return len(found)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ValueError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.requests += 1
                await self._answer_http(head.split(" ", 2)[1], writer)

    async def _answer_http(self, target: str, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(target)
        params = {key: values[0] for key, values in parse_qs(parts.query).items()}
        name = parts.path.rstrip("/").rpartition("/")[2]
        if name == "sample" and "interval" in params and self.is_streaming:
            await self._stream(writer, params)
            return
        if name == "probe":
            document = self.agent.probe()
        elif name == "current":
            document = self.agent.current(int(params["at"]) if "at" in params else None)
        elif name == "sample":
            start = int(params.get("from", self.agent.first))
            document, _ = self.agent.sample(start, int(params.get("count", 100)))
        else:
            document = self.agent.error("UNSUPPORTED", f"unknown request {name}")
        status = "404 Not Found" if b"<Error " in document else "200 OK"
        head = f"HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {len(document)}\r\n\r\n"
        writer.write(head.encode() + document)
        await writer.drain()

    async def _stream(self, writer: asyncio.StreamWriter, params: dict[str, str]) -> None:
        self.streams_opened += 1
        self._streams.add(writer)
        kind = f"multipart/x-mixed-replace;boundary={_BOUNDARY}"
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode())
        position = int(params.get("from", self.agent.first))
        interval_s, heartbeat_s = int(params["interval"]) / 1000, int(params.get("heartbeat", 10_000)) / 1000
        try:
            while True:
                document, position = self.agent.sample(position, int(params.get("count", 100)))
                head = f"--{_BOUNDARY}\r\nContent-type: text/xml\r\nContent-length: {len(document)}\r\n\r\n"
                writer.write(head.encode() + document + b"\r\n")
                await writer.drain()
                if b"<Error " in document:
                    break
                await asyncio.sleep(interval_s)
                if position == self.agent.next:
                    self.agent.changed.clear()
                    with contextlib.suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(self.agent.changed.wait(), heartbeat_s)
        finally:
            self._streams.discard(writer)
        raise ConnectionError

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carries out one control request. Raises ``ValueError`` for an unknown one."""
        agent, order = self.agent, request.get("do")
        if order == "start_cycle":
            for item, value in (
                ("pgm", str(request.get("program", "O1042"))),
                ("tool", str(request.get("tool", 12))),
                ("sspeed", "4200"),
                ("sload", "36"),
                ("exec", "ACTIVE"),
            ):
                agent.put(item, value)
        elif order == "end_cycle":
            agent.put("exec", "READY")
            agent.put("sload", "0")
            agent.put("parts", str(int(agent.value("parts")) + int(request.get("parts", 1))))
        elif order == "abort_cycle":
            agent.put("exec", "STOPPED")
            agent.put("sload", "0")
        elif order == "load_peak":
            agent.put("sload", str(request.get("value", 160)))
        elif order == "alarm":
            code = str(request.get("code", "700123"))
            self._active.add(code)
            level = "Fault" if int(request.get("severity", 1000)) >= 700 else "Warning"
            agent.put("system", str(request.get("text", "Pression d'huile basse")), level=level, code=code)
        elif order == "clear_alarm":
            for code in [str(request["code"])] if "code" in request else sorted(self._active):
                self._active.discard(code)
                agent.put("system", "", level="Normal", code=code if self._active else "")
        elif order == "counter":
            agent.put("parts", str(int(request["value"])))
        elif order == "set":
            agent.put(str(request["item"]), str(request["value"]))
        elif order == "restart":
            agent.restart()
        elif order == "drop":
            return {"ok": True, "dropped": self.drop()}
        elif order != "status":
            raise ValueError(f"ordre inconnu : {order!r}")
        return {"ok": True, "url": self.url, "next": agent.next, "streams": self.streams_opened}


async def _serve(arguments: argparse.Namespace) -> None:
    simulator = MtconnectSimulator(
        version=arguments.version, port=arguments.port, control_port=arguments.control_port
    )
    async with simulator:
        print(f"{simulator.url} {simulator.places}", flush=True)
        await asyncio.Event().wait()


def main(arguments: list[str] | None = None) -> None:
    """Command line of the simulator."""
    parser = options("Agent MTConnect simulé.", 5000, 5001, what="HTTP")
    parser.add_argument("--version", default="1.7", help="version des documents (1.3 à 2.x)")
    run(_serve, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
