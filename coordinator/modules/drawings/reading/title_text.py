"""Sheets without labels: values which show by their form what they are, and the title written as a paragraph."""

from __future__ import annotations

import re
from statistics import median

from coordinator.modules.drawings.reading.cells import contains
from coordinator.modules.drawings.reading.labels import fits
from coordinator.modules.drawings.reading.model import BBox, FieldValue
from coordinator.modules.drawings.reading.page import union_box
from coordinator.modules.drawings.reading.title_pieces import Piece, TurnedSheet
from coordinator.modules.drawings.reading.title_values import fact_in, is_company, is_number_like, kind_of

_DATE = re.compile(r"\b(\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4})\b")
_FAMILY = re.compile(
    r"^(?:stainless\s+)?(?:steel|alumini?um|acier|inox|laiton|brass|bronze|titan\w*|stahl|edelstahl|messing|plasti\w*)\b.{0,30}$",
    re.I,
)
_PARAGRAPH_FACTS = ("scale", "unit", "general_tolerance")
MIN_CELLS = 4
LARGE_LETTERING = 1.2
"""Of the height of the values: a title without label is written larger than they are."""


def read_unlabelled(fields: dict[str, FieldValue], view: TurnedSheet, page: int, used: set[int]) -> None:
    """A ruled block without labels: values by their form; the largest texts left are number and name.

    ``used``: pieces of tables (parts list, history), which describe other things.
    """
    cluster = [piece for piece in _cell_cluster(view) if id(piece) not in used]
    if len(cluster) < MIN_CELLS:
        return
    left: list[Piece] = []
    for piece in cluster:
        kind = kind_of(piece.text)
        if kind is None:
            left.append(piece)
        elif kind not in fields or fields[kind].status != "read":
            fields[kind] = _field(piece, piece.text, 0.75, page)
    numbers = [p for p in left if is_number_like(p.text)]
    names = [
        p
        for p in left
        if p not in numbers and re.search(r"[^\W\d_]{3}", p.text) and fits("part_name", p.text)
    ]
    for name, pieces in (("drawing_number", numbers), ("part_name", names)):
        if pieces and (name not in fields or fields[name].status != "read"):
            piece = max(pieces, key=lambda p: p.height)
            fields[name] = _field(piece, piece.text, 0.7, page)
            mark = _mark_behind(piece, left) if name == "drawing_number" else None
            if mark is not None and "revision" not in fields:
                fields["revision"] = _field(mark, mark.text, 0.7, page)


def _mark_behind(number: Piece, pieces: list[Piece]) -> Piece | None:
    """The lone letter or figure in the cell right of the number: its revision (ASME Y14.1 puts it there)."""
    for piece in pieces:
        if piece.cell is None or number.cell is None or not re.fullmatch(r"[A-Z]{1,2}|\d{1,2}", piece.text):
            continue
        level = abs(piece.cell[1] - number.cell[1]) + abs(piece.cell[3] - number.cell[3])
        if level < number.height and abs(piece.cell[0] - number.cell[2]) < number.height:
            return piece
    return None


def read_without_label(
    fields: dict[str, FieldValue], labels: list[Piece], values: set[int], region: list[Piece], page: int
) -> None:
    """Name and material in a labelled block which has no label for them: the largest lettering, and a line that is a grade.

    ``values``: pieces which are the value of a label; ``region``: the pieces of the block.
    """
    asked = {label.label for label in labels} | {
        name for name, value in fields.items() if value.status == "read"
    }
    left = [p for p in region if p.label is None and id(p) not in values]
    if "material" not in asked:
        grades = [p for p in left if kind_of(p.text) == "material"]
        if len(grades) == 1:
            fields["material"] = _field(grades[0], grades[0].text, 0.7, page)
    heights = [p.height for p in region if id(p) in values]
    if "part_name" in asked or not heights:
        return
    names = [
        p
        for p in left
        if kind_of(p.text) is None
        and not is_number_like(p.text)
        and re.search(r"[^\W\d_]{3}", p.text)
        and fits("part_name", p.text)
    ]
    piece = max(names, key=lambda p: p.height, default=None)
    if piece is not None and piece.height > LARGE_LETTERING * median(heights):
        fields["part_name"] = _field(piece, piece.text, 0.6, page)


def _field(piece: Piece, value: str, sure: float, page: int) -> FieldValue:
    return FieldValue(value, sure * piece.confidence, "read", page, piece.box, piece.block.parts[0].source)


def _cell_cluster(view: TurnedSheet) -> list[Piece]:
    """Texts in neighbouring small cells: the largest such group."""
    framed = [
        p
        for p in view.pieces
        if p.cell is not None and p.label is None and p.cell[3] - p.cell[1] < 8 * p.height
    ]
    groups: list[list[Piece]] = []
    for piece in framed:
        near = [group for group in groups if any(_neighbours(view, piece, other) for other in group)]
        groups = [group for group in groups if group not in near]
        groups.append([piece, *(item for group in near for item in group)])
    return max(groups, key=len, default=[])


def _neighbours(view: TurnedSheet, a: Piece, b: Piece) -> bool:
    if a.cell is None or b.cell is None:
        return False
    slack = 3 * view.grid.tolerance
    return contains(
        (a.cell[0] - slack, a.cell[1] - slack, a.cell[2] + slack, a.cell[3] + slack),
        *_nearest(b.cell, a.cell),
    )


def _nearest(box: BBox, other: BBox) -> tuple[float, float]:
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])


def read_title_text(fields: dict[str, FieldValue], view: TurnedSheet, page: int) -> BBox | None:
    """A sheet without a ruled title block: a paragraph with scale, unit or tolerance; its first line is the part name.

    Returns the region of the paragraph.
    """
    if any(
        value.status == "read"
        for name, value in fields.items()
        if name not in ("scale", "unit", "general_tolerance", "projection")
    ):
        return None
    seeds = [p for p in view.pieces if any(fact_in(key, p.text) for key in _PARAGRAPH_FACTS)]
    if not seeds:
        return None
    paragraph = [seeds[0]]
    growing = True
    while growing:
        growing = False
        for piece in view.pieces:
            if piece not in paragraph and any(_stacked(piece, other) for other in paragraph):
                paragraph.append(piece)
                growing = True
    paragraph.sort(key=lambda piece: piece.box[1])
    if len(paragraph) < 3:
        return None
    for piece in paragraph:
        if "date" not in fields and (match := _DATE.search(piece.text)):
            fields["date"] = _field(piece, match[1], 0.75, page)
        if "material" not in fields and (kind_of(piece.text) == "material" or _FAMILY.match(piece.text)):
            fields["material"] = _field(piece, piece.text, 0.75, page)
        if "customer" not in fields and is_company(piece.text):
            fields["customer"] = _field(piece, piece.text, 0.7, page)
    first = paragraph[0]
    name = re.sub(r"\s*[-–]?\s*" + _DATE.pattern, "", first.text).strip(" -")
    if fits("part_name", name):
        fields["part_name"] = _field(first, name, 0.7, page)
    return union_box([piece.box for piece in paragraph])


def _stacked(a: Piece, b: Piece) -> bool:
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = a.box, b.box
    gap = max(ay0, by0) - min(ay1, by1)
    return ax0 < bx1 and bx0 < ax1 and gap < 1.6 * max(a.height, b.height)
