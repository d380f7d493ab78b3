"""Hand-over of the master account, with proof by the giver and acceptance by the receiver (ACC-15)."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from coordinator.kernel import audit
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.modules.identity import granting, sessions
from coordinator.modules.identity.models import MasterHandover, UserAccount, UserRole

_VALID = dt.timedelta(hours=24)


def offer(ctx: Context, giver: UserAccount, receiver: UserAccount) -> MasterHandover:
    """Offer, valid 24 h; a new one replaces the last.

    Raises:
        BusinessError: ``master.receiver`` for oneself or a closed account.
    """
    if receiver.id == giver.id or not receiver.is_active or receiver.archived_at is not None:
        raise BusinessError("master.receiver")
    for former in ctx.session.scalars(select(MasterHandover).where(MasterHandover.decided_at.is_(None))):
        former.decided_at = ctx.now
    ctx.session.flush()
    sessions.record_act(ctx, "master_offered", receiver.id)
    return ctx.add(MasterHandover(from_user_id=giver.id, to_user_id=receiver.id, expires_at=ctx.now + _VALID))


def accept(ctx: Context, receiver: UserAccount) -> None:
    """Make the receiver master and the giver an administrator; exactly one master at any time.

    Raises:
        Conflict: ``master.no_offer``.
    """
    query = select(MasterHandover).where(
        MasterHandover.to_user_id == receiver.id,
        MasterHandover.decided_at.is_(None),
        MasterHandover.expires_at > ctx.now,
    )
    pending = ctx.session.scalars(query.with_for_update()).one_or_none()
    giver = ctx.get(UserAccount, pending.from_user_id, lock=True) if pending else None
    if pending is None or giver is None or not giver.is_master:
        raise Conflict("master.no_offer")
    pending.decided_at = ctx.now
    make_master(ctx, receiver)


def make_master(ctx: Context, receiver: UserAccount) -> None:
    """Move the master's mark and role; a former master keeps an administrator's rights."""
    role = granting.role_of_code(ctx, "master")
    admin = granting.role_of_code(ctx, "admin")
    former = ctx.session.scalars(
        select(UserAccount).where(UserAccount.is_master, UserAccount.id != receiver.id)
    ).all()
    for user in former:
        user.is_master = False
        audit.mark_action(ctx.session, user, "hand_over", critical=True)
    held = ctx.session.scalars(select(UserRole).where(UserRole.role_id.in_([role.id, admin.id]))).all()
    for row in held:
        if row.role_id == role.id:
            ctx.session.delete(row)
    ctx.session.flush()
    administrators = {row.user_id for row in held if row.role_id == admin.id}
    for user in former:
        if user.id not in administrators:
            ctx.add(UserRole(user_id=user.id, role_id=admin.id))
    receiver.is_master = True
    receiver.is_active = True
    audit.mark_action(ctx.session, receiver, "become_master", critical=True)
    ctx.add(UserRole(user_id=receiver.id, role_id=role.id))
    sessions.record_act(ctx, "master_changed", receiver.id)
