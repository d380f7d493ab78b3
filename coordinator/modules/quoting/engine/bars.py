"""Blanks cut from bars: round, hexagon, square, tube, flat, hollow profile (QUO-10 to QUO-12).

Every kind of bar a part can be made from is a :class:`Wish`; the routes price each of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from coordinator.modules.quoting.engine import blank as raw
from coordinator.modules.quoting.engine import standard_sections
from coordinator.modules.quoting.engine import tolerances as iso
from coordinator.modules.quoting.engine.blank import Blank
from coordinator.modules.quoting.engine.materials import MaterialMatch
from coordinator.modules.quoting.engine.part import Feature, PartDescription
from coordinator.modules.quoting.engine.sections import HEXAGON, SHAPE_NAMES, Section, of_unit
from coordinator.modules.quoting.engine.settings import BlankSettings, stepped
from coordinator.modules.quoting.engine.shop import Shop
from coordinator.modules.quoting.engine.values import QuotingError
from coordinator.modules.quoting.engine.values import size as mm

_NEAR_MM = 0.05
_DRAWN_IT = 11
"""A drawn surface holds h11 and about Ra 3.2; what is asked finer is machined."""
_DRAWN_RA_UM = 3.2
_SOLD_AS: dict[str, str] = {
    "hex": "PMN",
    "square": "PMKN",
    "tube": "PMKN",
    "flat": "PMN",
    "drawn_tube": "PMN",
    "profile": "PMN",
}
"""ISO 513 letters of the materials that the trade stocks in a shape; others come from the shop's own stock or not at all."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Sections that will do for a part. ``standard`` is the one to buy; without it only stock counts."""

    kind: str
    standard: Section | None
    fits: Callable[[Section], bool]
    rule: str
    is_as_stock: bool = False
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> str:
        return {"drawn_tube": "tube", "profile": "tube"}.get(self.kind, self.kind)


def turned_wishes(part: PartDescription, material: MaterialMatch, shop: Shop) -> list[Wish]:
    """Round bar always; hexagon or square where the drawn flats are the bar's own; tube where the bore is through."""
    rules = shop.settings.blank
    found = [_round(part, rules), _flats(part, rules), _tube(part, rules), _drawn_tube(part, rules)]
    possible = [
        w
        for w in (_sold(w, material) for w in found if w)
        if w.standard or _in_stock(w, part, material, shop)
    ]
    chosen = [w for w in possible if part.blank_shape in ("", w.shape)]
    if not chosen:
        raise _unsuitable(part)
    return chosen


def _unsuitable(part: PartDescription) -> QuotingError:
    """The shape somebody asked for cannot make the part."""
    name = SHAPE_NAMES.get(part.blank_shape, part.blank_shape)
    message = f"Forme de brut demandée impossible pour cette pièce, ou sans dimension disponible : {name}."
    return QuotingError("blank_shape", message, "blank_shape")


def _sold(wish: Wish, material: MaterialMatch) -> Wish:
    """Without the standard section where the trade does not sell the material in that shape."""
    group = material.group.code if material.group else ""
    return wish if wish.kind == "round" or group[:1] in _SOLD_AS[wish.kind] else replace(wish, standard=None)


def _in_stock(wish: Wish, part: PartDescription, material: MaterialMatch, shop: Shop) -> bool:
    return any(
        (s := of_unit(u)) and wish.fits(s) for u in raw.usable(shop, part, material) if u.shape == wish.shape
    )


def _round(part: PartDescription, rules: BlankSettings) -> Wish:
    largest = part.max_diameter_mm
    allowance = 0.0 if part.keep_stock_surface else stepped(rules.round_allowance_mm, largest)
    least = largest + allowance
    standard = next((d for d in rules.round_sizes_mm if d >= least - 1e-6), float(math.ceil(least)))
    most = max(standard, least) * rules.max_stock_wider_ratio
    rule = f"Ø ≥ {mm(largest)} + {mm(allowance)}"
    return Wish("round", Section("round", standard), lambda s: least - 1e-6 <= s.width_mm <= most, rule)


