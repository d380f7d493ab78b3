"""The published JSON form of a line and its operations (INTERFACES, ``usinage quote compute``)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from coordinator.modules.quoting.engine import costing
from coordinator.modules.quoting.engine.cutting import Cut
from coordinator.modules.quoting.engine.routes import Phase
from coordinator.modules.quoting.engine.times import RunTime
from coordinator.modules.quoting.engine.values import Value

if TYPE_CHECKING:
    from coordinator.modules.quoting.engine.blank import Blank
    from coordinator.modules.quoting.engine.line import LineResult
    from coordinator.modules.quoting.engine.scenarios import LinePrice

_CUT_VALUES = (
    "vc_m_min",
    "n_rev_min",
    "feed",
    "feed_mm_min",
    "ap_mm",
    "ae_mm",
    "power_kw",
    "torque_nm",
    "cut_min",
)
_DIGITS = {"n_rev_min": 0, "feed_mm_min": 1, "vc_m_min": 1, "ap_mm": 3, "ae_mm": 3, "power_kw": 2}


def line_json(line: LineResult, price: LinePrice | None) -> dict[str, Any]:
    """One line with blank, operations, gaps, costs, alternatives."""
    costed = line.options[0] if line.options else None
    return {
        "file": line.part.file,
        "part_name": line.part.name,
        "drawing_number": line.part.drawing_number,
        "material": line.material.name,
        "iso513_group": line.material.group.code if line.material.group else None,
        "quantity": line.part.quantity,
        "feasibility": line.feasibility,
        "blank": _blank(line),
        "operations": operations(line),
        "resource_gaps": [g.to_json() for g in line.gaps],
        "unit_cost": None if price is None else float(price.unit_cost),
        "unit_price": None if price is None else float(price.unit_price),
        "price_explanation": price.explanation.to_json() if price and price.explanation else None,
        "warnings": list(line.warnings),
        "cost_breakdown": [c.to_json() for c in costed.lines] if costed else [],
        "time_safety_pct": line.safety_pct,
        "complexity": costed.complexity if costed else None,
        "alternatives": [
            {
                "route": o.route.key,
                "machines": list(o.route.machines()),
                "unit_cost": float((o.total / line.part.quantity).quantize(costing.UNIT)),
                "machining_min": round(o.route.machining_min(line.part.quantity), 1),
            }
            for o in line.options[1:4]
        ],
        "rejected_machines": dict(sorted(line.rejected.items())),
        "price_breaks": _breaks(line),
        "error": None if line.error is None else {"code": line.error.code, "message": line.error.message},
    }


def _breaks(line: LineResult) -> list[dict[str, Any]]:
    """Other quantities: the standard scenario's figures, and those of every scenario."""
    found: dict[int, dict[str, Any]] = {}
    for b in line.price_breaks:
        own = {"unit_cost": float(b.unit_cost), "unit_price": float(b.unit_price)}
        row = found.setdefault(b.quantity, {"quantity": b.quantity, **own, "scenarios": {}})
        row["scenarios"][b.kind] = own
    return list(found.values())


def _blank(line: LineResult) -> dict[str, Any] | None:
    route = line.route
    if route is None:
        return None
    blank = route.blank
    return {
        "shape": blank.shape,
        "label": blank.label,
        "size_mm": list(blank.size_mm),
        "stock_size": _stock_size(blank),
        "mass_kg": round(blank.mass_kg, 3),
        "source": blank.source_text(),
        "cost": float(costing.money(blank.cost)),
        "bar_fed": blank.bar_fed,
        "per_bar": blank.per_bar,
        "leftovers": blank.leftovers(),
        "plate_plan": blank.plan.words() if blank.plan else None,
        "delay_days": blank.delay_days,
        "explanation": blank.explanation.to_json(),
    }


def _stock_size(blank: Blank) -> dict[str, Any] | None:
    """Section and cut length in the columns of the stock, for the saw's order."""
    section = blank.section
    if section is None:
        return None
    is_round = section.shape in ("round", "hex") or (section.shape == "tube" and section.height_mm is None)
    return {
        "shape": section.shape,
        "diameter_mm": section.width_mm if is_round else None,
        "width_mm": None if is_round else section.width_mm,
        "height_mm": None if is_round else section.height_mm or section.width_mm,
        "wall_mm": section.wall_mm or None,
        "cut_length_mm": blank.length_mm,
    }


def operations(line: LineResult) -> list[dict[str, Any]]:
    """All operations in working order, numbered 10, 20, …; ``phase_no`` groups those of one clamping."""
    route = line.route
    if route is None:
        return []
    costs = line.options[0].phase_costs if line.options else None
    found: list[dict[str, Any]] = []
    for index, phase in enumerate(route.phases):
        own = costs[index] if costs else None
        found += _phase(phase, (index + 1) * 10, own, line)
    if line.options:
        _open_costs(found, line)
    for index, operation in enumerate(found):
        operation["sequence_no"] = (index + 1) * 10
    return found


