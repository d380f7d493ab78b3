"""What a roll-out does next (EDG-34, UPD-26, UPD-27): pure rules, no database and no clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Status = Literal[
    "pilot", "observing", "rolling", "rolling_back", "paused", "done", "stopped", "cancelled", "reverted"
]
ENDED = frozenset({"done", "stopped", "cancelled", "reverted"})
FINAL = frozenset({"installed", "failed", "rolled_back", "cancelled"})
BAD = frozenset({"failed", "rolled_back"})
MAX_FAILURES = 2
"""So many failures of the same version stop it everywhere (UPD-27)."""


@dataclass(frozen=True)
class Part:
    """One station's part. ``failures`` counts its earlier tries; ``able``: neither revoked nor in maintenance."""

    id: int
    status: str
    is_pilot: bool = False
    is_rollback: bool = False
    failures: int = 0
    able: bool = True
    healthy: bool = True


@dataclass(frozen=True)
class Rollout:
    """Present state; ``observe_until`` is set once the pilot runs the new version."""

    status: str
    observe_min: int
    group_size: int
    observe_until: dt.datetime | None = None
    window: tuple[dt.time, dt.time] | None = None


@dataclass(frozen=True)
class Decision:
    """What to change: parts to offer now, the next status and why."""

    status: str
    offer: tuple[int, ...] = field(default=())
    observe_until: dt.datetime | None = None
    reason: str | None = None


def in_window(window: tuple[dt.time, dt.time] | None, local: dt.time) -> bool:
    """Whether a local time lies in a window, which may pass midnight; no window is always open."""
    if window is None:
        return True
    start, end = window
    return start <= local < end if start <= end else local >= start or local < end


def decide(rollout: Rollout, parts: Sequence[Part], now: dt.datetime, local: dt.time) -> Decision:
    """Next step. ``now`` aware, ``local`` the shop's time of day.

    The pilot comes first and alone, whatever the window says, since a person starts the roll-out; the groups wait for the
    end of the observation and for the window. Parts of stations that are off line stay offered until they come back and
    do not hold a place in the group.
    """
    if rollout.status == "rolling_back":
        back = [p for p in parts if p.is_rollback]
        if all(p.status in FINAL for p in back):
            return Decision("reverted")
        return Decision("rolling_back", tuple(p.id for p in back if p.status == "planned"))
    if rollout.status not in ("pilot", "observing", "rolling"):
        return Decision(rollout.status)
    forward = [p for p in parts if not p.is_rollback]
    failures = sum(p.failures + (p.status in BAD) for p in forward)
    if failures >= MAX_FAILURES:
        return Decision("stopped", reason="failures")
    if rollout.status == "pilot":
        return _pilot(rollout, [p for p in forward if p.is_pilot], now)
    if rollout.status == "observing":
        return _observed(rollout, forward, now)
    return _group(rollout, forward, local)


def _pilot(rollout: Rollout, pilots: Sequence[Part], now: dt.datetime) -> Decision:
    pilot = pilots[0]
    if pilot.status == "installed":
        return Decision("observing", observe_until=now + dt.timedelta(minutes=rollout.observe_min))
    if pilot.status == "cancelled":
        return Decision("stopped", reason="pilot_cancelled")
    if pilot.status in BAD or (pilot.status == "planned" and pilot.able):
        return Decision("pilot", (pilot.id,))
    return Decision("pilot")


def _observed(rollout: Rollout, parts: Sequence[Part], now: dt.datetime) -> Decision:
    if rollout.observe_until is None or now < rollout.observe_until:
        return Decision("observing", observe_until=rollout.observe_until)
    if not all(p.healthy for p in parts if p.is_pilot):
        return Decision("stopped", reason="pilot_unhealthy")
    return Decision("rolling")


def _group(rollout: Rollout, parts: Sequence[Part], local: dt.time) -> Decision:
    if all(p.status in FINAL for p in parts):
        return Decision("done")
    if not in_window(rollout.window, local):
        return Decision("rolling")
    busy = sum(p.status == "running" and p.healthy for p in parts)
    ready = [p.id for p in parts if p.status == "planned" and p.able]
    return Decision("rolling", tuple(ready[: max(0, rollout.group_size - busy)]))
