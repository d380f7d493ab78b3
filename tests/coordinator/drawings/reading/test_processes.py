"""Processes, parts lists, welding symbols and critical marks from drawings alone (DRW-03, DRW-24, DRW-26)."""

import json

import pytest

from coordinator.modules.drawings import park_rules
from coordinator.modules.drawings.reading.fuse import fuse
from coordinator.modules.drawings.reading.model import (
    BomItem,
    Dimension,
    DrawingReading,
    Limits,
    Note,
    ProcessProposal,
    Solid,
    SurfaceTexture,
)
from coordinator.modules.drawings.reading.pdf import read_pdf
from coordinator.modules.drawings.reading.processes import propose

from .small_pdf import SmallPdf


def drawing(*, notes=(), dims=(), textures=(), **more):
    reading = DrawingReading(
        file="p.pdf", kind="pdf", notes=[Note(text) for text in notes], dimensions=list(dims)
    )
    reading.surface_textures = [SurfaceTexture("Ra", value, f"Ra {value}") for value in textures]
    for name, value in more.items():
        setattr(reading, name, value)
    return reading


def names(reading, shown=()):
    return {p.process for p in propose([reading], list(shown))}


def dia(size, fit=None, text=None, count=1):
    return Dimension(text or f"Ø{size}", "diameter", size, fit=fit, count=count)


def lin(size):
    return Dimension(str(size), "linear", size)


@pytest.mark.parametrize(
    ("note", "process"),
    [
        ("Pièce mécano-soudée, cordons selon ISO 5817-C", "welding"),
        ("ALL WELDS PER AWS D1.1", "welding"),
        ("Geschweißte Ausführung", "welding"),
        ("Rayon de pliage intérieur 2", "bending"),
        ("Flat pattern length 212", "bending"),
        ("Virole roulée", "bending"),
        ("Découpe laser", "cutting"),
        ("Découpe au fil après trempe", "edm"),
        ("Rectifier les portées", "grinding"),
        ("Brut de fonderie EN 1706", "moulding"),
    ],
)
def test_words_name_processes(note, process):
    found = propose([drawing(notes=[note])], [])
    assert process in {p.process for p in found}
    assert next(p for p in found if p.process == process).reason == note


@pytest.mark.parametrize(
    "note",
    [
        "Soudure interdite",
        "No welding allowed",
        "Marquage laser du n° de plan",
        "Cast iron EN-GJL-250",
        "Ohne Schweißen",
    ],
)
def test_words_that_ask_for_nothing(note):
    reading = drawing(notes=[note])
    assert not {"welding", "cutting", "moulding"} & names(reading)


def test_sizes_tell_turned_from_milled():
    shaft = drawing(
        dims=[dia(30, "h6"), dia(25, "k6"), dia(20), lin(80), lin(40), Dimension("1x45°", "chamfer", 1)]
    )
    plate = drawing(dims=[lin(120), lin(80), lin(15), lin(40), dia(8, text="4x Ø8", count=4)])
    assert "turning" in names(shaft)
    assert "milling" not in names(shaft)
    assert {"milling", "drilling"} <= names(plate)
    assert "turning" not in names(plate)
    keyed = drawing(
        dims=[dia(30, "h6"), dia(25, "k6"), dia(20), lin(80), Dimension("8 P9", "linear", 8, fit="P9")]
    )
    assert {"turning", "milling"} <= names(keyed)


def test_fine_surfaces_and_hard_fits_are_ground():
    assert "grinding" in names(drawing(textures=[0.4, 3.2]))
    assert "grinding" not in names(drawing(textures=[0.8], dims=[dia(20, "h6")]))
    assert "grinding" in names(drawing(dims=[dia(20, "h6")], notes=["Trempe 58-60 HRC"]))


@pytest.mark.requirement("DRW-24")
def test_a_model_and_its_drawing_add_up():
    model = DrawingReading(file="p.step", kind="step", processes=[ProcessProposal("turning", 0.95)])
    model.solid = Solid(1000.0, 600.0, (10, 10, 10), 1)
    part = fuse([drawing(notes=["Souder le bossage"], dims=[lin(10), lin(20)]), model])
    assert {p.process for p in part.processes} == {"turning", "welding"}
    assert [p.confidence for p in part.processes] == sorted(
        (p.confidence for p in part.processes), reverse=True
    )


