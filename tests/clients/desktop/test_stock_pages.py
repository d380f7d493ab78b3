"""Pages of the stock in the office: map, cutting plan, breakage, life, dashboard and needs, read from the real server."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QTableView, QWidget

from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.stock.bars import BarDrawing
from clients.desktop.ui.stock.place_map import PlaceMap
from clients.desktop.ui.stock.sheets import SheetDrawing
from clients.desktop.ui.stock.views import RecordBoardView
from coordinator.modules.catalogue.models import Material, StockItem, Tool
from coordinator.modules.stock import api as stock
from coordinator.modules.stock import cutting_plans, incidents, plate_plans
from coordinator.modules.stock.models import StockUnit, StorageLocation
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import Office
from tests.clients.desktop.steps import listed, opened
from tests.conftest import master

SHOTS = os.environ.get("USINAGE_SHOTS")


def _shot(widget: QWidget, name: str) -> None:
    if SHOTS:
        for _ in range(10):
            QApplication.processEvents()
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        widget.grab().save(str(Path(SHOTS) / f"{name}.png"))


def _words(widget: QWidget) -> str:
    return "\n".join(one.text() for one in widget.findChildren(QLabel))


@pytest.fixture(scope="module")
def shelves(office: Office) -> dict[str, int]:
    """A cabinet with drawers, bars with an offcut, a broken drill, a plan."""
    with office.factory.open(master()) as ctx:
        cabinet = ctx.add(StorageLocation(code="ARM-A", name="Armoire outils", kind="cabinet"))
        rack = ctx.add(StorageLocation(code="RACK-B", name="Rack barres", kind="rack"))
        drawers = [
            ctx.add(
                StorageLocation(
                    code=f"A-{n}",
                    name=f"Tiroir {n}",
                    kind="drawer",
                    parent_id=cabinet.id,
                    capacity=Decimal(10),
                )
            )
            for n in range(1, 8)
        ]
        drills = []
        for n, (code, length) in enumerate((("FO-8", 80), ("FO-8-C", 60), ("FO-10", 90))):
            drill = ctx.add(
                Tool(
                    code=code, name=f"Foret {code[3:]}", item_kind="tool", tool_type="drill", diameter_mm=Decimal(8 if n < 2 else 10),
                    length_mm=Decimal(length), iso513_groups="P", alert_threshold=Decimal(6 if n == 0 else 1), unit_cost=Decimal(31),
                )
            )  # fmt: skip
            stock.receive(ctx, drill.id, Decimal(4 + 3 * n), location_id=drawers[n].id)
            drills.append(drill)
        gloves = ctx.add(
            StockItem(code="CHIFFON", name="Chiffons", item_kind="consumable", is_consumable=True)
        )
        stock.receive(ctx, gloves.id, Decimal(10), location_id=drawers[4].id)
        steel = ctx.add(
            Material(code="C45-50R", name="C45 rond 50", item_kind="material", unit="mm", managed_by="unit")
        )
        lot = stock.new_lot(ctx, steel.id, heat_number="H-4711", shape="round", diameter_mm=Decimal(50))
        bars = []
        for number, length in enumerate((3000, 3000, 640)):
            bar = ctx.add(
                StockUnit(
                    stock_item_id=steel.id,
                    stock_lot_id=lot.id,
                    length_mm=Decimal(length),
                    serial_number=f"B{number + 1}",
                )
            )
            if number == 2:
                bar.parent_id = bars[0].id
            stock.receive(ctx, steel.id, Decimal(length), lot=lot, unit_id=bar.id, location_id=rack.id)
            bars.append(bar)
        wishes = [("OF-12 axe", 210, 5), ("OF-14 bague", 96, 9), ("OF-15 douille", 372, 4)]
        params = cutting_plans.PlanParams(
            pieces=[{"label": a, "length_mm": b, "count": c} for a, b, c in wishes], kerf_mm=Decimal(2), minimum_mm=Decimal(50)
        )  # fmt: skip
        plan = cutting_plans.propose(ctx, steel, params)["cutting_plan_ids"][0]
        plate = ctx.add(
            Material(code="AL8", name="Tôle alu 8", item_kind="material", unit="pce", managed_by="unit")
        )
        whole_plate: int | None = None
        for number, (length, width) in enumerate(((2000, 1000), (700, 500))):
            piece = ctx.add(
                StockUnit(
                    stock_item_id=plate.id, serial_number=f"T{number}", length_mm=Decimal(length), width_mm=Decimal(width),
                    height_mm=Decimal(8), parent_id=whole_plate,
                )
            )  # fmt: skip
            whole_plate = piece.id
            stock.receive(ctx, plate.id, Decimal(1), unit_id=piece.id, location_id=rack.id)
        sizes = [("Semelle", 620, 430, 2), ("Flasque", 300, 220, 4), ("Cale", 140, 90, 5)]
        wanted = [
            plate_plans.PlateWish(label=a, length_mm=Decimal(b), width_mm=Decimal(c), count=d)
            for a, b, c, d in sizes
        ]
        layout = plate_plans.propose(
            ctx, plate, plate_plans.PlatePlanParams(pieces=wanted, thickness_mm=Decimal(8))
        )
        incident = incidents.declare_breakage(ctx, drills[0], incidents.BreakParams(cause="vibration"))
        return {
            "plan": plan, "incident": incident["tool_incident_id"], "lot": lot.id, "tool": drills[0].id, "drawer": drawers[0].id,
            "plates": layout["plate_plan_id"],
        }  # fmt: skip


def _board(window: MainWindow, shelves: dict[str, int], key: str, entity: str) -> RecordBoardView:
    page = opened(window, {"id": shelves[key]}, entity)
    view: Any = next(
        page.tabs.widget(i)
        for i in range(page.tabs.count())
        if isinstance(page.tabs.widget(i), RecordBoardView)
    )
    page.tabs.setCurrentWidget(view)
    wait(lambda: view.data, f"page of {entity}")
    return view


@pytest.mark.requirement("STK-16")
def test_the_map_shows_fill_state_and_where_a_searched_thing_lies(
    window: MainWindow, shelves: dict[str, int]
) -> None:
    window.resize(QSize(1440, 900))
    page = listed(window, "storage_location")
    button = next(b for b in page.findChildren(QPushButton) if b.text() == "Plan des emplacements")
    button.click()
    board = window.tabs.currentWidget()
    assert board is not None
    found: Any = wait(lambda: board.findChild(PlaceMap), "map")
    words = _words(found)
    assert "Armoire ARM-A" in words
    assert "10 / 10" in words, "a full drawer shows its fill"
    _shot(window, "desktop-map")
    found.field.setText("FO-8-C")
    found.field.returnPressed.emit()
    lit = wait(
        lambda: [t for m in board.findChildren(PlaceMap) for t in m.tiles.values() if "3px solid" in t.styleSheet()], "search"
    )  # fmt: skip
    assert ["A-2" in _words(t) for t in lit] == [True]
    place = next(iter(board.findChildren(PlaceMap))).tiles[shelves["drawer"]]
    place.opened.emit(shelves["drawer"])
    wait(lambda: "A-1" in window.tabs.tabText(window.tabs.currentIndex()), "record of the place")


def test_a_cutting_plan_is_drawn_bar_by_bar_with_the_offcut_first(
    window: MainWindow, shelves: dict[str, int]
) -> None:
    window.resize(QSize(1440, 900))
    view = _board(window, shelves, "plan", "cutting_plan")
    bars = view.findChildren(BarDrawing)
    assert bars
    assert "Chute B3" in _words(view)
    assert sum(int(line.split(" × ")[0]) for bar in bars for line in bar.words.splitlines()[:-1]) == 18
    _shot(window, "desktop-plan-debit")


def test_a_plate_plan_draws_every_piece_and_the_rests_kept(
    window: MainWindow, shelves: dict[str, int]
) -> None:
    window.resize(QSize(1440, 1000))
    view = _board(window, shelves, "plates", "plate_plan")
    drawings = view.findChildren(SheetDrawing)
    assert len(drawings) == 2
    assert "Chute T1" in _words(view)
    lines = [
        line for one in drawings for line in one.words.splitlines() if " × " in line and "gardée" not in line
    ]
    assert sum(int(line.split(" × ")[0]) for line in lines) == 11
    assert any("Chute gardée" in one.words for one in drawings)
    _shot(window, "desktop-plan-toles")


def test_a_breakage_shows_its_solutions_and_its_button(window: MainWindow, shelves: dict[str, int]) -> None:
    window.resize(QSize(1440, 900))
    view = _board(window, shelves, "incident", "tool_incident")
    table = view.findChild(QTableView)
    assert table is not None
    cells = " ".join(
        str(table.model().index(r, c).data()) for r in range(table.model().rowCount()) for c in range(table.model().columnCount())
    )  # fmt: skip
    assert "FO-8 · Foret 8" in cells
    assert "FO-8-C" in cells
    assert "FO-10" not in cells, "another diameter drills another hole"
    _shot(window, "desktop-casse")


def test_life_supply_dashboard_and_needs_open(window: MainWindow, shelves: dict[str, int]) -> None:
    window.resize(QSize(1440, 900))
    life = _board(window, shelves, "lot", "stock_lot")
    assert "Vie complète" in _words(life)
    _shot(window, "desktop-vie")
    supply = _board(window, shelves, "tool", "tool")
    assert "Disponible" in _words(supply)
    page = listed(window, "stock_level")
    for name in ("Tableau de bord", "Besoins et ruptures"):
        button = next(b for b in page.findChildren(QPushButton) if b.text() == name)
        button.click()
        board: Any = window.tabs.currentWidget()
        wait(lambda b=board: b.body.count() > 0, name)
        _shot(window, f"desktop-{board.name}")
        window.tabs.setCurrentWidget(page)
