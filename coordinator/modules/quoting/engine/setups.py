"""Set-ups from access directions (QUO-14) and the limits of a machine (QUO-15)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.modules.quoting.engine import tolerances as iso
from coordinator.modules.quoting.engine.blank import Blank
from coordinator.modules.quoting.engine.cutting import finish_passes
from coordinator.modules.quoting.engine.milled_shapes import ContourMilling, FaceMilling
from coordinator.modules.quoting.engine.part import PartDescription, Vector
from coordinator.modules.quoting.engine.process import Step, Work
from coordinator.modules.quoting.engine.settings import CuttingSettings
from coordinator.modules.quoting.engine.shop import Machine
from coordinator.modules.quoting.engine.values import number
from coordinator.modules.quoting.engine.values import size as mm

_AXES: tuple[Vector, ...] = (
    (0.0, 0.0, -1.0),
    (0.0, 0.0, 1.0),
    (0.0, -1.0, 0.0),
    (0.0, 1.0, 0.0),
    (-1.0, 0.0, 0.0),
    (1.0, 0.0, 0.0),
)
_FOUR_AXES, _FIVE_AXES = 4, 5
_SQUARE = 1e-3


@dataclass(frozen=True, slots=True)
class SetupPlan:
    """One clamping: the tool direction it is named after and the steps done in it."""

    label: str
    steps: tuple[Step, ...]


def prismatic_setups(
    part: PartDescription,
    works: Sequence[Work],
    blank: Blank,
    axis_count: int,
    rules: CuttingSettings,
) -> list[SetupPlan]:
    """Six faces and all works: main side first, opposite side second, then the sides left.

    A 5-axis machine reaches all but the clamped side at once; one with an indexing fourth axis the main side and the two
    sides it turns to, then the opposite side with the other two.
    """
    size, blank_mm = part.size_mm or (0.0, 0.0, 0.0), blank.size_mm
    up = _main_direction(works, size, rules.contour_max_height_mm)
    down = _opposite(up)
    normal = max(range(3), key=lambda i: abs(up[i]))
    sides = (blank_mm[0] - sorted(size, reverse=True)[0]) / 2 if len(blank_mm) == 3 else 0.0
    high = size[normal] > rules.contour_max_height_mm
    if blank.is_as_stock:
        return _ends_only(part, works, sides, up, down, axis_count, rules)
    if high and sides > 0:
        works = [*_squared(size, normal, sides, _general_passes(part, rules)), *works]
    groups = _group(works, up, down, _reach(works, up, axis_count))
    plane = sorted((size[i] for i in range(3) if i != normal), reverse=True)
    height = size[normal]
    passes = _general_passes(part, rules)
    # The vice grip stays under the part in the first set-up and is milled away in the second.
    spare = _spare(size, blank_mm, normal)
    top = min(1.0, spare / 2) if spare else 0.0
    first: list[Step] = []
    if top:
        first.append(FaceMilling(plane[0], plane[1], top, passes))
    if sides > 0 and not high:
        first.append(ContourMilling(2 * (plane[0] + plane[1]), height, sides, passes))
    plans = [SetupPlan("Face principale et contour", (*first, *_steps(groups.pop(up, []))))]
    second: list[Step] = []
    if spare - top > 0:
        second.append(FaceMilling(plane[0], plane[1], spare - top, passes, label="Surfaçage face opposée"))
    second += _steps(groups.pop(down, []))
    if second:
        plans.append(SetupPlan("Face opposée", tuple(second)))
    plans += [SetupPlan(f"Face {_name(d)}", tuple(_steps(g))) for d, g in sorted(groups.items())]
    return plans


def _ends_only(
    part: PartDescription,
    works: Sequence[Work],
    stock_mm: float,
    up: Vector,
    down: Vector,
    axis_count: int,
    rules: CuttingSettings,
) -> list[SetupPlan]:
    """A profile whose faces stay as drawn: what is cut into them, and its two ends squared where its length is toleranced."""
    size = part.size_mm or (0.0, 0.0, 0.0)
    along = max(range(3), key=lambda i: size[i])
    a, b = sorted((size[i] for i in range(3) if i != along), reverse=True)
    end = FaceMilling(a, b, stock_mm, _general_passes(part, rules), label="Dressage d'extrémité")
    tight = any(d.it and d.kind == "linear" and abs(d.nominal - size[along]) < 0.02 for d in part.dimensions)
    ends = [Work(end, (d,)) for d in _AXES if abs(d[along]) > 0.5] if tight else []
    groups = _group([*works, *ends], up, down, _reach([*works, *ends], up, axis_count))
    return [SetupPlan(f"Face {_name(d)}", tuple(_steps(g))) for d, g in sorted(groups.items()) if g]


def regrouped(plans: Sequence[SetupPlan], axis_count: int) -> list[SetupPlan]:
    """The set-ups left for a second machine: one with five axes reaches their sides in a single clamping."""
    if axis_count < _FIVE_AXES or len(plans) < 2:
        return list(plans)
    label = " et ".join(p.label[:1].lower() + p.label[1:] if i else p.label for i, p in enumerate(plans))
    return [SetupPlan(label, tuple(step for plan in plans for step in plan.steps))]


def _squared(size: Vector, normal: int, stock_mm: float, passes: int) -> list[Work]:
    """Side faces too high for a contour: each one is face-milled from its own side."""
    found = []
    for axis in (i for i in range(3) if i != normal):
        length, width = sorted((size[i] for i in range(3) if i != axis), reverse=True)
        face = FaceMilling(length, width, stock_mm, passes, label="Mise au carré")
        found += [Work(face, (d,)) for d in _AXES if abs(d[axis]) > 0.5]
    return found


def secondary_setups(
    works: Sequence[Work], axis_count: int, axis: Vector = (0.0, 0.0, 1.0)
) -> list[SetupPlan]:
    """Milling of a turned part: one set-up per direction on 3 axes, all around its axis on 4, up to five sides on 5."""
    if not works:
        return []
    up = _main_direction(works, (1.0, 1.0, 1.0), 1e9)
    reach = _reach(works, up, axis_count)
    if axis_count == _FOUR_AXES and abs(_dot(up, axis)) < _SQUARE:
        reach = Reach(up, axis, axis)
    groups = _group(works, up, _opposite(up), reach)
    return [
        SetupPlan(f"Fraisage {_name(d)}", tuple(_steps(g)))
        for d, g in sorted(groups.items(), key=lambda p: (p[0] != up, p[0]))
        if g
    ]


def _steps(works: Sequence[Work]) -> list[Step]:
    """Faces and shapes before holes, as at the machine."""
    return [w.step for w in sorted(works, key=lambda w: w.step.operation_type == "drilling")]


@dataclass(frozen=True, slots=True)
class Reach:
    """Directions served in the first and in the second clamping. An index axis serves all that is square to it."""

    up: Vector
    first_axis: Vector | None = None
    second_axis: Vector | None = None
    all_sides: bool = False

    def first(self, direction: Vector) -> bool:
        """Whether the tool gets there with the main side up."""
        if self.all_sides:
            return not _same(direction, _opposite(self.up))
        return _same(direction, self.up) or self._turned(direction, self.first_axis, _opposite(self.up))

    def second(self, direction: Vector) -> bool:
        """Whether it gets there with the opposite side up."""
        return _same(direction, _opposite(self.up)) or self._turned(direction, self.second_axis, self.up)

    @staticmethod
    def _turned(direction: Vector, axis: Vector | None, clamped: Vector) -> bool:
        return axis is not None and abs(_dot(direction, axis)) < _SQUARE and not _same(direction, clamped)


def _reach(works: Sequence[Work], up: Vector, axis_count: int) -> Reach:
    """What the axes of a machine serve; with four the index axis lies where most works are reached by turning."""
    if axis_count >= _FIVE_AXES:
        return Reach(up, all_sides=True)
    if axis_count != _FOUR_AXES:
        return Reach(up)
    across = [a for a in _AXES[::2] if abs(_dot(a, up)) < _SQUARE]

    def served(axis: Vector) -> int:
        return sum(any(Reach(up, axis).first(d) for d in w.directions) for w in works)

    first = max(across, key=lambda a: (served(a), -_AXES.index(a)))
    return Reach(up, first, next(a for a in across if a != first))


def _group(works: Sequence[Work], up: Vector, down: Vector, reach: Reach) -> dict[Vector, list[Work]]:
    """Works by clamping: those the first one reaches, those of the second, then one clamping per direction left."""
    groups: dict[Vector, list[Work]] = {up: []}
    for work in works:
        choices = work.directions or (up,)
        if any(_same(up, c) for c in choices):
            own = up
        elif any(_same(down, c) for c in choices):
            own = down
        elif any(reach.first(c) for c in choices):
            own = up
        elif any(reach.second(c) for c in choices):
            own = down
        else:
            own = next((d for d in groups if any(_same(d, c) for c in choices)), choices[0])
        groups.setdefault(own, []).append(work)
    return groups


def _main_direction(works: Sequence[Work], size: Vector, contour_mm: float) -> Vector:
    """The axis direction that serves most works, unless the part would stand on edge; among equals the thinnest way."""

    def rank(direction: Vector) -> tuple[bool, int, float]:
        served = sum(1 for w in works if any(_same(direction, c) for c in w.directions))
        height = sum(abs(a) * s for a, s in zip(direction, size, strict=True))
        return height > max(contour_mm, 1.5 * min(size)), -served, height

    return min(_AXES, key=lambda d: (*rank(d), _AXES.index(d)))


def _spare(size: Vector, blank_mm: tuple[float, ...], normal: int) -> float:
    """Stock along the clamping direction; the blank's thickness lies along the smallest size of the part."""
    if len(blank_mm) != 3:
        return 0.0
    order = sorted(range(3), key=lambda i: -size[i])
    return max(blank_mm[order.index(normal)] - size[normal], 0.0)


