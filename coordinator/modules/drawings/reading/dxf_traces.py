"""Small polylines of a DXF sheet with their arcs, dashed lines and leaders: what welding symbols are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import ezdxf.path

from coordinator.modules.drawings.reading.page import Trace

MAX_TRACES = 20_000
CHORD_SHARE = 0.002
_DASHES = ("dash", "hidden", "strich", "interrompu", "cach", "iso02", "tiret")
_KINDS = ("LINE", "LWPOLYLINE", "POLYLINE", "ARC", "CIRCLE", "ELLIPSE", "SPLINE")


def read_traces(entities: Sequence[Any], left: float, top: float, limit: float) -> list[Trace]:
    """Traces no larger than ``limit`` drawing units, dashed lines and leaders of any size; origin top left, y down."""
    found: list[Trace] = []
    for entity in entities:
        if len(found) >= MAX_TRACES:
            break
        for points, filled, is_leader in _polylines(entity, CHORD_SHARE * limit):
            moved = tuple((float(x) - left, top - float(y)) for x, y in points)
            if len(moved) < 2:
                continue
            trace = Trace(moved, filled, _is_dashed(entity), is_leader)
            x0, y0, x1, y1 = trace.box
            if trace.dashed or is_leader or max(x1 - x0, y1 - y0) <= limit:
                found.append(trace)
    return found


def _polylines(entity: Any, sagitta: float) -> Iterator[tuple[list[tuple[float, float]], bool, bool]]:
    kind = entity.dxftype()
    if kind in _KINDS:
        path = ezdxf.path.make_path(entity)
        yield [(p.x, p.y) for p in path.flattening(max(sagitta, 1e-6), segments=4)], False, False
    elif kind in ("SOLID", "TRACE"):
        corners = [(p.x, p.y) for p in entity.wcs_vertices()]
        yield [*corners, corners[0]], True, False
    elif kind == "LEADER":
        yield [(p[0], p[1]) for p in entity.vertices], False, True
    elif kind == "MULTILEADER":
        for leader in entity.context.leaders:
            for line in leader.lines:
                last = [leader.last_leader_point] if leader.has_last_leader_line else []
                yield [(p.x, p.y) for p in [*line.vertices, *last]], False, True


def _is_dashed(entity: Any) -> bool:
    name = entity.dxf.get("linetype", "BYLAYER")
    if (
        name.upper() == "BYLAYER"
        and entity.doc is not None
        and entity.doc.layers.has_entry(entity.dxf.get("layer", "0"))
    ):
        name = entity.doc.layers.get(entity.dxf.layer).dxf.get("linetype", "Continuous")
    return any(part in name.lower() for part in _DASHES)
