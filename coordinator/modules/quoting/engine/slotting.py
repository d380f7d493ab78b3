"""Keyways of bores, slotted on the lathe or the machining centre with a held spindle: one thin chip per stroke."""

from __future__ import annotations

import math
from dataclasses import dataclass

from coordinator.modules.quoting.engine import cutting as c
from coordinator.modules.quoting.engine.cutting import Context, Cut
from coordinator.modules.quoting.engine.shapes import shape
from coordinator.modules.quoting.engine.tools import ToolNeed, choose
from coordinator.modules.quoting.engine.values import Value, size

STROKE_FEED_MM_MIN = 8000.0
"""Usual axial speed of slotting with a machine's own axis."""
BACK_FACTOR = 3.0
"""How much faster the lifted tool goes back."""
OVERRUN_MM = 3.0
SPRING_STROKES = 4
"""Strokes without infeed that let the tool spring back to size."""
CHIP_MM = {"N": 0.10, "K": 0.06, "P": 0.05, "M": 0.03, "S": 0.02, "H": 0.01}


@dataclass(frozen=True, slots=True)
class KeywaySlotting:
    """``count`` equal keyways in a bore, cut to full width by an axial tool."""

    length_mm: float
    width_mm: float
    depth_mm: float
    count: int = 1
    operation_type: str = "turning"

    def cuts(self, ctx: Context) -> list[Cut]:
        """Strokes out and back over the bore's length, the chip of the material's group each."""
        reach = self.length_mm + 2 * OVERRUN_MM
        need = ToolNeed("slotting", max_width_mm=self.width_mm, reach_mm=reach)
        ways = ("Brochage ou mortaisage en sous-traitance", "Électro-érosion à fil")
        choice = choose(need, ctx, alternatives=ways)
        chip = CHIP_MM[ctx.group.code[0]]
        limit = ctx.machine.max_feed_mm_min or STROKE_FEED_MM_MIN
        speed = min(STROKE_FEED_MM_MIN, limit)
        lanes = max(1, math.ceil(self.width_mm / (choice.tool.width_mm or self.width_mm) - 1e-9))
        strokes = lanes * (math.ceil(self.depth_mm / chip - 1e-9) + SPRING_STROKES)
        way = self.length_mm + 2 * OVERRUN_MM
        time = self.count * strokes * way * (1 + 1 / BACK_FACTOR) / speed
        inputs: dict[str, float | str] = {
            "courses": float(strokes), "L": self.length_mm, "dépassement": OVERRUN_MM, "copeau": chip, "V": speed,
        }  # fmt: skip
        where = shape(
            "strokes", count=self.count, length=self.length_mm, depth=self.depth_mm, strokes=float(strokes)
        )
        label = f"Mortaisage rainure de clavette {size(self.width_mm)} × {size(self.length_mm)} × {size(self.depth_mm)}"
        feed = Value(speed, "mm/min", "vitesse de course", {}, "règle d'atelier")
        return [
            Cut("turning" if ctx.machine.can_turn else "milling", label, choice, strokes,
                c.minutes(time, "t = courses·(L + 2·dépassement)·(1/V + 1/(3·V))", inputs), self.count, feed_mm_min=feed,
                ap_mm=c.depth(chip, "copeau par course", {}, "règle d'atelier"), shape=where, stage=60)
        ]  # fmt: skip
