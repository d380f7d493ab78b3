"""A sheet with what was read on it: zoom with the wheel, pan with the hand, highlights that answer to the mouse (DRW-32)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsItem,
    QGraphicsPixmapItem,
    QGraphicsRectItem,
    QGraphicsScene,
    QGraphicsView,
    QRubberBand,
    QStyleOptionGraphicsItem,
    QWidget,
)

from clients.desktop.model.plans import LEVELS, Box, Mark
from clients.desktop.tokens import LIGHT, PAPER
from clients.desktop.ui import theme

_STEP = 1.2
_SMALLEST_PX = 200
_CLICK_PX = 4
_FLASHES = 6
_FLASH_MS = 140
_PADDING = 0.25
"""Air around a box, in shares of its height: tight boxes would cut the letters."""
_BALLOON_PX = 9
_NEAREST = 0.75
"""Looking at a place never comes nearer than this by itself: its surroundings tell what it belongs to."""
_READABLE_PX = 26
_READABLE_SHARE = 0.14
"""A place that is looked at fills at least this share of the view's width."""


class Highlight(QGraphicsRectItem):
    """One place, with those of equal shapes; its pen keeps its width at every zoom."""

    def __init__(self, mark: Mark, rect: QRectF, others: Sequence[QRectF] = ()) -> None:
        super().__init__(rect)
        self.mark = mark
        self.rects = (rect, *others)
        self.is_selected = False
        self.is_flashing = False
        self.with_balloon = False
        self.setToolTip(mark.text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def _colour(self) -> QColor:
        """Paper is white in every theme, so the colours are those for white."""
        return QColor(LIGHT.danger if self.mark.is_critical else LIGHT.tones[LEVELS[self.mark.level][0]].text)

    def boundingRect(self) -> QRectF:  # noqa: N802 — Qt's name
        """The balloon stands outside the box."""
        air = max(self.rect().height(), 60.0)
        whole = self.rect()
        for other in self.rects:
            whole = whole.united(other)
        return whole.adjusted(-air, -air, air, air)

    def shape(self) -> QPainterPath:
        """Only the places themselves answer to the mouse."""
        path = QPainterPath()
        for rect in self.rects:
            path.addRect(rect)
        return path

    def area_at(self, place: QPointF) -> float | None:
        """Area of the place that holds a point; ``None`` where none does."""
        return min((r.width() * r.height() for r in self.rects if r.contains(place)), default=None)

    def paint(
        self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None
    ) -> None:
        """Light wash and thin line; strong where selected or flashing."""
        colour = self._colour()
        strong = self.is_selected or self.is_flashing
        fill = QColor(colour)
        calm = 12 if self.mark.level == "green" else 34
        fill.setAlpha(90 if self.is_flashing else 48 if strong else calm)
        pen = QPen(colour, 2.5 if strong else 1.2)
        pen.setCosmetic(True)
        if self.mark.level in ("empty", "orange"):
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(fill)
        for rect in self.rects:
            painter.drawRect(rect)
        if self.with_balloon and self.mark.balloon is not None:
            self._paint_balloon(painter, colour)

    def _paint_balloon(self, painter: QPainter, colour: QColor) -> None:
        place = painter.worldTransform().map(self.rect().topLeft())
        painter.save()
        painter.resetTransform()
        ratio = painter.device().devicePixelRatioF()
        painter.scale(ratio, ratio)
        radius = theme.scaled(_BALLOON_PX)
        centre = place / ratio - QPointF(radius * 0.6, radius * 0.6)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colour, 1.2))
        painter.setBrush(QColor(PAPER))
        painter.drawEllipse(centre, radius, radius)
        painter.setFont(theme.font("small"))
        box = QRectF(centre.x() - radius * 2, centre.y() - radius, radius * 4, radius * 2)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), str(self.mark.balloon))
        painter.restore()


