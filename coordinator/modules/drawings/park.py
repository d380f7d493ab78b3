"""A part against the machines and tools of the workshop: feasibility, suggestions, what is missing (DRW-24, DRW-29, DRW-30)."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.modules.catalogue.api import Tool
from coordinator.modules.company import api as company
from coordinator.modules.drawings import api, park_rules, tool_needs
from coordinator.modules.drawings.models import DrawingAnalysis
from coordinator.modules.machines import api as machines
from coordinator.modules.stock import api as stock

_TURNED = frozenset({"turning"})
_OUT_OF_SERVICE = frozenset({"breakdown", "maintenance", "retired"})


def check(ctx: Context, analysis: DrawingAnalysis, _params: Any = None) -> dict[str, Any]:
    """Compare the part as reviewed with the park as it is now, and keep the answer on the analysis."""
    description = api.description(ctx, analysis)
    mass = None if analysis.mass_kg is None else float(analysis.mass_kg)
    facts = park_rules.facts_of(description, mass)
    trades = company.operation_types(ctx)
    fits = [
        park_rules.fit_process(
            process, sure, facts, _machines(ctx, process, facts),
            own_trade=trades is None or process in trades,
        )
        for process, sure in facts.processes
    ]  # fmt: skip
    needs = tool_needs.needs_of(description)
    tool_needs.answer(needs, _tools(ctx) if needs else [])
    result = park_rules.overall(fits, is_sized=facts.is_sized)
    report = {
        "result": result,
        "checked_at": ctx.now.isoformat(),
        "reasons": _reasons(fits, facts),
        "processes": [asdict(fit) | {"label": park_rules.process_name(fit.process)} for fit in fits],
        "tools": [_need(need) for need in needs],
        "missing": _missing(fits, needs),
    }
    analysis.feasibility, analysis.feasibility_report = result, report
    return report


def _reasons(fits: list[park_rules.ProcessFit], facts: park_rules.PartFacts) -> list[str]:
    if not facts.processes:
        return ["Procédé inconnu : rien sur le plan ne dit comment la pièce est faite."]
    if not facts.is_sized:
        return ["Encombrement inconnu : renseignez-le pour comparer avec les machines."]
    return [reason for fit in fits for reason in fit.reasons]


def _machines(ctx: Context, process: str, facts: park_rules.PartFacts) -> list[park_rules.MachineFacts]:
    found = []
    for machine, misfits in machines.capable_machines(ctx, process, _need_of(process, facts)):
        extra = machine.extra if isinstance(machine.extra, dict) else {}
        found.append(
            park_rules.MachineFacts(
                machine.id, machine.code, machine.name, machine.status not in _OUT_OF_SERVICE, tuple(misfits),
                extra.get("max_turning_length_mm"), extra.get("attainable_it"), extra.get("attainable_ra_um"),
            )
        )  # fmt: skip
    return found


def _need_of(process: str, facts: park_rules.PartFacts) -> machines.PartNeed:
    """A lathe is judged by diameter and mass, every other machine by the sides of the part."""
    mass = _decimal(facts.mass_kg)
    if process in _TURNED:
        return machines.PartNeed(diameter_mm=_decimal(facts.turned_diameter_mm), mass_kg=mass)
    sides = [*map(_decimal, facts.size_mm), None, None, None][:3]
    axes = facts.axis_count if process == "milling" else None
    return machines.PartNeed(sides[0], sides[1], sides[2], mass_kg=mass, axis_count=axes)


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(round(value, 3)))


def _tools(ctx: Context) -> list[tool_needs.ToolFacts]:
    """Tools of the catalogue with what is on hand, in two statements."""
    held = dict(
        ctx.session.execute(
            select(stock.StockBalance.stock_item_id, func.sum(stock.StockBalance.quantity)).group_by(
                stock.StockBalance.stock_item_id
            )
        )
        .tuples()
        .all()
    )
    query = select(Tool).where(Tool.archived_at.is_(None), Tool.is_active).order_by(Tool.code)
    return [
        tool_needs.ToolFacts(
            tool.id, tool.code, tool.name, tool.tool_type, _float(tool.diameter_mm), _float(tool.cutting_length_mm),
            _float(tool.thread_pitch_mm), float(held.get(tool.id) or 0),
        )
        for tool in ctx.session.scalars(query)
    ]  # fmt: skip


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _need(need: tool_needs.ToolNeed) -> dict[str, Any]:
    return {
        "label": need.label,
        "count": need.count,
        "state": need.state,
        "tools": [{"id": t.id, "code": t.code, "name": t.name, "on_hand": t.on_hand} for t in need.tools],
    }


def _missing(fits: list[park_rules.ProcessFit], needs: list[tool_needs.ToolNeed]) -> list[dict[str, Any]]:
    """Critical resources: processes without a machine, tools that are not there."""
    lacking = [
        {"kind": "machine", "label": park_rules.process_name(fit.process), "reason": fit.reasons[0]}
        for fit in fits
        if fit.result == "subcontract" and fit.confidence >= park_rules.SURE_PROCESS
    ]
    words = {"missing": "aucun outil de l'atelier ne convient", "out_of_stock": "outil connu, aucun en stock"}
    lacking += [
        {"kind": "tool", "label": need.label, "reason": words[need.state]}
        for need in needs
        if need.state in words
    ]
    return lacking
