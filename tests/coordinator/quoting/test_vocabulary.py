"""The engine asks the catalogue for tools: both know the same kinds."""

from __future__ import annotations

import pytest

from coordinator.kernel.enumerations import ENUMERATIONS
from coordinator.modules.quoting.engine.shop import TOOL_TYPES


@pytest.mark.requirement("QUO-18")
def test_every_kind_of_tool_of_the_engine_can_stand_in_the_catalogue() -> None:
    assert set(TOOL_TYPES) <= set(ENUMERATIONS["tool_type"])
