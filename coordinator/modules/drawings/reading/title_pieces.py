"""The texts of a sheet as pieces in the reading direction of its title block: labels with their fields, and values."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, replace

from coordinator.modules.drawings.reading.cells import Grid, centre_of, contains
from coordinator.modules.drawings.reading.labels import fits, is_label_word, match_label
from coordinator.modules.drawings.reading.layout import TextBlock
from coordinator.modules.drawings.reading.model import BBox
from coordinator.modules.drawings.reading.page import Mark, Page, Segment, Word, same_angle, to_frame, to_page
from coordinator.modules.drawings.reading.treatment_text import treatment_kind

MIN_TURNED_LABELS = 3
ZONE_MARK_LENGTH = 2
SHORTEST_RUN_ON = 4
SAME_LINE = 0.5
# Recognition loses the blank between a label and its value: "FINISHBlack oxide", "N° de planTP02".
_GLUED = re.compile(
    r"(?<=[A-ZÀ-Ü]{2})(?=[A-ZÀ-Ü][a-zà-ü])|(?<=[a-zà-ü]{3})(?=[A-ZÀ-Ü\d])|(?<=N[°º])(?=[A-Z\d])"
)


@dataclass
class Piece:
    """A line of text. ``label`` is the field it announces; ``inline`` the value written behind the label."""

    block: TextBlock
    text: str
    box: BBox
    height: float
    confidence: float
    cell: BBox | None = None
    label: str | None = None
    inline: str | None = None

    @property
    def centre(self) -> tuple[float, float]:
        return centre_of(self.box)


@dataclass
class TurnedSheet:
    """The sheet seen in one reading direction: x along the text, y down. ``to_page_box`` leads back."""

    angle: float
    page: Page
    grid: Grid
    pieces: list[Piece]
    shift: tuple[float, float]

    def to_page_box(self, box: BBox) -> BBox:
        """A box of this view in the coordinates of the page."""
        if self.angle == 0:
            return box
        du, dv = self.shift
        corners = [to_page(u - du, v - dv, self.angle) for u in (box[0], box[2]) for v in (box[1], box[3])]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def labels(self) -> list[Piece]:
        """Pieces which are labels."""
        return [piece for piece in self.pieces if piece.label is not None]

    def inside(self, box: BBox, slack: float = 0.0) -> list[Piece]:
        """Pieces whose middle lies in a box, in reading order."""
        found = [piece for piece in self.pieces if contains(box, *piece.centre, slack)]
        return _in_reading_order(found)


def _in_reading_order(pieces: list[Piece]) -> list[Piece]:
    """Line by line, from left to right."""
    lines: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda p: p.centre[1]):
        first = lines[-1][0] if lines else None
        if (
            first is not None
            and abs(piece.centre[1] - first.centre[1]) < max(piece.height, first.height) * SAME_LINE
        ):
            lines[-1].append(piece)
        else:
            lines.append([piece])
    return [piece for line in lines for piece in sorted(line, key=lambda p: p.box[0])]


def view_title_block(page: Page, blocks: list[TextBlock], grid: Grid) -> TurnedSheet:
    """See the sheet in the direction in which most of its title-block labels read."""
    votes: Counter[float] = Counter()
    for block in blocks:
        if block.words and (match := match_label(block.text)) and not match[0].startswith("_"):
            votes[_quarter(block.words[0].angle)] += 1
    angle = max(votes, key=lambda item: votes[item], default=0.0)
    if votes[angle] < MIN_TURNED_LABELS or votes[angle] <= votes[0.0]:
        angle = 0.0
    return _view(page, blocks, grid, angle)


def _quarter(angle: float) -> float:
    return float(round(angle / 90) * 90 % 360)


def _view(page: Page, blocks: list[TextBlock], grid: Grid, angle: float) -> TurnedSheet:
    shift = (0.0, 0.0)
    if angle:
        corners = [to_frame(x, y, angle) for x in (0, page.width) for y in (0, page.height)]
        shift = (-min(u for u, _ in corners), -min(v for _, v in corners))
        page = _turned(page, angle, shift)
        grid = Grid(page)
    frame = grid.drawing_frame()
    pieces = []
    for block in [part for whole in blocks for part in _apart(whole, grid, shift)]:
        if not block.words or not same_angle(block.words[0].angle, angle):
            continue
        box = _box(block, shift)
        if len(block.text) <= ZONE_MARK_LENGTH and not contains(frame, *centre_of(box)):
            continue
        text = (
            block.text
            if block.stack is None
            else f"{block.text} {block.stack.top.text}/{block.stack.bottom.text}"
        )
        cell = grid.cell(*centre_of(box), block.words[0].height)
        if cell is not None and block.words[0].source == "ocr":
            # Recognition of scans takes the nought of "01" or of a date for the sign of a diameter.
            text = re.sub(r"^Ø(?=\d[\d./-]*$)", "0", text)
            loose = _GLUED.sub(" ", text)
            if loose != text and (match_label(loose) or _label_run_on(block.words[0], loose)):
                text = loose
        piece = Piece(block, text, box, block.words[0].height, block.confidence, cell)
        if match := match_label(text) or (cell is not None and _label_run_on(block.words[0], text)):
            piece.label, piece.inline = match
        pieces.append(piece)
    return TurnedSheet(angle, page, grid, pieces, shift)


def _label_run_on(word: Word, text: str) -> tuple[str, str] | None:
    """Label and value of a cell of a scan which text detection took for one text ("Désignation Levier de commande")."""
    parts = text.split()
    for count in range(min(4, len(parts) - 1), 0, -1) if word.source == "ocr" else ():
        left, right = " ".join(parts[:count]), " ".join(parts[count:])
        found = match_label(left)
        if found is None or found[1] is not None or found[0].startswith("_") or len(left) < SHORTEST_RUN_ON:
            continue
        begins = right[0].isupper() or right[0].isdigit()
        # "Peinture RAL 7035" is a treatment, no label with its value.
        if begins and treatment_kind(left) is None and fits(found[0], right) and not is_label_word(right):
            return found[0], right
    return None


def _apart(block: TextBlock, grid: Grid, shift: tuple[float, float]) -> list[TextBlock]:
    """A line cut where a rule of the table runs between its words, and where a DXF file has separate texts."""
    runs: list[list[Word]] = []
    last_cell: BBox | None = None
    for word in block.words:
        cell = grid.cell(
            word.u0 + shift[0] + 0.3 * word.height, (word.v0 + word.v1) / 2 + shift[1], word.height
        )
        own_text = word.source == "dxf" and re.search(r"[^\W\d_]{2}", word.text) is not None
        crossed = cell is not None and last_cell is not None and cell != last_cell
        if runs and not crossed and not own_text:
            runs[-1].append(word)
        else:
            runs.append([word])
        last_cell = cell
    if len(runs) < 2:
        return [block]
    return [TextBlock(run, block.stack if run is runs[-1] else None) for run in runs]


def _box(block: TextBlock, shift: tuple[float, float]) -> BBox:
    du, dv = shift
    words = block.parts
    return (
        min(w.u0 for w in words) + du,
        min(w.v0 for w in words) + dv,
        max(w.u1 for w in words) + du,
        max(w.v1 for w in words) + dv,
    )


def _turned(page: Page, angle: float, shift: tuple[float, float]) -> Page:
    def move(x: float, y: float) -> tuple[float, float]:
        u, v = to_frame(x, y, angle)
        return u + shift[0], v + shift[1]

    quarter = bool(round(math.sin(math.radians(angle))))
    size = (page.height, page.width) if quarter else (page.width, page.height)
    marks = []
    for mark in page.marks:
        paths = tuple(tuple(move(*point) for point in path) for path in mark.paths)
        corners = [move(x, y) for x in (mark.box[0], mark.box[2]) for y in (mark.box[1], mark.box[3])]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        marks.append(Mark(paths, (min(xs), min(ys), max(xs), max(ys)), mark.filled))
    segments = [Segment(*move(s.x0, s.y0), *move(s.x1, s.y1)) for s in page.segments]
    return replace(page, width=size[0], height=size[1], segments=segments, marks=marks, to_file=None)
