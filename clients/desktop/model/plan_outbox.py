"""Drawings waiting to be sent: kept on this computer until the server has them, each import with its own key (DRW-54)."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_ORDER = "order.json"


@dataclass(frozen=True)
class PlanImport:
    """One import: the files' names, for whom, how many; ``key`` makes sending it twice harmless."""

    names: tuple[str, ...]
    customer_id: int | None = None
    customer: str = ""
    quantity: str | None = None
    again: bool = False
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    kept_at: str = field(default_factory=lambda: dt.datetime.now(dt.UTC).isoformat())


class PlanOutbox:
    """Folder of imports, one subfolder each, readable by this user of the computer only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, files: Sequence[Path], order: PlanImport) -> PlanImport:
        """Copy the files, then write the order: an import without order is no import.

        Raises:
            OSError: a file cannot be read, or the disk is full; nothing is left behind.
        """
        place = self._folder / order.key
        try:
            place.mkdir(parents=True, mode=0o700)
            for number, path in enumerate(files):
                shutil.copyfile(path, place / f"{number:04d}")
            content = json.dumps(asdict(order), ensure_ascii=False)
            (place / f"{_ORDER}.tmp").write_text(content, encoding="utf-8")
            (place / f"{_ORDER}.tmp").replace(place / _ORDER)
        except OSError:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return order

    def files(self, order: PlanImport) -> list[tuple[str, Path]]:
        """Name and place of each file of an import."""
        place = self._folder / order.key
        return [(name, place / f"{number:04d}") for number, name in enumerate(order.names)]

    def waiting(self) -> list[PlanImport]:
        """Imports kept, oldest first; a damaged one counts as none."""
        found: list[PlanImport] = []
        for path in self._folder.glob(f"*/{_ORDER}"):
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
                found.append(PlanImport(**{**data, "names": tuple(data["names"])}))
        return sorted(found, key=lambda o: o.kept_at)

    def drop(self, order: PlanImport) -> None:
        """Forget an import the server has taken or refused."""
        shutil.rmtree(self._folder / order.key, ignore_errors=True)
