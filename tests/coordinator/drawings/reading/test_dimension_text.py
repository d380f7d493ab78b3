"""Grammar of dimension texts and of OCR repairs."""

import pytest

from coordinator.modules.drawings.reading.dimension_text import parse_dimension
from coordinator.modules.drawings.reading.ocr_text import clean_text


@pytest.mark.parametrize(
    ("text", "stacked", "kind", "nominal", "upper", "lower", "fit", "count"),
    [
        ("12,5", None, "linear", 12.5, None, None, None, 1),
        (".250", None, "linear", 0.25, None, None, None, 1),
        ("Ø20 H7", None, "diameter", 20, None, None, "H7", 1),
        ("2x ⌀3.40 ±0.10", None, "diameter", 3.4, 0.1, -0.1, None, 2),
        ("4 trous Ø6,6", None, "diameter", 6.6, None, None, None, 4),
        ("Ø16,5", ("+0,1", "0"), "diameter", 16.5, 0.1, 0.0, None, 1),
        ("35.00", ("0.00", "-0.20"), "linear", 35.0, 0.0, -0.2, None, 1),
        ("R", ("11.30", "11.20"), "radius", 11.3, 0.0, -0.1, None, 1),
        ("1x45°", None, "chamfer", 1, None, None, None, 1),
        ("2x 1x45°", None, "chamfer", 1, None, None, None, 2),
        ("45,0°", None, "angle", 45, None, None, None, 1),
        ("M20x1,5", None, "thread", 20, None, None, None, 1),
        ("2x M6-6H", None, "thread", 6, None, None, None, 2),
        ("1/4-20 UNC", None, "thread", 0.25, None, None, None, 1),
        ("G 1/2", None, "thread", 0.5, None, None, None, 1),
        ("R0,5 max.", None, "radius", 0.5, None, None, None, 1),
        ("10 +0,1 -0,2", None, "linear", 10, 0.1, -0.2, None, 1),
        ("25 -0,2", None, "linear", 25, 0.0, -0.2, None, 1),
        ("CHAMFER 0,2", None, "chamfer", 0.2, None, None, None, 1),
        ("6xR2", None, "radius", 2, None, None, None, 6),
        ("(4x) Ø5", None, "diameter", 5, None, None, None, 4),
        ("Ø12 (x4)", None, "diameter", 12, None, None, None, 4),
        ("Ø9 4 PLACES", None, "diameter", 9, None, None, None, 4),
        ("Ø8 x 20", None, "diameter", 8, None, None, None, 1),
        ("4x 90°", None, "angle", 90, None, None, None, 4),
        ("0.5 X 45°", None, "chamfer", 0.5, None, None, None, 1),
        ("C0.5", None, "chamfer", 0.5, None, None, None, 1),
        ("30°15'", None, "angle", 30.25, None, None, None, 1),
        ("15° ±0.5°", None, "angle", 15, 0.5, -0.5, None, 1),
        ("15° ±30'", None, "angle", 15, 0.5, -0.5, None, 1),
        ("45.95 - 46.00", None, "linear", 46, 0.0, -0.05, None, 1),
        ("Ø11.30/11.20", None, "diameter", 11.3, 0.0, -0.1, None, 1),
        ("Ø20 H7/g6", None, "diameter", 20, None, None, "H7/g6", 1),
        ("Ø20 H7 (+0.021/0)", None, "diameter", 20, 0.021, 0.0, "H7", 1),
        ("Ø20 g6", ("-0.007", "-0.020"), "diameter", 20, -0.007, -0.02, "g6", 1),
        ("R 30", None, "radius", 30, None, None, None, 1),
        ("SR5", None, "radius", 5, None, None, None, 1),
        ("SØ12", None, "diameter", 12, None, None, None, 1),
        ("□10", None, "linear", 10, None, None, None, 1),
        ("20 DIA", None, "diameter", 20, None, None, None, 1),
        ("25.4 [1.000]", None, "linear", 25.4, None, None, None, 1),
        ("1.000 (25.4)", None, "linear", 1, None, None, None, 1),
        ("4x Ø6.6 THRU ALL ⌴ Ø11 ↧ 6.8", None, "diameter", 6.6, None, None, None, 4),
        ("Ø5.5 THRU ⌵ Ø11 X 90°", None, "diameter", 5.5, None, None, None, 1),
        ("M6x20", None, "thread", 6, None, None, None, 1),
        ("#10-32 UNF-2B", None, "thread", 0.19, None, None, None, 1),
        (".250-28 UNF", None, "thread", 0.25, None, None, None, 1),
        ("1/8 NPT", None, "thread", 0.125, None, None, None, 1),
        ('1 1/4"', None, "linear", 1.25, None, None, None, 1),
        ("8x Ø6 SUR Ø80", None, "diameter", 6, None, None, None, 8),
    ],
)
@pytest.mark.requirement("DRW-18")
def test_dimension_is_understood(text, stacked, kind, nominal, upper, lower, fit, count):
    found = parse_dimension(text, stacked)
    assert found is not None
    assert (found.kind, found.nominal, found.fit, found.count) == (kind, pytest.approx(nominal), fit, count)
    assert (found.upper, found.lower) == (
        None if upper is None else pytest.approx(upper),
        None if lower is None else pytest.approx(lower),
    )


