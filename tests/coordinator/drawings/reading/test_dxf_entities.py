"""DXF as CAD systems write it: dimension styles, overridden texts, stacks, GDT letters, hidden layers, layouts, units."""

import math

import ezdxf
import pytest
from ezdxf.entities import Tolerance

from coordinator.modules.drawings.reading.dxf import read_dxf


def drawing(version="R2010", unit=4):
    document = ezdxf.new(version, setup=True)
    document.units = unit
    return document, document.modelspace()


def linear(space, y, length, text="<>", **style):
    override = {"dimlfac": 1, "dimdec": 2, "dimpost": "", **style}
    space.add_linear_dim(
        base=(0, y + 8), p1=(0, y), p2=(length, y), dimstyle="EZDXF", override=override, text=text
    ).render()


def read(document, path, fmt="asc"):
    target = path / "plan.dxf"
    document.saveas(target, fmt=fmt)
    return read_dxf(target)


def facts(reading):
    return [(d.kind, d.nominal, d.upper, d.lower, d.fit, d.count) for d in reading.dimensions]


CASES = [
    ("<>", {}, ("linear", 40.0, None, None, None, 1)),
    ("<>", {"dimtol": 1, "dimtp": 0.1, "dimtm": 0.2}, ("linear", 40.0, 0.1, -0.2, None, 1)),
    ("<>", {"dimtol": 1, "dimtp": 0.05, "dimtm": 0.05}, ("linear", 40.0, 0.05, -0.05, None, 1)),
    ("<>", {"dimlim": 1, "dimtp": 0.02, "dimtm": 0.01, "dimtdec": 2}, ("linear", 40.02, 0.0, -0.03, None, 1)),
    ("%%c<> H7", {}, ("diameter", 40.0, None, None, "H7", 1)),
    ("4x <>", {}, ("linear", 40.0, None, None, None, 4)),
    ("M12x1,5", {}, ("thread", 12.0, None, None, None, 1)),
    ("<>", {"dimpost": "%%c<>"}, ("diameter", 40.0, None, None, None, 1)),
    (r"{\Fgdt;n}<>\S+0,02^ 0;", {}, ("diameter", 40.0, 0.02, 0.0, None, 1)),
    ("<>", {"dimlfac": 2}, ("linear", 80.0, None, None, None, 1)),
]


@pytest.mark.parametrize(("text", "style", "expected"), CASES)
@pytest.mark.requirement("DRW-12")
def test_dimension_entity_shows_value_text_and_style(tmp_path, text, style, expected):
    document, space = drawing()
    linear(space, 0, 40, text, **style)
    assert facts(read(document, tmp_path)) == [expected]


@pytest.mark.parametrize(
    ("version", "fmt"), [("R12", "asc"), ("R2000", "asc"), ("R2018", "asc"), ("R2013", "bin")]
)
@pytest.mark.requirement("DRW-12")
def test_every_version_and_both_encodings(tmp_path, version, fmt):
    document, space = drawing(version)
    linear(space, 0, 50, dimtol=1, dimtp=0.1, dimtm=0.0)
    space.add_radius_dim(
        center=(100, 50), radius=7.5, angle=30, dimstyle="EZ_RADIUS", override={"dimlfac": 1, "dimdec": 2}
    ).render()
    space.add_text("2x M6", height=3).set_placement((160, 150))
    assert sorted(facts(read(document, tmp_path, fmt))) == [
        ("linear", 50.0, 0.1, 0.0, None, 1), ("radius", 7.5, None, None, None, 1), ("thread", 6.0, None, None, None, 2),
    ]  # fmt: skip


