"""Signing in and out, one's own secrets and sessions."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field
from sqlalchemy import select

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, DomainError, FieldError, Forbidden, Unauthenticated
from coordinator.kernel.http import Ctx, own, problem, public
from coordinator.kernel.schema import StrictModel
from coordinator.modules.identity import accounts, api, handover, passwords, second_factor, sessions, sign_in
from coordinator.modules.identity.models import SecurityEvent, UserAccount, UserSession

router = APIRouter(prefix="/auth", tags=["auth"])


class Login(StrictModel):
    """Credentials; ``totp`` is the authenticator's code or a recovery code."""

    email: str = Field(max_length=254)
    password: str = Field(max_length=1000)
    totp: str | None = Field(None, max_length=40)


class BadgeLogin(StrictModel):
    """Scanned badge and PIN."""

    badge: str = Field(max_length=200)
    pin: str = Field(max_length=10)


class Refresh(StrictModel):
    """Token to exchange."""

    refresh_token: str = Field(max_length=200)


class PasswordChange(StrictModel):
    """Present password, except after a temporary one, and the new one."""

    current_password: str | None = Field(None, max_length=1000)
    new_password: str = Field(max_length=1000)


class PinChange(StrictModel):
    """New PIN, confirmed by the password."""

    password: str = Field(max_length=1000)
    pin: str = Field(max_length=10)


class Code(StrictModel):
    """Code of the authenticator."""

    code: str = Field(max_length=40)


class Proof(StrictModel):
    """Password and second factor of the acting person."""

    password: str = Field(max_length=1000)
    totp: str | None = Field(None, max_length=40)


class Handover(Proof):
    """Person who shall become master."""

    user_id: int


def signed_in_user(ctx: Context) -> UserAccount:
    """Account of the acting person.

    Raises:
        Unauthenticated: nobody signed in.
    """
    if ctx.principal.user_id is None:
        raise Unauthenticated
    return accounts.find(ctx, ctx.principal.user_id, lock=True)


def prove(ctx: Context, request: Request, user: UserAccount, proof: Proof) -> JSONResponse | None:
    """Ask again for password and, where enrolled, the second factor (ACC-38); the answer to a wrong one."""
    refusal = sign_in.prove_again(ctx, user, proof.password, proof.totp)
    # Answered, not raised: the transaction commits the counted failure.
    return problem(request, refusal) if refusal is not None else None


def _answer(request: Request, outcome: sessions.SignedIn | DomainError) -> Any:
    if isinstance(outcome, DomainError):
        # Answered, not raised: the transaction commits what the refusal wrote.
        return problem(request, outcome)
    return {
        "access_token": outcome.access_token,
        "refresh_token": outcome.refresh_token,
        "token_type": "bearer",
        "expires_in": outcome.expires_in_s,
        "must_change_password": outcome.user.must_change_password,
        "totp_enrolment_required": "totp_enrolment" in outcome.restrictions,
        "user": _user(outcome.user),
    }


def _user(user: UserAccount) -> dict[str, Any]:
    return {n: getattr(user, n) for n in ("id", "first_name", "last_name", "email", "language")}


@router.post("/login", operation_id="auth_login", openapi_extra=public("signing in"), response_model=None)
def login(ctx: Ctx, request: Request, body: Login) -> dict[str, Any] | JSONResponse:
    """Open a session: 401 ``auth.invalid_credentials``, ``auth.totp_required`` or ``auth.locked`` otherwise."""
    answer: dict[str, Any] | JSONResponse = _answer(
        request, sign_in.log_in(ctx, body.email, body.password, body.totp)
    )
    return answer


@router.post("/badge", operation_id="auth_badge", openapi_extra=public("signing in"), response_model=None)
def badge_login(ctx: Ctx, request: Request, body: BadgeLogin) -> dict[str, Any] | JSONResponse:
    """Open a session by badge and PIN on a workshop terminal."""
    answer: dict[str, Any] | JSONResponse = _answer(request, sign_in.badge_sign_in(ctx, body.badge, body.pin))
    return answer


@router.post(
    "/refresh",
    operation_id="auth_refresh",
    openapi_extra=public("the refresh token is the proof"),
    response_model=None,
)
def refresh(ctx: Ctx, request: Request, body: Refresh) -> dict[str, Any] | JSONResponse:
    """New tokens; the given refresh token no longer serves."""
    answer: dict[str, Any] | JSONResponse = _answer(request, sessions.renew(ctx, body.refresh_token))
    return answer


@router.post("/logout", operation_id="auth_logout", openapi_extra=own(), status_code=204)
def logout(ctx: Ctx) -> None:
    """Close the present session."""
    user = signed_in_user(ctx)
    if ctx.principal.session_id is not None:
        sessions.revoke(ctx, user.id, session_id=ctx.principal.session_id)
        sessions.record(ctx, "sign_out", "ok", user.id)


@router.get("/me", operation_id="auth_me", openapi_extra=own())
def me(ctx: Ctx) -> dict[str, Any]:
    """Who is signed in, with which roles and rights; ``restrictions`` names what must be done first."""
    if ctx.principal.kind == "anonymous":
        raise Unauthenticated
    user = ctx.session.get(UserAccount, ctx.principal.user_id) if ctx.principal.user_id else None
    return {
        "user": {**_user(user), "employee_id": user.employee_id, "site_id": user.site_id} if user else None,
        "roles": sorted(ctx.principal.roles),
        "rights": api.rights_of(ctx, ctx.principal),
        "is_master": ctx.principal.is_master,
        "restrictions": list(sessions.restrictions(ctx, user)) if user else [],
        "totp_enrolled": bool(user and user.totp_confirmed_at),
    }


