"""Machine camera: off without declaration, masks, memory only, clips of events, truthful state, retention."""

import asyncio
import os
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_agents.drivers.base import CommandRefusedError
from edge_agents.drivers.local_api import ask
from edge_agents.drivers.machine_camera.compare import difference
from edge_agents.drivers.machine_camera.config import MachineCameraConfig
from edge_agents.drivers.machine_camera.driver import MachineCameraDriver
from edge_agents.drivers.machine_camera.reader import address
from edge_agents.drivers.machine_camera.ring import Clips, Frame, FrameRing, masked
from edge_agents.drivers.simulators.aside import aside
from edge_agents.drivers.simulators.camera import CameraSimulator, scene
from edge_agents.drivers.simulators.rtsp import RtspServer
from edge_agents.runtime.uploads import Views, pending_files
from tests.edge_agents.conftest import Recorded, at_work

DECLARED = {
    "employees_informed_on": "2026-09-01", "cse_consulted_on": "2026-08-20", "sign_posted_on": "2026-09-02",
    "responsible": "Chef d'atelier",
}  # fmt: skip
MASK = [[0, 0], [0.25, 0], [0.25, 1], [0, 1]]


def _config(source: str, **changes: Any) -> MachineCameraConfig:
    values = {
        "type": "machine_camera", "camera_code": "CAM-1", "machine_code": "M01", "source": source, "active": True,
        "purpose": "machine_side", "declaration": DECLARED, "masks": [MASK], "fps": 10, "before_s": 1.5, "after_s": 0.8,
        "alert_after_s": 0.5, "min_delay_s": 0.2, "max_delay_s": 0.5, "width_px": 320,
    }  # fmt: skip
    return MachineCameraConfig.model_validate(values | changes)


def _running(
    recorded: Recorded, settings: MachineCameraConfig
) -> AbstractAsyncContextManager[MachineCameraDriver]:
    return at_work(MachineCameraDriver(settings, recorded.context))


def _states(recorded: Recorded) -> list[str]:
    return [event["state"] for event in recorded.of("camera.state")]