def flats_of(part: PartDescription) -> tuple[str, float, tuple[Feature, ...]] | None:
    """(``hex`` or ``square``, across flats, the flats) where flats all around are the widest place of a turned part."""
    if not part.is_turned or not part.turned_profile:
        return None
    around = part.max_diameter_mm
    own = tuple(
        f
        for f in part.features
        if f.type == "flat" and f.depth_mm and abs((f.diameter_mm or 0.0) - around) < _NEAR_MM
    )
    if not own or max(f.depth_mm or 0.0 for f in own) - min(f.depth_mm or 0.0 for f in own) > 0.02:
        return None
    across, count = around - 2 * (own[0].depth_mm or 0.0), sum(f.count for f in own)
    if count == 6 and abs(across / around - HEXAGON) < 0.005:
        return "hex", round(across, 2), own
    if count == 4 and abs(across / around - math.sqrt(0.5)) < 0.005:
        return "square", round(across, 2), own
    return None


def _flats(part: PartDescription, rules: BlankSettings) -> Wish | None:
    """A drawn bar whose flats are the part's: nothing else may be wider than the flats, and they ask for no finer surface."""
    found = flats_of(part)
    if found is None:
        return None
    shape, across, flats = found
    wide = sum(
        abs(z1 - z0)
        for (z0, d0), (z1, d1) in zip(
            part.turned_profile or (), (part.turned_profile or ())[1:], strict=False
        )
        if min(d0, d1) > across + _NEAR_MM
    )
    if wide > max(f.length_mm or 0.0 for f in flats) + 0.1 or _finer(part, (across,), "linear"):
        return None
    sizes = rules.hex_sizes_mm if shape == "hex" else rules.square_sizes_mm
    standard = next((Section(shape, s) for s in sizes if abs(s - across) < _NEAR_MM), None)
    name = "six pans" if shape == "hex" else "carré"
    return Wish(
        shape,
        standard,
        lambda s: abs(s.width_mm - across) < _NEAR_MM,
        f"{name} {mm(across)} brut de barre étirée, faces non usinées",
        True,
    )


def _finer(part: PartDescription, sizes: Sequence[float], kind: str) -> bool:
    """Whether the drawing asks more of one of these sizes than a drawn bar gives, by itself or by its general tolerance."""
    if iso.general_tolerance_it(part.general_tolerance) <= _DRAWN_IT:
        return True
    own = [d for d in part.dimensions if d.kind == kind and any(abs(d.nominal - s) < _NEAR_MM for s in sizes)]
    return any(d.it is not None and d.it < _DRAWN_IT for d in own)


def through_bore(part: PartDescription) -> float:
    """Smallest diameter of a bore that goes through on the turning axis, its thread's core included; 0 without one."""
    found = 0.0
    for f in part.features:
        if f.type in ("hole", "bore") and f.is_coaxial and f.through:
            found = max(found, min([s.diameter_mm for s in f.steps] or [f.diameter_mm or 0.0]))
    return found


def _tube(part: PartDescription, rules: BlankSettings) -> Wish | None:
    """Thick-walled tube machined outside and inside; the bore is opened instead of drilled."""
    bore, largest = through_bore(part), part.max_diameter_mm
    if bore <= 0:
        return None
    outer = largest + stepped(rules.round_allowance_mm, largest)
    inner = bore - stepped(rules.round_allowance_mm, bore)
    most = outer * rules.max_tube_wider_ratio

    def fits(s: Section) -> bool:
        return outer - 1e-6 <= s.width_mm <= most and rules.min_tube_bore_mm <= s.inner_mm <= inner + 1e-6

    known = [
        Section("tube", d, wall_mm=(d - i) / 2) for d, i in (*rules.hollow_bars_mm, *rules.round_tubes_mm)
    ]
    standard = min((s for s in known if fits(s)), key=lambda s: s.area_mm2, default=None)
    rule = f"Ø ≥ {mm(outer)}, alésage ≤ {mm(inner)} (surépaisseurs au Ø)"
    return Wish("tube", standard, fits, rule)


