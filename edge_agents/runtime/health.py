"""Self-diagnosis of a station (EDG-39); what cannot be measured is absent, never zero."""

from __future__ import annotations

import ipaddress
import os
import platform
import shutil
import socket
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from uuid import uuid4

from edge_agents.protocol.control import DriverHealth, Health, SystemUpdates, Versions
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.identity import hardware
from edge_agents.runtime.journal import STREAMS, Journal
from edge_agents.runtime.launcher import RELEASE_VARIABLE

_THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")
_THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
_OS_UPDATES = Path("/var/lib/usinage/os-updates.txt")
_RUN_ID = uuid4()
_TEST_NET = (
    "192.0.2.1",
    9,
)  # RFC 5737: no packet is sent, the system only chooses the address it would send from
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


def system_updates(listing: Path = _OS_UPDATES) -> SystemUpdates:
    """System of this computer and the packages its last monthly update put in (``usinage-os-update``)."""
    try:
        named = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        named = platform.system()
    try:
        lines = listing.read_text(encoding="utf-8", errors="replace").splitlines()
        checked_at = datetime.fromtimestamp(listing.stat().st_mtime, UTC)
    except OSError:
        return SystemUpdates(system=named[:120])
    packages = [line.strip()[:120] for line in lines if line.strip()]
    return SystemUpdates(system=named[:120], checked_at=checked_at, packages=packages[:200])


def addresses() -> list[str]:
    """Addresses this station sends from, IPv4 before IPv6; empty without a network."""
    found = []
    for family, target in ((socket.AF_INET, _TEST_NET), (socket.AF_INET6, ("2001:db8::1", 9))):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect(target)
                address = probe.getsockname()[0].partition("%")[0]
        except OSError:
            continue
        if not ipaddress.ip_address(address).is_unspecified:
            found.append(address)
    return found


def _serial() -> str | None:
    serial = hardware()[1]
    return None if serial == "inconnu" else serial[:120]


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
        run_id=_RUN_ID,
        hardware_serial=_serial(),
        addresses=addresses(),
        updates=system_updates(),
    )
