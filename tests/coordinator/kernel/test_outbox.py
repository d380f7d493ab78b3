"""Events reach each handler once, are retried, and end visibly dead (OPS-13)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from coordinator.kernel import outbox
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.models import OutboxDelivery, OutboxEvent
from coordinator.kernel.registry import Handler
from coordinator.modules.company.models import Site
from tests.conftest import master
from tests.factories import make


class Reaction:
    """Handler that makes a site, and fails as often as told."""

    def __init__(self) -> None:
        self.failures = 0
        self.calls = 0

    def __call__(self, ctx: Context, event: outbox.Event) -> None:
        self.calls += 1
        make(ctx, Site, code=f"E{event.payload['number']}")
        if self.failures:
            self.failures -= 1
            raise RuntimeError("pas maintenant")


@pytest.fixture
def reaction(factory: ContextFactory) -> Iterator[Reaction]:
    function = Reaction()
    handler = Handler("test.happened", "test.react", function)
    factory.registry.handlers["test.happened"] = [handler]
    factory.registry.handler_by_name["test.react"] = handler
    yield function
    del factory.registry.handlers["test.happened"], factory.registry.handler_by_name["test.react"]


def happen(factory: ContextFactory, number: int = 1) -> int:
    with factory.open(master()) as ctx:
        ctx.emit("test.happened", {"number": number})
    with factory.sessions() as session:
        return session.scalars(select(OutboxDelivery.id).order_by(OutboxDelivery.id.desc())).first() or 0


def sites(factory: ContextFactory) -> int:
    with factory.sessions() as session:
        return session.scalar(select(func.count()).select_from(Site).where(Site.code.like("E%"))) or 0


def delivery(factory: ContextFactory, delivery_id: int) -> OutboxDelivery:
    with factory.sessions() as session:
        return session.get_one(OutboxDelivery, delivery_id)


def test_a_delivery_acts_once_even_when_run_twice(factory: ContextFactory, reaction: Reaction) -> None:
    delivery_id = happen(factory)
    assert outbox.deliver(factory, delivery_id)
    assert outbox.deliver(factory, delivery_id)
    assert reaction.calls == 1
    assert sites(factory) == 1
    assert delivery(factory, delivery_id).status == "done"


def test_a_rolled_back_act_leaves_no_event(factory: ContextFactory, reaction: Reaction) -> None:
    def act() -> None:
        with factory.open(master()) as ctx:
            ctx.emit("test.happened", {"number": 1})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        act()
    with factory.sessions() as session:
        assert session.scalar(select(func.count()).select_from(OutboxEvent)) == 0


def test_a_failing_handler_leaves_nothing_and_is_tried_again(
    factory: ContextFactory, reaction: Reaction
) -> None:
    delivery_id = happen(factory)
    reaction.failures = 2
    assert not outbox.deliver(factory, delivery_id)
    assert sites(factory) == 0
    assert "pas maintenant" in (delivery(factory, delivery_id).last_error or "")
    assert not outbox.deliver(factory, delivery_id)
    assert outbox.deliver(factory, delivery_id)
    assert sites(factory) == 1
    assert delivery(factory, delivery_id).attempts == 3


def test_after_eight_failures_a_delivery_is_dead_until_somebody_repeats_it(
    factory: ContextFactory, reaction: Reaction
) -> None:
    delivery_id = happen(factory)
    reaction.failures = outbox.MAX_ATTEMPTS
    answers = [outbox.deliver(factory, delivery_id) for _ in range(outbox.MAX_ATTEMPTS)]
    assert answers == [False] * 7 + [True]
    assert delivery(factory, delivery_id).status == "dead"
    with factory.open(Principal.service("test")) as ctx:
        outbox.retry_dead(ctx, delivery_id)
    assert outbox.deliver(factory, delivery_id)
    assert delivery(factory, delivery_id).status == "done"
    assert sites(factory) == 1