def _drawn_tube(part: PartDescription, rules: BlankSettings) -> Wish | None:
    """A plain spacer of a tube's own diameters: both surfaces stay as drawn unless the drawing asks more of them."""
    bore, largest = through_bore(part), part.max_diameter_mm
    outside = {round(d, 3) for _, d in part.turned_profile or ()}
    plain = len(outside) == 1 and all(
        len(f.steps) < 2 and not f.thread for f in part.features if f.is_coaxial
    )
    fine = _finer(part, (bore, largest), "diameter") or (part.smallest_ra_um or _DRAWN_RA_UM) < _DRAWN_RA_UM
    if bore <= 0 or not plain or fine or part.smallest_geometric_mm is not None or part.is_critical:
        return None

    def fits(s: Section) -> bool:
        return abs(s.width_mm - largest) < _NEAR_MM and abs(s.inner_mm - bore) < _NEAR_MM

    known = (Section("tube", d, wall_mm=(d - i) / 2) for d, i in rules.round_tubes_mm)
    standard = next((s for s in known if fits(s)), None)
    note = f"Ø{mm(largest)} et Ø{mm(bore)} laissés bruts de tube : aucune tolérance plus serrée lue, à confirmer."
    return Wish("drawn_tube", standard, fits, f"tube Ø{mm(largest)} / {mm(bore)} brut", True, (note,))


def turned_blank(
    part: PartDescription, material: MaterialMatch, shop: Shop, on: date, wish: Wish, *, bar_fed: bool
) -> Blank:
    """Blank of a turned part: section of the wish, length after QUO-11, counted per bar after QUO-12."""
    rules = shop.settings.blank
    extra = rules.bar_parting_mm + rules.bar_facing_mm if bar_fed else rules.facing_allowance_mm
    piece = part.length_mm + (rules.bar_facing_mm if bar_fed else rules.facing_allowance_mm)
    note = f"{wish.rule} ; L = {mm(part.length_mm)} + {mm(extra)}"
    return _from_bar(part, material, shop, on, wish, piece, part.length_mm + extra, note, bar_fed=bar_fed)


def round_blank(
    part: PartDescription, material: MaterialMatch, shop: Shop, on: date, *, bar_fed: bool
) -> Blank:
    """Blank of a turned part from round bar."""
    return turned_blank(part, material, shop, on, _round(part, shop.settings.blank), bar_fed=bar_fed)


