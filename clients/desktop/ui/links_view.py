"""What a record points to and what points to it."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.api import Page, Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.live import Change
from clients.desktop.model.metadata import Entity, Field
from clients.desktop.model.texts import inside, t
from clients.desktop.operations import calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.widgets import (
    Badge,
    Banner,
    ElidedLabel,
    ElidedLink,
    button,
    card,
    clear,
    column,
    label,
    row,
)

_SHOWN = 6
_UNTOLD = frozenset({"boolean", "json"})
"""Kinds whose bare value says nothing beside a name."""


class LinksView(QScrollArea):
    """Cards of linked records, one per kind; empty kinds only offer their creation."""

    def __init__(self, desk: Desk, entity: Entity, record_id: int) -> None:
        super().__init__()
        self._desk = desk
        self._entity = entity
        self._record_id = record_id
        self._sources = desk.metadata.incoming(entity)
        self._names = {e.name for e, _ in self._sources}
        self.pages: dict[tuple[str, str], Page] = {}
        self._missing = 0
        self.setWidgetResizable(True)
        holder = QWidget()
        holder.setObjectName("pageBody")
        layout = column(holder, spacing=3 * STEP)
        layout.setContentsMargins(0, 3 * STEP, 2 * STEP, 4 * STEP)
        self.banner = Banner()
        layout.addWidget(self.banner)
        self._cards = column(spacing=3 * STEP)
        layout.addLayout(self._cards)
        layout.addStretch()
        holder.setMaximumWidth(theme.scaled(1060))
        self.setWidget(holder)

    def concerned(self, change: Change) -> bool:
        """Whether a change shows here."""
        return change.entity in self._names or change.entity == "*"

    def load(self) -> None:
        """Read the linked records, all kinds side by side."""
        if self._missing:
            return
        self.pages = {}
        self._missing = 1 + len(self._sources)
        self._desk.runner.run(
            calls.load_record(self._desk.api, self._entity, self._record_id),
            self._own,
            self._refused,
            owner=self,
        )
        for source, field in self._sources:
            self._desk.runner.run(
                calls.load_links(self._desk.api, source, field, self._record_id, _SHOWN),
                partial(self._arrived, source, field), self._refused, owner=self,
            )  # fmt: skip

    def _own(self, record: Record) -> None:
        self._record = record
        self._done()

    def _arrived(self, source: Entity, field: Field, page: Page) -> None:
        self.pages[source.name, field.name] = page
        self._done()

    def _refused(self, error: ApiError) -> None:
        # A kind that refuses is left out; the others stay (UIX-69).
        if error.status == 0:
            self.banner.show_text(error.detail, "warning", (t("retry"), self.load))
        self._done()

    def _done(self) -> None:
        self._missing -= 1
        if self._missing == 0:
            self._show()

    def _show(self) -> None:
        clear(self._cards)
        record = getattr(self, "_record", {})
        self._add_outgoing(record)
        empty = []
        for source, field in self._sources:
            page = self.pages.get((source.name, field.name))
            if page is None:
                continue
            if page.total:
                self._add_card(source, field, page)
            elif self._may_add(source, field):
                empty.append((source, field))
        if empty:
            frame, layout = card()
            layout.addWidget(label(t("links.add"), "section"))
            for start in range(0, len(empty), 4):
                line_ = row()
                for source, field in empty[start : start + 4]:
                    line_.addWidget(
                        button(
                            source.label,
                            "chip",
                            on_click=partial(self._desk.create, source, {field.name: self._record_id}),
                        )
                    )
                line_.addStretch()
                layout.addLayout(line_)
            self._cards.addWidget(frame)
        if not self._cards.count():
            self._cards.addWidget(label(t("links.none"), "muted"))

    def _may_add(self, source: Entity, field: Field) -> bool:
        return source.may("create") and source.may("read") and not field.read_only

    def _add_outgoing(self, record: Record) -> None:
        pairs = [
            (f, self._desk.metadata.by_plural(f.target)) for f in self._entity.fields if f.type == "reference"
        ]
        shown = [(f, e) for f, e in pairs if e is not None and record.get(f.name) is not None]
        if not shown:
            return
        frame, layout = card()
        layout.addWidget(label(t("links.outgoing"), "section"))
        for field, target in shown:
            line_ = row()
            name = label(field.label, "muted")
            name.setFixedWidth(theme.scaled(200))
            line_.addWidget(name)
            line_.addWidget(
                button(formatting.reference(field, record), "link",
                       on_click=partial(self._desk.open_record, target, int(record[field.name])))
            )  # fmt: skip
            line_.addStretch()
            layout.addLayout(line_)
        self._cards.addWidget(frame)

    def _add_card(self, source: Entity, field: Field, page: Page) -> None:
        frame, layout = card()
        head = row()
        head.addWidget(label(source.label_plural, "section"))
        head.addWidget(label(str(page.total), "muted"))
        head.addWidget(label(f"({inside(field.label)})", "muted"))
        head.addStretch()
        if self._may_add(source, field):
            head.addWidget(
                button(
                    t("links.new"),
                    "link",
                    on_click=lambda: self._desk.create(source, {field.name: self._record_id}),
                )
            )
        layout.addLayout(head)
        for record in page.items:
            self._add_line(layout, source, field, record)
        if page.total > len(page.items):
            layout.addWidget(label(t("links.more", count=page.total - len(page.items)), "muted"))
        self._cards.addWidget(frame)

    def _add_line(self, layout: QVBoxLayout, source: Entity, field: Field, record: Record) -> None:
        line_ = row(spacing=3 * STEP)
        line_.addWidget(
            ElidedLink(str(record.get("display")), lambda: self._desk.open_record(source, int(record["id"]))),
            1,
        )
        shown = [
            f
            for f in source.columns
            if f.name not in {field.name, source.title_field, source.status_field} and f.type not in _UNTOLD
        ][:3]
        told = str(record.get("display"))
        words = " · ".join(w for w in (formatting.text_of(f, record) for f in shown) if w and w not in told)
        line_.addWidget(ElidedLabel(words), 1)
        status = source.field(source.status_field) if source.status_field else None
        if status is not None and (choice := status.choice(record.get(status.name))):
            line_.addWidget(Badge.of(choice))
        layout.addLayout(line_)
