"""Decisions of stock without database: cuts, certified material, camera detections, reorder quantity. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from edge_agents.protocol.posting import Handling, stricter

CRITICAL = frozenset({"critical", "aerospace", "military", "armament"})
_LENGTHS_MM = {"mm": Decimal(1), "cm": Decimal(10), "m": Decimal(1000)}


def convert(quantity: Decimal, from_unit: str, to_unit: str) -> Decimal | None:
    """Quantity in another unit of length; ``None`` where the units have nothing in common (STK-49)."""
    if from_unit == to_unit:
        return quantity
    if from_unit in _LENGTHS_MM and to_unit in _LENGTHS_MM:
        return quantity * _LENGTHS_MM[from_unit] / _LENGTHS_MM[to_unit]
    return None


@dataclass(frozen=True)
class Bar:
    """A bar or offcut to cut from; lengths in mm."""

    key: int
    length_mm: Decimal
    is_offcut: bool = False


@dataclass(frozen=True)
class BarCut:
    """What is cut from one bar: pieces, length used with kerfs and facing, what stays and whether it is kept."""

    key: int
    pieces: int
    consumed_mm: Decimal
    remainder_mm: Decimal
    keep_remainder: bool


@dataclass(frozen=True)
class CutPlan:
    """Cuts over bars; ``missing`` pieces found no bar."""

    cuts: tuple[BarCut, ...]
    missing: int


def cut_length(count: int, length_mm: Decimal, kerf_mm: Decimal, facing_mm: Decimal) -> Decimal:
    """Material used by ``count`` cuts from one bar: facing + count × (length + kerf) (STK-21)."""
    return facing_mm + count * (length_mm + kerf_mm)


def plan_cuts(
    bars: Sequence[Bar],
    count: int,
    length_mm: Decimal,
    *,
    kerf_mm: Decimal,
    facing_mm: Decimal,
    minimum_mm: Decimal,
) -> CutPlan:
    """Spread cuts over bars: offcuts first, the shortest first, so that whole bars stay whole (STK-30).

    The last kerf may run out of the bar: a bar of exactly n lengths and n − 1 kerfs gives n pieces.
    """
    step = length_mm + kerf_mm
    left = count
    cuts = []
    for bar in sorted(bars, key=lambda b: (not b.is_offcut, b.length_mm, b.key)):
        if left == 0:
            break
        room = bar.length_mm - facing_mm + kerf_mm
        pieces = min(left, int(room // step)) if room > 0 else 0
        if pieces == 0:
            continue
        consumed = min(bar.length_mm, cut_length(pieces, length_mm, kerf_mm, facing_mm))
        remainder = bar.length_mm - consumed
        cuts.append(BarCut(bar.key, pieces, consumed, remainder, remainder >= minimum_mm))
        left -= pieces
    return CutPlan(tuple(cuts), left)


@dataclass(frozen=True)
class Demand:
    """What an order asks of its material (STK-29)."""

    criticality: str = "standard"
    certificate_required: bool = False

    @property
    def is_critical(self) -> bool:
        """Whether only certified lots will do."""
        return self.criticality in CRITICAL or self.certificate_required


@dataclass(frozen=True)
class Refusal:
    """Why a lot may not serve a demand; a responsible may override some reasons."""

    code: str
    may_override: bool


def lot_refusal(
    demand: Demand | None, status: str, *, is_certified: bool, reserved_critical: bool
) -> Refusal | None:
    """Whether a lot may serve: released, certified for critical orders, ordinary for the others (STK-29, STK-48)."""
    if status != "released":
        return Refusal("stock.lot_not_released", may_override=False)
    if demand is None:
        return None
    if demand.is_critical and not is_certified:
        return Refusal("stock.certificate_required", may_override=False)
    if not demand.is_critical and (is_certified or reserved_critical):
        return Refusal("stock.certified_reserved", may_override=True)
    return None


@dataclass(frozen=True)
class DetectionFacts:
    """What is known when a camera reports a change in a compartment."""

    confidence_pct: Decimal
    delta: int
    usable: bool = True
    item_known: bool = True
    mode: str = "shadow"
    certified: bool = False
    unit_value_eur: Decimal | None = None
    capacity: Decimal | None = None
    on_hand: Decimal = Decimal(0)
    persons: int = 1
    older_than_count: bool = False
    told: Handling = "auto"
    """What the station told the person at the cabinet: the office may ask sooner, never post more."""


@dataclass(frozen=True)
class DetectionLimits:
    """Thresholds of VIS-14 and VIS-15."""

    auto_pct: Decimal = Decimal(90)
    review_pct: Decimal = Decimal(60)
    value_eur: Decimal = Decimal(150)


DetectionStatus = Literal["shadow", "auto_booked", "to_confirm"]


@dataclass(frozen=True)
class DetectionVerdict:
    """Status of a detection, whether it is posted, and why it needs a person."""

    status: DetectionStatus
    post: bool
    reasons: tuple[str, ...] = ()

    @property
    def is_provisional(self) -> bool:
        """Posted and still to confirm."""
        return self.post and self.status == "to_confirm"


def judge_detection(facts: DetectionFacts, limits: DetectionLimits) -> DetectionVerdict:
    """Rule of VIS-14: post, post provisionally or queue; VIS-15 reasons queue whatever the confidence."""
    reasons = _always_review(facts, limits)
    if facts.mode == "shadow":
        return DetectionVerdict("shadow", post=False, reasons=reasons)
    if reasons:
        return DetectionVerdict("to_confirm", post=False, reasons=reasons)
    if facts.mode == "review":
        return DetectionVerdict("to_confirm", post=False, reasons=("review_mode",))
    own: Handling = (
        "auto"
        if facts.confidence_pct >= limits.auto_pct
        else "confirm"
        if facts.confidence_pct >= limits.review_pct
        else "review"
    )
    handling = stricter(own, facts.told)
    if handling == "auto":
        return DetectionVerdict("auto_booked", post=True)
    return DetectionVerdict("to_confirm", post=handling == "confirm", reasons=("confidence",))


def _always_review(facts: DetectionFacts, limits: DetectionLimits) -> tuple[str, ...]:
    checks = (
        ("unusable_image", not facts.usable),
        ("unknown_item", not facts.item_known),
        ("certified", facts.certified),
        ("value", facts.unit_value_eur is not None and facts.unit_value_eur > limits.value_eur),
        ("capacity", facts.capacity is not None and abs(facts.delta) > facts.capacity),
        ("negative", facts.item_known and facts.on_hand + facts.delta < 0),
        ("two_persons", facts.persons > 1),
        ("older_than_count", facts.older_than_count),
    )
    return tuple(name for name, holds in checks if holds)


def may_post_automatically(
    correct: Sequence[bool], minimum: int = 50, rate_pct: Decimal = Decimal(98)
) -> bool:
    """Whether a compartment's shadow period proves it: at least ``minimum`` events, ``rate_pct`` right (VIS-17)."""
    return len(correct) >= minimum and 100 * sum(correct) >= rate_pct * len(correct)


def must_return_to_review(correct: Sequence[bool], window: int = 50, rate_pct: Decimal = Decimal(95)) -> bool:
    """Whether the last ``window`` reviewed events of a posting compartment are too often wrong (VIS-17)."""
    last = correct[-window:]
    return len(last) >= window and 100 * sum(last) < rate_pct * len(last)


def reorder_quantity(
    *,
    available: Decimal,
    threshold: Decimal,
    reorder_qty: Decimal | None,
    minimum: Decimal | None,
    pack: Decimal,
) -> Decimal:
    """Quantity to buy: the set one, else up to twice the threshold; at least the supplier's minimum, in full packs."""
    wanted = reorder_qty if reorder_qty else max(2 * threshold - available, Decimal(1))
    wanted = max(wanted, minimum or Decimal(0))
    return (wanted / pack).to_integral_value(rounding=ROUND_CEILING) * pack if pack > 0 else wanted
