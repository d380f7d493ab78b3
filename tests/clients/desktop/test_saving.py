"""A file saved for the user is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.desktop.model import saving


def test_a_failed_save_leaves_the_former_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "devis.pdf"
    saving.save(target, b"ancien")

    def full(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        saving.save(target, b"nouveau")
    assert [p.name for p in tmp_path.iterdir()] == ["devis.pdf"]
    assert target.read_bytes() == b"ancien"
