"""Draws the sections of a prepared page of the server: figures, notes, tables, bars, map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QVBoxLayout, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.metadata import Field
from clients.desktop.tokens import STEP
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.static_table import StaticTable
from clients.desktop.ui.stock.bars import BarDrawing
from clients.desktop.ui.stock.place_map import PlaceMap
from clients.desktop.ui.stock.sheets import SheetDrawing
from clients.desktop.ui.widgets import Banner, card, column, label, row

_PER_LINE = 5


def fill(
    desk: Desk, body: QVBoxLayout, page: Mapping[str, Any], search: Callable[[str], None] | None = None
) -> None:
    """Put every section of a page into a layout."""
    makers: dict[str, Callable[[Mapping[str, Any]], QWidget]] = {
        "figures": _figures,
        "note": _note,
        "table": lambda section: _table(desk, section),
        "bars": _bars,
        "sheets": _sheets,
        "map": lambda section: _map(desk, section, search or (lambda _words: None)),
    }
    for section in page.get("sections") or []:
        make = makers.get(str(section.get("kind")))
        if make is not None:
            body.addWidget(make(section))


def open_link(desk: Desk, link: Any) -> None:
    """Open the record a row leads to, if the person may read it."""
    if isinstance(link, dict) and link.get("entity") in desk.metadata.entities:
        desk.open_record(desk.entity(str(link["entity"])), int(link["id"]))


def _figures(section: Mapping[str, Any]) -> QWidget:
    frame, layout = card()
    if section.get("title"):
        layout.addWidget(label(str(section["title"]), "section"))
    items = section["items"]
    for start in range(0, len(items), _PER_LINE):
        line = row(spacing=6 * STEP)
        for item in items[start : start + _PER_LINE]:
            block = column(spacing=STEP // 2)
            block.addWidget(label(str(item["label"]), "label", wrap=True))
            block.addWidget(label(_figure(item), "heading"))
            block.addWidget(label(str(item["hint"] or ""), "muted"))
            line.addLayout(block, 1)
        for _ in range(_PER_LINE - len(items[start : start + _PER_LINE])):
            line.addStretch(1)
        layout.addLayout(line)
    return frame


def _figure(item: Mapping[str, Any]) -> str:
    if item["value"] is None:
        return "—"
    return f"{formatting.number(item['value'])} {item['unit'] or ''}".strip()


def _note(section: Mapping[str, Any]) -> QWidget:
    banner = Banner()
    banner.show_text(str(section["text"]), str(section.get("tone") or "info"))
    return banner


def _table(desk: Desk, section: Mapping[str, Any]) -> QWidget:
    frame, layout = card()
    layout.addWidget(label(str(section["title"]), "section"))
    rows = section["rows"]
    if not rows:
        layout.addWidget(label(str(section["empty"]), "muted"))
        return frame
    table = StaticTable([Field.from_json(f) for f in section["fields"]], rows, section.get("stretch"))

    def opened(index: QModelIndex) -> None:
        open_link(desk, rows[index.row()].get("_link"))

    table.doubleClicked.connect(opened)
    layout.addWidget(table)
    return frame


def _bars(section: Mapping[str, Any]) -> QWidget:
    frame, layout = card()
    layout.addWidget(label(str(section["title"]), "section"))
    longest = max((float(b["length_mm"]) for b in section["bars"]), default=1.0)
    for number, bar in enumerate(section["bars"], 1):
        line = row(spacing=3 * STEP)
        words = label(f"{number}. {bar['label']} · {formatting.number(bar['length_mm'], 0)} mm")
        words.setFixedWidth(300)
        line.addWidget(words)
        line.addWidget(BarDrawing(bar, longest, float(section["kerf_mm"])), 1)
        layout.addLayout(line)
    return frame


def _sheets(section: Mapping[str, Any]) -> QWidget:
    frame, layout = card()
    layout.addWidget(label(str(section["title"]), "section"))
    longest = max((float(s["length_mm"]) for s in section["sheets"]), default=1.0)
    for number, sheet in enumerate(section["sheets"], 1):
        done = "✓ " if sheet["is_cut"] else ""
        layout.addWidget(label(f"{done}{number}. {sheet['label']}"))
        layout.addWidget(SheetDrawing(sheet, longest))
    return frame


def _map(desk: Desk, section: Mapping[str, Any], search: Callable[[str], None]) -> QWidget:
    return PlaceMap(
        dict(section), lambda place: open_link(desk, {"entity": "storage_location", "id": place}), search
    )
