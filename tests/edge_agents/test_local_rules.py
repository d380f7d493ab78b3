"""Time zone, quiet hours and screen of a station: the rules, and what they change at the agent and in the cabinet (EDG-30)."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edge_agents.drivers.base import CommandRefusedError
from edge_agents.drivers.cabinet_camera.config import CabinetCameraConfig
from edge_agents.drivers.cabinet_camera.driver import CabinetCameraDriver
from edge_agents.drivers.simulators import cabinet
from edge_agents.drivers.simulators.process import station_values
from edge_agents.protocol.local_time import LocalRules, QuietHours
from edge_agents.runtime import agent as agent_module
from edge_agents.runtime import config as config_store
from edge_agents.runtime.agent import Agent
from edge_agents.runtime.start import from_file
from edge_agents.runtime.station import StationFile
from tests.edge_agents.conftest import Recorded

MONDAY_23H_PARIS = dt.datetime(2026, 11, 23, 22, 0, tzinfo=dt.UTC)
NIGHT = {
    "time_zone": "Europe/Paris",
    "quiet_hours": {"start": "22:00", "until": "06:00", "days": [0, 1, 2, 3, 4]},
}


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("instant", "quiet"),
    [
        ("2026-11-23T21:59:00+01:00", False),
        ("2026-11-23T22:00:00+01:00", True),
        ("2026-11-24T05:59:00+01:00", True),
        ("2026-11-24T06:00:00+01:00", False),
        ("2026-11-28T02:00:00+01:00", True),  # Saturday morning belongs to Friday's night
        ("2026-11-28T23:00:00+01:00", False),
        ("2026-11-23T04:00:00+01:00", False),  # Monday morning belongs to Sunday's night
        ("2026-07-06T22:30:00+02:00", True),  # summer time
    ],
)
def test_quiet_hours_follow_the_local_clock(instant: str, quiet: bool) -> None:
    assert LocalRules.model_validate(NIGHT).is_quiet(at(instant)) is quiet


def test_a_break_of_the_day_and_another_zone() -> None:
    noon = LocalRules(time_zone="Asia/Tokyo", quiet_hours=QuietHours(start="12:00", until="13:00"))
    assert noon.is_quiet(at("2026-11-23T03:30:00+00:00"))
    assert not noon.is_quiet(at("2026-11-23T12:30:00+00:00"))
    assert not LocalRules().is_quiet(at("2026-11-23T03:30:00+00:00"))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"time_zone": "Europe/Nulle-Part"}, "fuseau horaire inconnu"),
        ({"quiet_hours": {"start": "22:00", "until": "22:00"}}, "quiet_hours"),
        ({"quiet_hours": {"start": "25:00", "until": "06:00"}}, "start"),
        ({"screen": {"text_scale": 9}}, "text_scale"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        LocalRules.model_validate(values)
    with pytest.raises(config_store.ConfigRefusedError, match=named):
        config_store.parse({"drivers": {}, **values})


@pytest.mark.requirement("EDG-30")
def test_in_quiet_hours_the_agent_sends_no_picture_and_gives_no_light(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = station_values(1, {}) | {"data_dir": str(tmp_path / "data")}
    station = StationFile.model_validate(values)
    enrolled = from_file(station)
    assert enrolled is not None
    agent = Agent(station, enrolled)
    images = tmp_path / "data" / "drivers" / "cam" / "images"
    images.mkdir(parents=True)
    (images / f"{'a' * 64}.jpg").write_bytes(b"\xff\xd8\xff picture")
    sent: list[Path] = []

    async def upload(_client: object, files: list[Path]) -> None:
        sent.extend(files)

    class Api:
        def client(self) -> Any:
            return _Line()

    monkeypatch.setattr(agent_module, "upload_all", upload)
    monkeypatch.setattr(agent, "api", Api())
    monkeypatch.setattr(agent.clock, "now", lambda: MONDAY_23H_PARIS)

    async def work() -> None:
        agent.config = config_store.parse({"drivers": {}, **NIGHT})
        await agent._upload()
        assert sent == []
        with pytest.raises(CommandRefusedError, match="Heures calmes"):
            await agent._identify({})
        # the same instant is five in the afternoon in New York
        agent.config = config_store.parse({"drivers": {}, **NIGHT, "time_zone": "America/New_York"})
        await agent._upload()
        assert await agent._identify({"seconds": 1}) == "La station se signale pendant 1 s."

    try:
        asyncio.run(work())
    finally:
        agent.journal.close()
    assert len(sent) == 1


class _Line:
    async def __aenter__(self) -> _Line:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


@pytest.mark.requirement("EDG-30")
async def test_the_screen_of_a_cabinet_shows_the_local_clock_and_keeps_quiet(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = LocalRules.model_validate(NIGHT | {"screen": {"text_scale": 1.5, "dark": False}})
    context = recorded.context.__class__(**{**vars(recorded.context), "rules": lambda: rules})
    vision = cabinet.write_station(tmp_path / "cabinet")
    values = {"type": "cabinet_camera", "vision": vision, "frames": tmp_path / "cabinet" / "frames"}
    config = CabinetCameraConfig.model_validate(values)
    driver = CabinetCameraDriver(config, context)
    monkeypatch.setattr(context.clock, "now", lambda: MONDAY_23H_PARIS)
    night = await driver.requests.answer({"do": "status"})
    assert (night["clock"], night["quiet"], night["sound"]) == ("23:00", True, False)
    assert (night["text_scale"], night["dark"]) == (1.5, False)
    monkeypatch.setattr(context.clock, "now", lambda: MONDAY_23H_PARIS - dt.timedelta(hours=8))
    day = await driver.requests.answer({"do": "status"})
    assert (day["clock"], day["quiet"], day["sound"]) == ("15:00", False, True)
