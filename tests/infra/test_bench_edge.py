"""The edge benchmark at its smallest: real processes, random faults, nothing lost, nothing twice."""

from __future__ import annotations

import pytest

from infra.bench_edge import run
from infra.embedded.mosquitto import find_binary


@pytest.mark.requirement("EDG-20", "EDG-21", "EDG-25", "EDG-27")
@pytest.mark.timeout(900)
def test_nothing_is_lost_or_doubled_amid_kills_cuts_and_clock_jumps() -> None:
    if find_binary() is None:
        pytest.skip("Mosquitto is not installed")
    found = {
        row["metric"]: row
        for row in run(schedules=1, first_events=400, per_s=100, scans=20, takes=5, replay_h=0.02)
    }
    for metric in ("events_lost", "events_doubled", "events_out_of_order"):
        assert found[metric]["value"] == 0, metric
    wanted = {
        "event_to_client_p95_s",
        "scan_reaction_p95_ms",
        "agent_memory_mb",
        "replay_24h_s",
        "live_during_replay_p95_s",
    }
    assert wanted <= set(found)
    assert all(row["reference"] is not None for row in found.values())
