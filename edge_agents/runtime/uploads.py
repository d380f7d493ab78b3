"""Upload of images over HTTPS with resume and checksum (EDG-18): files named by their sha256.

A driver leaves files in its ``images`` folder; each is sent once and then marked (``sent_mark``).
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import httpx
import structlog

from edge_agents.runtime.files import sent_mark

log = structlog.get_logger(__name__)
FILES_PATH = "/api/v1/stations/files"
VIEW_PATH = "/api/v1/stations/cameras/{code}/view"
CHUNK = 512 * 1024
_TYPES = {".jpg": "image/jpeg", ".mp4": "video/mp4"}
_RESUME = (202, 308, 409, 416)


def pending_files(drivers_dir: Path) -> list[Path]:
    """Images and clips of all drivers which were not sent yet, oldest first."""
    found = (path for path in drivers_dir.glob("*/images/*") if path.suffix in _TYPES)
    files = [path for path in found if not sent_mark(path).exists()]
    return sorted(files, key=lambda path: path.stat().st_mtime_ns)


async def upload_all(client: httpx.AsyncClient, files: list[Path]) -> int:
    """Sends files in order; returns how many arrived. Raises ``httpx.HTTPError`` when the line is down."""
    sent = 0
    for path in files:
        try:
            data = await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            continue
        if not data or hashlib.sha256(data).hexdigest() != path.stem:
            log.warning("upload.damaged", file=path.name)
        elif not await _upload(client, path.stem, data, _TYPES[path.suffix]):
            continue
        else:
            sent += 1
        await asyncio.to_thread(sent_mark(path).touch)
    return sent


async def _upload(client: httpx.AsyncClient, digest: str, data: bytes, media_type: str) -> bool:
    """Sends one file in pieces, from where the coordinator says it stopped last time."""
    total, offset, moves = len(data), 0, 0
    while moves <= 2 * (total // CHUNK + 2):
        moves += 1
        piece = data[offset : offset + CHUNK]
        headers = {
            "Content-Type": media_type,
            "Content-Range": f"bytes {offset}-{offset + len(piece) - 1}/{total}",
        }
        answer = await client.put(f"{FILES_PATH}/{digest}", content=piece, headers=headers)
        if answer.status_code in _RESUME:
            offset = min(max(_received(answer, offset + len(piece)), 0), total - 1)
            continue
        if answer.is_success:
            offset += len(piece)
            if offset >= total or answer.status_code == 201:
                return True
            continue
        log.warning("upload.refused", file=digest, status=answer.status_code)
        return False
    return False


def _received(answer: httpx.Response, expected: int) -> int:
    """Bytes the coordinator says it holds; what was just sent counts when it says nothing."""
    try:
        return int(answer.json()["received"])
    except (ValueError, KeyError, TypeError):
        return expected


class Views:
    """Thumbnails the camera drivers leave under ``DRIVER/view``, each given once."""

    def __init__(self, drivers_dir: Path) -> None:
        self._drivers_dir = drivers_dir
        self._given: dict[Path, int] = {}

    def fresh(self) -> list[tuple[str, bytes]]:
        """Camera codes (fit for an address) and pictures that are new since the last call."""
        found = []
        for path in sorted(self._drivers_dir.glob("*/view/*.jpg")):
            try:
                written, data = path.stat().st_mtime_ns, path.read_bytes()
            except FileNotFoundError:  # the look is over
                continue
            if self._given.get(path) != written:
                self._given[path] = written
                found.append((path.stem, data))
        return found
