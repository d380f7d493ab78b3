"""Cabinet session: scene at opening, scene at closing, decision on the station (VIS-04 to VIS-09, 11, 37 to 40)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import structlog

from edge_agents.drivers.base import CommandRefusedError, Driver, DriverContext, DriverError
from edge_agents.drivers.cabinet_camera import guided, recording, telling
from edge_agents.drivers.cabinet_camera.cells import contact_open
from edge_agents.drivers.cabinet_camera.config import CabinetCameraConfig
from edge_agents.drivers.cabinet_camera.opening import OpeningWatch, Signals, moving
from edge_agents.drivers.cabinet_camera.people import Visitor
from edge_agents.drivers.cabinet_camera.reporting import Reporter
from edge_agents.drivers.cabinet_camera.requests import Requests
from edge_agents.drivers.cabinet_camera.screen import Screen
from edge_agents.drivers.cabinet_camera.sight import Sight
from edge_agents.drivers.cabinet_camera.texts import reason_text
from edge_agents.drivers.local_api import LocalApi
from edge_agents.runtime.files import write_durably

log = structlog.get_logger(__name__)
_HOUSEKEEPING_S = 3600.0


class CabinetCameraDriver(Driver[CabinetCameraConfig]):
    """Watches one cabinet. An open session survives a power cut and is then closed as uncertain."""

    def __init__(self, config: CabinetCameraConfig, context: DriverContext) -> None:
        super().__init__(config, context)
        data = context.data_dir
        self.sight = Sight(config, data)
        self.visitor = Visitor(context.reference, config.identify)
        self._recordings, self._open_file = data / "recordings", data / "open_session.json"
        self._reporter = Reporter(
            self.sight, context, self.visitor, self._recordings if config.record else None, config.thresholds
        )
        self._view_sent = data / "view_sent"
        self._session: dict[str, Any] | None = None
        self._before: Any = None
        self._quiet: Any = None
        self._weights: dict[str, float | None] = {}
        self._weights_before: dict[str, float | None] = {}
        self._turn = asyncio.Lock()
        self._watch = OpeningWatch(config.quiet_s, config.max_open_s)
        self.told = telling.Told()
        self._counted_on: date | None = None
        self._cleaned_at: datetime | None = None
        self._last_frame: Any = None
        self.requests = Requests(self)

    @property
    def is_open(self) -> bool:
        """Whether a session is going on."""
        return self._session is not None

    @property
    def busy(self) -> bool:
        return self.is_open or self.requests.teaching is not None

    async def run(self) -> None:
        await self._finish_interrupted()
        if (
            not self._view_sent.exists()
            or self._view_sent.read_text(encoding="utf-8") != self.sight.album.frame
        ):
            await self.send_view()
        async with contextlib.AsyncExitStack() as stack:
            if self.config.socket_port is not None:
                port_file = self.context.data_dir / "local_api.port"
                await stack.enter_async_context(
                    LocalApi(self.requests.answer, self.config.socket_port, port_file)
                )
            if self.config.screen_port is not None:
                screen_file = self.context.data_dir / "screen.port"
                await stack.enter_async_context(
                    Screen(self.requests.answer, self.config.screen_port, screen_file)
                )
            while True:
                await self._look()
                await self._daily()
                await asyncio.sleep(self.config.poll_s)

    async def _look(self) -> None:
        """One turn: health of the camera, opening and closing by themselves."""
        now = self.context.clock.now()
        self.visitor.expire(now, in_session=self._session is not None)
        try:
            image = await asyncio.to_thread(self.sight.camera.grab)
            contacts = contact_open(self.config.door_file), contact_open(self.config.drawer_file)
        except (DriverError, OSError) as error:
            self.context.set_status("fault", str(error))
            return
        if self._session is None:
            reason = await asyncio.to_thread(self.sight.fault, image)
            self.context.set_status("fault" if reason else "ok", reason)
        by_motion = self.config.opening == "motion"
        signals = Signals(
            now,
            *contacts,
            moving=by_motion and self._stirred(image),
            weight_changed=by_motion and await self._weight_changed(),
        )
        step = self._watch.step(signals)
        if step is None:
            return
        with contextlib.suppress(CommandRefusedError, DriverError):
            if step.do == "open":
                await self.open_session(step.cause)
            elif self.config.opening != "button" or step.uncertain:
                await self.close_session(uncertain=step.uncertain)

    def _stirred(self, image: Any) -> bool:
        """Whether something moves; two frames alike while nobody has opened give the scene before the next session."""
        before, self._last_frame = self._last_frame, image
        if before is None or before.shape != image.shape:
            return False
        stirred = moving(before, image)
        if not stirred and self._session is None and self._quiet is None:
            self._quiet = image
        return stirred

    async def _weight_changed(self) -> bool:
        if self.sight.trays is None:
            return False
        self._weights_before, self._weights = self._weights, await asyncio.to_thread(self.sight.trays.weigh)
        return bool(self._weights_before) and self.sight.trays.changed(self._weights_before, self._weights)

    async def open_session(self, cause: str = "button") -> dict[str, Any]:
        """The door opened: takes the scene before."""
        async with self._turn:
            if self._session is not None:
                return self._session
            # Without contact the hand is already there: scene and weights before are the last ones nobody disturbed.
            late = cause in {"motion", "weight"}
            use_quiet = late and self._quiet is not None
            image = self._quiet if use_quiet else await self.sight.still()
            digest = await self.sight.keep(image, somebody=cause == "button")
            opened = self.context.clock.now()
            weights = self._weights_before if late else {}
            if self.sight.trays is not None and not weights:
                weights = await asyncio.to_thread(self.sight.trays.weigh)
            self._session = {"session_uid": str(uuid4()), "opened_at": opened.isoformat(), "image_before": digest,
                             "opened_by": cause, "weights": weights}  # fmt: skip
            self._before = image
            self._watch.opened(opened)
            await asyncio.to_thread(write_durably, self._open_file, json.dumps(self._session).encode())
            return self._session

    async def close_session(self, *, uncertain: bool = False) -> dict[str, Any]:
        """The door closed: takes the scene after, decides, records. Raises ``CommandRefusedError``."""
        async with self._turn:
            session = self._session
            if session is None:
                raise CommandRefusedError("Aucune session ouverte.")
            image = await self.sight.still()
            before = self._before
            if before is None:
                before = await asyncio.to_thread(self.sight.album.view, session["image_before"])
            decision = await asyncio.to_thread(self.sight.decide, session.get("weights") or {}, before, image)
            doubtful = uncertain or not decision.usable
            somebody = uncertain or session.get("opened_by", "button") == "button"
            digest = await self.sight.keep(image, decision, somebody=somebody)
            details = await asyncio.to_thread(
                self._reporter.detections, session, digest, decision, doubtful=doubtful
            )
            session |= {"closed_at": self.context.clock.now(), "image_after": digest,
                        "status": "uncertain" if doubtful else "closed"}  # fmt: skip
            await self._reporter.send(session, image, decision, details)
            answer = telling.answer_of(session, decision, doubtful=doubtful, limits=self.config.thresholds)
            self.told = telling.Told(
                session, answer, details, self.context.clock.now(), self.config.dispute_s
            )
            # What a doubtful session changed is scanned: it must not be seen again as a change of the next one.
            self._quiet = None if doubtful else image
            self.forget_session()
            return answer

    def forget_session(self) -> None:
        """Nothing is open any more, and nobody known."""
        self._session = self._before = None
        self._watch.closed()
        self.visitor.forget()
        self._open_file.unlink(missing_ok=True)

    async def _finish_interrupted(self) -> None:
        if not self._open_file.exists():
            return
        try:
            self._session = json.loads(self._open_file.read_bytes())
            await self.close_session(uncertain=True)
        except (ValueError, KeyError, DriverError) as error:
            log.warning("cabinet.session_lost", reason=str(error))
            self.forget_session()
        with contextlib.suppress(CommandRefusedError, DriverError):
            await self.count_all("restart")

    async def _daily(self) -> None:
        """Housekeeping, and the full count of the day when its time has come and nobody is there (VIS-11)."""
        now = self.context.clock.now()
        if self._cleaned_at is None or (now - self._cleaned_at).total_seconds() > _HOUSEKEEPING_S:
            self._cleaned_at = now
            await asyncio.to_thread(self.sight.album.forget, now, days=self.config.images_days)
            await asyncio.to_thread(
                recording.forget, self._recordings, now, kept_days=self.config.images_days
            )
            kept = await asyncio.to_thread(self.sight.kept_models)
            await asyncio.to_thread(
                guided.forget, self.context.data_dir / "teaching", now, kept,
                images_days=self.config.images_days, teaching_days=self.config.teaching_days,
            )  # fmt: skip
        local = self.context.rules().local(now)
        if self.config.daily_count is None or self._counted_on == local.date() or self.busy:
            return
        hour, minute = (int(part) for part in self.config.daily_count.split(":"))
        if self._counted_on is None and (local.hour, local.minute) != (hour, minute):
            self._counted_on = local.date() if (local.hour, local.minute) > (hour, minute) else None
            return
        if (local.hour, local.minute) >= (hour, minute):
            self._counted_on = local.date()
            with contextlib.suppress(CommandRefusedError, DriverError):
                await self.count_all("daily")

    async def count_all(self, trigger: str = "asked") -> str:
        """Counts every compartment now, doors closed; returns a French sentence. Raises ``CommandRefusedError``."""
        async with self._turn:
            if self._session is not None:
                raise CommandRefusedError("L'armoire est ouverte : comptage impossible.")
            image = await self.sight.still()
            found = await self.sight.read(image)
            weighed = await asyncio.to_thread(
                lambda: self.sight.trays.count(self.sight.trays.weigh()) if self.sight.trays else {}
            )
            if not found.usable and not weighed:
                raise CommandRefusedError(f"Comptage impossible : {reason_text(found.reason)}.")
            digest = await self.sight.keep(image, somebody=trigger != "daily")
            places = telling.counted(self.sight.vision, found, weighed)
            payload = {"count_uid": str(uuid4()), "trigger": trigger, "places": places, "image": digest}
            await self.context.emit("vision.counted", payload | self.sight.quality(image))
            if found.usable:
                self._quiet = image
            sure = sum(place["count"] is not None for place in places)
            return f"{sure} compartiments comptés sur {len(places)}."

    async def dispute(self, location: str | None) -> dict[str, Any]:
        """The "wrong" button: what was just understood goes to a person (VIS-09). Raises ``CommandRefusedError``."""
        uids = self.told.disputed(location, self.context.clock.now())
        for payload in uids:
            await self.context.emit("vision.disputed", payload)
        return {"ok": True, "message": "Merci. Le magasinier vérifiera."}

    async def send_view(self) -> None:
        """The view without anybody for the office: compartments are drawn on it, in the frame all pictures are moved onto."""
        view = self.sight.album.scene
        if view is None:
            return
        digest = await asyncio.to_thread(self.sight.album.keep_part, view)
        payload = {"count_uid": str(uuid4()), "trigger": "reference", "places": [], "image": digest}
        await self.context.emit("vision.counted", payload | self.sight.quality(view))
        await asyncio.to_thread(write_durably, self._view_sent, self.sight.album.frame.encode())

    async def command(self, kind: str, params: dict[str, Any]) -> str:
        done = await self.requests.command(kind, params)
        return await super().command(kind, params) if done is None else done
