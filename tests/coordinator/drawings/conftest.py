"""Somebody at work on drawings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coordinator.kernel.context import ContextFactory, Principal
from tests.conftest import master
from tests.coordinator.drawings.desk import Desk


@pytest.fixture
def desk(api: Callable[[Principal], Any], factory: ContextFactory, tmp_path: Path) -> Desk:
    """Somebody with every right."""
    folder = tmp_path / "drawings"
    folder.mkdir()
    return Desk(api(master()), factory, folder)


@pytest.fixture
def desk_of(
    api: Callable[[Principal], Any], factory: ContextFactory, tmp_path: Path
) -> Callable[[Principal], Desk]:
    """``desk_of(principal)`` — somebody with these rights."""

    def build(principal: Principal) -> Desk:
        return Desk(api(principal), factory, tmp_path)

    return build
