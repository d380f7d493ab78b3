"""Routes of sensors, collisions, cameras and the AI's journal (MCH-18, 20, 23, 27, 33, 36)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Header, Response
from sqlalchemy import select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.http import Ctx, guarded, public
from coordinator.kernel.registry import Permission
from coordinator.modules.machines import cameras, collisions, sensors, telemetry
from coordinator.modules.machines.camera_models import Camera, CameraClip
from coordinator.modules.machines.models import AiDecisionLog, Machine, MachineEvent

READ = Permission("machines", "read")
VIEW = Permission("machines", "export")
"""Pictures of people at work are for those who answer for the machines; operators read machines and see none."""
router = APIRouter(tags=["machine"])


@router.post(
    "/metrics",
    operation_id="sensor_metrics",
    openapi_extra=public("Clé de capteur dans l'en-tête X-Api-Key, vérifiée par la route"),
)
def metrics(
    ctx: Ctx, body: Annotated[dict[str, Any], Body()], x_api_key: Annotated[str | None, Header()] = None
) -> dict[str, Any]:
    """Readings of an external sensor: machine, and a number per signal."""
    key = sensors.key_of(ctx, x_api_key)
    return {"stored": sensors.take(ctx, key, body)}


@router.get(
    "/machine-events/{event_id}/detail", operation_id="machine_event_detail", openapi_extra=guarded(READ)
)
def event_detail(ctx: Ctx, event_id: int) -> dict[str, Any]:
    """An event with its signals, its clips and the machine's counters."""
    ctx.require(READ)
    event = ctx.get(MachineEvent, event_id)
    machine = ctx.get(Machine, event.machine_id)
    clips = select(CameraClip).where(CameraClip.machine_event_id == event.id)
    if event.incident_uid:
        clips = select(CameraClip).where(CameraClip.incident_uid == event.incident_uid)
    may_view = ctx.principal.may("machines", "export")
    names = ("kind", "level", "severity", "code", "text", "occurred_at", "signal", "value", "threshold", "program",
             "program_line", "tool", "basis", "stop_request", "stop_detail", "reaction_ms", "is_recorded", "cause",
             "verdict", "verdict_comment", "acknowledged_at")  # fmt: skip
    decisions = select(AiDecisionLog).where(
        AiDecisionLog.object_type == "machine_event", AiDecisionLog.object_id == event.id
    )
    return {
        **{name: jsonable(getattr(event, name)) for name in names},
        "id": event.id,
        "signal_name": telemetry.signal_name(event.signal, None, ctx.locale) if event.signal else None,
        "machine": {"id": machine.id, "code": machine.code, "name": machine.name},
        "signals": [
            {**trace, "name": telemetry.signal_name(trace["channel"], None, ctx.locale)}
            for trace in event.signals or []
        ],
        "counters": collisions.counters(ctx, machine) if event.kind == "collision" else None,
        "clips": [
            {
                "id": c.id,
                "reason": c.reason,
                "started_at": jsonable(c.started_at),
                "erased_at": jsonable(c.erased_at),
            }
            for c in ctx.session.scalars(clips)
        ]
        if may_view
        else [],
        "explanation": [d.explanation for d in ctx.session.scalars(decisions) if d.explanation],
    }


@router.get(
    "/machines/{machine_id}/collisions", operation_id="machine_collisions", openapi_extra=guarded(READ)
)
def collision_counters(ctx: Ctx, machine_id: int) -> dict[str, Any]:
    """Counters of the last days and the response in force."""
    ctx.require(READ)
    return collisions.counters(ctx, ctx.get(Machine, machine_id))


@router.get(
    "/camera-clips/{clip_id}/{part}",
    operation_id="camera_clip_view",
    openapi_extra=guarded(VIEW),
    response_model=None,
)
def clip_view(ctx: Ctx, clip_id: int, part: Literal["video", "image"], download: bool = False) -> Response:
    """Pictures of a clip; the look is written down."""
    ctx.require(VIEW)
    data, media_type = cameras.view(ctx, ctx.get(CameraClip, clip_id), part, is_export=download)
    return Response(data, media_type=media_type, headers={"Cache-Control": "no-store"})


@router.get("/cameras/{camera_id}/register", operation_id="camera_register", openapi_extra=guarded(VIEW))
def register(ctx: Ctx, camera_id: int) -> dict[str, Any]:
    """Entry of the register of processing, and who looked at pictures."""
    ctx.require(VIEW)
    found = cameras.register_entry(ctx, ctx.get(Camera, camera_id))
    found["looks"] = [{k: jsonable(v) for k, v in line.items()} for line in found["looks"]]
    return {k: jsonable(v) if k != "looks" else v for k, v in found.items()}


@router.get("/ai-decisions", operation_id="ai_decisions", openapi_extra=guarded(READ))
def ai_decisions(ctx: Ctx, limit: int = 100) -> dict[str, Any]:
    """What the models said of machines, newest first."""
    ctx.require(READ)
    query = select(AiDecisionLog).where(AiDecisionLog.area == "machines").order_by(AiDecisionLog.id.desc())
    names = ("occurred_at", "action", "details", "explanation", "model_version", "object_type", "object_id")
    lines = ctx.session.scalars(query.limit(min(max(limit, 1), 500)))
    return {"items": [{name: jsonable(getattr(line, name)) for name in names} for line in lines]}
