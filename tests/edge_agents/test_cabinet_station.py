"""A cabinet station beyond the plain session: opening, persons, the wrong button, full counts, its ports."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from edge_agents.drivers.base import CommandRefusedError
from edge_agents.drivers.cabinet_camera import opening
from edge_agents.drivers.local_api import ask
from edge_agents.drivers.simulators import cabinet, spoil
from edge_agents.protocol import credentials
from edge_agents.protocol.control import ReferenceData
from edge_agents.runtime.uploads import pending_files, upload_all
from tests.edge_agents.cabinets import FULL, T0, at, make, show, taken
from tests.edge_agents.conftest import Recorded

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


async def test_movement_opens_with_the_last_scene_nobody_disturbed(
    recorded: Recorded, tmp_path: Path
) -> None:
    driver = make(recorded, tmp_path, opening="motion")
    await driver._look()
    await driver._look()
    for number, gone in ((2, ("A-02",)), (3, ("A-02", "A-04"))):
        show(tmp_path, number, taken(*gone))
        await driver._look()
        assert driver.busy
        answer = await driver.close_session()
        found = [(change["location"], change["delta"]) for change in answer["changes"]]
        assert found == [(gone[-1], -1)], "neither the empty cabinet nor an older scene is the one before"
        await driver._look()
    assert {session["opened_by"] for session in recorded.of("cabinet.session")} == {"motion"}


async def test_what_a_doubtful_session_changed_is_not_seen_again_in_the_next(
    recorded: Recorded, tmp_path: Path
) -> None:
    driver = make(recorded, tmp_path, opening="motion")
    await driver._look()
    await driver._look()
    dark = cabinet.render(taken("A-01"), cabinet.SceneLook(seed=2, light=0.05))
    cv2.imwrite(str(tmp_path / "frames" / "0002.png"), dark)
    await driver.open_session("motion")
    assert "scannez" in (await driver.close_session())["message"]
    show(tmp_path, 3, taken("A-01"))
    for _ in range(3):
        await driver._look()
        if driver.busy:
            await driver.close_session()
    seen = len(recorded.of("vision.detection"))
    show(tmp_path, 4, taken("A-01", "A-03"))
    await driver._look()
    assert driver.busy
    answer = await driver.close_session()
    assert [(c["location"], c["delta"]) for c in answer["changes"]] == [("A-03", -1)]
    assert seen == 0


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
    answer = await driver.requests.answer({"scan": "B-1"})
    assert "OF-12" in answer["message"]
    await driver.open_session()
    show(tmp_path, 2, taken("A-01"))
    await driver.close_session()
    session = recorded.events[0]
    assert (session.user_ref, session.payload["operation_code"]) == ("u1", "gu:q/op-1")
    assert recorded.of("vision.detection")[0]["location_code"] == "A-01"
    assert {event.user_ref for event in recorded.events} == {"u1"}
    await driver.open_session()
    assert not (await driver.requests.answer({"do": "pin", "user": "u1", "pin": "0000"}))["ok"]
    assert (await driver.requests.answer({"do": "pin", "user": "u1", "pin": "4711"}))["ok"]
    await driver.requests.answer({"scan": "gu:q/op-2"})
    await driver.requests.answer({"scan": "B-2"})
    await driver.close_session()
    last = recorded.of("cabinet.session")[-1]
    assert (last["operation_code"], last["persons"]) == ("gu:q/op-2", 2)
    await driver.open_session()
    await driver.close_session()
    assert recorded.events[-1].user_ref is None, "nobody is carried over to the next session"


# answers at the cabinet -------------------------------------------------------------------------------------------


@pytest.mark.requirement("VIS-09")
async def test_what_was_understood_is_shown_and_may_be_called_wrong(
    recorded: Recorded, tmp_path: Path
) -> None:
    driver = make(recorded, tmp_path)
    await driver.open_session()
    show(tmp_path, 2, taken("A-01", "A-03") | {"A-08": 3})
    answer = await driver.close_session()
    assert answer["message"] == "-1 OUTIL-01, -1 OUTIL-03, -2 PLAQUETTE"
    status = await driver.requests.answer({"status": 1})
    assert status["message"] == answer["message"]
    assert status["wrong_s"] > 25
    wrong = await driver.requests.answer({"do": "wrong", "location": "A-03"})
    assert wrong["ok"]
    named = next(d for d in recorded.of("vision.detection") if d["location_code"] == "A-03")
    assert recorded.of("vision.disputed") == [
        {"session_uid": answer["session_uid"], "detection_uid": named["detection_uid"]}
    ]
    assert not (await driver.requests.answer({"do": "wrong", "location": "A-05"}))["ok"]
    driver.told = type(driver.told)(driver.told.session, answer, [], T0, 30.0)
    assert "Trop tard" in (await driver.requests.answer({"do": "wrong"}))["message"]


@pytest.mark.requirement("VIS-40")
async def test_without_a_line_all_is_kept_shown_and_sent_in_order_later(
    recorded: Recorded, tmp_path: Path
) -> None:
    driver = make(recorded, tmp_path)
    for number, gone in enumerate(("A-01", "A-02"), start=1):
        show(tmp_path, 2 * number, FULL)
        await driver.open_session()
        show(tmp_path, 2 * number + 1, taken(gone))
        answer = await driver.close_session()
    assert (await driver.requests.answer({"status": 1}))["message"] == answer["message"] == "-1 OUTIL-02"
    held = recorded.journal.after("event", 0)
    assert [event.type for event in held] == ["cabinet.session", "vision.detection"] * 2
    assert [event.payload["location_code"] for event in held[1::2]] == ["A-01", "A-02"]
    named = {event.payload[name] for event in held[1::2] for name in ("crop_before", "crop_after")}
    named |= {event.payload[name] for event in held[::2] for name in ("image_before", "image_after")}
    arrived: list[str] = []
    is_cut = True

    def coordinator(request: httpx.Request) -> httpx.Response:
        if is_cut:
            raise httpx.ConnectError("no line")
        arrived.append(request.url.path.rsplit("/", 1)[-1])
        return httpx.Response(201)

    drivers = recorded.context.data_dir.parent
    async with httpx.AsyncClient(
        base_url="https://nas", transport=httpx.MockTransport(coordinator)
    ) as client:
        with pytest.raises(httpx.ConnectError):
            await upload_all(client, pending_files(drivers))
        waiting = [path.stem for path in pending_files(drivers)]
        assert named <= set(waiting)
        is_cut = False
        await upload_all(client, pending_files(drivers))
    assert arrived == waiting, "the oldest first"
    assert pending_files(drivers) == []


async def test_the_screen_shows_the_page_and_passes_the_button_on(recorded: Recorded, tmp_path: Path) -> None:
    import asyncio

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
            assert (await client.get("/", headers={"Host": "evil.example"})).status_code == 403
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
    local = recorded.context.rules().local(recorded.context.clock.now())
    driver.config = driver.config.model_copy(update={"daily_count": local.strftime("%H:%M")})
    driver._counted_on = local.date() - dt.timedelta(days=1)
    await driver._daily()
    await driver._daily()
    assert [one["trigger"] for one in recorded.of("vision.counted")] == ["daily"]


async def test_a_place_no_sensor_sees_is_told_by_hand(recorded: Recorded, tmp_path: Path) -> None:
    driver = make(recorded, tmp_path)
    assert (await driver.requests.answer({"do": "tell", "location": "A-08", "count": 12}))["ok"]
    assert recorded.of("stock.counted")[0]["quantity"] == 12
    assert not (await driver.requests.answer({"do": "tell", "location": "Z-1", "count": 1}))["ok"]


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
