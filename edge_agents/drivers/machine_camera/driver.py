"""Machine camera driver: off unless declared, memory only, clips on events, state told truthfully (MCH-32 to 37, MCH-51)."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import structlog

from edge_agents.drivers.base import CommandRefusedError, Driver, DriverContext
from edge_agents.drivers.local_api import LocalApi
from edge_agents.drivers.machine_camera.compare import Scenes, difference
from edge_agents.drivers.machine_camera.config import MachineCameraConfig
from edge_agents.drivers.machine_camera.movement import APART_S, Watch, moved_share
from edge_agents.drivers.machine_camera.reader import CameraReader
from edge_agents.drivers.machine_camera.ring import (
    Clip,
    Clips,
    Frame,
    FrameRing,
    write_thumbnail,
    write_video,
)
from edge_agents.protocol.camera_analysis import REASON
from edge_agents.runtime.files import write_durably

log = structlog.get_logger(__name__)
_OFFLINE_S = 10.0
_COVERED_FRAMES = 8
_CLEAN_S = 3_600.0
_DAY_S = 86_400.0
_FRESH_S = 5.0
_VIEW_S = 1.5
_WATCH_MAX_S = 120.0
_CLIP_RINGS = 3  # a clip may take three times the memory of the ring: 30 s before, 60 s after
_WORDS = {
    "offline": "hors ligne", "covered": "masquée ou sans image utile",
}  # fmt: skip


class MachineCameraDriver(Driver[MachineCameraConfig]):
    """One camera. Nothing reaches the disk before an event asks for it."""

    def __init__(self, config: MachineCameraConfig, context: DriverContext) -> None:
        super().__init__(config, context)
        ring_bytes = round(config.ring_mb * 1024 * 1024)
        self.ring = FrameRing(config.before_s, ring_bytes)
        self.clips = Clips(config.before_s, config.after_s, _CLIP_RINGS * ring_bytes)
        self.state = "off"
        self._since = self.now()
        self._frame_at: float | None = None
        self._dark = 0
        self._reason: str | None = None
        self._is_alerted = False
        self._images = context.data_dir / "images"
        self._open_file = context.data_dir / "clip.json"
        self._scenes = Scenes(context.data_dir / "scenes")
        self._cleaned = 0.0
        self._watched_until = 0.0
        self._watches = [Watch(analysis) for analysis in config.analyses]
        self._analysed_at = 0.0
        self._shown_at = 0.0
        self._is_shown = True  # a thumbnail of a run that was cut off goes first
        self._view = context.data_dir / "view" / f"{quote(config.camera_code, safe='')}.jpg"

    @property
    def busy(self) -> bool:
        return bool(self.clips.under_way)

    def now(self) -> float:
        """Wall time in epoch seconds."""
        return self.context.clock.now().timestamp()

    async def run(self) -> None:
        await self._tell_interrupted()
        if not self.config.active:
            self.context.set_status("ok", None)
            await self._tell("off", None)
            while True:
                await self._clean()
                await asyncio.sleep(60)
        loop = asyncio.get_running_loop()
        started = time.monotonic()
        reader = CameraReader(
            self.config,
            lambda jpeg, spread: _post(loop, self._seen, jpeg, spread),
            lambda reason: _post(loop, self._lost, reason),
        )
        reader.start()
        try:
            async with LocalApi(
                self._answer, self.config.socket_port, self.context.data_dir / "local_api.port"
            ):
                while True:
                    await self._look(started)
                    await self._clean()
                    await asyncio.sleep(0.25)
        finally:
            reader.stop()
            self.ring.clear()
            self._view.unlink(missing_ok=True)

    # frames ---------------------------------------------------------------------------------------------------

    def _seen(self, jpeg: bytes, spread: float) -> None:
        self._frame_at = time.monotonic()
        self._reason = None
        self._dark = self._dark + 1 if spread < self.config.covered_below else 0
        frame = Frame(self.now(), jpeg)
        self.ring.add(frame)
        self.clips.add(frame)

    def _lost(self, reason: str) -> None:
        self._reason = reason

    async def _look(self, started: float) -> None:
        last = self._frame_at if self._frame_at is not None else started
        if time.monotonic() - last > _OFFLINE_S or (self._reason is not None and self._frame_at is None):
            await self._tell("offline", self._reason)
            self.ring.clear()
        elif self._frame_at is None:
            pass
        elif self._dark >= _COVERED_FRAMES:
            await self._tell("covered", None)
        else:
            await self._tell("live", None)
        for clip in self.clips.finished(self.now()):
            await self._keep(clip)
        await self._show()
        await self._analyse()

    async def _show(self) -> None:
        """A thumbnail for who looks at the office, none when the camera is away or nobody looks (MCH-37, MCH-51)."""
        now = time.monotonic()
        if now > self._watched_until or self.state != "live" or not self.ring.frames:
            if self._is_shown:
                self._is_shown = False
                await asyncio.to_thread(self._view.unlink, True)
        elif now - self._shown_at >= _VIEW_S:
            self._shown_at, self._is_shown = now, True
            await asyncio.to_thread(write_thumbnail, self.ring.frames[-1], self._view)

    async def _analyse(self) -> None:
        """Approved analyses; an alert is a clip with its reason, nothing else is kept (MCH-34)."""
        if self.state != "live" or not self._watches or not self.ring.frames:
            return
        last = self.ring.frames[-1]
        if last.at - self._analysed_at < APART_S / 2:
            return
        before = next((f for f in reversed(self.ring.frames) if last.at - f.at >= APART_S), None)
        self._analysed_at = last.at
        if before is None:
            return
        now, rules = self.context.clock.now(), self.context.rules()
        for watch in self._watches:
            if not watch.is_on(now, rules):
                continue
            share = await asyncio.to_thread(moved_share, before.jpeg, last.jpeg, watch.analysis.zone)
            if watch.judge(last.at, share):
                kind = watch.analysis.kind
                log.warning(
                    "camera.analysis", camera=self.config.camera_code, kind=kind, share=round(share, 4)
                )
                begun = await self._begin(
                    {"clip": f"{REASON}{kind}", "incident_uid": str(uuid4()), "at": last.at}
                )
                if not begun["ok"]:  # three clips are under way: told as soon as one of them ends
                    watch.again()

    async def _tell(self, state: str, detail: str | None) -> None:
        """State for people; an alert when it stays bad for five minutes (MCH-51)."""
        if state != self.state or (state == "off" and self._frame_at is None and not self._is_alerted):
            self.state, self._since, self._is_alerted = state, self.now(), state == "off"
            words = _WORDS.get(state)
            told = (
                f"caméra {self.config.camera_code} {words}" + (f" : {detail}" if detail else "")
                if words
                else None
            )
            self.context.set_status("fault" if words else "ok", told)
            payload = {
                "camera_code": self.config.camera_code,
                "state": state,
                "since": _utc(self._since),
                "detail": detail,
            }
            await self.context.emit("camera.state", payload)
        elif (
            state in _WORDS and not self._is_alerted and self.now() - self._since > self.config.alert_after_s
        ):
            self._is_alerted = True
            message = f"Caméra {self.config.camera_code} {_WORDS[state]} depuis {self.config.alert_after_s / 60:.0f} min."
            await self.context.emit("health.alert", {"code": f"camera.{state}", "message": message})

    # clips ----------------------------------------------------------------------------------------------------

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if "clip" in request:
            return await self._begin(request)
        if "teach_scene" in request:
            program = str(request["teach_scene"])
            await asyncio.to_thread(self._scenes.teach, program, self._fresh().jpeg)
            log.info("camera.scene_taught", camera=self.config.camera_code, program=program[:200])
            return {"ok": True}
        if "compare" in request:
            return await self._compare(
                str(request["compare"]), request.get("machine_code"), request.get("tool")
            )
        if "snapshot" in request:
            log.info("camera.viewed", camera=self.config.camera_code, reason=str(request["snapshot"])[:200])
            return {"ok": True, "image": await self._snapshot()}
        return {
            "ok": True,
            "state": self.state,
            "frames": len(self.ring.frames),
            "clips": len(self.clips.under_way),
        }

    async def _begin(self, request: dict[str, Any]) -> dict[str, Any]:
        uid = request.get("incident_uid")
        uid = None if uid is None else str(UUID(str(uid)))
        at = min(self.now(), float(request.get("at") or self.now()))
        machine = request.get("machine_code") or self.config.machine_code
        clip = self.clips.begin(self.ring, str(request["clip"])[:80], at, uid, machine)
        if clip is None:
            return {"ok": False, "key": "camera.busy", "message": "Trois extraits sont déjà en cours."}
        await self._note()
        return {"ok": True, "frames": len(clip.frames), "until": clip.ends_at}

    async def _note(self) -> None:
        rows = [[c.reason, c.incident_uid, c.machine_code, c.at] for c in self.clips.under_way]
        await asyncio.to_thread(write_durably, self._open_file, json.dumps(rows).encode())

    async def _tell_interrupted(self) -> None:
        """A power cut took the pictures: the event says so."""
        try:
            rows = json.loads(self._open_file.read_text())
        except (OSError, ValueError):
            return
        for reason, uid, machine, at in rows:
            await self._tell_clip(Clip(reason, uid, machine, at, at, []), None, None, 0)
        self._open_file.unlink(missing_ok=True)

    async def _keep(self, clip: Clip) -> None:
        video = image = None
        count = 0
        if clip.frames:
            try:
                video, count = await asyncio.to_thread(self._write, clip.frames)
                nearest = min(clip.frames, key=lambda frame: abs(frame.at - clip.at))
                image = await asyncio.to_thread(self._store, nearest.jpeg, ".jpg")
            except OSError as error:
                log.error("camera.clip_lost", camera=self.config.camera_code, reason=str(error))
        await self._tell_clip(clip, video, image, count)
        await self._note()

    def _write(self, frames: list[Frame]) -> tuple[str, int]:
        self._images.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.context.data_dir) as folder:
            path = Path(folder) / "clip.mp4"
            count = write_video(frames, path)
            return self._store(path.read_bytes(), ".mp4"), count

    def _store(self, content: bytes, suffix: str) -> str:
        digest = hashlib.sha256(content).hexdigest()
        path = self._images / f"{digest}{suffix}"
        if not path.exists():
            write_durably(path, content)
        return digest

    async def _tell_clip(self, clip: Clip, video: str | None, image: str | None, count: int) -> None:
        payload = {
            "camera_code": self.config.camera_code,
            "machine_code": clip.machine_code,
            "reason": clip.reason,
            "incident_uid": clip.incident_uid,
            "started_at": _utc(clip.frames[0].at if clip.frames else clip.at),
            "ended_at": _utc(clip.frames[-1].at if clip.frames else clip.at),
            "frames": count,
            "clip": video,
            "image": image,
            "delete_after": _utc(clip.at + self.config.retention_days * _DAY_S),
        }
        await self.context.emit("camera.clip", payload)

    def _fresh(self) -> Frame:
        if self.state != "live" or not self.ring.frames or self.now() - self.ring.frames[-1].at > _FRESH_S:
            raise ValueError(f"la caméra ne montre rien en ce moment ({self.state})")
        return self.ring.frames[-1]

    async def _snapshot(self) -> str:
        return await asyncio.to_thread(self._store, self._fresh().jpeg, ".jpg")

    async def _compare(self, program: str, machine: Any, tool: Any) -> dict[str, Any]:
        """Compares what is seen with what was taught for the program; a difference is a risk with its pictures."""
        frame = self._fresh()
        expected = await asyncio.to_thread(self._scenes.expected, program)
        if expected is None:
            return {"ok": True, "taught": False}
        found = await asyncio.to_thread(difference, expected, frame.jpeg)
        is_different = found.share >= self.config.scene_share
        code = str(machine or self.config.machine_code or "")
        if is_different and code:
            uid = str(uuid4())
            payload = {
                "machine_code": code, "source": f"camera:{self.config.camera_code}", "signal": "scene",
                "value": round(found.share, 5), "threshold": self.config.scene_share, "program": program,
                "tool": None if tool is None else str(tool), "signals": [], "incident_uid": uid, "basis": "sensor",
            }  # fmt: skip
            await self.context.emit("collision.risk", payload)
            await self._begin(
                {"clip": "collision.risk", "incident_uid": uid, "machine_code": code, "at": frame.at}
            )
        return {"ok": True, "taught": True, "share": found.share, "box": found.box, "different": is_different}

    async def command(self, kind: str, params: dict[str, Any]) -> str:
        if kind != "capture_test_image":
            return await super().command(kind, params)
        if not self.config.active:
            raise CommandRefusedError("La caméra n'est pas activée.")
        if params.get("camera_code") not in {None, self.config.camera_code}:
            raise CommandRefusedError(f"Caméra {params['camera_code']} inconnue de cette station.")
        if "watch_s" in params:
            self._watched_until = time.monotonic() + min(_WATCH_MAX_S, float(params["watch_s"]))
            log.info("camera.viewed", camera=self.config.camera_code, reason="wall")
            return f"Vue en direct de {self.config.camera_code}."
        try:
            digest = await self._snapshot()
        except ValueError as error:
            raise CommandRefusedError(f"Pas d'image : {error}.") from None
        log.info("camera.viewed", camera=self.config.camera_code, reason="command")
        return f"Image {digest[:12]} enregistrée."

    async def _clean(self) -> None:
        """Deletes what is older than the retention, sent or not (MCH-35)."""
        if self._cleaned and time.monotonic() - self._cleaned < _CLEAN_S:
            return
        self._cleaned = time.monotonic()
        await asyncio.to_thread(self._delete_old, self.now() - self.config.retention_days * _DAY_S)

    def _delete_old(self, before: float) -> None:
        for path in self._images.glob("*"):
            with contextlib.suppress(FileNotFoundError):  # the station makes room as well
                if path.stat().st_mtime < before:
                    path.unlink()


def _post(loop: asyncio.AbstractEventLoop, function: Any, *values: Any) -> None:
    """From the reader's thread into the loop; nothing once that is over."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, *values)


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
