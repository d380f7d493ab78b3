"""Milled shapes of models with known truth: pockets, channels, steps, islands, chamfers (DRW-21)."""

import math

import pytest
from OCP.BRepFilletAPI import BRepFilletAPI_MakeChamfer, BRepFilletAPI_MakeFillet
from OCP.TopAbs import TopAbs_EDGE
from OCP.TopoDS import TopoDS

from coordinator.modules.drawings.reading.model_files import explore
from coordinator.modules.drawings.reading.solid import read_solid
from coordinator.modules.drawings.reading.topology import edge_ends
from tests.coordinator.drawings.reading import modelled as m

BLOCK = (120, 80, 40)


def shapes_of(folder, shape):
    reading = read_solid(m.step_file(folder, shape), "step")
    kinds = ("pocket", "slot", "step", "boss", "chamfer", "flat")
    found = []
    for f in reading.features:
        if f.type in kinds:
            sizes = [None if v is None else round(v, 2) for v in (f.width_mm, f.length_mm, f.depth_mm)]
            found.append((f.type, f.form, f.count, *sizes))
    return reading, sorted(found, key=str)


def rounded_hole(x, y, z, at, radius):
    """A box with rounded upright edges."""
    shape = m.box(x, y, z, at)
    maker = BRepFilletAPI_MakeFillet(shape)
    for edge in explore(shape, TopAbs_EDGE):
        first, last = edge_ends(TopoDS.Edge_s(edge))
        if abs(last[2] - first[2]) > 0.5 * z and len(explore(shape, TopAbs_EDGE)):
            maker.Add(radius, TopoDS.Edge_s(edge))
    return maker.Shape()


CASES = {
    "closed_pocket": (lambda: m.box(50, 30, 20, (35, 25, 25)), [("pocket", "plain", 1, 30, 50, 15)]),
    "rounded_pocket": (lambda: rounded_hole(50, 30, 20, (35, 25, 25), 6), [("pocket", "plain", 1, 30, 50, 15)]),
    "opening": (lambda: m.box(50, 30, 60, (35, 25, -5)), [("pocket", "through", 1, 30, 50, 40)]),
    "rounded_opening": (
        lambda: rounded_hole(50, 30, 60, (35, 25, -5), 6),
        [("pocket", "through", 1, 30, 50, 40)],
    ),
    "channel": (lambda: m.box(140, 16, 20, (-5, 32, 28)), [("slot", "open", 1, 16, 120, 12)]),
    "t_slot": (
        lambda: m.fuse(m.box(140, 10, 30, (-5, 35, 20)), m.box(140, 22, 8, (-5, 29, 20))),
        [("slot", "undercut", 1, 22, 120, 8)],
    ),
    "open_pocket": (lambda: m.box(50, 30, 20, (-5, 25, 25)), [("pocket", "open", 1, 30, 45, 15)]),
    "step": (lambda: m.box(140, 25, 20, (-5, -5, 25)), [("step", "plain", 1, 20, 120, 15)]),
    "corner_step": (lambda: m.box(45, 25, 20, (-5, -5, 25)), [("step", "plain", 1, 40, 20, 15)]),
    "round_slot": (
        lambda: m.fuse(m.rod(16, 60, (50, 40, 30)), m.rod(16, 60, (70, 40, 30)), m.box(20, 16, 60, (50, 32, 30))),
        [("slot", "plain", 1, 16, 36, 10)],
    ),
}  # fmt: skip


@pytest.mark.requirement("DRW-21")
@pytest.mark.parametrize("case", CASES)
def test_cut_out_of_a_block(case, tmp_path):
    make, expected = CASES[case]
    reading, found = shapes_of(tmp_path, m.cut(m.box(*BLOCK), make()))
    assert [tuple(item) for item in found] == expected or (
        case == "corner_step" and found == [("step", "plain", 1, 20, 40, 15)]
    )
    if case.startswith("rounded"):
        assert next(f.corner_radius_mm for f in reading.features if f.type == "pocket") == pytest.approx(6)


@pytest.mark.parametrize("case", ["channel", "open_pocket", "opening", "step"])
def test_cut_outs_stay_the_same_however_the_part_lies(case, tmp_path):
    make, expected = CASES[case]
    shape = m.moved(m.cut(m.box(*BLOCK), make()), (12, 400, -7), (1, 2, 0.5), 63)
    assert shapes_of(tmp_path, shape)[1] == expected


def test_plain_block_has_no_feature(tmp_path):
    reading, found = shapes_of(tmp_path, m.box(*BLOCK))
    assert found == []
    assert reading.features == []


def test_bosses(tmp_path):
    shape = m.fuse(m.box(*BLOCK), m.rod(30, 25, (60, 40, 40)), m.box(10, 20, 8, (15, 15, 40)))
    assert shapes_of(tmp_path, shape)[1] == [
        ("boss", "plain", 1, 10, 20, 8),
        ("boss", "round", 1, 30, 30, 25),
    ]


def test_chamfered_edges(tmp_path):
    block = m.box(*BLOCK)
    maker = BRepFilletAPI_MakeChamfer(block)
    for edge in explore(block, TopAbs_EDGE):
        first, last = edge_ends(TopoDS.Edge_s(edge))
        if min(first[2], last[2]) > 39 and abs(first[0] - last[0]) > 100:
            maker.Add(1.5, TopoDS.Edge_s(edge))
    reading, found = shapes_of(tmp_path, maker.Shape())
    assert found == [("chamfer", "plain", 1, 1.5, 120, None), ("chamfer", "plain", 1, 1.5, 120, None)]
    assert all(f.angle_deg == pytest.approx(45) for f in reading.features)


def test_keyway_and_flat_of_a_shaft_are_not_counted_twice(tmp_path):
    shaft = m.fuse(m.rod(40, 50), m.rod(30, 60, (0, 0, 50)))
    shaft = m.cut(shaft, m.box(40, 60, 20, (17, -30, 10)), m.box(8, 8, 40, (-4, 11, 80)))
    reading, found = shapes_of(tmp_path, shaft)
    assert reading.turned_profile.max_diameter_mm == pytest.approx(40)
    assert [item[:3] for item in found] == [("flat", "plain", 1), ("slot", "open", 1)]
    slot = next(f for f in reading.features if f.type == "slot")
    assert (slot.width_mm, slot.length_mm) == pytest.approx((8, 30))


def test_volume_of_a_pocket_is_known(tmp_path):
    reading, _ = shapes_of(tmp_path, m.cut(m.box(*BLOCK), rounded_hole(50, 30, 20, (35, 25, 25), 6)))
    pocket = next(f for f in reading.features if f.type == "pocket")
    assert pocket.volume_mm3 == pytest.approx((1500 - (4 - math.pi) * 36) * 15)
