"""A small RTSP server for one client at a time of a JPEG source: RTP/JPEG (RFC 2435) interleaved in the RTSP connection."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import struct
from collections.abc import Callable
from dataclasses import dataclass

from edge_agents.drivers.simulators.tcp import TcpSimulator

_PAYLOAD_JPEG = 26
_FRAGMENT = 1400
_CLOCK_HZ = 90_000


@dataclass(frozen=True)
class JpegParts:
    """What RTP carries of a baseline JPEG: size, quantisation tables, scan. Huffman tables are the standard ones."""

    width: int
    height: int
    kind: int
    tables: bytes
    scan: bytes


def split(jpeg: bytes) -> JpegParts:
    """Takes a baseline JPEG apart. Raises ``ValueError``."""
    tables: dict[int, bytes] = {}
    width = height = kind = 0
    at = 2
    while at + 4 <= len(jpeg):
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        body = jpeg[at + 4 : at + 2 + length]
        if marker == 0xDB:
            while len(body) >= 65:
                tables[body[0] & 15], body = body[1:65], body[65:]
        elif marker == 0xC0:
            height, width = struct.unpack(">HH", body[1:5])
            kind = {0x21: 0, 0x22: 1}[body[7]]
        elif marker == 0xDA:
            scan = jpeg[at + 2 + length :]
            end = scan.rfind(b"\xff\xd9")
            return JpegParts(width, height, kind, b"".join(tables[i] for i in sorted(tables)), scan[:end])
        at += 2 + length
    raise ValueError("image sans données")


def packets(jpeg: bytes, sequence: int, timestamp: int) -> list[bytes]:
    """RTP packets of one picture."""
    parts = split(jpeg)
    found = []
    for offset in range(0, len(parts.scan), _FRAGMENT):
        piece = parts.scan[offset : offset + _FRAGMENT]
        is_last = offset + _FRAGMENT >= len(parts.scan)
        rtp = struct.pack(
            ">BBHII",
            0x80,
            _PAYLOAD_JPEG | (0x80 if is_last else 0),
            sequence & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            7,
        )
        head = struct.pack(">B", 0) + offset.to_bytes(3, "big")
        head += bytes([parts.kind, 255, parts.width // 8, parts.height // 8])
        if offset == 0:
            head += struct.pack(">BBH", 0, 0, len(parts.tables)) + parts.tables
        found.append(rtp + head + piece)
        sequence += 1
    return found


class RtspServer(TcpSimulator):
    """Serves ``picture()`` at ``fps``; user and password are asked for when given (Basic)."""

    def __init__(
        self, picture: Callable[[], bytes], *, fps: float = 10.0, credentials: str | None = None
    ) -> None:
        super().__init__()
        self._picture = picture
        self._fps = fps
        self._credentials = credentials
        self.plays = 0
        self.refused = 0

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sending: asyncio.Task[None] | None = None
        try:
            while True:
                first = await reader.readexactly(1)
                if first == b"$":
                    size = int.from_bytes((await reader.readexactly(3))[1:], "big")
                    await reader.readexactly(size)
                    continue
                text = (first + await reader.readuntil(b"\r\n\r\n")).decode()
                writer.write(self._answer(text))
                await writer.drain()
                if text.startswith("PLAY") and sending is None:
                    self.plays += 1
                    sending = asyncio.create_task(self._send(writer))
                if text.startswith("TEARDOWN"):
                    return
        finally:
            if sending is not None:
                sending.cancel()

    def _answer(self, text: str) -> bytes:
        lines = text.split("\r\n")
        headers = {
            key.strip().lower(): value.strip()
            for key, _, value in (line.partition(":") for line in lines[1:])
        }
        method, number = lines[0].split(" ")[0], headers.get("cseq", "0")
        if method != "OPTIONS" and self._credentials is not None:
            wanted = "Basic " + base64.b64encode(self._credentials.encode()).decode()
            if headers.get("authorization") != wanted:
                self.refused += 1
                return f'RTSP/1.0 401 Unauthorized\r\nCSeq: {number}\r\nWWW-Authenticate: Basic realm="cam"\r\n\r\n'.encode()
        more, body = "", ""
        if method == "OPTIONS":
            more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif method == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=sim\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\n"
                f"a=framerate:{self._fps}\r\na=control:track\r\n"
            )
            more = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            if "TCP" not in headers.get("transport", ""):
                return f"RTSP/1.0 461 Unsupported transport\r\nCSeq: {number}\r\n\r\n".encode()
            more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 42\r\n"
        elif method in ("PLAY", "TEARDOWN", "GET_PARAMETER"):
            more = "Session: 42\r\n"
        return f"RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{more}\r\n{body}".encode()

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        sequence, timestamp = 1, 0
        with contextlib.suppress(ConnectionError):
            while True:
                for packet in packets(self._picture(), sequence, timestamp):
                    writer.write(b"$\x00" + len(packet).to_bytes(2, "big") + packet)
                    sequence += 1
                await writer.drain()
                timestamp += round(_CLOCK_HZ / self._fps)
                await asyncio.sleep(1 / self._fps)
