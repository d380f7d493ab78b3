"""The shop every test of orders starts from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coordinator.kernel.context import ContextFactory
from tests.conftest import master
from tests.coordinator.orders.shop import Shop


@pytest.fixture
def shop(api: Callable[..., Any], factory: ContextFactory) -> Shop:
    return Shop(api(master()), factory)
