"""Prepared pages beside the generic ones: the quote with its scenarios, the job with planned and real times."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QProgressBar, QScrollArea, QVBoxLayout, QWidget

from clients.desktop.model import formatting, sheets
from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.live import Change
from clients.desktop.model.metadata import Choice, Entity, Field
from clients.desktop.model.texts import t
from clients.desktop.operations import calls
from clients.desktop.tokens import STEP
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.static_table import StaticTable
from clients.desktop.ui.widgets import Badge, Banner, card, clear, column, label, row

_QUOTE_COLUMNS = (
    "sequence_no", "operation_label", "machine_id", "tool_text", "passes", "vc_m_min", "n_rev_min", "feed_mm",
    "feed_mm_min", "ap_mm", "ae_mm", "power_kw", "setup_min", "loading_min", "cut_min", "run_min", "cost",
)  # fmt: skip
_SHORT = frozenset({
    "operation_label", "tool_text", "passes", "vc_m_min", "n_rev_min", "feed_mm", "feed_mm_min", "ap_mm", "ae_mm", "power_kw",
    "setup_min", "loading_min", "cut_min", "run_min", "planned_time_min", "actual_time_min", "planned_qty", "good_qty", "rework_qty",
    "scrap_qty",
})  # fmt: skip
_JOB_COLUMNS = (
    "sequence_no", "operation_label", "machine_id", "status", "planned_time_min", "actual_time_min", "planned_qty", "good_qty",
    "rework_qty", "scrap_qty",
)  # fmt: skip


_FEASIBILITY = {
    "feasible": ("success", "check"),
    "not_feasible": ("danger", "alert"),
    "subcontract": ("warning", "pause"),
}


class SheetView(QScrollArea):
    """Page read from the server when shown; part that fails says so, nothing else."""

    entities: tuple[str, ...] = ()
    """Entities whose changes show here."""

    def __init__(self, desk: Desk, entity: Entity, record_id: int) -> None:
        super().__init__()
        self._desk = desk
        self._entity = entity
        self._record_id = record_id
        self.data: Mapping[str, Any] = {}
        self._loading = False
        self._stale = False
        self.setWidgetResizable(True)
        holder = QWidget()
        holder.setObjectName("pageBody")
        layout = column(holder, spacing=3 * STEP)
        layout.setContentsMargins(0, 3 * STEP, 2 * STEP, 4 * STEP)
        self.banner = Banner()
        layout.addWidget(self.banner)
        self._body: QVBoxLayout = column(spacing=3 * STEP)
        layout.addLayout(self._body)
        layout.addStretch()
        self.setWidget(holder)

    def concerned(self, change: Change) -> bool:
        """Whether a change shows here."""
        return change.entity in self.entities or change.entity == "*"

    def load(self) -> None:
        """Read the sheet; asked again meanwhile, once more afterwards."""
        if self._loading:
            self._stale = True
            return
        self._loading, self._stale = True, False
        operation = calls.load_sheet(self._entity.name, self._call())
        self._desk.runner.run(operation, self._show, self._refused, owner=self)

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        raise NotImplementedError

    def _fill(self, data: Mapping[str, Any]) -> None:
        raise NotImplementedError

    def _refused(self, error: ApiError) -> None:
        self._loading = False
        self.banner.show_text(error.detail, "warning", (t("retry"), self.load))

    def _show(self, data: Mapping[str, Any]) -> None:
        self._loading = False
        if self._stale:
            self.load()
            return
        self.banner.clear_text()
        self.data = data
        clear(self._body)
        self._fill(data)

    def _field(self, entity: str, name: str) -> Field | None:
        found = self._desk.metadata.entities.get(entity)
        return found.field(name) if found else None

    def _columns(self, entity: str, names: tuple[str, ...]) -> list[Field]:
        found = (self._field(entity, n) for n in names)
        return [dataclasses.replace(f, label=short(f.name) or f.label) for f in found if f is not None]

    def _figure(self, entity: str, name: str, record: Mapping[str, Any]) -> tuple[str, str] | None:
        field = self._field(entity, name)
        if field is None or record.get(name) is None:
            return None
        return field.label, formatting.text_of(field, dict(record))


def short(name: str) -> str | None:
    """Short head of a column of cutting conditions, as in a workshop."""
    return t(f"column.{name}") if name in _SHORT else None


def _pairs(layout: QVBoxLayout, pairs: list[tuple[str, str] | None]) -> None:
    for pair in pairs:
        if pair is None:
            continue
        line = row()
        line.addWidget(label(pair[0], "muted"))
        line.addStretch()
        line.addWidget(label(pair[1]))
        layout.addLayout(line)


class QuoteSheetView(SheetView):
    """Three scenarios side by side, then each line with its operations, cutting conditions and times."""

    entities = ("quote", "quote_line", "quote_line_operation", "quote_scenario", "resource_gap")

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return lambda: sheets.quote_sheet(self._desk.api, self._desk.metadata, self._record_id)

    def _fill(self, data: Mapping[str, Any]) -> None:
        self._notes(t("sheet.questions"), data.get("questions") or [], "info")
        self._notes(t("sheet.warnings"), data.get("warnings") or [], "warning")
        scenarios = data.get("scenarios") or []
        if scenarios:
            line = row(spacing=3 * STEP)
            for scenario in scenarios:
                line.addWidget(self._scenario(scenario, data["quote"]), 1)
            self._body.addLayout(line)
        for one in data.get("lines") or []:
            self._body.addWidget(self._line(one))
        if not scenarios and not data.get("lines"):
            self._body.addWidget(label(t("sheet.quote_empty"), "muted"))

    def _notes(self, title: str, items: list[Any], tone: str) -> None:
        if items:
            banner = Banner()
            banner.show_text(f"{title} : " + " — ".join(sheets.sentence(i) for i in items), tone)
            self._body.addWidget(banner)

    def _scenario(self, scenario: Record, quote: Record) -> QWidget:
        recommended = bool(scenario.get("is_recommended"))
        frame, layout = card(accent=recommended)
        kind = self._field("quote_scenario", "kind")
        choice = kind.choice(scenario.get("kind")) if kind else None
        head = row()
        head.addWidget(label(choice.label if choice else str(scenario.get("kind")), "heading"))
        head.addStretch()
        if scenario.get("id") == quote.get("selected_scenario_id"):
            head.addWidget(Badge(t("sheet.selected"), "muted", "check"))
        if recommended:
            head.addWidget(Badge(t("sheet.recommended"), "info", "check"))
        layout.addLayout(head)
        price = self._figure("quote_scenario", "price_excl_tax", scenario)
        if price:
            layout.addWidget(label(price[1], "figure"))
            layout.addWidget(label(price[0], "muted"))
        names = ("delivery_date", "lead_time_days", "machining_min", "cost", "margin_pct")
        _pairs(layout, [self._figure("quote_scenario", n, scenario) for n in names])
        for reason in scenario.get("reasons") or []:
            layout.addWidget(label("• " + sheets.sentence(reason), "muted", wrap=True))
        layout.addStretch()
        return frame

    def _line(self, line: Record) -> QWidget:
        frame, layout = card()
        head = row(spacing=3 * STEP)
        head.addWidget(
            label(
                f"{line.get('line_no') or ''}  {line.get('description') or line.get('display') or ''}".strip(),
                "heading",
            )
        )
        for name in ("quantity", "material_id", "unit_price_excl_tax", "unit_cost"):
            if pair := self._figure("quote_line", name, line):
                head.addWidget(label(f"{pair[0]} : {pair[1]}", "muted"))
        head.addStretch()
        feasibility = self._field("quote_line", "feasibility")
        if feasibility and (choice := feasibility.choice(line.get("feasibility"))):
            tone, mark = _FEASIBILITY.get(choice.value, (choice.tone, choice.sign))
            head.addWidget(Badge(choice.label, tone, mark))
        layout.addLayout(head)
        if line.get("error_message"):
            banner = Banner()
            banner.show_text(str(line["error_message"]), "danger")
            layout.addWidget(banner)
        operations = [sheets.with_tool(o) for o in line.get("operations") or []]
        if operations:
            layout.addWidget(
                StaticTable(
                    self._columns("quote_line_operation", _QUOTE_COLUMNS), operations, "operation_label"
                )
            )
            setup, run = sheets.total(operations, "setup_min"), sheets.total(operations, "run_min")
            layout.addWidget(
                label(
                    t("sheet.times", setup=formatting.duration(setup), run=formatting.duration(run)), "muted"
                )
            )
        for gap in line.get("resource_gaps") or []:
            layout.addWidget(label("• " + sheets.sentence(gap), "error", wrap=True))
        return frame


class JobSheetView(SheetView):
    """Work order: operations with planned and real time, quantities, status; and what the job earns."""

    entities = ("work_order", "work_order_operation", "time_entry", "order_profitability", "machine_cycle")

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return lambda: sheets.job_sheet(self._desk.api, self._desk.metadata, self._record_id)

    def _fill(self, data: Mapping[str, Any]) -> None:
        self._body.addWidget(self._summary(data))
        self._body.addWidget(self._operations(data))
        if profit := data.get("profitability"):
            self._body.addWidget(self._profitability(profit))
        for comment in (data.get("comments") or [])[:10]:
            self._body.addWidget(
                label(f"{comment.get('person') or '—'} : {comment.get('text') or ''}", "muted", wrap=True)
            )

    def _summary(self, data: Mapping[str, Any]) -> QWidget:
        frame, layout = card()
        line = row(spacing=8 * STEP)
        part = data.get("part") or {}
        name = " · ".join(
            str(v) for v in (part.get("drawing_number"), part.get("revision"), part.get("name")) if v
        )
        figures = [(t("sheet.part"), name)] if name else []
        figures += [
            p
            for n in ("quantity", "due_date", "priority")
            if (p := self._figure("work_order", n, data["order"]))
        ]
        figures.append((t("sheet.planned"), formatting.duration(data.get("planned_min") or 0)))
        figures.append((t("sheet.actual"), formatting.duration(data.get("actual_min") or 0)))
        for title, text in figures:
            block = column(spacing=STEP // 2)
            block.addWidget(label(title, "label"))
            block.addWidget(label(text, "heading"))
            line.addLayout(block)
        line.addStretch()
        layout.addLayout(line)
        progress = QProgressBar()
        progress.setRange(0, 100)
        progress.setValue(int(data.get("progress_pct") or 0))
        progress.setTextVisible(False)
        layout.addWidget(progress)
        layout.addWidget(label(t("sheet.progress", value=int(data.get("progress_pct") or 0)), "muted"))
        return frame

    def _operations(self, data: Mapping[str, Any]) -> QWidget:
        frame, layout = card()
        layout.addWidget(label(t("sheet.operations"), "section"))
        rows = [_flat(o) for o in data.get("operations") or []]
        columns = self._columns("work_order_operation", _JOB_COLUMNS)
        late = Field("over", t("sheet.time_check"), "choice", choices=(
            Choice("over", t("sheet.over"), "danger"), Choice("under", t("sheet.under"), "neutral"),
        ))  # fmt: skip
        people = Field("people_text", t("sheet.people"), "text")
        layout.addWidget(StaticTable([*columns, late, people], rows, "operation_label"))
        return frame

    def _profitability(self, profit: Record) -> QWidget:
        frame, layout = card()
        head = row()
        head.addWidget(label(t("sheet.profitability"), "section"))
        field = self._field("order_profitability", "status")
        if field and (choice := field.choice(profit.get("status"))):
            head.addWidget(Badge.of(choice))
        head.addStretch()
        layout.addLayout(head)
        names = (
            "selling_price",
            "planned_cost",
            "actual_cost",
            "forecast_cost",
            "margin_pct",
            "forecast_margin_pct",
        )
        line = row(spacing=8 * STEP)
        for name in names:
            if pair := self._figure("order_profitability", name, profit):
                block = column(spacing=STEP // 2)
                block.addWidget(label(pair[0], "label"))
                block.addWidget(label(pair[1], "heading"))
                line.addLayout(block)
        line.addStretch()
        layout.addLayout(line)
        for item in profit.get("missing") or []:
            layout.addWidget(label("• " + sheets.sentence(item), "muted", wrap=True))
        return frame


class OrderJobsView(JobSheetView):
    """Sales order: the sheet of each of its work orders."""

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return lambda: sheets.order_jobs(self._desk.api, self._desk.metadata, self._record_id)

    def _fill(self, data: Mapping[str, Any]) -> None:
        if not data["jobs"]:
            self._body.addWidget(label(t("sheet.no_job"), "muted"), 0, Qt.AlignmentFlag.AlignLeft)
        for job in data["jobs"]:
            self._body.addWidget(label(str(job["order"].get("display")), "heading"))
            super()._fill(job)


def _flat(operation: Record) -> Record:
    """Row of the table: names beside identities, and whether time ran over."""
    made = dict(operation)
    machine = operation.get("machine")
    if isinstance(machine, dict):
        shown = machine.get("display") or " · ".join(
            str(v) for v in (machine.get("code"), machine.get("name")) if v
        )
        made["machine"] = {**machine, "display": shown}
        made.setdefault("machine_id", machine.get("id"))
    made["people_text"] = ", ".join(operation.get("people") or [])
    actual, planned = (
        Decimal(str(operation.get("actual_time_min") or 0)),
        Decimal(str(operation.get("planned_time_min") or 0)),
    )
    over = operation.get("is_over_time", actual > planned)
    if actual:
        made["over"] = "over" if over else "under"
    return made


_VIEWS: dict[str, tuple[str, type[SheetView]]] = {
    "quote": ("sheet.quote", QuoteSheetView),
    "work_order": ("sheet.job", JobSheetView),
    "sales_order": ("sheet.job", OrderJobsView),
}


def sheet_views(desk: Desk, entity: Entity, record_id: int) -> list[tuple[str, SheetView]]:
    """Prepared pages of an entity, with the name of their tab."""
    found = _VIEWS.get(entity.name)
    return [(t(found[0]), found[1](desk, entity, record_id))] if found else []
