"""The station's clock: wall time with its quality, and a counter which never jumps (EDG-42)."""

from __future__ import annotations

import ctypes
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from uuid import uuid4

from edge_agents.protocol.envelope import TimeQuality

OFFSET_VARIABLE = "USINAGE_CLOCK_OFFSET_S"
_JUMP_S = 2.0
_TIME_ERROR = 5


class Clock:
    """Wall clock in UTC whose jumps are noticed against the monotonic clock.

    ``trust`` "auto" asks the kernel whether the time is synchronised; "yes" and "no" are for stations whose
    time source the kernel does not know. The environment variable ``USINAGE_CLOCK_OFFSET_S`` shifts the wall
    clock (tests of clock jumps).
    """

    def __init__(self, trust: Literal["auto", "yes", "no"] = "auto") -> None:
        self._trust = trust
        self._shift = timedelta(seconds=float(os.environ.get(OFFSET_VARIABLE, "0")))
        self._anchor = (self._wall(), self.monotonic())
        self.boot_id = _boot_id()

    def _wall(self) -> datetime:
        return datetime.now(UTC) + self._shift

    def now(self) -> datetime:
        """Current wall time, aware, UTC."""
        return self._wall()

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back and never jumping."""
        return time.monotonic()

    def wall_base_s(self) -> float:
        """Wall clock minus monotonic clock, in seconds: constant as long as nobody sets the wall clock."""
        return self._wall().timestamp() - self.monotonic()

    def synchronised(self) -> bool:
        """Whether the time source is known to be right now, whatever happened before."""
        return self._trust == "yes" or (self._trust == "auto" and kernel_clock_synchronised())

    def shift(self, seconds: float) -> None:
        """Moves the wall clock, as a manual setting or a late NTP answer would do."""
        self._shift += timedelta(seconds=seconds)

    def drift_s(self) -> float:
        """Seconds the wall clock moved against the monotonic clock since the last ``accept``."""
        wall, mono = self._anchor
        return (self._wall() - wall).total_seconds() - (self.monotonic() - mono)

    def accept(self) -> None:
        """Takes the present wall time as right (after a synchronisation)."""
        self._anchor = (self._wall(), self.monotonic())

    def quality(self) -> TimeQuality:
        """ "trusted" while synchronised and without an unexplained jump."""
        if abs(self.drift_s()) > _JUMP_S:
            return "uncertain"
        return "trusted" if self.synchronised() else "uncertain"


def kernel_clock_synchronised() -> bool:
    """Whether the kernel's clock is disciplined by NTP (``adjtimex``); False where it cannot tell."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        buffer = ctypes.create_string_buffer(512)
        state = int(libc.adjtimex(buffer))
    except (OSError, AttributeError):
        return False
    return 0 <= state < _TIME_ERROR


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(uuid4())
