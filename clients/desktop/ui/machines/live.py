"""One machine as it is: state, work, load, signals with their day, alerts, tools, cycles (MCH-07, MCH-16)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog, QInputDialog, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.errors import ApiError
from clients.desktop.model.metadata import Entity, Field
from clients.desktop.model.texts import t
from clients.desktop.operations import machine_calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.machines.chart import Chart, Plot, Series
from clients.desktop.ui.machines.park import percent, severity_badge, since_words, state_badge, worst
from clients.desktop.ui.sheet_view import SheetView
from clients.desktop.ui.static_table import StaticTable
from clients.desktop.ui.widgets import Badge, button, card, clear, column, label, row

REFRESH_MS = 10_000
_CHART_PX = 230
_NOTICES = 4
_RANGES_H = (1, 8, 24, 7 * 24, 90 * 24)


class MachineLiveView(SheetView):
    """Tab « En direct » of a machine."""

    entities = ("machine", "machine_state", "machine_event", "machine_cycle")

    def __init__(self, desk: Desk, entity: Entity, record_id: int) -> None:
        super().__init__(desk, entity, record_id)
        self.channel: str | None = None
        self._end: dt.datetime | None = None
        self._hours = 24.0
        self._chart_place = column(spacing=2 * STEP)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(lambda: self.load() if self.isVisible() else None)
        self._timer.start()

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return machine_calls.read(self.desk.api, f"/machines/{self.record_id}/live")

    def _fill(self, data: Mapping[str, Any]) -> None:
        self._body.addWidget(self._summary(data))
        if data.get("alarms"):
            self._body.addWidget(self._alarms(list(data["alarms"])))
        if data.get("channels"):
            self._body.addWidget(self._channels(list(data["channels"])))
        lower = row(spacing=3 * STEP)
        lower.addWidget(self._cycles(list(data.get("cycles") or [])), 2)
        lower.addWidget(self._side(data), 1)
        self._body.addLayout(lower)

    def _summary(self, data: Mapping[str, Any]) -> QWidget:
        frame, layout = card()
        line = row(spacing=6 * STEP)
        state = column(spacing=STEP)
        state.addWidget(label(t("machine.state"), "label"))
        state.addWidget(state_badge(self.desk, str(data["state"])))
        line.addLayout(state)
        work, trs, load = data.get("work") or {}, data.get("trs") or {}, data.get("load") or {}
        planned = load.get("load_pct")
        figures = [
            (t("machine.duration"), since_words(data.get("since")) or "—"),
            (t("machine.program_label"), str(data.get("program") or "—")),
            (
                t("machine.work"),
                f"{work['work_order_number']} · {work['operation_label']}" if work else t("machine.no_work"),
            ),
            (t("machine.person"), str(work.get("person") or "—")),
            (t("machine.trs_day"), percent(trs.get("value")) + (" *" if trs.get("is_estimated") else "")),
            (t("machine.parts_day"), formatting.number(data.get("parts_last_day") or 0)),
            (
                t("machine.load", days=load.get("days") or 7),
                "—" if planned is None else f"{formatting.number(planned, 0)} %",
            ),
        ]
        for title, text in figures:
            block = column(spacing=STEP // 2)
            block.addWidget(label(title, "label"))
            block.addWidget(label(text, "heading"))
            line.addLayout(block)
        line.addStretch()
        layout.addLayout(line)
        if trs.get("is_estimated"):
            layout.addWidget(label(t("machine.trs_estimated"), "muted"))
        if data["state"] == "unknown":
            layout.addWidget(label(t("machine.unknown_words"), "muted", wrap=True))
        return frame

    # alerts --------------------------------------------------------------------------------------------------------

    def _alarms(self, alarms: list[Mapping[str, Any]]) -> QWidget:
        frame, layout = card(accent=True)
        layout.addWidget(label(t("machine.alerts"), "section"))
        may_act = self.entity.may("update")
        for alarm in worst(alarms)[:20]:
            is_taken = alarm.get("acknowledged_at") is not None
            line = row()
            line.addWidget(severity_badge(alarm))
            line.addWidget(label(formatting.instant(alarm["occurred_at"]), "muted"))
            line.addWidget(label(str(alarm.get("text") or alarm.get("code") or ""), wrap=True), 1)
            if is_taken:
                line.addWidget(label(t("machine.taken"), "muted"))
            elif may_act:
                line.addWidget(button(t("machine.take"), "", "check", partial(self._take, int(alarm["id"]))))
            line.addWidget(
                button(t("machine.open_event"), "flat", "right", partial(self._open_event, int(alarm["id"])))
            )
            layout.addLayout(line)
        return frame

    def _open_event(self, event_id: int) -> None:
        self.desk.open_record(self.desk.entity("machine_event"), event_id)

    def _take(self, event_id: int) -> None:
        cause, is_given = QInputDialog.getText(self, t("machine.take"), t("machine.cause"))
        if is_given:
            self.take(event_id, cause)

    def take(self, event_id: int, cause: str) -> None:
        """A person takes the alert in hand, with the cause where it is known."""
        params = {"cause": cause.strip()} if cause.strip() else {}
        operation = machine_calls.act(self.desk.api, "machine-events", event_id, "acknowledge", params)
        self.desk.runner.run(operation, lambda _r: self.load(), self._refused_act, owner=self)

    def _refused_act(self, error: ApiError) -> None:
        self.banner.show_text(error.detail, "danger")

    # signals -------------------------------------------------------------------------------------------------------

    def _channels(self, channels: list[Mapping[str, Any]]) -> QWidget:
        frame, layout = card()
        layout.addWidget(label(t("machine.signals"), "section"))
        known = [str(c["code"]) for c in channels]
        if self.channel not in known:
            self.channel = known[0]
        names = {str(c["code"]): str(c.get("name") or c["code"]) for c in channels}
        chips = row()
        for channel in channels:
            value = channel.get("value")
            words = "—" if value is None or channel.get("quality") == 2 else formatting.number(value, 2)
            chip = button(
                f"{names[str(channel['code'])]}  {words} {channel.get('unit') or ''}".rstrip(), "chip"
            )
            chip.setCheckable(True)
            chip.setChecked(channel["code"] == self.channel)
            chip.clicked.connect(partial(self._choose, str(channel["code"])))
            chips.addWidget(chip)
            if chips.count() == 7:
                chips.addStretch()
                layout.addLayout(chips)
                chips = row()
        chips.addStretch()
        layout.addLayout(chips)
        tools = row()
        for hours in _RANGES_H:
            words = t("machine.hours", count=hours) if hours < 48 else t("machine.days", count=hours // 24)
            pick = button(words, "chip", None, partial(self._zoom_out, float(hours)))
            pick.setCheckable(True)
            pick.setChecked(self._end is None and hours == self._hours)
            tools.addWidget(pick)
        tools.addWidget(label(t("machine.zoom_hint"), "muted"))
        tools.addStretch()
        tools.addWidget(button(t("list.export"), "flat", "download", self._export))
        layout.addLayout(tools)
        # The card keeps its height while the curve is on its way.
        holder = QWidget()
        holder.setMinimumHeight(theme.scaled(_CHART_PX))
        self._chart_place = column(holder)
        layout.addWidget(holder)
        self._load_chart()
        return frame

    def _choose(self, code: str, *_: Any) -> None:
        self.channel = code
        self._show(self.data)

    def _zoom_out(self, hours: float) -> None:
        self._end, self._hours = None, hours
        self._show(self.data)

    def _zoom_in(self, start: float, end: float) -> None:
        if end - start >= 10:
            self._end, self._hours = dt.datetime.fromtimestamp(end, dt.UTC), (end - start) / 3600
            self._show(self.data)

    @property
    def window_of_time(self) -> tuple[dt.datetime, dt.datetime]:
        """Time the chart shows."""
        end = self._end or dt.datetime.now(dt.UTC)
        return end - dt.timedelta(hours=self._hours), end

    def _load_chart(self) -> None:
        start, end = self.window_of_time
        operation = machine_calls.chart(self.desk.api, self.record_id, str(self.channel), start, end)
        place = self._chart_place
        self.desk.runner.run(
            operation, lambda data: self._draw(place, data, start, end), self._refused_act, owner=self
        )

    def _draw(self, place: Any, data: Mapping[str, Any], start: dt.datetime, end: dt.datetime) -> None:
        if place is not self._chart_place:
            return
        clear(place)
        points = list(data.get("points") or [])
        times = [dt.datetime.fromisoformat(p["at"]).timestamp() for p in points]
        series = Series(
            str(data.get("name") or data["channel"]), str(data.get("unit") or ""), times, [p["mean"] for p in points],
            [p["min"] for p in points], [p["max"] for p in points],
        )  # fmt: skip
        chart = Chart(Plot(series, start=start.timestamp(), end=end.timestamp()), height=_CHART_PX - 10)
        chart.range_chosen.connect(self._zoom_in)
        place.addWidget(chart)
        if not points:
            place.addWidget(label(t("machine.no_points"), "muted"))
        for notice in list(data.get("unit_notices") or [])[-_NOTICES:]:
            since = formatting.instant(notice["from"])
            words = str(notice["text"])
            line = row()
            line.addWidget(Badge(t("machine.unit"), "warning", "alert"))
            line.addWidget(label(t("machine.unit_notice", since=since, words=words), wrap=True), 1)
            place.addLayout(line)

    def _export(self) -> None:
        name = f"{self.data.get('code', 'machine')}-{self.channel}.csv"
        chosen, _ = QFileDialog.getSaveFileName(self, t("list.export"), name, "CSV (*.csv);;JSON (*.json)")
        if chosen:
            start, end = self.window_of_time
            operation = machine_calls.chart_file(
                self.desk.api, self.record_id, str(self.channel), start, end, Path(chosen)
            )

            def done(path: Path) -> None:
                self.desk.message.emit(t("machine.saved", name=path.name), "success")

            self.desk.runner.run(operation, done, self._refused_act, owner=self)

    # cycles, tools, shocks -----------------------------------------------------------------------------------------

    def _cycles(self, cycles: list[Mapping[str, Any]]) -> QWidget:
        frame, layout = card()
        layout.addWidget(label(t("machine.cycles"), "section"))
        if not cycles:
            layout.addWidget(label(t("machine.no_cycles"), "muted"))
            return frame
        names = ("program", "started_at", "duration_min", "result", "part_count")
        columns: list[Field] = self.columns_of("machine_cycle", names)
        layout.addWidget(StaticTable(columns, [dict(c) for c in cycles[:12]], "program"))
        return frame

    def _side(self, data: Mapping[str, Any]) -> QWidget:
        frame, layout = card()
        layout.addWidget(label(t("machine.shocks"), "section"))
        counters = data.get("collisions") or {}
        layout.addWidget(
            label(t("machine.response", response=t(f"machine.response.{counters.get('response', 'alert')}")))
        )
        layout.addWidget(label(t("machine.shock_counts", **{n: counters.get(n, 0) for n in (
            "window_days", "risks", "impacts", "stops", "false_stops", "missed")}), "muted", wrap=True))  # fmt: skip
        layout.addWidget(label(t("machine.help_not_safety"), "muted", wrap=True))
        layout.addWidget(label(t("machine.tools"), "section"))
        tools = list(data.get("tools") or [])
        for tool in tools[:30]:
            layout.addWidget(label(f"{tool['slot_number']} · {tool['code']} · {tool['name']}"))
        if not tools:
            layout.addWidget(label(t("machine.no_tools"), "muted"))
        layout.addStretch()
        return frame
