"""Title-block styles of the tuning half. Each layout: the fields it shows, and how it draws them on a sheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from infra.samples.reference.contents import Contents, Language
from infra.samples.reference.table import Canvas, Cell, Place
from infra.samples.sheet import Sheet

ALL = ("drawing_number", "revision", "part_name", "material", "heat_treatment", "surface_treatment", "scale", "mass", "general_tolerance",
       "projection", "unit", "customer", "author", "date", "sheet")  # fmt: skip
LABELS = {
    "fr": {"drawing_number": "N° de plan", "revision": "Indice", "part_name": "Désignation", "material": "Matière",
           "heat_treatment": "Traitement thermique", "surface_treatment": "Traitement de surface", "scale": "Échelle", "mass": "Masse",
           "general_tolerance": "Tolérances générales", "projection": "Projection", "unit": "Unité", "customer": "Client",
           "author": "Dessiné par", "date": "Date", "sheet": "Folio"},
    "en": {"drawing_number": "Drawing number", "revision": "Revision", "part_name": "Title", "material": "Material",
           "heat_treatment": "Heat treatment", "surface_treatment": "Surface treatment", "scale": "Scale", "mass": "Mass",
           "general_tolerance": "General tolerances", "projection": "Projection", "unit": "Unit", "customer": "Customer",
           "author": "Drawn by", "date": "Date", "sheet": "Sheet"},
    "de": {"drawing_number": "Zeichnungsnummer", "revision": "Änderungsindex", "part_name": "Benennung", "material": "Werkstoff",
           "heat_treatment": "Wärmebehandlung", "surface_treatment": "Oberflächenbehandlung", "scale": "Maßstab", "mass": "Gewicht",
           "general_tolerance": "Allgemeintoleranzen", "projection": "Projektion", "unit": "Einheit", "customer": "Kunde",
           "author": "Erstellt durch", "date": "Datum", "sheet": "Blatt"},
}  # fmt: skip
SHORT = {
    "fr": {"drawing_number": "Réf.", "revision": "Ind.", "part_name": "Titre", "material": "Mat.", "heat_treatment": "Trait. therm.",
           "surface_treatment": "Revêtement", "scale": "Éch.", "mass": "Poids", "general_tolerance": "Tol. gén.", "projection": "Proj.",
           "unit": "Unités", "customer": "Société", "author": "Dess.", "date": "Date", "sheet": "Page"},
    "en": {"drawing_number": "DWG NO", "revision": "REV", "part_name": "TITLE", "material": "MATERIAL", "heat_treatment": "HEAT TREAT",
           "surface_treatment": "FINISH", "scale": "SCALE", "mass": "WEIGHT", "general_tolerance": "GEN. TOL.", "projection": "PROJECTION",
           "unit": "UNITS", "customer": "COMPANY", "author": "DRAWN", "date": "DATE", "sheet": "SHEET"},
    "de": {"drawing_number": "Zeichn.-Nr.", "revision": "Index", "part_name": "Bezeichnung", "material": "Werkst.", "heat_treatment": "Wärmebeh.",
           "surface_treatment": "Beschichtung", "scale": "Maßst.", "mass": "Gew.", "general_tolerance": "Freimaßtoleranz", "projection": "Projektionsmeth.",
           "unit": "Einheiten", "customer": "Firma", "author": "Gez.", "date": "Dat.", "sheet": "Bl."},
}  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """A style: name, sheet size, font, languages it exists in, fields it shows, and its drawing function."""

    name: str
    draw: Callable[[Sheet, Contents], None]
    fields: tuple[str, ...] = ALL
    languages: tuple[Language, ...] = ("fr", "en", "de")
    size_mm: tuple[float, float] = (297.0, 210.0)
    font: str = "Helvetica"


def cell(
    contents: Contents,
    name: str,
    width: float,
    labels: dict[str, str],
    place: Place = "under",
    suffix: str = "",
) -> Cell:
    """Cell of a field in this layout's words."""
    return Cell(width, labels[name] + suffix, contents.value(name), place, name in contents.blotted)


def frame(sheet: Sheet, border: float = 8.0) -> tuple[float, float, float, float]:
    """Draw the border; returns left, bottom, right, top."""
    left, bottom, right, top = border, border, sheet.width - border, sheet.height - border
    sheet.polyline([(left, bottom), (right, bottom), (right, top), (left, top)], closed=True)
    return left, bottom, right, top


def iso7200(sheet: Sheet, contents: Contents) -> None:
    """ISO 7200: labels small above the value in each cell, 180 mm wide at the bottom right."""
    _, bottom, right, _ = frame(sheet)
    words = LABELS[contents.language]
    canvas = Canvas(sheet, (right - 180, bottom + 50))
    rows = [
        (10.0, [("general_tolerance", 60.0), ("projection", 45.0), ("unit", 30.0), ("mass", 45.0)]),
        (10.0, [("material", 60.0), ("heat_treatment", 60.0), ("surface_treatment", 60.0)]),
        (10.0, [("author", 60.0), ("date", 40.0), ("scale", 40.0), ("sheet", 40.0)]),
        (20.0, [("customer", 60.0), ("part_name", 60.0), ("drawing_number", 45.0), ("revision", 15.0)]),
    ]
    canvas.rows(0, 0, [(h, [cell(contents, n, w, words) for n, w in cells]) for h, cells in rows])


