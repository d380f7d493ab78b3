"""How long each tool worked in a program run, from the active tool the control names (STK-06, MCH-10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_MAX_TOOLS = 60
_EMPTY_SPINDLE = "T0"


@dataclass
class ToolClock:
    """Adds up seconds per tool; pure, times in epoch seconds. Time without a known tool counts for none."""

    seconds: dict[str, float] = field(default_factory=dict)
    tool: str | None = None
    since: float | None = None

    def run(self, tool: str | None, at: float) -> None:
        """From ``at`` on this tool works; ``None``: none does. A late sample takes nothing back."""
        if self.since is not None:
            at = max(at, self.since)
            if self.tool is not None and (self.tool in self.seconds or len(self.seconds) < _MAX_TOOLS):
                self.seconds[self.tool] = self.seconds.get(self.tool, 0.0) + at - self.since
        self.tool = None if tool == _EMPTY_SPINDLE else tool
        self.since = at

    def times(self) -> list[dict[str, Any]]:
        """Minutes per tool, as a cycle tells them."""
        return [
            {"tool": tool, "used_min": round(seconds / 60, 4)}
            for tool, seconds in self.seconds.items()
            if seconds > 0
        ]

    def snapshot(self) -> list[list[Any]]:
        """Plain values that survive a power cut."""
        return [[tool, seconds] for tool, seconds in self.seconds.items()]


def restored(rows: Sequence[Sequence[Any]]) -> ToolClock:
    """What was counted before a restart; what ran meanwhile is not known and not counted."""
    return ToolClock({str(tool): float(seconds) for tool, seconds in rows})
