"""Time-based codes (RFC 6238), one use per step, and recovery codes (ACC-09, ACC-50)."""

from __future__ import annotations

import re
import secrets
import string

import pyotp
from sqlalchemy import delete, select, update

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.modules.identity import keys, sessions, tokens
from coordinator.modules.identity.models import RecoveryCode, UserAccount

_STEP_S = 30
_WINDOW = 1
_RECOVERY_COUNT = 10
_ISSUER = "Gestion Usinage"


def begin(ctx: Context, user: UserAccount) -> tuple[str, str]:
    """Draw a secret, not in force until confirmed. Returns it and the address for the authenticator's QR code.

    Raises:
        Conflict: ``totp.already`` when a second factor is in force.
    """
    if user.totp_confirmed_at is not None:
        raise Conflict("totp.already")
    secret = pyotp.random_base32(32)
    user.totp_secret = keys.encrypt(ctx.config, secret)
    return secret, pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=_ISSUER)


def confirm(ctx: Context, user: UserAccount, code: str) -> list[str]:
    """Put the drawn secret in force. Returns the recovery codes, shown this once.

    Raises:
        Conflict: ``totp.already``, ``totp.not_begun``. BusinessError: ``totp.wrong``.
    """
    if user.totp_confirmed_at is not None:
        raise Conflict("totp.already")
    if user.totp_secret is None:
        raise Conflict("totp.not_begun")
    if not _matches(ctx, user, code):
        raise BusinessError("totp.wrong", errors=[FieldError("code", "totp.wrong")])
    user.totp_confirmed_at = ctx.now
    sessions.record(ctx, "totp_enrolled", "ok", user.id)
    return _draw_recovery_codes(ctx, user)


def enrol(ctx: Context, user: UserAccount, secret: str) -> None:
    """Put in force a secret the person already holds (unattended installation).

    Raises:
        BusinessError: ``totp.secret_invalid``.
    """
    if not re.fullmatch(r"[A-Z2-7]{16,64}", secret):
        raise BusinessError("totp.secret_invalid", errors=[FieldError("totp_secret", "totp.secret_invalid")])
    user.totp_secret = keys.encrypt(ctx.config, secret)
    user.totp_confirmed_at = ctx.now


def accepts(ctx: Context, user: UserAccount, code: str) -> bool:
    """Whether ``code`` is the present code or an unused recovery code; either then never serves again."""
    if user.totp_confirmed_at is None:
        return False
    return _matches(ctx, user, code) or _spend_recovery_code(ctx, user, code)


def remove(ctx: Context, user: UserAccount) -> None:
    """Forget the second factor and its recovery codes."""
    user.totp_secret = None
    user.totp_confirmed_at = None
    user.last_totp_step = None
    ctx.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    sessions.record_act(ctx, "totp_removed", user.id)


def _matches(ctx: Context, user: UserAccount, code: str) -> bool:
    digits = code.replace(" ", "")
    if not re.fullmatch(r"[0-9]{6}", digits) or user.totp_secret is None:
        return False
    totp = pyotp.TOTP(keys.decrypt(ctx.config, user.totp_secret))
    now_step = int(ctx.now.timestamp()) // _STEP_S
    for step in range(now_step - _WINDOW, now_step + _WINDOW + 1):
        fresh = user.last_totp_step is None or step > user.last_totp_step
        if secrets.compare_digest(totp.generate_otp(step), digits) and fresh:
            # Aside of the record's version and history: it changes at every sign-in.
            statement = update(UserAccount).where(UserAccount.id == user.id)
            ctx.session.execute(statement.values(last_totp_step=step, updated_at=UserAccount.updated_at))
            ctx.session.refresh(user, ["last_totp_step"])
            return True
    return False


def _draw_recovery_codes(ctx: Context, user: UserAccount) -> list[str]:
    ctx.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    alphabet = string.ascii_lowercase + "23456789"
    codes = [
        "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(3))
        for _ in range(_RECOVERY_COUNT)
    ]
    ctx.session.add_all(RecoveryCode(user_id=user.id, code_sha256=tokens.digest(c)) for c in codes)
    ctx.session.flush()
    return codes


def _spend_recovery_code(ctx: Context, user: UserAccount, code: str) -> bool:
    free = select(RecoveryCode.id).where(
        RecoveryCode.user_id == user.id,
        RecoveryCode.used_at.is_(None),
        RecoveryCode.code_sha256 == tokens.digest(code.strip().lower()),
    )
    statement = (
        update(RecoveryCode)
        .where(RecoveryCode.id.in_(free))
        .values(used_at=ctx.now)
        .returning(RecoveryCode.id)
    )
    spent = ctx.session.scalars(statement).first() is not None
    if spent:
        sessions.record(ctx, "recovery_code_used", "ok", user.id)
    return spent
