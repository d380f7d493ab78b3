import random
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
        ("HSS-D8.55", (None, None, "foreign_or_misplaced")),
        ("XHSS-D8.5", (None, None, "foreign_or_misplaced")),
    ):
        picture = np.full((300, 600, 3), 225, np.uint8)
        cv2.putText(picture, printed, (130, 170), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (20, 20, 20), 3, cv2.LINE_AA)
        label, tray = read_picture(picture, vision, None).places
        assert (label.present, label.count, label.reason) == expected
        assert (tray.count, tray.reason) == (None, "needs_scale")


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


PLACE = (60, 40, 640, 360)


def shelf(*printed: tuple[str, int, int], blank: tuple[int, int] | None = None) -> np.ndarray:
    """A place with its own sign at the bottom, and white labels of 240 by 60 pixels; one may be blank."""
    scene = np.full((440, 760, 3), 150, np.uint8)
    cv2.putText(scene, "HSS-D8.5", (420, 380), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (20, 20, 20), 2, cv2.LINE_AA)
    for text, x, y in (*printed, *([("", *blank)] if blank else [])):
        cv2.rectangle(scene, (x, y), (x + 240, y + 60), (245, 245, 245), -1)
        cv2.putText(
            scene, text, (x + 10, y + 40), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (20, 20, 20), 2, cv2.LINE_AA
        )
    noise = np.random.default_rng(len(printed)).normal(0, 2, scene.shape)
    return np.clip(scene + noise, 0, 255).astype(np.uint8)


@pytest.mark.requirement("VIS-03")
def test_labels_of_two_items_in_one_place_come_and_go_each_for_its_own() -> None:
    x0, y0, x1, y1 = PLACE
    place = {
        "id": "L1", "method": "label_text", "polygon": [[x0, y0], [x1, y0], [x1, y1 + 40], [x0, y1 + 40]],
        "labels": [{"item": "HSS-D8.5", "printed": ["A 1234.56"]}, {"item": "M10"}],
    }  # fmt: skip
    vision = VisionConfig.model_validate({"compartments": [place], "min_sharpness": 0.0})
    empty = shelf()
    drill, alias, tap = ("HSS-D8.5", 80, 60), ("A 1234.56", 380, 60), ("M10", 80, 180)

    def told(before: np.ndarray, after: np.ndarray) -> dict[str | None, tuple[int | None, bool]]:
        found = decide(before, after, vision, empty=empty).changes
        return {c.item: (c.delta, c.confidence >= 0.9) for c in found}

    full = shelf(drill, alias, tap)
    (reading,) = read_picture(full, vision, None, empty).places
    assert (reading.count, reading.codes) == (3, ("HSS-D8.5", "HSS-D8.5", "M10")), (
        "the shelf's own sign is no piece"
    )
    (reading,) = read_picture(empty, vision, None, empty).places
    assert (reading.present, reading.count) == (False, 0)
    assert told(full, full) == {}
    assert told(full, shelf(alias)) == {"HSS-D8.5": (-1, True), "M10": (-1, True)}
    assert told(shelf(tap), full) == {"HSS-D8.5": (2, True)}
    assert told(full, empty) == {"HSS-D8.5": (-2, True), "M10": (-1, True)}
    unlabelled = shelf(drill, alias, tap, blank=(380, 180))
    assert told(full, unlabelled) == {None: (None, False)}, "a piece without a label is for a person"
    assert told(unlabelled, shelf(alias, tap)) == {"HSS-D8.5": (-1, False)}


def test_a_reference_that_only_prints_alike_is_never_posted_by_itself() -> None:
    polygon = [[100, 100], [560, 100], [560, 200], [100, 200]]
    place = {"id": "L1", "method": "label_text", "item": "GTN-30", "polygon": polygon}
    vision = VisionConfig.model_validate({"compartments": [place], "min_sharpness": 0.0})
    picture = np.full((300, 660, 3), 225, np.uint8)
    cv2.putText(picture, "GTN30", (130, 170), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (20, 20, 20), 3, cv2.LINE_AA)
    (reading,) = read_picture(picture, vision, None).places
    assert reading.count == 1
    assert reading.confidence <= 0.75
