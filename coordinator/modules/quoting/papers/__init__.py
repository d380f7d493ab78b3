"""The paper quote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from coordinator.kernel.papers import render
from coordinator.modules.quoting.papers.data import (
    SCENARIO_POINTS,
    PriceBreak,
    QuoteLine,
    QuotePaper,
    QuoteScenario,
    certificate_words,
    subject_of,
)

__all__ = [
    "SCENARIO_POINTS",
    "PriceBreak",
    "QuoteLine",
    "QuotePaper",
    "QuoteScenario",
    "certificate_words",
    "render_quote",
    "subject_of",
]


def render_quote(data: QuotePaper, *, assets: Mapping[str, bytes] | None = None) -> bytes:
    """PDF of a quote (PDF/A-3b, so that it can be archived)."""
    return render(Path(__file__).parent / "quote.typ", data, pdf_standard="a-3b", assets=assets)
