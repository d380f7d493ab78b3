"""Plates of a cutting plan, drawn to scale: pieces, rests that are kept, what is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.texts import t
from clients.desktop.ui import theme

_WIDTH_PX = 560
_TONES = ("info", "success", "neutral", "warning", "muted")


class SheetDrawing(QWidget):
    """One plate; ``longest_mm`` is the scale shared by all plates of the plan."""

    def __init__(self, sheet: Mapping[str, Any], longest_mm: float) -> None:
        super().__init__()
        self._sheet = sheet
        self._scale = (theme.scaled(_WIDTH_PX) - 2) / max(longest_mm, 1.0)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFixedSize(self.sizeHint())
        self.setToolTip(self.words)
        self.setAccessibleName(self.words)

    @property
    def words(self) -> str:
        """The plate in sentences: what is cut from it, what is kept."""
        counts: dict[str, int] = {}
        for piece in self._sheet["placed"]:
            words = f"{_size(piece)} ({piece['label']})"
            counts[words] = counts.get(words, 0) + 1
        pieces = [f"{count} × {words}" for words, count in counts.items()]
        return "\n".join([*pieces, *(t("stock.rest_kept_size", size=_size(r)) for r in self._sheet["kept"])])

    def sizeHint(self) -> QSize:  # noqa: N802 — Qt's name
        """As large as the scale makes it."""
        length, width = float(self._sheet["length_mm"]), float(self._sheet["width_mm"])
        return QSize(round(length * self._scale) + 2, round(width * self._scale) + 2)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 — Qt's name
        """What is lost is hatched; pieces and kept rests lie on it."""
        painter = QPainter(self)
        look = theme.current()
        whole = QRectF(1, 1, self.width() - 2, self.height() - 2)
        painter.fillRect(whole, QColor(look.tones["danger"].background))
        painter.fillRect(whole, Qt.BrushStyle.BDiagPattern)
        painter.setFont(theme.font("small"))
        for rest in self._sheet["kept"]:
            self._box(painter, rest, look.surface, look.muted, t("stock.rest_word"))
        for piece in self._sheet["placed"]:
            tone = look.tones[_TONES[int(piece["key"]) % len(_TONES)]]
            self._box(painter, piece, tone.background, tone.text, str(piece["label"]))
        painter.setPen(QPen(QColor(look.border_strong), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(whole)
        painter.end()

    def _box(self, painter: QPainter, rect: Mapping[str, Any], fill: str, text: str, words: str) -> None:
        x, y, length, width = (
            float(rect[name]) * self._scale for name in ("x_mm", "y_mm", "length_mm", "width_mm")
        )
        box = QRectF(1 + x, 1 + y, length, width)
        painter.setBrush(QColor(fill))
        painter.setPen(QPen(QColor(theme.current().border_strong), 1))
        painter.drawRect(box)
        metrics = painter.fontMetrics()
        lines = [line for line in (_size(rect), words) if metrics.horizontalAdvance(line) < box.width() - 4]
        fitting = lines[: int(box.height() // (metrics.height() + 1))]
        painter.setPen(QColor(text))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), "\n".join(fitting))


def _size(rect: Mapping[str, Any]) -> str:
    return f"{formatting.number(rect['length_mm'], 1)} × {formatting.number(rect['width_mm'], 1)}"
