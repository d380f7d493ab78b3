"""The review queue: decide, ask for a count, correct; promotion and demotion of compartments (VIS-17, 19, 20, 21)."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.kernel.i18n import t
from coordinator.modules.catalogue.api import StockItem
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.stations import uploads, vision_rules
from coordinator.modules.stations.models import (
    CabinetSession,
    Station,
    StationFile,
    VisionActivation,
    VisionDetection,
)
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import StorageLocation

REVIEWABLE = frozenset({"to_confirm", "auto_booked", "shadow"})
_WAITING = "to_confirm"


class ReviewParams(BaseModel):
    """Correction of a detection by the reviewer; empty fields keep what was seen."""

    model_config = ConfigDict(extra="forbid")

    stock_item_id: int | None = Field(
        default=None, json_schema_extra={"x-field": {"type": "reference", "target": "stock-items"}}
    )
    delta: int | None = Field(default=None, ge=-1000, le=1000)


class VisionModeParams(BaseModel):
    """Posting of camera detections at a place."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["shadow", "review", "auto"]


def photographs(ctx: Context, detection: VisionDetection) -> list[dict[str, Any]]:
    """What the reviewer looks at: the session's photographs and the crops of the compartment, with the changed frame."""
    found = uploads.photographs(ctx, ctx.get(CabinetSession, detection.cabinet_session_id))
    crops = [("crop_before", detection.crop_before), ("crop_after", detection.crop_after)]
    wanted = [sha256 for _, sha256 in crops if sha256]
    arrived = (
        set(ctx.session.scalars(select(StationFile.sha256).where(StationFile.sha256.in_(wanted))))
        if wanted
        else set()
    )
    for moment, sha256 in crops:
        if sha256:
            url = f"/api/v1/stations/files/{sha256}" if sha256 in arrived else None
            found.append({"moment": moment, "sha256": sha256, "url": url})
    return found


def circumstances(ctx: Context, detection: VisionDetection) -> dict[str, str | None]:
    """Station, operation and, for who decides, person of a detection in words, as far as they are known (VIS-19, VIS-30)."""
    session = ctx.get(CabinetSession, detection.cabinet_session_id)
    is_told = session.user_id is not None and ctx.principal.may("vision", "validate")
    person = ctx.session.get(UserAccount, session.user_id) if is_told else None
    operation = stock.operation_facts(ctx, detection.work_order_operation_id)
    return {
        "station": ctx.get(Station, session.station_id).name,
        "person": f"{person.first_name} {person.last_name}" if person is not None else None,
        "operation": operation.name if operation is not None else None,
    }


def confirm(ctx: Context, detection: VisionDetection, params: ReviewParams) -> dict[str, Any]:
    """Reviewer's answer: post as seen or as corrected; a provisional posting is replaced (VIS-19).

    A compartment in shadow posts nothing: the answer is only kept, to judge the camera by (VIS-17).
    """
    _check_open(detection)
    if params.stock_item_id is not None:
        detection.stock_item_id = params.stock_item_id
    if params.delta is not None:
        detection.delta = params.delta
    if detection.stock_item_id is None or detection.storage_location_id is None:
        raise BusinessError("vision.item_missing")
    item = ctx.get(StockItem, detection.stock_item_id)
    if detection.seen_status != "shadow" and not stock.is_measured(item):
        stock.settle_detection(
            ctx,
            vision_detection_id=detection.id,
            storage_location_id=detection.storage_location_id,
            stock_item_id=detection.stock_item_id,
            delta=detection.delta,
            occurred_at=detection.detected_at,
            detection_uid=detection.uid,
        )
    _reviewed(ctx, detection, "confirmed")
    return {"corrected": vision_rules.is_corrected(detection)}


def reject(ctx: Context, detection: VisionDetection, _params: BaseModel) -> None:
    """Nothing moved: a provisional posting is reversed by a new movement (VIS-16)."""
    _check_open(detection)
    stock.reverse_detection(ctx, vision_detection_id=detection.id)
    _reviewed(ctx, detection, "rejected")


def count_again(ctx: Context, detection: VisionDetection, _params: BaseModel) -> dict[str, Any]:
    """Neither yes nor no: a person is asked to count the compartment; the detection stays in the queue."""
    _check_open(detection)
    if detection.storage_location_id is None:
        raise BusinessError("vision.item_missing")
    place = ctx.get(StorageLocation, detection.storage_location_id)
    words = t("vision.count_again", ctx.locale, place=place.code)
    key = f"vision.count:{detection.id}"
    task = tasks.open_task(ctx, "stock.count", words, detection, role="storekeeper", dedupe_key=key)
    return {"task_id": task.id}


def _check_open(detection: VisionDetection) -> None:
    if detection.status not in REVIEWABLE:
        raise Conflict("vision.already_reviewed")


