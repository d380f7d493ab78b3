"""Plumbing of HTTP: one request = one transaction, problem documents, permission marks on routes."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Protocol

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException

from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.db import REQUESTS_AT_ONCE
from coordinator.kernel.errors import (
    BusinessError,
    Conflict,
    DomainError,
    FieldError,
    Invalid,
    NotFound,
    Unavailable,
)
from coordinator.kernel.i18n import LOCALES
from coordinator.kernel.registry import Permission

_log = structlog.get_logger(__name__)


class Authenticator(Protocol):
    """Turns the credentials of a request into a principal; anonymous when there are none."""

    def __call__(self, ctx: Context, request: Request) -> Principal: ...


@contextmanager
def unit_of_work(request: Request) -> Iterator[Context]:
    """Context of the request: authenticated, committed at the end of the block, rolled back on error."""
    factory: ContextFactory = request.app.state.factory
    authenticate: Authenticator = request.app.state.authenticate
    with factory.open(
        Principal.anonymous(),
        locale=request_locale(request),
        correlation_id=_correlation_id(request),
        ip=request.client.host if request.client else None,
        terminal_id=(request.headers.get("x-terminal") or "")[:60] or None,
    ) as ctx:
        ctx.act_as(authenticate(ctx, request))
        yield ctx


def get_context(request: Request) -> Iterator[Context]:
    """``unit_of_work`` as a dependency: committed before the answer leaves.

    Each of its two halves is a change of thread; the reads asked for all day open ``unit_of_work`` themselves.
    """
    with unit_of_work(request) as ctx:
        yield ctx


Ctx = Annotated[Context, Depends(get_context, scope="function", max_concurrency=REQUESTS_AT_ONCE)]
"""No more at once than there are connections: a request that waits for its turn holds neither a connection nor a thread, so those
that hold a connection always find a thread to go on (a whole shop returning after a cut would stop the API otherwise)."""


def request_locale(request: Request) -> str:
    """Language asked for, French by default."""
    wanted = (request.headers.get("accept-language") or "fr")[:2].lower()
    return wanted if wanted in LOCALES else "fr"


def _correlation_id(request: Request) -> uuid.UUID:
    try:
        return uuid.UUID(request.headers.get("x-correlation-id", ""))
    except ValueError:
        return uuid.uuid4()


def guarded(permission: Permission) -> dict[str, Any]:
    """Mark of a route that demands ``permission``; the body must still call ``ctx.require`` or a command."""
    return {"x-permission": str(permission)}


def public(reason: str) -> dict[str, Any]:
    """Mark of a route open to anybody, with the reason."""
    return {"x-public": reason}


def own() -> dict[str, Any]:
    """Mark of a route any signed-in person may use on what is his own."""
    return {"x-permission": "own"}


def problem(request: Request, error: DomainError) -> JSONResponse:
    """Answer for a refusal."""
    body = {**error.to_problem(request_locale(request)), "instance": request.url.path}
    return JSONResponse(body, status_code=error.status, media_type="application/problem+json")


def install_handlers(app: FastAPI) -> None:
    """Turn every error into a problem document; unknown ones are logged and tell nothing."""

    def domain(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, DomainError):
            raise error
        return problem(request, error)

    app.add_exception_handler(DomainError, domain)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(
        StaleDataError, lambda request, _e: problem(request, Conflict("conflict.stale", entity="", id=""))
    )
    app.add_exception_handler(IntegrityError, _constraint)
    app.add_exception_handler(OperationalError, _database_down)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def _validation(request: Request, error: Exception) -> JSONResponse:
    raw: Any = error.errors() if isinstance(error, RequestValidationError) else []
    return problem(request, Invalid(errors=[field_error(e) for e in raw]))


_CODES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "missing": lambda _c: {},
    "extra_forbidden": lambda _c: {},
    "string_too_long": lambda c: {"max": c.get("max_length")},
    "too_short": lambda c: {"limit": c.get("min_length")},
    "too_long": lambda c: {"limit": c.get("max_length")},
    "literal_error": lambda c: {"expected": c.get("expected")},
    "greater_than": lambda c: {"limit": c.get("gt")},
    "greater_than_equal": lambda c: {"limit": c.get("ge")},
    "less_than": lambda c: {"limit": c.get("lt")},
    "less_than_equal": lambda c: {"limit": c.get("le")},
}


def field_error(raw: dict[str, Any]) -> FieldError:
    """One of pydantic's errors in our form."""
    name = ".".join(str(p) for p in raw.get("loc", ()) if p not in {"body", "query", "path"}) or "body"
    kind = str(raw.get("type", ""))
    if kind in _CODES:
        return FieldError(name, f"field.{kind}", _CODES[kind](raw.get("ctx") or {}))
    for family in ("int", "decimal", "float", "bool", "datetime", "date", "uuid", "string", "list", "json"):
        if kind.startswith(family):
            return FieldError(name, f"field.type.{family}")
    return FieldError(name, "field.invalid")


def _constraint(request: Request, error: Exception) -> JSONResponse:
    """A rule of the database refused what no rule of the code had checked before."""
    diagnostic = getattr(getattr(error, "orig", None), "diag", None)
    return problem(
        request, BusinessError("record.constraint", constraint=getattr(diagnostic, "constraint_name", ""))
    )


def _database_down(request: Request, error: Exception) -> JSONResponse:
    _log.error("database unavailable", exc_info=error)
    return problem(request, Unavailable("database.unavailable"))


def _http(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, HTTPException) and error.status_code == 404:
        return problem(request, NotFound("route.unknown"))
    status = error.status_code if isinstance(error, HTTPException) else 500
    refusal = DomainError("http", reason=getattr(error, "detail", ""))
    body = {**refusal.to_problem(request_locale(request)), "status": status}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    reference = uuid.uuid4().hex[:8]
    _log.error("unexpected error", reference=reference, path=request.url.path, exc_info=error)
    refusal = DomainError("unexpected", reference=reference)
    body = {**refusal.to_problem(request_locale(request)), "status": 500}
    return JSONResponse(body, status_code=500, media_type="application/problem+json")
