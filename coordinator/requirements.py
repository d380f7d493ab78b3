"""Which requirements are proven: read from the markers of collected, not skipped tests."""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


class _Collector:
    """Pytest plugin that keeps the collected items."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def pytest_collection_finish(self, session: Any) -> None:
        self.items = list(session.items)


def _is_skipped(item: Any) -> bool:
    for mark in item.iter_markers("skipif"):
        if mark.args and bool(mark.args[0]):
            return True
    return any(True for _ in item.iter_markers("skip"))


def proven() -> dict[str, list[str]]:
    """``{"QUO-17": ["tests/…::test_…"]}``."""
    import pytest

    collector = _Collector()
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(
            ["--collect-only", "-q", "-n0", "-p", "no:cacheprovider", str(ROOT / "tests")],
            plugins=[collector],
        )
    found: dict[str, set[str]] = defaultdict(set)
    for item in collector.items:
        if _is_skipped(item):
            continue
        for mark in item.iter_markers("requirement"):
            for code in mark.args:
                found[str(code)].add(item.nodeid)
    return {code: sorted(tests) for code, tests in sorted(found.items())}
