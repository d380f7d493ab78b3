"""Hole chains (QUO-17): drill, drill + mill/bore, drill + ream or bore, spot + drill + countersink + tap, counterbore."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from coordinator.modules.quoting.engine import cutting as c
from coordinator.modules.quoting.engine.cutting import Context, Cut, ToolChoice
from coordinator.modules.quoting.engine.hole_cuts import (
    DRILL_SLACK_MM,
    boring_head,
    centre,
    counterbore,
    countersink,
    drill,
    drill_with,
    ream,
    spot,
    tap,
    thread_mill,
)
from coordinator.modules.quoting.engine.milling import open_bore
from coordinator.modules.quoting.engine.settings import stepped
from coordinator.modules.quoting.engine.shapes import Point
from coordinator.modules.quoting.engine.threads import designation
from coordinator.modules.quoting.engine.tolerances import it_value_mm
from coordinator.modules.quoting.engine.tools import ToolNeed, from_supplier, in_stock
from coordinator.modules.quoting.engine.turning import FinishTurning, RoughTurning, Segment, ThreadTurning
from coordinator.modules.quoting.engine.values import InfeasibleError, size

_WIDER_MM = 8.0
"""A step wider than the hole before it by less than this is bored at once."""
_POINT_SHARE = 0.3
"""Height of a drill's point in diameters (118°), left to the bar above a flat floor."""


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
    places: tuple[Point, ...] = ()
    thread_depth_mm: float | None = None
    operation_type: str = "drilling"

    @property
    def label(self) -> str:
        name = designation(self.diameter_mm, self.pitch_mm) if self.pitch_mm else f"Ø{size(self.diameter_mm)}"
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
            cuts += countersink(
                ctx, self.countersink_mm, self.diameter_mm, count=self.count, on_axis=self.on_axis
            )
        return [self._placed(cut) for cut in self._spotted(ctx, cuts)]

    def _placed(self, cut: Cut) -> Cut:
        if cut.shape is None or not self.places:
            return cut
        return replace(cut, shape=replace(cut.shape, places=self.places))

    def _spotted(self, ctx: Context, cuts: list[Cut]) -> list[Cut]:
        """HSS drills wander, and deep or toleranced holes need their place: spot them; carbide centres itself."""
        first = cuts[0] if cuts else None
        if first is None or first.choice is None or first.choice.tool.tool_type != "drill":
            return cuts
        d = first.choice.tool.diameter_mm or self.diameter_mm
        soft = first.choice.tool.substrate == "hss"
        deep = self.depth_mm > ctx.rules.deep_from_ratio * d
        wanders = (soft or deep) and d <= ctx.rules.ream_to_mm
        return [spot(ctx, d, self.count), *cuts] if wanders else cuts

    def _plain(self, ctx: Context) -> list[Cut]:
        it = self.it if self.it is not None else ctx.rules.default_it
        if self.pre_mm:
            passes = max(1, c.finish_passes(ctx.rules, self.it, self.ra_um))
            if self.on_axis:
                return self._redrilled(ctx, passes) or self._bored(ctx, self.pre_mm, self.diameter_mm, passes)
            return self._opened(ctx, self.pre_mm, self.diameter_mm, passes)
        if it >= 11:
            return self._drilled(ctx, self.diameter_mm, 0)
        if (
            (it >= 9 and self._can_open(ctx))
            or self.diameter_mm > ctx.rules.ream_to_mm
            or ctx.group.f_ream is None
        ):
            passes = max(1, c.finish_passes(ctx.rules, self.it, self.ra_um))
            return self._drilled(ctx, self.diameter_mm, passes)
        allowance = stepped(ctx.rules.ream_allowance_mm, self.diameter_mm)
        pre = round(self.diameter_mm - allowance, 3)
        return [*self._drilled(ctx, pre, 0), ream(ctx, self.diameter_mm, self.depth_mm, self.count)]

    def _can_open(self, ctx: Context) -> bool:
        """A mill (or boring bar on the axis) in stock reaches down the hole; else a reamer does what it would have done."""
        reach = self.depth_mm + ctx.rules.reach_margin_mm
        kind, share = ("boring_bar", 0.8) if self.on_axis else ("end_mill", 0.7)
        return (
            in_stock(ToolNeed(kind, max_diameter_mm=share * self.diameter_mm, reach_mm=reach), ctx)
            is not None
        )

    def _drilled(self, ctx: Context, target_mm: float, finish: int) -> list[Cut]:
        """Drill to the target, or the largest drill below it and open by milling (mill) or boring (lathe)."""
        if finish == 0 and self._has_drill(ctx, target_mm):
            return [drill(ctx, target_mm, self.depth_mm, self.count, self._slack(ctx, target_mm))]
        limit = target_mm - 2 * ctx.rules.milling_allowance_mm + (0.1 if finish == 0 else 0.0)
        need = ToolNeed("drill", max_diameter_mm=limit, reach_mm=self.depth_mm + ctx.rules.reach_margin_mm)
        mill = ToolNeed("end_mill", max_diameter_mm=0.7 * target_mm, reach_mm=need.reach_mm)
        can_mill = in_stock(mill, ctx) is not None
        pre = self._pilot(ctx, need, power_bound=self.on_axis or not can_mill)
        opens = pre is not None and (self.on_axis or can_mill)
        if finish == 0 and not opens and target_mm <= ctx.rules.ream_to_mm:
            return [drill(ctx, target_mm, self.depth_mm, self.count)]
        first: list[Cut] = []
        start = 0.0
        if pre is not None:
            start, first = pre.choice.tool.diameter_mm or 0.0 if pre.choice else 0.0, [pre]
        elif self.on_axis or not can_mill:
            if finish == 0 and not self.on_axis:
                return [drill(ctx, target_mm, self.depth_mm, self.count)]
            start = math.floor(2 * min(limit, 20.0 if self.on_axis else limit)) / 2
            first = [drill(ctx, start, self.depth_mm, self.count)]
        if self.on_axis:
            return first + self._bored(ctx, start, target_mm, finish)
        if ctx.machine.can_turn:
            finish = max(finish, 1)
        return first + self._opened(ctx, start, target_mm, finish)

    def _pilot(self, ctx: Context, need: ToolNeed, *, power_bound: bool) -> Cut | None:
        """Drill before opening: the largest in stock that the spindle turns, the next smaller one where it lacks power.

        With a mill that opens the hole from the solid (not ``power_bound``) no drill at all is an answer too.
        """
        refused: InfeasibleError | None = None
        largest = need.max_diameter_mm or 0.0
        while (
            tool := in_stock(replace(need, max_diameter_mm=largest), ctx)
        ) is not None and tool.diameter_mm:
            try:
                return drill_with(ctx, ToolChoice(tool), self.depth_mm, self.count)
            except InfeasibleError as error:
                refused, largest = error, tool.diameter_mm - 0.01
        if refused is not None and power_bound:
            raise refused
        return None

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
            return DRILL_SLACK_MM
        return max(DRILL_SLACK_MM, 0.4 * it_value_mm(d, min(it, 14)))

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

    def _redrilled(self, ctx: Context, finish: int) -> list[Cut]:
        """A step much wider than the hole before it: the largest drill of the stock short of its floor, then the bar.

        Nothing where no such drill is in stock, where the spindle is too weak, or where boring alone is as quick.
        """
        allowance = ctx.rules.turning_allowance_mm if finish else 0.0
        rough_to = self.diameter_mm - 2 * allowance
        need = ToolNeed(
            "drill", min_diameter_mm=self.pre_mm + _WIDER_MM, max_diameter_mm=rough_to - 0.5,
            reach_mm=self.depth_mm + ctx.rules.reach_margin_mm,
        )  # fmt: skip
        tool = in_stock(need, ctx)
        d = tool.diameter_mm or 0.0 if tool else 0.0
        point = _POINT_SHARE * d
        if tool is None or self.depth_mm - point < 0.5 * self.depth_mm:
            return []
        bands = ((d, rough_to, self.depth_mm), (self.pre_mm, d, point))
        try:
            first = drill_with(ctx, ToolChoice(tool), self.depth_mm - point, 1)
            cuts = [first, *RoughTurning(bands, True, label="Alésage ébauche").cuts(ctx)]
            alone = RoughTurning(
                ((self.pre_mm, rough_to, self.depth_mm),), True, label="Alésage ébauche"
            ).cuts(ctx)
        except InfeasibleError:
            return []
        if sum(cut.cut_min.value for cut in cuts) >= sum(cut.cut_min.value for cut in alone):
            return []
        if finish:
            segment = Segment(self.diameter_mm, self.depth_mm, self.it, self.ra_um)
            cuts += FinishTurning((segment,), allowance, True, label="Alésage finition").cuts(ctx)
        return cuts

    def _opened(self, ctx: Context, start: float, target: float, finish: int) -> list[Cut]:
        it = self.it if self.it is not None else ctx.rules.default_it
        stiff = self.depth_mm <= ctx.rules.overhang_from_ratio * 0.7 * target
        if (it >= 9 and stiff) or it >= 11 or target <= ctx.rules.ream_to_mm:
            opened = open_bore(ctx, start, target, self.depth_mm, passes=finish, count=self.count)
            return [replace(cut, stage=34 if "ébauche" in cut.label else 36) for cut in opened]
        near = target - 2 * ctx.rules.milling_allowance_mm
        rough = (
            open_bore(ctx, start, near, self.depth_mm, passes=0, count=self.count)
            if near - start > 0.5
            else []
        )
        rough = [replace(cut, stage=34) for cut in rough]
        return [*rough, boring_head(ctx, target, self.depth_mm, finish, self.count)]

    def _threaded(self, ctx: Context, pitch: float) -> list[Cut]:
        """Core, countersink, thread: tapped up to M20, milled (or cut by a single point on the axis) above it.

        Where only the drilled depth is known (a model), a useful length of thread is supposed, at most three diameters.
        """
        core = round(self.diameter_mm - pitch, 2)
        drilled, threaded = self.depth_mm, self.thread_depth_mm or self.depth_mm
        if not self.through and self.thread_depth_mm is None:
            if self.depth_is_drilled:
                supposed = max(drilled - 2 * pitch, 0.5 * drilled)
                threaded = min(supposed, ctx.rules.thread_mill_blind_ratio * self.diameter_mm)
            else:
                drilled = threaded + 3 * pitch
        if self.pre_mm:
            cuts = self._bored(ctx, self.pre_mm, core, 0)
        elif core <= ctx.rules.ream_to_mm:
            cuts = [spot(ctx, core, self.count), drill(ctx, core, drilled, self.count)]
        else:
            cuts = replace(self, depth_mm=drilled)._drilled(ctx, core, 0)
        cuts += countersink(ctx, self.diameter_mm * 1.05, core, count=self.count, on_axis=self.on_axis)
        return [*cuts, *self._thread(ctx, pitch, threaded)]

    def _thread(self, ctx: Context, pitch: float, depth: float) -> list[Cut]:
        large = self.diameter_mm > ctx.rules.thread_mill_from_mm
        if large and self.on_axis:
            return ThreadTurning(self.diameter_mm, pitch, depth, True, "Filetage intérieur").cuts(ctx)
        blind_deep = not self.through and depth > ctx.rules.thread_mill_blind_ratio * self.diameter_mm
        if large or ctx.group.code == "H" or blind_deep:
            return [thread_mill(ctx, self.diameter_mm, pitch, depth, self.count)]
        return [tap(ctx, self.diameter_mm, pitch, depth, self.count)]


@dataclass(frozen=True, slots=True)
class Countersink:
    """Cone at the mouth of a bore on the axis, from ``hole_mm`` to ``diameter_mm`` at 90°."""

    diameter_mm: float
    hole_mm: float
    operation_type: str = "drilling"

    def cuts(self, ctx: Context) -> list[Cut]:
        return countersink(ctx, self.diameter_mm, self.hole_mm, count=1, on_axis=True)


@dataclass(frozen=True, slots=True)
class Centre:
    """Centre hole in a face of ``face_mm``, for the tailstock of a slender part."""

    face_mm: float
    operation_type: str = "drilling"

    def cuts(self, ctx: Context) -> list[Cut]:
        return [centre(ctx, self.face_mm)]
