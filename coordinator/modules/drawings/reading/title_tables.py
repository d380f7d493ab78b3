"""Tables inside and beside a title block: signatures by role, history of revisions, parts list (DRW-03, DRW-16)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from coordinator.modules.drawings.reading.cells import Grid
from coordinator.modules.drawings.reading.labels import fits, is_empty_value
from coordinator.modules.drawings.reading.model import BBox
from coordinator.modules.drawings.reading.title_pieces import Piece, TurnedSheet

_HISTORY = {"_change", "_ecn"}
_PARTS = {"_position", "_quantity"}
_ROLES = {"author", "_role"}
MAX_HISTORY_ROWS = 30


@dataclass
class TableFinds:
    """Pieces which belong to tables (they are no loose labels or values), and the values the tables give."""

    used: set[int] = field(default_factory=set)
    values: dict[str, list[Piece]] = field(default_factory=dict)
    settled: dict[str, BBox] = field(default_factory=dict)
    last_revision: Piece | None = None
    parts: list[dict[str, list[Piece]]] = field(default_factory=list)
    regions: list[BBox] = field(default_factory=list)


def read_tables(view: TurnedSheet) -> TableFinds:
    """Find the tables by their heading rows."""
    found = TableFinds()
    for row in _heading_rows(view):
        names = {piece.label for piece in row}
        if (
            len(row) >= 3
            and ("revision" in names or "_position" in names)
            and (names & _HISTORY or {"part_name", "date"} <= names)
            and "material" not in names
        ) or (len(row) >= 3 and names & _HISTORY and names & {"date", "_name", "_sign"}):
            _read_history(view, row, found)
        elif len(row) >= 3 and names & _PARTS and names & {"part_name", "material"}:
            _read_parts(view, row, found)
    _read_roles(view, found)
    return found


def _heading_rows(view: TurnedSheet) -> list[list[Piece]]:
    """Labels side by side on one line, in neighbouring cells."""
    rows: list[list[Piece]] = []
    for piece in sorted(view.labels, key=lambda p: p.box[0]):
        for row in rows:
            last = row[-1]
            if (
                _same_row(last, piece)
                and piece.box[0] >= last.box[2] - 0.5 * last.height
                and _adjacent(view, last, piece)
            ):
                row.append(piece)
                break
        else:
            rows.append([piece])
    return [row for row in rows if len(row) >= 2]


def _same_row(a: Piece, b: Piece) -> bool:
    if a.cell and b.cell:
        slack = 0.3 * min(a.cell[3] - a.cell[1], b.cell[3] - b.cell[1])
        return abs(a.cell[1] - b.cell[1]) < slack and abs(a.cell[3] - b.cell[3]) < slack
    return abs(a.centre[1] - b.centre[1]) < 0.7 * min(a.height, b.height)


def _adjacent(view: TurnedSheet, a: Piece, b: Piece) -> bool:
    if a.cell and b.cell:
        return b.cell[0] - a.cell[2] <= 3 * view.grid.tolerance
    return b.box[0] - a.box[2] < 30 * a.height


def _column(piece: Piece, row: list[Piece]) -> tuple[float, float]:
    if piece.cell is not None:
        return piece.cell[0], piece.cell[2]
    index = row.index(piece)
    left = (row[index - 1].box[2] + piece.box[0]) / 2 if index else piece.box[0] - 2 * piece.height
    right = (
        (piece.box[2] + row[index + 1].box[0]) / 2
        if index + 1 < len(row)
        else piece.box[2] + 20 * piece.height
    )
    return left, right


def _rows_beside(view: TurnedSheet, row: list[Piece], step: int) -> list[dict[str, list[Piece]]]:
    """Filled rows under (1) or over (-1) a heading row, nearest first, until a row without text or with labels."""
    height = max(p.cell[3] - p.cell[1] if p.cell else 2.0 * p.height for p in row)
    top = min(p.cell[1] if p.cell else p.box[1] - 0.5 * p.height for p in row)
    bottom = max(p.cell[3] if p.cell else p.box[3] + 0.5 * p.height for p in row)
    columns = [(piece.label or "", *_column(piece, row)) for piece in row]
    rows = []
    edge = bottom if step > 0 else top
    for _ in range(MAX_HISTORY_ROWS):
        cell = _cell_beyond(view.grid, columns, edge, step)
        near, far = (
            (cell[1], cell[3]) if cell else (min(edge, edge + step * height), max(edge, edge + step * height))
        )
        if cell and (cell[3] - cell[1]) > 3.5 * height:
            break
        filled: dict[str, list[Piece]] = {}
        for name, left, right in columns:
            pieces = view.inside((left, near, right, far))
            if pieces:
                filled[name] = pieces
        texts = [piece for pieces in filled.values() for piece in pieces]
        if not texts or any(piece.label is not None and len(piece.text) > 2 for piece in texts):
            break
        rows.append(filled)
        edge = far if step > 0 else near
    return rows


def _cell_beyond(grid: Grid, columns: list[tuple[str, float, float]], edge: float, step: int) -> BBox | None:
    _, left, right = columns[0]
    return grid.cell((left + right) / 2, edge + step * 4 * grid.tolerance)


def _read_history(view: TurnedSheet, row: list[Piece], found: TableFinds) -> None:
    sides = [_rows_beside(view, row, 1), _rows_beside(view, row, -1)]
    rows = max(sides, key=lambda rows: sum(1 for r in rows if _is_change(r)))
    rows = [r for r in rows if _is_change(r)] if any(_is_change(r) for r in rows) else []
    found.used |= {id(piece) for piece in row}
    boxes = [piece.box for piece in row]
    last: tuple[tuple[int, int, str], Piece] | None = None
    for head in (piece for piece in row if piece.label == "revision" and piece.cell is not None):
        # The present state is also written beside its word in the heading row itself.
        beside = [p for p in view.inside(head.cell) if p.label is None and fits("revision", p.text)]  # type: ignore[arg-type]
        if head.inline is not None and fits("revision", head.inline):
            last = (3, 0, ""), replace(head, text=head.inline)
        elif beside:
            last = (3, 0, ""), beside[0]
            found.used.add(id(beside[0]))
    for entry in rows:
        for pieces in entry.values():
            found.used |= {id(piece) for piece in pieces}
            boxes += [piece.box for piece in pieces]
        for piece in entry.get("revision", entry.get("_position", []))[:1]:
            if (
                fits("revision", piece.text)
                and not is_empty_value("revision", piece.text)
                and re.match(r"^\w{1,3}$", piece.text)
            ):
                order = _revision_order(piece.text)
                if last is None or order > last[0]:
                    last = (order, piece)
    if last is not None:
        found.last_revision = last[1]
    found.regions.append(
        (
            min(b[0] for b in boxes),
            min(b[1] for b in boxes),
            max(b[2] for b in boxes),
            max(b[3] for b in boxes),
        )
    )


def _is_change(row: dict[str, list[Piece]]) -> bool:
    """A row of a history holds a revision mark or a change, and a date or a name."""
    return len(row) >= 2 and bool({"revision", "_change", "part_name", "_position"} & set(row))


def _revision_order(text: str) -> tuple[int, int, str]:
    text = text.upper()
    return (1, int(text), "") if text.isdigit() else (2, len(re.sub(r"\d", "", text)), text)


def _read_parts(view: TurnedSheet, row: list[Piece], found: TableFinds) -> None:
    below, above = _rows_beside(view, row, 1), _rows_beside(view, row, -1)
    rows = max((below, above), key=lambda rows: sum(1 for r in rows if "part_name" in r or "material" in r))
    rows = [r for r in rows if ("part_name" in r or "material" in r) and len(r) >= 2]
    found.used |= {id(piece) for piece in row}
    boxes = [piece.box for piece in row]
    for entry in rows:
        for name, pieces in entry.items():
            found.used |= {id(piece) for piece in pieces}
            boxes += [piece.box for piece in pieces]
            if len(rows) == 1 and name and not name.startswith("_"):
                found.values.setdefault(name, pieces)
        found.parts.append(entry)
    found.regions.append(
        (
            min(b[0] for b in boxes),
            min(b[1] for b in boxes),
            max(b[2] for b in boxes),
            max(b[3] for b in boxes),
        )
    )


def _read_roles(view: TurnedSheet, found: TableFinds) -> None:
    """Roles (drawn, checked…) in one column, "name" and "date" over the others: the crossing cells hold the values."""
    roles = [
        piece
        for piece in view.labels
        if piece.label in _ROLES and piece.inline is None and id(piece) not in found.used
    ]
    heads = [
        piece
        for piece in view.labels
        if piece.label in ("_name", "date", "_sign") and piece.inline is None and id(piece) not in found.used
    ]
    for role in roles:
        over = [head for head in heads if _heads(head, role)]
        beneath = [
            other
            for other in roles
            if other is not role
            and abs(other.box[0] - role.box[0]) < 6 * role.height
            and not _same_row(other, role)
        ]
        if not over or (len(over) < 2 and not beneath):
            continue
        nearest = min(abs(head.centre[1] - role.centre[1]) for head in over)
        over = [
            head for head in over if abs(abs(head.centre[1] - role.centre[1]) - nearest) < 1.2 * role.height
        ]
        found.used |= {id(role)} | {id(head) for head in over}
        has_name = any(head.label == "_name" for head in over)
        for head in over:
            box = _crossing(role, head)
            pieces = [piece for piece in view.inside(box) if piece.label is None]
            found.used |= {id(piece) for piece in pieces}
            name = (
                "date"
                if head.label == "date"
                else "author"
                if head.label == "_name" or not has_name
                else None
            )
            if role.label == "author" and name is not None:
                found.settled.setdefault(name, box)
                if pieces:
                    found.values.setdefault(name, pieces)


def _heads(head: Piece, role: Piece) -> bool:
    """True for a heading to the right of a role, over or under its rows, within reach."""
    right = head.centre[0] > role.box[2]
    distance = abs(head.centre[1] - role.centre[1])
    return (
        right
        and not _same_row(head, role)
        and 0.5 * role.height < distance < 24 * role.height
        and head.box[0] - role.box[2] < 80 * role.height
    )


def _crossing(role: Piece, head: Piece) -> BBox:
    left, right = (
        (head.cell[0], head.cell[2])
        if head.cell
        else (head.box[0] - 2 * head.height, head.box[2] + 6 * head.height)
    )
    top, bottom = (
        (role.cell[1], role.cell[3])
        if role.cell
        else (role.box[1] - 0.6 * role.height, role.box[3] + 0.6 * role.height)
    )
    return left, top, right, bottom