@pytest.mark.requirement("MCH-33")
@pytest.mark.requirement("MCH-35")
async def test_an_event_makes_one_clip_before_and_after_with_its_masks(recorded: Recorded) -> None:
    uid = "7b0e7c2a-3a53-4a53-8f0e-0a4d1f6f2a11"
    with aside(CameraSimulator) as camera:
        async with _running(recorded, _config(camera.simulator.url)) as driver:
            await recorded.until(lambda: len(driver.ring.frames) >= 8)
            images = recorded.context.data_dir / "images"
            assert not images.exists(), "nothing reaches the disk before an event"
            port = int((recorded.context.data_dir / "local_api.port").read_text())
            for reason in ("collision.risk", "collision.impact"):
                answer = await ask(port, {"clip": reason, "incident_uid": uid, "machine_code": "M01"})
                assert answer["ok"]
            await recorded.until(lambda: recorded.of("camera.clip"))
            (clip,) = recorded.of("camera.clip")
    assert (clip["reason"], clip["incident_uid"], clip["machine_code"]) == ("collision.impact", uid, "M01")
    assert clip["frames"] >= 8
    assert clip["started_at"] < clip["ended_at"] < clip["delete_after"]
    video = cv2.VideoCapture(str(images / f"{clip['clip']}.mp4"))
    ok, picture = video.read()
    assert ok
    assert picture[:, : picture.shape[1] // 5].mean() < 15, "the masked quarter is black"
    assert picture[:, picture.shape[1] // 2 :].mean() > 30
    still = cv2.imread(str(images / f"{clip['image']}.jpg"))
    assert still[:, : still.shape[1] // 5].mean() < 15
    found = {path.suffix for path in pending_files(recorded.context.data_dir.parent)}
    assert found == {".mp4", ".jpg"}, "both are uploaded"


@pytest.mark.requirement("MCH-33")
async def test_a_network_camera_with_password_is_read_over_rtsp(recorded: Recorded, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("viewer:p@ss\n")
    with aside(lambda: RtspServer(lambda: scene(time.monotonic()), credentials="viewer:p@ss")) as camera:
        settings = _config(camera.simulator.url, credentials_file=str(password))
        async with _running(recorded, settings) as driver:
            await recorded.until(lambda: driver.state == "live" and len(driver.ring.frames) >= 5)
            picture = cv2.imdecode(np.frombuffer(driver.ring.frames[-1].jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert camera.simulator.plays == 1
    assert picture.shape[:2] == (240, 320)
    assert picture[:, :60].max() < 30, "masked"
    assert picture[150:210, 100:220].mean() > 90, "the vice is seen"


@pytest.mark.requirement("MCH-36")
async def test_a_camera_without_declaration_stays_off_and_never_connects(recorded: Recorded) -> None:
    for change, words in (
        ({"declaration": None}, "declaration"),
        ({"declaration": DECLARED | {"cse_consulted_on": None}}, "cse"),
        ({"masks": []}, "masks"),
        ({"retention_days": 31}, "retention_days"),
        ({"purpose": "workstation"}, "purpose"),
    ):
        with pytest.raises(ValueError, match=words):
            _config("rtsp://10.0.0.9/stream", **change)
    with pytest.raises(ValueError, match="credentials_file"):
        _config("rtsp://viewer:secret@10.0.0.9/stream")
    with aside(CameraSimulator) as camera:
        settings = _config(camera.simulator.url, active=False, declaration=None)
        async with _running(recorded, settings) as driver:
            await recorded.until(lambda: _states(recorded) == ["off"])
            await asyncio.sleep(0.5)
            with pytest.raises(CommandRefusedError, match="activée"):
                await driver.command("capture_test_image", {})
        assert camera.simulator.clients == 0


@pytest.mark.requirement("MCH-51")
async def test_covered_and_offline_are_said_and_alerted_never_shown_as_live(recorded: Recorded) -> None:
    with aside(CameraSimulator) as camera:
        async with _running(recorded, _config(camera.simulator.url)) as driver:
            await recorded.until(lambda: driver.state == "live")
            assert "enregistrée" in await driver.command("capture_test_image", {})
            camera.simulator.is_covered = True
            await recorded.until(lambda: "camera.covered" in [a["code"] for a in recorded.of("health.alert")])
            with pytest.raises(CommandRefusedError, match="covered"):
                await driver.command("capture_test_image", {})
            camera.simulator.is_covered = False
            await recorded.until(lambda: driver.state == "live")
            camera.simulator.is_stopped = True
            await recorded.until(
                lambda: "camera.offline" in [a["code"] for a in recorded.of("health.alert")], 30
            )
            assert not driver.ring.frames
            camera.simulator.is_stopped = False
            await recorded.until(lambda: driver.state == "live")
    assert _states(recorded) == ["live", "covered", "live", "offline", "live"]


@pytest.mark.requirement("MCH-35")
async def test_old_clips_go_after_the_retention_sent_or_not(recorded: Recorded, tmp_path: Path) -> None:
    images = recorded.context.data_dir / "images"
    images.mkdir()
    old, new = images / ("a" * 64 + ".mp4"), images / ("b" * 64 + ".mp4")
    for path, days in ((old, 8), (new, 6)):
        path.write_bytes(b"x")
        at = time.time() - days * 86_400
        os.utime(path, (at, at))
    async with _running(recorded, _config(str(tmp_path), retention_days=7)):
        await recorded.until(lambda: not old.exists())
        assert new.exists()


def _interior(draw: np.random.Generator, *, light: float = 1.0, shift: int = 0, thing: bool = False) -> bytes:
    """A machine interior with its vice and part; ``thing`` is a forgotten key on the table."""
    image = np.full((360, 480), 90.0)
    image += np.linspace(0, 50, 480)
    image[200:300, 120:340] = 150
    image[160:200, 180:260] = 190
    image[30:160, 390:430] = 60
    if thing:
        image[308:336, 40:150] = 220
        image[300:344, 40:62] = 215
    image = np.roll(image * light + draw.normal(0, 3, image.shape), shift, axis=1)
    return bytes(cv2.imencode(".jpg", np.clip(image, 0, 255).astype(np.uint8))[1].tobytes())


@pytest.mark.requirement("MCH-22")
@pytest.mark.parametrize("seed", range(4))
def test_a_forgotten_key_is_seen_light_and_a_small_move_are_not(seed: int) -> None:
    draw = np.random.default_rng(seed)
    expected = _interior(draw)
    for light, shift in ((1.0, 0), (0.6, 0), (1.3, 0), (1.0, 3), (0.8, -4)):
        assert difference(expected, _interior(draw, light=light, shift=shift)).share < 0.004
        found = difference(expected, _interior(draw, light=light, shift=shift, thing=True))
        assert found.share > 0.012
        x, y, width, height = found.box
        assert x < 0.35 and y > 0.7 and width * height < 0.2  # noqa: PT018


@pytest.mark.requirement("MCH-22")
async def test_a_start_with_another_scene_than_taught_is_a_risk_with_its_clip(
    recorded: Recorded, tmp_path: Path
) -> None:
    draw = np.random.default_rng(7)
    (tmp_path / "a.jpg").write_bytes(_interior(draw))
    async with _running(recorded, _config(str(tmp_path), purpose="machine_interior", masks=[])) as driver:
        await recorded.until(lambda: driver.state == "live")
        port = int((recorded.context.data_dir / "local_api.port").read_text())
        assert await ask(port, {"compare": "O1"}) == {"ok": True, "taught": False}
        assert (await ask(port, {"teach_scene": "O1"}))["ok"]
        assert (await ask(port, {"compare": "O1"}))["different"] is False
        (tmp_path / "a.jpg").write_bytes(_interior(draw, thing=True))
        await asyncio.sleep(0.6)
        assert (await ask(port, {"compare": "O1", "tool": "T4"}))["different"] is True
        await recorded.until(lambda: recorded.of("camera.clip"))
    (risk,) = recorded.of("collision.risk")
    assert (risk["machine_code"], risk["signal"], risk["program"], risk["tool"]) == (
        "M01",
        "scene",
        "O1",
        "T4",
    )
    assert recorded.of("camera.clip")[0]["incident_uid"] == risk["incident_uid"]


async def test_a_power_cut_during_a_clip_is_told_without_pictures(recorded: Recorded, tmp_path: Path) -> None:
    (recorded.context.data_dir / "clip.json").write_text('[["collision.impact", null, "M01", 1795413600.0]]')
    async with _running(recorded, _config(str(tmp_path))):
        await recorded.until(lambda: recorded.of("camera.clip"))
    assert (recorded.of("camera.clip")[0]["frames"], recorded.of("camera.clip")[0]["clip"]) == (0, None)


async def test_a_folder_of_images_is_a_camera_for_a_pc(recorded: Recorded, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), random.integers(0, 255, (120, 160, 3), dtype=np.uint8))
    async with _running(recorded, _config(str(tmp_path))) as driver:
        await recorded.until(lambda: driver.state == "live")


def test_the_ring_is_bounded_in_time_and_memory() -> None:
    ring = FrameRing(span_s=10, max_bytes=5_000)
    for number in range(1000):
        ring.add(Frame(number * 0.1, b"x" * 100))
        assert ring.size <= 5_000
    assert [round(frame.at, 1) for frame in (ring.frames[0], ring.frames[-1])] == [95.0, 99.9]
    slow = FrameRing(span_s=10, max_bytes=5_000)
    for number in range(60):
        slow.add(Frame(float(number), b"x" * 100))
    assert slow.frames[0].at == 49.0


def test_at_most_three_clips_are_under_way() -> None:
    ring, clips = FrameRing(10, 10_000), Clips(5, 5, 250)
    begun = [clips.begin(ring, "alert", 100.0, None, None) for _ in range(4)]
    assert [clip is not None for clip in begun] == [True, True, True, False]
    for step in range(4):
        clips.add(Frame(100.0 + step, b"x" * 100))
    assert [len(clip.frames) for clip in clips.under_way] == [2, 2, 2], "no more than there is room for"
    assert clips.finished(104.0) == []
    assert len(clips.finished(105.0)) == 3


@pytest.mark.requirement("MCH-35")
def test_masks_blacken_before_anything_else_and_widths_are_limited() -> None:
    image = np.full((400, 1600, 3), 200, dtype=np.uint8)
    kept = masked(image, (((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)),), 800)
    assert kept.shape == (200, 800, 3)
    assert (kept[:, 410:].max(), kept[:, :390].min()) == (0, 200)


def test_the_password_of_a_camera_stays_in_its_file(tmp_path: Path) -> None:
    file = tmp_path / "camera"
    file.write_text("admin:p@ss/1\n")
    settings = _config("rtsp://10.0.0.9:554/live", credentials_file=str(file))
    assert address(settings) == "rtsp://admin:p%40ss%2F1@10.0.0.9:554/live"
    assert "p@ss" not in settings.model_dump_json()


@pytest.mark.requirement("MCH-33", "MCH-51")
async def test_a_thumbnail_is_there_only_while_somebody_looks_and_the_camera_sees(recorded: Recorded) -> None:
    folder = recorded.context.data_dir / "view"
    views = Views(recorded.context.data_dir.parent)
    with aside(CameraSimulator) as camera:
        async with _running(recorded, _config(camera.simulator.url, width_px=1280)) as driver:
            await recorded.until(lambda: len(driver.ring.frames) >= 3)
            assert not folder.exists(), "nobody looks"
            with pytest.raises(CommandRefusedError, match="CAM-9"):
                await driver.command("capture_test_image", {"camera_code": "CAM-9", "watch_s": 60})
            await driver.command("capture_test_image", {"camera_code": "CAM-1", "watch_s": 60})
            await recorded.until(lambda: list(folder.glob("*.jpg")))
            ((code, data),) = views.fresh()
            seen = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            assert code == "CAM-1"
            assert seen.shape[1] == 640
            assert seen[:, : seen.shape[1] // 5].mean() < 15, "masked as everything else"
            await recorded.until(views.fresh)
            camera.simulator.is_covered = True
            await recorded.until(lambda: not list(folder.glob("*.jpg")), timeout_s=30)
    assert not (recorded.context.data_dir / "images").exists(), "a look keeps nothing"
