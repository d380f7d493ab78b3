"""Small pieces shared by the pages: labels, buttons, badges, banners, empty states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from clients.desktop.model.metadata import Choice
from clients.desktop.tokens import STEP
from clients.desktop.ui import icons, theme

L = TypeVar("L", bound=QBoxLayout)


def label(text: str, kind: str = "", *, wrap: bool = False, selectable: bool = False) -> QLabel:
    """Text in one of the kinds of the stylesheet; never interpreted as markup."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    if kind:
        made.setProperty("kind", kind)
    made.setWordWrap(wrap)
    if selectable:
        made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made


def button(
    text: str, kind: str = "", sign: str | None = None, on_click: Callable[[], Any] | None = None
) -> QPushButton:
    """Button in one of the kinds of the stylesheet."""
    made = QPushButton(text.replace("&", "&&"))
    if kind:
        made.setProperty("kind", kind)
    if sign:
        look = theme.current()
        made.setIcon(icons.icon(sign, look.on_action if kind == "primary" else look.muted))
    if kind in {"link", "chip"}:
        made.setCursor(Qt.CursorShape.PointingHandCursor)
    if on_click is not None:
        made.clicked.connect(lambda *_: on_click())
    return made


class ElidedLink(QPushButton):
    """Link as wide as its place: what does not fit is cut with « … » and stands in the tip."""

    def __init__(self, text: str, on_click: Callable[[], Any]) -> None:
        super().__init__()
        self.words = text
        self.setProperty("kind", "link")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(text)
        self.setToolTip(text)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.clicked.connect(lambda *_: on_click())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 — Qt's name
        """Cut to the new width."""
        super().resizeEvent(event)
        shown = self.fontMetrics().elidedText(self.words, Qt.TextElideMode.ElideRight, self.width() - 4)
        self.setText(shown.replace("&", "&&"))


class ElidedLabel(QLabel):
    """Quiet text as wide as its place: what does not fit is cut with « … » and stands in the tip."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words = text
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("kind", "muted")
        self.setToolTip(text)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 — Qt's name
        """Cut to the new width."""
        super().resizeEvent(event)
        self.setText(self.fontMetrics().elidedText(self.words, Qt.TextElideMode.ElideRight, self.width() - 4))


def restyle(widget: QWidget, name: str, value: Any) -> None:
    """Change a property the stylesheet depends on."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def line() -> QFrame:
    """Hairline."""
    made = QFrame()
    made.setObjectName("line")
    return made


def card(*, accent: bool = False) -> tuple[QFrame, QVBoxLayout]:
    """White surface with a border."""
    frame = QFrame()
    frame.setObjectName("card")
    frame.setProperty("accent", "true" if accent else "false")
    layout = column(frame, margins=4 * STEP, spacing=2 * STEP)
    return frame, layout


def row(parent: QWidget | None = None, *, margins: int = 0, spacing: int = 2 * STEP) -> QHBoxLayout:
    """Horizontal layout without surprises."""
    return _plain(QHBoxLayout(parent) if parent else QHBoxLayout(), margins, spacing)


def column(parent: QWidget | None = None, *, margins: int = 0, spacing: int = 2 * STEP) -> QVBoxLayout:
    """Vertical layout without surprises."""
    return _plain(QVBoxLayout(parent) if parent else QVBoxLayout(), margins, spacing)


def _plain(layout: L, margins: int, spacing: int) -> L:
    layout.setContentsMargins(margins, margins, margins, margins)
    layout.setSpacing(spacing)
    return layout


def clear(layout: QLayout) -> None:
    """Remove all widgets of a layout."""
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.setParent(None)
            widget.deleteLater()
        elif (inner := item.layout()) is not None:
            clear(inner)


