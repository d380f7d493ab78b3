"""Text of a program: modal words, tool calls, safe positions."""

from __future__ import annotations

import math

from coordinator.modules.quoting.engine.cutting import Cut

SAFE_MM = 50.0
CLEAR_MM = 2.0
C_AXIS_S, INDEXING_S = 1.5, 0.4


class Program:
    """Collects blocks. ``across_mm`` × ``along_mm`` is the part seen from above (Ø × length on a lathe)."""

    def __init__(self, title: str, lathe: bool, across_mm: float, along_mm: float, max_rpm: float) -> None:
        self.lathe, self.across_mm, self.along_mm, self.max_rpm = lathe, across_mm, along_mm, max_rpm
        self._tools: dict[str, int] = {}
        self._tool = ""
        self._turning = lathe
        self._lines = ["%", f"({title})", "G21 G90 G40"]
        self.add("G7" if lathe else "G8")

    def add(self, block: str) -> None:
        """One block."""
        self._lines.append(block)

    def text(self) -> str:
        """The whole program, tool away and spindle stopped at the end."""
        self._away()
        return "\n".join([*self._lines, "M5", "M30", "%", ""])

    def tool(self, code: str, comment: str) -> None:
        """Call a tool unless it is already in the spindle."""
        self.add(f"({comment})")
        if code == self._tool:
            return
        self._away()
        number = self._tools.setdefault(code, len(self._tools) + 1)
        self.add(f"T{number:02d}{number:02d}" if self.lathe else f"M5\nT{number} M6")
        self._tool = code

    def _away(self) -> None:
        if not self.lathe:
            self.move(z=SAFE_MM, rapid=True)
            return
        self.move(z=CLEAR_MM + SAFE_MM / 2, rapid=True)
        self.add("G7")
        self._turning = True
        self.move(x=self.across_mm + SAFE_MM, z=SAFE_MM, rapid=True)

    def turning_mode(self, cut: Cut, *, constant_speed: bool = True) -> None:
        """Constant cutting speed (or fixed revolutions) and feed per revolution, X as a diameter."""
        if not self._turning:
            self.add("G7")
            self._turning = True
        if cut.vc_m_min is None or cut.n_rev_min is None or cut.feed is None:
            raise ValueError(f"no conditions: {cut.label}")
        turns = 1000 * _speed(cut) / (math.pi * self.across_mm)
        if constant_speed and turns < (self.max_rpm or turns + 1):
            self.add(f"G92 S{self.max_rpm or 6000:.0f}")
            self.add(f"G96 S{_speed(cut):.1f} M3")
        else:
            self.add(f"G97 S{cut.n_rev_min.value:.0f} M3")
        self.add(f"G95 F{cut.feed.value:.4f}")

    def milling_mode(self) -> None:
        """Rotating tool: X as a length."""
        if self._turning:
            self.move(z=CLEAR_MM + 10, rapid=True)
            self.add("G8")
            self.add(f"G4 P{C_AXIS_S} (axe C)")
            self._turning = False
        elif self.lathe:
            self.add(f"G4 P{INDEXING_S} (indexage C)")

    def rotating(self, cut: Cut) -> float:
        """Start the rotating tool; returns its feed in mm/min."""
        if cut.n_rev_min is None or cut.feed_mm_min is None:
            raise ValueError(f"no conditions: {cut.label}")
        self.add(f"G97 S{cut.n_rev_min.value:.0f} M3")
        self.add(f"G94 F{cut.feed_mm_min.value:.1f}")
        return cut.feed_mm_min.value

    def move(
        self,
        *,
        x: float | None = None,
        y: float | None = None,
        z: float | None = None,
        rapid: bool = False,
        feed: float | None = None,
    ) -> None:
        """A straight move."""
        words = ["G0" if rapid else "G1"]
        words += [f"{n}{v:.4f}" for n, v in (("X", x), ("Y", y), ("Z", z)) if v is not None]
        if feed is not None:
            words.append(f"F{feed:.2f}")
        self.add(" ".join(words))

    def circle(
        self, cx: float, cy: float, radius: float, z: float | None = None, feed: float | None = None
    ) -> None:
        """A full turn from (cx + radius, cy) around the centre, helical if ``z`` is given."""
        depth = "" if z is None else f" Z{z:.4f}"
        rate = "" if feed is None else f" F{feed:.2f}"
        self.add(f"G3 X{cx + radius:.4f} Y{cy:.4f}{depth} I{-radius:.4f} J0.0000{rate}")

    def centres(self, cut: Cut) -> list[tuple[float, float]]:
        """Where the equal holes or pockets lie: read positions, else spread over the part."""
        if cut.shape is None:
            return [(0.0, 0.0)]
        count = cut.shape.count
        if len(cut.shape.places) >= count:
            return list(cut.shape.places[:count])
        if self.lathe:
            radius = 0.35 * self.across_mm
            turns = [2 * math.pi * i / count for i in range(count)]
            return (
                [(radius * math.cos(a), radius * math.sin(a)) for a in turns] if count > 1 else [(0.0, 0.0)]
            )
        columns = math.ceil(math.sqrt(count))
        rows = math.ceil(count / columns)
        found = [
            (self.across_mm * (c + 0.5) / columns, self.along_mm * (r + 0.5) / rows)
            for r in range(rows)
            for c in (range(columns) if r % 2 == 0 else reversed(range(columns)))
        ]
        return found[:count]


def _speed(cut: Cut) -> float:
    """The cutting speed asked for; where revolutions were limited the limit stands in G92."""
    if cut.vc_m_min is None or cut.n_rev_min is None:
        return 0.0
    return float(cut.n_rev_min.inputs.get("Vc", cut.vc_m_min.value))
