"""What reading may cost, from the settings (DRW-08, DRW-47)."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.kernel.context import Context
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.drawings.reading.model import Limits
from coordinator.modules.drawings.reading.sandbox import Sandbox

SETTINGS = [
    SettingDef("drawing_max_file_mb", "quoting", "integer", 100, unit="Mo", minimum=1, maximum=190),
    SettingDef("drawing_max_pages", "quoting", "integer", 200, minimum=1, maximum=2000),
    SettingDef("drawing_max_files", "quoting", "integer", 200, minimum=1, maximum=1000),
    SettingDef("drawing_max_unpacked_mb", "quoting", "integer", 1000, unit="Mo", minimum=10, maximum=10000, is_advanced=True),
    SettingDef("drawing_time_limit_s", "quoting", "integer", 300, unit="s", minimum=10, maximum=3600, is_advanced=True),
    SettingDef("drawing_memory_mb", "quoting", "integer", 2048, unit="Mo", minimum=512, maximum=32768, is_advanced=True),
    SettingDef("drawing_green_confidence", "quoting", "decimal", "0.90", minimum=0, maximum=1),
    SettingDef("drawing_empty_confidence", "quoting", "decimal", "0.60", minimum=0, maximum=1),
    SettingDef("drawing_template_corrections", "quoting", "integer", 2, minimum=2, maximum=20),
    SettingDef("drawing_similarity_min", "quoting", "decimal", "0.85", minimum=0, maximum=1),
    SettingDef("drawing_typing_s", "quoting", "integer", 12, unit="s", minimum=1, maximum=120),
]  # fmt: skip


@dataclass(frozen=True)
class ReadingLimits:
    """Limits of one import and of the child process."""

    limits: Limits
    resident_bytes: int
    max_files: int
    max_unpacked_bytes: int

    def sandbox(self) -> Sandbox:
        """A child process held to these limits."""
        return Sandbox(self.limits, resident_bytes=self.resident_bytes)


def reading_limits(ctx: Context) -> ReadingLimits:
    """The limits set by the owner."""
    number = ctx.settings.integer
    seconds = number("drawing_time_limit_s")
    return ReadingLimits(
        Limits(
            max_bytes=number("drawing_max_file_mb") << 20,
            max_pages=number("drawing_max_pages"),
            wall_s=float(seconds),
            cpu_s=2 * seconds,
        ),
        number("drawing_memory_mb") << 20,
        number("drawing_max_files"),
        number("drawing_max_unpacked_mb") << 20,
    )
