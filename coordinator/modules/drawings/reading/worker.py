"""The child process of the sandbox: limits itself, then answers one JSON line per request line."""

from __future__ import annotations

import json
import os
import resource
import sys
import traceback
from pathlib import Path
from typing import Any

from coordinator.modules.drawings.reading.model import DrawingReading, Limits, ReadingFailedError

OUTPUT_MAX_BYTES = 1024**3


def limit_process(limits: Limits) -> None:
    """Set memory, file size and core limits of this process; irreversible."""
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_MAX_BYTES, OUTPUT_MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def allow_cpu(seconds: int) -> None:
    """Let this process use ``seconds`` more of processor time; then the kernel ends it (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def answer(request: dict[str, Any], limits: Limits) -> DrawingReading:
    """Read the requested file; every failure becomes an error of the reading."""
    from coordinator.modules.drawings.reading.reader import read_in_process

    path = Path(request["path"])
    failed = DrawingReading(file=str(path), kind=request["kind"])
    try:
        return read_in_process(path, request["kind"], limits)
    except ReadingFailedError as failure:
        return failed.failed(failure.error.code, failure.error.message)
    except MemoryError:
        return failed.failed("drawing.memory", "Lecture interrompue : le fichier demande trop de mémoire.")
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return failed.failed("drawing.corrupt", "Fichier illisible ou corrompu.")


def main() -> None:
    """Serve requests from stdin until it closes. Native libraries print to stdout, so replies use a private copy of it."""
    limits = Limits(**json.loads(os.environ.get("USINAGE_READING_LIMITS", "{}")))
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit_process(limits)
    for line in sys.stdin:
        request = json.loads(line)
        allow_cpu(limits.cpu_s)
        replies.write(json.dumps(answer(request, limits).to_json(), ensure_ascii=True).encode() + b"\n")
        replies.flush()


if __name__ == "__main__":
    main()
