"""First tab: what waits for the person, and the ways into the work."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from clients.desktop.model.api import Page, Record
from clients.desktop.model.listing import ListState
from clients.desktop.model.live import Change
from clients.desktop.model.metadata import Entity, Field, visible_menu
from clients.desktop.model.texts import inside, t, tn
from clients.desktop.operations import calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.form_view import scrolled
from clients.desktop.ui.widgets import Badge, ElidedLink, button, card, clear, column, label, row

_COLUMNS = 3
_LISTS = 5
_WAITING = ("task", "notification")


class HomePage(QWidget):
    """Tasks, then one card per group of the menu."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("page")
        self._desk = desk
        outer = column(self)
        outer.setContentsMargins(6 * STEP, 5 * STEP, 4 * STEP, 0)
        name = str(desk.api.user.get("first_name") or "")
        outer.addWidget(label(t("home.hello", name=name), "title"))
        body = QWidget()
        body.setObjectName("pageBody")
        layout = column(body, spacing=4 * STEP)
        self._waiting: dict[str, tuple[QWidget, QVBoxLayout]] = {}
        for entity_name in _WAITING:
            if entity_name in desk.metadata.entities:
                frame, inner = card(accent=True)
                frame.hide()
                self._waiting[entity_name] = (frame, inner)
                layout.addWidget(frame)
        layout.addLayout(self._groups())
        body.setMaximumWidth(theme.scaled(1240))
        outer.addWidget(scrolled(body), 1)
        desk.changed.connect(self._on_change)
        self.load()

    @property
    def title(self) -> str:
        """Name of the tab."""
        return t("home.title")

    def _groups(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(4 * STEP)
        shown = [(g, e) for g, e in visible_menu(self._desk.metadata) if g.group != "home"]
        for place, (group, entities) in enumerate(shown):
            frame, inner = card()
            inner.addWidget(label(group.label, "section"))
            for entity in entities[:_LISTS]:
                inner.addLayout(self._entry(entity))
            if len(entities) > _LISTS:
                inner.addWidget(label(tn("home.more", len(entities) - _LISTS), "muted"))
            inner.addStretch()
            grid.addWidget(frame, place // _COLUMNS, place % _COLUMNS)
        for place in range(_COLUMNS):
            grid.setColumnStretch(place, 1)
        return grid

    def _entry(self, entity: Entity) -> QHBoxLayout:
        line = row()
        line.addWidget(button(entity.label_plural, "link", on_click=lambda: self._desk.open_list(entity)))
        line.addStretch()
        if entity.may("create"):
            new = button("", "icon", "plus", lambda: self._desk.create(entity))
            new.setFixedSize(theme.scaled(24), theme.scaled(24))
            new.setToolTip(t("record.new", what=inside(entity.label)))
            new.setAccessibleName(t("record.new", what=inside(entity.label)))
            line.addWidget(new)
        return line

    def _on_change(self, change: Change) -> None:
        if change.entity in {*_WAITING, "*"}:
            self.load()

    def load(self) -> None:
        """Read what waits."""
        for name in self._waiting:
            entity = self._desk.entity(name)
            operation = calls.load_page(self._desk.api, ListState(entity))
            self._desk.runner.run(operation, partial(self._show, entity), owner=self)

    def _show(self, entity: Entity, page: Page) -> None:
        frame, inner = self._waiting[entity.name]
        status = entity.field(entity.status_field) if entity.status_field else None
        over = {"done", "cancelled", "read", "acknowledged", "resolved"}
        waiting = [
            r for r in page.items if r.get(entity.status_field or "") not in over and not r.get("read_at")
        ][:6]
        frame.setVisible(bool(waiting))
        clear(inner)
        inner.addWidget(label(entity.label_plural, "section"))
        for record in waiting:
            inner.addLayout(self._waiting_line(entity, record, status))

    def _waiting_line(self, entity: Entity, record: Record, status: Field | None) -> QHBoxLayout:
        line = row()
        # A long sentence is cut where the card ends, whole in its tip: it must not widen the page.
        line.addWidget(
            ElidedLink(str(record.get("display")), lambda: self._desk.open_record(entity, int(record["id"]))),
            1,
        )
        choice = status.choice(record.get(entity.status_field or "")) if status else None
        if choice is not None:
            line.addWidget(Badge.of(choice))
        return line
