"""Whole models: assemblies, mirrored parts, IGES, open surfaces, walls, annotations (DRW-13, DRW-25, DRW-51)."""

import math
import re

import pytest
from OCP.TopAbs import TopAbs_FACE

from coordinator.modules.drawings.reading.model import ReadingFailedError
from coordinator.modules.drawings.reading.model_files import explore
from coordinator.modules.drawings.reading.solid import read_solid
from tests.coordinator.drawings.reading import modelled as m


def plate():
    return m.cut(m.box(60, 40, 10), m.rod(8, 20, (15, 10, -5)), m.rod(5, 20, (45, 25, -5)))


def pin():
    return m.rod(8, 30)


@pytest.mark.requirement("DRW-13")
def test_assembly_gives_each_distinct_solid_once(tmp_path):
    shape = m.together(
        plate(), m.moved(plate(), (0, 0, 100), (1, 1, 0), 40), m.moved(pin(), (15, 10, 20)), m.moved(pin(), (90, 0, 0), m.X, 90)
    )  # fmt: skip
    reading = read_solid(m.step_file(tmp_path, shape), "step")
    assert sorted((part.count, round(part.solid.volume_mm3, 1)) for part in reading.parts) == sorted(
        [(2, round(24000 - 10 * math.pi * (16 + 6.25), 1)), (2, round(math.pi * 16 * 30, 1))]
    )
    assert reading.solid.bodies == 4
    assert reading.solid.volume_mm3 == pytest.approx(sum(p.count * p.solid.volume_mm3 for p in reading.parts))
    assert sum(f.count for f in reading.features if f.type == "hole") == 4
    flat = next(part for part in reading.parts if part.turned_profile is None)
    assert {p.process for p in flat.processes} == {"milling", "drilling"}
    assert any("Assemblage" in warning for warning in reading.warnings)


def test_mirrored_part_is_another_part(tmp_path):
    left = m.fuse(m.cut(m.box(60, 40, 10), m.rod(8, 20, (15, 10, -5))), m.box(10, 25, 20, (50, 15, 10)))
    shape = m.together(left, m.moved(left, (0, 0, 80), mirror=True), m.moved(left, (200, 0, 0), m.Z, 75))
    reading = read_solid(m.step_file(tmp_path, shape), "step")
    assert sorted(part.count for part in reading.parts) == [1, 2]


@pytest.mark.parametrize("solids", [True, False])
def test_iges_as_step(solids, tmp_path):
    shape = m.cut(m.box(60, 40, 10), m.rod(8, 20, (15, 10, -5)), m.rod(12, 20, (40, 25, 4)))
    reading = read_solid(m.iges_file(tmp_path, shape, solids=solids), "iges")
    assert reading.solid.volume_mm3 == pytest.approx(24000 - math.pi * (16 * 10 + 36 * 6), rel=1e-4)
    assert reading.solid.size_mm == pytest.approx((60, 40, 10), abs=1e-3)
    assert not reading.solid.estimated
    holes = sorted((h.diameter_mm, h.depth_mm, h.through) for h in reading.features if h.type == "hole")
    assert holes == [pytest.approx((8, 10, True), abs=1e-3), pytest.approx((12, 6, False), abs=1e-3)]


@pytest.mark.requirement("DRW-51")
def test_open_surfaces_give_the_envelope_only(tmp_path):
    faces = explore(plate(), TopAbs_FACE)[1:]
    reading = read_solid(m.step_file(tmp_path, m.together(*faces)), "step")
    assert reading.solid.volume_mm3 is None
    assert reading.solid.estimated
    assert reading.solid.size_mm == pytest.approx((60, 40, 10), abs=1e-3)
    assert reading.features == []
    assert any("ouvertes" in warning for warning in reading.warnings)


