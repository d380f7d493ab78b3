"""One scenario: price, date, reasons, what it needs and whom it moves (QUO-35)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from clients.desktop.model import formatting, sheets
from clients.desktop.model.api import Record
from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui.sheet_view import pairs
from clients.desktop.ui.widgets import Badge, button, card, label, row

if TYPE_CHECKING:
    from clients.desktop.ui.quote.page import QuoteSheetView

_FIGURES = ("delivery_date", "lead_time_days", "machining_min", "cost", "margin_pct")
_LISTS = ("machines", "to_buy", "moved_orders", "to_confirm", "plate_plans")


def scenario_card(page: QuoteSheetView, scenario: Record) -> QWidget:
    """Card of a scenario; the recommended one is framed and says why."""
    recommended = bool(scenario.get("is_recommended"))
    selected = scenario.get("id") == page.quote.get("selected_scenario_id")
    frame, layout = card(accent=recommended)
    kind = page.field_of("quote_scenario", "kind")
    choice = kind.choice(scenario.get("kind")) if kind else None
    head = row()
    head.addWidget(label(choice.label if choice else str(scenario.get("kind")), "heading"))
    head.addStretch()
    if selected:
        head.addWidget(Badge(t("sheet.selected"), "muted", "check"))
    if (scenario.get("details") or {}).get("below_minimum"):
        head.addWidget(Badge(t("quote.below_minimum"), "danger", "alert"))
    if recommended:
        head.addWidget(Badge(t("sheet.recommended"), "info", "check"))
    layout.addLayout(head)
    if price := page.figure("quote_scenario", "price_excl_tax", scenario):
        layout.addWidget(label(price[1], "figure"))
        layout.addWidget(label(price[0], "muted"))
    pairs(layout, [page.figure("quote_scenario", n, scenario) for n in _FIGURES])
    for words in _price_breaks(page, scenario):
        layout.addWidget(label(words, "muted", wrap=True))
    reasons = [sheets.sentence(r) for r in scenario.get("reasons") or []]
    for reason in reasons:
        layout.addWidget(label("• " + reason, "muted", wrap=True))
    details: dict[str, Any] = scenario.get("details") or {}
    for name in _LISTS:
        if items := details.get(name):
            words = ", ".join(str(i) for i in items)
            if any(words in reason for reason in reasons):
                continue
            layout.addWidget(label(f"{t('scenario.' + name)} : {words}", "muted", wrap=True))
    layout.addStretch()
    if page.is_editable and not selected and scenario.get("price_excl_tax") is not None:
        foot = row(spacing=STEP)
        foot.addWidget(button(t("quote.choose"), on_click=lambda: page.choose(scenario)))
        foot.addStretch()
        layout.addLayout(foot)
    return frame


def _price_breaks(page: QuoteSheetView, scenario: Record) -> list[str]:
    """Unit prices of the other quantities in this scenario, line by line."""
    quantity = page.field_of("quote_price_break", "quantity")
    price = page.field_of("quote_scenario_break", "unit_price_excl_tax")
    if quantity is None or price is None:
        return []
    prices = {row.get("quote_price_break_id"): row for row in scenario.get("price_breaks") or []}
    return [
        t(
            "quote.price_break_line",
            line=line.get("line_no"),
            quantity=formatting.text_of(quantity, one),
            price=formatting.text_of(price, prices[one["id"]]),
        )
        for line in page.data.get("lines") or []
        for one in line.get("price_breaks") or []
        if (prices.get(one.get("id")) or {}).get("unit_price_excl_tax") is not None
    ]
