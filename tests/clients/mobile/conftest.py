"""A real browser at phone size in front of the built application.

``atelier`` is the real coordinator; ``workshop`` is a server in memory for what a real one cannot be made to do at will
(an answer lost on the way, a refusal, a code filmed by the camera). One browser serves the whole run.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import segno
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.orm import sessionmaker

from coordinator.bootstrap import registry
from coordinator.kernel.config import Config
from coordinator.kernel.context import ContextFactory
from coordinator.kernel.db import make_engine
from coordinator.modules.identity import passwords
from infra.embedded.databases import create_test_database, drop_test_database
from tests.clients.mobile import atelier as real
from tests.clients.mobile.workshop import Workshop, default_operations, serve

REPO = Path(__file__).resolve().parents[3]
SOURCE = REPO / "clients" / "mobile"
BUILD = SOURCE / "dist"
BUILD_TIMEOUT_S = 150
SHOTS = os.environ.get("USINAGE_SHOTS")
"""Folder that keeps pictures of the screens; without it none is taken, they cost more than the tests."""
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


def is_stale() -> bool:
    """Whether a source file is newer than the build."""
    page = BUILD / "index.html"
    if not page.is_file():
        return True
    sources = [f for name in ("src", "scripts") for f in (SOURCE / name).rglob("*") if f.is_file()]
    sources += [
        SOURCE / name for name in ("index.html", "package-lock.json", "vite.config.ts", "svelte.config.js")
    ]
    return max(f.stat().st_mtime for f in sources) > page.stat().st_mtime


@pytest.fixture(scope="module")
def build() -> Path:
    """The built application, built now if it is missing or older than its sources."""
    if not is_stale():
        return BUILD
    if not (SOURCE / "node_modules").is_dir():
        pytest.skip("application not built: run `npm ci` in clients/mobile")
    with (SOURCE / "node_modules" / ".build-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_stale():
            command = ["npm", "run", "--silent", "build"]
            done = subprocess.run(
                command, cwd=SOURCE, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
    return BUILD


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def atelier(
    build: Path,
    postgres: str,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[real.Atelier]:
    """The real coordinator over a database of its own, with real commits."""
    url = create_test_database(postgres, template)
    engine = make_engine(url)
    folder = tmp_path_factory.mktemp("atelier")
    config = Config(database_url=url, data_dir=folder / "data", secrets_dir=folder / "secrets")
    factory = ContextFactory(sessionmaker(engine, expire_on_commit=False), registry(), config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHash((Argon2Hasher(1, 1024, 1),)))
        with real.serve(factory) as running:
            yield running
    engine.dispose()
    drop_test_database(url, postgres)


@contextmanager
def opened_context(browser: Browser, base_url: str) -> Iterator[BrowserContext]:
    """A fresh browser profile of a phone; it must speak to its own server only."""
    origin = base_url.split("/m/")[0]
    own = (origin, origin.replace("http", "ws", 1), "blob:", "data:")
    foreign: list[str] = []
    context = browser.new_context(
        viewport=PHONE,
        device_scale_factor=2 if SHOTS else 1,
        has_touch=True,
        locale="fr-FR",
        timezone_id="Europe/Paris",
    )
    context.grant_permissions(["camera"], origin=origin)
    context.on("request", lambda r: None if r.url.startswith(own) else foreign.append(r.url))
    yield context
    context.close()
    assert foreign == [], "the application spoke to another server"


@contextmanager
def opened_page(context: BrowserContext) -> Iterator[Page]:
    """A page in which nothing may break."""
    faults: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda m: faults.append(m.text) if "Content Security Policy" in m.text else None)
    page.set_default_timeout(10_000)
    yield page
    assert faults == [], "uncaught error in the page"


@pytest.fixture
def context(browser: Browser, workshop: Workshop) -> Iterator[BrowserContext]:
    with opened_context(browser, workshop.base_url) as opened:
        yield opened


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    with opened_page(context) as opened:
        yield opened


@pytest.fixture
def real_context(browser: Browser, atelier: real.Atelier) -> Iterator[BrowserContext]:
    with opened_context(browser, atelier.base_url) as opened:
        yield opened


@pytest.fixture
def phone(real_context: BrowserContext) -> Iterator[Page]:
    """A page in front of the real coordinator."""
    with opened_page(real_context) as opened:
        yield opened


@pytest.fixture(scope="module")
def shot() -> Callable[..., None]:
    """``shot(page, "name")`` keeps a picture of the screen, with few colours, when USINAGE_SHOTS names a folder."""

    def take(page: Page, name: str, *, whole: bool = False) -> None:
        if not SHOTS:
            return
        folder = Path(SHOTS)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        page.evaluate("document.fonts.ready")
        usual = page.viewport_size
        if whole and usual:
            # bars fixed to the window would lie over the middle of a page taken in full
            height = int(page.evaluate("document.documentElement.scrollHeight"))
            page.set_viewport_size({"width": usual["width"], "height": max(height, usual["height"])})
            page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=path, animations="disabled")
        if whole and usual:
            page.set_viewport_size(usual)
        with Image.open(path) as picture:
            picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)

    return take