def _general_passes(part: PartDescription, rules: CuttingSettings) -> int:
    """Finishing passes of the outer faces: by the finest grade written for one of the part's own sizes."""
    own = [
        d.it
        for d in part.dimensions
        if d.it and d.kind == "linear" and any(abs(d.nominal - s) < 0.02 for s in part.size_mm or ())
    ]
    it = min([*own, iso.general_tolerance_it(part.general_tolerance)])
    return finish_passes(rules, it, rules.default_ra_um, part.smallest_geometric_mm)


def _same(a: Vector, b: Vector) -> bool:
    return sum(x * y for x, y in zip(a, b, strict=True)) > 0.999


def _dot(a: Vector, b: Vector) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _opposite(v: Vector) -> Vector:
    return -v[0], -v[1], -v[2]


def _name(direction: Vector) -> str:
    names = {0: "X", 1: "Y", 2: "Z"}
    main = max(range(3), key=lambda i: abs(direction[i]))
    sign = "-" if direction[main] > 0 else "+"
    exact = abs(direction[main]) > 0.999
    return (
        f"{sign}{names[main]}"
        if exact
        else f"inclinée ({number(direction[0], 2)} ; {number(direction[1], 2)} ; {number(direction[2], 2)})"
    )


def limits(
    machine: Machine,
    part: PartDescription,
    blank: Blank,
    it_floor: int,
    rules: CuttingSettings,
) -> str | None:
    """Why a part does not fit a machine (French), or None if it does (QUO-15)."""
    if part.is_turned and machine.can_turn:
        reason = _lathe_limits(machine, part, blank.diameter_mm)
    else:
        reason = _travel_limits(machine, part, blank.mass_kg, rules.travel_margin_mm)
    if reason:
        return reason
    tightest = part.tightest_it()
    if tightest is not None and machine.attainable_it and max(tightest, it_floor) < machine.attainable_it:
        return f"{machine.code} : IT{tightest} demandé, IT{machine.attainable_it} atteignable."
    ra = part.smallest_ra_um
    if ra is not None and machine.attainable_ra_um and 0.4 < ra < machine.attainable_ra_um:
        return f"{machine.code} : Ra {mm(ra)} demandé, Ra {mm(machine.attainable_ra_um)} atteignable."
    return None


