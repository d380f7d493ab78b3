import asyncio
import random
from pathlib import Path
from typing import Any

import cv2
import pytest

from edge_agents.drivers.cabinet_camera.config import CabinetCameraConfig, VisionConfig
from edge_agents.drivers.cabinet_camera.driver import CabinetCameraDriver
from edge_agents.drivers.cabinet_camera.session import decide
from edge_agents.drivers.local_api import ask
from edge_agents.drivers.simulators import cabinet
from edge_agents.drivers.simulators.cabinet import SceneLook
from tests.edge_agents.conftest import Recorded

VISION = VisionConfig.model_validate(cabinet.vision_config())
EMPTY = cabinet.render({})


def deltas(
    before: dict[str, int], after: dict[str, int], first: SceneLook, second: SceneLook
) -> dict[str, int]:
    decision = decide(cabinet.render(before, first), cabinet.render(after, second), VISION, empty=EMPTY)
    assert decision.usable, decision.reason
    return {change.compartment.id: change.delta for change in decision.changes}


@pytest.mark.requirement("VIS-05")
def test_random_sessions_under_changing_light_and_shift() -> None:
    chance = random.Random(3)
    names = cabinet.compartment_ids()
    for session in range(25):
        before = {name: chance.randint(0, 1) for name in names[:-1]} | {names[-1]: chance.randint(0, 6)}
        after = dict(before)
        for name in chance.sample(names, chance.randint(0, 3)):
            after[name] = chance.randint(0, 6) if name == names[-1] else 1 - before[name]
        first = SceneLook(light=chance.uniform(0.6, 1.1), seed=session)
        second = SceneLook(
            light=chance.uniform(0.6, 1.1),
            shift_px=(chance.uniform(-8, 8), chance.uniform(-8, 8)),
            turn_deg=chance.uniform(-0.8, 0.8),
            seed=1000 + session,
        )
        expected = {name: after[name] - before[name] for name in names if after[name] != before[name]}
        assert deltas(before, after, first, second) == expected


def test_confidence_is_high_for_a_plain_take() -> None:
    full = cabinet.full_content()
    taken = full | {"A-03": 0}
    decision = decide(cabinet.render(full), cabinet.render(taken, SceneLook(seed=9)), VISION, empty=EMPTY)
    (change,) = decision.changes
    assert (change.compartment.item, change.delta) == ("OUTIL-03", -1)
    assert change.confidence > 0.9


def test_foreign_object_gives_no_quantity() -> None:
    full = cabinet.full_content()
    scene = cabinet.render(full, SceneLook(seed=4))
    x, y, width, height = 100, 105, 180, 200
    cv2.rectangle(scene, (x + 5, y + 5), (x + width - 5, y + height - 90), (20, 20, 160), -1)
    (change,) = decide(cabinet.render(full), scene, VISION, empty=EMPTY).changes
    assert (change.compartment.id, change.reason, change.delta) == ("A-01", "foreign_or_misplaced", 0)


def test_without_empty_reference_the_change_goes_to_review() -> None:
    full = cabinet.full_content()
    decision = decide(cabinet.render(full), cabinet.render(full | {"A-02": 0}), VISION)
    (change,) = decision.changes
    assert (change.compartment.id, change.delta, change.reason) == ("A-02", None, "no_reference")
    assert change.confidence < 0.6


@pytest.mark.requirement("VIS-37")
@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (SceneLook(light=0.05), "dark"),
        (SceneLook(light=3.0, noise=0), "overexposed"),
        (SceneLook(blur=9.0), "blurred"),
        (SceneLook(shift_px=(85.0, 0.0)), "camera_moved"),
    ],
)
def test_unusable_scenes_are_refused(look: SceneLook, reason: str) -> None:
    full = cabinet.full_content()
    decision = decide(cabinet.render(full), cabinet.render(full | {"A-01": 0}, look), VISION, empty=EMPTY)
    assert not decision.usable
    assert decision.reason == reason
    assert decision.changes == ()


