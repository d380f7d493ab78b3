"""Tables on the drawing area: rows and columns of ruled cells with a heading hold no dimensions (DRW-18)."""

from __future__ import annotations

import re

from coordinator.modules.drawings.reading.cells import Grid, centre_of
from coordinator.modules.drawings.reading.layout import TextBlock, read_block
from coordinator.modules.drawings.reading.model import BBox

MAX_ROW_HEIGHTS = 4.2  # of a cell, in letter heights
MIN_CELLS = 4


def find_table_blocks(blocks: list[TextBlock], grid: Grid) -> set[int]:
    """Numbers (``id``) of the level blocks in tables of at least two rows and two columns with a word among them."""
    cells: dict[BBox, list[TextBlock]] = {}
    for block in blocks:
        first = block.parts[0]
        if first.angle:
            continue
        cell = grid.cell(*centre_of(block.bbox), first.height)
        if cell is not None and cell[3] - cell[1] < MAX_ROW_HEIGHTS * first.height:
            cells.setdefault(cell, []).append(block)
    found: set[int] = set()
    for table in _joined(list(cells), 2 * grid.tolerance):
        held = [block for cell in table for block in cells[cell]]
        rows, columns = ({round(cell[side] / (4 * grid.tolerance)) for cell in table} for side in (1, 0))
        named = any(re.search(r"[A-Za-zÀ-ÿ]", b.text) and read_block(b) is None for b in held)
        if len(table) >= MIN_CELLS and len(rows) > 1 and len(columns) > 1 and named:
            found |= {id(block) for block in held}
    return found


def _joined(cells: list[BBox], slack: float) -> list[list[BBox]]:
    """Cells which share a whole side, as groups."""
    groups: list[list[BBox]] = []
    for cell in cells:
        touching = [group for group in groups if any(_adjoin(cell, other, slack) for other in group)]
        groups = [group for group in groups if group not in touching]
        groups.append([cell, *(other for group in touching for other in group)])
    return groups


def _adjoin(a: BBox, b: BBox, slack: float) -> bool:
    def same(*sides: tuple[float, float]) -> bool:
        return all(abs(one - two) <= slack for one, two in sides)

    beside = same((a[1], b[1]), (a[3], b[3])) and (same((a[2], b[0])) or same((a[0], b[2])))
    over = same((a[0], b[0]), (a[2], b[2])) and (same((a[3], b[1])) or same((a[1], b[3])))
    return beside or over
