"""Self-diagnosis of a station (EDG-39); what cannot be measured is absent, never zero."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from importlib import metadata
from pathlib import Path

from edge_agents.protocol.control import DriverHealth, Health, Versions
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.journal import STREAMS, Journal
from edge_agents.runtime.launcher import RELEASE_VARIABLE

_THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")
_THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
MAX_CLOCK_OFFSET_S = 2.0


def software_version() -> str:
    """Version of the release that runs, else of the installed distribution."""
    release = os.environ.get(RELEASE_VARIABLE)
    if release:
        return release
    try:
        return metadata.version("gestion-usinage")
    except metadata.PackageNotFoundError:
        return "0.0.0+source"


def memory_mb(pid: int | str = "self") -> float:
    """Resident memory of a process in MB (10^6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def _temperature_c() -> float | None:
    try:
        return int(_THERMAL.read_text()) / 1000
    except (OSError, ValueError):
        return None


def _throttled() -> bool | None:
    try:
        return int(_THROTTLED.read_text().strip(), 16) != 0
    except (OSError, ValueError):
        return None


def measure(
    journal: Journal,
    clock: Clock,
    started_s: float,
    drivers: dict[str, DriverHealth],
    config_version: int | None,
) -> Health:
    """Reads everything at once; ``started_s`` is the monotonic time of the start."""
    oldest: datetime | None = journal.oldest_pending_at()
    age = (clock.now() - oldest).total_seconds() if oldest else 0.0
    return Health(
        uptime_s=round(clock.monotonic() - started_s, 1),
        load=round(os.getloadavg()[0], 2),
        memory_mb=round(memory_mb(), 1),
        disk_free_mb=round(shutil.disk_usage(journal.directory).free / 1e6, 1),
        temperature_c=_temperature_c(),
        throttled=_throttled(),
        queue_depth=sum(journal.state(stream).pending for stream in STREAMS),
        oldest_message_age_s=round(max(age, 0.0), 1),
        clock_offset_s=round(clock.drift_s(), 3),
        drivers=drivers,
        versions=Versions(software=software_version(), config=config_version),
    )
