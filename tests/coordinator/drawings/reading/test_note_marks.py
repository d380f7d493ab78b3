"""Marks and treatments in the words of a sheet: hits where meant, none where not."""

from __future__ import annotations

import pytest

from coordinator.modules.drawings.reading.note_marks import marks_in
from coordinator.modules.drawings.reading.treatment_text import read_treatment, treatment_kind


@pytest.mark.requirement("DRW-27")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Fabrication selon EN 9100", "en9100"), ("Spécial process NADCAP", "nadcap"), ("FAI requise", "first_article"),
        ("Certificat matière 3.1 selon EN 10204", "certificate_31"), ("Abnahmeprüfzeugnis 3.1", "certificate_31"),
        ("100 % ressuage selon ASTM E1417", "ndt"), ("Magnetic particle inspection", "ndt"), ("Numéro de série à graver", "serialisation"),
        ("Key characteristic", "safety_part"), ("Cote critique", "safety_part"), ("Dégraissage ISO 16232", "cleanliness"),
    ],
)  # fmt: skip
def test_quality_marks(text: str, code: str) -> None:
    assert code in [mark.code for mark in marks_in(text)]


@pytest.mark.requirement("DRW-28")
@pytest.mark.parametrize(
    "text",
    [
        "ITAR CONTROLLED",
        "SUBJECT TO EAR",
        "DIFFUSION RESTREINTE",
        "Confidentiel",
        "VS-NfD",
        "SPÉCIAL FRANCE",
        "TRÈS SECRET",
        "EAR 99",
        "VS NfD",
        "EAR - EXPORT CONTROLLED",
    ],
)
def test_secrecy_marks_restrict_access(text: str) -> None:
    assert any(mark.restricts_access for mark in marks_in(text))


@pytest.mark.requirement("DRW-27")
@pytest.mark.parametrize(
    "text",
    ["PROPRIETARY AND CONFIDENTIAL", "Lifting ear 2x Ø12", "Ra 3.1", "chanfrein 3.1 x 45°", "Pièce en fait symétrique", "Guitare", "EN 10025",
     "Section A-A", "Near side", "Ce plan est notre propriété, confidentiel, ne peut être reproduit"],
)  # fmt: skip
def test_no_false_hits(text: str) -> None:
    assert marks_in(text) == []


@pytest.mark.requirement("DRW-23")
def test_details_of_treatments() -> None:
    anodised = read_treatment("Anodisation dure 25-30 µm selon ISO 10074, épargner les filetages")
    assert (anodised.kind, anodised.standard, anodised.thickness_um) == ("surface", "ISO 10074", (25.0, 30.0))
    assert anodised.masked is not None
    assert anodised.changes_size
    assert anodised.subcontracted
    case = read_treatment("Einsatzgehärtet CHD 0,8 mm 58-62 HRC")
    assert (case.kind, case.hardness, case.thickness_um, case.changes_size) == (
        "heat",
        "58-62 HRC",
        (800.0, 800.0),
        False,
    )
    assert read_treatment("ANODIZE PER MIL-A-8625 TYPE II CLASS 1").standard == "MIL-A-8625 TYPE II CLASS 1"
    assert read_treatment("voir fiche 12", "surface").kind == "surface"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Zingage 8 µm bichromaté", "coating"), ("Peinture RAL 7035", "paint"), ("vergütet 28-32 HRC", "heat"), ("Black oxide", "surface"),
        ("Marquage laser du repère", "marking"), ("chemisch vernickelt 10 µm", "coating"), ("Bride de fixation", None), ("Ébavurer", None),
    ],
)  # fmt: skip
def test_kind_of_treatment(text: str, kind: str | None) -> None:
    assert treatment_kind(text) == kind