def left_labels(sheet: Sheet, contents: Contents) -> None:
    """Company style: a narrow two-column table, label left and value right, along the right border."""
    _, bottom, right, _ = frame(sheet)
    words = LABELS[contents.language]
    names = [n for n in ALL if n in contents.values]
    canvas = Canvas(sheet, (right - 95, bottom + 6.5 * len(names)), label_height=2.4, value_height=2.6)
    rows = []
    for name in names:
        value = Cell(58.0, "", contents.value(name), "value", name in contents.blotted)
        rows.append((6.5, [Cell(37.0, words[name], "", "label"), value]))
    canvas.rows(0, 0, rows)


def asme(sheet: Sheet, contents: Contents) -> None:
    """ASME Y14.1: tolerance block, signature matrix, material and finish, large title, DWG NO, REV; revision table at the top."""
    _, bottom, right, top = frame(sheet, 10.0)
    canvas = Canvas(sheet, (right - 190, bottom + 56), label_height=1.6, value_height=2.4)
    inch = contents.values.get("unit", "").lower().startswith("in")
    tolerances = ["UNLESS OTHERWISE SPECIFIED:", f"DIMENSIONS ARE IN {'INCHES' if inch else 'MILLIMETERS'}", "TOLERANCES:",
                  ".XX  ±.01" if inch else "X.X  ±0.2", ".XXX  ±.005" if inch else "X.XX  ±0.05", "ANGULAR  ±0.5°"]  # fmt: skip
    canvas.box(0, 0, 52, 40)
    for index, text in enumerate(tolerances):
        canvas.text(1.5, 3.8 + 4.2 * index, text, 1.7)
    canvas.rows(
        0, 28.5, [(11.5, [Cell(52, "THIRD ANGLE PROJECTION", "", "under", symbol="third")])], ruled=False
    )
    canvas.rows(
        0,
        40,
        [
            (8, [cell(contents, "material", 52, SHORT["en"])]),
            (8, [cell(contents, "surface_treatment", 52, SHORT["en"])]),
        ],
    )
    head = [Cell(w, t, "", "label") for w, t in ((16.0, ""), (26.0, "NAME"), (18.0, "DATE"))]
    drawn = [Cell(16, "DRAWN", "", "label"), Cell(26, "", contents.value("author"), "value", "author" in contents.blotted),
             Cell(18, "", contents.value("date"), "value", "date" in contents.blotted)]  # fmt: skip
    rest = [
        [Cell(16, label, "", "label"), Cell(26, "", who, "value"), Cell(18)]
        for label, who in (("CHECKED", "P. Stone"), ("ENG APPR", ""), ("MFG APPR", ""), ("Q.A.", ""))
    ]
    canvas.rows(52, 0, [(6.5, head), (6.5, drawn), *((6.5, row) for row in rest)])
    canvas.rows(52, 39, [(17, [Cell(60, "PROPRIETARY AND CONFIDENTIAL", "", "label")])])
    canvas.rows(112, 0, [
        (14, [Cell(78, "", contents.value("customer"), "value", "customer" in contents.blotted, size=3.4)]),
        (18, [Cell(78, "TITLE:", contents.value("part_name"), "under", size=4.0)]),
        (14, [Cell(10, "SIZE", "B", "under"), Cell(56, "DWG. NO.", contents.value("drawing_number"), "under", size=4.0), cell(contents, "revision", 12, SHORT["en"])]),
        (10, [cell(contents, "scale", 24, SHORT["en"], "inline", ":"), cell(contents, "mass", 28, SHORT["en"], "inline", ":"), cell(contents, "sheet", 26, SHORT["en"], "inline")]),
    ])  # fmt: skip
    if contents.history:
        table = Canvas(sheet, (right - 110, top), label_height=1.9, value_height=2.2)
        table.rows(0, 0, [(5.5, [Cell(110, "REVISIONS", "", "label")]),
                          (5.5, [Cell(w, t, "", "label") for w, t in ((12.0, "REV."), (58.0, "DESCRIPTION"), (20.0, "DATE"), (20.0, "APPROVED"))]),
                          *((5.5, [Cell(w, "", t, "value") for w, t in zip((12.0, 58.0, 20.0, 20.0), row, strict=True)]) for row in contents.history)])  # fmt: skip


