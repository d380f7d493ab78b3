"""Annotations written in STEP text: fits, limits, modifiers, old and new datum references, units, notes (DRW-13)."""

import pytest

from coordinator.modules.drawings.reading.pmi import read_pmi
from coordinator.modules.drawings.reading.step_text import StepText, plain_text

UNITS = """
#1=(LENGTH_UNIT() NAMED_UNIT(*) SI_UNIT(.MILLI.,.METRE.));
#2=(NAMED_UNIT(*) PLANE_ANGLE_UNIT() SI_UNIT($,.RADIAN.));
#3=LENGTH_MEASURE_WITH_UNIT(LENGTH_MEASURE(25.4),#1);
#4=(CONVERSION_BASED_UNIT('INCH',#3) LENGTH_UNIT() NAMED_UNIT(#9));
#10=ADVANCED_FACE('',(),#11,.T.);
#12=SHAPE_ASPECT('','',#99,.T.);
#13=GEOMETRIC_ITEM_SPECIFIC_USAGE('','',#12,#98,#10);
#14=COMPOSITE_SHAPE_ASPECT('','',#99,.T.);
#15=SHAPE_ASPECT_RELATIONSHIP('','',#14,#12);
"""


def measure(number, value, unit="#1", name="", kind="LENGTH"):
    return (
        f"#{number}=({kind}_MEASURE_WITH_UNIT() MEASURE_REPRESENTATION_ITEM() "
        f"MEASURE_WITH_UNIT({kind}_MEASURE({value}),{unit}) REPRESENTATION_ITEM('{name}'));\n"
    )


def size(items, name="diameter"):
    listed = ",".join(f"#{item}" for item in items)
    return (
        f"#100=DIMENSIONAL_SIZE(#14,'{name}');\n#101=SHAPE_DIMENSION_REPRESENTATION('',({listed}),#97);\n"
        "#102=DIMENSIONAL_CHARACTERISTIC_REPRESENTATION(#100,#101);\n"
    )


def read(body):
    return read_pmi(StepText(f"DATA;{UNITS}{body}ENDSEC;".encode("latin-1")))


@pytest.mark.requirement("DRW-18")
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            size([110]) + measure(110, "20.", name="nominal value")
            + "#111=LIMITS_AND_FITS('H','','7','');\n#112=PLUS_MINUS_TOLERANCE(#111,#100);\n",
            ("Ø20 H7", "diameter", 20, None, None, "H7", "mm", True),
        ),
        (
            size([110, 111, 112]) + measure(110, "20.", name="nominal value")
            + measure(111, "20.021", name="upper limit") + measure(112, "20.008", name="lower limit"),
            ("Ø20 +0.021/+0.008", "diameter", 20, 0.021, 0.008, None, "mm", True),
        ),
        (
            size([110], "radius") + measure(110, "0.25", "#4", "nominal value") + measure(111, "-0.005", "#4")
            + measure(112, "0.01", "#4") + "#113=TOLERANCE_VALUE(#111,#112);\n#114=PLUS_MINUS_TOLERANCE(#113,#100);\n",
            ("R0.25 +0.01/-0.005", "radius", 0.25, 0.01, -0.005, None, "inch", False),
        ),
        (
            size([110], "angle") + measure(110, "0.7853981633974483", "#2", "nominal value", "PLANE_ANGLE"),
            ("45°", "angle", 45, None, None, None, "deg", False),
        ),
        (
            size([110, 111]) + measure(110, "8.", name="nominal value")
            + "#111=DESCRIPTIVE_REPRESENTATION_ITEM('dimensional note','theoretical');\n",
            ("[Ø8]", "diameter", 8, None, None, None, "mm", False),
        ),
        (
            size([111, 112]) + measure(111, "10.1", name="upper limit") + measure(112, "9.9", name="lower limit"),
            ("Ø10.1 0/-0.2", "diameter", 10.1, 0, -0.2, None, "mm", False),
        ),
    ],
    ids=["fit", "limits", "inch", "angle", "basic", "only_limits"],
)  # fmt: skip
def test_dimension(body, expected):
    pmi = read(body)
    ((d, faces),) = pmi.dimensions
    assert (d.text, d.kind, d.nominal, d.upper, d.lower, d.fit, d.unit, d.is_tight) == pytest.approx(expected)
    assert faces == [10]
    assert (pmi.present, pmi.read) == (1, 1)


