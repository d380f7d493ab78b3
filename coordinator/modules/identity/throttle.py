"""Lock after repeated failures: 5 wrong → 15 minutes, doubling, then until an administrator acts (ACC-10)."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from coordinator.kernel.context import Context
from coordinator.modules.identity.models import LoginThrottle, UserAccount

UNTIL_RELEASED = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Policy:
    """How many failures are allowed and how long the locks last."""

    limit: int = 5
    first_lock_min: int = 15
    timed_locks: int = 4

    @classmethod
    def of(cls, ctx: Context, *, address: bool = False) -> Policy:
        """Policy typed in the settings, for accounts or for network addresses."""
        key = "security.address_failures" if address else "security.account_failures"
        return cls(
            ctx.settings.integer(key),
            ctx.settings.integer("security.first_lock_min"),
            ctx.settings.integer("security.timed_locks"),
        )


@dataclass(frozen=True)
class Counter:
    """Failures since the last success, and locks since then."""

    failed: int = 0
    locks: int = 0
    locked_until: dt.datetime | None = None

    def is_locked(self, now: dt.datetime) -> bool:
        """Whether attempts are refused unseen."""
        return self.locked_until is not None and self.locked_until > now


def after_failure(counter: Counter, policy: Policy, now: dt.datetime, *, may_close: bool = True) -> Counter:
    """Counter after one more failure; ``may_close`` False never locks for good (master, addresses)."""
    failed = counter.failed + 1
    if failed < policy.limit:
        return Counter(failed, counter.locks, counter.locked_until)
    locks = counter.locks + 1
    if locks > policy.timed_locks and may_close:
        return Counter(0, locks, UNTIL_RELEASED)
    doublings = min(locks, policy.timed_locks) - 1
    return Counter(0, locks, now + dt.timedelta(minutes=policy.first_lock_min * 2**doublings))


def of_user(user: UserAccount) -> Counter:
    """Counter of an account."""
    return Counter(user.failed_attempts, user.lock_count, user.locked_until)


def save_user(ctx: Context, user: UserAccount, counter: Counter) -> None:
    """Write an account's counter aside of its version, which belongs to those who edit it."""
    statement = update(UserAccount).where(UserAccount.id == user.id)
    values = {
        "failed_attempts": counter.failed,
        "lock_count": counter.locks,
        "locked_until": counter.locked_until,
    }
    ctx.session.execute(statement.values(**values, updated_at=UserAccount.updated_at))
    ctx.session.refresh(user, list(values))


def address_subject(ctx: Context) -> str | None:
    """Key of the caller's network address."""
    return f"ip:{ctx.ip}"[:120] if ctx.ip else None


def email_subject(email: str) -> str:
    """Key of an e-mail that belongs to no account; only its digest is kept."""
    return f"email:{hashlib.sha256(email.encode()).hexdigest()}"


def read(ctx: Context, subject: str) -> Counter:
    """Counter of a subject, locked until the end of the transaction."""
    query = select(LoginThrottle).where(LoginThrottle.subject == subject).with_for_update()
    row = ctx.session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    return Counter(row.failed_attempts, row.lock_count, row.locked_until) if row else Counter()


def save(ctx: Context, subject: str, counter: Counter) -> None:
    """Write a subject's counter."""
    values = {
        "failed_attempts": counter.failed,
        "lock_count": counter.locks,
        "locked_until": counter.locked_until,
    }
    statement = insert(LoginThrottle).values(subject=subject, **values)
    ctx.session.execute(statement.on_conflict_do_update(index_elements=["subject"], set_=values))
