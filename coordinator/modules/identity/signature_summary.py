"""What a signature covers, in words: labels and values as the person reads them before signing (TRC-37)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.crud import target_entity, titles_of
from coordinator.kernel.i18n import choice_label, entity_label, field_label
from coordinator.kernel.registry import EntitySpec
from coordinator.kernel.schema import field_columns, info_of

_PLAIN: dict[str, Any] = {
    "label": "",
    "value": None,
    "type": "text",
    "unit": None,
    "decimals": None,
    "rows": [],
}


def summary(ctx: Context, spec: EntitySpec, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """``{label, value, type, unit, decimals, rows}`` of each value; ``rows`` holds the lines of a list, each such a summary."""
    return [_part(ctx, spec, k, v) for k, v in content.items() if k not in {"entity", "id"}]


def _part(ctx: Context, spec: EntitySpec, key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        lines = ctx.registry.entities.get(f"{spec.name}_line", spec)
        label = entity_label(lines.name, ctx.locale, plural=True)
        return {**_PLAIN, "label": label, "rows": [summary(ctx, lines, v) for v in value]}
    columns = field_columns(spec.model)
    name = key if key in columns or f"{key}_id" not in columns else f"{key}_id"
    answer = {**_PLAIN, "label": field_label(spec.name, name, ctx.locale), "value": jsonable(value)}
    if name in columns and value is not None:
        info = info_of(columns[name])
        if info.enumeration and info.type == "choice":
            answer["value"] = choice_label(info.enumeration, str(value), ctx.locale)
        elif info.type == "reference":
            answer["value"] = _name(ctx, target_entity(columns[name]), value)
        else:
            answer |= {"type": info.type, "unit": info.unit, "decimals": info.decimals}
    return answer


def _name(ctx: Context, target: str, value: Any) -> str:
    """Name of a referenced record, if the person may know of it; contents may hold it already."""
    if not isinstance(value, int):
        return str(value)
    return titles_of(ctx, target, [value]).get(value, f"#{value}")