def test_dimension_without_value_is_present_and_unread():
    pmi = read("#100=DIMENSIONAL_SIZE(#14,'diameter');\n")
    assert pmi.dimensions == []
    assert pmi.unread == 1


DATUMS = "#50=DATUM('',$,#99,.F.,'A');\n#51=DATUM('',$,#99,.F.,'B');\n"


@pytest.mark.requirement("DRW-19")
@pytest.mark.parametrize(
    ("body", "text", "datums", "modifiers"),
    [
        ("#60=FLATNESS_TOLERANCE('','',#61,#12);\n", "⏥ 0.05", [], []),
        (
            "#60=(GEOMETRIC_TOLERANCE('','',#61,#14) GEOMETRIC_TOLERANCE_WITH_DATUM_REFERENCE((#70,#71))"
            " MODIFIED_GEOMETRIC_TOLERANCE(.MAXIMUM_MATERIAL_CONDITION.) POSITION_TOLERANCE());\n"
            "#70=DATUM_REFERENCE(2,#51);\n#71=DATUM_REFERENCE(1,#50);\n"
            "#80=TOLERANCE_ZONE('',$,#99,.F.,(#60),#81);\n#81=TOLERANCE_ZONE_FORM('cylindrical or circular');\n",
            "⌖ Ø0.05Ⓜ A B", ["A", "B"], ["Ø", "Ⓜ"],
        ),
        (
            "#60=TOTAL_RUNOUT_TOLERANCE('','',#61,#12,(#70));\n#70=DATUM_SYSTEM('',$,#99,.F.,(#71));\n"
            "#71=DATUM_REFERENCE_COMPARTMENT('',$,#99,.F.,COMMON_DATUM_LIST((#72,#73)),$);\n"
            "#72=DATUM_REFERENCE_ELEMENT('',$,#99,.F.,#50,$);\n#73=DATUM_REFERENCE_ELEMENT('',$,#99,.F.,#51,$);\n",
            "⌰ 0.05 A-B", ["A-B"], [],
        ),
        (
            "#60=PARALLELISM_TOLERANCE('','',#61,#12,(#70));\n#70=DATUM_SYSTEM('',$,#99,.F.,(#71));\n"
            "#71=DATUM_REFERENCE_COMPARTMENT('',$,#99,.F.,#50,"
            "(SIMPLE_DATUM_REFERENCE_MODIFIER(.MAXIMUM_MATERIAL_REQUIREMENT.)));\n",
            "∥ 0.05 AⓂ", ["AⓂ"], [],
        ),
    ],
    ids=["flatness", "old_references", "common_datum", "datum_modifier"],
)  # fmt: skip
def test_tolerance(body, text, datums, modifiers):
    pmi = read(DATUMS + measure(61, "0.05") + body)
    ((frame, faces),) = pmi.tolerances
    assert (frame.text, frame.value, frame.datums, frame.modifiers) == (text, 0.05, datums, modifiers)
    assert faces == [10]
    assert sorted(d.label for d, _ in pmi.datums) == ["A", "B"]


def test_note_on_a_face():
    pmi = read(
        "#60=PROPERTY_DEFINITION('semantic text',$,#12);\n#61=PROPERTY_DEFINITION_REPRESENTATION(#60,#62);\n"
        "#62=REPRESENTATION('',(#63),#97);\n#63=DESCRIPTIVE_REPRESENTATION_ITEM('','M8 x 1.25; break edges');\n"
    )
    ((note, faces),) = pmi.notes
    assert (note.text, faces) == ("M8 x 1.25; break edges", [10])


def test_texts_are_decoded():
    assert plain_text(r"\X2\00D8\X0\20 caf\X\E9 l''axe \\w") == "Ø20 café l'axe \\w"


@pytest.mark.parametrize("body", ["#5=(((;", "#5=DIMENSIONAL_SIZE(", "#100=DIMENSIONAL_SIZE();\n", "#6='x;"])
def test_broken_records_are_left_out(body):
    assert read(body).dimensions == []
