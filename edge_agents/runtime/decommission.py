"""Taking a station out of service (EDG-47): once nothing waits to be sent, its keys, journal, pictures and caches are erased.

The mark is on the disk before anything is erased: after a power cut the next start goes on erasing, and never works again.
"""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

from edge_agents.runtime.files import write_durably
from edge_agents.runtime.station import StationFile, StationFileError

MARK = "decommissioned.json"
EXIT_CODE = 78
"""The service manager does not start a process again that ended so."""
_IDENTITY = "identity"
_KEPT = frozenset({MARK, "releases"})
"""The program itself holds nothing of the shop."""


class DecommissionedError(StationFileError):
    """The station was taken out of service; the text says how it comes back."""


def mark(data_dir: Path, at: datetime) -> None:
    """Decides it: from now on the station only erases."""
    write_durably(data_dir / MARK, json.dumps({"at": at.isoformat()}).encode())


def is_marked(data_dir: Path) -> bool:
    """Whether the station was taken out of service."""
    return (data_dir / MARK).exists()


def erase(station: StationFile) -> None:
    """Removes whatever tells of the shop, the keys first; may be repeated."""
    found = [one for one in station.data_dir.iterdir() if one.name not in _KEPT]
    if station.broker is not None:
        found += [file for file in (station.broker.key_file, station.broker.cert_file) if file is not None]
    for path in sorted(found, key=lambda one: (one.is_dir() and one.name != _IDENTITY, one.name)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def refuse(station: StationFile) -> None:
    """Ends what a power cut left, then tells that this station works no more. Raises ``DecommissionedError``."""
    if not is_marked(station.data_dir):
        return
    erase(station)
    raise DecommissionedError(
        "Station retirée du service : ses clés et ses données sont effacées. "
        f"Pour la remettre en service, supprimez {station.data_dir / MARK} puis demandez une nouvelle admission."
    )
