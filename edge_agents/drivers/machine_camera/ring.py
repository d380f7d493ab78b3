"""The last seconds of a camera in memory, and the clips cut from them. Pure but for the video file at the end."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
_MAX_CLIPS = 3
_THUMBNAIL_PX = 640
_THUMBNAIL_QUALITY = 60


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture, masked and compressed; ``at`` in epoch seconds."""

    at: float
    jpeg: bytes


@dataclass
class FrameRing:
    """Bounded by time and by bytes: the oldest frame goes first."""

    span_s: float
    max_bytes: int
    frames: deque[Frame] = field(default_factory=deque)
    size: int = 0

    def add(self, frame: Frame) -> None:
        """Keeps a frame; a clock set back empties the ring."""
        if self.frames and frame.at < self.frames[-1].at:
            self.clear()
        self.frames.append(frame)
        self.size += len(frame.jpeg)
        while self.frames and (frame.at - self.frames[0].at > self.span_s or self.size > self.max_bytes):
            self.size -= len(self.frames.popleft().jpeg)

    def since(self, at: float) -> list[Frame]:
        """Frames from a moment on."""
        return [frame for frame in self.frames if frame.at >= at]

    def clear(self) -> None:
        """Forgets everything."""
        self.frames.clear()
        self.size = 0


@dataclass
class Clip:
    """A clip being gathered."""

    reason: str
    incident_uid: str | None
    machine_code: str | None
    at: float
    ends_at: float
    frames: list[Frame]

    def add(self, frame: Frame, max_bytes: int) -> None:
        """A frame after the event, while there is room for it."""
        size = sum(len(kept.jpeg) for kept in self.frames) + len(frame.jpeg)
        if frame.at <= self.ends_at and size <= max_bytes:
            self.frames.append(frame)


@dataclass
class Clips:
    """Clips under way: the same incident makes one, at most three at a time, each of ``max_bytes`` at most."""

    before_s: float
    after_s: float
    max_bytes: int
    under_way: list[Clip] = field(default_factory=list)

    def begin(
        self, ring: FrameRing, reason: str, at: float, incident_uid: str | None, machine_code: str | None
    ) -> Clip | None:
        """A new clip with what the ring holds, the one of the same incident made longer, or ``None`` when full."""
        for clip in self.under_way:
            if incident_uid is not None and clip.incident_uid == incident_uid:
                clip.ends_at = max(clip.ends_at, at + self.after_s)
                clip.reason = max(clip.reason, reason, key=lambda word: word.endswith("impact"))
                return clip
        if len(self.under_way) >= _MAX_CLIPS:
            return None
        clip = Clip(reason, incident_uid, machine_code, at, at + self.after_s, ring.since(at - self.before_s))
        self.under_way.append(clip)
        return clip

    def add(self, frame: Frame) -> None:
        """A frame for every clip under way."""
        for clip in self.under_way:
            clip.add(frame, self.max_bytes)

    def finished(self, now: float) -> list[Clip]:
        """Clips whose time has passed (or whose clock was set back), taken out."""
        done = [clip for clip in self.under_way if not clip.at - 60.0 <= now < clip.ends_at]
        self.under_way = [clip for clip in self.under_way if clip not in done]
        return done


def masked(image: Image, masks: tuple[tuple[tuple[float, float], ...], ...], width_px: int) -> Image:
    """Image made smaller and its masked areas black. Nothing else of the original is kept."""
    height, width = image.shape[:2]
    if width > width_px:
        size = (width_px, max(1, round(height * width_px / width)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        height, width = image.shape[:2]
    image = image.copy()
    for mask in masks:
        points = np.array(
            [[round(x * (width - 1)), round(y * (height - 1))] for x, y in mask], dtype=np.int32
        )
        cv2.fillPoly(image, [points], (0, 0, 0))
    return image


def contrast(image: Image) -> float:
    """Spread of brightness: a covered or dead lens shows next to none."""
    small = cv2.resize(image, (64, 48), interpolation=cv2.INTER_AREA)
    grey = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
    return float(np.std(np.asarray(grey, dtype=float)))


def encoded(image: Image, quality: int) -> bytes:
    """JPEG of an image. Raises ``ValueError``."""
    ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ValueError("image impossible à compresser")
    return bytes(data.tobytes())


def write_video(frames: list[Frame], path: Path) -> int:
    """MP4 of the frames at their mean speed; number of pictures in it. Raises ``OSError``."""
    first = _decoded(frames[0])
    seconds = max(0.1, frames[-1].at - frames[0].at)
    fps = min(25.0, max(1.0, (len(frames) - 1) / seconds))
    height, width = first.shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
    if not writer.isOpened():
        raise OSError("vidéo impossible à écrire")
    count = 0
    try:
        for frame in frames:
            image = _decoded(frame)
            if image.shape[:2] == (height, width):
                writer.write(image)
                count += 1
    finally:
        writer.release()
    return count


def write_thumbnail(frame: Frame, path: Path) -> None:
    """A small picture of a frame, in place of the one before."""
    image = _decoded(frame)
    height = max(1, round(image.shape[0] * _THUMBNAIL_PX / image.shape[1]))
    small = cv2.resize(image, (_THUMBNAIL_PX, height), interpolation=cv2.INTER_AREA)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(encoded(np.asarray(small, dtype=np.uint8), _THUMBNAIL_QUALITY))
    part.replace(path)


def _decoded(frame: Frame) -> Any:
    image = cv2.imdecode(np.frombuffer(frame.jpeg, dtype=np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise OSError("image illisible dans le tampon")
    return image
