"""Groups the files of one import by part: same drawing number and revision, or same file-name stem (DRW-02)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from coordinator.modules.drawings.reading.model import DrawingReading

_SUFFIX = re.compile(
    r"([ _-]+(plan|dwg|drawing|3d|2d|model|modele|piece|part|cotation|copie|copy|\(\d+\)|v\d+|rev[ _-]?[a-z0-9]+|ind[ _-]?[a-z0-9]+))+$",
    re.IGNORECASE,
)


@dataclass
class FileGroup:
    """Files proposed as one part; ``reason`` is "drawing_number" or "file_stem"."""

    key: str
    readings: list[DrawingReading]
    reason: str


def stem_key(path: str) -> str:
    """Comparable file-name stem: no case, no separators, no usual endings such as "_plan" or "-3D"."""
    stem = _SUFFIX.sub("", Path(path).stem)
    return re.sub(r"[\s._-]+", "", stem).casefold()


def number_key(reading: DrawingReading) -> str | None:
    """Drawing number with revision, comparable; None when the number was not read on a drawing."""
    number = reading.title_block["drawing_number"]
    if number.status != "read" or not number.value or number.source == "step_product":
        return None
    revision = reading.title_block["revision"].value or ""
    return re.sub(r"[\s._-]+", "", f"{number.value}|{revision}").casefold()


def group_readings(readings: list[DrawingReading]) -> list[FileGroup]:
    """Propose one group per part, in order of first appearance.

    Files with the same number and revision belong together; a file without a number joins the group which holds its stem.
    Two different numbers are never joined by a stem: they are two parts or two revisions.
    """
    groups: list[FileGroup] = []
    for reading in sorted(readings, key=lambda item: number_key(item) is None):
        number, stem = number_key(reading), stem_key(reading.file)
        home = None
        for group in groups:
            numbers = {key for item in group.readings if (key := number_key(item)) is not None}
            stems = {stem_key(item.file) for item in group.readings}
            if (number is not None and number in numbers) or (
                stem in stems and (number is None or not numbers)
            ):
                home = group
                break
        if home is None:
            groups.append(FileGroup(number or stem, [reading], "drawing_number" if number else "file_stem"))
        else:
            home.readings.append(reading)
    order = {id(reading): index for index, reading in enumerate(readings)}
    for group in groups:
        group.readings.sort(key=lambda item: order[id(item)])
    return sorted(groups, key=lambda group: order[id(group.readings[0])])
