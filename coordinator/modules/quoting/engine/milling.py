"""Milling conditions, walls, volumes and opened bores (QUO-16, QUO-20, QUO-21, QUO-25); shapes in :mod:`milled_shapes`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from coordinator.modules.quoting.engine import cutting as c
from coordinator.modules.quoting.engine.cutting import Context, Cut, Data, ToolChoice
from coordinator.modules.quoting.engine.shapes import Point, Shape, shape
from coordinator.modules.quoting.engine.shop import Tool
from coordinator.modules.quoting.engine.tools import ToolNeed, choose, in_stock, matches
from coordinator.modules.quoting.engine.values import InfeasibleError, Value, number, size

MOUNTED_WORTH = 1.3
_FINISH_AP_RATIO = 2.5
_ROLLING_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Engagement:
    """Conditions of one milling cut after the machine's limits."""

    vc: Value
    n: Value
    fz: Value
    vf: Value
    ap_mm: float
    ae_mm: float
    power: Value
    warnings: tuple[str, ...] = ()


def largest_end_mill(
    ctx: Context, max_mm: float, reach_mm: float, corner_mm: float | None = None
) -> ToolChoice:
    """The largest end mill that enters and reaches, short before long; a little smaller one if already mounted."""
    need = ToolNeed(
        "end_mill",
        max_diameter_mm=round(max_mm, 2),
        reach_mm=round(reach_mm, 1),
        max_corner_radius_mm=corner_mm,
    )

    def rank(tool: Tool) -> tuple[float, ...]:
        worth = MOUNTED_WORTH if ctx.machine.code in tool.mounted_in else 1.0
        return -(tool.diameter_mm or 0.0) * worth, tool.usable_length_mm or 0.0

    return choose(need, ctx, rank)


def quickest(ctx: Context, need: ToolNeed, minutes: Callable[[Tool], float], setup_min: float) -> Tool | None:
    """The stock's tool that costs the batch least machine time: its minutes per piece, and its set-up where it is not
    mounted yet. One that the machine is too weak for is passed over."""
    best: tuple[float, str, Tool] | None = None
    for tool in (t for t in ctx.shop.tools if t.in_stock and matches(need, t, ctx)):
        try:
            total = ctx.quantity * minutes(tool)
        except InfeasibleError:
            continue
        total += 0.0 if ctx.machine.code in tool.mounted_in else setup_min
        if best is None or (total, tool.code) < best[:2]:
            best = (total, tool.code, tool)
    return best[2] if best else None


def quickest_rougher(
    ctx: Context,
    max_mm: float,
    reach_mm: float,
    volume_mm3: float,
    depth_mm: float,
    *,
    is_closed: bool = False,
) -> ToolChoice:
    """End mill that empties a volume soonest; without any in stock the largest to buy."""
    need = ToolNeed("end_mill", max_diameter_mm=round(max_mm, 2), reach_mm=round(reach_mm, 1))

    def minutes(tool: Tool) -> float:
        cut = bulk(ctx, ToolChoice(tool), volume_mm3, depth_mm, "", is_closed=is_closed)
        return cut.cut_min.value + cut.entry_min

    tool = quickest(ctx, need, minutes, ctx.shop.settings.times.setup_per_missing_tool_min)
    return ToolChoice(tool) if tool is not None else largest_end_mill(ctx, max_mm, reach_mm)


def end_mill_data(
    ctx: Context, tool: Tool, finish: bool, reach_mm: float, ap_ratio: float | None = None
) -> Data:
    """Speeds and depths of an end mill: fz × (D/10)^0.85, ap and ae by diameter, × 0.7 beyond 4D overhang."""
    rules, d = ctx.rules, tool.diameter_mm or 10.0
    name = "fraise finition" if finish else "fraise ébauche"
    vc = c.table_speed(ctx, name, ctx.group.vc_end_mill[1 if finish else 0])
    fz_value = ctx.group.fz_end_mill * (d / 10) ** rules.end_mill_feed_exponent
    inputs: dict[str, float | str] = {"fz Ø10": ctx.group.fz_end_mill, "D": d}
    source = f"table fraise, groupe {ctx.group.code}"
    fz = Value(
        fz_value, "mm/dent", f"fz = fz10·(D/10)^{number(rules.end_mill_feed_exponent)}", inputs, source
    )
    ratio = ap_ratio if ap_ratio is not None else rules.rough_mill_ap_ratio
    ap, ae = ratio * d, rules.rough_mill_ae_ratio * d
    if finish:
        ap, ae = min(tool.cutting_length_mm or d, _FINISH_AP_RATIO * d), rules.finish_mill_ae_ratio * d
    elif tool.cutting_length_mm:
        ap = min(ap, tool.cutting_length_mm)
    notes: tuple[str, ...] = ()
    if not finish and reach_mm > rules.overhang_from_ratio * d:
        ap, ae = ap * rules.overhang_factor, ae * rules.overhang_factor
        notes = (
            f"porte-à-faux > {number(rules.overhang_from_ratio)}·D : ap et ae × {size(rules.overhang_factor)}",
        )
    data = Data(
        vc, fz, ap, ae, f"règle ap {number(ratio)}·D, ae {number(rules.rough_mill_ae_ratio)}·D", notes
    )
    return c.with_record(ctx, tool, "milling_finish" if finish else "milling_rough", data)


