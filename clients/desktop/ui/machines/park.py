"""The park at a glance: every machine with state, program, work, TRS of the day and what asks for a person (MCH-16)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.errors import ApiError
from clients.desktop.model.live import Change
from clients.desktop.model.texts import t
from clients.desktop.operations import machine_calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.form_view import scrolled
from clients.desktop.ui.widgets import Badge, Banner, button, clear, column, label, row

REFRESH_MS = 10_000
SETTLE_MS = 400
_CARD_PX = 300
_ENTITIES = {"machine", "machine_state", "machine_event", "machine_cycle", "unknown_machine", "*"}
_URGENT = {"critical": 0, "alarm": 1, "warning": 2, "info": 3}
_SEVERITY_TONES = {"critical": "danger", "alarm": "danger", "warning": "warning"}


def severity_badge(alarm: Mapping[str, Any]) -> Badge:
    """How grave an alert is: red for what stops or harms, quiet once somebody has taken it."""
    severity = str(alarm.get("severity") or "info")
    tone = "muted" if alarm.get("acknowledged_at") is not None else _SEVERITY_TONES.get(severity, "info")
    return Badge(t(f"machine.severity.{severity}"), tone, "circle" if tone == "info" else "alert")


def state_badge(desk: Desk, state: str) -> Badge:
    """Badge of a normalised state, in the server's words."""
    entity = desk.metadata.entities.get("machine_state")
    field = entity.field("state") if entity else None
    choice = field.choice(state) if field else None
    return Badge.of(choice) if choice else Badge(state)


def since_words(value: Any, now: dt.datetime | None = None) -> str:
    """« depuis 12 min », « depuis le 03/11 14:20 » for more than a day."""
    if not value:
        return ""
    at = dt.datetime.fromisoformat(str(value))
    minutes = ((now or dt.datetime.now(dt.UTC)) - at).total_seconds() / 60
    if minutes >= 24 * 60:
        return t("machine.since_date", date=formatting.instant(at)[:16])
    return t(
        "machine.since", duration=formatting.duration(max(0, int(minutes))) if minutes >= 1 else "< 1 min"
    )


def percent(value: Any) -> str:
    """Rate as a percentage; a dash where there is none."""
    return "—" if value is None else f"{formatting.number(100 * float(value), 0)} %"


