"""Staged roll-out of packages (EDG-34…37, UPD-25…30): start, steps, reports of the stations, acts of a person."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, func, select, true, update

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.kernel.i18n import t
from coordinator.modules.company.models import Site
from coordinator.modules.stations import identity, service
from coordinator.modules.stations.models import Station, StationConfig
from coordinator.modules.stations.rollout_rules import BAD, ENDED, FINAL, Decision, Part, Rollout, decide
from coordinator.modules.stations.update_models import (
    UpdateInstallation,
    UpdatePackage,
    UpdatePublisher,
    UpdateRollout,
)
from edge_agents.protocol.control import UpdateOffer, UpdateState
from edge_agents.protocol.package import version_key

_ASK_AGAIN = dt.timedelta(seconds=60)
_TIME = r"^([01]\d|2[0-3]):[0-5]\d$"


class RolloutParams(BaseModel):
    """How a package reaches the stations; ``station_ids`` empty: all the package is made for."""

    model_config = ConfigDict(extra="forbid")

    pilot_station_id: int
    station_ids: list[int] = []
    observe_min: int | None = Field(default=None, ge=0, le=20_160)
    group_size: int = Field(default=3, ge=1, le=100)
    health_s: int = Field(default=300, ge=2, le=3600)
    window_from: str | None = Field(default=None, pattern=_TIME)
    window_to: str | None = Field(default=None, pattern=_TIME)


def start(ctx: Context, package: UpdatePackage, params: RolloutParams) -> dict[str, Any]:
    """Approve the package and begin with the pilot station.

    Raises:
        Conflict: ``update.running`` while another roll-out of the same line goes on (UPD-52).
        BusinessError: ``update.no_station`` when the pilot is not among the stations the package is made for.
    """
    same = select(UpdateRollout).join(UpdatePackage, UpdatePackage.id == UpdateRollout.update_package_id)
    same = same.where(UpdatePackage.kind == package.kind, UpdatePackage.name == package.name)
    if any(row.status not in ENDED for row in ctx.session.scalars(same.with_for_update())):
        raise Conflict("update.running")
    stations = {s.id: s for s in _targets(ctx, package, params.station_ids)}
    if params.pilot_station_id not in stations:
        raise BusinessError("update.no_station")
    observe = params.observe_min
    package.status = "approved"
    rollout = UpdateRollout(
        update_package_id=package.id, pilot_station_id=params.pilot_station_id, group_size=params.group_size,
        observe_min=ctx.settings.integer("update_observe_min") if observe is None else observe,
        health_s=params.health_s, window_from=params.window_from, window_to=params.window_to,
    )  # fmt: skip
    ctx.add(rollout)
    for station in stations.values():
        ctx.add(
            UpdateInstallation(
                update_rollout_id=rollout.id, update_package_id=package.id, station_id=station.id, action="install",
                is_pilot=station.id == params.pilot_station_id, to_version=package.version, attempts=0,
            )
        )  # fmt: skip
    advance(ctx, rollout)
    return {"rollout_id": rollout.id}


def _targets(ctx: Context, package: UpdatePackage, wanted: list[int]) -> list[Station]:
    query = select(Station).where(Station.is_revoked.is_(False), Station.archived_at.is_(None))
    if package.station_kinds:
        query = query.where(Station.kind.in_(package.station_kinds))
    if wanted:
        query = query.where(Station.id.in_(wanted))
    return list(ctx.session.scalars(query.order_by(Station.id)))


# steps ---------------------------------------------------------------------------------------------------------


def step_all(ctx: Context) -> None:
    """Recurring job: every roll-out that goes on takes its next step."""
    query = select(UpdateRollout).where(UpdateRollout.status.not_in([*ENDED, "paused"])).with_for_update()
    for rollout in ctx.session.scalars(query):
        advance(ctx, rollout)


def advance(ctx: Context, rollout: UpdateRollout) -> None:
    """Steps until nothing more is to do now."""
    for _ in range(5):
        ctx.session.flush()
        parts = _installations(ctx, rollout)
        decision = decide(
            _rules_of(rollout), [_part(ctx, row) for row in parts], ctx.now, _local(ctx, rollout)
        )
        changed = decision.status != rollout.status or bool(decision.offer)
        _apply(ctx, rollout, parts, decision)
        if not changed:
            return


def _apply(ctx: Context, rollout: UpdateRollout, parts: list[UpdateInstallation], decision: Decision) -> None:
    by_id = {row.id: row for row in parts}
    for part_id in decision.offer:
        _offer(ctx, by_id[part_id])
    if decision.status == rollout.status:
        return
    rollout.status = decision.status
    if decision.observe_until is not None:
        rollout.observe_until = decision.observe_until
    if decision.status in ENDED:
        rollout.ended_at = ctx.now
    if decision.status == "stopped":
        _withdraw(ctx, parts)
        package = ctx.get(UpdatePackage, rollout.update_package_id)
        rollout.reason = t(f"update.stopped.{decision.reason}", ctx.locale)
        title = t("update.stopped", ctx.locale).format(version=package.version, reason=rollout.reason)
        tasks.notify(ctx, "critical", "update", title, rollout, role="admin")
        tasks.open_task(
            ctx, "update.stopped", title, rollout, role="admin", dedupe_key=f"update:{rollout.id}"
        )


def _offer(ctx: Context, row: UpdateInstallation) -> None:
    """Gives the offer a new number and leaves it to the reception to publish; configurations are signed at once."""
    package = ctx.get(UpdatePackage, row.update_package_id)
    station = ctx.get(Station, row.station_id)
    row.uid, row.status, row.phase = uuid.uuid4(), "running", "offered"
    row.attempts += 1
    row.offered_at, row.published_at, row.ended_at, row.detail = ctx.now, None, None, None
    if package.kind == "config":
        _offer_config(ctx, package, station, row)
    elif row.action == "install":
        health = station.health or {}
        versions = health.get("versions") or {}
        present = (
            versions.get("software")
            if package.kind == "software"
            else (versions.get("models") or {}).get(package.name)
        )
        row.from_version = str(present or "")[:40] or None
    ctx.session.flush()


def _offer_config(ctx: Context, package: UpdatePackage, station: Station, row: UpdateInstallation) -> None:
    latest = select(StationConfig).where(StationConfig.station_id == station.id)
    if row.action == "rollback":
        wanted = int(row.to_version) if row.to_version.isdigit() else 0
        before = ctx.session.scalars(latest.where(StationConfig.version_no == wanted)).one_or_none()
        if before is None:
            row.status, row.phase, row.ended_at = "failed", None, ctx.now
            row.detail = t("update.no_former_config", ctx.locale)
            return
        config = before.config
    else:
        present = ctx.session.scalars(latest.order_by(StationConfig.version_no.desc()).limit(1)).one_or_none()
        config = merged(present.config if present else {}, package.config or {})
        row.from_version = str(present.version_no) if present else None
    result = service.set_config(ctx, station, service.ConfigParams(config=config))
    row.config_version = result["version_no"]


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """``change`` over ``base``, dictionary by dictionary; a null takes a key away."""
    result = dict(base)
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


# what the reception sends and receives ---------------------------------------------------------------------------


def pending_updates(ctx: Context) -> list[tuple[str, str, int, UpdateOffer]]:
    """Offers to publish: ``(site, station, row id, signed document)``."""
    return _offers(ctx, UpdateInstallation.published_at.is_(None))


def open_offers(ctx: Context) -> list[tuple[str, UpdateOffer]]:
    """Offers no station has followed to the end yet: ``(station, signed document)``."""
    return [(station, offer) for _, station, _, offer in _offers(ctx, true())]


def _offers(ctx: Context, condition: ColumnElement[bool]) -> list[tuple[str, str, int, UpdateOffer]]:
    query = select(
        UpdateInstallation,
        UpdatePackage,
        UpdatePublisher.public_key,
        UpdateRollout.health_s,
        Station.code,
        Site.code,
    )
    query = query.join(UpdatePackage, UpdatePackage.id == UpdateInstallation.update_package_id)
    query = query.join(UpdatePublisher, UpdatePublisher.id == UpdatePackage.update_publisher_id)
    query = query.join(UpdateRollout, UpdateRollout.id == UpdateInstallation.update_rollout_id)
    query = query.join(Station, Station.id == UpdateInstallation.station_id).join(
        Site, Site.id == Station.site_id
    )
    query = query.where(UpdateInstallation.status == "running", condition, UpdatePackage.kind != "config")
    found = []
    for row, package, key, health_s, station, site in ctx.session.execute(query):
        offer = UpdateOffer(
            offer_id=row.uid, action=row.action, kind=package.kind, name=package.name, version=_number(row.to_version),
            sha256=package.sha256, size_bytes=package.size_bytes, publisher_key=key, health_s=health_s,
        )  # fmt: skip
        signature = identity.pki(ctx).sign(offer.signed_bytes())
        found.append(
            (service.topic_name(site), station, row.id, offer.model_copy(update={"signature": signature}))
        )
    return found


def _number(version: str) -> str:
    return version if version_key(version) != (-1,) else "0.0.0"


def mark_update_published(ctx: Context, row_id: int) -> None:
    """The broker took the offer."""
    ctx.session.execute(
        update(UpdateInstallation).where(UpdateInstallation.id == row_id).values(published_at=ctx.now)
    )


def on_report(ctx: Context, station_code: str, state: UpdateState | None) -> None:
    """A station told how far it is; an offer it does not know of is sent again."""
    query = select(UpdateInstallation).join(Station, Station.id == UpdateInstallation.station_id)
    query = query.where(Station.code == station_code, UpdateInstallation.status == "running").with_for_update(
        of=UpdateInstallation
    )
    for row in ctx.session.scalars(query):
        if state is None or state.offer_id != row.uid:
            if row.config_version is None and row.published_at and ctx.now - row.published_at > _ASK_AGAIN:
                row.published_at = None
        elif state.state in FINAL:
            _end(ctx, row, state.state, state.detail)
        elif state.state != row.phase:
            row.phase, row.detail = state.state, (state.detail or "")[:500] or None


def on_config_report(ctx: Context, station_id: int, version_no: int, result: str, reason: str | None) -> None:
    """A station applied or refused a configuration; refused after it was applied means it went back alone."""
    query = select(UpdateInstallation).where(
        UpdateInstallation.station_id == station_id, UpdateInstallation.config_version == version_no
    )
    row = ctx.session.scalars(query.with_for_update()).one_or_none()
    if row is None:
        return
    if result == "applied" and row.status == "running":
        _end(ctx, row, "installed", None)
    elif result == "refused" and row.status in ("running", "installed"):
        _end(ctx, row, "failed" if row.status == "running" else "rolled_back", reason)


def _end(ctx: Context, row: UpdateInstallation, status: str, detail: str | None) -> None:
    row.status, row.phase, row.ended_at = status, None, ctx.now
    row.detail = (detail or "")[:500] or None
    ctx.session.flush()
    rollout = ctx.get(UpdateRollout, row.update_rollout_id)
    if rollout.status not in ENDED and rollout.status != "paused":
        advance(ctx, rollout)


# acts of a person ------------------------------------------------------------------------------------------------


def pause(_ctx: Context, rollout: UpdateRollout, _params: BaseModel) -> None:
    """No new station is offered anything; what runs goes on."""
    rollout.paused_from, rollout.status = rollout.status, "paused"


def resume(ctx: Context, rollout: UpdateRollout, _params: BaseModel) -> None:
    """Go on where it was paused."""
    rollout.status, rollout.paused_from = rollout.paused_from or "pilot", None
    advance(ctx, rollout)


def cancel(ctx: Context, rollout: UpdateRollout, _params: BaseModel) -> None:
    """No further station; those that have the version keep it."""
    _withdraw(ctx, _installations(ctx, rollout))
    rollout.status, rollout.ended_at = "cancelled", ctx.now


def roll_back(ctx: Context, rollout: UpdateRollout, _params: BaseModel) -> None:
    """Every station that has the version goes back to what it had (EDG-33: the only way down)."""
    parts = _installations(ctx, rollout)
    _withdraw(ctx, parts)
    for row in [p for p in parts if p.action == "install" and p.status in ("installed", "running")]:
        if row.status == "running":
            row.status, row.phase, row.ended_at = "cancelled", None, ctx.now
        ctx.add(
            UpdateInstallation(
                update_rollout_id=rollout.id, update_package_id=row.update_package_id, station_id=row.station_id,
                action="rollback", is_pilot=False, from_version=row.to_version, to_version=row.from_version or "0.0.0",
                attempts=0,
            )
        )  # fmt: skip
    rollout.status, rollout.ended_at = "rolling_back", None
    advance(ctx, rollout)


def retry(ctx: Context, row: UpdateInstallation, _params: BaseModel) -> None:
    """Offer once more to a station that failed."""
    _offer(ctx, row)


def _withdraw(ctx: Context, parts: list[UpdateInstallation]) -> None:
    for row in parts:
        if row.status == "planned":
            row.status, row.ended_at = "cancelled", ctx.now
    ctx.session.flush()


def progress(ctx: Context, rollout: UpdateRollout) -> dict[str, int]:
    """How many stations stand where."""
    query = select(UpdateInstallation.status, func.count()).where(
        UpdateInstallation.update_rollout_id == rollout.id
    )
    return dict(ctx.session.execute(query.group_by(UpdateInstallation.status)).tuples().all())


# reading -----------------------------------------------------------------------------------------------------------


def _installations(ctx: Context, rollout: UpdateRollout) -> list[UpdateInstallation]:
    query = select(UpdateInstallation).where(UpdateInstallation.update_rollout_id == rollout.id)
    return list(ctx.session.scalars(query.order_by(UpdateInstallation.id)))


def _part(ctx: Context, row: UpdateInstallation) -> Part:
    station = ctx.get(Station, row.station_id)
    return Part(
        id=row.id, status=row.status, is_pilot=row.is_pilot, is_rollback=row.action == "rollback",
        failures=max(0, row.attempts - 1) if row.status != "planned" else 0,
        able=not (station.is_revoked or station.is_in_maintenance), healthy=station.status == "online",
    )  # fmt: skip


def _rules_of(rollout: UpdateRollout) -> Rollout:
    window = None
    if rollout.window_from and rollout.window_to:
        window = (dt.time.fromisoformat(rollout.window_from), dt.time.fromisoformat(rollout.window_to))
    return Rollout(rollout.status, rollout.observe_min, rollout.group_size, rollout.observe_until, window)


def _local(ctx: Context, rollout: UpdateRollout) -> dt.time:
    station = ctx.get(Station, rollout.pilot_station_id)
    return ctx.now.astimezone(ZoneInfo(ctx.get(Site, station.site_id).time_zone)).time()


def may_retry(row: UpdateInstallation) -> bool:
    """Whether another try makes sense."""
    return row.status in BAD
