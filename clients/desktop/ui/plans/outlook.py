"""The drawing seen from the workshop: summary, critical zones, feasibility, tools; and the further parts it holds (DRW-03, DRW-24, DRW-26, DRW-29, DRW-30)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QTabWidget, QVBoxLayout, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.plans import Document
from clients.desktop.model.texts import t, tn
from clients.desktop.operations import plan_calls
from clients.desktop.operations.runner import Operation
from clients.desktop.tokens import STEP
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.plans.side import ListView
from clients.desktop.ui.widgets import Badge, button, card, clear, label, row

Run = Callable[[Operation[Any], Callable[[Any], None] | None], None]
_RESULTS = {
    "feasible": ("success", "check"), "subcontract": ("warning", "alert"), "not_feasible": ("danger", "alert"),
    "unknown": ("neutral", "dashed"),
}  # fmt: skip
_STATES = {
    "in_stock": ("success", "check"),
    "out_of_stock": ("warning", "alert"),
    "missing": ("danger", "alert"),
}
_MANY_ZONES = 40


def _section(title: str) -> tuple[QWidget, QVBoxLayout]:
    frame, inner = card()
    inner.setContentsMargins(3 * STEP, 2 * STEP, 3 * STEP, 3 * STEP)
    inner.addWidget(label(title, "section"))
    return frame, inner


class OutlookView(ListView):
    """What the reading means for the workshop."""

    picked = Signal(str)
    check_wanted = Signal()
    machine_wanted = Signal(int)
    tool_wanted = Signal(int)

    def show_document(self, document: Document) -> None:
        """Show the outlook of a review."""
        clear(self.body)
        if document.get("comment"):
            frame, inner = _section(t("plan.outlook.summary"))
            inner.addWidget(label(str(document["comment"]), wrap=True, selectable=True))
            if document.get("estimated_time_min") is not None:
                spent = formatting.duration(document["estimated_time_min"])
                inner.addWidget(label(t("plan.outlook.time", time=spent), "muted"))
            self.body.addWidget(frame)
        report = document.get("feasibility") or {}
        self.body.addWidget(
            self._feasibility(report, may_check=document.get("status") in ("to_review", "validated"))
        )
        if report.get("missing"):
            self.body.addWidget(self._missing(report["missing"]))
        if document.get("processes"):
            self.body.addWidget(self._processes(document["processes"], report.get("processes") or []))
        if report.get("tools"):
            self.body.addWidget(self._tools(report["tools"]))
        self.body.addWidget(self._zones(document.get("zones") or []))

    def _feasibility(self, report: Mapping[str, Any], *, may_check: bool) -> QWidget:
        frame, inner = _section(t("plan.outlook.feasibility"))
        head = row()
        head.addWidget(
            Badge(
                str(report.get("label") or "").capitalize(),
                *_RESULTS.get(str(report.get("result")), _RESULTS["unknown"]),
            )
        )
        if report.get("checked_at"):
            head.addWidget(
                label(t("plan.outlook.checked", date=formatting.instant(report["checked_at"])), "muted")
            )
        head.addStretch()
        again = button(t("plan.outlook.check"), "chip", "refresh", self.check_wanted.emit)
        again.setVisible(may_check)
        head.addWidget(again)
        inner.addLayout(head)
        for reason in report.get("reasons") or []:
            inner.addWidget(label(f"· {reason}", wrap=True))
        return frame

    def _missing(self, missing: Sequence[Mapping[str, Any]]) -> QWidget:
        frame, inner = _section(t("plan.outlook.missing"))
        for one in missing:
            line = row()
            line.addWidget(Badge(t(f"plan.outlook.kind.{one['kind']}"), "danger", "alert"))
            line.addWidget(label(str(one["label"])))
            line.addWidget(label(str(one["reason"]), "muted", wrap=True), 1)
            inner.addLayout(line)
        return frame

    def _processes(
        self, proposed: Sequence[Mapping[str, Any]], checked: Sequence[Mapping[str, Any]]
    ) -> QWidget:
        frame, inner = _section(t("plan.outlook.processes"))
        by_name = {str(one["process"]): one for one in checked}
        for one in proposed:
            fit = by_name.get(str(one["process"])) or {}
            line = row()
            line.addWidget(label(str(one["label"])))
            line.addWidget(label(f"{float(one['confidence']) * 100:.0f} %", "muted"))
            if not one.get("is_own_trade", True):
                line.addWidget(Badge(t("plan.outlook.foreign"), "warning", "alert"))
            for machine in (fit.get("fitting") or [])[:4]:
                act = partial(self.machine_wanted.emit, int(machine["id"]))
                line.addWidget(button(str(machine["name"]), "link", on_click=act))
            line.addStretch()
            inner.addLayout(line)
            if one.get("reason"):
                inner.addWidget(label(t("plan.outlook.because", text=one["reason"]), "muted", wrap=True))
        return frame

    def _tools(self, tools: Sequence[Mapping[str, Any]]) -> QWidget:
        frame, inner = _section(t("plan.outlook.tools"))
        for one in tools:
            line = row()
            tone, sign = _STATES[str(one["state"])]
            line.addWidget(Badge(t(f"plan.outlook.state.{one['state']}"), tone, sign))
            count = f"{one['count']} × " if int(one["count"]) > 1 else ""
            line.addWidget(label(f"{count}{one['label']}"))
            for tool in one["tools"][:2]:
                act = partial(self.tool_wanted.emit, int(tool["id"]))
                line.addWidget(button(str(tool["name"]), "link", on_click=act))
            line.addStretch()
            inner.addLayout(line)
        return frame

    def _zones(self, zones: Sequence[Mapping[str, Any]]) -> QWidget:
        frame, inner = _section(t("plan.outlook.zones"))
        if not zones:
            inner.addWidget(label(t("plan.outlook.no_zone"), "muted", wrap=True))
        for one in zones[:_MANY_ZONES]:
            line = row()
            for reason in one["reasons"]:
                line.addWidget(
                    Badge(
                        t(f"plan.outlook.reason.{reason}"),
                        "danger" if reason == "critical" else "warning",
                        "alert",
                    )
                )
            made = button(str(one["text"])[:80] or "—", "link")
            if one.get("feature_id") is not None:
                made.clicked.connect(partial(self.picked.emit, f"feature:{one['feature_id']}"))
            else:
                made.setEnabled(False)
            line.addWidget(made)
            line.addStretch()
            inner.addLayout(line)
        if len(zones) > _MANY_ZONES:
            inner.addWidget(label(tn("plan.outlook.more", len(zones) - _MANY_ZONES), "muted"))
        return frame


class WorkshopTabs:
    """Puts the two views behind the other tabs of a review and runs their acts."""

    def __init__(
        self, desk: Desk, analysis_id: int, tabs: QTabWidget, run: Run, look_at: Callable[[str], None]
    ) -> None:
        self._desk, self._id, self._tabs, self._run = desk, analysis_id, tabs, run
        self.outlook, self.offers = OutlookView(), OffersView()
        for name, page in (("outlook", self.outlook), ("offers", self.offers)):
            tabs.addTab(page, t(f"plan.tab.{name}"))
        self.outlook.picked.connect(look_at)
        self.outlook.check_wanted.connect(self._check)
        self.outlook.machine_wanted.connect(partial(self._open, "machine"))
        self.outlook.tool_wanted.connect(partial(self._open, "tool"))
        self.offers.take_wanted.connect(self._take)
        self.offers.line_wanted.connect(partial(self._open, "drawing_analysis"))

    def show_document(self, document: Document) -> None:
        """Show both; parts only where the drawing holds some."""
        self.outlook.show_document(document)
        offers = document.get("offers") or []
        place = self._tabs.indexOf(self.offers)
        self._tabs.setTabVisible(place, bool(offers))
        open_ = sum(1 for one in offers if one.get("analysis_id") is None and not one.get("is_bought"))
        self._tabs.setTabText(place, t("plan.tab.offers") + (f"  {open_}" if open_ else ""))
        self.offers.show_document(document)

    def _check(self) -> None:
        self._run(plan_calls.check_feasibility(self._desk.api, self._id, str(uuid.uuid4())), None)

    def _take(self, keys: list[str]) -> None:
        def made(answer: Any) -> None:
            count = len((answer.get("result") or {}).get("analysis_ids") or [])
            self._desk.message.emit(tn("plan.offers.made", count), "success")

        self._run(plan_calls.take_parts(self._desk.api, self._id, keys, str(uuid.uuid4())), made)

    def _open(self, entity: str, record_id: int) -> None:
        if entity in self._desk.metadata.entities:
            self._desk.open_record(self._desk.entity(entity), record_id)


class OffersView(ListView):
    """Rows of the parts list and solids of the assembly: those ticked become lines."""

    take_wanted = Signal(list)
    line_wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.boxes: dict[str, QCheckBox] = {}
        self.take = button("", "primary", on_click=self._take)

    def show_document(self, document: Document) -> None:
        """Show the parts of a review."""
        offers = document.get("offers") or []
        ticked = {key for key, box in self.boxes.items() if box.isChecked()} if self.boxes else None
        self.take.setParent(None)
        clear(self.body)
        self.boxes = {}
        self.body.addWidget(label(t("plan.offers.hint"), "muted", wrap=True))
        frame, inner = _section(tn("plan.offers.title", len(offers)))
        for one in offers:
            inner.addWidget(self._offer(one, ticked))
        acts = row()
        acts.addStretch()
        acts.addWidget(self.take)
        inner.addLayout(acts)
        self.body.addWidget(frame)
        self._count()

    def _offer(self, one: Mapping[str, Any], ticked: set[str] | None) -> QWidget:
        holder = QWidget()
        line = row(holder)
        key = str(one["key"])
        box = QCheckBox(
            f"{int(one['count'])} ×  {one.get('name') or one.get('number') or t('plan.offers.nameless')}"
        )
        wanted = not one.get("is_bought") if ticked is None else key in ticked
        box.setChecked(wanted and one.get("analysis_id") is None)
        box.setEnabled(one.get("analysis_id") is None)
        box.toggled.connect(lambda _on: self._count())
        self.boxes[key] = box
        line.addWidget(box)
        facts = [str(one[n]) for n in ("number", "material") if one.get(n) and one[n] != one.get("name")]
        if one.get("size_mm"):
            facts.append(" × ".join(f"{v:g}".replace(".", ",") for v in one["size_mm"]) + " mm")
        line.addWidget(label("  ·  ".join(facts), "muted", wrap=True), 1)
        if one.get("is_bought"):
            line.addWidget(Badge(t("plan.offers.bought"), "neutral", "dashed"))
        if one.get("analysis_id") is not None:
            act = partial(self.line_wanted.emit, int(one["analysis_id"]))
            line.addWidget(button(t("plan.offers.open"), "link", on_click=act))
        return holder

    def _chosen(self) -> list[str]:
        return [key for key, box in self.boxes.items() if box.isChecked() and box.isEnabled()]

    def _count(self) -> None:
        chosen = len(self._chosen())
        self.take.setText(tn("plan.offers.take", chosen))
        self.take.setEnabled(chosen > 0)

    def _take(self) -> None:
        self.take_wanted.emit(self._chosen())