def din(sheet: Sheet, contents: Contents) -> None:
    """DIN 6771: tolerance and surface on top, Bearb./Gepr. matrix with Datum and Name, number at the bottom right."""
    _, bottom, right, _ = frame(sheet)
    canvas = Canvas(sheet, (right - 180, bottom + 56), label_height=1.8, value_height=2.6)
    words = LABELS["de"] | {"scale": "Maßstab", "mass": "(Gewicht)", "general_tolerance": "Allgemeintoleranz"}
    canvas.rows(0, 0, [(14, [cell(contents, "general_tolerance", 60, words), cell(contents, "surface_treatment", 50, words),
                             cell(contents, "scale", 35, words), cell(contents, "mass", 35, words)])])  # fmt: skip
    canvas.rows(110, 14, [(12, [Cell(70, "Werkstoff, Halbzeug", contents.value("material"), "under")])])
    canvas.rows(0, 14, [
        (6, [Cell(30, "", ""), Cell(14, "", ""), Cell(26, "Datum", "", "label"), Cell(40, "Name", "", "label")]),
        (6, [Cell(30), Cell(14, "Bearb.", "", "label"), Cell(26, "", contents.value("date"), "value", "date" in contents.blotted),
             Cell(40, "", contents.value("author"), "value", "author" in contents.blotted)]),
        (6, [Cell(30), Cell(14, "Gepr.", "", "label"), Cell(26, "", "02.05.2026"), Cell(40, "", "Lang", "value")]),
        (6, [Cell(30), Cell(14, "Norm", "", "label"), Cell(26), Cell(40)]),
        (18, [Cell(110, "", contents.value("customer"), "value", "customer" in contents.blotted, size=4.0)]),
    ])  # fmt: skip
    canvas.rows(110, 26, [(14, [Cell(70, "Benennung", contents.value("part_name"), "under", size=3.6)]),
                          (16, [Cell(54, "Zeichnungsnummer", contents.value("drawing_number"), "under", size=4.0), Cell(16, "Blatt", contents.value("sheet"), "under", "sheet" in contents.blotted)])])  # fmt: skip
    canvas.rows(
        0,
        56 - 6,
        [
            (
                6,
                [
                    Cell(16, "Zust.", contents.value("revision"), "beside", "revision" in contents.blotted),
                    Cell(44, "Änderung", "", "label"),
                    Cell(22, "Datum", "", "label"),
                    Cell(28, "Name", "", "label"),
                ],
            )
        ],
    )


def open_table(sheet: Sheet, contents: Contents) -> None:
    """No borders at all: "label : value" lines in two columns at the bottom right."""
    words = LABELS[contents.language]
    colon = " :" if contents.language == "fr" else ":"
    names = [n for n in ALL if n in contents.values]
    canvas = Canvas(sheet, (sheet.width - 175, 72))
    for index, name in enumerate(names):
        column, row = divmod(index, 8)
        x, y = 88.0 * column, 7.0 * row
        text = f"{words[name]}{colon} {contents.value(name)}".rstrip()
        canvas.text(x, y, text, 2.3)
        if name in contents.blotted:
            canvas._scribble(x + 2 + 1.6 * len(text), y - 1.2, 3.0)


def values_only(sheet: Sheet, contents: Contents) -> None:
    """A grid without a single label: each value says by itself what it is."""
    _, bottom, right, _ = frame(sheet)
    canvas = Canvas(sheet, (right - 150, bottom + 36))
    value = contents.value
    canvas.rows(0, 0, [
        (8, [Cell(75, "", value("customer"), "value"), Cell(45, "", value("material"), "value"), Cell(30, "", value("mass"), "value")]),
        (8, [Cell(75, "", value("general_tolerance"), "value"), Cell(45, "", value("date"), "value"), Cell(30, "", value("scale"), "value")]),
        (10, [Cell(150, "", value("part_name"), "value", size=4.5)]),
        (10, [Cell(120, "", value("drawing_number"), "value", size=5.0), Cell(30, "", value("sheet"), "value")]),
    ])  # fmt: skip


def bilingual_top(sheet: Sheet, contents: Contents) -> None:
    """Title block across the top of the sheet, every label in two languages."""
    left, _, right, top = frame(sheet)
    first, second = LABELS[contents.language], LABELS["en" if contents.language != "en" else "de"]
    words = {name: f"{first[name]} / {second[name]}" for name in ALL}
    canvas = Canvas(sheet, (left, top), label_height=1.6, value_height=2.8)
    width = right - left
    rows = [["customer", "part_name", "drawing_number", "revision"], ["material", "heat_treatment", "surface_treatment", "mass", "scale"],
            ["general_tolerance", "projection", "unit", "author", "date", "sheet"]]  # fmt: skip
    canvas.rows(0, 0, [(11, [cell(contents, n, width / len(row), words) for n in row]) for row in rows])


VALUES_ONLY_FIELDS = (
    "drawing_number",
    "part_name",
    "material",
    "scale",
    "mass",
    "general_tolerance",
    "customer",
    "date",
    "sheet",
)
TUNING = (
    Layout("iso7200", iso7200),
    Layout("left_labels", left_labels, font="Courier"),
    Layout("asme", asme, ("drawing_number", "revision", "part_name", "material", "surface_treatment", "scale", "mass", "customer", "author",
                          "date", "sheet", "unit", "general_tolerance", "projection"), ("en",), (432.0, 279.0)),
    Layout("din", din, tuple(n for n in ALL if n not in ("heat_treatment", "projection", "unit")), ("de",)),
    Layout("open_table", open_table, size_mm=(210.0, 297.0), font="Times-Roman"),
    Layout("values_only", values_only, VALUES_ONLY_FIELDS),
    Layout("bilingual_top", bilingual_top),
)  # fmt: skip
