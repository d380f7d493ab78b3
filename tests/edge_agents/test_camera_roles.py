"""The three roles of a cabinet's camera in one session: acquisition, detection, pictures for the reviewer (EDG-05)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agents.drivers.base import CommandRefusedError
from edge_agents.drivers.cabinet_camera.config import load_vision
from edge_agents.drivers.simulators import cabinet
from tests.edge_agents.conftest import Recorded
from tests.edge_agents.test_cabinet_camera import _driver, _show


@pytest.mark.requirement("EDG-05")
async def test_a_session_acquires_detects_and_shows_the_reviewer(recorded: Recorded, tmp_path: Path) -> None:
    driver = _driver(recorded, tmp_path)
    await driver.open_session()
    _show(tmp_path, 2, cabinet.full_content() | {"A-08": 3})
    await driver.close_session()

    (session,) = recorded.of("cabinet.session")
    images = recorded.context.data_dir / "images"

    def picture(digest: str) -> np.ndarray:
        found = cv2.imread(str(images / f"{digest}.jpg"))
        assert found is not None
        return found

    before, after = picture(session["image_before"]), picture(session["image_after"])
    assert before.shape == after.shape
    assert min(before.shape[:2]) > 400, "acquired whole"

    (detection,) = recorded.of("vision.detection")
    assert (detection["location_code"], detection["delta"], detection["usable"]) == ("A-08", -2, True)

    crops = [picture(detection[name]) for name in ("crop_before", "crop_after")]
    x0, y0, x1, y1 = detection["frame"]
    for crop in crops:
        assert crop.shape[0] < before.shape[0] / 2
        assert crop.shape[1] < before.shape[1] / 2
    assert 0 <= x0 < x1 <= 1
    assert 0 <= y0 < y1 <= 1
    assert (
        np.abs(crops[0].astype(int) - cv2.resize(crops[1], crops[0].shape[1::-1]).astype(int)).mean() > 2
    ), "the reviewer sees that something changed"
    polygon = next(c.polygon for c in load_vision(driver.config.vision).compartments if c.id == "A-08")
    height, width = before.shape[:2]
    corners = (min(x for x, _ in polygon) / width, min(y for _, y in polygon) / height,
               max(x for x, _ in polygon) / width, max(y for _, y in polygon) / height)  # fmt: skip
    assert detection["frame"] == pytest.approx(corners, abs=0.02), "the compartment is marked"


async def test_a_look_at_another_camera_is_no_picture_of_the_cabinet(
    recorded: Recorded, tmp_path: Path
) -> None:
    driver = _driver(recorded, tmp_path)
    with pytest.raises(CommandRefusedError):
        await driver.command("capture_test_image", {"camera_code": "CAM-1", "watch_s": 60})
    assert not (recorded.context.data_dir / "images").exists()
