"""Title-block styles of the kept-aside half: other arrangements and other words than the tuning half."""

from __future__ import annotations

from typing import Literal

from infra.samples.reference.contents import Contents
from infra.samples.reference.layouts import ALL, LABELS, SHORT, Layout, cell, frame
from infra.samples.reference.table import Canvas, Cell
from infra.samples.sheet import Sheet

_MIXED = {
    "fr": LABELS["fr"] | {"drawing_number": "Plan n°", "part_name": "Dénomination", "material": "Matériau", "mass": "Masse (kg)",
                          "author": "Établi par", "sheet": "Feuille", "surface_treatment": "Protection", "heat_treatment": "Trait. thermique"},
    "en": LABELS["en"] | {"drawing_number": "Part No.", "part_name": "Description", "revision": "Issue", "author": "Created by",
                          "surface_treatment": "Finish", "general_tolerance": "Tolerance", "customer": "Client"},
    "de": LABELS["de"] | {"drawing_number": "Sachnummer", "part_name": "Titel", "revision": "Rev.", "author": "Gezeichnet", "customer": "Auftraggeber",
                          "material": "Material", "mass": "Masse", "surface_treatment": "Oberfläche"},
}  # fmt: skip


def afnor_old(sheet: Sheet, contents: Contents) -> None:
    """Old French office: one parts-list row over its header, then scale, names and number below; the values above the words."""
    _, bottom, right, _ = frame(sheet)
    canvas = Canvas(sheet, (right - 180, bottom + 52), label_height=2.0, value_height=2.6)
    widths = (12.0, 12.0, 62.0, 50.0, 44.0)
    canvas.rows(0, 0, [
        (7, [Cell(w, "", t, "value") for w, t in zip(widths, ("1", "1", contents.value("part_name"), contents.value("material"), contents.value("surface_treatment")), strict=True)]),
        (5, [Cell(w, t, "", "label") for w, t in zip(widths, ("Rep.", "Nb.", "Désignation", "Matière", "Traitement de surface"), strict=True)]),
    ])  # fmt: skip
    canvas.rows(0, 12, [(12, [cell(contents, "scale", 26, SHORT["fr"]), Cell(104, "", contents.value("customer"), "value", "customer" in contents.blotted, size=4.2), cell(contents, "date", 50, SHORT["fr"])]),
                        (14, [cell(contents, "author", 26, SHORT["fr"] | {"author": "Dessinateur"}), cell(contents, "general_tolerance", 60, SHORT["fr"]), cell(contents, "mass", 44, SHORT["fr"]), cell(contents, "sheet", 50, SHORT["fr"] | {"sheet": "Folio n°"})]),
                        (14, [Cell(26, "A4", "", "label"), Cell(124, "N°", contents.value("drawing_number"), "beside", size=5.0), cell(contents, "revision", 30, SHORT["fr"])])])  # fmt: skip


