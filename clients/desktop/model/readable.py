"""Structured values of the server in words and lines, for people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from clients.desktop.model.texts import has_text, t, tn

_MOST = 12
_DIGEST = re.compile(r"[0-9a-f]{64}")
_DECIMAL = re.compile(r"-?\d+\.\d+")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_labels: dict[str, str] = {}


def learn_names(labels: Mapping[str, str]) -> None:
    """Words for names of values: the labels of the fields the person knows."""
    _labels.clear()
    _labels.update(labels)


def name_of(key: str) -> str:
    """Words for the name of a value: the client's own, else the label of a field called so, else the name itself."""
    if has_text(f"key.{key}"):
        return t(f"key.{key}")
    return _labels.get(key) or key.replace("_", " ")


def plain(value: Any) -> str:
    """A text; a digest is cut to what an eye compares."""
    text = str(value)
    return f"{text[:12]}…" if _DIGEST.fullmatch(text) else text


def readable(value: Any, depth: int = 0) -> str:
    """Indented lines; long rows of numbers and long lists are summed up."""
    pad = "   " * depth
    if isinstance(value, dict) and value:
        return "\n".join(_named(key, item, pad, depth) for key, item in value.items())
    if isinstance(value, list):
        return _listed(value, pad, depth)
    return _scalar(value)


def _named(key: Any, item: Any, pad: str, depth: int) -> str:
    text = readable(item, depth + 1)
    nested = isinstance(item, dict | list) and item
    return (
        f"{pad}{name_of(str(key))} :\n{text}"
        if nested and "\n" in text
        else f"{pad}{name_of(str(key))} : {text.strip()}"
    )


def _listed(values: Sequence[Any], pad: str, depth: int) -> str:
    if not values:
        return "—"
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        if len(values) <= 4:
            return pad + " · ".join(_scalar(v) for v in values)
        return pad + t(
            "readable.numbers", count=len(values), low=_scalar(min(values)), high=_scalar(max(values))
        )
    lines = [f"{pad}• {readable(item, depth + 1).strip()}" for item in islice(values, _MOST)]
    if len(values) > _MOST:
        lines.append(pad + tn("readable.more", len(values) - _MOST))
    return "\n".join(lines)


def _scalar(value: Any) -> str:
    from clients.desktop.model import formatting  # formatting shows structured values by this module

    if isinstance(value, bool):
        return t("yes") if value else t("no")
    if value is None or value in ("", {}):
        return "—"
    if isinstance(value, int | float):
        return formatting.number(value, 4)
    text = str(value)
    if _INSTANT.match(text):
        return formatting.instant(text)
    if _DAY.fullmatch(text):
        return formatting.date(text)
    return formatting.number(text, 4) if _DECIMAL.fullmatch(text) else plain(text)
