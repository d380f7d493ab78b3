"""Operations of other trades on a quote line: one card each, with the boxes its calculator asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDialog, QGridLayout, QLabel, QLineEdit, QWidget

from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.texts import t
from clients.desktop.model.trades import TradeEntry, entries
from clients.desktop.operations import quote_calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.form_view import scrolled
from clients.desktop.ui.widgets import Banner, button, card, clear, column, label, row

if TYPE_CHECKING:
    from clients.desktop.ui.desk import Desk

_PER_ROW = 3


class TradesDialog(QDialog):
    """Add, change and take away operations; saving sends them all with the line's version."""

    saved = Signal()

    def __init__(self, parent: QWidget, desk: Desk, line: Record, forms: list[Record]) -> None:
        super().__init__(parent)
        self._desk, self._line, self._forms = desk, line, forms
        self.entries: list[TradeEntry] = entries(forms, line)
        self.boxes: list[dict[str, QLineEdit]] = []
        self.setWindowTitle(t("quote.trades"))
        self.resize(theme.scaled(820), theme.scaled(560))
        layout = column(self, margins=5 * STEP, spacing=3 * STEP)
        layout.addWidget(label(t("quote.trades"), "heading"))
        layout.addWidget(label(t("quote.trades_hint"), "muted", wrap=True))
        self.banner = Banner()
        layout.addWidget(self.banner)
        body = QWidget()
        self._cards = column(body, spacing=3 * STEP)
        layout.addWidget(scrolled(body), 1)
        adding = row()
        self.trade = QComboBox()
        for form in forms:
            words = form["label"] if form["active"] else t("quote.trade_inactive", trade=form["label"])
            self.trade.addItem(words, form["trade"])
        self._choose_first_active()
        adding.addWidget(self.trade)
        adding.addWidget(button(t("quote.trade_add"), sign="plus", on_click=self.add))
        adding.addStretch()
        layout.addLayout(adding)
        foot = row()
        foot.addStretch()
        foot.addWidget(button(t("cancel"), on_click=self.reject))
        self.save_button = button(t("save"), "primary", on_click=self.save)
        foot.addWidget(self.save_button)
        layout.addLayout(foot)
        self._show()

    def _choose_first_active(self) -> None:
        first = next((i for i, form in enumerate(self._forms) if form["active"]), 0)
        self.trade.setCurrentIndex(first)

    def add(self) -> None:
        """One more operation of the chosen trade."""
        form = self._forms[self.trade.currentIndex()]
        if not form["active"]:
            self.banner.show_text(t("quote.trade_tick", trade=form["label"]), "warning")
            return
        self._take_texts()
        self.entries.append(TradeEntry(form))
        self._show()

    def remove(self, entry: TradeEntry) -> None:
        """Take an operation away."""
        self._take_texts()
        self.entries.remove(entry)
        self._show()

    def _take_texts(self) -> None:
        for entry, boxes in zip(self.entries, self.boxes, strict=True):
            for name, box in boxes.items():
                if name == "label":
                    entry.label = box.text()
                else:
                    entry.texts[name] = box.text()

    def _show(self) -> None:
        clear(self._cards)
        self.boxes = []
        if not self.entries:
            self._cards.addWidget(label(t("quote.trades_empty"), "muted", wrap=True))
        for entry in self.entries:
            self._cards.addWidget(self._card(entry))
        self._cards.addStretch()

    def _card(self, entry: TradeEntry) -> QWidget:
        frame, layout = card()
        head = row()
        head.addWidget(label(str(entry.form["label"]), "section"))
        head.addStretch()
        head.addWidget(button(t("quote.trade_remove"), "link", on_click=lambda: self.remove(entry)))
        layout.addLayout(head)
        grid = QGridLayout()
        grid.setHorizontalSpacing(5 * STEP)
        boxes: dict[str, QLineEdit] = {}
        place = 0
        if entry.form["processes"]:
            self._put(grid, place, t("quote.trade_process"), self._process(entry), None)
            place += 1
        for field in entry.form["fields"]:
            box = QLineEdit(entry.texts[field["name"]])
            unit = f" ({field['unit']})" if field["unit"] else ""
            mark = " *" if field["required"] else ""
            self._put(grid, place, f"{field['label']}{unit}{mark}", box, entry.errors.get(field["name"]))
            boxes[field["name"]] = box
            place += 1
        own = QLineEdit(entry.label)
        self._put(grid, place, t("quote.trade_label"), own, None)
        boxes["label"] = own
        for side in range(_PER_ROW):
            grid.setColumnStretch(side, 1)
        layout.addLayout(grid)
        self.boxes.append(boxes)
        return frame

    def _process(self, entry: TradeEntry) -> QComboBox:
        chosen = QComboBox()
        for one in entry.form["processes"]:
            chosen.addItem(one["label"], one["value"])
        chosen.setCurrentIndex(max(chosen.findData(entry.process), 0))
        chosen.currentIndexChanged.connect(lambda _: setattr(entry, "process", chosen.currentData()))
        return chosen

    @staticmethod
    def _put(grid: QGridLayout, place: int, title: str, control: QWidget, error: str | None) -> None:
        block = column(spacing=STEP)
        block.addWidget(label(title, "label"))
        block.addWidget(control)
        wrong: QLabel = label(error or "", "error", wrap=True)
        wrong.setVisible(bool(error))
        block.addWidget(wrong)
        block.addStretch()
        grid.addLayout(block, place // _PER_ROW, place % _PER_ROW)

    def save(self) -> None:
        """Check that all are numbers, then send; the server judges the rest."""
        self._take_texts()
        read: list[Any] = [entry.read() for entry in self.entries]
        if any(one is None for one in read):
            self._show()
            self.banner.show_text(t("form.check"), "danger")
            return
        self.save_button.setEnabled(False)
        operation = quote_calls.change(self._desk.api, "quote-lines", self._line, {"trade_operations": read})
        self._desk.runner.run(operation, self._done, self._refused, owner=self)

    def _done(self, _record: Record) -> None:
        self.saved.emit()
        self.accept()

    def _refused(self, error: ApiError) -> None:
        self.save_button.setEnabled(True)
        words = " ".join((error.detail, *error.fields.values()))
        self.banner.show_text(words, "danger")
