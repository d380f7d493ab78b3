"""Goods come in at a scan station: real broker, coordinator and station processes, cut, killed and started again."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from infra.demo.process import wait_until
from infra.demo.stations import StationUnit, make_stations
from infra.demo.story import setting_up
from infra.demo.story.telling import Story
from infra.demo.workshop import Workshop

PART, ORDERED = "42CD4-30", 40
PATIENCE_S = 240.0
"""Nothing is asserted about time: a loaded machine is only slow."""
LOTS = ("L-501", "L-502", "L-503", "L-504")


class Hall(Workshop):
    """Database, broker, coordinator and one scan station; no machine, no cabinet."""

    def _start(self) -> None:
        for name in ("data", "secrets"):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        self.database_url = self.database.start("usinage")
        self._start_broker()
        migrate = self._service("migrate", "la mise à jour de la base", "coordinator.cli", "migrate")
        migrate.start()
        assert migrate.wait(PATIENCE_S) == 0, migrate.tail()
        for name in ("serve", "ingest"):
            self._service(name, name, "coordinator.cli", name).start()
        stations = make_stations(self.folder / "stations", self.api_url, self.opcua_port)
        self.stations = {"scan": stations["scan"]}
        path = self.stations["scan"].folder / "STATION.yaml"
        station = yaml.safe_load(path.read_text())
        station["config"]["drivers"]["scanner"] |= {"require_badge": False, "duplicate_s": 0}
        path.write_text(yaml.safe_dump(station))
        wait_until(self._answers, PATIENCE_S, "L'API ne répond pas", self.services["serve"])


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A workshop with one supplier, one article and one order sent to him."""
    folder = tmp_path_factory.mktemp("receipt")
    told = Story(Hall(folder), samples=folder, shared=None)
    told.workshop.start()
    try:
        owner = setting_up.found_company(told)
        unit = told.workshop.stations["scan"]
        unit.service.start()
        setting_up.admit(told, owner, unit)
        supplier = owner.create("suppliers", name="Aciers du Perche", kinds=["material"])
        item = owner.create("stock-items", code=PART, name="Rond 42CD4", item_kind="consumable", unit="pce")
        order = owner.create("purchase-orders", supplier_id=supplier["id"])
        owner.create("purchase-order-lines", purchase_order_id=order["id"], stock_item_id=item["id"], description=PART,
                     quantity=str(ORDERED), unit_price="12")  # fmt: skip
        owner.act("purchase-orders", order["id"], "submit")
        told.facts["order"] = owner.act("purchase-orders", order["id"], "approve")["record"]
        yield told
    finally:
        told.workshop.stop()


def label(number: int) -> str:
    """A supplier's label after ISO/IEC 15434: article, quantity, lot, heat, package number."""
    return f"[)>\x1e06\x1dP{PART}\x1dQ10\x1d1T{LOTS[number]}\x1dHC44{number}\x1d3SPK{number}\x1e\x04"


def received(story: Story) -> list[tuple[Any, ...]]:
    """Receipt movements: lot, heat number, quantity."""
    query = (
        "SELECT l.supplier_lot, l.heat_number, m.quantity FROM stock_movement m"
        " JOIN stock_lot l ON l.id = m.stock_lot_id WHERE m.kind = 'receipt' ORDER BY l.supplier_lot"
    )
    return story.workshop.rows(query)


def line(story: Story) -> tuple[Any, ...]:
    query = "SELECT l.received_qty, o.status FROM purchase_order_line l JOIN purchase_order o ON o.id = l.purchase_order_id"
    (found,) = story.workshop.rows(query)
    return tuple(found)


def scan_and_receive(unit: StationUnit, number: int, **scan: Any) -> None:
    known = unit.ask(**(scan or {"scan": label(number), "symbology": "DataMatrix"}))
    assert known["actions"] == ["receive"], known
    booked = unit.ask(action="receive", quantity=10, delivery_note=f"BL-{number}")
    assert booked["events"] == ["goods.received"], booked


def photograph(folder: Path, text: str) -> Path:
    """A Data Matrix as a camera of the station sees it."""
    import cv2
    import zxingcpp

    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.DataMatrix)
    modules = np.array(zxingcpp.write_barcode_to_image(code, scale=5))
    seen = cv2.GaussianBlur(np.pad(modules, 60, constant_values=255), (0, 0), 2)
    path = folder / "label.png"
    assert cv2.imwrite(str(path), seen)
    return path


@pytest.mark.timeout(1200)
@pytest.mark.requirement("CRM-38", "CRM-50", "STK-25", "STK-51", "EDG-27")
def test_each_package_enters_stock_once_whatever_breaks(story: Story) -> None:
    shop = story.workshop
    unit = shop.stations["scan"]

    scan_and_receive(unit, 0)
    story.eventually(
        lambda: len(received(story)) == 1, "La première réception n'arrive pas", timeout_s=PATIENCE_S
    )
    assert received(story) == [("L-501", "C440", Decimal(10))]
    assert line(story) == (Decimal(10), "partly_received")

    # The same package again: noted, told to the station, not booked.
    scan_and_receive(unit, 0)
    facts = "SELECT count(*) FROM device_event WHERE event_type = 'goods.received'"
    story.eventually(lambda: shop.value(facts) == 2, "Le second passage n'arrive pas", timeout_s=PATIENCE_S)
    story.eventually(
        lambda: unit.waiting()["event"] == 0, "Des événements attendent encore", timeout_s=PATIENCE_S
    )
    assert len(received(story)) == 1
    assert line(story)[0] == 10

    # No broker; the station is killed right after it said "enregistré", and goes on.
    shop.stop_broker(kill=True)
    scan_and_receive(unit, 1, image=str(photograph(unit.folder, label(1))))
    unit.service.kill()
    unit.service.start()
    scan_and_receive(unit, 2)
    assert unit.waiting()["event"] > 0
    assert len(received(story)) == 1

    # The line is back; who books the events is killed amid them.
    shop.start_broker()
    shop.services["ingest"].kill()
    scan_and_receive(unit, 3)
    shop.services["ingest"].start()
    story.eventually(
        lambda: len(received(story)) >= 4, "Les réceptions hors ligne n'arrivent pas", timeout_s=PATIENCE_S
    )
    story.eventually(
        lambda: unit.waiting()["event"] == 0, "Des événements attendent encore", timeout_s=PATIENCE_S
    )
    assert received(story) == [(lot, f"C44{n}", Decimal(10)) for n, lot in enumerate(LOTS)]
    assert line(story) == (Decimal(ORDERED), "received")
    on_hand = shop.value("SELECT sum(quantity) FROM stock_balance")
    assert on_hand == ORDERED
    stored = shop.value("SELECT count(*) FROM device_event WHERE event_type = 'goods.received'")
    assert stored == 5, "four packages and one of them twice"
