"""Optical character recognition behind one interface: RapidOCR finds and reads, Tesseract gives a second opinion (DRW-11).

The models of RapidOCR come with its wheel; nothing is downloaded. A missing engine is reported, not fatal (DRW-53).
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import cv2
import numpy as np

Image = np.ndarray[Any, np.dtype[np.uint8]]
Quad = np.ndarray[Any, np.dtype[np.float64]]

SECOND_OPINION_BELOW = 0.75
DETECT_SIDE_PX = 2600


@dataclass(frozen=True)
class Read:
    """Text of one crop and the engine's confidence 0-1."""

    text: str
    confidence: float


class Recogniser(Protocol):
    """Reads crops which hold one upright line each."""

    def recognise(self, crops: list[Image]) -> list[Read]:
        """Return one reading per crop, in order."""


class RapidEngine:
    """RapidOCR: detection of text boxes and recognition of lines."""

    def __init__(self) -> None:
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        from rapidocr import RapidOCR

        threads = {"EngineConfig.onnxruntime.intra_op_num_threads": 2}
        self._engine: Any = RapidOCR(
            params={"Global.log_level": "error", "Global.max_side_len": DETECT_SIDE_PX, **threads}
        )

    def detect(self, image: Image) -> list[Quad]:
        """Four-cornered text boxes in pixels of ``image``, first corner at the top left of the box."""
        result: Any = self._engine(image, use_det=True, use_cls=False, use_rec=False)
        return [] if result.boxes is None else [np.asarray(box, dtype=float) for box in result.boxes]

    def recognise(self, crops: list[Image]) -> list[Read]:
        """Read line crops in one batch."""
        from rapidocr.ch_ppocr_rec.typings import TextRecInput

        if not crops:
            return []
        if self._engine.text_rec is None:
            # The engine loads each model at its first use.
            self._engine(np.full((48, 96, 3), 255, np.uint8), use_det=False, use_cls=False, use_rec=True)
        coloured = [cv2.cvtColor(crop, cv2.COLOR_GRAY2BGR) for crop in crops]
        result = self._engine.text_rec(TextRecInput(img=coloured))
        return [Read(text, float(score)) for text, score in zip(result.txts, result.scores, strict=True)]


class TesseractEngine:
    """Tesseract with French and English, one line per crop."""

    def recognise(self, crops: list[Image]) -> list[Read]:
        """Read line crops; a crop without text gives an empty reading."""
        import pytesseract

        found = []
        for crop in crops:
            data = pytesseract.image_to_data(
                crop, lang="fra+eng", config="--psm 7", output_type=pytesseract.Output.DICT, timeout=20
            )
            words = [
                (text, float(sure))
                for text, sure in zip(data["text"], data["conf"], strict=True)
                if text.strip()
            ]
            sure = sum(value for _, value in words) / len(words) / 100 if words else 0.0
            found.append(Read(" ".join(text for text, _ in words), sure))
        return found


@lru_cache(maxsize=1)
def rapid_engine() -> RapidEngine:
    """The one RapidOCR engine of this process; raises ImportError when it is not installed."""
    return RapidEngine()


def read_crops(crops: list[Image]) -> list[Read]:
    """Read crops with RapidOCR; where it is unsure ask Tesseract and keep the surer answer."""
    found = rapid_engine().recognise(crops)
    unsure = [index for index, read in enumerate(found) if 0.2 < read.confidence < SECOND_OPINION_BELOW]
    if not unsure:
        return found
    try:
        others = TesseractEngine().recognise([crops[index] for index in unsure])
    except (ImportError, OSError, RuntimeError):
        return found
    for index, other in zip(unsure, others, strict=True):
        # Tesseract is overconfident on strokes: it must be clearly surer and read something number-like or wordy.
        if other.confidence > found[index].confidence + 0.1 and re.search(r"\d|\w{3}", other.text):
            found[index] = other
    return found
