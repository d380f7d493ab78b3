"""Posting of camera detections under the confidence rules, matched with scans (VIS-14…17, VIS-41, STK-22)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import t
from coordinator.modules.catalogue.api import StockItem
from coordinator.modules.stock import counts, flow, ledger, rules
from coordinator.modules.stock.ledger import Movement
from coordinator.modules.stock.models import MovementEvidence, StockMovement, StorageLocation
from coordinator.modules.stock.views import StockBalance
from edge_agents.protocol.posting import Handling


@dataclass(frozen=True)
class DetectionInput:
    """A change a camera saw in a compartment; ``delta`` after minus before, ``confidence_pct`` 0 to 100."""

    uid: uuid.UUID
    vision_detection_id: int | None
    storage_location_id: int | None
    stock_item_id: int | None
    delta: int
    confidence_pct: Decimal
    usable: bool
    occurred_at: dt.datetime
    user_id: int | None = None
    station_code: str | None = None
    persons: int = 1
    work_order_operation_id: int | None = None
    auto_pct: Decimal | None = None
    """Thresholds that hold at the station for this place and item; the shop's where it names none."""
    review_pct: Decimal | None = None
    told: Handling = "auto"


@dataclass(frozen=True)
class PostingDecision:
    """What became of a detection: its status, the movements posted, why it waits for a person."""

    status: str
    movement_ids: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()
    is_duplicate: bool = False
    matched_movement_id: int | None = None

    @property
    def reason(self) -> str | None:
        """Reasons as one text, for the review queue."""
        return ", ".join(self.reasons) or None


def post_detection(ctx: Context, detection: DetectionInput) -> PostingDecision:
    """Apply the rule of VIS-14 to a detection, once per ``uid`` (VIS-41)."""
    item = (
        ctx.session.get(StockItem, detection.stock_item_id) if detection.stock_item_id is not None else None
    )
    place = (
        ctx.session.get(StorageLocation, detection.storage_location_id)
        if detection.storage_location_id is not None
        else None
    )
    if item is not None:
        ledger.lock_item(ctx, item.id)
    known = _known(ctx, detection.uid)
    if known is not None:
        return PostingDecision("auto_booked", (known,), is_duplicate=True)
    verdict = rules.judge_detection(_facts(ctx, detection, item, place), _limits(ctx, detection))
    if item is None or place is None or detection.delta == 0:
        return PostingDecision(verdict.status, reasons=verdict.reasons)
    if verdict.status != "shadow":
        twin = match(ctx, _movement(detection, item, place), ("qr", "manual"))
        if twin is not None:
            add_evidence(ctx, twin, detection.uid, "camera", detection.occurred_at)
            return PostingDecision("auto_booked", (), ("matched_scan",), matched_movement_id=twin.id)
    if not verdict.post:
        return PostingDecision(verdict.status, reasons=verdict.reasons)
    rows = _write(ctx, detection, item, place, provisional=verdict.is_provisional)
    return PostingDecision(verdict.status, tuple(r.id for r in rows), verdict.reasons)


def _known(ctx: Context, uid: uuid.UUID) -> int | None:
    row = ledger.by_uid(ctx, uid)
    if row is not None:
        return row.id
    return ctx.session.scalar(select(MovementEvidence.stock_movement_id).where(MovementEvidence.uid == uid))


def _facts(
    ctx: Context, detection: DetectionInput, item: StockItem | None, place: StorageLocation | None
) -> rules.DetectionFacts:
    known = item is not None and place is not None
    held = Decimal(0)
    certified = older = False
    if item is not None and place is not None:
        held = ledger.on_hand(ctx, item.id, location_id=place.id)
        query = select(StockBalance.id).where(
            StockBalance.stock_item_id == item.id,
            StockBalance.storage_location_id == place.id,
            StockBalance.is_certified,
        )
        certified = place.accepts == "certified" or ctx.session.scalar(query.limit(1)) is not None
        counted_at = counts.last_human_count(ctx, item.id, place.id)
        older = counted_at is not None and detection.occurred_at < counted_at
    return rules.DetectionFacts(
        confidence_pct=detection.confidence_pct,
        delta=detection.delta,
        usable=detection.usable,
        item_known=known,
        mode=place.vision_mode if place is not None else "review",
        certified=certified,
        unit_value_eur=item.unit_cost if item is not None else None,
        capacity=place.capacity if place is not None else None,
        on_hand=held,
        persons=detection.persons,
        older_than_count=older,
        told=detection.told,
    )


