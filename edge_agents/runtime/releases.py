"""Versions side by side on a station (EDG-35, EDG-55): one folder each, a link to the one that runs, a file while one is on trial.

``ROOT/current`` is a symbolic link replaced in one step; without it the installed program runs (or no model is there). ``trial.json``
exists from the switch until the new version proved itself, so that whoever starts next after a power cut knows to go back.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_agents.runtime.files import write_durably

_LINK = "current"
_TRIAL = "trial.json"
KEPT = 3


@dataclass(frozen=True)
class Trial:
    """A version just switched to. ``previous`` None: the installed program, or no model.

    ``needs_line`` False: it came on a stick to a station that had no line to prove itself with (EDG-36).
    """

    offer_id: str
    version: str
    previous: str | None
    health_s: float
    faults_before: list[str]
    starts: int = 0
    needs_line: bool = True


class ReleaseStore:
    """Folders of one kind of thing (the software, or one model)."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def running(self) -> str | None:
        """Version the link names; None when there is none or its folder is gone."""
        link = self.root / _LINK
        try:
            name = os.readlink(link)
        except OSError:
            return None
        return name if (self.root / name).is_dir() else None

    def folder(self, version: str) -> Path:
        return self.root / version

    def versions(self) -> list[str]:
        """Versions on the disk, oldest installation first."""
        if not self.root.is_dir():
            return []
        found = [p for p in self.root.iterdir() if p.is_dir() and not p.is_symlink() and p.suffix != ".new"]
        return [p.name for p in sorted(found, key=lambda p: p.stat().st_mtime_ns)]

    def install(self, version: str, unpack: Callable[[Path], Any]) -> None:
        """Fills a folder aside and gives it its name only when whole; the running version is not touched."""
        aside = self.root / f"{version}.new"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        unpack(aside)
        if self.running() != version:
            shutil.rmtree(self.folder(version), ignore_errors=True)
            aside.replace(self.folder(version))
            _flush(self.root)
        else:
            shutil.rmtree(aside)

    def point(self, version: str | None) -> None:
        """Replaces the link in one step; None removes it."""
        link, aside = self.root / _LINK, self.root / f"{_LINK}.new"
        if version is None:
            link.unlink(missing_ok=True)
        else:
            aside.unlink(missing_ok=True)
            aside.symlink_to(version, target_is_directory=True)
            aside.replace(link)
        _flush(self.root)

    def begin(self, trial: Trial) -> None:
        """Notes the trial, then switches: a cut between both leaves the old version, and the note sends it back to itself."""
        write_durably(self.root / _TRIAL, json.dumps(asdict(trial)).encode())
        self.point(trial.version if trial.version != "installed" else None)

    def trial(self) -> Trial | None:
        """The trial going on."""
        try:
            return Trial(**json.loads((self.root / _TRIAL).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def note_start(self) -> None:
        """Counts a start under trial."""
        trial = self.trial()
        if trial is not None:
            values = {**asdict(trial), "starts": trial.starts + 1}
            write_durably(self.root / _TRIAL, json.dumps(values).encode())

    def confirm(self) -> None:
        """The version proved itself; the oldest folders go."""
        trial = self.trial()
        (self.root / _TRIAL).unlink(missing_ok=True)
        _flush(self.root)
        needed = {self.running(), trial.previous if trial else None}
        spare = [version for version in self.versions() if version not in needed]
        for version in spare[: max(0, len(self.versions()) - KEPT)]:
            shutil.rmtree(self.folder(version), ignore_errors=True)

    def roll_back(self) -> Trial | None:
        """Back to the version before the trial; what was tried, or None when there was no trial."""
        trial = self.trial()
        if trial is None:
            return None
        self.point(trial.previous)
        (self.root / _TRIAL).unlink(missing_ok=True)
        _flush(self.root)
        return trial


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# what the coordinator is told ----------------------------------------------------------------------------------


class UpdateFile:
    """``updates/state.json``: how far the last offer is; read by the agent, also written by the launcher."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "updates" / "state.json"

    def read(self) -> dict[str, Any] | None:
        try:
            value = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def write(self, **values: Any) -> None:
        """Changes the given fields."""
        merged = {**(self.read() or {}), **values}
        write_durably(self.path, json.dumps(merged, ensure_ascii=False).encode())


def software_store(data_dir: Path) -> ReleaseStore:
    """Versions of the program."""
    return ReleaseStore(data_dir / "releases")


def model_store(data_dir: Path, name: str) -> ReleaseStore:
    """Versions of one model; drivers read ``DATA/models/NAME/current``."""
    return ReleaseStore(data_dir / "models" / name)


def model_stores(data_dir: Path) -> dict[str, ReleaseStore]:
    """All models of the station by name."""
    folder = data_dir / "models"
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return {path.name: ReleaseStore(path) for path in found if path.is_dir()}