def engage(ctx: Context, tool: Tool, data: Data, *, ap_mm: float, ae_mm: float, label: str) -> Engagement:
    """Apply the machine's limits: n, Vf, then lower ap, ae and fz until Pc ≤ 0.8·P and torque hold (QUO-21)."""
    d = tool.diameter_mm or 10.0
    ap, ae, fz = ap_mm, ae_mm, data.feed
    notes = list(data.notes)
    n = c.spindle_speed(ctx, data.vc, d, tool)
    while True:
        vf = c.feed_rate(ctx, n, fz, tool.teeth)
        power = c.milling_power(ctx, ap, ae, vf.value, fz_mm=fz.value, diameter_mm=d)
        load = c.overload(ctx, power, n)
        if load <= 1.0:
            break
        if ap > ctx.rules.min_mill_ap_ratio * d:
            ap = max(ctx.rules.min_mill_ap_ratio * d, min(ap / load, ap * 0.98))
            notes.append("ap réduit (puissance)")
        elif ae > ctx.rules.min_mill_ap_ratio * d:
            ae = ae * 0.8
            notes.append("ae réduit (puissance)")
        elif fz.value > data.feed.value * ctx.rules.min_feed_ratio:
            fz = replace(fz, value=fz.value * 0.9, source="réduit (puissance)")
            notes.append("fz réduit (puissance)")
        else:
            raise c.too_weak(ctx, label)
    warnings = tuple(f"{label} : {note}." for note in dict.fromkeys(notes))
    return Engagement(c.actual_speed(data.vc, n, d), n, fz, vf, ap, ae, power, warnings)


def cut_of(
    label: str,
    choice: ToolChoice,
    e: Engagement,
    passes: int,
    time: Value,
    *,
    positions: int = 1,
    where: Shape | None = None,
    stage: int = 10,
) -> Cut:
    """The resolved milling operation; ``stage`` is its rank in the clamping (see :mod:`.sequence`)."""
    rule = "règle par diamètre"
    return Cut(
        operation_type="milling",
        label=label,
        choice=choice,
        passes=passes,
        cut_min=time,
        positions=positions,
        vc_m_min=e.vc,
        n_rev_min=e.n,
        feed=e.fz,
        feed_mm_min=e.vf,
        ap_mm=c.depth(e.ap_mm, "ap", {}, rule),
        ae_mm=c.depth(e.ae_mm, "ae", {}, rule),
        power_kw=e.power,
        torque_nm=c.torque(e.power, e.n),
        warnings=e.warnings,
        shape=where,
        stage=stage,
    )


def wall_finish(
    ctx: Context,
    choice: ToolChoice,
    length_mm: float,
    height_mm: float,
    passes: int,
    *,
    label: str,
    count: int = 1,
    inside: bool = False,
    places: tuple[Point, ...] = (),
    **sizes: float,
) -> Cut:
    """Finish walls at full cutting length, ae = 0.03·D: t = Σ(L + D + 4)/Vf."""
    d = choice.tool.diameter_mm or 10.0
    data = end_mill_data(ctx, choice.tool, True, height_mm)
    ap = min(data.ap_mm, height_mm)
    e = engage(ctx, choice.tool, data, ap_mm=ap, ae_mm=data.ae_mm or 0.03 * d, label=label)
    axial = max(1, math.ceil(height_mm / e.ap_mm - 1e-9))
    time = count * axial * passes * (length_mm + d + 4) / e.vf.value
    inputs: dict[str, float | str] = {
        "L": length_mm,
        "D": d,
        "passes axiales": float(axial),
        "passes": float(passes),
        "Vf": e.vf.value,
        "nombre": float(count),
    }
    value = c.minutes(time, "t = Σ (L + D + 4)/Vf", inputs)
    where = shape(
        "walls",
        count=count,
        places=places,
        length=length_mm,
        height=height_mm,
        passes=float(passes),
        inside=float(inside),
    )
    where = replace(where, sizes={**where.sizes, **sizes})
    return cut_of(
        f"{label} finition", choice, e, axial * passes, value, positions=count, where=where, stage=60
    )


