"""Where the value of a label may stand: in its cell, in a neighbouring cell, in the text near it; and illegible strokes there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from coordinator.modules.drawings.reading.cells import contains
from coordinator.modules.drawings.reading.labels import fits
from coordinator.modules.drawings.reading.model import BBox
from coordinator.modules.drawings.reading.title_pieces import Piece, TurnedSheet

Kind = Literal["own", "cell_right", "cell_below", "cell_above", "right", "below", "above", "place"]
_SCORES: dict[str, float] = {
    "own": 0.95, "cell_right": 0.85, "cell_below": 0.83, "cell_above": 0.7, "right": 0.8, "below": 0.76, "above": 0.62,
}  # fmt: skip
_ONE_PIECE = ("scale", "date", "sheet", "revision", "mass", "drawing_number", "unit")
MIN_SCRIBBLE_STROKES = 4
RIGHT_REACH_HEIGHTS = 25.0
STACK_REACH_HEIGHTS = 2.4


@dataclass
class Candidate:
    """Texts which may be the value of a label, and how sure their place is."""

    kind: Kind
    pieces: list[Piece]
    text: str
    score: float
    place: BBox | None = None


def candidates_of(label: Piece, view: TurnedSheet, used: set[int]) -> list[Candidate]:
    """Every place around a label that holds text; those whose text cannot be its value score less."""
    if label.inline is not None:
        return []
    groups: list[tuple[Kind, list[Piece], BBox | None]] = []
    shared = False
    if label.cell is not None:
        inside = [p for p in view.inside(label.cell) if p is not label]
        shared = any(p.label is not None and p.label != label.label for p in inside)
        own = [p for p in inside if p.label is None and id(p) not in used]
        if own and not shared:
            groups.append(("own", own, label.cell))
        if not own and not shared:
            for kind, cell in _neighbour_cells(label, view):
                content = view.inside(cell)
                free = [p for p in content if p.label is None and id(p) not in used]
                if free and len(free) == len(content):
                    groups.append((kind, free, cell))
    if label.cell is None or shared:
        groups += [(kind, [piece], None) for kind, piece in _near_pieces(label, view, used)]
    return [candidate for group in groups if (candidate := _candidate(label, *group)) is not None]


def _candidate(label: Piece, kind: Kind, pieces: list[Piece], place: BBox | None) -> Candidate | None:
    name = {"_treatment": "heat_treatment", "_finish": "surface_treatment"}.get(
        label.label or "", label.label or ""
    )
    text = " ".join(piece.text for piece in pieces)
    if not fits(name, text):
        fitting = [piece for piece in pieces if fits(name, piece.text)]
        if len(fitting) == 1 and (len(pieces) > 1):
            pieces, text = fitting, fitting[0].text
        elif kind == "own":
            return Candidate(kind, pieces, text, 0.6, place)
        else:
            return None
    elif name in _ONE_PIECE and len(pieces) > 1:
        fitting = [piece for piece in pieces if fits(name, piece.text)]
        if fitting:
            pieces = [max(fitting, key=lambda piece: piece.height)]
            text = pieces[0].text
    return Candidate(kind, pieces, text, _SCORES[kind], place)


def _neighbour_cells(label: Piece, view: TurnedSheet) -> list[tuple[Kind, BBox]]:
    if label.cell is None:
        return []
    x0, y0, x1, y1 = label.cell
    step = 4 * view.grid.tolerance
    x, y = label.centre
    found: list[tuple[Kind, BBox]] = []
    for kind, point in (
        ("cell_right", (x1 + step, y)),
        ("cell_below", (x, y1 + step)),
        ("cell_above", (x, y0 - step)),
    ):
        cell = view.grid.cell(*point, label.height)
        if cell is None:
            continue
        if kind == "cell_right":
            level = min(cell[3], y1) - max(cell[1], y0) > 0.6 * max(cell[3] - cell[1], y1 - y0)
        else:
            level = min(cell[2], x1) - max(cell[0], x0) > 0.6 * max(cell[2] - cell[0], x1 - x0)
        if level:
            found.append((kind, cell))  # type: ignore[arg-type]
    return found


def _near_pieces(label: Piece, view: TurnedSheet, used: set[int]) -> list[tuple[Kind, Piece]]:
    """Nearest text on the line to the right, under and over a label, no other label and no rule between."""
    found: list[tuple[Kind, Piece]] = []
    height = label.height
    x0, y0, x1, y1 = label.box
    level = [
        p
        for p in view.pieces
        if p is not label
        and abs(p.centre[1] - label.centre[1]) < 0.7 * max(height, p.height)
        and p.box[0] > x1 - 0.3 * height
    ]
    nearest = min(level, key=lambda p: p.box[0], default=None)
    if (
        nearest is not None
        and nearest.label is None
        and id(nearest) not in used
        and nearest.box[0] - x1 < RIGHT_REACH_HEIGHTS * height
        and not _ruled_off(view, x1, nearest.box[0], label.centre[1])
    ):
        found.append(("right", nearest))
    for kind in ("below", "above"):
        stacked = []
        for piece in view.pieces:
            gap = piece.box[1] - y1 if kind == "below" else y0 - piece.box[3]
            beside = (piece.box[0] < x1 and piece.box[2] > x0) or abs(piece.box[0] - x0) < 2 * height
            if (
                piece is not label
                and beside
                and -0.3 * height <= gap <= STACK_REACH_HEIGHTS * max(height, piece.height)
            ):
                stacked.append((gap, piece))
        nearest = min(stacked, key=lambda item: item[0])[1] if stacked else None
        if nearest is not None and nearest.label is None and id(nearest) not in used:
            found.append((kind, nearest))
    return found


def _ruled_off(view: TurnedSheet, x0: float, x1: float, y: float) -> bool:
    rules = [r for r in view.grid.upright if x0 < r.at < x1 and r.start <= y <= r.end]
    return len(rules) > 1


def value_place(label: Piece, view: TurnedSheet, style: dict[str, float]) -> BBox | None:
    """Where this sheet would write the value of a label without text: to look there for something illegible."""
    if label.inline is not None:
        return None
    _, y0, x1, y1 = label.box
    if label.cell is not None:
        if style["own"] >= max(style["cell_right"], style["cell_below"]):
            return label.cell
        neighbours = dict(_neighbour_cells(label, view))
        best = max(("cell_right", "cell_below", "cell_above"), key=lambda kind: style[kind])
        return neighbours.get(best, label.cell)  # type: ignore[call-overload,no-any-return]
    return x1, y0 - 0.6 * label.height, x1 + 16 * label.height, y1 + 0.6 * label.height


def has_scribble(view: TurnedSheet, place: BBox) -> bool:
    """True when slanted strokes or small marks stand in a place that are no text: a signature, a stamp, a blot."""
    margin = 2 * view.grid.tolerance
    x0, y0, x1, y1 = place
    box = (x0 + margin, y0 + margin, x1 - margin, y1 - margin)
    strokes = 0
    for s in view.page.segments:
        if s.is_horizontal or s.is_vertical or s.length > 0.7 * (x1 - x0):
            continue
        if (
            contains(box, (s.x0 + s.x1) / 2, (s.y0 + s.y1) / 2)
            and contains(box, s.x0, s.y0, margin)
            and contains(box, s.x1, s.y1, margin)
        ):
            strokes += 1
    for mark in view.page.marks:
        if contains(box, (mark.box[0] + mark.box[2]) / 2, (mark.box[1] + mark.box[3]) / 2):
            strokes += sum(max(0, len(path) - 1) for path in mark.paths)
    return strokes >= MIN_SCRIBBLE_STROKES
