"""Values typed over computed ones while the line was lost: kept per operation, sent later against the version read (QUO-52)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from clients.desktop.model.api import Record
from clients.desktop.model.drafts import DraftStore

PLURAL = "quote-line-operations"


def keep(drafts: DraftStore, operation: Mapping[str, Any], name: str, value: Any) -> None:
    """Add a value to what waits for an operation; the version is that of the first value kept."""
    earlier = drafts.find(PLURAL, int(operation["id"])) or {}
    values = {**(earlier.get("values") or {}), name: value}
    version = earlier.get("row_version", operation["row_version"])
    drafts.keep(PLURAL, int(operation["id"]), {"values": values, "row_version": version})


def waiting(drafts: DraftStore, lines: Iterable[Mapping[str, Any]]) -> list[tuple[Record, Record]]:
    """Operations of a quote with kept values: (operation in the version it was typed over, values)."""
    found: list[tuple[Record, Record]] = []
    for line in lines:
        for operation in line.get("operations") or []:
            draft = drafts.find(PLURAL, int(operation["id"]))
            if draft is not None:
                version = draft.get("row_version") or operation["row_version"]
                found.append(({**operation, "row_version": version}, dict(draft["values"])))
    return found
