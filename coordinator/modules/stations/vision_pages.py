"""What the camera screens show: stations, compartments, scores; what is kept of pictures and for how long (VIS-22…30)."""

from __future__ import annotations

import datetime as dt
import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import func, or_, select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.modules.catalogue.api import StockItem
from coordinator.modules.stations import vision_retention, vision_review, vision_rules
from coordinator.modules.stations.models import (
    AiModel,
    CabinetSession,
    Station,
    VisionCount,
    VisionDetection,
)
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import StorageLocation

router = APIRouter(prefix="/vision", tags=["vision"])
_READ = Permission("vision", "read")
_EXPORT = Permission("vision", "export")
_KINDS = ("cabinet_camera", "rack_camera")
_PICTURE_REASONS = frozenset({"unusable_image", "no_reference"})
_OBJECT_REASONS = frozenset({"foreign_or_misplaced", "unlabelled"})


@router.get("/dashboard", operation_id="vision_dashboard", openapi_extra=guarded(_READ))
def dashboard(ctx: Ctx) -> dict[str, Any]:
    """Every camera station and compartment with its figures; nothing per person (VIS-22, VIS-25, VIS-26, VIS-30)."""
    ctx.require(_READ)
    since = ctx.now - dt.timedelta(days=vision_rules.SCORE_DAYS)
    query = (
        select(VisionDetection, CabinetSession.station_id)
        .join(CabinetSession, CabinetSession.id == VisionDetection.cabinet_session_id)
        .where(or_(VisionDetection.detected_at >= since, VisionDetection.reviewed_at >= since))
    )
    seen = [(row, station_id) for row, station_id in ctx.session.execute(query)]
    every = [row for row, _ in seen]
    score = vision_rules.autonomy(every, ctx.now)
    query_stations = select(Station).where(Station.kind.in_(_KINDS), Station.archived_at.is_(None))
    stations = list(ctx.session.scalars(query_stations.order_by(Station.name)))
    return {
        "autonomy_pct": score.autonomy_pct,
        "closed": score.closed,
        "waiting": sum(_waiting(ctx).values()),
        "accuracy": vision_rules.accuracy(every) | {"order_pct": _orders(every)},
        "stations": [_station(ctx, one, [row for row, at in seen if at == one.id]) for one in stations],
        "places": _places(ctx, every),
        "items": _items(ctx, every),
        "calibration": vision_rules.calibration(every),
        "unusable": sum(map(_is_unusable, every)),
        "unusable_pct": vision_rules.percent(sum(map(_is_unusable, every)), len(every)),
        "models": _models_in_use(ctx, stations),
        "retention": vision_retention.retention(ctx),
    }


def _is_unusable(row: VisionDetection) -> bool:
    """Whether the picture itself was the reason for asking a person, and not what lies in it."""
    reasons = set((row.reason or "").split(", "))
    return bool(reasons & _PICTURE_REASONS) and not reasons & _OBJECT_REASONS


def _waiting(ctx: Context) -> dict[int | None, int]:
    """Detections nobody has decided, by place."""
    query = select(VisionDetection.storage_location_id, func.count()).where(
        VisionDetection.status == "to_confirm"
    )
    return dict(ctx.session.execute(query.group_by(VisionDetection.storage_location_id)).tuples().all())


def _models_in_use(ctx: Context, stations: Sequence[Station]) -> list[dict[str, Any]]:
    """Models the stations say they run, with their entry in the registry where there is one (VIS-24)."""
    running: dict[tuple[str, str], list[str]] = {}
    for station in stations:
        for name, version in (((station.health or {}).get("versions") or {}).get("models") or {}).items():
            running.setdefault((str(name), str(version)), []).append(station.name)
    known = {(one.name, one.version): one for one in ctx.session.scalars(select(AiModel))}
    found = []
    for (name, version), names in sorted(running.items()):
        row = known.get((name, version))
        found.append(
            {"id": row.id if row else None, "name": name, "version": version, "stations": sorted(names),
             "is_approved": row is not None and row.status == "approved"}
        )  # fmt: skip
    return found


def _station(ctx: Context, station: Station, seen: list[VisionDetection]) -> dict[str, Any]:
    posted = [row for row in seen if row.seen_status == "auto_booked"]
    reviewed = [row for row in seen if row.reviewed_at is not None]
    session = ctx.session.scalars(
        select(CabinetSession)
        .where(CabinetSession.station_id == station.id)
        .order_by(CabinetSession.id.desc())
        .limit(1)
    ).first()
    count = ctx.session.scalars(
        select(VisionCount)
        .where(VisionCount.station_id == station.id, VisionCount.trigger != "reference")
        .order_by(VisionCount.id.desc())
        .limit(1)
    ).first()
    last = max((one for one in (session, count) if one is not None and one.sharpness is not None),
               key=lambda one: one.created_at, default=None)  # fmt: skip
    return {
        "id": station.id, "code": station.code, "name": station.name, "status": station.status,
        "events": len(seen), "auto_pct": vision_rules.percent(len(posted), len(seen)),
        "corrected_pct": vision_rules.percent(sum(not vision_rules.was_right(r) for r in reviewed), len(reviewed)),
        "autonomy_pct": vision_rules.autonomy(seen, ctx.now).autonomy_pct,
        "unusable_pct": vision_rules.percent(sum(map(_is_unusable, seen)), len(seen)),
        "brightness": jsonable(last.brightness) if last else None, "sharpness": jsonable(last.sharpness) if last else None,
        "last_count_at": jsonable(count.counted_at) if count else None,
        "last_count_differences": count.differences if count else None,
        "model": (last.model if last else None) or ", ".join(_models(station)) or None,
        "is_activated": vision_review.is_activated(ctx, station), "trend": vision_rules.trend(seen),
    }  # fmt: skip


