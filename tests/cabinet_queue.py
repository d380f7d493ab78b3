"""A rendered cabinet whose detections wait for a person, with pictures as its station sends them."""

from __future__ import annotations

import io
import itertools
import uuid
from dataclasses import dataclass
from decimal import Decimal

import cv2

from coordinator.kernel.context import ContextFactory, Principal
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.company.models import Site
from coordinator.modules.stations.models import CabinetSession, Station, StationFile, VisionDetection
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import StorageLocation
from edge_agents.drivers.simulators import cabinet_scenes
from tests.factories import make

_NUMBERS = itertools.count(1)
HELD = 20


@dataclass(frozen=True)
class Queue:
    """Rows that wait, oldest first, and what they are about."""

    ids: list[int]
    station_id: int
    place: str
    item_id: int
    item: str


def waiting_detections(factory: ContextFactory, count: int = 3, *, user_id: int | None = None) -> Queue:
    """Detections of an insert box: two of five taken, four pictures each, none decided."""
    number = next(_NUMBERS)
    cabinet = cabinet_scenes.make_cabinet("insert_box", 4)
    seen = cabinet.places[1]
    x, y, w, h = cabinet.boxes[1]
    look = cabinet_scenes.Look(grain=2.0)
    with factory.open(Principal.service("test")) as ctx:
        site = make(ctx, Site, code=f"CAM{number}")
        station = ctx.add(
            Station(code=f"arm-{number}", name=f"Armoire {number}", kind="cabinet_camera", site_id=site.id)
        )
        item = ctx.add(
            StockItem(
                code=f"PL-{number}", name="Plaquette CNMG 120408", item_kind="insert", is_consumable=True
            )
        )
        place = ctx.add(
            StorageLocation(code=f"A{number}-03", name="Case", kind="compartment", vision_mode="review")
        )
        stock.receive(ctx, item.id, Decimal(HELD), location_id=place.id)
        digests = []
        for pieces in (5, 3):
            picture = cabinet_scenes.render(cabinet, {seen: pieces}, look, 10 * number + pieces)
            for part in (picture, picture[y - 20 : y + h + 20, x - 20 : x + w + 20]):
                jpeg = cv2.imencode(".jpg", part)[1].tobytes()
                digests.append(ctx.files.put(io.BytesIO(jpeg), "image/jpeg").sha256)
        for digest in digests:
            ctx.session.add(
                StationFile(
                    station_id=station.id, sha256=digest, size=1, media_type="image/jpeg", received_at=ctx.now
                )
            )
        session = ctx.add(
            CabinetSession(uid=uuid.uuid4(), station_id=station.id, opened_at=ctx.now, user_id=user_id,
                           image_before=digests[0], image_after=digests[2])
        )  # fmt: skip
        height, width = cabinet_scenes.render(cabinet, {}, look, 1).shape[:2]
        values = {"cabinet_session_id": session.id, "storage_location_id": place.id, "stock_item_id": item.id, "delta": -2,
                  "seen_item_id": item.id, "seen_delta": -2, "seen_status": "to_confirm", "count_before": 5, "count_after": 3,
                  "confidence_pct": Decimal("83.5"), "method": "count", "reason": "confidence", "detected_at": ctx.now,
                  "crop_before": digests[1], "crop_after": digests[3],
                  "frame": [x / width, y / height, (x + w) / width, (y + h) / height]}  # fmt: skip
        ids = [ctx.add(VisionDetection(uid=uuid.uuid4(), **values)).id for _ in range(count)]
        return Queue(ids, station.id, place.code, item.id, item.code)
