"""Sessions: opened at sign-in, renewed by rotating tokens, closed one by one or all at once (ACC-07, ACC-53)."""

from __future__ import annotations

import datetime as dt
import hmac
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update

from coordinator.kernel.context import Context, Principal
from coordinator.kernel.errors import DomainError, Unauthenticated
from coordinator.modules.identity import rights, tokens
from coordinator.modules.identity.models import SecurityEvent, UserAccount, UserSession

_GRACE = dt.timedelta(seconds=60)
_SEEN_EVERY = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class SignedIn:
    """An opened or renewed session."""

    user: UserAccount
    access_token: str
    refresh_token: str
    expires_in_s: int
    restrictions: tuple[str, ...]


def record(
    ctx: Context,
    kind: str,
    result: str,
    user_id: int | None = None,
    *,
    means: str | None = None,
    **details: Any,
) -> None:
    """Add a line to the security log (ACC-11, ACC-41)."""
    line = SecurityEvent(
        occurred_at=ctx.now, kind=kind, result=result, user_id=user_id, ip=ctx.ip, terminal_id=ctx.terminal_id,
        means=means, details=details or None,
    )  # fmt: skip
    ctx.session.add(line)
    ctx.session.flush()


def record_act(ctx: Context, kind: str, target_id: int | None, *, result: str = "ok", **details: Any) -> None:
    """Add a line for what the acting person did to an account; an account only acted upon stays unused (ACC-03)."""
    record(
        ctx, kind, result, ctx.principal.user_id, target_user_id=target_id, by=ctx.principal.name, **details
    )


def open_session(ctx: Context, user: UserAccount, means: str) -> SignedIn:
    """New session of a person whose identity is proven."""
    session = UserSession(
        user_id=user.id,
        means=means,
        terminal_id=ctx.terminal_id,
        ip=ctx.ip,
        last_seen_at=ctx.now,
        expires_at=_expiry(ctx),
    )
    ctx.add(session)
    ctx.session.execute(
        update(UserAccount)
        .where(UserAccount.id == user.id)
        .values(last_login_at=ctx.now, updated_at=UserAccount.updated_at)
    )
    record(ctx, "sign_in", "ok", user.id, means=means)
    return _issue(ctx, user, session)


def renew(ctx: Context, refresh_token: str) -> SignedIn | DomainError:
    """Exchange a refresh token, once, for new tokens.

    A token already exchanged closes the session, for one of the two users of it is a thief; within a minute it is
    taken for the repetition of a request whose answer was lost. Refusals are returned, not raised, so that what
    they write is kept.
    """
    refusal = Unauthenticated("auth.invalid_token")
    identifier, _, secret = refresh_token.partition(".")
    if not identifier.isascii() or not identifier.isdecimal() or len(identifier) > 18:
        return refusal
    session = ctx.session.get(UserSession, int(identifier), with_for_update=True)
    if session is None or session.revoked_at is not None or session.expires_at <= ctx.now:
        return refusal
    given = tokens.digest(secret)
    repeated = _equal(session.previous_refresh_sha256, given)
    if not _equal(session.refresh_sha256, given) and not (repeated and _just_rotated(ctx, session)):
        if repeated:
            session.revoked_at = ctx.now
            record(ctx, "refresh_reused", "revoked", session.user_id, session_id=session.id)
        return refusal
    user = ctx.session.get_one(UserAccount, session.user_id)
    if not user.is_active or user.archived_at is not None:
        return refusal
    session.expires_at = _expiry(ctx)
    return _issue(ctx, user, session)


def _just_rotated(ctx: Context, session: UserSession) -> bool:
    return session.rotated_at is not None and ctx.now - session.rotated_at < _GRACE


def _equal(stored: str | None, given: str) -> bool:
    return stored is not None and hmac.compare_digest(stored, given)


def _expiry(ctx: Context) -> dt.datetime:
    return ctx.now + dt.timedelta(hours=ctx.settings.integer("security.session_h"))


def _issue(ctx: Context, user: UserAccount, session: UserSession) -> SignedIn:
    secret = tokens.new_refresh_secret()
    session.previous_refresh_sha256 = session.refresh_sha256
    session.refresh_sha256 = tokens.digest(secret)
    session.rotated_at = ctx.now
    session.last_seen_at = ctx.now
    ctx.session.flush()
    lifetime = dt.timedelta(minutes=ctx.settings.integer("security.access_token_min"))
    return SignedIn(
        user=user,
        access_token=tokens.access_token(ctx, user.id, session.id, lifetime),
        refresh_token=f"{session.id}.{secret}",
        expires_in_s=int(lifetime.total_seconds()),
        restrictions=restrictions(ctx, user),
    )


