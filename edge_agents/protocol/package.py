"""Signed update packages (EDG-33, EDG-37): one ZIP with ``manifest.json``, ``manifest.sig`` and the files it names.

The Ed25519 signature covers the manifest byte by byte; the manifest holds size and digest of every file, so nothing else in
the archive needs trust. Coordinator and stations check the same way.
"""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from edge_agents.protocol import signing
from edge_agents.protocol.envelope import UtcTime, describe
from edge_agents.protocol.errors import ProtocolError
from edge_agents.protocol.fields import Sha256

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
STICK_FOLDER = "usinage-update"
"""Folder of a USB stick: ``STATION.json`` with the signed offer, ``SHA256.update`` with the package (EDG-36)."""
MAX_FILES = 20_000
MAX_MANIFEST_BYTES = 8 << 20
_CHUNK = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)

Version = Annotated[str, StringConstraints(pattern=r"^\d{1,6}\.\d{1,6}\.\d{1,6}$")]
PackageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
PackageKind = Literal["software", "model", "config"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class PackageFile(_Part):
    path: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    size: Annotated[int, Field(ge=0)]
    sha256: Sha256


class Manifest(_Part):
    """What a package is and holds. ``station_kinds`` empty: for every kind. ``config``: values of a configuration package."""

    format: Literal[1] = 1
    package_id: UUID
    kind: PackageKind
    name: PackageName
    version: Version
    title: Annotated[str, StringConstraints(max_length=200)] = ""
    notes: Annotated[str, StringConstraints(max_length=20_000)] = ""
    built_at: UtcTime
    station_kinds: list[str] = []
    min_version: Version | None = None
    config: dict[str, Any] | None = None
    files: Annotated[list[PackageFile], Field(max_length=MAX_FILES)] = []


def version_key(version: str) -> tuple[int, ...]:
    """Order of versions; anything that is no ``a.b.c`` comes before all."""
    found = re.match(r"^(\d+)\.(\d+)\.(\d+)$", version)
    return tuple(int(part) for part in found.groups()) if found else (-1,)


def build(
    target: Path,
    private_key_raw: bytes,
    *,
    kind: PackageKind,
    name: str,
    version: str,
    built_at: datetime,
    files: Mapping[str, Path] | None = None,
    title: str = "",
    notes: str = "",
    station_kinds: Iterable[str] = (),
    min_version: str | None = None,
    config: dict[str, Any] | None = None,
) -> Manifest:
    """Write a package; the same content and time give the same bytes but for ``package_id``. Raises ``ProtocolError``."""
    sources = dict(sorted((files or {}).items()))
    listed = [PackageFile(path=p, size=s.stat().st_size, sha256=file_sha256(s)) for p, s in sources.items()]
    try:
        manifest = Manifest(
            package_id=uuid4(), kind=kind, name=name, version=version, built_at=built_at, title=title, notes=notes,
            station_kinds=list(station_kinds), min_version=min_version, config=config, files=listed,
        )  # fmt: skip
    except ValidationError as error:
        raise ProtocolError("package.manifest", describe(error)) from None
    raw = signing.canonical_json(manifest.model_dump(mode="json"))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(MANIFEST, _EPOCH), raw)
        archive.writestr(zipfile.ZipInfo(SIGNATURE, _EPOCH), signing.sign(private_key_raw, raw))
        for path, source in sources.items():
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as out, source.open("rb") as data:
                while piece := data.read(_CHUNK):
                    out.write(piece)
    return manifest


def check(path: Path, public_keys: Iterable[str]) -> tuple[Manifest, str]:
    """Manifest and the publisher's key of a package whose signature, list and digests are right.

    Raises:
        ProtocolError: ``package.unreadable``, ``package.unsigned``, ``package.unknown_publisher``, ``package.manifest``,
            ``package.content`` (a file missing, surplus, changed or with a dangerous path).
    """
    with _opened(path) as archive:
        manifest, key = _manifest(archive, public_keys)
        _check_list(archive, manifest)
        for item in manifest.files:
            _read_out(archive, item, None)
    return manifest, key


def extract(path: Path, public_keys: Iterable[str], directory: Path) -> Manifest:
    """Checks the package while unpacking it below ``directory``; everything is on the disk when it returns."""
    with _opened(path) as archive:
        manifest, _ = _manifest(archive, public_keys)
        _check_list(archive, manifest)
        for item in manifest.files:
            _read_out(archive, item, directory / item.path)
    return manifest


def file_sha256(path: Path) -> str:
    """Digest of a file, read piece by piece."""
    digest = hashlib.sha256()
    with path.open("rb") as data:
        while piece := data.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile):
        raise ProtocolError("package.unreadable", "Le fichier n'est pas un paquet de mise à jour.") from None


def _manifest(archive: zipfile.ZipFile, public_keys: Iterable[str]) -> tuple[Manifest, str]:
    try:
        if archive.getinfo(MANIFEST).file_size > MAX_MANIFEST_BYTES:
            raise ProtocolError("package.manifest", "La liste du paquet est trop longue.")
        raw, signature = archive.read(MANIFEST), archive.read(SIGNATURE)[:200].decode("ascii", "replace")
    except KeyError:
        raise ProtocolError("package.unsigned", "Le paquet n'a pas de liste signée.") from None
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise ProtocolError("package.unreadable", "Le paquet est endommagé.") from None
    for key in public_keys:
        try:
            signing.verify(key, signature, raw)
        except ProtocolError:
            continue
        try:
            return Manifest.model_validate_json(raw), key
        except ValidationError as error:
            raise ProtocolError("package.manifest", describe(error)) from None
    raise ProtocolError("package.unknown_publisher", "Le paquet est modifié ou signé par un éditeur inconnu.")


def _check_list(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    listed = [item.path for item in manifest.files]
    present = [entry.filename for entry in archive.infolist()]
    if sorted([MANIFEST, SIGNATURE, *listed]) != sorted(present):
        raise ProtocolError("package.content", "Les fichiers du paquet ne sont pas ceux de sa liste.")
    for name in listed:
        parts = PurePosixPath(name).parts
        if name.startswith("/") or "\\" in name or ":" in name or ".." in parts or name != "/".join(parts):
            raise ProtocolError("package.content", f"Chemin refusé dans le paquet : {name}.")


def _read_out(archive: zipfile.ZipFile, item: PackageFile, target: Path | None) -> None:
    """Digest of one file, never reading more than its stated size; also its copy where a target is given."""
    digest, left = hashlib.sha256(), item.size + 1
    out = None
    try:
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            out = target.open("wb")
        with archive.open(item.path) as data:
            while left > 0 and (piece := data.read(min(_CHUNK, left))):
                left -= len(piece)
                digest.update(piece)
                if out is not None:
                    out.write(piece)
        if out is not None:
            out.flush()
            os.fsync(out.fileno())
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError):
        raise ProtocolError("package.content", f"Fichier endommagé dans le paquet : {item.path}.") from None
    finally:
        if out is not None:
            out.close()
    if left != 1 or digest.hexdigest() != item.sha256:
        raise ProtocolError("package.content", f"Fichier endommagé dans le paquet : {item.path}.")
