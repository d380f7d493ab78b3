"""Milled shapes as steps: faces, contours, pockets, slots, edges, unknown volumes (QUO-16, QUO-20, QUO-25)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from coordinator.modules.quoting.engine import cutting as c
from coordinator.modules.quoting.engine.cutting import Context, Cut, Data, ToolChoice
from coordinator.modules.quoting.engine.milling import (
    Engagement,
    bulk,
    corner_mill,
    cut_of,
    end_mill_data,
    engage,
    largest_end_mill,
    quickest,
    quickest_rougher,
    wall_finish,
)
from coordinator.modules.quoting.engine.shapes import Point, shape
from coordinator.modules.quoting.engine.shop import Tool
from coordinator.modules.quoting.engine.tools import ToolNeed, choose, in_stock
from coordinator.modules.quoting.engine.values import InfeasibleError, Value, size

_NARROW_MM = 3.0
_TIP_MM = 2.0
"""What a 90° cutter keeps clear of an edge at its tip and at its rim, together."""
_MANY_LEVELS = 3
_WORTH_A_SECOND_TOOL = 0.8
_FACE_COVER = 1.4
_LARGEST_END_MILL_MM = 20.0


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
        face = self._face(ctx, choice, data, self.stock_mm)
        allowance = ctx.rules.face_mill_finish_ap_mm
        if self.max_tool_mm is not None or self.stock_mm <= _MANY_LEVELS * data.ap_mm:
            return [face]
        rough = self._bulk(ctx, self.stock_mm - allowance)
        if rough is None:
            return [face]
        rest = self._face(ctx, choice, data, allowance)
        change = ctx.shop.settings.times.tool_change_mill_min
        if rough.cut_min.value + rest.cut_min.value + change < _WORTH_A_SECOND_TOOL * face.cut_min.value:
            return [rough, rest]
        return [face]

    def _bulk(self, ctx: Context, stock_mm: float) -> Cut | None:
        """A thick stock taken off by an end mill at full depth, where shallow levels of a face mill take much longer."""
        need = ToolNeed("end_mill", min_diameter_mm=10.0, max_diameter_mm=20.0)
        volume, sizes = self.length_mm * self.width_mm * stock_mm, (self.length_mm, self.width_mm)
        if in_stock(need, ctx) is None:
            return None
        choice = quickest_rougher(ctx, 20.0, 0.0, volume, stock_mm)
        label = f"{self.label} {size(self.length_mm)} × {size(self.width_mm)} ébauche"
        try:
            return replace(bulk(ctx, choice, volume, stock_mm, label, area=sizes), stage=0)
        except InfeasibleError:
            return None

    def _face(self, ctx: Context, choice: ToolChoice, data: Data, stock_mm: float) -> Cut:
        d = choice.tool.diameter_mm or 50.0
        finish_ap = ctx.rules.face_mill_finish_ap_mm if self.finish_passes else 0.0
        ae = min(data.ae_mm or ctx.rules.face_mill_ae_ratio * d, self.width_mm)
        strips = max(1, math.ceil(self.width_mm / ae - 1e-9))
        rough_stock = max(stock_mm - finish_ap, 0.0)
        ap = min(data.ap_mm, max(rough_stock, finish_ap))
        e = engage(ctx, choice.tool, data, ap_mm=ap, ae_mm=ae, label=self.label)
        rough = math.ceil(rough_stock / e.ap_mm - 1e-9) if rough_stock > 1e-9 else 0
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
        value = c.minutes(time, "t = passes·bandes·(L + D + 4)/Vf", inputs)
        where = shape(
            "plane",
            length=self.length_mm,
            width=self.width_mm,
            stock=stock_mm,
            finish=float(self.finish_passes),
            finish_ap=finish_ap,
        )
        return cut_of(label, choice, e, passes, value, where=where, stage=0)

    def _tool(self, ctx: Context) -> tuple[ToolChoice, Data]:
        """The face mill that is soonest done; a narrow face, or a shop without face mills, takes an end mill."""
        room = self.max_tool_mm
        if room is None and self.width_mm * _FACE_COVER <= _LARGEST_END_MILL_MM:
            room = max(self.width_mm * _FACE_COVER, 6.0)
        if room is not None:
            small = largest_end_mill(ctx, room, 0.0)
            data = end_mill_data(ctx, small.tool, False, 0.0, ctx.rules.slot_mill_ap_ratio)
            return small, replace(data, ae_mm=ctx.rules.face_mill_ae_ratio * (small.tool.diameter_mm or 10.0))

        def minutes(tool: Tool) -> float:
            choice = ToolChoice(tool)
            return self._face(ctx, choice, self._data(ctx, choice), self.stock_mm).cut_min.value

        setup = ctx.shop.settings.times.setup_per_missing_tool_min
        tool = quickest(ctx, ToolNeed("face_mill"), minutes, setup)
        if tool is None:
            mill = in_stock(ToolNeed("end_mill", min_diameter_mm=10), ctx)
            if mill is not None:
                data = end_mill_data(ctx, mill, False, 0.0)
                note = "fraise à surfacer absente du stock : surfaçage à la fraise 2 tailles"
                ae = ctx.rules.face_mill_ae_ratio * (mill.diameter_mm or 10.0)
                return ToolChoice(mill), replace(data, ap_mm=min(data.ap_mm, 1.0), ae_mm=ae, notes=(note,))
            choice = choose(ToolNeed("face_mill", diameter_mm=50.0), ctx)
        else:
            choice = ToolChoice(tool)
        return choice, self._data(ctx, choice)

    def _data(self, ctx: Context, choice: ToolChoice) -> Data:
        rules, code = ctx.rules, ctx.group.code
        ap = {"S": rules.face_mill_ap_s_mm, "H": rules.face_mill_ap_h_mm}.get(code[0], rules.face_mill_ap_mm)
        vc = c.table_speed(ctx, "fraise à surfacer", ctx.group.vc_face_mill)
        fz = Value(ctx.group.fz_face_mill, "mm/dent", "fz table", {}, f"table surfaçage, groupe {code}")
        ae = rules.face_mill_ae_ratio * (choice.tool.diameter_mm or 50.0)
        data = Data(vc, fz, ap, ae, "valeur par défaut")
        return c.with_record(ctx, choice.tool, "milling_face", data)


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
        rough = cut_of(
            f"{self.label} ébauche",
            choice,
            e,
            axial * radial,
            c.minutes(time, "t = Σ (L + D + 4)/Vf", inputs),
            where=shape(
                "walls", length=self.perimeter_mm, height=self.height_mm, passes=float(radial), inside=0.0
            ),
            stage=5,
        )
        if not self.finish_passes:
            return [rough]
        wall = wall_finish(
            ctx, choice, self.perimeter_mm, self.height_mm, self.finish_passes, label=self.label
        )
        return [rough, wall]


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
    places: tuple[Point, ...] = ()
    is_notch: bool = False
    """Open to the outside along its length: a mill larger than its width comes in from there."""
    label: str = "Poche"
    operation_type: str = "milling"

    def cuts(self, ctx: Context) -> list[Cut]:
        reach = self.depth_mm + ctx.rules.reach_margin_mm
        label = f"{self.label} {size(self.length_mm)} × {size(self.width_mm)} × {size(self.depth_mm)}"
        volume = self.volume_mm3 or self.length_mm * self.width_mm * self.depth_mm
        choice, narrow = self._rougher(ctx, reach, volume * self.count)
        area = (self.length_mm, self.width_mm)
        rough = bulk(
            ctx,
            choice,
            volume,
            self.depth_mm,
            f"{label} ébauche",
            count=self.count,
            area=area,
            places=self.places,
            is_closed=not self.is_notch,
            is_notch=self.is_notch,
        )
        rough = replace(rough, warnings=(*rough.warnings, *narrow))
        if not self.finish_passes:
            return [rough]
        finisher, notes = choice, tuple[str, ...]()
        radius = self.corner_radius_mm
        if radius and (choice.tool.diameter_mm or 0.0) > 1.8 * radius:
            finisher, notes = corner_mill(ctx, radius, reach, label)
        perimeter = 2 * (self.length_mm + self.width_mm)
        if self.is_notch:
            perimeter = self.length_mm + 2 * self.width_mm
        walls = wall_finish(
            ctx,
            finisher,
            perimeter,
            self.depth_mm,
            self.finish_passes,
            label=label,
            count=self.count,
            inside=True,
            places=self.places,
        )
        if self.is_notch and walls.shape:
            path = {"slot_length": self.length_mm, "slot_width": self.width_mm}
            walls = replace(walls, shape=replace(walls.shape, sizes={**walls.shape.sizes, **path}))
            return [rough, replace(walls, warnings=(*walls.warnings, *notes))]
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
        sizes = {"floor_length": self.length_mm, "floor_width": self.width_mm, "floor_tool": d}
        where = replace(walls.shape, sizes={**walls.shape.sizes, **sizes}) if walls.shape else None
        return [rough, replace(walls, cut_min=value, shape=where, warnings=(*walls.warnings, *notes))]

    def _rougher(self, ctx: Context, reach: float, volume: float) -> tuple[ToolChoice, tuple[str, ...]]:
        """A mill of 0.65 × the width; a narrow pocket is milled like a slot; one no mill reaches down is named."""
        share = 0.65 if 0.65 * self.width_mm >= _NARROW_MM else 0.9
        room = min(share * (self.length_mm if self.is_notch else self.width_mm), 20.0)
        smallest = max(ctx.rules.smallest_end_mill_mm, reach / ctx.rules.end_mill_max_reach_ratio)
        if room >= smallest:
            closed = not self.is_notch
            return quickest_rougher(ctx, room, reach, volume, self.depth_mm, is_closed=closed), ()
        shallow = max(ctx.rules.smallest_end_mill_mm, min(room, smallest))
        note = (
            f"{self.label} de {size(self.width_mm)} mm de large et {size(self.depth_mm)} mm de profond hors de portée d'une fraise "
            f"(Ø ≥ {size(smallest)}) : électro-érosion à prévoir, non chiffrée, ou plan à revoir."
        )
        return largest_end_mill(ctx, shallow, min(reach, 8 * shallow)), (note,)


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
        reach = min(self.depth_mm + ctx.rules.reach_margin_mm, 50.0)
        choice = quickest_rougher(ctx, 20.0, reach, self.volume_mm3, self.depth_mm)
        rough = bulk(ctx, choice, self.volume_mm3, self.depth_mm, f"{self.label} ébauche")
        if not self.finish_passes:
            return [rough]
        length = self.area_mm2 / self.depth_mm
        return [rough, wall_finish(ctx, choice, length, self.depth_mm, self.finish_passes, label=self.label)]


@dataclass(frozen=True, slots=True)
class SlotMilling:
    """``count`` slots (rainures, keyways): full width at ap = 0.5·D. A coarse one takes a mill of its size;
    a toleranced one (``is_tight``) a smaller mill and its walls are finished."""

    length_mm: float
    width_mm: float
    depth_mm: float
    count: int = 1
    finish_passes: int = 1
    places: tuple[Point, ...] = ()
    is_tight: bool = False
    label: str = "Rainure"
    operation_type: str = "milling"

    def cuts(self, ctx: Context) -> list[Cut]:
        reach = self.depth_mm + ctx.rules.reach_margin_mm
        room = max(2 * ctx.rules.milling_allowance_mm, 0.05 * self.width_mm) if self.is_tight else 0.0
        choice = largest_end_mill(ctx, min(self.width_mm - room, 20.0), reach)
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
        where = shape(
            "slot",
            count=self.count,
            places=self.places,
            length=self.length_mm,
            width=self.width_mm,
            depth=self.depth_mm,
            lanes=float(lanes),
        )
        rough = cut_of(f"{label} ébauche", choice, e, axial * lanes, value, positions=self.count, where=where)
        if not self.finish_passes or (not self.is_tight and self.width_mm - d < 0.05):
            return [rough]
        wall = 2 * self.length_mm + self.width_mm
        walls = wall_finish(
            ctx,
            choice,
            wall,
            self.depth_mm,
            self.finish_passes,
            label=label,
            count=self.count,
            inside=True,
            places=self.places,
            slot_length=self.length_mm,
            slot_width=self.width_mm,
        )
        return [rough, walls]


@dataclass(frozen=True, slots=True)
class EdgeMilling:
    """Chamfers along ``length_mm`` of edges with a chamfer mill: t = (L + D + 4)/Vf at its tip's feed."""

    length_mm: float
    width_mm: float
    count: int = 1
    label: str = "Chanfreinage d'arêtes"
    operation_type: str = "milling"

    def cuts(self, ctx: Context) -> list[Cut]:
        choice = self._choice(ctx)
        d = choice.tool.diameter_mm or 12.0
        e = self._engaged(ctx, choice.tool)
        time = self.count * (self.length_mm + d + 4) / e.vf.value
        inputs: dict[str, float | str] = {
            "L": self.length_mm,
            "D": d,
            "Vf": e.vf.value,
            "nombre": float(self.count),
        }
        value = c.minutes(time, "t = Σ (L + D + 4)/Vf", inputs)
        label = f"{self.label} {size(self.width_mm)} mm"
        where = shape("edges", count=self.count, length=self.length_mm, height=self.width_mm, passes=1.0)
        return [cut_of(label, choice, e, 1, value, positions=self.count, where=where, stage=70)]

    def _choice(self, ctx: Context) -> ToolChoice:
        """The countersink or carbide spotting drill of the stock that costs the batch least: both cut at 90°."""
        wide = 2 * self.width_mm + _TIP_MM
        needs = (
            ToolNeed("countersink", min_diameter_mm=wide),
            ToolNeed("spot_drill", min_diameter_mm=wide, substrate="carbide"),
        )
        mount = ctx.shop.settings.times.setup_per_missing_tool_min

        def minutes(tool: Tool) -> float:
            return (
                self.count
                * (self.length_mm + (tool.diameter_mm or 12.0) + 4)
                / self._engaged(ctx, tool).vf.value
            )

        def whole(tool: Tool) -> float:
            return ctx.quantity * minutes(tool) + (0.0 if ctx.machine.code in tool.mounted_in else mount)

        found = [tool for need in needs if (tool := quickest(ctx, need, minutes, mount)) is not None]
        if found:
            return ToolChoice(min(found, key=whole))
        return choose(ToolNeed("countersink"), ctx, lambda t: (abs((t.diameter_mm or 0.0) - 12.0),))

    def _engaged(self, ctx: Context, tool: Tool) -> Engagement:
        data = end_mill_data(ctx, tool, True, self.width_mm)
        if tool.substrate == "hss":
            data = replace(data, vc=c.table_speed(ctx, "foret HSS-Co", ctx.group.vc_drill_hss))
        return engage(ctx, tool, data, ap_mm=self.width_mm, ae_mm=self.width_mm, label=self.label)
