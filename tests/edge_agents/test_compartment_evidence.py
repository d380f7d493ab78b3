"""What makes a content sure or strange: circles beside words, blocks of features, cells without a look."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_agents.drivers.cabinet_camera import counting, features, scene
from edge_agents.drivers.cabinet_camera.classifier import Softmax
from edge_agents.drivers.cabinet_camera.taught import Group, State

PATCH = np.full((features.SIDE, features.SIDE, 3), 90, np.uint8)
MASK = np.ones((features.SIDE, features.SIDE), np.float32)


def _counter(circles: float | None) -> counting.Counter:
    words = counting.Words(np.zeros((1, 9), np.float32), np.ones(9, np.float32))
    usual = np.array([[0.0], [1.0], [1.0]], np.float32)
    return counting.Counter(PATCH, words, np.ones(1, np.float32), 0.0, 0.25, 7, usual, 1.0, 32, circles)


@pytest.mark.requirement("VIS-03")
def test_circles_decide_between_two_counts_and_never_against_the_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counting, "amounts", lambda *_: np.array([2.45], np.float32))
    count, sure, *_ = _counter(None).read(PATCH, MASK)
    assert count == 2
    assert sure < 0.7
    count, sure, _, shares = _counter(0.97).read(PATCH, MASK, circles=3)
    assert count == 3
    assert sure > 0.9
    assert sum(shares) == pytest.approx(1)
    count, sure, *_ = _counter(0.97).read(PATCH, MASK, circles=7)
    assert count == 2
    assert sure < 0.7, "what contradicts the words makes nothing sure"


@pytest.mark.requirement("VIS-42")
def test_a_familiar_shape_in_a_strange_colour_is_strange() -> None:
    drawn = PATCH.copy()
    cv2.circle(drawn, (32, 32), 18, (150, 150, 150), -1)
    length = len(features.describe_patch(drawn, MASK))
    assert features.BLOCKS[-1].stop == length
    gray, purple = (features.describe_patch(image, MASK) for image in (drawn, _tinted(drawn)))
    plain = Softmax(
        np.zeros(length, np.float32), np.ones(length, np.float32), np.zeros((length, 1)), np.zeros(1)
    )
    overall = float(np.sqrt(((purple - gray) ** 2).mean()))
    group = Group((State(1, None),), plain, gray[None], (1.2 * overall,) + (0.1,) * len(features.BLOCKS))
    assert group.novelty(gray) == 0
    assert group.novelty(purple) > 1.15
    assert Group(group.states, plain, gray[None], (1.2 * overall,)).novelty(purple) < 1, (
        "all features alone miss it"
    )


def _tinted(image: np.ndarray) -> np.ndarray:
    tinted = image.copy()
    tinted[14:50, 14:50] = np.clip(tinted[14:50, 14:50] * np.array([1.25, 0.72, 1.1]), 0, 255).astype(
        np.uint8
    )
    return tinted


@pytest.mark.requirement("VIS-37")
def test_what_light_blows_out_is_no_foreign_object() -> None:
    chance = np.random.default_rng(2)
    ground = cv2.GaussianBlur(chance.normal(150, 40, (240, 320, 3)), (0, 0), 2).clip(0, 255).astype(np.uint8)
    slope = np.linspace(-0.2, 0.2, 320)[None, :, None]

    def seen(gain: float) -> np.ndarray:
        lit = ground * gain * (1 + slope * chance.uniform(-1, 1)) + chance.normal(0, 8, ground.shape)
        return np.clip(lit, 0, 245).astype(np.uint8)

    views = [(seen(gain), np.eye(2, 3)) for gain in np.linspace(0.6, 1.2, 12)]
    backdrop = scene.learn_backdrop(views, len(views))
    assert scene.is_blown(np.full((10, 10, 3), 255, np.uint8))
    assert not scene.is_blown(seen(1.0))
    bright = seen(1.0)
    bright[60:180, :64] = 255
    with_light = backdrop.foreign(bright, np.eye(2, 3))[0]
    covered = seen(1.0)
    covered[60:180, :64] = (90, 120, 190)
    with_hand = backdrop.foreign(covered, np.eye(2, 3))[0]
    assert with_hand > backdrop.tolerated
    assert with_light < 0.75 * with_hand, "only the rim of the light is left"
