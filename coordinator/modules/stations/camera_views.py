"""Cameras as they see now: asked for by a person who may, written down, one small picture at a time, none kept (MCH-33, 36, 37, 51).

A look asks the station for thumbnails for a minute (``station_command`` ``capture_test_image`` with ``watch_s``). The coordinator holds the last
one of a camera only, shows it while it is seconds old, and forgets it with the look.
"""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, NotFound, TooLarge, UnsupportedFormat
from coordinator.modules.machines import api as machines
from coordinator.modules.machines.camera_models import Camera, CameraAccessLog, Device
from coordinator.modules.machines.models import Machine
from coordinator.modules.stations.commands import CommandParams, request
from coordinator.modules.stations.models import Station

WATCH_S = 60
FRESH_S = 8.0
MAX_BYTES = 512 << 10
_LOOK = dt.timedelta(minutes=10)
"""Renewals of a look within this time are the same look in the journal."""


class WatchParams(BaseModel):
    """Cameras a person wants to see."""

    model_config = ConfigDict(extra="forbid")

    camera_ids: list[int] = Field(min_length=1, max_length=32)


def wall(ctx: Context) -> dict[str, Any]:
    """Cameras that may be looked at, with their state; a workplace is never watched without interruption (MCH-35)."""
    query = (
        select(Camera, Device, Machine.name)
        .join(Device, Device.id == Camera.device_id)
        .outerjoin(Machine, Machine.id == Camera.machine_id)
        .where(Camera.archived_at.is_(None), Camera.place_kind != "workstation")
        .order_by(Camera.location_label, Camera.id)
    )
    found = []
    for camera, device, machine in ctx.session.execute(query):
        seen_at = _seen_at(ctx, camera)
        found.append(
            {"id": camera.id, "code": device.code, "label": camera.location_label, "machine": machine, "status": camera.status,
             "since": jsonable(camera.status_since), "detail": camera.status_detail,
             "seen_at": jsonable(seen_at) if seen_at is not None else None}
        )  # fmt: skip
    return {"items": found, "at": jsonable(ctx.now)}


def watch(ctx: Context, params: WatchParams) -> dict[str, Any]:
    """Begin or renew a look: each camera's station is asked for thumbnails, each look is written down."""
    asked = []
    for camera_id in dict.fromkeys(params.camera_ids):
        camera = ctx.get(Camera, camera_id)
        if camera.status == "off" or camera.place_kind == "workstation":
            continue
        device = ctx.get(Device, camera.device_id)
        query = select(Station).where(Station.code == device.station_code, Station.is_revoked.is_(False))
        station = ctx.session.scalars(query).one_or_none()
        if station is None:
            continue
        _write_down(ctx, camera)
        marker = _path(ctx, camera, ".watch")
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
        wanted = {"camera_code": device.code, "watch_s": WATCH_S}
        request(ctx, station, CommandParams(kind="capture_test_image", params=wanted, valid_min=1))
        asked.append(camera.id)
    return {"asked": asked, "seconds": WATCH_S}


def _write_down(ctx: Context, camera: Camera) -> None:
    query = select(CameraAccessLog.id).where(
        CameraAccessLog.camera_id == camera.id,
        CameraAccessLog.user_id == ctx.principal.user_id,
        CameraAccessLog.action == "watch",
        CameraAccessLog.occurred_at > ctx.now - _LOOK,
    )
    if ctx.session.scalar(query.limit(1)) is None:
        ctx.session.add(
            CameraAccessLog(
                occurred_at=ctx.now, user_id=ctx.principal.user_id, camera_id=camera.id, action="watch"
            )
        )


def take(ctx: Context, station: Station, code: str, data: bytes) -> None:
    """A thumbnail of a station's own camera, while somebody looks.

    Raises:
        BusinessError: ``camera.not_watched`` when nobody looks, ``camera.off``. NotFound: not this station's camera.
        TooLarge, UnsupportedFormat: no small JPEG.
    """
    camera = machines.camera_by_code(ctx, code)
    if ctx.get(Device, camera.device_id).station_code != station.code:
        raise NotFound(entity="camera", id=code[:64])
    if camera.status == "off":
        raise BusinessError("camera.off", camera=camera.location_label)
    marker = _path(ctx, camera, ".watch")
    if not marker.is_file() or time.time() - marker.stat().st_mtime > WATCH_S + FRESH_S:
        raise BusinessError("camera.not_watched", camera=camera.location_label)
    if len(data) > MAX_BYTES:
        raise TooLarge(limit_mb=1)
    if not data.startswith(b"\xff\xd8\xff"):
        raise UnsupportedFormat("station.file_content", type="image/jpeg")
    path = _path(ctx, camera, ".jpg")
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)


def view(ctx: Context, camera: Camera) -> bytes:
    """The picture as it is now; a camera that is away shows nothing, never its last picture (MCH-51).

    Raises:
        NotFound: nothing fresh.
    """
    if _seen_at(ctx, camera) is None:
        raise NotFound(entity="camera", id=camera.id)
    return _path(ctx, camera, ".jpg").read_bytes()


def forget(ctx: Context) -> None:
    """Recurring: pictures of looks that are over go."""
    for path in (ctx.config.data_dir / "live").glob("*"):
        if time.time() - path.stat().st_mtime > 2 * WATCH_S:
            path.unlink(missing_ok=True)


def _seen_at(ctx: Context, camera: Camera) -> dt.datetime | None:
    path = _path(ctx, camera, ".jpg")
    if camera.status in {"off", "offline", "covered"} or not path.is_file():
        return None
    taken = path.stat().st_mtime
    return dt.datetime.fromtimestamp(taken, dt.UTC) if time.time() - taken <= FRESH_S else None


def _path(ctx: Context, camera: Camera, suffix: str) -> Path:
    return ctx.config.data_dir / "live" / f"{camera.id}{suffix}"
