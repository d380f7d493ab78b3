"""Cutting data, spindle speed, feed, force, power (QUO-19 to QUO-25): each figure a :class:`Value` with its source.

Formulas are the standard ones of machining handbooks: n = 1000·Vc/(π·D), Kienzle kc = kc1.1·h^−mc.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from coordinator.modules.quoting.engine.cutting_tables import GroupData
from coordinator.modules.quoting.engine.settings import CuttingSettings
from coordinator.modules.quoting.engine.shapes import Shape
from coordinator.modules.quoting.engine.shop import CuttingData, Machine, Shop, Tool
from coordinator.modules.quoting.engine.values import Gap, InfeasibleError, Value, number

SOURCE_LABELS = {
    "manual": "fiche outil (saisie)",
    "learned": "fiche outil (apprise)",
    "supplier": "fiche outil (fournisseur)",
}


@dataclass(frozen=True, slots=True)
class Context:
    """What a machining step is computed for: material, machine, shop, batch."""

    group: GroupData
    material_name: str
    machine: Machine
    shop: Shop
    quantity: int
    machine_rate_eur_h: float = 60.0
    is_cast_aluminium: bool = False
    method_data: tuple[CuttingData, ...] = ()
    allow_proposed: bool = True
    is_live: bool = False
    """The tool turns in a driven holder of a lathe, with that holder's limits."""

    @property
    def rules(self) -> CuttingSettings:
        return self.shop.settings.cutting

    def live(self) -> Context:
        """The context of driven tools on the same machine."""
        return replace(self, machine=self.machine.with_driven_tools(), is_live=True)

    @property
    def drive_name(self) -> str:
        """Whose limit a speed or power is: the machine's own or that of its driven tools."""
        return f"outils tournants {self.machine.code}" if self.is_live else f"machine {self.machine.code}"


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """The tool of an operation: from stock, to buy from a supplier article, or to ask for."""

    tool: Tool
    origin: str = "stock"
    gap: Gap | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """One resolved machining operation on one machine, per piece."""

    operation_type: str
    label: str
    choice: ToolChoice | None
    passes: int
    cut_min: Value
    positions: int = 1
    vc_m_min: Value | None = None
    n_rev_min: Value | None = None
    feed: Value | None = None
    feed_mm_min: Value | None = None
    ap_mm: Value | None = None
    ae_mm: Value | None = None
    power_kw: Value | None = None
    torque_nm: Value | None = None
    warnings: tuple[str, ...] = ()
    shape: Shape | None = None
    stage: int = 0
    feature: str = ""
    is_live: bool = False
    """Done by a driven tool of a lathe."""
    entry_min: float = 0.0
    """Ramping into closed material, minutes; no removal of its own, so it counts with the approaches."""


@dataclass(frozen=True, slots=True)
class Data:
    """Starting values of an operation before the machine's limits: speed, feed, depths, with where they come from."""

    vc: Value
    feed: Value
    ap_mm: float
    ae_mm: float | None = None
    ap_source: str = ""
    notes: tuple[str, ...] = field(default_factory=tuple)


def recorded(ctx: Context, tool: Tool | None, kind: str) -> tuple[CuttingData, str] | None:
    """QUO-19: method sheet proven on this part, then the tool record (owner's, accepted, in a draft also proposed)."""
    family = kind.split("_", maxsplit=1)[0]
    for data in ctx.method_data:
        if data.operation_type in (kind, family) and _concerns(ctx, data):
            return data, "fiche méthode éprouvée"
    if tool is None:
        return None
    usable = [d for d in tool.cutting_data if d.operation_type in (kind, family) and _concerns(ctx, d)]
    for wanted in ("manual", "accepted", "proposed"):
        for data in usable:
            if data.status == "rejected":
                continue
            if wanted == "manual" and data.source == "manual":
                return data, f"{SOURCE_LABELS['manual']} {tool.code}"
            if wanted == data.status and (wanted == "accepted" or ctx.allow_proposed):
                suffix = " — proposé, à accepter" if wanted == "proposed" else ""
                return data, f"{SOURCE_LABELS.get(data.source, 'fiche outil')} {tool.code}{suffix}"
    return None


def _concerns(ctx: Context, data: CuttingData) -> bool:
    if data.material:
        return data.material.casefold() == ctx.material_name.casefold()
    return not data.iso513_group or ctx.group.code.startswith(data.iso513_group)


