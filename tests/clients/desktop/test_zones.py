"""Zones drawn with the mouse on a picture: the board, the canvas, the compartments of a cabinet, the masks of a camera."""

from __future__ import annotations

import io
import os
import uuid
from pathlib import Path
from typing import Any

import cv2
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from sqlalchemy import select

from clients.desktop.model import zones as model
from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.stations.zones import CameraZonesView, CompartmentsView, ZonesView
from clients.desktop.ui.zone_canvas import ZoneCanvas
from coordinator.kernel.context import Principal
from coordinator.modules.company.models import Site
from coordinator.modules.machines.camera_models import Camera, Device
from coordinator.modules.stations import service
from coordinator.modules.stations.models import Station, StationConfig, StationFile, VisionCount
from coordinator.modules.stock.models import StorageLocation
from edge_agents.drivers.simulators import cabinet_scenes
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import Office

TRIANGLE = [(0.1, 0.1), (0.5, 0.1), (0.3, 0.6)]


def test_every_act_can_be_undone_and_done_again() -> None:
    board = model.ZoneBoard()
    assert board.add_rectangle((0.6, 0.7), (0.2, 0.3))
    assert board.zones[0].points == [(0.2, 0.3), (0.6, 0.3), (0.6, 0.7), (0.2, 0.7)]
    board.keep()
    board.move((0.9, -0.9))
    assert board.zones[0].points[0] == pytest.approx((0.6, 0.0)), "a zone stays in the picture"
    assert board.zones[0].points[2] == pytest.approx((1.0, 0.4))
    board.keep()
    assert board.drag_corner(2, (0.8, 0.9))
    assert model.is_rectangle(board.zones[0].points)
    board.delete()
    assert board.zones == []
    for shape in ((0.8, 0.9), (1.0, 0.4), (0.6, 0.7)):
        assert board.undo()
        assert board.zones[0].points[2] == pytest.approx(shape)
    assert board.undo()
    assert not board.undo()
    assert board.redo()
    assert board.zones[0].points[2] == pytest.approx((0.6, 0.7))


@pytest.mark.parametrize(
    "points",
    [
        [(0.1, 0.1), (0.5, 0.5)],
        [(0.1, 0.1), (0.101, 0.1), (0.101, 0.101)],
        [(0.1, 0.1), (0.5, 0.5), (0.5, 0.1), (0.1, 0.5)],
    ],
)
def test_a_slip_of_the_hand_is_no_zone(points: list[model.Point]) -> None:
    board = model.ZoneBoard()
    assert board.add(points) is None
    assert (board.zones, board.is_dirty) == ([], False)


def test_the_inner_zone_of_two_is_taken() -> None:
    board = model.ZoneBoard()
    board.add_rectangle((0.4, 0.4), (0.5, 0.5))
    board.add_rectangle((0.1, 0.1), (0.9, 0.9))
    assert (board.zone_at((0.45, 0.45)), board.zone_at((0.2, 0.2)), board.zone_at((0.95, 0.2))) == (
        0,
        1,
        None,
    )
    board.add(TRIANGLE)
    assert not board.drag_corner(2, (0.3, 0.1)), "an outline does not fold onto itself"


def _at(canvas: ZoneCanvas, x: float, y: float) -> QPoint:
    return canvas.to_widget((x, y)).toPoint()


