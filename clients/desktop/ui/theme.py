"""The stylesheet of the tokens, and which theme is in force."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtGui import QColor, QFont, QPalette, QRawFont
from PySide6.QtWidgets import QApplication

from clients.desktop import tokens
from clients.desktop.model import formatting
from clients.desktop.tokens import Tokens
from clients.desktop.ui import icons


@dataclass
class _Look:
    tokens: Tokens = tokens.LIGHT
    zoom: float = 1.0
    pictures: tempfile.TemporaryDirectory[str] | None = field(default=None)


_look = _Look()


def current() -> Tokens:
    """Theme in force."""
    return _look.tokens


def zoom() -> float:
    """Text size in force, 0.8 to 1.5."""
    return _look.zoom


def size(scale: str) -> int:
    """Pixels of a type step."""
    return tokens.px(scale, _look.zoom)


def scaled(pixels: int) -> int:
    """A measure that follows the text size."""
    return round(pixels * _look.zoom)


def font(scale: str = "base", *, bold: bool = False) -> QFont:
    """The family of the product, with tabular figures."""
    made = QFont(list(tokens.FONTS))
    made.setPixelSize(size(scale))
    made.setFeature(QFont.Tag("tnum"), 1)
    made.setStyleHint(QFont.StyleHint.SansSerif)
    if bold:
        made.setWeight(QFont.Weight.DemiBold)
    return made


def system_theme(app: QApplication) -> str:
    """Theme the desktop prefers."""
    return "dark" if app.styleHints().colorScheme().name == "Dark" else "light"


def apply(app: QApplication, name: str, text_zoom: float = 1.0) -> None:
    """Put a theme and text size in force everywhere."""
    _look.tokens = tokens.THEMES.get(name) or tokens.THEMES[system_theme(app)]
    _look.zoom = min(max(text_zoom, 0.8), 1.5)
    app.setStyle("Fusion")
    app.setFont(font())
    # A narrow space borrowed from another font would lift the figures off their line.
    formatting.set_thin_space(
        formatting.THIN
        if QRawFont.fromFont(font()).supportsCharacter(formatting.THIN)
        else formatting.NO_BREAK
    )
    app.setPalette(_palette(_look.tokens))
    app.setStyleSheet(stylesheet(_look.tokens))


def _palette(look: Tokens) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: look.background,
        QPalette.ColorRole.WindowText: look.text,
        QPalette.ColorRole.Base: look.surface,
        QPalette.ColorRole.AlternateBase: look.sunken,
        QPalette.ColorRole.Text: look.text,
        QPalette.ColorRole.Button: look.surface,
        QPalette.ColorRole.ButtonText: look.text,
        QPalette.ColorRole.ToolTipBase: look.surface,
        QPalette.ColorRole.ToolTipText: look.text,
        QPalette.ColorRole.Highlight: look.selected,
        QPalette.ColorRole.HighlightedText: look.text,
        QPalette.ColorRole.Link: look.primary,
        QPalette.ColorRole.PlaceholderText: look.muted,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.WindowText, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(look.muted))
    return palette


def stylesheet(k: Tokens) -> str:
    """Stylesheet of a theme; ``kind`` properties name the variants."""
    r, r2 = tokens.RADIUS, tokens.RADIUS - 2
    control = scaled(tokens.CONTROL_PX)
    check, down, close = _picture("check", k.on_action), _picture("down", k.muted), _picture("close", k.muted)
    return f"""
QWidget {{ color: {k.text}; }}
QMainWindow, QDialog, #page, #pageBody, QScrollArea {{ background: {k.background}; border: none; }}
QLabel {{ background: transparent; }}
QLabel[kind="title"] {{ font-size: {size("title")}px; font-weight: 600; color: {k.primary_strong}; }}
QLabel[kind="heading"] {{ font-size: {size("large")}px; font-weight: 600; color: {k.primary_strong}; }}
QLabel[kind="section"] {{ font-weight: 600; color: {k.text}; }}
QLabel[kind="muted"] {{ color: {k.muted}; }}
QLabel[kind="label"] {{ color: {k.muted}; font-size: {size("small") + 1}px; }}
QLabel[kind="error"] {{ color: {k.danger}; font-size: {size("small") + 1}px; }}
QLabel[kind="figure"] {{ font-size: {size("title")}px; font-weight: 600; }}
QLabel a {{ color: {k.primary}; }}
#topBar {{ background: {k.surface}; border-bottom: 1px solid {k.border}; }}
#sideMenu {{ background: {k.surface}; border: none; border-right: 1px solid {k.border}; }}
#bottomBar {{ background: {k.surface}; border-top: 1px solid {k.border}; }}
#bottomBar QLabel {{ color: {k.muted}; font-size: {size("small")}px; }}
#card, #dialogCard {{ background: {k.surface}; border: 1px solid {k.border}; border-radius: {r}px; }}
#card[accent="true"] {{ border-left: 3px solid {k.action}; }}
#saveBar {{ background: {k.surface}; border-top: 1px solid {k.border}; }}
#actionPanel {{ background: {k.hover}; border: 1px solid {k.border}; border-left: 3px solid {k.action}; border-radius: {r}px; }}
#recordHeader, #listHeader {{ background: {k.background}; }}
QPushButton {{ background: {k.surface}; border: 1px solid {k.border}; border-radius: {r}px; padding: 0 12px;
  min-height: {control - 2}px; font-weight: 500; }}
