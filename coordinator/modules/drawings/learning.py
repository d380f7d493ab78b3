"""Corrections of a style become a proposed template; approved ones act at the next reading (DRW-35)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.modules.drawings import styles
from coordinator.modules.drawings.fieldset import BY_NAME
from coordinator.modules.drawings.models import (
    DrawingAnalysis,
    DrawingCorrection,
    TitleBlockStyle,
    TitleBlockTemplate,
)

CONFIDENCE = 0.92
_LEARNT_GROUPS = ("title_block", "material", "size")


def recognise(ctx: Context, analysis: DrawingAnalysis) -> TitleBlockStyle | None:
    """The style of an analysis' title block: a known one of the same customer, else a new one.

    A restricted drawing leaves no trace in what is learned (DRW-28).
    """
    sheets = (analysis.reading or {}).get("sheets") or []
    found = styles.signature(sheets[0].get("words") or []) if sheets else []
    if not found:
        return None
    query = select(TitleBlockStyle).where(TitleBlockStyle.archived_at.is_(None))
    own = (
        TitleBlockStyle.customer_id == analysis.customer_id
        if analysis.customer_id is not None
        else TitleBlockStyle.customer_id.is_(None)
    )
    known = [
        (styles.likeness(style.signature, found), style) for style in ctx.session.scalars(query.where(own))
    ]
    best = max(known, key=lambda pair: pair[0], default=(0.0, None))
    if best[1] is not None and best[0] >= styles.MIN_LIKENESS:
        return best[1]
    if analysis.is_restricted:
        return None
    style = TitleBlockStyle(
        customer_id=analysis.customer_id,
        name=f"Cartouche {len(known) + 1}",
        signature=found,
        sample_analysis_id=analysis.id,
    )
    return ctx.add(style)


def apply_templates(ctx: Context, analysis: DrawingAnalysis) -> None:
    """Let approved templates of the style fill or replace what the readers found, and say so per field."""
    if analysis.title_block_style_id is None or not analysis.reading:
        return
    query = select(TitleBlockTemplate).where(
        TitleBlockTemplate.title_block_style_id == analysis.title_block_style_id,
        TitleBlockTemplate.status == "approved", TitleBlockTemplate.archived_at.is_(None),
    )  # fmt: skip
    reading = dict(analysis.reading)
    fields = {name: dict(entry) for name, entry in reading["fields"].items()}
    changed = False
    for template in ctx.session.scalars(query.order_by(TitleBlockTemplate.id)):
        entry = fields.get(template.field_name)
        value = _value(template, entry, reading["sheets"]) if entry is not None else None
        if entry is None or value is None or value == entry["value"]:
            continue
        if entry["value"] is not None and entry["value"] not in {c["value"] for c in entry["candidates"]}:
            entry["candidates"] = [*entry["candidates"], {**_bare(entry), "value": entry["value"]}]
        entry |= {"value": value, "confidence": CONFIDENCE, "status": "read", "engine": "modèle de cartouche"}
        entry |= {"template_id": template.id, "page": _page(template), "box": _box(template), "bbox": None}
        set_value(analysis, template.field_name, value)
        changed = True
    if changed:
        reading["fields"] = fields
        analysis.reading = reading


def _value(template: TitleBlockTemplate, entry: dict[str, Any], sheets: list[dict[str, Any]]) -> str | None:
    if template.box:
        return styles.value_at(template.box[:4], _page(template) or 1, sheets)
    return template.corrected_value if _same(entry["value"], template.read_value) else None


def _page(template: TitleBlockTemplate) -> int | None:
    return int(template.box[4]) if template.box and len(template.box) > 4 else None


def _box(template: TitleBlockTemplate) -> list[float] | None:
    return [float(v) for v in template.box[:4]] if template.box else None


def _bare(entry: dict[str, Any]) -> dict[str, Any]:
    return {k: entry.get(k) for k in ("confidence", "engine", "file_id", "page", "bbox")}


def _same(a: Any, b: Any) -> bool:
    return str(a or "").strip() == str(b or "").strip()


def set_value(analysis: DrawingAnalysis, name: str, value: Any) -> None:
    """Put a value where the field is kept."""
    field = BY_NAME[name]
    if field.column:
        setattr(analysis, name, value[: field.max_length] if isinstance(value, str) else value)
        return
    others = dict(analysis.other_values or {})
    if value is None or value == "":
        others.pop(name, None)
    else:
        others[name] = str(value)[: field.max_length]
    analysis.other_values = others or None


def learn(
    ctx: Context, analysis: DrawingAnalysis, correction: DrawingCorrection
) -> TitleBlockTemplate | None:
    """Look for corrections of the same style that agree; from the set number on, propose a template.

    Two agree when the right values stand at the same place of the sheet, or, where the right value is not written on it, when
    the same reading was replaced by the same value.
    """
    field = BY_NAME.get(correction.field_name)
    if field is None or field.group not in _LEARNT_GROUPS or field.type != "text" or analysis.is_restricted:
        return None
    if correction.title_block_style_id is None or correction.corrected_value is None:
        return None
    agreeing = _agreeing(ctx, correction)
    if len({c.drawing_analysis_id for c in agreeing}) < ctx.settings.integer("drawing_template_corrections"):
        return None
    return _propose(ctx, correction, agreeing)


def _agreeing(ctx: Context, correction: DrawingCorrection) -> list[DrawingCorrection]:
    query = (
        select(DrawingCorrection)
        .join(DrawingAnalysis, DrawingAnalysis.id == DrawingCorrection.drawing_analysis_id)
        .where(
            DrawingCorrection.title_block_style_id == correction.title_block_style_id,
            DrawingCorrection.field_name == correction.field_name,
            DrawingAnalysis.is_restricted.is_(False),
        )
    )
    return [c for c in ctx.session.scalars(query.order_by(DrawingCorrection.id)) if _agree(c, correction)]


def _agree(a: DrawingCorrection, b: DrawingCorrection) -> bool:
    if a.place and b.place:
        return a.place["page"] == b.place["page"] and styles.same_place(a.place["box"], b.place["box"])
    if a.place or b.place:
        return False
    return (
        bool(a.read_value)
        and _same(a.read_value, b.read_value)
        and _same(a.corrected_value, b.corrected_value)
    )


def _propose(
    ctx: Context, correction: DrawingCorrection, agreeing: list[DrawingCorrection]
) -> TitleBlockTemplate | None:
    box: list[Any] | None = None
    if correction.place:
        box = [*styles.common_box([c.place["box"] for c in agreeing if c.place]), correction.place["page"]]
    query = select(TitleBlockTemplate).where(
        TitleBlockTemplate.title_block_style_id == correction.title_block_style_id,
        TitleBlockTemplate.field_name == correction.field_name,
        TitleBlockTemplate.archived_at.is_(None),
    )
    for known in ctx.session.scalars(query):
        twin = (
            styles.same_place(known.box, box)
            if known.box and box
            else not known.box and not box and _same(known.read_value, correction.read_value)
        )
        if twin:
            known.evidence_count = len(agreeing)
            return None
    template = ctx.add(
        TitleBlockTemplate(
            title_block_style_id=correction.title_block_style_id,
            field_name=correction.field_name,
            box=box,
            label=correction.place.get("label") if correction.place else None,
            read_value=None if box else correction.read_value,
            corrected_value=None if box else correction.corrected_value,
            evidence_count=len(agreeing),
        )
    )
    tasks.open_task(
        ctx,
        "title_block_template",
        f"Modèle de cartouche à approuver : {correction.field_name}",
        template,
        role="estimator",
        dedupe_key=f"title_block_template:{template.id}",
    )
    return template


def decide(ctx: Context, template: TitleBlockTemplate, _params: Any) -> None:
    """Note who approved or rejected a template."""
    template.decided_by_id = ctx.principal.user_id
    template.decided_at = ctx.now
