"""Cameras: what the law asks, clips, erasure, who looked; robots and their commands."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome, dispatch
from coordinator.kernel.models import Notification, Task
from coordinator.modules.company.models import Site
from coordinator.modules.identity import keys
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.machines import cameras, robots
from coordinator.modules.machines.camera_models import (
    Camera,
    CameraAccessLog,
    CameraClip,
    Device,
    Robot,
    RobotCommand,
)
from coordinator.modules.machines.models import Machine
from coordinator.modules.stations.models import Station, StationFile
from tests.conftest import master, person
from tests.factories import make

Api = Callable[..., Any]
SAMPLES = Path(__file__).resolve().parents[2] / "edge_agents" / "samples"
PICTURE = b"\xff\xd8 une image"
LAWFUL = {"informed_on": "2026-01-05", "sign_on": "2026-01-06", "consultation": "none_elected"}


@pytest.fixture
def device(ctx: Context) -> Device:
    return ctx.add(Device(code="CAM-03", name="Caméra M03"))


@pytest.fixture
def machine(ctx: Context) -> Machine:
    return ctx.add(Machine(code="M03", name="DMU 50", machine_type="machining_centre"))


@pytest.fixture
def camera(ctx: Context, device: Device, machine: Machine) -> Camera:
    day = dt.date(2026, 1, 5)
    return ctx.add(
        Camera(
            device_id=device.id, location_label="DMU 50, intérieur", machine_id=machine.id, informed_on=day, sign_on=day,
            consultation="none_elected", status="live", retention_days=10,
        )
    )  # fmt: skip


def report(ctx: Context, kind: str, payload: dict[str, Any]) -> Outcome:
    return dispatch(ctx, DeviceEvent(uuid.uuid4(), kind, payload, ctx.now, ctx.now, station_id="st-m"))


def clip_payload(ctx: Context, **changes: Any) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads((SAMPLES / "camera.clip.json").read_text())["payload"]
    start = ctx.now - dt.timedelta(minutes=2)
    times = {
        "started_at": start.isoformat(),
        "ended_at": ctx.now.isoformat(),
        "delete_after": (start + dt.timedelta(days=90)).isoformat(),
    }
    return payload | times | changes


def keep(ctx: Context, **changes: Any) -> CameraClip:
    stored = ctx.files.put(PICTURE, "image/jpeg")
    assert (
        report(ctx, "camera.clip", clip_payload(ctx, image=stored.sha256, clip=None, **changes)).result
        == "done"
    )
    return ctx.session.scalars(select(CameraClip).order_by(CameraClip.id.desc()).limit(1)).one()


@pytest.mark.requirement("MCH-32", "MCH-35")
@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"place_kind": "break_room"}, "camera.place"),
        ({"place_kind": "toilets"}, "camera.place"),
        ({"place_kind": "staff_room"}, "camera.place"),
        ({"place_kind": "workstation", "purpose": "security"}, "camera.workstation"),
        (
            {"place_kind": "workstation", "purpose": "machine_interior", "is_event_only": False},
            "camera.workstation",
        ),
        ({"purpose": "other"}, "camera.purpose"),
        ({"retention_days": 31}, "camera.retention"),
    ],
)
def test_a_camera_the_law_forbids_cannot_be_entered(
    api: Api, device: Device, values: dict[str, Any], code: str
) -> None:
    body = {"device_id": device.id, "location_label": "Atelier", **values}
    answer = api(master()).post("/api/v1/cameras", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.requirement("MCH-36")
def test_a_camera_sees_nothing_before_people_are_informed_represented_and_warned(
    ctx: Context, api: Api, device: Device
) -> None:
    client = api(master())
    body = {
        "device_id": device.id,
        "location_label": "Entrée",
        "place_kind": "entrance",
        "purpose": "security",
    }
    made = client.post("/api/v1/cameras", json=body).json()
    url = f"/api/v1/cameras/{made['id']}"
    refused = client.post(f"{url}/activate", json={}).json()
    assert {e["field"] for e in refused["errors"]} == {"informed_on", "sign_on", "consultation"}
    assert report(ctx, "camera.clip", clip_payload(ctx)).result == "refused", "off keeps nothing"
    assert (
        report(
            ctx, "camera.state", {"camera_code": "CAM-03", "state": "live", "since": ctx.now.isoformat()}
        ).result
        == "done"
    )
    assert ctx.session.get_one(Camera, made["id"]).status == "off"
    assert ctx.session.scalars(select(Task)).one().kind == "camera.unlawful"
    changed = client.patch(
        url, json={**LAWFUL, "consultation": "consulted", "row_version": made["row_version"]}
    )
    assert changed.status_code == 200, changed.text
    assert client.post(f"{url}/activate", json={}).json()["errors"][0]["field"] == "consulted_on"
    version = client.get(url).json()["row_version"]
    client.patch(url, json={"consulted_on": "2026-01-04", "row_version": version})
    assert api(person("machines:*")).post(f"{url}/activate", json={}).status_code == 403
    assert client.post(f"{url}/activate", json={}).json()["record"]["status"] == "offline"


@pytest.mark.requirement("MCH-33", "MCH-35")
def test_a_clip_is_tied_to_its_event_and_never_kept_longer_than_said(
    ctx: Context, camera: Camera, machine: Machine
) -> None:
    notice = json.loads((SAMPLES / "collision.impact.json").read_text())["payload"]
    assert report(ctx, "collision.impact", notice).result == "done"
    kept = keep(ctx, incident_uid=notice["incident_uid"])
    assert kept.machine_event_id is not None
    assert kept.delete_after == kept.started_at + dt.timedelta(days=10)
    again = clip_payload(ctx, image=kept.image_sha256, clip=None, started_at=kept.started_at.isoformat())
    assert report(ctx, "camera.clip", again).result == "duplicate"


@pytest.mark.requirement("MCH-35")
def test_outlived_pictures_are_erased_sealed_ones_stay(ctx: Context, camera: Camera, api: Api) -> None:
    first = keep(ctx)
    place = ctx.files.path(str(first.image_sha256))
    second = keep(ctx, reason="anomaly")
    client = api(master())
    assert (
        client.post(f"/api/v1/camera-clips/{second.id}/seal", json={"reason": "Accident du 3"}).status_code
        == 200
    )
    cameras.erase_outlived(ctx)
    assert place.is_file()
    for kept in (first, second):
        ctx.session.refresh(kept)
        kept.delete_after = ctx.now - dt.timedelta(days=1)
    ctx.session.flush()
    cameras.erase_outlived(ctx)
    assert (first.erased_at, second.erased_at) == (ctx.now, None)
    assert place.is_file(), "the sealed clip shows the same picture"
    second.sealed_at = None
    ctx.session.flush()
    cameras.erase_outlived(ctx)
    assert not place.exists()
    assert client.get(f"/api/v1/camera-clips/{second.id}/image").status_code == 404


@pytest.mark.requirement("MCH-36")
def test_every_look_at_pictures_is_written_down(ctx: Context, camera: Camera, api: Api) -> None:
    kept = keep(ctx)
    url = f"/api/v1/camera-clips/{kept.id}/image"
    assert api(person("machines:read")).get(url).status_code == 403
    client = api(person("machines:read", "machines:export"))
    assert client.get(url).content == PICTURE
    assert client.get(f"{url}?download=true").content == PICTURE
    actions = [
        line.action for line in ctx.session.scalars(select(CameraAccessLog).order_by(CameraAccessLog.id))
    ]
    assert actions == ["view", "export"]
    who: Any = make(ctx, UserAccount, first_name="Odile", last_name="Renard")
    ctx.session.scalars(select(CameraAccessLog).order_by(CameraAccessLog.id).limit(1)).one().user_id = who.id
    ctx.session.flush()
    register = client.get(f"/api/v1/cameras/{camera.id}/register").json()
    assert [line["person"] for line in register["looks"]] == [None, "Odile Renard"]
    assert register["retention"].startswith("10 jours")
    assert [line["action"] for line in register["looks"]] == ["export", "view"]
    assert register["clips"] == 1
    site = make(ctx, Site)
    unit = ctx.add(Station(code="st-cam", name="Caméra", kind="machine_agent", site_id=site.id))
    ctx.session.flush()
    ctx.session.add(
        StationFile(
            station_id=unit.id, sha256=kept.image_sha256, size=len(PICTURE), media_type="image/jpeg", received_at=ctx.now
        )
    )  # fmt: skip
    ctx.session.flush()
    around = api(person("machines:*", "platform:*", "vision:*")).get(
        f"/api/v1/stations/files/{kept.image_sha256}"
    )
    assert around.status_code == 404, "no second door without the log"


@pytest.mark.requirement("MCH-37")
def test_only_clips_and_stills_of_events_can_be_kept(ctx: Context, camera: Camera) -> None:
    kept = keep(ctx)
    assert "Aucun envoi à l'extérieur" in str(cameras.register_entry(ctx, camera)["storage"])
    columns = set(CameraClip.__table__.columns.keys())
    assert {"clip_sha256", "image_sha256"} <= columns
    assert kept.ended_at - kept.started_at < dt.timedelta(minutes=15)


@pytest.mark.requirement("MCH-51")
def test_a_blind_camera_is_shown_as_such_and_told_after_five_minutes(ctx: Context, camera: Camera) -> None:
    def says(state: str, minutes: float) -> None:
        since = (ctx.now - dt.timedelta(minutes=minutes)).isoformat()
        report(
            ctx,
            "camera.state",
            {"camera_code": "cam-03", "state": state, "since": since, "detail": "Image noire"},
        )

    says("covered", 4)
    cameras.watch(ctx)
    assert (camera.status, ctx.session.scalars(select(Notification)).all()) == ("covered", [])
    camera.status_since = ctx.now - dt.timedelta(minutes=6)
    ctx.session.flush()
    cameras.watch(ctx)
    cameras.watch(ctx)
    assert len(ctx.session.scalars(select(Notification)).all()) == 1
    says("live", 30)
    assert camera.status == "covered", "a late word says nothing of now"
    says("live", 1)
    assert (camera.status, camera.is_told) == ("live", False)


@pytest.mark.requirement("MCH-32")
def test_a_camera_s_access_is_kept_encrypted_and_never_answered(
    ctx: Context, camera: Camera, api: Api
) -> None:
    body = {"user_name": "admin", "password": "s3cret!"}
    answer = api(master()).post(f"/api/v1/cameras/{camera.id}/set-credentials", json=body)
    assert answer.status_code == 200
    assert "s3cret" not in answer.text
    ctx.session.refresh(camera)
    assert "s3cret" not in str(camera.credentials)
    assert keys.decrypt(ctx.config, str(camera.credentials)) == "admin:s3cret!"


# --- robots -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MCH-38", "MCH-39", "MCH-52")
def test_a_robot_command_is_asked_approved_and_fails_without_answer(ctx: Context, api: Api) -> None:
    client = api(master())
    robot = client.post(
        "/api/v1/robots",
        json={"name": "Chargeur M03", "controller_brand": "KUKA", "programs": ["charger", "poser"]},
    ).json()
    wrong = client.post("/api/v1/robot-commands", json={"robot_id": robot["id"], "action_code": "danser"})
    assert wrong.json()["code"] == "robot.program"
    made = client.post(
        "/api/v1/robot-commands", json={"robot_id": robot["id"], "action_code": "charger"}
    ).json()
    url = f"/api/v1/robot-commands/{made['id']}"
    assert client.post(f"{url}/hand-over", json={}).status_code == 409, "not before somebody approved"
    assert api(person("robots:update", "robots:read")).post(f"{url}/approve", json={}).status_code == 403
    assert client.post(f"{url}/approve", json={}).status_code == 200
    assert client.post(f"{url}/hand-over", json={}).json()["record"]["status"] == "sent"
    robots.fail_unanswered(ctx)
    command = ctx.session.get_one(RobotCommand, made["id"])
    ctx.session.refresh(command)
    assert command.status == "sent"
    command.answer_due_at = ctx.now - dt.timedelta(seconds=1)
    ctx.session.flush()
    robots.fail_unanswered(ctx)
    ctx.session.flush()
    assert command.status == "failed"
    assert client.post(f"{url}/hand-over", json={}).status_code == 409, "never sent again"
    assert ctx.session.get_one(Robot, robot["id"]).programs == ["charger", "poser"]
