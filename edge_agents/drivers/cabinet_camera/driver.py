"""Cabinet session: scene at opening, scene at closing, decision on the station (VIS-04 to VIS-09, 11, 37 to 40)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import structlog

from edge_agents.drivers.base import CommandRefusedError, Driver, DriverContext, DriverError
from edge_agents.drivers.cabinet_camera import guided, recording, telling
from edge_agents.drivers.cabinet_camera.approved import Approved
from edge_agents.drivers.cabinet_camera.bars import diameter_mm
from edge_agents.drivers.cabinet_camera.camera import Album, Camera, jpeg, load, part_of
from edge_agents.drivers.cabinet_camera.cells import contact_open
from edge_agents.drivers.cabinet_camera.config import CabinetCameraConfig, vision_of
from edge_agents.drivers.cabinet_camera.decision import Change, Decision, check_usable, gray_of, sharpness
from edge_agents.drivers.cabinet_camera.detector import load_detector
from edge_agents.drivers.cabinet_camera.guided import GuidedTeaching
from edge_agents.drivers.cabinet_camera.opening import OpeningWatch, Signals, moving
from edge_agents.drivers.cabinet_camera.people import Visitor
from edge_agents.drivers.cabinet_camera.reading import read_picture
from edge_agents.drivers.cabinet_camera.screen import Screen
from edge_agents.drivers.cabinet_camera.session import compare_weighed, decide
from edge_agents.drivers.cabinet_camera.taught import load_model
from edge_agents.drivers.cabinet_camera.texts import reason_text
from edge_agents.drivers.cabinet_camera.trays import Trays
from edge_agents.drivers.local_api import LocalApi
from edge_agents.runtime.files import write_durably

log = structlog.get_logger(__name__)
_SCALE_FAULTS = {"scale_out_of_range", "scale_drift"}
_HOUSEKEEPING_S = 3600.0


class CabinetCameraDriver(Driver[CabinetCameraConfig]):
    """Watches one cabinet. An open session survives a power cut and is then closed as uncertain."""

    def __init__(self, config: CabinetCameraConfig, context: DriverContext) -> None:
        super().__init__(config, context)
        data = context.data_dir
        try:
            self._vision = vision_of(config)
            self._trays = None if config.cells is None else Trays(config.cells, data / "trays.json")
        except ValueError as error:
            raise DriverError("vision.config", str(error)) from None
        self._empty = None if self._vision.empty_image is None else load(self._vision.empty_image)
        self._model = Approved(load_model, config.model, config.model_sha256, data / "approved.model")
        self._detector = Approved(
            load_detector, config.detector, config.detector_sha256, data / "approved.onnx",
            lost="les compartiments partagés ne sont plus lus",
        )  # fmt: skip
        self._camera = Camera(config, data / "frames")
        places = [place.polygon for place in self._vision.compartments]
        self._album = Album(data / "images", places, self._empty, self._vision.fiducials)
        self._recordings, self._open_file = data / "recordings", data / "open_session.json"
        self._view_sent = data / "view_sent"
        self._session: dict[str, Any] | None = None
        self._before: Any = None
        self._quiet: Any = None
        self._weights: dict[str, float | None] = {}
        self._weights_before: dict[str, float | None] = {}
        self._scale_faults: dict[str, str | None] = {}
        self._turn = asyncio.Lock()
        self._watch = OpeningWatch(config.quiet_s, config.max_open_s)
        self._visitor = Visitor(context.reference, config.identify)
        self._told = telling.Told()
        self._teaching: GuidedTeaching | None = None
        self._counted_on: date | None = None
        self._cleaned_at: datetime | None = None
        self._last_frame: Any = None

    @property
    def busy(self) -> bool:
        return self._session is not None or self._teaching is not None

    async def run(self) -> None:
        await self._finish_interrupted()
        if not self._view_sent.exists() or self._view_sent.read_text(encoding="utf-8") != self._album.frame:
            await self._send_view()
        async with contextlib.AsyncExitStack() as stack:
            if self.config.socket_port is not None:
                port_file = self.context.data_dir / "local_api.port"
                await stack.enter_async_context(LocalApi(self._answer, self.config.socket_port, port_file))
            if self.config.screen_port is not None:
                screen_file = self.context.data_dir / "screen.port"
                await stack.enter_async_context(Screen(self._answer, self.config.screen_port, screen_file))
            while True:
                await self._look()
                await self._daily()
                await asyncio.sleep(self.config.poll_s)

    async def _look(self) -> None:
        """One turn: health of the camera, opening and closing by themselves."""
        now = self.context.clock.now()
        self._visitor.expire(now, in_session=self._session is not None)
        try:
            image = await asyncio.to_thread(self._camera.grab)
            contacts = contact_open(self.config.door_file), contact_open(self.config.drawer_file)
        except (DriverError, OSError) as error:
            self.context.set_status("fault", str(error))
            return
        if self._session is None:
            seen = reason_text(await asyncio.to_thread(check_usable, image, self._vision))
            reason = seen or self._model.fault or self._detector.fault or self._album.fault
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
        if self._trays is None:
            return False
        self._weights_before, self._weights = self._weights, await asyncio.to_thread(self._trays.weigh)
        return bool(self._weights_before) and self._trays.changed(self._weights_before, self._weights)

    async def open_session(self, cause: str = "button") -> dict[str, Any]:
        """The door opened: takes the scene before."""
        async with self._turn:
            if self._session is not None:
                return self._session
            # Without contact the hand is already there: scene and weights before are the last ones nobody disturbed.
            late = cause in {"motion", "weight"}
            use_quiet = late and self._quiet is not None
            image = self._quiet if use_quiet else await asyncio.to_thread(self._camera.grab_still)
            digest = await self._keep(image, somebody=cause == "button")
            opened = self.context.clock.now()
            weights = self._weights_before if late else {}
            if self._trays is not None and not weights:
                weights = await asyncio.to_thread(self._trays.weigh)
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
            image = await asyncio.to_thread(self._camera.grab_still)
            before = self._before
            if before is None:
                before = await asyncio.to_thread(self._album.view, session["image_before"])
            decision = await asyncio.to_thread(self._decide, session, before, image)
            doubtful = uncertain or not decision.usable
            somebody = uncertain or session.get("opened_by", "button") == "button"
            digest = await self._keep(image, decision, somebody=somebody)
            details = await asyncio.to_thread(self._record, session, digest, decision, doubtful=doubtful)
            session |= {"closed_at": self.context.clock.now(), "image_after": digest,
                        "status": "uncertain" if doubtful else "closed"}  # fmt: skip
            await self._emit(session, image, decision, details)
            answer = telling.answer_of(session, decision, doubtful=doubtful)
            self._told = telling.Told(
                session, answer, details, self.context.clock.now(), self.config.dispute_s
            )
            # What a doubtful session changed is scanned: it must not be seen again as a change of the next one.
            self._quiet = None if doubtful else image
            self._forget_session()
            return answer

    def _decide(self, session: dict[str, Any], before: Any, image: Any) -> Decision:
        if before is None:
            decision = Decision(False, "covered", ())
        else:
            decision = decide(before, image, self._vision, model=self._model.model, empty=self._empty,
                              detector=self._detector.model)  # fmt: skip
        if self._trays is None:
            return decision
        old = self._trays.count(session.get("weights") or {})
        new = self._trays.count(self._trays.weigh())
        weighed = compare_weighed(self._vision, old, new)
        self._scale_faults = {name: one.reason for name, one in new.items() if one.reason in _SCALE_FAULTS}
        return Decision(decision.usable, decision.reason, (*decision.changes, *weighed))

    async def _keep(self, image: Any, decision: Decision | None = None, *, somebody: bool) -> str:
        """Stores what cannot show a person of a picture (VIS-27). ``somebody`` may be at the cabinet unless a shut door or a long stillness
        says otherwise; what the model knows, read as one of its taught contents, is none of a person all the same."""
        changes = () if decision is None else decision.changes
        told = self._numbers({change.compartment.id for change in changes})
        taught = set() if self._model.model is None else {place.id for place in self._model.model.places}
        familiar = {c.compartment.id for c in changes if c.reason is None and c.compartment.id in taught}
        return await asyncio.to_thread(
            self._album.keep, image, told, familiar=self._numbers(familiar), again=self._moments_later if somebody else None
        )  # fmt: skip

    def _moments_later(self) -> Any:
        time.sleep(self.config.hold_s)
        return self._camera.grab()

    def _numbers(self, names: set[str]) -> list[int]:
        """Compartments by their place in the vision file."""
        return [number for number, place in enumerate(self._vision.compartments) if place.id in names]

    def _record(
        self, session: dict[str, Any], after: str | None, decision: Decision, *, doubtful: bool
    ) -> list[dict[str, Any]]:
        """Detections of a session with the crops a reviewer looks at; keeps the session for replays."""
        kept = [self._album.view(digest) for digest in (session["image_before"], after)]
        first, second = kept
        if self.config.record and first is not None and second is not None:
            recording.keep(self._recordings, session, jpeg(first), jpeg(second), decision)
        return [self._detection(session, change, kept, doubtful=doubtful) for change in decision.changes]

    def _detection(
        self, session: dict[str, Any], change: Change, kept: list[Any], *, doubtful: bool
    ) -> dict[str, Any]:
        crops: list[str | None] = []
        frame: tuple[float, ...] | None = None
        for one in kept:
            part, frame = (None, frame) if one is None else part_of(one, change.compartment.polygon)
            crops.append(None if part is None else self._album.keep_part(part))
        item = self._item_of(change.code) if change.code else None
        model = self._detector.model if change.compartment.method == "items" else self._model.model
        return telling.detection(session, change, doubtful=doubtful, item=item) | {
            "crop_before": crops[0], "crop_after": crops[1], "frame": frame,
            "model": model.digest[:12] if model is not None else None, "diameter_mm": self._diameter(change, kept),
        }  # fmt: skip

    def _diameter(self, change: Change, kept: list[Any]) -> float | None:
        """Diameter of the bars in a rack's cell, where the scale of the picture is known."""
        place, shown = change.compartment, kept[1] if change.after.count else kept[0]
        if place.method != "bar_ends" or place.mm_per_px is None or shown is None:
            return None
        return diameter_mm(part_of(shown, place.polygon, 0.0)[0], place.mm_per_px)

    def _item_of(self, code: str) -> str | None:
        """Item behind a label, from what the station knows without a line."""
        known = self.context.reference.data.items if self.context.reference.data else []
        return next((item.code for item in known if code in item.codes or code == item.code), None)

    async def _emit(
        self, session: dict[str, Any], image: Any, decision: Decision, details: list[dict[str, Any]]
    ) -> None:
        operation, ref = self._visitor.operation, self._visitor.user_ref
        payload = {key: value for key, value in session.items() if key != "weights"} | self._quality(image)
        payload |= {"persons": self._visitor.persons, "operation_code": operation.code if operation else None}
        await self.context.emit("cabinet.session", payload, user_ref=ref)
        if not decision.usable:
            reason = reason_text(decision.reason) or "image inutilisable"
            self.context.set_status("fault", reason)
            message = f"Caméra d'armoire : {reason}. Scannez les articles pris."
            alert = {"code": f"camera.{decision.reason}", "message": message, "image": session["image_after"]}
            await self.context.emit("health.alert", alert)
        for place, fault in self._scale_faults.items():
            message = (
                f"Plateau {place} : {reason_text(fault)}. Scannez les articles pris et tarez le plateau."
            )
            await self.context.emit("health.alert", {"code": f"scale.{fault}", "message": message})
        for detail in details:
            await self.context.emit("vision.detection", detail, user_ref=ref)

    def _quality(self, image: Any) -> dict[str, Any]:
        gray = gray_of(image)
        model = self._model.model
        return {"brightness": round(float(gray.mean()), 1), "sharpness": round(sharpness(gray), 1),
                "model": model.digest[:12] if model is not None else None}  # fmt: skip

    def _forget_session(self) -> None:
        self._session = self._before = None
        self._watch.closed()
        self._visitor.forget()
        self._open_file.unlink(missing_ok=True)

    async def _finish_interrupted(self) -> None:
        if not self._open_file.exists():
            return
        try:
            self._session = json.loads(self._open_file.read_bytes())
            await self.close_session(uncertain=True)
        except (ValueError, KeyError, DriverError) as error:
            log.warning("cabinet.session_lost", reason=str(error))
            self._forget_session()
        with contextlib.suppress(CommandRefusedError, DriverError):
            await self.count_all("restart")

    async def _daily(self) -> None:
        """Housekeeping, and the full count of the day when its time has come and nobody is there (VIS-11)."""
        now = self.context.clock.now()
        if self._cleaned_at is None or (now - self._cleaned_at).total_seconds() > _HOUSEKEEPING_S:
            self._cleaned_at = now
            await asyncio.to_thread(self._album.forget, now, days=self.config.images_days)
            await asyncio.to_thread(
                recording.forget, self._recordings, now, kept_days=self.config.images_days
            )
            in_use = {one.digest for one in (self._model.model,) if one is not None}
            await asyncio.to_thread(
                guided.forget, self.context.data_dir / "teaching", now, in_use,
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
            image = await asyncio.to_thread(self._camera.grab_still)
            found = await asyncio.to_thread(read_picture, image, self._vision, self._model.model, self._empty,
                                            self._detector.model)  # fmt: skip
            weighed = await asyncio.to_thread(
                lambda: self._trays.count(self._trays.weigh()) if self._trays else {}
            )
            if not found.usable and not weighed:
                raise CommandRefusedError(f"Comptage impossible : {reason_text(found.reason)}.")
            digest = await self._keep(image, somebody=trigger != "daily")
            places = telling.counted(self._vision, found, weighed)
            payload = {"count_uid": str(uuid4()), "trigger": trigger, "places": places, "image": digest}
            await self.context.emit("vision.counted", payload | self._quality(image))
            if found.usable:
                self._quiet = image
            sure = sum(place["count"] is not None for place in places)
            return f"{sure} compartiments comptés sur {len(places)}."

    async def dispute(self, location: str | None) -> dict[str, Any]:
        """The "wrong" button: what was just understood goes to a person (VIS-09). Raises ``CommandRefusedError``."""
        uids = self._told.disputed(location, self.context.clock.now())
        for payload in uids:
            await self.context.emit("vision.disputed", payload)
        return {"ok": True, "message": "Merci. Le magasinier vérifiera."}

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._do(request)
        except (CommandRefusedError, DriverError) as error:
            return {"ok": False, "message": str(error)}

    def _screen(self, now: datetime) -> dict[str, Any]:
        """Clock and look of the small screen: silent and dim in the quiet hours (EDG-30)."""
        rules = self.context.rules()
        quiet = rules.is_quiet(now)
        return {
            "clock": rules.local(now).strftime("%H:%M"), "quiet": quiet, "sound": rules.screen.sound and not quiet,
            "dark": rules.screen.dark, "text_scale": rules.screen.text_scale,
        }  # fmt: skip

    async def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        now = self.context.clock.now()
        kind = str(
            request.get("do") or ("scan" if "scan" in request else "status" if "status" in request else "")
        )
        if kind == "open":
            session = await self.open_session()
            return {"ok": True, "session_uid": session["session_uid"], "message": "Session ouverte."}
        if kind == "close":
            return await self.close_session()
        if kind == "scan":
            ok, message = self._visitor.scan(str(request["scan"]), now)
            return {"ok": ok, "message": message}
        if kind == "pin":
            ok, message = self._visitor.pin(str(request["pin"]), str(request["user"]), now)
            return {"ok": ok, "message": message}
        if kind == "wrong":
            return await self.dispute(request.get("location"))
        if kind == "count":
            return {"ok": True, "message": await self.count_all()}
        if kind == "reference":
            return await self._accept_scene()
        if kind == "tell":
            return await self._tell(str(request["location"]), int(request["count"]))
        if kind == "status":
            return (
                self._told.describe(now)
                | self._screen(now)
                | {
                    "open": self._session is not None,
                    "reference": self._album.fault is None,
                    "user": self._visitor.user_ref,
                }
            )
        if kind in {"tare", "learn"}:
            return {
                "ok": True,
                "message": await self.command("tare" if kind == "tare" else "learn_unit", request),
            }
        if kind.startswith("teach"):
            return await self._teach(kind, request)
        raise ValueError(
            "do : open, close, wrong, count, reference, tell, tare, learn, teach ou status attendu"
        )

    async def _accept_scene(self) -> dict[str, Any]:
        """The picture all kept ones are built on, taken when the person at the cabinet says that nobody is in view (VIS-27)."""
        if self._session is not None:
            raise CommandRefusedError("Fermez d'abord la session.")
        image = await asyncio.to_thread(self._camera.grab_still)
        unfit = reason_text(await asyncio.to_thread(check_usable, image, self._vision))
        if unfit is not None:
            raise CommandRefusedError(f"Vue de référence impossible : {unfit}.")
        await asyncio.to_thread(self._album.accept, image)
        await self._send_view()
        return {"ok": True, "message": "Vue de référence enregistrée."}

    async def _send_view(self) -> None:
        """The view without anybody for the office: compartments are drawn on it, in the frame all pictures are moved onto."""
        view = self._album.scene
        if view is None:
            return
        digest = await asyncio.to_thread(self._album.keep_part, view)
        payload = {"count_uid": str(uuid4()), "trigger": "reference", "places": [], "image": digest}
        await self.context.emit("vision.counted", payload | self._quality(view))
        await asyncio.to_thread(write_durably, self._view_sent, self._album.frame.encode())

    async def _tell(self, location: str, count: int) -> dict[str, Any]:
        """A place no sensor sees is counted by the person who stands before it."""
        place = next((one for one in self._vision.compartments if one.id == location), None)
        if place is None or place.item is None or count < 0:
            raise CommandRefusedError(f"Compartiment inconnu ou sans article : {location}.")
        payload = {"location_code": location, "item_code": place.item, "quantity": count}
        await self.context.emit("stock.counted", payload, user_ref=self._visitor.user_ref)
        return {"ok": True, "message": f"{location} : {count} compté(s)."}

    async def _teach(self, kind: str, request: dict[str, Any]) -> dict[str, Any]:
        """Guided teaching at the cabinet (VIS-23): prompts, photographs, then a candidate model nobody uses yet."""
        if kind == "teach":
            folder = self.context.data_dir / "teaching" / self.context.clock.now().strftime("%Y%m%d-%H%M%S")
            photographs = int(request.get("photographs", 60))
            self._teaching = GuidedTeaching(
                self._vision, folder, photographs, dict(request.get("capacity") or {}), self._album
            )
            return {"ok": True, "message": self._teaching.prompt(), "left": self._teaching.left}
        if self._teaching is None:
            raise CommandRefusedError("Aucun apprentissage en cours.")
        if kind == "teach_stop":
            self._teaching = None
            return {"ok": True, "message": "Apprentissage abandonné."}
        if kind == "teach_photo":
            image = await asyncio.to_thread(self._camera.grab_still)
            if moving(image, await asyncio.to_thread(self._moments_later)):
                raise CommandRefusedError(
                    "Quelque chose bouge devant la caméra : écartez-vous et recommencez."
                )
            message = await asyncio.to_thread(self._teaching.take, image, request.get("content"))
            return {"ok": True, "message": message, "left": self._teaching.left}
        report = await asyncio.to_thread(self._teaching.finish)
        self._teaching = None
        return {"ok": True, "message": report["message"], "report": report}

    async def command(self, kind: str, params: dict[str, Any]) -> str:
        if kind == "capture_test_image" and "camera_code" not in params:
            image = await asyncio.to_thread(self._camera.grab_still)
            return f"Image {await self._keep(image, somebody=True)}"
        if kind == "run_count":
            return await self.count_all()
        if kind in {"tare", "learn_unit"}:
            if self._trays is None:
                raise CommandRefusedError("Cette armoire n'a pas de plateau pesé.")
            place = str(params.get("location", ""))
            try:
                if kind == "tare":
                    return f"Tare {await asyncio.to_thread(self._trays.tare, place):.2f} g."
                grams = await asyncio.to_thread(self._trays.learn, place, int(params.get("pieces", 10)))
                return f"Poids d'une pièce {grams:.3f} g."
            except ValueError as error:
                raise CommandRefusedError(str(error)) from None
        if kind == "clear_session":
            self._forget_session()
            return "Session fermée."
        return await super().command(kind, params)
