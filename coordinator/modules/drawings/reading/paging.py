"""Which sheets of a file belong to one drawing (DRW-03). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import Any

from coordinator.modules.drawings.reading.model import DrawingReading

SURE = 0.6
_LISTS = [item.name for item in fields(DrawingReading) if item.default_factory is list]
_ONCE = ("warnings", "codes", "processes", "access_directions")
_SHEET = re.compile(r"(\d+)\s*(?:/|sur|of|von|de)\s*(\d+)", re.IGNORECASE)


@dataclass
class Sheets:
    """Pages of one drawing, counted from 1, with what was read on them together."""

    pages: list[int]
    reading: DrawingReading


def group_sheets(pages: list[DrawingReading]) -> list[Sheets]:
    """Put the pages of a file together by drawing: another number starts a drawing, the same number or none goes on.

    ``pages`` are the readings of the single pages in order. A page without a number belongs to the drawing before it; pages
    in front of the first number belong to that one. A further sheet whose number was misread by one sign is known by
    its "2/3".
    """
    groups: list[list[int]] = []
    numbers: list[str | None] = []
    for index, reading in enumerate(pages):
        number = _number(reading)
        home = next((i for i, known in enumerate(numbers) if number is not None and known == number), None)
        if home is None and groups:
            last = len(groups) - 1
            if number is None or (numbers[last] is None) or _is_misread(numbers[last], number, pages, index):
                home = last
        if home is None:
            groups.append([index])
            numbers.append(number)
        else:
            groups[home].append(index)
            numbers[home] = numbers[home] or number
    return [Sheets([i + 1 for i in group], merge_sheets(pages, group)) for group in groups]


def merge_sheets(pages: list[DrawingReading], indices: list[int]) -> DrawingReading:
    """One reading of several sheets: each title field from where it was read best, all else put together."""
    chosen = [pages[i] for i in indices]
    if len(chosen) == 1:
        return chosen[0]
    first = chosen[0]
    whole = DrawingReading(file=first.file, kind=first.kind, pages=len(chosen))
    whole.seconds = sum(reading.seconds for reading in chosen)
    for name, value in first.title_block.items():
        read = [r.title_block[name] for r in chosen if r.title_block[name].status == "read"]
        unread = next((r.title_block[name] for r in chosen if r.title_block[name].status == "unread"), value)
        whole.title_block[name] = max(read, key=lambda item: item.confidence) if read else unread
    whole.unit = next((r.unit for r in chosen if r.unit), None)
    systems = [r.standard_system for r in chosen if r.standard_system != "unknown"]
    whole.standard_system = systems[0] if systems else "unknown"
    for reading in chosen:
        for name in _LISTS:
            known = getattr(whole, name)
            known += [item for item in getattr(reading, name) if name not in _ONCE or item not in known]
    return whole


def on_page(reading: DrawingReading, page: int) -> DrawingReading:
    """The reading of a single page with its real page number on everything read."""
    items: list[Any] = [
        *reading.dimensions, *reading.geometric_tolerances, *reading.surface_textures, *reading.notes, *reading.bom,
    ]  # fmt: skip
    for item in items:
        item.page = page
    for name, value in reading.title_block.items():
        if value.page is not None:
            reading.title_block[name] = replace(value, page=page)
    reading.warnings = [w.replace("Page 1 ", f"Page {page} ") for w in reading.warnings]
    return reading


def _number(reading: DrawingReading) -> str | None:
    value = reading.title_block["drawing_number"]
    if value.status != "read" or not value.value or value.confidence < SURE:
        return None
    return re.sub(r"[\s._-]+", "", value.value).casefold() or None


def _is_misread(known: str | None, number: str, pages: list[DrawingReading], index: int) -> bool:
    here, before = folio(pages[index]), folio(pages[index - 1])
    follows = (
        here is not None
        and here[0] > 1
        and (before is None or (before[0] == here[0] - 1 and before[1] == here[1]))
    )
    return follows and known is not None and _one_sign_apart(known, number)


def folio(reading: DrawingReading) -> tuple[int, int] | None:
    """Number of the sheet and of all sheets, as "2/3" says; None without."""
    match = _SHEET.search(reading.title_block["sheet"].value or "")
    return (int(match[1]), int(match[2])) if match else None


def _one_sign_apart(a: str, b: str) -> bool:
    if len(a) == len(b):
        return sum(x != y for x, y in zip(a, b, strict=True)) <= 1
    long, short = (a, b) if len(a) > len(b) else (b, a)
    return len(long) - len(short) == 1 and any(long[:i] + long[i + 1 :] == short for i in range(len(long)))
