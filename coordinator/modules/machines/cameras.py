"""Cameras: lawful activation, clips on event, erasure, who looked (MCH-32 to MCH-37, MCH-51)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import func, or_, select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome
from coordinator.kernel.errors import BusinessError, FieldError, NotFound
from coordinator.kernel.i18n import t
from coordinator.modules.identity import keys
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.machines.camera_models import (
    MAX_RETENTION_DAYS,
    Camera,
    CameraAccessLog,
    CameraClip,
    Device,
)
from coordinator.modules.machines.events import DUPLICATE, instant
from coordinator.modules.machines.models import Machine, MachineEvent
from edge_agents.protocol.camera_analysis import REASON

FORBIDDEN_PLACES = frozenset({"break_room", "toilets", "staff_room"})
TELL_AFTER = dt.timedelta(minutes=5)
_MACHINE_PURPOSES = frozenset({"machine_interior", "machine_side"})


def check_camera(_ctx: Context, camera: Camera) -> None:
    """What no camera may be, whatever its state.

    Raises:
        BusinessError: ``camera.place`` for places where people rest; ``camera.workstation`` for filming people at work
            without interruption; ``camera.purpose`` for a purpose that is not said.
    """
    if camera.place_kind in FORBIDDEN_PLACES:
        raise BusinessError("camera.place")
    if camera.place_kind == "workstation" and not (
        camera.is_event_only is not False and camera.purpose in {None, *_MACHINE_PURPOSES}
    ):
        raise BusinessError("camera.workstation")
    if camera.purpose == "other" and not (camera.purpose_detail or "").strip():
        raise BusinessError("camera.purpose", errors=[FieldError("purpose_detail", "field.required")])
    if camera.retention_days is not None and not 1 <= camera.retention_days <= MAX_RETENTION_DAYS:
        raise BusinessError("camera.retention", days=MAX_RETENTION_DAYS)


def activate(ctx: Context, camera: Camera, _params: Any) -> None:
    """The camera may see, once people are informed, represented and warned by a sign (L1222-4, L2312-38).

    Raises:
        BusinessError: ``camera.unlawful`` naming what is missing.
    """
    check_camera(ctx, camera)
    today = ctx.now.date()
    missing = [n for n in ("informed_on", "sign_on") if (d := getattr(camera, n)) is None or d > today]
    if camera.consultation is None:
        missing.append("consultation")
    if camera.consultation == "consulted" and (camera.consulted_on is None or camera.consulted_on > today):
        missing.append("consulted_on")
    if missing:
        raise BusinessError("camera.unlawful", errors=[FieldError(n, "field.required") for n in missing])
    # Offline until its station says that it sees.
    camera.status_since, camera.status_detail, camera.is_told = ctx.now, None, False


def deactivate(ctx: Context, camera: Camera, _params: Any) -> None:
    """The camera sees nothing any more."""
    camera.status_since, camera.status_detail = ctx.now, None


class CredentialsParams(BaseModel):
    """Access of the camera itself."""

    user_name: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=200)


def set_credentials(ctx: Context, camera: Camera, params: CredentialsParams) -> None:
    """Keep the camera's access encrypted with this installation's key."""
    camera.credentials = keys.encrypt(ctx.config, f"{params.user_name}:{params.password}")


def camera_by_code(ctx: Context, code: str) -> Camera:
    """Camera of a device code, whatever the case.

    Raises:
        BusinessError: ``camera.unknown``.
    """
    query = select(Camera).join(Device, Device.id == Camera.device_id)
    query = query.where(func.lower(Device.code) == code.strip().lower(), Camera.archived_at.is_(None))
    camera = ctx.session.scalars(query).first()
    if camera is None:
        raise BusinessError("camera.unknown", camera=code)
    return camera


def on_state(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``camera.state``: what the camera delivers. A camera that is not activated stays off whatever a station says."""
    camera = camera_by_code(ctx, event.payload["camera_code"])
    since = instant(event.payload["since"])
    if camera.status_since is not None and since < camera.status_since:
        return None
    if camera.status == "off":
        if event.payload["state"] != "off":
            words = t("camera.not_activated", ctx.locale, camera=camera.location_label)
            tasks.open_task(
                ctx, "camera.unlawful", words, camera, role="admin", dedupe_key=f"camera:{camera.id}:unlawful"
            )
        return None
    state = "offline" if event.payload["state"] == "off" else event.payload["state"]
    if state != camera.status:
        camera.status, camera.status_since, camera.is_told = state, since, False
    camera.status_detail = event.payload.get("detail")
    return None


