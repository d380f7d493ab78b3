"""Settings of a station's drivers, asked in forms and sent as its next signed configuration (EDG-28, EDG-30, EDG-50).

The drivers' own configuration classes describe the form and judge what was typed, cross checks included: what they accept here, an
agent of the same version accepts there. The station still tries a configuration and goes back to the last good one.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.kernel.http import field_error
from coordinator.kernel.i18n import t
from coordinator.modules.stations import driver_forms
from coordinator.modules.stations.driver_forms import Node
from coordinator.modules.stations.models import Station, StationConfig
from coordinator.modules.stations.service import ConfigParams, refuse_secrets, set_config
from edge_agents.drivers import registry
from edge_agents.protocol import optional
from edge_agents.protocol.local_time import LocalRules

_NOT_OFFERED = frozenset({"load_generator"})
NAME = r"^[a-z][a-z0-9_-]{0,39}$"


class DriverParams(BaseModel):
    """One driver of a station: its values, or ``None`` to take it away. ``version_no`` is the configuration that was read."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME)
    values: dict[str, Any] | None = Field(default=None, json_schema_extra={"x-field": {"type": "json"}})
    version_no: int = Field(ge=0)


def read(ctx: Context, station: Station) -> dict[str, Any]:
    """The drivers of a station with their form and values, the forms of all drivers there are, and how the last version went."""
    row = _latest(ctx, station)
    config = row.config if row is not None else {}
    forms = {
        kind: driver_forms.form(registry.config_class(kind).model_json_schema(), ctx.locale)
        for kind in _kinds()
    }
    health = (station.health or {}).get("drivers") or {}
    drivers = [
        {"name": name, "type": values.get("type"), "values": values, "health": health.get(name)}
        for name, values in drivers_of(config).items()
    ]
    return {
        "version_no": row.version_no if row is not None else 0,
        "status": row.status if row is not None else None,
        "reason": row.reason if row is not None else None,
        "applied_version": station.config_version,
        "drivers": drivers,
        "types": [
            {"type": kind, "label": t(f"driver.{kind}", ctx.locale), "help": t(f"driver.{kind}.help", ctx.locale), "form": nodes}
            for kind, nodes in forms.items()
        ],
    }  # fmt: skip


def preview(ctx: Context, station: Station, params: DriverParams) -> dict[str, Any]:
    """What would be sent: every setting that changes, before and after. Raises as :func:`change`; nothing is kept."""
    row, config, kind = _merged(ctx, station, params)
    before = drivers_of(row.config if row is not None else {}).get(params.name)
    nodes = driver_forms.form(registry.config_class(kind).model_json_schema(), ctx.locale)
    return {
        "version_no": (row.version_no if row is not None else 0) + 1,
        "changes": driver_forms.changes(nodes, before or {}, drivers_of(config).get(params.name) or {}, ctx.locale),
        "is_new": before is None,
        "is_removed": params.values is None,
    }  # fmt: skip


def change(ctx: Context, station: Station, params: DriverParams) -> dict[str, Any]:
    """New signed configuration with the driver as asked, all the rest unchanged.

    Raises:
        Conflict: ``station.config_moved`` when somebody sent another configuration meanwhile.
        BusinessError: ``station.driver_settings`` with each refused field, ``station.unknown_driver``, ``station.same_config``.
    """
    row, config, _ = _merged(ctx, station, params)
    if row is not None and row.config == config:
        raise BusinessError("station.same_config", station=station.name)
    return set_config(ctx, station, ConfigParams(config=config))


def _merged(
    ctx: Context, station: Station, params: DriverParams
) -> tuple[StationConfig | None, dict[str, Any], str]:
    row = _latest(ctx, station)
    if params.version_no != (row.version_no if row is not None else 0):
        raise Conflict("station.config_moved", station=station.name)
    config = copy.deepcopy(row.config) if row is not None else {}
    drivers = config.setdefault("drivers", {})
    before = drivers.get(params.name) or {}
    if params.values is None:
        if params.name not in drivers:
            raise BusinessError("station.unknown_driver", driver=params.name)
        del drivers[params.name]
        return row, config, str(before.get("type"))
    kind = str(before.get("type") or params.values.get("type"))
    if kind not in _kinds():
        raise BusinessError("station.unknown_driver", driver=kind)
    nodes = driver_forms.form(registry.config_class(kind).model_json_schema(), ctx.locale)
    values = {"type": kind} | _kept(nodes, _numbers(nodes, params.values | {"type": kind}), before)
    refuse_secrets(values)
    if errors := refusals(kind, nodes, values):
        raise BusinessError("station.driver_settings", errors=errors, driver=params.name)
    drivers[params.name] = values
    return row, config, kind


