"""Networks of this folder: their weights lie beside the code and run on the processor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

WORKERS = 2

Part = TypeVar("Part")
Result = TypeVar("Result")


@cache
def network(weights: str) -> Any:
    """The session of ``weights``, a file of this folder, opened once per process; one thread computes each call."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    path = Path(__file__).with_name(weights)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@cache
def helpers() -> ThreadPoolExecutor:
    """Threads for calls which need nothing of each other: networks and OpenCV run beside Python."""
    return ThreadPoolExecutor(WORKERS)


def side_by_side(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """Results of ``work`` in the order of the parts, computed on several cores."""
    return list(helpers().map(work, parts)) if len(parts) > 1 else [work(part) for part in parts]
