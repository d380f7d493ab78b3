"""What stands on a label stays within it, readable, however long it is."""

from __future__ import annotations

import pypdfium2
import pytest

from coordinator.kernel.papers.labels import Label, LabelPaper, render_labels

MM = 72 / 25.4
CODE = "gu:q/6f1c9a53-0b5c-4d7e-9d7a-0d2f5c1e7a11"
LONG = "Plaquette CNMG 120408-PM 4325 nuance revêtue pour acier, boîte de dix, réservée à l'ébauche lourde du tour"


def written(
    label: Label, width_mm: float, height_mm: float
) -> tuple[str, list[tuple[float, float, float, float]]]:
    """Text of a label and the boxes of its letters (points)."""
    page = pypdfium2.PdfDocument(render_labels(LabelPaper([label], width_mm, height_mm)))[0].get_textpage()
    count = page.count_chars()
    boxes = [page.get_charbox(i) for i in range(count) if page.get_text_range(i, 1).strip()]
    return page.get_text_bounded(), boxes


@pytest.mark.requirement("TRC-14")
@pytest.mark.parametrize(("width_mm", "height_mm"), [(60, 30), (50, 25), (25, 25), (100, 50)])
def test_no_letter_is_cut_off(width_mm: float, height_mm: float) -> None:
    label = Label("LOT-2026-00042", CODE, [LONG, "Coulée H48213-77", "À utiliser avant le 31/12/2027"])
    text, boxes = written(label, width_mm, height_mm)
    assert "LOT-2026-00042" in text.replace("\u200b", "").replace("\r\n", "").replace(" ", "")
    for left, bottom, right, top in boxes:
        assert left >= 0
        assert right <= width_mm * MM
        assert bottom >= 0
        assert top <= height_mm * MM
    assert "…" in text or "lourde du tour" in " ".join(text.split())


def test_an_offcut_keeps_all_its_lines_in_readable_size() -> None:
    lines = [
        "Rond 42CrMo4 +QT étiré",
        "Ø 60 × 412,5 mm",
        "Coulée H48213-77",
        "Cert. 3.1 C-H48213",
        "À utiliser avant le 31/12/2027",
    ]
    text, boxes = written(Label("CHUTE 412", CODE, lines), 60, 30)
    flat = " ".join(text.replace("\u200b", "").split())
    for line in ("CHUTE 412", "Ø 60 × 412,5 mm", "Coulée H48213-77", "31/12/2027"):
        assert line in flat
    capitals = [top - bottom for left, bottom, right, top in boxes]
    assert max(capitals) > 8, "the title is read from afar"