def _open_costs(operations: list[dict[str, Any]], line: LineResult) -> None:
    """Every operation's cost opens its minutes, rate and set-up; what is left is tool wear (or a subcontracted price)."""
    costed, quantity = line.options[0], line.part.quantity
    for o in operations:
        phase = o["phase_no"] // 10 - 1
        rate, setup = float(costed.rates[phase]), float(costed.setup_costs[phase]) if o["setup_min"] else 0.0
        if not rate or o["cost"] is None:
            continue
        rest = o["cost"] - setup - quantity * (o["run_min"] + o["loading_min"]) * rate / 60
        batch = o.get("batch_min", 0.0)
        share = min(max(rest / (batch * rate / 60), 0.0), 1.0) if batch else 0.0
        wear = 0.0 if batch else max(rest, 0.0)
        inputs: dict[str, float | str] = {
            "quantité": float(quantity), "temps min": o["run_min"], "chargement min": o["loading_min"],
            "par livraison min": batch, "part de la livraison": share, "taux €/h": rate, "réglage €": setup, "usure d'outil €": wear,
        }  # fmt: skip
        text = "réglage + (quantité × (temps + chargement) + par livraison × part) × taux/60 + usure"
        o["sources"]["cost"] = Value(o["cost"], "€", text, inputs, "grille tarifaire").to_json()


def _phase(
    phase: Phase, phase_no: int, costs: tuple[Decimal, ...] | None, line: LineResult
) -> list[dict[str, Any]]:
    if not phase.cuts:
        return [_plain(phase, phase_no, costs[0] if costs else None)]
    return [
        _cut(phase, phase_no, i, cut, run, costs[i] if costs else None, line.safety_pct)
        for i, (cut, run) in enumerate(zip(phase.cuts, phase.runs, strict=True))
    ]


def _common(phase: Phase, phase_no: int, cost: Decimal | None) -> dict[str, Any]:
    return {
        "sequence_no": 0,
        "phase_no": phase_no,
        "phase": phase.label,
        "operation_type": phase.operation_type,
        "label": phase.label,
        "workholding": phase.workholding,
        "parts_per_clamping": phase.parts,
        "machine": phase.machine.code if phase.machine else None,
        "machine_name": phase.machine.name if phase.machine else None,
        "tool": None,
        "tool_name": None,
        "tool_origin": None,
        "passes": None,
        **dict.fromkeys(_CUT_VALUES),
        "run_min": None,
        "loading_min": 0.0,
        "setup_min": 0.0,
        "cost": None if cost is None else float(costing.money(cost)),
        "subcontracted": bool(phase.external),
        "sources": {},
    }


def _plain(phase: Phase, phase_no: int, cost: Decimal | None) -> dict[str, Any]:
    found = _common(phase, phase_no, cost)
    found["run_min"] = round(phase.run_min, 3)
    found["cut_min"] = round(phase.run_min, 3) if phase.operation_type in ("cutting", "grinding") else 0.0
    found["setup_min"] = round(phase.setup.value, 2)
    found["batch_min"] = phase.per_batch_min
    found["sources"] = {"setup_min": phase.setup.to_json()}
    if phase.manual_run is not None:
        found["sources"]["run_min"] = phase.manual_run.to_json()
    return found


def _cut(
    phase: Phase, phase_no: int, index: int, cut: Cut, run: RunTime, cost: Decimal | None, safety_pct: float
) -> dict[str, Any]:
    found = _common(phase, phase_no, cost)
    values: dict[str, Value] = {n: v for n in _CUT_VALUES if (v := getattr(cut, n)) is not None}
    found.update({n: round(float(v.value), _DIGITS.get(n, 4)) for n, v in values.items()})
    found["operation_type"] = cut.operation_type
    found["label"] = cut.label
    found["passes"] = cut.passes
    if cut.choice is not None:
        found["tool"] = cut.choice.tool.code
        found["tool_name"] = cut.choice.tool.name
        found["tool_origin"] = cut.choice.origin
    values["run_min"] = run.value(safety_pct)
    found["run_min"] = round(run.run_min, 4)
    if index == 0:
        values["setup_min"] = phase.setup
        if phase.loading is not None:
            values["loading_min"] = phase.loading
        found["setup_min"] = round(phase.setup.value, 2)
        found["loading_min"] = phase.loading_min
    found["sources"] = {n: v.to_json() for n, v in values.items()}
    return found
