"""All stations at a glance: alerts first, then a card per station, by site (EDG-39, EDG-40)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from PySide6.QtWidgets import QGridLayout, QWidget

from clients.desktop.model import supervision as words
from clients.desktop.model.api import Record
from clients.desktop.model.texts import t, tn
from clients.desktop.operations import calls
from clients.desktop.operations.runner import Operation
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.watch_page import WatchPage
from clients.desktop.ui.widgets import Badge, button, card, label, row

_COLUMNS = 3


class SupervisionPage(WatchPage):
    """The fleet, renewed every ten seconds and at every change of a station."""

    title_key = "station.supervision"
    entities = frozenset({"station", "station_check_point", "update_installation"})

    def _operation(self) -> Operation[Any]:
        return calls.station_supervision(self._desk.api)

    def _fill(self, found: Mapping[str, Any]) -> None:
        stations: list[Record] = found["stations"]
        names = {s["code"]: s["name"] for s in stations}
        now = dt.datetime.fromisoformat(str(found["at"]).replace("Z", "+00:00"))
        away = sum(s["status"] == "offline" for s in stations)
        self.count.setText(
            tn("station.count", len(stations)) + (f" · {tn('station.away', away)}" if away else "")
        )
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
