"""What gives way when the disk fills (EDG-23): telemetry is thinned, then images go, events stay."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from edge_agents.runtime.files import sent_mark
from edge_agents.runtime.journal import Journal

_MINUTE_MS = 60_000


class Retention(BaseModel):
    """Limits of the local store; sizes in MB, ages in days of operation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    journal_mb: float = Field(default=4096, gt=0)
    images_mb: float = Field(default=8192, gt=0)
    keep_acknowledged_days: float = Field(default=7, ge=0)
    alert_at: float = Field(default=0.8, gt=0, le=1)
    min_disk_free_mb: float = Field(default=512, ge=0)


@dataclass(frozen=True, slots=True)
class CapacityReport:
    filled: float
    thinned: int = 0
    images_deleted: int = 0


def thin(rows: list[tuple[int, dict[str, Any]]]) -> dict[int, dict[str, Any]]:
    """One mean value per channel and minute, kept in the first message of that minute.

    Messages keep their number; those which have given their values away keep no channel. Bad values
    (quality 2 and above) only count where a minute has no better one.
    """
    result: dict[int, dict[str, Any]] = {}
    home: dict[tuple[str, str, int], int] = {}
    values: dict[tuple[str, str, int], list[tuple[float, int]]] = {}
    units: dict[tuple[str, str], str] = {}
    for seq, payload in rows:
        machine = payload["machine_code"]
        result[seq] = {"machine_code": machine, "channels": {}}
        for code, batch in payload["channels"].items():
            units[machine, code] = batch["unit"]
            quality = batch.get("q") or [0] * len(batch["t"])
            for moment, value, grade in zip(batch["t"], batch["v"], quality, strict=True):
                key = (machine, code, moment // _MINUTE_MS)
                home.setdefault(key, seq)
                if value is not None:
                    values.setdefault(key, []).append((value, grade))
    for (machine, code, minute), seq in sorted(home.items(), key=lambda entry: (entry[1], entry[0])):
        found = values.get((machine, code, minute), [])
        good = [value for value, grade in found if grade < 2]
        used = good or [value for value, _ in found]
        channel = result[seq]["channels"].setdefault(
            code, {"unit": units[machine, code], "t": [], "v": [], "q": []}
        )
        channel["t"].append(minute * _MINUTE_MS)
        channel["v"].append(sum(used) / len(used) if used else None)
        channel["q"].append(0 if good else 2)
    return result


def make_room(journal: Journal, images: Path, limits: Retention) -> CapacityReport:
    """Applies the limits; returns how full the store is (1 = full) before anything was removed."""
    journal.purge(limits.keep_acknowledged_days * 86_400)
    free_mb = shutil.disk_usage(journal.directory).free / 1e6
    filled = journal.size_bytes() / (limits.journal_mb * 1e6)
    if free_mb < limits.min_disk_free_mb:
        filled = max(filled, 1.0)
    thinned = 0
    if filled >= 1.0:
        rows = journal.rows_to_thin(2000)
        journal.replace_telemetry(thin(rows))
        thinned = len(rows)
        if not rows:
            journal.purge(0)
    deleted = _trim_images(images, limits, full=filled >= 1.0 and thinned == 0)
    return CapacityReport(filled, thinned, deleted)


def _trim_images(images: Path, limits: Retention, *, full: bool) -> int:
    if not images.is_dir():
        return 0
    # What the office already has goes first; the empty marks of uploads go with their file.
    files = sorted(
        (path for path in images.glob("*/images/*") if path.is_file() and path.suffix != ".sent"),
        key=lambda path: (not sent_mark(path).exists(), path.stat().st_mtime),
    )
    total = sum(path.stat().st_size for path in files) / 1e6
    target = total * 0.8 if full else limits.images_mb
    deleted = 0
    for path in files:
        if total <= target:
            break
        total -= path.stat().st_size / 1e6
        path.unlink(missing_ok=True)
        sent_mark(path).unlink(missing_ok=True)
        deleted += 1
    return deleted
