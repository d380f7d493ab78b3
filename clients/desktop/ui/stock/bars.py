"""Bars of a cutting plan, drawn to scale: pieces, saw cuts, the rest that is kept or lost."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.texts import t
from clients.desktop.ui import theme

_BAR_PX = 30
_TONES = ("info", "success", "neutral", "warning", "muted")


class BarDrawing(QWidget):
    """One bar; ``longest_mm`` is the scale shared by all bars of the plan."""

    def __init__(self, bar: dict[str, Any], longest_mm: float, kerf_mm: float) -> None:
        super().__init__()
        self._bar = bar
        self._longest_mm = max(longest_mm, 1.0)
        self._kerf_mm = kerf_mm
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(theme.scaled(_BAR_PX))
        self.setToolTip(self.words)
        self.setAccessibleName(self.words)

    @property
    def words(self) -> str:
        """The bar in a sentence: what is cut, what is left."""
        pieces = [
            f"{p['count']} × {formatting.number(p['length_mm'], 1)} mm ({p['label']})"
            for p in self._bar["pieces"]
        ]
        rest = formatting.number(self._bar["remainder_mm"], 1)
        left = t("stock.rest_kept" if self._bar["keep_remainder"] else "stock.rest_lost", value=rest)
        return "\n".join([*pieces, left])

    def sizeHint(self) -> QSize:  # noqa: N802 — Qt's name
        """Wide enough to read."""
        return QSize(theme.scaled(480), theme.scaled(_BAR_PX))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 — Qt's name
        """Pieces one beside the other, the rest hatched when it is lost."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        look = theme.current()
        scale = (self.width() - 2) / self._longest_mm
        height = self.height() - 2
        whole = QRectF(1, 1, float(self._bar["length_mm"]) * scale, height)
        painter.setPen(QPen(QColor(look.border_strong), 1))
        painter.setBrush(QColor(look.surface))
        painter.drawRect(whole)
        at = 1.0
        painter.setFont(theme.font("small"))
        for piece in self._bar["pieces"]:
            tone = look.tones[_TONES[int(piece["need_id"]) % len(_TONES)]]
            for index in range(int(piece["count"])):
                width = float(piece["length_mm"]) * scale
                done = index < int(piece.get("cut", 0))
                self._piece(
                    painter, QRectF(at, 1, width, height), tone.background, tone.text, piece, done=done
                )
                at += width + self._kerf_mm * scale
        self._rest(painter, at, whole)
        painter.end()

    def _piece(
        self, painter: QPainter, box: QRectF, fill: str, text: str, piece: dict[str, Any], *, done: bool
    ) -> None:
        painter.setBrush(QColor(fill))
        painter.setPen(QPen(QColor(theme.current().border_strong), 1))
        painter.drawRect(box)
        words = ("✓ " if done else "") + formatting.number(piece["length_mm"], 1)
        if painter.fontMetrics().horizontalAdvance(words) < box.width() - 4:
            painter.setPen(QColor(text))
            painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), words)

    def _rest(self, painter: QPainter, at: float, whole: QRectF) -> None:
        box = QRectF(at, 1, whole.right() - at, whole.height())
        if box.width() < 2:
            return
        look = theme.current()
        if self._bar["keep_remainder"]:
            painter.setPen(QColor(look.muted))
            words = t("stock.rest_short", value=formatting.number(self._bar["remainder_mm"], 1))
            if painter.fontMetrics().horizontalAdvance(words) < box.width() - 4:
                painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), words)
            return
        painter.fillRect(box, QColor(look.tones["danger"].background))
        painter.fillRect(box, Qt.BrushStyle.BDiagPattern)
