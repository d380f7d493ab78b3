"""A picture of a cabinet with the changed place framed; double click shows it large."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QDialog, QSizePolicy, QWidget

from clients.desktop.model.texts import t
from clients.desktop.ui import theme
from clients.desktop.ui.widgets import column


class CabinetPicture(QWidget):
    """One picture as large as its place allows; ``frame`` (x0, y0, x1, y1 as parts of the picture) is drawn over it.

    ``withheld``: the person may not see it (VIS-28), and is told so instead of waiting for it.
    """

    def __init__(
        self,
        title: str,
        content: bytes | None,
        frame: Sequence[float] | None = None,
        *,
        withheld: bool = False,
    ) -> None:
        super().__init__()
        self.title = title
        self.instead = t("vision.withheld" if withheld else "vision.no_picture")
        self.picture = QPixmap()
        if content:
            self.picture.loadFromData(content)
        self._frame = list(frame) if frame and len(frame) == 4 else None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(QSize(theme.scaled(220), theme.scaled(180)))
        self.setAccessibleName(title)
        self.setToolTip(t("vision.enlarge"))

    def sizeHint(self) -> QSize:  # noqa: N802 — Qt's name
        return QSize(theme.scaled(420), theme.scaled(300))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 — Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        colours = theme.current()
        painter.fillRect(self.rect(), QColor(colours.hover))
        if self.picture.isNull():
            painter.setPen(QColor(colours.muted))
            painter.drawText(
                self.rect(),
                int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap),
                self.instead,
            )
            return
        size = self.picture.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
        place = QRectF(left, top, size.width(), size.height())
        painter.drawPixmap(place, self.picture, QRectF(self.picture.rect()))
        if self._frame:
            x0, y0, x1, y1 = self._frame
            box = QRectF(
                left + x0 * size.width(),
                top + y0 * size.height(),
                (x1 - x0) * size.width(),
                (y1 - y0) * size.height(),
            )
            for colour, width in ((colours.on_action, 5.0), (colours.action, 2.5)):
                painter.setPen(QPen(QColor(colour), width))
                painter.drawRect(box)

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        if self.picture.isNull():
            return
        dialog = QDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(self.title)
        dialog.resize(theme.scaled(1100), theme.scaled(800))
        large = CabinetPicture(self.title, None, self._frame)
        large.picture = self.picture
        column(dialog).addWidget(large)
        dialog.show()
