import csv
import hashlib
import json
import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from edge_agents.drivers.cabinet_camera import classifier, registration
from edge_agents.drivers.cabinet_camera.cli import app
from edge_agents.drivers.cabinet_camera.config import load_vision
from edge_agents.drivers.cabinet_camera.taught import TaughtModel, load_model
from edge_agents.drivers.cabinet_camera.teaching import TeachingError, load_examples
from edge_agents.drivers.simulators import spoil
from tests.edge_agents import vision_slots as slots

needs_slots = pytest.mark.skipif(
    not slots.photographs(), reason="photographies ../shared/data/slots absentes"
)


def _command(*words: object) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[Path]]:
    """Configuration, model taught on 20 photographs through the command line, and photographs never shown to it."""
    if not slots.photographs():
        pytest.skip("photographies ../shared/data/slots absentes")
    directory = tmp_path_factory.mktemp("slots")
    chosen = slots.photographs()
    random.Random(4).shuffle(chosen)
    config, labels = slots.write_config(directory), slots.write_labels(directory / "labels.csv", chosen[:20])
    model = directory / "slots.model"
    done = _command("teach", config, "--images", slots.FOLDER, "--labels", labels, "--out", model, "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["photographs"] == 20
    with labels.open(encoding="utf-8") as stream:
        names = {row["image"] for row in csv.DictReader(stream)}
    prints = {hashlib.sha256((slots.FOLDER / name).read_bytes()).hexdigest() for name in names}
    assert report["training"]["pictures"] == sorted(prints), "kept as long as the model (VIS-28)"
    assert report["compartments"] == ["S1", "S2", "S3", "S4"]
    return config, model, chosen[20:]


def _picture(path: Path) -> Any:
    return cv2.imread(str(path))


@needs_slots
@pytest.mark.requirement("VIS-23")
def test_photographs_never_seen_are_read_through_the_command_line(
    taught: tuple[Path, Path, list[Path]],
) -> None:
    config, model, unseen = taught
    done = _command("read", config, "--model", model, *unseen[:12], "--json")
    assert done.exit_code == 0, done.output
    wrong = 0
    for path, entry in zip(unseen[:12], json.loads(done.stdout), strict=True):
        assert entry["file"] == str(path)
        assert [place["id"] for place in entry["compartments"]] == ["S1", "S2", "S3", "S4"]
        for place, there in zip(entry["compartments"], slots.truth(path), strict=True):
            assert place["count"] == int(place["present"])
            assert place["item"] == ("VIS" if place["present"] else None)
            wrong += place["present"] is not there
    assert wrong <= 1


@needs_slots
@pytest.mark.requirement("VIS-37")
@pytest.mark.parametrize("fault", sorted(spoil.FAULTS))
def test_spoiled_photographs_are_recognised(taught: tuple[Path, Path, list[Path]], fault: str) -> None:
    _, model_file, unseen = taught
    model, chance = load_model(model_file), np.random.default_rng(11)
    answers = []
    for path in unseen[:3]:
        image = _picture(path)
        if fault == "covered":
            answers.append(model.read(spoil.hand(image, chance, reach=0.7)))
        else:
            answers.append(model.read(spoil.FAULTS[fault](image, chance)))
    assert [answer.reason for answer in answers] == [fault] * 3
    assert all(place.confidence <= 0.5 for answer in answers for place in answer.places)


@needs_slots
def test_a_damaged_or_exchanged_model_is_refused(
    taught: tuple[Path, Path, list[Path]], tmp_path: Path
) -> None:
    _, model_file, _ = taught
    content = model_file.read_bytes()
    model: TaughtModel = load_model(model_file)
    assert load_model(model_file, expected_sha256=model.digest).digest == model.digest
    broken = tmp_path / "broken.model"
    broken.write_bytes(content[: len(content) // 2])
    for path, expected in ((broken, None), (tmp_path / "none.model", None), (model_file, "0" * 64)):
        with pytest.raises(ValueError):
            load_model(path, expected_sha256=expected)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("image,compartment,present,count,item\na.jpg,Z9,1,1,\n", "ligne 2"),
        ("image,compartment,present,count,item\na.jpg,S1,peut-être,,\n", "present"),
        ("image,compartment,present,count,item\na.jpg,S1,0,3,\n", "contredisent"),
        ("image,present\na.jpg,1\n", "compartment"),
        ("image,compartment,present,count,item\na.jpg,S1,1,1,\n", "Photographie"),
    ],
)
def test_wrong_labels_are_named(rows: str, words: str, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(rows, encoding="utf-8")
    with pytest.raises(TeachingError, match=words):
        load_examples(labels, tmp_path, load_vision(slots.write_config(tmp_path)))


def test_registration_finds_a_known_move() -> None:
    chance = np.random.default_rng(2)
    scene = spoil.other_scene(np.zeros((480, 400, 3), np.uint8), chance)
    matrix = np.array(cv2.getRotationMatrix2D((200, 240), 6.0, 1.04))
    matrix[:, 2] += [14, -9]
    gray = cv2.cvtColor(scene, cv2.COLOR_BGR2GRAY)
    moved = cv2.warpAffine(gray, matrix, (400, 480), borderMode=cv2.BORDER_REFLECT)
    atlas = registration.PictureMap((registration.points_of(gray),))
    found = atlas.locate(registration.points_of(moved))
    assert found is not None
    back = registration.compose(found.matrix, matrix)
    corners = np.array([[50, 50, 1], [350, 60, 1], [200, 430, 1]], float).T
    assert np.abs(back @ corners - corners[:2]).max() < 1.5
    foreign = spoil.other_scene(np.zeros((480, 400, 3), np.uint8), np.random.default_rng(77))
    assert atlas.locate(registration.points_of(cv2.cvtColor(foreign, cv2.COLOR_BGR2GRAY))) is None


def test_temperature_makes_confidence_honest() -> None:
    chance = np.random.default_rng(3)
    labels = chance.integers(0, 2, 4000)
    honest = np.where(labels == 1, 1.0, -1.0) * 1.2 + chance.normal(0, 1.5, 4000)
    scores = np.stack([np.zeros(4000), honest * 12], axis=1)
    temperature = classifier.fit_temperature(scores[:2000], labels[:2000])
    shares = classifier.softmax(scores[2000:] / temperature)
    right = shares.argmax(axis=1) == labels[2000:]
    before = classifier.softmax(scores[2000:])
    assert classifier.calibration_error(before.max(axis=1), right) > 0.1
    assert classifier.calibration_error(shares.max(axis=1), right) < 0.05
