"""Steps of a roll-out: pilot, observation, groups, stops (pure rules)."""

from __future__ import annotations

import datetime as dt

import pytest

from coordinator.modules.stations.rollout_rules import Decision, Part, Rollout, decide, in_window

NOW = dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)
NOON, NIGHT = dt.time(12), dt.time(3)


def rollout(status: str, **values: object) -> Rollout:
    return Rollout(status, observe_min=60, group_size=2, **values)  # type: ignore[arg-type]


def fleet(pilot: str, *others: str, failures: int = 0) -> list[Part]:
    return [Part(1, pilot, is_pilot=True, failures=failures), *(Part(n, s) for n, s in enumerate(others, 2))]


@pytest.mark.requirement("EDG-34", "UPD-26")
def test_the_pilot_goes_first_and_alone() -> None:
    assert decide(rollout("pilot"), fleet("planned", "planned"), NOW, NOON).offer == (1,)
    assert decide(rollout("pilot"), fleet("running", "planned"), NOW, NOON) == Decision("pilot")
    seen = decide(rollout("pilot"), fleet("installed", "planned"), NOW, NOON)
    assert (seen.status, seen.observe_until, seen.offer) == ("observing", NOW + dt.timedelta(hours=1), ())


@pytest.mark.requirement("EDG-34")
def test_the_others_wait_for_the_observation_and_a_sound_pilot() -> None:
    early = rollout("observing", observe_until=NOW + dt.timedelta(minutes=1))
    assert decide(early, fleet("installed", "planned"), NOW, NOON).status == "observing"
    late = rollout("observing", observe_until=NOW)
    assert decide(late, fleet("installed", "planned"), NOW, NOON).status == "rolling"
    ill = [Part(1, "installed", is_pilot=True, healthy=False), Part(2, "planned")]
    assert decide(late, ill, NOW, NOON) == Decision("stopped", reason="pilot_unhealthy")


@pytest.mark.requirement("EDG-34")
def test_groups_fill_up_within_the_window_and_absent_stations_hold_no_place() -> None:
    window = (dt.time(22), dt.time(5))
    parts = fleet("installed", "planned", "planned", "planned")
    assert decide(rollout("rolling", window=window), parts, NOW, NOON).offer == ()
    assert decide(rollout("rolling", window=window), parts, NOW, NIGHT).offer == (2, 3)
    absent = [*parts, Part(9, "running", healthy=False)]
    assert decide(rollout("rolling"), absent, NOW, NOON).offer == (2, 3)
    assert decide(
        rollout("rolling"), fleet("installed", "running", "planned", "planned"), NOW, NOON
    ).offer == (3,)
    unable = [Part(1, "installed", is_pilot=True), Part(2, "planned", able=False)]
    assert decide(rollout("rolling"), unable, NOW, NOON) == Decision("rolling")
    assert (
        decide(rollout("rolling"), fleet("installed", "installed", "cancelled"), NOW, NOON).status == "done"
    )


@pytest.mark.requirement("UPD-27")
def test_two_failures_of_a_version_stop_it_everywhere() -> None:
    assert decide(rollout("pilot"), fleet("rolled_back"), NOW, NOON).offer == (1,)
    assert decide(rollout("pilot"), fleet("rolled_back", failures=1), NOW, NOON).status == "stopped"
    assert decide(rollout("rolling"), fleet("installed", "failed", "planned"), NOW, NOON).offer == (3,)
    assert (
        decide(rollout("rolling"), fleet("installed", "failed", "rolled_back"), NOW, NOON).status == "stopped"
    )


def test_a_paused_or_ended_rollout_offers_nothing() -> None:
    for status in ("paused", "done", "stopped", "cancelled", "reverted"):
        assert decide(rollout(status), fleet("planned", "planned"), NOW, NOON) == Decision(status)


@pytest.mark.requirement("EDG-33")
def test_going_back_asks_every_station_and_ends_when_all_have_answered() -> None:
    back = [
        Part(1, "installed", is_pilot=True),
        Part(2, "planned", is_rollback=True),
        Part(3, "installed", is_rollback=True),
    ]
    assert decide(rollout("rolling_back"), back, NOW, NOON) == Decision("rolling_back", (2,))
    ended = [Part(2, "failed", is_rollback=True), Part(3, "installed", is_rollback=True)]
    assert decide(rollout("rolling_back"), ended, NOW, NOON).status == "reverted"


@pytest.mark.parametrize(
    ("at", "inside"), [("21:59", False), ("22:00", True), ("02:00", True), ("05:00", False)]
)
def test_a_window_may_pass_midnight(at: str, inside: bool) -> None:
    assert in_window((dt.time(22), dt.time(5)), dt.time.fromisoformat(at)) is inside
    assert in_window(None, dt.time.fromisoformat(at))
