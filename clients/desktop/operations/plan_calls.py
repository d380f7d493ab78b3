"""Operations on drawings: sending, reviewing, pictures, exports."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from clients.desktop.model.api import ApiClient, Record
from clients.desktop.model.plan_outbox import PlanImport, PlanOutbox
from clients.desktop.model.saving import save
from clients.desktop.operations.runner import Operation

_UPLOAD = httpx.Timeout(600.0, connect=5.0)
_PICTURE = httpx.Timeout(120.0, connect=5.0)
PREVIEW_SIDE_PX = 3000


def keep_import(outbox: PlanOutbox, files: Sequence[Path], order: PlanImport) -> Operation[PlanImport | None]:
    """Copy the files to the computer's own folder; ``None`` where one cannot be read."""

    def call() -> PlanImport | None:
        with contextlib.suppress(OSError):
            return outbox.keep(files, order)
        return None

    return Operation("keep drawings", call)


def send_import(api: ApiClient, outbox: PlanOutbox, order: PlanImport) -> Operation[Record]:
    """Send an import that was kept; the same key sent again doubles nothing."""

    def call() -> Record:
        form: dict[str, str] = {"again": "true" if order.again else "false"}
        if order.customer_id is not None:
            form["customer_id"] = str(order.customer_id)
        if order.quantity:
            form["quantity"] = order.quantity
        with contextlib.ExitStack() as stack:
            parts = [
                ("files", (name, stack.enter_context(path.open("rb")))) for name, path in outbox.files(order)
            ]
            answer = api.request(
                "POST", "/drawings", files=parts, data=form, headers={"Idempotency-Key": order.key}, timeout=_UPLOAD
            )  # fmt: skip
        return dict(answer.json())

    return Operation("send drawings", call)


def import_state(api: ApiClient, import_id: int) -> Operation[Record]:
    """How far an import is."""
    return Operation(
        "import state", lambda: dict(api.request("GET", f"/drawings/imports/{import_id}").json())
    )


def load_review(api: ApiClient, analysis_id: int) -> Operation[Record]:
    """The review document."""
    return Operation("review", lambda: dict(api.request("GET", f"/drawings/{analysis_id}/review").json()))


def correct(api: ApiClient, analysis_id: int, values: Record, row_version: int) -> Operation[Record]:
    """Correct fields; answers the review document as it then is."""
    body = {"row_version": row_version, "fields": values}
    return Operation(
        "correct drawing", lambda: dict(api.request("PATCH", f"/drawings/{analysis_id}", json=body).json())
    )


def confirm(api: ApiClient, analysis_id: int, names: list[str], once: str) -> Operation[Record]:
    """Say that doubtful fields were read rightly."""
    return _act(api, "confirm", analysis_id, {"fields": names}, once)


def choose(api: ApiClient, analysis_id: int, key: str, index: int, once: str) -> Operation[Record]:
    """Decide a contradiction."""
    return _act(api, "choose", analysis_id, {"key": key, "index": index}, once)


def split(api: ApiClient, analysis_id: int, params: Record, once: str) -> Operation[Record]:
    """Make a line of its own of a file, or of sheets of a file."""
    return _act(api, "split", analysis_id, params, once)


def take_parts(api: ApiClient, analysis_id: int, keys: list[str], once: str) -> Operation[Record]:
    """Make lines of parts the drawing holds."""
    return _act(api, "take-parts", analysis_id, {"keys": keys}, once)


def check_feasibility(api: ApiClient, analysis_id: int, once: str) -> Operation[Record]:
    """Compare the part with the park as it is now."""
    return _act(api, "check-feasibility", analysis_id, {}, once)


def _act(api: ApiClient, name: str, analysis_id: int, params: Record, once: str) -> Operation[Record]:
    return Operation(name, lambda: api.act("drawing-analyses", analysis_id, name, params, None, once))


def change_feature(api: ApiClient, feature_id: int, values: Record, row_version: int) -> Operation[Record]:
    """Change a dimension or feature."""
    return Operation(
        "change feature", lambda: api.update("drawing-features", feature_id, values, row_version)
    )


def add_feature(api: ApiClient, analysis_id: int, values: Record) -> Operation[Record]:
    """Add what the reading missed."""
    return Operation(
        "add feature",
        lambda: dict(api.request("POST", f"/drawings/{analysis_id}/features", json=values).json()),
    )


def remove_feature(api: ApiClient, feature_id: int, row_version: int, once: str) -> Operation[Record]:
    """Take away what is none."""
    return Operation(
        "remove feature", lambda: api.act("drawing-features", feature_id, "remove", {}, row_version, once)
    )


def unlock(api: ApiClient, analysis_id: int, file_id: int, password: str) -> Operation[Record]:
    """Open an encrypted file; the password is kept nowhere."""
    body = {"file_id": file_id, "password": password}
    return Operation(
        "unlock drawing",
        lambda: dict(api.request("POST", f"/drawings/{analysis_id}/password", json=body).json()),
    )


def replace_file(api: ApiClient, analysis_id: int, path: Path) -> Operation[Record]:
    """Another file for a failed analysis."""

    def call() -> Record:
        with path.open("rb") as stream:
            answer = api.request(
                "POST",
                f"/drawings/{analysis_id}/files",
                files=[("file", (path.name, stream))],
                timeout=_UPLOAD,
            )
        return dict(answer.json())

    return Operation("replace drawing file", call)


def page_picture(
    api: ApiClient, analysis_id: int, file_id: int, page: int, side_px: int = PREVIEW_SIDE_PX
) -> Operation[bytes]:
    """One sheet as PNG."""
    path = f"/drawings/{analysis_id}/files/{file_id}/pages/{page}.png"
    return Operation(
        "sheet", lambda: api.request("GET", path, params={"side": side_px}, timeout=_PICTURE).content
    )


def overlay_picture(api: ApiClient, analysis_id: int, other_id: int, page: int) -> Operation[bytes]:
    """A sheet laid over that of another version, as PNG."""
    path = f"/drawings/{analysis_id}/overlay/{other_id}/{page}.png"
    return Operation(
        "overlay",
        lambda: api.request("GET", path, params={"side": PREVIEW_SIDE_PX}, timeout=_PICTURE).content,
    )


def raw_text(api: ApiClient, analysis_id: int) -> Operation[Record]:
    """Text of every sheet, warnings and errors."""
    return Operation("raw text", lambda: dict(api.request("GET", f"/drawings/{analysis_id}/text").json()))


def differences(api: ApiClient, analysis_id: int, with_id: int) -> Operation[Record | None]:
    """Differences with another version, ``None`` without one."""
    path = f"/drawings/{analysis_id}/differences"

    def call() -> Record | None:
        found = api.request("GET", path, params={"with_id": with_id}).json()["differences"]
        return dict(found) if found else None

    return Operation("differences", call)


def download(
    api: ApiClient, path: str, target: Path, params: dict[str, Any] | None = None
) -> Operation[Path | None]:
    """Write an export or a received file to ``target``; ``None`` where the disk refuses."""

    def call() -> Path | None:
        content = api.request("GET", path, params=params or {}, timeout=_PICTURE).content
        try:
            save(target, content)
        except OSError:
            return None
        return target

    return Operation("download drawing", call)
