"""A rendered cabinet is taught, then a station uses the model: sessions, foreign objects, a damaged model."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from edge_agents.drivers.cabinet_camera.config import CabinetCameraConfig, VisionConfig
from edge_agents.drivers.cabinet_camera.driver import CabinetCameraDriver
from edge_agents.drivers.cabinet_camera.session import compare, decide
from edge_agents.drivers.cabinet_camera.taught import (
    PictureReading,
    PlaceReading,
    State,
    load_model,
    save_model,
)
from edge_agents.drivers.cabinet_camera.teaching import Example, teach
from edge_agents.drivers.simulators import cabinet_scenes as scenes
from edge_agents.drivers.simulators import spoil
from edge_agents.runtime.releases import Trial, model_store
from tests.edge_agents.conftest import Recorded

CABINET = scenes.make_cabinet("shadow_board", 4)
VISION = VisionConfig.model_validate(scenes.config_of(CABINET))


def _picture(content: dict[str, int], seed: int, **more: Any) -> Any:
    look = scenes.random_look(np.random.default_rng([seed, 1]))
    return scenes.render(CABINET, content, look, seed, **more)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Model file of the rendered cabinet and its sha256."""
    chance = np.random.default_rng(6)
    examples = []
    for number in range(14):
        content = scenes.random_content(CABINET, chance)
        states = {name: State(count, None) for name, count in content.items()}
        examples.append(Example(str(number), _picture(content, number), states))
    path = tmp_path_factory.mktemp("taught") / "board.model"
    return path, save_model(teach(examples, VISION), path)


def _full() -> dict[str, int]:
    return dict.fromkeys(CABINET.places, 1)


def test_a_take_and_a_foreign_object(taught: tuple[Path, str]) -> None:
    model = load_model(taught[0])
    first, third = CABINET.places[0], CABINET.places[2]
    taken = decide(_picture(_full(), 100), _picture(_full() | {first: 0}, 101), VISION, model=model)
    assert [(c.compartment.id, c.delta, c.reason) for c in taken.changes] == [(first, -1, None)]
    assert taken.changes[0].confidence >= 0.9
    odd = decide(_picture(_full(), 102), _picture(_full(), 103, foreign=third), VISION, model=model)
    assert [(c.compartment.id, c.delta, c.reason) for c in odd.changes] == [
        (third, None, "foreign_or_misplaced")
    ]
    hand = spoil.hand(_picture(_full() | {first: 0}, 104), np.random.default_rng(1), reach=0.8)
    assert not decide(_picture(_full(), 105), hand, VISION, model=model).usable


def test_something_beside_familiar_compartments_leaves_the_answer_to_a_person(
    taught: tuple[Path, str],
) -> None:
    model = load_model(taught[0])
    picture = _picture(_full(), 110)
    assert max(place.confidence for place in model.read(picture).places) >= 0.9
    low = max(y + height for _, y, _, height in CABINET.boxes) + 12
    picture[low : low + 30, 90:710] = (200, 60, 30)
    read = model.read(picture)
    assert not read.usable or max(place.confidence for place in read.places) < 0.9


def _read(*shares: float, bright: int = 90) -> PictureReading:
    """A counted compartment with the probability of each count from none."""
    best = int(np.argmax(shares))
    likely = tuple((State(count, None), share) for count, share in enumerate(shares))
    patch = np.full((20, 20, 3), 90, np.uint8)
    patch[:, :8] = bright
    place = PlaceReading(
        VISION.compartments[0].id, best > 0, best, None, shares[best], patch=patch, likely=likely
    )
    return PictureReading(True, None, (place,))


