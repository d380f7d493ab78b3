"""What is kept of the cabinets' pictures, why, and until when; what goes by itself and what a person erases (VIS-28).

A picture goes when its days are over, unless a detection it belongs to waits for a reviewer. Crops of what the camera had wrong are teaching
data: they stay while a model taught with them is kept, and wait ``vision_training_days`` for one otherwise. A model is kept while it is a
candidate or approved, runs on a station in service, or is the version such a station goes back to. An archived or revoked station
keeps nothing: its models hold no teaching data, and its view goes with the pictures. What nothing names any more (test pictures,
pictures of alerts) goes after the days of whole pictures.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, String, func, or_, select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.db import Base
from coordinator.kernel.errors import BusinessError
from coordinator.modules.stations import vision_rules
from coordinator.modules.stations.models import (
    AiModel,
    CabinetSession,
    Station,
    StationFile,
    VisionCount,
    VisionDetection,
)
from coordinator.modules.stations.update_models import UpdateInstallation, UpdatePackage

_WAITING = "to_confirm"
_KEPT_STATES = frozenset({"candidate", "approved"})
_CAMERAS = ("cabinet_camera", "rack_camera")
_LISTS_OF_FILES = frozenset({"stored_file", "station_file"})


class EraseParams(BaseModel):
    """Why something is erased before its time."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=3, max_length=300)


def clean(factory: ContextFactory) -> None:
    """Recurring job: see :func:`clean_pictures`."""
    with factory.open(Principal.service("vision")) as ctx:
        clean_pictures(ctx)


def clean_pictures(ctx: Context) -> None:
    """Everything whose time is over goes."""
    full_until, crops_until, teaching_until = _limits(ctx)
    gone: set[str] = set()
    for session in ctx.session.scalars(_sessions().where(CabinetSession.opened_at < full_until, ~_is_open())):
        gone |= _empty_session(session)
    teaching = _teaching_data(ctx)
    for row in ctx.session.scalars(_crops().where(VisionDetection.detected_at < crops_until)):
        if row.status == _WAITING:
            continue
        if _is_correction(row) and (_names(row) & teaching or _answered(row) >= teaching_until):
            continue
        gone |= _empty_detection(row)
    kept_views = _views()
    for count in ctx.session.scalars(_counts().where(VisionCount.counted_at < full_until, VisionCount.id.not_in(kept_views))):  # fmt: skip
        gone |= {count.image} if count.image else set()
        count.image = None
    loose = select(StationFile.sha256).where(StationFile.received_at < full_until)
    gone |= set(ctx.session.scalars(loose.where(_is_picture())))
    ctx.session.flush()
    _remove(ctx, gone)


def _limits(ctx: Context) -> tuple[dt.datetime, dt.datetime, dt.datetime]:
    names = ("vision_images_days", "vision_crops_days", "vision_training_days")
    images, crops, teaching = (ctx.now - dt.timedelta(days=ctx.settings.integer(name)) for name in names)
    return images, crops, teaching


def _sessions() -> Select[CabinetSession]:
    return select(CabinetSession).where(
        or_(CabinetSession.image_before.is_not(None), CabinetSession.image_after.is_not(None))
    )


def _is_open() -> ColumnElement[bool]:
    """Whether somebody is still asked about an opening."""
    return (
        select(VisionDetection.id)
        .where(VisionDetection.cabinet_session_id == CabinetSession.id, VisionDetection.status == _WAITING)
        .exists()
    )


def _crops() -> Select[VisionDetection]:
    return select(VisionDetection).where(
        or_(VisionDetection.crop_before.is_not(None), VisionDetection.crop_after.is_not(None))
    )


def _counts() -> Select[VisionCount]:
    return select(VisionCount).where(VisionCount.image.is_not(None))


def _views() -> Select[int]:
    """The newest view without anybody of every station in service: its compartments are drawn on it."""
    return (
        select(func.max(VisionCount.id))
        .join(Station, Station.id == VisionCount.station_id)
        .where(
            VisionCount.trigger == "reference", Station.archived_at.is_(None), Station.is_revoked.is_(False)
        )
        .group_by(VisionCount.station_id)
    )


def _is_picture() -> ColumnElement[bool]:
    """Whether a file is a picture of a cabinet's station."""
    cabinets = select(Station.id).where(Station.kind.in_(_CAMERAS))
    return StationFile.station_id.in_(cabinets) & StationFile.media_type.like("image/%")


