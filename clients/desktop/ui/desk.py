"""What all pages of a signed-in window share: server, runner, metadata, drafts, and the ways from page to page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from clients.desktop.model.api import ApiClient
from clients.desktop.model.drafts import DraftStore
from clients.desktop.model.live import Change
from clients.desktop.model.metadata import Entity, Metadata
from clients.desktop.operations.runner import Runner


class Desk(QObject):
    """Shared services of the pages; pages never know the window."""

    changed = Signal(object)
    """A :class:`Change` arrived."""
    list_wanted = Signal(str)
    record_wanted = Signal(str, int)
    creation_wanted = Signal(str, object)
    board_wanted = Signal(str)
    page_wanted = Signal(str)
    """Name of a page over many records: see ``watch_pages``."""
    import_wanted = Signal(object)
    """Files to import as drawings, maybe none yet."""
    message = Signal(str, str)
    """Sentence for the foot of the window, and its tone."""

    def __init__(self, api: ApiClient, runner: Runner, metadata: Metadata, drafts: DraftStore) -> None:
        super().__init__()
        self.api = api
        self.runner = runner
        self.metadata = metadata
        self.drafts = drafts
        self.online = True

    def entity(self, name: str) -> Entity:
        """Entity by name."""
        return self.metadata.entities[name]

    @property
    def may_import(self) -> bool:
        """Whether the person works on drawings."""
        plans = self.metadata.entities.get("drawing_analysis")
        return plans is not None and plans.may("update")

    def open_list(self, entity: Entity) -> None:
        """Ask for the list of an entity."""
        self.list_wanted.emit(entity.name)

    def open_record(self, entity: Entity, record_id: int) -> None:
        """Ask for a record."""
        self.record_wanted.emit(entity.name, record_id)

    def create(self, entity: Entity, preset: Mapping[str, Any] | None = None) -> None:
        """Ask for an empty form, some fields filled in."""
        self.creation_wanted.emit(entity.name, dict(preset or {}))

    def open_page(self, name: str) -> None:
        """Ask for a page over many records."""
        self.page_wanted.emit(name)

    def open_board(self, name: str) -> None:
        """Ask for a prepared page of the stock."""
        self.board_wanted.emit(name)

    def import_plans(self, files: Sequence[Path] = ()) -> None:
        """Ask for the import of drawings."""
        self.import_wanted.emit(list(files))

    def announce(self, change: Change) -> None:
        """Tell the pages of a change made here, without waiting for the server's message."""
        self.changed.emit(change)
