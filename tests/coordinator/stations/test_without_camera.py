"""A shop without any camera: every compartment and package carries a code, and scanning is enough; a camera is an addition."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal

import cv2
import numpy as np
import pypdfium2
import pytest
from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome, dispatch
from coordinator.modules.catalogue.models import Material, StockItem
from coordinator.modules.company.models import Site
from coordinator.modules.stations.models import CabinetSession, Station, VisionDetection
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.labels import print_labels
from coordinator.modules.stock.models import StockLot, StockUnit, StorageLocation
from edge_agents.drivers.scanner.decode import decode_image


def scanned(pdf: bytes) -> list[str]:
    """Codes a scanner reads on the printed sheet, page after page."""
    found = []
    for page in pypdfium2.PdfDocument(pdf):
        picture = np.asarray(page.render(scale=6).to_numpy())
        (code,) = decode_image(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), 5.0)
        found.append(code.text)
    return found


@pytest.mark.requirement("VIS-36")
def test_printed_labels_alone_run_the_stock_and_a_camera_is_an_addition(ctx: Context) -> None:
    def say(kind: str, **payload: object) -> Outcome:
        body = {"item_code": None, "operation_code": None, **payload}
        return dispatch(ctx, DeviceEvent(uuid.uuid4(), kind, body, ctx.now, ctx.now, station_id="st-1"))

    places = [
        ctx.add(StorageLocation(code=f"A-{n:02d}", name=f"Case {n}", kind="compartment")) for n in (1, 2)
    ]
    insert = ctx.add(StockItem(code="PL-1", name="Plaquette", item_kind="insert", is_consumable=True))
    steel = ctx.add(Material(code="AC-20", name="Rond 20", item_kind="material", unit="mm", managed_by="lot"))
    lot = ctx.add(StockLot(stock_item_id=steel.id, lot_number="L-1", status="released"))
    bar = ctx.add(StockUnit(stock_item_id=steel.id, stock_lot_id=lot.id, length_mm=Decimal(1000)))
    stock.receive(ctx, insert.id, Decimal(10), location_id=places[0].id)
    stock.receive(ctx, steel.id, Decimal(1000), location_id=places[1].id, lot=lot, unit_id=bar.id)

    first, second = scanned(print_labels(ctx, "storage_location", [p.id for p in places]))
    (package,) = scanned(print_labels(ctx, "stock_item", [insert.id]))
    (batch,) = scanned(print_labels(ctx, "stock_lot", [lot.id]))
    (single,) = scanned(print_labels(ctx, "stock_unit", [bar.id]))
    assert len({first, second, package, batch, single}) == 5, "every thing has a code of its own"
    assert stock.resolve(ctx, batch).lot_id == lot.id

    held = _holder(ctx, insert)
    assert say("stock.taken", code=package, quantity=3, location_code=first).result == "done"
    assert say("stock.returned", code=package, quantity=1, location_code=second).result == "done"
    assert (held(places[0]), held(places[1])) == (7, 1)
    assert say("stock.taken", code=single, quantity=1000, location_code=second).result == "done"
    assert stock.on_hand(ctx, steel.id) == 0
    assert say("stock.counted", code=package, quantity=6, location_code=first).result in {"done", "review"}
    for table in (CabinetSession, VisionDetection, Station):
        assert ctx.session.scalar(select(func.count()).select_from(table)) == 0, "no camera took part"

    site = ctx.add(Site(code="SV", name="Site"))
    ctx.add(Station(code="arm-1", name="Armoire 1", kind="cabinet_camera", site_id=site.id))
    places[0].camera, places[0].counting_method = "arm-1", "count"
    before = held(places[0])
    assert say("stock.taken", code=package, quantity=1, location_code=first).result == "done"
    assert held(places[0]) == before - 1, "scanning goes on where a camera was added"


def _holder(ctx: Context, item: StockItem) -> Callable[[StorageLocation], int]:
    return lambda place: int(stock.on_hand(ctx, item.id, location_id=place.id))
