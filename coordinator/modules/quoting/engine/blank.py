"""Raw stock (QUO-10 to QUO-12): size of the blank, where it comes from, its mass and its cost per piece."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from coordinator.modules.quoting.engine import plate_plan
from coordinator.modules.quoting.engine.materials import MaterialMatch, same_material
from coordinator.modules.quoting.engine.part import PartDescription
from coordinator.modules.quoting.engine.plate_plan import PlatePlan
from coordinator.modules.quoting.engine.sections import Section
from coordinator.modules.quoting.engine.settings import BlankSettings
from coordinator.modules.quoting.engine.shop import Shop, StockUnit
from coordinator.modules.quoting.engine.values import Gap, QuotingError, Value, number
from coordinator.modules.quoting.engine.values import size as mm


@dataclass(frozen=True, slots=True)
class Source:
    """Blanks taken from one place: an offcut, a lot or a purchase."""

    kind: str
    code: str
    count: int
    price_per_kg: Decimal
    certified: bool = False
    leftover_mm: float | None = None


@dataclass(frozen=True, slots=True)
class Blank:
    """The raw piece of one part and what the batch takes. Lengths mm; ``cost`` € per piece before handling."""

    shape: str
    size_mm: tuple[float, ...]
    mass_kg: float
    sources: tuple[Source, ...]
    cost: Decimal
    section_cm2: float
    bar_fed: bool
    consumed_kg: float
    per_bar: int
    explanation: Value
    gap: Gap | None = None
    delay_days: int = 0
    section: Section | None = None
    is_as_stock: bool = False
    """The outside (of a tube the bore too) stays as rolled or drawn."""
    notes: tuple[str, ...] = ()
    """What the choice supposes and a person should confirm."""
    plan: PlatePlan | None = None
    """How the pieces lie in their plates, where they come from plate."""

    def sawn(self) -> tuple[float, float]:
        """Section in cm² and cuts of one piece; what pieces of a plate share is counted once for the batch."""
        if self.plan is None or not self.plan.pieces:
            return self.section_cm2, 1.0
        pieces = self.plan.pieces
        return self.plan.cut_mm * self.size_mm[2] / 100 / pieces, self.plan.cuts / pieces

    @property
    def diameter_mm(self) -> float:
        """Ø of a round bar, the circle around any other."""
        return self.section.around_mm if self.section else self.size_mm[0]

    @property
    def label(self) -> str:
        """``six pans 24``, ``tôle 35`` with the lengths, as the storekeeper says it."""
        sizes = " × ".join(number(round(v, 2)) for v in self.size_mm)
        if self.section is None:
            return f"tôle {sizes}" if self.shape == "plate" else sizes
        return f"{self.section.label} × {number(round(self.length_mm, 2))}"

    @property
    def length_mm(self) -> float:
        """Cut length."""
        lengthwise = self.section is None or self.shape in ("flat", "profile") or self.is_milled_square
        return self.size_mm[0] if lengthwise else self.size_mm[-1]

    @property
    def is_milled_square(self) -> bool:
        """A square bar lies as length × side × side where it is milled."""
        return self.shape == "square" and len(self.size_mm) == 3

    def source_text(self) -> str:
        """``chute CH-1 ×2 + lot B-C45 ×8`` as users read it."""
        names = {"offcut": "chute", "lot": "lot", "purchase": "achat"}
        return " + ".join(f"{names[s.kind]} {s.code} ×{s.count}" for s in self.sources)

    def leftovers(self) -> list[str]:
        """Reusable offcuts that the sawing leaves (STK-23)."""
        return [
            f"chute réutilisable {s.code} : {number(s.leftover_mm)} mm" for s in self.sources if s.leftover_mm
        ]


def density(material: MaterialMatch, shop: Shop) -> Value:
    """Mass per volume, g/cm³: the owner's material record, else the grade's own, else that of its ISO 513 group."""
    own = dict(shop.densities).get(material.name)
    if own:
        return Value(own, "g/cm³", "masse volumique", {}, f"fiche matière {material.name}")
    if material.grade is not None:
        return Value(
            material.grade.density_g_cm3, "g/cm³", "masse volumique", {}, f"nuance {material.grade.name}"
        )
    group = material.group
    value = group.density_g_cm3 if group else 0.0
    return Value(value, "g/cm³", "masse volumique", {}, f"groupe {group.code}" if group else "inconnue")


def plate_blank(part: PartDescription, material: MaterialMatch, shop: Shop, on: date) -> Blank:
    """Blank of a milled part sawn from plate: thickness along the smallest size, vice grip for six faces."""
    if part.size_mm is None:
        raise QuotingError("size_missing", "Encombrement de la pièce inconnu.", "size_mm")
    rules = shop.settings.blank
    length, width, thickness = sorted(part.size_mm, reverse=True)
    need_l, need_w = length + rules.block_sawn_allowance_mm, width + rules.block_sawn_allowance_mm
    need_t = thickness + (
        0.0 if part.keep_stock_surface else rules.plate_thickness_allowance_mm + rules.vice_grip_mm
    )
    standard = next((t for t in rules.plate_sizes_mm if t >= need_t - 1e-6), math.ceil(need_t))
    kerf = rules.saw_kerf_mm
    units = [
        u
        for u in usable(shop, part, material)
        if u.shape in ("plate", "blank")
        and (u.thickness_mm or 0.0) >= need_t - 1e-6
        and (u.thickness_mm or 0.0) <= max(standard, need_t) * rules.max_stock_thicker_ratio
    ]
    counted = [
        (u, _per_plate(u.length_mm, u.width_mm or 0.0, need_l, need_w, kerf) * u.quantity) for u in units
    ]
    chosen, sources = allocate(counted, part.quantity, lambda u: u.thickness_mm, standard)
    price = purchase_price(shop, material, on)
    sources = with_purchase(sources, part, f"tôle ép. {number(standard)}", price)
    if any(s.kind == "purchase" for s in sources):
        chosen = standard
    per_volume = density(material, shop)
    section = need_w * chosen / 100
    mass = need_l * section / 10 * per_volume.value / 1000
    consumed = (need_l + kerf) * (need_w + kerf) * chosen / 1000 * per_volume.value / 1000
    per_bar = max(1, _per_plate(*rules.plate_size_mm, need_l, need_w, kerf))
    grip = "surfaces du commerce conservées" if part.keep_stock_surface else "+ 2 + 5 (prise d'étau)"
    note = f"L + 5, l + 5, épaisseur ≥ {mm(thickness)} {grip} → {mm(chosen)}"
    box = (need_l, need_w, chosen)
    found = finish(
        "plate", box, mass, sources, section, False, consumed, per_bar, note, per_volume, part, rules
    )
    sizes = {u.code: (u.length_mm, u.width_mm or need_w) for u in units}
    taken = [(s.code, s.count) for s in sources]
    nested = plate_plan.plan(taken, (need_l, need_w), sizes, rules.plate_size_mm, kerf)
    told = {**found.explanation.inputs, "plan de débit": nested.words()}
    return replace(found, plan=nested, explanation=replace(found.explanation, inputs=told))


def finish(
    shape: str,
    size: tuple[float, ...],
    mass: float,
    sources: list[Source],
    section: float,
    bar_fed: bool,
    consumed: float,
    per_bar: int,
    note: str,
    per_volume: Value,
    part: PartDescription,
    rules: BlankSettings,
    bar: Section | None = None,
    price_factor: float = 1.0,
) -> Blank:
    """The blank with its cost per piece and how mass and cost come about. ``section`` is in cm²."""
    total = sum((s.price_per_kg * s.count for s in sources), Decimal(0)) * Decimal(str(consumed))
    cost = total / part.quantity
    mean = float(cost) / consumed if consumed else 0.0
    inputs: dict[str, float | str] = {
        "masse consommée": consumed,
        "€/kg": mean,
        "masse volumique g/cm³": per_volume.value,
        "masse volumique prise sur": per_volume.source,
        "règle": note,
    }
    if bar is not None:
        inputs |= {"section": bar.label, "section cm²": section, "formule de section": bar.formula}
    bought = [s for s in sources if s.kind == "purchase"]
    if bought and price_factor != 1.0:
        inputs["plus-value de forme à l'achat"] = price_factor
    gap = None
    if bought and part.certificate_required:
        what = f"Matière certifiée {part.material} {bought[0].code}"
        gap = Gap("certified_material", what, ("Achat avec certificat 3.1",), "Pas de lot certifié en stock.")
    return Blank(
        shape,
        size,
        mass,
        tuple(sources),
        cost,
        section,
        bar_fed,
        consumed,
        per_bar,
        Value(
            float(cost), "€", "coût = masse consommée (trait et fin de barre répartis) × prix", inputs, note
        ),
        gap,
        rules.material_delay_days if bought else 0,
        bar,
    )


def usable(shop: Shop, part: PartDescription, material: MaterialMatch) -> list[StockUnit]:
    """Released stock of the grade; certified lots only where a certificate is needed, and then nothing else."""
    needs = part.certificate_required or part.is_critical
    return [
        u
        for u in shop.stock
        if u.status == "released"
        and u.quantity > 0
        and u.certified == needs
        and same_material(u.material, material.name)
    ]


def per_bar(length: float, end: float, pitch: float, too_short: bool) -> int:
    """Blanks of a bar: floor((bar − end)/pitch)."""
    return 0 if too_short else max(0, math.floor((length - end) / pitch + 1e-9))


def _per_plate(length: float, width: float, need_l: float, need_w: float, kerf: float) -> int:
    """Blanks from a plate, both ways of laying."""

    def grid(a: float, b: float) -> int:
        return math.floor((length + kerf) / (a + kerf)) * math.floor((width + kerf) / (b + kerf))

    return max(grid(need_l, need_w), grid(need_w, need_l))


def allocate(
    counted: Iterable[tuple[StockUnit, int]],
    quantity: int,
    size: Callable[[StockUnit], float | None],
    standard: float,
) -> tuple[float, list[Source]]:
    """Offcuts first, then lots; one size for the whole batch, the smallest that covers most of it."""
    stock = [(u, n) for u, n in counted if n > 0]
    sizes = sorted({(size(u) or 0.0) for u, _ in stock})
    best: tuple[float, list[Source]] = (standard, [])
    for wanted in sizes:
        same = [(u, n) for u, n in stock if abs((size(u) or 0.0) - wanted) < 1e-6]
        same.sort(key=lambda p: (not p[0].is_offcut, p[0].length_mm, p[0].code))
        left, sources = quantity, list[Source]()
        for unit, count in same:
            take = min(left, count)
            if take > 0 and unit.price_per_kg is not None:
                kind = "offcut" if unit.is_offcut else "lot"
                sources.append(Source(kind, unit.code, take, unit.price_per_kg, unit.certified))
                left -= take
        if left == 0:
            return wanted, sources
        if abs(wanted - standard) < 1e-6:
            best = (wanted, sources)
    return best


def purchase_price(shop: Shop, material: MaterialMatch, on: date) -> Decimal | None:
    code = material.group.code if material.group else ""
    line = shop.rate_card.find("material", on, material=material.name) or shop.rate_card.find(
        "material", on, material=code
    )
    return line.rate if line else None


def with_purchase(
    sources: list[Source], part: PartDescription, code: str, price: Decimal | None
) -> list[Source]:
    missing = part.quantity - sum(s.count for s in sources)
    if missing <= 0:
        return sources
    if price is None:
        message = f"Prix matière manquant, nul ou expiré : {part.material} (rate_card.lines, kind=material)."
        raise QuotingError("rate_missing", message, "rate_card.material")
    return [*sources, Source("purchase", code, missing, price, part.certificate_required)]


def with_leftovers(
    sources: list[Source], units: list[StockUnit], pitch: float, end: float, rules: BlankSettings
) -> list[Source]:
    lengths = {u.code: u for u in units}
    found = []
    for s in sources:
        unit = lengths.get(s.code)
        length = unit.length_mm if unit else rules.bar_length_mm
        per = max(1, per_bar(length, end, pitch, False))
        used = s.count % per or per
        rest = length - used * pitch
        keep = rest if rest >= rules.offcut_reuse_min_mm else None
        found.append(Source(s.kind, s.code, s.count, s.price_per_kg, s.certified, keep and round(keep, 1)))
    return found