def _lathe_limits(machine: Machine, part: PartDescription, across_mm: float) -> str | None:
    if machine.max_turning_diameter_mm and across_mm > machine.max_turning_diameter_mm:
        return f"{machine.code} : Ø{mm(across_mm)} dépasse le Ø tournable {mm(machine.max_turning_diameter_mm)} mm."
    if machine.max_turning_length_mm and part.length_mm > machine.max_turning_length_mm:
        return (
            f"{machine.code} : longueur {mm(part.length_mm)} dépasse {mm(machine.max_turning_length_mm)} mm."
        )
    return None


def _travel_limits(machine: Machine, part: PartDescription, mass_kg: float, margin_mm: float) -> str | None:
    """Part within the travels less the margin, whichever way it lies on the table."""
    travels = (machine.travel_x_mm, machine.travel_y_mm, machine.travel_z_mm)
    known = sorted((t - margin_mm for t in travels if t is not None), reverse=True)
    sizes = sorted(part.size_mm or (), reverse=True)
    if len(known) == 3 and any(s > t for s, t in zip(sizes, known, strict=False)):
        box = " × ".join(mm(s) for s in sizes)
        return f"{machine.code} : pièce {box} mm hors courses (− {mm(margin_mm)} mm)."
    if machine.table_load_kg and mass_kg > machine.table_load_kg:
        return f"{machine.code} : masse {number(mass_kg, 0)} kg > table {mm(machine.table_load_kg)} kg."
    return None
