"""The list of quotes on paper (QUO-43)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from coordinator.kernel.papers import render
from coordinator.kernel.papers.data import Company


@dataclass(frozen=True, slots=True)
class ListedQuote:
    """One row; ``total_excl`` is left out for who may not see prices."""

    number: str
    customer: str
    status: str
    quote_date: date
    valid_until: date | None = None
    reference: str = ""
    total_excl: Decimal | None = None


@dataclass(frozen=True, slots=True)
class QuoteList:
    """Rows in the order asked for; ``total_excl`` sums those that have a price."""

    company: Company
    issued_on: date
    rows: list[ListedQuote]
    filters: str = ""
    total_excl: Decimal | None = None


def render_list(data: QuoteList) -> bytes:
    """PDF of the list."""
    return render(Path(__file__).parent / "quote_list.typ", data)
