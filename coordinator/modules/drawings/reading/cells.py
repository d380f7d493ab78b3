"""The ruled table of a sheet: which cell a point lies in, and the frame of the drawing area."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.modules.drawings.reading.model import BBox
from coordinator.modules.drawings.reading.page import Page

MIN_RULE_SHARE = 0.008
FRAME_SHARE = 0.55
BORDER_SHARE = 0.12
MAX_CELL_SHARE = 0.06


@dataclass(frozen=True)
class Rule:
    """A straight level or upright rule: its position and its extent."""

    at: float
    start: float
    end: float


class Grid:
    """The level and upright rules of a page, collinear pieces joined."""

    def __init__(self, page: Page) -> None:
        self.width, self.height = page.width, page.height
        self.tolerance = 0.0018 * max(page.width, page.height)
        shortest = MIN_RULE_SHARE * max(page.width, page.height)
        strokes = [stroke for stroke in page.segments if stroke.length >= 0.3 * shortest]
        level = [
            Rule((s.y0 + s.y1) / 2, min(s.x0, s.x1), max(s.x0, s.x1)) for s in strokes if s.is_horizontal
        ]
        upright = [
            Rule((s.x0 + s.x1) / 2, min(s.y0, s.y1), max(s.y0, s.y1)) for s in strokes if s.is_vertical
        ]
        self.level = [rule for rule in self._joined(level) if rule.end - rule.start >= shortest]
        self.upright = [rule for rule in self._joined(upright) if rule.end - rule.start >= shortest]

    def _joined(self, rules: list[Rule]) -> list[Rule]:
        joined: list[Rule] = []
        lanes: list[list[Rule]] = []
        for rule in sorted(rules, key=lambda item: item.at):
            if lanes and rule.at - lanes[-1][0].at <= self.tolerance:
                lanes[-1].append(rule)
            else:
                lanes.append([rule])
        for lane in lanes:
            longest, last = 0.0, None
            for rule in sorted(lane, key=lambda item: item.start):
                length = rule.end - rule.start
                if last is not None and rule.start <= last.end + 1.5 * self.tolerance:
                    at = rule.at if length > longest else last.at
                    joined[-1] = last = Rule(at, last.start, max(last.end, rule.end))
                    longest = max(longest, length)
                else:
                    joined.append(last := rule)
                    longest = length
        return joined

    def cell(self, x: float, y: float, text_height: float = 0.0) -> BBox | None:
        """The ruled rectangle around a point; None when it is not closed or as large as a view.

        Rules shorter than 1.7 text heights are strokes of letters and do not count.
        """
        slack, shortest = 2 * self.tolerance, 1.7 * text_height
        upright = [
            r for r in self.upright if r.start - slack <= y <= r.end + slack and r.end - r.start > shortest
        ]
        level = [
            r for r in self.level if r.start - slack <= x <= r.end + slack and r.end - r.start > shortest
        ]
        top = max((r for r in level if r.at < y), key=lambda r: r.at, default=None)
        bottom = min((r for r in level if r.at > y), key=lambda r: r.at, default=None)
        if top is None or bottom is None:
            return None
        sides = [r for r in upright if _covers(r, top.at, bottom.at)]
        left = max((r for r in sides if r.at < x), key=lambda r: r.at, default=None)
        right = min((r for r in sides if r.at > x), key=lambda r: r.at, default=None)
        if left is None or right is None:
            return None
        closed = _covers(top, left.at, right.at) and _covers(bottom, left.at, right.at)
        area = (right.at - left.at) * (bottom.at - top.at)
        if not closed or area > MAX_CELL_SHARE * self.width * self.height:
            return None
        return left.at, top.at, right.at, bottom.at

    def drawing_frame(self) -> BBox:
        """The inner border of the sheet; the sheet itself where none is drawn."""
        margin = 0.1 * self.height
        # A tall view near the border is long too, but does not begin at the border.
        sides = [
            rule
            for rule in self.upright
            if rule.end - rule.start > FRAME_SHARE * self.height
            and (rule.start < margin or rule.end > self.height - margin)
        ]
        near = BORDER_SHARE * self.width
        left = max((rule for rule in sides if rule.at < near), key=lambda rule: rule.at, default=None)
        right = min(
            (rule for rule in sides if rule.at > self.width - near), key=lambda rule: rule.at, default=None
        )
        found = [rule for rule in (left, right) if rule is not None]
        return (
            left.at if left else 0.0,
            max((rule.start for rule in found), default=0.0),
            right.at if right else self.width,
            min((rule.end for rule in found), default=self.height),
        )


def _covers(rule: Rule, start: float, end: float) -> bool:
    slack = 0.12 * (end - start)
    return rule.start <= start + slack and rule.end >= end - slack


def contains(box: BBox, x: float, y: float, slack: float = 0.0) -> bool:
    """True when a point lies in a box."""
    return box[0] - slack <= x <= box[2] + slack and box[1] - slack <= y <= box[3] + slack


def centre_of(box: BBox) -> tuple[float, float]:
    """Middle of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def touches(a: BBox, b: BBox, slack: float) -> bool:
    """True when two boxes overlap or lie within ``slack`` of each other."""
    return a[0] <= b[2] + slack and b[0] <= a[2] + slack and a[1] <= b[3] + slack and b[1] <= a[3] + slack
