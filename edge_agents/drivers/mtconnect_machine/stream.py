"""Documents of a streaming answer (multipart/x-mixed-replace), cut apart as they arrive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from edge_agents.drivers.mtconnect_machine.documents import MAX_DOCUMENT_BYTES, DocumentError

_BOUNDARY = re.compile(r'boundary="?([^";,\s]+)"?', re.IGNORECASE)
_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)


def boundary(content_type: str) -> str | None:
    """Boundary of a multipart answer, ``None`` for any other."""
    if not content_type.lower().startswith("multipart/"):
        return None
    found = _BOUNDARY.search(content_type)
    return found[1] if found else None


@dataclass
class Parts:
    """Feeds on bytes, gives whole documents; never holds more than one."""

    boundary: str
    _buffer: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Adds bytes; yields each document that is complete. Raises ``DocumentError``."""
        self._buffer += data
        if len(self._buffer) > MAX_DOCUMENT_BYTES + 65_536:
            raise DocumentError("document MTConnect trop grand")
        while (part := self._next()) is not None:
            if part:
                yield part

    def _next(self) -> bytes | None:
        mark = b"--" + self.boundary.encode()
        start = self._buffer.find(mark)
        if start < 0:
            return None
        ends = [(self._buffer.find(gap, start), gap) for gap in (b"\r\n\r\n", b"\n\n")]
        head_end, separator = min((end for end in ends if end[0] >= 0), default=(-1, b""))
        if head_end < 0:
            return None
        body = head_end + len(separator)
        length = _LENGTH.search(self._buffer, start, head_end)
        if length is not None:
            end = body + int(length[1])
            if int(length[1]) > MAX_DOCUMENT_BYTES:
                raise DocumentError("document MTConnect trop grand")
            if len(self._buffer) < end:
                return None
        else:
            end = self._buffer.find(mark, body)
            if end < 0:
                return None
        part = bytes(self._buffer[body:end]).strip()
        del self._buffer[:end]
        return part
