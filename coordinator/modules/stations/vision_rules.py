"""Scores of the cameras: pure rules (VIS-17, VIS-20, VIS-22, VIS-25)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

LEAST = 50
WINDOW = 200
SCORE_FROM = 20
SCORE_DAYS = 90
SETTLED_DAYS = 30


class Seen(Protocol):
    """What the rules need of a detection."""

    @property
    def status(self) -> str: ...
    @property
    def seen_status(self) -> str | None: ...
    @property
    def stock_item_id(self) -> int | None: ...
    @property
    def seen_item_id(self) -> int | None: ...
    @property
    def delta(self) -> int: ...
    @property
    def seen_delta(self) -> int | None: ...
    @property
    def detected_at(self) -> dt.datetime: ...
    @property
    def reviewed_at(self) -> dt.datetime | None: ...
    @property
    def confidence_pct(self) -> Any: ...


def is_corrected(one: Seen) -> bool:
    """Whether the reviewer changed item or quantity."""
    return one.stock_item_id != one.seen_item_id or one.delta != one.seen_delta


def was_right(one: Seen) -> bool:
    """Whether a reviewed detection was right as it was seen."""
    return one.status == "confirmed" and not is_corrected(one)


@dataclass(frozen=True, slots=True)
class Score:
    """Autonomy: part (0 to 100) of the closed proposals that stood unchanged; None before there are enough."""

    closed: int
    unchanged: int
    autonomy_pct: float | None


def autonomy(seen: Iterable[Seen], now: dt.datetime) -> Score:
    """100 × (accepted unchanged + posted alone and not touched for 30 days) ÷ proposals closed in 90 days (ADV-23).

    A posting younger than 30 days that nobody touched is not closed yet.
    """
    since, settled = now - dt.timedelta(days=SCORE_DAYS), now - dt.timedelta(days=SETTLED_DAYS)
    closed = unchanged = 0
    for one in seen:
        if one.reviewed_at is not None:
            if one.reviewed_at < since:
                continue
            closed += 1
            unchanged += was_right(one)
        elif one.status == "auto_booked" and since <= one.detected_at < settled:
            closed += 1
            unchanged += 1
    return Score(closed, unchanged, round(100 * unchanged / closed, 1) if closed >= SCORE_FROM else None)


def trend(seen: Iterable[Seen]) -> list[dict[str, Any]]:
    """Mean stated confidence and share right of the reviewed, week after week (Monday)."""
    weeks: dict[dt.date, list[Seen]] = defaultdict(list)
    for one in seen:
        day = one.detected_at.date()
        weeks[day - dt.timedelta(days=day.weekday())].append(one)
    found = []
    for monday, members in sorted(weeks.items()):
        reviewed = [one for one in members if one.reviewed_at is not None]
        found.append(
            {
                "week": monday.isoformat(),
                "events": len(members),
                "confidence_pct": round(float(sum(one.confidence_pct for one in members)) / len(members), 1),
                "right_pct": percent(sum(was_right(one) for one in reviewed), len(reviewed)),
            }
        )
    return found


def accuracy(seen: Sequence[Seen]) -> dict[str, Any]:
    """Per kind of answer, how often reviewed detections were right: item, quantity, and both (VIS-25)."""
    done = [one for one in seen if one.reviewed_at is not None]
    kept = [one for one in done if one.status == "confirmed"]
    return {
        "reviewed": len(done),
        "item_pct": percent(sum(one.stock_item_id == one.seen_item_id for one in kept), len(done)),
        "quantity_pct": percent(sum(one.delta == one.seen_delta for one in kept), len(done)),
        "event_pct": percent(sum(was_right(one) for one in done), len(done)),
    }


BANDS = ((0.0, 60.0), (60.0, 80.0), (80.0, 90.0), (90.0, 95.0), (95.0, 100.0))
"""Stated confidence in %, by the limits that matter for posting; the upper end of the last one belongs to it."""


def calibration(seen: Iterable[Seen]) -> dict[str, Any]:
    """Stated confidence against what people found: per band, and the expected calibration error in points.

    The error is the mean distance of stated confidence and share right, weighted by the number of reviewed (Naeini et al., 2015).
    """
    done = [one for one in seen if one.reviewed_at is not None]
    bands: list[dict[str, Any]] = []
    error = 0.0
    for low, high in BANDS:
        last = high == BANDS[-1][1]
        inside = [
            one
            for one in done
            if low <= float(one.confidence_pct) and (last or float(one.confidence_pct) < high)
        ]
        stated = sum(float(one.confidence_pct) for one in inside) / len(inside) if inside else None
        right = percent(sum(was_right(one) for one in inside), len(inside))
        if stated is not None and right is not None:
            error += len(inside) / len(done) * abs(stated - right)
        bands.append({"from": low, "to": high, "reviewed": len(inside), "right_pct": right,
                      "stated_pct": None if stated is None else round(stated, 1)})  # fmt: skip
    return {"reviewed": len(done), "error_pct": round(error, 1) if done else None, "bands": bands}


def percent(part: int, whole: int) -> float | None:
    """Percentage with one decimal; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def working_days_before(now: dt.datetime, days: int) -> dt.datetime:
    """The same time of day that many working days (Monday to Friday) earlier."""
    found = now
    while days > 0:
        found -= dt.timedelta(days=1)
        if found.weekday() < 5:
            days -= 1
    return found
