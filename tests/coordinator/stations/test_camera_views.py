"""The camera wall: who may look, what is written down, what is shown and what never is (MCH-33, 35, 36, 37, 51)."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, DomainError, NotFound
from coordinator.modules.company.models import Site
from coordinator.modules.machines.camera_models import Camera, CameraAccessLog, Device
from coordinator.modules.stations import camera_views
from coordinator.modules.stations.models import Station, StationCommand
from tests.conftest import person

Api = Callable[..., Any]
PICTURE = b"\xff\xd8\xff\xe0 une vignette"


@pytest.fixture
def station(ctx: Context) -> Station:
    site = ctx.add(Site(code="CV", name="Site"))
    return ctx.add(Station(code="st-cam", name="Caméras", kind="machine_agent", site_id=site.id))


def _camera(ctx: Context, code: str, **values: Any) -> Camera:
    device = ctx.add(Device(code=code, name=code, station_code="st-cam"))
    day = dt.date(2026, 1, 5)
    given = {
        "status": "live",
        "location_label": code,
        "informed_on": day,
        "sign_on": day,
        "consultation": "none_elected",
    }
    return ctx.add(Camera(device_id=device.id, **given | values))


def _age(ctx: Context, camera: Camera, suffix: str, seconds: float) -> None:
    path = ctx.config.data_dir / "live" / f"{camera.id}{suffix}"
    os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.requirement("MCH-33", "MCH-36")
def test_a_look_is_asked_of_the_station_and_written_down_once(
    ctx: Context, api: Api, station: Station
) -> None:
    camera = _camera(ctx, "CAM-1")
    off = _camera(ctx, "CAM-2", status="off")
    bench = _camera(ctx, "CAM-3", place_kind="workstation", purpose="machine_side")
    ctx.session.flush()
    operator = api(person("machines:read"))
    assert operator.get("/api/v1/camera-wall").status_code == 403
    assert operator.post("/api/v1/camera-wall/watch", json={"camera_ids": [camera.id]}).status_code == 403
    assert operator.get(f"/api/v1/camera-wall/{camera.id}/view").status_code == 403

    viewer = api(person("machines:read", "machines:export"))
    for _ in range(2):
        asked = viewer.post("/api/v1/camera-wall/watch", json={"camera_ids": [camera.id, off.id, bench.id]})
        assert asked.json()["asked"] == [camera.id]
    commands = list(
        ctx.session.scalars(select(StationCommand).where(StationCommand.station_id == station.id))
    )
    assert {c.kind for c in commands} == {"capture_test_image"}
    assert commands[0].params == {"camera_code": "CAM-1", "watch_s": camera_views.WATCH_S}
    looks = list(ctx.session.scalars(select(CameraAccessLog)))
    assert [(look.camera_id, look.action) for look in looks] == [(camera.id, "watch")], "one look, renewed"
    shown = viewer.get("/api/v1/camera-wall").json()["items"]
    assert [one["code"] for one in shown] == ["CAM-1", "CAM-2"], "no workplace is watched"
    assert all(one["seen_at"] is None for one in shown)

    camera_views.take(ctx, station, "CAM-1", PICTURE)
    assert viewer.get("/api/v1/camera-wall").json()["items"][0]["seen_at"] is not None
    answer = viewer.get(f"/api/v1/camera-wall/{camera.id}/view")
    assert answer.content == PICTURE
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.requirement("MCH-51", "MCH-37")
def test_an_old_picture_is_never_shown_and_none_is_kept(ctx: Context, station: Station) -> None:
    camera = _camera(ctx, "CAM-1")
    camera_views.watch(ctx, camera_views.WatchParams(camera_ids=[camera.id]))
    camera_views.take(ctx, station, "CAM-1", PICTURE)
    assert camera_views.view(ctx, camera) == PICTURE
    camera.status = "covered"
    with pytest.raises(NotFound):
        camera_views.view(ctx, camera)
    camera.status = "live"
    _age(ctx, camera, ".jpg", camera_views.FRESH_S + 2)
    with pytest.raises(NotFound):
        camera_views.view(ctx, camera)
    _age(ctx, camera, ".jpg", 3 * camera_views.WATCH_S)
    camera_views.forget(ctx)
    assert [path.suffix for path in (ctx.config.data_dir / "live").iterdir()] == [".watch"]


def test_only_what_was_asked_for_is_taken(ctx: Context, station: Station) -> None:
    camera = _camera(ctx, "CAM-1")
    with pytest.raises(BusinessError) as nobody:
        camera_views.take(ctx, station, "CAM-1", PICTURE)
    assert nobody.value.code == "camera.not_watched"
    camera_views.watch(ctx, camera_views.WatchParams(camera_ids=[camera.id]))
    other = ctx.add(Station(code="st-other", name="Autre", kind="machine_agent", site_id=station.site_id))
    with pytest.raises(NotFound):
        camera_views.take(ctx, other, "CAM-1", PICTURE)
    for wrong in (b"GIF89a", PICTURE + b"x" * camera_views.MAX_BYTES):
        with pytest.raises(DomainError):
            camera_views.take(ctx, station, "CAM-1", wrong)
    camera.status = "off"
    with pytest.raises(BusinessError) as off:
        camera_views.take(ctx, station, "CAM-1", PICTURE)
    assert off.value.code == "camera.off"
    camera.status = "live"
    _age(ctx, camera, ".watch", 2 * camera_views.WATCH_S)
    with pytest.raises(BusinessError):
        camera_views.take(ctx, station, "CAM-1", PICTURE)