def table_speed(ctx: Context, column: str, value: float | None, factor: float = 1.0, why: str = "") -> Value:
    """A speed of the default tables, scaled; raises if the table has none (no default is invented, QUO-47)."""
    if value is None:
        message = f"Aucune vitesse de coupe « {column} » pour le groupe {ctx.group.code} : à saisir sur la fiche outil."
        raise InfeasibleError("cutting_data_missing", message, "cutting_data.vc_m_min")
    inputs: dict[str, float | str] = {"Vc table": value}
    formula = "Vc table"
    if factor != 1.0:
        formula, inputs[why or "facteur"] = f"Vc table × {why or 'facteur'}", factor
    if ctx.is_cast_aluminium:
        factor *= ctx.rules.cast_aluminium_vc_factor
        formula, inputs["AlSi de fonderie"] = formula + " × AlSi", ctx.rules.cast_aluminium_vc_factor
    return Value(value * factor, "m/min", formula, inputs, f"table {column}, groupe {ctx.group.code}")


def with_record(ctx: Context, tool: Tool | None, kind: str, data: Data) -> Data:
    """Replace table values by the recorded ones where a record exists."""
    found = recorded(ctx, tool, kind)
    if found is None:
        return data
    record, source = found
    feed_value = record.f_mm_rev if record.f_mm_rev is not None else record.fz_mm
    return Data(
        vc=Value(record.vc_m_min, "m/min", "valeur relevée", {}, source) if record.vc_m_min else data.vc,
        feed=Value(feed_value, data.feed.unit, "valeur relevée", {}, source) if feed_value else data.feed,
        ap_mm=record.ap_mm if record.ap_mm else data.ap_mm,
        ae_mm=record.ae_mm if record.ae_mm and data.ae_mm is not None else data.ae_mm,
        ap_source=source if record.ap_mm else data.ap_source,
        notes=data.notes,
    )


def spindle_speed(ctx: Context, vc: Value, diameter_mm: float, tool: Tool | None) -> Value:
    """n = min(1000·Vc/(π·D), machine, tool), rev/min (QUO-20)."""
    n = 1000 * vc.value / (math.pi * diameter_mm)
    inputs: dict[str, float | str] = {"Vc": vc.value, "D": diameter_mm}
    source = "calcul"
    limits = [(ctx.machine.max_spindle_rpm, f"n max {ctx.drive_name}")]
    if tool is not None:
        limits.append((tool.max_rpm, f"n max outil {tool.code}"))
    for limit, label in limits:
        if limit is not None and n > limit:
            n, source = limit, f"limité : {label}"
            inputs[label] = limit
    return Value(n, "tr/min", "n = min(1000·Vc/(π·D) ; machine ; outil)", inputs, source)


def actual_speed(vc: Value, n: Value, diameter_mm: float) -> Value:
    """The cutting speed really reached once n is limited."""
    if not n.source.startswith("limité"):
        return vc
    return Value(
        math.pi * diameter_mm * n.value / 1000,
        "m/min",
        "Vc = π·D·n/1000",
        {"D": diameter_mm, "n": n.value},
        n.source,
    )


def feed_rate(ctx: Context, n: Value, feed: Value, teeth: int | None = None) -> Value:
    """Vf = n·f or n·z·fz, not above the machine's largest feed, mm/min (QUO-20)."""
    vf = n.value * feed.value * (teeth or 1)
    inputs: dict[str, float | str] = {"n": n.value, "f" if teeth is None else "fz": feed.value}
    formula = "Vf = n·f"
    if teeth is not None:
        inputs["z"], formula = float(teeth), "Vf = n·z·fz"
    limit = ctx.machine.max_feed_mm_min
    if limit is not None and vf > limit:
        inputs["Vf max machine"] = limit
        return Value(limit, "mm/min", formula, inputs, f"limité : Vf max machine {ctx.machine.code}")
    return Value(vf, "mm/min", formula, inputs, "calcul")


def specific_force(ctx: Context, h_mm: float) -> float:
    """Kienzle: kc = kc1.1·h^−mc, N/mm², h in mm."""
    return ctx.group.kc11_n_mm2 * math.pow(max(h_mm, 0.005), -ctx.group.mc)


