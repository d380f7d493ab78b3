"""The picture of a 3D model and the places of its shapes on it (DRW-32)."""

import numpy as np
import pytest

from coordinator.modules.drawings.reading import sheets
from coordinator.modules.drawings.reading.model import Limits
from coordinator.modules.drawings.reading.solid import read_solid
from tests.coordinator.drawings.reading import modelled as m


def plate():
    """Four small holes through, one blind from below, a pocket on top."""
    holes = [m.rod(6, 30, (x, y, -5)) for x in (15, 105) for y in (15, 65)]
    return m.cut(m.box(120, 80, 20), *holes, m.rod(12, 10, (60, 40, -2)), m.box(40, 20, 10, (40, 30, 12)))


def colour_at(picture, info, box):
    """Picture inside a box, as an array of pixels."""
    x0, y0, x1, y1 = sheets.SheetInfo.shares(info, box)
    height, width = picture.shape[:2]
    return picture[round(y0 * height) : round(y1 * height) + 1, round(x0 * width) : round(x1 * width) + 1]


@pytest.mark.requirement("DRW-32")
@pytest.mark.parametrize("kind", ["step", "iges"])
def test_shapes_of_a_model_stand_where_the_picture_shows_them(tmp_path, kind):
    path = m.step_file(tmp_path, plate()) if kind == "step" else m.iges_file(tmp_path, plate(), solids=True)
    reading = read_solid(path, kind, pictured=True)
    (info,) = sheets.sheet_infos(path, kind, Limits())
    picture = sheets.render(path, kind, 1, 1200, Limits())
    assert max(picture.shape[:2]) == pytest.approx(1200, abs=2)
    assert max(info.width, info.height) == pytest.approx(2000)
    ink = (picture < 250).any(axis=2)
    assert 0.2 < ink.mean() < 0.9, "a part on white paper"
    small = next(f for f in reading.features if f.diameter_mm == pytest.approx(6))
    blind = next(f for f in reading.features if f.diameter_mm == pytest.approx(12))
    pocket = next(f for f in reading.features if f.type == "pocket")
    assert small.count == 4
    assert len(blind.boxes) == len(pocket.boxes) == 1, "open to one side only"
    beside = info.width > info.height
    half = info.width / 2 if beside else info.height / 2
    middle = lambda box: (box[0] + box[2]) / 2 if beside else (box[1] + box[3]) / 2  # noqa: E731
    assert middle(pocket.bbox) < half < middle(blind.bbox), (
        "from above in the first view, from below in the second"
    )
    first = {tuple(np.round(box)) for box in small.boxes if middle(box) < half}
    second = {tuple(np.round(box)) for box in small.boxes if middle(box) > half}
    assert len(first) == len(second) == 4, (
        "a through hole shows from both sides, each of them at its own place"
    )
    assert len(small.boxes) == 8
    for box in (*small.boxes, blind.bbox, pocket.bbox):
        assert colour_at(picture, info, box).reshape(-1, 3).std(axis=0).max() > 3, (
            "edges or shades, not plain ground"
        )
    assert pocket.bbox[2] - pocket.bbox[0] > 3 * (small.boxes[0][2] - small.boxes[0][0])


@pytest.mark.requirement("DRW-32")
def test_without_asking_for_the_picture_nothing_is_placed(tmp_path):
    reading = read_solid(m.step_file(tmp_path, plate()), "step")
    assert all(f.bbox is None and not f.boxes for f in reading.features)


def test_what_lies_behind_is_hidden(tmp_path):
    """A rod behind a wall leaves no pixel of its own colour in front of the wall."""
    from coordinator.modules.drawings.reading import model_picture

    wall, rod = m.box(100, 4, 100), m.rod(20, 40, (40, 25, 30))
    scene = model_picture.scene_of([wall, rod], edges=False)
    layout = model_picture.layout_of(scene)
    placed = layout.place(scene.corners, 0) * (0.3, 0.3, 1.0)
    _, hit = model_picture._hidden(placed, round(layout.width * 0.3), round(layout.height * 0.3))
    assert not np.isin(scene.owner[hit[hit >= 0]], [6, 7, 8]).any()


def test_a_model_with_no_faces_to_draw_is_still_read(tmp_path, monkeypatch):
    from coordinator.modules.drawings.reading import model_picture

    monkeypatch.setattr(model_picture, "_MAX_TRIANGLES", 10)
    path = m.step_file(tmp_path, plate())
    reading = read_solid(path, "step", pictured=True)
    assert len(reading.features) == 3
    assert any("image" in w for w in reading.warnings)
    assert sheets.sheet_infos(path, "step", Limits()) == []


def test_walls_seen_edge_on_do_not_stretch_a_place(tmp_path):
    """Deep holes near the corners of a block: their place is their mouth, the same size for each."""
    holes = [m.rod(6.8, 60, (x, y, -5)) for x in (10, 110) for y in (10, 70)]
    reading = read_solid(m.step_file(tmp_path, m.cut(m.box(120, 80, 50), *holes)), "step", pictured=True)
    (feature,) = reading.features
    heights = [box[3] - box[1] for box in feature.boxes]
    assert len(heights) == 8, "both mouths of each"
    assert max(heights) < 1.5 * min(heights)
