"""Hole chains (QUO-17): drill, drill + mill/bore, drill + ream or bore, spot + drill + countersink + tap, counterbore."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from coordinator.modules.quoting.engine import cutting as c
from coordinator.modules.quoting.engine.cutting import Context, Cut, ToolChoice
from coordinator.modules.quoting.engine.milling import end_mill_data, engage, open_bore
from coordinator.modules.quoting.engine.settings import stepped
from coordinator.modules.quoting.engine.shop import Tool
from coordinator.modules.quoting.engine.tolerances import it_value_mm
from coordinator.modules.quoting.engine.tools import ToolNeed, choose, from_supplier, in_stock, to_ask
from coordinator.modules.quoting.engine.turning import FinishTurning, RoughTurning, Segment
from coordinator.modules.quoting.engine.values import InfeasibleError, Value, size

_DRILL_SLACK_MM = 0.061


@dataclass(frozen=True, slots=True)
class Hole:
    """``count`` equal holes. ``pitch_mm`` makes it a thread; ``counterbores`` = ((Ø, depth), …)."""

    diameter_mm: float
    depth_mm: float
    through: bool = False
    it: int | None = None
    ra_um: float | None = None
    count: int = 1
    pitch_mm: float | None = None
    counterbores: tuple[tuple[float, float], ...] = ()
    countersink_mm: float | None = None
    on_axis: bool = False
    pre_mm: float = 0.0
    depth_is_drilled: bool = False
    operation_type: str = "drilling"

    @property
    def label(self) -> str:
        name = f"M{self.diameter_mm:g}" if self.pitch_mm else f"Ø{size(self.diameter_mm)}"
        return f"Perçage {self.count} × {name}"

    def cuts(self, ctx: Context) -> list[Cut]:
        """The chain on one machine."""
        if self.pitch_mm:
            cuts = self._threaded(ctx, self.pitch_mm)
        else:
            cuts = self._plain(ctx)
        for diameter, depth in self.counterbores:
            cuts += counterbore(
                ctx, diameter, depth, hole_mm=self.diameter_mm, count=self.count, on_axis=self.on_axis
            )
        if self.countersink_mm and not self.pitch_mm:
            cuts.append(countersink(ctx, self.countersink_mm, self.diameter_mm, self.count))
        return cuts

    def _plain(self, ctx: Context) -> list[Cut]:
        it = self.it if self.it is not None else ctx.rules.default_it
        if self.pre_mm and self.on_axis:
            passes = max(1, c.finish_passes(ctx.rules, self.it, self.ra_um))
            return self._bored(ctx, self.pre_mm, self.diameter_mm, passes)
        if it >= 11:
            return self._drilled(ctx, self.diameter_mm, 0)
        if it >= 9 or self.diameter_mm > ctx.rules.ream_to_mm or ctx.group.f_ream is None:
            passes = max(1, c.finish_passes(ctx.rules, self.it, self.ra_um))
            return self._drilled(ctx, self.diameter_mm, passes)
        allowance = stepped(ctx.rules.ream_allowance_mm, self.diameter_mm)
        pre = round(self.diameter_mm - allowance, 3)
        return [*self._drilled(ctx, pre, 0), ream(ctx, self.diameter_mm, self.depth_mm, self.count)]

    def _drilled(self, ctx: Context, target_mm: float, finish: int) -> list[Cut]:
        """Drill to the target, or the largest drill below it and open by milling (mill) or boring (lathe)."""
        if finish == 0 and self._has_drill(ctx, target_mm):
            return [drill(ctx, target_mm, self.depth_mm, self.count, self._slack(ctx, target_mm))]
        limit = target_mm - 2 * ctx.rules.milling_allowance_mm + (0.1 if finish == 0 else 0.0)
        need = ToolNeed("drill", max_diameter_mm=limit, reach_mm=self.depth_mm + ctx.rules.reach_margin_mm)
        pre = in_stock(need, ctx)
        if pre is None and finish == 0 and target_mm <= ctx.rules.ream_to_mm:
            return [drill(ctx, target_mm, self.depth_mm, self.count)]
        first: list[Cut] = []
        start = 0.0
        if pre is not None and pre.diameter_mm:
            start = pre.diameter_mm
            first = [drill_with(ctx, ToolChoice(pre), self.depth_mm, self.count)]
        elif self.on_axis:
            start = min(limit, 20.0)
            first = [drill(ctx, start, self.depth_mm, self.count)]
        if self.on_axis:
            return first + self._bored(ctx, start, target_mm, finish)
        if ctx.machine.can_turn:
            finish = max(finish, 1)
        return first + self._opened(ctx, start, target_mm, finish)

    def _has_drill(self, ctx: Context, target_mm: float) -> bool:
        need = self._need(ctx, target_mm)
        return in_stock(need, ctx) is not None or (target_mm <= 20.0 and from_supplier(need, ctx) is not None)

    def _need(self, ctx: Context, d: float) -> ToolNeed:
        reach = self.depth_mm + ctx.rules.reach_margin_mm
        return ToolNeed("drill", d, self._slack(ctx, d), reach_mm=reach)

    def _slack(self, ctx: Context, d: float) -> float:
        """How far a drill may be from the size: 0.06 mm, or 0.4 of the tolerance of a coarse hole."""
        it = self.it if self.it is not None else ctx.rules.default_it
        if self.pitch_mm or it < 11 or d != self.diameter_mm:
            return _DRILL_SLACK_MM
        return max(_DRILL_SLACK_MM, 0.4 * it_value_mm(d, min(it, 14)))

    def _bored(self, ctx: Context, start: float, target: float, finish: int) -> list[Cut]:
        allowance = ctx.rules.turning_allowance_mm if finish else 0.0
        cuts: list[Cut] = []
        rough_to = target - 2 * allowance
        if rough_to - start > 0.2:
            rough = RoughTurning(((start, rough_to, self.depth_mm),), True, label="Alésage ébauche")
            cuts += rough.cuts(ctx)
        if finish:
            segment = Segment(target, self.depth_mm, self.it, self.ra_um)
            cuts += FinishTurning((segment,), allowance, True, label="Alésage finition").cuts(ctx)
        return cuts

    def _opened(self, ctx: Context, start: float, target: float, finish: int) -> list[Cut]:
        it = self.it if self.it is not None else ctx.rules.default_it
        if it >= 9 or target <= ctx.rules.ream_to_mm:
            return open_bore(ctx, start, target, self.depth_mm, passes=finish, count=self.count)
        near = target - 2 * ctx.rules.milling_allowance_mm
        rough = (
            open_bore(ctx, start, near, self.depth_mm, passes=0, count=self.count)
            if near - start > 0.5
            else []
        )
        return [*rough, boring_head(ctx, target, self.depth_mm, finish, self.count)]

    def _threaded(self, ctx: Context, pitch: float) -> list[Cut]:
        core = round(self.diameter_mm - pitch, 2)
        drilled, threaded = self.depth_mm, self.depth_mm
        if not self.through and self.depth_is_drilled:
            threaded = max(drilled - 2 * pitch, 0.5 * drilled)
        elif not self.through:
            drilled = threaded + 3 * pitch
        cuts = [spot(ctx, core, self.count), drill(ctx, core, drilled, self.count)]
        cuts.append(countersink(ctx, self.diameter_mm * 1.05, core, self.count))
        blind_deep = not self.through and threaded > ctx.rules.thread_mill_blind_ratio * self.diameter_mm
        if ctx.group.code == "H" or blind_deep:
            cuts.append(thread_mill(ctx, self.diameter_mm, pitch, threaded, self.count))
        else:
            cuts.append(tap(ctx, self.diameter_mm, pitch, threaded, self.count))
        return cuts


def _drill_feed(ctx: Context, d: float, hss: bool, factor: float = 1.0) -> Value:
    rules = ctx.rules
    value = ctx.group.f_drill * (d / 10) ** rules.drill_feed_exponent * factor
    inputs: dict[str, float | str] = {"f Ø10": ctx.group.f_drill, "D": d}
    formula = f"f = f10·(D/10)^{rules.drill_feed_exponent:g}"
    if hss:
        value *= rules.hss_drill_feed_factor
        inputs["HSS"], formula = rules.hss_drill_feed_factor, formula + "·HSS"
    if factor != 1.0:
        inputs["facteur"], formula = factor, formula + "·facteur"
    return Value(value, "mm/tr", formula, inputs, f"table foret, groupe {ctx.group.code}")


def _drill_speed(ctx: Context, tool: Tool, factor: float = 1.0, why: str = "") -> Value:
    if tool.substrate == "hss":
        return c.table_speed(ctx, "foret HSS-Co", ctx.group.vc_drill_hss, factor, why)
    return c.table_speed(ctx, "foret carbure", ctx.group.vc_drill_carbide, factor, why)


def drill(ctx: Context, d: float, depth: float, count: int, slack_mm: float = _DRILL_SLACK_MM) -> Cut:
    """Drill with the stock's drill, else the one to buy: HSS-Co below 20 holes in P1–P2 or N, else the cheaper."""
    need = ToolNeed("drill", d, slack_mm, reach_mm=depth + ctx.rules.reach_margin_mm)
    tool = in_stock(need, ctx)
    if tool is not None:
        return drill_with(ctx, ToolChoice(tool), depth, count)
    soft = ctx.group.code in ("P1", "P2") or ctx.group.code.startswith("N")
    carbide, hss = (
        _bought(ctx, replace(need, substrate="carbide")),
        _bought(ctx, replace(need, substrate="hss")),
    )
    if ctx.group.vc_drill_hss is None:
        return drill_with(ctx, carbide, depth, count)
    if soft and count * ctx.quantity < ctx.rules.hss_below_holes:
        return drill_with(ctx, hss, depth, count)
    options = [drill_with(ctx, carbide, depth, count)]
    if soft:
        options.append(drill_with(ctx, hss, depth, count))
    return min(options, key=lambda cut: _cost_per_piece(ctx, cut))


