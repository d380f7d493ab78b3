"""Run time of an ISO 6983 program with accelerations: parser, look-ahead, spindle ramps, tool changes.

It shares no code and no formula with the quoting engine: it knows only the program's text and the machine's
dynamics. Look-ahead follows the usual planner of controllers: corner speeds by junction deviation,
a backward and a forward pass over the chain, then a trapezoid per block (constant acceleration).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_WORD = re.compile(r"([A-Z])\s*(-?\d+(?:\.\d*)?)")
_COMMENT = re.compile(r"\([^)]*\)")
_CHUNK_MM = 1.0


@dataclass(frozen=True, slots=True)
class Dynamics:
    """What the axes and the spindle can do: m/min, m/s², rpm/s, s. Data sheet values of ordinary machines."""

    rapid_m_min: float = 30.0
    acceleration_m_s2: float = 4.0
    spindle_rpm_s: float = 6000.0
    live_rpm_s: float = 6000.0
    tool_change_s: float = 5.0
    junction_mm: float = 0.01
    block_s: float = 0.004


MILL = Dynamics()
LATHE = Dynamics(24.0, 4.0, 2000.0, 4000.0, 0.8)


@dataclass(slots=True)
class Times:
    """Seconds by what they go into."""

    cutting_s: float = 0.0
    rapid_s: float = 0.0
    spindle_s: float = 0.0
    tool_change_s: float = 0.0
    dwell_s: float = 0.0
    by_tool: dict[str, float] = field(default_factory=dict)

    @property
    def total_s(self) -> float:
        return self.cutting_s + self.rapid_s + self.spindle_s + self.tool_change_s + self.dwell_s


@dataclass(slots=True)
class _Block:
    length: float
    speed: float
    start: tuple[float, float, float]
    end: tuple[float, float, float]
    rapid: bool


class Simulator:
    """Runs one program and adds up its seconds."""

    def __init__(self, dynamics: Dynamics) -> None:
        self.dynamics, self.times = dynamics, Times()
        self._at = [0.0, 0.0, 50.0]
        self._motion, self._feed, self._per_turn = "G0", 0.0, False
        self._speed, self._constant, self._limit = 0.0, False, 1e9
        self._rpm, self._turning, self._diameter = 0.0, 0, False
        self._chain: list[_Block] = []
        self._tool = ""
        self._shift = (0.0, 0.0)

    def run(self, program: str) -> Times:
        """Total times of the program as it runs in a batch: the tool of its end is the one it starts with."""
        lines = [
            text for raw in program.splitlines() if (text := _COMMENT.sub("", raw).strip()) and text != "%"
        ]
        tools = [
            f"T{float(value):g}" for text in lines for letter, value in _WORD.findall(text) if letter == "T"
        ]
        self._tool = tools[-1] if tools else ""
        for text in lines:
            self._line(text)
        self._flush()
        return self.times

    def _line(self, text: str) -> None:
        words = [(letter, float(value)) for letter, value in _WORD.findall(text)]
        values = {letter: value for letter, value in words if letter not in "GM"}
        codes = [f"{letter}{value:g}" for letter, value in words if letter in "GM"]
        if "G92" in codes:
            self._limit = values.get("S", self._limit)
            return
        if "G52" in codes:
            self._shift = (values.get("X", 0.0), values.get("Y", 0.0))
            return
        self._modes(codes, values)
        if "G4" in codes:
            self._flush()
            self._spend("dwell_s", values.get("P", 0.0))
        elif any(axis in values for axis in "XYZ"):
            self._move(values)

    def _modes(self, codes: Iterable[str], values: dict[str, float]) -> None:
        if "T" in values and ("M6" in codes or not codes):
            self._change(f"T{values['T']:g}")
        for code in codes:
            if code in ("G0", "G1", "G2", "G3", "G33"):
                self._motion = code
            elif code in ("G94", "G95"):
                self._per_turn = code == "G95"
            elif code in ("G96", "G97"):
                self._constant = code == "G96"
            elif code in ("G7", "G8"):
                self._switch(diameter=code == "G7")
        if "F" in values:
            self._feed = values["F"]
        if "S" in values:
            self._speed = values["S"]
        turn = next((c for c in codes if c in ("M3", "M4", "M5", "M30")), None)
        if turn is not None:
            self._spindle({"M3": 1, "M4": -1}.get(turn, 0))

    def _switch(self, *, diameter: bool) -> None:
        if diameter != self._diameter:
            self._flush()
            self._spindle(0)
            self._diameter = diameter

    def _change(self, tool: str) -> None:
        self._flush()
        if tool != self._tool:
            self._tool = tool
            self._spend("tool_change_s", self.dynamics.tool_change_s)

    def _spindle(self, direction: int) -> None:
        """Ramp to the speed asked for; constant cutting speed takes the present diameter."""
        self._flush()
        wanted = direction * self._revolutions(self._at[0]) if direction else 0.0
        ramp = self.dynamics.spindle_rpm_s if self._diameter else self.dynamics.live_rpm_s
        self._spend("spindle_s", abs(wanted - self._rpm) / ramp)
        self._rpm, self._turning = wanted, direction

    def _revolutions(self, x: float) -> float:
        if not self._constant:
            return self._speed
        diameter = abs(x) if self._diameter else 2 * abs(x)
        return min(1000 * self._speed / (math.pi * max(diameter, 0.05)), self._limit)

    def _move(self, values: dict[str, float]) -> None:
        shift = (*self._shift, 0.0)
        target = [values[axis] + shift[i] if axis in values else self._at[i] for i, axis in enumerate("XYZ")]
        if self._motion in ("G2", "G3"):
            self._arc(target, values)
        elif self._motion == "G33":
            self._thread(target, values["K"])
        elif self._motion == "G0":
            self._flush()
            self._chain.append(
                self._block(self._at, target, self.dynamics.rapid_m_min * 1000 / 60, rapid=True)
            )
            self._flush()
            self._settle(target[0])
        else:
            self._feed_move(target)
        self._at = target

    def _settle(self, x: float) -> None:
        """After a rapid the spindle must have reached the speed of the new diameter; it turned up meanwhile."""
        if not (self._constant and self._turning and self._diameter):
            return
        wanted = self._turning * self._revolutions(x)
        self._spend("spindle_s", max(abs(wanted - self._rpm) / self.dynamics.spindle_rpm_s - 0.2, 0.0))
        self._rpm = wanted

    def _feed_move(self, target: list[float]) -> None:
        """Feed; with constant cutting speed in short pieces because the revolutions change along X."""
        across = abs(target[0] - self._at[0])
        pieces = max(1, math.ceil(across / _CHUNK_MM)) if self._per_turn and self._constant else 1
        start = self._at
        for i in range(pieces):
            share = (i + 1) / pieces
            end = [a + (b - a) * share for a, b in zip(self._at, target, strict=True)]
            speed = self._feed / 60
            if self._per_turn:
                speed *= self._revolutions((start[0] + end[0]) / 2)
            self._chain.append(self._block(start, end, speed))
            start = end
        self._rpm = self._turning * self._revolutions(target[0])

    def _block(self, start: list[float], end: list[float], speed: float, *, rapid: bool = False) -> _Block:
        scale = 0.5 if self._diameter else 1.0
        delta = [
            (b - a) * (scale if i == 0 else 1.0) for i, (a, b) in enumerate(zip(start, end, strict=True))
        ]
        length = math.sqrt(sum(d * d for d in delta))
        unit = (delta[0] / length, delta[1] / length, delta[2] / length) if length > 1e-9 else (0.0, 0.0, 0.0)
        return _Block(length, max(speed, 1e-6), unit, unit, rapid)

    def _arc(self, target: list[float], values: dict[str, float]) -> None:
        """An arc in the XY plane, helical if Z changes; the speed keeps below what its curvature allows."""
        i, j = values.get("I", 0.0), values.get("J", 0.0)
        cx, cy, radius = self._at[0] + i, self._at[1] + j, math.hypot(i, j)
        a0 = math.atan2(self._at[1] - cy, self._at[0] - cx)
        a1 = math.atan2(target[1] - cy, target[0] - cx)
        way = 1.0 if self._motion == "G3" else -1.0
        sweep = (way * (a1 - a0)) % (2 * math.pi)
        if sweep < 1e-6:
            sweep = 2 * math.pi
        length = math.hypot(radius * sweep, target[2] - self._at[2])
        limit = math.sqrt(self.dynamics.acceleration_m_s2 * 1000 * max(radius, 1e-6))
        start = (-way * math.sin(a0), way * math.cos(a0), 0.0)
        end = (-way * math.sin(a1), way * math.cos(a1), 0.0)
        self._chain.append(_Block(length, min(self._feed / 60, limit), start, end, rapid=False))

    def _thread(self, target: list[float], pitch: float) -> None:
        self._flush()
        speed = max(pitch * self._revolutions(self._at[0]) / 60, 1e-6)
        # The slide waits for the spindle's mark before each pass: half a turn on average.
        self._spend("dwell_s", 30 / max(self._revolutions(self._at[0]), 1.0))
        self._chain.append(self._block(self._at, target, speed))
        self._flush()

    def _flush(self) -> None:
        """End of a chain: plan corner speeds backwards and forwards, add the trapezoids."""
        chain = [b for b in self._chain if b.length > 1e-9]
        self._chain = []
        if not chain:
            return
        a = self.dynamics.acceleration_m_s2 * 1000
        entry = [0.0] * (len(chain) + 1)
        for i in range(1, len(chain)):
            entry[i] = min(_corner(chain[i - 1].end, chain[i].start, a, self.dynamics.junction_mm),
                           chain[i - 1].speed, chain[i].speed)  # fmt: skip
        for i in range(len(chain) - 1, -1, -1):
            entry[i] = min(entry[i], math.sqrt(entry[i + 1] ** 2 + 2 * a * chain[i].length))
        for i, block in enumerate(chain):
            entry[i + 1] = min(entry[i + 1], math.sqrt(entry[i] ** 2 + 2 * a * block.length))
            seconds = _trapezoid(block.length, entry[i], entry[i + 1], block.speed, a)
            self._spend("rapid_s" if block.rapid else "cutting_s", max(seconds, self.dynamics.block_s))

    def _spend(self, what: str, seconds: float) -> None:
        setattr(self.times, what, getattr(self.times, what) + seconds)
        self.times.by_tool[self._tool] = self.times.by_tool.get(self._tool, 0.0) + seconds


def _corner(
    a: tuple[float, float, float], b: tuple[float, float, float], acceleration: float, deviation: float
) -> float:
    """Speed at a corner that leaves the path by no more than ``deviation`` (junction deviation), mm/s."""
    cosine = sum(x * y for x, y in zip(a, b, strict=True))
    if cosine > 0.999999:
        return 1e9
    if cosine < -0.999999:
        return 0.0
    half = math.sqrt((1 + cosine) / 2)
    return math.sqrt(acceleration * deviation * half / (1 - half)) if half < 1 else 1e9


def _trapezoid(length: float, v0: float, v1: float, top: float, a: float) -> float:
    """Seconds for a block from v0 to v1 with at most ``top`` mm/s."""
    v0, v1 = min(v0, top), min(v1, top)
    peak = min(top, math.sqrt(max((2 * a * length + v0 * v0 + v1 * v1) / 2, 0.0)))
    peak = max(peak, v0, v1)
    ramps = (peak * peak - v0 * v0 + peak * peak - v1 * v1) / (2 * a)
    return (peak - v0) / a + (peak - v1) / a + max(length - ramps, 0.0) / peak


def simulate(program: str, *, lathe: bool) -> Times:
    """Run a program on the dynamics of an ordinary lathe or mill."""
    return Simulator(LATHE if lathe else MILL).run(program)
