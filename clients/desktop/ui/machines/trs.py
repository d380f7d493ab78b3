"""TRS of a machine after NF E60-182: each time from the total to the useful, and what it is made of (MCH-28 to MCH-31)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from clients.desktop.model import formatting
from clients.desktop.model.metadata import Entity, Field
from clients.desktop.model.texts import has_text, t
from clients.desktop.operations import machine_calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.machines.park import percent
from clients.desktop.ui.sheet_view import SheetView
from clients.desktop.ui.static_table import StaticTable
from clients.desktop.ui.widgets import button, card, column, label, row

TIMES = ("total", "opening", "required", "operating", "net", "useful")
_PERIODS = {"day": 1, "week": 7, "month": 31}
_GRAIN = {"day": "shift", "week": "day", "month": "week"}
_INPUTS: dict[str, tuple[str, ...]] = {
    "total": (),
    "opening": ("overtime_min",),
    "required": ("planned_stop_min", "gap_min"),
    "operating": ("setup_min", "stops_min"),
    "net": ("parts", "parts_without_reference", "estimated_parts"),
    "useful": ("good_parts",),
}
"""What makes the difference between a time and the one above it."""


class TimeBar(QWidget):
    """One time as a bar of the total; a click tells what it is made of."""

    chosen = Signal(str)

    def __init__(self, name: str, minutes: float, total: float, *, is_open: bool) -> None:
        super().__init__()
        self.name, self.share, self.is_open = name, minutes / total if total else 0.0, is_open
        self.words = f"{t(f'trs.{name}')} · {formatting.duration(round(minutes))}"
        self.setFixedHeight(theme.scaled(30))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(self.words)
        self.setToolTip(t("trs.click"))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 — Qt's name
        """Bar and words."""
        look = theme.current()
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(look.sunken))
        colour = QColor(look.action if self.name != "useful" else look.tones["success"].text)
        colour.setAlpha(120 if self.is_open else 70)
        painter.fillRect(0, 0, round(self.width() * min(1.0, self.share)), self.height(), colour)
        painter.setPen(QColor(look.text))
        area = self.rect().adjusted(10, 0, -10, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.words)
        if self.name in TIMES:
            sign = "▾" if self.is_open else "▸"
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, sign)
        painter.end()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        """Ask for its inputs."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self.name)


