"""Drawings: the project's samples in every format, and public vector drawings."""

import json
import subprocess
import sys

import pytest

from coordinator.modules.drawings.reading.fuse import fuse
from coordinator.modules.drawings.reading.grouping import group_readings, stem_key
from coordinator.modules.drawings.reading.model import Dimension, DrawingReading, FieldValue, Solid
from coordinator.modules.drawings.scoring import numbers_of, score_dimensions

NUMBERS = ["AX-1042", "BL-2007", "TM-3105"]


def texts(reading):
    return [dimension.text for dimension in reading.dimensions]


def fields(reading):
    return {name: value.value for name, value in reading.title_block.items() if value.status == "read"}


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("kind", ["pdf", "dxf"])
@pytest.mark.requirement("DRW-16")
def test_sample_title_block_and_dimensions_are_all_read(samples, read, number, kind):
    part = samples[number]
    reading = read(getattr(part, kind))
    assert reading.error is None
    assert fields(reading) == {name: value for name, value in part.truth["title_block"].items() if value}
    expected = sorted((item["kind"], item["nominal"], item["upper"], item["lower"], item["fit"], item["count"])
                      for item in part.truth["dimensions"] if item["kind"] != "depth")  # fmt: skip
    found = sorted((d.kind, d.nominal, d.upper, d.lower, d.fit, d.count) for d in reading.dimensions)
    depth = [item for item in part.truth["dimensions"] if item["kind"] == "depth"]
    # A depth drawn as a plain length cannot be told from one.
    assert len(found) == len(expected) + len(depth)
    assert all(item in found for item in expected)
    assert sorted(texture.value_um for texture in reading.surface_textures) == sorted(
        part.truth["surface_textures"]
    )
    assert {note.text for note in reading.notes} == set(part.truth["notes"])
    assert reading.standard_system == "iso"


@pytest.mark.requirement("DRW-11")
def test_scan_turned_and_noisy_is_read(samples, read):
    part = samples["TM-3105"]
    reading = read(part.png)
    score = score_dimensions([item["text"] for item in part.truth["dimensions"]], texts(reading))
    assert score.f1 >= 0.9
    assert fields(reading)["drawing_number"] == "TM-3105"
    assert fields(reading)["material"] == part.truth["title_block"]["material"]
    height = next(d for d in reading.dimensions if d.nominal == 80)
    assert height.bbox[3] - height.bbox[1] > height.bbox[2] - height.bbox[0]


@pytest.mark.requirement("DRW-18")
def test_tight_dimensions_are_flagged(samples, read):
    tight = {d.text for d in read(samples["AX-1042"].pdf).dimensions if d.is_tight}
    assert tight == {"Ø20 k6", "Ø25 h6"}


@pytest.mark.requirement("DRW-17")
def test_inch_drawing(shared_file, read):
    reading = read(shared_file("drawings/vector/motor_shaft_inch.pdf"))
    assert reading.standard_system == "asme"
    assert {d.unit for d in reading.dimensions} == {"inch"}
    diameter = next(d for d in reading.dimensions if d.kind == "diameter")
    assert (diameter.nominal, diameter.upper, diameter.lower) == (0.157, 0.0, -0.001)


def test_signs_drawn_as_strokes_are_read(shared_file, read):
    reading = read(shared_file("drawings/vector/motor_shaft.pdf"))
    assert {numbers_of(text) for text in texts(reading)} == {
        numbers_of(t) for t in ("6", "1,50", "Ø3,99 0 -0,02", "33,40", "4,50", "3,40", "3,75", "CHAMFER 0,2")
    }
    assert fields(reading)["material"] == "Stainless Steel"
    assert reading.title_block["drawing_number"].status == "absent"