def test_closed_loose_faces_become_a_solid(tmp_path):
    faces = explore(plate(), TopAbs_FACE)
    reading = read_solid(m.step_file(tmp_path, m.together(*faces)), "step")
    assert reading.solid.volume_mm3 == pytest.approx(24000 - 10 * math.pi * (16 + 6.25), rel=1e-6)
    assert sum(f.count for f in reading.features if f.type == "hole") == 2


def test_file_without_a_shape_is_refused(tmp_path):
    path = tmp_path / "empty.step"
    path.write_text("ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\nENDSEC;\nEND-ISO-10303-21;\n")
    with pytest.raises(ReadingFailedError):
        read_solid(path, "step")


@pytest.mark.requirement("DRW-25")
@pytest.mark.parametrize(
    ("shape", "wall"),
    [
        (lambda: m.cut(m.box(60, 40, 30), m.box(57.6, 37, 29, (1.2, 1.5, 1))), 1.0),
        (lambda: m.cut(m.rod(40, 50), m.rod(38.4, 60, (0, 0, 2))), 0.8),
        (lambda: m.cut(m.box(60, 40, 30), m.rod(10, 40, (20, 20, -5))), None),
        (
            lambda: m.cut(
                m.box(60, 40, 30), m.box(30, 3, 30, (10, 10, 10)), m.box(30, 3, 30, (10, 14.4, 10))
            ),
            1.4,
        ),
    ],
    ids=["shell", "cup", "block", "rib"],
)
def test_thinnest_wall(shape, wall, tmp_path):
    reading = read_solid(m.step_file(tmp_path, shape()), "step")
    assert reading.solid.min_wall_mm == (None if wall is None else pytest.approx(wall, abs=1e-3))
    assert any("Paroi mince" in warning for warning in reading.warnings) == (wall is not None and wall < 1.5)


def test_envelope_of_a_turned_and_tilted_part(tmp_path):
    shape = m.moved(m.rod(20, 100), (5, 5, 5), m.Y, 30)
    x = 100 * math.sin(math.radians(30)) + 20 * math.cos(math.radians(30))
    z = 100 * math.cos(math.radians(30)) + 20 * math.sin(math.radians(30))
    assert read_solid(m.step_file(tmp_path, shape), "step").solid.size_mm == pytest.approx(
        (x, 20, z), abs=1e-3
    )


def stated_volume(text):
    return [float(v) for v in re.findall(r"VOLUME_MEASURE\(([\d.]+)\)", text)]


@pytest.mark.parametrize(
    ("file", "dimensions", "tolerances", "datums", "axes"),
    [
        ("step/nist_ctc_01_asme1_ap242-e1.stp", 8, 6, "ABC", 10),
        ("step/nist_ctc_02_asme1_ap242-e2.stp", 7, 22, "ABCDEFGHJK", 82),
        ("step/nist_ctc_04_asme1_ap242-e1.stp", 10, 7, "ABCDEFGH", 54),
        ("step/nist_ftc_06_asme1_ap242-e2.stp", 24, 28, "ABCDEFGHJK", 12),
    ],
)
def test_public_models(file, dimensions, tolerances, datums, axes, shared_file, read):
    path = shared_file(file)
    reading = read(path)
    pmi = [d for d in reading.dimensions if d.source == "pmi"]
    assert (len(pmi), len(reading.geometric_tolerances)) == (dimensions, tolerances)
    assert "".join(sorted(d.label for d in reading.datums)) == datums
    assert sum(f.count for f in reading.features if f.type in ("hole", "bore")) == axes
    text = path.read_text(errors="replace")
    if stated := stated_volume(text):
        inches = "'INCH'" in text
        assert reading.solid.volume_mm3 == pytest.approx(stated[0] * (25.4**3 if inches else 1), rel=1e-3)


