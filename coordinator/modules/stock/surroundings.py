"""Where a place is: level by level, from the workshop to the compartment, each with its neighbours (STK-16)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from coordinator.kernel import qr
from coordinator.kernel.context import Context
from coordinator.kernel.errors import NotFound
from coordinator.modules.stock import ledger
from coordinator.modules.stock.models import StorageLocation

_DEPTH = 8
_NEIGHBOURS = 200
_CORNERS = 3


def around(ctx: Context, code: str) -> dict[str, Any]:
    """The levels of a place (its code or the text of its label), the outermost first.

    Each level has what it lies in, and the places side by side with the one to go to marked. Where all of them have their
    position in the workshop, or are drawn in the picture of their camera, ``x`` and ``y`` say where (0…1, right and down).

    Raises:
        NotFound
    """
    row = qr.find(ctx, code) if code.startswith(qr.PREFIX) else None
    query = select(StorageLocation).where(StorageLocation.archived_at.is_(None))
    if row is not None and row.object_type == "storage_location":
        query = query.where(StorageLocation.id == row.object_id)
    else:
        query = query.where(StorageLocation.code == code)
    place = ctx.session.scalars(query).one_or_none()
    if place is None:
        raise NotFound
    way = [place]
    while way[0].parent_id is not None and len(way) < _DEPTH:
        outer = ctx.session.get(StorageLocation, way[0].parent_id)
        if outer is None or outer in way:
            break
        way.insert(0, outer)
    return {
        "code": place.code,
        "display": f"{place.code} · {place.name}",
        "levels": [_level(ctx, outer, inner) for outer, inner in zip([None, *way], way, strict=False)],
    }


def _level(ctx: Context, outer: StorageLocation | None, here: StorageLocation) -> dict[str, Any]:
    query = (
        select(StorageLocation)
        .where(
            StorageLocation.archived_at.is_(None),
            StorageLocation.code != ledger.NO_PLACE,
            StorageLocation.parent_id == here.parent_id
            if here.parent_id is not None
            else StorageLocation.parent_id.is_(None),
        )
        .order_by(StorageLocation.code)
        .limit(_NEIGHBOURS)
    )
    if outer is None:
        # What stands apart in the workshop is not mixed with single bins nobody put anywhere.
        query = query.where(StorageLocation.kind == here.kind)
    neighbours = list(ctx.session.scalars(query))
    if here not in neighbours:
        neighbours.append(here)
    spots = _spots(neighbours)
    return {
        "inside": f"{outer.code} · {outer.name}" if outer is not None else None,
        "cells": [
            {
                "code": one.code,
                "name": one.name,
                "is_here": one.id == here.id,
                "x": spots[one.id][0] if spots else None,
                "y": spots[one.id][1] if spots else None,
            }
            for one in neighbours
        ],
    }


def _spots(places: list[StorageLocation]) -> dict[int, tuple[float, float]]:
    """Middles of places within the rectangle around them all (0…1); empty unless each has its own."""
    for spot in (_on_floor, _in_picture):
        found = {place.id: spot(place) for place in places}
        points = [point for point in found.values() if point is not None]
        if len(points) < max(len(places), 2) or len(set(points)) < len(points):
            continue
        low = [min(point[axis] for point in points) for axis in (0, 1)]
        span = [max(point[axis] for point in points) - low[axis] for axis in (0, 1)]

        def share(
            point: tuple[float, float], axis: int, low: list[float] = low, span: list[float] = span
        ) -> float:
            return round((point[axis] - low[axis]) / span[axis], 3) if span[axis] else 0.5

        return {key: (share(point, 0), share(point, 1)) for key, point in found.items() if point is not None}
    return {}


def _on_floor(place: StorageLocation) -> tuple[float, float] | None:
    if place.pos_x_m is None or place.pos_y_m is None:
        return None
    return float(place.pos_x_m), -float(place.pos_y_m)  # metres count upwards, screens down


def _in_picture(place: StorageLocation) -> tuple[float, float] | None:
    corners = place.polygon
    if not isinstance(corners, list) or len(corners) < _CORNERS:
        return None
    try:
        points = [(float(x), float(y)) for x, y in corners]
    except (TypeError, ValueError):
        return None
    return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)
