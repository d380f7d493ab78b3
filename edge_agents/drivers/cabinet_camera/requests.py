"""What a person asks of a cabinet: at its screen, by a badge or code, or as a command of the office (VIS-09, VIS-23, EDG-31)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from edge_agents.drivers.base import CommandRefusedError, DriverError
from edge_agents.drivers.cabinet_camera.guided import GuidedTeaching
from edge_agents.drivers.cabinet_camera.opening import moving

if TYPE_CHECKING:
    from edge_agents.drivers.cabinet_camera.driver import CabinetCameraDriver

Request = dict[str, Any]
Answer = dict[str, Any]


class Requests:
    """Answers requests of the local interface and commands of one cabinet's driver."""

    def __init__(self, driver: CabinetCameraDriver) -> None:
        self._driver = driver
        self._sight = driver.sight
        self._context = driver.context
        self.teaching: GuidedTeaching | None = None
        self._handlers: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            "open": self._open, "close": lambda _: driver.close_session(), "scan": self._scan, "pin": self._pin,
            "wrong": lambda request: driver.dispute(request.get("location")), "count": self._count,
            "reference": lambda _: self.accept_scene(), "tell": self._tell, "status": self._status,
            "tare": self._weigh, "learn": self._weigh, "teach": self._teach, "teach_photo": self._photograph,
            "teach_done": self._taught, "teach_stop": self._stop_teaching,
        }  # fmt: skip

    async def answer(self, request: Request) -> Answer:
        """Does what is asked, or says in French why not. Raises ``ValueError`` for an unknown request."""
        kind = str(request.get("do") or next((one for one in ("scan", "status") if one in request), ""))
        handler = self._handlers.get(kind)
        if handler is None:
            raise ValueError(f"do : {', '.join(self._handlers)} attendu")
        try:
            return await handler(request)
        except (CommandRefusedError, DriverError) as error:
            return {"ok": False, "message": str(error)}

    async def command(self, kind: str, params: dict[str, Any]) -> str | None:
        """Carries out a command of the office, ``None`` for one that is none of a cabinet's. Raises ``CommandRefusedError``."""
        if kind == "capture_test_image" and "camera_code" not in params:
            return f"Image {await self._sight.keep(await self._sight.still(), somebody=True)}"
        if kind == "run_count":
            return await self._driver.count_all()
        if kind in {"tare", "learn_unit"}:
            return await self._scale(kind, params)
        if kind == "clear_session":
            self._driver.forget_session()
            return "Session fermée."
        return None

    async def _scale(self, kind: str, params: dict[str, Any]) -> str:
        trays = self._sight.trays
        if trays is None:
            raise CommandRefusedError("Cette armoire n'a pas de plateau pesé.")
        place = str(params.get("location", ""))
        try:
            if kind == "tare":
                return f"Tare {await asyncio.to_thread(trays.tare, place):.2f} g."
            grams = await asyncio.to_thread(trays.learn, place, int(params.get("pieces", 10)))
        except ValueError as error:
            raise CommandRefusedError(str(error)) from None
        return f"Poids d'une pièce {grams:.3f} g."

    async def _open(self, _request: Request) -> Answer:
        session = await self._driver.open_session()
        return {"ok": True, "session_uid": session["session_uid"], "message": "Session ouverte."}

    async def _scan(self, request: Request) -> Answer:
        ok, message = self._driver.visitor.scan(str(request["scan"]), self._now())
        return {"ok": ok, "message": message}

    async def _pin(self, request: Request) -> Answer:
        ok, message = self._driver.visitor.pin(str(request["pin"]), str(request["user"]), self._now())
        return {"ok": ok, "message": message}

    async def _count(self, _request: Request) -> Answer:
        return {"ok": True, "message": await self._driver.count_all()}

    async def _weigh(self, request: Request) -> Answer:
        kind = "tare" if request["do"] == "tare" else "learn_unit"
        return {"ok": True, "message": await self._scale(kind, request)}

    async def _status(self, _request: Request) -> Answer:
        now = self._now()
        return (
            self._driver.told.describe(now)
            | self._screen(now)
            | {
                "open": self._driver.is_open,
                "reference": self._sight.album.fault is None,
                "user": self._driver.visitor.user_ref,
            }
        )

    def _now(self) -> datetime:
        return self._context.clock.now()

    def _screen(self, now: datetime) -> Answer:
        """Clock and look of the small screen: silent and dim in the quiet hours (EDG-30)."""
        rules = self._context.rules()
        quiet = rules.is_quiet(now)
        return {
            "clock": rules.local(now).strftime("%H:%M"), "quiet": quiet, "sound": rules.screen.sound and not quiet,
            "dark": rules.screen.dark, "text_scale": rules.screen.text_scale,
        }  # fmt: skip

    async def accept_scene(self) -> Answer:
        """The picture all kept ones are built on, taken when the person at the cabinet says that nobody is in view (VIS-27)."""
        if self._driver.is_open:
            raise CommandRefusedError("Fermez d'abord la session.")
        image = await self._sight.still()
        unfit = await self._sight.unfit(image)
        if unfit is not None:
            raise CommandRefusedError(f"Vue de référence impossible : {unfit}.")
        await asyncio.to_thread(self._sight.album.accept, image)
        await self._driver.send_view()
        return {"ok": True, "message": "Vue de référence enregistrée."}

    async def _tell(self, request: Request) -> Answer:
        """A place no sensor sees is counted by the person who stands before it."""
        location, count = str(request["location"]), int(request["count"])
        place = next((one for one in self._sight.vision.compartments if one.id == location), None)
        if place is None or place.item is None or count < 0:
            raise CommandRefusedError(f"Compartiment inconnu ou sans article : {location}.")
        payload = {"location_code": location, "item_code": place.item, "quantity": count}
        await self._context.emit("stock.counted", payload, user_ref=self._driver.visitor.user_ref)
        return {"ok": True, "message": f"{location} : {count} compté(s)."}

    async def _teach(self, request: Request) -> Answer:
        """Guided teaching at the cabinet (VIS-23): prompts, photographs, then a candidate model nobody uses yet."""
        folder = self._context.data_dir / "teaching" / self._now().strftime("%Y%m%d-%H%M%S")
        photographs = int(request.get("photographs", 60))
        capacity = dict(request.get("capacity") or {})
        self.teaching = GuidedTeaching(self._sight.vision, folder, photographs, capacity, self._sight.album)
        return {"ok": True, "message": self.teaching.prompt(), "left": self.teaching.left}

    def _running(self) -> GuidedTeaching:
        if self.teaching is None:
            raise CommandRefusedError("Aucun apprentissage en cours.")
        return self.teaching

    async def _stop_teaching(self, _request: Request) -> Answer:
        self._running()
        self.teaching = None
        return {"ok": True, "message": "Apprentissage abandonné."}

    async def _photograph(self, request: Request) -> Answer:
        teaching = self._running()
        image = await self._sight.still()
        if moving(image, await asyncio.to_thread(self._sight.moments_later)):
            raise CommandRefusedError("Quelque chose bouge devant la caméra : écartez-vous et recommencez.")
        message = await asyncio.to_thread(teaching.take, image, request.get("content"))
        return {"ok": True, "message": message, "left": teaching.left}

    async def _taught(self, _request: Request) -> Answer:
        report = await asyncio.to_thread(self._running().finish)
        self.teaching = None
        return {"ok": True, "message": report["message"], "report": report}
