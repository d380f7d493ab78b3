"""Every benchmark offered on the command line is there to run, and its document stands alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
import typer

from coordinator import bench


@pytest.fixture
def usual_logs() -> Iterator[None]:
    """Logs as they were, afterwards."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("name", bench.BENCHES)
def test_an_offered_benchmark_exists(name: str) -> None:
    assert callable(bench.measure(name))


@pytest.mark.usefixtures("usual_logs")
def test_what_a_benchmark_tells_meanwhile_stands_not_in_its_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def talkative() -> list[dict[str, Any]]:
        structlog.get_logger("bench").warning("half way")
        return [bench.entry("speed", 2.0, "1/s", target=1.0)]

    monkeypatch.setattr(bench, "measure", lambda _name: talkative)
    with pytest.raises(typer.Exit):
        bench.bench("ingest", as_json=True)
    out, err = capsys.readouterr()
    assert json.loads(out)["results"][0]["value"] == 2.0
    assert "half way" in err
