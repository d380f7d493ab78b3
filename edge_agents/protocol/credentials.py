"""Salted hashes of badges and PINs in the reference data (EDG-22, ACC-49).

A badge has to be found among all users within the 300 ms of a scan, so all badges of one document share one
salt and a keyed SHA-256; a PIN is short, belongs to one known user, and gets PBKDF2.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

_PIN_ITERATIONS = 60_000


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def hash_badge(badge: str, salt: bytes) -> str:
    """``hs256$salt$digest`` of a badge number; use one random salt of 16 bytes per document."""
    digest = hmac.new(salt, badge.strip().encode(), hashlib.sha256).digest()
    return "$".join(("hs256", _b64(salt), _b64(digest)))


def hash_pin(pin: str, salt: bytes | None = None) -> str:
    """``pbkdf2$iterations$salt$digest`` of a PIN."""
    salt = salt or os.urandom(16)
    digest = hashlib.pbkdf2_hmac("sha256", pin.encode(), salt, _PIN_ITERATIONS)
    return "$".join(("pbkdf2", str(_PIN_ITERATIONS), _b64(salt), _b64(digest)))


def matches_badge(badge: str, stored: str) -> bool:
    """Whether a badge belongs to a stored hash; False for a damaged hash."""
    parts = stored.split("$")
    if len(parts) != 3 or parts[0] != "hs256":
        return False
    try:
        return hmac.compare_digest(hash_badge(badge, _unb64(parts[1])), stored)
    except ValueError:
        return False


def matches_pin(pin: str, stored: str) -> bool:
    """Whether a PIN belongs to a stored hash; False for a damaged hash."""
    parts = stored.split("$")
    if (
        len(parts) != 4
        or parts[0] != "pbkdf2"
        or not parts[1].isdigit()
        or not 0 < int(parts[1]) <= 2_000_000
    ):
        return False
    try:
        digest = hashlib.pbkdf2_hmac("sha256", pin.encode(), _unb64(parts[2]), int(parts[1]))
        return hmac.compare_digest(digest, _unb64(parts[3]))
    except ValueError:
        return False