@pytest.mark.parametrize(
    "text",
    [
        "A-A",
        "1:1",
        "2 : 1",
        "12/03/2026",
        "11.8.2020",
        "Ra 3,2",
        "ISO 2768-mK",
        "BL-2007",
        "007",
        "",
        "A4",
        "Cut here 3 mm",
        "58-62",
        "2-56",
        "1/2",
        "10:1",
        "2021-05-25",
        "12-05-2021",
        "+0.1",
    ],
)
def test_other_text_is_no_dimension(text):
    assert parse_dimension(text) is None


@pytest.mark.parametrize(
    ("text", "unit"),
    [("M8x1.25-6H", "mm"), ("G 1/2", "inch"), ("12 mm", "mm"), ('3.5"', "inch"), ("12", None)],
)
def test_unit_is_named_only_where_the_text_says_it(text, unit):
    found = parse_dimension(text)
    assert found is not None
    assert found.unit == unit


def test_reference_dimension_keeps_its_parentheses_in_the_text():
    found = parse_dimension("(25,5)")
    assert found is not None
    assert found.reference
    assert found.text == "(25,5)"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("038 H12", "Ø38 H12"),
        ("2x08,80 H8", "2xØ8,80 H8"),
        ("0,5", "0,5"),
        ("/1,6", "1,6"),
        ("10+/-0,1", "10 ±0,1"),
        ("0", "0"),
    ],
)
def test_ocr_text_is_repaired_without_guessing_digits(raw, clean):
    assert clean_text(raw) == clean


@pytest.mark.parametrize(("text", "size"), [("Ø550 A3", 550), ("Ø12 B1", 12), ("Ø8 A1/B2", 8)])
def test_names_of_datum_targets_are_no_fits(text: str, size: float) -> None:
    read = parse_dimension(text)
    assert read is not None
    assert (read.nominal, read.fit) == (size, None)
    assert parse_dimension("10 C2") is None


@pytest.mark.parametrize("fit", ["A11", "B9", "C11", "c9", "CD7", "D9", "H1", "cd5"])
def test_fits_of_iso_286_with_the_letters_of_datums(fit: str) -> None:
    read = parse_dimension(f"Ø8 {fit}")
    assert read is not None
    assert read.fit == fit


@pytest.mark.parametrize(
    ("text", "fit", "extra"),
    [("Ø25 h 8", "h8", []), ("Ø30 H 7", "H7", []), ("Ø8 X 12", None, [12.0]), ("Ø6,8 x 12", None, [12.0])],
)
def test_a_class_apart_from_its_letter_is_a_fit_and_a_depth_is_none(text, fit, extra):
    read = parse_dimension(text)
    assert (read.fit, read.extra) == (fit, extra)
    assert parse_dimension("Ø20 R 5") is None


@pytest.mark.parametrize("text", ["Ø0 ↧ 5 M6", "Ø0 M6x1", "M0", "0 ±0.1"])
def test_a_nought_breaks_nothing(text):
    read = parse_dimension(text)
    assert read is None or read.nominal == 0
