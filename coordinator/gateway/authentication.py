"""Who is behind a request: a person's token, or nobody."""

from __future__ import annotations

from fastapi import Request

from coordinator.kernel.context import Context, Principal
from coordinator.kernel.errors import Unauthenticated
from coordinator.modules.identity import api as identity


def authenticate(ctx: Context, request: Request) -> Principal:
    """Principal of the ``Authorization: Bearer`` token; anonymous without one.

    Raises:
        Unauthenticated: ``auth.invalid_token`` for anything expired, forged or revoked.
    """
    header = request.headers.get("authorization")
    if not header:
        return Principal.anonymous()
    kind, _, token = header.partition(" ")
    if kind.lower() != "bearer" or not token:
        raise Unauthenticated("auth.invalid_token")
    return identity.principal_of_token(ctx, token.strip())
