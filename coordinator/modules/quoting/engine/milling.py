"""Milling steps: faces, contours, pockets, slots, opened bores (QUO-16, QUO-20, QUO-21, QUO-25)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from coordinator.modules.quoting.engine import cutting as c
from coordinator.modules.quoting.engine.cutting import Context, Cut, Data, ToolChoice
from coordinator.modules.quoting.engine.shop import Tool
from coordinator.modules.quoting.engine.tools import ToolNeed, choose, in_stock
from coordinator.modules.quoting.engine.values import Value, size

_MOUNTED_WORTH = 1.3


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
        worth = _MOUNTED_WORTH if ctx.machine.code in tool.mounted_in else 1.0
        return -(tool.diameter_mm or 0.0) * worth, tool.usable_length_mm or 0.0

    return choose(need, ctx, rank)


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
    fz = Value(fz_value, "mm/dent", f"fz = fz10·(D/10)^{rules.end_mill_feed_exponent:g}", inputs, source)
    ratio = ap_ratio if ap_ratio is not None else rules.rough_mill_ap_ratio
    ap, ae = ratio * d, rules.rough_mill_ae_ratio * d
    if finish:
        ap, ae = tool.cutting_length_mm or d, rules.finish_mill_ae_ratio * d
    elif tool.cutting_length_mm:
        ap = min(ap, tool.cutting_length_mm)
    notes: tuple[str, ...] = ()
    if not finish and reach_mm > rules.overhang_from_ratio * d:
        ap, ae = ap * rules.overhang_factor, ae * rules.overhang_factor
        notes = (
            f"porte-à-faux > {rules.overhang_from_ratio:g}·D : ap et ae × {size(rules.overhang_factor)}",
        )
    data = Data(vc, fz, ap, ae, f"règle ap {ratio:g}·D, ae {rules.rough_mill_ae_ratio:g}·D", notes)
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


def _cut(
    label: str,
    choice: ToolChoice,
    e: Engagement,
    passes: int,
    time: Value,
    *,
    positions: int = 1,
) -> Cut:
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
    )


@dataclass(frozen=True, slots=True)
class FaceMilling:
    """A plane of ``length_mm`` × ``width_mm`` with ``stock_mm`` to take off."""

    length_mm: float
    width_mm: float
    stock_mm: float
    finish_passes: int = 1
    label: str = "Surfaçage"
    max_tool_mm: float | None = None
    operation_type: str = "milling"

    def cuts(self, ctx: Context) -> list[Cut]:
        choice, data = self._tool(ctx)
        d = choice.tool.diameter_mm or 50.0
        rules = ctx.rules
        finish_ap = rules.face_mill_finish_ap_mm if self.finish_passes else 0.0
        ae = min(data.ae_mm or rules.face_mill_ae_ratio * d, self.width_mm)
        strips = max(1, math.ceil(self.width_mm / ae - 1e-9))
        rough_stock = max(self.stock_mm - finish_ap, 0.0)
        ap = min(data.ap_mm, max(rough_stock, finish_ap))
        e = engage(ctx, choice.tool, data, ap_mm=ap, ae_mm=ae, label=self.label)
        rough = math.ceil(rough_stock / e.ap_mm - 1e-9) if rough_stock > 0 else 0
        passes = rough + self.finish_passes
        path = self.length_mm + d + 4
        time = passes * strips * path / e.vf.value
        inputs: dict[str, float | str] = {
            "L": self.length_mm,
            "D": d,
            "bandes": float(strips),
            "passes": float(passes),
            "Vf": e.vf.value,
        }
        label = f"{self.label} {size(self.length_mm)} × {size(self.width_mm)}"
        formula = "t = passes·bandes·(L + D + 4)/Vf"
        return [_cut(label, choice, e, passes, c.minutes(time, formula, inputs))]

    def _tool(self, ctx: Context) -> tuple[ToolChoice, Data]:
        """A face mill near 1.5 × the width; without any in stock a large end mill does the plane."""
        if self.max_tool_mm is not None:
            small = largest_end_mill(ctx, self.max_tool_mm, 0.0)
            data = end_mill_data(ctx, small.tool, False, 0.0)
            return small, replace(data, ae_mm=ctx.rules.face_mill_ae_ratio * (small.tool.diameter_mm or 10.0))
        need, wanted = ToolNeed("face_mill"), self.width_mm * 1.4

        def rank(tool: Tool) -> tuple[float, ...]:
            off = abs((tool.diameter_mm or 0.0) - wanted)
            return (off / _MOUNTED_WORTH**4 if ctx.machine.code in tool.mounted_in else off,)

        tool = in_stock(need, ctx, rank)
        if tool is None:
            mill = in_stock(ToolNeed("end_mill", min_diameter_mm=10), ctx)
            if mill is not None:
                data = end_mill_data(ctx, mill, False, 0.0)
                note = "fraise à surfacer absente du stock : surfaçage à la fraise 2 tailles"
                ae = ctx.rules.face_mill_ae_ratio * (mill.diameter_mm or 10.0)
                return ToolChoice(mill), replace(data, ap_mm=min(data.ap_mm, 1.0), ae_mm=ae, notes=(note,))
            choice = choose(replace(need, diameter_mm=50.0), ctx)
        else:
            choice = ToolChoice(tool)
        rules, code = ctx.rules, ctx.group.code
        ap = {"S": rules.face_mill_ap_s_mm, "H": rules.face_mill_ap_h_mm}.get(code[0], rules.face_mill_ap_mm)
        vc = c.table_speed(ctx, "fraise à surfacer", ctx.group.vc_face_mill)
        fz = Value(ctx.group.fz_face_mill, "mm/dent", "fz table", {}, f"table surfaçage, groupe {code}")
        ae = rules.face_mill_ae_ratio * (choice.tool.diameter_mm or 50.0)
        data = Data(vc, fz, ap, ae, "valeur par défaut")
        return choice, c.with_record(ctx, choice.tool, "milling_face", data)


@dataclass(frozen=True, slots=True)
class ContourMilling:
    """Side walls all around: ``perimeter_mm`` × ``height_mm`` with ``stock_mm`` per side."""

    perimeter_mm: float
    height_mm: float
    stock_mm: float
    finish_passes: int = 1
    label: str = "Contournage"
    operation_type: str = "milling"

    def cuts(self, ctx: Context) -> list[Cut]:
        reach = self.height_mm + ctx.rules.reach_margin_mm
        choice = largest_end_mill(ctx, 20.0, min(reach, 60.0))
        d = choice.tool.diameter_mm or 16.0
        allowance = ctx.rules.milling_allowance_mm if self.finish_passes else 0.0
        data = end_mill_data(ctx, choice.tool, False, reach)
        stock = max(self.stock_mm - allowance, 0.05)
        ap, ae = min(data.ap_mm, self.height_mm), min(data.ae_mm or d, stock)
        e = engage(ctx, choice.tool, data, ap_mm=ap, ae_mm=ae, label=self.label)
        axial, radial = math.ceil(self.height_mm / e.ap_mm - 1e-9), math.ceil(stock / e.ae_mm - 1e-9)
        time = axial * radial * (self.perimeter_mm + d + 4) / e.vf.value
        inputs: dict[str, float | str] = {
            "L": self.perimeter_mm,
            "D": d,
            "passes axiales": float(axial),
            "passes radiales": float(radial),
            "Vf": e.vf.value,
        }
        rough = _cut(
            f"{self.label} ébauche",
            choice,
            e,
            axial * radial,
            c.minutes(time, "t = Σ (L + D + 4)/Vf", inputs),
        )
        if not self.finish_passes:
            return [rough]
        wall = wall_finish(
            ctx, choice, self.perimeter_mm, self.height_mm, self.finish_passes, label=self.label
        )
        return [rough, wall]


def wall_finish(
    ctx: Context,
    choice: ToolChoice,
    length_mm: float,
    height_mm: float,
    passes: int,
    *,
    label: str,
    count: int = 1,
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
    return _cut(f"{label} finition", choice, e, axial * passes, value, positions=count)


@dataclass(frozen=True, slots=True)
class PocketMilling:
    """``count`` pockets of a volume and depth; sizes are those of the opening."""

    length_mm: float
    width_mm: float
    depth_mm: float
    corner_radius_mm: float | None = None
    volume_mm3: float | None = None
    count: int = 1
    finish_passes: int = 1
    label: str = "Poche"
    operation_type: str = "milling"

    def cuts(self, ctx: Context) -> list[Cut]:
        reach = self.depth_mm + ctx.rules.reach_margin_mm
        choice = largest_end_mill(ctx, min(0.65 * self.width_mm, 20.0), reach)
        label = f"{self.label} {size(self.length_mm)} × {size(self.width_mm)} × {size(self.depth_mm)}"
        volume = self.volume_mm3 or self.length_mm * self.width_mm * self.depth_mm
        rough = bulk(ctx, choice, volume, self.depth_mm, f"{label} ébauche", count=self.count)
        if not self.finish_passes:
            return [rough]
        finisher = choice
        radius = self.corner_radius_mm
        if radius and (choice.tool.diameter_mm or 0.0) > 2 * radius:
            finisher = largest_end_mill(ctx, 2 * radius, reach)
        perimeter = 2 * (self.length_mm + self.width_mm)
        walls = wall_finish(
            ctx, finisher, perimeter, self.depth_mm, self.finish_passes, label=label, count=self.count
        )
        d = choice.tool.diameter_mm or 10.0
        strips = max(1, math.ceil(self.width_mm / (0.7 * d) - 1e-9))
        floor = (
            strips
            * (max(self.length_mm - d, 0.0) + 4)
            / (rough.feed_mm_min.value if rough.feed_mm_min else 1.0)
        )
        inputs = {**walls.cut_min.inputs, "fond : bandes": float(strips), "fond (min)": floor * self.count}
        time = walls.cut_min.value + self.count * floor
        value = c.minutes(time, "t = Σ (L + D + 4)/Vf (parois) + bandes·L/Vf (fond)", dict(inputs))
        return [rough, replace(walls, cut_min=value)]


def bulk(
    ctx: Context, choice: ToolChoice, volume_mm3: float, depth_mm: float, label: str, *, count: int = 1
) -> Cut:
    """Remove a volume: t = 1.25·V/(ap·ae·Vf) (QUO-20)."""
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
    return _cut(
        label, choice, e, passes, c.minutes(time, f"t = {factor:g}·V/(ap·ae·Vf)", inputs), positions=count
    )


@dataclass(frozen=True, slots=True)
class VolumeMilling:
    """Shapes that no feature describes: the volume left between blank and part, walls finished over an equal area."""

    volume_mm3: float
    depth_mm: float
    area_mm2: float
    finish_passes: int = 1
    label: str = "Formes restantes"
    operation_type: str = "milling"

    def cuts(self, ctx: Context) -> list[Cut]:
        choice = largest_end_mill(ctx, 16.0, min(self.depth_mm + ctx.rules.reach_margin_mm, 50.0))
        rough = bulk(ctx, choice, self.volume_mm3, self.depth_mm, f"{self.label} ébauche")
        if not self.finish_passes:
            return [rough]
        length = self.area_mm2 / self.depth_mm
        return [rough, wall_finish(ctx, choice, length, self.depth_mm, self.finish_passes, label=self.label)]


@dataclass(frozen=True, slots=True)
class SlotMilling:
    """``count`` slots (rainures, keyways): full width at ap = 0.5·D, walls finished if the mill is smaller."""

    length_mm: float
    width_mm: float
    depth_mm: float
    count: int = 1
    finish_passes: int = 1
    label: str = "Rainure"
    operation_type: str = "milling"

    def cuts(self, ctx: Context) -> list[Cut]:
        reach = self.depth_mm + ctx.rules.reach_margin_mm
        choice = largest_end_mill(ctx, min(self.width_mm, 20.0), reach)
        d = choice.tool.diameter_mm or self.width_mm
        label = f"{self.label} {size(self.width_mm)} × {size(self.length_mm)} × {size(self.depth_mm)}"
        data = end_mill_data(ctx, choice.tool, False, reach, ctx.rules.slot_mill_ap_ratio)
        e = engage(ctx, choice.tool, data, ap_mm=min(data.ap_mm, self.depth_mm), ae_mm=d, label=label)
        axial = max(1, math.ceil(self.depth_mm / e.ap_mm - 1e-9))
        lanes = max(1, math.ceil(self.width_mm / d - 1e-9))
        time = self.count * axial * lanes * (self.length_mm + d + 4) / e.vf.value
        inputs: dict[str, float | str] = {
            "L": self.length_mm,
            "D": d,
            "passes axiales": float(axial),
            "voies": float(lanes),
            "Vf": e.vf.value,
            "nombre": float(self.count),
        }
        value = c.minutes(time, "t = Σ (L + D + 4)/Vf", inputs)
        rough = _cut(f"{label} ébauche", choice, e, axial * lanes, value, positions=self.count)
        if not self.finish_passes:
            return [rough]
        wall = 2 * self.length_mm + self.width_mm
        return [
            rough,
            wall_finish(ctx, choice, wall, self.depth_mm, self.finish_passes, label=label, count=self.count),
        ]


def open_bore(
    ctx: Context, start_mm: float, diameter_mm: float, depth_mm: float, *, passes: int, count: int
) -> list[Cut]:
    """Open a hole by circular interpolation from ``start_mm`` (0 = full) to ``diameter_mm``."""
    choice = largest_end_mill(ctx, min(0.7 * diameter_mm, 20.0), depth_mm + ctx.rules.reach_margin_mm)
    label = f"Interpolation Ø{size(diameter_mm)} × {size(depth_mm)}"
    cuts: list[Cut] = []
    if diameter_mm - start_mm > 4 * ctx.rules.milling_allowance_mm:
        volume = math.pi / 4 * (diameter_mm**2 - start_mm**2) * depth_mm
        cuts.append(bulk(ctx, choice, volume, depth_mm, f"{label} ébauche", count=count))
    if passes or not cuts:
        cuts.append(
            wall_finish(
                ctx, choice, math.pi * diameter_mm, depth_mm, max(passes, 1), label=label, count=count
            )
        )
    return cuts
