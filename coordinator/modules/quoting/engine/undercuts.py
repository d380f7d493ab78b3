"""T slots: the wide part under a narrower mouth, cut in one pass by a T slot cutter that enters from the slot's end (QUO-13)."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.modules.quoting.engine import cutting as c
from coordinator.modules.quoting.engine.cutting import Context, Cut, Data
from coordinator.modules.quoting.engine.milling import cut_of, engage
from coordinator.modules.quoting.engine.shapes import Point, shape
from coordinator.modules.quoting.engine.tools import ToolNeed, choose
from coordinator.modules.quoting.engine.values import Value, number, size

_SPEED_SHARE = 0.5
"""Of an end mill's roughing speed: both faces and the periphery cut, chips hardly leave."""
_FEED_SHARE = 0.5
_RULE = "règle d'atelier"


@dataclass(frozen=True, slots=True)
class TSlotMilling:
    """``count`` equal undercuts of ``width_mm`` × ``depth_mm``, sizes of the wide part; their mouth is milled before."""

    length_mm: float
    width_mm: float
    depth_mm: float
    count: int = 1
    places: tuple[Point, ...] = ()
    operation_type: str = "milling"

    def cuts(self, ctx: Context) -> list[Cut]:
        """One pass per slot where the cutter has its size, else one per wall and level."""
        need = ToolNeed("t_slot_mill", max_diameter_mm=self.width_mm, max_width_mm=self.depth_mm)
        choice = choose(need, ctx, alternatives=("Électro-érosion",))
        d, thick = choice.tool.diameter_mm or self.width_mm, choice.tool.width_mm or self.depth_mm
        label = f"Rainure en T {size(self.width_mm)} × {size(self.length_mm)} × {size(self.depth_mm)}"
        group = ctx.group
        slow = group.vc_end_mill[0] * _SPEED_SHARE
        speed = Value(slow, "m/min", f"Vc fraise·{number(_SPEED_SHARE)}", {}, _RULE)
        fine = group.fz_end_mill * _FEED_SHARE
        feed = Value(fine, "mm/dent", f"fz fraise·{number(_FEED_SHARE)}", {}, _RULE)
        data = c.with_record(ctx, choice.tool, "milling_rough", Data(speed, feed, thick, d, _RULE))
        e = engage(ctx, choice.tool, data, ap_mm=min(thick, self.depth_mm), ae_mm=d, label=label)
        lanes = 1 if d >= self.width_mm - 0.05 else 2
        levels = 1 if thick >= self.depth_mm - 0.05 else 2
        passes = lanes * levels
        time = self.count * passes * (self.length_mm + d + 4) / e.vf.value
        inputs: dict[str, float | str] = {
            "L": self.length_mm, "D": d, "passes": float(passes), "nombre": float(self.count), "Vf": e.vf.value,
        }  # fmt: skip
        value = c.minutes(time, "t = nombre·passes·(L + D + 4)/Vf", inputs)
        where = shape(
            "slot",
            count=self.count,
            places=self.places,
            length=self.length_mm,
            width=self.width_mm,
            depth=self.depth_mm,
            lanes=float(lanes),
        )
        return [cut_of(label, choice, e, passes, value, positions=self.count, where=where, stage=45)]
