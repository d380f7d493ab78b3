"""Signing in by e-mail and password or by badge and PIN. Refusals are returned, not raised, so that what they
write — counters, locks, the security log — is committed with the answer (ACC-06, ACC-10, ACC-11)."""

from __future__ import annotations

from sqlalchemy import func, select, update

from coordinator.kernel.context import Context, Principal
from coordinator.kernel.errors import BusinessError, DomainError, FieldError, TooManyRequests, Unauthenticated
from coordinator.modules.identity import passwords, second_factor, sessions, throttle
from coordinator.modules.identity.keys import badge_salt
from coordinator.modules.identity.models import Badge, UserAccount
from coordinator.modules.identity.sessions import SignedIn
from edge_agents.protocol import credentials


def log_in(ctx: Context, email: str, password: str, code: str | None) -> SignedIn | DomainError:
    """Open a session by e-mail, password and, where one is enrolled, the second factor.

    The answer is the same for an unknown e-mail and a wrong password, in words, in time and in its locks.
    """
    email = email.strip().lower()
    user = _account(ctx, UserAccount.email == email)
    locked = _locked(ctx, user, throttle.email_subject(email))
    if locked:
        sessions.record(ctx, "sign_in", "locked", user.id if user else None, means="password")
        return locked
    right, upgraded = passwords.verify(password, user.password_hash if user else None)
    if user is None or not right or not _usable(ctx, user):
        return _failed(ctx, user, throttle.email_subject(email), "password")
    if user.totp_confirmed_at is not None:
        if not code:
            return Unauthenticated("auth.totp_required")
        if not second_factor.accepts(ctx, user, code):
            return _failed(ctx, user, throttle.email_subject(email), "totp")
    _succeeded(ctx, user)
    _after_password(ctx, user, upgraded)
    return sessions.open_session(ctx, user, "password+totp" if user.totp_confirmed_at else "password")


def prove_again(ctx: Context, user: UserAccount, password: str, code: str | None) -> DomainError | None:
    """Ask a signed-in person again for his password and second factor; a refusal counts like a failed sign-in (ACC-38)."""
    subject = throttle.email_subject(user.email)
    if _locked(ctx, user, subject):
        # No 401: the session is good, only the proof has to wait.
        return TooManyRequests("auth.locked")
    if not passwords.verify(password, user.password_hash)[0]:
        _failed(ctx, user, subject, "password")
        return BusinessError("password.wrong", errors=[FieldError("password", "password.wrong")])
    if user.totp_confirmed_at is not None and not second_factor.accepts(ctx, user, code or ""):
        _failed(ctx, user, subject, "totp")
        return BusinessError("totp.wrong", errors=[FieldError("totp", "totp.wrong")])
    _succeeded(ctx, user)
    return None


def _after_password(ctx: Context, user: UserAccount, upgraded: str | None) -> None:
    values: dict[str, str | None] = {}
    if user.temporary_password_until is not None:
        values["password_hash"] = None  # a temporary password serves once (ACC-05)
    elif upgraded is not None:
        values["password_hash"] = upgraded
    if values:
        statement = update(UserAccount).where(UserAccount.id == user.id)
        ctx.session.execute(statement.values(**values, updated_at=UserAccount.updated_at))
        ctx.session.refresh(user, ["password_hash"])


def verify_badge_pin(ctx: Context, badge: str, pin: str) -> Principal | None:
    """Person of a valid badge and its PIN, or ``None``; the caller commits in both cases so that failures count."""
    answer = badge_user(ctx, badge, pin)
    return sessions.principal_of(ctx, answer) if isinstance(answer, UserAccount) else None


def badge_user(ctx: Context, badge: str, pin: str) -> UserAccount | DomainError:
    """Account of a valid badge and its PIN, or the refusal to answer."""
    stored = credentials.hash_badge(badge, badge_salt(ctx.config))
    subject = throttle.email_subject(f"badge:{stored}")
    owner = select(Badge.user_id).where(Badge.token_hash == stored, Badge.revoked_at.is_(None))
    user = _account(ctx, UserAccount.id.in_(owner))
    locked = _locked(ctx, user, subject)
    if locked:
        sessions.record(ctx, "sign_in", "locked", user.id if user else None, means="badge")
        return locked
    right, _ = passwords.verify(pin, user.pin_hash if user else None)
    if user is None or not right or not user.is_active:
        return _failed(ctx, user, subject, "badge")
    _succeeded(ctx, user)
    return user


def badge_sign_in(ctx: Context, badge: str, pin: str) -> SignedIn | DomainError:
    """Open a session by badge and PIN. The terminal is written down as it names itself; nothing proves it.

    People with two-factor duty sign in by password and code: a PIN is no second factor for what they may do.
    """
    answer = badge_user(ctx, badge, pin)
    if isinstance(answer, DomainError):
        return answer
    if sessions.needs_totp(ctx, answer):
        return Unauthenticated("auth.password_needed")
    return sessions.open_session(ctx, answer, "badge")


def _account(ctx: Context, condition: object) -> UserAccount | None:
    # The row lock makes parallel guesses wait for each other's count.
    query = select(UserAccount).where(condition, UserAccount.archived_at.is_(None))  # type: ignore[arg-type]
    query = query.with_for_update(key_share=True, of=UserAccount).execution_options(populate_existing=True)
    return ctx.session.scalars(query).one_or_none()


def _usable(ctx: Context, user: UserAccount) -> bool:
    expired = user.temporary_password_until is not None and user.temporary_password_until <= ctx.now
    return user.is_active and not expired


def _locked(ctx: Context, user: UserAccount | None, subject: str) -> Unauthenticated | None:
    address = throttle.address_subject(ctx)
    counters = [throttle.of_user(user) if user else throttle.read(ctx, subject)]
    if address:
        counters.append(throttle.read(ctx, address))
    return Unauthenticated("auth.locked") if any(c.is_locked(ctx.now) for c in counters) else None


def _failed(ctx: Context, user: UserAccount | None, subject: str, means: str) -> Unauthenticated:
    policy = throttle.Policy.of(ctx)
    if user is not None:
        counter = throttle.after_failure(
            throttle.of_user(user), policy, ctx.now, may_close=not user.is_master
        )
        throttle.save_user(ctx, user, counter)
    else:
        counter = throttle.after_failure(throttle.read(ctx, subject), policy, ctx.now)
        throttle.save(ctx, subject, counter)
    address = throttle.address_subject(ctx)
    if address:
        of_address = throttle.read(ctx, address)
        policy_address = throttle.Policy.of(ctx, address=True)
        throttle.save(
            ctx, address, throttle.after_failure(of_address, policy_address, ctx.now, may_close=False)
        )
    user_id = user.id if user else None
    sessions.record(ctx, "sign_in", "failed", user_id, means=means)
    if counter.is_locked(ctx.now):
        sessions.record(ctx, "account_locked", "locked", user_id, until=counter.locked_until.isoformat())  # type: ignore[union-attr]
    return Unauthenticated("auth.invalid_credentials")


def _succeeded(ctx: Context, user: UserAccount) -> None:
    throttle.save_user(ctx, user, throttle.Counter())
    address = throttle.address_subject(ctx)
    if address and throttle.read(ctx, address).failed:
        throttle.save(ctx, address, throttle.Counter())


def find_by_email(ctx: Context, email: str) -> UserAccount | None:
    """Account of an e-mail, whatever its case."""
    return ctx.session.scalars(
        select(UserAccount).where(func.lower(UserAccount.email) == email.strip().lower())
    ).one_or_none()
