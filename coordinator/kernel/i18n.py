"""Texts. Every sentence a user sees has a key in the gettext catalogues ``<package>/locale/{fr,en}.po``.

Keys are identifiers (``entity.quote``, ``error.stock.negative``), the same in both languages; French comes first.
"""

from __future__ import annotations

import datetime as dt
import logging
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.messages.pofile import read_po

from coordinator.kernel.config import get_config

ROOT = Path(__file__).resolve().parents[1]
LOCALES = ("fr", "en")
_log = logging.getLogger(__name__)
_reported: set[tuple[str, str]] = set()


@lru_cache
def catalogue(locale: str) -> dict[str, str]:
    """All texts of one language, merged from the catalogues of the kernel, the gateway and the modules."""
    texts: dict[str, str] = {}
    for path in sorted(ROOT.glob(f"**/locale/{locale}.po")):
        with path.open("rb") as stream:
            for message in read_po(stream, locale=locale):
                if message.id and message.string:
                    texts[str(message.id)] = str(message.string)
    return texts


def has_text(key: str, locale: str = "fr") -> bool:
    """Whether the catalogue holds ``key``."""
    return key in catalogue(locale)


def t(key: str, locale: str = "fr", /, **params: Any) -> str:
    """Text of ``key``; a missing one falls back to French, then to the key, and is reported once (GLO-03)."""
    text = catalogue(locale).get(key) or catalogue("fr").get(key)
    if text is None:
        if (key, locale) not in _reported:
            _reported.add((key, locale))
            _log.warning("text missing in catalogue: %s (%s)", key, locale)
        return key
    if not params:
        return text
    try:
        return text.format(**{name: written(value, locale) for name, value in params.items()})
    except (KeyError, IndexError, ValueError):
        _log.warning("text %s does not accept its parameters", key)
        return text


def written(value: Any, locale: str = "fr") -> Any:
    """A number, a day or an instant as people of the workshop write it (decimal comma, local time); anything else as it is."""
    if isinstance(value, dt.datetime):
        local = value.astimezone(ZoneInfo(get_config().time_zone)) if value.tzinfo else value
        return local.strftime("%d/%m/%Y %H:%M")
    if isinstance(value, dt.date):
        return value.strftime("%d/%m/%Y")
    if isinstance(value, Decimal | float):
        return str(value).replace(".", ",") if locale == "fr" else str(value)
    return value


def first_text(keys: list[str], locale: str = "fr") -> str:
    """Text of the first key that exists; the most specific comes first."""
    for key in keys:
        if has_text(key, locale) or has_text(key, "fr"):
            return t(key, locale)
    return t(keys[0], locale)


def entity_label(name: str, locale: str = "fr", *, plural: bool = False) -> str:
    """Label of an entity, singular or plural."""
    return t(f"entity.{name}.plural" if plural else f"entity.{name}", locale)


def field_label(entity: str, field: str, locale: str = "fr") -> str:
    """Label of a field: the entity's own, else the shared one."""
    return first_text([f"field.{entity}.{field}", f"field.{field}"], locale)


def choice_label(enumeration: str, value: str, locale: str = "fr") -> str:
    """Label of an enumeration's value."""
    return first_text([f"enum.{enumeration}.{value}", f"enum.{value}"], locale)


def action_label(entity: str, action: str, locale: str = "fr") -> str:
    """Label of a command."""
    return first_text([f"action.{entity}.{action}", f"action.{action}"], locale)


def history_label(entity: str, action: str, locale: str = "fr") -> str:
    """Label of an act in the history: its own word, else the command's; never a bare code."""
    keys = [f"history.{entity}.{action}", f"history.{action}"]
    keys += [f"action.{entity}.{action}", f"action.{action}"]
    if any(has_text(key, locale) or has_text(key, "fr") for key in keys):
        return first_text(keys, locale)
    return t("history.other", locale, action=action.replace("_", " "))
