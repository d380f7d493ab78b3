"""Anomalies a station's model finds, and the models themselves: proposed, decided by a person, kept (MCH-19, MCH-20)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.db import Record
from coordinator.kernel.device import DeviceEvent, Outcome
from coordinator.kernel.i18n import t
from coordinator.kernel.models import Task
from coordinator.modules.machines import alerts
from coordinator.modules.machines.events import (
    DUPLICATE,
    announce,
    instant,
    is_known,
    machine_by_code,
    record,
)
from coordinator.modules.machines.models import AiDecisionLog, AnomalyModel, Machine, MachineEvent


def on_anomaly(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``machine.anomaly``: kept with its reasons; people are told only when the model is approved."""
    if is_known(ctx, MachineEvent, event.uid):
        return DUPLICATE
    payload = event.payload
    machine = machine_by_code(ctx, payload["machine_code"])
    reasons = [_plain(reason) for reason in payload["explanation"]]
    words = t(
        "machine.anomaly",
        ctx.locale,
        machine=machine.name,
        program=payload.get("program") or "—",
        reason=_sentence(ctx, reasons),
    )
    is_approved = bool(payload["is_approved"])
    kept = record(
        ctx,
        machine,
        event,
        event.uid,
        "anomaly",
        "info",
        "model",
        words,
        severity="warning" if is_approved else "info",
        source="model",
        value=_decimal(payload["score"], 6),
        threshold=_decimal(payload["threshold"], 6),
        program=payload.get("program"),
        tool=payload.get("tool"),
        cycle_uid=str(payload["cycle_uid"]),
        ended_at=event.occurred_at,
    )
    log_decision(ctx, "anomaly_found", words, kept, {"reasons": reasons, "score": payload["score"]},
                 str(payload["model_version"]))  # fmt: skip
    if is_approved:
        alerts.tell(ctx, machine, kept)
    announce(ctx, machine, "anomaly")
    return None


def _sentence(ctx: Context, reasons: list[dict[str, Any]]) -> str:
    if not reasons:
        return "—"
    first = max(reasons, key=lambda reason: reason["share"])
    name, _, measure = str(first["feature"]).partition(".")
    label = t(f"telemetry.signal.{name}", ctx.locale)
    label = name if label.startswith("telemetry.signal.") else label
    kind = t(f"telemetry.measure.{measure}", ctx.locale) if measure else ""
    return t(
        "machine.anomaly_reason",
        ctx.locale,
        feature=label if not measure or kind.startswith("telemetry.") else f"{label} ({kind})",
        value=_shown(first["value"]),
        low=_shown(first["low"]),
        high=_shown(first["high"]),
        unit=first["unit"],
    )


def _shown(value: float) -> str:
    return f"{value:.3g}".replace(".", ",")


def on_model(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``machine.model``: a learned model waits for a person's decision."""
    payload = event.payload
    machine = machine_by_code(ctx, payload["machine_code"])
    version = str(payload["version"])
    known = select(AnomalyModel.id).where(
        AnomalyModel.machine_id == machine.id, AnomalyModel.version == version
    )
    if ctx.session.scalar(known) is not None:
        return DUPLICATE
    model = ctx.add(
        AnomalyModel(
            machine_id=machine.id,
            version=version,
            learned_from=instant(payload["learned_from"]),
            learned_to=instant(payload["learned_to"]),
            cycles=payload["cycles"],
            held_out=payload["held_out"],
            programs=list(payload["programs"]),
            features=list(payload["features"]),
            contamination=_decimal(payload["contamination"], 4),
            seed=payload["seed"],
            threshold=_decimal(payload["threshold"], 5),
            false_alarm_rate=_decimal(payload["false_alarm_rate"], 4),
            precision=None if payload.get("precision") is None else _decimal(payload["precision"], 4),
            recall=None if payload.get("recall") is None else _decimal(payload["recall"], 4),
            judged_anomalies=payload.get("judged_anomalies") or 0,
            station_code=event.station_id,
        )
    )
    words = t(
        "task.anomaly_model", ctx.locale, machine=machine.name, version=version, cycles=payload["cycles"]
    )
    tasks.open_task(
        ctx, "machine.model", words, model, role="workshop_manager", dedupe_key=f"model:{model.id}"
    )
    log_decision(
        ctx, "model_proposed", words, model, {"false_alarm_rate": payload["false_alarm_rate"]}, version
    )
    return None


def approve(ctx: Context, model: AnomalyModel, _params: Any) -> None:
    """The model judges from now on; the one before rests."""
    before = select(AnomalyModel).where(
        AnomalyModel.machine_id == model.machine_id, AnomalyModel.status == "approved"
    )
    for old in ctx.session.scalars(before):
        old.status = "retired"
    # One approved model per machine, held by the database.
    ctx.session.flush()
    _decided(ctx, model, "accepted")
    machine = ctx.get(Machine, model.machine_id)
    ctx.emit("machines.model_approved", {"machine_code": machine.code, "version": model.version})


def refuse(ctx: Context, model: AnomalyModel, _params: Any) -> None:
    """The model never judges."""
    _decided(ctx, model, "refused")


def _decided(ctx: Context, model: AnomalyModel, outcome: str) -> None:
    model.decided_by_id, model.decided_at = ctx.principal.user_id, ctx.now
    query = select(Task).where(Task.dedupe_key == f"model:{model.id}", Task.status == "open")
    task = ctx.session.scalars(query).one_or_none()
    if task is not None:
        tasks.close_task(ctx, task, outcome)
    log_decision(
        ctx,
        f"model_{outcome}",
        f"{t('entity.anomaly_model', ctx.locale)} {model.version}",
        model,
        None,
        model.version,
    )


def log_decision(
    ctx: Context, action: str, details: str, about: Record, explanation: Any, version: str | None
) -> None:
    """Line of the AI's journal, never changed."""
    ctx.session.add(
        AiDecisionLog(
            occurred_at=ctx.now,
            area="machines",
            action=action,
            details=details[:1000],
            explanation=explanation,
            model_version=version,
            object_type=about.__tablename__,
            object_id=about.id,
        )
    )


def _decimal(value: Any, places: int) -> Decimal:
    return round(Decimal(str(value)), places)


def _plain(reason: Any) -> dict[str, Any]:
    return dict(reason.model_dump(mode="json")) if hasattr(reason, "model_dump") else dict(reason)
