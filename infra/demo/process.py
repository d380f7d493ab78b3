"""One process of the demo: started with a log file, stopped gently, killed when the story asks for it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.demo.errors import DemoError

ROOT = Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def python(*arguments: str) -> list[str]:
    """Command that runs a module of the product with the interpreter of this process."""
    return [sys.executable, "-m", *arguments]


def environment(values: Mapping[str, str]) -> dict[str, str]:
    """Environment of a child: this one's, without settings of another installation, with ``values``."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith("USINAGE_") or k == "USINAGE_POSTGRES_BIN"
    }
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**kept, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", **values}


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Service:
    """A child process which may be started again; ``log`` collects what it says over all its lives."""

    def __init__(
        self,
        name: str,
        command: list[str],
        folder: Path,
        env: Mapping[str, str],
        log: Path,
        *,
        label: str = "",
    ) -> None:
        self.name = name
        self.label = label or name
        self.command = command
        self.folder = folder
        self.env = dict(env)
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Number of the running process."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process; it ends with this one, whatever happens to it."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command, cwd=self.folder, env=environment(self.env), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=_die_with_parent,  # noqa: PLW1509
            )  # fmt: skip

    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """End it without a word (SIGKILL), as a power cut does."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait(10)

    def ask_to_stop(self) -> None:
        """Send SIGTERM, without waiting."""
        if self.is_running() and self._process is not None:
            self._process.terminate()

    def stop(self, timeout_s: float = 20.0) -> None:
        """End it gently, then for certain, its own children included."""
        if self._process is None:
            return
        self.ask_to_stop()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process = None

    def wait(self, timeout_s: float) -> int:
        """Wait for its end; its exit status. Raises ``DemoError`` when it takes too long."""
        if self._process is None:
            raise DemoError("demo.not_started", f"{self.label} n'a pas été démarré.")
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise DemoError(
                "demo.timeout", f"{self.label} n'a pas fini en {timeout_s:g} s.{self.tail()}"
            ) from None

    def tail(self, lines: int = 12) -> str:
        """Last lines of its log, to be shown behind a refusal."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        except OSError:
            return ""
        return "".join(f"\n    {line[:400]}" for line in text)

    def require_running(self) -> None:
        """Raise ``DemoError`` when the process has ended by itself."""
        if not self.is_running():
            raise DemoError("demo.process_ended", f"{self.label} s'est arrêté ({self.log}) :{self.tail()}")


def wait_until(
    condition: Callable[[], bool], timeout_s: float, words: str, *services: Service, every_s: float = 0.2
) -> None:
    """Wait for a condition; the named processes must live meanwhile. Raises ``DemoError`` with ``words``."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        for service in services:
            service.require_running()
        if time.monotonic() > deadline:
            tails = "".join(service.tail() for service in services)
            raise DemoError("demo.timeout", f"{words} (rien après {timeout_s:g} s).{tails}")
        time.sleep(every_s)
