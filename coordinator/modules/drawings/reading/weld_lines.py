"""Reference lines of welding symbols: a level line which a slanted leader ends on, with small drawings standing on it."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from coordinator.modules.drawings.reading.layout import TextBlock
from coordinator.modules.drawings.reading.model import BBox, Weld
from coordinator.modules.drawings.reading.page import Page, Segment, Trace, Word, union_box
from coordinator.modules.drawings.reading.weld_shapes import Chain, Point, chains_of, classify, strokes_of
from coordinator.modules.drawings.reading.weld_text import PROCESS, describe, is_run, is_size, write

__all__ = ["PROCESS", "read_reference_lines"]

SHORTEST, LONGEST = 2.0, 60.0
TALLEST, LOWEST = 6.0, 0.28
FLATTEST_DEG, STEEPEST_DEG = 12.0, 86.0
JOINT = 0.25
AT_FOOT = 0.75
TAIL_REACH, TAIL_GAP, TEXT_GAP = 3.5, 0.9, 2.5
"""All in heights of the letters of the sheet, angles apart."""


_SIGNS = " ⌵⌴□°"
"""What the strokes of a symbol may have been taken for."""


@dataclass
class _Line:
    """A reference line: its ends from left to right, the end which the leader meets, height of letters, v = 0 on it."""

    left: float
    right: float
    y: float
    kink: float
    unit: float
    dashed: int = 0
    """1 where a dashed line runs above it, -1 below, 0 without one."""
    feet: dict[int, float] = field(default_factory=lambda: {1: 0.0, -1: 0.0})
    """Distance of the line which symbols stand on, above and below."""

    @property
    def end(self) -> float:
        return self.right if self.kink == self.left else self.left


@dataclass
class _Symbol:
    kind: str
    side: int
    box: BBox
    """Place on the page."""


def read_reference_lines(blocks: Sequence[TextBlock], page: Page, unit: str) -> tuple[list[Weld], set[int]]:
    """The welds of all reference lines, and the blocks of text used up."""
    heights = [word.height for word in page.words if word.height > 0]
    if not heights or not page.traces:
        return [], set()
    height = statistics.median(heights)
    small = _Grid([t for t in page.traces if not t.filled and _extent(t) <= TALLEST * height], 4 * height)
    found: list[Weld] = []
    used: set[int] = set()
    seen: set[tuple[int, int, int]] = set()
    for line in _lines(page, height):
        key = round(line.left / height), round(line.right / height), round(line.y / height)
        if key in seen:
            continue
        seen.add(key)
        near = small.near((line.left - height, line.y - 8 * height, line.right + height, line.y + 8 * height))
        symbols = _symbols(line, near)
        if symbols:
            welds, taken = _welds(line, symbols, blocks, page, unit)
            found += welds
            used |= taken
    return found, used


class _Grid:
    """Small traces by the square of the sheet their middle lies in."""

    def __init__(self, traces: Sequence[Trace], size: float) -> None:
        self._size, self._cells = size, defaultdict[tuple[int, int], list[Trace]](list)
        for trace in traces:
            box = trace.box
            self._cells[int((box[0] + box[2]) / 2 // size), int((box[1] + box[3]) / 2 // size)].append(trace)

    def near(self, box: BBox) -> list[Trace]:
        columns = range(int(box[0] // self._size), int(box[2] // self._size) + 1)
        rows = range(int(box[1] // self._size), int(box[3] // self._size) + 1)
        return [trace for column in columns for row in rows for trace in self._cells.get((column, row), ())]


def _extent(trace: Trace) -> float:
    x0, y0, x1, y1 = trace.box
    return max(x1 - x0, y1 - y0)


def _lines(page: Page, height: float) -> Iterator[_Line]:
    """Level strokes with a slanted stroke from one of their ends, the leader."""
    strokes = [s for s in page.segments if s.length > 0.8 * height]
    strokes += [
        Segment(*a, *b) for t in page.traces if t.is_leader for a, b in strokes_of(t.points) if a != b
    ]
    step = JOINT * height
    slanted: dict[tuple[int, int], list[tuple[Point, Point]]] = defaultdict(list)
    level: list[Segment] = []
    for stroke in strokes:
        if stroke.is_horizontal:
            if SHORTEST * height <= stroke.length <= LONGEST * height:
                level.append(stroke)
            continue
        angle = math.degrees(math.atan2(abs(stroke.y1 - stroke.y0), abs(stroke.x1 - stroke.x0)))
        if FLATTEST_DEG < angle < STEEPEST_DEG and stroke.length > 1.2 * height:
            a, b = (stroke.x0, stroke.y0), (stroke.x1, stroke.y1)
            slanted[int(a[0] // step), int(a[1] // step)].append((a, b))
            slanted[int(b[0] // step), int(b[1] // step)].append((b, a))
    dashed = [trace for trace in page.traces if trace.dashed]
    for stroke in level:
        left, right = sorted((stroke.x0, stroke.x1))
        for kink in (left, right):
            if _has_leader((kink, stroke.y0), left, right, slanted, step):
                line = _Line(left, right, stroke.y0, kink, height)
                _find_dashed(line, dashed)
                yield line
                break


def _has_leader(
    kink: Point,
    left: float,
    right: float,
    slanted: dict[tuple[int, int], list[tuple[Point, Point]]],
    step: float,
) -> bool:
    column, row = int(kink[0] // step), int(kink[1] // step)
    away = [
        far
        for dx in (-1, 0, 1)
        for dy in (-1, 0, 1)
        for near, far in slanted.get((column + dx, row + dy), ())
        if math.dist(near, kink) <= step and not left + step < far[0] < right - step
    ]
    # Two strokes that part like a fork are the tail.
    ups = {far[1] < kink[1] for far in away}
    return len(ups) == 1


def _find_dashed(line: _Line, dashed: Sequence[Trace]) -> None:
    """The dashed identification line of ISO 2553 beside the reference line."""
    for trace in dashed:
        x0, y0, x1, y1 = trace.box
        away = line.y - (y0 + y1) / 2
        if y1 - y0 > 0.1 * line.unit or not 0.15 * line.unit < abs(away) < 1.6 * line.unit:
            continue
        shared = min(x1, line.right) - max(x0, line.left)
        if shared > 0.5 * (line.right - line.left):
            line.dashed = 1 if away > 0 else -1
            line.feet[line.dashed] = abs(away)
            return


def _symbols(line: _Line, traces: Sequence[Trace]) -> list[_Symbol]:
    """Symbols on both sides; a trace which crosses the line belongs half to each side."""
    found: list[_Symbol] = []
    rings = [chain for t in traces if (chain := _ring(t, line)) is not None]
    middle = _across(line, rings, traces)
    if middle is not None:
        return [middle]
    for side in (1, -1):
        strokes = [
            s for t in traces if not (t.dashed or _is_round_joint(t, line)) for s in _half(t, line, side)
        ]
        for cluster in _clusters(strokes, line):
            kind = classify([[(u, v) for u, v in chain] for chain in cluster])
            if kind is not None:
                us, vs = [u for c in cluster for u, _ in c], [v for c in cluster for _, v in c]
                ys = sorted((line.y - side * min(vs), line.y - side * max(vs)))
                found.append(_Symbol(kind, side, (min(us), ys[0], max(us), ys[1])))
    return found


def _ring(trace: Trace, line: _Line) -> Trace | None:
    x0, y0, x1, y1 = trace.box
    is_round = len(trace.points) > 8 and 0.8 * (x1 - x0) < y1 - y0 < 1.25 * (x1 - x0)
    closed = math.dist(trace.points[0], trace.points[-1]) < 0.2 * (x1 - x0)
    at_kink = (
        abs((x0 + x1) / 2 - line.kink) < 0.4 * line.unit and abs((y0 + y1) / 2 - line.y) < 0.4 * line.unit
    )
    return trace if is_round and closed and not at_kink else None


def _across(line: _Line, rings: Sequence[Trace], traces: Sequence[Trace]) -> _Symbol | None:
    """A spot or a seam centred on the reference line: the weld lies between the parts."""
    for ring in rings:
        x0, y0, x1, y1 = ring.box
        size = x1 - x0
        if abs((y0 + y1) / 2 - line.y) > 0.2 * size or not line.left < (x0 + x1) / 2 < line.right:
            continue
        bars = {
            round((a[1] - line.y) / (0.1 * size))
            for t in traces
            for a, b in strokes_of(t.points)
            if abs(a[1] - b[1]) < 0.05 * size and abs(b[0] - a[0]) > 0.9 * size and y0 < a[1] < y1
            and min(a[0], b[0]) < x0 + 0.2 * size and max(a[0], b[0]) > x1 - 0.2 * size and abs(a[1] - line.y) > 0.08 * size
        }  # fmt: skip
        return _Symbol("seam" if len(bars) >= 2 else "spot", 0, ring.box)
    return None


def _half(trace: Trace, line: _Line, side: int) -> list[list[Point]]:
    """What of a trace stands on one side of the line, as polylines of (x, distance); what runs along the line left out."""
    slack, high = 0.12 * line.unit, 7 * line.unit
    kept: list[tuple[Point, Point]] = []
    points = [(x, side * (line.y - y)) for x, y in trace.points]
    if any(_at_kink(p, line) for p in (points[0], points[-1])) and len(points) <= 4:
        return []
    centred = min(v for _, v in points) < -slack
    for a, b in strokes_of(points):
        if centred and (a[1] < 0) != (b[1] < 0):
            t = a[1] / (a[1] - b[1])
            cut = (a[0] + t * (b[0] - a[0]), 0.0)
            a, b = (cut, b) if a[1] < 0 else (a, cut)
        level = abs(a[1] - b[1]) < 0.02 * line.unit and abs(a[0] - b[0]) > 0.3 * line.unit
        along = level and min(abs(a[1]), abs(a[1] - line.feet[side])) < slack
        if not along and a[1] + b[1] > 0 and min(a[1], b[1]) >= -slack and max(a[1], b[1]) < high:
            kept.append((a, b))
    inside = [s for s in kept if line.left - line.unit < s[0][0] < line.right + line.unit]
    return chains_of(inside) if len(inside) == len(kept) else []


def _at_kink(point: Point, line: _Line) -> bool:
    return math.dist(point, (line.kink, 0.0)) < 0.3 * line.unit


def _clusters(chains: Sequence[Chain], line: _Line) -> Iterator[list[Chain]]:
    """Strokes which stand beside each other on the line; those over a gap are contours or numbers, and left out."""
    spans = sorted(chains, key=lambda chain: min(u for u, _ in chain))
    groups: list[list[Chain]] = []
    reach = -math.inf
    for chain in spans:
        us, vs = [u for u, _ in chain], [v for _, v in chain]
        if not groups or min(us) - reach > 0.9 * max(max(vs) for _, vs in map(_uv, groups[-1])):
            groups.append([])
            reach = -math.inf
        groups[-1].append(chain)
        reach = max(reach, *us)
    for group in groups:
        standing = _standing(group, line)
        vs = [v for chain in standing for _, v in chain]
        if vs and LOWEST * line.unit < max(vs) - min(vs) < TALLEST * line.unit:
            yield standing


def _uv(chain: Chain) -> tuple[list[float], list[float]]:
    return [u for u, _ in chain], [v for _, v in chain]


def _standing(group: Sequence[Chain], line: _Line) -> list[Chain]:
    """The strokes from the line upwards as far as they hold together."""
    ordered = sorted(group, key=lambda chain: min(v for _, v in chain))
    top, found = 0.0, list[Chain]()
    reach = max(line.feet.values()) + AT_FOOT * line.unit
    for chain in ordered:
        low, high = min(v for _, v in chain), max(v for _, v in chain)
        if low > (top + 0.15 * line.unit if found else reach):
            break
        found.append(chain)
        top = max(top, high)
    return found


def _welds(
    line: _Line, symbols: Sequence[_Symbol], blocks: Sequence[TextBlock], page: Page, unit: str
) -> tuple[list[Weld], set[int]]:
    tail, taken = _tail(line, blocks, page)
    around, site = _ringed(line, page), _flagged(line, page)
    welds: list[Weld] = []
    sizes: list[bool] = []
    for symbol in symbols:
        left, right, angle, own = _texts(line, symbol, blocks)
        if any("Ø" in t for t in (left, right)) and symbol.kind not in ("spot", "plug", "seam"):
            continue
        boxes = [symbol.box, *(b.bbox for b in blocks if id(b) in own)]
        weld = Weld(
            symbol.kind, unit=unit, page=page.number, bbox=union_box(boxes), all_around=around, on_site=site
        )
        weld.side = _side(line, symbol)
        welds.append(describe(weld, left, right, angle))
        sizes.append(weld.size is not None or weld.length is not None or weld.count > 1)
        taken |= own
    said = any(sizes) or tail or around or site or line.dashed or len(welds) > 1
    if not welds or not (said or _has_arrow(line, page)):
        return [], set()
    return [write(weld, tail) for weld in _paired(welds)], taken


def _side(line: _Line, symbol: _Symbol) -> str:
    if symbol.side == 0:
        return "both"
    if line.dashed == 0:
        return "above" if symbol.side > 0 else "below"
    return "other" if symbol.side == line.dashed else "arrow"


def _paired(welds: list[Weld]) -> list[Weld]:
    """Equal symbols on both sides are one weld on both sides; a size on one side alone holds for both (ISO 2553)."""
    if len(welds) != 2 or welds[0].kind != welds[1].kind or {welds[0].side, welds[1].side} == {"both"}:
        return welds
    one, two = welds
    facts = [(w.size_letter, w.size, w.count, w.length, w.pitch) for w in welds]
    blank = (None, None, 1, None, None)
    if facts[0] != facts[1] and blank not in facts:
        return welds
    kept, other = (two, one) if facts[0] == blank else (one, two)
    if kept.side == other.side:
        return welds
    kept.side, kept.bbox = "both", union_box([b for b in (one.bbox, two.bbox) if b is not None])
    return [kept]


def _texts(line: _Line, symbol: _Symbol, blocks: Sequence[TextBlock]) -> tuple[str, str, str, set[int]]:
    """Texts left, right and over a symbol, and their blocks."""
    x0, y0, x1, y1 = symbol.box
    u, middle = line.unit, (x0 + x1) / 2
    tops = (line.y - 4.5 * u, line.y) if symbol.side > 0 else (line.y, line.y + 4.5 * u)
    if symbol.side == 0:
        tops = (line.y - 3 * u, line.y + 3 * u)
    left: list[Word] = []
    right: list[Word] = []
    over: list[Word] = []
    own: set[int] = set()
    for block in blocks:
        for word in block.words:
            x, y = word.centre
            on_line = symbol.side != 0 and abs(y - line.y) < 0.4 * u
            if abs(word.angle) > 1 or on_line or not tops[0] <= y <= tops[1] or word.u1 < line.left - 3 * u:
                continue
            beyond = not (y0 - 0.4 * u < y < y1 + 0.4 * u)
            if not beyond:
                (left if x < middle else right).append(word)
            elif abs(x - middle) < 2 * u:
                over.append(word)
    chosen = _beside(left, x0, -1), _beside(right, x1, 1), over
    texts = [" ".join(w.text for w in sorted(ws, key=lambda w: w.u0)).strip(_SIGNS) for ws in chosen]
    if not is_size(texts[0]):
        texts[0] = ""
    if not is_run(texts[1]):
        texts[1] = ""
    kept = [w for text, ws in zip(texts, chosen, strict=True) if text for w in ws]
    for block in blocks:
        if any(any(w is one for one in kept) for w in block.words):
            own.add(id(block))
    return texts[0], texts[1], texts[2], own


def _beside(words: Sequence[Word], edge: float, sign: int) -> list[Word]:
    """The words that follow each other from a symbol outwards."""
    found: list[Word] = []
    for word in sorted(words, key=lambda w: sign * w.centre[0]):
        near, far = (word.u0, word.u1) if sign > 0 else (word.u1, word.u0)
        if sign * (near - edge) > TEXT_GAP * word.height:
            break
        found.append(word)
        edge = far
    return found


def _tail(line: _Line, blocks: Sequence[TextBlock], page: Page) -> tuple[list[str], set[int]]:
    """Texts behind the end of the line which the leader does not meet; anything behind a drawn fork, else a process only."""
    sign = 1 if line.end == line.right else -1
    forked = _is_forked(line, page)
    found: list[TextBlock] = []
    start = line.end
    for _ in range(4):
        # Widths of letters in a DXF are guesses: a text may seem to reach over the fork.
        near = [
            b for b in blocks
            if b.words and b not in found and abs(b.words[0].angle) < 1 and abs((b.bbox[1] + b.bbox[3]) / 2 - line.y) < 2.2 * line.unit
            and sign * ((b.bbox[0] + b.bbox[2]) / 2 - start) > 0
            and sign * ((b.bbox[0] if sign > 0 else b.bbox[2]) - start) < (TAIL_REACH if not found else TAIL_GAP) * line.unit
        ]  # fmt: skip
        near = [b for b in near if forked or PROCESS.match(b.text.split("/")[0].strip().upper())]
        if not near:
            break
        found += near
        start = max(b.bbox[2] for b in near) if sign > 0 else min(b.bbox[0] for b in near)
    found.sort(key=lambda b: (round(b.bbox[1] / line.unit), b.bbox[0]))
    return [b.text for b in found], {id(b) for b in found}


def _is_forked(line: _Line, page: Page) -> bool:
    ends = []
    for a, b in ((a, b) for t in page.traces for a, b in strokes_of(t.points)):
        for near, far in ((a, b), (b, a)):
            out = (far[0] - line.end) * (1 if line.end == line.right else -1)
            if (
                math.dist(near, (line.end, line.y)) < JOINT * line.unit
                and 0.3 * line.unit < out < 5 * line.unit
            ):
                ends.append(far[1] - line.y)
    return any(e > 0.3 * line.unit for e in ends) and any(e < -0.3 * line.unit for e in ends)


def _ringed(line: _Line, page: Page) -> bool:
    """A small circle around the joint of leader and line: the weld runs all around."""
    return any(_is_round_joint(trace, line) for trace in page.traces)


def _is_round_joint(trace: Trace, line: _Line) -> bool:
    x0, y0, x1, y1 = trace.box
    size, near = x1 - x0, 0.25 * line.unit
    centred = abs((x0 + x1) / 2 - line.kink) < near and abs((y0 + y1) / 2 - line.y) < near
    small = 0.4 * line.unit < size < 4 * line.unit
    return centred and small and len(trace.points) > 8 and 0.8 < (y1 - y0) / size < 1.25


def _flagged(line: _Line, page: Page) -> bool:
    """A pole with a flag at the joint of leader and line: the weld is made on site."""
    for trace in page.traces:
        points = trace.points
        if not 3 <= len(points) <= 8 or _extent(trace) > 6 * line.unit:
            continue
        foot = any(
            abs(x - line.kink) < 0.3 * line.unit and abs(y - line.y) < 0.3 * line.unit for x, y in points
        )
        up = [
            (x, y)
            for x, y in points
            if abs(x - line.kink) < 0.2 * line.unit and abs(y - line.y) > 1.0 * line.unit
        ]
        side = [
            (x, y)
            for x, y in points
            if abs(x - line.kink) > 0.4 * line.unit and abs(y - line.y) > 0.6 * line.unit
        ]
        if foot and up and side and len(up) + len(side) >= 2 and len(points) >= 4:
            return True
    pole = any(
        abs(a[0] - b[0]) < 0.1 * line.unit and abs(a[0] - line.kink) < 0.2 * line.unit
        and min(abs(a[1] - line.y), abs(b[1] - line.y)) < 0.2 * line.unit and abs(a[1] - b[1]) > line.unit
        for t in page.traces if _extent(t) < 6 * line.unit for a, b in strokes_of(t.points)
    )  # fmt: skip
    flag = any(
        3 <= len(t.points) <= 5 and 0.5 * line.unit < _extent(t) < 4 * line.unit
        and sum(abs(x - line.kink) < 0.2 * line.unit for x, _ in t.points) >= 2
        and line.unit < max(abs(y - line.y) for _, y in t.points) < 6 * line.unit
        and any(abs(x - line.kink) > 0.4 * line.unit for x, _ in t.points)
        for t in page.traces
    )  # fmt: skip
    return pole and flag


def _has_arrow(line: _Line, page: Page) -> bool:
    """A painted or drawn arrow head where the leader ends."""
    far = [
        far for s in page.segments for near, far in (((s.x0, s.y0), (s.x1, s.y1)), ((s.x1, s.y1), (s.x0, s.y0)))
        if math.dist(near, (line.kink, line.y)) < JOINT * line.unit and abs(far[1] - line.y) > line.unit
    ]  # fmt: skip
    return any(
        t.is_leader
        or (t.filled and len(t.points) <= 5 and any(math.dist(p, end) < 0.8 * line.unit for p in t.points))
        for end in far
        for t in page.traces
        if not t.is_leader or any(math.dist(p, end) < JOINT * line.unit for p in t.points)
    )
