"""What the quote page knows of a quote without Qt: what may be typed, and how a number explains itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.texts import t

EDITABLE_STATES = ("draft", "to_review")
EXPLAINED_AS = {
    "machine_id": "machine", "tool_text": "tool", "tool_id": "tool", "feed_mm": "feed", "operation_label": "label",
}  # fmt: skip
"""Columns whose explanation stands under another name."""


@dataclass(frozen=True)
class Explanation:
    """One number: what it is, its value, formula, inputs (name and value) and where it comes from."""

    title: str
    value: str
    formula: str
    inputs: tuple[tuple[str, str], ...]
    source: str


def is_editable(quote: Record) -> bool:
    """Whether anything of the quote may still change."""
    return quote.get("status") in EDITABLE_STATES


def mark_of(operation: Record, column: str) -> Mapping[str, Any] | None:
    """What is known of the origin of a value of an operation."""
    found = (operation.get("sources") or {}).get(EXPLAINED_AS.get(column, column))
    return found if isinstance(found, Mapping) else None


def is_typed(operation: Record, column: str) -> bool:
    """Whether a person typed the value."""
    mark = mark_of(operation, column)
    return mark is not None and mark.get("source") == "manual"


def explanation(title: str, mark: Mapping[str, Any], shown: str = "") -> list[Explanation]:
    """A number and, where a person typed over it, the computed one behind it."""
    if mark.get("source") == "manual":
        computed = mark.get("computed")
        said = t("explain.typed") if computed is None else t("explain.typed_over", value=_plain(computed))
        found = [Explanation(title, shown or _plain(mark.get("value")), said, (), t("explain.by_hand"))]
        behind = mark.get("replaced")
        return found + (explanation(t("explain.computed"), behind) if isinstance(behind, Mapping) else [])
    inputs = tuple((str(k), _plain(v)) for k, v in (mark.get("inputs") or {}).items())
    value = shown or " ".join(x for x in (_plain(mark.get("value")), str(mark.get("unit") or "")) if x)
    return [
        Explanation(
            title, value, _comma(str(mark.get("formula") or "")), inputs, str(mark.get("source") or "")
        )
    ]


def line_explanations(values: Mapping[str, Any]) -> list[Explanation]:
    """Price, cost and blank of a line, each with what it is made of."""
    found: list[Explanation] = []
    if isinstance(mark := values.get("price_explanation"), Mapping):
        found += explanation(t("explain.unit_price"), mark)
    rows = values.get("cost_breakdown") or []
    for entry in rows:
        if isinstance(entry, Mapping):
            amount = f"{formatting.number(str(entry.get('amount') or 0), 2, 2)} €"
            name = str(entry.get("label") or entry.get("kind"))
            found.append(
                Explanation(
                    name, amount, _comma(str(entry.get("formula") or "")), (), t("explain.cost_of_batch")
                )
            )
    blank = values.get("blank")
    if isinstance(blank, Mapping) and isinstance(mark := blank.get("explanation"), Mapping):
        found += explanation(t("explain.blank"), mark)
    return found


def _comma(text: str) -> str:
    """Formulas come with decimal points; people here read commas."""
    return re.sub(r"(?<=\d)\.(?=\d)", ",", text)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    return (
        formatting.number(number.normalize() if number else number, 4) if number.is_finite() else str(value)
    )


def comparison(answer: Mapping[str, Any]) -> list[Explanation]:
    """Automatic and manual result of a line, kind of work by kind of work."""
    auto, manual = answer.get("automatic") or {}, answer.get("manual") or {}
    total = t(
        "explain.sides", automatic=_money(auto.get("unit_price")), manual=_money(manual.get("unit_price"))
    )
    gap = answer.get("difference_pct")
    percent = "" if gap is None else f"{formatting.number(str(gap), 1)} %"
    found = [Explanation(t("explain.unit_price"), percent, total, (), "")]
    for entry in answer.get("rows") or []:
        if not entry.get("difference_min") and not entry.get("difference_cost"):
            continue
        inputs = (
            (t("explain.automatic"), _side(entry, "automatic")),
            (t("explain.manual"), _side(entry, "manual")),
        )
        cost = _money(entry.get("difference_cost"))
        found.append(Explanation(t(f"work.{entry.get('operation_type')}"), cost, "", inputs, ""))
    return found


def _side(entry: Mapping[str, Any], side: str) -> str:
    minutes, cost = entry.get(f"{side}_min"), entry.get(f"{side}_cost")
    parts = [formatting.duration(str(minutes)) if minutes else "", _money(cost)]
    return " · ".join(p for p in parts if p) or "—"


def _money(value: Any) -> str:
    return "—" if value is None else f"{formatting.money(str(value))} €"


def blank_words(line: Mapping[str, Any]) -> str:
    """Stock the line is made from: section and cut length, mass, where it comes from; empty if nobody may see it."""
    blank = line.get("blank")
    if not isinstance(blank, Mapping) or not blank.get("label"):
        return ""
    mass = formatting.number(str(blank.get("mass_kg") or 0), 3)
    told = f"{blank['label']} mm · {mass} kg · {blank.get('source') or ''}".rstrip(" ·")
    plan = blank.get("plate_plan")
    return f"{told}\n{t('quote.plate_plan')} : {plan}" if plan else told


def clampings(operations: Sequence[Mapping[str, Any]]) -> list[str]:
    """How the part is held: one sentence per clamping, with the operations it holds."""
    found: dict[Any, list[Mapping[str, Any]]] = {}
    for operation in operations:
        if operation.get("workholding"):
            found.setdefault(operation.get("phase_no"), []).append(operation)
    told = []
    for own in found.values():
        first, last = own[0].get("sequence_no"), own[-1].get("sequence_no")
        numbers = f"{first}" if first == last else f"{first}–{last}"
        told.append(f"{numbers} · {own[0].get('phase_label') or ''} : {own[0]['workholding']}")
    return told


def discount_words(
    gross: tuple[str, str] | None,
    discount: tuple[str, str] | None,
    scenario: Mapping[str, Any] | None,
    quote: Mapping[str, Any],
) -> str:
    """What discounts take off the chosen scenario; ``gross`` and ``discount`` are its figures with their names."""
    if gross is None or discount is None or not Decimal(str((scenario or {}).get("discount_excl_tax") or 0)):
        return ""
    reason = str(quote.get("discount_reason") or "").strip() or t("quote.discount_no_reason")
    return f"{gross[0]} : {gross[1]} · {discount[0]} : −{discount[1]} ({reason})"
