"""The child process of the sandbox: limits itself, then answers one JSON line per request line.

Lines of an answer: ``{"progress": share, "step": text}`` any number of times, then ``{"result": …}`` or
``{"error": {"code", "message"}}``.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from coordinator.modules.drawings.reading.model import DrawingReading, Limits, ReadingFailedError

OUTPUT_MAX_BYTES = 1024**3
OPTICAL_SHEETS = 3
"""Sheets without a text layer whose words are read once more for the raw text; the others were read by the reader."""
_TIME_SHARE = 0.8
Progress = Callable[[float, str], None]


def limit_process(limits: Limits) -> None:
    """Set memory, file size and core limits of this process.

    The limit of the address space is this process's own: a converter it starts is held by the memory the sandbox watches.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_MAX_BYTES, OUTPUT_MAX_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def allow_cpu(seconds: int) -> None:
    """Let this process use ``seconds`` more of processor time; then the kernel ends it (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def answer(request: dict[str, Any], limits: Limits, progress: Progress) -> dict[str, Any]:
    """Do what is asked; every failure becomes an error."""
    try:
        return {"result": _OPERATIONS[request["op"]](request, limits, progress)}
    except ReadingFailedError as failure:
        return _error(failure.error.code, failure.error.message)
    except MemoryError:
        return _error("drawing.memory", "Lecture interrompue : le fichier demande trop de mémoire.")
    except ImportError:
        traceback.print_exc(file=sys.stderr)
        return _error(
            "drawing.reader_missing",
            "Le lecteur de ce format n'est pas installé : saisie manuelle nécessaire.",
        )
    except Exception:
        traceback.print_exc(file=sys.stderr)
        return _error("drawing.corrupt", "Fichier illisible ou corrompu.")


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _read(request: dict[str, Any], limits: Limits, _progress: Progress) -> dict[str, Any]:
    """One reading of the whole file, as the command line gives it."""
    from coordinator.modules.drawings.reading import reader

    return reader.read_in_process(Path(request["path"]), request["kind"], limits).to_json()


def _read_sheets(request: dict[str, Any], limits: Limits, progress: Progress) -> dict[str, Any]:
    """Readings by drawing: ``{"parts": [{pages, reading}], "sheets": [SheetInfo], "warnings"}`` (DRW-03).

    Pages that would not be read within the time are left out with a warning instead of losing those that were read.
    """
    from coordinator.modules.drawings.reading import paging, reader, sheets

    path, kind = Path(request["path"]), request["kind"]
    started = time.monotonic()
    only = request.get("only")
    warnings: list[str] = []
    with tempfile.TemporaryDirectory(prefix="usinage-sheets-") as folder:
        pages = sheets.split(path, kind, Path(folder), limits)
        readings: list[DrawingReading] = []
        numbers: list[int] = []
        for index, page in enumerate(pages):
            if only and index + 1 not in only:
                continue
            progress(
                0.85 * index / len(pages),
                f"Page {index + 1} sur {len(pages)}" if len(pages) > 1 else "Lecture",
            )
            if readings and time.monotonic() - started > _TIME_SHARE * limits.wall_s:
                warnings.append(f"Lecture arrêtée après la page {index} sur {len(pages)} : temps écoulé.")
                break
            reading = reader.read_in_process(page, kind, limits, pictured=True)
            reading.file = str(path)
            numbers.append(index + 1)
            readings.append(paging.on_page(reading, index + 1) if len(pages) > 1 else reading)
        progress(0.85, "Mise en page")
        until = started + _TIME_SHARE * limits.wall_s
        infos = sheets.sheet_infos(path, kind, limits, optical=OPTICAL_SHEETS, until=until)
        _decode_codes(readings, numbers, path, kind, limits, until)
    return {
        "parts": [
            {"pages": group.pages or None, "reading": group.reading.to_json()}
            for group in _groups(readings, numbers, len(pages), bool(only))
        ],
        "sheets": [asdict(info) for info in infos],
        "warnings": warnings,
    }


def _groups(readings: list[DrawingReading], numbers: list[int], pages: int, is_chosen: bool) -> list[Any]:
    from coordinator.modules.drawings.reading import paging

    if is_chosen:
        return [paging.Sheets(numbers, paging.merge_sheets(readings, list(range(len(readings)))))]
    if pages == 1:
        return [paging.Sheets([], readings[0])]
    return paging.group_sheets(readings)


def _decode_codes(
    readings: list[DrawingReading], numbers: list[int], path: Path, kind: str, limits: Limits, until: float
) -> None:
    """Codes on vector pages, which the reader does not look at as pictures, as far as the time reaches (DRW-14)."""
    from coordinator.modules.drawings.reading import sheets

    if kind != "pdf":
        return
    for reading, number in zip(readings, numbers, strict=True):
        if number > 1 and time.monotonic() > until:
            break
        found = sheets.codes_on(path, kind, number, limits)
        reading.codes += [code for code in found if code not in reading.codes]


def _render(request: dict[str, Any], limits: Limits, _progress: Progress) -> dict[str, Any]:
    import cv2

    from coordinator.modules.drawings.reading import sheets

    picture = sheets.render(
        Path(request["path"]), request["kind"], request["page"], request["max_side_px"], limits
    )
    cv2.imwrite(request["target"], picture)
    return {"width": picture.shape[1], "height": picture.shape[0]}


def _unpack(request: dict[str, Any], limits: Limits, _progress: Progress) -> dict[str, Any]:
    from coordinator.modules.drawings.reading.unpack import unpack

    return unpack(
        Path(request["path"]),
        Path(request["folder"]),
        limits,
        request["max_files"],
        request["max_total_bytes"],
    )


def _unlock(request: dict[str, Any], _limits: Limits, _progress: Progress) -> dict[str, Any]:
    from coordinator.modules.drawings.reading.sheets import unlock

    return {"pages": unlock(Path(request["path"]), request["password"], Path(request["target"]))}


def _annotate(request: dict[str, Any], limits: Limits, _progress: Progress) -> dict[str, Any]:
    from coordinator.modules.drawings.reading.markup import annotate

    pages = annotate(
        Path(request["path"]), request["kind"], request["marks"], Path(request["target"]), limits
    )
    return {"pages": pages}


def _overlay(request: dict[str, Any], limits: Limits, _progress: Progress) -> dict[str, Any]:
    import cv2

    from coordinator.modules.drawings.reading.markup import overlay

    old, new = (
        (Path(side["path"]), str(side["kind"]), int(side["page"]))
        for side in (request["old"], request["new"])
    )
    picture, share = overlay(old, new, request["max_side_px"], limits)
    cv2.imwrite(request["target"], picture)
    return {"changed_share": round(share, 4)}


_OPERATIONS: dict[str, Callable[[dict[str, Any], Limits, Progress], dict[str, Any]]] = {
    "read": _read,
    "read_sheets": _read_sheets,
    "render": _render,
    "unpack": _unpack,
    "unlock": _unlock,
    "annotate": _annotate,
    "overlay": _overlay,
}


def main() -> None:
    """Serve requests from stdin until it closes. Native libraries print to stdout, so replies use a private copy of it."""
    limits = Limits(**json.loads(os.environ.get("USINAGE_READING_LIMITS", "{}")))
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit_process(limits)

    def send(message: dict[str, Any]) -> None:
        replies.write(json.dumps(message, ensure_ascii=True).encode() + b"\n")
        replies.flush()

    for line in sys.stdin:
        request = json.loads(line)
        allow_cpu(limits.cpu_s)
        send(answer(request, limits, lambda share, step: send({"progress": share, "step": step})))


if __name__ == "__main__":
    main()
