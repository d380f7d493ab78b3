"""Forms of drivers as the server describes them: what a typed text means, how a value is shown, which settings come first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from clients.desktop.model.formatting import InputError, date, parse_date, parse_number
from clients.desktop.model.texts import t

Node = Mapping[str, Any]
MISSING: Final = object()
"""Nothing typed: the driver's own default holds, and nothing is sent."""

TYPED = frozenset({"text", "integer", "decimal", "date", "clock"})


def parse(node: Node, text: str) -> Any:
    """Value of what was typed; ``MISSING`` for nothing. Raises ``InputError``."""
    text = text.strip()
    if not text:
        return MISSING
    kind = node["kind"]
    if kind in {"integer", "decimal"}:
        return _number(text, whole=kind == "integer")
    if kind == "date":
        return parse_date(text).isoformat()
    if kind == "clock":
        found = re.fullmatch(r"(\d{1,2})\s*[:hH]\s*(\d{2})", text)
        if found is None or int(found[1]) > 23 or int(found[2]) > 59:
            raise InputError(t("driver.clock"))
        return f"{int(found[1]):02d}:{found[2]}"
    return text


def _number(text: str, *, whole: bool) -> int | float:
    found = parse_number(text)
    if whole and found != found.to_integral_value():
        raise InputError(t("input.integer"))
    return int(found) if whole else float(found)


def typed(node: Node, value: Any) -> str:
    """A value as a person would type it."""
    if value is MISSING or value is None:
        return ""
    if node["kind"] == "date":
        return date(str(value))
    if isinstance(value, float):
        return f"{value:.12g}".replace(".", ",")
    return str(value)


def default_text(node: Node) -> str:
    """What holds while nothing is typed."""
    value = node.get("default")
    if value is None:
        return ""
    if isinstance(value, bool):
        return t("yes") if value else t("no")
    if node["kind"] == "choice":
        return next((str(c["label"]) for c in node["choices"] if c["value"] == value), str(value))
    return typed(node, value)


def head(node: Node) -> str:
    """Label with the unit and the mark of what must be typed."""
    unit = f" ({node['unit']})" if node.get("unit") else ""
    return f"{node['label']}{unit}{' *' if node.get('required') else ''}"


def comes_first(node: Node, values: Mapping[str, Any]) -> bool:
    """Whether a setting is shown at once: asked for, or set already."""
    return bool(node.get("required")) or node["name"] in values


def limits_text(node: Node) -> str:
    """The limits of a number in words."""
    low, high = (node.get(n, node.get(f"exclusive{n.capitalize()}")) for n in ("minimum", "maximum"))
    if low is not None and high is not None:
        return t("driver.between", low=typed(node, low), high=typed(node, high))
    if high is not None:
        return t("driver.at_most", high=typed(node, high))
    return t("driver.from", low=typed(node, low)) if low not in (None, 0) else ""
