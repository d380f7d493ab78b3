"""What a person changes on a reading: fields, dimensions, contradictions; each kept as a correction (DRW-35, DRW-49)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import delete, inspect, select

from coordinator.kernel import crud
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError, Invalid
from coordinator.kernel.http import field_error
from coordinator.kernel.schema import patch_schema
from coordinator.modules.catalogue import api as catalogue
from coordinator.modules.drawings import access, balloons, contradictions, learning, results, styles
from coordinator.modules.drawings.fieldset import BY_NAME, TREATMENTS
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingCorrection, DrawingFeature

_CLOSED = ("validated", "superseded", "rejected")
_FEATURE_FIELDS = (
    "kind",
    "text",
    "nominal",
    "tol_upper",
    "tol_lower",
    "fit",
    "count",
    "unit",
    "is_critical",
    "is_tight",
)


class ChooseParams(BaseModel):
    """The contradiction, and which of its values is right (counted from 0)."""

    key: str = Field(min_length=1, max_length=60)
    index: int = Field(ge=0, le=20)


class ConfirmParams(BaseModel):
    """Doubtful fields whose reading is right."""

    fields: list[str] = Field(min_length=1, max_length=60)


class FeatureValues(BaseModel):
    """A dimension or feature the reading missed; ``box`` in shares of the sheet where the person marked it."""

    kind: str = Field(min_length=1, max_length=40)
    text: str | None = Field(default=None, max_length=300)
    nominal: Decimal | None = Field(default=None, max_digits=14, decimal_places=4)
    tol_upper: Decimal | None = Field(default=None, max_digits=12, decimal_places=4)
    tol_lower: Decimal | None = Field(default=None, max_digits=12, decimal_places=4)
    fit: str | None = Field(default=None, max_length=12)
    count: int = Field(default=1, ge=1, le=100_000)
    unit: str | None = Field(default=None, max_length=10)
    is_critical: bool = False
    file_id: int | None = None
    page: int | None = Field(default=None, ge=1, le=10_000)
    box: tuple[float, float, float, float] | None = None


def check_open(analysis: DrawingAnalysis) -> None:
    """Refuse changes of a decided analysis.

    Raises:
        BusinessError: ``drawing.closed``. Conflict: ``drawing.not_under_review`` while it is being read.
    """
    if analysis.status in _CLOSED:
        raise BusinessError("drawing.closed")
    if analysis.status != "to_review":
        raise Conflict("drawing.not_under_review")


def correct(ctx: Context, analysis_id: int, values: Mapping[str, Any], row_version: int) -> DrawingAnalysis:
    """Change reviewed fields by name, those kept in columns and the others alike (DRW-42).

    Raises:
        Invalid: unknown or read-only field, wrong type. Conflict: stale. BusinessError: closed.
    """
    unknown = [n for n in values if n not in BY_NAME or not BY_NAME[n].editable]
    if unknown:
        raise Invalid(errors=[FieldError(n, "field.extra_forbidden") for n in unknown])
    spec = ctx.registry.entities["drawing_analysis"]
    columns = {n: v for n, v in values.items() if BY_NAME[n].column}
    others = {n: v for n, v in values.items() if not BY_NAME[n].column}
    try:
        given = patch_schema(DrawingAnalysis)(row_version=row_version, **columns).model_dump(
            exclude_unset=True
        )
    except ValidationError as error:
        raise Invalid(errors=[field_error(dict(raw)) for raw in error.errors()]) from None
    given.pop("row_version")
    analysis: DrawingAnalysis = crud.update_record(ctx, spec, analysis_id, given, row_version)
    for name, value in others.items():
        _other(ctx, analysis, name, value)
    ctx.session.flush()
    return analysis


def _other(ctx: Context, analysis: DrawingAnalysis, name: str, value: Any) -> None:
    if value is not None and (not isinstance(value, str) or len(value) > BY_NAME[name].max_length):
        raise Invalid(errors=[FieldError(name, "field.type.string")])
    before = (analysis.other_values or {}).get(name)
    if (value or None) == before:
        return
    learning.set_value(analysis, name, value)
    _record(ctx, analysis, name, before, value or None)
    if name in TREATMENTS:
        analysis.treatments = results.treatments(analysis.other_values or {})


def on_update(ctx: Context, analysis: DrawingAnalysis) -> None:
    """A person's change of a field becomes a correction; the material brings its machining group (DRW-22, DRW-35)."""
    with ctx.session.no_autoflush:
        access.check_open(ctx, analysis, "correct")
        check_open(analysis)
        state = inspect(analysis)
        for name, field in BY_NAME.items():
            if not field.column or field.group == "order":
                continue
            history = state.attrs[name].history
            if history.has_changes():
                old = history.deleted[0] if history.deleted else None
                _record(ctx, analysis, name, old, history.added[0] if history.added else None)
        if state.attrs["material_id"].history.has_changes():
            material = ctx.get(catalogue.Material, analysis.material_id) if analysis.material_id else None
            analysis.iso513_group = material.iso513_group if material else None
        _close_answered(ctx, analysis)