def test_a_parts_list_is_an_assembly():
    assert "assembly" in names(drawing(bom=[BomItem("1", None, "Corps"), BomItem("2", None, "Axe")]))


def bom_sheet(rows, heads=("Rep", "Nb", "Désignation", "Matière", "Référence")):
    pdf = SmallPdf()
    edges = (200, 230, 260, 380, 480, 580)
    for index, row in enumerate([heads, *rows]):
        y = 200 - 16 * index
        for left, right, text in zip(edges, edges[1:], row, strict=False):
            pdf.box(left, y, right, y + 16)
            pdf.text(left + 3, y + 5, text, 7)
    pdf.text(40, 350, "DIMENSIONS IN MM", 8)
    pdf.text(60, 300, "125,4")
    return pdf


@pytest.mark.requirement("DRW-03")
def test_rows_of_a_parts_list_are_read(tmp_path):
    rows = [
        ("1", "1", "Corps", "C45", "PL-100-01"),
        ("2", "4", "Entretoise", "S235", "PL-100-02"),
        ("3", "8", "Vis CHC M6x20", "8.8", "ISO 4762"),
    ]
    reading = read_pdf(bom_sheet(rows).write(tmp_path / "p.pdf"), Limits())
    assert [(i.position, i.count, i.name, i.material, i.number) for i in reading.bom] == [
        ("1", 1, "Corps", "C45", "PL-100-01"), ("2", 4, "Entretoise", "S235", "PL-100-02"), ("3", 8, "Vis CHC M6x20", "8.8", "ISO 4762"),
    ]  # fmt: skip
    assert [d.nominal for d in reading.dimensions] == [125.4]
    x0, _y0, x1, y1 = reading.bom[1].bbox
    assert x0 < 210
    assert x1 > 480
    assert 420 - 200 + 16 < y1 < 420 - 150
    again = DrawingReading.from_json(json.dumps(reading.to_json()))
    assert [(i.name, i.number) for i in again.bom] == [(i.name, i.number) for i in reading.bom]


def test_a_list_of_one_row_describes_the_part_itself(tmp_path):
    reading = read_pdf(bom_sheet([("1", "2", "Bride", "C45", "PL-7")]).write(tmp_path / "p.pdf"), Limits())
    assert reading.bom == []
    assert reading.title_block["part_name"].value == "Bride"


@pytest.mark.requirement("DRW-24")
def test_a_fillet_weld_is_read_as_such(tmp_path):
    pdf = SmallPdf()
    pdf.text(40, 350, "DIMENSIONS IN MM", 8)
    pdf.text(100, 300, "120")
    pdf.lines((200, 260), (220, 280), (300, 280))
    pdf.text(225, 283, "a5")
    pdf.lines((238, 283), (238, 291), (246, 283), (238, 283))
    pdf.text(310, 281, "135", 8)
    reading = read_pdf(pdf.write(tmp_path / "p.pdf"), Limits())
    assert [n.text for n in reading.notes if n.kind == "weld"] == ["a5 ◺, côté à confirmer (135)"]
    assert [d.nominal for d in reading.dimensions] == [120]
    assert "welding" in {p.process for p in fuse([reading]).processes}


@pytest.mark.requirement("DRW-26")
def test_marks_of_critical_characteristics(tmp_path):
    pdf = SmallPdf()
    pdf.text(40, 350, "DIMENSIONS IN MM", 8)
    pdf.text(100, 300, "Ø20 H7 <KC>")
    pdf.text(100, 250, "45,2")
    pdf.text(128, 250, "CC1", 8)
    pdf.text(300, 250, "60")
    reading = read_pdf(pdf.write(tmp_path / "p.pdf"), Limits())
    assert {d.nominal: d.critical for d in reading.dimensions} == {20: True, 45.2: True, 60: False}


def test_the_name_of_a_fixture_orders_no_assembly():
    named = propose([drawing(notes=["Montage de contrôle"])], [])
    assert [p.process for p in named] == ["assembly"]
    assert named[0].confidence < park_rules.SURE_PROCESS