@pytest.mark.requirement("VIS-37")
def test_covered_fiducials_are_noticed() -> None:
    scene = cabinet.render(cabinet.full_content())
    cv2.rectangle(scene, (0, 0), (cabinet.WIDTH, 95), (60, 60, 60), -1)
    decision = decide(cabinet.render(cabinet.full_content()), scene, VISION, empty=EMPTY)
    assert (decision.usable, decision.reason) == (False, "fiducials_missing")


def _driver(recorded: Recorded, tmp_path: Path, **changes: Any) -> CabinetCameraDriver:
    vision = cabinet.write_station(tmp_path / "cabinet")
    values = {"type": "cabinet_camera", "vision": vision, "frames": tmp_path / "cabinet" / "frames"} | changes
    return CabinetCameraDriver(CabinetCameraConfig.model_validate(values), recorded.context)


def _show(tmp_path: Path, number: int, content: dict[str, int], look: SceneLook | None = None) -> None:
    path = tmp_path / "cabinet" / "frames" / f"{number:04d}.png"
    cv2.imwrite(str(path), cabinet.render(content, look or SceneLook(seed=number)))


@pytest.mark.requirement("VIS-04")
@pytest.mark.requirement("VIS-06")
async def test_session_through_the_local_api(recorded: Recorded, tmp_path: Path) -> None:
    driver = _driver(recorded, tmp_path)
    task = asyncio.create_task(driver.run())
    port_file = recorded.context.data_dir / "local_api.port"
    await recorded.until(port_file.exists)
    port = int(port_file.read_text())
    assert (await ask(port, {"do": "close"}))["ok"] is False
    assert (await ask(port, {"do": "open"}))["ok"] is True
    _show(tmp_path, 2, cabinet.full_content() | {"A-05": 0, "A-08": 3})
    answer = await ask(port, {"do": "close"})
    assert answer["message"] == "-1 OUTIL-05, -2 PLAQUETTE"
    session = recorded.of("cabinet.session")[0]
    assert session["status"] == "closed"
    found = recorded.of("vision.detection")
    assert {(d["location_code"], d["item_code"], d["delta"]) for d in found} == {
        ("A-05", "OUTIL-05", -1),
        ("A-08", "PLAQUETTE", -2),
    }
    assert {d["session_uid"] for d in found} == {session["session_uid"]}
    for digest in (session["image_before"], session["image_after"]):
        assert (recorded.context.data_dir / "images" / f"{digest}.jpg").exists()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.requirement("VIS-37")
async def test_dark_camera_raises_an_alert_and_posts_nothing(recorded: Recorded, tmp_path: Path) -> None:
    driver = _driver(recorded, tmp_path)
    await driver.open_session()
    _show(tmp_path, 2, cabinet.full_content() | {"A-05": 0}, SceneLook(light=0.03))
    answer = await driver.close_session()
    assert answer["ok"] is False
    assert recorded.of("cabinet.session")[0]["status"] == "uncertain"
    assert recorded.of("health.alert")[0]["code"] == "camera.dark"
    assert recorded.of("vision.detection") == []
    assert recorded.statuses[-1] == ("fault", "image trop sombre")


@pytest.mark.requirement("VIS-39")
async def test_power_cut_during_a_session(recorded: Recorded, tmp_path: Path) -> None:
    first = _driver(recorded, tmp_path)
    opened = await first.open_session()
    _show(tmp_path, 2, cabinet.full_content() | {"A-02": 0})
    second = CabinetCameraDriver(first.config, recorded.context)
    task = asyncio.create_task(second.run())
    await recorded.until(lambda: recorded.of("vision.detection"))
    session = recorded.of("cabinet.session")[0]
    assert (session["session_uid"], session["status"]) == (opened["session_uid"], "uncertain")
    assert recorded.of("vision.detection")[0]["confidence"] < 0.6
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.requirement("VIS-38")
async def test_door_left_open(recorded: Recorded, tmp_path: Path) -> None:
    driver = _driver(recorded, tmp_path, max_open_s=0.1)
    await driver.open_session()
    task = asyncio.create_task(driver.run())
    await recorded.until(lambda: recorded.of("cabinet.session"))
    assert recorded.of("cabinet.session")[0]["status"] == "uncertain"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
