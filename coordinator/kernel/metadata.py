"""Description of entities for generic clients: labels, types, units, choices, rights, actions."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from sqlalchemy import Column

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.crud import target_entity
from coordinator.kernel.enumerations import ENUMERATIONS
from coordinator.kernel.fields import STRUCTURED
from coordinator.kernel.i18n import (
    action_label,
    choice_label,
    entity_label,
    field_label,
    has_text,
    t,
    vocabulary,
)
from coordinator.kernel.registry import RIGHTS, Command, EntitySpec
from coordinator.kernel.schema import default_value, field_columns, info_of, is_required, is_writable
from coordinator.kernel.tones import tone

MENU_GROUPS = (
    "home", "parties", "sales", "methods", "production", "planning", "stock", "quality", "maintenance", "people",
    "documents", "finance", "stations", "assistant", "system",
)  # fmt: skip
"""Groups of UIX-03, in order."""


def describe(ctx: Context) -> dict[str, Any]:
    """Everything a generic client needs, limited to what the person may read."""
    specs = [s for s in ctx.registry.entities.values() if ctx.principal.may(s.module_code, "read")]
    menu = []
    for group in MENU_GROUPS:
        names = [s.name for s in specs if s.menu_group == group]
        if names:
            menu.append({"group": group, "label": t(f"menu.{group}", ctx.locale), "entities": names})
    return {
        "entities": [entity(ctx, spec) for spec in specs],
        "menu": menu,
        "modules": sorted({s.module_code for s in specs}),
    }


def entity(ctx: Context, spec: EntitySpec) -> dict[str, Any]:
    """Description of one entity."""
    columns = field_columns(spec.model)
    shown = {n: c for n, c in columns.items() if _is_shown(ctx, c)}
    description = f"entity.{spec.name}.description"
    return {
        "name": spec.name,
        "plural": spec.path,
        "label": entity_label(spec.name, ctx.locale),
        "label_plural": entity_label(spec.name, ctx.locale, plural=True),
        "description": t(description, ctx.locale) if has_text(description) else "",
        "module_code": spec.module_code,
        "menu_group": spec.menu_group,
        "title_field": spec.title[0],
        "fields": [_field(ctx, spec, n, c) for n, c in shown.items()],
        "list_fields": [n for n in (spec.list_fields or tuple(shown)[:7]) if n in shown],
        "search_fields": [n for n, c in shown.items() if info_of(c).search],
        "default_sort": spec.default_sort,
        "rights": _rights(ctx, spec),
        "archivable": spec.can_delete,
        "signable": spec.signed is not None,
        "status_field": spec.lifecycle.field if spec.lifecycle else ("status" if "status" in shown else None),
        "actions": [_action(ctx, spec.name, c) for c in _usable(ctx, spec)],
    }


def _usable(ctx: Context, spec: EntitySpec) -> list[Command]:
    return [
        c
        for c in ctx.registry.entity_commands(spec.name)
        if c.in_menu and ctx.principal.may(c.permission.module_code, c.permission.right)
    ]


def _is_shown(ctx: Context, column: Column[Any]) -> bool:
    info = info_of(column)
    return info.type not in {"secret", "uid"} and ctx.principal.sees(info.group)


def _rights(ctx: Context, spec: EntitySpec) -> dict[str, bool]:
    rights: dict[str, bool] = {right: ctx.principal.may(spec.module_code, right) for right in RIGHTS}
    rights["create"] = spec.can_create and ctx.principal.may(spec.module_code, spec.create_right)
    rights["update"] = rights["update"] and spec.can_update
    rights["delete"] = rights["delete"] and spec.can_delete
    return rights


def _field(ctx: Context, spec: EntitySpec, name: str, column: Column[Any]) -> dict[str, Any]:
    entity_name = spec.name
    info = info_of(column)
    help_key = f"help.{entity_name}.{name}"
    target = ctx.registry.entities.get(target_entity(column)) if info.type == "reference" else None
    return {
        "name": name,
        "label": field_label(entity_name, name, ctx.locale),
        "help": t(help_key, ctx.locale) if has_text(help_key) else None,
        "type": info.type,
        "required": is_required(column),
        "nullable": bool(column.nullable),
        "read_only": not is_writable(column),
        "default": jsonable(spec.defaults.get(name, default_value(column))),
        "unit": info.unit,
        "decimals": info.decimals,
        "max_length": getattr(column.type, "length", None)
        if info.type in {"text", "email", "phone", "url"}
        else None,
        "choices": choices(info.enumeration, ctx.locale)
        if info.enumeration
        else _words(ctx, spec, name, column),
        "target": target.path if target else None,
        "sortable": info.type not in STRUCTURED,
        "filterable": info.type not in {*STRUCTURED, "long_text"},
    }


def _words(ctx: Context, spec: EntitySpec, name: str, column: Column[Any]) -> list[dict[str, Any]]:
    """Words a text field shows for the codes it holds; other texts stay as they are."""
    if info_of(column).type != "text":
        return []
    if name == "object_type":
        found = {n: entity_label(n, ctx.locale) for n in ctx.registry.entities}
    else:
        found = vocabulary(spec.name, name, ctx.locale)
    return [{"value": v, "label": label, "tone": "neutral"} for v, label in found.items()]


def choices(enumeration: str, locale: str) -> list[dict[str, Any]]:
    """Values of an enumeration with label and tone."""
    return [
        {"value": v, "label": choice_label(enumeration, v, locale), "tone": tone(v)}
        for v in ENUMERATIONS[enumeration]
    ]


def _action(ctx: Context, entity_name: str, command: Command) -> dict[str, Any]:
    help_key = f"action.{entity_name}.{command.name}.help"
    return {
        "name": command.name,
        "label": action_label(entity_name, command.name, ctx.locale),
        "tone": command.tone,
        "confirm": command.confirm,
        "help": t(help_key, ctx.locale) if has_text(help_key) else None,
        "params": params_fields(ctx, entity_name, command.params),
    }


_JSON_TYPES = {
    "integer": "integer",
    "number": "decimal",
    "boolean": "boolean",
    "array": "json",
    "object": "json",
}
_FORMATS = {"date": "date", "date-time": "datetime"}


def params_fields(ctx: Context, entity_name: str, model: type[BaseModel]) -> list[dict[str, Any]]:
    """Fields of an action's parameters, in the same form as entity fields."""
    schema = model.model_json_schema()
    required = set(schema.get("required", []))
    return [
        _param(ctx, entity_name, name, definition, required=name in required)
        for name, definition in schema.get("properties", {}).items()
    ]


