"""A cabinet station beyond the plain session: opening, scales, persons, labels, wrong button, full count, privacy, replay."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from edge_agents.drivers.base import CommandRefusedError
from edge_agents.drivers.cabinet_camera import bars, cells, guided, opening, privacy, recording
from edge_agents.drivers.cabinet_camera.cli import app
from edge_agents.drivers.cabinet_camera.config import CabinetCameraConfig, VisionConfig, load_vision
from edge_agents.drivers.cabinet_camera.driver import CabinetCameraDriver
from edge_agents.drivers.cabinet_camera.session import decide
from edge_agents.drivers.cabinet_camera.trays import Trays
from edge_agents.drivers.local_api import ask
from edge_agents.drivers.registry import parse_config
from edge_agents.drivers.simulators import cabinet, cabinet_scenes, spoil
from edge_agents.protocol import credentials
from edge_agents.protocol.control import ReferenceData
from tests.edge_agents.conftest import Recorded

FULL = cabinet.full_content()
T0 = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    return T0 + dt.timedelta(seconds=seconds)


def make(recorded: Recorded, folder: Path, **changes: Any) -> CabinetCameraDriver:
    vision = cabinet.write_station(folder)
    values = {
        "type": "cabinet_camera",
        "vision": str(vision),
        "frames": str(folder / "frames"),
        "poll_s": 0.05,
        **changes,
    }
    return CabinetCameraDriver(CabinetCameraConfig.model_validate(values), recorded.context)


def show(folder: Path, number: int, content: dict[str, int]) -> None:
    picture = cabinet.render(content, cabinet.SceneLook(seed=number))
    cv2.imwrite(str(folder / "frames" / f"{number:04d}.png"), picture)


def taken(*names: str) -> dict[str, int]:
    return FULL | dict.fromkeys(names, 0)


# opening ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("VIS-04")
def test_a_contact_opens_and_closes_and_movement_does_so_without_one() -> None:
    watch = opening.OpeningWatch(quiet_s=20, max_open_s=600)
    assert watch.step(opening.Signals(at(0), door_open=False, moving=True)) is None, (
        "the contact alone decides"
    )
    step = watch.step(opening.Signals(at(1), door_open=True))
    assert step == opening.Step("open", "door")
    watch.opened(at(1))
    assert watch.step(opening.Signals(at(100), door_open=True)) is None
    assert watch.step(opening.Signals(at(101), door_open=False)) == opening.Step("close", "door")
    watch.closed()
    assert watch.step(opening.Signals(at(110), drawer_open=True, door_open=False)) == opening.Step(
        "open", "drawer"
    )
    watch.opened(at(110))
    late = watch.step(opening.Signals(at(711), door_open=True))
    assert late == opening.Step("close", "door", uncertain=True)

    free = opening.OpeningWatch(quiet_s=20)
    assert free.step(opening.Signals(at(0))) is None
    assert free.step(opening.Signals(at(1), weight_changed=True)) == opening.Step("open", "weight")
    free.opened(at(1))
    assert free.step(opening.Signals(at(15), moving=True)) is None
    assert free.step(opening.Signals(at(34))) is None
    assert free.step(opening.Signals(at(35))) == opening.Step("close", "motion")


def test_light_is_no_movement_and_a_hand_is() -> None:
    one = cabinet.render(FULL, cabinet.SceneLook(seed=1))
    dimmer = cabinet.render(FULL, cabinet.SceneLook(seed=2, light=0.7))
    assert not opening.moving(one, dimmer)
    assert opening.moving(one, spoil.hand(one, np.random.default_rng(1)))


@pytest.mark.requirement("VIS-04")
async def test_the_door_contact_runs_a_whole_session(recorded: Recorded, tmp_path: Path) -> None:
    import asyncio

    door = tmp_path / "door"
    door.write_text("0")
    driver = make(recorded, tmp_path, opening="contact", door_file=str(door), daily_count=None)
    work = asyncio.create_task(driver.run())
    try:
        await recorded.until(lambda: recorded.statuses)
        door.write_text("1")
        await recorded.until(lambda: driver.busy)
        show(tmp_path, 2, taken("A-02"))
        door.write_text("0")
        await recorded.until(lambda: recorded.of("vision.detection"))
    finally:
        work.cancel()
    assert recorded.of("cabinet.session")[0]["opened_by"] == "door"
    assert [(d["location_code"], d["delta"]) for d in recorded.of("vision.detection")] == [("A-02", -1.0)]


# counting methods -------------------------------------------------------------------------------------------------


def test_lines_of_a_load_cell_amplifier_are_understood() -> None:
    assert cells.parse_line("T1 84213\r\n") == ("T1", 84213.0)
    assert cells.parse_line("T2;-12.5") == ("T2", -12.5)
    assert cells.parse_line("T1 8388607") == ("T1", None), "a saturated converter"
    assert cells.parse_line("garbage") is None
    assert cells.parse_line("T1 12 13") is None


def scale_file(tmp_path: Path, **grams: float) -> Path:
    path = tmp_path / "cells.json"
    path.write_text(json.dumps({name: 1000 + 420 * value for name, value in grams.items()}))
    return path


def tray_config(path: Path, **more: Any) -> dict[str, Any]:
    tray = {
        "channel": "T1",
        "location": "A-08",
        "item": "PLAQUETTE",
        "offset": 1000,
        "counts_per_g": 420,
        "capacity_g": 500,
    }
    return {"source": "file", "file": str(path), "channels": [tray | more]}


@pytest.mark.requirement("VIS-03")
@pytest.mark.requirement("VIS-43")
def test_a_tray_is_tared_learned_counted_and_given_up_when_it_lies(tmp_path: Path) -> None:
    path = scale_file(tmp_path, T1=52.0)
    store = tmp_path / "trays.json"
    trays = Trays(cells.CellsConfig.model_validate(tray_config(path)), store)
    assert trays.count(trays.weigh())["A-08"].reason == "scale_not_learned"
    assert trays.tare("A-08") == pytest.approx(52.0)
    scale_file(tmp_path, T1=52.0 + 10 * 8.4)
    assert trays.learn("A-08", 10) == pytest.approx(8.4)
    before = trays.weigh()
    scale_file(tmp_path, T1=52.0 + 7 * 8.4)
    again = Trays(cells.CellsConfig.model_validate(tray_config(path)), store)
    reading = again.count(again.weigh())["A-08"]
    assert (reading.count, reading.reason) == (7, None)
    assert reading.confidence > 0.95
    assert again.changed(before, again.weigh())
    scale_file(tmp_path, T1=700.0)
    assert again.count(again.weigh())["A-08"].reason == "scale_out_of_range"
    scale_file(tmp_path, T1=40.0)
    assert again.count(again.weigh())["A-08"].reason == "scale_drift"
    path.unlink()
    assert again.count(again.weigh())["A-08"].count is None
    with pytest.raises(ValueError, match="ne répond pas"):
        again.tare("A-08")


@pytest.mark.requirement("VIS-43")
async def test_a_weighed_session_and_a_drifting_tray(recorded: Recorded, tmp_path: Path) -> None:
    path = scale_file(tmp_path, T1=100.0)
    config = tray_config(path, tare_g=60.0, unit_g=8.0)
    driver = make(recorded, tmp_path, cells=config)
    raw = load_vision(tmp_path / "vision.yaml")
    tray = raw.compartments[-1].model_copy(update={"method": "weight"})
    driver._vision = raw.model_copy(update={"compartments": (*raw.compartments[:-1], tray)})
    await driver.open_session()
    scale_file(tmp_path, T1=84.0)
    answer = await driver.close_session()
    assert answer["message"] == "-2 PLAQUETTE"
    assert recorded.of("vision.detection")[0]["method"] == "weight"
    await driver.open_session()
    scale_file(tmp_path, T1=20.0)
    await driver.close_session()
    assert recorded.of("health.alert")[-1]["code"] == "scale.scale_drift"
    assert "tarez" in recorded.of("health.alert")[-1]["message"]
    assert len(recorded.of("vision.detection")) == 1
    with pytest.raises(CommandRefusedError, match="inconnu"):
        await driver.command("tare", {"location": "Z"})


@pytest.mark.requirement("VIS-03")
def test_bar_ends_are_counted_and_measured_untaught() -> None:
    found, total, sizes = 0, 0, []
    for seed in (11, 12):
        rack = cabinet_scenes.make_cabinet("bar_rack", seed)
        chance = np.random.default_rng(seed)
        x, y, w, h = rack.boxes[0]
        true_px = 2 * 0.96 * min(w / 8.6, h / 4.4)
        for number in range(3):
            content = cabinet_scenes.random_content(rack, chance)
            picture = cabinet_scenes.render(rack, content, cabinet_scenes.random_look(chance), number)
            for (x, y, w, h), name in zip(rack.boxes, rack.places, strict=True):
                patch = picture[y : y + h, x : x + w]
                found += len(bars.bar_circles(patch)) == content[name]
                total += 1
                size = bars.diameter_mm(patch, 0.5)
                if content[name]:
                    assert size is not None
                    sizes.append(size / (0.5 * true_px))
    assert found >= 0.9 * total
    assert 0.9 < float(np.median(sizes)) < 1.1
    assert bars.diameter_mm(np.full((100, 100, 3), 30, np.uint8), 1.0) is None


def labelled_scene(codes: dict[tuple[int, int], str], *, plain: bool = False) -> Any:
    import zxingcpp

    scene = np.full((500, 700, 3), 190, np.uint8)
    cv2.randn(noise := np.zeros(scene.shape, np.int16), 0, 4)
    for (x, y), text in codes.items():
        made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
        code = np.array(made.to_image(scale=4))
        cv2.rectangle(
            scene, (x - 14, y - 14), (x + code.shape[1] + 14, y + code.shape[0] + 14), (90, 110, 120), -1
        )
        scene[y : y + code.shape[0], x : x + code.shape[1]] = code[..., None]
    if plain:
        cv2.rectangle(scene, (60, 60), (300, 300), (60, 80, 90), -1)
    return np.clip(scene + noise, 0, 255).astype(np.uint8)


@pytest.mark.requirement("VIS-13")
def test_offcuts_are_known_by_their_labels_one_by_one() -> None:
    bin_ = {"id": "CHUTES", "method": "boxes", "polygon": [[20, 20], [680, 20], [680, 480], [20, 480]]}
    vision = VisionConfig.model_validate({"compartments": [bin_], "min_sharpness": 0.0})
    first = {(60, 60): "gu:q/chute-1", (400, 60): "gu:q/chute-2"}
    before, after = (
        labelled_scene(first),
        labelled_scene({(60, 60): "gu:q/chute-1", (400, 280): "gu:q/chute-3"}),
    )
    changes = decide(before, after, vision).changes
    assert {(c.code, c.delta) for c in changes} == {("gu:q/chute-2", -1), ("gu:q/chute-3", 1)}
    unknown = decide(labelled_scene({}), labelled_scene({}, plain=True), vision).changes
    assert [(c.reason, c.delta) for c in unknown] == [("unlabelled", None)]


@pytest.mark.requirement("VIS-10")
def test_an_instrument_in_a_wrong_place_is_no_count() -> None:
    table = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)

    def drawer(places: dict[int, int]) -> Any:
        scene = np.full((300, 600, 3), 160, np.uint8)
        for slot, marker in places.items():
            drawn = cv2.aruco.generateImageMarker(table, marker, 80)
            drawn = cv2.copyMakeBorder(drawn, 10, 10, 10, 10, cv2.BORDER_CONSTANT, value=255)
            scene[100:200, 50 + 200 * slot : 150 + 200 * slot] = drawn[..., None]
        return scene

    places = [
        {"id": f"I{n}", "method": "marker", "marker_id": 10 + n, "item": f"INST-{n}",
         "polygon": [[20 + 200 * n, 60], [180 + 200 * n, 60], [180 + 200 * n, 240], [20 + 200 * n, 240]]}
        for n in range(3)
    ]  # fmt: skip
    vision = VisionConfig.model_validate({"compartments": places, "min_sharpness": 0.0})
    full = drawer({0: 10, 1: 11, 2: 12})
    gone = decide(full, drawer({0: 10, 2: 12}), vision).changes
    assert [(c.compartment.id, c.delta) for c in gone] == [("I1", -1)]
    swapped = {
        c.compartment.id: (c.delta, c.reason) for c in decide(full, drawer({0: 11, 2: 12}), vision).changes
    }
    assert swapped == {"I0": (None, "foreign_or_misplaced"), "I1": (-1, None)}


@pytest.mark.requirement("VIS-01")
def test_another_cabinet_is_another_configuration_and_nothing_else(tmp_path: Path) -> None:
    scope = {"T-01": "FRAISE", "I-01": "PIED-A-COULISSE", "E-01": "GANTS-9", "M-01": "ROND-20"}
    methods = dict(zip(scope, ("presence", "marker", "boxes", "bar_ends"), strict=True))
    square = [[0, 0], [90, 0], [90, 90], [0, 90]]
    path = tmp_path / "v.yaml"
    compartments = [
        {"id": n, "method": methods[n], "item": item, "polygon": square} for n, item in scope.items()
    ]
    path.write_text(json.dumps({"compartments": compartments}))
    config = parse_config({"type": "cabinet_camera", "vision": str(path)})
    assert isinstance(config, CabinetCameraConfig)
    assert [place.item for place in load_vision(config.vision).compartments] == list(scope.values())
    path.write_text(json.dumps({"compartments": [compartments[0] | {"method": "guess"}]}))
    with pytest.raises(ValueError, match="method"):
        load_vision(path)


# persons ----------------------------------------------------------------------------------------------------------


def reference(operators: list[str]) -> ReferenceData:
    salt = b"0123456789abcdef"
    users = [
        {
            "ref": "u1",
            "name": "Anne",
            "badge_hash": credentials.hash_badge("B-1", salt),
            "pin_hash": credentials.hash_pin("4711"),
        },
        {"ref": "u2", "name": "Bert", "badge_hash": credentials.hash_badge("B-2", salt), "pin_hash": None},
    ]
    operation = {"id": "1", "uid": "5b1f0f6e-0c1f-4f6a-9a52-1f2f3c4d5e6f", "code": "gu:q/op-1", "work_order_number": "OF-12",
                 "sequence_no": 10, "operation_label": "Tournage", "status": "in_progress", "operators": operators}  # fmt: skip
    other = operation | {"id": "2", "code": "gu:q/op-2", "work_order_number": "OF-13", "operators": []}
    return ReferenceData.model_validate({"version": 1, "operations": [operation, other], "users": users,
                                         "generated_at": dt.datetime.now(dt.UTC)})  # fmt: skip


@pytest.mark.requirement("VIS-07")
@pytest.mark.requirement("VIS-08")
async def test_a_badge_names_the_person_and_his_running_operation(recorded: Recorded, tmp_path: Path) -> None:
    recorded.context.reference.store(reference(["u1"]))
    driver = make(recorded, tmp_path)
    answer = await driver._answer({"scan": "B-1"})
    assert "OF-12" in answer["message"]
    await driver.open_session()
    show(tmp_path, 2, taken("A-01"))
    await driver.close_session()
    session = recorded.events[0]
    assert (session.user_ref, session.payload["operation_code"]) == ("u1", "gu:q/op-1")
    assert recorded.of("vision.detection")[0]["location_code"] == "A-01"
    assert {event.user_ref for event in recorded.events} == {"u1"}
    await driver.open_session()
    assert not (await driver._answer({"do": "pin", "user": "u1", "pin": "0000"}))["ok"]
    assert (await driver._answer({"do": "pin", "user": "u1", "pin": "4711"}))["ok"]
    await driver._answer({"scan": "gu:q/op-2"})
    await driver._answer({"scan": "B-2"})
    await driver.close_session()
    last = recorded.of("cabinet.session")[-1]
    assert (last["operation_code"], last["persons"]) == ("gu:q/op-2", 2)
    await driver.open_session()
    await driver.close_session()
    assert recorded.events[-1].user_ref is None, "nobody is carried over to the next session"


# answers at the cabinet -------------------------------------------------------------------------------------------


@pytest.mark.requirement("VIS-09")
@pytest.mark.requirement("VIS-40")
async def test_what_was_understood_is_shown_and_may_be_called_wrong(
    recorded: Recorded, tmp_path: Path
) -> None:
    driver = make(recorded, tmp_path)
    await driver.open_session()
    show(tmp_path, 2, taken("A-01", "A-03") | {"A-08": 3})
    answer = await driver.close_session()
    assert answer["message"] == "-1 OUTIL-01, -1 OUTIL-03, -2 PLAQUETTE"
    status = await driver._answer({"status": 1})
    assert status["message"] == answer["message"]
    assert status["wrong_s"] > 25
    wrong = await driver._answer({"do": "wrong", "location": "A-03"})
    assert wrong["ok"]
    named = next(d for d in recorded.of("vision.detection") if d["location_code"] == "A-03")
    assert recorded.of("vision.disputed") == [
        {"session_uid": answer["session_uid"], "detection_uid": named["detection_uid"]}
    ]
    assert not (await driver._answer({"do": "wrong", "location": "A-05"}))["ok"]
    driver._told = type(driver._told)(driver._told.session, answer, [], T0, 30.0)
    assert "Trop tard" in (await driver._answer({"do": "wrong"}))["message"]
    images = {path.stem for path in (recorded.context.data_dir / "images").glob("*.jpg")}
    assert {named["crop_before"], named["crop_after"]} <= images, "kept here until the line is back"


async def test_the_screen_shows_the_page_and_passes_the_button_on(recorded: Recorded, tmp_path: Path) -> None:
    import asyncio

    import httpx

    driver = make(recorded, tmp_path, screen_port=0, daily_count=None)
    work = asyncio.create_task(driver.run())
    port_file = recorded.context.data_dir / "screen.port"
    try:
        await recorded.until(port_file.exists)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port_file.read_text()}") as client:
            assert "<html" in (await client.get("/")).text
            opened = (await client.post("/", json={"do": "open"})).json()
            assert opened["ok"]
            assert (await client.post("/", json={"do": "status"})).json()["open"]
            assert (await client.post("/", json={"do": "teach"})).status_code == 400
            foreign = await client.post("/", json={"do": "close"}, headers={"Origin": "http://evil.example"})
            assert foreign.status_code == 403
    finally:
        work.cancel()


@pytest.mark.requirement("VIS-11")
async def test_a_full_count_tells_every_compartment(recorded: Recorded, tmp_path: Path) -> None:
    driver = make(recorded, tmp_path)
    show(tmp_path, 2, taken("A-04"))
    assert await driver.command("run_count", {}) == "8 compartiments comptés sur 8."
    told = recorded.of("vision.counted")[0]
    counts = {place["location_code"]: place["count"] for place in told["places"]}
    assert counts == {**{f"A-{n:02d}": 1 for n in range(1, 8)}, "A-04": 0, "A-08": 5}
    await driver.open_session()
    with pytest.raises(CommandRefusedError, match="ouverte"):
        await driver.count_all()


@pytest.mark.requirement("VIS-11")
async def test_the_count_of_the_day_comes_at_its_hour(recorded: Recorded, tmp_path: Path) -> None:
    driver = make(recorded, tmp_path)
    local = recorded.context.clock.now().astimezone()
    driver.config = driver.config.model_copy(update={"daily_count": local.strftime("%H:%M")})
    driver._counted_on = local.date() - dt.timedelta(days=1)
    await driver._daily()
    await driver._daily()
    assert [one["trigger"] for one in recorded.of("vision.counted")] == ["daily"]


async def test_a_place_no_sensor_sees_is_told_by_hand(recorded: Recorded, tmp_path: Path) -> None:
    driver = make(recorded, tmp_path)
    assert (await driver._answer({"do": "tell", "location": "A-08", "count": 12}))["ok"]
    assert recorded.of("stock.counted")[0]["quantity"] == 12
    assert not (await driver._answer({"do": "tell", "location": "Z-1", "count": 1}))["ok"]


# privacy ----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("VIS-27")
@pytest.mark.parametrize("kind", cabinet_scenes.KINDS)
def test_no_hand_is_ever_stored(kind: str) -> None:
    for seed in range(3):
        scene = cabinet_scenes.make_cabinet(kind, 40 + seed)
        chance = np.random.default_rng([seed, 5])
        known = cabinet_scenes.render(
            scene, cabinet_scenes.random_content(scene, chance), cabinet_scenes.Look(), seed
        )
        clean = cabinet_scenes.render(
            scene, cabinet_scenes.random_content(scene, chance), cabinet_scenes.Look(light=0.9), 9
        )
        assert privacy.conceal(clean, known).part < 0.3
        reached = spoil.hand(clean, chance, reach=float(chance.uniform(0.3, 0.7)))
        hand = np.abs(reached.astype(int) - clean).max(axis=2) > 25
        shown = privacy.conceal(reached, known).image
        if shown is not None:
            still_there = (shown == reached).all(axis=2) & hand
            assert still_there.sum() < 0.03 * hand.sum()


@pytest.mark.requirement("VIS-27")
async def test_a_station_stores_a_reaching_hand_painted_over(recorded: Recorded, tmp_path: Path) -> None:
    driver = make(recorded, tmp_path)
    await driver.open_session()
    clean = cabinet.render(taken("A-01"), cabinet.SceneLook(seed=2))
    reached = spoil.hand(clean, np.random.default_rng(4))
    hand = np.abs(reached.astype(int) - clean).max(axis=2) > 25
    cv2.imwrite(str(tmp_path / "frames" / "0002.png"), reached)
    await driver.close_session()
    digest = recorded.of("cabinet.session")[0]["image_after"]
    for path in (recorded.context.data_dir).rglob("*.jpg"):
        stored = cv2.imread(str(path))
        if stored.shape == reached.shape:
            close = np.abs(stored.astype(int) - reached).max(axis=2) < 12
            painted = path.stem == digest or path.name == "after.jpg"
            assert not painted or (close & hand).sum() < 0.05 * hand.sum()


@pytest.mark.requirement("VIS-28")
async def test_pictures_and_sessions_go_after_their_days(recorded: Recorded, tmp_path: Path) -> None:
    import os

    driver = make(recorded, tmp_path)
    await driver.open_session()
    await driver.close_session()
    data = recorded.context.data_dir
    kept = [*(data / "images").glob("*.jpg"), *(data / "recordings").glob("*/session.json")]
    assert len(kept) >= 2
    old = recorded.context.clock.now().timestamp() - 7.5 * 86400
    for path in kept:
        os.utime(path, (old, old))
    driver._cleaned_at = None
    await driver._daily()
    assert not [path for path in kept if path.exists()]


# recorded sessions, teaching ----------------------------------------------------------------------------------------


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
        app, ["replay", str(folder), "--config", str(tmp_path / "vision.yaml"), "--json"]
    )
    assert run.exit_code == 0, run.output
    result = json.loads(run.stdout)
    assert (result["sessions"], result["session_delta_accuracy"], result["passes"]) == (3, 1.0, True)
    recording.set_truth(folder, answer["session_uid"], {"A-05": -1})
    worse = CliRunner().invoke(app, ["replay", str(folder), "--config", str(tmp_path / "vision.yaml")])
    assert worse.exit_code == 1
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
    started = await driver._answer({"do": "teach", "photographs": 8, "capacity": {"A-08": 2}})
    assert started["message"].startswith("Photo 1 sur 8. Videz")
    places = guided.taught_places(driver._vision, {"A-08": 2})
    for number, content in enumerate(guided.plan(places, 8)):
        show(tmp_path, 100 + number, content)
        answer = await driver._answer({"do": "teach_photo"})
    assert answer["left"] == 0
    done = await driver._answer({"do": "teach_done"})
    assert done["ok"], done
    assert Path(done["report"]["model"]).exists()
    assert driver._model.model is None, "a candidate is used by nobody"
    assert not (await driver._answer({"do": "teach_photo"}))["ok"]


async def test_a_local_port_speaks_the_same(recorded: Recorded, tmp_path: Path) -> None:
    import asyncio

    driver = make(recorded, tmp_path, daily_count=None)
    work = asyncio.create_task(driver.run())
    port_file = recorded.context.data_dir / "local_api.port"
    try:
        await recorded.until(port_file.exists)
        answer = await ask(int(port_file.read_text()), {"do": "count"})
        assert answer["ok"]
    finally:
        work.cancel()
