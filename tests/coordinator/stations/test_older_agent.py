"""An agent one version older takes a newer configuration: comfort settings it does not know wait, anything else is refused (EDG-36)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from coordinator.kernel.context import Context
from coordinator.kernel.models import Notification
from coordinator.modules.company.models import Site
from coordinator.modules.stations import downlink, driver_settings, identity, service
from coordinator.modules.stations.models import Station, StationConfig
from edge_agents.drivers import registry
from edge_agents.drivers.base import DriverConfig
from edge_agents.drivers.machine_camera import config as camera_config
from edge_agents.protocol.control import DesiredConfig, ReportedConfig
from edge_agents.runtime import config as agent_config
from edge_agents.runtime.capacity import Retention
from edge_agents.runtime.config import ConfigRefusedError, ConfigStore

CONFIG = {
    "drivers": {
        "camera": {"type": "machine_camera", "camera_code": "C1", "source": "rtsp://h/1", "quality": 60}
    },
    "time_zone": "Indian/Reunion",
    "quiet_hours": {"start": "20:00", "until": "06:00"},
    "screen": {"text_scale": 1.4, "dark": False},
}


class _OldScreen(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text_scale: float = 1.0


class _OldStation(BaseModel):
    """A version that knew neither time zone, quiet hours nor a light screen."""

    model_config = ConfigDict(extra="forbid")

    drivers: dict[str, dict[str, Any]]
    screen: _OldScreen = _OldScreen()
    health_interval_s: float = 60
    backup_interval_s: float = 900
    housekeeping_interval_s: float = 60
    users_max_age_h: float = 72
    retention: Retention = Retention()
    driver_configs = agent_config.StationConfig.driver_configs


class _OldCamera(DriverConfig):
    type: str
    camera_code: str
    source: str
    fps: float = Field(default=4.0)


@pytest.fixture
def desired(ctx: Context) -> Any:
    site = ctx.add(Site(code="OA", name="Site"))
    station = ctx.add(Station(code="oa-1", name="Poste 1", kind="machine_agent", site_id=site.id))

    def send(config: dict[str, Any]) -> DesiredConfig:
        service.set_config(ctx, station, service.ConfigParams(config=config))
        return next(d for _, code, _, d in downlink.pending_configs(ctx) if code == "oa-1")

    return send


def _old_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_config, "StationConfig", _OldStation)
    monkeypatch.setattr(camera_config, "MachineCameraConfig", _OldCamera)


@pytest.mark.requirement("EDG-36", "EDG-50")
def test_an_older_agent_leaves_out_comfort_and_says_so(
    ctx: Context, desired: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = desired(CONFIG)
    store = ConfigStore(tmp_path, {"drivers": {}}, identity.pki(ctx).public_key)
    with monkeypatch.context() as old:
        _old_agent(old)
        taken = store.check(document)
        assert taken.screen.text_scale == 1.4, "what it knows of the same group it takes"
        assert sorted(store.ignored) == ["drivers.camera.quality", "quiet_hours", "screen.dark", "time_zone"]
        store.keep(document)
        again = ConfigStore(tmp_path, {"drivers": {}}, None)
        assert again.last_good()[0] == document.version_no
        assert len(again.ignored) == 4

    report = ReportedConfig(version_no=document.version_no, result="applied", ignored=store.ignored)
    downlink.record_config_report(ctx, "oa-1", report)
    row = (
        ctx.session.query(StationConfig)
        .filter_by(version_no=document.version_no)
        .join(Station)
        .filter(Station.code == "oa-1")
        .one()
    )
    assert row.status == "applied"
    assert "quiet_hours" in (row.reason or "")
    assert any("quiet_hours" in n.text for n in ctx.session.query(Notification))

    updated = ConfigStore(tmp_path, {"drivers": {}}, None)
    version, config = updated.last_good()
    assert (version, config.time_zone, config.screen.dark) == (document.version_no, "Indian/Reunion", False)
    assert updated.ignored == [], "after its update nothing has to be sent again"


@pytest.mark.requirement("EDG-36", "EDG-50", "MCH-25", "MCH-35")
@pytest.mark.parametrize(
    ("part", "named"),
    [
        ({"drivers": {"camera": {**CONFIG["drivers"]["camera"], "masks": [[[0, 0], [1, 0], [1, 1]]]}}}, "drivers.camera.masks"),  # type: ignore[index]
        ({"shut_down_at": "20:00"}, "shut_down_at"),
        ({"screen": {"volume_limit_db": 70}}, "screen.volume_limit_db"),
    ],
)  # fmt: skip
def test_what_is_not_marked_as_comfort_is_refused_by_name(
    ctx: Context,
    desired: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    part: dict[str, Any],
    named: str,
) -> None:
    document = desired({**CONFIG, **part})
    _old_agent(monkeypatch)
    with pytest.raises(ConfigRefusedError, match=named):
        ConfigStore(tmp_path, {"drivers": {}}, identity.pki(ctx).public_key).check(document)


@pytest.mark.requirement("EDG-28")
def test_nobody_else_may_say_what_can_be_ignored(ctx: Context, desired: Any, tmp_path: Path) -> None:
    document = desired(CONFIG)
    forged = document.model_copy(update={"optional": ("drivers",)})
    with pytest.raises(ConfigRefusedError, match="signature"):
        ConfigStore(tmp_path, {"drivers": {}}, identity.pki(ctx).public_key).check(forged)


@pytest.mark.requirement("MCH-25", "MCH-35")
def test_nothing_that_protects_is_ever_comfort() -> None:
    protecting = ("stop", "limit", "collision", "mask", "declaration", "active", "require", "lock", "attempts", "secur", "insecure",
                  "trusted", "threshold", "retention", "purpose", "analyses", "false_stops", "shock", "risk", "impact")  # fmt: skip
    for kind in registry.driver_types():
        model = registry.config_class(kind)
        marked = driver_settings.optional.ignorable(model, dict.fromkeys(model.model_fields))
        # Thresholds of a cabinet are words at the station: the office decides by its own, whatever an older station makes of them.
        marked = [name for name in marked if (kind, name) != ("cabinet_camera", "thresholds")]
        assert [name for name in marked if any(word in name for word in protecting)] == []
