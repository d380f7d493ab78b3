"""Finds the title block of a sheet and its fields by label, cell and neighbourhood (DRW-16)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from coordinator.modules.drawings.reading.cells import Grid, centre_of, contains, touches
from coordinator.modules.drawings.reading.labels import fits, is_label, match_label
from coordinator.modules.drawings.reading.layout import TextBlock
from coordinator.modules.drawings.reading.model import BBox, FieldValue
from coordinator.modules.drawings.reading.page import Page, union_box

_FACTS = {
    "scale": re.compile(
        r"\b(?:scale|échelle|echelle|ma(?:ss|ß)stab)\s*:?\s*(\d+\s*[:/]\s*\d+)", re.IGNORECASE
    ),
    "unit": re.compile(
        r"\b(?:dimensions?|cotes?|maße|masse)\s+(?:are\s+)?(?:in|en)\s+(millim\w+|mm|inch\w*|pouces?)",
        re.IGNORECASE,
    ),
    "general_tolerance": re.compile(
        r"(?:general\s+tol\w*|tol\w*\s+gén\w*|allgemeintol\w*)\W*?((?:±|ISO|DIN).+)|((?:ISO|DIN)\s*(?:EN\s*)?2768\s*-?\s*[fmcv][HKL]?)",
        re.IGNORECASE,
    ),
    "projection": re.compile(
        r"((?:first|third)\s+angle(?:\s+projection)?|premier\s+dièdre|troisième\s+dièdre|1er\s+dièdre|3e\s+dièdre)",
        re.IGNORECASE,
    ),
    "date": re.compile(r"\b(\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4})\b"),
    "material": re.compile(
        r"^((?:stainless\s+)?steel\b.*|alumin\w*.*|inox.*|acier.*|laiton.*|brass.*|bronze.*|titan\w*.*|EN\s?AW[- ]?\d{4}.*|S\d{3}J\w*"
        r"|\d{2}CrMo\d.*|C\d{2}E?|X\d+Cr\w+.*|(?:AISI\s*)?3(?:04|16)L?|POM.*|PEEK.*|1\.\d{4}.*)$",
        re.IGNORECASE,
    ),
}
LOW_CELL_HEIGHTS = 4.2
_TEXT_BLOCK_KEYS = ("scale", "unit", "general_tolerance")


@dataclass
class TitleBlock:
    """Fields found, and the regions of the sheet which are tables or title text and hold no dimensions."""

    fields: dict[str, FieldValue] = field(default_factory=dict)
    regions: list[BBox] = field(default_factory=list)
    inline: list[TextBlock] = field(default_factory=list)


@dataclass
class _Label:
    name: str
    value: str | None
    block: TextBlock
    cell: BBox | None


def read_title_block(page: Page, blocks: list[TextBlock], grid: Grid) -> TitleBlock:
    """Read the fields of one page; those without a value keep status "absent" or, where something illegible stands, "unread"."""
    found = TitleBlock()
    frame = grid.drawing_frame()
    level = [
        block for block in blocks
        if block.words and abs(block.words[0].angle) < 5 and contains(frame, *centre_of(block.bbox))
    ]  # fmt: skip
    cells = {id(block): grid.cell(*centre_of(block.bbox), block.parts[0].height) for block in level}
    labels = [
        _Label(match[0], match[1], block, cells[id(block)])
        for block in level
        if (match := match_label(block.text)) is not None
    ]
    found.regions = _regions(page, labels, level, cells)
    main = _main_region(found.regions, labels)
    for label in sorted(
        labels, key=lambda item: 0 if main and contains(main, *centre_of(item.block.bbox), 1) else 1
    ):
        value = _field_value(label, level, grid, page.number)
        known = found.fields.get(label.name)
        if known is None or (known.status != "read" and value.status == "read"):
            found.fields[label.name] = value
    _read_facts(found, level, page.number)
    _read_title_text(found, level, page.number)
    return found


def _regions(
    page: Page, labels: list[_Label], level: list[TextBlock], cells: dict[int, BBox | None]
) -> list[BBox]:
    """Clusters of label cells, grown over the ruled cells which touch them."""
    slack = 0.012 * max(page.width, page.height)
    known = labels + [_Label("", None, block, cells[id(block)]) for block in level if is_label(block.text)]
    boxes = [label.cell or label.block.bbox for label in known]
    clusters: list[list[BBox]] = []
    for box in boxes:
        near = [cluster for cluster in clusters if any(touches(box, other, slack) for other in cluster)]
        clusters = [cluster for cluster in clusters if cluster not in near]
        clusters.append([box, *(item for cluster in near for item in cluster)])
    regions = [union_box(cluster) for cluster in clusters if len(cluster) >= 2]
    filled = {cell for cell in cells.values() if cell is not None}
    for index, region in enumerate(regions):
        for _ in range(4):
            grown = union_box([region, *(cell for cell in filled if touches(cell, region, 0.25 * slack))])
            if grown == region or (grown[3] - grown[1]) > 0.5 * page.height:
                break
            region = grown
        regions[index] = region
    return regions


def _main_region(regions: list[BBox], labels: list[_Label]) -> BBox | None:
    def richness(region: BBox) -> int:
        return len({label.name for label in labels if contains(region, *centre_of(label.block.bbox), 1)})

    return max(regions, key=richness, default=None)


def _field_value(label: _Label, level: list[TextBlock], grid: Grid, page: int) -> FieldValue:
    if label.value is not None:
        status = "read" if fits(label.name, label.value) else "unread"
        if status == "read":
            return FieldValue(
                label.value,
                0.95 * label.block.confidence,
                "read",
                page,
                label.block.bbox,
                label.block.parts[0].source,
            )
    groups = _candidates(label, level, grid)
    for group, confidence in groups:
        text = " ".join(
            block.text for block in sorted(group, key=lambda item: (round(item.bbox[1]), item.bbox[0]))
        )
        if fits(label.name, text):
            sure = min(block.confidence for block in group) * confidence
            box = union_box([block.bbox for block in group])
            return FieldValue(text, sure, "read", page, box, group[0].parts[0].source)
    return FieldValue(
        status="unread" if groups and groups[0][1] >= 0.95 else "absent",
        page=page,
        bbox=label.cell or label.block.bbox,
    )


def _candidates(label: _Label, level: list[TextBlock], grid: Grid) -> list[tuple[list[TextBlock], float]]:
    """Groups of text which may be the value, the best first: same cell, cell to the right, cell below, nearest text."""
    box, height = label.block.bbox, label.block.parts[0].height
    groups: list[tuple[list[TextBlock], float]] = []
    if label.cell is not None:
        _, y0, x1, y1 = label.cell
        middle = (box[1] + box[3]) / 2
        places = [(label.cell, 0.95)]
        # A low cell is filled by its label: the value stands beside or under it. A tall cell left empty is empty.
        if y1 - y0 < LOW_CELL_HEIGHTS * height:
            right = grid.cell(x1 + 4 * grid.tolerance, middle)
            below = grid.cell((box[0] + box[2]) / 2, y1 + 4 * grid.tolerance)
            places += [
                (cell, 0.8) for cell in ((below, right) if label.name == "date" else (right, below)) if cell
            ]
        for cell, confidence in places:
            group = [
                block for block in level
                if block is not label.block and contains(cell, *centre_of(block.bbox)) and not is_label(block.text)
            ]  # fmt: skip
            labelled = cell is not label.cell and any(
                is_label(block.text) and contains(cell, *centre_of(block.bbox)) for block in level
            )
            if group and not labelled:
                groups.append((group, confidence))
        return groups
    for block in level:
        if block is label.block or is_label(block.text):
            continue
        other = block.bbox
        right_gap, drop = other[0] - box[2], other[1] - box[3]
        same_line = abs((other[1] + other[3]) - (box[1] + box[3])) / 2 < 0.7 * height
        under = other[0] < box[2] and other[2] > box[0] and -0.2 * height <= drop <= 2.5 * height
        if (same_line and 0 <= right_gap <= 8 * height) or under:
            groups.append(([block], 0.75 if same_line else 0.7))
    return groups


def _read_facts(found: TitleBlock, level: list[TextBlock], page: int) -> None:
    """Facts which say by themselves what they are, wherever they are written."""
    for block in level:
        for name in ("scale", "unit", "general_tolerance", "projection"):
            match = _FACTS[name].search(block.text)
            if match is None:
                continue
            found.inline.append(block)
            known = found.fields.get(name)
            if known is None or known.status != "read":
                value = next(group for group in match.groups() if group)
                found.fields[name] = FieldValue(
                    value.strip(), 0.85 * block.confidence, "read", page, block.bbox, block.parts[0].source
                )


def _read_title_text(found: TitleBlock, level: list[TextBlock], page: int) -> None:
    """A sheet without a ruled title block: a paragraph with scale, unit or tolerance; its first line is the part name."""
    if any(value.status == "read" for name, value in found.fields.items() if name not in _FACTS):
        return
    seeds = [block for block in level if any(_FACTS[key].search(block.text) for key in _TEXT_BLOCK_KEYS)]
    if not seeds:
        return
    paragraph = [seeds[0]]
    growing = True
    while growing:
        growing = False
        for block in level:
            if block not in paragraph and any(_stacked(block, other) for other in paragraph):
                paragraph.append(block)
                growing = True
    paragraph.sort(key=lambda block: block.bbox[1])
    if len(paragraph) < 3:
        return
    found.regions.append(union_box([block.bbox for block in paragraph]))
    for block in paragraph:
        for name in ("date", "material"):
            if name not in found.fields and (match := _FACTS[name].search(block.text)):
                found.fields[name] = FieldValue(
                    match[1], 0.75 * block.confidence, "read", page, block.bbox, block.parts[0].source
                )
    first = paragraph[0]
    name = re.sub(r"\s*[-–]?\s*" + _FACTS["date"].pattern, "", first.text).strip(" -")
    if fits("part_name", name):
        found.fields["part_name"] = FieldValue(
            name, 0.7 * first.confidence, "read", page, first.bbox, first.parts[0].source
        )


def _stacked(a: TextBlock, b: TextBlock) -> bool:
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = a.bbox, b.bbox
    gap = max(ay0, by0) - min(ay1, by1)
    height = max(a.parts[0].height, b.parts[0].height)
    return ax0 < bx1 and bx0 < ax1 and gap < 1.6 * height
