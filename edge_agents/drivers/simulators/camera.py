"""Simulated network camera: a machine interior with a moving tool, as MJPEG over HTTP and as RTSP.

``usinage agent simulate camera``; orders on the control port: ``cover`` (on), ``stop`` (on: no more pictures), ``status``.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import time
from typing import Any

import cv2
import numpy as np

from edge_agents.drivers.simulators.rtsp import RtspServer
from edge_agents.drivers.simulators.tcp import TcpSimulator, options, run

_BOUNDARY = "usinageframe"
_SIZE = (640, 480)


def scene(moment_s: float, *, is_covered: bool = False) -> bytes:
    """JPEG of the scene; the time of the picture is drawn as a tool moving along a vice."""
    width, height = _SIZE
    image = np.full((height, width, 3), 70, dtype=np.uint8)
    if not is_covered:
        image[:, :, 0] += np.linspace(0, 60, width, dtype=np.uint8)
        cv2.rectangle(image, (180, 320), (460, 430), (120, 130, 140), -1)
        cv2.rectangle(image, (0, 0), (120, 480), (200, 220, 240), -1)
        x = round(320 + 120 * math.sin(moment_s))
        cv2.rectangle(image, (x - 14, 60), (x + 14, 310), (210, 210, 215), -1)
        cv2.putText(image, f"{moment_s:.1f}", (480, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 2)
    else:
        image[:] = 4
    return bytes(cv2.imencode(".jpg", image)[1].tobytes())


class CameraSimulator(TcpSimulator):
    """The camera; ``port`` serves ``/mjpeg``."""

    def __init__(self, *, port: int = 0, control_port: int = 0, fps: float = 10.0) -> None:
        super().__init__(port, control_port, self.answer)
        self._fps = fps
        self.is_covered = False
        self.is_stopped = False
        self.clients = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mjpeg"

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients += 1
        await reader.readuntil(b"\r\n\r\n")
        kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode())
        while not self.is_stopped:
            picture = scene(time.monotonic(), is_covered=self.is_covered)
            head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            writer.write(head.encode() + picture + b"\r\n")
            await writer.drain()
            await asyncio.sleep(1 / self._fps)

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carries out one control request. Raises ``ValueError`` for an unknown one."""
        order = request.get("do")
        if order == "cover":
            self.is_covered = bool(request.get("on", True))
        elif order == "stop":
            self.is_stopped = bool(request.get("on", True))
        elif order != "status":
            raise ValueError(f"ordre inconnu : {order!r}")
        return {"ok": True, "url": self.url, "clients": self.clients}


async def _serve(arguments: argparse.Namespace) -> None:
    async with (
        CameraSimulator(port=arguments.port, control_port=arguments.control_port) as simulator,
        RtspServer(lambda: scene(time.monotonic(), is_covered=simulator.is_covered)) as rtsp,
    ):
        print(f"{simulator.url} {simulator.places} {rtsp.url}", flush=True)
        await asyncio.Event().wait()


def main(arguments: list[str] | None = None) -> None:
    """Command line of the simulator."""
    run(_serve, options("Caméra réseau simulée (MJPEG).", 8090, 8091, what="HTTP").parse_args(arguments))


if __name__ == "__main__":
    main()
