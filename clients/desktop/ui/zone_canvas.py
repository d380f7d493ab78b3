"""A picture zones are drawn on: rectangles by a drag, other outlines corner by corner; moved, pulled, deleted, undone."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from clients.desktop.model.texts import t
from clients.desktop.model.zones import Point, Zone, ZoneBoard, clamped
from clients.desktop.ui import theme

_GRIP_PX = 9
_STEP_PX = 1


class ZoneCanvas(QWidget):
    """Mouse and keyboard over a :class:`ZoneBoard`. Drag on the free picture draws a rectangle, or, with ``outline``, a click
    sets a corner and Enter, a double click or a click on the first corner closes. Drag inside moves, a corner pulls; Del deletes,
    arrows push by a pixel, Ctrl+Z and Ctrl+Y undo and redo, Esc gives the outline up."""

    changed = Signal()
    selected = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.board = ZoneBoard()
        self.picture = QPixmap()
        self.outline = False
        self.writable = True
        self.new_kind = ""
        self.trail: list[Point] = []
        self._drag: tuple[str, Point, int] | None = None
        self._to: Point | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(QSize(theme.scaled(420), theme.scaled(360)))
        self.setAccessibleName(t("zones.canvas"))

    def set_picture(self, content: bytes | None) -> None:
        """Show a picture; without one, an empty frame of the same use."""
        self.picture = QPixmap()
        if content:
            self.picture.loadFromData(content)
        self.update()

    def set_outline(self, on: bool) -> None:
        """Draw corner by corner instead of rectangles."""
        self.outline, self.trail = on, []
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 — Qt's name
        return QSize(theme.scaled(760), theme.scaled(520))

    # --- places ---

    def frame(self) -> QRectF:
        """Where the picture stands in the widget."""
        size = QSize(1600, 900) if self.picture.isNull() else self.picture.size()
        size = size.scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) / 2, (self.height() - size.height()) / 2
        return QRectF(left, top, max(size.width(), 1), max(size.height(), 1))

    def to_widget(self, point: Point) -> QPointF:
        """Place of a part of the picture."""
        frame = self.frame()
        return QPointF(frame.left() + point[0] * frame.width(), frame.top() + point[1] * frame.height())

    def _part(self, at: QPointF) -> Point:
        frame = self.frame()
        return (at.x() - frame.left()) / frame.width(), (at.y() - frame.top()) / frame.height()

    def _reach(self) -> Point:
        frame = self.frame()
        return _GRIP_PX / frame.width(), _GRIP_PX / frame.height()

    # --- mouse ---

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        """Take a corner, a zone, or begin a new one."""
        self.setFocus()
        if event.button() != Qt.MouseButton.LeftButton:
            return
        at = self._part(event.position())
        if self.outline and self.writable:
            self._corner_set(at)
            return
        corner = self.board.corner_at(at, self._reach())
        if corner is not None and self.writable:
            self._begin("corner", at, corner)
            return
        hit = self.board.zone_at(at)
        self.board.selected = hit
        self.selected.emit()
        if self.writable:
            self._begin("zone" if hit is not None else "new", clamped(at), 0)
        self.update()

    def _begin(self, what: str, at: Point, corner: int) -> None:
        self._drag, self._to = (what, at, corner), None

    def _corner_set(self, at: Point) -> None:
        reach = self._reach()
        first = self.trail[0] if len(self.trail) >= 3 else None
        if first and abs(first[0] - at[0]) <= reach[0] and abs(first[1] - at[1]) <= reach[1]:
            self.close_outline()
            return
        self.trail.append(clamped(at))
        self.update()

    def close_outline(self) -> None:
        """The corners set become a zone."""
        made = self.board.add(self.trail, kind=self.new_kind)
        self.trail = []
        if made is not None:
            self.selected.emit()
            self.changed.emit()
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        """Pull what was taken."""
        at = self._part(event.position())
        if self._drag is None:
            self._hover(at)
            return
        what, last, corner = self._drag
        if self._to is None and what != "new":
            self.board.keep()
        self._to = at
        if what == "corner":
            self.board.drag_corner(corner, at)
        elif what == "zone":
            self.board.move((at[0] - last[0], at[1] - last[1]))
            self._drag = (what, at, corner)
        self.update()

    def _hover(self, at: Point) -> None:
        if self.outline:
            self._to = at
            self.setCursor(Qt.CursorShape.CrossCursor)
            self.update()
        elif self.board.corner_at(at, self._reach()) is not None:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        elif self.board.zone_at(at) is not None:
            self.setCursor(Qt.CursorShape.SizeAllCursor if self.writable else Qt.CursorShape.ArrowCursor)
        else:
            self.setCursor(Qt.CursorShape.CrossCursor if self.writable else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        """Let go."""
        if self._drag is None:
            return
        what, start, _ = self._drag
        self._drag = None
        if what == "new":
            if self.board.add_rectangle(start, clamped(self._part(event.position())), kind=self.new_kind):
                self.selected.emit()
                self.changed.emit()
        elif self._to is not None:
            self.changed.emit()
        self._to = None
        self.update()

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        """Closes an outline."""
        if self.outline and len(self.trail) >= 3:
            self.close_outline()

    # --- keyboard ---

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 — Qt's name
        """Delete, undo, push, close."""
        key = event.key()
        steps = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        if key == Qt.Key.Key_Escape and self.trail:
            self.trail = []
        elif not self.writable:
            super().keyPressEvent(event)
            return
        elif event.matches(QKeySequence.StandardKey.Undo):
            self.undo()
        elif event.matches(QKeySequence.StandardKey.Redo) or (
            key == Qt.Key.Key_Y and event.modifiers() & Qt.KeyboardModifier.ControlModifier
        ):
            self.redo()
        elif key in {Qt.Key.Key_Delete, Qt.Key.Key_Backspace}:
            self.delete()
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and len(self.trail) >= 3:
            self.close_outline()
        elif key in steps and self.board.selected is not None:
            self._push(steps[Qt.Key(key)])
        else:
            super().keyPressEvent(event)
            return
        self.update()

    def _push(self, step: tuple[int, int]) -> None:
        frame = self.frame()
        self.board.keep()
        self.board.move((step[0] * _STEP_PX / frame.width(), step[1] * _STEP_PX / frame.height()))
        self.changed.emit()

    def delete(self) -> None:
        """Take the selected zone away."""
        if self.board.delete() is not None:
            self.selected.emit()
            self.changed.emit()
            self.update()

    def undo(self) -> None:
        """Take back a corner just set, or the last act."""
        if self.trail:
            self.trail.pop()
        elif self.board.undo():
            self.selected.emit()
            self.changed.emit()
        self.update()

    def redo(self) -> None:
        """Do again what was taken back."""
        if self.board.redo():
            self.selected.emit()
            self.changed.emit()
            self.update()

    # --- picture ---

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 — Qt's name
        """Picture, zones, what is being drawn."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        colours = theme.current()
        frame = self.frame()
        if self.picture.isNull():
            painter.fillRect(frame, QColor(colours.sunken))
            painter.setPen(QColor(colours.muted))
            painter.drawText(
                frame, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), t("zones.no_picture")
            )
        else:
            painter.drawPixmap(frame, self.picture, QRectF(self.picture.rect()))
        for number, zone in enumerate(self.board.zones):
            self._paint_zone(painter, zone, chosen=number == self.board.selected)
        self._paint_new(painter)
        painter.end()

    def _paint_zone(self, painter: QPainter, zone: Zone, *, chosen: bool) -> None:
        colours = theme.current()
        shape = QPolygonF([self.to_widget(p) for p in zone.points])
        tint = QColor(colours.danger if zone.kind == "mask" else colours.action)
        tint.setAlpha(150 if zone.kind == "mask" else 70 if chosen else 35)
        painter.setBrush(tint)
        for colour, width in (
            (colours.on_action, 4.0),
            (colours.danger if zone.kind == "mask" else colours.action, 2.0),
        ):
            painter.setPen(QPen(QColor(colour), width))
            painter.drawPolygon(shape)
            painter.setBrush(Qt.BrushStyle.NoBrush)
        if zone.name:
            self._paint_name(painter, shape.boundingRect().topLeft(), zone.name)
        if chosen and self.writable:
            painter.setBrush(QColor(colours.on_action))
            painter.setPen(QPen(QColor(colours.action), 2))
            for point in shape.toList():
                painter.drawRect(QRectF(point.x() - 4, point.y() - 4, 8, 8))

    def _paint_name(self, painter: QPainter, at: QPointF, name: str) -> None:
        colours = theme.current()
        painter.setFont(theme.font("small"))
        width = painter.fontMetrics().horizontalAdvance(name) + 8
        box = QRectF(at.x(), at.y(), width, painter.fontMetrics().height() + 2)
        painter.fillRect(box, QColor(colours.surface))
        painter.setPen(QColor(colours.text))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), name)

    def _paint_new(self, painter: QPainter) -> None:
        pen = QPen(QColor(theme.current().action), 2, Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.trail:
            points = [*self.trail, *([self._to] if self._to else [])]
            painter.drawPolyline(QPolygonF([self.to_widget(p) for p in points]))
            for point in self.trail:
                painter.drawEllipse(self.to_widget(point), 4, 4)
        elif self._drag is not None and self._drag[0] == "new" and self._to is not None:
            painter.drawRect(QRectF(self.to_widget(self._drag[1]), self.to_widget(self._to)).normalized())
