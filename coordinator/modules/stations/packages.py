"""Packages: who may sign them, import, approval (UPD-05, UPD-09, EDG-33)."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, Forbidden, NotFound
from coordinator.kernel.registry import Permission
from coordinator.modules.stations import service
from coordinator.modules.stations.models import Station
from coordinator.modules.stations.update_models import UpdateInstallation, UpdatePackage, UpdatePublisher
from edge_agents.protocol import ProtocolError, package

IMPORT = Permission("updates", "create")
MEDIA_TYPE = "application/vnd.usinage.update"


class PublisherParams(BaseModel):
    """A key whose packages are accepted."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=120)
    public_key: str = Field(max_length=60)


def trust(ctx: Context, params: PublisherParams) -> dict[str, Any]:
    """Accept a publisher's key: an act of the master alone.

    Raises:
        Forbidden: somebody else asks.
        BusinessError: ``update.bad_key``.
    """
    if not (ctx.principal.is_master or ctx.principal.kind == "service"):
        raise Forbidden("update.master_only")
    try:
        if len(base64.b64decode(params.public_key, validate=True)) != 32:
            raise ValueError
    except (binascii.Error, ValueError):
        raise BusinessError("update.bad_key") from None
    query = select(UpdatePublisher).where(UpdatePublisher.public_key == params.public_key)
    row = ctx.session.scalars(query).one_or_none()
    if row is None:
        row = ctx.add(UpdatePublisher(name=params.name, public_key=params.public_key))
    row.archived_at = None
    ctx.session.flush()
    return {"id": row.id}


def import_package(ctx: Context, path: Path) -> UpdatePackage:
    """Take in a package: signature, list, digests and version are checked first, then it is kept whole (UPD-09, UPD-43).

    Raises:
        Forbidden: no right on updates.
        BusinessError: ``update.refused`` with the precise reason; ``update.older``; ``update.secret_in_config``.
        Conflict: ``update.other_content`` for another content under a version that was imported already.
    """
    ctx.require(IMPORT)
    publishers = list(
        ctx.session.scalars(select(UpdatePublisher).where(UpdatePublisher.archived_at.is_(None)))
    )
    try:
        manifest, key = package.check(path, [row.public_key for row in publishers])
    except ProtocolError as error:
        raise BusinessError("update.refused", reason=error.detail) from None
    if (manifest.kind == "config") != (manifest.config is not None):
        raise BusinessError("update.refused", reason="configuration absente ou de trop")
    if manifest.config is not None:
        service.refuse_secrets(manifest.config)
    known = _same_line(ctx, manifest.kind, manifest.name)
    content = package.file_sha256(path)
    for row in known:
        if row.version == manifest.version:
            if row.sha256 != content:
                raise Conflict("update.other_content", version=manifest.version)
            return row
    newest = max(known, key=lambda p: package.version_key(p.version), default=None)
    if newest and package.version_key(newest.version) > package.version_key(manifest.version):
        raise BusinessError("update.older", version=manifest.version, newest=newest.version)
    with path.open("rb") as data:
        stored = ctx.files.put(data, MEDIA_TYPE)
    row = UpdatePackage(
        uid=manifest.package_id, kind=manifest.kind, name=manifest.name, version=manifest.version,
        title=manifest.title or None, notes=manifest.notes or None, sha256=stored.sha256, size_bytes=stored.size,
        update_publisher_id=next(p.id for p in publishers if p.public_key == key),
        built_at=manifest.built_at, station_kinds=manifest.station_kinds, config=manifest.config,
    )  # fmt: skip
    return ctx.add(row)


def _same_line(ctx: Context, kind: str, name: str) -> list[UpdatePackage]:
    query = select(UpdatePackage).where(UpdatePackage.kind == kind, UpdatePackage.name == name)
    return list(ctx.session.scalars(query.where(UpdatePackage.status != "rejected")))


def reject(_ctx: Context, row: UpdatePackage, _params: BaseModel) -> None:
    """Never to be rolled out."""
    row.status = "rejected"


def readable(ctx: Context, station: Station, sha256: str) -> Path:
    """File of a package that is being offered to this very station.

    Raises:
        NotFound: no such package, or not for this station.
    """
    query = select(UpdatePackage.sha256).join(
        UpdateInstallation, UpdateInstallation.update_package_id == UpdatePackage.id
    )
    query = query.where(UpdatePackage.sha256 == sha256, UpdateInstallation.station_id == station.id,
                        UpdateInstallation.status == "running")  # fmt: skip
    path = ctx.files.path(sha256)
    if ctx.session.scalars(query).first() is None or not path.exists():
        raise NotFound(entity="update_package", id=sha256)
    return path
