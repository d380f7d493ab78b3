"""The detector file of the repository on a station: read with onnxruntime, approved by digest, answering per item."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from edge_agents.drivers.cabinet_camera import config as station_config
from edge_agents.drivers.cabinet_camera.detector import Calibration, Piece, load_detector
from edge_agents.drivers.cabinet_camera.driver import CabinetCameraDriver
from edge_agents.drivers.simulators import spoil, tray_scenes, tray_sessions
from edge_agents.drivers.simulators.tray_pieces import KINDS
from tests.edge_agents.conftest import Recorded

WEIGHTS = Path(__file__).resolve().parents[2] / "models_ai" / "tray_items" / "tray_items.onnx"
pytestmark = pytest.mark.skipif(not WEIGHTS.is_file(), reason="weights left out of this copy")


def test_collets_are_found_where_they_lie_and_nothing_in_an_empty_tray() -> None:
    detector = load_detector(WEIGHTS)
    assert detector.kinds == KINDS
    found = lying = 0
    for seed in range(6):
        chance = np.random.default_rng([seed, 77])
        tray = tray_scenes.random_tray(chance, 400, 300, scale=(1.6, 2.2))
        pieces = tray_scenes.lay(
            tray, [tray_scenes.item("collet", chance) for _ in range(4)], [], chance, 0.0
        )
        pictures = [tray_scenes.seen(tray_scenes.draw(tray, p), chance, hard=0.3) for p in (pieces, [])]
        seen = [p for p in detector.find(pictures[0], {"collet"}) if p.probability >= 0.5]
        lying += len(pieces)
        for piece in pieces:
            nearest = min((np.hypot(p.x - piece.x, p.y - piece.y), p.kind) for p in seen)
            found += nearest[0] < 12 and nearest[1] == "collet"
        assert sum(p.probability >= 0.5 for p in detector.find(pictures[1], {"collet"})) <= 1
    assert found >= 0.6 * lying, "the kind it knows best"


def test_unusable_pictures_of_a_shared_cabinet_claim_nothing() -> None:
    detector, chance = load_detector(WEIGHTS), np.random.default_rng(3)
    session = tray_sessions.make(5)
    for fault in ("dark", "blurred", "camera_moved", "wrong_scene"):
        spoiled = spoil.FAULTS[fault](session.after, chance)
        answer = tray_sessions.decide(session.before, spoiled, session.vision, detector=detector)
        assert (answer.usable, answer.changes) == (False, ()), fault


def station(recorded: Recorded, folder: Path, session: Any, **more: Any) -> CabinetCameraDriver:
    (folder / "frames").mkdir(exist_ok=True)
    document = session.vision.model_dump(mode="json", exclude_none=True)
    (folder / "vision.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    cv2.imwrite(str(folder / "frames" / "0001.png"), session.before)
    values = {
        "type": "cabinet_camera", "vision": str(folder / "vision.yaml"), "frames": str(folder / "frames"), **more
    }  # fmt: skip
    config = station_config.CabinetCameraConfig.model_validate(values)
    return CabinetCameraDriver(config, recorded.context)


@pytest.mark.requirement("VIS-24")
async def test_only_the_approved_detector_is_used_and_the_last_one_stays(
    recorded: Recorded, tmp_path: Path
) -> None:
    session = tray_sessions.make(1)
    held = tmp_path / "tray.onnx"
    held.write_bytes(WEIGHTS.read_bytes())
    digest = hashlib.sha256(held.read_bytes()).hexdigest()
    driver = station(recorded, tmp_path, session, detector=str(held), detector_sha256=digest)
    assert (driver.sight.detector.fault, driver.sight.detector.model.digest) == (None, digest)
    held.write_bytes(b"damaged")
    again = station(recorded, tmp_path, session, detector=str(held), detector_sha256=digest)
    assert "dernier modèle approuvé reste en service" in again.sight.detector.fault
    assert again.sight.detector.model.digest == digest
    await again._look()
    assert recorded.statuses[-1][0] == "fault"


@pytest.mark.requirement("VIS-05")
async def test_a_session_at_a_shared_tray_tells_one_detection_per_item(
    recorded: Recorded, tmp_path: Path
) -> None:
    session = next(s for s in map(tray_sessions.make, range(50)) if s.event == "plain" and len(s.truth) >= 3)
    driver = station(recorded, tmp_path, session)
    driver.sight.detector.model = Perfect(session)
    await driver.open_session()
    cv2.imwrite(str(tmp_path / "frames" / "0002.png"), session.after)
    answer = await driver.close_session()
    told = recorded.of("vision.detection")
    assert {(d["location_code"], d["item_code"]): d["delta"] for d in told} == session.truth
    assert len({d["detection_uid"] for d in told}) == len(told), (
        "each difference has an identifier of its own"
    )
    assert {d["model"] for d in told} == {"5" * 12}
    assert {d["method"] for d in told} == {"items"}
    assert all(item in answer["message"] for (_, item) in session.truth)


class Perfect:
    """Stands for a network that finds every piece: what the tray was drawn with."""

    kinds = KINDS
    change = Calibration()
    digest = "5" * 64

    def __init__(self, session: tray_sessions.TraySession) -> None:
        self._answers = [
            [self._piece(p, tray.scale) for p in pieces]
            for moment in (session.lying, session.later)
            for tray, pieces in moment.values()
        ]

    def find(self, picture: Any, expected: Any = ()) -> list[Piece]:
        return self._answers.pop(0)

    @staticmethod
    def _piece(piece: tray_scenes.Piece, scale: float) -> Piece:
        corners = tray_scenes.outline(piece, scale)
        along, across = corners[1] - corners[0], corners[2] - corners[1]
        turn = float(np.arctan2(along[1], along[0]))
        return Piece(
            piece.label, 0.99, piece.x, piece.y, float(np.hypot(*along)), float(np.hypot(*across)), turn
        )
