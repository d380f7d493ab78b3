"""A field for the codes of a label as a USB reader types them: separators arrive as control keys."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit

SEPARATORS = {
    Qt.Key.Key_BracketRight: "\x1d",
    Qt.Key.Key_AsciiCircum: "\x1e",
    Qt.Key.Key_D: "\x04",
    Qt.Key.Key_Underscore: "\x1f",
}
_SHOWN = {"\x1d": "␝", "\x1e": "␞", "\x04": "␄", "\x1f": "␟"}
_BACK = str.maketrans({shown: raw for raw, shown in _SHOWN.items()})


class ScanLine(QLineEdit):
    """Emits the raw content at Enter; separators are shown by their signs."""

    scanned = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.returnPressed.connect(self._entered)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 — Qt's name
        """Ctrl with ], ^, D or _, or the control character itself, is a separator; F8 is GS on many readers."""
        raw = event.text() if event.text() in _SHOWN else ""
        if not raw and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            raw = SEPARATORS.get(Qt.Key(event.key()), "")
        if event.key() == Qt.Key.Key_F8:
            raw = "\x1d"
        if raw:
            self.insert(_SHOWN[raw])
            return
        super().keyPressEvent(event)

    def _entered(self) -> None:
        content = self.text().translate(_BACK).strip(" ")
        self.clear()
        if content:
            self.scanned.emit(content)
