"""Streaming encryption of backup files: AES-256-GCM in numbered chunks (STREAM, Hoang et al. 2015).

Each chunk carries its number and a last-chunk mark in the nonce, so that a shortened, reordered or exchanged
file does not open. Every file has its own key, derived from the key file with HKDF-SHA256 and a random salt.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from infra.embedded.errors import InfraError

MAGIC = b"GUBK1\n"
CHUNK = 1 << 20
_SALT = 16
_PREFIX = 7
_TAG = 16
_KEY_BYTES = 32


def create_key(path: Path) -> None:
    """Write a new random key, readable by its owner alone; never replaces a file."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InfraError(
            "infra.backup_key_exists", f"Le fichier {path} existe déjà : il n'est pas remplacé."
        ) from error
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(base64.b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")


def read_key(path: Path) -> bytes:
    """The 32 bytes of a key file (base64). Raises ``infra.backup_key``."""
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except (OSError, binascii.Error) as error:
        raise InfraError(
            "infra.backup_key", f"La clé de sauvegarde {path} est absente ou illisible."
        ) from error
    if len(key) != _KEY_BYTES:
        raise InfraError("infra.backup_key", f"La clé de sauvegarde {path} n'a pas la bonne longueur.")
    return key


def seal(key: bytes, data: bytes) -> str:
    """Keyed digest (HMAC-SHA256) that shows whether a manifest was changed."""
    return hmac.new(_derive(key, b"manifest", b"seal"), data, hashlib.sha256).hexdigest()


def encrypt(chunks: Iterable[bytes], target: IO[bytes], key: bytes, name: str) -> tuple[str, int]:
    """Write the encrypted form of ``chunks``; return the SHA-256 and the size of what was written."""
    salt, prefix = os.urandom(_SALT), os.urandom(_PREFIX)
    cipher = AESGCM(_derive(key, salt, name.encode()))
    digest = hashlib.sha256()
    size = 0

    def put(data: bytes) -> None:
        nonlocal size
        target.write(data)
        digest.update(data)
        size += len(data)

    put(MAGIC + salt + prefix)
    blocks = _blocks(chunks)
    current = next(blocks, b"")
    for number in range(1 << 32):
        following = next(blocks, None)
        put(cipher.encrypt(_nonce(prefix, number, last=following is None), current, None))
        if following is None:
            return digest.hexdigest(), size
        current = following
    raise InfraError("infra.backup_too_large", "Fichier trop grand pour une sauvegarde.")


def decrypt(source: IO[bytes], key: bytes, name: str) -> Iterator[bytes]:
    """The clear content, chunk by chunk. Raises ``infra.backup_damaged`` at the first doubt."""
    damaged = InfraError(
        "infra.backup_damaged", f"La sauvegarde est abîmée, incomplète ou d'une autre clé ({name})."
    )
    header = source.read(len(MAGIC) + _SALT + _PREFIX)
    if len(header) != len(MAGIC) + _SALT + _PREFIX or not header.startswith(MAGIC):
        raise damaged
    salt, prefix = header[len(MAGIC) : -_PREFIX], header[-_PREFIX:]
    cipher = AESGCM(_derive(key, salt, name.encode()))
    current = source.read(CHUNK + _TAG)
    for number in range(1 << 32):
        following = source.read(CHUNK + _TAG)
        try:
            clear = cipher.decrypt(_nonce(prefix, number, last=not following), current, None)
        except (InvalidTag, ValueError) as error:
            raise damaged from error
        yield clear
        if not following:
            return
        current = following


def _derive(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), _KEY_BYTES, salt, info).derive(key)


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + (b"\x01" if last else b"\x00")


def _blocks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= CHUNK:
            yield bytes(waiting[:CHUNK])
            del waiting[:CHUNK]
    if waiting:
        yield bytes(waiting)