def _from_bar(
    part: PartDescription,
    material: MaterialMatch,
    shop: Shop,
    on: date,
    wish: Wish,
    piece_mm: float,
    step_mm: float,
    note: str,
    *,
    bar_fed: bool,
) -> Blank:
    """Blanks of ``piece_mm`` at every ``step_mm`` (the saw's kerf comes on top), out of stock first."""
    rules = shop.settings.blank
    pitch = step_mm if bar_fed else step_mm + rules.saw_kerf_mm
    end = rules.bar_end_bar_fed_mm if bar_fed else rules.bar_end_saw_mm
    pairs = [
        (u, s)
        for u in raw.usable(shop, part, material)
        if u.shape == wish.shape and (s := of_unit(u)) and wish.fits(s)
    ]
    sections = {u.code: s for u, s in pairs}
    counted = [
        (u, raw.per_bar(u.length_mm, end, pitch, u.is_offcut and bar_fed) * u.quantity) for u, _ in pairs
    ]
    target = wish.standard.area_mm2 if wish.standard else 0.0
    area, sources = raw.allocate(counted, part.quantity, lambda u: sections[u.code].area_mm2, target)
    factor = dict(rules.shape_price_factor).get(wish.shape, 1.0)
    price = raw.purchase_price(shop, material, on)
    if wish.standard is None and sum(s.count for s in sources) < part.quantity:
        raise QuotingError(
            "no_section", f"{wish.rule} : ni en stock ni au commerce en quantité suffisante.", "stock"
        )
    name = (
        f"barre {wish.standard.label}"
        if wish.standard and wish.shape != "tube"
        else getattr(wish.standard, "label", "")
    )
    sources = raw.with_purchase(sources, part, name, price and price * Decimal(str(factor)))
    bought = any(s.kind == "purchase" for s in sources)
    chosen = next((s for s in sections.values() if abs(s.area_mm2 - area) < 1e-6), wish.standard)
    section = wish.standard if bought or chosen is None else chosen
    if section is None:
        raise QuotingError("no_section", f"{wish.rule} : ni en stock ni au commerce.", "stock")
    sources = raw.with_leftovers(sources, [u for u, _ in pairs], pitch, end, rules)
    count = max(1, raw.per_bar(rules.bar_length_mm, end, pitch, False))
    mass = raw.density(material, shop)
    cm2 = section.area_mm2 / 100
    norm = f" ; dimensions {standard_sections.SOURCES[wish.kind]}" if bought and wish.kind != "round" else ""
    found = raw.finish(
        wish.kind if wish.kind == "profile" else wish.shape,
        _size(wish, section, piece_mm),
        cm2 * piece_mm / 10 * mass.value / 1000,
        sources,
        cm2,
        bar_fed,
        cm2 * (pitch + end / count) / 10 * mass.value / 1000,
        count,
        f"{wish.rule} → {section.label} ; {note.split(' ; ', 1)[-1]}{norm}",
        mass,
        part,
        rules,
        section,
        factor,
    )
    return replace(found, is_as_stock=wish.is_as_stock, notes=wish.notes)


def _size(wish: Wish, section: Section, piece_mm: float) -> tuple[float, ...]:
    if wish.kind in ("flat", "profile") or (wish.kind == "square" and not wish.is_as_stock):
        return piece_mm, section.width_mm, section.height_mm or section.width_mm
    return (*section.sizes_mm, piece_mm)


def prismatic_blank(part: PartDescription, material: MaterialMatch, shop: Shop, on: date) -> Blank:
    """Blank of a milled part: hollow profile where the part is one, else plate, flat or square bar, whichever is taken from
    stock or, bought, costs least with its sawing (QUO-10)."""
    asked = part.blank_shape
    profile = hollow_profile(part, shop.settings.blank) if asked in ("", "tube") else None
    if profile is not None:
        wish = _sold(profile, material)
        if wish.standard or _in_stock(wish, part, material, shop):
            return _lengthwise(part, material, shop, on, wish, shop.settings.blank.facing_allowance_mm)
    options = [raw.plate_blank(part, material, shop, on)] if asked in ("", "plate", "blank") else []
    for rolled in (_flat(part, shop.settings.blank), _square(part, shop.settings.blank)):
        own = _sold(rolled, material) if rolled and asked in ("", rolled.shape) else None
        if own and (own.standard or _in_stock(own, part, material, shop)):
            try:
                options.append(
                    _lengthwise(part, material, shop, on, own, shop.settings.blank.block_sawn_allowance_mm)
                )
            except QuotingError as error:
                if error.code != "no_section":
                    raise

    if not options:
        raise _unsuitable(part)

    def worth(b: Blank) -> tuple[bool, float]:
        return _is_bought(b), float(b.cost) + _saw_cost(b, material, shop, on)

    return min(options, key=worth)


def _is_bought(blank: Blank) -> bool:
    return any(s.kind == "purchase" for s in blank.sources)


def _saw_cost(blank: Blank, material: MaterialMatch, shop: Shop, on: date) -> float:
    """€ of sawing a piece, only to choose between blanks: a plate is sawn along and across, a bar across."""
    rate = material.group.saw_cm2_min if material.group else None
    hour = shop.rate_card.find("machine_hour", on, work_center="Sciage", machine_type="saw")
    if not rate or hour is None:
        return 0.0
    section, cuts = blank.sawn()
    return (section / rate + cuts * shop.settings.times.saw_per_cut_min) * float(hour.rate) / 60