def _close_answered(ctx: Context, analysis: DrawingAnalysis) -> None:
    """Typing the right value answers a contradiction as well as choosing one."""
    state = inspect(analysis)
    changed = {n for n in BY_NAME if BY_NAME[n].column and state.attrs[n].history.has_changes()}
    kept = []
    for item in analysis.contradictions or []:
        lead = item["fields"][0]
        if item["chosen"] is None and lead in changed and getattr(analysis, lead) not in (None, ""):
            item = {
                **item,
                "chosen": "typed",
                "chosen_by_id": ctx.principal.user_id,
                "chosen_at": ctx.now.isoformat(),
            }
        kept.append(item)
    if kept != (analysis.contradictions or []):
        analysis.contradictions = kept


def _record(ctx: Context, analysis: DrawingAnalysis, name: str, before: Any, after: Any) -> None:
    """Keep one correction per field: from what was read to what is right now."""
    read = _read_value(ctx, analysis, name, before)
    corrected = _text(after)
    query = select(DrawingCorrection).where(
        DrawingCorrection.drawing_analysis_id == analysis.id, DrawingCorrection.field_name == name,
        DrawingCorrection.drawing_feature_id.is_(None),
    )  # fmt: skip
    known = ctx.session.scalars(query.limit(1)).one_or_none()
    if known is None:
        if _alike(read, corrected):
            return
        known = DrawingCorrection(drawing_analysis_id=analysis.id, field_name=name, read_value=read)
        known.created_by_id = ctx.principal.user_id
        ctx.session.add(known)
    known.corrected_value = corrected
    known.title_block_style_id = analysis.title_block_style_id
    known.archived_at = ctx.now if _alike(known.read_value, corrected) else None
    found = styles.locate(corrected, (analysis.reading or {}).get("sheets") or []) if corrected else None
    known.place = {"page": found.page, "box": list(found.box), "label": found.label} if found else None
    if known.archived_at is None:
        ctx.session.flush([known])
        learning.learn(ctx, analysis, known)


def _read_value(ctx: Context, analysis: DrawingAnalysis, name: str, before: Any) -> str | None:
    entry = (analysis.reading or {}).get("fields", {}).get(name)
    if entry is not None:
        shown = float(ctx.settings.decimal("drawing_empty_confidence"))
        return _text(entry["value"]) if entry["confidence"] >= shown else None
    return _text(before)


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)[:300]


def _alike(a: str | None, b: str | None) -> bool:
    if a is None or b is None or a == b:
        return a == b
    try:
        return Decimal(a) == Decimal(b)
    except InvalidOperation:
        return False


