"""Make, prove and restore backups.

A target folder holds ``<name>/`` (manifest, encrypted dump, encrypted list of files), ``objects/`` (every
content once, encrypted: a nightly backup adds only what is new) and ``keys/`` (secrets apart, encrypted). A backup appears under its name only when it is complete.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.backup import crypto, database
from infra.backup.retention import Retention, kept
from infra.embedded.databases import database_name, with_database
from infra.embedded.errors import InfraError

VERSION = 1
_STAMP = "usinage-%Y%m%dT%H%M%SZ"
_RESERVE_BYTES = 64 << 20
_CHUNK = 1 << 20
Manifest = dict[str, Any]


@dataclass(frozen=True)
class BackupPlace:
    """What is saved, where to, and the key it is locked with."""

    database_url: str
    files_dir: Path
    target: Path
    key_file: Path
    secrets_dir: Path | None = None


def create(place: BackupPlace, *, kind: str = "manual", now: datetime | None = None) -> Manifest:
    """Make one backup and return its manifest.

    Raises ``infra.backup_disk_full`` before anything is written, ``infra.backup_dump``, ``infra.backup_key``.
    """
    key = crypto.read_key(place.key_file)
    started = now or datetime.now(UTC)
    name = started.strftime(_STAMP)
    final, partial = place.target / name, place.target / f".partial-{name}"
    if final.exists():
        raise InfraError("infra.backup_exists", f"La sauvegarde {name} existe déjà.")
    place.target.mkdir(parents=True, exist_ok=True)
    try:
        with database.snapshot(place.database_url) as (connection, snapshot_id):
            files = list(_listed(place.files_dir))
            _require_space(place.target, database.size_bytes(connection) + _new_bytes(place, files))
            partial.mkdir(mode=0o700)
            manifest: Manifest = {
                "version": VERSION,
                "name": name,
                "kind": kind,
                "started_at": started.isoformat(),
                "database": {
                    "name": database_name(place.database_url),
                    "timescale": database.has_timescale(connection),
                    "tables": database.fingerprint(connection),
                    **_write(
                        partial / "database.dump.enc",
                        database.dump(place.database_url, snapshot_id),
                        key,
                        f"{name}/database",
                    ),
                },
            }
        manifest["files"] = _save_files(place, files, partial, key, name)
        manifest["keys"] = _save_keys(place, key, name)
        manifest["finished_at"] = datetime.now(UTC).isoformat()
        manifest["seal"] = crypto.seal(key, _canonical(manifest))
        _write_text(partial / "manifest.json", json.dumps(manifest, indent=1, ensure_ascii=False))
        _sync_folder(partial)
        partial.replace(final)
        _sync_folder(place.target)
    except OSError as error:
        if error.errno == 28:
            raise _disk_full(place.target) from error
        raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def names(target: Path) -> list[str]:
    """Complete backups of a target, newest first."""
    found = (entry.parent.name for entry in target.glob("usinage-*/manifest.json"))
    return sorted(found, reverse=True)


def read_manifest(place: BackupPlace, name: str | None = None) -> Manifest:
    """Manifest of a backup (the newest without ``name``), its seal checked."""
    known = names(place.target)
    if not known or (name is not None and name not in known):
        raise InfraError("infra.backup_missing", f"Aucune sauvegarde {name or ''} dans {place.target}.")
    text = (place.target / (name or known[0]) / "manifest.json").read_text(encoding="utf-8")
    try:
        manifest: Manifest = json.loads(text)
        sealed = manifest.pop("seal")
    except (ValueError, KeyError) as error:
        raise InfraError("infra.backup_damaged", "Le manifeste de la sauvegarde est illisible.") from error
    if sealed != crypto.seal(crypto.read_key(place.key_file), _canonical(manifest)):
        raise InfraError("infra.backup_damaged", "Le manifeste a été modifié, ou la clé n'est pas la bonne.")
    return manifest


def verify(place: BackupPlace, name: str | None = None) -> dict[str, Any]:
    """Prove a backup: restore into a scratch database, compare digests, open every file (OPS-34)."""
    manifest = read_manifest(place, name)
    key = crypto.read_key(place.key_file)
    with database.scratch_database(place.database_url) as scratch:
        # The backup account may read everything, but not give rights to others.
        _load_database(place, manifest, scratch, key, rights=False)
    files = 0
    for entry in _file_list(place, manifest, key):
        _check_object(place, entry, key)
        files += 1
    if manifest["keys"] is not None:
        _check_digest(place.target / "keys" / f"{manifest['name']}.tar.enc", manifest["keys"]["sha256"])
    tables = manifest["database"]["tables"]
    report = {
        "name": manifest["name"],
        "ok": True,
        "tables": len(tables),
        "rows": sum(table["rows"] for table in tables.values()),
        "files": files,
        "verified_at": datetime.now(UTC).isoformat(),
    }
    _write_text(place.target / manifest["name"] / "verified.json", json.dumps(report, indent=1))
    return report


def restore(place: BackupPlace, name: str | None = None, *, keys_dir: Path | None = None) -> dict[str, Any]:
    """Put a backup in the place of the present data.

    The dump is restored beside the present database and checked first; only then the two change names, and
    the old one is kept under ``…_before_<time>``. Missing files are brought back, no file is deleted. With
    ``keys_dir`` the keys are unpacked there (an empty folder).
    """
    manifest = read_manifest(place, name)
    key = crypto.read_key(place.key_file)
    stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    current = database_name(place.database_url)
    fresh, aside = f"{current}_restore_{stamp}", f"{current}_before_{stamp}"
    _require_space(place.files_dir, _missing_bytes(place, manifest, key))
    had_one = database.exists(place.database_url)
    database.create(place.database_url, fresh)
    try:
        _load_database(place, manifest, with_database(place.database_url, fresh), key)
        brought = _restore_files(place, manifest, key)
        if keys_dir is not None:
            _restore_keys(place, manifest, keys_dir, key)
        database.swap(place.database_url, fresh, aside)
    except BaseException:
        database.drop(place.database_url, fresh)
        raise
    return {
        "name": manifest["name"],
        "database": current,
        "kept_as": aside if had_one else None,
        "files": brought,
    }


def prune(place: BackupPlace, rule: Retention | None = None) -> list[str]:
    """Delete what the retention rule does not keep, then the contents no backup names any more."""
    key = crypto.read_key(place.key_file)
    dated = {datetime.strptime(name, _STAMP).replace(tzinfo=UTC): name for name in names(place.target)}
    staying = kept(dated, rule)
    gone = [name for moment, name in dated.items() if moment not in staying]
    # Read the lists first: a damaged one stops the purge before anything is deleted.
    used = {
        entry["sha256"]
        for moment in staying
        for entry in _file_list(place, read_manifest(place, dated[moment]), key)
    }
    for name in gone:
        shutil.rmtree(place.target / name)
        (place.target / "keys" / f"{name}.tar.enc").unlink(missing_ok=True)
    for stored in (place.target / "objects").glob("*/*.enc"):
        if stored.stem not in used:
            stored.unlink()
    return sorted(gone)


# files ------------------------------------------------------------------------------------------------------


def _listed(folder: Path) -> Iterator[tuple[str, Path, int]]:
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".incoming-"):
            yield path.relative_to(folder).as_posix(), path, path.stat().st_size


def _object(place: BackupPlace, sha256: str) -> Path:
    return place.target / "objects" / sha256[:2] / f"{sha256}.enc"


def _new_bytes(place: BackupPlace, files: list[tuple[str, Path, int]]) -> int:
    return sum(size for _, path, size in files if not _object(place, path.name).exists())


def _save_files(
    place: BackupPlace, files: list[tuple[str, Path, int]], partial: Path, key: bytes, name: str
) -> dict[str, Any]:
    lines, total = [], 0
    for relative, path, size in files:
        sha256 = _digest(path)
        stored = _object(place, sha256)
        if not stored.exists():
            stored.parent.mkdir(parents=True, exist_ok=True)
            temporary = stored.with_suffix(".part")
            _write(temporary, _read(path), key, f"object/{sha256}")
            temporary.replace(stored)
        lines.append(json.dumps({"path": relative, "sha256": sha256, "size": size}))
        total += size
    listing = "\n".join(lines).encode()
    return {
        "count": len(files),
        "bytes": total,
        **_write(partial / "files.jsonl.enc", [listing], key, f"{name}/files"),
    }


def _file_list(place: BackupPlace, manifest: Manifest, key: bytes) -> list[dict[str, Any]]:
    path = place.target / manifest["name"] / "files.jsonl.enc"
    _check_digest(path, manifest["files"]["sha256"])
    with path.open("rb") as handle:
        text = b"".join(crypto.decrypt(handle, key, f"{manifest['name']}/files")).decode()
    return [json.loads(line) for line in text.splitlines()]


def _open_object(place: BackupPlace, entry: dict[str, Any], key: bytes) -> Iterator[bytes]:
    stored = _object(place, entry["sha256"])
    if not stored.exists():
        raise InfraError("infra.backup_damaged", f"Le fichier {entry['path']} manque dans la sauvegarde.")
    digest = hashlib.sha256()
    with stored.open("rb") as handle:
        for chunk in crypto.decrypt(handle, key, f"object/{entry['sha256']}"):
            digest.update(chunk)
            yield chunk
    if digest.hexdigest() != entry["sha256"]:
        raise InfraError(
            "infra.backup_damaged", f"Le fichier {entry['path']} ne correspond pas à son empreinte."
        )


def _check_object(place: BackupPlace, entry: dict[str, Any], key: bytes) -> None:
    for _ in _open_object(place, entry, key):
        pass


def _missing_bytes(place: BackupPlace, manifest: Manifest, key: bytes) -> int:
    entries = _file_list(place, manifest, key)
    return sum(entry["size"] for entry in entries if not (place.files_dir / entry["path"]).exists())


def _restore_files(place: BackupPlace, manifest: Manifest, key: bytes) -> int:
    brought = 0
    for entry in _file_list(place, manifest, key):
        path = place.files_dir / entry["path"]
        if path.is_file() and _digest(path) == entry["sha256"]:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".incoming-{path.name}")
        with temporary.open("wb") as handle:
            for chunk in _open_object(place, entry, key):
                handle.write(chunk)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
        brought += 1
    return brought


# keys -------------------------------------------------------------------------------------------------------


def _save_keys(place: BackupPlace, key: bytes, name: str) -> dict[str, Any] | None:
    if place.secrets_dir is None or not place.secrets_dir.is_dir():
        return None
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(place.secrets_dir, arcname=".")
    folder = place.target / "keys"
    folder.mkdir(mode=0o700, exist_ok=True)
    return _write(folder / f"{name}.tar.enc", [archive.getvalue()], key, f"{name}/keys")


def _restore_keys(place: BackupPlace, manifest: Manifest, folder: Path, key: bytes) -> None:
    path = place.target / "keys" / f"{manifest['name']}.tar.enc"
    if manifest["keys"] is None or not path.exists():
        raise InfraError("infra.backup_missing", "Cette sauvegarde ne contient pas de clés.")
    if folder.exists() and any(folder.iterdir()):
        raise InfraError(
            "infra.backup_not_empty", f"Le dossier {folder} n'est pas vide : rien n'est remplacé."
        )
    _check_digest(path, manifest["keys"]["sha256"])
    with path.open("rb") as handle:
        archive = io.BytesIO(b"".join(crypto.decrypt(handle, key, f"{manifest['name']}/keys")))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tarfile.open(fileobj=archive) as tar:
        for member in tar:
            # Python 3.11.2 of Debian 12 has no extraction filter; keys are plain files, nothing else is unpacked.
            source = tar.extractfile(member) if member.isfile() else None
            path = (folder / member.name).resolve()
            if source is None or not path.is_relative_to(folder.resolve()):
                continue
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, member.mode & 0o700)
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(source.read())


# shared -----------------------------------------------------------------------------------------------------


def _load_database(
    place: BackupPlace, manifest: Manifest, url: str, key: bytes, *, rights: bool = True
) -> None:
    saved = manifest["database"]
    path = place.target / manifest["name"] / "database.dump.enc"
    _check_digest(path, saved["sha256"])
    with path.open("rb") as handle:
        chunks = crypto.decrypt(handle, key, f"{manifest['name']}/database")
        database.load(url, chunks, timescale=saved["timescale"], rights=rights)
    with database.snapshot(url) as (connection, _):
        found = database.fingerprint(connection)
    wrong = sorted(
        table for table in {*found, *saved["tables"]} if found.get(table) != saved["tables"].get(table)
    )
    if wrong:
        raise InfraError(
            "infra.backup_differs", f"Après restauration, ces tables diffèrent : {', '.join(wrong[:10])}."
        )


def _write(path: Path, chunks: Iterable[bytes], key: bytes, label: str) -> dict[str, Any]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        sha256, size = crypto.encrypt(chunks, handle, key, label)
        handle.flush()
        os.fsync(handle.fileno())
    return {"sha256": sha256, "size": size}


def _write_text(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            yield chunk


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _check_digest(path: Path, sha256: str) -> None:
    if not path.exists() or _digest(path) != sha256:
        raise InfraError(
            "infra.backup_damaged", f"Le fichier {path.name} de la sauvegarde manque ou a changé."
        )


def _canonical(manifest: Manifest) -> bytes:
    return json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _require_space(folder: Path, needed_bytes: int) -> None:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if shutil.disk_usage(existing).free < needed_bytes + _RESERVE_BYTES:
        raise _disk_full(folder)


def _disk_full(folder: Path) -> InfraError:
    return InfraError(
        "infra.backup_disk_full",
        f"Place insuffisante dans {folder} : libérez de la place, rien n'a été gardé.",
    )
