"""Who is behind a request: a person's token, or nobody; and what is refused before any rule is asked."""

from __future__ import annotations

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.errors import DomainError, Forbidden, Unauthenticated, Unavailable
from coordinator.kernel.http import problem
from coordinator.modules.company import api as company
from coordinator.modules.identity import api as identity
from coordinator.modules.stations import api as stations

_log = structlog.get_logger(__name__)
_BEFORE_SET_UP = ("/api/v1/setup", "/api/v1/health")
_WITHOUT_TOKEN = frozenset({"/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/badge"})


def authenticate(ctx: Context, request: Request) -> Principal:
    """Principal of the ``Authorization: Bearer`` token; anonymous without one.

    Raises:
        Unavailable: ``setup_required`` while no company exists (SET-01).
        Unauthenticated: ``auth.invalid_token`` for anything expired, forged or revoked.
    """
    _require_set_up(ctx, request)
    header = request.headers.get("authorization")
    # Clients send their outlived token along when they ask for a new one.
    if not header or request.url.path in _WITHOUT_TOKEN:
        return Principal.anonymous()
    kind, _, token = header.partition(" ")
    if kind.lower() != "bearer" or not token:
        raise Unauthenticated("auth.invalid_token")
    if stations.is_station_token(token.strip()):
        return stations.principal_of_token(ctx, token.strip())
    principal = identity.principal_of_token(ctx, token.strip())
    request.state.user_id = principal.user_id
    return principal


def _require_set_up(ctx: Context, request: Request) -> None:
    path = request.url.path
    if getattr(request.app.state, "is_set_up", False) or any(
        path == p or path.startswith(f"{p}/") for p in _BEFORE_SET_UP
    ):
        return
    if not company.is_set_up(ctx):
        raise Unavailable("setup_required")
    request.app.state.is_set_up = True


def install_access_log(app: FastAPI) -> None:
    """Write every refused access to the access log (ACC-27)."""

    def refused(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, DomainError):
            raise error
        _log_refusal(request, error)
        return problem(request, error)

    app.add_exception_handler(Forbidden, refused)


def _log_refusal(request: Request, error: DomainError) -> None:
    factory: ContextFactory = request.app.state.factory
    level = f"{error.extra.get('module', '')}:{error.extra.get('right', '')}".strip(":") or error.code
    ip = request.client.host if request.client else None
    try:
        # The refused request has rolled back: its trace needs a transaction of its own.
        with factory.open(Principal.service("access_log"), ip=ip) as ctx:
            user_id = getattr(request.state, "user_id", None)
            identity.log_refusal(ctx, user_id, f"{request.method} {request.url.path}", level)
    except SQLAlchemyError as failure:
        _log.error("access log not written", path=request.url.path, exc_info=failure)
