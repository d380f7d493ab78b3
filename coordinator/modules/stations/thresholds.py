"""Thresholds of automatic posting of a station: shown with where they come from, decided with a reason, sent to the station (VIS-14).

What holds is told to the station in its signed configuration (``thresholds`` of its cabinet cameras), so that the person at the cabinet
hears at once what a person will look at. The office decides with its own values and never posts what the station said it would not.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.enumerations import ENUMERATIONS
from coordinator.kernel.errors import BusinessError, FieldError
from coordinator.kernel.i18n import first_text, t
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.stations.local_settings import latest_config
from coordinator.modules.stations.models import Station, VisionThreshold
from coordinator.modules.stations.service import ConfigParams, set_config
from coordinator.modules.stations.threshold_rules import (
    LEAST,
    NAMES,
    Level,
    Limit,
    Resolved,
    crosses,
    refusal,
    resolve,
)
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import LocationItem, StorageLocation

_CAMERA = "cabinet_camera"
_HISTORY = 100
_PLACE_KINDS = ("compartment", "drawer", "bin", "rack", "cabinet")
Percent = Decimal | None


class Wanted(BaseModel):
    """What one level shall say; an empty value is inherited."""

    model_config = ConfigDict(extra="forbid")

    scope: Literal["station", "location_kind", "item_kind"]
    kind: str = Field(default="", max_length=40)
    auto_pct: Percent = None
    review_pct: Percent = None


class ThresholdParams(BaseModel):
    """The levels that change, and why."""

    model_config = ConfigDict(extra="forbid")

    changes: list[Wanted] = Field(
        min_length=1, max_length=30, json_schema_extra={"x-field": {"type": "json"}}
    )
    reason: str = Field(min_length=3, max_length=300)


class Levels:
    """What was decided for one station: the newest row of every level."""

    def __init__(self, ctx: Context, station: Station) -> None:
        shop = stock.shop_limits(ctx)
        self._shop = Level("shop", "", shop.auto_pct, shop.review_pct)
        newest = (
            select(VisionThreshold)
            .where(VisionThreshold.station_id == station.id)
            .distinct(VisionThreshold.scope, VisionThreshold.kind)
            .order_by(VisionThreshold.scope, VisionThreshold.kind, VisionThreshold.id.desc())
        )
        self._own: dict[tuple[str, str], Level] = {
            (row.scope, row.kind): Level(row.scope, row.kind, row.auto_pct, row.review_pct)  # type: ignore[arg-type]
            for row in ctx.session.scalars(newest)
        }

    def __bool__(self) -> bool:
        """Whether anything was decided for the station itself."""
        return bool(self._own)

    def at(self, scope: str, kind: str) -> Level | None:
        """What one level says."""
        return self._own.get((scope, kind))

    def put(self, wanted: Wanted) -> None:
        """Says something else, to see what would hold."""
        self._own[wanted.scope, wanted.kind] = Level(
            wanted.scope, wanted.kind, wanted.auto_pct, wanted.review_pct
        )

    def chain(self, location_kind: str | None, item_kind: str | None) -> list[Level]:
        """Levels for a place and an item, from the widest."""
        keys = [("station", ""), ("location_kind", location_kind or ""), ("item_kind", item_kind or "")]
        return [self._shop, *(self._own[key] for key in keys if key in self._own)]

    def resolved(self, location_kind: str | None = None, item_kind: str | None = None) -> Resolved:
        """Thresholds that hold there."""
        return resolve(self.chain(location_kind, item_kind))

    def chains(self) -> Iterator[list[Level]]:
        """Every combination of kinds that says something."""
        for places in [None, *(kind for scope, kind in self._own if scope == "location_kind")]:
            for items in [None, *(kind for scope, kind in self._own if scope == "item_kind")]:
                yield self.chain(places, items)


def of(ctx: Context, station: Station, place: StorageLocation | None, item: StockItem | None) -> Resolved:
    """Thresholds for what a station saw of an item at a place."""
    return Levels(ctx, station).resolved(place.kind if place else None, item.item_kind if item else None)


# asked and told -----------------------------------------------------------------------------------------------------


def read(ctx: Context, station: Station) -> dict[str, Any]:
    """Every level with what it says, what holds and where that comes from; the places; all decisions, newest first."""
    levels = Levels(ctx, station)
    cameras = _cameras(latest_config(ctx, station) or {})
    held = list(_places(ctx, station, list(cameras)))
    used_places = {place.kind for place, _ in held}
    used_items = {item.item_kind for _, item in held if item is not None}
    rows = [_row(ctx, levels, "station", "", is_used=True)]
    for scope, kinds, used in (
        ("location_kind", _PLACE_KINDS, used_places),
        ("item_kind", ENUMERATIONS["stock_item_kind"], used_items),
    ):
        rows += [_row(ctx, levels, scope, kind, is_used=kind in used) for kind in kinds]
    return {
        "has_camera": bool(cameras) or station.kind in {"cabinet_camera", "rack_camera"},
        "least": {name: str(LEAST[name]) for name in NAMES},
        "rows": rows,
        "places": [_held(ctx, levels, place, item) for place, item in held],
        "history": _history(ctx, station),
        "is_sent": not (levels or any("thresholds" in one for one in cameras.values()))
        or all(one.get("thresholds") == _document(ctx, station, levels, list(cameras)) for one in cameras.values()),
    }  # fmt: skip


def _row(ctx: Context, levels: Levels, scope: str, kind: str, *, is_used: bool) -> dict[str, Any]:
    own = levels.at(scope, kind)
    held = levels.resolved(kind if scope == "location_kind" else None, kind if scope == "item_kind" else None)
    return {
        "scope": scope,
        "kind": kind,
        "label": _label(ctx, scope, kind),
        "is_used": is_used,
        **{
            name: _shown(ctx, getattr(held, name)) | {"own": jsonable(getattr(own, name)) if own else None}
            for name in NAMES
        },
    }


def _held(ctx: Context, levels: Levels, place: StorageLocation, item: StockItem | None) -> dict[str, Any]:
    found = levels.resolved(place.kind, item.item_kind if item else None)
    return {
        "place_id": place.id,
        "place": place.code,
        "item": item.code if item else None,
        **{name: _shown(ctx, getattr(found, name)) for name in NAMES},
    }


def _shown(ctx: Context, limit: Limit) -> dict[str, Any]:
    return {"value": jsonable(limit.value), "from": _label(ctx, limit.scope, limit.kind)}


def _label(ctx: Context, scope: str, kind: str) -> str:
    if scope in {"shop", "station"}:
        return t(f"threshold.{scope}", ctx.locale)
    enumeration = "storage_location_kind" if scope == "location_kind" else "stock_item_kind"
    name = first_text([f"enum.{enumeration}.{kind}", f"enum.{kind}"], ctx.locale)
    return t(f"threshold.{scope}", ctx.locale, kind=name)


def _history(ctx: Context, station: Station) -> list[dict[str, Any]]:
    query = (
        select(VisionThreshold, UserAccount)
        .outerjoin(UserAccount, UserAccount.id == VisionThreshold.decided_by_id)
        .where(VisionThreshold.station_id == station.id)
        .order_by(VisionThreshold.id.desc())
        .limit(_HISTORY)
    )
    return [
        {
            "at": jsonable(row.created_at),
            "by": f"{person.first_name} {person.last_name}" if person is not None else None,
            "level": _label(ctx, row.scope, row.kind),
            "auto_pct": jsonable(row.auto_pct),
            "review_pct": jsonable(row.review_pct),
            "reason": row.reason,
        }
        for row, person in ctx.session.execute(query)
    ]


def change(ctx: Context, station: Station, params: ThresholdParams) -> dict[str, Any]:
    """Keep what was decided and tell the station.

    Raises:
        BusinessError: ``vision.thresholds_refused`` with each refused field: below the safe minimum, above 100 %, or a threshold of
            automatic posting under the one of review; ``vision.thresholds_same`` when nothing changes.
    """
    levels = Levels(ctx, station)
    errors = [error for number, one in enumerate(params.changes) for error in _refused(number, one)]
    changed = []
    for one in params.changes:
        before = levels.at(one.scope, one.kind)
        old = (before.auto_pct, before.review_pct) if before else (None, None)
        if old != (one.auto_pct, one.review_pct):
            changed.append(one)
            levels.put(one)
    if not errors and any(crosses(chain) for chain in levels.chains()):
        place = next(
            (n for n, one in enumerate(params.changes) if any(_says(one, c) for c in levels.chains())), 0
        )
        errors.append(FieldError(f"changes.{place}.review_pct", "vision.threshold_crossed"))
    if errors:
        raise BusinessError("vision.thresholds_refused", errors=errors)
    if not changed:
        raise BusinessError("vision.thresholds_same", station=station.name)
    for one in changed:
        ctx.add(
            VisionThreshold(
                station_id=station.id, scope=one.scope, kind=one.kind, auto_pct=one.auto_pct, review_pct=one.review_pct,
                reason=params.reason.strip(), decided_by_id=ctx.principal.user_id,
            )
        )  # fmt: skip
    ctx.session.flush()
    return {"changed": len(changed), "version_no": send(ctx, station)}


def _says(wanted: Wanted, chain: list[Level]) -> bool:
    return crosses(chain) and any((one.scope, one.kind) == (wanted.scope, wanted.kind) for one in chain)


def _refused(number: int, wanted: Wanted) -> Iterator[FieldError]:
    kinds = {
        "station": ("",),
        "location_kind": ENUMERATIONS["storage_location_kind"],
        "item_kind": ENUMERATIONS["stock_item_kind"],
    }[wanted.scope]
    if wanted.kind not in kinds:
        yield FieldError(f"changes.{number}.kind", "vision.threshold_kind")
    for name in NAMES:
        code = refusal(name, getattr(wanted, name))
        if code is not None:
            yield FieldError(f"changes.{number}.{name}", code, {"least": LEAST[name]})


# the station --------------------------------------------------------------------------------------------------------


def send(ctx: Context, station: Station) -> int | None:
    """Next signed configuration with the thresholds that hold now; ``None`` where the station has them or has no cabinet camera."""
    config = copy.deepcopy(latest_config(ctx, station) or {})
    cameras = _cameras(config)
    levels = Levels(ctx, station)
    document = _document(ctx, station, levels, list(cameras))
    if all(one.get("thresholds") == document for one in cameras.values()):
        return None
    for one in cameras.values():
        one["thresholds"] = document
    return int(set_config(ctx, station, ConfigParams(config=config))["version_no"])


def send_all(ctx: Context) -> None:
    """Recurring job: a changed setting of the shop, kind of an item or place reaches the stations it concerns."""
    used = select(VisionThreshold.id).where(VisionThreshold.station_id == Station.id).exists()
    query = select(Station).where(
        Station.archived_at.is_(None), Station.is_revoked.is_(False), Station.is_quarantined.is_(False)
    )
    for station in ctx.session.scalars(query.order_by(Station.id)):
        told = any("thresholds" in one for one in _cameras(latest_config(ctx, station) or {}).values())
        if told or ctx.session.scalar(select(used.where(Station.id == station.id))):
            send(ctx, station)


def _document(ctx: Context, station: Station, levels: Levels, cameras: list[str]) -> dict[str, Any]:
    """Thresholds as a station takes them: its own, and those of places and items that have others."""
    own = _limits(levels.resolved())
    places: dict[str, Any] = {}
    for place, item in _places(ctx, station, cameras):
        at_place = _limits(levels.resolved(place.kind))
        if at_place != own:
            places[place.code] = at_place
        if item is not None:
            of_item = _limits(levels.resolved(place.kind, item.item_kind))
            if of_item != at_place:
                places[f"{place.code}/{item.code}"] = of_item
    return {**own, "places": places}


def _limits(found: Resolved) -> dict[str, float]:
    return {name: float(getattr(found, name).value) for name in NAMES}


def _places(
    ctx: Context, station: Station, cameras: list[str]
) -> Iterator[tuple[StorageLocation, StockItem | None]]:
    """Places a station's cameras look at, with the items that have their place there."""
    names = [station.code, *(f"{station.code}/{name}" for name in cameras)]
    query = (
        select(StorageLocation, StockItem)
        .outerjoin(
            LocationItem,
            (LocationItem.storage_location_id == StorageLocation.id) & LocationItem.archived_at.is_(None),
        )
        .outerjoin(StockItem, StockItem.id == LocationItem.stock_item_id)
        .where(StorageLocation.camera.in_(names), StorageLocation.archived_at.is_(None))
        .order_by(StorageLocation.code, StockItem.code)
    )
    yield from ctx.session.execute(query).tuples()


def _cameras(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    drivers = config.get("drivers")
    found = drivers.items() if isinstance(drivers, dict) else ()
    return {name: one for name, one in found if isinstance(one, dict) and one.get("type") == _CAMERA}
