"""Exports of a review and the received files, written where the person says (DRW-40)."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from clients.desktop.model.api import Record
from clients.desktop.model.texts import t
from clients.desktop.operations import plan_calls
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.widgets import Banner

_PARTS = {"pdf": ("annotated.pdf", "{stem}-annote.pdf"), "json": ("export.json", "{stem}.json")}


class Downloads(QObject):
    """Writes files of one analysis."""

    def __init__(self, parent: QWidget, desk: Desk, analysis_id: int, banner: Banner) -> None:
        super().__init__(parent)
        self._window = parent
        self._desk = desk
        self._analysis_id = analysis_id
        self._banner = banner

    def ask_export(self, kind: str, name: str) -> None:
        """Ask where, then write the marked drawing (``pdf``) or the analysis (``json``)."""
        suggestion = _PARTS[kind][1].format(stem=name.replace("/", "-"))
        target = self._ask(suggestion)
        if target is not None:
            self.export_to(target, kind)

    def export_to(self, target: Path, kind: str) -> None:
        """Write the marked drawing or the analysis to a file."""
        self._write(f"/drawings/{self._analysis_id}/{_PARTS[kind][0]}", target)

    def ask_file(self, file: Record) -> None:
        """Ask where, then write a received file, unchanged."""
        target = self._ask(str(file["file_name"]))
        if target is not None:
            self._write(f"/drawings/files/{file['id']}/content", target)

    def _ask(self, name: str) -> Path | None:
        chosen, _ = QFileDialog.getSaveFileName(self._window, t("plan.export"), str(Path.home() / name))
        return Path(chosen) if chosen else None

    def _write(self, path: str, target: Path) -> None:
        def written(found: Path | None) -> None:
            if found is None:
                self._banner.show_text(t("plan.not_written", path=target), "danger")
            else:
                self._desk.message.emit(t("list.exported", path=found), "success")

        self._desk.runner.run(
            plan_calls.download(self._desk.api, path, target), written,
            lambda error: self._banner.show_text(error.detail, "danger"), owner=self,
        )  # fmt: skip
