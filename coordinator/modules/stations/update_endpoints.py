"""Routes of packages that are not derived: import by a person, download by a station."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, UploadFile
from fastapi.responses import FileResponse

from coordinator.kernel.http import Ctx, guarded
from coordinator.modules.stations import identity, packages

router = APIRouter(tags=["update"])


@router.post("/update-packages/upload", status_code=201, operation_id="update_package_upload",
             openapi_extra=guarded(packages.IMPORT))  # fmt: skip
def upload(ctx: Ctx, file: Annotated[UploadFile, File()]) -> dict[str, Any]:
    """Import a signed package; refused with the precise reason when anything is wrong with it."""
    ctx.require(packages.IMPORT)
    with tempfile.TemporaryDirectory(prefix="usinage-update-") as folder:
        path = Path(folder) / "package.update"
        with path.open("wb") as target:
            shutil.copyfileobj(file.file, target, 1 << 20)
        row = packages.import_package(ctx, path)
    return {"id": row.id, "kind": row.kind, "name": row.name, "version": row.version, "sha256": row.sha256}


@router.get(
    "/stations/packages/{sha256}",
    operation_id="station_package_get",
    openapi_extra={"x-permission": "station"},
)
def get_package(ctx: Ctx, sha256: str) -> FileResponse:
    """A package offered to the station that asks; ``Range`` takes up an interrupted download."""
    path = packages.readable(ctx, identity.require_station(ctx), sha256)
    return FileResponse(path, media_type=packages.MEDIA_TYPE)