def choose(ctx: Context, analysis: DrawingAnalysis, params: ChooseParams) -> dict[str, Any]:
    """Decide a contradiction; the fields it held open take the chosen value (DRW-49, DRW-50).

    Raises:
        BusinessError: ``drawing.no_contradiction``.
    """
    check_open(analysis)
    items = [dict(c) for c in analysis.contradictions or []]
    item = next((c for c in items if c["key"] == params.key), None)
    if item is None or params.index >= len(item["values"]):
        raise BusinessError("drawing.no_contradiction", key=params.key)
    chosen = item["values"][params.index]
    item |= {"chosen": params.index, "chosen_by_id": ctx.principal.user_id, "chosen_at": ctx.now.isoformat()}
    _take(ctx, analysis, params.key, chosen)
    analysis.contradictions = items
    return {"key": params.key, "value": chosen["value"]}


def confirm(ctx: Context, analysis: DrawingAnalysis, params: ConfirmParams) -> None:
    """A person looked at doubtful values and says they are right: they are no longer asked (DRW-31, DRW-34).

    Raises:
        Invalid: unknown field, or one without a value to confirm.
    """
    check_open(analysis)
    held = contradictions.open_fields(analysis.contradictions)
    wrong = [n for n in params.fields if n not in BY_NAME or n in held or _value(analysis, n) in (None, "")]
    if wrong:
        raise Invalid(errors=[FieldError(n, "field.missing") for n in wrong])
    reading = analysis.reading or {}
    values = {n: str(_value(analysis, n)) for n in params.fields}
    analysis.reading = {**reading, "confirmed": {**(reading.get("confirmed") or {}), **values}}
    ctx.note("confirm", analysis, details=", ".join(f"{n} : {v}" for n, v in values.items())[:500])


def _value(analysis: DrawingAnalysis, name: str) -> Any:
    if BY_NAME[name].column:
        return getattr(analysis, name)
    return (analysis.other_values or {}).get(name)


def _take(ctx: Context, analysis: DrawingAnalysis, key: str, chosen: dict[str, Any]) -> None:
    if key == "size":
        _take_size(analysis, chosen)
    elif key == "unit":
        _take_unit(ctx, analysis, str(chosen["value"]))
    elif key == "material":
        analysis.material_text = str(chosen["value"])[:200]
        found = catalogue.find_material(ctx, analysis.material_text)
        analysis.material_id = found.id if found else None
        analysis.iso513_group = found.iso513_group if found else None
    elif key in BY_NAME:
        learning.set_value(analysis, key, chosen["value"])


def _take_size(analysis: DrawingAnalysis, chosen: dict[str, Any]) -> None:
    """The model's size as read, or what the drawing says; what it does not say is asked."""
    fields = (analysis.reading or {}).get("fields", {})
    for name in ("length_mm", "width_mm", "height_mm"):
        entry = fields.get(name) or {"value": None, "candidates": []}
        if chosen["source"] == "model":
            value = entry["value"]
        else:
            value = next((c["value"] for c in entry["candidates"] if c["engine"] == "cotes"), None)
        setattr(analysis, name, None if value is None else Decimal(str(value)))


def _take_unit(ctx: Context, analysis: DrawingAnalysis, unit: str) -> None:
    analysis.unit = unit
    reading = dict(analysis.reading or {})
    part = reading.get("part")
    if not part:
        return
    had_none = part.get("unit") is None
    reading["part"] = contradictions.in_unit(part, unit) if had_none else {
        **part, "unit": unit, "dimensions": [{**d, "unit": unit} if d["unit"] in ("mm", "inch") else d for d in part["dimensions"]],
    }  # fmt: skip
    analysis.reading = reading
    factor = Decimal("25.4") if unit == "inch" and had_none else Decimal(1)
    query = select(DrawingFeature).where(DrawingFeature.drawing_analysis_id == analysis.id)
    for row in ctx.session.scalars(query):
        if row.kind.startswith("dimension.") and row.unit in ("mm", "inch"):
            row.unit = unit
        elif row.kind.startswith("feature.") and row.nominal is not None:
            row.nominal = (row.nominal * factor).quantize(Decimal("0.0001"))
    if unit == "inch":
        for name in ("length_mm", "width_mm", "height_mm"):
            entry = reading["fields"].get(name)
            value = getattr(analysis, name)
            if value is not None and entry and entry["engine"] == "cotes":
                setattr(analysis, name, (value * Decimal("25.4")).quantize(Decimal("0.001")))


