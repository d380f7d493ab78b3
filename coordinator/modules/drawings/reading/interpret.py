"""From words and strokes to the reading: title block, dimensions, tolerances, textures, notes, standard."""

from __future__ import annotations

from coordinator.modules.drawings.reading import remarks
from coordinator.modules.drawings.reading.callouts import join_callouts
from coordinator.modules.drawings.reading.cells import Grid, centre_of, contains
from coordinator.modules.drawings.reading.dimension_text import DimensionText
from coordinator.modules.drawings.reading.drawn_tables import find_table_blocks
from coordinator.modules.drawings.reading.frames import read_frames
from coordinator.modules.drawings.reading.key_marks import mark_critical
from coordinator.modules.drawings.reading.labels import is_label
from coordinator.modules.drawings.reading.layout import (
    TextBlock,
    build_blocks,
    make_dimension,
    read_block,
)  # fmt: skip
from coordinator.modules.drawings.reading.model import (
    BBox,
    BomItem,
    Dimension,
    DrawingReading,
    FieldValue,
    GeometricTolerance,
    Note,
    SurfaceTexture,
    Weld,
)  # fmt: skip
from coordinator.modules.drawings.reading.page import Page
from coordinator.modules.drawings.reading.texture_marks import read_marked_textures
from coordinator.modules.drawings.reading.title_block import TitleBlock, read_title_block
from coordinator.modules.drawings.reading.weld_marks import find_welds, notes_of, sided

MIN_WORDS_READABLE = 3
MAX_TEXT_OUTSIDE = 0.2


def interpret(reading: DrawingReading, pages: list[Page], known: list[Dimension] | None = None) -> None:
    """Fill the reading from its pages; ``known`` are dimensions which the file holds as such (DXF)."""
    prepared: list[tuple[Page, list[TextBlock], Grid, TitleBlock]] = []
    texts: list[str] = []
    for page in pages:
        blocks, grid = build_blocks(page), Grid(page)
        texts += [block.text for block in blocks]
        title = read_title_block(page, blocks, grid)
        prepared.append((page, blocks, grid, title))
        reading.warnings += title.warnings
        reading.bom += title.bom
        for name, value in title.fields.items():
            if reading.title_block[name].status != "read":
                reading.title_block[name] = value
    reading.unit = remarks.unit_of(texts) or reading.unit or _unit_field(reading)
    reading.standard_system = remarks.standard_of(texts, reading.unit)
    reading.dimensions += known or []
    for page, blocks, grid, title in prepared:
        _read_page(reading, page, blocks, grid, title)
    _to_file_coordinates(reading, pages)
    if reading.unit is None:
        reading.warnings.append("Unité non indiquée : millimètre supposé.")
    remarks.finish_unit(reading)
    remarks.warn_of_marks(reading, texts)
    if sum(len(page.words) for page in pages) < MIN_WORDS_READABLE and not reading.dimensions:
        reading.warnings.append("Plan illisible : aucun texte reconnu, saisie manuelle nécessaire.")


def _to_file_coordinates(reading: DrawingReading, pages: list[Page]) -> None:
    by_number = {page.number: page for page in pages}
    items: list[FieldValue | Dimension | GeometricTolerance | SurfaceTexture | Note | Weld | BomItem] = [
        *reading.bom,
        *reading.title_block.values(),
        *reading.dimensions,
        *reading.geometric_tolerances,
        *reading.surface_textures,
        *reading.notes,
        *reading.welds,
    ]
    for item in items:
        page = by_number.get(item.page or 0)
        if item.bbox is not None and page is not None:
            item.bbox = page.file_box(item.bbox)
        if isinstance(item, BomItem) and page is not None:
            item.boxes = {name: page.file_box(box) for name, box in item.boxes.items()}


def _unit_field(reading: DrawingReading) -> str | None:
    value = (reading.title_block["unit"].value or "").lower()
    if value.startswith(("inch", "in", "pouce")):
        return "inch"
    return "mm" if value.startswith(("mm", "millim")) else None


def _read_page(
    reading: DrawingReading, page: Page, blocks: list[TextBlock], grid: Grid, title: TitleBlock
) -> None:
    frame = _sheet_border(page, blocks, grid)
    in_region = [_in_any(block.bbox, title.regions) for block in blocks]
    textures, named = remarks.read_textures(blocks, in_region, page.number)
    reading.surface_textures += textures
    unit = reading.unit or "mm"
    open_blocks = [
        block
        for index, block in enumerate(blocks)
        if not in_region[index] and index not in named and contains(frame, *centre_of(block.bbox))
    ]
    marked, used = read_marked_textures(open_blocks, page, inches=unit == "inch")
    reading.surface_textures += marked
    open_blocks = [block for block in open_blocks if id(block) not in used]
    welds, welded = find_welds(open_blocks, page, unit=unit)
    welds = sided(welds, reading.standard_system)
    reading.welds += welds
    reading.notes += notes_of(welds)
    open_blocks = [block for block in open_blocks if id(block) not in welded]
    frames = read_frames([block for block in open_blocks if block not in title.inline], page)
    reading.geometric_tolerances += frames.tolerances
    rest: list[TextBlock] = []
    unframed = [block for block in open_blocks if id(block) not in frames.used]
    tabled = find_table_blocks(unframed, grid)
    rest += [block for block in unframed if id(block) in tabled - frames.tabled]
    tabled |= frames.tabled
    for block in join_callouts([block for block in unframed if id(block) not in tabled]):
        parsed = read_block(block) if not is_label(block.text) else None
        if parsed is not None and parsed.text.isdigit() and block in title.inline:
            parsed = None
        if parsed is not None and _is_size(parsed):
            basic = id(block) in frames.basic
            reading.dimensions.append(make_dimension(block, parsed, unit, page.number, basic=basic))
        else:
            rest.append(block)
    keyed = mark_critical([d for d in reading.dimensions if d.page == page.number], rest)
    rest = [block for block in rest if id(block) not in keyed]
    reading.notes += remarks.read_notes(rest, page.number)
    noted = {id(block) for block in open_blocks}
    reading.notes += remarks.read_marked([b for b in blocks if id(b) not in noted], page.number)


def _sheet_border(page: Page, blocks: list[TextBlock], grid: Grid) -> BBox:
    """The border of the sheet; a rectangle with much of the text outside is a part of the drawing, not its border."""
    frame = grid.drawing_frame()
    # Zone letters and numbers stand outside the border by right.
    texts = [block for block in blocks if len(block.text) > 2]
    outside = sum(not contains(frame, *centre_of(block.bbox)) for block in texts)
    return frame if outside <= MAX_TEXT_OUTSIDE * len(texts) else (0.0, 0.0, page.width, page.height)


def _is_size(parsed: DimensionText) -> bool:
    """A bare 0 is the origin of running dimensions, and sizes have at most five digits."""
    return 0 < parsed.nominal < 100_000


def _in_any(box: BBox, regions: list[BBox]) -> bool:
    x, y = centre_of(box)
    return any(contains(region, x, y, 1.0) for region in regions)
