"""The model a station works with: the approved file, else the last approved one it had, else none (VIS-24, VIS-44)."""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from edge_agents.drivers.cabinet_camera.taught import TaughtModel, load_model
from edge_agents.runtime.files import write_durably

log = structlog.get_logger(__name__)


class ApprovedModel:
    """Loads once. ``fault`` says in French why the configured model is not the one in use."""

    def __init__(self, path: Path | None, sha256: str | None, last: Path) -> None:
        self.model: TaughtModel | None = None
        self.fault: str | None = None
        if path is None:
            return
        if is_withdrawn(path):
            last.unlink(missing_ok=True)
            self.fault = "Aucun modèle en service : les compartiments appris ne sont plus lus."
            return
        try:
            self.model = load_model(path, expected_sha256=sha256)
        except ValueError as error:
            self._fall_back(str(error), last)
            return
        if not last.exists() or last.read_bytes() != path.read_bytes():
            write_durably(last, path.read_bytes())

    def _fall_back(self, reason: str, last: Path) -> None:
        try:
            self.model = load_model(last)
            self.fault = f"{reason} Le dernier modèle approuvé reste en service."
        except ValueError:
            self.fault = f"{reason} Les compartiments appris ne sont plus lus."
        log.warning("vision.model_refused", reason=reason, fallback=self.model is not None)


def is_withdrawn(path: Path) -> bool:
    """Whether a place for rolled out models names no version (the first one was taken back): nothing replaces it."""
    return path.parent.name == "current" and not os.path.lexists(path.parent)