def worst(alarms: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Alerts, those nobody has taken in hand and the gravest first."""
    return sorted(
        alarms, key=lambda a: (a.get("acknowledged_at") is not None, _URGENT.get(str(a.get("severity")), 3))
    )


class MachineCard(QFrame):
    """One machine; a click opens it."""

    def __init__(self, desk: Desk, item: Mapping[str, Any]) -> None:
        super().__init__()
        self.desk, self.machine_id = desk, int(item["id"])
        self.setObjectName("card")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(str(item["name"]))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        layout = column(self, margins=3 * STEP, spacing=STEP)
        head = row()
        head.addWidget(label(f"{item['code']} · {item['name']}", "heading"), 1)
        head.addWidget(state_badge(desk, str(item["state"])))
        layout.addLayout(head)
        since = since_words(item.get("since"))
        program = item.get("program")
        words = [w for w in (since, t("machine.program", program=program) if program else "") if w]
        layout.addWidget(label(" · ".join(words) or t("machine.no_data"), "muted"))
        layout.addWidget(label(self._work(item.get("work")), wrap=True))
        layout.addStretch()
        layout.addLayout(self._trs(item.get("trs") or {}))
        for alarm in worst(list(item.get("alarms") or []))[:2]:
            is_taken = alarm.get("acknowledged_at") is not None
            line = row(spacing=STEP)
            line.addWidget(severity_badge(alarm))
            line.addWidget(label(str(alarm.get("text") or ""), "muted" if is_taken else "", wrap=True), 1)
            layout.addLayout(line)

    def _work(self, work: Mapping[str, Any] | None) -> str:
        if not work:
            return t("machine.no_work")
        parts = f"{formatting.number(work.get('good_qty') or 0)} / {formatting.number(work.get('planned_qty') or 0)}"
        words = f"{work['work_order_number']} · {work['operation_label']} · {parts}"
        return f"{words} · {work['person']}" if work.get("person") else words

    def _trs(self, trs: Mapping[str, Any]) -> Any:
        line = row()
        line.addWidget(label(t("machine.trs_day"), "label"))
        value, target = trs.get("value"), trs.get("target_pct")
        figure = label(percent(value) + (" *" if trs.get("is_estimated") else ""), "heading")
        if trs.get("is_estimated"):
            figure.setToolTip(t("machine.trs_estimated"))
        line.addWidget(figure)
        if value is not None and target is not None and 100 * float(value) < float(target):
            line.addWidget(label(t("machine.below_target", target=formatting.number(target, 0)), "muted"))
        line.addStretch()
        if trs.get("open_stops"):
            line.addWidget(Badge(t("machine.open_stops", count=trs["open_stops"]), "warning", "alert"))
        return line

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 — Qt's name
        """Open the machine."""
        if event.button() == Qt.MouseButton.LeftButton and "machine" in self.desk.metadata.entities:
            self.desk.open_record(self.desk.entity("machine"), self.machine_id)


class ParkPage(QWidget):
    """All machines; read again on every message of the server and every ten seconds."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("page")
        self._desk = desk
        self.items: list[Mapping[str, Any]] = []
        self._loading = False
        outer = column(self)
        outer.setContentsMargins(6 * STEP, 5 * STEP, 4 * STEP, 0)
        head = row()
        head.addWidget(label(self.title, "title"))
        head.addStretch()
        self._sum = row()
        head.addLayout(self._sum)
        head.addWidget(button(t("retry_now"), "flat", "refresh", self.load))
        outer.addLayout(head)
        outer.addWidget(label(t("machine.help_not_safety"), "muted", wrap=True))
        self.banner = Banner()
        outer.addWidget(self.banner)
        body = QWidget()
        body.setObjectName("pageBody")
        whole = column(body)
        self._grid = QGridLayout()
        self._grid.setSpacing(3 * STEP)
        whole.addLayout(self._grid)
        whole.addStretch()
        outer.addWidget(scrolled(body), 1)
        desk.changed.connect(self._on_change)
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SETTLE_MS)
        self._soon.timeout.connect(self.load)
        self.load()

    @property
    def title(self) -> str:
        """Name of the tab."""
        return t("machine.park")

    def _tick(self) -> None:
        if self.isVisible():
            self.load()

    def _on_change(self, change: Change) -> None:
        # Many messages in a burst are one reading.
        if change.entity in _ENTITIES and not self._soon.isActive():
            self._soon.start()

    def load(self) -> None:
        """Read the park."""
        if not self._loading:
            self._loading = True
            self._desk.runner.run(machine_calls.park(self._desk.api), self._show, self._refused, owner=self)

    def reload(self) -> None:
        """F5."""
        self.load()

    def _refused(self, error: ApiError) -> None:
        self._loading = False
        self.banner.show_text(error.detail, "warning", (t("retry"), self.load))

    def _show(self, data: Mapping[str, Any]) -> None:
        self._loading = False
        self.items = list(data.get("items") or [])
        self._tell_unknown(list(data.get("unknown_machines") or []))
        self._fill()

    def _tell_unknown(self, waiting: list[Mapping[str, Any]]) -> None:
        """Samples that wait for a person: of machines that stations report and the park does not have."""
        entity = self._desk.metadata.entities.get("unknown_machine")
        if not waiting or entity is None:
            self.banner.clear_text()
            return
        codes = ", ".join(str(item["machine_code"]) for item in waiting[:3])
        codes += " …" if len(waiting) > 3 else ""
        open_it = (
            partial(self._desk.open_record, entity, int(waiting[0]["id"]))
            if len(waiting) == 1
            else partial(self._desk.open_list, entity)
        )
        words = t("machine.unknown_codes", codes=codes)
        self.banner.show_text(words, "warning", (t("machine.decide"), open_it))

    def _fill(self) -> None:
        clear(self._grid)
        clear(self._sum)
        counted: dict[str, int] = {}
        for item in self.items:
            counted[str(item["state"])] = counted.get(str(item["state"]), 0) + 1
        for state, count in sorted(counted.items(), key=lambda pair: -pair[1]):
            badge = state_badge(self._desk, state)
            badge.set(f"{badge.text} : {count}", badge.tone, badge.mark)
            self._sum.addWidget(badge)
        if not self.items:
            self._grid.addWidget(label(t("machine.none"), "muted"), 0, 0)
        columns = max(1, (self.width() - 10 * STEP) // theme.scaled(_CARD_PX + 4 * STEP))
        for index, item in enumerate(self.items):
            self._grid.addWidget(MachineCard(self._desk, item), index // columns, index % columns)
        for number in range(columns):
            self._grid.setColumnStretch(number, 1)

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 — Qt's name
        """More cards in a row when there is room."""
        super().resizeEvent(event)
        if self.items:
            QTimer.singleShot(0, self, partial(self._fill))
