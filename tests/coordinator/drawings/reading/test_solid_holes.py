"""Holes of models with known truth: every axis once, nothing invented (DRW-21)."""

import math

import numpy as np
import pytest

from coordinator.modules.drawings.reading.solid import read_solid
from tests.coordinator.drawings.reading import modelled as m

BLOCK = (120, 80, 40)


def holes_of(folder, shape, **how):
    reading = read_solid(m.step_file(folder, shape, **how), "step")
    assert reading.error is None
    return reading, [f for f in reading.features if f.type in ("hole", "bore")]


def seen(holes):
    """Comparable holes: form, through, count, steps."""
    return sorted(
        (h.form, h.through, h.count, tuple((round(s.diameter_mm, 2), round(s.depth_mm, 2)) for s in h.steps))
        for h in holes
    )


def at(x, y, diameter, depth, z=40):
    """A tool that drills down from the top of the block."""
    return m.rod(diameter, depth + 5, (x, y, z - depth))


CASES = {
    "through": (lambda b: m.cut(b, m.rod(10, 60, (60, 40, -5))), [("plain", True, 1, ((10, 40),))]),
    "blind_flat": (lambda b: m.cut(b, at(60, 40, 8, 15)), [("plain", False, 1, ((8, 15),))]),
    "blind_tip": (
        lambda b: m.cut(b, m.fuse(at(60, 40, 8, 15), m.cone(0, 8, 2.4, (60, 40, 22.6)))),
        [("plain", False, 1, ((8, 15),))],
    ),
    "blind_ball": (
        lambda b: m.cut(b, m.fuse(at(60, 40, 12, 15), m.ball(12, (60, 40, 25)))),
        [("plain", False, 1, ((12, 15),))],
    ),
    "counterbore": (
        lambda b: m.cut(b, m.rod(9, 60, (60, 40, -5)), at(60, 40, 15, 8.5)),
        [("counterbore", True, 1, ((15, 8.5), (9, 31.5)))],
    ),
    "counterbore_below": (
        lambda b: m.cut(b, m.rod(9, 60, (60, 40, -5)), m.rod(15, 8.5 + 5, (60, 40, -5))),
        [("counterbore", True, 1, ((15, 8.5), (9, 31.5)))],
    ),
    "countersink": (
        lambda b: m.cut(b, m.rod(6, 60, (60, 40, -5)), m.cone(6, 12, 3, (60, 40, 37))),
        [("countersink", True, 1, ((12, 3), (6, 37)))],
    ),
    "edge_break": (
        lambda b: m.cut(b, m.rod(10, 60, (60, 40, -5)), m.cone(10, 11, 0.5, (60, 40, 39.5))),
        [("plain", True, 1, ((10, 40),))],
    ),
    "edge_break_both_ends": (
        lambda b: m.cut(
            b, m.rod(10, 60, (60, 40, -5)), m.cone(10, 11, 0.5, (60, 40, 39.5)), m.cone(11, 10, 0.5, (60, 40, 0))
        ),
        [("plain", True, 1, ((10, 40),))],
    ),
    "stepped": (
        lambda b: m.cut(b, m.rod(6, 60, (60, 40, -5)), at(60, 40, 10, 25), at(60, 40, 20, 10)),
        [("stepped", True, 1, ((20, 10), (10, 15), (6, 15)))],
    ),
    "pattern": (
        lambda b: m.cut(b, *(m.rod(5.5, 60, (x, y, -5)) for x in (20, 60, 100) for y in (20, 60))),
        [("plain", True, 6, ((5.5, 40),))],
    ),
    "crossing": (
        lambda b: m.cut(b, m.rod(12, 60, (60, 40, -5)), m.rod(8, 100, (60, -5, 20), m.Y)),
        [("plain", True, 1, ((8, 80),)), ("plain", True, 1, ((12, 40),))],
    ),
    "crossing_equal": (
        lambda b: m.cut(b, m.rod(12, 60, (60, 40, -5)), m.rod(12, 100, (60, -5, 20), m.Y)),
        [("plain", True, 1, ((12, 40),)), ("plain", True, 1, ((12, 80),))],
    ),
    "facing_blind": (
        lambda b: m.cut(b, m.rod(8, 30, (-5, 40, 20), m.X), m.rod(8, 30, (125, 40, 20), (-1, 0, 0))),
        [("plain", False, 2, ((8, 25),))],
    ),
    "through_a_slot": (
        lambda b: m.cut(b, m.box(120, 20, 30, (0, 30, 20)), m.rod(10, 100, (60, -5, 30), m.Y)),
        [("plain", True, 1, ((10, 80),))],
    ),
    "half_cylinders": (
        lambda b: m.cut(
            b, m.rod(10, 60, (60, 40, -5), turn=math.pi), m.moved(m.rod(10, 60, turn=math.pi), (60, 40, -5), degrees=180)
        ),
        [("plain", True, 1, ((10, 40),))],
    ),
    "bore_with_keyway": (
        lambda b: m.cut(b, m.rod(20, 60, (60, 40, -5)), m.box(6, 12.8, 60, (57, 40, -5))),
        [("plain", True, 1, ((20, 40),))],
    ),
    "tiny": (lambda b: m.cut(b, m.rod(0.3, 60, (60, 40, -5))), [("plain", True, 1, ((0.3, 40),))]),
    "wide": (lambda b: m.cut(b, m.rod(76, 60, (60, 40, -5))), [("plain", True, 1, ((76, 40),))]),
    "circlip_groove": (
        lambda b: m.cut(b, m.rod(26, 60, (60, 40, -5)), m.rod(28, 1.3, (60, 40, 30))),
        [("plain", True, 1, ((26, 40),))],
    ),
    "rounded_bottom_corner": (
        lambda b: m.cut(b, m.fuse(at(60, 40, 20, 18), m.rod(16, 2, (60, 40, 20)), m.ring(16, 4, (60, 40, 22)))),
        [("plain", False, 1, ((20, 20),))],
    ),
    "tapered": (
        lambda b: m.cut(b, m.cone(16, 20, 40, (60, 40, 0))),
        [("plain", True, 1, ((16, 40),))],
    ),
}  # fmt: skip


