"""Every Default of the quoting area as a business setting, and back to the engine's typed settings."""

from __future__ import annotations

import dataclasses
import typing
from decimal import Decimal
from typing import Any

from coordinator.kernel.context import Context
from coordinator.kernel.settings_store import SettingDef, SettingType
from coordinator.modules.quoting.engine.settings import (
    BlankSettings,
    CostSettings,
    CuttingSettings,
    ScenarioSettings,
    Settings,
    TimeSettings,
    TradeSettings,
)

GROUPS: dict[str, type] = {
    "blank": BlankSettings,
    "cutting": CuttingSettings,
    "times": TimeSettings,
    "costs": CostSettings,
    "scenarios": ScenarioSettings,
    "trades": TradeSettings,
}
_COMMON = ("costs", "scenarios")
"""Groups an owner changes; the others are marked advanced."""
_ELSEWHERE = {"vat_pct", "currency"}
"""Fields whose value belongs to another area's settings."""
_UNITS = (
    ("_per_mm", "€/mm"),
    ("_m_min", "m/min"),
    ("_mm", "mm"),
    ("_um", "µm"),
    ("_min", "min"),
    ("_pct", "%"),
    ("_days", "j"),
    ("_hrc", "HRC"),
    ("minimum_order_value", "€"),
)
_BELOW_HUNDRED = ("margin_pct", "scrap_pct")
"""Shares that leave something of the whole."""
VALIDITY_DAYS = "quoting.validity_days"
OWN = (
    SettingDef(VALIDITY_DAYS, "quoting", "integer", 30, unit="j", minimum=1, maximum=365),
    SettingDef("quoting.reminder_days", "quoting", "json", [7, 21], unit="j"),
    SettingDef("quoting.price_age_days", "quoting", "integer", 90, unit="j", minimum=1),
    SettingDef("quoting.mail_subject", "quoting", "text", "Devis {number}"),
    SettingDef(
        "quoting.mail_body",
        "quoting",
        "text",
        "Bonjour,\n\nVeuillez trouver ci-joint notre devis {number} (votre référence : {reference}), valable jusqu'au"
        " {valid_until}.\n\nNous restons à votre disposition.\n\n{company}\n",
    ),
    SettingDef("quoting.reminder_subject", "quoting", "text", "Votre demande de prix – devis {number}"),
    SettingDef(
        "quoting.reminder_body",
        "quoting",
        "text",
        "Bonjour,\n\nAvez-vous pu étudier notre devis {number}, valable jusqu'au {valid_until} ? Nous le joignons à nouveau."
        "\n\nNous restons à votre disposition.\n\n{company}\n",
    ),
    SettingDef(
        "quoting.introduction",
        "quoting",
        "text",
        "Nous vous remercions de votre consultation et vous proposons ce qui suit.",
    ),
    SettingDef("quoting.late_rate", "quoting", "text", "3 fois le taux d'intérêt légal"),
    SettingDef(
        "quoting.retention_of_title",
        "quoting",
        "text",
        "Les pièces restent notre propriété jusqu'au paiement complet du prix.",
    ),
    SettingDef(
        "quoting.general_conditions",
        "quoting",
        "text",
        "Nos conditions générales de vente s'appliquent ; elles sont remises sur demande.",
    ),
)


def key_of(group: str, name: str) -> str:
    """Key of an engine setting; the target and minimum margin stand without their group, as the requirements name them."""
    return f"quoting.{name}" if group == "costs" else f"quoting.{group}.{name}"


def setting_defs() -> list[SettingDef]:
    """Declarations for the manifest, read off the engine's dataclasses so that none can be forgotten."""
    found = list(OWN)
    for group, cls in GROUPS.items():
        hints = typing.get_type_hints(cls)
        fields = [field for field in dataclasses.fields(cls) if field.name not in _ELSEWHERE]
        found += [_definition(group, field, hints[field.name]) for field in fields]
    return found


def _definition(group: str, field: dataclasses.Field[Any], hint: Any) -> SettingDef:
    default = field.default
    if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    kind, value = _kind(hint, default)
    limits: tuple[int | None, Decimal | int | None] = (None, None)
    if kind in {"decimal", "integer"}:
        limits = (0, Decimal("99.99") if field.name.endswith(_BELOW_HUNDRED) else None)
    unit = next((u for ending, u in _UNITS if field.name.endswith(ending)), None)
    return SettingDef(
        key_of(group, field.name), "quoting", kind, value, unit, *limits, is_advanced=group not in _COMMON
    )


def _kind(hint: Any, default: Any) -> tuple[SettingType, Any]:
    if hint is bool:
        return "boolean", default
    if hint is int:
        return "integer", default
    if hint in (float, Decimal):
        return "decimal", Decimal(str(default))
    if hint is str:
        return "text", default
    return "json", _plain(default)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value


def engine_settings(ctx: Context) -> Settings:
    """The settings in force, as the engine takes them."""
    return Settings(**{group: _group(ctx, group, cls) for group, cls in GROUPS.items()})


def _group(ctx: Context, group: str, cls: type) -> Any:
    hints = typing.get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls) if field.name not in _ELSEWHERE]
    return cls(**{n: _typed(hints[n], ctx.settings.get(key_of(group, n))) for n in names})


def _typed(hint: Any, value: Any) -> Any:
    if hint is float:
        return float(value)
    if hint is Decimal:
        return Decimal(str(value))
    if typing.get_origin(hint) is tuple:
        return _tuples(value)
    return value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
