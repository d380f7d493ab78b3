"""What goes down to stations, and the reports that come up beside events."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

import structlog
from sqlalchemy import select, update

from coordinator.kernel import audit, tasks
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import t
from coordinator.modules.company.models import Site
from coordinator.modules.stations import clones, driver_settings, history, identity, rollout
from coordinator.modules.stations.models import Station, StationCommand, StationConfig
from coordinator.modules.stations.service import topic_name
from edge_agents.protocol.control import (
    Command,
    CommandKind,
    CommandResult,
    DesiredConfig,
    Health,
    ReferenceData,
    ReportedConfig,
    StationState,
    encode_document,
)
from edge_agents.protocol.envelope import MAX_DECODED_BYTES, MAX_MESSAGE_BYTES
from edge_agents.protocol.signing import optional_document

_log = structlog.get_logger(__name__)

SILENT_AFTER = dt.timedelta(minutes=3)
"""Three missed health reports of 60 s (EDG-40)."""


def station_refusal(ctx: Context) -> dict[tuple[str, str], str | None]:
    """Registered stations by (site, code); the value is the reason for refusing them, ``None`` for good ones."""
    rows = ctx.session.execute(
        select(Station.code, Site.code, Station.is_revoked).join(Site, Site.id == Station.site_id)
    )
    return {
        (topic_name(site), code): "Station révoquée." if revoked else None for code, site, revoked in rows
    }


def pending_configs(ctx: Context) -> list[tuple[str, str, int, DesiredConfig]]:
    """Configurations to publish: ``(site, station, row id, document)``; only the newest of a station."""
    newest: dict[int, StationConfig] = {}
    query = (
        select(StationConfig)
        .join(Station, Station.id == StationConfig.station_id)
        .where(StationConfig.published_at.is_(None), Station.is_quarantined.is_(False))
        .order_by(StationConfig.version_no)
    )
    for row in ctx.session.scalars(query):
        newest[row.station_id] = row
    result = []
    for row in newest.values():
        site, code = _address(ctx, row.station_id)
        optional = driver_settings.ignorable(row.config)
        document = DesiredConfig(
            version_no=row.version_no, config=row.config, sha256=row.sha256, signature=row.signature, optional=tuple(optional),
            optional_signature=identity.pki(ctx).sign(optional_document(row.sha256, optional)),
        )  # fmt: skip
        result.append((site, code, row.id, document))
    return result


def mark_config_published(ctx: Context, row_id: int) -> None:
    """The broker took the configuration; older unpublished ones are overtaken."""
    row = ctx.get(StationConfig, row_id)
    statement = update(StationConfig).where(
        StationConfig.station_id == row.station_id,
        StationConfig.version_no <= row.version_no,
        StationConfig.published_at.is_(None),
    )
    ctx.session.execute(statement.values(published_at=ctx.now))


def pending_commands(ctx: Context) -> list[tuple[str, str, int, Command]]:
    """Commands to send: ``(site, station, row id, document)``; those too old are marked expired."""
    late = StationCommand.status.in_(["requested", "sent"]), StationCommand.expires_at < ctx.now
    silent = select(StationCommand).where(*late, StationCommand.kind == CommandKind.DECOMMISSION.value)
    for row in ctx.session.scalars(silent):
        row.status, row.detail = "expired", t("station.no_answer", ctx.locale)
        _left(ctx, ctx.get(Station, row.station_id), row)
    ctx.session.flush()
    ctx.session.execute(update(StationCommand).where(*late).values(status="expired"))
    result = []
    for row in ctx.session.scalars(select(StationCommand).where(StationCommand.status == "requested")):
        site, code = _address(ctx, row.station_id)
        command = Command(
            command_id=row.uid, kind=row.kind, params=row.params or {}, expires_at=row.expires_at
        )
        result.append((site, code, row.id, command))
    return result


def mark_command_sent(ctx: Context, row_id: int) -> None:
    """The broker took the command."""
    statement = update(StationCommand).where(
        StationCommand.id == row_id, StationCommand.status == "requested"
    )
    ctx.session.execute(statement.values(status="sent"))


def record_command_result(ctx: Context, station_code: str, result: CommandResult) -> None:
    """Answer of a station; only its own commands."""
    query = select(StationCommand).join(Station, Station.id == StationCommand.station_id)
    query = query.where(StationCommand.uid == result.command_id, Station.code == station_code)
    row = ctx.session.scalars(query).one_or_none()
    if row is not None and row.status in {"requested", "sent"}:
        row.status, row.detail, row.done_at = result.result, (result.detail or "")[:500] or None, ctx.now
        if row.kind == CommandKind.DECOMMISSION:
            _left(ctx, ctx.get(Station, row.station_id), row)


def _left(ctx: Context, station: Station, row: StationCommand) -> None:
    """A unit erased itself: nobody is let in under its name any more. One that could not is told to those who look after it."""
    if row.status == "done":
        identity.shut_out(ctx, station)
        audit.mark_action(ctx.session, station, "decommission", critical=True)
    else:
        words = t("station.not_left", ctx.locale, station=station.name, reason=row.detail or "—")
        tasks.notify(ctx, "warning", "stations", words, station, role="admin")


def record_config_report(ctx: Context, station_code: str, report: ReportedConfig) -> None:
    """A station applied or refused a version (EDG-29)."""
    station = _station(ctx, station_code)
    if station is None:
        return
    query = select(StationConfig).where(
        StationConfig.station_id == station.id, StationConfig.version_no == report.version_no
    )
    row = ctx.session.scalars(query).one_or_none()
    if row is not None:
        rollout.on_config_report(ctx, station.id, report.version_no, report.result, report.reason)
    if row is not None:
        ignored = (
            t("station.config_ignored", ctx.locale, settings=", ".join(report.ignored))
            if report.ignored
            else ""
        )
        reason = (report.reason or ignored)[:500] or None
    if row is not None and (row.status, row.reason) != (report.result, reason):
        row.status, row.reason, row.reported_at = report.result, reason, ctx.now
        if ignored:
            tasks.notify(ctx, "info", "station_config", f"{station.name} : {ignored}", station, role="admin")
        if report.result == "refused":
            text = f"{station.name} refuse la configuration {report.version_no} : {report.reason}"
            tasks.notify(ctx, "warning", "station_config", text, station, role="admin")
    if report.result == "applied":
        _touch(ctx, station_code, config_version=report.version_no)


def record_health(ctx: Context, station_code: str, health: Health) -> None:
    """Self-diagnosis of a station; a faulty driver makes it « dégradée » (EDG-39, EDG-40)."""
    faulty = any(d.status == "fault" for d in health.drivers.values())
    _touch(
        ctx,
        station_code,
        last_contact_at=ctx.now,
        status="fault" if faulty else "online",
        health=health.model_dump(mode="json"),
        software_version=health.versions.software[:40],
        address=", ".join(health.addresses)[:120] or None,
    )
    clones.look(ctx, station_code, health)
    history.note(ctx, station_code, health)
    rollout.on_report(ctx, station_code, health.update)


def record_state(ctx: Context, station_code: str, state: StationState) -> None:
    """Retained state or Last Will."""
    values: dict[str, Any] = {"status": state.status}
    if state.status != "offline":
        values["last_contact_at"] = ctx.now
    _touch(ctx, station_code, **values)


def silent_stations(ctx: Context) -> list[str]:
    """Mark stations without contact offline; returns those newly marked."""
    statement = (
        update(Station)
        .where(Station.status != "offline", Station.last_contact_at < ctx.now - SILENT_AFTER)
        .values(status="offline")
        .returning(Station.code)
    )
    return list(ctx.session.scalars(statement))


def reference_data(ctx: Context, station_code: str) -> ReferenceData:
    """What the station needs to work without a line, from every module that has something to say (EDG-22)."""
    merged: dict[str, Any] = {}
    for module in ctx.registry.modules.values():
        if module.station_data:
            merged.update(module.station_data(ctx, station_code))
    content = json.dumps(merged, sort_keys=True, default=str)
    version = hashlib.sha256(content.encode()).hexdigest()[:16]
    return fitting(ReferenceData.model_validate({**merged, "version": version, "generated_at": ctx.now}))


def fitting(data: ReferenceData) -> ReferenceData:
    """The same data small enough for one message (EDG-18): the least used items are left out, by whole eighths.

    A station does not recognise an item left out; its scan is kept all the same.
    """
    kept = data
    while kept.items and not _fits(kept):
        kept = kept.model_copy(update={"items": kept.items[: len(kept.items) * 7 // 8]})
    if len(kept.items) < len(data.items):
        _log.info("reference cut to one message", items=len(data.items), kept=len(kept.items))
    return kept


def _fits(data: ReferenceData) -> bool:
    raw = encode_document(data)
    return len(raw) <= MAX_DECODED_BYTES and len(encode_document(data, compress=True)) <= MAX_MESSAGE_BYTES


def _station(ctx: Context, code: str) -> Station | None:
    return ctx.session.scalars(select(Station).where(Station.code == code)).one_or_none()


def _touch(ctx: Context, code: str, **values: Any) -> None:
    # Plain UPDATE on purpose: a contact is no change of the record, it makes no history and no version conflict.
    ctx.session.execute(
        update(Station).where(Station.code == code).values(**values, updated_at=Station.updated_at)
    )


def _address(ctx: Context, station_id: int) -> tuple[str, str]:
    station = ctx.get(Station, station_id)
    return topic_name(ctx.get(Site, station.site_id).code), station.code
