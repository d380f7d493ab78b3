"""Compartments with several expected items: what came or went per item, and what goes to a person."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from edge_agents.drivers.cabinet_camera import recording, telling
from edge_agents.drivers.cabinet_camera.config import VisionConfig, load_vision
from edge_agents.drivers.cabinet_camera.decision import Change, Decision
from edge_agents.drivers.cabinet_camera.detector import Calibration, Piece, load_detector
from edge_agents.drivers.cabinet_camera.reading import read_picture
from edge_agents.drivers.cabinet_camera.session import decide
from edge_agents.drivers.simulators import tray_scenes

SIZE = (400, 300)
PLACE = {
    "id": "T1",
    "method": "items",
    "polygon": [[0, 0], [400, 0], [400, 300], [0, 300]],
    "items": [{"item": "FOR-8", "kind": "drill"}, {"item": "FRA-10", "kind": "end_mill"}],
}
VISION = VisionConfig.model_validate({"compartments": [PLACE], "min_sharpness": 0})


@dataclass
class Scripted:
    """Stands for a network that answers what a test lays down, picture after picture."""

    answers: list[list[Piece]]
    kinds: tuple[str, ...] = ("drill", "end_mill", "tap", "other")
    change: Calibration = field(default_factory=Calibration)
    digest: str = "0" * 64

    def find(self, picture: Any, expected: Any = ()) -> list[Piece]:
        return self.answers.pop(0)


def piece(kind: str, x: float, probability: float = 0.97, *, length: float = 80.0) -> Piece:
    return Piece(kind, probability, x, 150.0, length, 16.0, np.pi / 2)


def picture(pieces: list[Piece], light: float = 1.0, *, also: tuple[int, int] | None = None) -> Any:
    """A tray with a bar drawn for each piece; ``also`` a bright disc nobody finds."""
    image = np.random.default_rng(1).normal(90, 4, (SIZE[1], SIZE[0], 3))
    for one in pieces:
        cv2.fillConvexPoly(image, np.round(one.corners).astype(np.int32), (200, 205, 200), cv2.LINE_AA)
    if also is not None:
        cv2.circle(image, also, 22, (40, 180, 240), -1, cv2.LINE_AA)
    return np.clip(image * light, 0, 255).astype(np.uint8)


def changes(before: list[Piece], after: list[Piece], **look: Any) -> dict[str | None, Change]:
    pictures = picture(before), picture(after, **look)
    detector: Any = Scripted([before, after])
    return {c.item: c for c in decide(*pictures, VISION, detector=detector).changes}


@pytest.mark.requirement("VIS-03")
def test_each_item_of_a_shared_tray_has_its_own_difference() -> None:
    lying = [piece("drill", 60), piece("drill", 120), piece("end_mill", 200)]
    found = changes(lying, [lying[0], lying[2], piece("end_mill", 300), piece("end_mill", 260)], light=0.8)
    assert {item: (c.delta, c.reason) for item, c in found.items()} == {
        "FOR-8": (-1, None),
        "FRA-10": (2, None),
    }
    assert (found["FOR-8"].before.count, found["FOR-8"].after.count) == (2, 1)
    assert min(c.confidence for c in found.values()) > 0.9
    assert changes(lying, lying, light=0.7) == {}, "weaker light changes nothing"


def test_an_unsure_piece_makes_the_difference_unsure() -> None:
    lying = [piece("drill", 60)]
    assert changes(lying, [*lying, piece("drill", 150, 0.62)])["FOR-8"].confidence == pytest.approx(0.62)


def test_that_the_picture_changed_is_evidence_for_an_unsure_piece() -> None:
    lying = [piece("drill", 60), piece("end_mill", 300, 0.3)]
    found = changes(lying, lying[:1])
    assert {item: (c.delta, c.reason) for item, c in found.items()} == {"FRA-10": (-1, None)}
    assert found["FRA-10"].confidence <= 0.59, "a proposal for a person, never posted"
    pictures = picture(lying[:1]), picture(lying[:1], light=0.8)
    detector: Any = Scripted([lying, lying[:1]])
    assert decide(*pictures, VISION, detector=detector).changes == (), "nothing changed, nothing came or went"
    (strange,) = changes([lying[0], piece("tap", 300, 0.3)], lying[:1]).values()
    assert strange.reason == "foreign_or_misplaced", "what does not belong there explains nothing"


def test_what_stays_where_it_lies_is_the_same_piece_whatever_it_is_read_as() -> None:
    lying = [piece("drill", 60, 0.7), piece("end_mill", 200)]
    assert changes(lying, [replace(lying[0], kind="end_mill"), lying[1]]) == {}


@pytest.mark.requirement("VIS-42")
@pytest.mark.parametrize("kind", ["other", "tap"])
def test_a_strange_or_misplaced_object_is_for_a_person(kind: str) -> None:
    lying = [piece("drill", 60)]
    (change,) = changes(lying, [*lying, piece(kind, 200)]).values()
    assert (change.delta, change.reason) == (None, "foreign_or_misplaced")
    payload = telling.detection({"session_uid": "s"}, change, doubtful=False, item=None)
    assert (payload["item_code"], payload["delta"]) == (None, None), "no quantity is posted"


@pytest.mark.requirement("VIS-42")
def test_a_change_no_found_piece_explains_is_for_a_person() -> None:
    lying = [piece("drill", 60)]
    (change,) = changes(lying, lying, also=(300, 150)).values()
    assert change.reason == "foreign_or_misplaced"


def test_items_of_one_kind_are_told_apart_by_length() -> None:
    items = [
        {"item": "FOR-8", "kind": "drill", "length_mm": [30, 49]},
        {"item": "FOR-12", "kind": "drill", "length_mm": [50, 90]},
    ]
    vision = VisionConfig.model_validate(
        {"compartments": [PLACE | {"items": items, "mm_per_px": 0.5}], "min_sharpness": 0}
    )
    lying = [piece("drill", 60, length=80), piece("drill", 150, length=140)]
    detector: Any = Scripted([lying, lying[:1]])
    (change,) = decide(picture(lying), picture(lying[:1]), vision, detector=detector).changes
    assert (change.item, change.delta) == ("FOR-12", -1)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([], "items manquant"),
        ([{"item": "A", "kind": "drill"}, {"item": "B", "kind": "drill"}], "ne se distinguent pas"),
        ([{"item": "A", "kind": "drill", "length_mm": [1, 2]}], "mm_per_px"),
    ],
)
def test_items_nobody_could_tell_apart_are_refused(items: list[Any], words: str, tmp_path: Path) -> None:
    path = tmp_path / "vision.yaml"
    path.write_text(yaml.safe_dump({"compartments": [PLACE | {"items": items}]}), encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        load_vision(path)


@pytest.mark.requirement("VIS-44")
def test_without_detector_a_shared_tray_is_unread_and_a_change_of_it_for_a_person(tmp_path: Path) -> None:
    lying = [piece("drill", 60)]
    (place,) = read_picture(picture(lying), VISION, None).places
    assert (place.count, place.reason) == (None, "not_taught")
    (change,) = decide(picture(lying), picture([]), VISION).changes
    assert (change.delta, change.reason) == (None, "no_reference")
    (tmp_path / "damaged.onnx").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="endommagé"):
        load_detector(tmp_path / "damaged.onnx")


def test_a_full_count_tells_every_item_of_a_shared_tray() -> None:
    lying = [piece("drill", 60), piece("drill", 120), piece("end_mill", 200)]
    detector: Any = Scripted([lying])
    rows = telling.counted(VISION, read_picture(picture(lying), VISION, None, None, detector), {})
    assert [(row["item_code"], row["count"]) for row in rows] == [("FOR-8", 2), ("FRA-10", 1)]


@pytest.mark.requirement("VIS-25")
def test_a_recorded_session_of_a_shared_tray_is_replayed_item_by_item(tmp_path: Path) -> None:
    lying = [piece("drill", 60), piece("end_mill", 200)]
    for name, told in (("a", {"T1": {"FOR-8": -1}}), ("b", {"T1": {"FRA-10": -1}})):
        pictures = [cv2.imencode(".jpg", picture(p))[1].tobytes() for p in (lying, lying[1:])]
        recording.keep(
            tmp_path, {"session_uid": name, "opened_at": "2026-11-23"}, *pictures, Decision(True, None, ())
        )
        recording.set_truth(tmp_path, name, told)
    detector: Any = Scripted([lying, lying[1:], lying, lying[1:]])
    result = recording.replay(tmp_path, VISION, None, detector=detector)
    assert (result.sessions, result.right, result.false_posts, result.wrong) == (2, 1, 1, ("b",))


def test_a_piece_is_drawn_the_same_before_and_after() -> None:
    chance = np.random.default_rng(3)
    tray = tray_scenes.random_tray(chance, *SIZE)
    pieces = tray_scenes.lay(tray, [tray_scenes.item("drill", chance) for _ in range(3)], [], chance)
    full, less = tray_scenes.draw(tray, pieces), tray_scenes.draw(tray, pieces[:-1])
    differs = np.abs(full - less).max(axis=2) > 1
    x, y = tray_scenes.outline(pieces[-1], tray.scale).mean(axis=0)
    assert differs.any()
    assert np.abs(np.argwhere(differs).mean(axis=0)[::-1] - (x, y)).max() < 25


def test_the_training_library_is_imported_by_the_training_program_alone() -> None:
    root = Path(__file__).resolve().parents[2]
    folders = ("coordinator", "edge_agents", "clients", "infra", "firmware_configs", "models_ai", "tests")
    lines = [
        path.relative_to(root).as_posix()
        for folder in folders
        for path in sorted((root / folder).rglob("*.py"))
        if "node_modules" not in path.parts
        and re.search(r"^\s*(from|import)\s+ultralytics", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert lines == ["models_ai/tray_items/train.py"]