def solidworks(sheet: Sheet, contents: Contents) -> None:
    """Default sheet of SolidWorks: tiny capitals with colons, matrix of names, drawing number with a size cell."""
    left, bottom, right, _ = frame(sheet, 6.0)
    language = contents.language
    words = {
        "en": {"t": "TITLE:", "n": "DWG NO.", "m": "MATERIAL:", "f": "FINISH:", "r": "REVISION", "s": "SCALE:", "w": "WEIGHT:", "p": "SHEET", "a": "DRAWN", "c": "CHK'D", "d": "DATE", "k": "NAME", "g": "SIGNATURE",
                   "u": "UNLESS OTHERWISE SPECIFIED:|DIMENSIONS ARE IN MILLIMETERS|SURFACE FINISH:|TOLERANCES:|  LINEAR:|  ANGULAR:", "e": "DEBURR AND|BREAK SHARP|EDGES", "x": "DO NOT SCALE DRAWING"},
        "fr": {"t": "TITRE:", "n": "No. DE PLAN", "m": "MATERIAU:", "f": "FINITION:", "r": "REVISION", "s": "ECHELLE:", "w": "MASSE:", "p": "FEUILLE", "a": "DESSINE", "c": "VERIF.", "d": "DATE", "k": "NOM", "g": "SIGNATURE",
                   "u": "SAUF INDICATION CONTRAIRE:|LES COTES SONT EN MILLIMETRES|ETAT DE SURFACE:|TOLERANCES:|  LINEAIRES:|  ANGULAIRES:", "e": "CASSER LES|ANGLES VIFS", "x": "NE PAS CHANGER L'ECHELLE"},
        "de": {"t": "TITEL:", "n": "ZEICHNUNGSNR.", "m": "WERKSTOFF:", "f": "OBERFLÄCHENGÜTE:", "r": "ÄNDERUNG", "s": "MASSSTAB:", "w": "GEWICHT:", "p": "BLATT", "a": "GEZEICHNET", "c": "GEPRÜFT", "d": "DATUM", "k": "NAME", "g": "SIGNATUR",
                   "u": "WENN NICHT ANDERS DEFINIERT:|BEMASSUNGEN SIND IN MILLIMETER|OBERFLÄCHENBESCHAFFENHEIT:|TOLERANZEN:|  LINEAR:|  WINKEL:", "e": "ENTGRATEN|UND SCHARFE|KANTEN BRECHEN", "x": "ZEICHNUNG NICHT SKALIEREN"},
    }[language]  # fmt: skip
    width = right - left
    canvas = Canvas(sheet, (left, bottom + 58), label_height=1.6, value_height=2.6)
    unit = width / 198
    canvas.box(0, 0, 38 * unit, 18)
    for index, text in enumerate(words["u"].split("|")):
        canvas.text(1, 2.6 + 2.8 * index, text, 1.5)
    canvas.box(38 * unit, 0, 50 * unit, 18)
    canvas.text(38 * unit + 1, 2.8, words["f"], 1.6)
    canvas.text(38 * unit + 6, 9, contents.value("surface_treatment"), 2.4)
    canvas.box(88 * unit, 0, 20 * unit, 18)
    for index, text in enumerate(words["e"].split("|")):
        canvas.text(88 * unit + 1, 2.8 + 2.8 * index, text, 1.5)
    canvas.rows(
        108 * unit,
        0,
        [
            (
                7,
                [
                    Cell(58 * unit, words["x"], "", "label"),
                    Cell(32 * unit, words["r"], contents.value("revision"), "beside"),
                ],
            )
        ],
    )
    columns = (10.0, 22.0, 18.0, 14.0)
    head = [
        Cell(w * unit, t, "", "label")
        for w, t in zip(columns, ("", words["k"], words["g"], words["d"]), strict=True)
    ]
    drawn = [
        Cell(10 * unit, words["a"], "", "label"),
        Cell(22 * unit, "", contents.value("author"), "value", "author" in contents.blotted, size=2.0),
        Cell(18 * unit),
        Cell(14 * unit, "", contents.value("date"), "value", "date" in contents.blotted, size=2.0),
    ]
    other = [Cell(10 * unit, words["c"], "", "label"), Cell(22 * unit), Cell(18 * unit), Cell(14 * unit)]
    canvas.rows(
        0,
        18,
        [(5, head), (5, drawn), (5, other), *((5, [Cell(w * unit) for w in columns]) for _ in range(5))],
    )
    canvas.rows(
        64 * unit,
        43,
        [
            (10, [Cell(44 * unit, words["m"], contents.value("material"), "under")]),
            (
                5,
                [
                    Cell(
                        44 * unit,
                        words["w"],
                        contents.value("mass"),
                        "beside",
                        "mass" in contents.blotted,
                        size=1.9,
                    )
                ],
            ),
        ],
    )
    canvas.rows(108 * unit, 18, [(25, [Cell(90 * unit, words["t"], contents.value("part_name"), "under", size=5.0, centred=True)]),
                                 (10, [Cell(74 * unit, words["n"], contents.value("drawing_number"), "under", size=4.0, centred=True), Cell(16 * unit, "", "A4", "value")]),
                                 (5, [Cell(45 * unit, words["s"], contents.value("scale"), "beside", size=1.8), Cell(45 * unit, f"{words['p']} {contents.value('sheet')}", "", "label")])])  # fmt: skip


