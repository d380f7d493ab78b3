"""The thread that reads a camera: every frame is taken off the line, only those in time are opened."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import cv2

from edge_agents.drivers.machine_camera.config import MachineCameraConfig
from edge_agents.drivers.machine_camera.ring import contrast, encoded, masked

_IMAGES = {".jpg", ".jpeg", ".png", ".bmp"}
_OPEN_MS, _READ_MS = 5_000, 5_000

Seen = Callable[[bytes, float], None]


class FolderCapture:
    """Images of a folder, played in turn: a camera for a PC without one (EDG-06)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0

    def isOpened(self) -> bool:  # noqa: N802 - the name of the library
        return bool(self._files())

    def _files(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*") if path.suffix.lower() in _IMAGES)

    def grab(self) -> bool:
        time.sleep(0.02)
        return self.isOpened()

    def retrieve(self) -> tuple[bool, Any]:
        files = self._files()
        if not files:
            return False, None
        self._number += 1
        image = cv2.imread(str(files[self._number % len(files)]))
        return image is not None, image

    def release(self) -> None:
        return None


def address(config: MachineCameraConfig) -> str:
    """Source with user and password of the credentials file (``user:password``). Raises ``OSError``."""
    if config.credentials_file is None:
        return config.source
    user, _, password = config.credentials_file.read_text(encoding="utf-8").strip().partition(":")
    parts = urlsplit(config.source)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"))


def open_capture(config: MachineCameraConfig) -> Any:
    """Capture of a configuration; it may not be open. Raises ``OSError``."""
    if Path(config.source).is_dir():
        return FolderCapture(Path(config.source))
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _READ_MS]
    return cv2.VideoCapture(address(config), cv2.CAP_FFMPEG, limits)


class CameraReader(threading.Thread):
    """Reads until stopped; ``seen`` gets each kept frame (masked JPEG, contrast), ``lost`` a sentence when the camera goes."""

    def __init__(self, config: MachineCameraConfig, seen: Seen, lost: Callable[[str], None]) -> None:
        super().__init__(name=f"camera-{config.camera_code}", daemon=True)
        self._config = config
        self._seen = seen
        self._lost = lost
        self._is_over = threading.Event()

    def stop(self) -> None:
        """Asks for the end."""
        self._is_over.set()

    def run(self) -> None:
        delay = self._config.min_delay_s
        while not self._is_over.is_set():
            started = time.monotonic()
            try:
                reason = self._read()
            except (OSError, ValueError, cv2.error) as error:
                reason = str(error)
            if self._is_over.is_set():
                return
            self._lost(reason)
            if time.monotonic() - started > 60:
                delay = self._config.min_delay_s
            self._is_over.wait(delay * random.uniform(0.5, 1.0))
            delay = min(self._config.max_delay_s, delay * 2)

    def _read(self) -> str:
        capture = open_capture(self._config)
        try:
            if not capture.isOpened():
                return "caméra injoignable"
            next_at = time.monotonic()
            while not self._is_over.is_set():
                if not capture.grab():
                    return "plus d'image de la caméra"
                if time.monotonic() < next_at:
                    continue
                next_at = max(next_at + 1 / self._config.fps, time.monotonic())
                ok, image = capture.retrieve()
                if not ok or image is None:
                    return "image illisible"
                kept = masked(image, self._config.masks, self._config.width_px)
                self._seen(encoded(kept, self._config.quality), contrast(kept))
            return "arrêt"
        finally:
            capture.release()
