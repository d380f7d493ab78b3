"""Compartments of the stock reach the camera, and what it sees of each expected item comes back as movements."""

from __future__ import annotations

import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, dispatch
from coordinator.kernel.errors import BusinessError
from coordinator.modules.catalogue.models import StockItem, SupplierItem, Tool
from coordinator.modules.company.models import Site
from coordinator.modules.parties.models import Supplier
from coordinator.modules.stations import service, vision_places
from coordinator.modules.stations.models import Station, StationConfig, VisionDetection
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import LocationItem, StorageLocation
from edge_agents.drivers.cabinet_camera import telling
from edge_agents.drivers.cabinet_camera.config import CabinetCameraConfig, vision_of
from edge_agents.drivers.cabinet_camera.detector import Calibration, Piece
from edge_agents.drivers.cabinet_camera.session import decide
from edge_agents.protocol.payloads import VisionDetection as DetectionPayload

POLYGON = [[20, 10], [320, 10], [320, 230], [20, 230]]
PARAMS = vision_places.PlacesParams()


class Network:
    """Stands for the trained detector: pieces of the pictures, in turn."""

    kinds = ("drill", "end_mill", "other")
    change = Calibration()
    digest = "1" * 64

    def __init__(self, *answers: list[Piece]) -> None:
        self._answers = list(answers)

    def find(self, picture: Any, expected: Any = ()) -> list[Piece]:
        assert picture.shape[:2] == (221, 301), "only the part inside the polygon is looked at"
        return self._answers.pop(0)


def piece(kind: str, x: float) -> Piece:
    return Piece(kind, 0.98, x, 110.0, 90.0, 16.0, np.pi / 2)


def picture(pieces: list[Piece]) -> Any:
    image = np.random.default_rng(1).normal(90, 4, (240, 340, 3))
    for one in pieces:
        cv2.fillConvexPoly(
            image, np.round(one.corners + np.array([20, 10])).astype(np.int32), (200, 205, 200)
        )
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture
def station(ctx: Context) -> Station:
    site = ctx.add(Site(code="SV", name="Site"))
    found = ctx.add(Station(code="arm-1", name="Armoire 1", kind="cabinet_camera", site_id=site.id))
    config = {"drivers": {"cabinet": {"type": "cabinet_camera", "vision": "vision.yaml", "frames": "frames"}}}
    service.set_config(ctx, found, service.ConfigParams(config=config))
    return found


@pytest.fixture
def tray(ctx: Context) -> StorageLocation:
    place = ctx.add(
        StorageLocation(code="T-01", name="Tiroir", kind="compartment", vision_mode="auto", camera="arm-1",
                        polygon=POLYGON, counting_method="items")
    )  # fmt: skip
    for code, kind in (("FOR-8", "drill"), ("FRA-10", "end_mill")):
        item = ctx.add(StockItem(code=code, name=code, item_kind="insert", is_consumable=True))
        ctx.add(LocationItem(storage_location_id=place.id, stock_item_id=item.id, seen_as=kind))
        stock.receive(ctx, item.id, Decimal(5), location_id=place.id)
    return place


def sent(ctx: Context, station: Station) -> dict[str, Any]:
    query = select(StationConfig).where(StationConfig.station_id == station.id)
    row = ctx.session.scalars(query.order_by(StationConfig.version_no.desc()).limit(1)).one()
    assert row.signature, "a station takes only what is signed"
    driver: dict[str, Any] = row.config["drivers"]["cabinet"]
    return driver


