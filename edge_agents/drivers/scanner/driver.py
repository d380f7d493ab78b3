"""Scan station driver: sources of codes in, durable events and French answers out."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from edge_agents.drivers.base import Driver, DriverContext
from edge_agents.drivers.local_api import LocalApi
from edge_agents.drivers.scanner.config import ScannerConfig
from edge_agents.drivers.scanner.session import Reply, ScanSession
from edge_agents.drivers.scanner.texts import text
from edge_agents.protocol import ProtocolError
from edge_agents.runtime.journal import JournalFullError

if TYPE_CHECKING:
    from edge_agents.drivers.scanner.decode import Decoded

log = structlog.get_logger(__name__)
_FRAME_PATIENCE_S = 0.1
_IMAGES = {".png", ".jpg", ".jpeg", ".bmp"}


_GS1_MARKS = {"Code128": "]C1", "DataMatrix": "]d2", "QRCode": "]Q3"}


def _as_read(code: Decoded) -> str:
    """The content as a reader that names its symbology sends it, where nothing else tells a label of GS1."""
    return (_GS1_MARKS.get(code.symbology, "") if code.is_gs1 else "") + code.text


class ScannerDriver(Driver[ScannerConfig]):
    """Answers a scan from local data; "enregistré" is only said after the event is on the disk."""

    def __init__(self, config: ScannerConfig, context: DriverContext) -> None:
        super().__init__(config, context)
        self.session = ScanSession(config, context.reference)
        self._turn = asyncio.Lock()
        self._faults: dict[str, str] = {}

    @property
    def busy(self) -> bool:
        return self.session.operation is not None

    async def run(self) -> None:
        sources = {
            "stdin": self._from_stdin,
            "serial": self._from_serial,
            "folder": self._from_folder,
            "camera": self._from_camera,
        }
        async with contextlib.AsyncExitStack() as stack:
            if self.config.socket_port is not None:
                port_file = self.context.data_dir / "local_api.port"
                await stack.enter_async_context(LocalApi(self._answer, self.config.socket_port, port_file))
            self._report("", None)
            async with asyncio.TaskGroup() as group:
                for name in self.config.inputs:
                    group.create_task(sources[name]())
                group.create_task(asyncio.Event().wait())

    def _report(self, source: str, fault: str | None) -> None:
        if fault is None:
            self._faults.pop(source, None)
        else:
            self._faults[source] = fault
        self.context.set_status("fault" if self._faults else "ok", " ; ".join(self._faults.values()) or None)

    async def scan(self, code: str, symbology: str = "unknown") -> Reply:
        """One code from any source."""
        async with self._turn:
            return await self._record(lambda: self.session.scan(code, symbology, self.context.clock.now()))

    async def act(self, action: str, values: dict[str, Any]) -> Reply:
        """One button."""
        async with self._turn:
            return await self._record(lambda: self.session.act(action, values, self.context.clock.now()))

    async def _record(self, decide: Any) -> Reply:
        reply: Reply = decide()
        try:
            for event in reply.events:
                await self.context.emit(event.type, event.payload, user_ref=self.session.user_ref)
        except JournalFullError:
            return Reply("journal.full", text("journal.full"), "danger")
        except ProtocolError as error:
            raise ValueError(error.detail) from None
        return reply

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if "scan" in request:
            reply = await self.scan(str(request["scan"]), str(request.get("symbology", "unknown")))
        elif "image" in request:
            reply = await self._scan_image(Path(str(request["image"])))
        elif "action" in request:
            reply = await self.act(str(request["action"]), request)
        elif "status" in request:
            return self._describe()
        else:
            raise ValueError("scan, image, action ou status attendu")
        return self._describe() | {
            "ok": reply.tone in ("success", "info"),
            "key": reply.key,
            "message": reply.message,
            "tone": reply.tone,
            "actions": list(reply.actions),
            "events": [event.type for event in reply.events],
        }

    def _describe(self) -> dict[str, Any]:
        age = self.context.reference.age()
        return {
            "user": self.session.user.name if self.session.user else None,
            "operation": self.session.operation.code if self.session.operation else None,
            "data_age_s": round(age.total_seconds()) if age is not None else None,
        }

    async def command(self, kind: str, params: dict[str, Any]) -> str:
        if kind == "clear_session":
            self.session.logout()
            return "Session fermée."
        return await super().command(kind, params)

    async def _scan_image(self, path: Path) -> Reply:
        from edge_agents.drivers.scanner.decode import decode_image, load_gray

        codes = await asyncio.to_thread(lambda: decode_image(load_gray(path)))
        if not codes:
            return Reply("image.nothing", text("image.nothing"), "warning")
        replies = [await self.scan(_as_read(code), code.symbology) for code in codes]
        understood = [reply for reply in replies if reply.key not in ("code.unknown", "duplicate")]
        return (understood or replies)[-1]

    async def _from_stdin(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            await self._scan_line(line)

    async def _scan_line(self, line: bytes) -> None:
        code = line.decode("utf-8", "replace").strip(" \t\r\n")  # separators at an end belong to a label
        if code:
            reply = await self.scan(code, "keyboard")
            log.info("scan", key=reply.key)

    async def _from_serial(self) -> None:
        import serial

        while True:
            try:
                port = await asyncio.to_thread(
                    serial.Serial, self.config.serial_port, self.config.serial_baud, timeout=0.5
                )
                self._report("serial", None)
                with contextlib.closing(port):
                    while True:
                        line = await asyncio.to_thread(port.readline)
                        if line:
                            await self._scan_line(line)
            except (serial.SerialException, OSError) as error:
                self._report("serial", f"Lecteur {self.config.serial_port} absent : {error}")
                await asyncio.sleep(2)

    async def _from_folder(self) -> None:
        folder = self.config.folder or self.context.data_dir / "frames"
        folder.mkdir(parents=True, exist_ok=True)
        done: set[Path] = set()
        while True:
            for path in sorted(folder.iterdir()):
                if path in done or path.suffix.lower() not in _IMAGES:
                    continue
                done.add(path)
                with contextlib.suppress(ValueError, OSError):
                    await self._scan_image(path)
            await asyncio.sleep(0.5)

    async def _from_camera(self) -> None:
        import cv2

        from edge_agents.drivers.scanner.decode import decode_image

        while True:
            capture = await asyncio.to_thread(cv2.VideoCapture, self.config.camera_index)
            try:
                while capture.isOpened():
                    ok, frame = await asyncio.to_thread(capture.read)
                    if not ok:
                        break
                    self._report("camera", None)
                    gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
                    for code in await asyncio.to_thread(decode_image, gray, _FRAME_PATIENCE_S):
                        await self.scan(_as_read(code), code.symbology)
                    await asyncio.sleep(0.2)
            finally:
                capture.release()
            self._report("camera", f"Caméra {self.config.camera_index} absente.")
            await asyncio.sleep(5)