def _bought(ctx: Context, need: ToolNeed) -> ToolChoice:
    return from_supplier(need, ctx) or to_ask(need, ctx)


def _cost_per_piece(ctx: Context, cut: Cut) -> float:
    price = float(cut.choice.tool.price or 0) if cut.choice else 0.0
    return price / ctx.quantity + cut.cut_min.value * ctx.machine_rate_eur_h / 60


def drill_with(ctx: Context, choice: ToolChoice, depth: float, count: int) -> Cut:
    """t = (depth + 0.3·D + 2)/Vf per hole; × 1.5 beyond 5D (pecking), × 2 beyond 10D (QUO-17, QUO-20)."""
    tool, rules = choice.tool, ctx.rules
    d = tool.diameter_mm or 10.0
    data = c.Data(_drill_speed(ctx, tool), _drill_feed(ctx, d, tool.substrate == "hss"), d / 2)
    data = c.with_record(ctx, tool, "drilling", data)
    n = c.spindle_speed(ctx, data.vc, d, tool)
    vc, feed, warnings = c.actual_speed(data.vc, n, d), data.feed, tuple[str, ...]()
    power = c.drilling_power(ctx, vc.value, d, feed.value)
    while c.overload(ctx, power, n) > 1.0:
        if feed.value < data.feed.value * rules.min_feed_ratio:
            raise c.too_weak(ctx, f"Perçage Ø{size(d)}")
        feed = replace(feed, value=feed.value * 0.9, source="réduit (puissance)")
        power = c.drilling_power(ctx, vc.value, d, feed.value)
        warnings = (f"Perçage Ø{size(d)} : avance réduite (puissance).",)
    vf = c.feed_rate(ctx, n, feed)
    ratio, factor = depth / d, 1.0
    if ratio > rules.peck_from_ratio:
        factor = rules.deep_factor if ratio > rules.deep_from_ratio else rules.peck_factor
    time = count * factor * (depth + 0.3 * d + 2) / vf.value
    inputs: dict[str, float | str] = {
        "profondeur": depth,
        "D": d,
        "Vf": vf.value,
        "débourrage": factor,
        "trous": float(count),
    }
    value = c.minutes(time, "t = trous·débourrage·(prof. + 0,3·D + 2)/Vf", inputs)
    return Cut(
        "drilling",
        f"Perçage {count} × Ø{size(d)} × {size(depth)}",
        choice,
        1,
        value,
        count,
        vc,
        n,
        feed,
        vf,
        c.depth(d / 2, "ap = D/2", {"D": d}),
        None,
        power,
        c.torque(power, n),
        warnings,
    )