def test_limits_boxes_and_frames(shared_file, read):
    reading = read(shared_file("drawings/vector/Aufspannung.pdf"))
    by_number = {d.nominal: d for d in reading.dimensions}
    assert by_number[11.3].kind == "radius"
    assert by_number[11.3].lower == pytest.approx(-0.1)
    assert by_number[6.95].basic
    assert by_number[8.05].basic
    assert not by_number[60.0].basic
    assert (by_number[7.5].upper, by_number[7.5].lower) == (0.1, -0.2)
    assert len(reading.dimensions) == 7
    assert [(item.value, item.datums) for item in reading.geometric_tolerances] == [(0.6, ["A"])]


@pytest.mark.requirement("DRW-50")
def test_dxf_without_unit_shows_both_sizes(tmp_path, sandbox):
    import ezdxf

    document = ezdxf.new("R2010")
    document.units = 0
    document.modelspace().add_lwpolyline([(0, 0), (100, 0), (100, 50), (0, 50)], close=True)
    path = tmp_path / "sans_unite.dxf"
    document.saveas(path)
    reading = sandbox.read(path)
    assert any(
        "100.0 × 50.0 mm" in warning and "2540.0 × 1270.0 mm" in warning for warning in reading.warnings
    )
    assert reading.contours[0].area_mm2 == pytest.approx(5000)


@pytest.mark.requirement("DRW-02")
def test_files_of_one_part_are_grouped(samples, read):
    readings = [read(path) for part in samples.values() for path in (part.pdf, part.step, part.dxf)]
    groups = group_readings(readings)
    assert [len(group.readings) for group in groups] == [3, 3, 3]
    assert all(len({stem_key(item.file) for item in group.readings}) == 1 for group in groups)


def test_two_revisions_stay_apart():
    def drawn(name, revision):
        reading = DrawingReading(file=name, kind="pdf")
        reading.title_block["drawing_number"] = FieldValue("P1", 1.0, "read")
        reading.title_block["revision"] = FieldValue(revision, 1.0, "read")
        return reading

    assert len(group_readings([drawn("p1.pdf", "A"), drawn("p1 (2).pdf", "B")])) == 2


@pytest.mark.requirement("DRW-09")
def test_drawing_and_model_are_merged(samples, read):
    part = samples["BL-2007"]
    merged = fuse([read(part.step), read(part.pdf)])
    assert merged.title_block["drawing_number"].value == "BL-2007"
    assert merged.solid is not None
    assert merged.has_tight_tolerance
    assert merged.finest_ra_um == 1.6
    assert merged.contradictions == []
    tapped = [feature for feature in merged.features if feature.form == "tapped"]
    assert [(feature.thread, feature.count) for feature in tapped] == [("M6", 2)]


@pytest.mark.requirement("DRW-49")
def test_size_contradiction_is_reported():
    drawing = DrawingReading(file="a.pdf", kind="pdf", dimensions=[Dimension("102", "linear", 102.0)])
    model = DrawingReading(file="a.step", kind="step", solid=Solid(1.0, 1.0, (100.0, 10.0, 10.0), 1))
    assert [item.field for item in fuse([drawing, model]).contradictions] == ["size"]
    drawing.dimensions[0].nominal = 100.5
    assert fuse([drawing, model]).contradictions == []


def test_json_survives_the_round_trip(samples, read):
    reading = read(samples["AX-1042"].pdf)
    again = DrawingReading.from_json(json.dumps(reading.to_json()))
    assert again.to_json() == reading.to_json()


def test_command_line_prints_one_json_document_and_tells_failure(samples, tmp_path):
    program = "from coordinator.modules.drawings.cli import app; app()"
    good, bad = str(samples["AX-1042"].pdf), str(tmp_path / "absent.pdf")
    done = subprocess.run(
        [sys.executable, "-c", program, "read", good, bad, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    first, second = json.loads(done.stdout)
    number = first["title_block"]["drawing_number"]
    assert (number["value"], number["status"], number["page"], len(number["bbox"])) == (
        "AX-1042",
        "read",
        1,
        4,
    )
    assert second["error"]["code"] == "drawing.not_found"
    assert "absent.pdf" in done.stderr
    usage = subprocess.run(
        [sys.executable, "-c", program, "read"], capture_output=True, text=True, check=False
    )
    assert usage.returncode == 2
