"""Where the prepared pages of stock appear: a tab of a record, or a page of their own from a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtWidgets import QScrollArea, QWidget

from clients.desktop.model.errors import ApiError
from clients.desktop.model.live import Change
from clients.desktop.model.texts import t
from clients.desktop.operations import calls
from clients.desktop.tokens import STEP
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.sheet_view import SheetView
from clients.desktop.ui.stock import board
from clients.desktop.ui.widgets import Banner, button, clear, column, label, row

BOARDS: dict[str, tuple[str, ...]] = {
    "stock_level": ("dashboard", "forecast"),
    "stock_item": ("forecast",),
    "stock_movement": ("dashboard",),
    "storage_location": ("map",),
    "stock_balance": ("map",),
    "tool_incident": ("breakages",),
    "reorder_proposal": ("forecast",),
}
"""Pages offered above each list."""
_SHOWN_BY = frozenset(
    {"stock_movement", "stock_lot", "stock_unit", "stock_item", "tool_incident", "storage_location", "*"}
)


class RecordBoardView(SheetView):
    """Prepared page of one record: life, supply, options, bars."""

    entities = ("stock_movement", "stock_unit", "stock_lot", "tool_incident", "cutting_plan", "plate_plan")

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        path = f"/stock/boards/{self.entity.name}/{self.record_id}"
        return lambda: dict(self.desk.api.request("GET", path).json())

    def _fill(self, data: Mapping[str, Any]) -> None:
        board.fill(self.desk, self._body, data)


class BoardPage(QWidget):
    """Prepared page of the whole stock, in a tab of its own."""

    def __init__(self, desk: Desk, name: str) -> None:
        super().__init__()
        self.setObjectName("page")
        self.desk = desk
        self.name = name
        self._words = ""
        outer = column(self, spacing=3 * STEP)
        outer.setContentsMargins(6 * STEP, 5 * STEP, 4 * STEP, 0)
        head = row()
        head.addWidget(label(self.title, "title"))
        head.addStretch()
        head.addWidget(button(t("stock.reload"), on_click=self.load))
        outer.addLayout(head)
        self.banner = Banner()
        outer.addWidget(self.banner)
        area = QScrollArea()
        area.setWidgetResizable(True)
        holder = QWidget()
        holder.setObjectName("pageBody")
        layout = column(holder, spacing=3 * STEP)
        layout.setContentsMargins(0, 0, 2 * STEP, 4 * STEP)
        self.body = column(spacing=3 * STEP)
        layout.addLayout(self.body)
        layout.addStretch()
        area.setWidget(holder)
        outer.addWidget(area, 1)
        desk.changed.connect(self._on_change)
        self.load()

    @property
    def title(self) -> str:
        """Name of the tab."""
        return t(f"stock.board.{self.name}")

    def load(self) -> None:
        """Read the page again."""
        params = {"q": self._words} if self._words else {}
        api = self.desk.api
        operation = calls.load_sheet(
            self.name, lambda: dict(api.request("GET", f"/stock/boards/{self.name}", params=params).json())
        )
        self.desk.runner.run(operation, self._show, self._refused, owner=self)

    def search(self, words: str) -> None:
        """Light up where things of this name are."""
        self._words = words.strip()
        self.load()

    def _on_change(self, change: Change) -> None:
        if change.entity in _SHOWN_BY and self.isVisible():
            self.load()

    def _refused(self, error: ApiError) -> None:
        self.banner.show_text(error.detail, "warning", (t("retry"), self.load))

    def _show(self, data: Mapping[str, Any]) -> None:
        self.banner.clear_text()
        clear(self.body)
        board.fill(self.desk, self.body, data, self.search)
