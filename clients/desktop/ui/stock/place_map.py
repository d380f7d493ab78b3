"""Map of cabinets, racks and bins: what they hold, how full they are, where a searched thing lies (STK-16)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLineEdit, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.texts import t
from clients.desktop.tokens import RADIUS, STEP
from clients.desktop.ui import theme
from clients.desktop.ui.widgets import Badge, card, column, label, row

_COLUMNS = 5
_LINES = 3


class PlaceTile(QFrame):
    """One place: code, fill, the first things it holds."""

    opened = Signal(int)

    def __init__(self, cell: dict[str, Any]) -> None:
        super().__init__()
        self._id = int(cell["id"])
        self.setObjectName("tile")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        tone = theme.current().tones[cell["tone"]]
        edge = theme.current().action if cell["is_found"] else theme.current().border
        width = 3 if cell["is_found"] else 1
        self.setStyleSheet(
            f"#tile {{ background: {tone.background}; border: {width}px solid {edge}; border-radius: {RADIUS}px; }}"
            f"#tile QLabel {{ color: {tone.text}; background: transparent; }}"
        )
        layout = column(self, spacing=STEP // 2)
        layout.setContentsMargins(2 * STEP, STEP, 2 * STEP, STEP)
        head = row(spacing=STEP)
        head.addWidget(label(str(cell["code"]), "heading"))
        head.addStretch()
        head.addWidget(label(_fill(cell)))
        layout.addLayout(head)
        layout.addWidget(label(str(cell["name"]), wrap=True))
        for one in cell["content"][:_LINES]:
            layout.addWidget(label(_line(one), wrap=True))
        if len(cell["content"]) > _LINES:
            layout.addWidget(label(t("stock.more", count=len(cell["content"]) - _LINES)))
        layout.addStretch()
        self.setToolTip("\n".join(_line(one) for one in cell["content"]) or t("stock.empty_place"))
        self.setAccessibleName(f"{cell['kind_label']} {cell['code']}")

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        """Open the place."""
        self.opened.emit(self._id)
        event.accept()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _fill(cell: dict[str, Any]) -> str:
    held = formatting.number(cell["occupied"])
    return f"{held} / {formatting.number(cell['capacity'])}" if cell.get("capacity") else held


def _line(one: dict[str, Any]) -> str:
    lot = f" · {one['lot']}" if one.get("lot") else ""
    sign = "◆ " if one.get("is_certified") else ""
    return f"{sign}{one['item']}{lot} : {formatting.number(one['quantity'])} {one['unit']}"


class PlaceMap(QWidget):
    """Groups of places as they stand in each other, with a search and a legend."""

    def __init__(
        self, section: dict[str, Any], open_place: Callable[[int], None], search: Callable[[str], None]
    ) -> None:
        super().__init__()
        layout = column(self, spacing=3 * STEP)
        top = row(spacing=3 * STEP)
        self.field = QLineEdit(str(section.get("query") or ""))
        self.field.setPlaceholderText(t("stock.map_search"))
        self.field.setClearButtonEnabled(True)
        self.field.setFixedWidth(theme.scaled(320))
        self.field.returnPressed.connect(lambda: search(self.field.text()))
        top.addWidget(self.field)
        top.addStretch()
        for entry in section["legend"]:
            top.addWidget(Badge(str(entry["label"]), str(entry["tone"])))
        layout.addLayout(top)
        self.tiles: dict[int, PlaceTile] = {}
        children: dict[int | None, list[dict[str, Any]]] = defaultdict(list)
        known = {cell["id"] for cell in section["cells"]}
        for cell in section["cells"]:
            parent = cell["parent_id"] if cell["parent_id"] in known else None
            children[parent].append(cell)
        alone = [c for c in children[None] if not children.get(c["id"])]
        for cell in children[None]:
            if children.get(cell["id"]):
                layout.addWidget(self._group(cell, children, open_place))
        if alone:
            layout.addLayout(self._grid(alone, open_place))
        layout.addStretch()

    def _group(
        self,
        cell: dict[str, Any],
        children: dict[int | None, list[dict[str, Any]]],
        open_place: Callable[[int], None],
    ) -> QWidget:
        frame, layout = card()
        layout.addWidget(label(f"{_capital(cell['kind_label'])} {cell['code']} · {cell['name']}", "section"))
        leaves = [c for c in children[cell["id"]] if not children.get(c["id"])]
        if cell["content"]:
            leaves = [cell, *leaves]
        layout.addLayout(self._grid(leaves, open_place))
        for inner in children[cell["id"]]:
            if children.get(inner["id"]):
                layout.addWidget(self._group(inner, children, open_place))
        return frame

    def _grid(self, cells: list[dict[str, Any]], open_place: Callable[[int], None]) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(2 * STEP)
        for number, cell in enumerate(cells):
            tile = PlaceTile(cell)
            tile.opened.connect(open_place)
            self.tiles[int(cell["id"])] = tile
            grid.addWidget(tile, number // _COLUMNS, number % _COLUMNS)
        for place in range(_COLUMNS):
            grid.setColumnStretch(place, 1)
        return grid
