"""After an outage what happens now passes before what waited; facts still apply in order (EDG-24)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import select

from coordinator.gateway.ingest import GAP_PATIENCE_S, Ingest
from coordinator.kernel.context import ContextFactory
from coordinator.modules.machines.models import Machine
from coordinator.modules.stations.models import DeviceEvent, InboxMessage, StationStream
from tests.conftest import master
from tests.coordinator.stations.rig import running, say, until
from tests.factories import make

BACKLOG = 600


@pytest.mark.requirement("EDG-24")
@pytest.mark.timeout(300)
def test_a_breakdown_reported_now_is_applied_before_the_backlog_has_come(
    fresh_factory: ContextFactory, tmp_path: Path
) -> None:
    with fresh_factory.open(master()) as ctx:
        make(ctx, Machine, code="TOUR-1")
    with running(fresh_factory, tmp_path) as rig:
        drivers = {
            "scan": {"type": "scanner", "require_badge": False, "duplicate_s": 0},
            "load": {"type": "load_generator", "total": BACKLOG, "per_s": 5000},
        }
        link = {"min_delay_s": 0.2, "max_delay_s": 0.5, "events_per_s": 60, "ack_timeout_s": 10}
        agent = rig.station(drivers, link=link)
        rig.broker.stop()
        agent.start()
        try:
            until(lambda: agent.promised() == BACKLOG)
            rig.broker.start()

            def reached() -> int:
                with fresh_factory.open(master()) as ctx:
                    query = select(StationStream.contiguous_seq).where(StationStream.stream == "event")
                    return ctx.session.scalar(query) or 0

            def breakdown() -> InboxMessage | None:
                with fresh_factory.open(master()) as ctx:
                    query = select(InboxMessage).where(
                        InboxMessage.event_type == "breakdown.reported",
                        InboxMessage.processed_at.is_not(None),
                    )
                    return ctx.session.scalars(query).one_or_none()

            until(lambda: reached() > 10)
            say(agent, "scan", action="breakdown", machine_code="TOUR-1", comment="fumée")
            first = until(breakdown)
            assert first.seq > BACKLOG
            assert reached() < BACKLOG, "the replay was still under way"
            until(lambda: reached() == first.seq)
        finally:
            agent.stop()
    with fresh_factory.open(master()) as ctx:
        rows = ctx.session.execute(
            select(DeviceEvent.seq, DeviceEvent.payload).order_by(DeviceEvent.seq)
        ).all()
        numbers = [payload["code"] for _, payload in rows if str(payload.get("code", "")).startswith("n:")]
    assert numbers == [f"n:{n}" for n in range(1, BACKLOG + 1)]
    assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1))


@pytest.mark.requirement("EDG-25")
def test_a_gap_is_asked_for_again_only_when_nothing_fills_it(
    fresh_factory: ContextFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest = Ingest(fresh_factory, tls=None)
    moment = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: moment[0])
    assert ingest._resend_from("st-1", 5, 9) is None
    moment[0] += GAP_PATIENCE_S + 1
    assert ingest._resend_from("st-1", 7, 9) is None, "the replay goes on"
    moment[0] += GAP_PATIENCE_S + 1
    assert ingest._resend_from("st-1", 7, 9) == 8
    assert ingest._resend_from("st-1", 7, 9) is None, "asked for once"
    assert ingest._resend_from("st-1", 9, 9) is None
