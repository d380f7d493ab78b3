"""Narrow deep slots open at both ends, sawn with a slitting saw on an arbor instead of milled with a mill that long (QUO-13)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from coordinator.modules.quoting.engine import cutting as c
from coordinator.modules.quoting.engine.cutting import Context, Cut, Data
from coordinator.modules.quoting.engine.milling import cut_of, engage
from coordinator.modules.quoting.engine.shapes import shape
from coordinator.modules.quoting.engine.shop import Tool
from coordinator.modules.quoting.engine.tools import ToolNeed, choose
from coordinator.modules.quoting.engine.values import Value, number, size

MAX_WIDTH_MM = 6.0
"""Thickest metal slitting saw in common stock (DIN 1837/1838: 0.2 to 6 mm)."""
MIN_DEPTH_RATIO = 4.0
"""Depth over width from which an end mill of the slot's width is too slender."""
MAX_DEPTH_RATIO = 25.0
"""Deeper, a thin saw wanders: the slot stays a question."""
COLLAR_MM = 30.0
"""Diameter of the arbor's collars: what of the saw stays outside the slot."""
PASS_RATIO = 10.0
"""Depth of a pass over the width of the saw."""
DIAMETERS_MM = (32.0, 40.0, 50.0, 63.0, 80.0, 100.0, 125.0, 160.0, 200.0)
FZ_MM = {"N": 0.03, "K": 0.025, "P": 0.02, "M": 0.015, "S": 0.01, "H": 0.005}
_WITHOUT_HSS = 0.3
_RULE = "règle d'atelier"


def is_sawn(length_mm: float, width_mm: float, depth_mm: float, run_mm: float) -> bool:
    """A slot along ``run_mm`` of the part that a saw passes right through, too narrow and deep for an end mill."""
    return (
        length_mm >= run_mm - 0.5
        and width_mm <= MAX_WIDTH_MM
        and MIN_DEPTH_RATIO * width_mm <= depth_mm <= MAX_DEPTH_RATIO * width_mm
        and 2 * depth_mm + COLLAR_MM <= DIAMETERS_MM[-1]
    )


@dataclass(frozen=True, slots=True)
class SlotSawing:
    """``count`` equal slots; the saw's axis lies across the slot."""

    length_mm: float
    width_mm: float
    depth_mm: float
    count: int = 1
    operation_type: str = "milling"

    def cuts(self, ctx: Context) -> list[Cut]:
        """Passes of the saw over the slot's length with its way in and out: √(ae·(D − ae)) at each end."""
        least = 2 * self.depth_mm + COLLAR_MM
        usual = next(d for d in DIAMETERS_MM if d >= least)
        need = ToolNeed("slitting_saw", min_diameter_mm=usual, max_width_mm=self.width_mm)
        choice = choose(need, ctx, alternatives=("Électro-érosion à fil",))
        d, thick = choice.tool.diameter_mm or usual, choice.tool.width_mm or self.width_mm
        label = f"Sciage de rainure {size(self.width_mm)} × {size(self.length_mm)} × {size(self.depth_mm)}"
        data = self._data(ctx, choice.tool, thick)
        step = min(self.depth_mm, data.ae_mm or self.depth_mm)
        e = engage(ctx, choice.tool, data, ap_mm=thick, ae_mm=step, label=label)
        at_once = e.ae_mm * e.ap_mm / thick
        passes = math.ceil(self.depth_mm / at_once - 1e-9)
        lanes = max(1, math.ceil(self.width_mm / thick - 1e-9))
        way_in = math.sqrt(at_once * (d - at_once))
        way = self.length_mm + 2 * way_in + 4
        time = self.count * lanes * passes * way / e.vf.value
        inputs: dict[str, float | str] = {
            "L": self.length_mm, "D": d, "prise": at_once, "passes": float(passes), "voies": float(lanes),
            "nombre": float(self.count), "Vf": e.vf.value,
        }  # fmt: skip
        value = c.minutes(time, "t = nombre·voies·passes·(L + 2·√(prise·(D − prise)) + 4)/Vf", inputs)
        where = shape("sawing", count=self.count, way=way, depth=self.depth_mm, passes=float(lanes * passes))
        return [cut_of(label, choice, e, lanes * passes, value, positions=self.count, where=where, stage=45)]

    def _data(self, ctx: Context, tool: Tool, thick_mm: float) -> Data:
        """HSS saws run at the speed of HSS-Co drills; groups without one at a third of a mill's. A tool's own record wins."""
        group = ctx.group
        if group.vc_drill_hss:
            speed = c.table_speed(ctx, "foret HSS-Co", group.vc_drill_hss)
        else:
            slow = group.vc_end_mill[0] * _WITHOUT_HSS
            speed = Value(slow, "m/min", f"Vc fraise·{number(_WITHOUT_HSS)}", {}, _RULE)
        feed = Value(FZ_MM[group.code[0]], "mm/dent", "fz fraise-scie", {}, _RULE)
        data = Data(speed, feed, thick_mm, PASS_RATIO * thick_mm, _RULE)
        return c.with_record(ctx, tool, "milling_rough", data)
