"""Head of a record page: what it is, where it stands, what may be done now."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.metadata import Action, Entity
from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.widgets import Badge, button, clear, column, label, row

_SHOWN = 3
_TITLE_PX = 640


class RecordHeader(QWidget):
    """Title, status badge, allowed actions: one primary at most, the rest beside or in the menu."""

    action_wanted = Signal(object)
    archive_wanted = Signal()
    list_wanted = Signal()

    def __init__(self, entity: Entity) -> None:
        super().__init__()
        self.setObjectName("recordHeader")
        self._entity = entity
        self.buttons: dict[str, QPushButton] = {}
        layout = row(self)
        left = column(spacing=STEP // 2)
        left.addWidget(button(entity.label_plural, "link", on_click=self.list_wanted.emit))
        titles = row(spacing=3 * STEP)
        self.title = label("", "title", wrap=True, selectable=True)
        self.badge = Badge()
        self.archived = Badge(t("record.archived"), "muted", "archive")
        titles.addWidget(self.title)
        for widget in (self.badge, self.archived):
            titles.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)
        titles.addStretch(1)
        left.addLayout(titles)
        self.dates = label("", "muted")
        left.addWidget(self.dates)
        layout.addLayout(left, 1)
        self._actions = row()
        layout.addLayout(self._actions)

    def show_record(self, title: str, record: Record | None) -> None:
        """Show a record; ``None`` for one not created yet."""
        self.title.setText(title)
        # A wrapped label takes as little as it can: a short title keeps one line, a sentence as name fills the header.
        self.title.ensurePolished()
        wide = self.title.fontMetrics().horizontalAdvance(title) + 8
        self.title.setMinimumWidth(min(wide, theme.scaled(_TITLE_PX)))
        self.archived.setVisible(bool(record and record.get("archived_at")))
        field = self._entity.field(self._entity.status_field) if self._entity.status_field else None
        choice = field.choice(record.get(field.name)) if field and record else None
        self.badge.show_choice(choice)
        self.dates.setVisible(record is not None)
        if record is not None:
            self.dates.setText(
                t(
                    "record.dates",
                    created=formatting.instant(record["created_at"]),
                    updated=formatting.instant(record["updated_at"]),
                )
            )
        self._show_actions(record)

    def _show_actions(self, record: Record | None) -> None:
        clear(self._actions)
        self.buttons = {}
        if record is None:
            return
        names = record.get("allowed_actions") or []
        actions = [a for a in (self._entity.action(n) for n in names) if a is not None]
        primary = next((a for a in actions if a.tone == "primary"), None)
        others = [a for a in actions if a is not primary]
        shown = [a for a in others if a.tone != "danger"][: _SHOWN - 1]
        rest = [a for a in others if a not in shown]
        for action in shown:
            self._add(action, "")
        if primary is not None:
            self._add(primary, "primary")
        self._add_menu(rest, record)

    def _add(self, action: Action, kind: str) -> None:
        made = button(action.label, kind, on_click=lambda: self.action_wanted.emit(action))
        self.buttons[action.name] = made
        self._actions.addWidget(made)

    def _add_menu(self, rest: list[Action], record: Record) -> None:
        may_archive = self._entity.archivable and self._entity.may("delete")
        if not rest and not may_archive:
            return
        more = button("", "flat", "more")
        more.setAccessibleName(t("record.more"))
        more.setToolTip(t("record.more"))
        menu = QMenu(more)
        for action in rest:
            menu.addAction(action.label, partial(self.action_wanted.emit, action))
        if may_archive:
            menu.addSeparator()
            words = t("record.restore") if record.get("archived_at") else t("record.archive")
            menu.addAction(words, self.archive_wanted.emit)
        more.setMenu(menu)
        self._actions.addWidget(more)