def corner_mill(
    ctx: Context, radius_mm: float, reach_mm: float, label: str
) -> tuple[ToolChoice, tuple[str, ...]]:
    """Finishing mill of an inner radius: one that rolls through the corner rather than filling it, where that is stiff
    enough; a radius no mill can reach is named with its ways out, never milled with a needle."""
    smallest = max(ctx.rules.smallest_end_mill_mm, reach_mm / ctx.rules.end_mill_max_reach_ratio)
    if 2 * radius_mm >= smallest:
        rolling = ToolNeed(
            "end_mill", max_diameter_mm=round(_ROLLING_SHARE * 2 * radius_mm, 2), reach_mm=round(reach_mm, 1)
        )
        smaller = in_stock(rolling, ctx)
        stiff = smaller is not None and reach_mm <= ctx.rules.overhang_from_ratio * (
            smaller.diameter_mm or 1.0
        )
        widest = rolling.max_diameter_mm if stiff and rolling.max_diameter_mm else 2 * radius_mm
        return largest_end_mill(ctx, widest, reach_mm), ()
    note = (
        f"{label} : rayon intérieur R{size(radius_mm)} sur {size(reach_mm)} mm hors de portée d'une fraise (Ø ≥ {size(smallest)}) : "
        "rayon plus grand à demander au client, ou électro-érosion."
    )
    return largest_end_mill(ctx, max(smallest, 3.0), reach_mm), (note,)


def bulk(
    ctx: Context,
    choice: ToolChoice,
    volume_mm3: float,
    depth_mm: float,
    label: str,
    *,
    count: int = 1,
    area: tuple[float, float] | None = None,
    places: tuple[Point, ...] = (),
    start_mm: float = 0.0,
    is_closed: bool = False,
    is_notch: bool = False,
) -> Cut:
    """Remove a volume: t = 1.25·V/(ap·ae·Vf) (QUO-20); a closed one is entered by a ramp, told with the approaches.

    A bore takes at least its turns, each of diameter Di: the feed of the contour is Vf, so that one lasts π·Di/Vf.
    """
    data = end_mill_data(ctx, choice.tool, False, depth_mm + ctx.rules.reach_margin_mm)
    d = choice.tool.diameter_mm or 10.0
    e = engage(
        ctx, choice.tool, data, ap_mm=min(data.ap_mm, depth_mm), ae_mm=data.ae_mm or 0.35 * d, label=label
    )
    factor = ctx.rules.pocket_time_factor
    time = count * factor * volume_mm3 / (e.ap_mm * e.ae_mm * e.vf.value)
    passes = max(1, math.ceil(depth_mm / e.ap_mm - 1e-9))
    inputs: dict[str, float | str] = {
        "V": volume_mm3,
        "ap": e.ap_mm,
        "ae": e.ae_mm,
        "Vf": e.vf.value,
        "nombre": float(count),
    }
    length, width = area or (math.sqrt(volume_mm3 / depth_mm),) * 2
    where = shape(
        "volume",
        count=count,
        places=places,
        volume=volume_mm3,
        length=length,
        width=width,
        depth=depth_mm,
        start=start_mm,
        round=float(start_mm > 0),
        notch=float(is_notch),
    )
    many = "nombre·" if count > 1 else ""
    formula = f"t = {many}{number(factor)}·V/(ap·ae·Vf)"
    if start_mm:
        inner = min(max(start_mm, d), length)
        rings = max(1, math.ceil((length - inner) / 2 / e.ae_mm - 1e-9))
        mean = inner + (length - inner) * (rings + 1) / (2 * rings)
        around = count * passes * rings * math.pi * mean / e.vf.value
        if around > time:
            time, formula = around, f"t = {many}passes·tours·π·D moyen/Vf"
            inputs |= {"passes": float(passes), "tours": float(rings), "D moyen": mean}
    value = c.minutes(time, formula, inputs)
    rules = ctx.rules
    ramp = count * depth_mm / rules.ramp_slope / (rules.ramp_feed_factor * e.vf.value) if is_closed else 0.0
    cut = cut_of(label, choice, e, passes, value, positions=count, where=where)
    return replace(cut, entry_min=ramp)


def open_bore(
    ctx: Context,
    start_mm: float,
    diameter_mm: float,
    depth_mm: float,
    *,
    passes: int,
    count: int,
    places: tuple[Point, ...] = (),
) -> list[Cut]:
    """Open a hole by circular interpolation from ``start_mm`` (0 = full) to ``diameter_mm``."""
    choice = largest_end_mill(ctx, min(0.7 * diameter_mm, 20.0), depth_mm + ctx.rules.reach_margin_mm)
    label = f"Interpolation Ø{size(diameter_mm)} × {size(depth_mm)}"
    cuts: list[Cut] = []
    if diameter_mm - start_mm > 4 * ctx.rules.milling_allowance_mm:
        volume = math.pi / 4 * (diameter_mm**2 - start_mm**2) * depth_mm
        opened = bulk(
            ctx,
            choice,
            volume,
            depth_mm,
            f"{label} ébauche",
            count=count,
            area=(diameter_mm, diameter_mm),
            places=places,
            start_mm=max(start_mm, 1e-3),
        )
        cuts.append(opened)
    if passes or not cuts:
        cuts.append(
            wall_finish(
                ctx,
                choice,
                math.pi * diameter_mm,
                depth_mm,
                max(passes, 1),
                label=label,
                count=count,
                inside=True,
                places=places,
                diameter=diameter_mm,
            )
        )
    return cuts
