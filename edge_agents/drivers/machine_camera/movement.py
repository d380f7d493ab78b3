"""Movement between two pictures of a camera, whole or inside a zone, and how long it goes on (MCH-34)."""

from __future__ import annotations

from datetime import datetime

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agents.drivers.machine_camera.compare import changed_share, grey_of
from edge_agents.protocol.camera_analysis import CameraAnalysis, Zone
from edge_agents.protocol.local_time import LocalRules

APART_S = 0.8
"""Pictures compared lie at least this far apart: slow things have moved by then."""
_GAP_S = 4.0


def moved_share(before: bytes, after: bytes, zone: Zone | None) -> float:
    """Largest moved part of the watched area. Light that changes over all is no movement. Raises ``ValueError``."""
    return changed_share(_watched(before, zone), _watched(after, zone))


def _watched(jpeg: bytes, zone: Zone | None) -> NDArray[np.uint8]:
    grey = grey_of(jpeg)
    if zone is None:
        return grey
    height, width = grey.shape
    points = np.array([[round(x * (width - 1)), round(y * (height - 1))] for x, y in zone], dtype=np.int32)
    left, top, wide, high = cv2.boundingRect(points)
    cut = grey[top : top + high, left : left + wide].copy()
    inside = np.zeros(cut.shape, dtype=np.uint8)
    cv2.fillPoly(inside, [points - (left, top)], (1,))
    cut[inside == 0] = np.uint8(np.median(cut[inside == 1]))
    return cut


class Watch:
    """One analysis of one camera: says once when movement has gone on for long enough."""

    def __init__(self, analysis: CameraAnalysis) -> None:
        self.analysis = analysis
        self._since: float | None = None
        self._last: float | None = None
        self._told: float | None = None

    def is_on(self, now: datetime, rules: LocalRules) -> bool:
        """Whether this is a time to look."""
        hours = self.analysis.hours
        return hours is None or hours.cover(rules.local(now))

    def judge(self, at: float, share: float) -> bool:
        """Whether to raise the alert now; ``share`` is what moved up to ``at`` (seconds)."""
        if share < self.analysis.share:
            if self._last is None or at - self._last > _GAP_S:
                self._since = None
            return False
        if self._since is None or (self._last is not None and at - self._last > _GAP_S):
            self._since = at
        self._last = at
        if at - self._since < self.analysis.hold_s:
            return False
        if self._told is not None and at - self._told < self.analysis.rest_s:
            return False
        self._told = at
        return True

    def again(self) -> None:
        """The alert could not be given: what goes on moving is told at the next look."""
        self._told = None