class SheetPicture(QGraphicsPixmapItem):
    """A sheet with smaller copies of itself: thin lines stay when the whole sheet is shown."""

    def __init__(self, picture: QPixmap) -> None:
        super().__init__(picture)
        self._copies = [picture]

    def paint(
        self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None
    ) -> None:
        """Draw the smallest copy that is not coarser than the screen."""
        scale = painter.worldTransform().m11()
        level = 0
        while scale <= 0.5 ** (level + 1) and self._copies[level].width() > 2 * _SMALLEST_PX:
            level += 1
            if level == len(self._copies):
                half = self._copies[-1].size() / 2
                self._copies.append(
                    self._copies[-1].scaled(
                        half,
                        Qt.AspectRatioMode.IgnoreAspectRatio,
                        Qt.TransformationMode.SmoothTransformation,
                    )
                )
        copy = self._copies[level]
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(self.boundingRect(), copy, QRectF(copy.rect()))


class SheetCanvas(QGraphicsView):
    """One sheet at a time. Places are told by the key of their mark."""

    picked = Signal(str)
    marked = Signal(object)
    """A person drew a place: ``(x0, y0, x1, y1)`` in shares of the sheet."""
    zoomed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._paper = QGraphicsScene(self)
        self.setScene(self._paper)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self.setBackgroundBrush(QColor(theme.current().sunken))
        self.viewport().setCursor(Qt.CursorShape.ArrowCursor)
        self._picture: SheetPicture | None = None
        self.highlights: dict[str, Highlight] = {}
        self._selected: str | None = None
        self._pressed: QPoint | None = None
        self._band: QRubberBand | None = None
        self._marking = False
        self._fitted = True
        self._flash_left = 0
        self._flash_timer = QTimer(self)
        self._flash_timer.setInterval(_FLASH_MS)
        self._flash_timer.timeout.connect(self._flash_step)

    @property
    def has_picture(self) -> bool:
        """Whether a sheet is shown."""
        return self._picture is not None

    @property
    def selected(self) -> str | None:
        """Key of the selected place."""
        return self._selected

    def clear_sheet(self) -> None:
        """Show nothing."""
        self._flash_timer.stop()
        self.highlights.clear()
        self._paper.clear()
        self._picture = None

    def show_picture(self, picture: QPixmap) -> None:
        """Show a sheet, whole."""
        self.clear_sheet()
        self._picture = SheetPicture(picture)
        self._paper.addItem(self._picture)
        self._paper.setSceneRect(QRectF(picture.rect()))
        self.fit()

    def show_marks(self, marks: Iterable[Mark], *, balloons: bool) -> None:
        """Draw these places; the selected one stays selected."""
        for item in self.highlights.values():
            self._paper.removeItem(item)
        self.highlights.clear()
        if self._picture is None:
            return
        for mark in marks:
            item = Highlight(mark, self._rect(mark.box), [self._rect(box) for box in mark.others])
            item.with_balloon = balloons
            item.setZValue(1)
            self._paper.addItem(item)
            self.highlights[mark.key] = item
        self.select(self._selected)

    def _rect(self, box: Box) -> QRectF:
        width, height = self._paper.width(), self._paper.height()
        x0, y0, x1, y1 = box
        rect = QRectF(x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height)
        air = _PADDING * min(rect.width(), rect.height())
        return rect.adjusted(-air, -air, air, air)

    def select(self, key: str | None) -> None:
        """Make one place strong."""
        self._selected = key
        for name, item in self.highlights.items():
            item.is_selected = name == key
            item.is_flashing = False
            item.setZValue(2 if name == key else 1)
            item.update()

    def look_at(self, key: str) -> bool:
        """Bring a place to the middle, near enough to be read, and let it flash; whether it stands on this sheet."""
        item = self.highlights.get(key)
        self.select(key)
        if item is None:
            return False
        rect = item.rect()
        wanted = max(
            self.viewport().width() * _READABLE_SHARE / max(rect.width(), 1.0),
            theme.scaled(_READABLE_PX) / max(min(rect.width(), rect.height()), 1.0),
        )
        scale = self.transform().m11()
        limit = _NEAREST
        if scale < wanted and scale < limit:
            factor = min(wanted, limit) / scale
            self.scale(factor, factor)
            self._fitted = False
            self.zoomed.emit(self.percent)
        self.centerOn(item)
        self._flash_left = _FLASHES
        self._flash_timer.start()
        return True

    def _flash_step(self) -> None:
        self._flash_left -= 1
        item = self.highlights.get(self._selected or "")
        if item is not None:
            item.is_flashing = self._flash_left % 2 == 1
            item.update()
        if self._flash_left <= 0:
            self._flash_timer.stop()

    # --- zoom ---

    @property
    def percent(self) -> int:
        """Zoom, 100 for one pixel of the picture on one of the screen."""
        return round(self.transform().m11() * 100)

    def fit(self) -> None:
        """Show the whole sheet."""
        if self._picture is not None:
            self.fitInView(self._picture, Qt.AspectRatioMode.KeepAspectRatio)
            self._fitted = True
            self.zoomed.emit(self.percent)

    def zoom_by(self, steps: float) -> None:
        """Nearer or farther, between a tenth and eight times."""
        factor = _STEP**steps
        if 0.05 < self.transform().m11() * factor < 8:
            self.scale(factor, factor)
            self._fitted = False
            self.zoomed.emit(self.percent)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 — Qt's name
        """A whole sheet stays whole."""
        super().resizeEvent(event)
        if self._fitted:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 — Qt's name
        """The wheel zooms where the pointer is."""
        self.zoom_by(event.angleDelta().y() / 120)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 — Qt's name
        """« + », « - » and « 0 » zoom; Escape gives marking up."""
        keys = {Qt.Key.Key_Plus: 1.0, Qt.Key.Key_Minus: -1.0}
        if (step := keys.get(Qt.Key(event.key()))) is not None:
            self.zoom_by(step)
        elif event.key() == Qt.Key.Key_0:
            self.fit()
        elif event.key() == Qt.Key.Key_Escape and self._marking:
            self.stop_marking()
        else:
            super().keyPressEvent(event)

    # --- mouse ---

    def start_marking(self) -> None:
        """The next drag draws a place instead of moving the sheet."""
        self._marking = True
        self.setDragMode(QGraphicsView.DragMode.NoDrag)
        self.viewport().setCursor(Qt.CursorShape.CrossCursor)

    def stop_marking(self) -> None:
        """The hand moves the sheet again."""
        self._marking = False
        self.setDragMode(QGraphicsView.DragMode.ScrollHandDrag)
        self.viewport().setCursor(Qt.CursorShape.ArrowCursor)
        if self._band is not None:
            self._band.hide()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        """Begin to pan, to pick or to mark."""
        self._pressed = event.position().toPoint()
        if self._marking:
            self._band = self._band or QRubberBand(QRubberBand.Shape.Rectangle, self.viewport())
            self._band.setGeometry(self._pressed.x(), self._pressed.y(), 0, 0)
            self._band.show()
            return
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        """Pan or draw the place."""
        if self._marking and self._band is not None and self._pressed is not None:
            here = event.position().toPoint()
            self._band.setGeometry(QRectF(QPointF(self._pressed), QPointF(here)).normalized().toRect())
            return
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        """A click without moving picks what lies there; nearest to the top first."""
        here, pressed = event.position().toPoint(), self._pressed
        self._pressed = None
        if self._marking and pressed is not None:
            self._finish_marking(pressed, here)
            return
        super().mouseReleaseEvent(event)
        self.viewport().setCursor(Qt.CursorShape.ArrowCursor)
        if pressed is not None and (here - pressed).manhattanLength() <= _CLICK_PX:
            self.pick_at(self.mapToScene(here))

    def _finish_marking(self, start: QPoint, end: QPoint) -> None:
        self.stop_marking()
        area = QRectF(self.mapToScene(start), self.mapToScene(end)).normalized()
        area = area.intersected(self._paper.sceneRect())
        width, height = self._paper.width(), self._paper.height()
        if area.width() > 2 and area.height() > 2 and width and height:
            self.marked.emit(
                (area.left() / width, area.top() / height, area.right() / width, area.bottom() / height)
            )

    def pick_at(self, place: QPointF) -> str | None:
        """Pick the smallest place at a point of the sheet."""
        hit = [(area, h) for h in self.highlights.values() if (area := h.area_at(place)) is not None]
        if not hit:
            return None
        smallest = min(hit, key=lambda one: one[0])[1]
        self.select(smallest.mark.key)
        self.picked.emit(smallest.mark.key)
        return smallest.mark.key

    def item_of(self, key: str) -> QGraphicsItem | None:
        """Highlight of a mark."""
        return self.highlights.get(key)
