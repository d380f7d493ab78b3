"""Several of a few words: one box to tick for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QWidget

from clients.desktop.model.metadata import Choice
from clients.desktop.tokens import STEP

_PER_ROW = 3


class Ticks(QWidget):
    """Ticked values keep the order they were stored in; new ones follow. ``changed`` carries the list."""

    changed = Signal(object)

    def __init__(self, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._stored: list[Any] = []
        self.boxes: dict[str, QCheckBox] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6 * STEP)
        for place, choice in enumerate(choices):
            box = QCheckBox(choice.label.replace("&", "&&"))
            box.toggled.connect(self._ticked)
            self.boxes[choice.value] = box
            grid.addWidget(box, place // _PER_ROW, place % _PER_ROW)
            grid.setColumnStretch(place % _PER_ROW, 1)
        if self.boxes:
            self.setFocusProxy(next(iter(self.boxes.values())))

    def show_values(self, values: Any) -> None:
        """Tick these; values no box stands for are kept as they are."""
        self._stored = list(values) if isinstance(values, list) else []
        for value, box in self.boxes.items():
            box.blockSignals(True)
            box.setChecked(value in self._stored)
            box.blockSignals(False)

    def values(self) -> list[Any]:
        """What is ticked."""
        kept = [v for v in self._stored if v not in self.boxes or self.boxes[v].isChecked()]
        return kept + [v for v, box in self.boxes.items() if box.isChecked() and v not in kept]

    def _ticked(self) -> None:
        self.changed.emit(self.values())
