import hashlib
import os
import re
from pathlib import Path

import httpx
import pytest

from edge_agents.runtime.uploads import CHUNK, pending_files, upload_all


class Store:
    """Coordinator side of the upload with resume; drops the line once after ``fail_after`` pieces."""

    def __init__(self, fail_after: int | None = None) -> None:
        self.parts: dict[str, bytearray] = {}
        self.calls = 0
        self.fail_after = fail_after

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        if self.fail_after is not None and self.calls > self.fail_after:
            self.fail_after = None
            raise httpx.ConnectError("line cut")
        digest = request.url.path.rsplit("/", 1)[-1]
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", request.headers["Content-Range"])
        assert match
        first, last, total = map(int, match.groups())
        held = self.parts.setdefault(digest, bytearray())
        if first != len(held):
            return httpx.Response(409, json={"received": len(held)})
        held += request.content
        assert len(held) == last + 1
        if len(held) < total:
            return httpx.Response(202, json={"received": len(held)})
        return httpx.Response(201 if hashlib.sha256(held).hexdigest() == digest else 422)


def _image(tmp_path: Path, size: int) -> tuple[Path, bytes]:
    data = os.urandom(size)
    path = tmp_path / "cam" / "images" / f"{hashlib.sha256(data).hexdigest()}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path, data


@pytest.mark.requirement("EDG-18")
async def test_upload_resumes_after_a_cut_and_happens_once(tmp_path: Path) -> None:
    path, data = _image(tmp_path, 3 * CHUNK + 17)
    store = Store(fail_after=2)
    async with httpx.AsyncClient(base_url="https://nas", transport=httpx.MockTransport(store)) as client:
        with pytest.raises(httpx.ConnectError):
            await upload_all(client, pending_files(tmp_path))
        assert pending_files(tmp_path) == [path]
        assert await upload_all(client, pending_files(tmp_path)) == 1
        assert bytes(store.parts[path.stem]) == data
        assert pending_files(tmp_path) == []
        calls = store.calls
        assert await upload_all(client, pending_files(tmp_path)) == 0
    assert store.calls == calls


async def test_damaged_file_is_not_sent(tmp_path: Path) -> None:
    path, _ = _image(tmp_path, 100)
    path.write_bytes(b"changed")
    store = Store()
    async with httpx.AsyncClient(base_url="https://nas", transport=httpx.MockTransport(store)) as client:
        assert await upload_all(client, pending_files(tmp_path)) == 0
    assert store.calls == 0
    assert pending_files(tmp_path) == []