def check(ctx: Context, values: Mapping[str, Any]) -> None:
    """Whether a driver takes these values. Raises BusinessError ``station.driver_settings`` with each refused field."""
    kind = str(values.get("type"))
    nodes = driver_forms.form(registry.config_class(kind).model_json_schema(), ctx.locale)
    if errors := refusals(kind, nodes, values):
        raise BusinessError("station.driver_settings", errors=errors, driver=kind)


def ignorable(config: Mapping[str, Any]) -> list[str]:
    """Settings of a configuration an agent too old to know them may do without: only what its models mark as comfort."""
    found = optional.ignorable(LocalRules, config)
    for name, values in drivers_of(config).items():
        if values.get("type") in registry.driver_types():
            model = registry.config_class(str(values["type"]))
            found += optional.ignorable(model, values, f"drivers.{name}.")
    return found


def refusals(kind: str, nodes: Sequence[Node], values: Mapping[str, Any]) -> list[FieldError]:
    """What the driver does not accept, at the field it concerns, in words."""
    try:
        registry.config_class(kind).model_validate(dict(values))
    except ValidationError as error:
        return [refusal(nodes, dict(raw)) for raw in error.errors(include_url=False)]
    return []


def refusal(nodes: Sequence[Node], raw: dict[str, Any]) -> FieldError:
    """One fault of a schema at the field of its form, in the form's words."""
    path, here, node = driver_forms.locate(nodes, raw.get("loc") or ())
    if raw.get("type") == "value_error":
        text = driver_forms.in_words(str((raw.get("ctx") or {}).get("error", raw.get("msg", ""))), here)
        return FieldError(path, "driver.rule", {"text": text[:1].upper() + text[1:]})
    found = field_error(raw)
    if node is not None and found.code == "field.literal_error":
        return FieldError(path, found.code, {"expected": ", ".join(str(c["label"]) for c in node["choices"])})
    return FieldError(path, found.code, found.params)


def _kept(nodes: Sequence[Node], values: Any, before: Any) -> Any:
    """The values with those another page writes as they were, whatever was sent."""
    if not isinstance(values, Mapping):
        return values
    old = before if isinstance(before, Mapping) else {}
    made = dict(values)
    for node in nodes:
        name = node["name"]
        if node.get("kept_elsewhere") or node["kind"] == "drawn":
            made.pop(name, None)
            if name in old:
                made[name] = old[name]
        elif node["kind"] == "group" and made.get(name) is not None:
            made[name] = _kept(node["fields"], made[name], old.get(name))
    return made


def _numbers(nodes: Sequence[Node], values: Any) -> Any:
    """Settings that may be a number or a name, typed as text: digits alone are the number."""
    if not isinstance(values, Mapping):
        return values
    made = dict(values)
    for node in nodes:
        value = made.get(node["name"])
        if value is None:
            continue
        if node.get("number_too") and isinstance(value, str) and value.strip().isdigit():
            made[node["name"]] = int(value)
        elif node["kind"] == "group":
            made[node["name"]] = _numbers(node["fields"], value)
        elif node["kind"] in {"list", "map"} and node["item"]["kind"] == "group":
            inner = node["item"]["fields"]
            if isinstance(value, Mapping):
                made[node["name"]] = {k: _numbers(inner, v) for k, v in value.items()}
            elif isinstance(value, list):
                made[node["name"]] = [_numbers(inner, v) for v in value]
    return made


def _kinds() -> list[str]:
    return [kind for kind in registry.driver_types() if kind not in _NOT_OFFERED]


def drivers_of(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Drivers of a configuration by name."""
    found = config.get("drivers")
    return {n: v for n, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}


def driver_of(ctx: Context, station: Station, name: str) -> dict[str, Any]:
    """A driver of a station as last sent; empty where there is none."""
    row = _latest(ctx, station)
    return drivers_of(row.config if row is not None else {}).get(name) or {}


def _latest(ctx: Context, station: Station) -> StationConfig | None:
    query = select(StationConfig).where(StationConfig.station_id == station.id)
    return ctx.session.scalars(query.order_by(StationConfig.version_no.desc()).limit(1)).first()
