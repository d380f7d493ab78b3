"""Cabinet sessions, detections and full counts: stored as seen, then posted to stock under its rules (VIS-05, 08, 11, 14)."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from coordinator.kernel import qr, tasks
from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.stations import local_settings, thresholds
from coordinator.modules.stations.models import CabinetSession, Station, VisionCount, VisionDetection
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import StorageLocation

_TOLD = {
    "foreign_or_misplaced": "vision.foreign",
    "unlabelled": "vision.unlabelled",
}


def on_session(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``cabinet.session``: one row per session, completed when its detections came first."""
    payload = event.payload
    session = _session(ctx, event, uuid.UUID(str(payload["session_uid"])))
    session.opened_at = _instant(payload["opened_at"])
    session.closed_at = _instant(payload["closed_at"])
    session.status = payload["status"]
    session.image_before, session.image_after = payload.get("image_before"), payload.get("image_after")
    session.user_id = session.user_id or event.user_id
    for name in ("opened_by", "persons", "brightness", "sharpness", "model"):
        setattr(session, name, payload.get(name))
    session.work_order_operation_id = _operation(ctx, payload.get("operation_code"))
    return None


def on_detection(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``vision.detection``: kept once, then posted, queued or left in shadow by the stock's rules."""
    payload = event.payload
    uid = uuid.UUID(str(payload["detection_uid"]))
    if ctx.session.scalar(select(VisionDetection.id).where(VisionDetection.uid == uid)) is not None:
        return Outcome("duplicate", "vision.duplicate")
    session = _session(ctx, event, uuid.UUID(str(payload["session_uid"])))
    location = _by_code(ctx, StorageLocation, payload["location_code"])
    item = _by_code(ctx, StockItem, payload.get("item_code")) or _labelled(ctx, payload.get("code"))
    reason = payload.get("reason")
    detection = VisionDetection(
        uid=uid,
        cabinet_session_id=session.id,
        storage_location_id=location.id if location else None,
        stock_item_id=item.id if item else None,
        count_before=_whole(payload["count_before"]),
        count_after=_whole(payload["count_after"]),
        delta=_whole(payload["delta"]) or 0,
        confidence_pct=round(Decimal(str(payload["confidence"])) * 100, 2),
        method=payload["method"],
        reason=reason,
        detected_at=event.occurred_at,
        work_order_operation_id=session.work_order_operation_id,
        frame=list(payload["frame"]) if payload.get("frame") else None,
        **{name: payload.get(name) for name in ("code", "model", "crop_before", "crop_after", "diameter_mm")},
    )
    detection.seen_item_id, detection.seen_delta = detection.stock_item_id, detection.delta
    held = thresholds.of(ctx, _station(ctx, event), location, item)
    detection.auto_pct, detection.review_pct = held.auto_pct.value, held.review_pct.value
    ctx.add(detection)
    if item is not None and location is not None and stock.is_measured(item) and reason is None:
        decision = _confirm_bars(ctx, detection, item, location)
    else:
        decision = _post(ctx, event, session, detection, usable=bool(payload["usable"]) and reason is None)
    detection.status = detection.seen_status = decision.status
    detection.reason = ", ".join(dict.fromkeys(filter(None, (reason, *decision.reasons))))[:300] or None
    if location is not None and item is not None:
        stock.note_instrument(ctx, item, location, detection.delta)
    if reason in _TOLD and detection.status != "shadow":
        words = t(_TOLD[reason], ctx.locale, place=location.code if location else payload["location_code"])
        tasks.open_task(ctx, "vision.look", words, detection, role="storekeeper", dedupe_key=f"vision:{uid}")
    return None


def _post(
    ctx: Context, event: DeviceEvent, session: CabinetSession, detection: VisionDetection, *, usable: bool
) -> stock.PostingDecision:
    return stock.post_detection(
        ctx,
        stock.DetectionInput(
            uid=detection.uid,
            vision_detection_id=detection.id,
            storage_location_id=detection.storage_location_id,
            stock_item_id=detection.stock_item_id,
            delta=detection.delta,
            confidence_pct=detection.confidence_pct,
            usable=usable,
            occurred_at=event.occurred_at,
            user_id=event.user_id or session.user_id,
            station_code=event.station_id,
            persons=session.persons or 1,
            work_order_operation_id=session.work_order_operation_id,
            auto_pct=detection.auto_pct,
            review_pct=detection.review_pct,
            told=event.payload.get("handling") or "auto",
        ),
    )


def _confirm_bars(
    ctx: Context, detection: VisionDetection, item: StockItem, place: StorageLocation
) -> stock.PostingDecision:
    """Bars are debited by sawing: the camera only says whether the number at the place is the ledger's (VIS-12)."""
    if place.vision_mode == "shadow":
        return stock.PostingDecision("shadow")
    agrees = detection.count_after is not None and detection.count_after == stock.bars_at(ctx, item, place)
    return stock.PostingDecision(
        "auto_booked" if agrees else "to_confirm", reasons=() if agrees else ("bar_count",)
    )


def on_disputed(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``vision.disputed``: somebody at the cabinet pressed "wrong"; what was posted waits for a person (VIS-09)."""
    payload = event.payload
    query = select(VisionDetection).join(
        CabinetSession, CabinetSession.id == VisionDetection.cabinet_session_id
    )
    query = query.where(CabinetSession.uid == uuid.UUID(str(payload["session_uid"])))
    if payload.get("detection_uid"):
        query = query.where(VisionDetection.uid == uuid.UUID(str(payload["detection_uid"])))
    found = [row for row in ctx.session.scalars(query) if row.reviewed_at is None]
    for row in found:
        row.is_disputed = True
        row.status = "to_confirm" if row.status == "auto_booked" else row.status
        row.reason = ", ".join(filter(None, (row.reason, "disputed")))[:300]
    return None if found else Outcome("review", "vision.nothing_disputed")


def on_counted(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``vision.counted``: every compartment against the ledger; a difference joins the review queue (VIS-11)."""
    payload = event.payload
    uid = uuid.UUID(str(payload["count_uid"]))
    if ctx.session.scalar(select(VisionCount.id).where(VisionCount.uid == uid)) is not None:
        return Outcome("duplicate", "vision.duplicate")
    count = ctx.add(
        VisionCount(
            uid=uid, station_id=_station(ctx, event).id, trigger=payload["trigger"], counted_at=event.occurred_at,
            places=[], differences=0, **{n: payload.get(n) for n in ("image", "brightness", "sharpness", "model")},
        )
    )  # fmt: skip
    rows = [_compared(ctx, event, count, place) for place in payload["places"]]
    count.places = rows
    count.differences = sum(bool(row["difference"]) for row in rows)
    if count.differences and not local_settings.is_quiet(ctx, _station(ctx, event), event):
        words = t("vision.count_differs", ctx.locale, number=count.differences, station=event.station_id)
        tasks.notify(ctx, "warning", "vision", words, count, role="storekeeper")
    return None


def _compared(ctx: Context, event: DeviceEvent, count: VisionCount, place: dict[str, Any]) -> dict[str, Any]:
    location = _by_code(ctx, StorageLocation, place["location_code"])
    item = _by_code(ctx, StockItem, place.get("item_code"))
    counted = place.get("count")
    row = {**place, "expected": None, "difference": None}
    if location is None or item is None or counted is None or stock.is_measured(item):
        return row
    expected = stock.on_hand(ctx, item.id, location_id=location.id)
    row |= {"expected": float(expected), "difference": float(counted - expected)}
    if counted == expected or _waits(ctx, location, item):
        return row
    session = _session(ctx, event, count.uid)
    session.status, session.opened_by, session.closed_at = "closed", "count", event.occurred_at
    session.image_after = count.image
    detection = VisionDetection(
        uid=uuid.uuid5(count.uid, f"{location.code}/{item.code}"), cabinet_session_id=session.id, storage_location_id=location.id,
        stock_item_id=item.id, seen_item_id=item.id, count_before=round(expected), count_after=counted,
        delta=round(counted - expected), seen_delta=round(counted - expected), method=place["method"],
        confidence_pct=round(Decimal(str(place["confidence"])) * 100, 2), reason="full_count",
        status="to_confirm", seen_status="to_confirm", detected_at=event.occurred_at, model=count.model,
    )  # fmt: skip
    ctx.add(detection)
    stock.note_instrument(ctx, item, location, detection.delta)
    return row


def _waits(ctx: Context, location: StorageLocation, item: StockItem) -> bool:
    """Whether a person is already asked about a place: the same difference confirmed twice would be posted twice."""
    query = select(VisionDetection.id).where(
        VisionDetection.storage_location_id == location.id,
        VisionDetection.stock_item_id == item.id,
        VisionDetection.status == "to_confirm",
    )
    return ctx.session.scalar(query.limit(1)) is not None


def _session(ctx: Context, event: DeviceEvent, uid: uuid.UUID) -> CabinetSession:
    found = ctx.session.scalars(select(CabinetSession).where(CabinetSession.uid == uid)).one_or_none()
    if found is not None:
        return found
    station = _station(ctx, event)
    return ctx.add(
        CabinetSession(uid=uid, station_id=station.id, opened_at=event.occurred_at, user_id=event.user_id)
    )


def _station(ctx: Context, event: DeviceEvent) -> Station:
    station = ctx.session.scalars(select(Station).where(Station.code == event.station_id)).one_or_none()
    if station is None:
        raise BusinessError("station.unknown", station=event.station_id)
    return station


def _operation(ctx: Context, code: str | None) -> int | None:
    """Operation of a scanned code or of the person's running work; an unknown one is left out, the session counts."""
    row = qr.find(ctx, code) if code else None
    return row.object_id if row is not None and row.object_type == "work_order_operation" else None


def _labelled(ctx: Context, code: str | None) -> StockItem | None:
    """Item behind a label read in the picture: its own, a lot's or that of a bar or offcut."""
    if not code:
        return None
    try:
        return stock.resolve(ctx, code).item
    except BusinessError:
        return None


def _by_code(ctx: Context, model: Any, code: str | None) -> Any:
    if not code:
        return None
    return ctx.session.scalars(select(model).where(model.code == code)).one_or_none()


def _whole(count: float | None) -> int | None:
    """Count of pieces; a station sends numbers with a decimal point. Without count nothing is known to have moved."""
    return None if count is None else round(count)


def _instant(value: Any) -> dt.datetime:
    return value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
