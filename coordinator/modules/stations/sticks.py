"""USB sticks for stations without a line: the same signed offers and packages as over the network (EDG-36)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from coordinator.kernel.context import Context
from coordinator.modules.stations import rollout
from edge_agents.protocol.control import encode_document
from edge_agents.protocol.package import STICK_FOLDER


def write(ctx: Context, root: Path, stations: set[str]) -> list[dict[str, Any]]:
    """Write the open offers of ``stations`` (empty: all) and their packages below ``root``; everything is on the stick at the end.

    Raises:
        OSError: the stick is full or cannot be written.
    """
    folder = root / STICK_FOLDER
    written = []
    for station, offer in rollout.open_offers(ctx):
        if stations and station not in stations:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        if offer.action == "install":
            target = folder / f"{offer.sha256}.update"
            if not target.exists() or target.stat().st_size != offer.size_bytes:
                shutil.copyfile(ctx.files.path(offer.sha256), target)
        # The offer comes last: a stick pulled out too early holds nothing a station would follow.
        (folder / f"{station}.json").write_bytes(encode_document(offer))
        written.append({"station": station, "name": offer.name, "version": offer.version})
    if written:
        os.sync()
    return written
