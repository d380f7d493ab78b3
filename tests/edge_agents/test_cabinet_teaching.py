"""Recorded sessions played again, and a cabinet taught by prompts."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_agents.drivers.cabinet_camera import guided, recording
from edge_agents.drivers.cabinet_camera.cli import app
from tests.edge_agents.cabinets import FULL, make, show, taken
from tests.edge_agents.conftest import Recorded


@pytest.mark.requirement("VIS-25")
async def test_recorded_sessions_are_played_again(recorded: Recorded, tmp_path: Path) -> None:
    driver = make(recorded, tmp_path)
    for number, gone in enumerate(("A-01", "A-02", "A-03"), start=1):
        show(tmp_path, 10 * number, FULL)
        await driver.open_session()
        show(tmp_path, 10 * number + 1, taken(gone))
        answer = await driver.close_session()
        folder = recorded.context.data_dir / "recordings"
        recording.set_truth(folder, answer["session_uid"], {gone: -1})
    run = CliRunner().invoke(
        app, ["replay", str(folder), "--config", str(tmp_path / "vision.yaml"), "--json", "--least", "3"]
    )
    assert run.exit_code == 0, run.output
    result = json.loads(run.stdout)
    assert (result["sessions"], result["session_delta_accuracy"], result["passes"]) == (3, 1.0, True)
    recording.set_truth(folder, answer["session_uid"], {"A-05": -1})
    few = CliRunner().invoke(app, ["replay", str(folder), "--config", str(tmp_path / "vision.yaml")])
    assert few.exit_code == 1
    assert "il en faut 200" in few.output, "three sessions prove nothing"
    worse = CliRunner().invoke(
        app, ["replay", str(folder), "--config", str(tmp_path / "vision.yaml"), "--least", "3"]
    )
    assert worse.exit_code == 1
    assert "ne peut pas être proposé" in worse.output
    assert answer["session_uid"] in worse.output
    with pytest.raises(FileNotFoundError):
        recording.set_truth(folder, "nothing", {})


@pytest.mark.requirement("VIS-23")
def test_the_plan_of_a_teaching_shows_every_state_evenly() -> None:
    most = {f"P{n}": 1 for n in range(8)} | {"C1": 6}
    contents = guided.plan(most, 60)
    assert contents[0] == dict.fromkeys(most, 0)
    assert contents[1] == most
    for name, top in most.items():
        times = [sum(content[name] == count for content in contents) for count in range(top + 1)]
        assert min(times) >= 0.5 * 60 / (top + 1), (name, times)
    moved = [sum(a[n] != b[n] for n in most) for a, b in itertools.pairwise(contents[2:])]
    assert max(moved) <= 3


@pytest.mark.requirement("VIS-23")
async def test_a_cabinet_is_taught_by_prompts_and_gives_a_candidate(
    recorded: Recorded, tmp_path: Path
) -> None:
    driver = make(recorded, tmp_path)
    started = await driver.requests.answer({"do": "teach", "photographs": 8, "capacity": {"A-08": 2}})
    assert started["message"].startswith("Photo 1 sur 8. Videz")
    places = guided.taught_places(driver.sight.vision, {"A-08": 2})
    for number, content in enumerate(guided.plan(places, 8)):
        show(tmp_path, 100 + number, content)
        answer = await driver.requests.answer({"do": "teach_photo"})
    assert answer["left"] == 0
    done = await driver.requests.answer({"do": "teach_done"})
    assert done["ok"], done
    assert Path(done["report"]["model"]).exists()
    assert driver.sight.model.model is None, "a candidate is used by nobody"
    assert not (await driver.requests.answer({"do": "teach_photo"}))["ok"]
