"""Labels with a QR code and plain text beside it, from 25 × 25 mm to a sheet of A4 (TRC-14)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from coordinator.kernel.papers.render import PaperError, render


@dataclass(frozen=True, slots=True)
class Label:
    """One label: `title` large, `lines` smaller, `qr` the text of the code."""

    title: str
    qr: str
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LabelPaper:
    """Labels of one size in mm. With `on_a4` they are laid out on A4 sheets, else one page per label."""

    labels: list[Label]
    width_mm: float = 25
    height_mm: float = 25
    on_a4: bool = False
    gap_mm: float = 2


def render_labels(data: LabelPaper) -> bytes:
    """PDF of labels. Raises PaperError below 25 × 25 mm (the code would not be readable), above A4, or
    with no label."""
    if not data.labels:
        raise PaperError("label_empty", "Aucune étiquette à imprimer : choisissez au moins un objet.")
    if min(data.width_mm, data.height_mm) < 25 or data.width_mm > 210 or data.height_mm > 297:
        size = f"{data.width_mm:g} × {data.height_mm:g} mm".replace(".", ",")
        raise PaperError("label_size", f"Étiquette de {size} refusée : choisissez entre 25 × 25 mm et A4.")
    return render(Path(__file__).parent / "label.typ", data)
