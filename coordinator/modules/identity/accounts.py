"""Accounts: creation, change, closing, first secrets, badges; and what protects the master (ACC-01…05, 15, 47)."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from sqlalchemy import delete, exists, select
from sqlalchemy.exc import IntegrityError

from coordinator.kernel import audit
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError, Forbidden, NotFound
from coordinator.kernel.models import AuditLog
from coordinator.modules.identity import (
    granting,
    passwords,
    rights,
    second_factor,
    sessions,
    sign_in,
    throttle,
)
from coordinator.modules.identity.keys import badge_salt
from coordinator.modules.identity.models import (
    Badge,
    PermissionGrant,
    RecoveryCode,
    Role,
    SecurityEvent,
    UserAccount,
    UserRole,
    UserSession,
)
from edge_agents.protocol import credentials

BADGE_PREFIX = "gu:b/"


def find(ctx: Context, user_id: int, *, lock: bool = False) -> UserAccount:
    """The account.

    Raises:
        NotFound: ``user.unknown``.
    """
    try:
        return ctx.get(UserAccount, user_id, lock=lock)
    except NotFound:
        raise NotFound("user.unknown") from None


def check_email(ctx: Context, user: UserAccount) -> None:
    """Keep the e-mail in lower case and unique.

    Raises:
        BusinessError: ``user.email_taken``.
    """
    user.email = user.email.strip().lower()
    with ctx.session.no_autoflush:
        other = sign_in.find_by_email(ctx, user.email)
    if other is not None and other is not user:
        raise BusinessError("user.email_taken", errors=[FieldError("email", "user.email_taken")])


def create_user(
    ctx: Context, *, roles: list[str] | None = None, password: str | None = None, temporary: bool = True, pin: str | None = None,
    totp_secret: str | None = None, **fields: Any,
) -> UserAccount:  # fmt: skip
    """Create an account; without role it is saved inactive (ACC-47).

    ``password`` is a first password to be changed within 24 h unless ``temporary`` is False; ``totp_secret`` enrols
    a second factor the person already holds.

    Raises:
        BusinessError: used e-mail, weak password or PIN, unknown role. Forbidden: a role the giver may not give.
    """
    user = UserAccount(**fields)
    prepare(ctx, user)
    wanted = [granting.role_of_code(ctx, code) for code in roles or []]
    user.is_active = bool(wanted) and fields.get("is_active", True)
    ctx.add(user)
    for role in wanted:
        granting.give_role(ctx, user, role)
    if password is not None:
        set_password(ctx, user, password, temporary=temporary)
    if pin is not None:
        set_pin(ctx, user, pin)
    if totp_secret is not None:
        second_factor.enrol(ctx, user, totp_secret)
    ctx.session.flush()
    return user


def prepare(ctx: Context, user: UserAccount) -> None:
    """Checks common to every way of creating an account; it starts inactive until it has a role."""
    check_email(ctx, user)
    user.is_active = False
    user.is_master = False
    user.must_change_password = False


def create_master(
    ctx: Context, *, first_name: str, last_name: str, email: str, password: str, language: str = "fr", phone: str | None = None,
    totp_secret: str | None = None,
) -> UserAccount:  # fmt: skip
    """Create the master of a new installation (SET-04, ACC-15).

    Raises:
        Conflict: ``master.exists``.
    """
    if ctx.session.scalar(select(UserAccount.id).where(UserAccount.is_master)) is not None:
        raise Conflict("master.exists")
    user = UserAccount(
        first_name=first_name, last_name=last_name, email=email, language=language, phone=phone
    )
    prepare(ctx, user)
    passwords.check_strength(
        password, minimum_length(ctx, None), names=(email.split("@", maxsplit=1)[0], first_name, last_name)
    )
    user.password_hash = passwords.hash_password(password)
    user.is_active = user.is_master = True
    ctx.add(user)
    ctx.add(UserRole(user_id=user.id, role_id=granting.role_of_code(ctx, "master").id))
    if totp_secret is not None:
        second_factor.enrol(ctx, user, totp_secret)
    sessions.record(ctx, "master_created", "ok", user.id)
    ctx.session.flush()
    return user


def on_update(ctx: Context, user: UserAccount) -> None:
    """Rules of a change made through the generic form."""
    protect_master(ctx, user)
    check_email(ctx, user)
    if not user.is_active:
        check_may_close(ctx, user)
        sessions.revoke(ctx, user.id)
    elif not has_role(ctx, user.id):
        raise BusinessError("user.without_role", errors=[FieldError("is_active", "user.without_role")])


def has_role(ctx: Context, user_id: int) -> bool:
    """Whether the person has any role."""
    query = select(exists().where(UserRole.user_id == user_id, UserRole.archived_at.is_(None)))
    return bool(ctx.session.scalar(query))


def protect_master(ctx: Context, user: UserAccount) -> None:
    """Nobody but himself touches the master's account (ACC-15).

    Raises:
        Forbidden: ``master.protected``.
    """
    if user.is_master and ctx.principal.user_id != user.id and ctx.principal.kind != "service":
        raise Forbidden("master.protected")


def check_may_close(ctx: Context, user: UserAccount) -> None:
    """Refuse to close the master's or the last administrator's account (ACC-47).

    Raises:
        Conflict: ``master.needed``, ``admin.last``.
    """
    if user.is_master:
        raise Conflict("master.needed")
    others = [u for u in users_with_right(ctx, "users_access", "update") if u.id != user.id]
    if not others and _manages_access(ctx, user.id):
        raise Conflict("admin.last")


def _manages_access(ctx: Context, user_id: int) -> bool:
    with ctx.session.no_autoflush:
        return ("users_access", "update") in rights.compute(ctx.session, user_id).rights


def users_with_right(ctx: Context, module_code: str, right: str) -> list[UserAccount]:
    """Active accounts that hold a right, the master among them."""
    query = (
        select(UserAccount)
        .where(UserAccount.is_active, UserAccount.archived_at.is_(None))
        .order_by(UserAccount.id)
    )
    with ctx.session.no_autoflush:
        people = ctx.session.scalars(query).all()
        return [
            u
            for u in people
            if u.is_master or (module_code, right) in rights.compute(ctx.session, u.id).rights
        ]


def close_account(ctx: Context, user: UserAccount, *, keep: bool = False) -> bool:
    """Deactivate an account; one that was never used is really removed, unless ``keep`` (ACC-03). Returns whether it is gone."""
    protect_master(ctx, user)
    granting.check_not_self(ctx, user.id)
    check_may_close(ctx, user)
    sessions.revoke(ctx, user.id)
    if not keep and never_used(ctx, user) and _removed(ctx, user):
        return True
    user.is_active = False
    user.archived_at = ctx.now
    for badge in ctx.session.scalars(
        select(Badge).where(Badge.user_id == user.id, Badge.revoked_at.is_(None))
    ):
        _revoke_badge(ctx, badge)
    ctx.session.flush()
    return False


def _removed(ctx: Context, user: UserAccount) -> bool:
    try:
        with ctx.session.begin_nested():
            for model in (UserRole, PermissionGrant, Badge):
                for row in ctx.session.scalars(select(model).where(model.user_id == user.id)):
                    ctx.session.delete(row)
            ctx.session.flush()
            ctx.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
            ctx.session.delete(user)
            ctx.session.flush()
    except IntegrityError:  # other records name the person: the account is history already
        return False
    return True


def never_used(ctx: Context, user: UserAccount) -> bool:
    """Whether the account ever signed in or acted."""
    acted = select(exists().where(AuditLog.user_id == user.id))
    signed_in = select(exists().where(UserSession.user_id == user.id))
    noted = select(exists().where(SecurityEvent.user_id == user.id))
    return user.last_login_at is None and not any(ctx.session.scalar(q) for q in (acted, signed_in, noted))


def minimum_length(ctx: Context, user: UserAccount | None) -> int:
    """Least number of characters of a password: more with two-factor duty (ACC-04)."""
    strict = user is None or sessions.needs_totp(ctx, user)
    return ctx.settings.integer("security.password_length_totp" if strict else "security.password_length")


def set_password(ctx: Context, user: UserAccount, password: str, *, temporary: bool) -> None:
    """Replace the password; a temporary one serves once, within 24 h, and must then be changed (ACC-05)."""
    names = (user.email.split("@")[0], user.email, user.first_name, user.last_name)
    passwords.check_strength(password, minimum_length(ctx, user), names=names)
    user.password_hash = passwords.hash_password(password)
    user.must_change_password = temporary
    hours = ctx.settings.integer("security.temporary_password_h")
    user.temporary_password_until = ctx.now + dt.timedelta(hours=hours) if temporary else None
    ctx.session.flush()
    sessions.record_act(ctx, "password_set", user.id, result="temporary" if temporary else "ok")


def reset_password(ctx: Context, user: UserAccount) -> str:
    """Give a random temporary password, shown once; open sessions are closed."""
    protect_master(ctx, user)
    password = passwords.temporary_password()
    set_password(ctx, user, password, temporary=True)
    throttle.save_user(ctx, user, throttle.Counter())
    sessions.revoke(ctx, user.id)
    return password


def change_own_password(ctx: Context, user: UserAccount, current: str | None, new: str) -> None:
    """Replace one's own password; the present one is asked for, except after a temporary one.

    Raises:
        BusinessError: ``password.wrong``, ``password.same`` or a weak one.
    """
    if user.password_hash is not None or not user.must_change_password:
        right, _ = passwords.verify(current or "", user.password_hash)
        if not right:
            raise BusinessError("password.wrong", errors=[FieldError("current_password", "password.wrong")])
        if current == new:
            raise BusinessError("password.same", errors=[FieldError("new_password", "password.same")])
    set_password(ctx, user, new, temporary=False)
    sessions.revoke(ctx, user.id, keep=ctx.principal.session_id)


def set_pin(ctx: Context, user: UserAccount, pin: str) -> None:
    """Replace the PIN, kept as Argon2id and in the form of the stations (ACC-06)."""
    passwords.check_pin(pin)
    user.pin_hash = passwords.hash_password(pin)
    user.station_pin_hash = credentials.hash_pin(pin)
    ctx.session.flush()
    ctx.emit("user.credentials_changed", {"user_id": user.id})


def unlock(ctx: Context, user: UserAccount) -> None:
    """Lift a lock after failures."""
    throttle.save_user(ctx, user, throttle.Counter())
    sessions.record_act(ctx, "account_unlocked", user.id)


def issue_badge(ctx: Context, user: UserAccount, kind: str = "qr", content: str | None = None) -> str:
    """Give a new badge and revoke the former one (ACC-34). Returns the content to print, shown once.

    ``content`` is the number read from an RFID badge; a QR badge gets a random one.
    """
    protect_master(ctx, user)
    content = content.strip() if content else f"{BADGE_PREFIX}{secrets.token_urlsafe(16)}"
    stored = credentials.hash_badge(content, badge_salt(ctx.config))
    taken = select(Badge.user_id).where(Badge.token_hash == stored, Badge.revoked_at.is_(None))
    if ctx.session.scalar(taken) is not None:
        raise BusinessError("badge.taken", errors=[FieldError("content", "badge.taken")])
    revoke_badges(ctx, user)
    ctx.add(Badge(user_id=user.id, kind=kind, token_hash=stored, is_current=True, issued_at=ctx.now))
    sessions.record_act(ctx, "badge_issued", user.id)
    ctx.emit("user.credentials_changed", {"user_id": user.id})
    return content


def revoke_badges(ctx: Context, user: UserAccount) -> int:
    """Revoke the valid badge of a person. Returns how many were."""
    valid = ctx.session.scalars(
        select(Badge).where(Badge.user_id == user.id, Badge.revoked_at.is_(None))
    ).all()
    for badge in valid:
        _revoke_badge(ctx, badge)
    ctx.session.flush()
    return len(valid)


def _revoke_badge(ctx: Context, badge: Badge) -> None:
    badge.revoked_at = ctx.now
    badge.is_current = None
    audit.mark_action(ctx.session, badge, "revoke")
    sessions.record_act(ctx, "badge_revoked", badge.user_id)
    ctx.emit("user.credentials_changed", {"user_id": badge.user_id})


def roles_of(ctx: Context, user_id: int) -> list[str]:
    """Codes of the roles given to a person, without inherited ones."""
    query = select(Role.code).join(UserRole, UserRole.role_id == Role.id).where(UserRole.user_id == user_id)
    return list(ctx.session.scalars(query.where(UserRole.archived_at.is_(None)).order_by(Role.code)))