@pytest.mark.requirement("VIS-02")
def test_a_set_of_items_goes_from_the_stock_to_the_camera_and_back_as_movements(
    ctx: Context, station: Station, tray: StorageLocation, tmp_path: Path
) -> None:
    single = ctx.add(
        StorageLocation(code="T-02", name="Trou", kind="compartment", camera="arm-1/cabinet",
                        polygon=[[0, 0], [10, 0], [10, 10]], counting_method="presence")
    )  # fmt: skip
    item = ctx.add(StockItem(code="JAU-1", name="Jauge", item_kind="insert"))
    ctx.add(LocationItem(storage_location_id=single.id, stock_item_id=item.id))
    assert vision_places.send_places(ctx, station, PARAMS) == {"version_no": 2, "compartments": 2}

    (tmp_path / "vision.yaml").write_text(
        yaml.safe_dump(
            {"compartments": [{"id": "old", "method": "presence", "polygon": POLYGON}], "min_sharpness": 0}
        )
    )
    driver = sent(ctx, station) | {"vision": str(tmp_path / "vision.yaml")}
    vision = vision_of(CabinetCameraConfig.model_validate(driver))
    first, second = vision.compartments
    assert (first.id, first.method, first.camera, [list(p) for p in first.polygon]) == (
        "T-01",
        "items",
        "arm-1",
        POLYGON,
    )
    assert [(one.item, one.kind) for one in first.items] == [("FOR-8", "drill"), ("FRA-10", "end_mill")]
    assert (second.id, second.item, second.method) == ("T-02", "JAU-1", "presence")

    vision = vision.model_copy(update={"compartments": (first,)})
    before = [piece("drill", 60), piece("drill", 120), piece("end_mill", 200)]
    after = [before[0], before[2], piece("end_mill", 260)]
    network: Any = Network(before, after)
    decision = decide(picture(before), picture(after), vision, detector=network)
    session, now = {"session_uid": str(uuid.uuid4())}, ctx.now
    for change in decision.changes:
        payload = telling.detection(session, change, doubtful=False, item=None)
        told = DetectionPayload.model_validate(payload).model_dump(mode="json")
        dispatch(ctx, DeviceEvent(uuid.uuid4(), "vision.detection", told, now, now, station_id=station.code))
    rows = ctx.session.scalars(select(VisionDetection).order_by(VisionDetection.id)).all()
    assert [(row.status, row.delta, row.method) for row in rows] == [
        ("auto_booked", -1, "items"),
        ("auto_booked", 1, "items"),
    ]
    held = {
        code: stock.on_hand(ctx, _item(ctx, code).id, location_id=tray.id) for code in ("FOR-8", "FRA-10")
    }
    assert held == {"FOR-8": 4, "FRA-10": 6}


@pytest.mark.requirement("VIS-03")
def test_a_place_told_by_labels_knows_what_else_is_printed_on_the_packages(
    ctx: Context, station: Station
) -> None:
    place = ctx.add(
        StorageLocation(code="E-01", name="Étagère", kind="compartment", camera="arm-1", polygon=POLYGON,
                        counting_method="label_text")
    )  # fmt: skip
    drill = ctx.add(
        Tool(
            code="FOR-8",
            name="Foret 8",
            item_kind="tool",
            tool_type="drill",
            manufacturer_reference="A1249-8 ",
        )
    )
    other = ctx.add(StockItem(code="JAU-1", name="Jauge", item_kind="insert"))
    seller = ctx.add(Supplier(code="F1", name="Outillage", currency="EUR"))
    ctx.add(SupplierItem(supplier_id=seller.id, stock_item_id=drill.id, supplier_reference="5511020"))
    for item in (drill, other):
        ctx.add(LocationItem(storage_location_id=place.id, stock_item_id=item.id))
    vision_places.send_places(ctx, station, PARAMS)
    (told,) = CabinetCameraConfig.model_validate(sent(ctx, station)).compartments
    assert [(one.item, one.printed) for one in told.told_by_label] == [
        ("FOR-8", ("5511020", "A1249-8")),
        ("JAU-1", ()),
    ]


def _item(ctx: Context, code: str) -> StockItem:
    return ctx.session.scalars(select(StockItem).where(StockItem.code == code)).one()


@pytest.mark.requirement("VIS-11")
def test_a_full_count_asks_for_each_item_of_a_shared_place(
    ctx: Context, station: Station, tray: StorageLocation
) -> None:
    now = ctx.now
    places = [
        {"location_code": "T-01", "item_code": code, "count": count, "confidence": 0.95, "method": "items"}
        for code, count in (("FOR-8", 4), ("FRA-10", 7))
    ]
    payload = {"count_uid": str(uuid.uuid4()), "trigger": "asked", "places": places}
    dispatch(ctx, DeviceEvent(uuid.uuid4(), "vision.counted", payload, now, now, station_id=station.code))
    rows = ctx.session.scalars(select(VisionDetection).order_by(VisionDetection.id)).all()
    assert [(row.delta, row.status) for row in rows] == [(-1, "to_confirm"), (2, "to_confirm")]


def test_what_a_camera_could_not_use_is_not_sent(
    ctx: Context, station: Station, tray: StorageLocation
) -> None:
    def refused() -> str:
        with pytest.raises(BusinessError) as caught:
            vision_places.send_places(ctx, station, PARAMS)
        return str(caught.value.code)

    drill = ctx.session.scalars(select(LocationItem).where(LocationItem.seen_as == "drill")).one()
    drill.seen_as = "end_mill"
    assert refused() == "vision.items_alike"
    drill.seen_as = None
    assert refused() == "vision.items_alike"
    drill.seen_as, tray.polygon = "drill", [[0, 0], [1, 1]]
    assert refused() == "vision.place_incomplete"
    tray.polygon, tray.camera = POLYGON, "arm-2"
    assert refused() == "vision.no_places"
    service.set_config(ctx, station, service.ConfigParams(config={"drivers": {}}))
    assert refused() == "vision.no_camera"
