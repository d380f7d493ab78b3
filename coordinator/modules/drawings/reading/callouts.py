"""Joins the lines of one call-out: hole steps below the hole, a count above or below, the same size in the other unit (DRW-18)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from coordinator.modules.drawings.reading.dimension_text import (
    INCH_MM,
    NUMBER,
    normalise,
    parse_dimension,
)
from coordinator.modules.drawings.reading.layout import TextBlock, read_block
from coordinator.modules.drawings.reading.page import Word, same_angle

MAX_LINES = 5
LIMITS_MAX_SHARE = 0.03
CORE_SHARES = 0.72, 0.95  # drill of a thread to its size
_DEPTH = r"(?:↧|prof(?:ondeur)?[.,]?|deep|depth|dp\.?|tief)"
_BELOW = re.compile(
    rf"^(?:[⌴⌵↧]|{_DEPTH}\s*{NUMBER}|c'?bored?\b|counterbored?\b|csk\b|c'?sunk\b|countersunk\b|sf\b|spotface|lam(?:ages?|[ée]e?s?)\b|frais(?:ures?|[ée]e?s?)\b|gesenkt\b|senkung\b|(?:sur|on|auf|am)\b|taraud|al[ée]s[ée]|per[çc]|avant[- ]trou|kernloch|drill\b|(?:thru|through|d[ée]bouchant|traversant)|\(?\d{{1,3}}\s?[xX]\s?\)?$|\([xX]\s?\d"
    r"|M\d|(?:#\s?\d+|\d+/\d+|\.\d+)\"?\s?-\s?\d+\s?-?\s?UN|\d{1,3} (?:trous?|holes?|places?|plcs?|plc)\b|typ\b|max\b|min\b|eq\.? ?sp|[ée]qui)",
    re.IGNORECASE,
)
_COUNT_ABOVE = re.compile(
    r"^(?:\(?\d{1,3}\s?[xX]\)?|\d{1,3} (?:trous?|holes?|places?|plcs?))$", re.IGNORECASE
)
_OTHER_UNIT = re.compile(rf"^(?:\[(.*)\]|\(\s*({NUMBER})\s*\))$")


@dataclass
class Callout(TextBlock):
    """A block written on several lines; deviations may stand behind the first."""

    lines: list[TextBlock] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(line.text for line in self.lines)

    @property
    def parts(self) -> list[Word]:
        return [word for line in self.lines for word in line.parts]


def join_callouts(blocks: list[TextBlock]) -> list[TextBlock]:
    """Blocks with those that continue each other joined; everything else unchanged and in its order."""
    taken: set[int] = set()
    joined: list[TextBlock] = []
    for block in blocks:
        if id(block) in taken or not block.words:
            continue
        lines = _lines_of(block, blocks, taken)
        if len(lines) > 1:
            taken |= {id(line) for line in lines}
            stack = next((line.stack for line in lines if line.stack is not None), None)
            joined.append(Callout([word for line in lines for word in line.words], stack, lines))
    return [block for block in blocks if id(block) not in taken] + joined


def _lines_of(block: TextBlock, blocks: list[TextBlock], taken: set[int]) -> list[TextBlock]:
    above = _COUNT_ABOVE.match(block.text) is not None and block.stack is None
    if not above and read_block(block) is None:
        return []
    lines = [block]
    while len(lines) < MAX_LINES:
        below = _below(lines[-1], block, blocks, taken | {id(line) for line in lines})
        if below is None or not _belongs(lines, below, counted=above and len(lines) == 1):
            break
        lines.append(below)
    return lines


def _below(last: TextBlock, first: TextBlock, blocks: list[TextBlock], taken: set[int]) -> TextBlock | None:
    """The next line under a line: same direction and letter height, starting or centred at the same place."""
    anchor = last.words[0]
    bottom = max(word.v1 for word in last.words)
    best: tuple[float, TextBlock] | None = None
    for other in blocks:
        if id(other) in taken or not other.words or not same_angle(other.words[0].angle, anchor.angle):
            continue
        word = other.words[0]
        height = max(anchor.height, word.height)
        drop = max(item.v1 for item in other.words) - bottom
        if not 1.05 * height < drop < 2.4 * height or min(anchor.height, word.height) < 0.7 * height:
            continue
        left = abs(word.u0 - first.words[0].u0)
        middle = abs(word.u0 + other.words[-1].u1 - first.words[0].u0 - first.words[-1].u1) / 2
        inside = word.u0 > first.words[0].u0 - height and other.words[-1].u1 < first.words[-1].u1 + height
        if (min(left, middle) < 1.2 * height or inside) and (best is None or drop < best[0]):
            best = (drop, other)
    return best[1] if best else None


def _belongs(lines: list[TextBlock], below: TextBlock, *, counted: bool) -> bool:
    text = normalise(below.text)
    if counted:
        return read_block(below) is not None and not re.match(r"^\d+\s*[xX]", text)
    if below.stack is not None:
        return False
    whole = " ".join(line.text for line in lines)
    if len(lines) == 1 and lines[0].stack is None and (_are_limits(whole, text) or _is_core(whole, text)):
        return True
    if other := _OTHER_UNIT.match(text):
        return _same_size(whole, other[1] or other[2])
    stack = next((line.stack for line in lines if line.stack is not None), None)
    behind = (stack.top.text.rstrip("°"), stack.bottom.text.rstrip("°")) if stack else None
    joined = parse_dimension(f"{whole} {text}", behind) if _BELOW.match(text) else None
    # On a line of its own M8 is a thread, never the class of the size above.
    return joined is not None and (not re.match(r"M\d", text) or joined.thread is not None)


def _are_limits(above: str, below: str) -> bool:
    """True for the two limits of one size, each with its symbol ("Ø20.00" over "Ø19.97")."""
    if not re.match(r"^S?\s?[ØR]\s*[\d.,]+$", below) or re.search(r"[±+]", above):
        return False
    one, two = parse_dimension(above), parse_dimension(below)
    if one is None or two is None or one.kind != two.kind or one.fit or one.upper is not None:
        return False
    places = [len(re.split(r"[.,]", text)[-1]) if re.search(r"[.,]", text) else 0 for text in (above, below)]
    close = 0 < abs(one.nominal - two.nominal) <= LIMITS_MAX_SHARE * max(one.nominal, two.nominal)
    return close and places[0] == places[1] > 0


def _is_core(above: str, below: str) -> bool:
    """True for the drill of a tapped hole written under its thread ("4x M6" over "Ø5 ↧ 12")."""
    thread, drill = parse_dimension(above), parse_dimension(below)
    if thread is None or drill is None or thread.kind != "thread" or drill.kind != "diameter" or drill.fit:
        return False
    low, high = (share * thread.nominal for share in CORE_SHARES)
    fits = drill.count == 1 and low <= drill.nominal <= high
    return fits and parse_dimension(f"{above} {below}") is not None


def _same_size(text: str, other: str) -> bool:
    """True when two written sizes are one length in millimetres and inches."""
    here, there = parse_dimension(text), parse_dimension(other)
    if here is None or there is None or not here.nominal or not there.nominal:
        return False
    ratio = max(here.nominal / there.nominal, there.nominal / here.nominal)
    return abs(ratio - INCH_MM) < 0.02 * INCH_MM
