"""Access tokens: short-lived, signed, naming a session that can be closed at once (ACC-07)."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass

import jwt

from coordinator.kernel.context import Context
from coordinator.kernel.errors import Unauthenticated
from coordinator.modules.identity.keys import signing_key

_ALGORITHM = "HS256"
_ISSUER = "gestion-usinage"
_LEEWAY_S = 5


@dataclass(frozen=True)
class Claims:
    """What a valid access token says."""

    user_id: int
    session_id: int


def access_token(ctx: Context, user_id: int, session_id: int, lifetime: dt.timedelta) -> str:
    """Signed token of a session."""
    claims = {
        "iss": _ISSUER,
        "sub": str(user_id),
        "sid": session_id,
        "use": "access",
        "iat": int(ctx.now.timestamp()),
        "exp": int((ctx.now + lifetime).timestamp()),
    }
    return jwt.encode(claims, signing_key(ctx.config), algorithm=_ALGORITHM)


def read_access_token(ctx: Context, token: str) -> Claims:
    """Claims of a token.

    Raises:
        Unauthenticated: ``auth.invalid_token``, without saying whether forged, damaged or expired.
    """
    try:
        # The expiry is compared with the unit of work's instant, the clock of everything else.
        claims = jwt.decode(
            token,
            signing_key(ctx.config),
            algorithms=[_ALGORITHM],
            issuer=_ISSUER,
            options={"require": ["exp", "sub"], "verify_exp": False, "verify_iat": False},
        )
        if claims["use"] != "access" or claims["exp"] + _LEEWAY_S < ctx.now.timestamp():
            raise Unauthenticated("auth.invalid_token")
        return Claims(int(claims["sub"]), int(claims["sid"]))
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        raise Unauthenticated("auth.invalid_token") from None


def new_refresh_secret() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Form in which a random secret is kept; it needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
