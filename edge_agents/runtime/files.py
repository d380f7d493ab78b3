"""Small files which must never be half written."""

from __future__ import annotations

import os
from pathlib import Path


def sent_mark(path: Path) -> Path:
    """Empty file beside a picture or clip that says the coordinator has it."""
    return path.with_suffix(".sent")


def write_durably(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replaces a file at once: a reader, or a power cut, sees the old or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
