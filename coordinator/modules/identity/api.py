"""What other modules and the gateway may call."""

from __future__ import annotations

from coordinator.kernel.context import Context, Principal
from coordinator.kernel.errors import Unauthenticated


def principal_of_token(ctx: Context, token: str) -> Principal:
    """Principal of an access token."""
    raise Unauthenticated("auth.invalid_token")
