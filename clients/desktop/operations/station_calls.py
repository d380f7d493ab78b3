"""Calls about the drivers of a station."""

from __future__ import annotations

import uuid
from typing import Any

from clients.desktop.model.api import ApiClient, Record
from clients.desktop.model.errors import ApiError
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


def alike_drivers(api: ApiClient, station_id: int, kind: str) -> Operation[list[Record]]:
    """Drivers of a kind on the other stations."""

    def call() -> list[Record]:
        return list(
            api.request("GET", f"/stations/{station_id}/drivers/alike", params={"kind": kind}).json()["items"]
        )

    return Operation("alike drivers", call)


def preview_spread(api: ApiClient, station_id: int, body: Record) -> Operation[Record]:
    """What chosen settings would change on each station."""
    path = f"/stations/{station_id}/drivers/spread/preview"
    return Operation("preview spread", lambda: dict(api.request("POST", path, json=body).json()))


def send_spread(api: ApiClient, station_id: int, body: Record) -> Operation[Any]:
    """Send the chosen settings to all the stations."""
    key = str(uuid.uuid4())
    return Operation(
        "spread driver", lambda: api.act("stations", station_id, "spread-driver", body, None, key)
    )


def station_zones(api: ApiClient, station_id: int) -> Record:
    """Compartments of a cabinet's camera with its newest picture; ``content`` is ``None`` where there is none or it may not be seen."""
    found = dict(api.request("GET", f"/stations/{station_id}/zones").json())
    picture = found["picture"]
    found["content"] = _content(api, f"/stations/files/{picture['sha256']}") if picture else None
    return found


def camera_picture(api: ApiClient, camera_id: int) -> Operation[bytes | None]:
    """What a machine camera sees now; a look is begun or renewed, ``None`` until the station answers."""

    def call() -> bytes | None:
        api.request("POST", "/camera-wall/watch", json={"camera_ids": [camera_id]})
        return _content(api, f"/camera-wall/{camera_id}/view")

    return Operation("camera picture", call)


def _content(api: ApiClient, path: str) -> bytes | None:
    try:
        return api.request("GET", path).content
    except ApiError as error:
        if error.status in {403, 404}:
            return None
        raise


def set_thresholds(api: ApiClient, station_id: int, changes: list[Record], reason: str) -> Operation[Any]:
    """Decide thresholds of automatic posting; the station is told."""
    body = {"changes": changes, "reason": reason}
    key = str(uuid.uuid4())
    return Operation(
        "set thresholds", lambda: api.act("stations", station_id, "set-thresholds", body, None, key)
    )


def send_command(
    api: ApiClient, station_id: int, kind: str, params: Record, valid_min: int
) -> Operation[Any]:
    """Ask something of a station."""
    body = {"kind": kind, "params": params, "valid_min": valid_min}
    key = str(uuid.uuid4())
    return Operation("send command", lambda: api.act("stations", station_id, "command", body, None, key))
