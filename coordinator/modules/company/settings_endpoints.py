"""The settings page: every declared key with its value, changed with a reason, restored from its history (SET-31…34)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select

from coordinator.kernel import audit
from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.errors import Conflict, NotFound
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.i18n import has_text, t
from coordinator.kernel.models import AuditLog, Setting
from coordinator.kernel.registry import Permission
from coordinator.kernel.schema import StrictModel
from coordinator.kernel.settings_store import SettingDef

router = APIRouter(prefix="/settings", tags=["settings"])
READ = Permission("settings", "read")
CHANGE = Permission("settings", "update")
OWNERS = {
    "pricing": Permission("quoting", "validate"), "quoting": Permission("quoting", "validate"),
    "rates": Permission("quoting", "validate"), "quality": Permission("quality", "validate"),
    "planning": Permission("planning", "validate"), "hr": Permission("hr", "validate"),
    "finance": Permission("finance", "validate"), "invoicing": Permission("finance", "validate"),
}  # fmt: skip
"""Right that changes a group; the others belong to whoever manages the settings (SET-34)."""

Scope = Literal["global", "site", "workshop", "machine", "role", "user"]


class Change(StrictModel):
    """New value; ``null`` returns to the default. ``row_version`` is that of the value read (SET-53)."""

    value: Any
    reason: str = Field(min_length=3, max_length=300)
    scope: Scope = "global"
    scope_id: int | None = None
    row_version: int | None = None


def owner_of(definition: SettingDef) -> Permission:
    """Right needed to change a setting."""
    return OWNERS.get(definition.group, CHANGE)


@router.get("", operation_id="settings_list", openapi_extra=guarded(READ))
def list_settings(ctx: Ctx, group: str | None = None) -> list[dict[str, Any]]:
    """Declared settings with default, limits, unit and values by scope; ``can_change`` follows the group's right."""
    ctx.require(READ)
    rows: dict[str, list[Setting]] = {}
    for row in ctx.session.scalars(select(Setting).where(Setting.archived_at.is_(None)).order_by(Setting.id)):
        rows.setdefault(row.key, []).append(row)
    definitions = sorted(ctx.registry.settings.values(), key=lambda d: (d.group, d.key))
    # Who may not read quotes learns no margin here either.
    seen = [
        d
        for d in definitions
        if group in (None, d.group) and ctx.principal.may(owner_of(d).module_code, "read")
    ]
    return [_describe(ctx, d, rows.get(d.key, [])) for d in seen]


@router.put("/{key}", operation_id="settings_change", openapi_extra=guarded(CHANGE))
def change_setting(ctx: Ctx, key: str, body: Change) -> dict[str, Any]:
    """Change a value; refused outside its limits (SET-49), without the group's right (SET-34) or over a newer value."""
    definition = _definition(ctx, key)
    ctx.require(owner_of(definition))
    return set_value(ctx, definition, body)


@router.get("/{key}/history", operation_id="settings_history", openapi_extra=guarded(READ))
def setting_history(ctx: Ctx, key: str) -> list[dict[str, Any]]:
    """Earlier values of a setting, newest first, with who, when and why (SET-33)."""
    ctx.require(READ)
    ctx.require(Permission(owner_of(_definition(ctx, key)).module_code, "read"))
    ids = {s.id: s for s in ctx.session.scalars(select(Setting).where(Setting.key == key))}
    query = select(AuditLog).where(AuditLog.object_type == "setting", AuditLog.object_id.in_(list(ids)))
    return [
        {
            "occurred_at": jsonable(line.occurred_at),
            "user": audit.actor_words(line, ctx.locale),
            "scope": ids[line.object_id or 0].scope,
            "scope_id": ids[line.object_id or 0].scope_id,
            "old_value": (line.old_values or {}).get("value"),
            "new_value": (line.new_values or {}).get("value"),
            "reason": line.reason,
        }
        for line in ctx.session.scalars(query.order_by(AuditLog.id.desc()))
        if "value" in (line.new_values or {})
    ]


def set_value(ctx: Context, definition: SettingDef, body: Change) -> dict[str, Any]:
    """Write a value in its scope and read the store again."""
    ctx.reason = body.reason
    value = definition.default if body.value is None else body.value
    parsed = definition.parse(value)
    stored = str(parsed) if isinstance(parsed, Decimal) else parsed
    query = select(Setting).where(
        Setting.key == definition.key,
        Setting.scope == body.scope,
        Setting.scope_id.is_not_distinct_from(body.scope_id),
    )
    row = ctx.session.scalars(query.with_for_update()).one_or_none()
    if row is None:
        row = ctx.add(
            Setting(
                key=definition.key, scope=body.scope, scope_id=body.scope_id, value=stored, reason=body.reason
            )
        )
    else:
        if body.row_version is not None and body.row_version != row.row_version:
            raise Conflict("conflict.stale", extra={"current": _value(row)})
        row.value = stored
        row.reason = body.reason
        ctx.session.flush()
    ctx.settings.forget()
    ctx.emit("setting.changed", {"key": definition.key, "scope": body.scope, "scope_id": body.scope_id})
    rows = ctx.session.scalars(select(Setting).where(Setting.key == definition.key)).all()
    return _describe(ctx, definition, list(rows))


def _definition(ctx: Context, key: str) -> SettingDef:
    if key not in ctx.registry.settings:
        raise NotFound("setting.unknown", key=key)
    return ctx.registry.settings[key]


def _describe(ctx: Context, definition: SettingDef, rows: list[Setting]) -> dict[str, Any]:
    permission = owner_of(definition)
    label_key = f"setting.{definition.key}"
    group_key = f"setting_group.{definition.group}"
    help_key = f"help.setting.{definition.key}"
    return {
        "key": definition.key,
        "label": t(label_key, ctx.locale) if has_text(label_key) else definition.key,
        "help": t(help_key, ctx.locale) if has_text(help_key) else None,
        "group": definition.group,
        "group_label": t(group_key, ctx.locale) if has_text(group_key) else definition.group,
        "type": definition.type,
        "unit": definition.unit,
        "minimum": jsonable(definition.minimum),
        "maximum": jsonable(definition.maximum),
        "default": jsonable(definition.default),
        "is_advanced": definition.is_advanced,
        "value": jsonable(ctx.settings.get(definition.key)),
        "values": [_value(row) for row in rows],
        "can_change": ctx.principal.may(permission.module_code, permission.right),
    }


def _value(row: Setting) -> dict[str, Any]:
    return {
        "scope": row.scope,
        "scope_id": row.scope_id,
        "value": row.value,
        "row_version": row.row_version,
        "reason": row.reason,
    }