def restrictions(ctx: Context, user: Any) -> tuple[str, ...]:
    """What the person must do before any right is given: change the password, enrol the second factor (ACC-05, ACC-09)."""
    found = []
    if user.must_change_password:
        found.append("password_change")
    if user.totp_confirmed_at is None and needs_totp(ctx, user):
        found.append("totp_enrolment")
    return tuple(found)


def needs_totp(ctx: Context, user: Any) -> bool:
    """Whether the person has two-factor duty."""
    return bool(user.is_master) or rights.effective(ctx.session, user.id).requires_totp


def principal_of_token(ctx: Context, token: str) -> Principal:
    """Principal of an access token.

    Raises:
        Unauthenticated: ``auth.invalid_token`` for anything expired, forged or revoked.
    """
    claims = tokens.read_access_token(ctx, token)
    found = _holder(ctx, claims.session_id, claims.user_id)
    _seen(ctx, claims.session_id, found.last_seen_at)
    return principal_of(ctx, found, session_id=claims.session_id)


def principal_of_session(ctx: Context, session_id: int, user_id: int) -> Principal:
    """Principal of a session whose token was checked before, with the rights of now.

    Raises:
        Unauthenticated: ``auth.invalid_token`` once it is revoked or over.
    """
    return principal_of(ctx, _holder(ctx, session_id, user_id), session_id=session_id)


def _holder(ctx: Context, session_id: int, user_id: int) -> Any:
    found = ctx.session.execute(_HOLDER, {"session": session_id, "user": user_id}).one_or_none()
    if found is None or found.revoked_at is not None or found.expires_at <= ctx.now:
        raise Unauthenticated("auth.invalid_token")
    return found


# Read at every request: only what is needed, in one statement.
_HOLDER = (
    select(
        *(getattr(UserAccount, name) for name in (
            "id", "first_name", "last_name", "employee_id", "site_id", "is_active", "archived_at", "is_master",
            "must_change_password", "totp_confirmed_at",
        )),
        UserSession.revoked_at, UserSession.expires_at, UserSession.last_seen_at,
    )
    .join(UserSession, UserSession.user_id == UserAccount.id)
    .where(UserSession.id == bindparam("session"), UserAccount.id == bindparam("user"))
)  # fmt: skip


def principal_of(ctx: Context, user: Any, *, session_id: int | None = None) -> Principal:
    """Principal of an account (a ``UserAccount`` or its columns) with its effective rights; without any right while something is due.

    Raises:
        Unauthenticated: the account is closed.
    """
    if not user.is_active or user.archived_at is not None:
        raise Unauthenticated("auth.invalid_token")
    found = rights.effective(ctx.session, user.id)
    limited = bool(restrictions(ctx, user))
    return Principal(
        kind="user",
        name=f"{user.first_name} {user.last_name}",
        user_id=user.id,
        employee_id=user.employee_id,
        site_id=user.site_id,
        roles=frozenset() if limited else found.roles,
        rights={} if limited else found.rights,
        field_groups=frozenset() if limited else found.field_groups,
        is_master=user.is_master and not limited,
        session_id=session_id,
    )


def _seen(ctx: Context, session_id: int, last_seen_at: dt.datetime) -> None:
    if ctx.now - last_seen_at < _SEEN_EVERY:
        return
    # A sister request may hold the row: her mark is as good as ours.
    free = select(UserSession.id).where(UserSession.id == session_id).with_for_update(skip_locked=True)
    statement = update(UserSession).where(UserSession.id.in_(free)).values(last_seen_at=ctx.now)
    ctx.session.execute(statement.execution_options(synchronize_session=False))


def revoke(ctx: Context, user_id: int, *, session_id: int | None = None, keep: int | None = None) -> int:
    """Close one session of a person, or all but ``keep``. Returns how many."""
    conditions = [UserSession.user_id == user_id, UserSession.revoked_at.is_(None)]
    if session_id is not None:
        conditions.append(UserSession.id == session_id)
    if keep is not None:
        conditions.append(UserSession.id != keep)
    statement = update(UserSession).where(*conditions).values(revoked_at=ctx.now).returning(UserSession.id)
    count = len(ctx.session.scalars(statement).all())
    if count:
        record_act(ctx, "sessions_revoked", user_id, count=count)
    return count
