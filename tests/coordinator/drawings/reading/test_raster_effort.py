"""Scans are read with as few calls of the networks as their texts need."""

import cv2
import numpy as np
import pytest

from coordinator.modules.drawings.reading import orientation, rows, slanted
from coordinator.modules.drawings.reading.networks import side_by_side
from coordinator.modules.drawings.reading.ocr import Read, rapid_engine
from coordinator.modules.drawings.reading.page import Word


def sheet(text="SCALE 4:2"):
    """A text with a rule close under it."""
    image = np.full((300, 900), 255, np.uint8)
    cv2.putText(image, text, (60, 150), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 0, 3)
    cv2.line(image, (10, 158), (800, 158), 0, 3)
    return image


@pytest.mark.parametrize(
    ("text", "sure", "crops"),
    [
        ("SCALE 4:2", 0.995, [1]),
        ("SCALE 4:2", 0.95, [1, 1]),
        ("SCALE 4:1", 0.995, [1, 1]),
        ("-25.4", 0.999, [1, 1]),
        ("25 ±8", 0.999, [1, 1]),
        ("4", 0.999, [1, 1]),
    ],
)
def test_only_a_doubtful_text_is_read_again_without_its_strokes(monkeypatch, text, sure, crops):
    asked = []

    def read_crops(pictures):
        asked.append(len(pictures))
        return [Read(text if len(asked) == 1 else "SCALE 4:", sure if len(asked) == 1 else 1.0)] * len(
            pictures
        )

    monkeypatch.setattr(rows, "read_crops", read_crops)
    monkeypatch.setattr(rows, "find_piles", lambda line: [])
    image = sheet()
    quad = np.array([(50, 105), (330, 105), (330, 165), (50, 165)], dtype=float)
    rows.read_level(image, 255 - image, [quad])
    assert asked == crops


@pytest.mark.parametrize(("sure", "ways"), [(0.95, [30.0]), (0.6, [30.0, -150.0])])
def test_a_sure_size_which_stands_upright_is_not_read_on_its_head(monkeypatch, sure, ways):
    read = []

    def turned(_image, _ink, _quad, angle):
        read.append(angle)
        return [Word("25.4", 0, 40, 0, 10, angle, sure, "ocr")]

    monkeypatch.setattr(slanted, "_read_turned", turned)
    picture = np.zeros((10, 10), np.uint8)
    assert slanted._read_one_slanted(picture, picture, np.zeros((4, 2)), -150.0)[0].angle == 30.0
    assert read == ways


@pytest.mark.requirement("DRW-11")
def test_boxes_are_those_of_the_engine_itself():
    engine, image = rapid_engine(), sheet("GEHAEUSE 25.4")
    boxes = engine.detect(image)
    own = engine._engine(image, use_det=True, use_cls=False, use_rec=False).boxes
    assert len(boxes) == len(own) > 0
    assert np.array_equal(np.asarray(boxes), np.asarray(own, dtype=float))


def test_a_box_of_the_sheet_on_its_head_starts_at_its_upper_left_corner():
    box = np.array([(10, 20), (50, 22), (50, 32), (10, 30)], dtype=float)
    turned = orientation._upside_down(box, 200, 100)
    assert turned.tolist() == [[150, 68], [190, 70], [190, 80], [150, 78]]


def test_results_of_parallel_work_keep_the_order_of_their_parts():
    assert side_by_side(lambda part: part * part, range(50)) == [number * number for number in range(50)]
