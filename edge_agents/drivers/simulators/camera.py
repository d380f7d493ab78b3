"""Simulated network camera: a machine interior with a moving tool, as MJPEG over HTTP and as RTSP.

``usinage agent simulate camera``; orders on the control port: ``cover`` (on), ``stop`` (on: no more pictures), ``status``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import time
from typing import Any

import cv2
import numpy as np

from edge_agents.drivers.local_api import LocalApi
from edge_agents.drivers.simulators.rtsp import RtspServer

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


class CameraSimulator:
    """The camera; ``port`` serves ``/mjpeg``."""

    def __init__(self, *, port: int = 0, control_port: int = 0, fps: float = 10.0) -> None:
        self._port = port
        self._fps = fps
        self.is_covered = False
        self.is_stopped = False
        self.clients = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.control = LocalApi(self.answer, control_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/mjpeg"

    async def __aenter__(self) -> CameraSimulator:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = int(self._server.sockets[0].getsockname()[1])
        await self.control.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        if self._server is not None:
            self._server.close()
        await self.control.__aexit__()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self.clients += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode())
            while not self.is_stopped:
                picture = scene(time.monotonic(), is_covered=self.is_covered)
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                writer.write(head.encode() + picture + b"\r\n")
                await writer.drain()
                await asyncio.sleep(1 / self._fps)
        writer.close()

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
        print(f"{simulator.url} contrôle 127.0.0.1:{simulator.control.port} {rtsp.url}", flush=True)
        await asyncio.Event().wait()


def main(arguments: list[str] | None = None) -> None:
    """Command line of the simulator."""
    parser = argparse.ArgumentParser(description="Caméra réseau simulée (MJPEG).")
    parser.add_argument("--port", type=int, default=8090, help="port HTTP (0 : libre)")
    parser.add_argument("--control-port", type=int, default=8091, help="port de commande local (0 : libre)")
    try:
        asyncio.run(_serve(parser.parse_args(arguments)))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
