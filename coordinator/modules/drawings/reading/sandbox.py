"""Reads files in a limited child process, so that a hostile or broken file never takes the coordinator down (DRW-47).

The child (`worker.py`) sets its own limits of address space and processor time, does one request per line and answers with
JSON lines. The parent keeps the clock and watches the memory really held by the child and its helpers: a child which is late,
crashes or takes too much is killed, the file gets an error and the next file a fresh child.
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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from coordinator.modules.drawings.reading.detect import Detection, detect
from coordinator.modules.drawings.reading.model import DrawingReading, Limits, ReadingFailedError

WORKER_MODULE = "coordinator.modules.drawings.reading.worker"
FILES_PER_CHILD = 20
RESIDENT_MAX_BYTES = 2 * 1024**3
"""Memory really held by the child (DRW-47); its address space, which libraries reserve freely, is limited by ``Limits``."""
REPLY_MAX_BYTES = 64 * 1024 * 1024
Progress = Callable[[float, str], None]
_WATCH_S = 0.5
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_CRASHED = "La lecture du fichier a échoué : fichier corrompu ou trop complexe."
_ROOT = Path(__file__).resolve().parents[4]


class SandboxFailure(ReadingFailedError):
    """What the child refused, or how it ended."""


class _TooMuchMemoryError(Exception):
    pass


class Sandbox:
    """A context manager around the child process; reuse it for several files to pay the import of the libraries once."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        resident_bytes: int = RESIDENT_MAX_BYTES,
        worker: tuple[str, ...] = ("-m", WORKER_MODULE),
    ) -> None:
        self.limits = limits or Limits()
        self._resident_bytes = resident_bytes
        self._worker = worker
        self._child: subprocess.Popen[bytes] | None = None
        self._served = 0
        self._buffer = b""

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
        reading = DrawingReading(file=str(path), kind=found.kind, error=found.error)
        if found.error is None:
            try:
                answer = self.ask("read", path=str(path), kind=reader_kind(found))
                reading = DrawingReading.from_json(json.dumps(answer))
            except SandboxFailure as failure:
                reading.error = failure.error
            except ValidationError:
                reading.failed("drawing.crashed", _CRASHED)
            if found.mismatch:
                reading.warnings.append(mismatch_warning(path.name, found))
        reading.seconds = time.perf_counter() - started
        return reading

    def ask(self, op: str, progress: Progress | None = None, **request: Any) -> dict[str, Any]:
        """Let the child do one thing with a file; ``progress(share, step)`` is told how far it is.

        Raises:
            SandboxFailure: with a stable code and a French message, whatever went wrong in the child.
        """
        child = self._ready_child()
        self._buffer = b""
        deadline = time.monotonic() + self.limits.wall_s
        try:
            if child.stdin is not None:
                child.stdin.write((json.dumps({"op": op, **request}) + "\n").encode())
                child.stdin.flush()
            while line := self._next_line(child, deadline):
                message = json.loads(line)
                if "progress" not in message:
                    break
                if progress is not None:
                    progress(float(message["progress"]), str(message["step"]))
        except TimeoutError:
            self.close()
            raise SandboxFailure(
                "drawing.timeout",
                f"Lecture interrompue : le fichier demande plus de {self.limits.wall_s:g} secondes.",
            ) from None
        except _TooMuchMemoryError:
            self.close()
            raise SandboxFailure(
                "drawing.memory", "Lecture interrompue : le fichier demande trop de mémoire."
            ) from None
        except (OSError, ValueError):
            line = b""
        if not line or not isinstance(message, dict):
            raise self._crashed(child)
        self._served += 1
        if "error" in message:
            raise SandboxFailure(str(message["error"]["code"]), str(message["error"]["message"]))
        if not isinstance(message.get("result"), dict):
            raise self._crashed(child)
        result: dict[str, Any] = message["result"]
        return result

    def _crashed(self, child: subprocess.Popen[bytes]) -> SandboxFailure:
        try:
            code = child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            code = 0
        self.close()
        if code == -signal.SIGXCPU:
            return SandboxFailure(
                "drawing.timeout",
                f"Lecture interrompue : le fichier demande plus de {self.limits.cpu_s} s de calcul.",
            )
        return SandboxFailure("drawing.crashed", _CRASHED)

    def _next_line(self, child: subprocess.Popen[bytes], deadline: float) -> bytes:
        """The child's next line without its end, or b"" when it closed its output.

        Raises TimeoutError, or _TooMuchMemoryError when the child and its helpers together hold more than allowed.
        """
        if child.stdout is None:
            return b""
        descriptor = child.stdout.fileno()
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if resident_bytes(child.pid) > self._resident_bytes:
                raise _TooMuchMemoryError
            if not select.select([descriptor], [], [], min(left, _WATCH_S))[0]:
                continue
            part = os.read(descriptor, 1 << 16)
            if not part or len(self._buffer) > REPLY_MAX_BYTES:
                return b""
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

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


def reader_kind(found: Detection) -> str:
    """What the child is told to read: the kind, or the format where one kind has several readers."""
    return found.format if found.format in ("stl", "obj", "dwg") else found.kind


def mismatch_warning(name: str, found: Detection) -> str:
    """French sentence for a name that tells another format than the content."""
    return f"L'extension « {Path(name).suffix} » ne correspond pas au contenu ({found.format.upper()})."


def resident_bytes(session: int) -> int:
    """Memory held by a process that leads its session, and by the helpers it started."""
    total = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if os.getsid(int(folder.name)) == session:
                total += int((folder / "statm").read_text().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError, ValueError):
            continue
    return total