@pytest.mark.requirement("DRW-19")
def test_frames_of_a_public_model_name_the_datums_stated_for_checking(shared_file, read):
    path = shared_file("step/nist_ctc_02_asme1_ap242-e2.stp")
    stated = sorted(
        "" if letters == "none" else letters
        for letters in re.findall(r"'datum references','([^']*)'", path.read_text(errors="replace"))
    )
    frames = read(path).geometric_tolerances
    found = sorted(",".join(datum.rstrip("ⓂⓁ") for datum in frame.datums) for frame in frames)
    assert found == stated


@pytest.mark.requirement("DRW-18")
def test_annotations_reach_their_holes(shared_file, read):
    reading = read(shared_file("step/nist_ctc_04_asme1_ap242-e1.stp"))
    texts = {d.text for d in reading.dimensions}
    assert {"4x M12x1.75-6H", "30x Ø14 ±0.1", "30x 90° ±1°", "[75]", "6x Ø6.65 ±0.12"} <= texts
    (tapped,) = [f for f in reading.features if f.thread]
    assert (tapped.form, tapped.thread, tapped.count) == ("tapped", "M12x1.75-6H", 4)
    assert tapped.diameter_mm == pytest.approx(10.2)
    (sunk,) = [f for f in reading.features if f.form == "countersink"]
    assert (sunk.count, sunk.upper_mm, sunk.lower_mm) == (30, 0.1, -0.1)


def test_inch_annotations_keep_their_unit(shared_file, read):
    reading = read(shared_file("step/nist_ftc_06_asme1_ap242-e2.stp"))
    (dimension,) = [d for d in reading.dimensions if d.text.startswith("4x Ø0.415")]
    assert (dimension.unit, dimension.nominal, dimension.upper, dimension.lower) == (
        "inch",
        0.415,
        0.008,
        -0.008,
    )
    (hole,) = [f for f in reading.features if f.id in dimension.feature_ids]
    assert hole.upper_mm == pytest.approx(0.2032)
    assert any(d.text == "12.00 ±0.01" for d in reading.dimensions)
    frame = next(t for t in reading.geometric_tolerances if t.text == "⌖ Ø0.02Ⓜ F")
    assert (frame.characteristic, frame.value, frame.unit, frame.datums) == ("position", 0.02, "inch", ["F"])


def test_drawn_annotations_are_counted_as_unread(shared_file, read):
    reading = read(shared_file("step/nist_ftc_08_asme1_ap242-e1-tg.stp"))
    assert not reading.dimensions
    assert any(warning.startswith("60 annotations 3D seulement dessinées") for warning in reading.warnings)
    assert reading.title_block["revision"].value == "C"


@pytest.mark.parametrize(
    "record",
    [
        "#9001=DIMENSIONAL_SIZE();",
        "#9001=GEOMETRIC_ITEM_SPECIFIC_USAGE('',$,(),$,$);\n#9002=DIMENSIONAL_SIZE(#9002,$);",
        "#9001=DIMENSIONAL_CHARACTERISTIC_REPRESENTATION((),$);\n#9002=DIMENSIONAL_SIZE(#1,'diameter');",
        "#9001=SHAPE_DEFINITION_REPRESENTATION();\n#9002=DATUM();\n#9003=TOLERANCE_ZONE();\n#9004=DATUM_FEATURE();",
        "#9001=PROPERTY_DEFINITION_REPRESENTATION();\n#9002=MEASURE_REPRESENTATION_ITEM('volume measure',VOLUME_MEASURE());",
        "#9001=X(" + "(" * 5000 + ")" * 5000 + ");\n#9002=DIMENSIONAL_SIZE(#9001,'');",
    ],
)
def test_broken_annotations_cost_no_geometry(record, tmp_path):
    path = m.step_file(tmp_path, plate())
    head, tail = path.read_text().rsplit("ENDSEC;", 1)
    path.write_text(f"{head}{record}\nENDSEC;{tail}")
    reading = read_solid(path, "step")
    assert reading.solid.size_mm == pytest.approx((60, 40, 10), abs=1e-3)
    assert sum(f.count for f in reading.features if f.type == "hole") == 2
