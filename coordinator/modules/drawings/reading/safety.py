"""Programs hidden in a PDF: scripts, start actions, attached executables (DRW-47)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

_ACTIVE = re.compile(rb"/(?:Launch|JavaScript|JS)(?![A-Za-z0-9])")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"stream\r?\n.*?endstream", re.DOTALL)
_OBJECT_STREAM = re.compile(rb"/Type\s*/ObjStm\b[^\x00]{0,400}?stream\r?\n(.*?)endstream", re.DOTALL)
_MAX_UNPACKED = 64 << 20


def has_active_content(content: bytes) -> bool:
    """Whether a PDF names a script or a program to start, in its plain objects or in packed object streams.

    Streams of pictures and fonts are left out: their bytes may spell anything by chance.
    """
    if _names_action(_STREAM.sub(b"", content)):
        return True
    return any(_names_action(objects) for objects in _object_streams(content))


def _names_action(objects: bytes) -> bool:
    # A name may be spelled with #xx for any of its letters.
    return bool(_ACTIVE.search(_ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), objects)))


def _object_streams(content: bytes) -> Iterator[bytes]:
    budget = _MAX_UNPACKED
    for match in _OBJECT_STREAM.finditer(content):
        unpacker = zlib.decompressobj()
        try:
            objects = unpacker.decompress(match[1], max(1, budget))
        except zlib.error:
            continue
        budget -= len(objects)
        yield objects
        if budget <= 0:
            return
