"""A quote out to another quoting tool and lines back from it (QUO-43)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QMessageBox

from clients.desktop.model.api import Record
from clients.desktop.model.texts import t
from clients.desktop.operations import quote_calls

if TYPE_CHECKING:
    from clients.desktop.ui.quote.page import QuoteSheetView

_FILES = "CSV (*.csv);;JSON (*.json)"


class QuoteExchange(QObject):
    """Asks for the file, then writes or reads it through the server."""

    def __init__(self, page: QuoteSheetView) -> None:
        super().__init__(page)
        self._page = page

    def ask_export(self) -> None:
        """Where to write the lines and operations of the quote."""
        name = str(Path.home() / f"{self._page.quote.get('number') or 'devis'}.csv")
        chosen, _ = QFileDialog.getSaveFileName(self._page, t("quote.exchange_out"), name, _FILES)
        if chosen:
            self.export_to(Path(chosen))

    def export_to(self, path: Path) -> None:
        """Write them; the kind is that of the file's name, CSV by default."""
        page = self._page

        def written(found: Path | None) -> None:
            if found is None:
                page.banner.show_text(t("plan.not_written", path=path), "danger")
            else:
                page.desk.message.emit(t("list.exported", path=found), "success")

        page.run(quote_calls.exchange_out(page.desk.api, page.quote, path), written)

    def ask_import(self) -> None:
        """Which file, and whether its prices and discounts count."""
        chosen, _ = QFileDialog.getOpenFileName(self._page, t("quote.exchange_in"), str(Path.home()), _FILES)
        if not chosen:
            return
        box, role = QMessageBox(self._page), QMessageBox.ButtonRole
        box.setWindowTitle(t("quote.exchange_in"))
        box.setText(t("quote.exchange_prices"))
        take = box.addButton(t("quote.exchange_take"), role.YesRole)
        leave = box.addButton(t("quote.exchange_leave"), role.NoRole)
        box.addButton(t("cancel"), role.RejectRole)
        box.exec()
        if box.clickedButton() in (take, leave):
            self.bring_in(Path(chosen), take_prices=box.clickedButton() is take)

    def bring_in(self, path: Path, *, take_prices: bool) -> None:
        """Lines of the file as manual lines of the quote; what was left aside is told."""
        page = self._page

        def done(answer: Record) -> None:
            page.desk.message.emit(
                t("quote.exchanged", count=len(answer.get("quote_line_ids") or [])), "success"
            )
            page.load()
            for words in answer.get("warnings") or []:
                page.banner.show_text(str(words), "warning")

        page.run(quote_calls.exchange_in(page.desk.api, page.record_id, path, take_prices=take_prices), done)
