"""A station is taken out of service: what it holds arrives first, then nothing of the shop is left on it (EDG-47)."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context, ContextFactory
from coordinator.kernel.errors import Conflict
from coordinator.kernel.models import AuditLog, Notification
from coordinator.kernel.registry import NoParams
from coordinator.modules.company.models import Site
from coordinator.modules.stations import commands, downlink
from coordinator.modules.stations.models import DeviceEvent, Station, StationCommand
from edge_agents.runtime import decommission
from tests.conftest import master
from tests.coordinator.stations.rig import running, say, until
from tests.factories import make


@pytest.mark.requirement("EDG-47", "EDG-09")
@pytest.mark.timeout(300)
def test_what_a_station_holds_arrives_before_it_erases_itself(
    fresh_factory: ContextFactory, tmp_path: Path
) -> None:
    def arrived() -> list[str]:
        with fresh_factory.sessions() as session:
            query = select(DeviceEvent.payload["code"].astext).where(DeviceEvent.event_type == "scan.read")
            return list(session.scalars(query.order_by(DeviceEvent.seq)))

    def station() -> Station:
        with fresh_factory.sessions() as session:
            return session.scalars(select(Station)).one()

    with running(fresh_factory, tmp_path) as rig:
        agent = rig.station({"scan": {"type": "scanner", "require_badge": False, "duplicate_s": 0}})
        agent.start()
        try:
            say(agent, "scan", scan="avant")
            until(lambda: arrived() == ["avant"])
            rig.broker.stop()
            for number in range(5):
                say(agent, "scan", scan=f"s:{number}")
            kept = agent.data_dir / "releases" / "1.0"
            kept.mkdir(parents=True)
            with fresh_factory.open(master()) as ctx:
                commands.decommission(ctx, ctx.session.scalars(select(Station)).one(), NoParams())
            with fresh_factory.open(master()) as ctx, pytest.raises(Conflict):
                commands.decommission(ctx, ctx.session.scalars(select(Station)).one(), NoParams())
            rig.broker.start()
            until(lambda: station().is_revoked, 60)
            assert agent.wait(20) == decommission.EXIT_CODE
        finally:
            agent.stop()
        assert arrived() == ["avant", *(f"s:{n}" for n in range(5))]
        assert sorted(one.name for one in agent.data_dir.iterdir()) == [decommission.MARK, "releases"]
        assert kept.is_dir()
        (agent.data_dir / "identity").mkdir()
        (agent.data_dir / "identity" / "station.key").write_text("left by a power cut in the middle")
        agent.start()
        assert agent.wait(20) == decommission.EXIT_CODE
        agent.stop()
        assert sorted(one.name for one in agent.data_dir.iterdir()) == [decommission.MARK, "releases"]
    with fresh_factory.sessions() as session:
        row = session.scalars(select(StationCommand)).one()
        assert (row.kind, row.status) == ("decommission", "done")
        acts = session.scalars(select(AuditLog.action_code).where(AuditLog.object_type == "station")).all()
        assert "decommission" in acts


@pytest.mark.requirement("EDG-47")
def test_a_station_that_never_answers_is_told_to_those_who_can_revoke_it(ctx: Context) -> None:
    station = ctx.add(
        Station(code="st-mute", name="Armoire 3", kind="scan_station", site_id=make(ctx, Site).id)
    )
    commands.decommission(ctx, station, NoParams())
    assert [one[3].kind for one in downlink.pending_commands(ctx)] == ["decommission"]
    late = replace(ctx, now=ctx.now + dt.timedelta(hours=25))
    assert downlink.pending_commands(late) == []
    assert downlink.pending_commands(late) == []
    told = ctx.session.scalars(select(Notification).where(Notification.category == "stations")).all()
    assert [(one.role_code, "Armoire 3" in one.text, "révoquez-la" in one.text) for one in told] == [
        ("admin", True, True)
    ]
    assert not station.is_revoked
    commands.decommission(late, station, NoParams())
