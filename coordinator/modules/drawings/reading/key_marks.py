"""Marks of critical characteristics beside a dimension: key characteristic, critical size, flight safety (DRW-26)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from coordinator.modules.drawings.reading.model import BBox, Dimension

if TYPE_CHECKING:
    from coordinator.modules.drawings.reading.layout import TextBlock

_NAMES = r"KPC|KCC|KC|CTQ|CTF|CC|SC|crit(?:ical|ique|\.)?|cote critique|dimension critique|critical dimension|caract[ée]ristique cl[ée]|key characteristic|flight safety"
MARK = re.compile(rf"^[<\[{{(◇◊⬦]?\s*(?:{_NAMES}|[◇◊⬦])\s*\d{{0,2}}\s*[>\]}})◇◊⬦]?$", re.IGNORECASE)
BEHIND = re.compile(
    rf"^[<\[{{(]?\s*(?:{_NAMES}|[◇◊⬦])(?:\s?\d{{1,2}})?(?![A-Za-z])\s*[>\]}})]?", re.IGNORECASE
)
REACH_HEIGHTS = 2.5


def mark_critical(dimensions: Sequence[Dimension], blocks: Sequence[TextBlock]) -> set[int]:
    """Give each mark standing alone to the nearest dimension; returns the blocks used."""
    used: set[int] = set()
    for block in blocks:
        if not block.words or not MARK.match(block.text):
            continue
        height = block.words[0].height
        near = [
            (gap, d)
            for d in dimensions
            if d.bbox and (gap := _gap(d.bbox, block.bbox)) < REACH_HEIGHTS * height
        ]
        if near:
            min(near, key=lambda pair: pair[0])[1].critical = True
            used.add(id(block))
    return used


def _gap(a: BBox, b: BBox) -> float:
    dx = max(a[0] - b[2], b[0] - a[2], 0.0)
    dy = max(a[1] - b[3], b[1] - a[3], 0.0)
    return float((dx * dx + dy * dy) ** 0.5)