def turning_power(ctx: Context, vc: float, ap_mm: float, f_mm: float) -> Value:
    """Pc = Vc·ap·f·kc/60 000, kW (QUO-21)."""
    kc = specific_force(ctx, f_mm)
    return _power(
        ctx,
        vc * ap_mm * f_mm * kc / 60_000,
        "Pc = Vc·ap·f·kc/60 000",
        {"Vc": vc, "ap": ap_mm, "f": f_mm, "kc": kc},
    )


def milling_power(
    ctx: Context, ap_mm: float, ae_mm: float, vf: float, *, fz_mm: float, diameter_mm: float
) -> Value:
    """Pc = ap·ae·Vf·kc/(60·10⁶), h = fz·√(ae/D), kW (QUO-21)."""
    kc = specific_force(ctx, fz_mm * math.sqrt(min(ae_mm / diameter_mm, 1.0)))
    inputs: dict[str, float | str] = {"ap": ap_mm, "ae": ae_mm, "Vf": vf, "kc": kc}
    return _power(ctx, ap_mm * ae_mm * vf * kc / 60e6, "Pc = ap·ae·Vf·kc/(60·10⁶), h = fz·√(ae/D)", inputs)


def drilling_power(ctx: Context, vc: float, diameter_mm: float, f_mm: float) -> Value:
    """Pc = f·Vc·D·kc/240 000, h = 0.43·f, kW (QUO-21)."""
    kc = specific_force(ctx, 0.43 * f_mm)
    inputs: dict[str, float | str] = {"f": f_mm, "Vc": vc, "D": diameter_mm, "kc": kc}
    return _power(ctx, f_mm * vc * diameter_mm * kc / 240_000, "Pc = f·Vc·D·kc/240 000, h = 0,43·f", inputs)


def _power(ctx: Context, kw: float, formula: str, inputs: dict[str, float | str]) -> Value:
    return Value(
        kw,
        "kW",
        formula,
        inputs,
        f"kc1.1 {number(ctx.group.kc11_n_mm2)}, mc {number(ctx.group.mc)} (groupe {ctx.group.code})",
    )


def torque(power: Value, n: Value) -> Value:
    """M = 9550·Pc/n, N·m (QUO-21)."""
    return Value(
        9550 * power.value / n.value, "N·m", "M = 9550·Pc/n", {"Pc": power.value, "n": n.value}, "calcul"
    )


def overload(ctx: Context, power: Value, n: Value) -> float:
    """How far the cut goes beyond the allowed share of power and torque: > 1 is too much (QUO-21)."""
    machine, ratio = ctx.machine, ctx.rules.power_limit_ratio
    shares = [0.0]
    if machine.spindle_power_kw:
        shares.append(power.value / (ratio * machine.spindle_power_kw))
    if machine.spindle_torque_nm:
        shares.append(torque(power, n).value / (ratio * machine.spindle_torque_nm))
    return max(shares)


def too_weak(ctx: Context, label: str) -> InfeasibleError:
    """Error for a cut that no reduction brings within the machine's power or torque."""
    message = f"{label} : puissance ou couple insuffisant, {ctx.drive_name}, même à conditions réduites."
    return InfeasibleError("power_exceeded", message, "machine.spindle_power_kw")


def finish_feed_limit(nose_radius_mm: float, ra_um: float) -> float:
    """Largest turning feed for a roughness: f = √(32·rε·Ra/1000), mm/rev (QUO-16)."""
    return math.sqrt(32 * nose_radius_mm * ra_um / 1000)


def finish_passes(
    rules: CuttingSettings, it: int | None, ra_um: float | None, geometric_mm: float | None = None
) -> int:
    """Number of finishing passes after QUO-16: 0, 1 or 2."""
    grade = it if it is not None else rules.default_it
    ra = ra_um if ra_um is not None else rules.default_ra_um
    if grade <= rules.double_finish_to_it or ra <= rules.double_finish_to_ra_um:
        return 2
    if geometric_mm is not None and geometric_mm <= rules.double_finish_to_geometric_mm:
        return 2
    if grade >= rules.no_finish_from_it and ra >= rules.no_finish_from_ra_um:
        return 0
    return 1


def depth(
    value: float, formula: str = "", inputs: dict[str, float | str] | None = None, source: str = "calcul"
) -> Value:
    """A depth or width of cut in mm."""
    return Value(value, "mm", formula, inputs or {}, source)


def minutes(value: float, formula: str, inputs: dict[str, float | str]) -> Value:
    """A cutting time in minutes."""
    return Value(value, "min", formula, inputs, "calcul")
