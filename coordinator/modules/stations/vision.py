"""Cabinet sessions and detections: stored as seen, then posted to stock under its confidence rules (VIS-05, VIS-14)."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.stations import uploads
from coordinator.modules.stations.models import CabinetSession, Station, VisionDetection
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import StorageLocation


class ReviewParams(BaseModel):
    """Correction of a detection by the reviewer; empty fields keep what was seen."""

    model_config = ConfigDict(extra="forbid")

    stock_item_id: int | None = None
    delta: int | None = Field(default=None, ge=-1000, le=1000)


def on_session(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``cabinet.session``: one row per session, completed when its detections came first."""
    payload = event.payload
    session = _session(ctx, event, uuid.UUID(str(payload["session_uid"])))
    session.opened_at = _instant(payload["opened_at"])
    session.closed_at = _instant(payload["closed_at"])
    session.status = payload["status"]
    session.image_before, session.image_after = payload.get("image_before"), payload.get("image_after")
    session.user_id = session.user_id or event.user_id
    return None


def on_detection(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``vision.detection``: kept once, then posted, queued or left in shadow by the stock's rules."""
    payload = event.payload
    uid = uuid.UUID(str(payload["detection_uid"]))
    if ctx.session.scalar(select(VisionDetection.id).where(VisionDetection.uid == uid)) is not None:
        return Outcome("duplicate", "vision.duplicate")
    session = _session(ctx, event, uuid.UUID(str(payload["session_uid"])))
    location = _by_code(ctx, StorageLocation, payload["location_code"])
    item = _by_code(ctx, StockItem, payload.get("item_code"))
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
        reason=payload.get("reason"),
        detected_at=event.occurred_at,
    )
    ctx.add(detection)
    decision = stock.post_detection(
        ctx,
        stock.DetectionInput(
            uid=uid,
            vision_detection_id=detection.id,
            storage_location_id=detection.storage_location_id,
            stock_item_id=detection.stock_item_id,
            delta=detection.delta,
            confidence_pct=detection.confidence_pct,
            usable=bool(payload["usable"]),
            occurred_at=event.occurred_at,
            user_id=event.user_id or session.user_id,
            station_code=event.station_id,
        ),
    )
    detection.status = decision.status
    detection.reason = decision.reason or detection.reason
    return None


def photographs(ctx: Context, detection: VisionDetection) -> list[dict[str, Any]]:
    """What the reviewer looks at: the photographs of the detection's session."""
    return uploads.photographs(ctx, ctx.get(CabinetSession, detection.cabinet_session_id))


def confirm_detection(ctx: Context, detection: VisionDetection, params: ReviewParams) -> dict[str, Any]:
    """Reviewer's answer: post as seen or as corrected; a provisional posting is replaced (VIS-19)."""
    _check_open(detection)
    corrected = params.stock_item_id is not None or params.delta is not None
    if params.stock_item_id is not None:
        detection.stock_item_id = params.stock_item_id
    if params.delta is not None:
        detection.delta = params.delta
    if detection.stock_item_id is None or detection.storage_location_id is None:
        raise BusinessError("vision.item_missing")
    stock.settle_detection(
        ctx,
        vision_detection_id=detection.id,
        storage_location_id=detection.storage_location_id,
        stock_item_id=detection.stock_item_id,
        delta=detection.delta,
        occurred_at=detection.detected_at,
    )
    _reviewed(ctx, detection, "confirmed")
    return {"corrected": corrected}


def reject_detection(ctx: Context, detection: VisionDetection, _params: BaseModel) -> None:
    """Nothing moved: a provisional posting is reversed by a new movement (VIS-16)."""
    _check_open(detection)
    stock.reverse_detection(ctx, vision_detection_id=detection.id)
    _reviewed(ctx, detection, "rejected")


def _check_open(detection: VisionDetection) -> None:
    if detection.status not in {"to_confirm", "auto_booked", "shadow"}:
        raise Conflict("vision.already_reviewed")


def _reviewed(ctx: Context, detection: VisionDetection, status: str) -> None:
    detection.status = status
    detection.reviewed_by_id = ctx.principal.user_id
    detection.reviewed_at = ctx.now


def _session(ctx: Context, event: DeviceEvent, uid: uuid.UUID) -> CabinetSession:
    found = ctx.session.scalars(select(CabinetSession).where(CabinetSession.uid == uid)).one_or_none()
    if found is not None:
        return found
    station = ctx.session.scalars(select(Station).where(Station.code == event.station_id)).one_or_none()
    if station is None:
        raise BusinessError("station.unknown", station=event.station_id)
    return ctx.add(
        CabinetSession(uid=uid, station_id=station.id, opened_at=event.occurred_at, user_id=event.user_id)
    )


def _by_code(ctx: Context, model: Any, code: str | None) -> Any:
    if not code:
        return None
    return ctx.session.scalars(select(model).where(model.code == code)).one_or_none()


def _whole(count: float | None) -> int | None:
    """Count of pieces; a station sends numbers with a decimal point. Without count nothing is known to have moved."""
    return None if count is None else round(count)


def _instant(value: Any) -> dt.datetime:
    return value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
