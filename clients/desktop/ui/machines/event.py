"""An event with its curves before and after, its clips and the person's judgement (MCH-20, MCH-23, MCH-26, MCH-27)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from PySide6.QtWidgets import QWidget

from clients.desktop.model import formatting
from clients.desktop.model.errors import ApiError
from clients.desktop.model.texts import t
from clients.desktop.operations import machine_calls
from clients.desktop.tokens import STEP
from clients.desktop.ui.machines.chart import Chart, Plot, Series
from clients.desktop.ui.machines.park import severity_badge
from clients.desktop.ui.sheet_view import SheetView, pairs
from clients.desktop.ui.widgets import Badge, button, card, column, label, row

_FACTS = (
    "machine", "occurred_at", "severity", "signal", "value", "threshold", "basis", "program", "program_line", "tool",
    "stop_request", "reaction_ms", "stop_detail", "cause", "verdict_comment",
)  # fmt: skip


class EventView(SheetView):
    """Tab « Signaux » of an event."""

    entities = ("machine_event", "camera_clip")

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return machine_calls.read(self.desk.api, f"/machine-events/{self.record_id}/detail")

    def _fill(self, data: Mapping[str, Any]) -> None:
        self._body.addWidget(self._head(data))
        for plot in plots_of(data):
            frame, layout = card()
            layout.addWidget(Chart(plot, height=170))
            self._body.addWidget(frame)
        if data["kind"] == "collision" and not data.get("is_recorded"):
            self._body.addWidget(label(t("event.after_missing"), "muted", wrap=True))
        for found in data.get("explanation") or []:
            self._body.addWidget(self._reasons(list(found.get("reasons") or [])))
        for clip in data.get("clips") or []:
            words = t("event.clip", at=formatting.instant(clip["started_at"]))
            self._body.addWidget(
                label(words + (" " + t("event.erased") if clip.get("erased_at") else ""), "muted")
            )

    def _head(self, data: Mapping[str, Any]) -> QWidget:
        frame, layout = card(accent=data.get("severity") in {"alarm", "critical"})
        head = row()
        head.addWidget(label(str(data.get("text") or ""), "heading", wrap=True), 1)
        head.addWidget(severity_badge({"severity": data.get("severity")}))
        if data.get("verdict"):
            field = self.field_of("machine_event", "verdict")
            choice = field.choice(data["verdict"]) if field else None
            head.addWidget(Badge(choice.label if choice else str(data["verdict"]), "info", "check"))
        layout.addLayout(head)
        values = {**data, "machine": f"{data['machine']['code']} · {data['machine']['name']}"}
        pairs(layout, [self._fact(name, values) for name in _FACTS])
        if data["kind"] in {"collision", "anomaly"} and self.desk.entity("machine").may("update"):
            acts = row()
            for verdict in ("confirmed", "false_alarm"):
                acts.addWidget(button(t(f"event.{verdict}"), "", None, partial(self.judge, verdict)))
            acts.addStretch()
            layout.addLayout(acts)
        if counters := data.get("counters"):
            names = ("window_days", "risks", "impacts", "stops", "false_stops", "missed")
            layout.addWidget(
                label(t("machine.shock_counts", **{n: counters[n] for n in names}), "muted", wrap=True)
            )
        if data["kind"] == "collision":
            layout.addWidget(label(t("machine.help_not_safety"), "muted", wrap=True))
        return frame

    def _fact(self, name: str, data: Mapping[str, Any]) -> tuple[str, str] | None:
        if data.get(name) is None:
            return None
        if name == "machine":
            return t("event.machine"), str(data[name])
        if name == "signal":
            return t("event.signal"), str(data.get("signal_name") or data["signal"])
        return self.figure("machine_event", name, data)

    def judge(self, verdict: str) -> None:
        """A person says whether it was true."""
        operation = machine_calls.act(
            self.desk.api, "machine-events", self.record_id, "judge", {"verdict": verdict}
        )
        self.desk.runner.run(operation, lambda _r: self.load(), self._refused_act, owner=self)

    def _refused_act(self, error: ApiError) -> None:
        self.banner.show_text(error.detail, "danger")

    def _reasons(self, reasons: list[Mapping[str, Any]]) -> QWidget:
        frame, layout = card()
        layout.addWidget(label(t("event.reasons"), "section"))
        for reason in reasons:
            line = column(spacing=STEP // 2)
            numbers = {
                n: formatting.number(round(float(reason[n]), 3)) for n in ("value", "usual", "low", "high")
            }
            line.addWidget(
                label(
                    t("event.reason", feature=reason["feature"], unit=reason.get("unit") or "", **numbers),
                    wrap=True,
                )
            )
            layout.addLayout(line)
        return frame


def plots_of(data: Mapping[str, Any]) -> list[Plot]:
    """One plot per recorded signal, in seconds from the event; the limit on the signal that passed it."""
    at = dt.datetime.fromisoformat(str(data["occurred_at"])).timestamp()
    found = []
    for trace in data.get("signals") or []:
        times = [float(ms) / 1000 for ms in trace.get("t") or []]
        if not times:
            continue
        is_cause = trace.get("channel") == data.get("signal") and data.get("threshold") is not None
        series = Series(
            str(trace.get("name") or trace["channel"]),
            str(trace.get("unit") or ""),
            times,
            list(trace.get("v") or []),
        )
        found.append(
            Plot(series, event_at=at, limit=float(data["threshold"]) if is_cause else None, relative=True,
                 start=min(times[0], at), end=max(times[-1], at))
        )  # fmt: skip
    return found
