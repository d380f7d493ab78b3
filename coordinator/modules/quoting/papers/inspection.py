"""The inspection sheet on paper (QUO-40)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from coordinator.kernel.papers import render
from coordinator.kernel.papers.data import Company
from coordinator.modules.quoting.engine.inspection import NAMES, InspectionSheet


@dataclass(frozen=True, slots=True)
class InspectedRow:
    """One characteristic as printed."""

    no: int
    name: str
    requirement: str
    instrument: str
    lower: float | None = None
    upper: float | None = None
    count: int = 1
    is_key: bool = False
    from_general: bool = False
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class InspectionPaper:
    """Everything printed on the sheet."""

    company: Company
    issued_on: date
    drawing_number: str
    part_name: str
    quantity: int
    sampling: str
    parts_checked: int
    rows: list[InspectedRow]
    revision: str = ""
    material: str = ""
    treatments: str = ""
    customer: str = ""
    criticality: str = ""
    general_tolerance: str = ""
    quote_number: str = ""
    warnings: list[str] = field(default_factory=list)
    qr: str = ""


def rows_of(sheet: InspectionSheet) -> list[InspectedRow]:
    """Printed rows of a sheet."""
    return [
        InspectedRow(
            c.no,
            c.name or NAMES.get(c.kind, c.kind),
            c.requirement,
            c.instrument,
            c.lower,
            c.upper,
            c.count,
            c.is_key,
            c.from_general,
            _decimals(c.width) if c.kind != "geometric" else 0,
        )
        for c in sheet.characteristics
    ]


def _decimals(width: float | None) -> int:
    """Digits that show a tolerance: thousandths below a tenth."""
    if width is None:
        return 0
    return 3 if width < 0.1 else 2


def render_inspection(data: InspectionPaper) -> bytes:
    """PDF of the sheet (PDF/A-3b, so that it can be archived with the part)."""
    return render(Path(__file__).parent / "inspection_sheet.typ", data, pdf_standard="a-3b")
