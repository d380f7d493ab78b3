"""Pictures of one cabinet: where they come from, and how they are kept without anybody on them (VIS-04, VIS-27, VIS-28)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.base import DriverError
from edge_agents.drivers.cabinet_camera.config import CabinetCameraConfig, Fiducials
from edge_agents.drivers.cabinet_camera.decision import onto_fiducials, register
from edge_agents.drivers.cabinet_camera.opening import moving
from edge_agents.drivers.cabinet_camera.privacy import Polygon, conceal, mosaic, stirred
from edge_agents.drivers.cabinet_camera.texts import reason_text
from edge_agents.runtime.files import sent_mark, write_durably

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_IMAGES = {".png", ".jpg", ".jpeg", ".bmp"}
_QUALITY = 90
_UNSENT_DAYS = 30  # as events (EDG-23)


class Camera:
    """The camera of a configuration; with a light, it is on only while a picture is taken."""

    def __init__(self, config: CabinetCameraConfig, frames: Path) -> None:
        self._config = config
        self._frames = config.frames or frames

    def grab(self) -> Image:
        """What the camera sees now (BGR). Raises ``DriverError``."""
        if self._config.light_file is None:
            return self._picture()
        with suppress(OSError):
            self._config.light_file.write_bytes(b"1")
        try:
            return self._picture()
        finally:
            with suppress(OSError):
                self._config.light_file.write_bytes(b"0")

    def grab_still(self) -> Image:
        """The first picture in which nothing moves any more; after ``still_s`` the last one. Raises ``DriverError``."""
        image = self.grab()
        limit = time.monotonic() + self._config.still_s
        while time.monotonic() < limit:
            time.sleep(min(0.2, self._config.still_s))
            following = self.grab()
            if following.shape == image.shape and not moving(image, following):
                return following
            image = following
        return image

    def _picture(self) -> Image:
        if self._config.source == "folder":
            return self._newest()
        where = self._config.camera_url if self._config.source == "url" else self._config.camera_index
        capture = cv2.VideoCapture(where) if where is not None else None
        try:
            ok, frame = capture.read() if capture is not None else (False, None)
        finally:
            if capture is not None:
                capture.release()
        if not ok or frame is None:
            raise DriverError("camera.absent", f"Caméra {where} absente.")
        return np.asarray(frame)

    def _newest(self) -> Image:
        files = sorted(self._frames.glob("*")) if self._frames.is_dir() else []
        images = [path for path in files if path.suffix.lower() in _IMAGES]
        if not images:
            raise DriverError("camera.absent", f"Aucune image dans {self._frames}.")
        return load(max(images, key=lambda path: (path.stat().st_mtime_ns, path.name)))


class Album:
    """Pictures a station keeps, named by their digest; they are uploaded from there.

    ``places`` are the compartments' outlines, ``empty`` a picture of the cabinet without anybody before it. With ``fiducials`` every
    picture lies in their frame, which is that of the outlines, wherever the camera was moved. The scene accepted so far is kept beside the
    pictures, so that a restart goes on with it, as newly drawn compartments do; another ``empty`` or other fiducials begin anew.
    """

    def __init__(
        self,
        folder: Path,
        places: Sequence[Polygon] = (),
        empty: Image | None = None,
        fiducials: Fiducials | None = None,
    ) -> None:
        self._folder, self._places, self._fiducials = folder, places, fiducials
        frame = b"" if fiducials is None else fiducials.model_dump_json().encode()
        began = hashlib.sha256(frame + (b"" if empty is None else empty.tobytes()))
        self._file = folder.parent / f"scene-{began.hexdigest()[:16]}.png"
        if self._file.exists():
            self._scene: Image | None = load(self._file)
        else:
            self._scene = None if empty is None else self.framed(empty)[0]

    @property
    def frame(self) -> str:
        """Name of the frame the kept pictures lie in: another one with other fiducials or another empty view."""
        return self._file.stem

    @property
    def scene(self) -> Image | None:
        """The cabinet without anybody before it, in the frame of the compartments; None before anybody accepted one."""
        return self._scene

    def framed(self, image: Image) -> tuple[Image, Image | None]:
        """A picture in the frame of the fiducials, and where it shows something (255); as it is where they are not found."""
        move = self._move_of(image)
        return move(image), None if self._fiducials is None else move(np.full(image.shape[:2], 255, np.uint8))

    def _move_of(self, image: Image) -> Callable[[Image], Image]:
        """What brings a picture of the camera as it stands now into the frame of the fiducials."""
        matrix = None if self._fiducials is None else onto_fiducials(image, self._fiducials)[0]
        if matrix is None:
            return lambda one: one
        size = (image.shape[1], image.shape[0])
        return lambda one: np.asarray(cv2.warpPerspective(one, matrix, size))

    @property
    def fault(self) -> str | None:
        """Why pictures are kept as a few coloured squares only, in French; None when they are not."""
        return None if self._scene is not None else "aucune vue de référence, photos réduites à des carreaux"

    def accept(self, image: Image) -> None:
        """Takes a picture as the scene all others are compared with: the person who asks for it answers for nobody being in view.

        Raises ``DriverError`` where the fiducials do not say in which frame it lies.
        """
        if self._fiducials is not None:
            moved, reason = register(image, self._fiducials)
            if moved is None:
                raise DriverError(f"camera.{reason}", f"Vue de référence impossible : {reason_text(reason)}.")
            image = moved
        self._keep_scene(image)

    def keep(
        self,
        image: Image,
        told: Collection[int] = (),
        *,
        familiar: Collection[int] = (),
        again: Callable[[], Image] | None = None,
    ) -> str:
        """Stores of a picture what cannot show a person (VIS-27): squares without any detail when that is nothing. ``told``:
        compartments found changed (by their place in the list). Raises ``DriverError``.

        ``again`` takes a second picture moments later and is given where somebody may be at the cabinet: of a compartment that holds
        something else than the ``familiar`` ones do, only what did not move meanwhile is shown. A hand may come along the camera's own axis
        and cross no ground around the compartment.
        """
        now, covered = self.framed(image)
        kept = conceal(now, self._scene, self._places, told, covered=covered)
        doubted = set() if kept is None else set(kept.shown) - set(familiar)
        if doubted and again is not None:
            moved = stirred(now, self._move_of(image)(again()), self._places, doubted)
            if moved:
                kept = conceal(now, self._scene, self._places, told, doubted=moved, covered=covered)
        if kept is None:
            return self.keep_part(mosaic(image))
        if kept.shown:
            self._keep_scene(kept.scene)
        return self.keep_part(kept.image)

    def view(self, digest: str | None) -> Image | None:
        """A kept picture that shows the cabinet; None for none and for squares. Raises ``DriverError``."""
        image = None if digest is None else self.load(digest)
        return (
            image
            if image is not None and self._scene is not None and image.shape == self._scene.shape
            else None
        )

    def _keep_scene(self, scene: Image) -> None:
        ok, data = cv2.imencode(".png", scene)
        if not ok:
            raise DriverError("camera.encode", "Image impossible à enregistrer.")
        write_durably(self._file, data.tobytes())
        self._scene = scene
        for other in self._file.parent.glob("scene-*.png"):
            if other != self._file:
                other.unlink(missing_ok=True)

    def keep_part(self, image: Image) -> str:
        """Stores a part of a picture that was already freed of persons. Raises ``DriverError``."""
        content = jpeg(image)
        digest = hashlib.sha256(content).hexdigest()
        path = self.path(digest)
        if path.exists():
            # An unchanged view is the same file again: its days begin anew, and the office may have let go of it meanwhile.
            path.touch()
            sent_mark(path).unlink(missing_ok=True)
        else:
            write_durably(path, content)
        return digest

    def path(self, digest: str) -> Path:
        """Where a picture lies."""
        return self._folder / f"{digest}.jpg"

    def load(self, digest: str) -> Image:
        """A kept picture. Raises ``DriverError``."""
        return load(self.path(digest))

    def forget(self, now: datetime, *, days: float) -> int:
        """Removes pictures older than ``days`` with the marks of their upload (VIS-28); returns how many.

        A picture the office has not yet received waits for the line, as long as the events it proves (VIS-40).
        """
        moment = now.timestamp()
        old = []
        for path in self._folder.glob("*.jpg"):
            kept_days = days if sent_mark(path).exists() else max(days, _UNSENT_DAYS)
            if path.stat().st_mtime < moment - kept_days * 86400:
                old.append(path)
        for path in old:
            path.unlink(missing_ok=True)
            sent_mark(path).unlink(missing_ok=True)
        return len(old)


def jpeg(image: Image) -> bytes:
    """JPEG of a picture. Raises ``DriverError``."""
    ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not ok:
        raise DriverError("camera.encode", "Image impossible à enregistrer.")
    return data.tobytes()


def load(path: Path) -> Image:
    """Picture of a file. Raises ``DriverError``."""
    data = np.fromfile(path, dtype=np.uint8) if path.exists() else np.zeros(0, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise DriverError("image.unreadable", f"Image illisible : {path.name}.")
    return np.asarray(image)


def part_of(
    image: Image, polygon: tuple[tuple[float, float], ...], room: float = 0.25
) -> tuple[Image, tuple[float, ...]]:
    """The compartment with some room around it, and its frame in the whole picture as parts of its size (x0, y0, x1, y1)."""
    height, width = image.shape[:2]
    points = np.array(polygon, float)
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    frame = (x0 / width, y0 / height, x1 / width, y1 / height)
    dx, dy = (x1 - x0) * room, (y1 - y0) * room
    left, top = int(max(x0 - dx, 0)), int(max(y0 - dy, 0))
    right, bottom = int(min(x1 + dx, width)), int(min(y1 + dy, height))
    if right <= left or bottom <= top:
        return image, frame
    return image[top:bottom, left:right], tuple(round(float(edge), 4) for edge in frame)
