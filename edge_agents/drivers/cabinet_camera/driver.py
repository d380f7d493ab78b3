"""Cabinet session: scene at opening, scene at closing, decision on the station (VIS-04 to VIS-06, 37 to 40)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import cv2
import numpy as np
import structlog

from edge_agents.drivers.base import CommandRefusedError, Driver, DriverContext, DriverError
from edge_agents.drivers.cabinet_camera.approved import ApprovedModel
from edge_agents.drivers.cabinet_camera.config import CabinetCameraConfig, load_vision
from edge_agents.drivers.cabinet_camera.decision import Change, Decision, check_usable
from edge_agents.drivers.cabinet_camera.session import decide
from edge_agents.drivers.cabinet_camera.texts import reason_text
from edge_agents.drivers.local_api import LocalApi
from edge_agents.runtime.files import write_durably

log = structlog.get_logger(__name__)
_IMAGES = {".png", ".jpg", ".jpeg", ".bmp"}


class CabinetCameraDriver(Driver[CabinetCameraConfig]):
    """Watches one cabinet. An open session survives a power cut and is then closed as uncertain."""

    def __init__(self, config: CabinetCameraConfig, context: DriverContext) -> None:
        super().__init__(config, context)
        try:
            self._vision = load_vision(config.vision)
        except ValueError as error:
            raise DriverError("vision.config", str(error)) from None
        self._empty = None if self._vision.empty_image is None else _load(self._vision.empty_image)
        self._model = ApprovedModel(config.model, config.model_sha256, context.data_dir / "approved.model")
        self._images = context.data_dir / "images"
        self._open_file = context.data_dir / "open_session.json"
        self._session: dict[str, Any] | None = None
        self._turn = asyncio.Lock()

    @property
    def busy(self) -> bool:
        return self._session is not None

    async def run(self) -> None:
        await self._finish_interrupted()
        async with contextlib.AsyncExitStack() as stack:
            if self.config.socket_port is not None:
                port_file = self.context.data_dir / "local_api.port"
                await stack.enter_async_context(LocalApi(self._answer, self.config.socket_port, port_file))
            while True:
                await self._check_camera()
                await self._check_open_too_long()
                await asyncio.sleep(1.0)

    async def _check_camera(self) -> None:
        if self._session is not None:
            return
        try:
            image = await asyncio.to_thread(self._grab)
        except DriverError as error:
            self.context.set_status("fault", str(error))
            return
        reason = reason_text(await asyncio.to_thread(check_usable, image, self._vision)) or self._model.fault
        self.context.set_status("fault" if reason else "ok", reason)

    async def _check_open_too_long(self) -> None:
        if self._session is None:
            return
        opened = datetime.fromisoformat(self._session["opened_at"])
        if (self.context.clock.now() - opened).total_seconds() > self.config.max_open_s:
            await self.close_session(uncertain=True)

    def _grab(self) -> Any:
        if self.config.source == "camera":
            capture = cv2.VideoCapture(self.config.camera_index)
            try:
                ok, frame = capture.read()
            finally:
                capture.release()
            if not ok:
                raise DriverError("camera.absent", f"Caméra {self.config.camera_index} absente.")
            return frame
        folder = self.config.frames or self.context.data_dir / "frames"
        files = sorted(folder.glob("*")) if folder.is_dir() else []
        images = [path for path in files if path.suffix.lower() in _IMAGES]
        if not images:
            raise DriverError("camera.absent", f"Aucune image dans {folder}.")
        return _load(max(images, key=lambda path: (path.stat().st_mtime_ns, path.name)))

    def _keep(self, image: Any) -> str:
        """Stores an image under its digest; it is uploaded from there."""
        ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])
        if not ok:
            raise DriverError("camera.encode", "Image impossible à enregistrer.")
        content = data.tobytes()
        digest = hashlib.sha256(content).hexdigest()
        path = self._images / f"{digest}.jpg"
        if not path.exists():
            write_durably(path, content)
        return digest

    async def open_session(self) -> dict[str, Any]:
        """The door opened: takes the scene before."""
        async with self._turn:
            if self._session is not None:
                return self._session
            image = await asyncio.to_thread(self._grab)
            digest = await asyncio.to_thread(self._keep, image)
            opened = self.context.clock.now().isoformat()
            self._session = {"session_uid": str(uuid4()), "opened_at": opened, "image_before": digest}
            await asyncio.to_thread(write_durably, self._open_file, json.dumps(self._session).encode())
            return self._session

    async def close_session(self, *, uncertain: bool = False) -> dict[str, Any]:
        """The door closed: takes the scene after, decides, records. Raises ``CommandRefusedError``."""
        async with self._turn:
            session = self._session
            if session is None:
                raise CommandRefusedError("Aucune session ouverte.")
            image = await asyncio.to_thread(self._grab)
            digest = await asyncio.to_thread(self._keep, image)
            before = await asyncio.to_thread(_load, self._images / f"{session['image_before']}.jpg")
            decision = await asyncio.to_thread(
                decide, before, image, self._vision, model=self._model.model, empty=self._empty
            )
            doubtful = uncertain or not decision.usable
            await self._record(session, digest, decision, doubtful=doubtful)
            self._session = None
            self._open_file.unlink(missing_ok=True)
            return _answer_of(session, decision, doubtful=doubtful)

    async def _record(
        self, session: dict[str, Any], image_after: str, decision: Decision, *, doubtful: bool
    ) -> None:
        payload = session | {
            "closed_at": self.context.clock.now(),
            "status": "uncertain" if doubtful else "closed",
            "image_after": image_after,
        }
        await self.context.emit("cabinet.session", payload)
        if not decision.usable:
            reason = reason_text(decision.reason) or "image inutilisable"
            self.context.set_status("fault", reason)
            message = f"Caméra d'armoire : {reason}. Scannez les articles pris."
            await self.context.emit("health.alert", {"code": f"camera.{decision.reason}", "message": message})
        for change in decision.changes:
            await self.context.emit("vision.detection", _detection(session, change, doubtful=doubtful))

    async def _finish_interrupted(self) -> None:
        if not self._open_file.exists():
            return
        try:
            self._session = json.loads(self._open_file.read_bytes())
            await self.close_session(uncertain=True)
        except (ValueError, KeyError, DriverError) as error:
            log.warning("cabinet.session_lost", reason=str(error))
            self._session = None
            self._open_file.unlink(missing_ok=True)

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if request.get("do") == "open":
                session = await self.open_session()
                return {"ok": True, "session_uid": session["session_uid"], "message": "Session ouverte."}
            if request.get("do") == "close":
                return await self.close_session()
        except (CommandRefusedError, DriverError) as error:
            return {"ok": False, "message": str(error)}
        raise ValueError("do : open ou close attendu")

    async def command(self, kind: str, params: dict[str, Any]) -> str:
        if kind == "capture_test_image":
            digest = await asyncio.to_thread(lambda: self._keep(self._grab()))
            return f"Image {digest}"
        if kind == "clear_session":
            self._session = None
            self._open_file.unlink(missing_ok=True)
            return "Session fermée."
        return await super().command(kind, params)


def _load(path: Path) -> Any:
    data = np.fromfile(path, dtype=np.uint8) if path.exists() else np.zeros(0, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise DriverError("image.unreadable", f"Image illisible : {path.name}.")
    return image


def _detection(session: dict[str, Any], change: Change, *, doubtful: bool) -> dict[str, Any]:
    place = change.compartment
    return {
        "session_uid": session["session_uid"],
        "detection_uid": _uid(session["session_uid"], place.id),
        "location_code": place.id,
        "item_code": place.item if change.reason != "foreign_or_misplaced" else None,
        "count_before": change.before.count,
        "count_after": change.after.count,
        "delta": change.delta if change.reason != "foreign_or_misplaced" else None,
        "confidence": round(min(change.confidence, 0.59) if doubtful else change.confidence, 4),
        "method": place.method,
        "usable": True,
        "reason": change.reason,
    }


def _uid(session_uid: str, location: str) -> str:
    """Same session and compartment, same identifier: a repeated detection is recognised (VIS-41)."""
    digest = hashlib.sha256(f"{session_uid}/{location}".encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))


def _answer_of(session: dict[str, Any], decision: Decision, *, doubtful: bool) -> dict[str, Any]:
    words = [
        f"{change.delta:+d} {change.compartment.item or change.compartment.id}"
        for change in decision.changes
        if change.delta
    ]
    message = ", ".join(words) or "Aucun changement vu."
    if not decision.usable:
        message = f"{reason_text(decision.reason) or 'image inutilisable'} : scannez les articles pris."
    return {
        "ok": decision.usable,
        "session_uid": session["session_uid"],
        "status": "uncertain" if doubtful else "closed",
        "message": message,
        "changes": [
            {"location": change.compartment.id, "delta": change.delta, "confidence": change.confidence}
            for change in decision.changes
        ],
    }
