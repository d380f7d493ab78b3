"""Optical character recognition behind one interface (DRW-11): RapidOCR finds texts, a network taught on drawings reads them.

RapidOCR's own recogniser reads words and what that network is unsure of, Tesseract gives a last opinion. The models of
RapidOCR come with its wheel; nothing is downloaded. A missing engine is reported, not fatal (DRW-53).
"""

from __future__ import annotations

import logging
import os
import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from coordinator.modules.drawings.reading.line_net import sign_scores, stacked
from coordinator.modules.drawings.reading.line_signs import SIGNS
from coordinator.modules.drawings.reading.networks import side_by_side

Image = np.ndarray[Any, np.dtype[np.uint8]]
Scores = np.ndarray[Any, np.dtype[np.float32]]
Quad = np.ndarray[Any, np.dtype[np.float64]]

SECOND_OPINION_BELOW = 0.75
MAX_SECOND_OPINIONS = 24
TESSERACT_TIMEOUT_S = 60
DETECT_SIDE_PX = 2600
BATCH = 12
MOST_DRAWN_OUT = 8  # sides of a picture which the engine takes as it is
_LEVELS = ((np.arange(256, dtype=np.float32) * (1 / 255.0) - 0.5) / 0.5).astype(np.float32)
SURE_SIZE = 0.8  # of the network of drawings, below which the general one reads a size too
SURE_WORD = 0.99  # of words: above it the general network changed nothing
SIZE_LEAD = 0.2  # which the general one needs there
WIDEST_FIGURE = 1.5  # width by height of a crop which may hold a lone figure
_WORD = re.compile(r"[^\W\d_]{3}")
SURE_DIAMETER = 0.97
SURE_FIGURE = 0.97
_LONE_FIGURE = re.compile(r"^[2-9]$")
# What it takes for the sign of diameters: the nought of "0.8", since inch drawings write "Ø.25", and a point drawn as a ring.
_BARE_DIAMETER = re.compile(r"^Ø(\d{2,})$")
_POINT_BEHIND_DIAMETER = re.compile(r"Ø\s?([.,])")
_SIZE_SIGN = re.compile(r"[Ø±°]|\d[.,]\d")
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

        # Threads of one session wait for each other; what runs side by side are batches.
        sessions = {"intra_op_num_threads": 1, "enable_cpu_mem_arena": True}
        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.max_side_len": DETECT_SIDE_PX,
                **{f"EngineConfig.onnxruntime.{name}": value for name, value in sessions.items()},
            }
        )
        self._signs: list[str] = []
        self._folding: list[tuple[int, int]] = []

    def detect(self, image: Image) -> list[Quad]:
        """Four-cornered text boxes in pixels of ``image``, first corner at the top left of the box."""
        height, width = image.shape
        if self._engine.text_det is None or not 1 / MOST_DRAWN_OUT < height / width < MOST_DRAWN_OUT:
            # The engine loads each model at its first use; strips it pads in its own way.
            strip = image if self._engine.text_det is not None else np.full((64, 1024), 255, np.uint8)
            result: Any = self._engine(strip, use_det=True, use_cls=False, use_rec=False)
            if strip is image:
                return [] if result.boxes is None else [np.asarray(box, dtype=float) for box in result.boxes]
            return self.detect(image)
        return self._boxes(image)

    def _boxes(self, image: Image) -> list[Quad]:
        """The steps of the engine without its copies: one grey layer, the memory of the network given back at once."""
        import onnxruntime
        from rapidocr.utils.process_img import map_boxes_to_original

        network = self._engine.text_det
        reduced, ratios = self._engine.preprocess_img(image)
        layer = _LEVELS[network.get_preprocess().resize(reduced)]
        options = onnxruntime.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        picture = np.ascontiguousarray(np.broadcast_to(layer, (1, 3, *layer.shape)))
        session = network.session.session
        scores = session.run(None, {session.get_inputs()[0].name: picture}, options)[0]
        boxes, _ = network.postprocess_op(scores, reduced.shape[:2])
        if not len(boxes):
            return []
        boxes = map_boxes_to_original(network.sorted_boxes(boxes), ratios, *image.shape)
        return [np.asarray(box, dtype=float) for box in boxes]

    def recognise(self, crops: list[Image]) -> list[Read]:
        """Read line crops; only signs which drawings hold are considered."""
        if not crops:
            return []
        self._recogniser()
        return _in_batches(crops, lambda part: (self._scores(part), self._signs))

    def _scores(self, crops: list[Image]) -> Scores:
        """Probabilities of the kept signs, crop by step by sign."""
        session, folding = self._recogniser()
        result = session(stacked(crops))
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