def _drag(canvas: ZoneCanvas, start: model.Point, end: model.Point) -> None:
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=_at(canvas, *start))
    QTest.mouseMove(canvas, _at(canvas, (start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
    QTest.mouseMove(canvas, _at(canvas, *end))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=_at(canvas, *end))


def _drawn(canvas: ZoneCanvas) -> list[list[model.Point]]:
    return [[(round(x, 2), round(y, 2)) for x, y in z.points] for z in canvas.board.zones]


def test_mouse_and_keys_draw_pull_move_and_delete(qapp: QApplication) -> None:
    canvas = ZoneCanvas()
    canvas.resize(1000, 600)
    canvas.show()
    _drag(canvas, (0.1, 0.1), (0.4, 0.3))
    assert _drawn(canvas) == [[(0.1, 0.1), (0.4, 0.1), (0.4, 0.3), (0.1, 0.3)]]
    _drag(canvas, (0.4, 0.3), (0.5, 0.5))
    assert _drawn(canvas)[0][2] == (0.5, 0.5)
    _drag(canvas, (0.3, 0.3), (0.4, 0.4))
    assert _drawn(canvas)[0][0] == (0.2, 0.2)
    canvas.set_outline(True)
    for corner in ((0.7, 0.2), (0.9, 0.2), (0.8, 0.6)):
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=_at(canvas, *corner))
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert _drawn(canvas)[1] == [(0.7, 0.2), (0.9, 0.2), (0.8, 0.6)]
    QTest.keyClick(canvas, Qt.Key.Key_Delete)
    assert len(canvas.board.zones) == 1
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(canvas.board.zones) == 2
    canvas.writable = False
    QTest.keyClick(canvas, Qt.Key.Key_Delete)
    assert len(canvas.board.zones) == 2
    canvas.close()


def _tab(window: MainWindow, entity: str, record_id: int, kind: type[ZonesView]) -> ZonesView:
    page = window.open_record(entity, record_id)
    wait(lambda: page.tabs.count() > 1, "tabs")
    names = [page.tabs.tabText(i) for i in range(page.tabs.count())]
    page.tabs.setCurrentIndex(names.index("Zones"))
    view = page.tabs.currentWidget()
    assert isinstance(view, kind)
    wait(lambda: view.canvas, "canvas")
    return view


@pytest.mark.requirement("VIS-02", "EDG-30")
def test_compartments_are_drawn_on_the_picture_of_the_station(
    window: MainWindow, office: Office, qapp: QApplication
) -> None:
    cabinet = cabinet_scenes.make_cabinet("insert_box", 7)
    picture = cabinet_scenes.render(
        cabinet, dict.fromkeys(cabinet.places, 4), cabinet_scenes.Look(grain=2.0), 3
    )
    height, width = picture.shape[:2]
    content = io.BytesIO(cv2.imencode(".jpg", picture)[1].tobytes())
    with office.factory.open(Principal.service("test")) as ctx:
        site = ctx.add(Site(code="ZW", name="Site"))
        station = ctx.add(Station(code="zw-1", name="Armoire 9", kind="cabinet_camera", site_id=site.id))
        service.set_config(
            ctx,
            station,
            service.ConfigParams(
                config={"drivers": {"cabinet": {"type": "cabinet_camera", "vision": "v.yaml"}}}
            ),
        )
        places = [
            ctx.add(StorageLocation(code=f"ZW-0{n}", name="Case", kind="compartment")).id for n in (1, 2)
        ]
        digest = ctx.files.put(content, "image/jpeg").sha256
        ctx.session.add(
            StationFile(
                station_id=station.id, sha256=digest, size=9, media_type="image/jpeg", received_at=ctx.now
            )
        )
        ctx.add(
            VisionCount(
                uid=uuid.uuid4(),
                station_id=station.id,
                trigger="daily",
                counted_at=ctx.now,
                places=[],
                differences=0,
                image=digest,
            )
        )
        station_id = int(station.id)
    view = _tab(window, "station", station_id, CompartmentsView)
    assert isinstance(view, CompartmentsView)
    canvas = view.canvas
    assert canvas is not None
    assert (canvas.picture.width(), canvas.picture.height()) == (width, height)
    window.resize(1440, 1000)
    wait(lambda: canvas.width() > 600, "layout")
    _drag(canvas, (0.2, 0.2), (0.4, 0.5))
    view.save()
    assert "n'a pas d'emplacement" in view.banner.text
    view.place.setCurrentIndex(view.place.findData(places[1]))
    view.name(canvas.board.zones[0], places[1])
    if folder := os.environ.get("USINAGE_SHOTS"):
        for _ in range(20):
            qapp.processEvents()
        window.grab().save(str(Path(folder) / "zones.png"))
    view.save()
    wait(
        lambda: view.canvas is not None and not view.canvas.board.is_dirty and view.canvas.board.zones, "kept"
    )
    with office.factory.open(Principal.service("test")) as ctx:
        place = ctx.get(StorageLocation, places[1])
        assert place.camera == "zw-1"
        (left, top), _, (right, bottom), _ = place.polygon
        assert (left, top, right, bottom) == pytest.approx(
            (0.2 * width, 0.2 * height, 0.4 * width, 0.5 * height), abs=3
        )
    assert view.canvas is not None
    assert [z.name for z in view.canvas.board.zones] == ["ZW-02"]


@pytest.mark.requirement("MCH-35")
def test_masks_are_drawn_without_a_picture_too(
    window: MainWindow, office: Office, qapp: QApplication
) -> None:
    with office.factory.open(Principal.service("test")) as ctx:
        site = ctx.add(Site(code="ZC", name="Site"))
        station = ctx.add(Station(code="zc-1", name="Agent", kind="machine_agent", site_id=site.id))
        driver = {"type": "machine_camera", "camera_code": "ZCAM", "source": "rtsp://h/1"}
        service.set_config(ctx, station, service.ConfigParams(config={"drivers": {"camera": driver}}))
        device = ctx.add(Device(code="ZCAM", name="Caméra", station_code="zc-1"))
        camera_id = int(ctx.add(Camera(device_id=device.id, location_label="Tour 1")).id)
        station_id = int(station.id)
    view = _tab(window, "camera", camera_id, CameraZonesView)
    canvas = view.canvas
    assert canvas is not None
    window.resize(1440, 1000)
    wait(lambda: canvas.width() > 600, "layout")
    _drag(canvas, (0.5, 0.1), (0.9, 0.9))
    view.save()

    def masks() -> Any:
        with office.factory.open(Principal.service("test")) as ctx:
            query = select(StationConfig.config).where(StationConfig.station_id == station_id)
            config = ctx.session.scalar(query.order_by(StationConfig.version_no.desc()).limit(1)) or {}
            return config["drivers"]["camera"].get("masks")

    wait(masks, "sent")
    (mask,) = masks()
    assert [p for corner in (mask[0], mask[2]) for p in corner] == pytest.approx(
        [0.5, 0.1, 0.9, 0.9], abs=0.01
    )
