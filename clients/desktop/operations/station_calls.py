"""Calls about the drivers of a station."""

from __future__ import annotations

import uuid
from typing import Any

from clients.desktop.model.api import ApiClient, Record
from clients.desktop.operations.runner import Operation


def preview_driver(
    api: ApiClient, station_id: int, name: str, values: Record | None, version_no: int
) -> Operation[Record]:
    """What would be sent to the station."""
    body = {"name": name, "values": values, "version_no": version_no}
    path = f"/stations/{station_id}/drivers/preview"
    return Operation("preview driver", lambda: dict(api.request("POST", path, json=body).json()))


def send_driver(
    api: ApiClient, station_id: int, name: str, values: Record | None, version_no: int
) -> Operation[Any]:
    """Send the settings as the station's next configuration."""
    body = {"name": name, "values": values, "version_no": version_no}
    key = str(uuid.uuid4())
    return Operation("send driver", lambda: api.act("stations", station_id, "set-driver", body, None, key))
