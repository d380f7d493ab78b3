"""Titles of records are words of the workshop: local time, days as written in France, choices by their label."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from coordinator.bootstrap import registry
from coordinator.kernel.crud import display
from coordinator.kernel.i18n import t, written
from coordinator.modules.stations.models import StationCommand, VisionActivation, VisionDetection


@pytest.mark.requirement("UIX-07")
def test_instants_days_and_choices_are_told_in_words() -> None:
    entities = registry().entities
    summer = dt.datetime(2026, 7, 6, 22, 30, tzinfo=dt.UTC)
    assert display(entities["vision_detection"], VisionDetection(detected_at=summer)) == "07/07/2026 00:30"
    winter = dt.datetime(2026, 11, 23, 15, 2, 9, 123456, tzinfo=dt.UTC)
    assert display(entities["vision_detection"], VisionDetection(detected_at=winter)) == "23/11/2026 16:02"
    assert (
        display(entities["vision_activation"], VisionActivation(informed_on=dt.date(2026, 3, 9)))
        == "09/03/2026"
    )
    command = StationCommand(kind="run_count")
    assert display(entities["station_command"], command) != "run_count"
    assert display(entities["station_command"], command, "en") != display(
        entities["station_command"], command
    )
    assert display(entities["vision_detection"], VisionDetection(id=7)) == "#7"


def test_sentences_write_numbers_and_days_as_the_workshop_does() -> None:
    told = t("finance.alert", number="C1", line=2, margin=Decimal("-209.52"), causes="temps")
    assert "-209,52 %" in told
    assert "-209.52 %" in t("finance.alert", "en", number="C1", line=2, margin=Decimal("-209.52"), causes="")
    assert written(0.25) == "0,25"
    assert written(dt.date(2026, 3, 9)) == "09/03/2026"
    assert written("1.5") == "1.5", "a text is nobody's number"
