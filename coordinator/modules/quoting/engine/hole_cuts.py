"""Cuts of hole making: spot, drill, counterbore, countersink, ream, tap, thread mill, bore (QUO-17, QUO-20, QUO-23 to QUO-25)."""

from __future__ import annotations

import math
from dataclasses import replace

from coordinator.modules.quoting.engine import cutting as c
from coordinator.modules.quoting.engine.cutting import Context, Cut, ToolChoice
from coordinator.modules.quoting.engine.milled_shapes import EdgeMilling
from coordinator.modules.quoting.engine.milling import end_mill_data, engage, open_bore
from coordinator.modules.quoting.engine.settings import stepped
from coordinator.modules.quoting.engine.shapes import shape
from coordinator.modules.quoting.engine.shop import Tool
from coordinator.modules.quoting.engine.threads import designation
from coordinator.modules.quoting.engine.tools import ToolNeed, choose, from_supplier, in_stock, to_ask
from coordinator.modules.quoting.engine.turning import RoughTurning
from coordinator.modules.quoting.engine.values import InfeasibleError, Value, number, size

DRILL_SLACK_MM = 0.061
_GUN_DRILL_RATIO = 20.0
_NEAR_PILOT = 0.6
CENTRE_PILOTS_MM = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3)


def _drill_feed(ctx: Context, d: float, hss: bool, factor: float = 1.0) -> Value:
    rules = ctx.rules
    value = ctx.group.f_drill * (d / 10) ** rules.drill_feed_exponent * factor
    inputs: dict[str, float | str] = {"f Ø10": ctx.group.f_drill, "D": d}
    formula = f"f = f10·(D/10)^{number(rules.drill_feed_exponent)}"
    if hss:
        value *= rules.hss_drill_feed_factor
        inputs["HSS"], formula = rules.hss_drill_feed_factor, formula + "·HSS"
    if factor != 1.0:
        inputs["facteur"], formula = factor, formula + "·facteur"
    return Value(value, "mm/tr", formula, inputs, f"table foret, groupe {ctx.group.code}")


def _feed_of(ctx: Context, tool: Tool, d: float) -> Value:
    """Feed of a drill; that of an indexable one is held by its inserts, not by its diameter."""
    feed, limit = _drill_feed(ctx, d, tool.substrate == "hss"), ctx.rules.indexable_drill_max_f_mm
    if tool.edge_count < 2 or feed.value <= limit:
        return feed
    return replace(
        feed, value=limit, formula=f"{feed.formula}, f ≤ {number(limit)}", source="foret à plaquettes"
    )


def _drill_speed(ctx: Context, tool: Tool, factor: float = 1.0, why: str = "") -> Value:
    if tool.substrate == "hss":
        return c.table_speed(ctx, "foret HSS-Co", ctx.group.vc_drill_hss, factor, why)
    return c.table_speed(ctx, "foret carbure", ctx.group.vc_drill_carbide, factor, why)


def drill(ctx: Context, d: float, depth: float, count: int, slack_mm: float = DRILL_SLACK_MM) -> Cut:
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
    deep = need.reach_mm > _GUN_DRILL_RATIO * (need.diameter_mm or 1.0)
    ways = ("Forage profond (foret ¾) en sous-traitance", "Perçage par électro-érosion") if deep else ()
    return from_supplier(need, ctx) or to_ask(need, ctx, ways)


def _cost_per_piece(ctx: Context, cut: Cut) -> float:
    """Machine time and, for a tool to buy, its price spread over the batch, €."""
    bought = cut.choice is not None and cut.choice.origin != "stock"
    price = float(cut.choice.tool.price or 0) if cut.choice and bought else 0.0
    return price / ctx.quantity + cut.cut_min.value * ctx.machine_rate_eur_h / 60


def drill_with(ctx: Context, choice: ToolChoice, depth: float, count: int) -> Cut:
    """t = (depth + 0.3·D + 2)/Vf per hole; × 1.5 beyond 5D (pecking), × 2 beyond 10D (QUO-17, QUO-20)."""
    tool, rules = choice.tool, ctx.rules
    d = tool.diameter_mm or 10.0
    data = c.Data(_drill_speed(ctx, tool), _feed_of(ctx, tool, d), d / 2)
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
        shape("drilling", count=count, d=d, depth=depth, peck=factor),
        30,
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
        ctx,
        f"Pointage {count} × Ø{size(d)}",
        choice,
        (speed, n, feed),
        d=tool_d,
        depth=depth,
        count=count,
        stage=20,
    )