class DrawingEngine:
    """The network taught on lines of drawings: sizes, deviations, call-outs, crossed by strokes or cut at the edges."""

    def recognise(self, crops: list[Image]) -> list[Read]:
        """Read line crops; a crop which holds only strokes gives an empty reading."""
        return _in_batches(crops, lambda part: (sign_scores(part), ["", *SIGNS]))


def _in_batches(crops: list[Image], scored: Callable[[list[Image]], tuple[Scores, list[str]]]) -> list[Read]:
    """Reads in the order of the crops; crops of like width go through a network together."""
    order = sorted(range(len(crops)), key=lambda index: crops[index].shape[1] / crops[index].shape[0])
    found = [Read("", 0.0)] * len(crops)
    parts = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]

    def of_part(part: list[int]) -> list[Read]:
        scores, signs = scored([crops[index] for index in part])
        return [_decoded(steps, signs) for steps in scores]

    for part, reads in zip(parts, side_by_side(of_part, parts), strict=True):
        for index, read in zip(part, reads, strict=True):
            found[index] = read
    return found


def _decoded(scores: Scores, signs: list[str]) -> Read:
    """Best path: repeated signs and blanks collapse; the confidence is the mean over the signs written."""
    text, sure, last = "", [], -1
    for step, sign in enumerate(scores.argmax(axis=1)):
        if sign != last and signs[sign]:
            text += signs[sign]
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
    """Read crops with both networks, each where it is the better one; where the answer is unsure Tesseract gives another."""
    found = DrawingEngine().recognise(crops)
    general = [
        index
        for index, (read, crop) in enumerate(zip(found, crops, strict=True))
        if not _is_clear(read) and (read.text or crop.shape[1] < WIDEST_FIGURE * crop.shape[0])
    ]
    others = rapid_engine().recognise([crops[index] for index in general])
    for index, other in zip(general, others, strict=True):
        found[index] = _better(found[index], other)
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


def _is_clear(read: Read) -> bool:
    """True where the network of drawings needs no second reading: a sure size of several signs, words beyond doubt."""
    if len(read.text) < 2 or _POINT_BEHIND_DIAMETER.search(read.text):
        return False
    if _WORD.search(read.text):
        return read.confidence >= SURE_WORD
    return read.confidence >= (SURE_DIAMETER if _BARE_DIAMETER.match(read.text) else SURE_SIZE)


def _better(drawing: Read, general: Read) -> Read:
    """Of two readings of one crop the one to keep: the surer where it holds words only, else that of the network of drawings.

    What both read alike is as sure as the surer of them. A lone figure may lie on its side or be a stroke: there the general
    network knows more, but takes arrows for a 1.
    """
    if len(drawing.text) < 2 and len(general.text) < 2:
        if drawing.text == "1" or (_LONE_FIGURE.match(general.text) and general.confidence > SURE_FIGURE):
            return general
        return drawing
    word = _WORD.search(drawing.text) or _WORD.search(general.text)
    taken_for_diameter = {
        _POINT_BEHIND_DIAMETER.sub(r"0\1", drawing.text),
        _POINT_BEHIND_DIAMETER.sub(r"\1", drawing.text),
        _BARE_DIAMETER.sub(r".\1", drawing.text),
    } - {drawing.text}
    if general.text in taken_for_diameter:
        return general
    if not drawing.text:
        return drawing
    lead = 0.0 if word and not _SIZE_SIGN.search(drawing.text) else SIZE_LEAD
    kept = general if general.confidence > drawing.confidence + lead else drawing
    if _alike(drawing.text) == _alike(general.text):
        return Read(kept.text, max(drawing.confidence, general.confidence))
    return kept


def _alike(text: str) -> str:
    return text.replace(" ", "").replace(",", ".")
