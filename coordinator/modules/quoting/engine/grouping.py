"""Grouped batches of the economic scenario (QUO-34): set-up shared by lines that run one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from coordinator.modules.quoting.engine.costing import Costed
from coordinator.modules.quoting.engine.routes import Phase, Route


@dataclass(frozen=True, slots=True)
class Saving:
    """What a line need not set up because an earlier line left it ready, minutes and €."""

    minutes: float = 0.0
    amount: Decimal = Decimal(0)


def savings(chosen: Sequence[Costed | None], per_tool_min: float) -> list[Saving]:
    """Per line, in the order of the quote: tools already mounted for an earlier line on the same machine, and the saw kept as it is
    for the same blank. The first line pays its set-up in full."""
    mounted: set[tuple[str, str]] = set()
    sawn: set[tuple[str, str, tuple[float, ...]]] = set()
    found = []
    for costed in chosen:
        minutes, amount = 0.0, Decimal(0)
        if costed is not None:
            for phase, cost in zip(costed.route.phases, costed.setup_costs, strict=True):
                saved = _saved(costed.route, phase, mounted, sawn, per_tool_min)
                if saved and phase.setup.value:
                    minutes += saved
                    amount += cost * Decimal(repr(saved / phase.setup.value))
            _remember(costed.route, mounted, sawn)
        found.append(Saving(minutes, amount))
    return found


def _saved(
    route: Route,
    phase: Phase,
    mounted: set[tuple[str, str]],
    sawn: set[tuple[str, str, tuple[float, ...]]],
    per_tool_min: float,
) -> float:
    if phase.machine is None:
        return 0.0
    if phase.operation_type == "cutting":
        return phase.setup.value if _saw_key(route, phase) in sawn else 0.0
    own = {
        c.choice.tool.code
        for c in phase.cuts
        if c.choice and phase.machine.code not in c.choice.tool.mounted_in
    }
    shared = sum(1 for code in own if (phase.machine.code, code) in mounted)
    return min(per_tool_min * shared, phase.setup.value)


def _remember(
    route: Route, mounted: set[tuple[str, str]], sawn: set[tuple[str, str, tuple[float, ...]]]
) -> None:
    for phase in route.phases:
        if phase.machine is None:
            continue
        if phase.operation_type == "cutting":
            sawn.add(_saw_key(route, phase))
        mounted |= {(phase.machine.code, c.choice.tool.code) for c in phase.cuts if c.choice}


def _saw_key(route: Route, phase: Phase) -> tuple[str, str, tuple[float, ...]]:
    codes = ",".join(s.code for s in route.blank.sources)
    return phase.machine.code if phase.machine else "", codes, route.blank.size_mm