def countersink(ctx: Context, outer_mm: float, hole_mm: float, *, count: int, on_axis: bool) -> list[Cut]:
    """Countersink or chamfer to ``outer_mm`` at 90°: 0.5 × the drill's Vc (QUO-25); beyond the largest cutter of the
    shop it is turned on the axis, else milled around the hole unless a cutter bought for the batch costs less."""
    need = ToolNeed("countersink", min_diameter_mm=outer_mm)
    depth = max((outer_mm - hole_mm) / 2, 0.2)
    label = f"Chanfrein {count} × Ø{size(outer_mm)}"
    if in_stock(need, ctx) is None and outer_mm > ctx.rules.ream_to_mm:
        if on_axis:
            return RoughTurning(((hole_mm, outer_mm, depth),), True, label=f"{label} à la barre").cuts(ctx)
        sunk = _sunk(ctx, choose(need, ctx), label, outer_mm, depth, count)
        if in_stock(ToolNeed("countersink"), ctx) is None:
            return [sunk]
        around = EdgeMilling(math.pi * outer_mm, depth, count, f"{label} par interpolation").cuts(ctx)
        dearer = sum(_cost_per_piece(ctx, cut) for cut in around) > _cost_per_piece(ctx, sunk)
        return [sunk] if dearer else [replace(cut, stage=45) for cut in around]
    return [_sunk(ctx, choose(need, ctx, lambda t: (t.diameter_mm or 0.0,)), label, outer_mm, depth, count)]


def _sunk(ctx: Context, choice: ToolChoice, label: str, outer_mm: float, depth: float, count: int) -> Cut:
    speed = _drill_speed(ctx, choice.tool, ctx.rules.countersink_vc_factor, "fraisurage")
    n = c.spindle_speed(ctx, speed, outer_mm, choice.tool)
    feed = _drill_feed(ctx, outer_mm, choice.tool.substrate == "hss")
    data = (speed, n, feed)
    return _plunge(ctx, label, choice, data, d=outer_mm, depth=depth, count=count, stage=45)


def _plunge(
    ctx: Context,
    label: str,
    choice: ToolChoice,
    data: tuple[Value, Value, Value],
    *,
    d: float,
    depth: float,
    count: int,
    stage: int,
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
        shape=shape("plunge", count=count, d=d, depth=depth),
        stage=stage,
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
                replace(cut, label=cut.label.replace("Interpolation", f"Lamage {count} ×"), stage=40)
                for cut in cuts
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
            stage=40,
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
        f"f = f10·(D/10)^{number(exponent)}",
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
        shape=shape("reaming", count=count, d=d, depth=depth),
        stage=52,
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
        f"Taraudage {count} × {designation(d, pitch)} × {size(depth)}",
        choice,
        1,
        value,
        count,
        c.actual_speed(data.vc, n, d),
        n,
        feed,
        c.feed_rate(ctx, n, feed),
        shape=shape("tapping", count=count, d=d, pitch=pitch, depth=depth),
        stage=55,
    )


def thread_mill(ctx: Context, d: float, pitch: float, depth: float, count: int) -> Cut:
    """Helical thread milling: one turn per cutter length, path π(D − Dc)·1.5 at the centre feed Vf·(D − Dc)/D."""
    room = round(min(0.8 * d, d - pitch - 0.4), 2)
    need = ToolNeed("thread_mill", max_diameter_mm=room, reach_mm=depth, pitch_mm=pitch)
    choice = choose(need, ctx)
    cutter = choice.tool.diameter_mm or 0.7 * d
    data = end_mill_data(ctx, choice.tool, True, depth)
    label = f"Fraisage de filet {count} × {designation(d, pitch)}"
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
    where = shape(
        "thread_milling", count=count, d=d, cutter=cutter, pitch=pitch, depth=depth, turns=float(turns)
    )
    return Cut(
        "milling",
        label,
        choice,
        turns,
        value,
        count,
        e.vc,
        e.n,
        e.fz,
        e.vf,
        None,
        None,
        e.power,
        shape=where,
        stage=56,
    )


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
        shape=shape("boring", count=count, d=d, depth=depth, passes=float(passes)),
        stage=50,
    )


def centre(ctx: Context, face_mm: float) -> Cut:
    """Centre hole for the tailstock, form A (ISO 866): pilot about Ø face/8 between 1 and 6.3 mm, 2.5 pilots deep; the
    next size in stock does."""
    wanted = min((p for p in CENTRE_PILOTS_MM if p >= min(face_mm / 8, 6.3) - 1e-9), default=6.3)
    near = [p for p in CENTRE_PILOTS_MM if _NEAR_PILOT <= p / wanted <= 1 / _NEAR_PILOT and 2 * p < face_mm]
    held = [p for p in near if in_stock(ToolNeed("spot_drill", p, 0.011), ctx) is not None]
    pilot = min(held, key=lambda p: abs(p - wanted), default=wanted)
    choice = choose(ToolNeed("spot_drill", pilot, 0.011, name="Foret à centrer"), ctx)
    speed = _drill_speed(ctx, choice.tool)
    outer = 2.0 * pilot
    n = c.spindle_speed(ctx, speed, outer, choice.tool)
    feed = _drill_feed(ctx, pilot, choice.tool.substrate == "hss", ctx.rules.counterbore_f_factor)
    label = f"Centrage A{size(pilot)} (contre-pointe)"
    data = (speed, n, feed)
    return _plunge(ctx, label, choice, data, d=outer, depth=2.5 * pilot, count=1, stage=15)