def spot(ctx: Context, d: float, count: int) -> Cut:
    """Spot the position of a hole to come, a third of its diameter deep."""
    choice = choose(ToolNeed("spot_drill"), ctx)
    tool_d = min(choice.tool.diameter_mm or 10.0, d)
    depth = min(tool_d, d) / 3
    speed = _drill_speed(ctx, choice.tool, ctx.rules.countersink_vc_factor, "pointage")
    n = c.spindle_speed(ctx, speed, tool_d, choice.tool)
    feed = _drill_feed(ctx, tool_d, choice.tool.substrate == "hss")
    return _plunge(
        ctx, f"Pointage {count} × Ø{size(d)}", choice, (speed, n, feed), d=tool_d, depth=depth, count=count
    )


def countersink(ctx: Context, outer_mm: float, hole_mm: float, count: int) -> Cut:
    """Countersink or chamfer to ``outer_mm`` at 90°: 0.5 × the drill's Vc (QUO-25)."""
    choice = choose(ToolNeed("countersink", min_diameter_mm=outer_mm), ctx, lambda t: (t.diameter_mm or 0.0,))
    speed = _drill_speed(ctx, choice.tool, ctx.rules.countersink_vc_factor, "fraisurage")
    n = c.spindle_speed(ctx, speed, outer_mm, choice.tool)
    feed = _drill_feed(ctx, outer_mm, choice.tool.substrate == "hss")
    depth = max((outer_mm - hole_mm) / 2, 0.2)
    return _plunge(
        ctx,
        f"Chanfrein {count} × Ø{outer_mm:.3g}",
        choice,
        (speed, n, feed),
        d=outer_mm,
        depth=depth,
        count=count,
    )


