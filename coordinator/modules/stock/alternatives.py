"""Which tools of the house can take over from a broken one, with cutting data that will not break them (STK-38)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.modules.catalogue import api as catalogue
from coordinator.modules.catalogue.api import CuttingData, Material, Tool
from coordinator.modules.catalogue.engine import tool_matching as matching
from coordinator.modules.machines import api as machines
from coordinator.modules.stock.engine import replacement
from coordinator.modules.stock.models import ToolIncident
from coordinator.modules.stock.models_tooling import ToolEquivalent, ToolIncidentOption
from coordinator.modules.stock.shop import OperationFacts
from coordinator.modules.stock.views import StockLevel

LIMIT = 6
_NAMES = ("vc_m_min", "fz_mm", "f_mm_rev", "ap_mm", "ae_mm")
_NOT_LISTED = Decimal(15)
_SHOWN = ("DC", "OAL", "APMX", "RE", "NOF", "TP", "SIG", "GRADE", "COATING")


def offer_of(tool: Tool) -> matching.Offer:
    """A tool of the catalogue as the matching sees it."""
    return matching.Offer(
        tool.id,
        tool.tool_type,
        catalogue.tool_properties(tool),
        matching.groups_of(tool.iso513_groups),
        tool.holder_interface,
        tool.iso1832_code,
    )


def wanted_of(tool: Tool, material: Material | None, depth_mm: float | None) -> matching.Wanted:
    """What must be found again when a tool is missing."""
    found = catalogue.tool_properties(tool)
    groups = matching.groups_of(tool.iso513_groups)
    if material is not None and material.iso513_group:
        groups = frozenset({material.iso513_group})
    return matching.Wanted(
        kind=tool.tool_type,
        diameter_mm=matching.number(found.get("DC")),
        depth_mm=depth_mm,
        corner_radius_mm=matching.number(found.get("RE")),
        pitch_mm=matching.number(found.get("TP")),
        groups=groups,
        holder=tool.holder_interface,
        length_mm=matching.number(found.get("OAL")),
        iso1832=tool.iso1832_code,
    )


def in_stock(ctx: Context, kinds: frozenset[str]) -> list[tuple[Tool, Decimal]]:
    """Usable tools of some kinds with the quantity free."""
    query = (
        select(Tool, StockLevel.available_qty)
        .join(StockLevel, StockLevel.id == Tool.id)
        .where(
            Tool.tool_type.in_(kinds),
            Tool.is_active,
            Tool.archived_at.is_(None),
            StockLevel.available_qty > 0,
        )
        .order_by(Tool.id)
    )
    return [(tool, Decimal(quantity)) for tool, quantity in ctx.session.execute(query)]


def kinds_for(kind: str) -> frozenset[str]:
    """The kind itself and those that may do its job."""
    return frozenset({kind}).union(*(family for family in matching.SAME_JOB if kind in family))


@dataclass(frozen=True)
class _Case:
    """A breakage and what is known around it."""

    incident: ToolIncident
    tool: Tool
    facts: OperationFacts | None
    material: Material | None
    base: replacement.Conditions | None
    cause: str


def propose(ctx: Context, incident: ToolIncident, facts: OperationFacts | None) -> list[ToolIncidentOption]:
    """Write the options of an incident, the best first; what was proposed and not decided before is replaced."""
    tool = ctx.get(Tool, incident.tool_id)
    material_id = None if facts is None else facts.part_material_id or facts.material_id
    material = ctx.session.get(Material, material_id) if material_id is not None else None
    base = _base(ctx, tool, material, facts)
    case = _Case(
        incident, tool, facts, material, base, replacement.cause_of(incident.cause or incident.comment)
    )
    _forget(ctx, incident)
    allowed = _equivalents(ctx, tool.id)
    listed = _listed(ctx, incident.machine_id)
    wanted = wanted_of(tool, material, facts.depth_mm if facts is not None else None)
    held = dict(in_stock(ctx, kinds_for(tool.tool_type)))
    matches = matching.find(wanted, [offer_of(one) for one in held])
    by_id = {one.id: (one, quantity) for one, quantity in held.items()}
    rows = []
    for match in matches:
        one, quantity = by_id[match.offer.key]
        rows.append(_option(ctx, case, one, quantity, match, allowed, listed))
    order = {"same": 0, "equivalent": 1, "alternative": 2}
    rows.sort(key=lambda r: (order[r.kind], r.needs_program, -r.score_pct, r.tool_id))
    kept = rows[:LIMIT]
    for rank, row in enumerate(kept, 1):
        row.rank = rank
        one = by_id[row.tool_id][0]
        row.label = f"{one.code} · {one.name}"
        ctx.add(row)
    return kept


def _forget(ctx: Context, incident: ToolIncident) -> None:
    query = select(ToolIncidentOption).where(
        ToolIncidentOption.tool_incident_id == incident.id, ToolIncidentOption.status == "proposed"
    )
    for row in ctx.session.scalars(query):
        ctx.session.delete(row)
    ctx.session.flush()


def _equivalents(ctx: Context, tool_id: int) -> set[int]:
    query = select(ToolEquivalent.equivalent_id).where(
        ToolEquivalent.tool_id == tool_id, ToolEquivalent.archived_at.is_(None)
    )
    return set(ctx.session.scalars(query))


def _listed(ctx: Context, machine_id: int | None) -> set[int]:
    return set(machines.compatible_tool_ids(ctx, machine_id)) if machine_id is not None else set()


def _base(
    ctx: Context, tool: Tool, material: Material | None, facts: OperationFacts | None
) -> replacement.Conditions | None:
    if material is None or facts is None:
        return None
    data = catalogue.cutting_data_for(
        ctx, tool_id=tool.id, material=material, operation_type=facts.operation_type
    )
    return conditions_of(data) if data is not None else None


def conditions_of(data: CuttingData) -> replacement.Conditions:
    """Cutting data as the engine reads them."""
    vc, fz, f, ap, ae = (_float(getattr(data, name)) for name in _NAMES)
    return replacement.Conditions(vc, fz, f, ap, ae)


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _body(tool: Tool) -> replacement.Body:
    found = catalogue.tool_properties(tool)
    return replacement.Body(
        matching.number(found.get("DC")), matching.number(found.get("OAL")), tool.teeth_count
    )


def _option(
    ctx: Context,
    case: _Case,
    tool: Tool,
    quantity: Decimal,
    match: matching.Match,
    allowed: set[int],
    listed: set[int],
) -> ToolIncidentOption:
    own = None
    if case.material is not None and case.facts is not None and tool.id != case.tool.id:
        own = _base(ctx, tool, case.material, case.facts)
    base = case.base or own
    is_same = tool.id == case.tool.id
    advice = replacement.advise(
        base or replacement.Conditions(),
        _body(case.tool),
        _body(tool),
        case.cause,
        repeated=case.incident.is_repeated,
    )
    kind = "same" if is_same else "equivalent" if tool.id in allowed else "alternative"
    score = Decimal(str(match.score_pct))
    words = list(advice.strategy)
    reasons = list(match.reasons)
    if listed and tool.id not in listed:
        score = max(Decimal(0), score - _NOT_LISTED)
        reasons.append("machine_not_listed")
    if _reach(tool) < _reach(case.tool):
        reasons.append("shorter_reach")
    if base is None:
        words.insert(0, "ask_cutting_data")
    return ToolIncidentOption(
        tool_incident_id=case.incident.id,
        tool_id=tool.id,
        kind=kind,
        score_pct=score,
        available_qty=quantity,
        passes=advice.conditions.passes,
        time_factor=Decimal(str(advice.time_factor)) if base is not None else Decimal(1),
        differences={"reasons": reasons, "properties": _differences(case.tool, tool)},
        strategy=words,
        needs_program=match.needs_program
        or ("shorter_reach" in reasons)
        or (advice.needs_program and base is not None),
        **{name: _decimal(getattr(advice.conditions, name)) for name in _NAMES},
    )


def _reach(tool: Tool) -> float:
    found = catalogue.tool_properties(tool)
    return matching.number(found.get("LU")) or matching.number(found.get("APMX")) or 0.0


def _differences(broken: Tool, new: Tool) -> list[dict[str, str]]:
    ours, theirs = catalogue.tool_properties(broken), catalogue.tool_properties(new)
    pairs = [(code, ours.get(code), theirs.get(code)) for code in _SHOWN]
    return [
        {"code": code, "before": str(a), "after": str(b)}
        for code, a, b in pairs
        if a is not None and b is not None and a != b
    ]


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def breakages(ctx: Context, incident: ToolIncident, days: int) -> int:
    """How often the tool broke lately, on whatever operation, this time included."""
    since = incident.occurred_at - dt.timedelta(days=days)
    query = select(func.count()).where(
        ToolIncident.tool_id == incident.tool_id,
        ToolIncident.status != "cancelled",
        ToolIncident.occurred_at > since,
    )
    return int(ctx.session.scalar(query) or 0)
