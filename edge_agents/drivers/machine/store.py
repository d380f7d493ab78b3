"""What a machine driver keeps across a power cut, in small files below its data folder (EDG-21, EDG-51)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from edge_agents.drivers.machine.state import MachineEvent
from edge_agents.runtime.files import write_durably

log = structlog.get_logger(__name__)
_MAX_LINES = 5_000


class MachineStore:
    """Snapshot of the tracker with the events not yet in the journal, what was learned, and the cycles seen."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._state = directory / "machine.json"
        self._baseline = directory / "baseline.json"
        self._cycles = directory / "cycles.jsonl"

    def save(self, values: dict[str, Any], unsent: list[MachineEvent]) -> None:
        """Writes the snapshot: after a power cut ``unsent`` are recorded again, under the same identifier."""
        rows = [[event.type, event.payload, event.at, str(event.uid)] for event in unsent]
        write_durably(self._state, json.dumps(values | {"unsent": rows}).encode())

    def load(self) -> tuple[dict[str, Any] | None, list[MachineEvent]]:
        """The last snapshot; a damaged one is put aside and nothing is known."""
        values = self._read(self._state)
        if not isinstance(values, dict):
            return None, []
        try:
            unsent = [MachineEvent(kind, body, at, UUID(uid)) for kind, body, at, uid in values["unsent"]]
        except (KeyError, TypeError, ValueError):
            unsent = []
        return values, unsent

    def save_baseline(self, rows: list[Any]) -> None:
        """Writes the learned peaks."""
        write_durably(self._baseline, json.dumps(rows).encode())

    def load_baseline(self) -> Any:
        """The learned peaks, or ``None``."""
        return self._read(self._baseline)

    def append_cycle(self, row: list[Any]) -> None:
        """Adds the measures of one cycle; a torn last line is left out when read."""
        self._cycles.parent.mkdir(parents=True, exist_ok=True)
        with self._cycles.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def load_cycles(self) -> list[Any]:
        """Cycles from oldest to newest, at most 5000; a longer file is shortened."""
        try:
            lines = self._cycles.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return []
        rows = []
        for line in lines[-_MAX_LINES:]:
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue
        if len(lines) > _MAX_LINES * 1.2:
            write_durably(self._cycles, "".join(json.dumps(row) + "\n" for row in rows).encode())
        return rows

    def save_model(self, version: str, document: dict[str, Any], kept: str | None) -> None:
        """Keeps a learned model; the four newest and ``kept`` (the approved one) stay."""
        write_durably(self.directory / "models" / f"{version}.json", json.dumps(document).encode())
        files = sorted((self.directory / "models").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        for path in files[:-4]:
            if path.stem != kept:
                path.unlink(missing_ok=True)

    def load_model(self, version: str | None) -> dict[str, Any] | None:
        """A model by its version, or the newest for ``None``."""
        folder = self.directory / "models"
        files = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        wanted = folder / f"{version}.json" if version is not None else (files[-1] if files else None)
        document = None if wanted is None else self._read(wanted)
        return document if isinstance(document, dict) else None

    def _read(self, path: Path) -> Any:
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.error("machine.file_damaged", file=path.name, reason=str(error))
            try:
                path.replace(path.with_suffix(".damaged"))
            except OSError:
                log.exception("machine.file_damaged", file=path.name)
            return None