def _plunge(
    ctx: Context,
    label: str,
    choice: ToolChoice,
    data: tuple[Value, Value, Value],
    *,
    d: float,
    depth: float,
    count: int,
) -> Cut:
    vc, n, feed = data
    vf = c.feed_rate(ctx, n, feed)
    inputs: dict[str, float | str] = {"profondeur": depth, "Vf": vf.value, "trous": float(count)}
    value = c.minutes(count * (depth + 2) / vf.value, "t = trous·(prof. + 2)/Vf", inputs)
    vc = c.actual_speed(vc, n, d)
    power = c.drilling_power(ctx, vc.value, d, feed.value)
    return Cut(
        "drilling",
        label,
        choice,
        1,
        value,
        count,
        vc,
        n,
        feed,
        vf,
        c.depth(depth, "profondeur", {}),
        None,
        power,
        c.torque(power, n),
    )


def counterbore(
    ctx: Context, d: float, depth: float, *, hole_mm: float, count: int, on_axis: bool
) -> list[Cut]:
    """Counterbore after the drill: 0.7 Vc and 0.6 f of the drill; without the cutter, interpolated or bored."""
    need = ToolNeed("counterbore", d, 0.11, reach_mm=depth + ctx.rules.reach_margin_mm)
    if in_stock(need, ctx) is None:
        if on_axis:
            return RoughTurning(((hole_mm, d, depth),), True, label=f"Lamage Ø{size(d)} à la barre").cuts(ctx)
        mill = ToolNeed("end_mill", max_diameter_mm=0.7 * d, reach_mm=depth + ctx.rules.reach_margin_mm)
        if in_stock(mill, ctx) is not None:
            cuts = open_bore(ctx, hole_mm, d, depth, passes=1, count=count)
            return [
                replace(cut, label=cut.label.replace("Interpolation", f"Lamage {count} ×")) for cut in cuts
            ]
    choice = choose(need, ctx)
    rules = ctx.rules
    vc = _drill_speed(ctx, choice.tool, rules.counterbore_vc_factor, "lamage")
    feed = _drill_feed(ctx, d, choice.tool.substrate == "hss", rules.counterbore_f_factor)
    n = c.spindle_speed(ctx, vc, d, choice.tool)
    return [
        _plunge(
            ctx,
            f"Lamage {count} × Ø{size(d)} × {size(depth)}",
            choice,
            (vc, n, feed),
            d=d,
            depth=depth,
            count=count,
        )
    ]


def ream(ctx: Context, d: float, depth: float, count: int) -> Cut:
    """Ream to size: same path as the drill, reamer speed and feed (QUO-23, QUO-24)."""
    if ctx.group.f_ream is None:
        raise InfeasibleError(
            "cutting_data_missing", f"Alésoir : pas de valeur pour le groupe {ctx.group.code}."
        )
    choice = choose(ToolNeed("reamer", d, 0.006, reach_mm=depth + ctx.rules.reach_margin_mm), ctx)
    vc = c.table_speed(ctx, "alésoir HSS", ctx.group.vc_ream_hss)
    exponent = ctx.rules.drill_feed_exponent
    inputs: dict[str, float | str] = {"f Ø10": ctx.group.f_ream, "D": d}
    feed = Value(
        ctx.group.f_ream * (d / 10) ** exponent,
        "mm/tr",
        f"f = f10·(D/10)^{exponent:g}",
        inputs,
        f"table alésoir, groupe {ctx.group.code}",
    )
    allowance = stepped(ctx.rules.ream_allowance_mm, d)
    data = c.with_record(ctx, choice.tool, "reaming", c.Data(vc, feed, allowance / 2))
    n = c.spindle_speed(ctx, data.vc, d, choice.tool)
    vf = c.feed_rate(ctx, n, data.feed)
    time_inputs: dict[str, float | str] = {"profondeur": depth, "D": d, "Vf": vf.value, "trous": float(count)}
    value = c.minutes(
        count * (depth + 0.3 * d + 2) / vf.value, "t = trous·(prof. + 0,3·D + 2)/Vf", time_inputs
    )
    return Cut(
        "drilling",
        f"Alésage à l'alésoir {count} × Ø{size(d)} × {size(depth)}",
        choice,
        1,
        value,
        count,
        c.actual_speed(data.vc, n, d),
        n,
        data.feed,
        vf,
        c.depth(allowance / 2, "surépaisseur/2", {"surépaisseur": allowance}),
    )


