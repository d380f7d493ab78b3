"""Puts words together to dimensions: deviations and limits stacked over each other (DRW-18)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from coordinator.modules.drawings.reading.dimension_text import (
    NUMBER,
    DimensionText,
    normalise,
    parse_dimension,
    to_number,
)
from coordinator.modules.drawings.reading.model import BBox, Dimension
from coordinator.modules.drawings.reading.page import (
    Page,
    Word,
    join_words,
    same_angle,
    union_box,
)

_NUMBER_WORD = re.compile(rf"^[+\-]?\s?{NUMBER}°?$")
_GLUED_DEVIATION = re.compile(rf"^(.*?\d)\s*([+\-]{NUMBER})$")
_HIDDEN_POINT = re.compile(r"(?<=\d)(\s?[±+]\s?|\s-\s?)0 ?(?=\d+$)")
TIGHT_WIDTH_MM = 0.02
STACK_MAX_DROP = 2.4
SIGNED_MAX_GAP = 2.4
WIDEST_SHARE, SMALL_SIZE, DOUBTFUL = 0.4, 3.0, 0.3
"""Tolerances wider than this share of a size above ``SMALL_SIZE`` are rather misread than meant."""
MENDED = 0.85
"""Highest confidence of what was set right after reading: a person checks it."""


@dataclass(frozen=True)
class _Stack:
    """Two numbers over each other."""

    top: Word
    bottom: Word

    @property
    def is_limits(self) -> bool:
        return not any(
            word.text[0] in "+-" or to_number(word.text.rstrip("°")) == 0 for word in (self.top, self.bottom)
        )


@dataclass
class TextBlock:
    """A line of text with the numbers stacked behind it; the unit in which dimensions are read."""

    words: list[Word]
    stack: _Stack | None = None

    @property
    def text(self) -> str:
        return line_text(self.words)

    @property
    def parts(self) -> list[Word]:
        return self.words + ([self.stack.top, self.stack.bottom] if self.stack else [])

    @property
    def bbox(self) -> BBox:
        return union_box([word.bbox for word in self.parts])

    @property
    def confidence(self) -> float:
        return min(word.confidence for word in self.parts)


def line_text(words: list[Word]) -> str:
    """Text of a line; a blank only where the gap says so."""
    out = ""
    for before, word in zip([None, *words], words, strict=False):
        gap = 0.0 if before is None else word.u0 - before.u1
        glue = before is None or before.text in ("Ø", "±") or gap < 0.22 * max(before.height, word.height)
        out += word.text if glue else " " + word.text
    return normalise(out)


def build_blocks(page: Page) -> list[TextBlock]:
    """Group the words of a page into text blocks, stacked numbers attached to what they tolerate."""
    words = _join_signs([piece for word in page.words for piece in _split_glued(word)])
    stacks = _find_stacks(words)
    stacked = {id(word) for stack in stacks for word in (stack.top, stack.bottom)}
    lines = join_words([word for word in words if id(word) not in stacked], page.segments)
    blocks = [TextBlock(line) for line in lines]
    for stack in stacks:
        owner = _owner(stack, blocks)
        if owner is not None:
            owner.stack = stack
        elif stack.is_limits:
            blocks.append(TextBlock([], stack))
        else:
            blocks += [TextBlock([stack.top]), TextBlock([stack.bottom])]
    return blocks


def _split_glued(word: Word) -> list[Word]:
    """Cut "35.00-0.20" into its nominal and its deviation, sharing the width by characters."""
    match = _GLUED_DEVIATION.match(word.text)
    if match is None or not re.search(r"\d", match[1]) or re.search(r"\d{3,}-\d|[A-Za-z]-", word.text):
        return [word]
    cut = word.u0 + (word.u1 - word.u0) * len(match[1]) / len(word.text)
    return [replace(word, text=match[1], u1=cut), replace(word, text=match[2], u0=cut)]


def _join_signs(words: list[Word]) -> list[Word]:
    """Attach a lone + or - to the number behind it."""
    signs = [word for word in words if word.text in "+-±" and word.text]
    joined = [word for word in words if word not in signs]
    for sign in signs:
        near = [
            word for word in joined
            if same_angle(word.angle, sign.angle) and re.match(r"^[\d.,]", word.text)
            and -0.2 * word.height <= word.u0 - sign.u1 <= 0.9 * word.height
            and word.v0 - 0.1 * word.height <= (sign.v0 + sign.v1) / 2 <= word.v1 + 0.1 * word.height
        ]  # fmt: skip
        if near:
            word = min(near, key=lambda item: item.u0)
            joined[joined.index(word)] = replace(word, text=sign.text + word.text, u0=sign.u0)
        else:
            joined.append(sign)
    return joined


def _find_stacks(words: list[Word]) -> list[_Stack]:
    numbers = [word for word in words if _NUMBER_WORD.match(word.text)]
    pairs: list[tuple[float, _Stack]] = []
    for top in numbers:
        for bottom in numbers:
            if top is bottom or not same_angle(top.angle, bottom.angle):
                continue
            height = max(top.height, bottom.height)
            drop = (bottom.v0 + bottom.v1 - top.v0 - top.v1) / 2
            overlap = min(top.u1, bottom.u1) - max(top.u0, bottom.u0)
            if (
                not 0.6 * height < drop < STACK_MAX_DROP * height
                or min(top.height, bottom.height) < 0.55 * height
            ):
                continue
            if overlap < 0.5 * min(top.u1 - top.u0, bottom.u1 - bottom.u0):
                continue
            stack = _Stack(top, bottom)
            if _plausible(stack):
                pairs.append((drop, stack))
    taken: set[int] = set()
    kept = []
    for _, stack in sorted(pairs, key=lambda pair: pair[0]):
        if id(stack.top) not in taken and id(stack.bottom) not in taken:
            taken |= {id(stack.top), id(stack.bottom)}
            kept.append(stack)
    return kept


def _plausible(stack: _Stack) -> bool:
    high, low = (to_number(word.text.rstrip("°")) for word in (stack.top, stack.bottom))
    if stack.is_limits:
        return (
            high != low
            and abs(high - low) <= 0.1 * max(high, low)
            and "." in (stack.top.text + stack.bottom.text).replace(",", ".")
        )
    return high != low and (high > low or high == 0)


def _owner(stack: _Stack, blocks: list[TextBlock]) -> TextBlock | None:
    """The line which ends just before the stack, at its height."""
    u0, angle = min(stack.top.u0, stack.bottom.u0), stack.top.angle
    best: tuple[float, TextBlock] | None = None
    for block in blocks:
        if block.stack is not None or not block.words:
            continue
        last = block.words[-1]
        gap = u0 - last.u1
        level = last.v1 > stack.top.v0 and last.v0 < stack.bottom.v1
        # Signed deviations belong to the size before them even where their font leaves a wide blank.
        reach = 1.6 if stack.is_limits else SIGNED_MAX_GAP
        if same_angle(last.angle, angle) and level and -0.4 * last.height <= gap <= reach * last.height:
            wanted = re.search(r"\d|^[\dx ]*[ØR]$", block.text)
            if wanted and (best is None or gap < best[0]):
                best = (gap, block)
    return best[1] if best else None


def read_block(block: TextBlock) -> DimensionText | None:
    """Understand a block as a dimension, or None."""
    if not block.words:
        if block.stack is None:
            return None
        return parse_dimension("", (block.stack.top.text, block.stack.bottom.text))
    stacked = (block.stack.top.text.rstrip("°"), block.stack.bottom.text.rstrip("°")) if block.stack else None
    text = block.text
    if block.words[0].source == "ocr":
        # A deviation never begins with a nought before a figure: a stroke through it hides its point.
        text = _HIDDEN_POINT.sub(r"\g<1>0.", text)
    return parse_dimension(text, stacked)


def make_dimension(
    block: TextBlock, parsed: DimensionText, unit: str, page: int, *, basic: bool
) -> Dimension:
    """Turn an understood block into a dimension of the result."""
    own_unit = "deg" if parsed.kind == "angle" else parsed.unit or unit
    width = None if parsed.upper is None or parsed.lower is None else parsed.upper - parsed.lower
    tight_mm = 25.4 if own_unit == "inch" else 1.0
    grade = re.search(r"\d+$", parsed.fit or "")
    tight = (width is not None and own_unit != "deg" and width * tight_mm <= TIGHT_WIDTH_MM + 1e-9) or (
        grade is not None and int(grade[0]) <= 7
    )
    source, sure = block.parts[0].source, block.confidence
    if source == "ocr" and not parsed.text.startswith(block.text):
        sure = min(sure, MENDED)
    wide = width is not None and parsed.nominal > SMALL_SIZE and width > WIDEST_SHARE * parsed.nominal
    if wide and source in ("ocr", "outline"):
        # A line through small figures gives "10 ±9.1": a person has to type it.
        sure = min(sure, DOUBTFUL)
    return Dimension(
        text=parsed.text, kind=parsed.kind, nominal=parsed.nominal, upper=parsed.upper, lower=parsed.lower,
        fit=parsed.fit, count=parsed.count, unit=own_unit, page=page, bbox=block.bbox, confidence=sure,
        basic=basic, reference=parsed.reference, thread=parsed.thread, is_tight=tight, critical=parsed.critical,
        source=source,
    )  # fmt: skip
