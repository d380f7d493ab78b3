"""Movement outside hours and inside a zone: told only when approved for the camera, light is no movement (MCH-34)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from edge_agents.drivers.machine_camera.movement import Watch, moved_share
from edge_agents.drivers.simulators.aside import aside
from edge_agents.drivers.simulators.camera import CameraSimulator
from edge_agents.protocol.camera_analysis import CameraAnalysis
from edge_agents.protocol.local_time import LocalRules
from tests.edge_agents.conftest import Recorded
from tests.edge_agents.test_machine_camera import _config, _running

APPROVED = {"approved_by": "Ana Durand", "approved_on": "2026-11-23"}
RIGHT_HALF = [[0.55, 0.05], [0.98, 0.05], [0.98, 0.95], [0.55, 0.95]]
ALWAYS = {"start": "00:00", "until": "23:59"}


def _room(draw: np.random.Generator, *, thing: tuple[int, int] | None = None, light: float = 1.0) -> bytes:
    """A workshop corner with texture and noise; ``thing`` is somewhere in it."""
    base = np.random.default_rng(5).normal(110, 22, (24, 32)).clip(20, 230)
    image = cv2.resize(base.astype(np.uint8), (640, 480), interpolation=cv2.INTER_CUBIC).astype(float)
    if thing is not None:
        cv2.circle(image, thing, int(draw.integers(28, 45)), float(draw.choice([25, 235])), -1)
    noisy = (image * light + draw.normal(0, 4, image.shape)).clip(0, 255).astype(np.uint8)
    return bytes(cv2.imencode(".jpg", noisy)[1].tobytes())


@pytest.mark.requirement("MCH-34")
@pytest.mark.parametrize("seed", range(6))
def test_what_moves_is_seen_where_it_is_watched(seed: int) -> None:
    draw = np.random.default_rng(seed)
    zone = CameraAnalysis.model_validate({"kind": "movement_in_zone", "zone": RIGHT_HALF, **APPROVED}).zone
    still, lamp = _room(draw), _room(draw, light=float(draw.uniform(0.7, 1.25)))
    left = _room(draw, thing=(int(draw.integers(80, 230)), int(draw.integers(90, 390))))
    right = _room(draw, thing=(int(draw.integers(430, 560)), int(draw.integers(90, 390))))
    assert moved_share(still, left, None) > 0.006
    assert moved_share(still, right, None) > 0.006
    assert moved_share(still, right, zone) > 0.01
    for quiet in (still, lamp):
        assert moved_share(still, quiet, None) < 0.002
        assert moved_share(still, quiet, zone) < 0.004
    assert moved_share(still, left, zone) < 0.004, "what moves beside the zone is none of its business"


def test_movement_has_to_go_on_and_is_told_once() -> None:
    watch = Watch(CameraAnalysis.model_validate(
        {"kind": "movement_in_zone", "zone": RIGHT_HALF, "hold_s": 2, "rest_s": 60, **APPROVED}))  # fmt: skip
    assert [watch.judge(at, 0.5) for at in (0, 1, 2, 3, 30, 31, 32)] == [
        False,
        False,
        True,
        False,
        False,
        False,
        False,
    ]
    assert [watch.judge(at, 0.5) for at in (63, 64, 65.5)] == [False, False, True]
    short = Watch(watch.analysis)
    assert [short.judge(at, share) for at, share in ((0, 0.5), (1, 0.0), (9, 0.5), (10, 0.0))] == [False] * 4


def test_the_calm_hours_are_local() -> None:
    night = {"kind": "movement_off_hours", "hours": {"start": "20:00", "until": "05:00"}, **APPROVED}
    watch = Watch(CameraAnalysis.model_validate(night))
    paris, reunion = LocalRules(), LocalRules(time_zone="Indian/Reunion")
    evening = dt.datetime(2026, 11, 23, 17, 30, tzinfo=dt.UTC)
    assert (watch.is_on(evening, paris), watch.is_on(evening, reunion)) == (False, True)


@pytest.mark.requirement("MCH-34")
@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"kind": "movement_in_zone", "zone": RIGHT_HALF}, "approved_by"),
        ({"kind": "movement_in_zone", **APPROVED}, "zone"),
        ({"kind": "movement_off_hours", **APPROVED}, "hours"),
        ({"kind": "smoke", **APPROVED}, "kind"),
    ],
)
def test_nothing_is_analysed_without_a_name_and_nothing_else_is_offered(
    values: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValidationError, match=named):
        _config("http://127.0.0.1:1", analyses=[values])


@pytest.mark.requirement("MCH-34")
async def test_an_approved_analysis_keeps_a_clip_with_its_reason(recorded: Recorded) -> None:
    rules = {"share": 0.002, "hold_s": 0.5, **APPROVED}
    zone = {
        "kind": "movement_in_zone",
        "zone": [[0.26, 0.02], [0.99, 0.02], [0.99, 0.99], [0.26, 0.99]],
        **rules,
    }
    never = {"kind": "movement_off_hours", "hours": {"start": "00:00", "until": "00:01", "days": []}, **rules}
    with aside(CameraSimulator) as camera:
        async with _running(recorded, _config(camera.simulator.url)) as driver:
            await recorded.until(lambda: len(driver.ring.frames) >= 15)
        assert recorded.of("camera.clip") == [], "off by default, whatever moves"
        async with _running(recorded, _config(camera.simulator.url, analyses=[never, zone])):
            await recorded.until(lambda: recorded.of("camera.clip"))
    (clip,) = recorded.of("camera.clip")
    assert clip["reason"] == "analysis.movement_in_zone"
    assert clip["image"] is not None
