"""Optical character recognition behind one interface: RapidOCR finds and reads, Tesseract gives a second opinion (DRW-11).

The models of RapidOCR come with its wheel; nothing is downloaded. A missing engine is reported, not fatal (DRW-53).
"""

from __future__ import annotations

import logging
import math
import os
import re
import subprocess
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

Image = np.ndarray[Any, np.dtype[np.uint8]]
Scores = np.ndarray[Any, np.dtype[np.float32]]
Quad = np.ndarray[Any, np.dtype[np.float64]]

SECOND_OPINION_BELOW = 0.75
MAX_SECOND_OPINIONS = 24
TESSERACT_TIMEOUT_S = 60
DETECT_SIDE_PX = 2600
LINE_HEIGHT_PX = 48
MIN_LINE_WIDTH_PX = 64
BATCH = 12
# Signs written on drawings, and signs of other scripts which the model takes them for.
_SIGNS = frozenset(
    " \"#%&'()*+,-./0123456789:;<=>ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]_abcdefghijklmnopqrstuvwxyz"
    "ÀÂÄÅÇÈÉÊËÎÏÔÖÙÛÜßàâäåçèéêëîïôöùûüœ°±×Ø⌀↧µ□√∨≤≥"
)
_ALIKE = {
    "士": "±", "土": "±", "。": "°", "º": "°", "˚": "°", "：": ":", "，": ",", "（": "(", "）": ")", "－": "-", "—": "-", "–": "-", "−": "-",
    "＋": "+", "×": "x", "φ": "Ø", "Φ": "Ø", "ø": "Ø", "∅": "Ø", "⌀": "Ø", "ϕ": "Ø", "μ": "µ", "／": "/", "．": ".", "·": ".", "口": "□", "″": '"', "”": '"',
}  # fmt: skip


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
        self._signs: list[str] = []
        self._folding: list[tuple[int, int]] = []

    def detect(self, image: Image) -> list[Quad]:
        """Four-cornered text boxes in pixels of ``image``, first corner at the top left of the box."""
        result: Any = self._engine(image, use_det=True, use_cls=False, use_rec=False)
        return [] if result.boxes is None else [np.asarray(box, dtype=float) for box in result.boxes]

    def recognise(self, crops: list[Image]) -> list[Read]:
        """Read line crops in batches of like width; only signs which drawings hold are considered."""
        if not crops:
            return []
        order = sorted(range(len(crops)), key=lambda index: crops[index].shape[1] / crops[index].shape[0])
        found = [Read("", 0.0)] * len(crops)
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            for index, scores in zip(part, self._scores([crops[index] for index in part]), strict=True):
                found[index] = self._decode(scores)
        return found

    def _scores(self, crops: list[Image]) -> Scores:
        """Probabilities of the kept signs, crop by step by sign."""
        session, folding = self._recogniser()
        widths = [max(8, math.ceil(LINE_HEIGHT_PX * crop.shape[1] / crop.shape[0])) for crop in crops]
        broad = max(MIN_LINE_WIDTH_PX, -(-max(widths) // 8) * 8)
        batch = np.zeros((len(crops), 3, LINE_HEIGHT_PX, broad), np.float32)
        for row, crop, width in zip(batch, crops, widths, strict=True):
            line = cv2.resize(crop, (width, LINE_HEIGHT_PX)).astype(np.float32)
            row[:, :, :width] = line / 127.5 - 1
        result = session(batch)
        kept = np.zeros((*result.shape[:2], len(self._signs)), np.float32)
        for source, target in folding:
            kept[:, :, target] += result[:, :, source]
        return kept

    def _recogniser(self) -> tuple[Any, list[tuple[int, int]]]:
        if self._engine.text_rec is None:
            # The engine loads each model at its first use.
            self._engine(np.full((48, 96, 3), 255, np.uint8), use_det=False, use_cls=False, use_rec=True)
        if not self._folding:
            characters: list[str] = self._engine.text_rec.postprocess_op.character
            for index, character in enumerate(characters):
                sign = "" if index == 0 else _ALIKE.get(character, character)
                if index == 0 or sign in _SIGNS:
                    if sign not in self._signs:
                        self._signs.append(sign)
                    self._folding.append((index, self._signs.index(sign)))
        return self._engine.text_rec.session, self._folding

    def _decode(self, scores: Scores) -> Read:
        """Best path: repeated signs and blanks collapse; the confidence is the mean over the signs written."""
        best = scores.argmax(axis=1)
        text, sure, last = "", [], -1
        for step, sign in enumerate(best):
            if sign != last and self._signs[sign]:
                text += self._signs[sign]
                sure.append(float(scores[step, sign]))
            last = sign
        return Read(text.strip(), sum(sure) / len(sure) if sure else 0.0)


class TesseractEngine:
    """Tesseract with French and English, one line per crop; one process reads all crops."""

    def recognise(self, crops: list[Image]) -> list[Read]:
        """Read line crops; a crop without text gives an empty reading. Raises OSError without the program."""
        found = [Read("", 0.0)] * len(crops)
        with tempfile.TemporaryDirectory() as folder:
            names = [f"{folder}/{number}.png" for number in range(len(crops))]
            for name, crop in zip(names, crops, strict=True):
                cv2.imwrite(name, cv2.copyMakeBorder(crop, 8, 8, 8, 8, cv2.BORDER_REPLICATE))
            names_file = Path(folder, "names.txt")
            names_file.write_text("\n".join(names), encoding="utf-8")
            result = subprocess.run(
                ["tesseract", str(names_file), "stdout", "-l", "fra+eng", "--psm", "7", "tsv"],
                capture_output=True, text=True, check=True, timeout=TESSERACT_TIMEOUT_S,
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            )  # fmt: skip
        words: dict[int, list[tuple[str, float]]] = defaultdict(list)
        for row in result.stdout.splitlines()[1:]:
            cells = row.split("\t")
            if len(cells) == 12 and cells[0] == "5" and cells[11].strip():
                words[int(cells[1]) - 1].append((cells[11].strip(), float(cells[10]) / 100))
        for page, parts in words.items():
            sure = sum(value for _, value in parts) / len(parts)
            found[page] = Read(" ".join(text for text, _ in parts), sure)
        return found


@lru_cache(maxsize=1)
def rapid_engine() -> RapidEngine:
    """The one RapidOCR engine of this process; raises ImportError when it is not installed."""
    return RapidEngine()


def read_crops(crops: list[Image]) -> list[Read]:
    """Read crops with RapidOCR; where it is unsure ask Tesseract and keep the surer answer."""
    found = rapid_engine().recognise(crops)
    unsure = [
        index
        for index, read in enumerate(found)
        if 0.3 < read.confidence < SECOND_OPINION_BELOW and re.search(r"\d|\w{3}", read.text)
    ][:MAX_SECOND_OPINIONS]
    if not unsure:
        return found
    try:
        others = TesseractEngine().recognise([crops[index] for index in unsure])
    except (OSError, subprocess.SubprocessError):
        return found
    for index, other in zip(unsure, others, strict=True):
        # Tesseract is overconfident on strokes: it must be clearly surer and read something number-like or wordy.
        if other.confidence > found[index].confidence + 0.1 and re.search(r"\d|\w{3}", other.text):
            found[index] = other
    return found
