"""One line of the quote with its operations, gaps and prices of other quantities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFrame, QVBoxLayout

from clients.desktop.model import formatting, quotes, sheets
from clients.desktop.model.api import Record
from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui.quote.operations import OperationsModel, OperationsTable
from clients.desktop.ui.widgets import Badge, Banner, button, column, label, row

if TYPE_CHECKING:
    from clients.desktop.ui.quote.page import QuoteSheetView

_COLUMNS = (
    "sequence_no", "operation_label", "machine_id", "tool_text", "setup_min", "run_min", "cost", "passes", "vc_m_min", "n_rev_min",
    "feed_mm", "feed_mm_min", "ap_mm", "ae_mm", "power_kw", "cut_min", "loading_min",
)  # fmt: skip
_FIGURES = (
    "quantity", "material_id", "treatments", "unit_price_excl_tax", "unit_cost", "discount_pct", "discount_amount",
)  # fmt: skip
_FEASIBILITY = {
    "feasible": ("success", "check"),
    "not_feasible": ("danger", "alert"),
    "subcontract": ("warning", "pause"),
}


class LineCard(QFrame):
    """White card of a line."""

    def __init__(self, page: QuoteSheetView, line: Record) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setProperty("accent", "false")
        self._page, self._line = page, line
        layout = column(self, margins=4 * STEP, spacing=2 * STEP)
        self._head(layout)
        self._figures(layout)
        if line.get("error_message"):
            banner = Banner()
            banner.show_text(str(line["error_message"]), "danger")
            layout.addWidget(banner)
        self.table: OperationsTable | None = None
        self._operations(layout)
        for gap in line.get("resource_gaps") or []:
            others = ", ".join(str(a) for a in gap.get("alternatives") or [])
            words = (
                f"• {gap.get('what')} : {sheets.sentence(gap)}"
                if gap.get("message")
                else f"• {sheets.sentence(gap)}"
            )
            layout.addWidget(label(words + (f" ({others})" if others else ""), "error", wrap=True))
        self._offer_split(layout)

    def _head(self, layout: QVBoxLayout) -> None:
        page, line = self._page, self._line
        head = row(spacing=2 * STEP)
        name = f"{line.get('line_no') or ''}  {line.get('description') or line.get('display') or ''}".strip()
        head.addWidget(label(name, "heading"))
        feasibility = page.field_of("quote_line", "feasibility")
        if feasibility and (choice := feasibility.choice(line.get("feasibility"))):
            tone, mark = _FEASIBILITY.get(choice.value, (choice.tone, choice.sign))
            head.addWidget(Badge(choice.label, tone, mark))
        if line.get("method") == "manual":
            head.addWidget(Badge(t("quote.manual"), "warning", "pause"))
        head.addStretch()
        head.addWidget(button(t("quote.explain_price"), "link", on_click=lambda: page.explain_line(line)))
        head.addWidget(button(t("quote.inspection"), "link", on_click=lambda: page.open_inspection(line)))
        if any(o.get("is_manual") for o in line.get("operations") or []):
            head.addWidget(button(t("quote.comparison"), "link", on_click=lambda: page.compare_line(line)))
        if page.is_editable:
            edit = lambda: page.open_form("quote_line", name, line)  # noqa: E731 — a slot
            head.addWidget(button(t("quote.edit_line"), "link", on_click=edit))
            head.addWidget(button(t("quote.add_operation"), "link", on_click=self._add_operation))
            head.addWidget(button(t("quote.trades"), "link", on_click=lambda: page.open_trades(line)))
            head.addWidget(
                button(
                    t("quote.remove_line"), "link", on_click=lambda: page.act("quote-lines", line, "remove")
                )
            )
        layout.addLayout(head)

    def _figures(self, layout: QVBoxLayout) -> None:
        line = row(spacing=6 * STEP)
        for name in _FIGURES:
            if pair := self._page.figure("quote_line", name, self._line):
                line.addWidget(label(f"{pair[0]} : {pair[1]}", "muted"))
        quantity = self._page.field_of("quote_price_break", "quantity")
        price = self._page.field_of("quote_price_break", "unit_price_excl_tax")
        for one in self._line.get("price_breaks") or []:
            if quantity and price and one.get("unit_price_excl_tax") is not None:
                words = t(
                    "quote.price_break",
                    quantity=formatting.text_of(quantity, one),
                    price=formatting.text_of(price, one),
                )
                line.addWidget(label(words, "muted"))
        line.addStretch()
        layout.addLayout(line)
        if blank := quotes.blank_words(self._line):
            layout.addWidget(label(f"{t('explain.blank')} : {blank}", "muted", wrap=True))

    def _operations(self, layout: QVBoxLayout) -> None:
        rows = [sheets.with_tool(o) for o in self._line.get("operations") or []]
        if not rows:
            return
        columns = self._page.columns_of("quote_line_operation", _COLUMNS)
        shown = [f for f in columns if f.required or any(r.get(f.name) not in (None, "") for r in rows)]
        model = OperationsModel(shown, rows, editable=self._page.is_editable)
        model.typed.connect(self._page.type_over)
        model.refused.connect(lambda words: self._page.banner.show_text(words, "danger"))
        for words in quotes.clampings(rows):
            layout.addWidget(label(words, "muted", wrap=True))
        self.table = OperationsTable(model, "operation_label")
        self.table.explain_wanted.connect(self._page.explain_value)
        self.table.reset_wanted.connect(self._page.reset)
        layout.addWidget(self.table)
        setup, run = sheets.total(rows, "setup_min"), sheets.total(rows, "run_min")
        words = t("sheet.times", setup=formatting.duration(setup), run=formatting.duration(run))
        typed = sum(1 for r in rows if any(quotes.is_typed(r, f.name) for f in shown))
        layout.addWidget(
            label(f"{words} · {t('quote.typed_count', count=typed)}" if typed else words, "muted")
        )

    def _offer_split(self, layout: QVBoxLayout) -> None:
        offered = self._line.get("parts_offered") or []
        if not offered:
            return
        banner = Banner()
        names = ", ".join(f"{p.get('name') or p['no']} × {p['count']}" for p in offered)
        acts = []
        if self._page.is_editable:
            acts = [(t("quote.split"), lambda: self._page.act("quote-lines", self._line, "split"))]
        banner.show_text(t("quote.parts_offered", names=names), "info", *acts)
        layout.addWidget(banner)

    def _add_operation(self) -> None:
        numbers = [int(o.get("sequence_no") or 0) for o in self._line.get("operations") or []]
        preset = {"quote_line_id": self._line["id"], "sequence_no": max(numbers, default=0) + 10}
        self._page.open_form("quote_line_operation", t("quote.add_operation"), None, preset)