@router.post("/password", operation_id="auth_password", openapi_extra=own(), status_code=204)
def change_password(ctx: Ctx, body: PasswordChange) -> None:
    """Change one's own password; the other sessions are closed."""
    accounts.change_own_password(ctx, signed_in_user(ctx), body.current_password, body.new_password)


@router.post("/pin", operation_id="auth_pin", openapi_extra=own(), status_code=204)
def change_pin(ctx: Ctx, body: PinChange) -> None:
    """Change one's own PIN."""
    user = signed_in_user(ctx)
    if not passwords.verify(body.password, user.password_hash)[0]:
        raise BusinessError("password.wrong", errors=[FieldError("password", "password.wrong")])
    accounts.set_pin(ctx, user, body.pin)


@router.post("/totp/enrol", operation_id="auth_totp_enrol", openapi_extra=own())
def enrol_totp(ctx: Ctx) -> dict[str, str]:
    """Draw a secret for the authenticator; it counts once confirmed."""
    secret, uri = second_factor.begin(ctx, signed_in_user(ctx))
    return {"secret": secret, "otpauth_uri": uri}


@router.post("/totp/confirm", operation_id="auth_totp_confirm", openapi_extra=own())
def confirm_totp(ctx: Ctx, body: Code) -> dict[str, list[str]]:
    """Put the second factor in force; the recovery codes are shown this once."""
    return {"recovery_codes": second_factor.confirm(ctx, signed_in_user(ctx), body.code)}


@router.post("/totp/remove", operation_id="auth_totp_remove", openapi_extra=own(), status_code=204)
def remove_totp(ctx: Ctx, request: Request, body: Proof) -> Response:
    """Give up the second factor, or change telephone: with two-factor duty a new one must be enrolled at once."""
    user = signed_in_user(ctx)
    if refused := prove(ctx, request, user, body):
        return refused
    second_factor.remove(ctx, user)
    return Response(status_code=204)


@router.get("/sessions", operation_id="auth_sessions", openapi_extra=own())
def my_sessions(ctx: Ctx) -> list[dict[str, Any]]:
    """One's own open sessions."""
    user = signed_in_user(ctx)
    query = select(UserSession).where(
        UserSession.user_id == user.id, UserSession.revoked_at.is_(None), UserSession.expires_at > ctx.now
    )
    fields = ("id", "created_at", "last_seen_at", "ip", "terminal_id", "means")
    return [
        {**{n: jsonable(getattr(s, n)) for n in fields}, "is_current": s.id == ctx.principal.session_id}
        for s in ctx.session.scalars(query.order_by(UserSession.id.desc()))
    ]


@router.post("/sessions/{session_id}/revoke", operation_id="auth_session_revoke", openapi_extra=own())
def revoke_session(ctx: Ctx, session_id: int) -> dict[str, int]:
    """Close one of one's own sessions."""
    return {"revoked": sessions.revoke(ctx, signed_in_user(ctx).id, session_id=session_id)}


@router.post("/sessions/revoke-others", operation_id="auth_sessions_revoke_others", openapi_extra=own())
def revoke_others(ctx: Ctx) -> dict[str, int]:
    """Close all of one's own sessions but this one."""
    return {"revoked": sessions.revoke(ctx, signed_in_user(ctx).id, keep=ctx.principal.session_id)}


@router.get("/security-events", operation_id="auth_security_events", openapi_extra=own())
def my_security_events(ctx: Ctx) -> list[dict[str, Any]]:
    """One's own last 100 sign-ins, failures and locks (ACC-11)."""
    user = signed_in_user(ctx)
    query = (
        select(SecurityEvent)
        .where(SecurityEvent.user_id == user.id)
        .order_by(SecurityEvent.id.desc())
        .limit(100)
    )
    fields = ("occurred_at", "kind", "result", "means", "ip", "terminal_id")
    return [{n: jsonable(getattr(e, n)) for n in fields} for e in ctx.session.scalars(query)]


@router.post(
    "/master/offer", operation_id="auth_master_offer", openapi_extra=own(), response_model=dict[str, int]
)
def offer_master(ctx: Ctx, request: Request, body: Handover) -> dict[str, int] | JSONResponse:
    """Offer the master account to somebody; nothing changes before he accepts (ACC-15)."""
    user = signed_in_user(ctx)
    if not user.is_master:
        raise Forbidden("master.protected")
    if refused := prove(ctx, request, user, body):
        return refused
    return {"id": handover.offer(ctx, user, accounts.find(ctx, body.user_id)).id}


@router.post("/master/accept", operation_id="auth_master_accept", openapi_extra=own(), status_code=204)
def accept_master(ctx: Ctx, request: Request, body: Proof) -> Response:
    """Accept the master account offered to the signed-in person."""
    user = signed_in_user(ctx)
    if refused := prove(ctx, request, user, body):
        return refused
    handover.accept(ctx, user)
    return Response(status_code=204)