@pytest.mark.requirement("DRW-12")
def test_signs_in_utf_8_under_the_header_of_an_old_version(tmp_path):
    document, space = drawing("R2000")
    space.add_diameter_dim(center=(0, 0), radius=4.5, angle=30, text="4x⌀9").render()
    linear(space, 0, 40, "Ø40 ± 0,1")
    path = tmp_path / "plan.dxf"
    document.saveas(path, encoding="utf-8")
    assert sorted(facts(read_dxf(path)), key=str) == [
        ("diameter", 40.0, 0.1, -0.1, None, 1), ("diameter", 9.0, None, None, None, 4),
    ]  # fmt: skip


def test_multi_line_text_with_gdt_letters_is_one_call_out(tmp_path):
    document, space = drawing()
    content = r"{\H1.0x;4x \Fgdt;n}6.6 THRU\P{\Fgdt;v}{\Fgdt;n}11 {\Fgdt;x}6.8"
    space.add_mtext(content, dxfattribs={"char_height": 3, "insert": (10, 90)})
    assert facts(read(document, tmp_path)) == [("diameter", 6.6, None, None, None, 4)]


@pytest.mark.requirement("DRW-19")
def test_tolerance_entity_is_a_control_frame(tmp_path):
    document, space = drawing()
    content = r"{\Fgdt;j}%%v{\Fgdt;n}0.1{\Fgdt;m}%%vA%%vB%%v"
    space.add_entity(Tolerance.new(dxfattribs={"content": content, "insert": (20, 50)}, doc=document))
    (frame,) = read(document, tmp_path).geometric_tolerances
    assert (frame.characteristic, frame.value, frame.datums, frame.modifiers) == (
        "position",
        0.1,
        ["A", "B"],
        ["Ø", "Ⓜ"],
    )


def test_what_is_hidden_is_not_read_and_layouts_are_sheets(tmp_path):
    document, space = drawing()
    document.layers.add("AUX").off()
    document.layers.add("FIG").freeze()
    linear(space, 0, 30)
    space.add_text("77.7", height=3, dxfattribs={"layer": "AUX"}).set_placement((60, 30))
    space.add_text("88.8", height=3, dxfattribs={"layer": "FIG"}).set_placement((60, 60))
    sheet = document.layout("Layout1")
    sheet.add_text("55", height=3).set_placement((10, 10))
    reading = read(document, tmp_path)
    assert reading.pages == 2
    assert sorted((d.nominal, d.page) for d in reading.dimensions) == [(30.0, 1), (55.0, 2)]


def test_sizes_outside_a_large_closed_outline_are_read(tmp_path):
    document, space = drawing()
    space.add_lwpolyline([(0, 0), (80, 0), (80, 40), (0, 40)], close=True)
    for index in range(3):
        space.add_text(f"{20 + index}", height=3).set_placement((100, 60 + 20 * index))
    assert sorted(d.nominal for d in read(document, tmp_path).dimensions) == [20.0, 21.0, 22.0]


@pytest.mark.requirement("DRW-49")
def test_contradictory_units_are_told(tmp_path):
    document, space = drawing(unit=1)
    linear(space, 0, 3)
    space.add_text("DIMENSIONS EN MM", height=1).set_placement((0, -10))
    warnings = read(document, tmp_path).warnings
    assert any(
        "Unités contradictoires" in warning and "pouces" in warning and "millimètres" in warning
        for warning in warnings
    )


def paper_dimension(path, *, shown, kept):
    """A linear dimension of 20 paper millimetres on a layout; ``kept`` is what its file says it measures."""
    document = ezdxf.new("R2010", setup=True)
    document.header["$INSUNITS"] = 4
    document.modelspace().add_line((0, 0), (100, 0))
    layout = document.layout("Layout1")
    dimension = (
        layout.add_linear_dim(base=(0, 10), p1=(0, 0), p2=(20, 0), text=shown, dimstyle="Standard")
        .render()
        .dimension
    )
    if shown != "<>":
        dimension.dxf.text = "<>"
    dimension.dxf.actual_measurement = kept
    document.saveas(path)
    return read_dxf(path)


