"""What was read, as columns of an analysis and rows of features. Nothing below the confidence limit is filled in."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from coordinator.modules.drawings.models import DrawingAnalysis, DrawingFeature
from coordinator.modules.drawings.reading.fuse import PartReading, fuse
from coordinator.modules.drawings.reading.model import DrawingReading

LEFT_EMPTY_BELOW = 0.60
"""Below this confidence a field stays empty for the person to fill (DRW-31)."""
_FIELDS = {
    "drawing_number": "drawing_number",
    "revision": "revision",
    "part_name": "part_name",
    "material": "material_text",
    "general_tolerance": "general_tolerance",
}
_TREATMENTS = {"heat_treatment": "heat", "surface_treatment": "surface"}


def apply(analysis: DrawingAnalysis, readings: list[DrawingReading]) -> None:
    """Fill the analysis from the merged readings of its files."""
    part = fuse(readings)
    for source, target in _FIELDS.items():
        value = part.title_block[source]
        if value.status == "read" and value.value and value.confidence >= LEFT_EMPTY_BELOW:
            limit = DrawingAnalysis.__table__.c[target].type.length  # type: ignore[attr-defined]
            setattr(analysis, target, value.value[:limit])
    analysis.treatments = [
        {"kind": kind, "text": part.title_block[name].value}
        for name, kind in _TREATMENTS.items()
        if part.title_block[name].status == "read" and part.title_block[name].value
    ]
    analysis.standard_system = part.standard_system
    analysis.unit = part.unit
    analysis.has_tight_tolerance = part.has_tight_tolerance
    analysis.processes = [{"process": p.process, "confidence": p.confidence} for p in part.processes]
    _size(analysis, part)
    analysis.complexity = complexity(part)
    analysis.warnings = [
        *(analysis.warnings or []),
        *part.warnings,
        *[c.message for c in part.contradictions],
    ]
    values = [v.confidence for v in part.title_block.values() if v.status == "read"]
    values += [d.confidence for d in part.dimensions]
    analysis.confidence = Decimal(str(round(sum(values) / len(values), 3))) if values else None
    analysis.reading = {"files": [r.to_json() for r in readings], "part": merged(part, readings)}


def _size(analysis: DrawingAnalysis, part: PartReading) -> None:
    if part.solid is None:
        return
    x, y, z = sorted((Decimal(str(round(v, 3))) for v in part.solid.size_mm), reverse=True)
    analysis.length_mm, analysis.width_mm, analysis.height_mm = x, y, z
    if not part.solid.estimated and part.solid.volume_mm3:
        analysis.volume_cm3 = Decimal(str(round(part.solid.volume_mm3 / 1000, 3)))


def complexity(part: PartReading) -> str:
    """Simple, moderate or complex from feature count, access directions and tight tolerances (DRW-25)."""
    points = len(part.features) + 3 * max(0, len(part.access_directions) - 2)
    points += 4 * sum(1 for d in part.dimensions if d.is_tight)
    return "simple" if points < 8 else "moderate" if points < 25 else "complex"


def merged(part: PartReading, readings: list[DrawingReading]) -> dict[str, Any]:
    """The merged description in the published form of one reading, as the quoting engine takes it."""
    base = next((r for r in readings if r.error is None and r.solid is not None), None)
    base = base or next(r for r in readings if r.error is None)
    whole = DrawingReading(
        file=base.file,
        kind=base.kind,
        pages=base.pages,
        title_block=part.title_block,
        standard_system=base.standard_system,
        unit=part.unit,
        dimensions=part.dimensions,
        surface_textures=part.surface_textures,
        geometric_tolerances=[t for r in readings for t in r.geometric_tolerances],
        notes=[n for r in readings for n in r.notes],
        solid=part.solid,
        features=part.features,
        turned_profile=part.turned_profile,
        access_directions=part.access_directions,
        processes=part.processes,
        warnings=part.warnings,
    )
    return whole.to_json()


def features(analysis_id: int, readings: list[DrawingReading]) -> Iterator[DrawingFeature]:
    """Rows of everything that was read, each with its place."""
    part = fuse(readings)
    for dimension in part.dimensions:
        yield DrawingFeature(
            drawing_analysis_id=analysis_id,
            kind=f"dimension.{dimension.kind}",
            text=dimension.text[:300],
            nominal=_decimal(dimension.nominal),
            tol_upper=_decimal(dimension.upper),
            tol_lower=_decimal(dimension.lower),
            fit=(dimension.fit or "")[:12] or None,
            count=dimension.count,
            unit=dimension.unit,
            is_tight=dimension.is_tight,
            page=dimension.page,
            bbox=list(dimension.bbox) if dimension.bbox else None,
            confidence=_decimal(round(dimension.confidence, 3)),
        )
    for feature in part.features:
        yield DrawingFeature(
            drawing_analysis_id=analysis_id,
            kind=f"feature.{feature.type}"[:40],
            text=f"{feature.form} Ø{feature.diameter_mm:g}" if feature.diameter_mm else feature.form,
            nominal=_decimal(feature.diameter_mm),
            count=feature.count,
            unit="mm",
            confidence=_decimal(round(feature.confidence, 3)),
            data={
                "depth_mm": feature.depth_mm,
                "through": feature.through,
                "form": feature.form,
                "axis": list(feature.axis) if feature.axis else None,
                "steps": [{"diameter_mm": s.diameter_mm, "depth_mm": s.depth_mm} for s in feature.steps],
                "thread": feature.thread,
            },
        )
    for texture in part.surface_textures:
        yield DrawingFeature(
            drawing_analysis_id=analysis_id,
            kind="surface_texture",
            text=texture.text[:300],
            nominal=_decimal(texture.value_um),
            unit="µm",
            page=texture.page,
            bbox=list(texture.bbox) if texture.bbox else None,
            confidence=_decimal(round(texture.confidence, 3)),
        )


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(round(value, 4)))
