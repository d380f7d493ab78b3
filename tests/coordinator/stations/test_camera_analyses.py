"""A person approves an analysis for one camera; its alert is a clip somebody is told of (MCH-34)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, dispatch
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.models import Notification
from coordinator.modules.company.models import Site
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.machines.camera_models import Camera, CameraClip, Device
from coordinator.modules.stations import camera_analyses, service
from coordinator.modules.stations.local_settings import latest_config
from coordinator.modules.stations.models import Station
from edge_agents.drivers.machine_camera.config import MachineCameraConfig
from tests.factories import make

DRIVER = {"type": "machine_camera", "camera_code": "CAM-1", "source": "rtsp://10.0.0.9/1"}


@pytest.fixture
def camera(ctx: Context) -> Camera:
    site = ctx.add(Site(code="CA", name="Site"))
    station = ctx.add(Station(code="st-cam", name="Caméras", kind="machine_agent", site_id=site.id))
    service.set_config(
        ctx,
        station,
        service.ConfigParams(config={"drivers": {"cam": DRIVER, "load": {"type": "load_generator"}}}),
    )
    device = ctx.add(Device(code="CAM-1", name="Caméra", station_code="st-cam"))
    day = dt.date(2026, 1, 5)
    return ctx.add(Camera(device_id=device.id, location_label="DMU 50", status="live", informed_on=day, sign_on=day,
                          consultation="none_elected"))  # fmt: skip


def _approve(ctx: Context, camera: Camera, **values: Any) -> list[dict[str, Any]]:
    camera_analyses.approve(ctx, camera, camera_analyses.AnalysisParams.model_validate(values))
    station = ctx.session.scalars(select(Station).where(Station.code == "st-cam")).one()
    config = latest_config(ctx, station)
    assert config is not None
    MachineCameraConfig.model_validate(config["drivers"]["cam"])
    assert config["drivers"]["load"] == {"type": "load_generator"}
    return list(config["drivers"]["cam"].get("analyses") or [])


@pytest.mark.requirement("MCH-34")
def test_an_analysis_is_approved_in_a_persons_name_and_taken_back(ctx: Context, camera: Camera) -> None:
    user = make(ctx, UserAccount, first_name="Ana", last_name="Durand")
    ctx.principal = ctx.principal.__class__(**{**vars(ctx.principal), "user_id": user.id})
    (night,) = _approve(
        ctx,
        camera,
        analysis="movement_off_hours",
        approved=True,
        calm_from="20:00",
        calm_until="05:00",
        calm_days="weekdays",
    )
    assert (night["approved_by"], night["approved_on"]) == ("Ana Durand", ctx.now.date().isoformat())
    assert (night["hours"]["start"], sorted(night["hours"]["days"])) == ("20:00", [0, 1, 2, 3, 4])
    zone = [[0.1, 0.1], [0.5, 0.1], [0.5, 0.6]]
    both = _approve(ctx, camera, analysis="movement_in_zone", approved=True, zone=zone, share_pct=2)
    assert [one["kind"] for one in both] == ["movement_off_hours", "movement_in_zone"]
    assert both[1]["share"] == 0.02
    (left,) = _approve(ctx, camera, analysis="movement_off_hours", approved=False)
    assert left["kind"] == "movement_in_zone"
    with pytest.raises(BusinessError, match="zone"):
        _approve(ctx, camera, analysis="movement_in_zone", approved=True)


@pytest.mark.requirement("MCH-34")
def test_its_alert_is_logged_and_told(ctx: Context, camera: Camera) -> None:
    def clip(reason: str) -> None:
        start = ctx.now - dt.timedelta(minutes=1)
        payload = {"camera_code": "CAM-1", "machine_code": None, "reason": reason, "incident_uid": None, "frames": 3,
                   "started_at": start.isoformat(), "ended_at": ctx.now.isoformat(), "clip": None, "image": None,
                   "delete_after": (ctx.now + dt.timedelta(days=40)).isoformat()}  # fmt: skip
        dispatch(
            ctx, DeviceEvent(uuid.uuid4(), "camera.clip", payload, ctx.now, ctx.now, station_id="st-cam")
        )

    clip("collision.impact")
    assert ctx.session.scalars(select(Notification).where(Notification.category == "camera")).all() == []
    clip("analysis.movement_in_zone")
    told = ctx.session.scalars(select(Notification).where(Notification.category == "camera")).one()
    assert "mouvement dans la zone" in told.text
    assert told.role_code == "workshop_manager"
    kept = ctx.session.scalars(select(CameraClip).where(CameraClip.reason.startswith("analysis."))).one()
    assert told.object_id == kept.id
    assert kept.delete_after <= kept.started_at + dt.timedelta(days=camera.retention_days)