def shop_limits(ctx: Context) -> rules.DetectionLimits:
    """Thresholds of the shop, where neither station nor kind say another (VIS-14)."""
    return rules.DetectionLimits(
        ctx.settings.decimal("stock.vision_auto_pct"),
        ctx.settings.decimal("stock.vision_review_pct"),
        ctx.settings.decimal("stock.vision_value_eur"),
    )


def _limits(ctx: Context, detection: DetectionInput) -> rules.DetectionLimits:
    shop = shop_limits(ctx)
    auto = shop.auto_pct if detection.auto_pct is None else detection.auto_pct
    review = shop.review_pct if detection.review_pct is None else detection.review_pct
    return rules.DetectionLimits(auto, review, shop.value_eur)


def _movement(detection: DetectionInput, item: StockItem, place: StorageLocation) -> Movement:
    taken = detection.delta < 0
    return Movement(
        item.id,
        Decimal(abs(detection.delta)),
        "issue" if taken else "return",
        "camera",
        from_location_id=place.id if taken else None,
        to_location_id=None if taken else place.id,
        work_order_operation_id=detection.work_order_operation_id,
        vision_detection_id=detection.vision_detection_id,
        user_id=detection.user_id,
        station_code=detection.station_code,
        confidence_pct=detection.confidence_pct,
        occurred_at=detection.occurred_at,
        uid=detection.uid,
    )


def _write(
    ctx: Context, detection: DetectionInput, item: StockItem, place: StorageLocation, *, provisional: bool
) -> list[StockMovement]:
    movement = Movement(**{**vars(_movement(detection, item, place)), "is_provisional": provisional})
    key = flow.holder(work_order_operation_id=detection.work_order_operation_id, user_id=detection.user_id)
    if detection.delta < 0:
        return flow.take(ctx, Movement(**{**vars(movement), "to_holder": key}))
    return flow.give_back(ctx, movement, list(dict.fromkeys((key, "unknown"))))


def match(ctx: Context, movement: Movement, sources: Sequence[str]) -> StockMovement | None:
    """First movement of the act that another witness already told: same item, place, way and quantity, near in time.

    An act may be several movements (lots, holders); its quantity is their sum. The nearest in time is taken.
    """
    assert movement.occurred_at is not None  # noqa: S101 — given by every witness
    window = dt.timedelta(minutes=ctx.settings.integer("stock.match_window_min"))
    part = aliased(StockMovement)
    witnessed = (
        select(MovementEvidence.id)
        .join(part, part.id == MovementEvidence.stock_movement_id)
        .where(part.act_uid == StockMovement.act_uid)
    )
    undone = aliased(StockMovement)
    reversed_ = select(undone.id).where(undone.reverses_id == StockMovement.id)
    query = select(func.min(StockMovement.id)).where(
        StockMovement.stock_item_id == movement.stock_item_id,
        StockMovement.kind == movement.kind,
        StockMovement.source.in_(sources),
        StockMovement.occurred_at.between(movement.occurred_at - window, movement.occurred_at + window),
        StockMovement.reverses_id.is_(None),
        ~witnessed.exists(),
        ~reversed_.exists(),
    )
    if movement.from_location_id is not None:
        query = query.where(StockMovement.from_location_id == movement.from_location_id)
    if movement.to_location_id is not None:
        query = query.where(StockMovement.to_location_id == movement.to_location_id)
    distance = func.abs(func.extract("epoch", func.min(StockMovement.occurred_at) - movement.occurred_at))
    query = query.group_by(StockMovement.act_uid).having(
        func.sum(StockMovement.quantity) == movement.quantity
    )
    found = ctx.session.scalar(query.order_by(distance, func.min(StockMovement.id)).limit(1))
    return ctx.get(StockMovement, found) if found is not None else None


