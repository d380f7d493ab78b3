"""Optional analyses of a camera: a person approves each for that camera; it goes down as signed configuration (MCH-34)."""

from __future__ import annotations

import copy
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.machines.camera_models import Camera, Device
from coordinator.modules.stations.local_settings import DAYS, latest_config
from coordinator.modules.stations.models import Station
from coordinator.modules.stations.service import ConfigParams, set_config
from edge_agents.protocol.camera_analysis import CameraAnalysis
from edge_agents.protocol.envelope import describe

_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"


class AnalysisParams(BaseModel):
    """Which analysis, and on or off; it tells movement only, never who or what."""

    model_config = ConfigDict(extra="forbid")

    analysis: Literal["movement_off_hours", "movement_in_zone"]
    approved: bool
    calm_from: str | None = Field(default=None, pattern=_CLOCK)
    calm_until: str | None = Field(default=None, pattern=_CLOCK)
    calm_days: Literal["every_day", "weekdays", "weekend"] = "every_day"
    zone: list[list[float]] | None = Field(default=None, json_schema_extra={"x-field": {"type": "json"}})
    share_pct: float | None = Field(default=None, gt=0, le=100)


def approve(ctx: Context, camera: Camera, params: AnalysisParams) -> dict[str, Any]:
    """Approve an analysis for one camera in one's own name, or take it back.

    Raises:
        BusinessError: ``camera.no_station`` when no station is configured with the camera; ``camera.analysis`` naming what is wrong.
    """
    device = ctx.get(Device, camera.device_id)
    station = ctx.session.scalars(select(Station).where(Station.code == device.station_code)).one_or_none()
    config = copy.deepcopy(latest_config(ctx, station)) if station is not None else None
    driver = driver_of(config, device.code)
    if station is None or config is None or driver is None:
        raise BusinessError("camera.no_station", camera=camera.location_label)
    others = [one for one in driver.get("analyses") or [] if one.get("kind") != params.analysis]
    driver["analyses"] = [*others, _analysis(ctx, params)] if params.approved else others
    return set_config(ctx, station, ConfigParams(config=config))


def driver_of(config: dict[str, Any] | None, code: str) -> dict[str, Any] | None:
    """Settings of a machine camera within its station's configuration, by the camera's code."""
    drivers: dict[str, dict[str, Any]] = (config or {}).get("drivers") or {}
    mine = (d for d in drivers.values() if d.get("type") == "machine_camera")
    return next((d for d in mine if str(d.get("camera_code", "")).lower() == code.lower()), None)


def _analysis(ctx: Context, params: AnalysisParams) -> dict[str, Any]:
    person = (
        ctx.session.get(UserAccount, ctx.principal.user_id) if ctx.principal.user_id is not None else None
    )
    if person is None:
        raise BusinessError("camera.analysis", reason="approved_by")
    values: dict[str, Any] = {
        "kind": params.analysis,
        "approved_by": f"{person.first_name} {person.last_name}",
        "approved_on": ctx.now.date(),
    }
    if params.calm_from and params.calm_until:
        values["hours"] = {
            "start": params.calm_from,
            "until": params.calm_until,
            "days": DAYS[params.calm_days],
        }
    if params.zone is not None:
        values["zone"] = params.zone
    if params.share_pct is not None:
        values["share"] = params.share_pct / 100
    try:
        whole = CameraAnalysis.model_validate(values)
    except ValidationError as error:
        raise BusinessError("camera.analysis", reason=describe(error)) from None
    return whole.model_dump(mode="json", exclude_none=True)
