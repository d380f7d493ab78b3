"""A new unit takes over the logical station of a broken one (EDG-10), in real processes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from coordinator.kernel import qr
from coordinator.kernel.context import ContextFactory
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.stations.models import DeviceEvent, StationStream
from tests.conftest import master
from tests.coordinator.stations.rig import running, say, until
from tests.factories import make


@pytest.mark.requirement("EDG-10", "EDG-25")
@pytest.mark.timeout(300)
def test_a_new_unit_goes_on_where_the_broken_one_stopped(
    fresh_factory: ContextFactory, tmp_path: Path
) -> None:
    with fresh_factory.open(master()) as ctx:
        code = qr.code_of(ctx, make(ctx, StockItem, code="FORET-8"))

    def scans() -> list[str]:
        with fresh_factory.sessions() as session:
            query = select(DeviceEvent.payload["code"].astext).where(DeviceEvent.event_type == "scan.read")
            return [c for c in session.scalars(query.order_by(DeviceEvent.seq)) if c.startswith("s:")]

    with running(fresh_factory, tmp_path) as rig:
        agent = rig.station({"scan": {"type": "scanner", "require_badge": False, "duplicate_s": 0}})
        agent.start()
        try:
            until(lambda: "take" in say(agent, "scan", scan=code)["actions"])
            for number in range(5):
                say(agent, "scan", scan=f"s:{number}")
            until(lambda: len(scans()) == 5)
            agent.kill()
            shutil.rmtree(agent.data_dir)
            rig.broker.stop()
            agent.start()
            for number in range(5, 10):
                say(agent, "scan", scan=f"s:{number}")
            rig.broker.start()
            until(lambda: len(scans()) == 10)
            until(lambda: "take" in say(agent, "scan", scan=code)["actions"])
        finally:
            agent.stop()
    assert scans() == [f"s:{n}" for n in range(10)]
    with fresh_factory.sessions() as session:
        stream = session.scalars(select(StationStream).where(StationStream.stream == "event")).one()
        numbers = list(session.scalars(select(DeviceEvent.seq).order_by(DeviceEvent.seq)))
    assert numbers == sorted(set(numbers))
    assert stream.contiguous_seq == stream.max_seq