def _is_correction(row: VisionDetection) -> bool:
    return row.reviewed_at is not None and not vision_rules.was_right(row)


def _answered(row: VisionDetection) -> dt.datetime:
    return row.reviewed_at or row.detected_at


def _names(row: VisionDetection) -> set[str]:
    return {one for one in (row.crop_before, row.crop_after) if one}


def _empty_session(session: CabinetSession) -> set[str]:
    found = {one for one in (session.image_before, session.image_after) if one}
    session.image_before = session.image_after = None
    return found


def _empty_detection(row: VisionDetection) -> set[str]:
    found = _names(row)
    row.crop_before = row.crop_after = None
    return found


def _remove(ctx: Context, digests: Iterable[str]) -> None:
    """Forgets files nothing names any more."""
    for sha256 in _unnamed(ctx, set(digests)):
        for row in ctx.session.scalars(select(StationFile).where(StationFile.sha256 == sha256)):
            ctx.session.delete(row)
        ctx.files.path(sha256).unlink(missing_ok=True)


def _unnamed(ctx: Context, digests: set[str]) -> set[str]:
    """Those no record names: no opening, detection or count, and no other record of any module (a receipt's or a breakage's photograph)."""
    pictures = [
        *(CabinetSession.image_before, CabinetSession.image_after),
        *(VisionDetection.crop_before, VisionDetection.crop_after, VisionCount.image),
    ]
    others = [
        column
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("sha256")
        and isinstance(column.type, String)
        and table.name not in _LISTS_OF_FILES
    ]
    left = set(digests)
    for column in (*pictures, *others):
        if left:
            left -= set(ctx.session.scalars(select(column).where(column.in_(left))))
    return left


# models -------------------------------------------------------------------------------------------------------------


def holders(ctx: Context, model: AiModel) -> list[dict[str, str]]:
    """Stations in service that run a model or go back to it: ``{station, as}``, ``as`` is ``running`` or ``previous``."""
    found = []
    query = select(Station).where(Station.archived_at.is_(None), Station.is_revoked.is_(False))
    for station in ctx.session.scalars(query.order_by(Station.name)):
        running = (((station.health or {}).get("versions") or {}).get("models") or {}).get(model.name)
        if running == model.version:
            found.append({"station": station.name, "as": "running"})
        elif _previous(ctx, station, model.name) == model.version:
            found.append({"station": station.name, "as": "previous"})
    return found


def _previous(ctx: Context, station: Station, name: str) -> str | None:
    """Version of a model a station keeps beside the one it runs."""
    query = (
        select(UpdateInstallation.from_version)
        .join(UpdatePackage, UpdatePackage.id == UpdateInstallation.update_package_id)
        .where(
            UpdateInstallation.station_id == station.id,
            UpdateInstallation.status == "installed",
            UpdatePackage.kind == "model",
            UpdatePackage.name == name,
        )
    )
    return ctx.session.scalar(query.order_by(UpdateInstallation.id.desc()).limit(1))


def _teaching_data(ctx: Context) -> set[str]:
    """Pictures (sha256) the kept models were taught with, as their entries tell (``training.pictures``)."""
    found: set[str] = set()
    for model in ctx.session.scalars(select(AiModel).where(AiModel.archived_at.is_(None))):
        pictures = (model.training or {}).get("pictures") or []
        if pictures and (model.status in _KEPT_STATES or holders(ctx, model)):
            found |= {str(one) for one in pictures}
    return found


# acts ---------------------------------------------------------------------------------------------------------------


def erase_pictures(ctx: Context, session: CabinetSession, params: EraseParams) -> dict[str, Any]:
    """Erase all pictures and crops of an opening now, teaching data included: somebody may be seen on them.

    Raises:
        BusinessError: ``vision.pictures_needed`` while a detection of it waits for a reviewer; ``vision.no_pictures``.
    """
    query = select(VisionDetection).where(VisionDetection.cabinet_session_id == session.id)
    rows = list(ctx.session.scalars(query))
    waiting = sum(row.status == _WAITING for row in rows)
    if waiting:
        raise BusinessError("vision.pictures_needed", number=waiting)
    gone = _empty_session(session)
    for row in rows:
        gone |= _empty_detection(row)
    count = ctx.session.scalars(select(VisionCount).where(VisionCount.uid == session.uid)).one_or_none()
    if count is not None and count.image:
        gone.add(count.image)
        count.image = None
    if not gone:
        raise BusinessError("vision.no_pictures")
    ctx.note("erase_images", session, details=params.reason, critical=True)
    ctx.session.flush()
    _remove(ctx, gone)
    return {"erased": len(gone), "reason": params.reason}


