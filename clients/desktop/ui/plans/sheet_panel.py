"""Left half of the review: the choice of the sheet, the zoom, what is highlighted, and the sheet itself."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QComboBox, QFrame, QMenu, QPushButton, QStackedWidget, QWidget

from clients.desktop.model.errors import ApiError
from clients.desktop.model.plans import Document, Mark, SheetRef, marks_of, sheets_of
from clients.desktop.model.texts import t
from clients.desktop.operations import plan_calls
from clients.desktop.operations.runner import Handle
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.plans.canvas import SheetCanvas
from clients.desktop.ui.widgets import EmptyState, button, column, label, row

_LAYERS = ("field", "feature", "note", "balloon")
_KEPT_SHEETS = 12


class SheetPanel(QFrame):
    """Shows sheets of the files of one analysis; every sheet is asked for once."""

    picked = Signal(str)
    marked = Signal(object)
    """``{file_id, page, box}`` of a place a person drew."""
    split_wanted = Signal(object)
    download_wanted = Signal(object)

    def __init__(self, desk: Desk, analysis_id: int) -> None:
        super().__init__()
        self.setObjectName("card")
        self._desk = desk
        self._analysis_id = analysis_id
        self._document: Document = {}
        self._marks: list[Mark] = []
        self._sheets: list[SheetRef] = []
        self._pictures: dict[tuple[int, int], QPixmap] = {}
        self._loading: Handle | None = None
        self.shown: SheetRef | None = None
        self._wanted: str | None = None
        self.canvas = SheetCanvas()
        self.empty = EmptyState()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.canvas)
        self.stack.addWidget(self.empty)
        layout = column(self, spacing=0)
        layout.addWidget(self._bar())
        layout.addWidget(self.stack, 1)
        self.canvas.picked.connect(self.picked)
        self.canvas.zoomed.connect(lambda percent: self.zoom.setText(f"{percent} %"))
        self.canvas.marked.connect(self._marked)

    def _bar(self) -> QWidget:
        bar = QWidget()
        layout = row(bar, spacing=STEP)
        layout.setContentsMargins(2 * STEP, STEP, 2 * STEP, STEP)
        self.choice = QComboBox()
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.choice.setMinimumContentsLength(8)
        self.choice.setAccessibleName(t("plan.sheets"))
        self.choice.activated.connect(self._chosen)
        layout.addWidget(self.choice, 1)
        self.layers: dict[str, QPushButton] = {}
        for name in _LAYERS:
            chip = button(t(f"plan.layer.{name}"), "chip")
            chip.setCheckable(True)
            chip.setChecked(True)
            chip.setToolTip(t(f"plan.layer.{name}_hint"))
            chip.toggled.connect(lambda _on: self.refresh_marks())
            self.layers[name] = chip
            layout.addWidget(chip)
        layout.addSpacing(STEP)
        nearer, farther = ("+", t("plan.zoom_in"), 1.0), ("−", t("plan.zoom_out"), -1.0)
        for sign, hint, step in (farther, nearer):
            made = button(sign, "flat", on_click=partial(self.canvas.zoom_by, step))
            made.setToolTip(hint)
            made.setAccessibleName(hint)
            made.setFixedWidth(theme.scaled(30))
            layout.addWidget(made)
        self.zoom = label("", "muted")
        self.zoom.setMinimumWidth(theme.scaled(40))
        layout.addWidget(self.zoom)
        layout.addWidget(button(t("plan.fit"), "flat", on_click=self.canvas.fit))
        more = button("", "flat", "more")
        more.setAccessibleName(t("record.more"))
        more.setToolTip(t("plan.file_menu"))
        self._menu = QMenu(more)
        self._menu.aboutToShow.connect(self._fill_menu)
        more.setMenu(self._menu)
        layout.addWidget(more)
        return bar

    # --- document ---

    def show_document(self, document: Document) -> None:
        """Take another state of the review; the sheet shown stays."""
        self._document = document
        self._marks = marks_of(document)
        sheets = sheets_of(document)
        if sheets != self._sheets:
            self._sheets = sheets
            self.choice.clear()
            self.choice.addItems([s.title for s in sheets])
            self.choice.setEnabled(len(sheets) > 1)
        self._mark_counts()
        if not sheets:
            self._show_nothing()
        elif self.shown not in sheets:
            self.show_sheet(sheets[0])
        else:
            self.refresh_marks()

    def _mark_counts(self) -> None:
        for name, chip in self.layers.items():
            count = (
                sum(m.balloon is not None for m in self._marks)
                if name == "balloon"
                else sum(m.layer == name for m in self._marks)
            )
            chip.setToolTip(f"{t(f'plan.layer.{name}_hint')} ({count})")
            chip.setEnabled(count > 0)

    def _show_nothing(self) -> None:
        self.canvas.clear_sheet()
        self.shown = None
        self.empty.set("documents", t("plan.no_sheet"), t("plan.no_sheet_hint"))
        self.stack.setCurrentWidget(self.empty)

    def refresh_marks(self) -> None:
        """Draw the places of the sheet shown, of the layers that are on."""
        sheet = self.shown
        if sheet is None or not self.canvas.has_picture:
            return
        on = {name for name, chip in self.layers.items() if chip.isChecked()}
        here = [
            m for m in self._marks if (m.file_id, m.page) == (sheet.file_id, sheet.page) and m.layer in on
        ]
        self.canvas.show_marks(here, balloons="balloon" in on)

    # --- sheets ---

    def _chosen(self, index: int) -> None:
        if 0 <= index < len(self._sheets):
            self.show_sheet(self._sheets[index])

    def show_sheet(self, sheet: SheetRef) -> None:
        """Show a sheet, read from the server the first time."""
        if self.shown == sheet and self.canvas.has_picture:
            return
        self.shown = sheet
        self.choice.setCurrentIndex(self._sheets.index(sheet))
        if self._loading is not None:
            self._loading.cancel()
            self._loading = None
        known = self._pictures.get((sheet.file_id, sheet.page))
        if known is not None:
            self._show_picture(sheet, known)
            return
        self.canvas.clear_sheet()
        self.empty.set("documents", t("plan.sheet_loading"), t("plan.sheet_loading_hint"))
        self.stack.setCurrentWidget(self.empty)
        operation = plan_calls.page_picture(self._desk.api, self._analysis_id, sheet.file_id, sheet.page)
        self._loading = self._desk.runner.run(
            operation, partial(self._arrived, sheet), partial(self._refused, sheet), owner=self
        )

    def _arrived(self, sheet: SheetRef, content: bytes) -> None:
        self._loading = None
        picture = QPixmap()
        if not picture.loadFromData(content):
            self.empty.set("alert", t("plan.sheet_failed"), t("plan.no_sheet_hint"))
            return
        if len(self._pictures) >= _KEPT_SHEETS:
            self._pictures.pop(next(iter(self._pictures)))
        self._pictures[sheet.file_id, sheet.page] = picture
        if sheet == self.shown:
            self._show_picture(sheet, picture)

    def _refused(self, sheet: SheetRef, error: ApiError) -> None:
        self._loading = None
        self.shown = None
        self.empty.set(
            "alert", t("plan.sheet_failed"), error.detail, (t("retry"), lambda: self.show_sheet(sheet))
        )

    def _show_picture(self, _sheet: SheetRef, picture: QPixmap) -> None:
        self.stack.setCurrentWidget(self.canvas)
        self.canvas.show_picture(picture)
        self.refresh_marks()
        if self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            self.look_at(wanted)

    def look_at(self, key: str) -> bool:
        """Bring a place to the eye, on whatever sheet it stands; whether it has one."""
        mark = next((m for m in self._marks if m.key == key), None)
        if mark is None:
            self.canvas.select(None)
            return False
        sheet = next((s for s in self._sheets if (s.file_id, s.page) == (mark.file_id, mark.page)), None)
        if sheet is None:
            return False
        self.layers[mark.layer].setChecked(True)
        if sheet != self.shown or not self.canvas.has_picture:
            self._wanted = key
            self.show_sheet(sheet)
            return True
        return self.canvas.look_at(key)

    def _marked(self, box: Any) -> None:
        if self.shown is not None:
            self.marked.emit({"file_id": self.shown.file_id, "page": self.shown.page, "box": list(box)})

    # --- files ---

    def _fill_menu(self) -> None:
        menu, sheet = self._menu, self.shown
        menu.clear()
        for file in self._document.get("files") or []:
            menu.addAction(
                t("plan.save_file", file=file["file_name"]), partial(self.download_wanted.emit, dict(file))
            )
        if sheet is None or self._document.get("status") != "to_review":
            return
        pages = sum(s.file_id == sheet.file_id for s in self._sheets)
        files = len({f["id"] for f in self._document.get("files") or []})
        menu.addSeparator()
        if pages > 1:
            params = {"file_id": sheet.file_id, "pages": [sheet.page]}
            menu.addAction(t("plan.split_page"), partial(self.split_wanted.emit, params))
        if files > 1:
            menu.addAction(
                t("plan.split_file"), partial(self.split_wanted.emit, {"file_ids": [sheet.file_id]})
            )