def tap(ctx: Context, d: float, pitch: float, depth: float, count: int) -> Cut:
    """t = 2(depth + 3P)/(n·P) per hole (QUO-20)."""
    need = ToolNeed("tap", d, 0.01, reach_mm=depth, pitch_mm=pitch)
    choice = choose(need, ctx, alternatives=("Fraisage de filet",))
    vc = c.table_speed(ctx, "taraud HSS-E", ctx.group.vc_tap_hss)
    feed = Value(pitch, "mm/tr", "f = P", {"P": pitch}, "pas du filet")
    data = c.with_record(ctx, choice.tool, "tapping", c.Data(vc, feed, pitch))
    n = c.spindle_speed(ctx, data.vc, d, choice.tool)
    inputs: dict[str, float | str] = {"profondeur": depth, "P": pitch, "n": n.value, "trous": float(count)}
    value = c.minutes(
        count * 2 * (depth + 3 * pitch) / (n.value * pitch), "t = trous·2(prof. + 3P)/(n·P)", inputs
    )
    return Cut(
        "drilling",
        f"Taraudage {count} × M{d:g}x{pitch:g} × {size(depth)}",
        choice,
        1,
        value,
        count,
        c.actual_speed(data.vc, n, d),
        n,
        feed,
        c.feed_rate(ctx, n, feed),
    )


def thread_mill(ctx: Context, d: float, pitch: float, depth: float, count: int) -> Cut:
    """Helical thread milling: one turn per cutter length, path π(D − Dc)·1.5 at the centre feed Vf·(D − Dc)/D."""
    choice = choose(ToolNeed("thread_mill", max_diameter_mm=round(0.8 * d, 2), reach_mm=depth), ctx)
    cutter = choice.tool.diameter_mm or 0.7 * d
    data = end_mill_data(ctx, choice.tool, True, depth)
    label = f"Fraisage de filet {count} × M{d:g}x{pitch:g}"
    e = engage(ctx, choice.tool, data, ap_mm=pitch, ae_mm=0.1 * cutter, label=label)
    centre = e.vf.value * (d - cutter) / d
    turns = math.ceil(depth / (choice.tool.cutting_length_mm or 2 * cutter))
    time = count * turns * (math.pi * (d - cutter) * 1.5 + 2) / centre
    inputs: dict[str, float | str] = {
        "D": d,
        "Dc": cutter,
        "Vf": e.vf.value,
        "tours": float(turns),
        "trous": float(count),
    }
    value = c.minutes(time, "t = trous·tours·(1,5·π(D − Dc) + 2)/(Vf·(D − Dc)/D)", inputs)
    return Cut("milling", label, choice, turns, value, count, e.vc, e.n, e.fz, e.vf, None, None, e.power)


def boring_head(ctx: Context, d: float, depth: float, passes: int, count: int) -> Cut:
    """Finish a bore > Ø20 on a mill: 0.8 × turning finish speed, finishing feed by roughness."""
    near = ToolNeed("boring_head", min_diameter_mm=d, reach_mm=depth + ctx.rules.reach_margin_mm)
    choice = choose(near, ctx, lambda t: (t.diameter_mm or 0.0,))
    index = ctx.rules.boring_vc_factor
    vc = c.table_speed(ctx, "tournage finition", ctx.group.vc_turn[1], index, "alésage")
    feed = Value(
        ctx.group.f_turn[1], "mm/tr", "f table", {}, f"table tournage finition, groupe {ctx.group.code}"
    )
    allowance = ctx.rules.milling_allowance_mm
    data = c.with_record(ctx, choice.tool, "boring", c.Data(vc, feed, allowance))
    n = c.spindle_speed(ctx, data.vc, d, choice.tool)
    vf = c.feed_rate(ctx, n, data.feed)
    inputs: dict[str, float | str] = {"L": depth, "f": data.feed.value, "n": n.value, "i": float(passes)}
    value = c.minutes(count * passes * (depth + 2) / vf.value, "t = (L + 2)·i/(f·n)", inputs)
    return Cut(
        "drilling",
        f"Alésage à la tête {count} × Ø{size(d)} × {size(depth)}",
        choice,
        passes,
        value,
        count,
        c.actual_speed(data.vc, n, d),
        n,
        data.feed,
        vf,
        c.depth(allowance / passes, "surépaisseur/passes"),
    )
