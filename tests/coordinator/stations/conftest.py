"""The application of the test session forgets that a company was set up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def set_up_again(application: Any) -> Iterator[None]:
    """What one test set up is rolled back; the application asks the database again."""
    yield
    application.state.is_set_up = False
