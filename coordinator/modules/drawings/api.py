"""What other modules may ask about analyses."""

from __future__ import annotations

from typing import Any

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.modules.drawings.models import DrawingAnalysis


def analysis(ctx: Context, analysis_id: int) -> DrawingAnalysis:
    """One analysis."""
    return ctx.get(DrawingAnalysis, analysis_id)


def validated_description(ctx: Context, analysis_id: int) -> dict[str, Any]:
    """Merged reading of a validated analysis, with the person's corrections laid over it.

    Raises:
        BusinessError: ``drawing.not_validated`` (DRW-33: nothing unreviewed is priced).
    """
    record = ctx.get(DrawingAnalysis, analysis_id)
    if record.status != "validated" or record.reading is None:
        raise BusinessError("drawing.not_validated", id=analysis_id)
    description: dict[str, Any] = dict(record.reading["part"])
    title = {k: dict(v) for k, v in description["title_block"].items()}
    corrected = {
        "drawing_number": record.drawing_number,
        "revision": record.revision,
        "part_name": record.part_name,
        "material": record.material_text,
        "general_tolerance": record.general_tolerance,
    }
    for name, value in corrected.items():
        title[name] = {
            **title.get(name, {}),
            "value": value,
            "status": "read" if value else "absent",
            "confidence": 1.0,
        }
    description["title_block"] = title
    return description