def on_update_feature(ctx: Context, row: DrawingFeature) -> None:
    """A change of a dimension or feature is a correction of that row."""
    with ctx.session.no_autoflush:
        analysis = ctx.get(DrawingAnalysis, row.drawing_analysis_id)
        access.check_open(ctx, analysis, "correct")
        check_open(analysis)
        state = inspect(row)
        before = state.attrs["kind"].history.deleted
        if before and str(before[0]).split(".")[0] != row.kind.split(".")[0]:
            raise BusinessError("drawing.kind_family", errors=[FieldError("kind", "drawing.kind_family")])
        for name in _FEATURE_FIELDS:
            history = state.attrs[name].history
            if history.has_changes():
                old = history.deleted[0] if history.deleted else None
                _record_row(ctx, analysis, row, f"feature.{name}", old, getattr(row, name))


def add_feature(ctx: Context, analysis: DrawingAnalysis, values: FeatureValues) -> DrawingFeature:
    """Add what the reading missed."""
    check_open(analysis)
    if values.file_id is not None and values.file_id not in {f.id for f in access.files_of(ctx, analysis.id)}:
        raise BusinessError("drawing.file_not_here", id=values.file_id)
    data = values.model_dump(exclude={"file_id", "box"})
    row = DrawingFeature(
        drawing_analysis_id=analysis.id,
        drawing_file_id=values.file_id,
        is_manual=True,
        engine="saisie",
        **data,
    )
    row.data = {"box": list(values.box)} if values.box else None
    ctx.add(row)
    _record_row(ctx, analysis, row, "feature", None, values.text or values.nominal or values.kind)
    return row


def remove_feature(ctx: Context, row: DrawingFeature, _params: Any) -> None:
    """Take away what is no dimension or feature of the part; the row stays in the history."""
    analysis = ctx.get(DrawingAnalysis, row.drawing_analysis_id)
    access.check_open(ctx, analysis, "correct")
    check_open(analysis)
    row.archived_at = ctx.now
    if row.is_manual:
        condition = DrawingCorrection.drawing_feature_id == row.id
        ctx.session.execute(delete(DrawingCorrection).where(condition))
        return
    _record_row(ctx, analysis, row, "feature", row.text or row.nominal or row.kind, None)


def _record_row(
    ctx: Context, analysis: DrawingAnalysis, row: DrawingFeature, name: str, before: Any, after: Any
) -> None:
    query = select(DrawingCorrection).where(
        DrawingCorrection.drawing_feature_id == row.id, DrawingCorrection.field_name == name
    )
    known = ctx.session.scalars(query.limit(1)).one_or_none()
    if known is None:
        known = DrawingCorrection(
            drawing_analysis_id=analysis.id, drawing_feature_id=row.id, field_name=name, read_value=_text(before),
            title_block_style_id=analysis.title_block_style_id,
        )  # fmt: skip
        known.created_by_id = ctx.principal.user_id
        ctx.session.add(known)
    known.corrected_value = _text(after)
    known.archived_at = ctx.now if _alike(known.read_value, known.corrected_value) else None


def number_balloons(ctx: Context, analysis: DrawingAnalysis, _params: Any = None) -> dict[str, Any]:
    """Number the characteristics anew; all dimensions where a first article report is the rule (DRW-39)."""
    check_open(analysis)
    return {"count": balloons.number_rows(ctx, analysis)}
