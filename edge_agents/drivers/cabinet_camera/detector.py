"""The trained detector of shared trays: oriented pieces in a part of a picture, with honest probabilities (VIS-03, VIS-24).

One ONNX file holds the network and, in its own properties, what a station must know: kinds, side, calibration. It is read with
onnxruntime; without that library, or with a damaged file, shared trays are read by nobody and everything else goes on.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

FORMAT = "gestion-usinage/tray-detector/1"
PROPERTY = "usinage"
OTHER = "other"
_LEAST_SCORE = 0.03
_SAME_PLACE = 0.45
_MOST = 120
_GREY = 114
_UNUSUAL = 0.4


@dataclass(frozen=True, slots=True)
class Calibration:
    """``1 / (1 + exp(-(slope · logit(value) + offset)))``: a raw figure turned into how often it is right, never more than
    ``most``, what the measured sessions bear out."""

    slope: float = 1.0
    offset: float = 0.0
    most: float = 1.0

    def __call__(self, value: float) -> float:
        """Probability (0..1) of a raw figure (0..1)."""
        kept = min(max(value, 1e-6), 1 - 1e-6)
        return min(
            self.most, 1.0 / (1.0 + math.exp(-(self.slope * math.log(kept / (1 - kept)) + self.offset)))
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece found: kind, probability, centre, size (long side first) and turn in radians, in pixels of the picture."""

    kind: str
    probability: float
    x: float
    y: float
    length: float
    width: float
    turn: float

    @property
    def corners(self) -> Image:
        """The four corners (4 x 2)."""
        along = np.array([math.cos(self.turn), math.sin(self.turn)]) * self.length / 2
        across = np.array([-math.sin(self.turn), math.cos(self.turn)]) * self.width / 2
        middle = np.array([self.x, self.y])
        return np.stack(
            [
                middle - along - across,
                middle + along - across,
                middle + along + across,
                middle - along + across,
            ]
        )

    @property
    def spread(self) -> tuple[float, float, float]:
        """Variances along x and y and their covariance, of the outline taken as a normal distribution."""
        along, across = self.length**2 / 12, self.width**2 / 12
        cosine, sine = math.cos(self.turn), math.sin(self.turn)
        return (
            along * cosine**2 + across * sine**2,
            along * sine**2 + across * cosine**2,
            (along - across) * cosine * sine,
        )

    def overlap(self, other: Piece) -> float:
        """How alike two outlines lie (0..1): one minus the Hellinger distance of their normal distributions, which forgives a
        slender piece a little turn (Llerena et al., "Gaussian bounding boxes and probabilistic intersection-over-union", 2021)."""
        dx, dy = self.x - other.x, self.y - other.y
        if math.hypot(dx, dy) > (self.length + other.length) / 2:
            return 0.0
        (a1, b1, c1), (a2, b2, c2) = self.spread, other.spread
        a, b, c = a1 + a2, b1 + b2, c1 + c2
        both = max(a * b - c * c, 1e-9)
        own = max(a1 * b1 - c1 * c1, 1e-9) * max(a2 * b2 - c2 * c2, 1e-9)
        apart = (a * dy * dy + b * dx * dx - 2 * c * dx * dy) / (4 * both) + 0.5 * math.log(
            both / (4 * math.sqrt(own))
        )
        return 1.0 - math.sqrt(max(1.0 - math.exp(-max(apart, 0.0)), 0.0))


@dataclass(frozen=True)
class Detector:
    """A loaded network. ``change`` turns the raw certainty of a difference between two pictures into a probability."""

    session: Any
    kinds: tuple[str, ...]
    side: int
    piece: Calibration
    change: Calibration
    info: dict[str, Any]
    digest: str = ""

    def find(self, picture: Image, expected: Collection[str] = ()) -> list[Piece]:
        """Pieces in a BGR picture of a tray, the surest first; doubtful ones included with their small probability.

        Kinds ``expected`` there are more likely than others (all alike when none is named).
        """
        height, width = picture.shape[:2]
        factor = self.side / max(height, width)
        size = (max(round(width * factor), 1), max(round(height * factor), 1))
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        small = cv2.resize(picture, size, interpolation=how)
        whole = np.full((self.side, self.side, 3), _GREY, np.uint8)
        left, top = (self.side - size[0]) // 2, (self.side - size[1]) // 2
        whole[top : top + size[1], left : left + size[0]] = small
        entry = np.ascontiguousarray(whole[..., ::-1].transpose(2, 0, 1)[None], np.float32) / 255.0
        found = self.session.run(None, {self.session.get_inputs()[0].name: entry})[0][0].T
        usual = np.array([1.0 if not expected or kind in expected else _UNUSUAL for kind in self.kinds])
        return self._pieces(found, usual, factor, (left, top))

    def _pieces(self, found: Image, usual: Image, factor: float, corner: tuple[int, int]) -> list[Piece]:
        """Pieces of the network's rows (centre, size, one score per kind, turn); of several for one place the surest."""
        scores = found[:, 4 : 4 + len(self.kinds)] * usual
        best = scores.max(axis=1)
        order = [int(n) for n in np.argsort(-best)[: _MOST * 4] if best[n] >= _LEAST_SCORE]
        pieces: list[Piece] = []
        for number in order:
            row = found[number]
            across, turn = (float(row[2]), float(row[3])), float(row[-1])
            if across[0] < across[1]:
                across, turn = (across[1], across[0]), turn + math.pi / 2
            one = Piece(
                self.kinds[int(scores[number].argmax())],
                self.piece(float(best[number])),
                (float(row[0]) - corner[0]) / factor,
                (float(row[1]) - corner[1]) / factor,
                across[0] / factor,
                across[1] / factor,
                turn % math.pi,
            )
            if all(one.overlap(kept) < _SAME_PLACE for kept in pieces):
                pieces.append(one)
            if len(pieces) == _MOST:
                break
        return pieces


def load_detector(path: Path, *, expected_sha256: str | None = None) -> Detector:
    """Reads a detector file. Raises ``ValueError`` (French) when it is missing, damaged, not the expected one, or when
    onnxruntime is not installed."""
    try:
        content = path.read_bytes()
    except OSError:
        raise ValueError(f"Détecteur illisible : {path}.") from None
    digest = hashlib.sha256(content).hexdigest()
    if expected_sha256 is not None and digest != expected_sha256:
        raise ValueError(f"Le détecteur {path.name} n'est pas celui qui a été approuvé.")
    return from_bytes(content, path.name, digest)


def from_bytes(content: bytes, name: str, digest: str) -> Detector:
    """A detector from the content of its file. Raises ``ValueError`` (French)."""
    try:
        import onnxruntime
    except ImportError:
        raise ValueError(
            "Bibliothèque onnxruntime absente : les plateaux partagés ne sont pas lus."
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        header = json.loads(session.get_modelmeta().custom_metadata_map[PROPERTY])
        if header["format"] != FORMAT:
            raise ValueError(f"Format de détecteur inconnu : {header['format']}.")
        return Detector(
            session, tuple(header["kinds"]), int(header["side"]), Calibration(*header["piece"]),
            Calibration(*header["change"]), header.get("info", {}), digest,
        )  # fmt: skip
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"Détecteur endommagé : {name} ({type(error).__name__}).") from None
    except Exception as error:
        # onnxruntime has no common class for what it refuses to read.
        if isinstance(error, ValueError) and str(error).startswith("Format"):
            raise
        raise ValueError(f"Détecteur endommagé : {name} ({type(error).__name__}).") from None
