"""Turning steps: facing, roughing, finishing, grooving, threading, boring, parting (QUO-16, QUO-20, QUO-25)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from coordinator.modules.quoting.engine import cutting as c
from coordinator.modules.quoting.engine.cutting import Context, Cut, Data
from coordinator.modules.quoting.engine.shapes import shape
from coordinator.modules.quoting.engine.threads import designation
from coordinator.modules.quoting.engine.tools import ToolNeed, choose
from coordinator.modules.quoting.engine.turning_values import (
    bar_data,
    facing_time,
    feed_limited,
    small_diameter_feed,
    thread_passes,
    turn_data,
    with_warning,
)
from coordinator.modules.quoting.engine.values import Value, number, size


@dataclass(frozen=True, slots=True)
class Segment:
    """A cylinder of the finished profile: diameter and length in mm, with its requirements."""

    diameter_mm: float
    length_mm: float
    it: int | None = None
    ra_um: float | None = None


@dataclass(frozen=True, slots=True)
class Facing:
    """Face from ``diameter_mm`` down to ``bore_mm``; ``stock_mm`` to take off."""

    diameter_mm: float
    stock_mm: float
    bore_mm: float = 0.0
    label: str = "Dressage de face"
    operation_type: str = "turning"

    def cuts(self, ctx: Context) -> list[Cut]:
        thin = self.diameter_mm < ctx.rules.small_diameter_mm
        need = ToolNeed("turning_finish", max_corner_radius_mm=0.4) if thin else ToolNeed("turning_rough")
        choice = choose(need, ctx)
        data = turn_data(ctx, finish=False)
        data = replace(data, feed=small_diameter_feed(ctx, data.feed, self.diameter_mm))
        data = c.with_record(ctx, choice.tool, "turning_rough", data)
        passes = max(1, math.ceil(self.stock_mm / data.ap_mm - 1e-9))
        ap = self.stock_mm / passes
        time = facing_time(
            ctx, self.diameter_mm, self.bore_mm, vc=data.vc.value, f=data.feed.value, passes=passes
        )
        n = c.spindle_speed(ctx, data.vc, self.diameter_mm, choice.tool)
        power = c.turning_power(ctx, c.actual_speed(data.vc, n, self.diameter_mm).value, ap, data.feed.value)
        return [
            Cut(
                "turning",
                self.label,
                choice,
                passes,
                time,
                1,
                c.actual_speed(data.vc, n, self.diameter_mm),
                n,
                data.feed,
                c.feed_rate(ctx, n, data.feed),
                c.depth(ap, "ap = surépaisseur/passes", {"surépaisseur": self.stock_mm}),
                None,
                power,
                c.torque(power, n),
                shape=shape("face_turning", d1=self.diameter_mm, d2=self.bore_mm, stock=self.stock_mm),
            )
        ]


@dataclass(frozen=True, slots=True)
class RoughTurning:
    """Roughing by bands: from each diameter down to the next over the length still to be reduced.

    ``bands`` = ((from Ø, to Ø, length), …) from outside to inside, target Ø without finishing allowance. In a bore the
    bar enters the first of them.
    """

    bands: tuple[tuple[float, float, float], ...]
    internal: bool = False
    recess: bool = False
    label: str = "Ébauche extérieure"
    interrupted: bool = False
    """Flats of a hexagon or square bar: the insert is hit at every corner."""
    operation_type: str = "turning"

    def cuts(self, ctx: Context) -> list[Cut]:
        reach = max(length for _, _, length in self.bands) + ctx.rules.reach_margin_mm
        if self.internal:
            largest = max(0.8 * self.bands[0][0], 1.0)
            need = ToolNeed("boring_bar", max_diameter_mm=largest, reach_mm=reach)
        elif self._slender(ctx):
            need = ToolNeed("turning_finish", max_corner_radius_mm=0.4)
        elif self.recess:
            need = ToolNeed("turning_finish")
        else:
            need = ToolNeed("turning_rough")
        choice = choose(need, ctx)
        factor = ctx.rules.boring_vc_factor if self.internal else 1.0
        why = "alésage"
        if self.interrupted:
            factor, why = ctx.rules.interrupted_vc_factor, "coupe interrompue"
        data = turn_data(ctx, finish=self.internal, vc_factor=factor, why=why)
        if self.internal:
            data = bar_data(ctx, data, choice.tool, reach)
        elif self._slender(ctx):
            data = replace(data, feed=small_diameter_feed(ctx, data.feed, self._smallest()))
        data = c.with_record(ctx, choice.tool, "turning_rough", data)
        return [self._at_power(ctx, choice, data)]

    def _smallest(self) -> float:
        return min(end for _, end, _ in self.bands)

    def _slender(self, ctx: Context) -> bool:
        """A thin part bends under a roughing insert: a small nose radius and a feed in proportion to the diameter."""
        thin = self._smallest() < ctx.rules.small_diameter_mm
        return not self.internal and thin and self.bands[0][0] < 2.5 * ctx.rules.small_diameter_mm

    def _at_power(self, ctx: Context, choice: c.ToolChoice, data: Data) -> Cut:
        """Lower ap, then f, until power and torque hold (QUO-21)."""
        ap_limit, feed, notes = data.ap_mm, data.feed, list[str]()
        while True:
            cut, load = self._cut(ctx, choice, data, ap_limit, feed)
            if load <= 1.0:
                break
            if ap_limit > ctx.rules.min_turn_ap_mm:
                ap_limit = max(ctx.rules.min_turn_ap_mm, min(ap_limit / load, ap_limit * 0.98))
                notes.append("ap réduit")
            elif feed.value > data.feed.value * ctx.rules.min_feed_ratio:
                feed = Value(
                    feed.value * 0.9, feed.unit, "f réduit (Pc > limite)", {"f": data.feed.value}, feed.source
                )
                notes.append("avance réduite")
            else:
                raise c.too_weak(ctx, self.label)
        if not notes:
            return cut
        text = f"{self.label} : {' puis '.join(dict.fromkeys(notes))} pour rester sous la puissance de {ctx.machine.code}."
        return with_warning(cut, text)

    def _cut(
        self, ctx: Context, choice: c.ToolChoice, data: Data, ap_limit: float, feed: Value
    ) -> tuple[Cut, float]:
        total, passes, ap_max = 0.0, 0, 0.0
        steps: list[str] = []
        first: tuple[Value, float] | None = None
        worst = 0.0
        for start, end, length in self.bands:
            stock = abs(start - end) / 2
            count = max(1, math.ceil(stock / ap_limit - 1e-9))
            ap, passes = stock / count, passes + count
            ap_max = max(ap_max, ap)
            for i in range(count):
                sign = 1 if self.internal else -1
                diameter = start + sign * 2 * ap * (i + 1 if self.internal else i)
                n = c.spindle_speed(ctx, data.vc, diameter, choice.tool)
                first = first or (n, diameter)
                total += (length + 2) / (feed.value * n.value)
                power = c.turning_power(ctx, c.actual_speed(data.vc, n, diameter).value, ap, feed.value)
                worst = max(worst, c.overload(ctx, power, n))
            steps.append(f"Ø{size(start)}→Ø{size(end)} × {size(length)} : {count} × {number(ap, 2)}")
        if first is None:
            raise c.too_weak(ctx, self.label)
        n, diameter = first
        vc = c.actual_speed(data.vc, n, diameter)
        power = c.turning_power(ctx, vc.value, ap_max, feed.value)
        inputs: dict[str, float | str] = {
            "passes": " ; ".join(steps),
            "f": feed.value,
            "n première passe": n.value,
        }
        ap_inputs: dict[str, float | str] = {"ap max": ap_limit}
        cut = Cut(
            "turning",
            self.label,
            choice,
            passes,
            c.minutes(total, "t = Σ (L + 2)·i/(f·n)", inputs),
            1,
            vc,
            n,
            feed,
            c.feed_rate(ctx, n, feed),
            c.depth(ap_max, "ap = surépaisseur/ceil(surépaisseur/ap max)", ap_inputs, data.ap_source),
            None,
            power,
            c.torque(power, n),
            shape=shape("bands", self.bands, internal=float(self.internal)),
        )
        return cut, worst


@dataclass(frozen=True, slots=True)
class FinishTurning:
    """One contour over the segments; tight segments get their second pass. Shoulders add their radial height."""

    segments: tuple[Segment, ...]
    allowance_mm: float
    internal: bool = False
    geometric_mm: float | None = None
    label: str = "Finition extérieure"
    operation_type: str = "turning"

    def cuts(self, ctx: Context) -> list[Cut]:
        counts = [c.finish_passes(ctx.rules, s.it, s.ra_um, self.geometric_mm) for s in self.segments]
        if not any(counts):
            return []
        ra = min((s.ra_um for s in self.segments if s.ra_um is not None), default=ctx.rules.default_ra_um)
        length = sum(s.length_mm for s in self.segments)
        choice = self._tool(ctx, length)
        radius = choice.tool.corner_radius_mm or ctx.rules.default_nose_radius_mm
        factor = ctx.rules.boring_vc_factor if self.internal else 1.0
        data = c.with_record(ctx, choice.tool, "turning_finish", turn_data(ctx, True, factor, "alésage"))
        limit = c.finish_feed_limit(radius, ra)
        feed = data.feed
        if feed.value > limit:
            inputs: dict[str, float | str] = {"rε": radius, "Ra": ra, "f table": feed.value}
            feed = Value(limit, "mm/tr", "f ≤ √(32·rε·Ra/1000)", inputs, "rugosité demandée")
        if not self.internal:
            feed = small_diameter_feed(ctx, feed, min(s.diameter_mm for s in self.segments))
        return [self._cut(ctx, choice, data, feed, counts)]

    def _tool(self, ctx: Context, length: float) -> c.ToolChoice:
        if not self.internal:
            thin = min(s.diameter_mm for s in self.segments) < ctx.rules.small_diameter_mm
            sign = 1.0 if thin else -1.0
            return choose(ToolNeed("turning_finish"), ctx, lambda t: (sign * (t.corner_radius_mm or 0.0),))
        largest = max(0.8 * min(s.diameter_mm for s in self.segments), 1.0)
        return choose(
            ToolNeed("boring_bar", max_diameter_mm=largest, reach_mm=length + ctx.rules.reach_margin_mm), ctx
        )

    def _cut(self, ctx: Context, choice: c.ToolChoice, data: Data, feed: Value, counts: list[int]) -> Cut:
        sign = -1 if self.internal else 1
        total, first = 0.0, None
        previous = self.segments[0].diameter_mm
        names: list[str] = []
        passes = max(counts)
        for index, (segment, count) in enumerate(zip(self.segments, counts, strict=True)):
            diameter = segment.diameter_mm + sign * 2 * self.allowance_mm
            n = c.spindle_speed(ctx, data.vc, diameter, choice.tool)
            first = first or (n, diameter)
            shoulder = abs(segment.diameter_mm - previous) / 2
            approach = 2.0 if index == 0 else 0.0
            total += count * (segment.length_mm + shoulder + approach) / (feed.value * n.value)
            names.append(f"Ø{size(segment.diameter_mm)} × {size(segment.length_mm)} : {count}")
            previous = segment.diameter_mm
        if first is None:
            raise c.too_weak(ctx, self.label)
        n, diameter = first
        vc = c.actual_speed(data.vc, n, diameter)
        ap = self.allowance_mm / passes
        power = c.turning_power(ctx, vc.value, ap, feed.value)
        inputs: dict[str, float | str] = {
            "segments": " ; ".join(names),
            "f": feed.value,
            "n premier segment": n.value,
        }
        return Cut(
            "turning",
            self.label,
            choice,
            passes,
            c.minutes(total, "t = Σ (L + épaulement + 2)·i/(f·n)", inputs),
            1,
            vc,
            n,
            feed,
            c.feed_rate(ctx, n, feed),
            c.depth(ap, "ap = surépaisseur/passes", {"surépaisseur": self.allowance_mm}),
            None,
            power,
            c.torque(power, n),
            shape=shape("contour", self._rows(counts), internal=float(self.internal)),
        )

    def _rows(self, counts: list[int]) -> tuple[tuple[float, ...], ...]:
        pairs = zip(self.segments, counts, strict=True)
        return tuple((s.diameter_mm, s.length_mm, float(count)) for s, count in pairs)


@dataclass(frozen=True, slots=True)
class Groove:
    """Grooves from ``diameter_mm`` to ``bottom_mm`` (larger = in a bore), ``width_mm`` wide, ``count`` equal ones."""

    diameter_mm: float
    bottom_mm: float
    width_mm: float
    count: int = 1
    label: str = "Gorge"
    operation_type: str = "turning"

    def cuts(self, ctx: Context) -> list[Cut]:
        height = abs(self.diameter_mm - self.bottom_mm) / 2
        choice = self._tool(ctx, height)
        blade = choice.tool.width_mm or self.width_mm
        plunges = max(1, math.ceil(self.width_mm / blade - 1e-9))
        data = turn_data(ctx, False, ctx.rules.grooving_vc_factor, "gorge")
        feed = Value(ctx.rules.grooving_f_mm, "mm/tr", "f gorge", {}, "valeur par défaut")
        data = c.with_record(ctx, choice.tool, "grooving", Data(data.vc, feed, blade))
        n = c.spindle_speed(ctx, data.vc, self.diameter_mm, choice.tool)
        time = self.count * plunges * (height + 2) / (data.feed.value * n.value)
        power = c.turning_power(
            ctx, c.actual_speed(data.vc, n, self.diameter_mm).value, blade, data.feed.value
        )
        inputs: dict[str, float | str] = {
            "gorges": float(self.count),
            "plongées": float(plunges),
            "h": height,
            "f": data.feed.value,
            "n": n.value,
        }
        return [
            Cut(
                "turning",
                f"{self.label} {size(self.width_mm)} × Ø{size(self.bottom_mm)}",
                choice,
                plunges,
                c.minutes(time, "t = gorges·plongées·(h + 2)/(f·n)", inputs),
                self.count,
                c.actual_speed(data.vc, n, self.diameter_mm),
                n,
                data.feed,
                c.feed_rate(ctx, n, data.feed),
                c.depth(blade, "ap = largeur d'outil", {}, choice.tool.code),
                None,
                power,
                c.torque(power, n),
                shape=shape(
                    "groove", count=self.count, d1=self.diameter_mm, d2=self.bottom_mm, plunges=float(plunges)
                ),
            )
        ]

    def _tool(self, ctx: Context, height: float) -> c.ToolChoice:
        """An external blade has no diameter of its own; the bar of an internal one must enter the bore."""
        need = ToolNeed("grooving", max_width_mm=self.width_mm, min_cut_mm=height)
        if self.bottom_mm <= self.diameter_mm:
            return choose(need, ctx, lambda t: (t.diameter_mm or 0.0, -(t.width_mm or 0.0)))
        bar = replace(need, max_diameter_mm=round(0.8 * self.diameter_mm, 1), name="Barre à gorge intérieure")
        return choose(bar, ctx)


@dataclass(frozen=True, slots=True)
class ThreadTurning:
    """Thread by single-point passes, external or in a bore; number of passes by pitch (QUO-25)."""

    diameter_mm: float
    pitch_mm: float
    length_mm: float
    internal: bool = False
    label: str = "Filetage extérieur"
    operation_type: str = "turning"

    def cuts(self, ctx: Context) -> list[Cut]:
        if self.internal:
            room = round(0.8 * (self.diameter_mm - self.pitch_mm), 1)
            reach = self.length_mm + ctx.rules.reach_margin_mm
            choice = choose(
                ToolNeed("threading", max_diameter_mm=room, reach_mm=reach, name="Barre à fileter"), ctx
            )
        else:
            choice = choose(ToolNeed("threading"), ctx, lambda t: (t.diameter_mm or 0.0,))
        data = turn_data(ctx, False, ctx.rules.threading_vc_factor, "filetage")
        feed = Value(self.pitch_mm, "mm/tr", "f = P", {"P": self.pitch_mm}, "pas du filet")
        data = c.with_record(ctx, choice.tool, "threading", Data(data.vc, feed, 0.0))
        n = c.spindle_speed(ctx, data.vc, self.diameter_mm, choice.tool)
        n = feed_limited(ctx, n, self.pitch_mm)
        passes = thread_passes(ctx, self.pitch_mm)
        time = (self.length_mm + 2) * passes / (self.pitch_mm * n.value)
        depth_mm = 0.613 * self.pitch_mm
        inputs: dict[str, float | str] = {
            "L": self.length_mm,
            "i": float(passes),
            "P": self.pitch_mm,
            "n": n.value,
        }
        return [
            Cut(
                "turning",
                f"{self.label} {designation(self.diameter_mm, self.pitch_mm)}",
                choice,
                passes,
                c.minutes(time, "t = (L + 2)·i/(P·n)", inputs),
                1,
                c.actual_speed(data.vc, n, self.diameter_mm),
                n,
                feed,
                c.feed_rate(ctx, n, feed),
                c.depth(depth_mm / passes, "ap moyen = 0,613·P/i", {"P": self.pitch_mm}),
                None,
                shape=shape("thread", d=self.diameter_mm, pitch=self.pitch_mm, length=self.length_mm),
            )
        ]


@dataclass(frozen=True, slots=True)
class Parting:
    """Part off a bar-fed piece from ``diameter_mm`` down to ``bore_mm``."""

    diameter_mm: float
    bore_mm: float = 0.0
    label: str = "Tronçonnage"
    operation_type: str = "turning"

    def cuts(self, ctx: Context) -> list[Cut]:
        depth = (self.diameter_mm - self.bore_mm) / 2
        choice = choose(ToolNeed("parting", min_cut_mm=depth), ctx)
        data = turn_data(ctx, False, ctx.rules.grooving_vc_factor, "tronçonnage")
        feed = Value(ctx.rules.grooving_f_mm, "mm/tr", "f tronçonnage", {}, "valeur par défaut")
        data = c.with_record(ctx, choice.tool, "parting", Data(data.vc, feed, choice.tool.width_mm or 3.0))
        n = c.spindle_speed(ctx, data.vc, self.diameter_mm, choice.tool)
        width = choice.tool.width_mm or 3.0
        speed = c.actual_speed(data.vc, n, self.diameter_mm)
        power = c.turning_power(ctx, speed.value, width, data.feed.value)
        return [
            Cut(
                "turning",
                self.label,
                choice,
                1,
                facing_time(
                    ctx, self.diameter_mm, self.bore_mm, vc=data.vc.value, f=data.feed.value, passes=1
                ),
                1,
                c.actual_speed(data.vc, n, self.diameter_mm),
                n,
                data.feed,
                c.feed_rate(ctx, n, data.feed),
                c.depth(width, "ap = largeur de lame", {}, choice.tool.code),
                None,
                power,
                c.torque(power, n),
                shape=shape("parting", d1=self.diameter_mm, d2=self.bore_mm),
            )
        ]
