"""What a station reads with, taught model or detector: the approved file, else the last approved one it had, else none
(VIS-24, VIS-44)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import structlog

from edge_agents.runtime.files import write_durably

log = structlog.get_logger(__name__)
ReadT_co = TypeVar("ReadT_co", covariant=True)


class Load(Protocol[ReadT_co]):
    """Reads a file. Raises ``ValueError`` in French when it is missing, damaged or not the expected one."""

    def __call__(self, path: Path, *, expected_sha256: str | None = None) -> ReadT_co: ...


class Approved(Generic[ReadT_co]):
    """Loads once. ``fault`` says in French why the configured file is not the one in use; ``lost`` what nobody reads then."""

    def __init__(
        self,
        load: Load[ReadT_co],
        path: Path | None,
        sha256: str | None,
        last: Path,
        *,
        lost: str = "les compartiments appris ne sont plus lus",
    ) -> None:
        self.model: ReadT_co | None = None
        self.fault: str | None = None
        self._load, self._lost = load, lost
        if path is None:
            return
        if is_withdrawn(path):
            last.unlink(missing_ok=True)
            self.fault = f"Aucun modèle en service : {lost}."
            return
        try:
            self.model = load(path, expected_sha256=sha256)
        except ValueError as error:
            self._fall_back(str(error), last)
            return
        if not last.exists() or last.read_bytes() != path.read_bytes():
            write_durably(last, path.read_bytes())

    def _fall_back(self, reason: str, last: Path) -> None:
        try:
            self.model = self._load(last)
            self.fault = f"{reason} Le dernier modèle approuvé reste en service."
        except ValueError:
            self.fault = f"{reason} {self._lost.capitalize()}."
        log.warning("vision.model_refused", reason=reason, fallback=self.model is not None)


def is_withdrawn(path: Path) -> bool:
    """Whether a place for rolled out models names no version (the first one was taken back): nothing replaces it."""
    return path.parent.name == "current" and not os.path.lexists(path.parent)