@pytest.mark.parametrize(
    ("shown", "kept", "size"), [("100", 100.0, 100.0), ("20", 100.0, 20.0), ("<>", 20.0, 20.0)]
)
@pytest.mark.requirement("DRW-12")
def test_a_size_measured_through_a_viewport_is_that_of_the_part(tmp_path, shown, kept, size):
    reading = paper_dimension(tmp_path / "layout.dxf", shown=shown, kept=kept)
    assert [d.nominal for d in reading.dimensions if d.source == "dxf_dimension"] == [size]


def test_the_box_of_an_upright_dimension_stands_upright(tmp_path):
    document = ezdxf.new("R2010", setup=True)
    document.modelspace().add_linear_dim(base=(-10, 0), p1=(0, 0), p2=(0, 123.45), angle=90).render()
    document.saveas(tmp_path / "up.dxf")
    (dimension,) = read_dxf(tmp_path / "up.dxf").dimensions
    x0, y0, x1, y1 = dimension.bbox
    assert y1 - y0 > 2 * (x1 - x0)
    assert y0 < 61.7 < y1


def test_an_angle_is_the_same_through_a_viewport(tmp_path):
    """Files keep what an angle measures in radians."""
    document = ezdxf.new("R2010", setup=True)
    layout = document.layout("Layout1")
    dimension = (
        layout.add_angular_dim_2l(base=(20, 20), line1=((0, 0), (30, 0)), line2=((0, 0), (0, 30)))
        .render()
        .dimension
    )
    dimension.dxf.actual_measurement = math.pi / 2
    dimension.dxf.discard("geometry")
    document.saveas(tmp_path / "angle.dxf")
    assert [(d.kind, d.nominal) for d in read_dxf(tmp_path / "angle.dxf").dimensions] == [("angle", 90.0)]


@pytest.mark.requirement("DRW-12")
@pytest.mark.parametrize("page", ["cp1252", "latin-1"])
def test_text_whose_utf8_was_taken_for_a_code_page(tmp_path, page):
    document, space = drawing()
    linear(space, 0, 40, "Ø<> ±0,05".encode().decode(page))
    linear(space, 30, 50, "50 ±0,1")
    assert facts(read(document, tmp_path)) == [
        ("diameter", 40.0, 0.05, -0.05, None, 1),
        ("linear", 50.0, 0.1, -0.1, None, 1),
    ]


@pytest.mark.requirement("DRW-12")
def test_a_drawing_whose_layers_are_all_off_is_read_with_a_warning(tmp_path):
    document, space = drawing()
    linear(space, 0, 40)
    for layer in document.layers:
        layer.off()
    reading = read(document, tmp_path)
    assert facts(reading) == [("linear", 40.0, None, None, None, 1)]
    assert any("calques du plan sont masqués" in warning for warning in reading.warnings)


@pytest.mark.requirement("DRW-12")
def test_a_size_typed_against_the_drawing_is_told(tmp_path):
    document, space = drawing()
    for row, text in enumerate(("98.5", "40", "4x 40,02", "M12x1,5", "<> H7", "R 20")):
        linear(space, 30 * row, 40, text)
    reading = read(document, tmp_path)
    assert reading.dimensions[0].nominal == 98.5, "what is written counts"
    [told] = [w for w in reading.warnings if "écrites à la main" in w]
    assert "98,5 au lieu de 40 ; R 20 au lieu de 40. À vérifier." in told


@pytest.mark.requirement("DRW-12")
def test_a_file_whose_end_is_missing_is_told(tmp_path):
    document, space = drawing()
    for row in range(20):
        linear(space, 30 * row, 40)
    whole = read(document, tmp_path)
    assert not any("tronqué" in w or "illisible" in w for w in whole.warnings)
    content = (tmp_path / "plan.dxf").read_bytes()
    (tmp_path / "coupe.dxf").write_bytes(content[: content.index(b"\nENTITIES") + 6000])
    assert any("tronqué" in w for w in read_dxf(tmp_path / "coupe.dxf").warnings)
