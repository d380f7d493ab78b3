"""Benchmark ``drawing``: how well and how fast drawings are read, beside plain RapidOCR on the same images (DRW-43).

It uses the project's own sample parts and, where they are found ($USINAGE_SHARED or ../shared), the labelled public drawings.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from coordinator.modules.drawings.reading.model import DrawingReading
from coordinator.modules.drawings.reading.sandbox import Sandbox
from coordinator.modules.drawings.scoring import Score, load_labels, score_dimensions, title_block_score

PAGE_LIMIT_S = 60.0  # DRW-15
VECTOR_LIMIT_S = 5.0
STEP_LIMIT_S = 3.0
TITLE_BLOCK_TARGET = 0.95  # DRW-43


def shared_folder() -> Path | None:
    """Folder of the shared public drawings, if present."""
    root = Path(os.environ.get("USINAGE_SHARED", Path(__file__).resolve().parents[4] / "shared"))
    return root if (root / "data" / "drawings").is_dir() else None


def run() -> list[dict[str, Any]]:
    """Measure and return one row per metric: metric, value, unit, reference, ratio, target, ok."""
    from infra.samples import write_samples

    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        parts = write_samples(Path(folder))
        truth = {path: part.truth for part in parts for path in part.files}
        images = {part.png: [item["text"] for item in part.truth["dimensions"]] for part in parts}
        shared = shared_folder()
        if shared is not None:
            for label in sorted((shared / "data" / "drawings" / "raster").glob("*.json")):
                images[label.with_suffix(".jpg")] = load_labels(label)
        models = [part.step for part in parts] + (
            sorted((shared / "data" / "step").glob("nist_*.stp")) if shared is not None else []
        )
        # The first file of each kind pays for loading the libraries; it is read once before the clock counts.
        for path in (parts[0].png, parts[0].pdf, parts[0].step):
            sandbox.read(path)
        raster = {path: sandbox.read(path) for path in images}
        vector = {part.pdf: sandbox.read(part.pdf) for part in parts}
        solids = [sandbox.read(path) for path in models]
        plain_score, plain_seconds = _plain_ocr(images)
        score = sum((_score(raster[path], labels) for path, labels in images.items()), Score())
        fields = [
            _fields(reading, truth[path]) for path, reading in {**raster, **vector}.items() if path in truth
        ]
    correct, expected = (sum(pair[index] for pair in fields) for index in (0, 1))
    return [
        _row("dimension_f1", score.f1, "1", plain_score.f1, 0.85, higher=True),
        _row(
            "title_block_accuracy",
            correct / expected,
            "1",
            TITLE_BLOCK_TARGET,
            TITLE_BLOCK_TARGET,
            higher=True,
        ),
        _row(
            "seconds_raster",
            median(r.seconds for r in raster.values()),
            "s",
            plain_seconds,
            PAGE_LIMIT_S,
            higher=False,
        ),
        _row(
            "seconds_vector",
            median(r.seconds for r in vector.values()),
            "s",
            VECTOR_LIMIT_S,
            VECTOR_LIMIT_S,
            higher=False,
        ),
        _row("seconds_step", max(r.seconds for r in solids), "s", STEP_LIMIT_S, STEP_LIMIT_S, higher=False),
    ]


def _score(reading: DrawingReading, labels: list[str]) -> Score:
    return score_dimensions(labels, [dimension.text for dimension in reading.dimensions])


def _fields(reading: DrawingReading, truth: dict[str, Any]) -> tuple[int, int]:
    return title_block_score(
        truth["title_block"], {name: value.value for name, value in reading.title_block.items()}
    )


def _plain_ocr(images: dict[Path, list[str]]) -> tuple[Score, float]:
    """What RapidOCR alone gives: every line with a number is taken for a dimension."""
    import cv2
    from rapidocr import RapidOCR

    engine: Any = RapidOCR(params={"Global.log_level": "error"})
    score, seconds = Score(), []
    for path, labels in images.items():
        started = time.perf_counter()
        result = engine(cv2.imread(str(path)))
        seconds.append(time.perf_counter() - started)
        lines = [text for text in result.txts or () if any(char.isdigit() for char in text)]
        score += score_dimensions(labels, lines)
    return score, median(seconds)


def _row(
    metric: str, value: float, unit: str, reference: float, target: float, *, higher: bool
) -> dict[str, Any]:
    return {
        "metric": metric, "value": round(value, 4), "unit": unit, "reference": round(reference, 4),
        "ratio": round(value / reference, 3) if reference else None, "target": target,
        "ok": value >= target if higher else value <= target,
    }  # fmt: skip