def _reviewed(ctx: Context, detection: VisionDetection, status: str) -> None:
    detection.status = status
    detection.reviewed_by_id = ctx.principal.user_id
    detection.reviewed_at = ctx.now
    ctx.session.flush()
    if detection.storage_location_id is None:
        return
    place = ctx.get(StorageLocation, detection.storage_location_id, lock=True)
    answers = answers_of(ctx, place)
    stock.set_mode(ctx, place, answers)
    if (
        place.vision_mode == "shadow"
        and stock.may_post_automatically(answers)
        and len(answers) == vision_rules.LEAST
    ):
        words = t("vision.ready", ctx.locale, place=place.code, number=len(answers))
        tasks.notify(ctx, "info", "vision", words, place, role="storekeeper")


def answers_of(ctx: Context, place: StorageLocation) -> list[bool]:
    """Reviewed events of a place, oldest first: whether the camera was right."""
    query = select(VisionDetection).where(
        VisionDetection.storage_location_id == place.id, VisionDetection.reviewed_at.is_not(None)
    )
    return [vision_rules.was_right(d) for d in ctx.session.scalars(query.order_by(VisionDetection.id))]


def set_mode(ctx: Context, place: StorageLocation, params: VisionModeParams) -> None:
    """A person lets a compartment post, or takes that back (VIS-17).

    Raises:
        BusinessError: ``vision.not_proven`` for automatic posting before the shadow period proved it;
            ``vision.not_activated`` while people were not told of the cameras (VIS-29).
    """
    if params.mode != "shadow":
        missing = [s.name for s in _seeing(ctx, place) if not is_activated(ctx, s)]
        if missing:
            raise BusinessError("vision.not_activated", station=", ".join(missing))
    answers = answers_of(ctx, place)
    if params.mode == "auto" and not stock.may_post_automatically(answers[-vision_rules.WINDOW :]):
        raise BusinessError(
            "vision.not_proven", number=len(answers), right=sum(answers), least=vision_rules.LEAST
        )
    place.vision_mode = params.mode


def _seeing(ctx: Context, place: StorageLocation) -> list[Station]:
    """Stations which ever reported a place."""
    query = (
        select(Station)
        .join(CabinetSession, CabinetSession.station_id == Station.id)
        .join(VisionDetection, VisionDetection.cabinet_session_id == CabinetSession.id)
        .where(VisionDetection.storage_location_id == place.id)
        .distinct()
    )
    return list(ctx.session.scalars(query))


class ActivationParams(BaseModel):
    """What the administrator declares before a camera counts (VIS-29)."""

    model_config = ConfigDict(extra="forbid")

    employees_informed: bool
    informed_on: dt.date
    council: Literal["none", "consulted"] = "none"
    consulted_on: dt.date | None = None
    framing_checked: bool
    document_id: int | None = Field(
        default=None, json_schema_extra={"x-field": {"type": "reference", "target": "documents"}}
    )


def activate(ctx: Context, station: Station, params: ActivationParams) -> dict[str, Any]:
    """Keep that employees were informed one by one and the works council consulted, and when.

    Raises:
        BusinessError: ``vision.must_inform`` when a condition is not met.
    """
    council_ok = params.council == "none" or params.consulted_on is not None
    past = (
        params.informed_on <= ctx.now.date() and (params.consulted_on or params.informed_on) <= ctx.now.date()
    )
    if not (params.employees_informed and params.framing_checked and council_ok and past):
        raise BusinessError("vision.must_inform")
    row = ctx.add(
        VisionActivation(
            station_id=station.id, informed_on=params.informed_on, council=params.council,
            consulted_on=params.consulted_on, document_id=params.document_id, framing_checked=True,
            declared_by_id=ctx.principal.user_id,
        )
    )  # fmt: skip
    return {"vision_activation_id": row.id}


def is_activated(ctx: Context, station: Station) -> bool:
    """Whether people were told of the cameras of a station."""
    query = select(VisionActivation.id).where(
        VisionActivation.station_id == station.id, VisionActivation.archived_at.is_(None)
    )
    return ctx.session.scalar(query.limit(1)) is not None


def remind(ctx: Context) -> None:
    """Daily job: what waits longer than the set working days is escalated, and the storekeeper gets a summary (VIS-20)."""
    limit = vision_rules.working_days_before(ctx.now, ctx.settings.integer("vision_escalate_days"))
    old = list(
        ctx.session.scalars(
            select(VisionDetection).where(
                VisionDetection.status == _WAITING,
                VisionDetection.detected_at < limit,
                VisionDetection.escalated_at.is_(None),
            )
        )
    )
    for row in old:
        row.escalated_at = ctx.now
    if old:
        words = t("vision.escalated", ctx.locale, number=len(old))
        tasks.notify(ctx, "warning", "vision", words, old[0], role="production_manager")
    waiting = ctx.session.scalar(
        select(func.count()).select_from(VisionDetection).where(VisionDetection.status == _WAITING)
    )
    since = VisionDetection.detected_at >= ctx.now - dt.timedelta(days=1)
    seen = ctx.session.scalar(select(func.count()).select_from(VisionDetection).where(since)) or 0
    if waiting or seen:
        words = t("vision.summary", ctx.locale, seen=seen, waiting=waiting or 0)
        tasks.notify(ctx, "info", "vision", words, role="storekeeper")
