"""One sheet as text and strokes, whatever the file was: the common ground of PDF, scans and DXF.

Page coordinates have their origin at the top left and y down. Every word also knows its place in its own reading frame:
``u`` along the text, ``v`` downwards, so that text at any angle is handled like horizontal text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

from coordinator.modules.drawings.reading.model import BBox

ANGLE_TOLERANCE_DEG = 3.0


@dataclass(frozen=True)
class Segment:
    """A straight stroke."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def length(self) -> float:
        return math.hypot(self.x1 - self.x0, self.y1 - self.y0)

    @property
    def is_horizontal(self) -> bool:
        return abs(self.y1 - self.y0) <= 0.02 * self.length

    @property
    def is_vertical(self) -> bool:
        return abs(self.x1 - self.x0) <= 0.02 * self.length


@dataclass(frozen=True)
class Word:
    """A piece of text in its reading frame; ``height`` is the cap height, ``angle`` counter-clockwise in degrees."""

    text: str
    u0: float
    u1: float
    v0: float
    v1: float
    angle: float = 0.0
    confidence: float = 1.0
    source: str = "text"

    @property
    def height(self) -> float:
        return self.v1 - self.v0

    @cached_property
    def bbox(self) -> BBox:
        """Upright box in page coordinates."""
        corners = [to_page(u, v, self.angle) for u in (self.u0, self.u1) for v in (self.v0, self.v1)]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def centre(self) -> tuple[float, float]:
        """Middle in page coordinates."""
        return to_page((self.u0 + self.u1) / 2, (self.v0 + self.v1) / 2, self.angle)


@dataclass(frozen=True)
class Mark:
    """A small drawing which may be a sign; ``filled`` when its inside is painted."""

    paths: tuple[tuple[tuple[float, float], ...], ...]
    box: BBox
    filled: bool = False


@dataclass(frozen=True)
class Trace:
    """A polyline as it is drawn, curves cut into chords; ``is_leader`` where the file says that it leads to a text."""

    points: tuple[tuple[float, float], ...]
    filled: bool = False
    dashed: bool = False
    is_leader: bool = False

    @cached_property
    def box(self) -> BBox:
        xs, ys = [x for x, _ in self.points], [y for _, y in self.points]
        return min(xs), min(ys), max(xs), max(ys)


@dataclass
class Page:
    """Words and strokes of one sheet."""

    number: int
    width: float
    height: float
    words: list[Word] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    """Small polylines with their arcs, dashed lines and leaders: what welding symbols are made of."""
    to_file: tuple[float, float, float, float, float, float] | None = None

    def file_box(self, box: BBox) -> BBox:
        """A box in the coordinates of the file, where the page was turned or scaled for reading (affine ``to_file``)."""
        if self.to_file is None:
            return box
        a, b, c, d, e, f = self.to_file
        corners = [(a * x + b * y + c, d * x + e * y + f) for x in (box[0], box[2]) for y in (box[1], box[3])]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return min(xs), min(ys), max(xs), max(ys)


def to_frame(x: float, y: float, angle: float) -> tuple[float, float]:
    """Page point to (u, v) of a reading direction."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return x * c - y * s, x * s + y * c


def to_page(u: float, v: float, angle: float) -> tuple[float, float]:
    """(u, v) of a reading direction to a page point."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return u * c + v * s, -u * s + v * c


def same_angle(a: float, b: float) -> bool:
    """True when two reading directions agree within 3°."""
    return abs((a - b + 180) % 360 - 180) <= ANGLE_TOLERANCE_DEG


def union_box(boxes: list[BBox]) -> BBox:
    """The box around boxes."""
    return (
        min(box[0] for box in boxes), min(box[1] for box in boxes),
        max(box[2] for box in boxes), max(box[3] for box in boxes),
    )  # fmt: skip


def join_words(words: list[Word], separators: list[Segment], max_gap: float = 0.9) -> list[list[Word]]:
    """Group words into lines: one direction, one baseline, gaps below ``max_gap`` heights, no upright stroke between."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda item: (round(item.angle / 5), item.u0)):
        best = None
        for line in lines:
            last = line[-1]
            gap = word.u0 - last.u1
            scale = max(last.height, word.height)
            if (
                same_angle(last.angle, word.angle)
                and -0.5 * scale <= gap <= max_gap * scale
                and _level(last, word)
                and (best is None or gap < word.u0 - best[-1].u1)
                and not separated(last, word, separators)
            ):
                best = line
        if best is None:
            lines.append([word])
        else:
            best.append(word)
    return lines


def _level(a: Word, b: Word) -> bool:
    tall, small = (a, b) if a.height >= b.height else (b, a)
    if tall.height > 1.9 * small.height and len(small.text) > 1:
        return False
    # Signs and commas are small but stand inside the band of their neighbour; deviations stand out of it.
    inside = min(tall.v1, small.v1) - max(tall.v0, small.v0)
    return inside >= 0.75 * small.height and abs(tall.v1 - small.v1) < 0.45 * tall.height


def separated(a: Word, b: Word, separators: list[Segment]) -> bool:
    """True when an upright stroke higher than the letters stands between two words of a line."""
    if b.u0 - a.u1 < 0.15 * a.height:
        return False
    v = (max(a.v0, b.v0) + min(a.v1, b.v1)) / 2
    left, right = to_page(a.u1 - 0.1, v, a.angle), to_page(b.u0 + 0.1, v, b.angle)
    return any(_crosses(left, right, stroke) for stroke in separators if stroke.length > 1.2 * a.height)


def _crosses(a: tuple[float, float], b: tuple[float, float], stroke: Segment) -> bool:
    def side(px: float, py: float, qx: float, qy: float, x: float, y: float) -> float:
        return (qx - px) * (y - py) - (qy - py) * (x - px)

    one = side(*a, *b, stroke.x0, stroke.y0) * side(*a, *b, stroke.x1, stroke.y1)
    two = side(stroke.x0, stroke.y0, stroke.x1, stroke.y1, *a) * side(
        stroke.x0, stroke.y0, stroke.x1, stroke.y1, *b
    )
    return one < 0 and two < 0
