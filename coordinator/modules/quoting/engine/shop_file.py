"""Shop file (YAML) ↔ :class:`Shop`. Errors are French and name the field: ``machines[2].max_spindle_rpm``."""

from __future__ import annotations

import dataclasses
import types
import typing
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from coordinator.modules.quoting.engine import shop as model
from coordinator.modules.quoting.engine.values import QuotingError

_ENUMS: dict[tuple[type, str], tuple[str, ...]] = {
    (model.Machine, "machine_type"): model.MACHINE_TYPES,
    (model.Machine, "status"): ("available", "running", "stopped", "breakdown", "maintenance", "retired"),
    (model.Tool, "tool_type"): model.TOOL_TYPES,
    (model.Tool, "substrate"): model.SUBSTRATES,
    (model.StockUnit, "shape"): ("round", "hex", "square", "flat", "tube", "plate", "blank"),
    (model.StockUnit, "status"): ("quarantine", "released", "blocked", "consumed"),
    (model.CuttingData, "status"): ("proposed", "accepted", "rejected"),
    (model.CuttingData, "source"): ("supplier", "manual", "learned", "method_sheet"),
    (model.RateCardLine, "kind"): model.RATE_KINDS,
}


class ShopFileError(QuotingError):
    """The shop file cannot be used; the message names the field."""


def load(path: Path) -> model.Shop:
    """Read and check a shop file. Raises :class:`ShopFileError` with a French message."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ShopFileError(
            "shop_file_unreadable", f"Fichier atelier illisible : {path.name} ({error})."
        ) from error
    return loads(text)


def loads(text: str) -> model.Shop:
    """Parse a shop document. Raises :class:`ShopFileError`."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ShopFileError(
            "shop_file_yaml", f"Le fichier atelier n'est pas du YAML valide : {error}"
        ) from error
    if not isinstance(data, dict):
        raise ShopFileError(
            "shop_file_yaml", "Le fichier atelier doit contenir des rubriques (machines, tools, …)."
        )
    shop = typing.cast(model.Shop, _build(model.Shop, data, ""))
    _check_unique(shop)
    _check_margins(shop)
    return shop


def dumps(shop: model.Shop) -> str:
    """The shop as a YAML document that :func:`loads` reads back unchanged."""
    return yaml.safe_dump(
        _plain(shop), allow_unicode=True, sort_keys=False, width=150, default_flow_style=None
    )


def _fail(where: str, what: str) -> typing.NoReturn:
    raise ShopFileError("shop_file_field", f"Fichier atelier, champ « {where} » : {what}", where)


def _build(cls: type, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        _fail(where or "racine", "une rubrique avec des champs est attendue.")
    hints = typing.get_type_hints(cls)
    known = {f.name: f for f in dataclasses.fields(cls)}
    for key in data:
        if key not in known:
            _fail(_join(where, str(key)), "champ inconnu.")
    values: dict[str, Any] = {}
    for name, spec in known.items():
        place = _join(where, name)
        if name not in data:
            if spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING:
                _fail(place, "champ obligatoire manquant.")
            continue
        values[name] = _convert(hints[name], data[name], place)
        allowed = _ENUMS.get((cls, name))
        if allowed and values[name] not in allowed:
            _fail(place, f"valeur « {values[name]} » inconnue ; valeurs possibles : {', '.join(allowed)}.")
    return cls(**values)


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
        return _convert(hint, value, where)
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast(type, hint), value, where)
    if origin in (tuple, frozenset):
        return _sequence(hint, value, where)
    if origin is dict:
        if not isinstance(value, dict):
            _fail(where, "des couples clé : valeur sont attendus.")
        inner = typing.get_args(hint)[1]
        return {str(k): _convert(inner, v, f"{where}.{k}") for k, v in value.items()}
    return _scalar(hint, value, where)


def _sequence(hint: Any, value: Any, where: str) -> Any:
    if not isinstance(value, list):
        _fail(where, "une liste est attendue.")
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint)
    if origin is frozenset or (len(arguments) == 2 and arguments[1] is Ellipsis):
        items = [_convert(arguments[0], v, f"{where}[{i}]") for i, v in enumerate(value)]
        return frozenset(items) if origin is frozenset else tuple(items)
    if len(value) != len(arguments):
        _fail(where, f"{len(arguments)} valeurs sont attendues.")
    return tuple(
        _convert(a, v, f"{where}[{i}]") for i, (a, v) in enumerate(zip(arguments, value, strict=True))
    )


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is bool:
        if not isinstance(value, bool):
            _fail(where, "« true » ou « false » est attendu.")
        return value
    if hint is str:
        if isinstance(value, dict | list) or value is None:
            _fail(where, "un texte est attendu.")
        return str(value)
    if hint is date:
        return _date(value, where)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        _fail(where, "un nombre est attendu.")
    try:
        number = Decimal(str(value).replace(",", "."))
    except InvalidOperation:
        _fail(where, f"« {value} » n'est pas un nombre.")
    if not number.is_finite() or number < 0:
        _fail(where, "un nombre positif est attendu.")
    if hint is int and number != number.to_integral_value():
        _fail(where, "un nombre entier est attendu.")
    return number if hint is Decimal else hint(number)


def _date(value: Any, where: str) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        _fail(where, f"« {value} » n'est pas une date (AAAA-MM-JJ).")


def _check_unique(shop: model.Shop) -> None:
    for name in ("machines", "tools", "stock"):
        seen: set[str] = set()
        for i, item in enumerate(getattr(shop, name)):
            if item.code in seen:
                _fail(f"{name}[{i}].code", f"le code « {item.code} » est déjà utilisé.")
            seen.add(item.code)


def _check_margins(shop: model.Shop) -> None:
    costs = shop.settings.costs
    for name in ("margin_pct", "min_margin_pct"):
        if getattr(costs, name) >= 100:
            _fail(f"settings.costs.{name}", "une marge de 100 % ou plus est refusée.")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value) if _differs(value, f)
        }
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, frozenset | set):
        return sorted(_plain(v) for v in value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value


def _differs(owner: Any, spec: dataclasses.Field[Any]) -> bool:
    value = getattr(owner, spec.name)
    if isinstance(owner, model.Shop) or type(owner).__name__.endswith("Settings"):
        return True
    if spec.default is not dataclasses.MISSING:
        return bool(value != spec.default)
    if spec.default_factory is not dataclasses.MISSING:
        return bool(value != spec.default_factory())
    return True