def catia(sheet: Sheet, contents: Contents) -> None:
    """CATIA style: capitals, label over value in tall cells on the left, letters of the revisions on the right."""
    _, bottom, right, _ = frame(sheet)
    canvas = Canvas(sheet, (right - 170, bottom + 60), label_height=1.9, value_height=2.7)
    english = {"author": "DESIGNED BY:", "date": "DATE:", "scale": "SCALE", "mass": "WEIGHT (kg)", "drawing_number": "DRAWING NUMBER", "sheet": "SHEET",
               "revision": "REV", "part_name": "DRAWING TITLE", "material": "MATERIAL SPECIFICATION", "general_tolerance": "GENERAL TOLERANCES",
               "surface_treatment": "SURFACE TREATMENT", "heat_treatment": "HEAT TREATMENT", "customer": "CUSTOMER"}  # fmt: skip
    canvas.rows(0, 0, [(10, [cell(contents, "author", 45, english)]), (10, [cell(contents, "date", 45, english)]), (10, [Cell(45, "CHECKED BY:", "XXX")]), (10, [Cell(45, "DATE:", "XXX")]),
                       (10, [Cell(15, "SIZE", "A4"), cell(contents, "scale", 30, english)]), (10, [cell(contents, "mass", 25, english), cell(contents, "sheet", 20, english)])])  # fmt: skip
    canvas.rows(45, 0, [(10, [cell(contents, "material", 65, english), cell(contents, "heat_treatment", 60, english)]), (10, [cell(contents, "surface_treatment", 65, english), cell(contents, "general_tolerance", 60, english)]),
                        (14, [cell(contents, "customer", 125, english)]), (14, [Cell(125, english["part_name"], contents.value("part_name"), size=4.2)]), (12, [Cell(100, english["drawing_number"], contents.value("drawing_number"), size=4.2), cell(contents, "revision", 25, english)])])  # fmt: skip


def freecad(sheet: Sheet, contents: Contents) -> None:
    """ISO 7200 template of FreeCAD: legal owner, document type and status between the fields we want."""
    _, bottom, right, _ = frame(sheet)
    canvas = Canvas(sheet, (right - 180, bottom + 42), label_height=1.8, value_height=2.6)
    words = {
        "fr": ("Service", "Référence technique", "Créé par", "Approuvé par", "Propriétaire légal", "Type de document", "Statut", "Titre, Sous-titre", "Numéro de plan", "Rév.", "Date d'édition", "Lang.", "Feuille", "Dessin de définition", "Diffusé"),
        "en": ("Dept.", "Technical reference", "Created by", "Approved by", "Legal owner", "Document type", "Document status", "Title, Supplementary title", "Drawing number", "Rev.", "Date of issue", "Lang.", "Sheet", "Part drawing", "Released"),
        "de": ("Abteilung", "Technische Referenz", "Erstellt durch", "Genehmigt von", "Eigentümer", "Dokumentenart", "Dokumentenstatus", "Titel, Zusätzlicher Titel", "Zeichnungsnummer", "Rev.", "Ausgabedatum", "Spr.", "Blatt", "Einzelteilzeichnung", "Freigegeben"),
    }[contents.language]  # fmt: skip
    value = contents.value
    mixed = _MIXED[contents.language]
    canvas.rows(0, 0, [
        (9, [cell(contents, "material", 60, mixed), cell(contents, "general_tolerance", 60, mixed), cell(contents, "scale", 30, mixed), cell(contents, "mass", 30, mixed)]),
        (9, [Cell(30, words[0], "PD/3"), Cell(60, words[1], "T. Roth"), Cell(45, words[2], value("author"), blotted="author" in contents.blotted), Cell(45, words[3], "B. Klein")]),
        (24, [Cell(60, words[4], value("customer"), blotted="customer" in contents.blotted)]),
    ])  # fmt: skip
    canvas.rows(60, 18, [(9, [Cell(60, words[5], words[13]), Cell(60, words[6], words[14])])])
    canvas.rows(60, 27, [(15, [Cell(60, words[7], value("part_name"))])])
    canvas.rows(120, 27, [(7.5, [Cell(60, words[8], value("drawing_number"))]),
                          (7.5, [Cell(10, words[9], value("revision")), Cell(24, words[10], value("date"), blotted="date" in contents.blotted), Cell(12, words[11], contents.language), Cell(14, words[12], value("sheet"))])])  # fmt: skip


