"""Fixtures of the quoting tests."""

from __future__ import annotations

import pytest

from coordinator.kernel.context import ContextFactory
from tests.coordinator.quoting.story import Api, Story


@pytest.fixture
def story(api: Api, factory: ContextFactory) -> Story:
    """A customer, two validated drawings and an HTTP client with every right."""
    return Story(api, factory)
