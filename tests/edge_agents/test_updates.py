"""Offers at a station: which are followed, and what stands in their way."""

import asyncio
import base64
import contextlib
import datetime as dt
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_agents.protocol import package, signing
from edge_agents.protocol.control import UpdateOffer, encode_document
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.releases import Trial, model_store
from edge_agents.runtime.updates import Surroundings, Updater

KEY = Ed25519PrivateKey.generate()
PUBLIC_KEY = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()


async def _nothing() -> None:
    return None


def _updater(data_dir: Path, api: Any = None) -> Updater:
    return Updater(
        Surroundings(
            data_dir, "st-a", "cabinet_camera", "1.0.0", PUBLIC_KEY, api, Clock("yes"),
            busy=lambda: False, faults=list, connected=lambda: True, restart_agent=lambda: None,
            restart_drivers=_nothing, changed=_nothing,
        )
    )  # fmt: skip


def _offer(version: str, **values: Any) -> bytes:
    base: dict[str, Any] = {
        "sha256": "0" * 64,
        "size_bytes": 1,
        "publisher_key": "-",
        "health_s": 30,
    } | values
    offer = UpdateOffer(
        offer_id=uuid4(), action="install", kind="model", name="armoire", version=version, **base
    )
    signature = signing.sign(KEY.private_bytes_raw(), offer.signed_bytes())
    return encode_document(offer.model_copy(update={"signature": signature}))


@pytest.mark.requirement("EDG-35")
async def test_an_offer_waits_for_the_end_of_a_model_s_trial(tmp_path: Path) -> None:
    store = model_store(tmp_path, "armoire")
    for version in ("1.0.0", "1.1.0"):
        store.install(version, lambda folder: (folder / "board.model").write_bytes(b"-"))
    store.point("1.0.0")
    trial = Trial("first", "1.1.0", "1.0.0", 30.0, [])
    store.begin(trial)
    updater = _updater(tmp_path)
    await updater.on_offer(_offer("1.2.0"))
    assert updater.report() is None
    assert store.trial() == trial
    store.roll_back()
    await updater.on_offer(_offer("1.2.0"))
    report = updater.report()
    assert report is not None
    assert report.version == "1.2.0"
    await updater.stop()


class _Line:
    """A coordinator's package over a line that breaks after ``cut`` bytes of its first answer."""

    def __init__(self, content: bytes, cut: int) -> None:
        self.asked: list[str | None] = []
        line = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                line.asked.append(asked)
                start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
                rest = content[start:]
                self.send_response(206 if asked else 200)
                self.send_header("Content-Length", str(len(rest)))
                self.end_headers()
                self.wfile.write(rest if len(line.asked) > 1 else rest[:cut])

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._url = f"http://127.0.0.1:{self._server.server_port}"

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self._url)

    @contextlib.contextmanager
    def served(self) -> Iterator["_Line"]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()


@pytest.mark.requirement("EDG-55")
async def test_a_download_cut_off_goes_on_where_it_stopped_after_the_restart(tmp_path: Path) -> None:
    weights = tmp_path / "board.model"
    weights.write_bytes(random.Random(7).randbytes(600_000))
    file = tmp_path / "armoire.update"
    package.build(
        file, KEY.private_bytes_raw(), kind="model", name="armoire", version="1.1.0",
        built_at=dt.datetime.now(dt.UTC), files={"board.model": weights},
    )  # fmt: skip
    content = file.read_bytes()
    cut = len(content) // 2
    data = tmp_path / "station"
    store = model_store(data, "armoire")
    store.install("1.0.0", lambda folder: (folder / "board.model").write_bytes(b"-"))
    store.point("1.0.0")
    values = {
        "sha256": package.file_sha256(file),
        "size_bytes": len(content),
        "publisher_key": PUBLIC_KEY,
        "health_s": 1,
    }
    part = data / "updates" / f"{values['sha256']}.part"
    with _Line(content, cut).served() as line:
        first = _updater(data, line)
        await first.on_offer(_offer("1.1.0", **values))
        while not (line.asked and part.exists() and part.stat().st_size == cut):
            await asyncio.sleep(0.02)
        await first.stop()
        assert store.running() == "1.0.0"
        second = _updater(data, line)
        await second.start()
        assert line.asked == [None, f"bytes={cut}-"]
        assert store.running() == "1.1.0"
        report = second.report()
        assert report is not None
        assert report.state == "installed"
