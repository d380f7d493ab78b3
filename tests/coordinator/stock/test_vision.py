"""Camera detections: thresholds, always-review list, shadow, duplicates, matching with scans, review."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.company.models import Site
from coordinator.modules.stations.models import CabinetSession, Station, VisionDetection
from coordinator.modules.stock import api as stock
from coordinator.modules.stock import rules
from coordinator.modules.stock.models import StockMovement, StorageLocation
from tests.coordinator.stock.conftest import d

Facts = rules.DetectionFacts
LIMITS = rules.DetectionLimits()


@pytest.fixture
def vision_id(ctx: Context) -> int:
    """A stored detection for movements to refer to."""
    site = ctx.add(Site(code="SV", name="Site"))
    station = ctx.add(Station(code="cab-1", name="Armoire", kind="cabinet_camera", site_id=site.id))
    session = ctx.add(CabinetSession(uid=uuid.uuid4(), station_id=station.id, opened_at=ctx.now))
    detection = VisionDetection(
        uid=uuid.uuid4(), cabinet_session_id=session.id, delta=-1, method="count", detected_at=ctx.now
    )
    return ctx.add(detection).id


@pytest.fixture
def stocked(ctx: Context, insert: StockItem, place: StorageLocation) -> StockItem:
    stock.receive(ctx, insert.id, d(10), location_id=place.id)
    return insert


def detect(
    ctx: Context,
    item: StockItem | None,
    place: StorageLocation,
    delta: int,
    confidence: int = 95,
    **more: Any,
) -> stock.PostingDecision:
    values: dict[str, Any] = {
        "uid": uuid.uuid4(),
        "vision_detection_id": None,
        "storage_location_id": place.id,
        "stock_item_id": item.id if item else None,
        "delta": delta,
        "confidence_pct": d(confidence),
        "usable": True,
        "occurred_at": ctx.now,
        **more,
    }
    return stock.post_detection(ctx, stock.DetectionInput(**values))


@pytest.mark.requirement("VIS-14")
@pytest.mark.parametrize(
    ("confidence", "status", "posted", "provisional"),
    [
        (100, "auto_booked", True, False),
        (90, "auto_booked", True, False),
        (89, "to_confirm", True, True),
        (60, "to_confirm", True, True),
        (59, "to_confirm", False, False),
    ],
)
def test_confidence_decides(
    ctx: Context,
    stocked: StockItem,
    place: StorageLocation,
    vision_id: int,
    confidence: int,
    status: str,
    posted: bool,
    provisional: bool,
) -> None:
    decision = detect(ctx, stocked, place, -2, confidence, vision_detection_id=vision_id)
    assert decision.status == status
    assert stock.on_hand(ctx, stocked.id) == (8 if posted else 10)
    if posted:
        row = ctx.get(StockMovement, decision.movement_ids[0])
        assert (row.source, row.confidence_pct, row.is_provisional) == ("camera", confidence, provisional)
        assert row.vision_detection_id == vision_id
        assert stock.in_use(ctx, stocked.id) == 2


@pytest.mark.requirement("VIS-15")
@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"certified": True}, "certified"),
        ({"unit_value_eur": Decimal("150.01")}, "value"),
        ({"capacity": Decimal(1)}, "capacity"),
        ({"on_hand": Decimal(1)}, "negative"),
        ({"item_known": False}, "unknown_item"),
        ({"persons": 2}, "two_persons"),
        ({"older_than_count": True}, "older_than_count"),
        ({"usable": False}, "unusable_image"),
    ],
)
def test_some_changes_are_always_reviewed(facts: dict[str, Any], reason: str) -> None:
    values = {"confidence_pct": d(100), "delta": -2, "mode": "auto", "on_hand": d(10), **facts}
    verdict = rules.judge_detection(Facts(**values), LIMITS)
    assert (verdict.status, verdict.post, verdict.reasons) == ("to_confirm", False, (reason,))


@pytest.mark.requirement("VIS-15")
def test_what_would_go_negative_is_not_posted(
    ctx: Context, stocked: StockItem, place: StorageLocation
) -> None:
    decision = detect(ctx, stocked, place, -11, 100)
    assert (decision.status, decision.reason, decision.movement_ids) == ("to_confirm", "negative", ())
    assert detect(ctx, None, place, -1, 100).reason == "unknown_item"
    assert stock.on_hand(ctx, stocked.id) == 10


@pytest.mark.requirement("VIS-17")
def test_a_compartment_in_shadow_posts_nothing(
    ctx: Context, stocked: StockItem, place: StorageLocation
) -> None:
    place.vision_mode = "shadow"
    assert detect(ctx, stocked, place, -1, 100).status == "shadow"
    place.vision_mode = "review"
    assert detect(ctx, stocked, place, -1, 100).status == "to_confirm"
    assert stock.on_hand(ctx, stocked.id) == 10
    assert rules.may_post_automatically([True] * 49 + [False])
    assert not rules.may_post_automatically([True] * 49)
    assert not rules.may_post_automatically([True] * 48 + [False] * 2)
    place.vision_mode = "auto"
    assert stock.set_mode(ctx, place, [True] * 48 + [False] * 2) == "auto"
    assert stock.set_mode(ctx, place, [True] * 47 + [False] * 3) == "review"


@pytest.mark.requirement("VIS-41")
def test_a_detection_counts_once_and_not_before_a_later_human_count(
    ctx: Context, stocked: StockItem, place: StorageLocation, report: Callable[..., Any]
) -> None:
    uid = uuid.uuid4()
    detect(ctx, stocked, place, -1, uid=uid)
    assert detect(ctx, stocked, place, -1, uid=uid).is_duplicate
    assert stock.on_hand(ctx, stocked.id) == 9
    report("stock.counted", item_code="PL-CNMG", quantity=9, location_code="A-01")
    late = detect(ctx, stocked, place, -1, occurred_at=ctx.now - dt.timedelta(minutes=5))
    assert (late.status, late.reason) == ("to_confirm", "older_than_count")
    assert stock.on_hand(ctx, stocked.id) == 9


@pytest.mark.requirement("VIS-16")
@pytest.mark.parametrize("scan_first", [True, False])
def test_camera_and_scan_of_one_take_are_one_movement(
    ctx: Context, stocked: StockItem, place: StorageLocation, report: Callable[..., Any], scan_first: bool
) -> None:
    def scan() -> Any:
        return report("stock.taken", item_code="PL-CNMG", quantity=2, location_code="A-01")

    if scan_first:
        scan()
        seen = detect(ctx, stocked, place, -2)
        assert (seen.status, seen.reason) == ("auto_booked", "matched_scan")
    else:
        detect(ctx, stocked, place, -2)
        assert scan().code == "stock.seen_by_camera"
    assert stock.on_hand(ctx, stocked.id) == 8
    scan()
    assert stock.on_hand(ctx, stocked.id) == 6, "a second take is another movement"


def test_a_scan_of_an_hour_ago_is_another_take(
    ctx: Context, stocked: StockItem, place: StorageLocation, report: Callable[..., Any]
) -> None:
    report(
        "stock.taken",
        at=ctx.now - dt.timedelta(hours=1),
        item_code="PL-CNMG",
        quantity=2,
        location_code="A-01",
    )
    detect(ctx, stocked, place, -2)
    assert stock.on_hand(ctx, stocked.id) == 6


@pytest.mark.requirement("VIS-16")
def test_a_reviewer_keeps_corrects_or_undoes_a_posting(
    ctx: Context, stocked: StockItem, place: StorageLocation, vision_id: int
) -> None:
    detect(ctx, stocked, place, -2, 70, vision_detection_id=vision_id)
    answer = {
        "vision_detection_id": vision_id,
        "storage_location_id": place.id,
        "stock_item_id": stocked.id,
        "occurred_at": ctx.now,
    }
    kept = stock.settle_detection(ctx, **answer, delta=-2)
    assert stock.on_hand(ctx, stocked.id) == 8
    corrected = stock.settle_detection(ctx, **answer, delta=-3)
    assert corrected != kept
    assert (stock.on_hand(ctx, stocked.id), stock.in_use(ctx, stocked.id)) == (7, 3)
    stock.reverse_detection(ctx, vision_detection_id=vision_id)
    assert (stock.on_hand(ctx, stocked.id), stock.in_use(ctx, stocked.id)) == (10, 0)
    assert stock.reverse_detection(ctx, vision_detection_id=vision_id) == []
    sources = [m.source for m in ctx.session.scalars(select(StockMovement))]
    assert sources.count("camera") == 2


@pytest.mark.requirement("STK-22")
def test_a_scan_told_while_a_detection_waits_is_not_booked_again_by_the_reviewer(
    ctx: Context, stocked: StockItem, place: StorageLocation, report: Callable[..., Any], vision_id: int
) -> None:
    place.vision_mode = "review"
    uid = uuid.uuid4()
    assert detect(ctx, stocked, place, -2, uid=uid, vision_detection_id=vision_id).status == "to_confirm"
    report("stock.taken", item_code="PL-CNMG", quantity=2, location_code="A-01")
    answer = {
        "vision_detection_id": vision_id,
        "storage_location_id": place.id,
        "stock_item_id": stocked.id,
        "occurred_at": ctx.now,
        "detection_uid": uid,
    }
    for _ in range(2):
        assert stock.settle_detection(ctx, **answer, delta=-2) == []
    assert stock.on_hand(ctx, stocked.id) == 8


def test_a_rejected_detection_does_not_undo_what_a_person_scanned(
    ctx: Context, stocked: StockItem, place: StorageLocation, report: Callable[..., Any], vision_id: int
) -> None:
    detect(ctx, stocked, place, -2, vision_detection_id=vision_id)
    assert (
        report("stock.taken", item_code="PL-CNMG", quantity=2, location_code="A-01").code
        == "stock.seen_by_camera"
    )
    assert stock.reverse_detection(ctx, vision_detection_id=vision_id) == []
    assert stock.on_hand(ctx, stocked.id) == 8


def test_something_put_back_leaves_in_use(ctx: Context, stocked: StockItem, place: StorageLocation) -> None:
    detect(ctx, stocked, place, -3)
    assert detect(ctx, stocked, place, 2).status == "auto_booked"
    assert (stock.on_hand(ctx, stocked.id), stock.in_use(ctx, stocked.id)) == (9, 1)
