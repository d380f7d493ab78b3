"""When a cabinet session opens and closes (VIS-04, VIS-38): pure rules over what contacts, camera and scales say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

Cause = Literal["button", "door", "drawer", "motion", "weight", "restart"]
_STILL_SIDE = 160
_STILL_LOG = 0.22


@dataclass(frozen=True, slots=True)
class Signals:
    """What is seen at one moment; a contact that does not exist is None."""

    at: datetime
    door_open: bool | None = None
    drawer_open: bool | None = None
    moving: bool = False
    weight_changed: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now: open or close a session, and why; ``uncertain`` when it was left open."""

    do: Literal["open", "close"]
    cause: Cause
    uncertain: bool = False


class OpeningWatch:
    """One cabinet's doors. A contact decides alone; without one, movement and weight open and quiet time closes."""

    def __init__(self, quiet_s: float = 20.0, max_open_s: float = 600.0) -> None:
        self._quiet_s = quiet_s
        self._max_open_s = max_open_s
        self._opened_at: datetime | None = None
        self._touched_at: datetime | None = None
        self._was_open = False

    def opened(self, at: datetime) -> None:
        """A session was opened, by this watch or by a button."""
        self._opened_at = self._touched_at = at

    def closed(self) -> None:
        """The session is over."""
        self._opened_at = self._touched_at = None

    def step(self, seen: Signals) -> Step | None:
        """What the signals ask for; None when everything stays as it is."""
        contacts = [("door", seen.door_open), ("drawer", seen.drawer_open)]
        wired = [name for name, value in contacts if value is not None]
        is_open = any(value for _, value in contacts)
        was_open, self._was_open = self._was_open, is_open
        if self._opened_at is None:
            if wired:
                cause = next((name for name, value in contacts if value), None)
                return Step("open", cause) if cause and not was_open else None  # type: ignore[arg-type]
            if seen.moving or seen.weight_changed:
                return Step("open", "motion" if seen.moving else "weight")
            return None
        if (seen.at - self._opened_at).total_seconds() > self._max_open_s:
            return Step("close", "door", uncertain=True)
        if seen.moving or seen.weight_changed or is_open:
            self._touched_at = seen.at
        if wired:
            return Step("close", "door") if was_open and not is_open else None
        quiet = (seen.at - (self._touched_at or seen.at)).total_seconds()
        return Step("close", "motion") if quiet >= self._quiet_s else None


def moving(before: Image, now: Image, part: float = 0.004) -> bool:
    """Whether something moves between two frames taken one after the other, whatever the light did.

    ``part`` of the picture must differ by more than a fifth after the overall change of light is taken out.
    """
    first, second = (_small(image) for image in (before, now))
    gap = second - first
    changed = np.abs(gap - np.median(gap)) > _STILL_LOG
    kernel = np.ones((2, 2), np.uint8)
    return float(np.mean(cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_OPEN, kernel))) > part


def _small(image: Image) -> Image:
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    height = max(round(_STILL_SIDE * gray.shape[0] / gray.shape[1]), 8)
    small = cv2.resize(gray, (_STILL_SIDE, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(np.log(cv2.GaussianBlur(small, (0, 0), 1.0) + 12.0))
