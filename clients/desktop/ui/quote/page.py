"""The quote's page: header, three scenarios side by side, lines whose values may be typed over, explained and compared."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QGridLayout, QWidget

from clients.desktop.model import formatting, kept_typing, quotes, sheets
from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError, Unreachable
from clients.desktop.model.live import Change
from clients.desktop.model.metadata import Field
from clients.desktop.model.texts import t
from clients.desktop.operations import quote_calls
from clients.desktop.operations.runner import Operation
from clients.desktop.tokens import STEP
from clients.desktop.ui.quote.exchange import QuoteExchange
from clients.desktop.ui.quote.explain import ExplainDialog
from clients.desktop.ui.quote.line_card import LineCard
from clients.desktop.ui.quote.line_dialog import EntryDialog
from clients.desktop.ui.quote.scenario_card import scenario_card
from clients.desktop.ui.quote.trades_dialog import TradesDialog
from clients.desktop.ui.sheet_view import SheetView
from clients.desktop.ui.widgets import Badge, Banner, button, card, column, label, row

_HEADER = (
    "customer_id", "customer_reference", "delivery_date_requested", "valid_until", "method", "total_excl_tax", "margin_pct",
)  # fmt: skip
_OPERATIONS = kept_typing.PLURAL
_FIGURES = frozenset({"total_excl_tax", "margin_pct"})
_DISCOUNT = ("discount_pct", "discount_amount", "discount_reason")


class QuoteSheetView(SheetView):
    """Everything of a quote a person rereads before approving it."""

    entities = ("quote", "quote_line", "quote_line_operation", "quote_scenario", "resource_gap", "quote_mail")
    trades: TradesDialog

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return lambda: sheets.quote_sheet(self.desk.api, self.desk.metadata, self.record_id)

    @property
    def quote(self) -> Record:
        """The quote as last read."""
        return dict(self.data.get("quote") or {})

    @property
    def is_editable(self) -> bool:
        """Whether this person may change this quote now."""
        return self.entity.may("update") and quotes.is_editable(self.quote)

    def _fill(self, data: Mapping[str, Any]) -> None:
        self._offer_kept(data)
        self._body.addWidget(self._head(data))
        self._notes(t("sheet.questions"), data.get("questions") or [], "info")
        self._notes(t("sheet.warnings"), data.get("warnings") or [], "warning")
        scenarios = data.get("scenarios") or []
        if scenarios:
            line = row(spacing=3 * STEP)
            for scenario in scenarios:
                line.addWidget(scenario_card(self, scenario), 1)
            self._body.addLayout(line)
        for one in data.get("lines") or []:
            self._body.addWidget(LineCard(self, one))
        if not data.get("lines"):
            self._body.addWidget(label(t("sheet.quote_empty"), "muted", wrap=True))
        self._letters(data.get("mails") or [], data.get("reminders") or [])

    def _offer_kept(self, data: Mapping[str, Any]) -> None:
        waiting = kept_typing.waiting(self.desk.drafts, data.get("lines") or [])
        if not waiting:
            return
        banner = Banner()
        words = t("quote.typed_waiting", count=sum(len(values) for _, values in waiting))
        banner.show_text(
            words, "info", (t("quote.typed_send"), self.send_kept), (t("quote.typed_drop"), self.drop_kept)
        )
        self._body.addWidget(banner)

    # --- header ---

    def _head(self, data: Mapping[str, Any]) -> QWidget:
        frame, layout = card()
        grid = QGridLayout()
        grid.setHorizontalSpacing(8 * STEP)
        pairs = [(n, p) for n in _HEADER if (p := self.figure("quote", n, data["quote"]))]
        for place, (name, (title, text)) in enumerate(pairs):
            block = column(spacing=STEP // 2)
            block.addWidget(label(title, "label"))
            block.addWidget(label(text, "heading" if name in _FIGURES else "", wrap=True))
            grid.addLayout(block, 0, place)
        grid.setColumnStretch(len(pairs), 1)
        layout.addLayout(grid)
        if words := self._discount_words(data):
            layout.addWidget(label(words, "muted", wrap=True))
        layout.addLayout(self._commands(data))
        return frame

    def _discount_words(self, data: Mapping[str, Any]) -> str:
        """Total before the discounts, what they come to, and why they are given; nothing without a discount."""
        chosen = self.quote.get("selected_scenario_id")
        scenario = next((s for s in data.get("scenarios") or [] if s.get("id") == chosen), None)
        return quotes.discount_words(
            self.figure("quote_scenario", "gross_excl_tax", scenario or {}),
            self.figure("quote_scenario", "discount_excl_tax", scenario or {}),
            scenario,
            self.quote,
        )

    def _commands(self, data: Mapping[str, Any]) -> Any:
        line = row()
        if self.is_editable:
            is_due = not data.get("is_computed", True) and bool(data.get("lines"))
            self.compute_button = button(
                t("quote.compute"), "primary" if is_due else "", on_click=self.compute
            )
            line.addWidget(self.compute_button)
            line.addWidget(button(t("quote.add_line"), sign="plus", on_click=self.add_line))
            line.addWidget(button(t("quote.discount"), on_click=self.open_discount))
            if is_due:
                line.addWidget(Badge(t("quote.to_compute"), "warning", "alert"))
        if self.quote.get("document_version_id"):
            line.addWidget(button(t("quote.open_pdf"), on_click=self.open_pdf))
        if self.entity.may("export") and data.get("lines"):
            line.addWidget(button(t("quote.exchange_out"), "link", on_click=self.exchange.ask_export))
        if self.is_editable:
            line.addWidget(button(t("quote.exchange_in"), "link", on_click=self.exchange.ask_import))
        line.addStretch()
        if self.is_editable and data.get("lines"):
            line.addWidget(label(t("quote.hint"), "muted"))
        return line

    def _notes(self, title: str, items: list[Any], tone: str) -> None:
        if not items:
            return
        banner = Banner()
        words = [sheets.sentence(i) for i in items]
        text = f"{title} : {words[0]}" if len(words) == 1 else "\n• ".join((f"{title} :", *words))
        banner.show_text(text, tone)
        self._body.addWidget(banner)

    def _letters(self, mails: list[Record], reminders: list[Record]) -> None:
        if not mails and not reminders:
            return
        frame, layout = card()
        layout.addWidget(label(t("quote.follow_up"), "section"))
        status = self.field_of("quote_mail", "status")
        for mail in mails:
            line = row()
            choice = status.choice(mail.get("status")) if status else None
            if choice:
                line.addWidget(Badge.of(choice))
            words = " · ".join(
                str(mail.get(n)) for n in ("recipient", "subject", "last_error") if mail.get(n)
            )
            line.addWidget(label(words, wrap=True), 1)
            layout.addLayout(line)
        for reminder in reminders:
            done = t("quote.reminded") if reminder.get("done_at") else t("quote.to_remind")
            layout.addWidget(label(f"{formatting.date(str(reminder['due_on']))} — {done}", "muted"))
        self._body.addWidget(frame)

    # --- acts ---

    def run(
        self,
        operation: Operation[Any],
        done: Callable[[Any], Any] | None = None,
        refused: Callable[[ApiError], Any] | None = None,
    ) -> None:
        """Run an operation of the page, read everything again afterwards."""

        def after(answer: Any) -> None:
            if done is not None:
                done(answer)
            else:
                self.desk.announce(Change("quote", self.record_id, "updated"))
                self.load()

        self.desk.runner.run(operation, after, refused or self.say_refusal, owner=self)

    def say_refusal(self, error: ApiError) -> None:
        """Why the server refused; what is shown stays, a newer state is read."""
        self.banner.show_text(error.detail, "danger", (t("close"), self.banner.clear_text))
        self.verticalScrollBar().setValue(0)
        if error.is_stale:
            self.load()

    def act(self, plural: str, record: Record, action: str, **params: Any) -> None:
        """Run a command on a part of the quote."""
        key = str(uuid.uuid4())
        self.run(quote_calls.act(self.desk.api, plural, record, action, params, key))

    @cached_property
    def exchange(self) -> QuoteExchange:
        """Files of other quoting tools."""
        return QuoteExchange(self)

    def compute(self) -> None:
        """Compute again."""
        self.compute_button.setEnabled(False)
        self.act("quotes", self.quote, "compute")

    def choose(self, scenario: Record) -> None:
        """Offer this scenario."""
        self.act("quotes", self.quote, "select-scenario", kind=scenario["kind"])

    def type_over(self, operation: Record, name: str, value: Any) -> None:
        """A value typed into the table; one that cannot be sent is kept on this computer (QUO-52)."""
        change = quote_calls.change(self.desk.api, _OPERATIONS, operation, {name: value})

        def refused(error: ApiError) -> None:
            if not isinstance(error, Unreachable):
                self.say_refusal(error)
                return
            kept_typing.keep(self.desk.drafts, operation, name, value)
            self.banner.show_text(t("quote.typed_kept"), "warning", (t("retry"), self.load))

        self.run(change, refused=refused)

    def send_kept(self) -> None:
        """Send what was typed without connection, each against the version it was typed over."""
        for operation, values in kept_typing.waiting(self.desk.drafts, self.data.get("lines") or []):
            identity = int(operation["id"])

            def sent(_answer: Record, identity: int = identity) -> None:
                self.desk.drafts.drop(_OPERATIONS, identity)
                self.load()

            self.run(quote_calls.change(self.desk.api, _OPERATIONS, operation, values), sent)

    def drop_kept(self) -> None:
        """Give up what was typed without connection."""
        for operation, _ in kept_typing.waiting(self.desk.drafts, self.data.get("lines") or []):
            self.desk.drafts.drop(_OPERATIONS, int(operation["id"]))
        self.load()

    def reset(self, operation: Record) -> None:
        """Back to the computed values."""
        self.act("quote-line-operations", operation, "reset")

    def add_line(self) -> None:
        """A line typed by hand or from an analysed drawing."""
        preset = {"quote_id": self.record_id, "method": self.quote.get("method") or "ai"}
        self.open_form("quote_line", t("quote.add_line"), None, preset)

    def open_discount(self) -> None:
        """Discount on the whole quote, with its reason."""
        self.open_form("quote", t("quote.discount_title"), self.quote, only=_DISCOUNT)

    def open_form(
        self,
        name: str,
        title: str,
        record: Record | None,
        preset: Mapping[str, Any] | None = None,
        only: tuple[str, ...] = (),
    ) -> None:
        """Form of a line, an operation or some fields of the quote."""
        dialog = EntryDialog(self, self.desk, self.desk.entity(name), title, record, preset, only)
        dialog.saved.connect(self.load)
        dialog.open()

    def explain_value(self, operation: Record, field: Field) -> None:
        """Formula, inputs and source of a value of an operation."""
        mark = quotes.mark_of(operation, field.name)
        if mark is not None:
            shown = formatting.text_of(field, operation)
            self._open(str(operation.get("operation_label")), quotes.explanation(field.label, mark, shown))

    def explain_line(self, line: Record) -> None:
        """How price, cost and blank of a line come about."""

        def show(answer: Record) -> None:
            title = f"{line.get('line_no') or ''}  {line.get('description') or ''}".strip()
            self._open(title, quotes.line_explanations(answer.get("values") or {}))

        self.run(quote_calls.explain(self.desk.api, self.record_id, int(line["id"])), show)

    def compare_line(self, line: Record) -> None:
        """Automatic beside manual."""

        def show(answer: Record) -> None:
            self._open(t("quote.comparison"), quotes.comparison(answer))

        self.run(quote_calls.compare(self.desk.api, self.record_id, int(line["id"])), show)

    def _open(self, title: str, found: list[quotes.Explanation]) -> None:
        self.dialog = ExplainDialog(self, title, found)
        self.dialog.open()

    def open_pdf(self) -> None:
        """The filed paper in the reader of this computer."""
        self.run(quote_calls.fetch_pdf(self.desk.api, self.quote), self._open_file)

    def open_inspection(self, line: Record) -> None:
        """What is to be measured on the part, in the reader of this computer."""
        self.run(quote_calls.fetch_inspection(self.desk.api, self.quote, line), self._open_file)

    def _open_file(self, path: Path) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
            self.banner.show_text(t("quote.no_pdf_reader", path=str(path)), "warning")

    def open_trades(self, line: Record) -> None:
        """Work of other trades on a line."""

        def show(forms: list[Record]) -> None:
            self.trades = TradesDialog(self, self.desk, line, forms)
            self.trades.saved.connect(self.load)
            self.trades.open()

        self.run(quote_calls.trade_forms(self.desk.api), show)
