"""Threads of a drawing: metric, unified inch, pipe, trapezoidal — diameter and pitch in mm, and how the core is made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from coordinator.modules.quoting.engine.tolerances import COARSE_PITCH_MM, parse_metric_thread

INCH_MM = 25.4
# ISO 228-1 and ASME B1.1: nominal size → outside diameter in mm and threads per inch.
_PIPE = {
    "1/8": (9.728, 28),
    "1/4": (13.157, 19),
    "3/8": (16.662, 19),
    "1/2": (20.955, 14),
    "3/4": (26.441, 14),
    "1": (33.249, 11),
    "1 1/4": (41.910, 11),
    "1 1/2": (47.803, 11),
    "2": (59.614, 11),
}
_UNIFIED = {
    "UNC": {
        "1/4": 20,
        "5/16": 18,
        "3/8": 16,
        "7/16": 14,
        "1/2": 13,
        "9/16": 12,
        "5/8": 11,
        "3/4": 10,
        "7/8": 9,
        "1": 8,
    },
    "UNF": {
        "1/4": 28,
        "5/16": 24,
        "3/8": 24,
        "7/16": 20,
        "1/2": 20,
        "9/16": 18,
        "5/8": 18,
        "3/4": 16,
        "7/8": 14,
        "1": 12,
    },
}
_INCH = re.compile(
    r"(?<![\d/])(#\d{1,2}|\d+\s\d/\d{1,2}|\d{1,2}/\d{1,2}|\d(?:[.,]\d+)?|[.,]\d+)[\"”]?\s*-\s*(\d{1,2})\s*(UNC|UNF|UNEF|UNS|UN|NC|NF)",
    re.I,
)
_SERIES = re.compile(r"(?<![\d/])(\d{1,2}/\d{1,2}|\d)[\"”]?\s*(UNC|UNF)", re.I)
_G = re.compile(r"(?<![A-Za-z])(G|BSPP?|Rp|Rc)\s?(\d\s\d/\d|\d/\d|\d)(?![\d/])", re.I)
_TR = re.compile(r"(?<![A-Za-z])Tr\s?(\d{1,3})\s?[x×]\s?(\d{1,2}(?:[.,]\d)?)", re.I)


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread; ``family`` is metric, unified, pipe or trapezoidal."""

    family: str
    name: str
    diameter_mm: float
    pitch_mm: float

    @property
    def core_mm(self) -> float:
        """Tapping drill: D − P, for trapezoidal threads D − P too (ISO 2904), for pipe threads D − 1.08·P (55°)."""
        factor = 1.08 if self.family == "pipe" else 1.0
        return round(self.diameter_mm - factor * self.pitch_mm, 2)


def parse(text: str) -> Thread | None:
    """The first thread in a text such as ``4x M8``, ``1/4-20 UNC-2B``, ``#10-32 UNF``, ``G1/2``, ``Tr 20x4``; None if none."""
    if match := _TR.search(text):
        return Thread(
            "trapezoidal", f"Tr{match[1]}x{match[2]}", float(match[1]), float(match[2].replace(",", "."))
        )
    if match := _INCH.search(text):
        size = _inches(match[1])
        return Thread(
            "unified", f"{match[1]}-{match[2]} {match[3].upper()}", size * INCH_MM, INCH_MM / int(match[2])
        )
    if match := _SERIES.search(text):
        per_inch = _UNIFIED[match[2].upper()].get(match[1])
        if per_inch:
            name = f"{match[1]}-{per_inch} {match[2].upper()}"
            return Thread("unified", name, _inches(match[1]) * INCH_MM, INCH_MM / per_inch)
    if match := _G.search(text):
        known = _PIPE.get(match[2])
        return Thread("pipe", f"G{match[2]}", known[0], INCH_MM / known[1]) if known else None
    metric = parse_metric_thread(text)
    if metric is None:
        return None
    return Thread("metric", f"M{metric[0]:g}x{metric[1]:g}", metric[0], metric[1])


def designation(diameter_mm: float, pitch_mm: float) -> str:
    """How the trade calls a thread of this diameter and pitch: ``M8x1,25``, ``1/4-20 UNC``, ``G1/2``; no metric thread is
    coarser than its coarse pitch, so that one is trapezoidal."""
    for series, sizes in _UNIFIED.items():
        for name, per_inch in sizes.items():
            if (
                abs(_inches(name) * INCH_MM - diameter_mm) < 0.01
                and abs(INCH_MM / per_inch - pitch_mm) < 0.002
            ):
                return f"{name}-{per_inch} {series}"
    for name, (outside, per_inch) in _PIPE.items():
        if abs(outside - diameter_mm) < 0.01 and abs(INCH_MM / per_inch - pitch_mm) < 0.002:
            return f"G{name}"
    coarse = COARSE_PITCH_MM.get(round(diameter_mm, 1))
    family = "Tr" if coarse is not None and pitch_mm > coarse + 0.01 else "M"
    return f"{family}{diameter_mm:.4g}x{pitch_mm:.3g}".replace(".", ",")


def size_of(text: str) -> tuple[float, float] | None:
    """(diameter, pitch) in mm of the first thread in a text."""
    thread = parse(text)
    return (thread.diameter_mm, thread.pitch_mm) if thread else None


def _inches(text: str) -> float:
    """Inches of ``1/4``, ``1 1/2``, ``0.5`` or a numbered size (#n = 0.060 + 0.013·n, ASME B1.1)."""
    if text.startswith("#"):
        return 0.060 + 0.013 * int(text[1:])
    return float(
        sum(
            Fraction(p.replace(",", ".") if not p.startswith((".", ",")) else f"0.{p[1:]}")
            for p in text.split()
        )
    )
