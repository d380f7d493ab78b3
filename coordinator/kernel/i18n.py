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
    for part in _parts(locale).values():
        texts.update(part)
    return texts


@lru_cache
def _parts(locale: str) -> dict[str, dict[str, str]]:
    """Texts of one language by the package they stand in: ``kernel``, ``modules/stock``…"""
    paths = sorted(ROOT.glob(f"**/locale/{locale}.po"))
    return {path.parents[1].relative_to(ROOT).as_posix(): _read(path, locale) for path in paths}


def _read(path: Path, locale: str) -> dict[str, str]:
    with path.open("rb") as stream:
        messages = list(read_po(stream, locale=locale))
    return {str(m.id): str(m.string) for m in messages if m.id and m.string}


@lru_cache
def _home(entity: str) -> str | None:
    """Package whose catalogue names an entity; a module's before the kernel's."""
    named = [package for package, texts in _parts("fr").items() if f"entity.{entity}" in texts]
    return next((package for package in named if package != "kernel"), named[0] if named else None)


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
        plain = f"{value:f}" if isinstance(value, Decimal) else str(value)
        return plain.replace(".", ",") if locale == "fr" else plain
    return value


def first_text(keys: list[str], locale: str = "fr") -> str:
    """Text of the first key that exists; the most specific comes first."""
    for key in keys:
        if has_text(key, locale) or has_text(key, "fr"):
            return t(key, locale)
    return t(keys[0], locale)


@lru_cache
def _vocabularies(locale: str) -> dict[str, dict[str, str]]:
    """Words by what stands before their code: ``<entity>.<field>`` or ``<field>``."""
    found: dict[str, dict[str, str]] = {}
    for key in catalogue("fr"):
        if key.startswith("word."):
            parts = key.split(".")[1:]
            for cut in (1, 2):
                if code := ".".join(parts[cut:]):
                    found.setdefault(".".join(parts[:cut]), {})[code] = t(key, locale)
    return found


def vocabulary(entity: str, field: str, locale: str = "fr") -> dict[str, str]:
    """Words of the codes a text field holds (``word.<entity>.<field>.<code>``, else ``word.<field>.<code>``); empty for free text."""
    words = _vocabularies(locale)
    return words.get(f"{entity}.{field}") or words.get(field) or {}


def entity_label(name: str, locale: str = "fr", *, plural: bool = False) -> str:
    """Label of an entity, singular or plural."""
    return t(f"entity.{name}.plural" if plural else f"entity.{name}", locale)


def field_label(entity: str, field: str, locale: str = "fr") -> str:
    """Label of a field: the entity's own, else its module's, else the kernel's; another module's word for such a field comes last."""
    own, shared = f"field.{entity}.{field}", f"field.{field}"
    if has_text(own, locale) or has_text(own, "fr"):
        return t(own, locale)
    for language in (locale, "fr"):
        for package in (_home(entity), "kernel"):
            if text := _parts(language).get(package or "", {}).get(shared):
                return text
    return t(shared, locale)


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