QPushButton:hover {{ background: {k.hover}; border-color: {k.border_strong}; }}
QPushButton:pressed {{ background: {k.sunken}; }}
QPushButton:focus {{ border: 1px solid {k.action}; }}
QPushButton:disabled {{ color: {k.muted}; background: {k.sunken}; border-color: {k.border}; }}
QPushButton[kind="primary"] {{ background: {k.action}; border-color: {k.action}; color: {k.on_action}; font-weight: 600; }}
QPushButton[kind="primary"]:hover {{ background: {k.action_hover}; border-color: {k.action_hover}; }}
QPushButton[kind="primary"]:focus {{ border: 1px solid {k.primary_strong}; }}
QPushButton[kind="primary"]:disabled {{ background: {k.sunken}; border-color: {k.border}; color: {k.muted}; }}
QPushButton[kind="danger"] {{ color: {k.danger}; }}
QPushButton[kind="danger"]:hover {{ border-color: {k.danger}; }}
QPushButton[kind="flat"], QToolButton {{ background: transparent; border: 1px solid transparent; border-radius: {r2}px; padding: 0 8px; }}
QPushButton[kind="flat"]:hover, QToolButton:hover {{ background: {k.hover}; }}
QPushButton[kind="flat"]:focus, QToolButton:focus {{ border: 1px solid {k.action}; }}
QPushButton[kind="icon"] {{ background: transparent; border: 1px solid transparent; border-radius: {r2}px; padding: 0; min-height: 20px; }}
QPushButton[kind="icon"]:hover {{ background: {k.hover}; }}
QPushButton[kind="icon"]:focus {{ border: 1px solid {k.action}; }}
QPushButton[kind="link"] {{ background: transparent; border: none; color: {k.primary}; padding: 0; text-align: left; min-height: 20px; font-weight: 400; }}
QPushButton[kind="link"]:hover {{ text-decoration: underline; }}
QPushButton[kind="link"]:focus {{ text-decoration: underline; }}
QPushButton[kind="chip"] {{ background: {k.surface}; border: 1px solid {k.border}; border-radius: {scaled(12)}px; padding: 0 10px; min-height: {scaled(22)}px;
  font-weight: 400; }}
QPushButton[kind="chip"]:hover {{ background: {k.hover}; }}
QPushButton[kind="chip"]:checked {{ background: {k.selected}; border-color: {k.action}; color: {k.primary_strong}; font-weight: 500; }}
QPushButton[kind="chip"]:focus {{ border-color: {k.action}; }}
QPushButton[kind="search"] {{ text-align: left; color: {k.muted}; background: {k.background}; font-weight: 400; }}
QPushButton::menu-indicator, QToolButton::menu-indicator {{ image: none; width: 0; }}
QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QDateEdit {{ background: {k.surface}; border: 1px solid {k.border}; border-radius: {r2}px;
  padding: 0 8px; min-height: {control - 2}px; selection-background-color: {k.action}; selection-color: {k.on_action}; }}
QPlainTextEdit, QTextEdit {{ padding: 4px 4px; }}
QLineEdit:hover, QPlainTextEdit:hover, QComboBox:hover {{ border-color: {k.border_strong}; }}
QLineEdit:focus, QPlainTextEdit:focus, QComboBox:focus, QTextEdit:focus {{ border: 1px solid {k.action}; }}
QLineEdit[wrong="true"], QPlainTextEdit[wrong="true"], QComboBox[wrong="true"] {{ border: 1px solid {k.danger}; }}
QLineEdit:disabled, QComboBox:disabled, QPlainTextEdit:disabled {{ background: {k.sunken}; color: {k.muted}; }}
QStackedWidget, #step {{ background: transparent; }}
QComboBox::drop-down {{ border: none; width: 22px; }}
QComboBox::down-arrow {{ image: url({down}); width: 14px; height: 14px; }}
QComboBox QAbstractItemView, QListView#popup {{ background: {k.surface}; border: 1px solid {k.border}; outline: none; padding: 4px; }}
QAbstractItemView::item {{ min-height: {scaled(26)}px; }}
QCheckBox {{ spacing: 8px; background: transparent; min-height: {control}px; }}
QCheckBox::indicator {{ width: 16px; height: 16px; border: 1px solid {k.border_strong}; border-radius: 4px; background: {k.surface}; }}
QCheckBox::indicator:checked {{ background: {k.action}; border-color: {k.action}; image: url({check}); }}
QCheckBox:focus {{ color: {k.primary}; }}
QTableView {{ background: {k.surface}; border: 1px solid {k.border}; border-radius: {r}px; gridline-color: {k.border};
  selection-background-color: {k.selected}; selection-color: {k.text}; outline: none; }}
