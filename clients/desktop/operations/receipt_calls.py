"""Calls of goods receipt: a label read, goods booked or set aside, their photograph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clients.desktop.model.api import ApiClient, Record
from clients.desktop.model.errors import ApiError
from clients.desktop.operations.runner import Operation

_REASONS = "no_order,unknown_article,other_article,no_certificate,excess,alike"
_TYPES = {".png": "image/png", ".webp": "image/webp"}
_UPLOAD_S = 60.0


def waiting(api: ApiClient) -> Operation[dict[str, Any]]:
    """The last receipts set aside that nobody has settled."""
    params = {"set_aside_reason__in": _REASONS, "sort": "-received_at", "limit": 30, "skip": 0}

    def call() -> dict[str, Any]:
        rows = [row for row in api.page("goods-receipts", params).items if row.get("settled_at") is None]
        for row in rows:
            row["lines"] = api.page(
                "goods-receipt-lines", {"goods_receipt_id": str(row["id"]), "limit": 5, "skip": 0}
            ).items
            row["photo"] = _photo(api, row) if row.get("photo_sha256") else None
        return {"receipts": rows}

    return Operation("receipts set aside", call)


def read_label(api: ApiClient, contents: Sequence[str]) -> Operation[Record]:
    """What a label says and the order lines it may belong to; nothing is booked."""
    body = {"contents": list(contents)}
    return Operation(
        "read label", lambda: _result(api.request("POST", "/goods-receipts/read-label", json=body).json())
    )


def receive(api: ApiClient, order_id: int, body: Record, key: str, photo: Path | None) -> Operation[Record]:
    """Book goods of an order line, then send their photograph."""

    def call() -> Record:
        path, headers = f"/purchase-orders/{order_id}/receive", {"Idempotency-Key": key}
        done = _result(api.request("POST", path, json=body, headers=headers).json())
        return _photographed(api, done, photo)

    return Operation("receive goods", call)


def set_aside(api: ApiClient, body: Record, key: str, photo: Path | None) -> Operation[Record]:
    """Keep goods without an order in quarantine, then send their photograph."""

    def call() -> Record:
        headers = {"Idempotency-Key": key}
        done = _result(api.request("POST", "/goods-receipts/set-aside", json=body, headers=headers).json())
        return _photographed(api, done, photo)

    return Operation("set goods aside", call)


def _result(answer: Record) -> Record:
    found = answer.get("result", answer)
    return dict(found)


def _photographed(api: ApiClient, done: Record, photo: Path | None) -> Record:
    """The goods are booked: a photograph that does not arrive is told, it refuses nothing any more."""
    if photo is None:
        return done
    kind = _TYPES.get(photo.suffix.lower(), "image/jpeg")
    try:
        with photo.open("rb") as stream:
            files = [("file", (photo.name, stream, kind))]
            api.request("POST", f"/goods-receipts/{done['uid']}/photo", files=files, timeout=_UPLOAD_S)
    except (ApiError, OSError) as error:
        return done | {"photo_refused": str(error)}
    return done


def _photo(api: ApiClient, receipt: Record) -> bytes | None:
    """A photograph; one that is lost leaves its place empty."""
    try:
        return api.request("GET", f"/goods-receipts/{receipt['uid']}/photo").content
    except ApiError:
        return None