def _lengthwise(
    part: PartDescription, material: MaterialMatch, shop: Shop, on: date, wish: Wish, extra_mm: float
) -> Blank:
    piece = max(part.size_mm or (0.0,)) + extra_mm
    note = f" ; L + {mm(extra_mm)} (débit)"
    return _from_bar(part, material, shop, on, wish, piece, piece, note, bar_fed=False)


def _needs(part: PartDescription, rules: BlankSettings) -> tuple[float, float]:
    """Width and thickness a rolled bar must have; the vice grip counts on the thickness."""
    _, width, thickness = sorted(part.size_mm or (0.0, 0.0, 0.0), reverse=True)
    if part.keep_stock_surface:
        return width, thickness
    return (
        width + rules.plate_thickness_allowance_mm,
        thickness + rules.plate_thickness_allowance_mm + rules.vice_grip_mm,
    )


def _flat(part: PartDescription, rules: BlankSettings) -> Wish | None:
    if part.size_mm is None:
        return None
    width, thick = _needs(part, rules)
    known = (
        Section("flat", w, t)
        for w in rules.flat_widths_mm
        for t in rules.flat_thicknesses_mm
        if w >= width - 1e-6 and thick - 1e-6 <= t < w
    )
    standard = min(known, key=lambda s: s.area_mm2, default=None)
    most = (standard.area_mm2 if standard else width * thick) * rules.max_stock_thicker_ratio

    def fits(s: Section) -> bool:
        return s.width_mm >= width - 1e-6 and (s.height_mm or 0.0) >= thick - 1e-6 and s.area_mm2 <= most

    return Wish("flat", standard, fits, f"méplat ≥ {mm(width)} × {mm(thick)}")


def _square(part: PartDescription, rules: BlankSettings) -> Wish | None:
    if part.size_mm is None:
        return None
    side = max(_needs(part, rules))
    standard = next((Section("square", s, s) for s in rules.square_sizes_mm if s >= side - 1e-6), None)
    most = max(standard.width_mm if standard else side, side) * rules.max_stock_wider_ratio
    return Wish("square", standard, lambda s: side - 1e-6 <= s.width_mm <= most, f"carré ≥ {mm(side)}")


def hollow_profile(part: PartDescription, rules: BlankSettings) -> Wish | None:
    """A long part with one rectangular opening all along and the same wall around is a piece of hollow profile."""
    if part.is_turned or part.size_mm is None:
        return None
    length, wide, narrow = sorted(part.size_mm, reverse=True)
    along = part.size_mm.index(length)
    for f in part.features:
        if (
            f.type != "pocket"
            or not f.through
            or abs(f.axis[along]) < 0.999
            or not (f.length_mm and f.width_mm)
        ):
            continue
        inside = sorted((f.length_mm, f.width_mm), reverse=True)
        wall, other = (wide - inside[0]) / 2, (narrow - inside[1]) / 2
        if wall <= 0 or abs(wall - other) > _NEAR_MM or wall > narrow / 4:
            continue
        section = Section("tube", wide, narrow, round(wall, 2))

        def fits(s: Section, own: Section = section) -> bool:
            pairs = zip(s.sizes_mm, own.sizes_mm, strict=False)
            return len(s.sizes_mm) == 3 and all(abs(a - b) < _NEAR_MM for a, b in pairs)

        known = (Section("tube", a, b, e) for a, b, e in rules.hollow_profiles_mm)
        standard = next((s for s in known if fits(s)), None)
        note = f"Profil creux {section.label} laissé brut sur ses faces, longueur à la scie sauf cote tolérancée : à confirmer."
        return Wish("profile", standard, fits, f"profil {section.label} brut", True, (note,))
    return None
