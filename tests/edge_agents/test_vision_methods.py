import random
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agents.drivers.cabinet_camera import counting, features, scales
from edge_agents.drivers.cabinet_camera.approved import Approved
from edge_agents.drivers.cabinet_camera.config import VisionConfig
from edge_agents.drivers.cabinet_camera.reading import read_picture
from edge_agents.drivers.cabinet_camera.session import decide
from edge_agents.drivers.cabinet_camera.taught import load_model
from edge_agents.drivers.simulators import cabinet_scenes

SCALE = scales.learn_unit(scales.Scale(tare_g=120.0, capacity_g=600.0), [165.1, 165.0, 164.95])


def test_a_tray_is_counted_by_its_weight() -> None:
    chance = random.Random(1)
    for count in range(60):
        gross = 120.0 + sum(chance.gauss(4.5, 0.01) for _ in range(count)) + chance.gauss(0, 0.03)
        reading = scales.count_by_weight("T1", "VIS-M4", SCALE, gross)
        assert (reading.count, reading.reason) == (count, None)
        assert reading.confidence > 0.9
        assert reading.item == ("VIS-M4" if count else None)


@pytest.mark.parametrize(
    ("gross", "reason"),
    [
        (None, "scale_out_of_range"),
        (float("nan"), "scale_out_of_range"),
        (900.0, "scale_out_of_range"),
        (110.0, "scale_drift"),
    ],
)
def test_a_weight_which_cannot_be_trusted_gives_no_count(gross: float | None, reason: str) -> None:
    reading = scales.count_by_weight("T1", None, SCALE, gross)
    assert (reading.count, reading.reason, reading.confidence) == (None, reason, 0.0)


def test_between_two_counts_nothing_is_sure_and_drift_is_seen() -> None:
    reading = scales.count_by_weight("T1", None, SCALE, 120.0 + 4.5 * 6.47)
    assert reading.reason == "between_counts"
    assert reading.confidence <= 0.5
    assert scales.drifted(SCALE, 121.0)
    assert not scales.drifted(SCALE, 120.1)
    with pytest.raises(ValueError, match="légères"):
        scales.learn_unit(scales.Scale(0.0, 100.0, noise_g=0.5), [1.0])


@pytest.mark.parametrize("kind", ["insert_box", "bar_rack"])
def test_loose_pieces_are_counted_under_changing_light(kind: str) -> None:
    cabinet = cabinet_scenes.make_cabinet(kind, 3)
    chance = np.random.default_rng(8)
    x, y, w, h = cabinet.boxes[0]
    window = features.window_of(((x, y), (x + w, y), (x + w, y + h), (x, y + h)), 1.0)
    patches, counts = [], []
    for number in range(22):
        count = 0 if number < 2 else int(chance.integers(0, cabinet.capacity + 1))
        look = cabinet_scenes.Look(light=chance.uniform(0.65, 1.2), shadow=chance.uniform(0, 0.4), grain=4)
        picture = cabinet_scenes.render(cabinet, {cabinet.places[0]: count}, look, number)
        patches.append(features.patch_of(picture, np.eye(2, 3), window))
        counts.append(count)
    counter, _, _ = counting.learn_counter([[patch] for patch in patches[:14]], counts[:14], window.mask)
    answers = [counter.read(patch, window.mask)[0] for patch in patches[14:]]
    assert sum(found != true for found, true in zip(answers, counts[14:], strict=True)) <= 1


def test_without_a_sound_model_the_station_says_so(tmp_path: Path) -> None:
    broken = tmp_path / "broken.model"
    broken.write_bytes(b"PK nothing")
    approved = Approved(load_model, broken, None, tmp_path / "last.model")
    assert approved.model is None
    assert approved.fault is not None
    assert "ne sont plus lus" in approved.fault
    assert Approved(load_model, None, None, tmp_path / "last.model").fault is None


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract absent")
def test_only_the_expected_printed_reference_counts_as_present() -> None:
    polygon = [[100, 100], [500, 100], [500, 200], [100, 200]]
    places = [
        {"id": "L1", "method": "label_text", "item": "HSS-D8.5", "polygon": polygon},
        {"id": "W1", "method": "weight", "item": "VIS-M4", "polygon": polygon},
    ]
    vision = VisionConfig.model_validate({"compartments": places})
    for printed, expected in (
        ("HSS-D8.5", (True, 1, None)),
        ("TAP-M10", (None, None, "foreign_or_misplaced")),
    ):
        picture = np.full((300, 600, 3), 225, np.uint8)
        cv2.putText(picture, printed, (130, 170), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (20, 20, 20), 3, cv2.LINE_AA)
        label, tray = read_picture(picture, vision, None).places
        assert (label.present, label.count, label.reason) == expected
        assert (tray.count, tray.reason) == (None, "needs_scale")


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract absent")
def test_a_session_says_of_each_place_only_what_its_method_can_tell() -> None:
    boxes = {"L1": (100, 100), "W1": (100, 250), "B1": (100, 400)}
    methods = {"L1": "label_text", "W1": "weight", "B1": "bar_ends"}
    places = [
        {"id": name, "method": methods[name], "item": "HSS-D8.5", "polygon": [[x, y], [x + 400, y], [x + 400, y + 100], [x, y + 100]]}
        for name, (x, y) in boxes.items()
    ]  # fmt: skip
    vision = VisionConfig.model_validate({"compartments": places, "min_sharpness": 0.0})

    def picture(printed: str, *, filled: bool) -> np.ndarray:
        scene = np.full((600, 600, 3), 225, np.uint8)
        cv2.putText(scene, printed, (130, 170), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (20, 20, 20), 3, cv2.LINE_AA)
        for name in ("W1", "B1") if filled else ():
            x, y = boxes[name]
            cv2.rectangle(scene, (x + 40, y + 20), (x + 360, y + 80), (40, 60, 30), -1)
        return scene

    empty = picture("", filled=False)
    before, after = picture("HSS-D8.5", filled=True), picture("TAP-M10", filled=False)
    found = {c.compartment.id: c for c in decide(before, after, vision, empty=empty).changes}
    assert {name: (c.delta, c.reason) for name, c in found.items()} == {
        "L1": (None, "foreign_or_misplaced"),
        "B1": (0, "foreign_or_misplaced"),
    }, "a tray is weighed, not seen"
    assert all(c.confidence < 0.6 for c in found.values())
    assert decide(before, before, vision, empty=empty).changes == ()