QTableView::item {{ padding: 0 10px; border: none; border-bottom: 1px solid {k.border}; }}
QTableView::item:hover {{ background: {k.hover}; }}
QTableView::item:selected {{ background: {k.selected}; color: {k.text}; }}
QHeaderView {{ background: {k.surface}; border: none; }}
QHeaderView::section {{ background: {k.surface}; color: {k.muted}; border: none; border-bottom: 1px solid {k.border_strong};
  padding: 0 13px; min-height: {scaled(30)}px; font-weight: 600; font-size: {size("small") + 1}px; }}
QHeaderView::section:hover {{ color: {k.text}; background: {k.hover}; }}
QTableCornerButton::section {{ background: {k.surface}; border: none; }}
QTreeWidget {{ background: {k.surface}; border: none; outline: none; padding: 4px 0; show-decoration-selected: 1; }}
QTreeWidget::item {{ min-height: {scaled(28)}px; border: none; padding-left: 2px; border-radius: 0; }}
QTreeWidget::item:hover {{ background: {k.hover}; }}
QTreeWidget::item:selected {{ background: {k.selected}; color: {k.primary_strong}; }}
QTreeWidget::branch {{ background: transparent; }}
QTabWidget::pane {{ border: none; }}
QTabWidget > QTabBar {{ background: {k.background}; }}
QTabBar {{ background: transparent; qproperty-drawBase: 0; }}
QTabBar::tab {{ background: transparent; color: {k.muted}; padding: 0 12px; min-height: {scaled(34)}px; border: none; border-bottom: 2px solid transparent; }}
QTabBar::tab:hover {{ color: {k.text}; }}
QTabBar::tab:selected {{ color: {k.primary_strong}; border-bottom: 2px solid {k.action}; }}
QTabBar#work::tab {{ background: {k.background}; border-right: 1px solid {k.border}; border-bottom: 1px solid {k.border}; min-width: {scaled(72)}px; max-width: {scaled(240)}px; }}
QTabBar#work::tab:selected {{ background: {k.background}; border-bottom: 2px solid {k.action}; }}
QTabBar::close-button {{ image: url({close}); subcontrol-position: right; margin: 2px; }}
QTabBar::close-button:hover {{ background: {k.sunken}; border-radius: 3px; }}
QMenu {{ background: {k.surface}; border: 1px solid {k.border}; padding: 4px; }}
QMenu::item {{ padding: 6px 20px 6px 12px; border-radius: {r2}px; }}
QMenu::item:selected {{ background: {k.selected}; }}
QMenu::item:disabled {{ color: {k.muted}; }}
QMenu::separator {{ height: 1px; background: {k.border}; margin: 4px 8px; }}
QToolTip {{ background: {k.surface}; color: {k.text}; border: 1px solid {k.border}; padding: 4px 6px; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {k.border}; border-radius: 4px; min-height: 28px; min-width: 28px; margin: 1px; }}
QScrollBar::handle:hover {{ background: {k.border_strong}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QSplitter::handle {{ background: {k.border}; width: 1px; }}
QProgressBar {{ background: {k.sunken}; border: none; border-radius: 2px; max-height: 3px; min-height: 3px; }}
QProgressBar::chunk {{ background: {k.action}; border-radius: 2px; }}
QFrame#line {{ background: {k.border}; max-height: 1px; min-height: 1px; border: none; }}
QFrame#banner {{ border-radius: {r}px; border: none; }}
{_banners(k)}
"""


def _picture(name: str, colour: str) -> str:
    """Sign as a file: stylesheets know no other pictures."""
    if _look.pictures is None:
        _look.pictures = tempfile.TemporaryDirectory(prefix="gestion-usinage-")
    path = Path(_look.pictures.name) / f"{name}-{colour.lstrip('#')}.svg"
    path.write_text(icons.svg(name, colour), encoding="utf-8")
    return path.as_posix()


def _banners(k: Tokens) -> str:
    lines = []
    for name, tone in k.tones.items():
        lines.append(
            f'QFrame#banner[tone="{name}"] {{ background: {tone.background}; }} '
            f'QFrame#banner[tone="{name}"] QLabel, QFrame#banner[tone="{name}"] QPushButton[kind="link"] {{ color: {tone.text}; }} '
            f'QFrame#banner[tone="{name}"] QPushButton[kind="link"] {{ font-weight: 600; }}'
        )
    return "\n".join(lines)
