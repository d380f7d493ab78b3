"""A number that can explain itself, and the engine's error and message types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Value:
    """One computed or read figure with what is needed to open it on screen (QUO-45).

    ``formula`` names the formula in the notation of the trade, ``inputs`` the figures put into it,
    ``source`` where the figure (or the table it starts from) comes from.
    """

    value: float
    unit: str
    formula: str = ""
    inputs: Mapping[str, float | str] = field(default_factory=dict)
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary; numbers are rounded for reading, never for further computing."""
        inputs = {k: v if isinstance(v, str) else round(float(v), 4) for k, v in self.inputs.items()}
        return {
            "value": round(float(self.value), 4),
            "unit": self.unit,
            "formula": self.formula,
            "inputs": inputs,
            "source": self.source,
        }


_WHOLE = 1_000_000


def number(value: float | Decimal, decimals: int | None = None) -> str:
    """A figure as French texts write it: decimal comma, never an exponent; without ``decimals`` only the digits it has, six at most
    below a million."""
    if decimals is None and abs(float(value)) < _WHOLE:
        text = f"{Decimal(f'{float(value):g}'):f}"
    else:
        text = f"{value:.{decimals or 0}f}"
    return text.replace(".", ",")


def size(value_mm: float) -> str:
    """A size for a label: at most two decimals, decimal comma."""
    return number(round(value_mm, 2))


def euros(amount: Decimal | float) -> str:
    """An amount in euros with its cents: ``90,00 €``."""
    return f"{number(Decimal(str(amount)), 2)} €"


MAX_QUANTITY = 9_999_999
"""More pieces than any workshop machines in one order: a slip of the keyboard."""


class QuotingError(Exception):
    """A computation that cannot go on; ``code`` is stable, ``message`` is French for the user."""

    def __init__(self, code: str, message: str, field_name: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field_name = field_name


class InfeasibleError(QuotingError):
    """A machining step that this machine or tool cannot do; the planner tries the next machine."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something the user must say before the price can be final (QUO-06)."""

    code: str
    field_name: str
    text: str
    line: int | None = None
    blocking: bool = True

    def to_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "field": self.field_name,
            "text": self.text,
            "line": self.line,
            "blocking": self.blocking,
        }


@dataclass(frozen=True, slots=True)
class Gap:
    """A resource the shop lacks (QUO-37, QUO-48), with what could be done instead."""

    kind: str
    what: str
    alternatives: tuple[str, ...] = ()
    message: str = ""
    price_eur: float | None = None
    delay_days: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "what": self.what,
            "alternatives": list(self.alternatives),
            "message": self.message,
            "price": self.price_eur,
            "delay_days": self.delay_days,
        }
