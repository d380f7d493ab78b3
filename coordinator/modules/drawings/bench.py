"""Benchmark ``drawing``: how well and how fast drawings are read, beside plain RapidOCR on the same images (DRW-43).

It uses the project's own sample parts and reference set and, where they are found ($USINAGE_SHARED or ../shared), the public
drawings. The reference set has two halves with different title-block styles: rules were written while looking at the "tuning"
half only.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from coordinator.modules.drawings.public_drawings import public_drawings
from coordinator.modules.drawings.reading.model import DrawingReading
from coordinator.modules.drawings.reading.sandbox import Sandbox
from coordinator.modules.drawings.scoring import (
    Expected,
    FieldScore,
    Score,
    load_labels,
    material_is_wrong,
    score_dimensions,
    score_fields,
    treatment_is_wrong,
)

PAGE_LIMIT_S = 15.0
VECTOR_LIMIT_S = 3.0
STEP_LIMIT_S = 3.0
DIMENSION_F1 = 0.95
TITLE_BLOCK_TARGET = 0.95  # DRW-43
ERROR_TARGET = 0.05  # DRW-43
Row = dict[str, Any]


@dataclass(frozen=True)
class _Sheet:
    """One drawing with a known title block, and the groups its result is counted in."""

    path: Path
    expected: Expected
    grade: str | None
    groups: tuple[str, ...]
    dimensions: list[str] | None = None


def shared_folder() -> Path | None:
    """Folder of the shared public drawings, if present."""
    root = Path(os.environ.get("USINAGE_SHARED", Path(__file__).resolve().parents[4] / "shared"))
    return root if (root / "data" / "drawings").is_dir() else None


def run() -> list[Row]:
    """Measure and return one row per metric: metric, value, unit, reference, ratio, target, ok."""
    from infra.samples import write_samples

    with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
        parts = write_samples(Path(folder))
        images = {part.png: [item["text"] for item in part.truth["dimensions"]] for part in parts}
        shared = shared_folder()
        if shared is not None:
            for label in sorted((shared / "data" / "drawings" / "raster").glob("*.json")):
                images[label.with_suffix(".jpg")] = load_labels(label)
        models = [part.step for part in parts] + (
            sorted((shared / "data" / "step").glob("nist_*.stp")) if shared is not None else []
        )
        sheets = _sheets(Path(folder), parts, shared)
        # The first file of each kind pays for loading the libraries; it is read once before the clock counts.
        for path in (parts[0].png, parts[0].pdf, parts[0].step):
            sandbox.read(path)
        readings = {path: sandbox.read(path) for path in (*images, *(sheet.path for sheet in sheets))}
        solids = [sandbox.read(path) for path in models]
        plain_score, plain_seconds = _plain_ocr(images)
    labelled = images | {sheet.path: sheet.dimensions for sheet in sheets if sheet.dimensions is not None}
    score = sum((_score(readings[path], labels) for path, labels in images.items()), Score())
    wide = sum((_score(readings[path], labels) for path, labels in labelled.items()), Score())
    seconds = {kind: [r.seconds for r in readings.values() if r.kind == kind] for kind in ("raster", "pdf")}
    return [
        _row("dimension_f1", score.f1, "1", plain_score.f1, DIMENSION_F1, higher=True),
        _row("dimension_f1_with_reference_set", wide.f1, "1", DIMENSION_F1, DIMENSION_F1, higher=True),
        *_title_rows(sheets, readings),
        _row("seconds_raster", median(seconds["raster"]), "s", plain_seconds, PAGE_LIMIT_S, higher=False),
        _row("seconds_vector", median(seconds["pdf"]), "s", VECTOR_LIMIT_S, VECTOR_LIMIT_S, higher=False),
        _row("seconds_step", max(r.seconds for r in solids), "s", STEP_LIMIT_S, STEP_LIMIT_S, higher=False),
    ]


def _sheets(folder: Path, parts: list[Any], shared: Path | None) -> list[_Sheet]:
    from infra.samples.reference import write_reference_set

    sheets = []
    for part in parts:
        expected: Expected = {name: ("read", value) for name, value in part.truth["title_block"].items()}
        sheets += [
            _Sheet(path, expected, _grade(part.truth["title_block"]["material"]), ("samples", path.suffix[1:], "fr"))
            for path in (part.pdf, part.dxf, part.png)
        ]  # fmt: skip
    for drawing in write_reference_set(folder / "reference"):
        groups = (drawing.half, drawing.format, drawing.language)
        sheets.append(
            _Sheet(drawing.path, drawing.expected, drawing.material_grade, groups, drawing.dimensions)
        )
    if shared is not None:
        for path, expected, grade in public_drawings(shared / "data" / "drawings"):
            sheets.append(_Sheet(path, expected, grade, ("public",)))
    return sheets


def _grade(text: str) -> str | None:
    from coordinator.modules.catalogue.grades import identify

    grade = identify(text).grade
    return grade.name if grade else None


def _title_rows(sheets: list[_Sheet], readings: dict[Path, DrawingReading]) -> list[Row]:
    """Accuracy over all, by half, format, language and field; material and treatment errors; values invented."""
    total = FieldScore()
    groups: dict[str, FieldScore] = {}
    wrong_materials = wrong_treatments = 0
    for sheet in sheets:
        found = readings[sheet.path].title_block
        scores = score_fields(sheet.expected, found)
        whole = sum(scores.values(), FieldScore())
        total += whole
        for group in sheet.groups:
            groups[group] = groups.get(group, FieldScore()) + whole
        for name, score in scores.items():
            groups[f"field_{name}"] = groups.get(f"field_{name}", FieldScore()) + score
        wrong_materials += material_is_wrong(sheet.grade, found["material"])
        wrong_treatments += treatment_is_wrong(sheet.expected, found)
    count = max(1, len(sheets))
    rows = [
        _row("title_block_accuracy", total.accuracy, "1", TITLE_BLOCK_TARGET, TITLE_BLOCK_TARGET, higher=True)
    ]
    rows += [
        _row(
            f"title_block_accuracy_{group}",
            score.accuracy,
            "1",
            TITLE_BLOCK_TARGET,
            TITLE_BLOCK_TARGET,
            higher=True,
        )
        for group, score in sorted(groups.items())
    ]
    errors = {
        "material_error_rate": wrong_materials / count,
        "treatment_error_rate": wrong_treatments / count,
        "title_block_invented_rate": total.invented / max(1, total.compared),
    }
    return rows + [
        _row(name, value, "1", ERROR_TARGET, ERROR_TARGET, higher=False) for name, value in errors.items()
    ]


def _score(reading: DrawingReading, labels: list[str]) -> Score:
    return score_dimensions(labels, [dimension.text for dimension in reading.dimensions])


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


def _row(metric: str, value: float, unit: str, reference: float, target: float, *, higher: bool) -> Row:
    return {
        "metric": metric, "value": round(value, 4), "unit": unit, "reference": round(reference, 4),
        "ratio": round(value / reference, 3) if reference else None, "target": target,
        "ok": value >= target if higher else value <= target,
    }  # fmt: skip
