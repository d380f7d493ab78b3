"""Passwords and PINs: Argon2id, bcrypt hashes of the former base verified and replaced, weak ones refused (ACC-04)."""

from __future__ import annotations

import itertools
import re
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from coordinator.kernel.errors import BusinessError, FieldError

MAX_LENGTH = 128
_HASHER = PasswordHash((Argon2Hasher(), BcryptHasher()))
_NOBODY = _HASHER.hash(secrets.token_urlsafe(32))
_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"


def hash_password(password: str) -> str:
    """Argon2id hash."""
    return _HASHER.hash(password)


def verify(password: str, stored: str | None) -> tuple[bool, str | None]:
    """Whether the password is right, and the Argon2id hash to keep instead of an older one.

    Without a stored hash the same work is done, so that the time tells nothing of the account.
    """
    try:
        if stored is None:
            _HASHER.verify(password[:MAX_LENGTH], _NOBODY)
            return False, None
        return _HASHER.verify_and_update(password[:MAX_LENGTH], stored)
    except (UnknownHashError, ValueError):  # damaged hash; bcrypt refuses more than 72 bytes
        return False, None


def check_strength(
    password: str, minimum: int, *, names: tuple[str, ...] = (), field: str = "password"
) -> None:
    """Refuse a password too short, too long or too easy to guess.

    Raises:
        BusinessError: ``password.too_short``, ``password.too_long`` or ``password.common`` on ``field``.
    """
    if len(password) < minimum:
        _refuse("password.too_short", field, minimum=minimum)
    if len(password) > MAX_LENGTH:
        _refuse("password.too_long", field, maximum=MAX_LENGTH)
    if is_common(password, names):
        _refuse("password.common", field)


def is_common(password: str, names: tuple[str, ...] = ()) -> bool:
    """Whether the password is a known one, a known word with digits or signs around it, or the person's own name."""
    lowered = password.casefold()
    words = common_words() | {n.casefold() for n in names if len(n) >= 3}
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", lowered)
    plain = core.translate(str.maketrans("@$01345", "asoieas"))
    return lowered in words or core in words or plain in words or len(set(lowered)) <= 3


def check_pin(pin: str) -> None:
    """Refuse what is no PIN of 4 to 6 digits, or one digit repeated, or a run such as 1234.

    Raises:
        BusinessError: ``pin.invalid``.
    """
    steps = {int(b) - int(a) for a, b in itertools.pairwise(pin)} if pin.isdecimal() else set()
    if not re.fullmatch(r"[0-9]{4,6}", pin) or steps in ({0}, {1}, {-1}):
        _refuse("pin.invalid", "pin")


def temporary_password() -> str:
    """Random first password without characters that look alike; about 81 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(3))


@lru_cache
def common_words() -> frozenset[str]:
    """Words and sequences everybody tries first."""
    path = Path(__file__).with_name("common_passwords.txt")
    return frozenset(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def _refuse(code: str, field: str, **params: Any) -> None:
    raise BusinessError(code, errors=[FieldError(field, code, params)], **params)