def test_two_unsure_readings_that_barely_differ_are_no_change() -> None:
    one = VISION.model_copy(update={"compartments": VISION.compartments[:1]})
    unsure = compare(_read(0.02, 0.54, 0.44), _read(0.01, 0.3, 0.69, bright=120), one)
    assert not [change for change in unsure if change.delta]
    (change,) = compare(_read(0.01, 0.98, 0.01), _read(0.01, 0.04, 0.95, bright=200), one)
    assert (change.delta, change.reason) == (1, None)
    assert 0.6 < change.confidence <= 0.95, "no surer than the readings"
    (clear,) = compare(_read(0.05, 0.95, 0.0), _read(0.94, 0.06, 0.0, bright=200), one)
    assert (clear.delta, clear.reason) == (-1, None), "two clear readings are not argued away"


def _driver(recorded: Recorded, folder: Path, model: Path, sha256: str | None) -> CabinetCameraDriver:
    (folder / "frames").mkdir(exist_ok=True)
    vision = folder / "vision.yaml"
    vision.write_text(yaml.safe_dump(scenes.config_of(CABINET)), encoding="utf-8")
    values = {
        "type": "cabinet_camera", "vision": vision, "frames": folder / "frames", "model": model, "model_sha256": sha256,
    }  # fmt: skip
    return CabinetCameraDriver(CabinetCameraConfig.model_validate(values), recorded.context)


@pytest.mark.requirement("VIS-44")
async def test_a_station_works_with_its_model_and_keeps_the_last_approved(
    taught: tuple[Path, str], recorded: Recorded, tmp_path: Path
) -> None:
    path, digest = taught
    model = tmp_path / "station.model"
    model.write_bytes(path.read_bytes())
    fifth = CABINET.places[4]
    for damaged in (False, True):
        if damaged:
            model.write_bytes(path.read_bytes()[:5000])
        driver = _driver(recorded, tmp_path, model, digest)
        cv2.imwrite(str(tmp_path / "frames" / f"{damaged}0.png"), _picture(_full(), 200))
        await driver.open_session()
        cv2.imwrite(str(tmp_path / "frames" / f"{damaged}1.png"), _picture(_full() | {fifth: 0}, 201))
        answer = await driver.close_session()
        assert answer["message"] == f"-1 ART-{fifth}"
        assert (driver.sight.model.fault is not None) is damaged
    assert [d["delta"] for d in recorded.of("vision.detection")] == [-1, -1]


def test_a_rolled_out_model_is_read_and_taken_back(
    taught: tuple[Path, str], recorded: Recorded, tmp_path: Path
) -> None:
    newer = tmp_path / "newer.model"
    digest = save_model(replace(load_model(taught[0]), info={"photographs": 99}), newer)
    store = model_store(tmp_path / "data", "armoire")
    for version, source in (("1.0.0", taught[0]), ("1.1.0", newer)):
        store.install(version, lambda folder, source=source: shutil.copy(source, folder / "board.model"))
    store.point("1.0.0")
    path = tmp_path / "data" / "models" / "armoire" / "current" / "board.model"

    def in_use() -> str | None:
        model = _driver(recorded, tmp_path, path, None).sight.model.model
        return None if model is None else model.digest

    assert in_use() == taught[1]
    store.begin(Trial("offer", "1.1.0", "1.0.0", 30.0, []))
    assert in_use() == digest
    store.roll_back()
    assert in_use() == taught[1]


@pytest.mark.requirement("VIS-24")
def test_a_first_model_taken_back_leaves_none(
    taught: tuple[Path, str], recorded: Recorded, tmp_path: Path
) -> None:
    store = model_store(tmp_path / "data", "armoire")
    store.install("1.0.0", lambda folder: shutil.copy(taught[0], folder / "board.model"))
    path = tmp_path / "data" / "models" / "armoire" / "current" / "board.model"
    store.begin(Trial("offer", "1.0.0", None, 30.0, []))
    assert _driver(recorded, tmp_path, path, None).sight.model.model is not None
    store.roll_back()
    for _ in range(2):
        held = _driver(recorded, tmp_path, path, None).sight.model
        assert held.model is None, "the copy of what was taken back serves nobody"
        assert "Aucun modèle" in (held.fault or "")