def watch(ctx: Context) -> None:
    """Tell of cameras that are offline or covered for five minutes, once (MCH-51)."""
    query = select(Camera).where(
        Camera.status.in_(("offline", "covered")),
        Camera.is_told.is_(False),
        Camera.archived_at.is_(None),
        Camera.status_since < ctx.now - TELL_AFTER,
    )
    for camera in ctx.session.scalars(query):
        camera.is_told = True
        state = t(f"enum.camera.{camera.status}", ctx.locale).lower()
        words = t("camera.blind", ctx.locale, camera=camera.location_label, state=state)
        tasks.notify(ctx, "alarm", "camera", words, camera, role="workshop_manager")


def on_clip(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``camera.clip``: pictures kept for an event, never longer than the camera's retention."""
    payload = event.payload
    camera = camera_by_code(ctx, payload["camera_code"])
    if camera.status == "off":
        raise BusinessError("camera.off", camera=camera.location_label)
    started_at = instant(payload["started_at"])
    known = select(CameraClip.id).where(
        CameraClip.camera_id == camera.id,
        CameraClip.started_at == started_at,
        CameraClip.reason == payload["reason"],
    )
    if ctx.session.scalar(known) is not None:
        return DUPLICATE
    uid = payload.get("incident_uid")
    about = (
        select(MachineEvent.id).where(MachineEvent.incident_uid == str(uid)).order_by(MachineEvent.id.desc())
    )
    longest = started_at + dt.timedelta(days=camera.retention_days)
    clip = ctx.add(
        CameraClip(
            camera_id=camera.id,
            machine_event_id=ctx.session.scalars(about.limit(1)).first() if uid else None,
            incident_uid=str(uid) if uid else None,
            reason=payload["reason"],
            started_at=started_at,
            ended_at=instant(payload["ended_at"]),
            frames=payload["frames"],
            clip_sha256=payload.get("clip"),
            image_sha256=payload.get("image"),
            delete_after=min(instant(payload["delete_after"]), longest),
        )
    )
    if clip.reason.startswith(REASON):
        what = t(f"camera.{clip.reason}", ctx.locale)
        words = t("camera.analysis_alert", ctx.locale, camera=camera.location_label, what=what)
        tasks.notify(ctx, "warning", "camera", words, clip, role="workshop_manager")
    return None


class SealParams(BaseModel):
    """Why these pictures must outlive their day: an accident, a claim, an authority's request."""

    reason: str = Field(min_length=5, max_length=300)


def seal(ctx: Context, clip: CameraClip, params: SealParams) -> None:
    """Keep a clip as evidence.

    Raises:
        BusinessError: ``camera.erased``.
    """
    if clip.erased_at is not None:
        raise BusinessError("camera.erased")
    clip.sealed_at, clip.sealed_by_id, clip.seal_reason = ctx.now, ctx.principal.user_id, params.reason
    _log(ctx, clip, "seal", {"reason": params.reason})


def view(ctx: Context, clip: CameraClip, part: str, *, is_export: bool) -> tuple[bytes, str]:
    """Bytes and media type of a clip or its still; every look is written down (MCH-36).

    Raises:
        NotFound: no such part, erased, or not arrived yet.
    """
    sha256 = clip.clip_sha256 if part == "video" else clip.image_sha256
    if sha256 is None or clip.erased_at is not None or not _is_here(ctx, sha256):
        raise NotFound(entity="camera_clip", id=clip.id)
    data = ctx.files.read(sha256)
    _log(ctx, clip, "export" if is_export else "view", {"part": part})
    return data, "image/jpeg" if data[:2] == b"\xff\xd8" else "image/png" if data[
        :4
    ] == b"\x89PNG" else "video/mp4"


def _is_here(ctx: Context, sha256: str) -> bool:
    return Path(ctx.files.path(sha256)).is_file()


def _log(ctx: Context, clip: CameraClip, action: str, details: dict[str, Any]) -> None:
    ctx.session.add(
        CameraAccessLog(
            occurred_at=ctx.now,
            user_id=ctx.principal.user_id,
            camera_id=clip.camera_id,
            camera_clip_id=clip.id,
            action=action,
            details=details,
        )
    )


def erase_outlived(ctx: Context) -> None:
    """Erase pictures past their day, sealed ones excepted; the line stays, without pictures (MCH-35)."""
    query = select(CameraClip).where(
        CameraClip.delete_after < ctx.now, CameraClip.sealed_at.is_(None), CameraClip.erased_at.is_(None)
    )
    for clip in ctx.session.scalars(query.limit(5_000)):
        for sha256 in {clip.clip_sha256, clip.image_sha256} - {None}:
            if not _is_needed(ctx, str(sha256), clip.id):
                ctx.files.path(str(sha256)).unlink(missing_ok=True)
        clip.erased_at = ctx.now


def _is_needed(ctx: Context, sha256: str, clip_id: int) -> bool:
    """Whether another clip that is kept shows the same file."""
    query = select(CameraClip.id).where(
        CameraClip.id != clip_id,
        CameraClip.erased_at.is_(None),
        (CameraClip.clip_sha256 == sha256) | (CameraClip.image_sha256 == sha256),
    )
    return ctx.session.scalar(query.limit(1)) is not None


def register_entry(ctx: Context, camera: Camera) -> dict[str, Any]:
    """Entry of the register of processing (GDPR art. 30) for one camera, and its journal of looks."""
    device = ctx.get(Device, camera.device_id)
    clips = select(func.count()).select_from(CameraClip).where(CameraClip.camera_id == camera.id)
    query = select(CameraAccessLog, UserAccount.first_name, UserAccount.last_name)
    query = query.outerjoin(UserAccount, UserAccount.id == CameraAccessLog.user_id)
    query = query.where(CameraAccessLog.camera_id == camera.id).order_by(CameraAccessLog.id.desc())
    words = {
        "purpose": t(f"enum.camera_purpose.{camera.purpose}", ctx.locale),
        "place": t(f"enum.camera_place.{camera.place_kind}", ctx.locale),
        "consultation": t(f"enum.camera_consultation.{camera.consultation}", ctx.locale)
        if camera.consultation
        else None,
    }
    return {
        "title": t("camera.register", ctx.locale, camera=device.name),
        "purpose": f"{words['purpose']} — {camera.purpose_detail}"
        if camera.purpose_detail
        else words["purpose"],
        "place": f"{words['place']} — {camera.location_label}",
        "machine": ctx.get(Machine, camera.machine_id).name if camera.machine_id else None,
        "mode": t("camera.mode.event" if camera.is_event_only else "camera.mode.continuous", ctx.locale),
        "sound": t("camera.no_sound", ctx.locale),
        "retention": t("camera.retention_words", ctx.locale, days=camera.retention_days),
        "storage": t("camera.storage", ctx.locale),
        "informed_on": camera.informed_on,
        "consultation": words["consultation"],
        "consulted_on": camera.consulted_on,
        "sign_on": camera.sign_on,
        "clips": ctx.session.scalar(clips) or 0,
        "looks": [
            {
                "at": line.occurred_at,
                "person": f"{first} {last}" if last else None,
                "action": line.action,
                "clip_id": line.camera_clip_id,
            }
            for line, first, last in ctx.session.execute(query.limit(50))
        ],
    }


def is_camera_picture(ctx: Context, sha256: str) -> bool:
    """Whether a file belongs to a clip: it is then seen through the clip only (MCH-36)."""
    clip = or_(CameraClip.clip_sha256 == sha256, CameraClip.image_sha256 == sha256)
    return ctx.session.scalar(select(CameraClip.id).where(clip).limit(1)) is not None
