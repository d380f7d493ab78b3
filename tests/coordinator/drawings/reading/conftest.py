"""Sample parts written once per test session, one sandbox for all readings, and the shared public files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coordinator.modules.drawings.reading import DrawingReading, Sandbox
from infra.samples import SamplePart, write_samples

SHARED = Path(os.environ.get("USINAGE_SHARED", Path(__file__).resolve().parents[5] / "shared"))


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SamplePart]:
    """The three sample parts by drawing number."""
    parts = write_samples(tmp_path_factory.mktemp("samples"))
    return {part.truth["title_block"]["drawing_number"]: part for part in parts}


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


@pytest.fixture(scope="session")
def read(sandbox: Sandbox) -> Callable[[Path], DrawingReading]:
    """Read a file once per session."""
    known: dict[Path, DrawingReading] = {}

    def cached(path: Path) -> DrawingReading:
        if path not in known:
            known[path] = sandbox.read(path)
        return known[path]

    return cached


@pytest.fixture(scope="session")
def shared_file() -> Callable[[str], Path]:
    """A shared public file; skips where the folder is missing."""

    def find(relative: str) -> Path:
        path = SHARED / "data" / relative
        if not path.exists():
            pytest.skip(f"shared file missing: {relative} (set USINAGE_SHARED)")
        return path

    return find
