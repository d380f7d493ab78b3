"""Manual mode (QUO-07): typed operations through the same costing; every typed value is marked ``manual``."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from coordinator.modules.quoting.engine import bars
from coordinator.modules.quoting.engine import blank as raw
from coordinator.modules.quoting.engine.other_operations import NO_SETUP
from coordinator.modules.quoting.engine.part import ManualLine, ManualOperation
from coordinator.modules.quoting.engine.routes import NO_MACHINE, Job, Phase, Route
from coordinator.modules.quoting.engine.shop import Machine
from coordinator.modules.quoting.engine.values import QuotingError, Value

SOURCE = "manual"
_TYPES = {
    "cutting": ("saw",),
    "turning": ("lathe", "mill_turn"),
    "milling": ("machining_centre", "mill"),
    "drilling": ("machining_centre", "mill"),
    "grinding": ("grinder",),
    "edm": ("edm",),
    "welding": ("welding",),
    "bending": ("press",),
    "inspection": ("inspection",),
}


def route(job: Job, line: ManualLine) -> Route:
    """The typed operations as a route. Raises with a French message for an empty list or a bad value (QUO-47)."""
    if not line.operations:
        raise QuotingError("operations_empty", "La liste des opérations est vide.", "operations")
    phases = tuple(_phase(job, operation) for operation in line.operations)
    return Route("manuel", _blank(job, line), phases)


def _phase(job: Job, operation: ManualOperation) -> Phase:
    if operation.run_min < 0 or operation.setup_min < 0:
        raise QuotingError("time_negative", "Les temps doivent être positifs.", "operations.run_min")
    run = Value(operation.run_min, "min", "valeur saisie", {}, SOURCE)
    setup = (
        Value(operation.setup_min, "min", "valeur saisie", {}, SOURCE) if operation.setup_min else NO_SETUP
    )
    label = operation.label or operation.operation_type
    return Phase(operation.operation_type, label, _machine(job, operation), setup, manual_run=run)


def _machine(job: Job, operation: ManualOperation) -> Machine | None:
    if operation.machine:
        found = next((m for m in job.shop.usable() if m.code == operation.machine), None)
        if found is None:
            message = f"Machine « {operation.machine} » inconnue ou réformée. {NO_MACHINE}"
            raise QuotingError("no_machine", message, "operations.machine")
        return found
    types = _TYPES.get(operation.operation_type, ())
    return next((m for m in job.shop.usable() if m.machine_type in types), None)


def _blank(job: Job, line: ManualLine) -> raw.Blank:
    """Typed material cost, else the computed blank where size and material are known."""
    if line.material_cost_per_piece is not None:
        try:
            cost = Decimal(line.material_cost_per_piece.replace(",", "."))
        except InvalidOperation:
            cost = Decimal(-1)
        if cost < 0:
            raise QuotingError("cost_invalid", "Coût matière non valable.", "material_cost_per_piece")
        typed = Value(float(cost), "€", "valeur saisie", {}, SOURCE)
        return raw.Blank("blank", (), 0.0, (), cost, 0.0, False, 0.0, 1, typed)
    if job.material.group is None or (job.part.size_mm is None and job.part.turned_profile is None):
        message = "Coût matière à saisir : matière ou dimensions inconnues."
        raise QuotingError("material_cost_missing", message, "material_cost_per_piece")
    if job.part.is_turned:
        return bars.round_blank(job.part, job.material, job.shop, job.on, bar_fed=False)
    return bars.prismatic_blank(job.part, job.material, job.shop, job.on)
