"""All stations at a glance: alerts first, then a card per station, by site (EDG-39, EDG-40)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QGridLayout, QWidget

from clients.desktop.model import supervision as words
from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.live import Change
from clients.desktop.model.texts import t, tn
from clients.desktop.operations import calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.form_view import scrolled
from clients.desktop.ui.widgets import Badge, Banner, button, card, clear, column, label, row

_AGAIN_MS = 10_000
_COLUMNS = 3


class SupervisionPage(QWidget):
    """The fleet, renewed every ten seconds and at every change of a station."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("page")
        self._desk = desk
        outer = column(self, spacing=3 * STEP)
        outer.setContentsMargins(6 * STEP, 5 * STEP, 4 * STEP, 0)
        head = row()
        head.addWidget(label(self.title, "title"))
        self.count = label("", "muted")
        head.addWidget(self.count)
        head.addStretch()
        outer.addLayout(head)
        self.banner = Banner()
        outer.addWidget(self.banner)
        body = QWidget()
        body.setObjectName("pageBody")
        self._body = column(body, spacing=4 * STEP)
        body.setMaximumWidth(theme.scaled(1240))
        outer.addWidget(scrolled(body), 1)
        self._timer = QTimer(self)
        self._timer.setInterval(_AGAIN_MS)
        self._timer.timeout.connect(self.load)
        self._timer.start()
        desk.changed.connect(self._on_change)
        self.load()

    @property
    def title(self) -> str:
        """Name of the tab."""
        return t("station.supervision")

    def load(self) -> None:
        """Read the state of the fleet."""
        self._desk.runner.run(
            calls.station_supervision(self._desk.api), self._show, self._show_error, owner=self
        )

    def _on_change(self, change: Change) -> None:
        if change.entity in {"station", "station_check_point", "update_installation", "*"}:
            self.load()

    def _show_error(self, error: ApiError) -> None:
        self.banner.show_text(error.detail, "warning", (t("retry"), self.load))

    def _show(self, found: Record) -> None:
        self.banner.clear_text()
        stations: list[Record] = found["stations"]
        names = {s["code"]: s["name"] for s in stations}
        now = dt.datetime.fromisoformat(str(found["at"]).replace("Z", "+00:00"))
        away = sum(s["status"] == "offline" for s in stations)
        self.count.setText(
            tn("station.count", len(stations)) + (f" · {tn('station.away', away)}" if away else "")
        )
        clear(self._body)
        if not stations:
            self._body.addWidget(label(t("station.none"), "muted", wrap=True))
        if found["alerts"]:
            frame, inner = card(accent=True)
            inner.addWidget(label(t("station.alerts"), "section"))
            for one in found["alerts"]:
                inner.addWidget(label("⚠ " + words.alert(one, names), wrap=True))
            self._body.addWidget(frame)
        for site, here in groupby(stations, key=lambda s: s["site"]):
            self._body.addWidget(label(t("station.site", site=site), "section"))
            grid = QGridLayout()
            grid.setSpacing(4 * STEP)
            for place, station in enumerate(here):
                grid.addWidget(self._card(station, now), place // _COLUMNS, place % _COLUMNS)
            for place in range(_COLUMNS):
                grid.setColumnStretch(place, 1)
            self._body.addLayout(grid)
        self._body.addStretch()

    def _card(self, station: Mapping[str, Any], now: dt.datetime) -> QWidget:
        frame, inner = card()
        head = row()
        entity = self._desk.entity("station")
        head.addWidget(
            button(
                str(station["name"]),
                "link",
                on_click=lambda: self._desk.open_record(entity, int(station["id"])),
            ),
            1,
        )
        head.addWidget(Badge(*words.look(station)))
        inner.addLayout(head)
        inner.addWidget(label(f"{t('station.kind.' + str(station['kind']))} · {station['code']}", "muted"))
        for one in station["concerns"]:
            if one["code"] != "offline":
                inner.addWidget(label("⚠ " + words.concern(one["code"], one["detail"]), wrap=True))
        for name, value in words.facts(station, now):
            line = row()
            title = label(t(f"station.fact.{name}"), "muted")
            title.setFixedWidth(theme.scaled(110))
            line.addWidget(title)
            line.addWidget(label(value, wrap=True, selectable=True), 1)
            inner.addLayout(line)
        inner.addStretch()
        return frame