@pytest.mark.requirement("DRW-21")
@pytest.mark.parametrize("case", CASES)
def test_hole_of_a_block(case, tmp_path):
    make, expected = CASES[case]
    shape = make(m.box(*BLOCK))
    reading, holes = holes_of(tmp_path, shape)
    assert seen(holes) == sorted(expected)
    assert not [f for f in reading.features if f.type in ("boss",)]


@pytest.mark.parametrize("case", ["crossing", "counterbore", "blind_tip", "bore_with_keyway", "facing_blind"])
@pytest.mark.parametrize(("way", "degrees"), [((1, 2, 3), 37.0), ((0, 1, 1), 121.5), ((-3, 1, 0.2), 200.0)])
def test_holes_stay_the_same_however_the_part_lies(case, way, degrees, tmp_path):
    make, expected = CASES[case]
    shape = m.moved(make(m.box(*BLOCK)), (311.7, -45.2, 8.9), way, degrees)
    _, holes = holes_of(tmp_path, shape)
    assert seen(holes) == sorted(expected)


@pytest.mark.parametrize("case", ["counterbore", "countersink", "blind_flat", "crossing"])
def test_splines_that_are_cylinders_are_holes(case, tmp_path):
    make, expected = CASES[case]
    _, holes = holes_of(tmp_path, m.as_splines(make(m.box(*BLOCK))))
    assert seen(holes) == sorted(expected)


@pytest.mark.parametrize(
    "tool",
    [
        lambda: m.fuse(m.rod(16, 60, (50, 40, -5)), m.rod(16, 60, (70, 40, -5)), m.box(20, 16, 60, (50, 32, -5))),
        lambda: m.rod(30, 60, (0, 40, -5)),
        lambda: m.rod(30, 60, (0, 0, -5)),
        lambda: m.cut(m.rod(30, 20, (60, 40, 30)), m.rod(20, 60, (60, 40, 0))),
        lambda: m.ball(24, (60, 40, 40)),
        lambda: m.cut(m.rod(30, 20, (60, 40, 30)), m.box(12, 12, 60, (54, 34, 0))),
    ],
    ids=["slot", "half_open", "corner", "face_groove", "dimple", "ring_around_a_square_post"],
)  # fmt: skip
def test_what_is_no_hole(tool, tmp_path):
    _, holes = holes_of(tmp_path, m.cut(m.box(*BLOCK), tool()))
    assert holes == []


def test_boss_and_posts_are_no_holes(tmp_path):
    shape = m.fuse(m.box(*BLOCK), m.rod(30, 25, (60, 40, 40)), m.rod(8, 12, (15, 15, 40)))
    _, holes = holes_of(tmp_path, shape)
    assert holes == []


def test_direction_and_mouth_of_an_inclined_hole(tmp_path):
    way = m.unit((0.3, -0.2, -1))
    tool = m.rod(6, 12 + 10, np.array([60, 40, 40]) - 10 * way, way)
    _, (hole,) = holes_of(tmp_path, m.cut(m.box(*BLOCK), tool))
    assert hole.axis == pytest.approx(tuple(way), abs=1e-5)
    assert not hole.through
    assert hole.diameter_mm == pytest.approx(6)
    away = np.array(hole.positions_mm[0]) - (60, 40, 40)
    assert np.linalg.norm(np.cross(away, way)) < 1e-3


def test_radial_holes_in_a_tube(tmp_path):
    tube = m.cut(m.rod(60, 80), m.rod(50, 90, (0, 0, -5)))
    drills = [
        m.rod(6, 40, (0, 0, 40), (math.cos(a), math.sin(a), 0)) for a in (0, math.tau / 3, 2 * math.tau / 3)
    ]
    reading, holes = holes_of(tmp_path, m.cut(tube, *drills))
    assert sorted((h.type, round(h.diameter_mm, 2), h.count, h.through) for h in holes) == sorted(
        [("bore", 50, 1, True), *[("hole", 6, 1, True)] * 3]
    )
    # Deepest where the hole leaves the outside and shortest across the inside.
    assert all(
        h.steps[0].depth_mm == pytest.approx(30 - math.sqrt(625 - 9), abs=0.01)
        for h in holes
        if h.type == "hole"
    )
    assert reading.turned_profile.max_diameter_mm == pytest.approx(60)


def test_inch_model(tmp_path):
    shape = m.moved(m.cut(m.box(*BLOCK), m.rod(12.7, 60, (60, 40, -5))))
    reading, (hole,) = holes_of(tmp_path, shape, unit="INCH")
    assert b"INCH" in (tmp_path / "model.step").read_bytes()
    assert reading.solid.size_mm == pytest.approx(BLOCK, abs=1e-3)
    assert hole.diameter_mm == pytest.approx(12.7)
    assert hole.depth_mm == pytest.approx(40)
