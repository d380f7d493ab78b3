"""What all prepared pages share: reading when shown, fields and figures of the metadata."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.errors import ApiError
from clients.desktop.model.live import Change
from clients.desktop.model.metadata import Entity, Field
from clients.desktop.model.texts import t
from clients.desktop.operations import calls
from clients.desktop.tokens import STEP
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.widgets import Banner, clear, column, label, row

_SHORT = frozenset({
    "operation_label", "tool_text", "passes", "vc_m_min", "n_rev_min", "feed_mm", "feed_mm_min", "ap_mm", "ae_mm", "power_kw",
    "setup_min", "loading_min", "cut_min", "run_min", "planned_time_min", "actual_time_min", "planned_qty", "good_qty", "rework_qty",
    "scrap_qty",
})  # fmt: skip


class SheetView(QScrollArea):
    """Page read from the server when shown; one that fails says so, nothing else."""

    entities: tuple[str, ...] = ()
    """Entities whose changes show here."""

    def __init__(self, desk: Desk, entity: Entity, record_id: int) -> None:
        super().__init__()
        self.desk = desk
        self.entity = entity
        self.record_id = record_id
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
        operation = calls.load_sheet(self.entity.name, self._call())
        self.desk.runner.run(operation, self._show, self._refused, owner=self)

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
        place = self.verticalScrollBar().value()
        clear(self._body)
        self._fill(data)
        QTimer.singleShot(0, self, lambda: self.verticalScrollBar().setValue(place))

    def field_of(self, entity: str, name: str) -> Field | None:
        """Field of an entity, if the person may know it."""
        found = self.desk.metadata.entities.get(entity)
        return found.field(name) if found else None

    def columns_of(self, entity: str, names: tuple[str, ...]) -> list[Field]:
        """Columns of a table, under their short heads."""
        found = (self.field_of(entity, n) for n in names)
        return [dataclasses.replace(f, label=short(f.name) or f.label) for f in found if f is not None]

    def figure(self, entity: str, name: str, record: Mapping[str, Any]) -> tuple[str, str] | None:
        """Label and text of a value, nothing where there is none."""
        field = self.field_of(entity, name)
        if field is None or record.get(name) is None:
            return None
        return field.label, formatting.text_of(field, dict(record))


def short(name: str) -> str | None:
    """Short head of a column of cutting conditions, as in a workshop."""
    return t(f"column.{name}") if name in _SHORT else None


def pairs(layout: QVBoxLayout, values: list[tuple[str, str] | None]) -> None:
    """Name at the left, figure at the right, one below the other."""
    for pair in values:
        if pair is None:
            continue
        line = row()
        line.addWidget(label(pair[0], "muted"))
        line.addStretch()
        line.addWidget(label(pair[1]))
        layout.addLayout(line)
