"""Parts lists (nomenclatures) drawn on a sheet: one item per row, with its own number, name, count and material (DRW-03)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from coordinator.modules.drawings.reading.labels import fits, is_empty_value
from coordinator.modules.drawings.reading.model import BomItem
from coordinator.modules.drawings.reading.page import union_box
from coordinator.modules.drawings.reading.title_pieces import Piece

MIN_ROWS = 2
"""A list of one row describes the part of the sheet itself."""
SURE = 0.85
_COUNT = re.compile(r"^\s*(\d{1,4})\s*(?:x|pcs?|pces?|st(?:k|ück)?\.?|off)?\s*$", re.IGNORECASE)
_POSITION = re.compile(r"^[A-Z]?\d{1,3}[A-Za-z]?$")


def bom_items(rows: Sequence[Mapping[str, Sequence[Piece]]], page: int) -> list[BomItem]:
    """Items of a parts list in the order of their positions; empty for a list of a single row."""
    found = [item for row in rows if (item := _item(row, page)) is not None]
    if len(found) < MIN_ROWS:
        return []
    return sorted(found, key=lambda item: (_order(item.position), item.bbox[1] if item.bbox else 0.0))


def _item(row: Mapping[str, Sequence[Piece]], page: int) -> BomItem | None:
    name, number = _text(row, "part_name"), _text(row, "drawing_number")
    if name is None and number is None:
        return None
    position, quantity = _text(row, "_position"), _text(row, "_quantity")
    pieces = [piece for group in row.values() for piece in group]
    count = _COUNT.match(quantity or "")
    return BomItem(
        position=position if position and _POSITION.match(position) else None,
        number=number if number and fits("drawing_number", number) else None,
        name=name or number,
        count=max(1, int(count[1])) if count else 1,
        material=_text(row, "material"),
        page=page,
        bbox=union_box([piece.box for piece in pieces]),
        confidence=SURE * min(piece.confidence for piece in pieces),
        boxes={
            name: union_box([piece.box for piece in row[name]])
            for name in ("drawing_number", "part_name", "material")
            if row.get(name)
        },
    )


def _text(row: Mapping[str, Sequence[Piece]], name: str) -> str | None:
    text = " ".join(piece.text for piece in row.get(name, ())).strip()
    return text if text and not is_empty_value(name, text) else None


def _order(position: str | None) -> tuple[int, str]:
    figures = re.search(r"\d+", position or "")
    return (int(figures[0]) if figures else 10_000, position or "")
