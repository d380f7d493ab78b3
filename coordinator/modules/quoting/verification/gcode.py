"""ISO 6983 programs of the quoted operations: one program per clamping, passes laid out from geometry and conditions.

The writer takes from an operation only what a programmer takes from a method sheet (tool, n or Vc, feed, ap, ae) and
the shape; it knows nothing of the time formulas. ``G7``/``G8`` switch X between diameter and radius.
"""

from __future__ import annotations

from collections.abc import Callable

from coordinator.modules.quoting.engine.cutting import Cut
from coordinator.modules.quoting.engine.part import PartDescription
from coordinator.modules.quoting.engine.routes import Phase, Route
from coordinator.modules.quoting.verification import gcode_holes, gcode_milling, gcode_turning
from coordinator.modules.quoting.verification.writer import Program

_BAR_FEED_S, _TRANSFER_S, _PICK_UP_RPM = 4.0, 4.0, 1000
_PLACE_GAP_MM = 20.0
_TURNING: dict[str, Callable[[Program, Cut], None]] = {
    "face_turning": gcode_turning.face,
    "bands": gcode_turning.bands,
    "contour": gcode_turning.contour,
    "groove": gcode_turning.groove,
    "thread": gcode_turning.thread,
    "parting": gcode_turning.parting,
}
_MILLING: dict[str, Callable[[Program, Cut], None]] = {
    "plane": gcode_milling.plane,
    "walls": gcode_milling.walls,
    "volume": gcode_milling.volume,
    "slot": gcode_milling.slot,
    "edges": gcode_milling.walls,
    "drilling": gcode_holes.drilling,
    "plunge": gcode_holes.plunge,
    "reaming": gcode_holes.reaming,
    "boring": gcode_holes.boring,
    "tapping": gcode_holes.tapping,
    "thread_milling": gcode_holes.thread_milling,
    "strokes": gcode_holes.strokes,
    "sawing": gcode_milling.sawing,
}


def programs(route: Route, part: PartDescription) -> list[tuple[Phase, str]]:
    """One program per machining phase of a route."""
    phases = [phase for phase in route.phases if phase.cuts]
    return [(p, write(p, part, bar_fed=route.blank.bar_fed and i == 0)) for i, p in enumerate(phases)]


def write(phase: Phase, part: PartDescription, *, bar_fed: bool = False) -> str:
    """Program of one clamping.

    Raises:
        ValueError: an operation carries no shape, so that nothing can be programmed.
    """
    lathe = phase.machine is not None and phase.machine.can_turn
    limit = phase.machine.max_spindle_rpm if phase.machine else None
    plan = sorted(part.size_mm or (50.0, 50.0, 50.0), reverse=True)
    across = part.max_diameter_mm if lathe else plan[0]
    program = Program(phase.label, lathe, across, part.length_mm if lathe else plan[1], limit or 0.0)
    if bar_fed:
        program.add(f"G4 P{_BAR_FEED_S} (avance barre)")
    if phase.parts > 1:
        _side_by_side(program, phase)
        return program.text()
    twin = lathe and phase.machine is not None and phase.machine.has_sub_spindle
    side = phase.cuts[0].feature[:1]
    for cut in phase.cuts:
        if cut.shape is None:
            raise ValueError(f"operation without geometry: {cut.label}")
        if twin and cut.shape.kind == "parting":
            _pick_up(program)
            twin = False
        if cut.feature[:1] != side and twin:
            _pick_up(program)
            twin = False
        _operation(program, cut, cut.shape.kind)
    return program.text()


def _side_by_side(program: Program, phase: Phase) -> None:
    """Several parts in one clamping: each tool does all of them before the next is called."""
    groups: list[list[Cut]] = []
    for cut in phase.cuts:
        same = groups and _code(groups[-1][-1]) == _code(cut)
        groups[-1].append(cut) if same else groups.append([cut])
    for group in groups:
        for place in range(phase.parts):
            program.add(f"G52 X{place * (program.across_mm + _PLACE_GAP_MM):.1f} Y0")
            for cut in group:
                if cut.shape is None:
                    raise ValueError(f"operation without geometry: {cut.label}")
                _operation(program, cut, cut.shape.kind)
    program.add("G52 X0 Y0")


def _code(cut: Cut) -> str:
    return cut.choice.tool.code if cut.choice else "?"


def _pick_up(program: Program) -> None:
    """The counter-spindle takes the piece with both spindles turning together, slowly."""
    program.add(f"G97 S{_PICK_UP_RPM} M3 (synchronisation)")
    program.add(f"G4 P{_TRANSFER_S} (prise en contre-broche)")


def _operation(program: Program, cut: Cut, kind: str) -> None:
    program.tool(_code(cut), cut.label)
    if kind in _TURNING:
        _TURNING[kind](program, cut)
    else:
        program.milling_mode()
        _MILLING[kind](program, cut)
