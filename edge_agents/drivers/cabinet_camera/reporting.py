"""What a session becomes: detections with the crops a reviewer looks at, alerts, and the messages of all of it (VIS-05, VIS-37, VIS-43)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agents.drivers.base import DriverContext
from edge_agents.drivers.cabinet_camera import recording, telling
from edge_agents.drivers.cabinet_camera.camera import jpeg, part_of
from edge_agents.drivers.cabinet_camera.decision import Change, Decision
from edge_agents.drivers.cabinet_camera.people import Visitor
from edge_agents.drivers.cabinet_camera.sight import Sight
from edge_agents.drivers.cabinet_camera.texts import reason_text
from edge_agents.protocol.posting import Thresholds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]


class Reporter:
    """Makes and sends the facts of sessions; ``recordings`` keeps each for replays where it is given."""

    def __init__(
        self,
        sight: Sight,
        context: DriverContext,
        visitor: Visitor,
        recordings: Path | None,
        limits: Thresholds | None = None,
    ) -> None:
        self._sight = sight
        self._context = context
        self._visitor = visitor
        self._limits = limits
        self._recordings = recordings

    def detections(
        self, session: dict[str, Any], after: str | None, decision: Decision, *, doubtful: bool
    ) -> list[dict[str, Any]]:
        """Payloads of all that changed, with their crops; keeps the session for replays."""
        kept = [self._sight.album.view(digest) for digest in (session["image_before"], after)]
        first, second = kept
        if self._recordings is not None and first is not None and second is not None:
            recording.keep(self._recordings, session, jpeg(first), jpeg(second), decision)
        return [self._detection(session, change, kept, doubtful=doubtful) for change in decision.changes]

    def _detection(
        self, session: dict[str, Any], change: Change, kept: list[Any], *, doubtful: bool
    ) -> dict[str, Any]:
        crops: list[str | None] = []
        frame: tuple[float, ...] | None = None
        for one in kept:
            part, frame = (None, frame) if one is None else part_of(one, change.compartment.polygon)
            crops.append(None if part is None else self._sight.album.keep_part(part))
        item = self._item_of(change.code) if change.code else None
        return telling.detection(session, change, doubtful=doubtful, item=item, limits=self._limits) | {
            "crop_before": crops[0], "crop_after": crops[1], "frame": frame,
            "model": self._sight.version(change.compartment.method), "diameter_mm": self._sight.diameter(change, kept),
        }  # fmt: skip

    def _item_of(self, code: str) -> str | None:
        """Item behind a label, from what the station knows without a line."""
        data = self._context.reference.data
        known = data.items if data else []
        return next((item.code for item in known if code in item.codes or code == item.code), None)

    async def send(
        self, session: dict[str, Any], image: Image, decision: Decision, details: list[dict[str, Any]]
    ) -> None:
        """The session first, then what is wrong with camera or scales, then what changed."""
        operation, ref = self._visitor.operation, self._visitor.user_ref
        payload = {key: value for key, value in session.items() if key != "weights"} | self._sight.quality(
            image
        )
        payload |= {"persons": self._visitor.persons, "operation_code": operation.code if operation else None}
        await self._context.emit("cabinet.session", payload, user_ref=ref)
        if not decision.usable:
            reason = reason_text(decision.reason) or "image inutilisable"
            self._context.set_status("fault", reason)
            message = f"Caméra d'armoire : {reason}. Scannez les articles pris."
            alert = {"code": f"camera.{decision.reason}", "message": message, "image": session["image_after"]}
            await self._context.emit("health.alert", alert)
        for place, fault in self._sight.scale_faults.items():
            words = f"Plateau {place} : {reason_text(fault)}. Scannez les articles pris et tarez le plateau."
            await self._context.emit("health.alert", {"code": f"scale.{fault}", "message": words})
        for detail in details:
            await self._context.emit("vision.detection", detail, user_ref=ref)
