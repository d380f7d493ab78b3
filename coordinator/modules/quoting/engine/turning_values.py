"""Starting values and times that the turning steps share (QUO-16, QUO-20, QUO-25)."""

from __future__ import annotations

import math
from dataclasses import replace

from coordinator.modules.quoting.engine import cutting as c
from coordinator.modules.quoting.engine.cutting import Context, Cut, Data
from coordinator.modules.quoting.engine.shop import Tool
from coordinator.modules.quoting.engine.values import Value, number

_STIFF_BAR_RATIO = 3.0


def turn_data(ctx: Context, finish: bool, vc_factor: float = 1.0, why: str = "") -> Data:
    """Speed, feed and depth of the tables for roughing or finishing."""
    index = 1 if finish else 0
    name = "tournage finition" if finish else "tournage ébauche"
    feed = Value(ctx.group.f_turn[index], "mm/tr", "f table", {}, f"table {name}, groupe {ctx.group.code}")
    vc = c.table_speed(ctx, name, ctx.group.vc_turn[index], vc_factor, why)
    return Data(vc, feed, ctx.group.ap_turn[index], ap_source=f"table {name}, groupe {ctx.group.code}")


def bar_data(ctx: Context, data: Data, bar: Tool, reach_mm: float) -> Data:
    """Depth and feed of rough boring: those of a finishing cut at half the depth for a slender bar, of roughing for a
    bar that stands out no further than three times its diameter."""
    if reach_mm > _STIFF_BAR_RATIO * (bar.diameter_mm or 0.0):
        half = "½ ap d'ébauche (barre d'alésage)"
        return replace(data, ap_mm=ctx.group.ap_turn[0] / 2, ap_source=half)
    rough = turn_data(ctx, finish=False)
    return replace(rough, vc=data.vc, ap_source=f"{rough.ap_source}, barre courte")


def small_diameter_feed(ctx: Context, feed: Value, diameter_mm: float) -> Value:
    """Feed of a thin part: f ≤ ratio × D (workshop rule against bending)."""
    limit = ctx.rules.small_diameter_feed_ratio * diameter_mm
    if feed.value <= limit:
        return feed
    inputs: dict[str, float | str] = {"f table": feed.value, "D": diameter_mm}
    formula = f"f ≤ {number(ctx.rules.small_diameter_feed_ratio)}·D"
    return Value(limit, "mm/tr", formula, inputs, "flexion de la pièce, règle d'atelier")


def facing_time(ctx: Context, d1: float, d2: float, *, vc: float, f: float, passes: int) -> Value:
    """t = π(D1² − D2²)/(4000·Vc·f) at constant Vc; where n max is reached t = (D/2)/(f·n max) (QUO-20)."""
    n_max = ctx.machine.max_spindle_rpm
    limit = min(d1, max(d2, 1000 * vc / (math.pi * n_max))) if n_max else d2
    constant = math.pi * (d1**2 - limit**2) / (4000 * vc * f)
    slow = (limit - d2) / 2 / (f * n_max) if n_max else 0.0
    inputs: dict[str, float | str] = {
        "D1": d1,
        "D2": d2,
        "Vc": vc,
        "f": f,
        "i": float(passes),
        "D à n max": limit,
    }
    return c.minutes(
        passes * (constant + slow), "t = i·[π(D1² − D²)/(4000·Vc·f) + (D − D2)/(2·f·n max)]", inputs
    )


def thread_passes(ctx: Context, pitch_mm: float) -> int:
    """Passes of the table row at or above the pitch; beyond the table in proportion to the last row."""
    for limit, passes in ctx.rules.thread_passes:
        if pitch_mm <= limit + 1e-9:
            return passes
    limit, passes = ctx.rules.thread_passes[-1]
    return math.ceil(passes * pitch_mm / limit)


def feed_limited(ctx: Context, n: Value, pitch_mm: float) -> Value:
    """Above some feed the slide no longer follows the thread over its short run-in."""
    own, name = ctx.rules.thread_feed_max_mm_min, "avance max en filetage"
    if ctx.machine.max_feed_mm_min is not None and ctx.machine.max_feed_mm_min < own:
        own, name = ctx.machine.max_feed_mm_min, f"avance max machine {ctx.machine.code}"
    if n.value * pitch_mm <= own:
        return n
    inputs: dict[str, float | str] = {"Vf max": own, "P": pitch_mm}
    return Value(own / pitch_mm, "tr/min", "n = Vf max/P", inputs, f"limité : {name}")


def with_warning(cut: Cut, text: str) -> Cut:
    """The operation with one more thing to tell."""
    return replace(cut, warnings=(*cut.warnings, text))
