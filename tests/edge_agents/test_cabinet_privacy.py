"""Nobody is kept on a picture, and pictures go after their days."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_agents.drivers.base import CommandRefusedError
from edge_agents.drivers.cabinet_camera import guided, privacy
from edge_agents.drivers.cabinet_camera.camera import Album, load
from edge_agents.drivers.simulators import cabinet, cabinet_scenes, persons
from tests.edge_agents.cabinets import FULL, make, show, taken
from tests.edge_agents.conftest import Recorded


def _places(scene: cabinet_scenes.Cabinet) -> list[Any]:
    return [place["polygon"] for place in cabinet_scenes.config_of(scene)["compartments"]]


def _left(kept: privacy.Kept, seen: persons.Seen, places: list[Any]) -> int:
    """Pixels of somebody in the kept picture: those inside a compartment shown from the new one."""
    shown = np.zeros(seen.body.shape, np.uint8)
    for number in kept.shown:
        cv2.fillPoly(shown, [np.array(places[number], np.int32)], 1)
    return int(np.count_nonzero(seen.body & (shown > 0)))


@pytest.mark.requirement("VIS-27")
@pytest.mark.parametrize("kind", persons.KINDS)
def test_nobody_is_left_in_a_picture_fit_to_be_stored(kind: str) -> None:
    number = persons.KINDS.index(kind)
    scene = cabinet_scenes.make_cabinet(cabinet_scenes.KINDS[number % 4], 140 + number)
    places, full = _places(scene), dict.fromkeys(scene.places, 1)
    known = cabinet_scenes.render(scene, full, cabinet_scenes.Look(), 3)
    gone = full | {scene.places[4]: 0}
    clean = cabinet_scenes.render(scene, gone, cabinet_scenes.Look(light=0.95), 3)
    seen = persons.enter(clean, kind, np.random.default_rng([number, 5]))
    kept = privacy.conceal(seen.image, known, places, told=[4])
    if kept is None:
        return
    assert _left(kept, seen, places) == 0
    outside = np.ones(seen.body.shape, np.uint8)
    for place in places:
        cv2.fillPoly(outside, [np.array(place, np.int32)], 0)
    same = (kept.image == known).all(axis=2) | (kept.image == 128).all(axis=2)
    assert same[outside > 0].all(), "outside the compartments nothing of a new picture is kept"


@pytest.mark.requirement("VIS-27")
def test_a_reviewer_sees_the_compartments_that_changed() -> None:
    scene = cabinet_scenes.make_cabinet("shadow_board", 141)
    places, full = _places(scene), dict.fromkeys(scene.places, 1)
    known = cabinet_scenes.render(scene, full, cabinet_scenes.Look(), 3)
    gone = full | {scene.places[2]: 0, scene.places[5]: 0}
    clean = cabinet_scenes.render(scene, gone, cabinet_scenes.Look(light=0.9, shift_px=(2, -1)), 3)
    kept = privacy.conceal(clean, known, places)
    assert kept is not None
    assert (kept.shown, kept.hidden) == ((2, 5), ())
    again = privacy.conceal(clean, kept.scene, places)
    assert again is not None
    assert again.shown == (), "what was shown belongs to the scene from now on"


@pytest.mark.requirement("VIS-27")
def test_without_a_scene_seen_empty_of_persons_only_squares_are_kept(tmp_path: Path) -> None:
    album = Album(tmp_path / "images", [[(100, 100), (300, 100), (300, 300), (100, 300)]])
    picture = cabinet.render(cabinet.full_content())
    digest = album.keep(picture)
    kept = album.load(digest)
    assert len(np.unique(kept.reshape(-1, 3), axis=0)) < 2000
    assert np.abs(np.diff(kept[::40, ::40].astype(int), axis=0)).size < 300, "a dozen squares across"
    assert album.view(digest) is None
    assert album.fault
    album.accept(picture)
    assert album.fault is None
    shown = album.view(album.keep(picture))
    assert shown is not None
    assert np.abs(shown.astype(int) - picture).mean() < 4
    again = album.path(album.keep(picture))
    again.with_suffix(".sent").touch()
    assert album.path(album.keep(picture)) == again, "what did not change is the same file"
    assert not again.with_suffix(".sent").exists(), "and is sent again"
    other = Album(tmp_path / "images", [[(100, 100), (300, 100), (300, 300), (100, 300)]])
    assert other.fault is None, "a restart goes on with the accepted scene"
    drawn = Album(tmp_path / "images", [[(90, 100), (300, 100), (300, 300), (90, 300)]])
    assert drawn.fault is None, "so do compartments newly drawn on it"
    another = Album(tmp_path / "images", empty=cabinet.render(cabinet.full_content())[:400])
    assert another.scene is not None
    assert len(another.scene) == 400, "another empty view begins anew"


@pytest.mark.requirement("VIS-27")
async def test_a_missing_reference_is_told_and_taken_at_the_cabinet(
    recorded: Recorded, tmp_path: Path
) -> None:
    driver = make(recorded, tmp_path)
    driver.sight.album = Album(recorded.context.data_dir / "images", driver.sight.album._places)
    assert (await driver.requests.answer({"do": "status"}))["reference"] is False
    await driver._look()
    assert "référence" in (recorded.statuses[-1][1] or "")
    await driver.open_session()
    with pytest.raises(CommandRefusedError):
        await driver.requests.accept_scene()
    await driver.close_session()
    assert (await driver.requests.answer({"do": "reference"}))["ok"]
    assert (await driver.requests.answer({"do": "status"}))["reference"] is True


@pytest.mark.requirement("VIS-27")
async def test_no_file_of_a_station_shows_who_reached_in(recorded: Recorded, tmp_path: Path) -> None:
    driver = make(recorded, tmp_path)
    await driver.open_session()
    await driver.close_session()
    show(tmp_path, 2, taken("A-03"))
    clean = cabinet.render(taken("A-01", "A-03"), cabinet.SceneLook(seed=2))
    seen = persons.enter(clean, "bare", np.random.default_rng(4))
    await driver.open_session()
    cv2.imwrite(str(tmp_path / "frames" / "0003.png"), seen.image)
    await driver.close_session()
    with_somebody = recorded.of("cabinet.session")[1]["image_after"]
    await driver.command("capture_test_image", {})
    kept = [p for p in recorded.context.data_dir.rglob("*") if p.suffix in {".jpg", ".png"}]
    whole = [(p, cv2.imread(str(p))) for p in kept]
    whole = [(p, image) for p, image in whole if image is not None and image.shape == seen.image.shape]
    assert any(p.stem == with_somebody for p, _ in whole)
    unlike = (
        np.abs(seen.image.astype(int) - cabinet.render(taken("A-03"), cabinet.SceneLook(seed=2))).max(axis=2)
        > 25
    )
    for path, image in whole:
        close = np.abs(image.astype(int) - seen.image).max(axis=2) < 8
        assert (close & seen.body & unlike).sum() < 0.02 * seen.body.sum(), path.name


@pytest.mark.requirement("VIS-27", "VIS-05")
async def test_kept_pictures_and_the_view_of_the_office_lie_in_the_frame_of_the_fiducials(
    recorded: Recorded, tmp_path: Path
) -> None:
    driver = make(recorded, tmp_path, hold_s=0)
    away = cabinet.SceneLook(seed=3, shift_px=(14.0, 9.0), turn_deg=0.5)
    cv2.imwrite(str(tmp_path / "frames" / "0002.png"), cabinet.render(FULL, away))
    assert (await driver.requests.answer({"do": "reference"}))["ok"]
    counted = recorded.of("vision.counted")[-1]
    assert (counted["trigger"], counted["places"]) == ("reference", [])
    view = load(recorded.context.data_dir / "images" / f"{counted['image']}.jpg")
    straight, inner = cabinet.render(FULL, cabinet.SceneLook(noise=0)), (slice(60, -60), slice(60, -60))
    assert np.abs(view[inner].astype(int) - straight[inner]).mean() < 6
    assert np.abs(cabinet.render(FULL, away)[inner].astype(int) - straight[inner]).mean() > 12, "it was moved"

    moved = cabinet.SceneLook(seed=4, shift_px=(-10.0, 6.0), turn_deg=-0.4)
    cv2.imwrite(str(tmp_path / "frames" / "0003.png"), cabinet.render(taken("A-02"), moved))
    await driver.open_session()
    await driver.close_session()
    kept = driver.sight.album.load(recorded.of("cabinet.session")[-1]["image_after"])
    assert np.abs(kept[inner].astype(int) - straight[inner]).mean() < 9, (
        "a picture of the moved camera as well"
    )
    cv2.imwrite(str(tmp_path / "frames" / "0004.png"), np.full((640, 960, 3), 120, np.uint8))
    assert not (await driver.requests.answer({"do": "reference"}))["ok"], "no view without its fiducials"


@pytest.mark.requirement("VIS-27")
async def test_something_strange_that_moves_in_a_compartment_is_not_shown(tmp_path: Path) -> None:
    empty = cabinet.render({})
    boxes = [place["polygon"] for place in cabinet.vision_config()["compartments"]]
    album = Album(tmp_path / "images", boxes, empty)
    first, later = (cabinet.render({}, cabinet.SceneLook(seed=seed)) for seed in (5, 6))
    for image, shift in ((first, 0), (later, 7)):
        cv2.ellipse(image, (190 + shift, 205), (45, 60), 20, 0, 360, (120, 150, 205), -1)
    hand = album.load(album.keep(first, again=lambda: later))
    spot = (slice(150, 260), slice(150, 230))
    assert np.abs(hand[spot].astype(int) - 128).max() < 12, "grey, not what moved"
    assert album.scene is not None
    assert np.abs(album.scene[spot].astype(int) - empty[spot]).mean() < 8, (
        "nor is it learned as part of the cabinet"
    )
    still = album.load(album.keep(first, again=lambda: first))
    assert np.abs(still[spot].astype(int) - first[spot]).mean() < 12, "a thing lies still"


@pytest.mark.requirement("VIS-27", "VIS-23")
async def test_a_teaching_photograph_with_somebody_is_refused_and_a_doubtful_one_is_not_stored(
    recorded: Recorded, tmp_path: Path
) -> None:
    driver = make(recorded, tmp_path, hold_s=0)
    frames = tmp_path / "frames"
    await driver.requests.answer({"do": "teach", "photographs": 8, "capacity": {"A-08": 2}})
    clean = cabinet.render({}, cabinet.SceneLook(seed=9))
    reached = persons.enter(clean, "bare", np.random.default_rng(3))
    cv2.imwrite(str(frames / "0101.png"), reached.image)
    refused = await driver.requests.answer({"do": "teach_photo"})
    assert "refusée" in refused["message"]
    assert refused["left"] == 8
    cv2.imwrite(str(frames / "0102.png"), clean)
    assert (await driver.requests.answer({"do": "teach_photo"}))["left"] == 7
    y, x = np.mgrid[0 : clean.shape[0], 0 : clean.shape[1]]
    dappled = clean * (0.75 + 0.25 * np.sin(x / 31.0) * np.cos(y / 23.0))[..., None]
    cv2.imwrite(str(frames / "0103.png"), dappled.astype(np.uint8))
    doubtful = await driver.requests.answer({"do": "teach_photo"})
    stored = sorted(path.name for path in (recorded.context.data_dir / "teaching").rglob("*.jpg"))
    assert stored == ["001.jpg"], doubtful["message"]


@pytest.mark.requirement("VIS-28")
def test_photographs_of_a_teaching_go_when_no_model_needs_them(tmp_path: Path) -> None:
    now = dt.datetime(2026, 11, 23, 9, tzinfo=dt.UTC)
    for name, days, candidate in (
        ("left", 8, b""),
        ("used", 200, b"a"),
        ("old", 91, b"b"),
        ("waits", 30, b"c"),
    ):
        own = tmp_path / name
        own.mkdir()
        (own / "001.jpg").write_bytes(b"x")
        if candidate:
            (own / "candidate.model").write_bytes(candidate)
        for path in own.iterdir():
            os.utime(path, ((now - dt.timedelta(days=days)).timestamp(),) * 2)
    in_use = {hashlib.sha256(b"a").hexdigest()}
    assert guided.forget(tmp_path, now, in_use, images_days=7, teaching_days=90) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["used", "waits"]


@pytest.mark.requirement("VIS-28")
async def test_pictures_and_sessions_go_after_their_days(recorded: Recorded, tmp_path: Path) -> None:
    driver = make(recorded, tmp_path)
    await driver.open_session()
    await driver.close_session()
    data = recorded.context.data_dir
    kept = [*(data / "images").glob("*.jpg"), *(data / "recordings").glob("*/session.json")]
    assert len(kept) >= 2
    now = recorded.context.clock.now().timestamp()
    for path in kept:
        os.utime(path, (now - 6.5 * 86400,) * 2)
        if path.suffix == ".jpg":
            path.with_suffix(".sent").touch()
    driver._cleaned_at = None
    await driver._daily()
    assert all(path.exists() for path in kept), "seven days are not over"
    for path in kept:
        os.utime(path, (now - 7.5 * 86400,) * 2)
    driver._cleaned_at = None
    await driver._daily()
    assert not [path for path in kept if path.exists()]


@pytest.mark.requirement("VIS-40")
async def test_pictures_the_office_has_not_received_wait_for_the_line(
    recorded: Recorded, tmp_path: Path
) -> None:
    driver = make(recorded, tmp_path)
    await driver.open_session()
    await driver.close_session()
    kept = [*(recorded.context.data_dir / "images").glob("*.jpg")]
    assert kept
    now = recorded.context.clock.now().timestamp()
    for days, there in ((10, True), (31, False)):
        for path in kept:
            os.utime(path, (now - days * 86400,) * 2)
        driver._cleaned_at = None
        await driver._daily()
        assert [path.exists() for path in kept] == [there] * len(kept)


@pytest.mark.requirement("VIS-28")
def test_teaching_photographs_of_versions_to_go_back_to_are_kept(recorded: Recorded, tmp_path: Path) -> None:
    """Not only the model in use: the last approved one and every version beside the current one hold their photographs."""
    driver = make(recorded, tmp_path)
    versions = tmp_path / "models" / "armoire"
    for version in ("1", "2"):
        (versions / version).mkdir(parents=True)
        (versions / version / "places.model").write_bytes(version.encode())
    (versions / "current").symlink_to("2")
    driver.sight._path = versions / "current" / "places.model"
    driver.sight._last.parent.mkdir(parents=True, exist_ok=True)
    driver.sight._last.write_bytes(b"approved before")
    known = {hashlib.sha256(one).hexdigest() for one in (b"1", b"2", b"approved before")}
    assert driver.sight.kept_models() == known
