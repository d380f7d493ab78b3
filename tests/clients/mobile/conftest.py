"""A real browser at phone size in front of the built application.

``workshop`` is the only thing that knows the server: a test against another coordinator replaces it
by an object with ``base_url``, ``email`` and ``password``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import segno
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.clients.mobile.workshop import Workshop, default_operations, serve

REPO = Path(__file__).resolve().parents[3]
BUILD = REPO / "clients" / "mobile" / "dist"
CHROMIUM = Path(os.environ.get("USINAGE_CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
PHONE: ViewportSize = {"width": 390, "height": 844}
STATION: ViewportSize = {"width": 1280, "height": 800}


def write_camera_film(path: Path, text: str) -> None:
    """A raw film (Y4M, 4:2:0) of a sheet of paper with a QR code of level Q, as the fake camera."""
    width, height = 640, 480
    code = np.array(
        [list(row) for row in segno.make(text, error="q").matrix_iter(scale=6, border=4)], dtype=np.uint8
    )
    luma = np.full((height, width), 170, dtype=np.uint8)
    top, left = (height - code.shape[0]) // 2, (width - code.shape[1]) // 2
    luma[top : top + code.shape[0], left : left + code.shape[1]] = np.where(code, 40, 215)
    chroma = np.full((height // 2) * (width // 2) * 2, 128, dtype=np.uint8).tobytes()
    frame = b"FRAME\n" + luma.tobytes() + chroma
    path.write_bytes(f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n".encode() + frame * 4)


@pytest.fixture(scope="session")
def build() -> Path:
    if not (BUILD / "index.html").is_file():
        pytest.skip("application not built: run `npm ci && npm run build` in clients/mobile")
    return BUILD


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not CHROMIUM.is_file():
        pytest.skip(f"no browser at {CHROMIUM}")
    film = tmp_path_factory.mktemp("camera") / "sheet.y4m"
    write_camera_film(film, default_operations()[1]["code"])
    with sync_playwright() as play:
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={film}"]
        running = play.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield running
        running.close()


@pytest.fixture
def workshop(build: Path) -> Iterator[Workshop]:
    state = Workshop(build)
    server = serve(state)
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def context(browser: Browser, workshop: Workshop) -> Iterator[BrowserContext]:
    origin = workshop.base_url.split("/m/")[0]
    foreign: list[str] = []
    opened = browser.new_context(
        viewport=PHONE,
        device_scale_factor=2,
        has_touch=True,
        locale="fr-FR",
        timezone_id="Europe/Paris",
    )
    opened.grant_permissions(["camera"], origin=origin)
    opened.on(
        "request",
        lambda request: (
            None if request.url.startswith((origin, "blob:", "data:")) else foreign.append(request.url)
        ),
    )
    yield opened
    opened.close()
    assert foreign == [], "the application spoke to another server"


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    faults: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.set_default_timeout(8_000)
    yield opened
    assert faults == [], "uncaught error in the page"


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Where pictures of the screens go; set USINAGE_SHOTS to keep them."""
    folder = Path(os.environ.get("USINAGE_SHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
