"""What models out of ordinary CAD systems look like: seams, cut floors, rounded feet, keyways of bores, hexagon heads."""

import math

import pytest

from coordinator.modules.drawings.reading.solid import read_solid
from tests.coordinator.drawings.reading import modelled as m
from tests.coordinator.drawings.reading.test_solid_cut_outs import shapes_of


def hexagon(across_flats, length):
    """An upright hexagon bar: three pairs of flats cut off a cylinder around it."""
    bar = m.rod(2.4 * across_flats / 2, length)
    for turn in range(6):
        side = m.box(across_flats, 4 * across_flats, length + 2, (across_flats / 2, -2 * across_flats, -1))
        bar = m.cut(bar, m.moved(side, degrees=60 * turn))
    return bar


@pytest.mark.requirement("DRW-21")
def test_seams_across_a_keyway_do_not_part_it(tmp_path):
    """The key is three solids side by side, so its floor and walls stay in pieces."""
    shaft = m.rod(30, 90)
    for piece in (
        m.box(30, 8, 20, (11, -4, 40)),
        m.rod(8, 30, (11, 0, 40), m.X),
        m.rod(8, 30, (11, 0, 60), m.X),
    ):
        shaft = m.cut(shaft, piece)
    _, found = shapes_of(tmp_path, shaft)
    assert found == [("slot", "plain", 1, 8, 28, 4.0)] or (
        found[0][:3] == ("slot", "plain", 1) and found[0][3:5] == (8, 28)
    )


@pytest.mark.requirement("DRW-21")
def test_a_hole_as_wide_as_a_channel_does_not_cut_it_in_two(tmp_path):
    block = m.cut(m.box(*(120, 80, 40)), m.box(140, 16, 20, (-5, 32, 28)), m.rod(16, 50, (60, 40, -5)))
    assert shapes_of(tmp_path, block)[1] == [("slot", "open", 1, 16, 120, 12)]


@pytest.mark.requirement("DRW-21")
def test_a_step_reaches_to_its_wall_behind_a_rounded_foot(tmp_path):
    """An angle bracket with four holes in its foot: what was milled out is the whole corner."""
    angle = m.cut(m.box(80, 60, 70), m.box(70, 62, 60, (20, -1, 12)), m.box(10, 62, 60, (12, -1, 20)))
    angle = m.cut(
        angle,
        m.cut(
            m.box(8, 60, 8, (12, 0, 12)), m.cut(m.box(8, 60, 8, (12, 0, 12)), m.rod(16, 60, (20, 0, 20), m.Y))
        ),
    )
    angle = m.cut(angle, *(m.rod(9, 20, (x, y, -1)) for x in (35, 65) for y in (15, 45)))
    reading, found = shapes_of(tmp_path, angle)
    assert found == [("step", "plain", 1, 68, 60, 58)]
    step = next(f for f in reading.features if f.type == "step")
    assert step.volume_mm3 == pytest.approx(68 * 60 * 58, rel=1e-3)


@pytest.mark.requirement("DRW-21")
def test_holes_in_a_pocket_s_floor_belong_to_its_volume(tmp_path):
    block = m.cut(m.box(120, 80, 40), m.box(60, 40, 30, (30, 20, 25)), m.rod(20, 60, (60, 40, -5)))
    reading, _ = shapes_of(tmp_path, block)
    pocket = next(f for f in reading.features if f.type == "pocket")
    assert pocket.volume_mm3 == pytest.approx(60 * 40 * 15, rel=2e-3)


@pytest.mark.requirement("DRW-21")
@pytest.mark.parametrize("set_screw", [False, True])
def test_keyway_of_a_bore(tmp_path, set_screw):
    """With and without a set screw opposite, through which a look from the floor would find the open."""
    hub = m.cut(m.rod(70, 40), m.rod(30, 50, (0, 0, -5)), m.box(8, 18.3, 50, (-4, 0, -5)))
    if set_screw:
        hub = m.cut(hub, m.rod(6.8, 40, (0, 0, 20), (0, -1, 0)))
    reading, found = shapes_of(tmp_path, hub)
    assert found == [("slot", "internal", 1, 8, 40, 3.3)]
    foot = math.sqrt(15**2 - 4**2)
    assert next(f for f in reading.features if f.type == "slot").volume_mm3 == pytest.approx(
        8 * 40 * (18.3 - foot), rel=1e-3
    )


