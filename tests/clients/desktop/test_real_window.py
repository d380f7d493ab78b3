"""The office client opens on a real X server, not only offscreen: its system libraries are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="xvfb is not installed")
def test_a_window_opens_on_an_x_server() -> None:
    program = "from PySide6.QtWidgets import QApplication; print(QApplication([]).platformName())"
    done = subprocess.run(
        ["xvfb-run", "-a", sys.executable, "-c", program],
        env={**os.environ, "QT_QPA_PLATFORM": "xcb"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "xcb"), done.stderr[-2000:]
