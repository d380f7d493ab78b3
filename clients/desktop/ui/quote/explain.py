"""Small window that opens a number: formula, inputs, source (QUO-45)."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QScrollArea, QWidget

from clients.desktop.model.quotes import Explanation
from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.widgets import button, column, label, line, row

_MAX_HEIGHT = 620


class ExplainDialog(QDialog):
    """Shows explanations one below the other."""

    def __init__(self, parent: QWidget, title: str, explanations: Sequence[Explanation]) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(theme.scaled(560))
        outer = column(self, margins=5 * STEP, spacing=3 * STEP)
        outer.addWidget(label(title, "heading", wrap=True))
        body = QWidget()
        body.setObjectName("pageBody")
        layout = column(body, spacing=3 * STEP)
        for number, one in enumerate(explanations):
            if number:
                layout.addWidget(line())
            self._add(layout, one)
        if not explanations:
            layout.addWidget(label(t("explain.nothing"), "muted"))
        layout.addStretch()
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(body)
        area.setMinimumHeight(min(body.sizeHint().height() + 8, theme.scaled(_MAX_HEIGHT)))
        outer.addWidget(area, 1)
        foot = row()
        foot.addStretch()
        foot.addWidget(button(t("close"), "primary", on_click=self.accept))
        outer.addLayout(foot)

    def _add(self, layout: object, one: Explanation) -> None:
        head = row()
        head.addWidget(label(one.title, "section", wrap=True), 1)
        head.addWidget(label(one.value, "heading", selectable=True))
        layout.addLayout(head)  # type: ignore[attr-defined]  # any box layout
        if one.formula:
            layout.addWidget(label(one.formula, wrap=True, selectable=True))  # type: ignore[attr-defined]
        if one.inputs:
            grid = QGridLayout()
            grid.setHorizontalSpacing(6 * STEP)
            grid.setVerticalSpacing(STEP)
            for place, (name, value) in enumerate(one.inputs):
                grid.addWidget(label(name, "muted"), place, 0)
                grid.addWidget(label(value, selectable=True), place, 1, Qt.AlignmentFlag.AlignRight)
            grid.setColumnStretch(0, 1)
            layout.addLayout(grid)  # type: ignore[attr-defined]
        if one.source:
            layout.addWidget(label(t("explain.source", source=one.source), "muted", wrap=True))  # type: ignore[attr-defined]