def _models(station: Station) -> list[str]:
    versions = ((station.health or {}).get("versions") or {}).get("models") or {}
    return [f"{name} {version}" for name, version in sorted(versions.items())]


def _places(ctx: Context, seen: list[VisionDetection]) -> list[dict[str, Any]]:
    by_place: dict[int, list[VisionDetection]] = {}
    for row in seen:
        if row.storage_location_id is not None:
            by_place.setdefault(row.storage_location_id, []).append(row)
    rows = ctx.session.scalars(
        select(StorageLocation).where(StorageLocation.id.in_(by_place)).order_by(StorageLocation.code)
    )
    found = []
    waiting = _waiting(ctx)
    for place in rows:
        answers = vision_review.answers_of(ctx, place)[-vision_rules.WINDOW :]
        found.append(
            {"id": place.id, "code": place.code, "mode": place.vision_mode, "events": len(by_place[place.id]),
             "reviewed": len(answers), "right_pct": vision_rules.percent(sum(answers), len(answers)),
             "is_ready": stock.may_post_automatically(answers), "least": vision_rules.LEAST,
             "waiting": waiting.get(place.id, 0)}
        )  # fmt: skip
    return found


def _items(ctx: Context, seen: list[VisionDetection]) -> list[dict[str, Any]]:
    by_item: dict[int, list[VisionDetection]] = {}
    for row in seen:
        if row.seen_item_id is not None:
            by_item.setdefault(row.seen_item_id, []).append(row)
    rows = ctx.session.scalars(select(StockItem).where(StockItem.id.in_(by_item)).order_by(StockItem.code))
    return [{"code": item.code, "trend": vision_rules.trend(by_item[item.id])} for item in rows]


def _orders(seen: list[VisionDetection]) -> float | None:
    """Part of the events attached to an operation at the cabinet."""
    return vision_rules.percent(sum(row.work_order_operation_id is not None for row in seen), len(seen))


@router.get("/recorded-sessions.zip", operation_id="vision_recorded_sessions", openapi_extra=guarded(_EXPORT))
def recorded_sessions(ctx: Ctx) -> Response:
    """Reviewed sessions with their pictures and what a person found: a regression set for ``usinage vision replay``, and
    ``corrections/`` with the crops of what the camera had wrong (VIS-21, VIS-25)."""
    ctx.require(_EXPORT)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for session in ctx.session.scalars(select(CabinetSession).order_by(CabinetSession.id)):
            _write_session(ctx, session, archive)
        _write_corrections(ctx, archive)
    ctx.note("export_sessions")
    headers = {"Content-Disposition": 'attachment; filename="sessions.zip"'}
    return Response(held.getvalue(), media_type="application/zip", headers=headers)


def _write_session(ctx: Context, session: CabinetSession, archive: zipfile.ZipFile) -> None:
    """A session of which every detection was reviewed and whose pictures are still there."""
    pictures = [_content(ctx, one) for one in (session.image_before, session.image_after)]
    query = select(VisionDetection, StorageLocation.code)
    query = query.join(StorageLocation, StorageLocation.id == VisionDetection.storage_location_id)
    rows = list(ctx.session.execute(query.where(VisionDetection.cabinet_session_id == session.id)))
    if not rows or None in pictures or any(row.reviewed_at is None for row, _ in rows):
        return
    truth: dict[str, Any] = {}
    for row, code in rows:
        if row.status != "confirmed":
            continue
        if row.method != "items":
            truth[code] = truth.get(code, 0) + row.delta
        elif row.stock_item_id is not None:
            item, told = ctx.get(StockItem, row.stock_item_id).code, truth.setdefault(code, {})
            told[item] = told.get(item, 0) + row.delta
    for name, content in zip(("before", "after"), pictures, strict=True):
        archive.writestr(f"{session.uid}/{name}.jpg", content or b"")
    archive.writestr(f"{session.uid}/truth.json", json.dumps({"changes": truth}, ensure_ascii=False))


def _write_corrections(ctx: Context, archive: zipfile.ZipFile) -> None:
    """Crops of corrected and rejected detections with what was seen and what was there."""
    written: set[str] = set()
    lines = ["crop_before,crop_after,place,seen_delta,true_delta,seen_item,true_item,reviewed_at"]
    query = select(VisionDetection, StorageLocation.code)
    query = query.join(StorageLocation, StorageLocation.id == VisionDetection.storage_location_id)
    for row, code in ctx.session.execute(query.where(VisionDetection.reviewed_at.is_not(None))):
        if vision_rules.was_right(row):
            continue
        for sha256 in (row.crop_before, row.crop_after):
            content = None if sha256 in written else _content(ctx, sha256)
            if sha256 and content is not None:
                written.add(sha256)
                archive.writestr(f"corrections/{sha256}.jpg", content)
        true_delta = row.delta if row.status == "confirmed" else 0
        values = (row.crop_before, row.crop_after, code, row.seen_delta, true_delta, row.seen_item_id, row.stock_item_id,
                  jsonable(row.reviewed_at))  # fmt: skip
        lines.append(",".join("" if value is None else str(value) for value in values))
    archive.writestr("corrections/corrections.csv", "\n".join(lines) + "\n")


def _content(ctx: Context, sha256: str | None) -> bytes | None:
    path = ctx.files.path(sha256) if sha256 else None
    return path.read_bytes() if path is not None and path.is_file() else None
