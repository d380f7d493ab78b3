"""Local settings of a station: asked in words at the office, signed, taken by the agent's own check (EDG-30)."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, dispatch
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.models import Notification
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.company.models import Site
from coordinator.modules.stations import identity, local_settings, service
from coordinator.modules.stations.models import Station, StationConfig
from coordinator.modules.stock.models import StorageLocation
from edge_agents.protocol.control import DesiredConfig
from edge_agents.runtime.config import ConfigStore

CONFIG = {"drivers": {"load": {"type": "load_generator", "total": 5}}, "retention": {"journal_mb": 900}}


@pytest.fixture
def station(ctx: Context) -> Station:
    site = ctx.add(Site(code="LS", name="Site"))
    found = ctx.add(Station(code="arm-7", name="Armoire 7", kind="cabinet_camera", site_id=site.id))
    service.set_config(ctx, found, service.ConfigParams(config=CONFIG))
    return found


def _ask(ctx: Context, station: Station, **values: object) -> StationConfig:
    local_settings.change(ctx, station, local_settings.LocalSettings.model_validate(values))
    query = select(StationConfig).where(StationConfig.station_id == station.id)
    found = ctx.session.scalars(query.order_by(StationConfig.version_no.desc()).limit(1)).first()
    assert found is not None
    return found


@pytest.mark.requirement("EDG-30")
def test_the_form_becomes_a_signed_configuration_the_agent_takes(
    ctx: Context, station: Station, tmp_path: Path
) -> None:
    row = _ask(ctx, station, time_zone="Indian/Reunion", quiet_hours="weekdays", quiet_start="20:00", quiet_until="06:30",
               screen_text_pct=140, screen_sound=False, images_mb=500, keep_acknowledged_days=9, health_interval_s=120)  # fmt: skip
    assert row.version_no == 2
    desired = DesiredConfig(
        version_no=row.version_no, config=row.config, sha256=row.sha256, signature=row.signature
    )
    taken = ConfigStore(tmp_path, {"drivers": {}}, identity.pki(ctx).public_key).check(desired)
    assert taken.time_zone == "Indian/Reunion"
    assert taken.quiet_hours is not None
    assert (taken.quiet_hours.start, taken.quiet_hours.until, sorted(taken.quiet_hours.days)) == (
        "20:00",
        "06:30",
        [0, 1, 2, 3, 4],
    )
    assert (taken.screen.text_scale, taken.screen.sound, taken.screen.dark) == (1.4, False, True)
    assert (
        taken.retention.images_mb,
        taken.retention.keep_acknowledged_days,
        taken.retention.journal_mb,
    ) == (500, 9, 900)
    assert taken.health_interval_s == 120
    assert taken.drivers == CONFIG["drivers"], "the rest stays as it was"

    again = _ask(ctx, station, screen_sound=True)
    assert (again.config["time_zone"], again.config["screen"]["text_scale"]) == ("Indian/Reunion", 1.4)
    assert _ask(ctx, station, quiet_hours="off").config["quiet_hours"] is None


@pytest.mark.requirement("EDG-30")
def test_the_screen_of_a_scan_station_learns_its_quiet_hours(ctx: Context, station: Station) -> None:
    _ask(ctx, station, quiet_hours="every_day", quiet_start="20:00", quiet_until="06:30", screen_sound=False)
    for known_as in ("arm-7", "Armoire 7"):
        rules = local_settings.screen_rules(ctx, known_as)
        assert (rules["quiet_hours"]["start"], rules["quiet_hours"]["until"]) == ("20:00", "06:30")
        assert (rules["time_zone"], rules["screen"]["sound"]) == ("Europe/Paris", False)
    assert local_settings.screen_rules(ctx, "autre")["quiet_hours"] is None


def test_what_cannot_be_is_refused_before_it_is_signed(ctx: Context, station: Station) -> None:
    with pytest.raises(BusinessError, match="fuseau horaire inconnu"):
        _ask(ctx, station, time_zone="Europe/Nulle-Part")
    with pytest.raises(BusinessError) as missing:
        _ask(ctx, station, quiet_hours="every_day", quiet_start="20:00")
    assert missing.value.code == "station.local_settings"
    assert ctx.session.query(StationConfig).filter_by(station_id=station.id).count() == 1
    bare = ctx.add(Station(code="arm-8", name="Armoire 8", kind="cabinet_camera", site_id=station.site_id))
    with pytest.raises(BusinessError) as none:
        _ask(ctx, bare, screen_sound=False)
    assert none.value.code == "station.no_config"


def test_nobody_is_called_in_quiet_hours(ctx: Context, station: Station) -> None:
    ctx.add(StockItem(code="PL-7", name="Plaquette", item_kind="insert", is_consumable=True))
    ctx.add(StorageLocation(code="A-07", name="A7", kind="compartment", vision_mode="review"))

    def count() -> None:
        places = [
            {"location_code": "A-07", "item_code": "PL-7", "count": 4, "confidence": 0.99, "method": "count"}
        ]
        payload = {"count_uid": str(uuid.uuid4()), "trigger": "daily", "places": places}
        dispatch(
            ctx,
            DeviceEvent(uuid.uuid4(), "vision.counted", payload, ctx.now, ctx.now, station_id=station.code),
        )

    def told() -> int:
        return ctx.session.query(Notification).filter_by(category="vision").count()

    start = ctx.now.strftime("%H:00")
    until = f"{(ctx.now.hour + 1) % 24:02d}:00"
    _ask(ctx, station, time_zone="UTC", quiet_hours="every_day", quiet_start=start, quiet_until=until)
    count()
    assert told() == 0
    _ask(ctx, station, quiet_hours="off")
    count()
    assert told() == 1
