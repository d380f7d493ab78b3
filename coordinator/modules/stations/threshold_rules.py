"""Which threshold of automatic posting holds for a detection, and where it comes from: pure rules (VIS-14).

Four levels, from the widest to the most particular: the shop, the station, the kind of place at the station, the kind of item at the
station. Each of the two values is inherited by itself; the most particular level that says one wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from edge_agents.protocol.posting import AUTO_LEAST_PCT, REVIEW_LEAST_PCT

Scope = Literal["shop", "station", "location_kind", "item_kind"]
Name = Literal["auto_pct", "review_pct"]
NAMES: tuple[Name, ...] = ("auto_pct", "review_pct")
LEAST: dict[Name, Decimal] = {"auto_pct": Decimal(AUTO_LEAST_PCT), "review_pct": Decimal(REVIEW_LEAST_PCT)}
MOST = Decimal(100)


@dataclass(frozen=True, slots=True)
class Level:
    """What one level says, ``None`` where it leaves a value to the wider ones; ``kind`` empty for shop and station."""

    scope: Scope
    kind: str
    auto_pct: Decimal | None
    review_pct: Decimal | None


@dataclass(frozen=True, slots=True)
class Limit:
    """A value in %, and the level it comes from."""

    value: Decimal
    scope: Scope
    kind: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """The two thresholds that hold."""

    auto_pct: Limit
    review_pct: Limit


def resolve(levels: Sequence[Level]) -> Resolved:
    """Thresholds of levels given from the widest (the shop, which says both) to the most particular.

    Where values inherited from different levels cross, the one for automatic posting is raised to the one for review.
    """
    found: dict[Name, Limit] = {}
    for level in levels:
        for name in NAMES:
            value: Decimal | None = getattr(level, name)
            if value is not None:
                found[name] = Limit(max(value, LEAST[name]), level.scope, level.kind)
    auto, review = found["auto_pct"], found["review_pct"]
    return Resolved(review if review.value > auto.value else auto, review)


def refusal(name: Name, value: Decimal | None) -> str | None:
    """Stable code of why a value may not be set, ``None`` where it may; nothing (inherit) always may."""
    if value is None:
        return None
    if value < LEAST[name]:
        return f"vision.threshold_low.{name}"
    return "vision.threshold_high" if value > MOST else None


def crosses(levels: Sequence[Level]) -> bool:
    """Whether a detection would be posted alone at a confidence that still needs a person's confirmation."""
    said: dict[Name, Decimal] = {}
    for level in levels:
        said |= {name: value for name in NAMES if (value := getattr(level, name)) is not None}
    return said["review_pct"] > said["auto_pct"]
