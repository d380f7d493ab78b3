"""Parts a drawing or an assembly holds beside itself, offered as lines of their own (DRW-03, DRW-13).

Rows of a parts list and distinct solids of a model are matched by name; a person takes those that are to be made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import cast, exists, func, or_, select
from sqlalchemy.dialects.postgresql import JSONPATH

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.lifecycle import move
from coordinator.modules.drawings import access
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingAnalysisFile
from coordinator.modules.drawings.reading.model import DrawingReading, FieldValue
from coordinator.modules.drawings.results import FilePart

NOT_SHARED = (
    "Ligne tirée d'une nomenclature : les cotes de l'ensemble ne lui sont pas attribuées, à compléter."
)
NO_LONGER_FOUND = (
    "La ligne de nomenclature ou le solide de cette pièce n'est plus lu : c'est l'ensemble qui est montré."
)
_KEPT_TITLE = ("general_tolerance", "unit", "customer", "projection")
_NAME_CONFIDENCE = 0.7
_BOUGHT = re.compile(
    r"\b(?:ISO|DIN|NF\s?E|EN)\s?[- ]?\d{3,5}\b|\b(?:vis|[ée]crous?|rondelles?|goupilles?|circlips|anneau [ée]lastique|roulements?|joints? (?:torique|plat|spi)"
    r"|clavettes?|ressorts?|rivets?|goujons?|screws?|bolts?|nuts?|washers?|bearings?|o-?rings?|dowel|circlip|spring|schrauben?|muttern?|scheiben?|lager|stift|feder)\b",
    re.IGNORECASE,
)
_LIVE = ("uploaded", "analysing", "to_review", "validated", "failed")
_Source = tuple[int | None, str, int | None]
"""File, list ("bom" or "solid") and number in it."""


class TakeParams(BaseModel):
    """Parts to make lines of: their keys as offered (``bom:2``, ``solid:1``)."""

    keys: list[str] = Field(min_length=1, max_length=500)


@dataclass(frozen=True)
class Offer:
    """One part that may become a line; ``count`` per assembly, ``analysis_id`` where a line exists already."""

    key: str
    file_id: int
    name: str | None
    number: str | None = None
    position: str | None = None
    material: str | None = None
    count: int = 1
    size_mm: tuple[float, ...] | None = None
    page: int | None = None
    is_bought: bool = False
    bom_no: int | None = None
    solid_no: int | None = None
    solid_file_id: int | None = None
    analysis_id: int | None = None


def offers(ctx: Context, analysis: DrawingAnalysis) -> list[Offer]:
    """Parts of an analysis that may become lines, with those that already are."""
    from coordinator.modules.drawings import keeping

    files = (analysis.reading or {}).get("files", [])
    if not any(file.get("bom") or file.get("parts") for file in files):
        return []
    parts = keeping.parts_of(analysis)
    links = _links(ctx, analysis.id)
    if any(link.solid_no is not None or link.bom_no is not None for link in links):
        return []
    found = found_in(parts)
    if not found:
        return []
    taken = _taken(ctx, links)
    numbers = _numbers(ctx, analysis)
    return [replace(offer, analysis_id=_line_of(offer, taken, numbers)) for offer in found]


def _line_of(offer: Offer, taken: Mapping[_Source, int], numbers: Mapping[str, int]) -> int | None:
    """The line an offer is already: by its row, its solid, or the detail drawing with its number."""
    row, solid = (offer.file_id, "bom", offer.bom_no), (offer.solid_file_id, "solid", offer.solid_no)
    return taken.get(row) or taken.get(solid) or numbers.get(_plain(offer.number))


def holds_parts(ctx: Context, analysis: DrawingAnalysis) -> bool:
    """Whether the reading lists parts at all, without loading it: the state of an import is asked for again and again."""
    lists = [
        func.jsonb_path_exists(DrawingAnalysis.reading, cast(f"$.files[*].{name}[*]", JSONPATH))
        for name in ("bom", "parts")
    ]
    return bool(ctx.session.scalar(select(or_(*lists)).where(DrawingAnalysis.id == analysis.id)))


def found_in(parts: Sequence[FilePart]) -> list[Offer]:
    """Rows of parts lists, each with its solid where one has its name, then the solids without a row. Pure."""
    solids = [
        Offer(
            f"solid:{p.file_id}:{no}", p.file_id, solid.name, count=solid.count,
            size_mm=tuple(sorted((round(v, 2) for v in solid.solid.size_mm), reverse=True)),
            solid_no=no, solid_file_id=p.file_id, is_bought=bool(_BOUGHT.search(solid.name or "")),
        )
        for p in parts
        for no, solid in enumerate(p.reading.parts, start=1)
    ]  # fmt: skip
    found: list[Offer] = []
    for part in parts:
        for no, item in enumerate(part.reading.bom, start=1):
            row = Offer(
                f"bom:{part.file_id}:{no}", part.file_id, item.name, item.number, item.position, item.material,
                item.count, page=item.page, bom_no=no, is_bought=bool(_BOUGHT.search(f"{item.name} {item.number or ''}")),
            )  # fmt: skip
            twin = next((s for s in solids if _is_named_alike(row, s)), None)
            if twin is not None:
                solids.remove(twin)
                row = replace(row, size_mm=twin.size_mm, solid_no=twin.solid_no, solid_file_id=twin.file_id)
            found.append(row)
    whole = [*found, *solids]
    return whole if len(whole) > 1 or any(offer.count > 1 for offer in whole) else []


def _is_named_alike(row: Offer, solid: Offer) -> bool:
    name = _plain(solid.name)
    return bool(name) and name in (_plain(row.name), _plain(row.number))


def _plain(text: str | None) -> str:
    return re.sub(r"[\W_]+", "", text or "").casefold()


def _links(ctx: Context, analysis_id: int) -> list[DrawingAnalysisFile]:
    query = select(DrawingAnalysisFile).where(
        DrawingAnalysisFile.drawing_analysis_id == analysis_id, DrawingAnalysisFile.archived_at.is_(None)
    )
    return list(ctx.session.scalars(query))


def _taken(ctx: Context, own: Sequence[DrawingAnalysisFile]) -> dict[_Source, int]:
    """Lines already made of rows and solids of these files; rows of other sheets of a file are another list's."""
    pages = {link.drawing_file_id: set(link.pages or ()) for link in own}
    query = (
        select(DrawingAnalysisFile, DrawingAnalysis.id)
        .join(DrawingAnalysis, DrawingAnalysis.id == DrawingAnalysisFile.drawing_analysis_id)
        .where(
            DrawingAnalysisFile.drawing_file_id.in_(pages), DrawingAnalysisFile.archived_at.is_(None),
            or_(DrawingAnalysisFile.solid_no.is_not(None), DrawingAnalysisFile.bom_no.is_not(None)),
            DrawingAnalysis.status.in_(_LIVE), DrawingAnalysis.archived_at.is_(None),
        )
    )  # fmt: skip
    found: dict[_Source, int] = {}
    for link, line_id in ctx.session.execute(query):
        here, there = pages[link.drawing_file_id], set(link.pages or ())
        if here and there and not here & there:
            continue
        if link.bom_no is not None:
            found[(link.drawing_file_id, "bom", link.bom_no)] = line_id
        if link.solid_no is not None:
            found[(link.drawing_file_id, "solid", link.solid_no)] = line_id
    return found


