"""Files given to the user: whole or not there."""

from __future__ import annotations

import os
from pathlib import Path


def save(path: Path, content: bytes) -> None:
    """Write a file beside its place, then put it there; what stood there stays until the new one is whole.

    Raises:
        OSError: not writable, or full; nothing is left behind.
    """
    aside = path.with_name(f".{path.name}.part")
    try:
        aside.write_bytes(content)
        os.replace(aside, path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
