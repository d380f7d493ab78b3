"""Finds the fields of a title block by label, cell and neighbourhood (DRW-16).

Each label looks for its value in its own cell, in the cells beside, under or over it, or in the text near it. How the sheet at
hand places its values is voted by all labels together, so that an empty cell stays empty instead of taking its neighbour.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from coordinator.modules.catalogue.grades import identify
from coordinator.modules.drawings.reading.cells import Grid, contains, touches
from coordinator.modules.drawings.reading.labels import fits, is_empty_value, match_label
from coordinator.modules.drawings.reading.layout import TextBlock
from coordinator.modules.drawings.reading.model import BBox, BomItem, FieldStatus, FieldValue
from coordinator.modules.drawings.reading.nomenclature import bom_items
from coordinator.modules.drawings.reading.page import Page, union_box
from coordinator.modules.drawings.reading.projection_symbol import find_projection_symbol
from coordinator.modules.drawings.reading.title_pieces import Piece, TurnedSheet, view_title_block
from coordinator.modules.drawings.reading.title_places import (
    Candidate,
    candidates_of,
    has_scribble,
    value_place,
)
from coordinator.modules.drawings.reading.title_tables import TableFinds, read_tables
from coordinator.modules.drawings.reading.title_text import (
    read_title_text,
    read_unlabelled,
    read_without_label,
)
from coordinator.modules.drawings.reading.title_values import TOLERANCE_LINE, fact_in, is_company, kind_of
from coordinator.modules.drawings.reading.treatment_text import treatment_kind

FACTS = ("scale", "unit", "general_tolerance", "projection")
LEGIBLE_FROM = 0.5
"""OCR below this confidence is not a value: the field is unread."""
FEW_LABELS = 3
_BARE_SIZE = re.compile(
    r"^\(?[ØRM]?\s?\d[\d\s.,()±+\-°]*(?:[a-zA-Z]{1,2}\d{1,2}|max\.?|min\.?)?\)?$", re.IGNORECASE
)
_SHAPED_AS = {"_treatment": "heat_treatment", "_finish": "surface_treatment"}
_GROWTH_STEPS = 4


@dataclass
class TitleBlock:
    """Fields found, and the regions of the sheet which are tables or title text and hold no dimensions."""

    fields: dict[str, FieldValue] = field(default_factory=dict)
    regions: list[BBox] = field(default_factory=list)
    inline: list[TextBlock] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    bom: list[BomItem] = field(default_factory=list)


def read_title_block(page: Page, blocks: list[TextBlock], grid: Grid) -> TitleBlock:
    """Read the fields of one page; those without a value keep status "absent" or, where something illegible stands, "unread"."""
    view = view_title_block(page, blocks, grid)
    tables = read_tables(view)
    found = TitleBlock()
    _settle_change_labels(view, tables)
    labels = [
        p
        for p in view.labels
        if id(p) not in tables.used
        and p.label
        and not (p.label.startswith("_") and p.label not in ("_treatment", "_finish"))
    ]
    regions = _regions(view, tables)
    main = _main_region(regions, labels)
    claims = _claims(labels, view, tables)
    _read_labels(found, labels, claims, view, main, page.number)
    _read_tables(found, tables, view, page.number)
    _read_facts(found, view, regions, page.number)
    _read_tolerance_lines(found, view, page.number)
    if len({label.label for label in labels}) < FEW_LABELS:
        read_unlabelled(found.fields, view, page.number, tables.used)
    _read_company(found, labels, view, main, page.number)
    if main is not None and len({label.label for label in labels}) >= FEW_LABELS:
        values = {id(piece) for claim in claims.values() for piece in claim.pieces} | tables.used
        read_without_label(found.fields, labels, values, view.inside(main, 1.0), page.number)
    _read_symbol(found, view, page.number)
    title_region = read_title_text(found.fields, view, page.number)
    regions += [title_region] if title_region else []
    for value in found.fields.values():
        if value.bbox is not None:
            value.bbox = view.to_page_box(value.bbox)
    found.regions = [view.to_page_box(region) for region in regions]
    found.bom = bom_items(tables.parts, page.number)
    for item in found.bom:
        item.bbox = view.to_page_box(item.bbox) if item.bbox else None
        item.boxes = {name: view.to_page_box(box) for name, box in item.boxes.items()}
    return found


def _settle_change_labels(view: TurnedSheet, tables: TableFinds) -> None:
    """ "Änderung" or "Modification" with a short mark in the same cell is the revision, not the heading of a history."""
    for label in view.labels:
        if label.label != "_change" or id(label) in tables.used:
            continue
        beside = [c for c in candidates_of(label, view, tables.used) if c.kind == "own"]
        if any(re.fullmatch(r"[A-Z0-9]{1,3}", c.text) for c in beside) or re.fullmatch(
            r"[A-Z0-9]{1,3}", label.inline or ""
        ):
            label.label = "revision"


def _claims(labels: list[Piece], view: TurnedSheet, tables: TableFinds) -> dict[int, Candidate]:
    """The value of each label: the best placed candidates first, each text for one label only."""
    offers = {id(label): candidates_of(label, view, tables.used) for label in labels}
    style = _style(labels, offers)
    ranked: list[tuple[float, Piece, Candidate]] = []
    for label in labels:
        for candidate in offers[id(label)]:
            share = style[candidate.kind]
            if _is_foreign(candidate, share, style, label):
                continue
            ranked.append((candidate.score + 0.5 * share, label, candidate))
    claims: dict[int, Candidate] = {}
    taken: set[int] = set()
    for _, label, candidate in sorted(ranked, key=lambda item: -item[0]):
        if id(label) in claims or any(id(piece) in taken for piece in candidate.pieces):
            continue
        claims[id(label)] = candidate
        taken |= {id(piece) for piece in candidate.pieces}
    for label in labels:
        if id(label) not in claims:
            place = value_place(label, view, style)
            if place is not None:
                claims[id(label)] = Candidate("place", [], "", 0.0, place)
    return claims


def _style(labels: list[Piece], offers: dict[int, list[Candidate]]) -> dict[str, float]:
    """Share of labels whose value stands in each kind of place."""
    votes: dict[str, float] = defaultdict(float)
    for label in labels:
        if label.inline is not None:
            votes["inline"] += 1
            continue
        kinds = {candidate.kind for candidate in offers[id(label)]}
        first = "own" if "own" in kinds else None
        for kind in [first] if first else kinds:
            votes[kind] += 1 / (1 if first else len(kinds))
    total = sum(votes.values()) or 1
    return defaultdict(float, {kind: count / total for kind, count in votes.items()})


def _is_foreign(candidate: Candidate, share: float, style: dict[str, float], label: Piece) -> bool:
    """A place where this sheet does not put its values."""
    if candidate.kind == "own":
        return False
    if style["own"] >= 0.5 and label.cell is not None and _is_roomy(label):
        return True
    if style["inline"] >= 0.5 and candidate.kind != "right":
        return True
    return share < 0.12


def _is_roomy(label: Piece) -> bool:
    if label.cell is None:
        return False
    _, y0, x1, y1 = label.cell
    return y1 - y0 > 2.1 * label.height or x1 - label.box[2] > 2.5 * label.height


def _lies_in(region: BBox, piece: Piece) -> bool:
    x, y = piece.centre
    return contains(region, x, y, 1.0)


def _read_labels(
    found: TitleBlock,
    labels: list[Piece],
    claims: dict[int, Candidate],
    view: TurnedSheet,
    main: BBox | None,
    page: int,
) -> None:
    materials: list[FieldValue] = []
    for label in sorted(labels, key=lambda item: 0 if main and _lies_in(main, item) else 1):
        value = _value(label, claims.get(id(label)), view, page)
        name = label.label or ""
        if name == "_treatment":
            name = (
                "surface_treatment"
                if treatment_kind(value.value or "") not in ("heat", None)
                else "heat_treatment"
            )
        if name == "_finish":
            # "Surface finish" announces a coating as often as a roughness.
            if value.status != "read" or treatment_kind(value.value or "") in ("heat", None):
                continue
            name = "surface_treatment"
        if name == "material" and value.status == "read":
            materials.append(value)
        known = found.fields.get(name)
        if (
            known is None
            or (known.status != "read" and value.status == "read")
            or (known.status == "absent" and value.status == "unread")
        ):
            found.fields[name] = value
    _settle_materials(found, materials)


def _value(label: Piece, claim: Candidate | None, view: TurnedSheet, page: int) -> FieldValue:
    name = label.label or ""
    if label.inline is not None:
        pieces, text, place, sure = [label], label.inline, None, 0.95
    elif claim is not None:
        pieces, text, place, sure = claim.pieces, claim.text, claim.place, min(0.95, claim.score)
    else:
        return FieldValue(status="absent", page=page, bbox=label.cell or label.box)
    box = union_box([piece.box for piece in pieces]) if pieces else place or label.box
    if not pieces:
        status: FieldStatus = "unread" if place is not None and has_scribble(view, place) else "absent"
        return FieldValue(status=status, page=page, bbox=box)
    if is_empty_value(name, text):
        return FieldValue(status="absent", page=page, bbox=box)
    confidence = min(piece.confidence for piece in pieces) * sure
    if confidence < LEGIBLE_FROM * 0.95 or not _fits(name, text):
        # A sentence in a shared cell is no illegible value.
        foreign = (
            claim is not None
            and claim.kind not in ("own", "cell_right", "cell_below")
            and label.inline is None
        )
        return FieldValue(status="absent" if foreign else "unread", page=page, bbox=box)
    return FieldValue(_tidy(name, text), confidence, "read", page, box, pieces[0].block.parts[0].source)


def _fits(name: str, text: str) -> bool:
    return fits(_SHAPED_AS.get(name, name), text)


def _tidy(name: str, text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip(" :=;")
    if name == "general_tolerance":
        text = re.sub(
            r"^(?:nach|gemäß|selon|suivant|according to|acc\.? to|as per|per)\s+(?=\S)", "", text, flags=re.I
        )
    if name == "general_tolerance" and (stated := fact_in(name, text)) and len(text) > len(stated) + 12:
        return stated
    return text


def _settle_materials(found: TitleBlock, materials: list[FieldValue]) -> None:
    """Two materials on one sheet: the field stays open and both are told (DRW-49)."""
    grades = {
        match.grade.name for value in materials if (match := identify(value.value or "")).grade is not None
    }
    if len(grades) > 1:
        texts = " ; ".join(dict.fromkeys(f"« {value.value} »" for value in materials))
        found.warnings.append(f"Deux matières sur le plan : {texts}. À choisir.")
        found.fields["material"] = FieldValue(status="unread", page=materials[0].page, bbox=materials[0].bbox)


def _read_tables(found: TitleBlock, tables: TableFinds, view: TurnedSheet, page: int) -> None:
    """Signature matrix, one-row parts list and last revision give what no label gave."""
    for name, box in tables.settled.items():
        if name not in tables.values:
            blurred = has_scribble(view, box)
            if found.fields.get(name) is None or found.fields[name].status != "read":
                found.fields[name] = FieldValue(status="unread" if blurred else "absent", page=page, bbox=box)
    for name, pieces in tables.values.items():
        text = " ".join(piece.text for piece in pieces)
        known = found.fields.get(name)
        if name == "_treatment":
            name = "surface_treatment" if treatment_kind(text) not in ("heat", None) else "heat_treatment"
        if (
            (known is None or known.status != "read")
            and not name.startswith("_")
            and not is_empty_value(name, text)
        ):
            box = union_box([piece.box for piece in pieces])
            if fits(name, text):
                sure = 0.9 * min(piece.confidence for piece in pieces)
                found.fields[name] = FieldValue(
                    text, sure, "read", page, box, pieces[0].block.parts[0].source
                )
            else:
                found.fields[name] = FieldValue(status="unread", page=page, bbox=box)
    last, known = tables.last_revision, found.fields.get("revision")
    if last is not None and (known is None or known.status == "absent"):
        found.fields["revision"] = FieldValue(
            last.text, 0.85 * last.confidence, "read", page, last.box, last.block.parts[0].source
        )


def _read_facts(found: TitleBlock, view: TurnedSheet, regions: list[BBox], page: int) -> None:
    """Facts which say by themselves what they are, wherever they are written; those in the title block first."""
    ordered = sorted(view.pieces, key=lambda p: 0 if any(_lies_in(r, p) for r in regions) else 1)
    for piece in ordered:
        for name in FACTS:
            value = fact_in(name, piece.text)
            if value is None:
                continue
            found.inline.append(piece.block)
            known = found.fields.get(name)
            if known is None or known.status != "read":
                found.fields[name] = FieldValue(
                    value, 0.85 * piece.confidence, "read", page, piece.box, piece.block.parts[0].source
                )


def _read_tolerance_lines(found: TitleBlock, view: TurnedSheet, page: int) -> None:
    """The block of an ASME sheet: lines ".XX ±.01" under each other are the general tolerance."""
    lines = [p for p in view.pieces if TOLERANCE_LINE.match(p.text.strip())]
    known = found.fields.get("general_tolerance")
    if len(lines) < 2:
        if known is not None and known.status == "unread":
            known.status = "absent"
        return
    run = max(_runs(lines), key=len)
    found.inline += [piece.block for piece in run]
    if len(run) >= 2 and (known is None or known.status != "read"):
        text = " ".join(re.sub(r"\s+", " ", piece.text) for piece in run)
        found.fields["general_tolerance"] = FieldValue(
            text,
            0.85 * min(p.confidence for p in run),
            "read",
            page,
            union_box([p.box for p in run]),
            run[0].block.parts[0].source,
        )


def _runs(lines: list[Piece]) -> list[list[Piece]]:
    """Lines under each other, left edges aligned."""
    runs: list[list[Piece]] = []
    for piece in sorted(lines, key=lambda p: p.box[1]):
        near = next(
            (
                run
                for run in runs
                if piece.box[1] - run[-1].box[3] < 3 * piece.height
                and abs(piece.box[0] - run[-1].box[0]) < 12 * piece.height
            ),
            None,
        )
        if near is None:
            runs.append([piece])
        else:
            near.append(piece)
    return runs


def _read_company(
    found: TitleBlock, labels: list[Piece], view: TurnedSheet, main: BBox | None, page: int
) -> None:
    """The owner's name stands in many title blocks without a label: a name with a legal form."""
    if "customer" in found.fields or main is None or any(label.label == "customer" for label in labels):
        return
    named = [p for p in view.inside(main, 1.0) if p.label is None and is_company(p.text)]
    if named:
        piece = max(named, key=lambda p: p.height)
        found.fields["customer"] = FieldValue(
            piece.text, 0.8 * piece.confidence, "read", page, piece.box, piece.block.parts[0].source
        )