def inventor(sheet: Sheet, contents: Contents) -> None:
    """A block with the projection symbol, inline labels and a fixed revision history row growing upwards."""
    _, bottom, right, _ = frame(sheet)
    canvas = Canvas(sheet, (right - 160, bottom + 44), label_height=2.0, value_height=2.8)
    words = _MIXED[contents.language]
    symbol: Literal["first", "third"] = (
        "first"
        if contents.values.get("projection")
        in ("Premier dièdre", "Méthode E", "First angle", "Projektionsmethode 1", "Methode 1")
        else "third"
    )
    canvas.rows(0, 0, [
        (11, [cell(contents, "author", 50, words), cell(contents, "date", 40, words), cell(contents, "customer", 70, words)]),
        (11, [Cell(50, "", "", symbol=symbol), cell(contents, "material", 60, words), cell(contents, "surface_treatment", 50, words)]),
        (11, [Cell(110, words["part_name"], contents.value("part_name"), size=3.8), cell(contents, "scale", 50, words)]),
        (11, [Cell(80, words["drawing_number"], contents.value("drawing_number"), size=3.8), cell(contents, "revision", 30, words), cell(contents, "sheet", 50, words)]),
    ])  # fmt: skip
    history = Canvas(
        sheet,
        (right - 160, bottom + 44 + 6 * (1 + len(contents.history))),
        label_height=2.0,
        value_height=2.2,
    )
    names = {
        "fr": ("Ind.", "Modification", "Date", "Visa"),
        "en": ("Rev", "Change description", "Date", "By"),
        "de": ("Index", "Änderung", "Datum", "Name"),
    }[contents.language]
    history.rows(0, 0, [*((6, [Cell(w, "", t, "value") for w, t in zip((15.0, 85.0, 30.0, 30.0), row, strict=True)]) for row in reversed(contents.history)),
                        (6, [Cell(w, t, "", "label") for w, t in zip((15.0, 85.0, 30.0, 30.0), names, strict=True)])])  # fmt: skip


def side(sheet: Sheet, contents: Contents) -> None:
    """The whole title block turned by a quarter, read from the right-hand side."""
    _, bottom, right, _ = frame(sheet)
    canvas = Canvas(sheet, (right - 40, bottom), turned=True)
    words = SHORT[contents.language]
    rows = [
        ["customer", "author", "date", "scale"],
        ["material", "heat_treatment", "general_tolerance"],
        ["surface_treatment", "mass", "unit", "sheet"],
        ["part_name", "drawing_number", "revision"],
    ]
    canvas.rows(0, 0, [(10, [cell(contents, n, 180 / len(row), words) for n in row]) for row in rows])


def beneath(sheet: Sheet, contents: Contents) -> None:
    """Company style with the label under its value, unruled columns between long level lines."""
    _, bottom, right, _ = frame(sheet)
    words = _MIXED[contents.language]
    canvas = Canvas(sheet, (right - 186, bottom + 36), label_height=1.8, value_height=3.0)
    rows = [
        ["general_tolerance", "unit", "mass", "author"],
        ["material", "heat_treatment", "surface_treatment"],
        ["customer", "part_name", "drawing_number"],
        ["revision", "scale", "date", "sheet"],
    ]
    canvas.rows(0, 0, [(9, [cell(contents, n, 186 / len(row), words, "above") for n in row]) for row in rows])


KEPT_ASIDE = (
    Layout("afnor_old", afnor_old, tuple(n for n in ALL if n not in ("heat_treatment", "projection", "unit")), ("fr",)),
    Layout("solidworks", solidworks, ("drawing_number", "revision", "part_name", "material", "surface_treatment", "scale", "mass", "author", "date", "sheet"), size_mm=(210.0, 297.0)),
    Layout("catia", catia, tuple(n for n in ALL if n not in ("projection", "unit")), ("en",)),
    Layout("freecad", freecad, ("drawing_number", "revision", "part_name", "material", "scale", "mass", "general_tolerance", "customer", "author", "date", "sheet")),
    Layout("inventor", inventor, tuple(n for n in ALL if n not in ("heat_treatment", "unit", "mass", "general_tolerance")), font="Times-Roman"),
    Layout("side", side, tuple(n for n in ALL if n != "projection")),
    Layout("beneath", beneath, tuple(n for n in ALL if n != "projection")),
)  # fmt: skip