def _param_label(ctx: Context, entity_name: str, name: str) -> str:
    key = f"param.{entity_name}.{name}"
    return t(key, ctx.locale) if has_text(key) else field_label(entity_name, name, ctx.locale)


def _param(
    ctx: Context, entity_name: str, name: str, definition: dict[str, Any], *, required: bool
) -> dict[str, Any]:
    variants = [v for v in definition.get("anyOf", [definition]) if v.get("type") != "null"]
    main = next((v for v in variants if v.get("type") == "number"), variants[0] if variants else {})
    type_ = _FORMATS.get(main.get("format", ""), _JSON_TYPES.get(main.get("type", ""), "text"))
    inner = main.get("items") or {}
    if inner.get("type") == "string" and not inner.get("format"):
        type_ = "choices" if "enum" in inner else "words"
    values = main.get("enum") or inner.get("enum", [])
    extra: dict[str, Any] = definition.get("x-field") or {}
    if not values and "enumeration" in extra:
        values = ENUMERATIONS[extra["enumeration"]]
    return {
        "name": name,
        "label": _param_label(ctx, entity_name, name),
        "help": None,
        "type": extra.get("type") or ("choice" if "enum" in main else type_),
        "required": required,
        "nullable": not required,
        "read_only": False,
        "default": definition.get("default"),
        "unit": extra.get("unit"),
        "decimals": extra.get("decimals"),
        "max_length": main.get("maxLength"),
        "choices": [
            {
                "value": v,
                "label": choice_label(extra.get("enumeration", name), v, ctx.locale),
                "tone": tone(v),
            }
            for v in values
        ],
        "target": extra.get("target"),
        "sortable": False,
        "filterable": False,
    }
