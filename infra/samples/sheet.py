"""A tiny description of a drawing sheet, written once and rendered to PDF and DXF, so that both say the same.

All lengths are millimetres on paper, origin at the bottom left of the sheet, y up; views are drawn at scale 1:1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Point = tuple[float, float]
LineStyle = Literal["visible", "thin", "centre", "hidden"]

LABELS_FR = {
    "drawing_number": "N° de plan", "revision": "Indice", "part_name": "Désignation", "material": "Matière",
    "heat_treatment": "Traitement thermique", "surface_treatment": "Traitement de surface", "scale": "Échelle",
    "mass": "Masse", "general_tolerance": "Tolérances générales", "author": "Dessiné par", "date": "Date",
    "customer": "Client", "sheet": "Folio", "unit": "Unité", "projection": "Projection",
}  # fmt: skip


def number_fr(value: float) -> str:
    """Write a number as on a French drawing: decimal comma, no needless zero."""
    return f"{value:.3f}".rstrip("0").rstrip(".").replace(".", ",") or "0"


def signed_fr(value: float) -> str:
    """Write a deviation: "0", "+0,1" or "-0,05"."""
    return "0" if value == 0 else ("+" if value > 0 else "-") + number_fr(abs(value))


@dataclass(frozen=True)
class Line:
    a: Point
    b: Point
    style: LineStyle = "visible"


@dataclass(frozen=True)
class Circle:
    centre: Point
    radius: float
    style: LineStyle = "visible"


@dataclass(frozen=True)
class Label:
    """Plain text with its left baseline point, cap height and angle in degrees."""

    at: Point
    text: str
    height: float = 3.5
    angle: float = 0.0


@dataclass(frozen=True)
class Callout:
    """What a dimension says. ``upper``/``lower`` are deviations in mm."""

    kind: str
    nominal: float
    prefix: str = ""
    suffix: str = ""
    upper: float | None = None
    lower: float | None = None
    fit: str | None = None
    count: int = 1
    reference: bool = False
    decimal: str = ","

    @property
    def main(self) -> str:
        """The full-height text, without stacked deviations."""
        text = f"{self.prefix}{number_fr(self.nominal)}{self.suffix}"
        if self.count > 1:
            text = f"{self.count}x {text}"
        if self.fit:
            text = f"{text} {self.fit}"
        if self.symmetric:
            text = f"{text} ±{number_fr(self.upper or 0)}"
        text = text.replace(",", self.decimal)
        return f"({text})" if self.reference else text

    @property
    def symmetric(self) -> bool:
        return self.upper is not None and self.lower is not None and self.upper == -self.lower

    @property
    def stacked(self) -> tuple[str, str] | None:
        """The two deviations written one over the other, if any."""
        if self.upper is None or self.lower is None or self.symmetric:
            return None
        return signed_fr(self.upper).replace(",", self.decimal), signed_fr(self.lower).replace(
            ",", self.decimal
        )


@dataclass(frozen=True)
class Dim:
    """A linear dimension between two points; ``line`` is the y (horizontal) or x (vertical) of its dimension line."""

    a: Point
    b: Point
    line: float
    call: Callout
    vertical: bool = False


@dataclass(frozen=True)
class Leader:
    """A dimension written at the end of a leader: arrow at ``tip``, text starting at ``elbow``."""

    tip: Point
    elbow: Point
    call: Callout


@dataclass
class Sheet:
    """One A3 sheet."""

    title_block: dict[str, str]
    width: float = 420.0
    height: float = 297.0
    font: str = "Helvetica"
    lines: list[Line] = field(default_factory=list)
    circles: list[Circle] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    dims: list[Dim] = field(default_factory=list)
    leaders: list[Leader] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    textures: list[tuple[Point, float]] = field(default_factory=list)

    def polyline(self, points: list[Point], *, closed: bool = False, style: LineStyle = "visible") -> None:
        ends = [*points[1:], points[0]] if closed else points[1:]
        self.lines += [Line(a, b, style) for a, b in zip(points, ends, strict=False)]

    def truth(self) -> dict[str, Any]:
        """What a perfect reader finds on the sheet."""
        calls = [dim.call for dim in self.dims] + [leader.call for leader in self.leaders]
        return {
            "title_block": self.title_block,
            "dimensions": [
                asdict(call) | {"text": " ".join([call.main, *(call.stacked or ())])} for call in calls
            ],
            "surface_textures": [ra for _, ra in self.textures],
            "notes": self.notes,
        }


def add_frame_and_title_block(sheet: Sheet) -> None:
    """Add the border, the ISO 7200 title block at the bottom right and the notes at the top right as lines and labels."""
    border = 10.0
    right, top = sheet.width - border, sheet.height - border
    sheet.polyline([(border, border), (right, border), (right, top), (border, top)], closed=True)
    rows = [
        ["general_tolerance", "projection", "unit", "mass"],
        ["material", "heat_treatment", "surface_treatment"],
        ["author", "date", "scale", "sheet"],
        ["customer", "part_name"],
        ["drawing_number", "revision"],
    ]
    shares = [[0.4, 0.25, 0.15, 0.2], [0.34, 0.33, 0.33], [0.35, 0.25, 0.2, 0.2], [0.4, 0.6], [0.75, 0.25]]
    width, row_height = 185.0, 11.0
    left = right - width
    for index, (names, parts) in enumerate(zip(rows, shares, strict=True)):
        y1 = border + row_height * (len(rows) - index)
        sheet.lines.append(Line((left, y1), (right, y1)))
        x = left
        for name, share in zip(names, parts, strict=True):
            sheet.lines.append(Line((x, y1), (x, y1 - row_height)))
            sheet.labels.append(Label((x + 1.2, y1 - 3.2), LABELS_FR[name], 1.9))
            if value := sheet.title_block.get(name, ""):
                sheet.labels.append(Label((x + 2.5, y1 - row_height + 2.2), value, 3.0))
            x += share * width
    for index, note in enumerate(sheet.notes):
        sheet.labels.append(Label((250.0, top - 12 - 7 * index), note, 3.0))
