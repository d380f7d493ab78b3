"""From features to machining steps (QUO-13 to QUO-17): what is turned from which end, what is milled from which side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from coordinator.modules.quoting.engine import grinding, threads
from coordinator.modules.quoting.engine import profile as outline
from coordinator.modules.quoting.engine import tolerances as iso
from coordinator.modules.quoting.engine.cutting import Context, Cut, finish_passes
from coordinator.modules.quoting.engine.holes import Countersink, Hole
from coordinator.modules.quoting.engine.milled_shapes import (
    EdgeMilling,
    FaceMilling,
    PocketMilling,
    SlotMilling,
    VolumeMilling,
)
from coordinator.modules.quoting.engine.part import Feature, PartDescription, Vector
from coordinator.modules.quoting.engine.settings import CuttingSettings
from coordinator.modules.quoting.engine.slot_sawing import SlotSawing, is_sawn
from coordinator.modules.quoting.engine.slotting import KeywaySlotting
from coordinator.modules.quoting.engine.turning import (
    Facing,
    FinishTurning,
    Groove,
    RoughTurning,
    ThreadTurning,
)
from coordinator.modules.quoting.engine.undercuts import TSlotMilling
from coordinator.modules.quoting.engine.values import number, size
from coordinator.modules.quoting.engine.volumes import extent, removed, steps_of, turned_volume

_MIN_REST_SHARE = 0.03
_MIN_REST_MM3 = 50.0
_BEFORE_GRINDING_IT = 9
_AXES: tuple[Vector, ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
_SQUARE = 0.05
_TIGHT_IT = 10
_TIGHT_STEP_IT = 9
_AROUND_MM = 0.05


class Step(Protocol):
    """A machining step that resolves to operations on a given machine."""

    @property
    def operation_type(self) -> str: ...

    def cuts(self, ctx: Context) -> list[Cut]: ...


@dataclass(frozen=True, slots=True)
class Work:
    """A step and the tool directions (into the material) it can be done from."""

    step: Step
    directions: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class TurningWorks:
    """Steps of the first side (with the largest Ø), of the other side, and what needs milling or live tools."""

    first: tuple[Step, ...]
    second: tuple[Step, ...]
    secondary: tuple[Work, ...]
    first_direction: Vector
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BarStock:
    """What the bar leaves to do: Ø around it, stock per face, bore of a tube, surfaces that stay as drawn."""

    around_mm: float
    face_stock_mm: float
    bore_mm: float = 0.0
    keeps_outside: bool = False
    keeps_bore: bool = False
    has_flats: bool = False


@dataclass(slots=True)
class _Notes:
    warnings: list[str] = field(default_factory=list)


def turning_works(part: PartDescription, bar: BarStock, rules: CuttingSettings) -> TurningWorks:
    """Plan a turned part from its outline, or from its largest Ø and length if no outline is known.

    Flats that are the bar's own and bores that stay as drawn are not machined; a tube's bore is opened, not drilled.
    """
    points = part.turned_profile or ((0.0, part.max_diameter_mm), (part.length_mm, part.max_diameter_mm))
    first, second = outline.split(points)
    axis = part.turning_axis
    from_right = _is_right(points, first)
    direction = _scaled(axis, -1.0 if from_right else 1.0)
    notes = _Notes()
    own, other = list[Step](), list[Step]()
    own += _outer_steps(part, first, bar, rules, bar.bore_mm)
    bored = _through_bore(part)
    other += _outer_steps(part, second, bar, rules, bored)
    secondary: list[Work] = []
    keyways: list[Step] = []
    has_recess = bool(first.recesses or second.recesses)
    for feature in part.features:
        if bar.has_flats and feature.type == "flat" and _is_around(feature, part):
            continue
        if feature.type == "thread":
            (other if _thread_on(second, feature) else own).append(_thread(feature))
        elif feature.type == "groove":
            if not has_recess:
                own += _groove(feature, part, notes)
        elif feature.type == "internal_groove":
            own += _internal_groove(feature)
        elif feature.type == "face_recess":
            other += _face_recess(feature)
        elif _is_keyway(feature):
            keyways.append(_keyway(feature, part))
        elif feature.type in ("hole", "bore") and feature.is_coaxial:
            if bar.keeps_bore and feature.through:
                continue
            same = feature.through or _dot(feature.axis, direction) > 0
            (own if same else other).extend(_axial(feature, part, bar.bore_mm if feature.through else 0.0))
        else:
            secondary += _milled(feature, part, rules, notes)
    secondary += _rest(part, points, rules, notes)
    own += keyways
    return TurningWorks(tuple(own), tuple(other), tuple(secondary), direction, tuple(notes.warnings))


def _is_keyway(feature: Feature) -> bool:
    return (
        feature.type == "slot" and feature.form == "internal" and bool(feature.width_mm and feature.depth_mm)
    )


def _keyway(feature: Feature, part: PartDescription) -> KeywaySlotting:
    length = feature.length_mm or extent(part, feature.axis)
    return KeywaySlotting(length, feature.width_mm or 0.0, feature.depth_mm or 0.0, feature.count)


def _is_around(feature: Feature, part: PartDescription) -> bool:
    return abs((feature.diameter_mm or 0.0) - part.max_diameter_mm) < _AROUND_MM


def _through_bore(part: PartDescription) -> float:
    """Diameter already bored through from the first side, which the second face need not cover."""
    through = [f for f in part.features if f.type in ("hole", "bore") and f.is_coaxial and f.through]
    return max((min(d for d, _ in steps_of(f, part)) for f in through), default=0.0)


def _is_right(points: Sequence[tuple[float, float]], side: outline.Side) -> bool:
    return abs(points[-1][1] - side.face_diameter_mm) < 1e-6


def _outer_steps(
    part: PartDescription,
    side: outline.Side,
    bar: BarStock,
    rules: CuttingSettings,
    bore_mm: float = 0.0,
) -> list[Step]:
    blank_mm = bar.around_mm
    steps: list[Step] = [Facing(blank_mm, bar.face_stock_mm, bore_mm)]
    it = iso.general_tolerance_it(part.general_tolerance)
    turned = [(d.nominal, d.it) for d in part.dimensions if d.it and d.kind == "diameter"]
    ra = part.smallest_ra_um if part.smallest_ra_um is not None else rules.default_ra_um
    ground = {g.across_mm for g in grinding.surfaces(part, rules) if g.kind == "external"}
    turned = [(d, _BEFORE_GRINDING_IT if d in ground else grade) for d, grade in turned]
    if ground and ra <= rules.grinding_to_ra_um:
        ra = rules.default_ra_um
    segments = outline.finish_segments(side, turned, it, ra)
    if part.keep_stock_surface or bar.keeps_outside:
        segments = tuple(s for s in segments if s.diameter_mm < blank_mm - 0.05)
    counts = [finish_passes(rules, s.it, s.ra_um, part.smallest_geometric_mm) for s in segments]
    allowance = rules.turning_allowance_mm if any(counts) else 0.0
    rough = outline.bands(side, blank_mm, allowance) if segments else ()
    if rough:
        steps.append(RoughTurning(rough, interrupted=bar.has_flats))
    steps += [
        RoughTurning(
            ((r.outer_mm, r.bottom_mm + 2 * allowance, r.width_mm),),
            recess=True,
            label="Ébauche du dégagement (profil 35°)",
        )
        for r in side.recesses
        if r.width_mm > outline.GROOVE_MAX_WIDTH_MM
    ]
    if segments and any(counts):
        steps.append(FinishTurning(segments, allowance, geometric_mm=part.smallest_geometric_mm))
    steps += [
        Groove(r.outer_mm, r.bottom_mm, r.width_mm)
        for r in side.recesses
        if r.width_mm <= outline.GROOVE_MAX_WIDTH_MM
    ]
    return steps


def _thread(feature: Feature) -> ThreadTurning:
    known = threads.size_of(feature.thread or "") or (feature.diameter_mm or 10.0, 1.5)
    length = feature.length_mm or 1.5 * known[0]
    return ThreadTurning(known[0], known[1], length)


def _thread_on(side: outline.Side, feature: Feature) -> bool:
    known = threads.size_of(feature.thread or "")
    d = known[0] if known else feature.diameter_mm or 0.0
    return any(abs(d0 - d) <= 0.4 and abs(d1 - d) <= 0.4 for d0, d1, _ in side.segments)


def _groove(feature: Feature, part: PartDescription, notes: _Notes) -> list[Step]:
    bottom = feature.diameter_mm
    width = feature.width_mm or feature.length_mm
    if width is None:
        notes.warnings.append("Largeur de gorge non lue : 3 mm supposés, à confirmer.")
        width = 3.0
    outer = part.max_diameter_mm
    if bottom is None:
        bottom = outer - 2 * (feature.depth_mm or 1.0)
    elif feature.depth_mm:
        outer = min(outer, bottom + 2 * feature.depth_mm)
    return [Groove(outer, bottom, width, feature.count)]


def _internal_groove(feature: Feature) -> list[Step]:
    """A groove in the bore, plunged from its mouth; a wide one is plunged side by side."""
    bottom, depth = feature.diameter_mm or 0.0, feature.depth_mm or 1.0
    return [
        Groove(bottom - 2 * depth, bottom, feature.width_mm or 2.0, feature.count, label="Gorge intérieure")
    ]


def _face_recess(feature: Feature) -> list[Step]:
    """A recess in the end face, bored out from the narrower diameter to the wider one."""
    wide, narrow, depth = feature.diameter_mm or 0.0, feature.width_mm or 0.0, feature.depth_mm or 0.0
    label = f"Dégagement de face Ø{size(wide)} × {size(depth)}"
    return [RoughTurning(((narrow, wide, depth),), True, label=label)]


def _axial(feature: Feature, part: PartDescription, bore_mm: float = 0.0) -> list[Step]:
    """A coaxial bore on the lathe: the smallest Ø (or the core of its thread) through its depth, then each larger step.

    ``bore_mm`` is what the tube already leaves open."""
    steps = steps_of(feature, part)
    thread = threads.size_of(feature.thread or "") if feature.thread else None
    smallest = min(d for d, _ in steps)
    total = sum(depth for _, depth in steps)
    if thread:
        own = feature.source == "solide"
        length = sum(depth for d, depth in steps if d <= smallest + 1e-6) if len(steps) > 1 else None
        found: list[Step] = [
            Hole(
                thread[0],
                total,
                feature.through,
                pitch_mm=thread[1],
                on_axis=True,
                depth_is_drilled=own,
                thread_depth_mm=length,
                pre_mm=bore_mm,
            )
        ]
    else:
        grade = _step_grade(feature, smallest)
        found = [Hole(smallest, total, feature.through, grade, feature.ra_um, on_axis=True, pre_mm=bore_mm)]
    reach, previous = 0.0, smallest
    for index, (d, depth) in enumerate(steps):
        reach += depth
        if index == 0 and feature.form == "countersink" and d > smallest + 1e-6:
            found.append(Countersink(d, max(b for b, _ in steps[1:])))
        elif d > smallest + 1e-6:
            grade = _step_grade(feature, d)
            found.append(Hole(d, reach, False, grade, feature.ra_um, on_axis=True, pre_mm=previous))
    return found


def _step_grade(feature: Feature, diameter_mm: float) -> int | None:
    """Grade of one cylinder of a hole: its own, or that of the hole where no cylinder has one."""
    grades = {s.diameter_mm: s.it for s in feature.steps if s.it is not None}
    return grades.get(diameter_mm) if grades else feature.it


def milled_works(part: PartDescription, rules: CuttingSettings) -> tuple[list[Work], list[str]]:
    """Works of a prismatic part besides its six faces."""
    notes = _Notes()
    works = [w for f in part.features for w in _milled(f, part, rules, notes)]
    if part.size_mm is not None:
        box = part.size_mm[0] * part.size_mm[1] * part.size_mm[2]
        works += _remaining(part, box, rules, notes)
    return works, notes.warnings


def _sawn(feature: Feature, part: PartDescription, length: float, width: float, depth: float) -> Work | None:
    """A narrow deep slot right through the part, for a saw whose axis lies across it; none where it ends in the part."""
    runs = [
        axis for axis in _AXES if abs(sum(a * b for a, b in zip(axis, feature.axis, strict=True))) < _SQUARE
    ]
    along = next((a for a in runs if is_sawn(length, width, depth, extent(part, a))), None)
    if along is None or part.size_mm is None:
        return None
    across = next((a for a in runs if a != along), None)
    return (
        None
        if across is None
        else Work(SlotSawing(length, width, depth, feature.count), (across, _scaled(across, -1.0)))
    )


def _milled(feature: Feature, part: PartDescription, rules: CuttingSettings, notes: _Notes) -> list[Work]:
    directions: tuple[Vector, ...] = (feature.axis,)
    if feature.through:
        directions = (feature.axis, _scaled(feature.axis, -1.0))
    it = feature.it if feature.it is not None else iso.general_tolerance_it(part.general_tolerance)
    ra = feature.ra_um if feature.ra_um is not None else rules.default_ra_um
    passes = finish_passes(rules, it, ra)
    depth = feature.depth_mm or extent(part, feature.axis)
    if feature.type in ("hole", "bore", "tapped_hole"):
        if feature.form in ("counterbore", "countersink", "stepped"):
            directions = (feature.axis,)
        return [Work(step, directions) for step in _holes(feature, part, it)]
    if feature.type == "taper" and part.is_turned:
        return []
    if _is_keyway(feature):
        return [Work(_keyway(feature, part), (feature.axis, _scaled(feature.axis, -1.0)))]
    if feature.type == "chamfer":
        return _chamfer(feature, directions, notes)
    width, length = feature.width_mm or feature.diameter_mm, feature.length_mm or feature.diameter_mm
    if feature.type in ("pocket", "slot", "step") and width and length:
        if feature.type == "slot" and feature.form == "undercut":
            wide = TSlotMilling(length, width, depth, feature.count, places(feature))
            return [Work(wide, directions)]
        if feature.type == "slot":
            slot = SlotMilling(length, width, depth, feature.count, passes, places(feature), it <= _TIGHT_IT)
            sawn = _sawn(feature, part, length, width, depth) if it > _TIGHT_IT else None
            return [sawn or Work(slot, directions)]
        if notch := _notch(feature, part, length, width, depth):
            along, across, inward = notch
            height = extent(part, along)
            open_pocket = PocketMilling(
                across, inward, height, feature.corner_radius_mm, feature.volume_mm3, feature.count, passes, places(feature),
                is_notch=True, label="Dégagement",
            )  # fmt: skip
            return [Work(open_pocket, (along, _scaled(along, -1.0)))]
        pocket = PocketMilling(
            length,
            width,
            depth,
            feature.corner_radius_mm,
            feature.volume_mm3,
            feature.count,
            passes,
            places(feature),
        )
        return [Work(pocket, directions)]
    if feature.type == "flat" and feature.depth_mm and part.is_turned:
        radius = (feature.diameter_mm or part.max_diameter_mm) / 2
        chord = 2 * math.sqrt(max(radius**2 - (radius - feature.depth_mm) ** 2, 1.0))
        if feature.length_mm is None:
            notes.warnings.append("Méplat : longueur non lue, prise égale à sa largeur.")
        face = FaceMilling(
            feature.length_mm or chord,
            chord,
            feature.depth_mm,
            passes,
            "Méplat",
            max(6.0, min(1.5 * chord, 20.0)),
        )
        return [Work(face, directions)] * feature.count
    notes.warnings.append(f"Forme « {feature.type} » sans cotes suffisantes : à compléter à la main.")
    return []


def _notch(
    feature: Feature, part: PartDescription, length: float, width: float, depth: float
) -> tuple[Vector, float, float] | None:
    """A notch in the outline, open across the whole thickness: milled like the outline it belongs to, in the same clamping.

    Answers the direction it is open along, its length and how far it goes in; None if it is a pocket or step of one side.
    """
    if part.is_turned or part.size_mm is None or (feature.type == "pocket" and feature.form != "open"):
        return None
    thin = min(range(3), key=lambda i: part.size_mm[i] if part.size_mm else 0.0)
    along: Vector = (float(thin == 0), float(thin == 1), float(thin == 2))
    if abs(_dot(along, feature.axis)) > 0.01:
        return None
    for through, other in ((width, length), (length, width)):
        if abs(through - part.size_mm[thin]) < 0.05:
            return along, other, depth
    return None


def _chamfer(feature: Feature, directions: tuple[Vector, ...], notes: _Notes) -> list[Work]:
    """Edges with a known length are chamfered on the machine; the others are broken at the bench, and said so."""
    if feature.width_mm and feature.length_mm:
        return [Work(EdgeMilling(feature.length_mm, feature.width_mm, feature.count), directions)]
    notes.warnings.append("Chanfreins sans longueur lue : cassés à l'ébavurage.")
    return []


def places(feature: Feature) -> tuple[tuple[float, float], ...]:
    """Positions seen along the tool, mm."""
    main = max(range(3), key=lambda i: abs(feature.axis[i]))
    u, v = (i for i in range(3) if i != main)
    return tuple((p[u], p[v]) for p in feature.positions_mm)


def _holes(feature: Feature, part: PartDescription, it: int) -> list[Hole]:
    """A hole with its coarse steps, then each toleranced step finished on its own."""
    steps = steps_of(feature, part)
    if feature.diameter_mm and not feature.steps:
        steps = [(feature.diameter_mm, steps[0][1])]
    smallest = min(d for d, _ in steps)
    total = sum(depth for _, depth in steps)
    thread = threads.size_of(feature.thread) if feature.thread else None
    sink: float | None = None
    bores: list[tuple[float, float]] = []
    tight: list[Hole] = []
    reach = 0.0
    for index, (d, depth) in enumerate(steps):
        reach += depth
        if d <= smallest + 1e-6:
            continue
        grade = _step_grade(feature, d) if any(s.it for s in feature.steps) else None
        if index == 0 and feature.form == "countersink":
            sink = d
        elif grade is not None and grade <= _TIGHT_STEP_IT:
            own = Hole(
                d, reach, False, grade, feature.ra_um, feature.count, pre_mm=smallest, places=places(feature)
            )
            tight.append(own)
        else:
            bores.append((d, reach))
    grade = _step_grade(feature, smallest)
    length = sum(depth for d, depth in steps if d <= smallest + 1e-6)
    main = Hole(
        thread[0] if thread else smallest,
        total,
        feature.through,
        grade if grade is not None else it,
        feature.ra_um,
        feature.count,
        thread[1] if thread else None,
        tuple(reversed(bores)),
        sink,
        depth_is_drilled=feature.source == "solide",
        places=places(feature),
        thread_depth_mm=length if thread and len(steps) > 1 and feature.through else None,
    )
    return [main, *tight]


def _rest(
    part: PartDescription, points: Sequence[tuple[float, float]], rules: CuttingSettings, notes: _Notes
) -> list[Work]:
    return _remaining(part, turned_volume(points), rules, notes) if part.turned_profile else []


def _remaining(part: PartDescription, whole_mm3: float, rules: CuttingSettings, notes: _Notes) -> list[Work]:
    """Volume that neither faces nor features explain: milled as shapes to be programmed, and said so."""
    if part.volume_mm3 is None or part.size_mm is None:
        return []
    known = sum(removed(f, part) for f in part.features)
    rest = whole_mm3 - part.volume_mm3 - known
    if rest < max(_MIN_REST_SHARE * whole_mm3, _MIN_REST_MM3):
        return []
    height = min(part.size_mm)
    depth = min(height, 30.0)
    area = rest / depth + 4 * math.sqrt(rest / depth) * depth
    passes = finish_passes(rules, iso.general_tolerance_it(part.general_tolerance), rules.default_ra_um)
    notes.warnings.append(
        f"{number(rest / 1000, 1)} cm³ de formes non reconnues : temps estimé au volume, à vérifier."
    )
    return [Work(VolumeMilling(rest, depth, area, passes), ())]


def _scaled(vector: Vector, factor: float) -> Vector:
    return vector[0] * factor, vector[1] * factor, vector[2] * factor


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