def _numbers(ctx: Context, analysis: DrawingAnalysis) -> dict[str, int]:
    """Lines of the same import by drawing number: the detail drawing of a row came with it."""
    if analysis.drawing_import_id is None:
        return {}
    # Two screws of one standard share its number: a line made of a row is only that row.
    is_row = exists().where(
        DrawingAnalysisFile.drawing_analysis_id == DrawingAnalysis.id, DrawingAnalysisFile.bom_no.is_not(None)
    )
    query = select(DrawingAnalysis.drawing_number, DrawingAnalysis.id).where(
        DrawingAnalysis.drawing_import_id == analysis.drawing_import_id, DrawingAnalysis.id != analysis.id,
        DrawingAnalysis.status.in_(_LIVE), DrawingAnalysis.drawing_number.is_not(None),
        DrawingAnalysis.archived_at.is_(None), ~is_row,
    )  # fmt: skip
    return {plain: line_id for number, line_id in ctx.session.execute(query) if (plain := _plain(number))}


def all_solids_taken(ctx: Context, analysis: DrawingAnalysis) -> bool:
    """True when every solid of the assembly has become a line: the assembly no longer counts them."""
    reading = analysis.reading or {}
    wanted = {
        (source["file_id"], no)
        for source, read in zip(reading.get("sources", []), reading.get("files", []), strict=False)
        for no in range(1, len(read.get("parts") or []) + 1)
    }
    if not wanted:
        return False
    query = (
        select(DrawingAnalysisFile.drawing_file_id, DrawingAnalysisFile.solid_no)
        .join(DrawingAnalysis, DrawingAnalysis.id == DrawingAnalysisFile.drawing_analysis_id)
        .where(
            DrawingAnalysisFile.solid_no.is_not(None), DrawingAnalysisFile.archived_at.is_(None),
            DrawingAnalysisFile.drawing_file_id.in_({file_id for file_id, _ in wanted}),
            DrawingAnalysis.id != analysis.id, DrawingAnalysis.status.in_(_LIVE),
            DrawingAnalysis.archived_at.is_(None),
        )
    )  # fmt: skip
    return wanted <= set(ctx.session.execute(query).tuples())


