"""Which place suits an item best: walking distance by frequency of use, reach, likeness, room (STK-15). Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

REACH_M = {"easy": 0.0, "normal": 2.0, "hard": 8.0}
"""What bending, climbing or opening costs, as metres walked."""
_LIKENESS_M = 1.5
_OWN_M = 3.0
_UNKNOWN_M = 15.0


@dataclass(frozen=True)
class Point:
    """Place on the plan of the workshop, in metres."""

    x_m: float
    y_m: float


@dataclass(frozen=True)
class Place:
    """A place that may take the item; ``room`` is what still goes in, ``None`` without limit."""

    key: int
    point: Point | None = None
    reach: str = "normal"
    room: Decimal | None = None
    similar_count: int = 0
    is_own: bool = False


@dataclass(frozen=True)
class Thing:
    """An item: how much is to be placed, how often it is fetched a month and from where (weight by point)."""

    quantity: Decimal
    moves_per_month: float = 0.0
    users: tuple[tuple[Point, float], ...] = ()


@dataclass(frozen=True)
class Ranked:
    """A place with its cost in metres walked a month, and why (codes)."""

    place: Place
    cost_m: float
    reasons: tuple[str, ...] = field(default=())


def distance_m(place: Place, thing: Thing) -> float:
    """Mean way from the place to those who fetch the item, one way; a usual way where the plan is not known."""
    weights = [(point, weight) for point, weight in thing.users if weight > 0]
    if place.point is None or not weights:
        return _UNKNOWN_M
    total = sum(weight for _, weight in weights)
    way = sum(math.dist((place.point.x_m, place.point.y_m), (p.x_m, p.y_m)) * w for p, w in weights)
    return way / total


def rank(thing: Thing, places: Sequence[Place]) -> list[Ranked]:
    """Places with room, the best first."""
    found = []
    for place in places:
        if place.room is not None and place.room < thing.quantity:
            continue
        found.append(_judge(thing, place))
    return sorted(found, key=lambda r: (r.cost_m, r.place.key))


def _judge(thing: Thing, place: Place) -> Ranked:
    times = max(thing.moves_per_month, 1.0)
    way = distance_m(place, thing)
    reasons = []
    if place.point is not None and thing.users:
        reasons.append("near_machines")
    if place.reach == "easy":
        reasons.append("easy_reach")
    if place.similar_count:
        reasons.append("similar_together")
    if place.is_own:
        reasons.append("own_place")
    if place.room is not None:
        reasons.append("room_left")
    eased = min(place.similar_count, 4) * _LIKENESS_M + (_OWN_M if place.is_own else 0.0)
    cost = times * max(0.0, 2 * way + REACH_M.get(place.reach, 2.0) - eased)
    return Ranked(place, round(cost, 1), tuple(reasons))


def gain_m(thing: Thing, now: Place, then: Place) -> float:
    """Metres a month saved by a move, there and back; negative when it would cost."""
    before = 2 * distance_m(now, thing) + REACH_M.get(now.reach, 2.0)
    after = 2 * distance_m(then, thing) + REACH_M.get(then.reach, 2.0)
    return round(thing.moves_per_month * (before - after), 1)
