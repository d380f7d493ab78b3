"""From levels to states, cycles and pieces: debounce, blinking lights, hysteresis. Pure, times are given."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from edge_agents.drivers.signal_machine.config import Level, SignalMachineConfig, StateRule

_MIN_EDGES = 3


@dataclass
class Switch:
    """One input: a level counts once it stayed for ``debounce_s``; steady changes to and fro are blinking."""

    debounce_s: float
    blink_s: float
    level: bool | None = None
    _raw: bool | None = None
    _raw_at: float = 0.0
    _edges: deque[float] = field(default_factory=lambda: deque(maxlen=16))

    def put(self, raw: bool, at: float) -> bool:
        """The level seen now; whether the debounced level rose."""
        if raw != self._raw:
            self._raw, self._raw_at = raw, at
        if self._raw == self.level or at - self._raw_at < self.debounce_s:
            return False
        was, self.level = self.level, self._raw
        if was is None:
            return False
        self._edges.append(at)
        return bool(self.level)

    def shown(self, now: float) -> Level:
        """What a person sees: on, off, or blinking (three changes within ``blink_s``)."""
        recent = sum(1 for at in self._edges if 0 <= now - at <= self.blink_s)
        if recent >= _MIN_EDGES:
            return "blinking"
        return "on" if self.level else "off"


@dataclass
class Hysteresis:
    """An analog value as a switch."""

    on_above: float
    off_below: float
    level: bool = False

    def put(self, value: float) -> bool:
        """The level after this value."""
        if value >= self.on_above:
            self.level = True
        elif value < self.off_below:
            self.level = False
        return self.level


@dataclass
class CycleSignal:
    """Turns on and off into running and ended: short gaps are bridged, short runs dropped."""

    min_s: float
    bridge_s: float
    started: float | None = None
    _last_on: float | None = None

    def put(self, is_on: bool, at: float) -> list[tuple[str, float]]:
        """Words for the program state with their times: ``running`` once the run is long enough, ``ended`` after its gap."""
        words: list[tuple[str, float]] = []
        if is_on:
            if self._last_on is None:
                self._begun = at
            self._last_on = at
            if self.started is None and at - self._begun >= self.min_s:
                self.started = self._begun
                words.append(("running", self._begun))
        elif self._last_on is not None and at - self._last_on >= self.bridge_s:
            if self.started is not None:
                words.append(("ended", self._last_on))
            self.started, self._last_on = None, None
        return words

    _begun: float = 0.0


def judge(config: SignalMachineConfig, shown: dict[str, Level]) -> StateRule | None:
    """First rule whose inputs all have their level."""
    for rule in config.rules:
        if all(shown.get(name) == level for name, level in rule.when.items()):
            return rule
    return None
