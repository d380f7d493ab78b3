"""Commands of a station: asked in a form per kind, checked by the schema the station checks with, and what became of them (EDG-31)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.kernel.i18n import choice_label, first_text, t
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.stations import driver_forms, driver_settings
from coordinator.modules.stations.driver_forms import Node
from coordinator.modules.stations.local_settings import latest_config
from coordinator.modules.stations.models import Station, StationCommand
from edge_agents.protocol.command_params import PARAMS
from edge_agents.protocol.control import CommandKind

_SHOWN = 20
_TAKES = {
    CommandKind.TEST_IMAGE: frozenset({"cabinet_camera", "machine_camera"}),
    CommandKind.COUNT: frozenset({"cabinet_camera"}),
    CommandKind.TARE: frozenset({"cabinet_camera"}),
    CommandKind.CLEAR_SESSION: frozenset({"cabinet_camera", "scanner"}),
}
"""Commands a driver carries out, with the types that do; the others are the agent's own."""
_ASKED = [kind for kind in CommandKind if kind is not CommandKind.DECOMMISSION]
"""Commands of the form; a station is taken out of service by an act of its own."""
_DECOMMISSION_VALID = dt.timedelta(hours=24)


class CommandParams(BaseModel):
    """Command for a station; what ``params`` may hold depends on ``kind``."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(
        json_schema_extra={"x-field": {"type": "choice", "enumeration": "station_command_kind"}}
    )
    params: dict[str, Any] = Field(default={}, json_schema_extra={"x-field": {"type": "json"}})
    valid_min: int = Field(default=10, ge=1, le=1440)


def request(ctx: Context, station: Station, params: CommandParams) -> dict[str, Any]:
    """Ask something of a station; it expires by itself.

    Raises:
        BusinessError: ``station.unknown_command``; ``station.command_refused`` with each refused parameter at ``params.NAME``.
    """
    if params.kind not in _ASKED:
        raise BusinessError("station.unknown_command", kind=params.kind)
    kind = CommandKind(params.kind)
    errors = refusals(kind, params.params, form(ctx, station, kind))
    if errors:
        raise BusinessError("station.command_refused", errors=errors)
    told = PARAMS[kind].model_validate(params.params).model_dump(mode="json", exclude_unset=True)
    row = ctx.add(
        StationCommand(
            station_id=station.id,
            kind=params.kind,
            params={name: value for name, value in told.items() if value is not None},
            expires_at=ctx.now + dt.timedelta(minutes=params.valid_min),
        )
    )
    return {"command_id": str(row.uid)}


def decommission(ctx: Context, station: Station, _params: BaseModel) -> None:
    """Ask the unit to send what it holds, then to erase itself; its certificates are revoked when it answers that it did (EDG-47).

    Raises:
        Conflict: ``station.leaves_already``.
    """
    query = select(StationCommand.id).where(
        StationCommand.station_id == station.id,
        StationCommand.kind == CommandKind.DECOMMISSION.value,
        StationCommand.status.in_(["requested", "sent"]),
        StationCommand.expires_at > ctx.now,
    )
    if ctx.session.scalar(query.limit(1)) is not None:
        raise Conflict("station.leaves_already")
    kind, until = CommandKind.DECOMMISSION.value, ctx.now + _DECOMMISSION_VALID
    ctx.add(StationCommand(station_id=station.id, kind=kind, params={}, expires_at=until))


def refusals(kind: CommandKind, values: Mapping[str, Any], nodes: list[Node]) -> list[FieldError]:
    """What the command's schema does not take, at the parameter it concerns; a choice of this station is one of those it has."""
    try:
        PARAMS[kind].model_validate(dict(values))
    except ValidationError as error:
        found = [driver_settings.refusal(nodes, dict(raw)) for raw in error.errors(include_url=False)]
        return [FieldError(f"params.{one.field}" if one.field else "params", one.code, one.params) for one in found]  # fmt: skip
    errors = []
    for node in nodes:
        value = values.get(node["name"])
        if node["kind"] == "choice" and value is not None:
            labels = {one["value"]: str(one["label"]) for one in node["choices"]}
            if value not in labels:
                expected = ", ".join(labels.values()) or "—"
                errors.append(FieldError(f"params.{node['name']}", "field.literal_error", {"expected": expected}))  # fmt: skip
    return errors


def form(ctx: Context, station: Station, kind: CommandKind) -> list[Node]:
    """Nodes of a command's parameters; drivers, cameras and weighed places are those of the station."""
    nodes = driver_forms.form(PARAMS[kind].model_json_schema(), ctx.locale)
    drivers = driver_settings.drivers_of(latest_config(ctx, station) or {})
    takers = {name: one for name, one in drivers.items() if one.get("type") in _TAKES.get(kind, ())}
    known = {
        "driver": sorted(takers),
        "camera_code": [
            str(one["camera_code"]) for one in takers.values() if one.get("type") == "machine_camera" and one.get("camera_code")
        ],
        "location": [
            str(cell["location"])
            for one in takers.values()
            for cell in ((one.get("cells") or {}).get("channels") or ())
            if isinstance(cell, Mapping) and cell.get("location")
        ],
    }  # fmt: skip
    made = []
    for node in nodes:
        choices = known.get(str(node["name"]))
        if choices is not None:
            if not node["required"] and not choices:
                continue
            node = node | {"kind": "choice", "choices": [{"value": one, "label": one} for one in choices]}
        made.append(node)
    return made


def read(ctx: Context, station: Station) -> dict[str, Any]:
    """Every command this station can carry out with its form, and the last ones with what became of them."""
    drivers = driver_settings.drivers_of(latest_config(ctx, station) or {})
    types = {str(one.get("type")) for one in drivers.values()}
    kinds = [kind for kind in _ASKED if kind not in _TAKES or _TAKES[kind] & types]
    query = (
        select(StationCommand, UserAccount)
        .outerjoin(UserAccount, UserAccount.id == StationCommand.created_by_id)
        .where(StationCommand.station_id == station.id)
        .order_by(StationCommand.id.desc())
        .limit(_SHOWN)
    )
    return {
        "commands": [
            {
                "kind": kind.value,
                "label": _label(ctx, kind),
                "help": t(f"command.{kind.value}.help", ctx.locale),
                "form": form(ctx, station, kind),
            }
            for kind in kinds
        ],
        "is_offline": station.status == "offline",
        "last": [
            {
                "label": _label(ctx, row.kind),
                "at": jsonable(row.created_at),
                "by": f"{person.first_name} {person.last_name}" if person is not None else None,
                "status": choice_label("station_command", row.status, ctx.locale),
                "detail": row.detail,
                "params": _told(ctx, row),
            }
            for row, person in ctx.session.execute(query)
        ],
    }


def _label(ctx: Context, kind: str) -> str:
    return first_text([f"enum.station_command_kind.{kind}", f"enum.{kind}"], ctx.locale)


def _told(ctx: Context, row: StationCommand) -> str:
    """Parameters of a command that was asked, in words."""
    nodes = driver_forms.form(PARAMS[CommandKind(row.kind)].model_json_schema(), ctx.locale)
    labels = {node["name"]: node["label"] for node in nodes}
    return ", ".join(f"{labels.get(name, name)} : {value}" for name, value in (row.params or {}).items())
