"""Every benchmark offered on the command line is there to run."""

from __future__ import annotations

import pytest

from coordinator import bench


@pytest.mark.parametrize("name", bench.BENCHES)
def test_an_offered_benchmark_exists(name: str) -> None:
    assert callable(bench.measure(name))