def _read_symbol(found: TitleBlock, view: TurnedSheet, page: int) -> None:
    known = found.fields.get("projection")
    if known is not None and known.status == "read":
        return
    if symbol := find_projection_symbol(view.page):
        found.fields["projection"] = FieldValue(f"{symbol[0]} angle", 0.9, "read", page, symbol[1], "symbol")


def _is_bare_size(piece: Piece) -> bool:
    """A size of a scan between extension lines, which look like the rules of a cell."""
    words = piece.block.words
    return bool(words) and words[0].source == "ocr" and _BARE_SIZE.match(piece.text) is not None


def _adjoins(cell: BBox, region: BBox, slack: float) -> bool:
    """True for a cell which touches a region and does not stick out past its corner, as spaces between dimension lines do."""
    return touches(cell, region, slack) and any(
        cell[side] >= region[side] - slack and cell[side + 2] <= region[side + 2] + slack for side in (0, 1)
    )


def _regions(view: TurnedSheet, tables: TableFinds) -> list[BBox]:
    """Clusters of label cells, grown over the ruled cells which touch them."""
    slack = 0.012 * max(view.page.width, view.page.height)
    boxes = [piece.cell or piece.box for piece in view.labels]
    clusters: list[list[BBox]] = []
    for box in boxes:
        near = [cluster for cluster in clusters if any(touches(box, other, slack) for other in cluster)]
        clusters = [cluster for cluster in clusters if cluster not in near]
        clusters.append([box, *(item for cluster in near for item in cluster)])
    regions = [union_box(cluster) for cluster in clusters if len(cluster) >= 2]
    filled = {piece.cell for piece in view.pieces if piece.cell is not None and not _is_bare_size(piece)}
    for index, region in enumerate(regions):
        for _ in range(_GROWTH_STEPS):
            grown = union_box([region, *(cell for cell in filled if _adjoins(cell, region, 0.25 * slack))])
            if grown == region or (grown[3] - grown[1]) > 0.5 * view.page.height:
                break
            region = grown
        regions[index] = region
    return regions + tables.regions


def _main_region(regions: list[BBox], labels: list[Piece]) -> BBox | None:
    def richness(region: BBox) -> int:
        return len({label.label for label in labels if _lies_in(region, label)})

    return max(regions, key=richness, default=None)


__all__ = ["TitleBlock", "kind_of", "match_label", "read_title_block"]
