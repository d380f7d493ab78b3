"""The keys of the office client, told on F1."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QGridLayout, QWidget

from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.widgets import button, column, label, row

KEYS = (
    ("Ctrl+K", "search"), ("Ctrl+F", "find"), ("/", "find"), ("Enter", "open"), ("Ctrl+N", "new"), ("Ctrl+S", "save"),
    ("Ctrl+I", "import"), ("F5", "reload"), ("F8", "doubtful"), ("Ctrl+Enter", "validate"), ("Ctrl+PgUp / Ctrl+PgDown", "tabs"), ("Ctrl+W", "close"),
    ("Ctrl+B", "fold"), ("Esc", "escape"), ("F1", "help"),
)  # fmt: skip


class ShortcutsDialog(QDialog):
    """Key and what it does, Esc closes."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(t("shortcuts.title"))
        self.setMinimumWidth(theme.scaled(460))
        layout = column(self, margins=6 * STEP, spacing=3 * STEP)
        layout.addWidget(label(t("shortcuts.title"), "heading"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(6 * STEP)
        for place, (keys, act) in enumerate(KEYS):
            grid.addWidget(label(t("shortcuts.enter") if keys == "Enter" else keys, "section"), place, 0)
            grid.addWidget(label(t(f"shortcuts.{act}"), wrap=True), place, 1)
        grid.setColumnStretch(1, 1)
        layout.addLayout(grid)
        line = row()
        line.addStretch()
        self.close_button = button(t("shortcuts.close_dialog"), "primary", on_click=self.accept)
        line.addWidget(self.close_button)
        layout.addLayout(line)
        self.close_button.setFocus()
