"""Ruled and open tables of a title block, in their own coordinates (x right, y down from the top left), placed on a sheet."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from infra.samples.pdf_writer import text_width
from infra.samples.sheet import Circle, Label, Line, Point, Sheet

Place = Literal["under", "beside", "above", "inline", "value", "label"]
"""Where the value stands: under its label, beside it in one cell, above it, in one text, alone; or a label alone."""


@dataclass
class Cell:
    """One cell: width in mm, label, value and how the two stand to each other."""

    width: float
    label: str = ""
    value: str = ""
    place: Place = "under"
    blotted: bool = False
    symbol: Literal["", "first", "third"] = ""
    size: float | None = None
    centred: bool = False


def _width(text: str) -> float:
    """Width of a text of 1 mm cap height, capitals taken as the widest letters are."""
    return text_width(text, 1.0) * (1.25 if text.isupper() else 1.08)


@dataclass
class Canvas:
    """Collects lines and labels; ``turned`` rotates the block by a quarter (read from the right)."""

    sheet: Sheet
    origin: Point
    turned: bool = False
    label_height: float = 1.9
    value_height: float = 3.0
    random_: random.Random = field(default_factory=lambda: random.Random(0))

    def at(self, x: float, y: float) -> Point:
        ox, oy = self.origin
        return (ox + y, oy + x) if self.turned else (ox + x, oy - y)

    def line(self, x0: float, y0: float, x1: float, y1: float) -> None:
        self.sheet.lines.append(Line(self.at(x0, y0), self.at(x1, y1), "thin"))

    def text(self, x: float, y: float, text: str, height: float) -> None:
        if text:
            self.sheet.labels.append(Label(self.at(x, y), text, height, 90.0 if self.turned else 0.0))

    def box(self, x: float, y: float, width: float, height: float) -> None:
        for x0, y0, x1, y1 in (
            (x, y, x + width, y),
            (x, y + height, x + width, y + height),
            (x, y, x, y + height),
            (x + width, y, x + width, y + height),
        ):
            self.line(x0, y0, x1, y1)

    def rows(self, x: float, y: float, rows: list[tuple[float, list[Cell]]], *, ruled: bool = True) -> float:
        """Draw rows of cells below each other; returns the y below them."""
        for height, cells in rows:
            left = x
            for cell in cells:
                if ruled:
                    self.box(left, y, cell.width, height)
                self._fill(cell, left, y, height)
                left += cell.width
            y += height
        return y

    def _fill(self, cell: Cell, x: float, y: float, height: float) -> None:
        small, big = self.label_height, cell.size or self.value_height
        big = min(big, 0.92 * (cell.width - 4) / max(_width(cell.value), 0.1)) if cell.value else big
        middle = y + height / 2 + big / 2
        if cell.place == "inline":
            self.text(
                x + 1.5,
                y + height / 2 + self.value_height * 0.4,
                f"{cell.label} {cell.value}".strip(),
                self.value_height * 0.8,
            )
            spot = (x + 3 + text_width(cell.label, self.value_height * 0.8), y + height / 2)
        elif cell.place == "beside":
            self.text(x + 1.2, y + height / 2 + small / 2, cell.label, small)
            spot = (x + 3.5 + text_width(cell.label, small), y + height / 2)
            big = (
                min(big, 0.95 * (cell.width - (spot[0] - x) - 1.5) / max(_width(cell.value), 0.1))
                if cell.value
                else big
            )
            self.text(spot[0], y + height / 2 + big / 2, cell.value, big)
        elif cell.place == "above":
            self.text(x + 1.2, y + height - 1.2, cell.label, small)
            spot = (x + 2.5, y + (height - small) / 2)
            self.text(x + 2.5, y + 1.6 + big, cell.value, big)
        elif cell.place in ("value", "label"):
            size = big if cell.place == "value" else small
            spot = (x + 1.8, y + height / 2)
            self.text(
                x + 1.8,
                middle if cell.place == "value" else y + height / 2 + small / 2,
                cell.value or cell.label,
                size,
            )
        else:
            self.text(x + 1.2, y + 1.2 + small, cell.label, small)
            room = (cell.width - text_width(cell.value, big)) / 2 if cell.centred else 2.5
            spot = (x + 3, y + height - 1.6 - big / 2)
            self.text(x + max(room, 1.5), y + height - 1.8, cell.value, big)
        if cell.blotted:
            self._scribble(*spot, big)
        if cell.symbol:
            self._projection(
                cell,
                x + cell.width / 2,
                y + height / 2 + (small / 2 if cell.label else 0),
                min(height - (small + 1 if cell.label else 0), 10.0),
            )

    def _scribble(self, x: float, y: float, height: float) -> None:
        """A signature-like stroke: something stands there, nobody can read it."""
        points = [
            (x + 0.9 * i + self.random_.uniform(0, 1.2), y + self.random_.uniform(-0.6, 0.6) * height)
            for i in range(12)
        ]
        for a, b in pairwise(points):
            self.line(*a, *b)

    def _projection(self, cell: Cell, x: float, y: float, height: float) -> None:
        """ISO 5456-2: the truncated cone shows its small end away from the circles in first angle projection."""
        big, small, half = 0.36 * height, 0.19 * height, 0.42 * height
        offset = 0.62 * height
        cone_x, circles_x = (x - offset, x + offset) if cell.symbol == "first" else (x + offset, x - offset)
        left, right = cone_x - half, cone_x + half
        corners = [
            (left, y - small),
            (right, y - big),
            (right, y + big),
            (left, y + small),
            (left, y - small),
        ]
        for a, b in pairwise(corners):
            self.line(*a, *b)
        for radius in (big, small):
            self.sheet.circles.append(Circle(self.at(circles_x, y), radius))
