"""Writes the sample parts to a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from infra.samples.dxf_writer import write_dxf
from infra.samples.pdf_writer import write_pdf
from infra.samples.sheet import Sheet

SCAN_DPI = 200
SCAN_ROTATION_DEG = 0.6


@dataclass(frozen=True)
class SamplePart:
    """The files of one sample part and what a reader should find in them."""

    stem: str
    step: Path
    dxf: Path
    pdf: Path
    png: Path
    truth_file: Path
    truth: dict[str, Any]

    @property
    def files(self) -> list[Path]:
        """The four files of the part."""
        return [self.step, self.dxf, self.pdf, self.png]


def write_samples(folder: Path) -> list[SamplePart]:
    """Write STEP, DXF, PDF, PNG and truth JSON of every sample part to ``folder`` (created when missing)."""
    import cadquery as cq

    from infra.samples.parts import PARTS

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for source in PARTS:
        sheet: Sheet = source.sheet()
        model = source.model()
        base = folder / source.stem
        truth = sheet.truth() | {
            "features": source.features, "size_mm": source.size_mm, "volume_mm3": _volume_mm3(model),
            "principal_process": source.principal_process,
        }  # fmt: skip
        part = SamplePart(
            source.stem, base.with_suffix(".step"), base.with_suffix(".dxf"), base.with_suffix(".pdf"),
            base.with_suffix(".png"), base.with_suffix(".json"), truth,
        )  # fmt: skip
        cq.exporters.export(model, str(part.step))
        write_dxf(sheet, part.dxf)
        write_pdf(sheet, part.pdf)
        write_scan(part.pdf, part.png)
        part.truth_file.write_text(json.dumps(truth, ensure_ascii=False, indent=1), encoding="utf-8")
        written.append(part)
    return written


def _volume_mm3(model: Any) -> float:
    return float(model.val().Volume())


def write_scan(pdf: Path, png: Path) -> None:
    """Render the first page as a slightly turned, noisy, grey scan."""
    import pypdfium2

    with pypdfium2.PdfDocument(pdf) as document:
        page = document[0].render(scale=SCAN_DPI / 72, grayscale=True).to_numpy()
    grey = np.ascontiguousarray(page.reshape(page.shape[0], page.shape[1]))
    height, width = grey.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), SCAN_ROTATION_DEG, 1.0)
    grey = cv2.warpAffine(grey, turn, (width, height), flags=cv2.INTER_LINEAR, borderValue=255)
    noise = np.random.default_rng(20260312).normal(0, 9, grey.shape)
    scan = np.clip(cv2.GaussianBlur(grey, (3, 3), 0.6) * 0.94 + noise, 0, 255).astype(np.uint8)
    cv2.imwrite(str(png), scan)
