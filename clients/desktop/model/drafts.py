"""Unsaved entries kept on this computer until they are saved or given up (UIX-13, UIX-65)."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
from pathlib import Path
from typing import Any


class DraftStore:
    """One small file per form, readable by this user of the computer only."""

    def __init__(self, folder: Path, owner: str) -> None:
        self._folder = folder / hashlib.sha256(owner.encode()).hexdigest()[:16]

    @property
    def folder(self) -> Path:
        """Folder of this user at this server."""
        return self._folder

    def _path(self, plural: str, record_id: int | None) -> Path:
        return self._folder / f"{plural}-{record_id or 'new'}.json"

    def keep(self, plural: str, record_id: int | None, draft: dict[str, Any]) -> None:
        """Write a draft; a full or forbidden disk must not stop the work."""
        path = self._path(plural, record_id)
        content = json.dumps({**draft, "saved_at": dt.datetime.now(dt.UTC).isoformat()}, ensure_ascii=False)
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary = path.with_suffix(".tmp")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(content)
            temporary.replace(path)

    def find(self, plural: str, record_id: int | None) -> dict[str, Any] | None:
        """Draft of a form; a damaged one counts as none."""
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(self._path(plural, record_id).read_text(encoding="utf-8"))
            return found if isinstance(found, dict) and found.get("values") else None
        return None

    def drop(self, plural: str, record_id: int | None) -> None:
        """Forget a draft."""
        with contextlib.suppress(OSError):
            self._path(plural, record_id).unlink(missing_ok=True)
