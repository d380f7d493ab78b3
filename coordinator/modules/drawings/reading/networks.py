"""Networks of this folder: their weights lie beside the code and run on the processor."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any


@cache
def network(weights: str) -> Any:
    """The session of ``weights``, a file of this folder, opened once per process."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    path = Path(__file__).with_name(weights)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
