"""Reads files in a limited child process, so that a hostile or broken file never takes the coordinator down (DRW-47).

The child (`worker.py`) sets its own memory and processor limits, reads one file per request line and answers with one JSON
line. The parent keeps the clock: a child which is late, crashes or runs out of memory is killed, the file gets an error and
the next file a fresh child.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from pydantic import ValidationError

from coordinator.modules.drawings.reading.detect import Detection, detect
from coordinator.modules.drawings.reading.model import DrawingReading, Limits

WORKER_MODULE = "coordinator.modules.drawings.reading.worker"
FILES_PER_CHILD = 20
REPLY_MAX_BYTES = 64 * 1024 * 1024
_ROOT = Path(__file__).resolve().parents[4]


class Sandbox:
    """A context manager around the child process; reuse it for several files to pay the import of the libraries once."""

    def __init__(
        self, limits: Limits | None = None, *, worker: tuple[str, ...] = ("-m", WORKER_MODULE)
    ) -> None:
        self.limits = limits or Limits()
        self._worker = worker
        self._child: subprocess.Popen[bytes] | None = None
        self._served = 0

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child process."""
        child, self._child = self._child, None
        if child is None:
            return
        _kill(child)
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                stream.close()

    def read(self, path: Path) -> DrawingReading:
        """Read one file; never raises for what the file contains, the error is in the result."""
        started = time.perf_counter()
        found = detect(path, self.limits)
        if found.error is not None:
            reading = DrawingReading(file=str(path), kind=found.kind, error=found.error)
        else:
            reading = self._ask(path, found)
            if found.mismatch:
                reading.warnings.append(
                    f"L'extension « {path.suffix} » ne correspond pas au contenu ({found.format.upper()})."
                )
        reading.seconds = time.perf_counter() - started
        return reading

    def _ask(self, path: Path, found: Detection) -> DrawingReading:
        failed = DrawingReading(file=str(path), kind=found.kind)
        child = self._ready_child()
        request = json.dumps({"path": str(path), "kind": found.kind, "format": found.format}) + "\n"
        try:
            if child.stdin is not None:
                child.stdin.write(request.encode())
                child.stdin.flush()
            line = _read_line(child, self.limits.wall_s)
        except TimeoutError:
            self.close()
            return failed.failed(
                "drawing.timeout",
                f"Lecture interrompue : le fichier demande plus de {self.limits.wall_s:g} secondes.",
            )
        except OSError:
            line = b""
        if line:
            self._served += 1
            try:
                return DrawingReading.from_json(line)
            except ValidationError:
                line = b""
        return self._crashed(child, failed)

    def _crashed(self, child: subprocess.Popen[bytes], failed: DrawingReading) -> DrawingReading:
        try:
            code = child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = 0
        self.close()
        if code == -signal.SIGXCPU:
            return failed.failed(
                "drawing.timeout",
                f"Lecture interrompue : le fichier demande plus de {self.limits.cpu_s} s de calcul.",
            )
        return failed.failed(
            "drawing.crashed", "La lecture du fichier a échoué : fichier corrompu ou trop complexe."
        )

    def _ready_child(self) -> subprocess.Popen[bytes]:
        if self._served >= FILES_PER_CHILD or (self._child is not None and self._child.poll() is not None):
            self.close()
        if self._child is None:
            self._child = self._start()
            self._served = 0
        return self._child

    def _start(self) -> subprocess.Popen[bytes]:
        environment = dict(os.environ)
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(_ROOT), environment.get("PYTHONPATH", "")])
        )
        environment["USINAGE_READING_LIMITS"] = json.dumps(asdict(self.limits))
        environment["OMP_WAIT_POLICY"] = "PASSIVE"
        return subprocess.Popen(
            [sys.executable, *self._worker],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )


def read_files(paths: Iterable[Path], limits: Limits | None = None) -> Iterator[DrawingReading]:
    """Read files one after the other in one sandbox; one result per file, in order."""
    with Sandbox(limits) as sandbox:
        for path in paths:
            yield sandbox.read(path)


def read_file(path: Path, *, limits: Limits | None = None) -> DrawingReading:
    """Read one file in a sandbox of its own. Errors are in the result, see `ReadingError`."""
    return next(read_files([path], limits))


def _kill(child: subprocess.Popen[bytes]) -> None:
    # The child leads its own session: helpers it started (tesseract) end with it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _read_line(child: subprocess.Popen[bytes], timeout_s: float) -> bytes:
    """Return the child's next line without its end, or b"" when it closed its output; raises TimeoutError."""
    if child.stdout is None:
        return b""
    descriptor = child.stdout.fileno()
    deadline = time.monotonic() + timeout_s
    parts: list[bytes] = []
    size = 0
    while size <= REPLY_MAX_BYTES:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([descriptor], [], [], left)[0]:
            raise TimeoutError
        part = os.read(descriptor, 1 << 16)
        if not part:
            return b""
        parts.append(part)
        size += len(part)
        if part.endswith(b"\n"):
            return b"".join(parts)[:-1]
    return b""