class MachineTrsView(SheetView):
    """Tab « TRS » of a machine."""

    entities = ("machine_state", "machine_cycle", "work_order_operation")

    def __init__(self, desk: Desk, entity: Entity, record_id: int) -> None:
        super().__init__(desk, entity, record_id)
        self.period = "day"
        self.opened: str | None = "required"

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        end = dt.datetime.now().astimezone()
        first = (end - dt.timedelta(days=_PERIODS[self.period] - 1)).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        return machine_calls.oee(self.desk.api, self.record_id, first, end, _GRAIN[self.period])

    def choose_period(self, period: str) -> None:
        """Show a day, a week or a month."""
        self.period = period
        self.load()

    def open_time(self, name: str) -> None:
        """Show the inputs of a time, or fold them."""
        self.opened = None if self.opened == name else name
        self._show(self.data)

    def _fill(self, data: Mapping[str, Any]) -> None:
        total: Mapping[str, Any] = data["total"]
        self._body.addWidget(self._rates(data, total))
        self._body.addWidget(self._times(data, total))
        lower = row(spacing=3 * STEP)
        lower.addWidget(self._pareto(total), 1)
        lower.addWidget(self._open_stops(data), 1)
        self._body.addLayout(lower)
        if data.get("lines"):
            self._body.addWidget(self._lines(list(data["lines"])))

    def _rates(self, data: Mapping[str, Any], total: Mapping[str, Any]) -> QWidget:
        frame, layout = card()
        head = row()
        head.addWidget(label(t("trs.title"), "section"))
        head.addStretch()
        for period in _PERIODS:
            pick = button(t(f"trs.period.{period}"), "chip", None, partial(self.choose_period, period))
            pick.setCheckable(True)
            pick.setChecked(period == self.period)
            head.addWidget(pick)
        layout.addLayout(head)
        line = row(spacing=8 * STEP)
        for name in ("trs", "availability", "performance", "quality", "trg", "tre"):
            block = column(spacing=STEP // 2)
            block.addWidget(label(t(f"trs.{name}"), "label"))
            block.addWidget(label(percent(total.get(name)), "title" if name == "trs" else "heading"))
            line.addLayout(block)
        line.addStretch()
        layout.addLayout(line)
        target = data.get("target_pct")
        words = t("trs.target", target=formatting.number(target, 0)) if target is not None else ""
        if total.get("estimated_parts") or total.get("parts_without_reference"):
            words += " " + t(
                "trs.estimated", estimated=total["estimated_parts"], without=total["parts_without_reference"]
            )
        layout.addWidget(label(words, "muted", wrap=True))
        return frame

    def _times(self, data: Mapping[str, Any], total: Mapping[str, Any]) -> QWidget:
        frame, layout = card()
        layout.addWidget(label(t("trs.times"), "section"))
        for name in TIMES:
            # Below the opening time the share of the opening time says more than that of days and nights.
            whole = "total_min" if name == "total" else "opening_min"
            bar = TimeBar(name, float(total[f"{name}_min"]), float(total[whole]), is_open=self.opened == name)
            bar.chosen.connect(self.open_time)
            layout.addWidget(bar)
            if self.opened == name:
                for words in self.inputs(name, data, total):
                    layout.addWidget(label("    " + words, "muted", wrap=True))
        return frame

    def inputs(self, name: str, data: Mapping[str, Any], total: Mapping[str, Any]) -> list[str]:
        """Sentences that say what a time is made of."""
        found = [t(f"trs.explain.{name}")]
        for part in _INPUTS[name]:
            value = total[part]
            if part == "stops_min":
                found += [
                    f"{self._cause(c)} : {formatting.duration(round(m))}" for c, m in dict(value).items()
                ]
            elif part.endswith("_min"):
                found.append(f"{t(f'trs.{part}')} : {formatting.duration(round(float(value)))}")
            else:
                found.append(f"{t(f'trs.{part}')} : {formatting.number(value, 1)}")
        source = data.get("inputs") or {}
        if name == "required" and source.get("planned_stop_reasons"):
            found.append(
                t("trs.planned_reasons", reasons=", ".join(map(self._cause, source["planned_stop_reasons"])))
            )
        if name in {"operating", "net"}:
            found.append(t("trs.sources", states=source.get("states", 0), cycles=source.get("cycles", 0)))
        return found

    def _cause(self, code: str) -> str:
        field = self.field_of("machine_state", "state")
        choice = field.choice(code) if field else None
        if choice is not None:
            return choice.label
        return t(f"stop_reason.{code}") if has_text(f"stop_reason.{code}") else code

    def _pareto(self, total: Mapping[str, Any]) -> QWidget:
        frame, layout = card()
        layout.addWidget(label(t("trs.pareto"), "section"))
        stops = sorted(dict(total.get("stops_min") or {}).items(), key=lambda pair: -float(pair[1]))
        whole = sum(float(m) for _, m in stops)
        for cause, minutes in stops[:10]:
            bar = TimeBar("stop", float(minutes), whole, is_open=False)
            bar.words = f"{self._cause(cause)} · {formatting.duration(round(float(minutes)))}"
            bar.setToolTip("")
            layout.addWidget(bar)
        if not stops:
            layout.addWidget(label(t("trs.no_stops"), "muted"))
        layout.addStretch()
        return frame

    def _open_stops(self, data: Mapping[str, Any]) -> QWidget:
        frame, layout = card()
        layout.addWidget(label(t("trs.open_stops"), "section"))
        stops = list((data.get("inputs") or {}).get("open_stops") or [])
        for stop in stops[:12]:
            start = dt.datetime.fromisoformat(stop["start"])
            minutes = (dt.datetime.fromisoformat(stop["end"]) - start).total_seconds() / 60
            words = f"{formatting.instant(start)} · {self._cause(stop['state'])} · {formatting.duration(round(minutes))}"
            layout.addWidget(label(words))
        if stops and "machine_state" in self.desk.metadata.entities:
            layout.addWidget(
                button(
                    t("trs.explain_stops"),
                    "link",
                    None,
                    lambda: self.desk.open_list(self.desk.entity("machine_state")),
                )
            )
        if not stops:
            layout.addWidget(label(t("trs.no_open_stops"), "muted"))
        layout.addStretch()
        return frame

    def _lines(self, lines: list[Mapping[str, Any]]) -> QWidget:
        frame, layout = card()
        layout.addWidget(label(t("trs.lines"), "section"))
        columns = [Field(n, t(f"trs.column.{n}"), "text") for n in (
            "from", "trs", "availability", "performance", "quality", "required", "setup", "parts")]  # fmt: skip
        rows = [
            {
                "id": index,
                "from": formatting.instant(one["start"]),
                **{n: percent(one[n]) for n in ("trs", "availability", "performance", "quality")},
                "required": formatting.duration(round(float(one["required_min"]))),
                "setup": formatting.duration(round(float(one["setup_min"]))),
                "parts": formatting.number(one["parts"]),
            }
            for index, one in enumerate(lines)
        ]
        layout.addWidget(StaticTable(columns, rows, "from"))
        return frame
