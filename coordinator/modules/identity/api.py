"""What other modules and the gateway may call."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, select

from coordinator.kernel.context import Context, Principal
from coordinator.kernel.db import Record
from coordinator.kernel.errors import NotFound
from coordinator.kernel.registry import RIGHTS
from coordinator.modules.identity import accounts, restricted, sessions, sign_in, signatures
from coordinator.modules.identity.models import AccessLog, Badge, ElectronicSignature, UserAccount
from coordinator.modules.identity.seeds import MODULE_CODES


def principal_of_token(ctx: Context, token: str) -> Principal:
    """Principal of an access token, with its effective rights.

    Raises:
        Unauthenticated: ``auth.invalid_token`` for anything expired, forged or revoked.
    """
    return sessions.principal_of_token(ctx, token)


def principal_of_session(ctx: Context, session_id: int, user_id: int) -> Principal:
    """Principal of a session opened before, with the rights of now.

    Raises:
        Unauthenticated: the session or the account was closed.
    """
    return sessions.principal_of_session(ctx, session_id, user_id)


def principal_of_user(ctx: Context, user_id: int) -> Principal:
    """Principal of an account, for work done in a person's name.

    Raises:
        NotFound, Unauthenticated: unknown or closed account.
    """
    return sessions.principal_of(ctx, ctx.get(UserAccount, user_id))


def principal_of_email(ctx: Context, email: str) -> Principal:
    """Principal of the account with this e-mail, for acts on the server's console in a person's name.

    Raises:
        NotFound, Unauthenticated: unknown or closed account.
    """
    user = sign_in.find_by_email(ctx, email)
    if user is None:
        raise NotFound(entity="user_account", id=email)
    return sessions.principal_of(ctx, user)


def verify_badge_pin(ctx: Context, badge: str, pin: str) -> Principal | None:
    """Person of a badge and PIN, or ``None``; commit in both cases, so that failures count (ACC-10)."""
    return sign_in.verify_badge_pin(ctx, badge, pin)


def ref_of_user(user: UserAccount) -> str:
    """Reference under which stations know a person; no name in it."""
    return f"u{user.id}"


def user_of_ref(ctx: Context, ref: str) -> int | None:
    """Account behind a station's reference; ``None`` when unknown."""
    number = ref[1:]
    if not ref.startswith("u") or not number.isascii() or not number.isdecimal() or len(number) > 18:
        return None
    return ctx.session.scalar(select(UserAccount.id).where(UserAccount.id == int(number)))


def station_users(ctx: Context) -> list[dict[str, Any]]:
    """People a station may recognise without a line: ``{ref, name, badge_hash, pin_hash}`` (EDG-22, ACC-49)."""
    query = (
        select(UserAccount, Badge.token_hash)
        .outerjoin(Badge, (Badge.user_id == UserAccount.id) & Badge.revoked_at.is_(None))
        .where(UserAccount.is_active, UserAccount.archived_at.is_(None))
        .where(UserAccount.station_pin_hash.is_not(None) | Badge.token_hash.is_not(None))
        .order_by(UserAccount.id)
    )
    return [
        {
            "ref": ref_of_user(user),
            "name": f"{user.first_name} {user.last_name}",
            "badge_hash": badge,
            "pin_hash": user.station_pin_hash,
        }
        for user, badge in ctx.session.execute(query)
    ]


def create_user(ctx: Context, **values: Any) -> UserAccount:
    """Create an account; see :func:`accounts.create_user`."""
    return accounts.create_user(ctx, **values)


def create_master(ctx: Context, **values: Any) -> UserAccount:
    """Create the one master account of a new installation; see :func:`accounts.create_master`."""
    return accounts.create_master(ctx, **values)


def cleared(ctx: Context, kind: Any) -> ColumnElement[bool]:
    """SQL condition: the person is cleared for the mark in the column ``kind`` (ACC-39)."""
    return restricted.cleared(ctx, kind)


def named(ctx: Context, model: type[Record]) -> ColumnElement[bool]:
    """SQL condition: the person or one of his roles is named for the row of ``model`` (DRW-28)."""
    return restricted.named(ctx, model)


def require_signature(ctx: Context, record: Record, meaning: str = "approved") -> ElectronicSignature:
    """The valid signature of a record as it is now; its entity declares ``signed`` (TRC-35).

    Raises:
        Conflict: ``signature.required`` when nobody signed, ``signature.outdated`` when the record changed since.
    """
    return signatures.require_signature(ctx, record, meaning)


def users_with_right(ctx: Context, module_code: str, right: str) -> list[UserAccount]:
    """Active people who hold a right, e.g. to notify whoever may approve."""
    return accounts.users_with_right(ctx, module_code, right)


def log_refusal(ctx: Context, user_id: int | None, resource: str, access_level: str) -> None:
    """Write a refused access to the access log (ACC-27); call it in a transaction of its own."""
    line = AccessLog(
        occurred_at=ctx.now,
        user_id=user_id,
        resource=resource[:200],
        access_level=access_level[:60],
        ip=ctx.ip,
    )
    ctx.session.add(line)


def security_event(ctx: Context, kind: str, result: str, **details: Any) -> None:
    """Add a line to the security log in the acting person's name, e.g. for a hostile file (ACC-41)."""
    sessions.record(ctx, kind, result, ctx.principal.user_id, **details)


def rights_of(ctx: Context, principal: Principal) -> dict[str, dict[str, str]]:
    """Rights of a principal by module: ``{module: {right: scope}}``; the master's are spelled out."""
    if principal.is_master:
        modules = {*MODULE_CODES, *(s.module_code for s in ctx.registry.entities.values())}
        return {m: dict.fromkeys(RIGHTS, "all") for m in sorted(modules)}
    found: dict[str, dict[str, str]] = {}
    for (module, right), scope in principal.rights.items():
        found.setdefault(module, {})[right] = scope
    return found
