"""The history's daily heads are sealed, and a break is told (TRC-25, TRC-52)."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select, text

from coordinator.bootstrap import registry
from coordinator.kernel import audit, seal
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.models import AuditSeal, Notification
from coordinator.modules.parties.models import Customer
from tests.conftest import master

DAY = dt.datetime(2026, 3, 2, 20, 0, tzinfo=dt.UTC)


def _live(factory: ContextFactory, days: int) -> None:
    for number in range(days):
        factory.clock = lambda number=number: DAY + dt.timedelta(days=number)  # type: ignore[misc]
        with factory.open(master()) as ctx:
            ctx.add(Customer(name=f"Client {number}", code=f"SEAL-{number}"))


@pytest.mark.requirement("TRC-25")
def test_past_days_are_sealed_once(factory: ContextFactory) -> None:
    _live(factory, 3)
    with factory.open(Principal.service("history")) as ctx:
        past = ctx.session.scalar(select(AuditSeal.id).limit(1))
        assert past is None
        assert seal.seal_history(ctx) == 2
        assert seal.seal_history(ctx) == 0
        assert seal.verify_history(ctx).intact
    assert registry().jobs["history.seal"].cron


@pytest.mark.requirement("TRC-52")
def test_a_forged_seal_or_line_is_noticed(factory: ContextFactory) -> None:
    _live(factory, 2)
    with factory.open(Principal.service("history")) as ctx:
        seal.seal_history(ctx)
        row = ctx.session.scalars(select(AuditSeal)).one()
        row.signature = bytes(64)
        ctx.session.flush()
        assert audit.verify_chain(ctx.session).intact
        assert not seal.verify_history(ctx).intact
        seal.seal_and_check(ctx)
        told = ctx.session.scalars(select(Notification).where(Notification.category == "history")).all()
        assert {n.role_code for n in told} == {"admin", "quality_manager"}
        assert all(str(row.last_audit_log_id) in n.text for n in told)
        assert ctx.session.execute(text("SELECT count(*) FROM audit_seal")).scalar() == 1
