"""Two running agents with one identity: both are held back, what they say is kept and applied once a person decided (EDG-54)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from coordinator.kernel.context import ContextFactory
from coordinator.modules.machines.models import Machine
from coordinator.modules.stations import clones
from coordinator.modules.stations.models import InboxMessage, Station
from edge_agents.drivers.simulators.process import AgentProcess, station_values
from tests.conftest import master
from tests.coordinator.stations.rig import running, say, until
from tests.factories import make


@pytest.mark.requirement("EDG-54")
@pytest.mark.timeout(300)
def test_facts_of_two_units_with_one_identity_wait_for_a_person(
    fresh_factory: ContextFactory, tmp_path: Path
) -> None:
    with fresh_factory.open(master()) as ctx:
        make(ctx, Machine, code="TOUR-1")

    def station() -> Station:
        with fresh_factory.open(master()) as ctx:
            return ctx.session.scalars(select(Station)).one()

    def waiting() -> list[bool]:
        with fresh_factory.open(master()) as ctx:
            query = select(InboxMessage.needs_processing).where(
                InboxMessage.event_type == "breakdown.reported"
            )
            return list(ctx.session.scalars(query))

    with running(fresh_factory, tmp_path) as rig:
        drivers = {"scan": {"type": "scanner", "require_badge": False, "duplicate_s": 0}}
        config = {"drivers": drivers, "health_interval_s": 0.5}
        link = {"min_delay_s": 0.2, "max_delay_s": 0.5}
        one = rig.station(drivers, config=config, link=link)
        copy = tmp_path / "twin"
        copy.mkdir()
        values = station_values(rig.broker.port, drivers, station_id="st-scan-1")
        twin = AgentProcess(copy, values | {"config": config, "link": link})
        one.start()
        twin.start()
        try:
            until(lambda: station().is_quarantined)
            say(twin, "scan", action="breakdown", machine_code="TOUR-1", comment="fumée")
            until(waiting)
            assert waiting() == [True]
            twin.stop()
            with fresh_factory.open(master()) as ctx:
                clones.lift(ctx, ctx.session.scalars(select(Station)).one())
            until(lambda: waiting() == [False])
            assert not station().is_quarantined
        finally:
            one.stop()
            twin.stop()