def paint_badge(painter: QPainter, rect: QRectF, text: str, tone: str, mark: str) -> None:
    """Status as a pill: sign and word."""
    colours = theme.current().tones.get(tone) or theme.current().tones["neutral"]
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QColor(theme.current().border_strong) if tone == "draft" else Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colours.background))
    rect = rect.adjusted(0.5, 0.5, -0.5, -0.5)
    painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
    sign = rect.height() * 0.55
    icons.paint(
        painter, mark,
        QRectF(rect.left() + 7, rect.center().y() - sign / 2, sign, sign), colours.text, 2.0,
    )  # fmt: skip
    painter.setPen(QColor(colours.text))
    inner = rect.adjusted(sign + 12, 0, -8, 0)
    painter.setFont(theme.font("small"))
    metrics = QFontMetrics(theme.font("small"))
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(inner.width()) + 1)
    painter.drawText(inner, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), shown)
    painter.restore()


def badge_size(text: str) -> QSize:
    """Room a badge takes."""
    height = theme.scaled(20)
    width = QFontMetrics(theme.font("small")).horizontalAdvance(text) + height * 0.55 + 22
    return QSize(int(width), height)


class Badge(QWidget):
    """Status of a record: sign, word, colour."""

    def __init__(self, text: str = "", tone: str = "neutral", mark: str = "circle") -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.text, self.tone, self.mark = text, tone, mark
        self.set(text, tone, mark)

    @classmethod
    def of(cls, choice: Choice) -> Badge:
        """Badge of a status."""
        return cls(choice.label, choice.look, choice.sign)

    def show_choice(self, choice: Choice | None, empty: str = "") -> None:
        """Show a status; without one, ``empty`` or nothing."""
        if choice is None:
            self.set(empty, "neutral", "circle")
        else:
            self.set(choice.label, choice.look, choice.sign)

    def set(self, text: str, tone: str, mark: str = "circle") -> None:
        """Show another status."""
        self.text, self.tone, self.mark = text, tone, mark
        self.setFixedSize(badge_size(text))
        self.setVisible(bool(text))
        self.setAccessibleName(text)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 — Qt's name
        """Draw the pill."""
        painter = QPainter(self)
        paint_badge(painter, QRectF(self.rect()), self.text, self.tone, self.mark)
        painter.end()


class Banner(QFrame):
    """Quiet strip that says what is going on, with at most two ways out; nothing modal."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banner")
        self._layout = row(self, spacing=3 * STEP)
        self._layout.setContentsMargins(3 * STEP, STEP + 2, 3 * STEP, STEP + 2)
        self.hide()
        self.text = ""

    def show_text(self, text: str, tone: str = "info", *actions: tuple[str, Callable[[], Any]]) -> None:
        """Show a sentence and the offered acts."""
        clear(self._layout)
        restyle(self, "tone", tone)
        self.text = text
        colours = theme.current().tones[tone]
        sign = QLabel()
        sign.setPixmap(icons.pixmap("alert" if tone in {"warning", "danger"} else "circle", colours.text))
        self._layout.addWidget(sign)
        self._layout.addWidget(label(text, wrap=True), 1)
        for title, act in actions:
            self._layout.addWidget(button(title, "link", on_click=act))
        self.style().unpolish(self)
        self.style().polish(self)
        self.show()

    def clear_text(self) -> None:
        """Take the strip away."""
        self.text = ""
        self.hide()


class EmptyState(QWidget):
    """What an empty place is for, and the first thing to do."""

    def __init__(self) -> None:
        super().__init__()
        outer = column(self)
        outer.addStretch(2)
        self._sign = QLabel()
        self._sign.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title = label("", "section")
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._text = label("", "muted", wrap=True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._text.setFixedWidth(theme.scaled(460))
        self._buttons = row()
        self._buttons.setAlignment(Qt.AlignmentFlag.AlignCenter)
        for widget in (self._sign, self._title, self._text):
            outer.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        outer.addSpacing(2 * STEP)
        outer.addLayout(self._buttons)
        outer.addStretch(3)

    def set(
        self, sign: str, title: str, text: str, action: tuple[str, Callable[[], Any]] | None = None
    ) -> None:
        """Fill in."""
        self._sign.setPixmap(icons.pixmap(sign, theme.current().muted, 32))
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self._text.setFixedHeight(self._text.heightForWidth(self._text.width()))
        clear(self._buttons)
        if action:
            self._buttons.addWidget(button(action[0], "primary", "plus", action[1]))

    @property
    def words(self) -> str:
        """What is said."""
        return f"{self._title.text()} {self._text.text()}"
