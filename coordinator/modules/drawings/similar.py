"""Parts already quoted or made that resemble an analysis, with their times and prices (DRW-37)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.drawings import access
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingFeature

HistorySource = Callable[[Context, Sequence[int]], dict[int, list[dict[str, Any]]]]
SOURCES: list[HistorySource] = []
"""Modules that know times and prices put a function here: part revision ids → their lines ``{source, …}``."""
_MOST = 500
_SHOWN = 20


@dataclass(frozen=True)
class Shape:
    """What two parts are compared by; sizes in mm, longest first."""

    number: str | None
    customer_id: int | None
    size_mm: tuple[float, ...]
    volume_cm3: float | None
    material_group: str | None
    material_id: int | None
    kinds: Counter[str]


def estimated_time_min(ctx: Context, part_revision_id: int | None) -> float | None:
    """Machining time of one piece as last quoted or made, minutes; None before, or for who may not see it (DRW-41)."""
    if part_revision_id is None:
        return None
    for source in SOURCES:
        for line in source(ctx, [part_revision_id]).get(part_revision_id, []):
            if line.get("run_min") is not None:
                return float(line["run_min"])
    return None


def likeness(a: Shape, b: Shape) -> float:
    """Similarity 0 to 1. The same number of the same customer is the same part; else size, volume, features and material count.

    Sizes and volumes are compared as ratios, so that a part twice as large is as far from one of 10 mm as from one of 1 m.
    """
    if a.number and a.number == b.number and a.customer_id == b.customer_id:
        return 1.0
    scores: list[tuple[float, float]] = []
    if a.size_mm and b.size_mm:
        pairs = list(zip(a.size_mm, b.size_mm, strict=False))
        scores.append((0.4, sum(_ratio(x, y) for x, y in pairs) / max(len(a.size_mm), len(b.size_mm))))
    if a.volume_cm3 and b.volume_cm3:
        scores.append((0.2, _ratio(a.volume_cm3, b.volume_cm3)))
    if a.kinds or b.kinds:
        common = sum((a.kinds & b.kinds).values())
        scores.append((0.3, 2 * common / (a.kinds.total() + b.kinds.total())))
    if a.material_group and b.material_group:
        same = 1.0 if a.material_id == b.material_id else 0.8 if a.material_group == b.material_group else 0.0
        scores.append((0.1, same))
    weight = sum(w for w, _ in scores)
    # Geometry must be known at least in part: a material alone makes no family.
    return sum(w * s for w, s in scores) / weight if weight >= 0.4 else 0.0


def _ratio(a: float, b: float) -> float:
    if a <= 0 or b <= 0:
        return 0.0
    return max(0.0, 1 - abs(math.log(a / b)))


def find(ctx: Context, analysis: DrawingAnalysis) -> list[dict[str, Any]]:
    """Reviewed parts at least as like as the setting asks, most alike first; prices only for who may see them."""
    limit = float(ctx.settings.decimal("drawing_similarity_min"))
    query = select(DrawingAnalysis).where(
        DrawingAnalysis.id != analysis.id, DrawingAnalysis.status == "validated",
        DrawingAnalysis.archived_at.is_(None), access.visible(ctx),
    )  # fmt: skip
    candidates = list(ctx.session.scalars(query.order_by(DrawingAnalysis.id.desc()).limit(_MOST)))
    kinds = _kinds(ctx, [analysis.id, *(c.id for c in candidates)])
    own = shape_of(analysis, kinds.get(analysis.id, Counter()))
    scored = [(likeness(own, shape_of(c, kinds.get(c.id, Counter()))), c) for c in candidates]
    best = sorted((s for s in scored if s[0] >= limit), key=lambda s: (-s[0], -s[1].id))[:_SHOWN]
    revisions = [c.part_revision_id for _, c in best if c.part_revision_id is not None]
    history: dict[int, list[dict[str, Any]]] = {}
    for source in SOURCES:
        for revision_id, lines in source(ctx, revisions).items():
            history.setdefault(revision_id, []).extend(lines)
    return [
        {
            "analysis_id": c.id,
            "part_revision_id": c.part_revision_id,
            "drawing_number": c.drawing_number,
            "revision": c.revision,
            "part_name": c.part_name,
            "customer_id": c.customer_id,
            "material_text": c.material_text,
            "size_mm": list(shape_of(c, Counter()).size_mm),
            "similarity": round(score, 3),
            "history": history.get(c.part_revision_id or 0, []),
        }
        for score, c in best
    ]


def shape_of(analysis: DrawingAnalysis, kinds: Counter[str]) -> Shape:
    """The compared facts of an analysis."""
    sizes = (analysis.length_mm, analysis.width_mm, analysis.height_mm)
    return Shape(
        (analysis.drawing_number or "").casefold() or None,
        analysis.customer_id,
        tuple(sorted((float(v) for v in sizes if v is not None), reverse=True)),
        float(analysis.volume_cm3) if analysis.volume_cm3 is not None else None,
        (analysis.iso513_group or "")[:1] or None,
        analysis.material_id,
        kinds,
    )


def _kinds(ctx: Context, ids: Sequence[int]) -> dict[int, Counter[str]]:
    query = select(DrawingFeature.drawing_analysis_id, DrawingFeature.kind, DrawingFeature.count).where(
        DrawingFeature.drawing_analysis_id.in_(ids), DrawingFeature.archived_at.is_(None)
    )
    found: dict[int, Counter[str]] = {}
    for analysis_id, kind, count in ctx.session.execute(query):
        found.setdefault(analysis_id, Counter())[kind] += count
    return found