def erase_model(ctx: Context, model: AiModel, params: EraseParams) -> dict[str, Any]:
    """Erase a model nobody uses: its package, and the teaching data no other kept model was taught with; its figures stay.

    Raises:
        BusinessError: ``model.still_kept`` while it is a candidate or approved; ``model.still_used`` naming the stations that run it or
            would go back to it.
    """
    if model.status in _KEPT_STATES:
        raise BusinessError("model.still_kept", version=model.version)
    used = holders(ctx, model)
    if used:
        raise BusinessError("model.still_used", stations=", ".join(one["station"] for one in used))
    own = {str(one) for one in (model.training or {}).get("pictures") or []}
    model.training = {**(model.training or {}), "pictures": []}
    model.archived_at, model.reason = ctx.now, params.reason
    ctx.session.flush()
    free = own - _teaching_data(ctx)
    crops_until = _limits(ctx)[1]
    gone: set[str] = set()
    for row in ctx.session.scalars(_crops().where(VisionDetection.detected_at < crops_until)):
        if row.status != _WAITING and _names(row) and _names(row) <= free:
            gone |= _empty_detection(row)
    package = ctx.session.scalars(
        select(UpdatePackage).where(
            UpdatePackage.kind == "model",
            UpdatePackage.name == model.name,
            UpdatePackage.version == model.version,
        )
    ).one_or_none()
    if package is not None:
        package.status = "rejected"
        ctx.files.path(package.sha256).unlink(missing_ok=True)
    ctx.session.flush()
    _remove(ctx, gone)
    return {"erased_pictures": len(gone), "erased_package": package is not None}


# told ---------------------------------------------------------------------------------------------------------------


def retention(ctx: Context) -> dict[str, Any]:
    """What is kept, how much of it is held by an open review or a model, and when the next of it goes."""
    days = {name: ctx.settings.integer(f"vision_{name}_days") for name in ("images", "crops", "training")}
    open_ids = set(ctx.session.scalars(select(CabinetSession.id).where(_is_open())))
    sessions = list(ctx.session.scalars(_sessions()))
    crops = list(ctx.session.scalars(_crops()))
    views = set(ctx.session.scalars(_views()))
    counts = list(ctx.session.scalars(_counts()))
    teaching = _teaching_data(ctx)
    corrected = [row for row in crops if _is_correction(row)]
    plain = [row for row in crops if not _is_correction(row)]
    daily = [one for one in counts if one.id not in views]
    rows = [
        _told("pictures", days["images"], [(s.opened_at, s.id in open_ids, False) for s in sessions]),
        _told("counts", days["images"], [(c.counted_at, False, False) for c in daily]),
        _told("crops", days["crops"], [(r.detected_at, r.status == _WAITING, False) for r in plain]),
        _told("teaching", max(days["training"], days["crops"]),
              [(_answered(r), False, bool(_names(r) & teaching)) for r in corrected]),
        _told("views", None, [(c.counted_at, False, False) for c in counts if c.id in views]),
    ]  # fmt: skip
    models = [
        {"id": one.id, "name": one.name, "version": one.version, "status": one.status, "stations": used,
         "pictures": len((one.training or {}).get("pictures") or []),
         "may_erase": one.status not in _KEPT_STATES and not used}
        for one in ctx.session.scalars(select(AiModel).where(AiModel.archived_at.is_(None)).order_by(AiModel.id.desc()))
        for used in [holders(ctx, one)]
    ]  # fmt: skip
    return {"rows": rows, "models": models}


def _told(kind: str, days: int | None, held: list[tuple[dt.datetime, bool, bool]]) -> dict[str, Any]:
    free = [at for at, waits, taught in held if not waits and not taught]
    next_at = min(free) + dt.timedelta(days=days) if free and days is not None else None
    return {
        "kind": kind,
        "days": days,
        "kept": len(held),
        "waiting": sum(waits for _, waits, _ in held),
        "taught": sum(taught for _, _, taught in held),
        "next_at": jsonable(next_at),
    }
