"""Nobody is kept on a picture, and pictures go after their days."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_agents.drivers.cabinet_camera import privacy
from edge_agents.drivers.simulators import cabinet, cabinet_scenes, spoil
from tests.edge_agents.cabinets import make, taken
from tests.edge_agents.conftest import Recorded


@pytest.mark.requirement("VIS-27")
@pytest.mark.parametrize("kind", cabinet_scenes.KINDS)
def test_no_hand_is_ever_stored(kind: str) -> None:
    parts = []
    for seed in range(4):
        scene = cabinet_scenes.make_cabinet(kind, 40 + seed)
        places = [place["polygon"] for place in cabinet_scenes.config_of(scene)["compartments"]]
        chance = np.random.default_rng([seed, 5])
        known = cabinet_scenes.render(
            scene, cabinet_scenes.random_content(scene, chance), cabinet_scenes.Look(), seed
        )
        clean = cabinet_scenes.render(
            scene, cabinet_scenes.random_content(scene, chance), cabinet_scenes.Look(light=0.9), 9
        )
        parts.append(privacy.conceal(clean, known, places).part)
        for reach in (0.15, 0.3, 0.45, 0.6):
            reached = spoil.hand(clean, chance, reach=reach)
            hand = np.abs(reached.astype(int) - clean).max(axis=2) > 25
            shown = privacy.conceal(reached, known, places).image
            if shown is not None:
                still_there = (shown == reached).all(axis=2) & hand
                assert still_there.sum() < 0.03 * hand.sum(), (seed, reach)
    assert np.mean(parts) < 0.1, "pictures without anybody stay to be looked at"
    assert max(parts) < 0.25


@pytest.mark.requirement("VIS-27")
async def test_a_station_stores_a_reaching_hand_painted_over(recorded: Recorded, tmp_path: Path) -> None:
    driver = make(recorded, tmp_path)
    await driver.open_session()
    clean = cabinet.render(taken("A-01"), cabinet.SceneLook(seed=2))
    reached = spoil.hand(clean, np.random.default_rng(4))
    hand = np.abs(reached.astype(int) - clean).max(axis=2) > 25
    cv2.imwrite(str(tmp_path / "frames" / "0002.png"), reached)
    await driver.close_session()
    digest = recorded.of("cabinet.session")[0]["image_after"]
    kept = [p for p in recorded.context.data_dir.rglob("*.jpg") if p.stem in {digest, "after"}]
    assert len(kept) == 2, "the picture and the recorded session"
    for path in kept:
        close = np.abs(cv2.imread(str(path)).astype(int) - reached).max(axis=2) < 12
        assert (close & hand).sum() < 0.05 * hand.sum()


@pytest.mark.requirement("VIS-28")
async def test_pictures_and_sessions_go_after_their_days(recorded: Recorded, tmp_path: Path) -> None:
    import os

    driver = make(recorded, tmp_path)
    await driver.open_session()
    await driver.close_session()
    data = recorded.context.data_dir
    kept = [*(data / "images").glob("*.jpg"), *(data / "recordings").glob("*/session.json")]
    assert len(kept) >= 2
    now = recorded.context.clock.now().timestamp()
    for path in kept:
        os.utime(path, (now - 6.5 * 86400,) * 2)
    driver._cleaned_at = None
    await driver._daily()
    assert all(path.exists() for path in kept), "seven days are not over"
    for path in kept:
        os.utime(path, (now - 7.5 * 86400,) * 2)
    driver._cleaned_at = None
    await driver._daily()
    assert not [path for path in kept if path.exists()]
