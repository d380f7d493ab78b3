"""Keys of this installation, made at first use in the secrets folder, readable by the coordinator alone."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from coordinator.kernel.config import Config
from coordinator.kernel.errors import Unavailable

_SIGNING = "token-signing.key"
_ENCRYPTION = "totp-encryption.key"
_BADGE_SALT = "badge-salt.key"


def signing_key(config: Config) -> bytes:
    """Key of the access tokens, 32 random bytes."""
    return _key(config.secrets_dir / _SIGNING, lambda: secrets.token_bytes(32))


def change_signing_key(config: Config) -> None:
    """Make every token issued so far worthless (ACC-53)."""
    path = config.secrets_dir / _SIGNING
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    Path(_written_aside(path, secrets.token_bytes(32))).replace(path)


def badge_salt(config: Config) -> bytes:
    """Salt shared by all badges of the installation, so that a badge is found by its hash."""
    return _key(config.secrets_dir / _BADGE_SALT, lambda: secrets.token_bytes(16))


def encrypt(config: Config, text: str) -> str:
    """Ciphertext of a secret kept in the database."""
    return Fernet(_key(config.secrets_dir / _ENCRYPTION, Fernet.generate_key)).encrypt(text.encode()).decode()


def decrypt(config: Config, token: str) -> str:
    """Secret of a ciphertext.

    Raises:
        Unavailable: ``auth.key_lost`` when it was encrypted with another key (restored database, lost secrets).
    """
    try:
        return (
            Fernet(_key(config.secrets_dir / _ENCRYPTION, Fernet.generate_key))
            .decrypt(token.encode())
            .decode()
        )
    except InvalidToken:
        raise Unavailable("auth.key_lost") from None


def _key(path: Path, make: Callable[[], bytes]) -> bytes:
    try:
        stat = path.stat()
    except FileNotFoundError:
        _create(path, make())
        stat = path.stat()
    return _read(path, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=64)
def _read(path: Path, _mtime_ns: int, _inode: int) -> bytes:
    return path.read_bytes()


def _create(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = _written_aside(path, content)
    try:
        # A link refuses to replace: of two processes that start together, both use the first one's key.
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        Path(name).unlink(missing_ok=True)


def _written_aside(path: Path, content: bytes) -> str:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".key-")  # 0600
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    return name