def add_evidence(
    ctx: Context, row: StockMovement, uid: uuid.UUID, source: str, occurred_at: dt.datetime
) -> None:
    """Note a second witness of a movement; nothing is debited twice."""
    ctx.session.add(
        MovementEvidence(uid=uid, stock_movement_id=row.id, source=source, occurred_at=occurred_at)
    )
    ctx.session.flush()


def _standing(ctx: Context, vision_detection_id: int) -> list[StockMovement]:
    """Movements of a detection that were not reversed."""
    query = select(StockMovement).where(
        StockMovement.vision_detection_id == vision_detection_id, StockMovement.reverses_id.is_(None)
    )
    rows = list(ctx.session.scalars(query.order_by(StockMovement.id)))
    gone = set(
        ctx.session.scalars(
            select(StockMovement.reverses_id).where(StockMovement.reverses_id.in_([r.id for r in rows]))
        )
    )
    return [r for r in rows if r.id not in gone]


def settle_detection(
    ctx: Context,
    *,
    vision_detection_id: int,
    storage_location_id: int,
    stock_item_id: int,
    delta: int,
    occurred_at: dt.datetime,
    detection_uid: uuid.UUID | None = None,
) -> list[int]:
    """A reviewer's answer: keep the posting that says the same, else reverse it and post what he says (VIS-19).

    A take or return scanned while the detection waited is that movement already, and is not booked again.
    """
    item = ledger.lock_item(ctx, stock_item_id)
    if detection_uid is not None and _matched(ctx, detection_uid):
        return []
    standing = _standing(ctx, vision_detection_id)
    booked = sum((r.quantity if r.to_location_id is not None else -r.quantity for r in standing), Decimal(0))
    same_item = all(r.stock_item_id == stock_item_id for r in standing)
    same_place = all((r.from_location_id or r.to_location_id) == storage_location_id for r in standing)
    if standing and same_item and same_place and booked == delta:
        return [r.id for r in standing]
    for row in standing:
        flow.reverse(ctx, row)
    if delta == 0:
        return []
    place = ctx.get(StorageLocation, storage_location_id)
    answer = DetectionInput(
        uuid.uuid4(),
        vision_detection_id,
        place.id,
        item.id,
        delta,
        Decimal(100),
        True,
        occurred_at,
        ctx.principal.user_id,
    )
    if not standing:  # a scan may have told of it while the detection waited for its reviewer
        twin = match(ctx, _movement(answer, item, place), ("qr", "manual"))
        if twin is not None:
            add_evidence(ctx, twin, detection_uid or answer.uid, "camera", occurred_at)
            return []
    return [r.id for r in _write(ctx, answer, item, place, provisional=False)]


def _matched(ctx: Context, uid: uuid.UUID) -> bool:
    return ctx.session.scalar(select(MovementEvidence.id).where(MovementEvidence.uid == uid)) is not None


def reverse_detection(ctx: Context, *, vision_detection_id: int) -> list[int]:
    """Undo what a rejected detection posted, by new movements (VIS-16); what a person scanned as well stays."""
    rows = _standing(ctx, vision_detection_id)
    part = aliased(StockMovement)
    scanned = (
        select(part.act_uid)
        .join(MovementEvidence, MovementEvidence.stock_movement_id == part.id)
        .where(part.id.in_([r.id for r in rows]), MovementEvidence.source != "camera")
    )
    kept = set(ctx.session.scalars(scanned))
    return [flow.reverse(ctx, row).id for row in rows if row.act_uid not in kept]


def set_mode(ctx: Context, place: StorageLocation, reviewed: Sequence[bool]) -> str:
    """Mode of a compartment after its reviewed events, oldest first: leaves shadow when proven, falls back when wrong.

    The storekeeper is told of a fall back (VIS-17). Returns the mode.
    """
    if place.vision_mode == "auto" and rules.must_return_to_review(reviewed):
        place.vision_mode = "review"
        words = t("stock.vision_review", ctx.locale, place=place.code)
        tasks.notify(ctx, "warning", "vision", words, place, role="storekeeper")
    return place.vision_mode
