"""What a route tells a person besides its figures: limits nobody gave, places asked for in vain, tubes worth asking for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from coordinator.modules.quoting.engine import bars
from coordinator.modules.quoting.engine import blank as raw
from coordinator.modules.quoting.engine.values import number, size

if TYPE_CHECKING:
    from coordinator.modules.quoting.engine.routes import Job, Phase

_TUBE_FROM_RATIO, _TUBE_FROM_MM = 0.6, 40.0


def fewer_places(job: Job, machining: Sequence[Phase]) -> tuple[str, ...]:
    """What a person asked for per clamping and the travels do not allow."""
    asked = min(job.part.parts_per_clamping or 1, job.part.quantity)
    return tuple(
        f"{asked} pièces par bridage demandées, {p.parts} possible(s) dans les courses de {p.machine.code}."
        for p in machining
        if p.machine and p.operation_type == "milling" and p.parts < asked
    )


def unknown_drives(machining: Sequence[Phase]) -> tuple[str, ...]:
    """Lathes that mill without anybody having said what their driven tools can do."""
    found = []
    for phase in machining:
        m = phase.machine
        lacking = (
            m.unknown_of_driven_tools() if m and m.can_turn and any(c.is_live for c in phase.cuts) else ()
        )
        if m and lacking:
            found.append(
                f"{m.code} : {', '.join(lacking)} des outils tournants non renseigné(s), limites de la broche prises à la place ; "
                "à compléter sur la fiche machine."
            )
    return tuple(dict.fromkeys(found))


def tube_hint(job: Job, wish: bars.Wish, blank: raw.Blank) -> tuple[str, ...]:
    """A ring bored out of a solid bar is told where no tube could be priced: the buyer may find one, or a forged ring."""
    part = job.part
    if wish.shape == "tube" or any(
        w.shape == "tube" for w in bars.turned_wishes(part, job.material, job.shop)
    ):
        return ()
    through = [f for f in part.features if f.type in ("hole", "bore") and f.is_coaxial and f.through]
    bore = max((f.diameter_mm or 0.0 for f in through if len(f.steps) < 2), default=0.0)
    largest = part.max_diameter_mm
    if largest < _TUBE_FROM_MM or bore < _TUBE_FROM_RATIO * largest:
        return ()
    lost = blank.mass_kg * (bore / blank.diameter_mm) ** 2
    text = f"Alésage Ø{size(bore)} pris dans la masse : {number(lost, 1)} kg en copeaux par pièce ; tube ou couronne à consulter."
    return (text,)
