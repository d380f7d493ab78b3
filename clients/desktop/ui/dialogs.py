"""The few modal windows: confirmation of what cannot be undone, and two people's changes side by side."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QDialog, QGridLayout, QRadioButton, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.form import FieldConflict
from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.widgets import button, column, label, line, row


class ConfirmDialog(QDialog):
    """Names the act and asks; the safe answer has the focus."""

    def __init__(self, parent: QWidget, title: str, text: str, act: str, *, danger: bool = False) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(theme.scaled(420))
        layout = column(self, margins=6 * STEP, spacing=3 * STEP)
        layout.addWidget(label(title, "heading", wrap=True))
        layout.addWidget(label(text, wrap=True))
        buttons = row()
        buttons.addStretch()
        cancel = button(t("cancel"), on_click=self.reject)
        self.confirm_button = button(act, "danger" if danger else "primary", on_click=self.accept)
        buttons.addWidget(cancel)
        buttons.addWidget(self.confirm_button)
        layout.addSpacing(2 * STEP)
        layout.addLayout(buttons)
        cancel.setFocus()


class ConflictDialog(QDialog):
    """Both values of each field two people changed; the person chooses (UIX-62)."""

    def __init__(
        self, parent: QWidget, conflicts: list[FieldConflict], mine: Record, current: Record
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(t("conflict.title"))
        self.setMinimumWidth(theme.scaled(680))
        self.choices: dict[str, QButtonGroup] = {}
        layout = column(self, margins=6 * STEP, spacing=3 * STEP)
        layout.addWidget(label(t("conflict.title"), "heading"))
        layout.addWidget(label(t("conflict.text"), "muted", wrap=True))
        grid = QGridLayout()
        grid.setHorizontalSpacing(6 * STEP)
        grid.setVerticalSpacing(2 * STEP)
        for place, head in enumerate((t("conflict.field"), t("conflict.mine"), t("conflict.theirs"))):
            grid.addWidget(label(head, "label"), 0, place)
        for number, one in enumerate(conflicts, start=1):
            grid.addWidget(label(one.field.label, "section"), number, 0, Qt.AlignmentFlag.AlignTop)
            group = QButtonGroup(self)
            for place, record in ((1, mine), (0, current)):
                shown = formatting.text_of(one.field, record) or t("conflict.empty")
                choice = QRadioButton(shown[:200].replace("&", "&&"))
                choice.setChecked(place == 1)
                group.addButton(choice, place)
                grid.addWidget(choice, number, 1 if place == 1 else 2)
            self.choices[one.field.name] = group
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        layout.addLayout(grid)
        layout.addWidget(line())
        buttons = row()
        buttons.addWidget(button(t("conflict.all_mine"), "flat", on_click=lambda: self.choose_all(mine=True)))
        buttons.addWidget(
            button(t("conflict.all_theirs"), "flat", on_click=lambda: self.choose_all(mine=False))
        )
        buttons.addStretch()
        buttons.addWidget(button(t("cancel"), on_click=self.reject))
        self.apply_button = button(t("conflict.apply"), "primary", on_click=self.accept)
        buttons.addWidget(self.apply_button)
        layout.addLayout(buttons)

    def choose_all(self, *, mine: bool) -> None:
        """Take one side everywhere."""
        for group in self.choices.values():
            group.button(1 if mine else 0).setChecked(True)

    def keep_mine(self) -> dict[str, bool]:
        """For each field, whether my value is kept."""
        return {name: group.checkedId() == 1 for name, group in self.choices.items()}