def reduced(reading: DrawingReading, solid_no: int | None, bom_no: int | None) -> DrawingReading:
    """A reading less everything that belongs to other parts; whole, and told so, where the number no longer exists. Pure."""
    if bom_no is not None and bom_no <= len(reading.bom):
        item = reading.bom[bom_no - 1]
        own = DrawingReading(file=reading.file, kind=reading.kind, pages=reading.pages, unit=reading.unit)
        own.standard_system, own.seconds = reading.standard_system, reading.seconds
        own.title_block |= {n: reading.title_block[n] for n in _KEPT_TITLE}
        for name, value in (
            ("drawing_number", item.number),
            ("part_name", item.name),
            ("material", item.material),
        ):
            if value:
                own.title_block[name] = FieldValue(
                    value, item.confidence, "read", item.page, item.boxes.get(name, item.bbox), "bom"
                )
        own.warnings = [NOT_SHARED]
        return own
    if solid_no is not None and solid_no <= len(reading.parts):
        part = reading.parts[solid_no - 1]
        own = DrawingReading(file=reading.file, kind=reading.kind, pages=reading.pages, unit=reading.unit)
        own.seconds, own.solid, own.features = reading.seconds, part.solid, part.features
        own.turned_profile, own.processes = part.turned_profile, part.processes
        own.access_directions = part.access_directions
        if part.name:
            own.title_block["part_name"] = FieldValue(
                part.name, _NAME_CONFIDENCE, "read", source="step_product"
            )
        return own
    if bom_no is None and solid_no is None:
        return reading
    return replace(reading, warnings=[NO_LONGER_FOUND, *reading.warnings])


def parts_for(offer: Offer, parts: Sequence[FilePart]) -> list[FilePart]:
    """The readings of one offered part: its row of the list, its solid, or both. Pure."""
    made = []
    for part in parts:
        if offer.bom_no is not None and part.file_id == offer.file_id:
            # All its sheets: on some of them only, the rows read again would be counted from elsewhere.
            own = reduced(part.reading, None, offer.bom_no)
            made.append(FilePart(part.file_id, part.name, own, part.pages, part.sheets))
        elif offer.solid_no is not None and part.file_id == offer.solid_file_id:
            own = reduced(part.reading, offer.solid_no, None)
            made.append(FilePart(part.file_id, part.name, own, part.pages, part.sheets))
    return made


def take(ctx: Context, analysis: DrawingAnalysis, params: TakeParams) -> dict[str, Any]:
    """Make lines of the chosen parts; one that is a line already is answered, not doubled.

    Raises:
        BusinessError: ``drawing.part_unknown``.
    """
    from coordinator.modules.drawings import keeping

    parts = keeping.parts_of(analysis)
    known = {offer.key: offer for offer in offers(ctx, analysis)}
    if unknown := [key for key in params.keys if key not in known]:
        raise BusinessError("drawing.part_unknown", key=unknown[0])
    made, existing = [], []
    for key in dict.fromkeys(params.keys):
        offer = known[key]
        if offer.analysis_id is not None:
            existing.append(offer.analysis_id)
        else:
            made.append(_line(ctx, analysis, offer, parts_for(offer, parts)).id)
    ctx.note("take_parts", analysis, details=", ".join(params.keys)[:500])
    return {"analysis_ids": made, "existing_ids": existing}


def _line(ctx: Context, analysis: DrawingAnalysis, offer: Offer, parts: list[FilePart]) -> DrawingAnalysis:
    from coordinator.modules.drawings import keeping

    quantity = None if analysis.quantity is None else analysis.quantity * offer.count
    line = ctx.add(
        DrawingAnalysis(
            drawing_file_id=parts[0].file_id, drawing_import_id=analysis.drawing_import_id,
            customer_id=analysis.customer_id, quantity=quantity, created_by_id=analysis.created_by_id,
        )
    )  # fmt: skip
    for part in parts:
        ctx.add(
            DrawingAnalysisFile(
                drawing_analysis_id=line.id, drawing_file_id=part.file_id, pages=part.pages,
                bom_no=offer.bom_no if part.file_id == offer.file_id else None,
                solid_no=offer.solid_no if part.file_id == offer.solid_file_id else None,
            )
        )  # fmt: skip
    ctx.session.flush()
    access.keep_restricted(ctx, analysis, line)
    move(ctx, line, "begin")
    keeping.fill(ctx, line, parts)
    return line


def as_json(found: Sequence[Offer]) -> list[dict[str, Any]]:
    """Offers as the review shows them."""
    return [asdict(offer) for offer in found]
