"""The few signs the client draws itself: strokes on a 16-unit square."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

PATHS = {
    "search": "M7 2.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9M10.4 10.4L14 14",
    "plus": "M8 3v10M3 8h10",
    "close": "M4 4l8 8M12 4l-8 8",
    "menu": "M2.5 4h11M2.5 8h11M2.5 12h11",
    "down": "M4 6l4 4 4-4",
    "right": "M6 4l4 4-4 4",
    "more": "M3.5 8h.01M8 8h.01M12.5 8h.01",
    "check": "M3 8.5l3.2 3.2L13 4.5",
    "alert": "M8 2.2L14.5 13.5H1.5zM8 6.5v3.2M8 11.6v.1",
    "pause": "M5.5 3.5v9M10.5 3.5v9",
    "play": "M5 3.2v9.6L12.5 8z",
    "stop": "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12M3.8 3.8l8.4 8.4",
    "circle": "M8 3a5 5 0 1 0 0 10a5 5 0 1 0 0-10",
    "dashed": "M8 3a5 5 0 0 1 5 5M13 8a5 5 0 0 1-1.5 3.5M8 13a5 5 0 0 1-5-5M3 8a5 5 0 0 1 1.5-3.5",
    "download": "M8 2.5v8M4.8 7.5L8 10.7l3.2-3.2M3 13.5h10",
    "filter": "M2 3.5h12L9.5 8.8V13L6.5 11.5V8.8z",
    "refresh": "M13 8a5 5 0 1 1-1.5-3.5M13 2.5v3h-3",
    "user": "M8 2.5a2.7 2.7 0 1 0 0 5.4a2.7 2.7 0 1 0 0-5.4M2.8 13.5c.6-2.6 2.6-4 5.2-4s4.6 1.4 5.2 4",
    "archive": "M2.5 3h11v3h-11zM3.5 6v7h9V6M6.5 9h3",
    "link": "M6.5 9.5l3-3M7 4.5l1.6-1.6a2.8 2.8 0 0 1 4 4L11 8.5M9 11.5l-1.6 1.6a2.8 2.8 0 0 1-4-4L5 7.5",
    "home": "M2.5 7.5L8 2.8l5.5 4.7M4 6.5v7h8v-7",
    "parties": "M5.5 3a2.2 2.2 0 1 0 0 4.4a2.2 2.2 0 1 0 0-4.4M1.5 13c.4-2.4 2-3.6 4-3.6s3.6 1.2 4 3.6M10.5 3.4a2.1 2.1 0 0 1 0 3.8M11.5 9.6c1.6.3 2.6 1.5 3 3.4",
    "sales": "M4 1.8h5.5L12.5 5v9.2H4zM9.2 2v3.2h3.2M6 8h4.5M6 11h4.5",
    "methods": "M3 3h3.5v3.5H3zM9.5 9.5H13V13H9.5zM6.5 4.8h4.8v4.7",
    "production": "M8 5.4a2.6 2.6 0 1 0 0 5.2a2.6 2.6 0 1 0 0-5.2M8 1.8v2M8 12.2v2M1.8 8h2M12.2 8h2M3.6 3.6L5 5M11 11l1.4 1.4M3.6 12.4L5 11M11 5l1.4-1.4",
    "planning": "M2.5 3.5h11v10h-11zM2.5 6.5h11M5.5 2v3M10.5 2v3M5 9h4M7 11.3h4",
    "stock": "M8 1.8l5.8 3v6.4L8 14.2l-5.8-3V4.8zM2.4 5L8 8l5.6-3M8 8v6",
    "quality": "M8 1.8l5 2v4c0 3-2 5.2-5 6.4c-3-1.2-5-3.4-5-6.4v-4zM5.6 8l1.8 1.8L10.6 6.4",
    "maintenance": "M9.8 2.6a3.4 3.4 0 0 0-3 4.9L2.4 12a1.3 1.3 0 0 0 1.8 1.8l4.4-4.5a3.4 3.4 0 0 0 4.7-3.6l-2 2-2-.6-.6-2z",
    "people": "M8 2.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 1 0 0-5M3 13.5c.5-2.5 2.4-4 5-4s4.5 1.5 5 4",
    "documents": "M2 4h4l1.3 1.6H14v7.4H2z",
    "finance": "M12 4.2A5 5 0 1 0 12 11.8M2.5 7h6M2.5 9.2h6",
    "stations": "M2.5 3h11v7.5h-11zM6 13.5h4M8 10.5v3",
    "assistant": "M2.5 3h11v7.5H8L5 13v-2.5H2.5z",
    "system": "M2 4.5h7M12 4.5h2M9 3v3M2 11.5h2M7 11.5h7M4 10v3",
}  # fmt: skip


def svg(name: str, colour: str, width: float = 1.4) -> str:
    """Sign as a drawing."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="none" stroke="{colour}" '
        f'stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round"><path d="{PATHS.get(name, PATHS["circle"])}"/></svg>'
    )


def paint(painter: QPainter, name: str, rect: QRectF, colour: str, width: float = 1.4) -> None:
    """Draw a sign."""
    QSvgRenderer(QByteArray(svg(name, colour, width).encode())).render(painter, rect)


def pixmap(name: str, colour: str, size: int = 16) -> QPixmap:
    """Sign as a picture, sharp on dense screens."""
    made = QPixmap(size * 2, size * 2)
    made.setDevicePixelRatio(2.0)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint(painter, name, QRectF(0, 0, size, size), colour)
    painter.end()
    return made


def icon(name: str, colour: str, size: int = 16) -> QIcon:
    """Sign for a button."""
    return QIcon(pixmap(name, colour, size))
