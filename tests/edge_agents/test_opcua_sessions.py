"""Cuts and restarts leave no sessions behind at a control which keeps them for their whole time-out (MCH-46)."""

import asyncio
from pathlib import Path

import pytest

from edge_agents.drivers.simulators.machine import MachineSimulator
from infra import bench_machine
from tests.edge_agents.conftest import Recorded
from tests.edge_agents.test_opcua_machine import config, running


def _value(results: list[dict], metric: str) -> float:
    return next(row["value"] for row in results if row["metric"] == metric)


@pytest.mark.requirement("MCH-46")
async def test_eight_cuts_use_one_session_and_one_subscription(tmp_path: Path) -> None:
    results = await bench_machine.cuts(tmp_path, 8)
    assert _value(results, "cut_sessions_created") == 1, "the session is taken up again, never made anew"
    assert _value(results, "cut_subscriptions_left") == 1, "what was left at the control is deleted"
    assert all(row["ok"] is not False for row in results)


@pytest.mark.requirement("MCH-46")
async def test_three_restarts_make_one_session_each(tmp_path: Path) -> None:
    results = await bench_machine.restarts(tmp_path, 3)
    assert _value(results, "restart_sessions_per_start") == 1
    assert _value(results, "restart_sessions_open_max") == 1


@pytest.mark.requirement("MCH-46")
async def test_a_control_without_free_session_is_asked_with_growing_delay(recorded: Recorded) -> None:
    async with (
        MachineSimulator(max_sessions=0) as machine,
        running(recorded, config(machine.endpoint, min_delay_s=0.1, max_delay_s=60)) as driver,
    ):
        await asyncio.sleep(3)
        assert 3 <= machine.sessions.refused <= 8, "0.1, 0.2, 0.4, 0.8 … seconds, not as fast as it goes"
        assert "session libre" in str(recorded.statuses[-1][1])
        machine.sessions.max_sessions = 1
        await recorded.until(lambda: driver.tracker.state == "idle")
        assert machine.sessions.created == 1
