"""A chart of values over time, drawn by hand: line, band between least and greatest, limit, moment of an event."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from clients.desktop.model import formatting
from clients.desktop.ui import theme

GAP_FACTOR = 4.0
"""A pause this many times the usual distance of points is a gap: no line crosses it."""
_TICKS_S = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
    86400,
    172800,
    604800,
)


@dataclass(frozen=True)
class Series:
    """One curve: epoch seconds and values; a missing value breaks the line."""

    name: str
    unit: str
    t: Sequence[float]
    v: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


@dataclass
class Plot:
    """What is drawn: a curve, the moment of the event, a limit."""

    series: Series
    event_at: float | None = None
    limit: float | None = None
    start: float | None = None
    end: float | None = None
    relative: bool = False
    """Whether the axis counts seconds from the event instead of clock times."""
    pieces: list[list[int]] = field(default_factory=list)


def pieces_of(series: Series) -> list[list[int]]:
    """Runs of points without gap between them."""
    known = [i for i, v in enumerate(series.v) if v is not None and math.isfinite(v)]
    if not known:
        return []
    steps = sorted(series.t[b] - series.t[a] for a, b in itertools.pairwise(known))
    usual = steps[len(steps) // 2] if steps else 0.0
    runs = [[known[0]]]
    for before, after in itertools.pairwise(known):
        missing = any(series.v[i] is None for i in range(before + 1, after))
        if missing or (usual > 0 and series.t[after] - series.t[before] > GAP_FACTOR * usual):
            runs.append([])
        runs[-1].append(after)
    return runs


def nice_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round values across a range."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


class Chart(QWidget):
    """One plot; drawing a range with the mouse asks for it."""

    range_chosen = Signal(float, float)

    def __init__(self, plot: Plot, *, height: int = 190) -> None:
        super().__init__()
        self.plot = plot
        self.plot.pieces = pieces_of(plot.series)
        self._drag: tuple[float, float] | None = None
        self._hover: float | None = None
        self.setMinimumHeight(theme.scaled(height))
        self.setMouseTracking(True)
        self.setAccessibleName(plot.series.name)

    # geometry ------------------------------------------------------------------------------------------------------

    def _area(self) -> QRectF:
        left, top = theme.scaled(58), theme.scaled(24)
        return QRectF(
            left, top, self.width() - left - theme.scaled(10), self.height() - top - theme.scaled(24)
        )

    def _span(self) -> tuple[float, float]:
        t, plot = self.plot.series.t, self.plot
        start = plot.start if plot.start is not None else (t[0] if t else 0.0)
        end = plot.end if plot.end is not None else (t[-1] if t else 1.0)
        return start, end if end > start else start + 1

    def _range(self) -> tuple[float, float]:
        series = self.plot.series
        found = [
            v
            for part in (series.v, series.low, series.high)
            for v in part
            if v is not None and math.isfinite(v)
        ]
        if self.plot.limit is not None:
            found.append(self.plot.limit)
        if not found:
            return 0.0, 1.0
        low, high = min(found), max(found)
        margin = (high - low) * 0.08 or max(abs(high) * 0.1, 1.0)
        return (0.0 if 0 <= low < 0.4 * high else low - margin), high + margin

    def _x(self, t: float) -> float:
        area, (start, end) = self._area(), self._span()
        return area.left() + (t - start) / (end - start) * area.width()

    def _t(self, x: float) -> float:
        area, (start, end) = self._area(), self._span()
        return start + (min(max(x, area.left()), area.right()) - area.left()) / area.width() * (end - start)

    def _y(self, v: float) -> float:
        area, (low, high) = self._area(), self._range()
        return area.bottom() - (v - low) / (high - low) * area.height()

    # drawing -------------------------------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 — Qt's name
        """Axes, band, line, limit, event, reading under the mouse."""
        look, area = theme.current(), self._area()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(look.surface))
        self._axes(painter, area)
        painter.save()
        painter.setClipRect(area.adjusted(-1, -1, 1, 1))
        self._band(painter)
        painter.setPen(QPen(QColor(look.action), 1.6))
        for run in self.plot.pieces:
            points = [
                QPointF(self._x(self.plot.series.t[i]), self._y(float(self.plot.series.v[i] or 0)))
                for i in run
            ]
            if len(points) == 1:
                painter.drawEllipse(points[0], 1.5, 1.5)
            else:
                painter.drawPolyline(QPolygonF(points))
        self._marks(painter, area)
        painter.restore()
        self._title(painter, area)
        painter.end()

    def _axes(self, painter: QPainter, area: QRectF) -> None:
        look = theme.current()
        for value in nice_ticks(*self._range()):
            y = self._y(value)
            painter.setPen(QPen(QColor(look.border), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(QColor(look.muted))
            box = QRectF(0, y - 9, area.left() - 6, 18)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, _number(value))
        start, end = self._span()
        zero = self.plot.event_at if self.plot.relative and self.plot.event_at is not None else 0.0
        step = next((s for s in _TICKS_S if (end - start) / s <= 8), _TICKS_S[-1])
        offset = (
            0 if self.plot.relative else int((_local(start).utcoffset() or dt.timedelta()).total_seconds())
        )
        t = zero + math.ceil((start - zero + offset) / step) * step - offset
        while t <= end:
            x = self._x(t)
            painter.setPen(QPen(QColor(look.border), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.setPen(QColor(look.muted))
            words = f"{t - zero:+.0f} s" if self.plot.relative else _clock(t, step)
            painter.drawText(QRectF(x - 40, area.bottom() + 3, 80, 18), Qt.AlignmentFlag.AlignCenter, words)
            t += step

    def _band(self, painter: QPainter) -> None:
        series = self.plot.series
        if not series.low or not series.high:
            return
        colour = QColor(theme.current().action)
        colour.setAlpha(45)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for run in self.plot.pieces:
            upper = [QPointF(self._x(series.t[i]), self._y(float(series.high[i] or 0))) for i in run]
            lower = [QPointF(self._x(series.t[i]), self._y(float(series.low[i] or 0))) for i in reversed(run)]
            painter.drawPolygon(QPolygonF(upper + lower))
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _marks(self, painter: QPainter, area: QRectF) -> None:
        look, plot = theme.current(), self.plot
        if plot.limit is not None:
            painter.setPen(QPen(QColor(look.tones["warning"].text), 1.2, Qt.PenStyle.DashLine))
            painter.drawLine(
                QPointF(area.left(), self._y(plot.limit)), QPointF(area.right(), self._y(plot.limit))
            )
        if plot.event_at is not None:
            painter.setPen(QPen(QColor(look.danger), 1.6))
            x = self._x(plot.event_at)
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        if self._drag is not None:
            colour = QColor(look.action)
            colour.setAlpha(40)
            left, right = sorted(self._drag)
            painter.fillRect(QRectF(left, area.top(), right - left, area.height()), colour)
        elif self._hover is not None:
            painter.setPen(QPen(QColor(look.border_strong), 1))
            painter.drawLine(QPointF(self._hover, area.top()), QPointF(self._hover, area.bottom()))

    def _title(self, painter: QPainter, area: QRectF) -> None:
        look, series = theme.current(), self.plot.series
        painter.setPen(QColor(look.text))
        name = f"{series.name} ({series.unit})" if series.unit else series.name
        box = QRectF(area.left(), 0, area.width(), area.top() - 4)
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
        if words := self.reading():
            painter.setPen(QColor(look.muted))
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words)

    def reading(self) -> str:
        """Time and value of the point nearest to the mouse."""
        series = self.plot.series
        if self._hover is None or not self.plot.pieces:
            return ""
        t = self._t(self._hover)
        index = min((i for run in self.plot.pieces for i in run), key=lambda i: abs(series.t[i] - t))
        at = _local(series.t[index])
        value = _number(float(series.v[index] or 0))
        return f"{at:%d/%m %H:%M:%S} · {value} {series.unit}".rstrip()

    # mouse ---------------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        """A range begins."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag = (event.position().x(), event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        """The range grows, or the reading follows."""
        self._hover = event.position().x()
        if self._drag is not None:
            self._drag = (self._drag[0], event.position().x())
        self.update()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        """The range is asked for."""
        drag, self._drag = self._drag, None
        if drag is not None and abs(drag[1] - drag[0]) > theme.scaled(8):
            left, right = sorted(drag)
            self.range_chosen.emit(self._t(left), self._t(right))
        self.update()


def _local(t: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(t, dt.UTC).astimezone()


def _clock(t: float, step: float) -> str:
    at = _local(t)
    return f"{at:%d/%m}" if step >= 86400 else f"{at:%H:%M:%S}" if step < 60 else f"{at:%H:%M}"


def _number(value: float) -> str:
    digits = 0 if abs(value) >= 100 or value == round(value) else 1 if abs(value) >= 10 else 3
    return formatting.number(round(value, digits))
