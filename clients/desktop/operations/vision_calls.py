"""Calls about what the cameras saw."""

from __future__ import annotations

from typing import Any

from clients.desktop.model.api import ApiClient, Record
from clients.desktop.model.errors import ApiError
from clients.desktop.operations.runner import Operation

_PLURAL = "vision-detections"
_QUEUE = 100


def review_sheet(api: ApiClient, detection_id: int) -> dict[str, Any]:
    """One detection, its pictures (None where the station has not sent one yet) and what waits behind it, oldest first."""
    record = api.get(_PLURAL, detection_id)
    page = api.page(_PLURAL, {"status": "to_confirm", "sort": "detected_at,id", "limit": _QUEUE, "skip": 0})
    pictures: dict[str, bytes | None] = {}
    for one in record.get("photographs") or []:
        pictures[str(one["moment"])] = _picture(api, one) if one.get("url") else None
    return {
        "record": record,
        "pictures": pictures,
        "waiting": [int(row["id"]) for row in page.items],
        "total": page.total,
    }


def _picture(api: ApiClient, one: Record) -> bytes | None:
    """A picture; one that is lost leaves its place empty, the decision can be taken all the same."""
    try:
        return api.request("GET", f"/stations/files/{one['sha256']}").content
    except ApiError as error:
        if error.status in {403, 404, 409, 400}:
            return None
        raise


def dashboard(api: ApiClient) -> Operation[dict[str, Any]]:
    """Figures of all cameras."""
    return Operation("cabinets", lambda: dict(api.request("GET", "/vision/dashboard").json()))


def place_answers(api: ApiClient, place_id: int) -> Operation[list[Record]]:
    """What the camera last said of a place, the newest first."""
    params = {"storage_location_id": place_id, "sort": "-detected_at,-id", "limit": 20, "skip": 0}
    return Operation("place answers", lambda: api.page(_PLURAL, params).items)
