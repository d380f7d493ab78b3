"""Operations of the machine pages."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clients.desktop.model.api import ApiClient, Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.saving import save
from clients.desktop.operations.runner import Operation

POINTS = 480
"""Points a day's chart asks for at most; finer ones would not be seen."""


def read(api: ApiClient, path: str, **params: Any) -> Callable[[], Mapping[str, Any]]:
    """Call that reads a document."""
    return lambda: dict(api.request("GET", path, params=params).json())


def park(api: ApiClient) -> Operation[Mapping[str, Any]]:
    """Every machine as it is now."""
    return Operation("park", read(api, "/machine-live"))


def chart(
    api: ApiClient, machine_id: int, channel: str, start: dt.datetime, end: dt.datetime
) -> Operation[Mapping[str, Any]]:
    """Means, least and greatest values of a channel."""
    return Operation("chart", read(api, f"/machines/{machine_id}/chart", **_window(channel, start, end)))


def chart_file(
    api: ApiClient, machine_id: int, channel: str, start: dt.datetime, end: dt.datetime, path: Path
) -> Operation[Path]:
    """The same as a CSV or JSON file, by the name's ending."""

    def call() -> Path:
        form = "json" if path.suffix.lower() == ".json" else "csv"
        answer = api.request(
            "GET", f"/machines/{machine_id}/chart", params={**_window(channel, start, end), "format": form}
        )
        save(path, answer.content)
        return path

    return Operation("chart file", call)


def _window(channel: str, start: dt.datetime, end: dt.datetime) -> dict[str, Any]:
    seconds = (end - start).total_seconds() / POINTS
    # Whole minutes are answered from aggregates.
    bucket = max(1, round(seconds)) if seconds < 60 else 60 * round(seconds / 60)
    return {"channel": channel, "start": start.isoformat(), "end": end.isoformat(), "bucket_s": bucket}


def oee(
    api: ApiClient, machine_id: int, start: dt.datetime, end: dt.datetime, by: str
) -> Callable[[], Mapping[str, Any]]:
    """TRS of a period with its inputs."""
    path = f"/machines/{machine_id}/oee"
    return read(api, path, **{"from": start.isoformat(), "to": end.isoformat(), "by": by})


def act(api: ApiClient, plural: str, record_id: int, action: str, params: Record) -> Operation[Record]:
    """Run a command on a record as it is now."""
    key = str(uuid.uuid4())
    return Operation(f"{action} {plural}", lambda: api.act(plural, record_id, action, params, None, key))


def camera_wall(api: ApiClient, wanted: list[int]) -> Operation[Mapping[str, Any]]:
    """The cameras with their pictures of now; ``wanted`` are those a look is begun or renewed for."""

    def call() -> Mapping[str, Any]:
        if wanted:
            api.request("POST", "/camera-wall/watch", json={"camera_ids": wanted})
        found = dict(api.request("GET", "/camera-wall").json())
        pictures: dict[int, bytes] = {}
        for camera in found["items"]:
            if camera["seen_at"] is None:
                continue
            try:
                pictures[int(camera["id"])] = api.request("GET", f"/camera-wall/{camera['id']}/view").content
            except ApiError as error:
                if error.status != 404:  # gone between the two questions
                    raise
        return found | {"pictures": pictures}

    return Operation("camera wall", call)