@pytest.mark.requirement("DRW-21")
def test_a_hole_above_the_floor_of_a_square_tube_makes_no_channel(tmp_path):
    tube = m.cut(m.box(80, 40, 40), m.box(90, 34, 34, (-5, 3, 3)), m.rod(6, 20, (40, 20, 30)))
    assert [item[:2] for item in shapes_of(tmp_path, tube)[1]] == [("pocket", "through")]


@pytest.mark.requirement("DRW-13")
def test_a_chamfered_hexagon_head_is_part_of_the_outline(tmp_path):
    head = m.cut(hexagon(19, 8), m.cut(m.rod(40, 1), m.cone(19, 24, 1)))
    bolt = m.fuse(head, m.rod(12, 50, (0, 0, 8)))
    reading = read_solid(m.step_file(tmp_path, bolt), "step")
    profile = reading.turned_profile
    assert profile.max_diameter_mm == pytest.approx(19 * 2 / math.sqrt(3), abs=0.01)
    flats = [f for f in reading.features if f.type == "flat"]
    assert sum(f.count for f in flats) == 6
    assert flats[0].depth_mm == pytest.approx(profile.max_diameter_mm / 2 - 9.5, abs=0.01)


def facets_of(shape):
    """A solid of flat triangles, as a mesh saved as STEP."""
    from OCP.BRep import BRep_Tool
    from OCP.BRepBuilderAPI import BRepBuilderAPI_MakeFace, BRepBuilderAPI_MakePolygon, BRepBuilderAPI_Sewing
    from OCP.BRepMesh import BRepMesh_IncrementalMesh
    from OCP.TopLoc import TopLoc_Location

    from coordinator.modules.drawings.reading.faces import iter_faces

    BRepMesh_IncrementalMesh(shape, 0.3, False, 0.4, False)
    sewing = BRepBuilderAPI_Sewing(1e-4)
    for face in iter_faces(shape):
        mesh = BRep_Tool.Triangulation_s(face, TopLoc_Location())
        for index in range(1, mesh.NbTriangles() + 1):
            corners = [mesh.Node(i) for i in mesh.Triangle(index).Get()]
            sewing.Add(BRepBuilderAPI_MakeFace(BRepBuilderAPI_MakePolygon(*corners, True).Wire()).Face())
    sewing.Perform()
    return sewing.SewedShape()


@pytest.mark.requirement("DRW-51")
def test_a_mesh_saved_as_solid_gives_its_size_and_no_invented_shapes(tmp_path):
    plate = m.cut(m.box(60, 40, 20), m.rod(10, 30, (20, 20, -5)))
    reading = read_solid(m.step_file(tmp_path, facets_of(plate)), "step", pictured=True)
    assert reading.solid.size_mm == pytest.approx((60, 40, 20))
    assert reading.solid.estimated
    assert reading.features == []
    assert any("maillage" in w for w in reading.warnings)


@pytest.mark.requirement("DRW-49")
@pytest.mark.parametrize(
    ("size", "told"),
    [((60_000, 40_000, 20_000), "60,0 m"), ((0.5, 0.4, 0.3), "0,500 mm"), ((60, 40, 20), None)],
)
def test_a_size_that_tells_of_a_wrong_unit_is_told(tmp_path, size, told):
    warnings = read_solid(m.step_file(tmp_path, m.box(*size)), "step").warnings
    assert [w for w in warnings if "unité" in w] == (
        [f"Encombrement de {told} : unité du fichier à vérifier."] if told else []
    )


@pytest.mark.requirement("DRW-21")
def test_walls_of_crossing_holes_are_no_fillets(tmp_path):
    block = m.cut(
        m.box(120, 80, 50),
        m.rod(12, 105, (0, 40, 25), m.X),
        *(m.rod(8, 35, (x, 40, 20)) for x in (30, 60, 90)),
    )
    reading = read_solid(m.step_file(tmp_path, block), "step")
    assert sorted((f.type, round(f.diameter_mm, 3), f.count) for f in reading.features) == [
        ("hole", 8, 3),
        ("hole", 12, 1),
    ]
