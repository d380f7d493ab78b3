"""Prepared pages beside the generic ones: the quote with its scenarios, the job with planned and real times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QProgressBar, QWidget

from clients.desktop.model import formatting, sheets
from clients.desktop.model.api import Record
from clients.desktop.model.metadata import Choice, Entity, Field
from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.machines.event import EventView
from clients.desktop.ui.machines.live import MachineLiveView
from clients.desktop.ui.machines.register import CameraRegisterView
from clients.desktop.ui.machines.trs import MachineTrsView
from clients.desktop.ui.quote.page import QuoteSheetView
from clients.desktop.ui.quote.precision import PrecisionView
from clients.desktop.ui.sheet_view import SheetView
from clients.desktop.ui.static_table import StaticTable
from clients.desktop.ui.stations.commands import CommandsView
from clients.desktop.ui.stations.drivers import DriversView
from clients.desktop.ui.stations.thresholds import ThresholdsView
from clients.desktop.ui.stations.zones import CameraZonesView, CompartmentsView
from clients.desktop.ui.stock.views import RecordBoardView
from clients.desktop.ui.vision.review import DetectionReviewView
from clients.desktop.ui.widgets import Badge, card, column, label, row

_JOB_COLUMNS = (
    "sequence_no", "operation_label", "machine_id", "status", "planned_time_min", "actual_time_min", "planned_qty", "good_qty",
    "rework_qty", "scrap_qty",
)  # fmt: skip


class JobSheetView(SheetView):
    """Work order: operations with planned and real time, quantities, status; and what the job earns."""

    entities = ("work_order", "work_order_operation", "time_entry", "order_profitability", "machine_cycle")

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return lambda: sheets.job_sheet(self.desk.api, self.desk.metadata, self.record_id)

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
            if (p := self.figure("work_order", n, data["order"]))
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
        columns = self.columns_of("work_order_operation", _JOB_COLUMNS)
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
        field = self.field_of("order_profitability", "status")
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
            if pair := self.figure("order_profitability", name, profit):
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
        return lambda: sheets.order_jobs(self.desk.api, self.desk.metadata, self.record_id)

    def _fill(self, data: Mapping[str, Any]) -> None:
        if not data["jobs"]:
            self._body.addWidget(
                label(t("sheet.no_job" if data["may_see"] else "sheet.jobs_hidden"), "muted"),
                0,
                Qt.AlignmentFlag.AlignLeft,
            )
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


__all__ = ["JobSheetView", "OrderJobsView", "QuoteSheetView", "SheetView", "sheet_views"]
_VIEWS: dict[str, tuple[str, type[SheetView]]] = {
    "quote": ("sheet.quote", QuoteSheetView),
    "learning_factor": ("quote.precision", PrecisionView),
    "work_order": ("sheet.job", JobSheetView),
    "sales_order": ("sheet.job", OrderJobsView),
    "stock_item": ("stock.tab.supply", RecordBoardView),
    "tool": ("stock.tab.supply", RecordBoardView),
    "material": ("stock.tab.supply", RecordBoardView),
    "stock_lot": ("stock.tab.life", RecordBoardView),
    "stock_unit": ("stock.tab.life", RecordBoardView),
    "tool_incident": ("stock.tab.options", RecordBoardView),
    "cutting_plan": ("stock.tab.plan", RecordBoardView),
    "plate_plan": ("stock.tab.plan", RecordBoardView),
    "vision_detection": ("vision.review", DetectionReviewView),
    "machine": ("machine.live", MachineLiveView),
    "machine_event": ("event.tab", EventView),
    "camera": ("register.tab", CameraRegisterView),
    "station": ("driver.tab", DriversView),
}
_SECOND: dict[str, tuple[str, type[SheetView]]] = {
    "machine": ("machine.trs", MachineTrsView),
    "station": ("zones.tab", CompartmentsView),
    "camera": ("zones.tab", CameraZonesView),
}
_THIRD: dict[str, tuple[str, type[SheetView]]] = {"station": ("threshold.tab", ThresholdsView)}
_FOURTH: dict[str, tuple[str, type[SheetView]]] = {"station": ("command.tab", CommandsView)}


def sheet_views(desk: Desk, entity: Entity, record_id: int) -> list[tuple[str, SheetView]]:
    """Prepared pages of an entity, with the name of their tab."""
    wanted = [views[entity.name] for views in (_VIEWS, _SECOND, _THIRD, _FOURTH) if entity.name in views]
    return [(t(name), view(desk, entity, record_id)) for name, view in wanted]
