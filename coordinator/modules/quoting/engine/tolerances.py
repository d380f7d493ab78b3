"""ISO 286 tolerance grades and metric thread pitches, as far as the choice of a process needs them."""

from __future__ import annotations

import math
import re

_STEPS_MM = (3, 6, 10, 18, 30, 50, 80, 120, 180, 250, 315, 400, 500)
_FACTORS = {5: 7, 6: 10, 7: 16, 8: 25, 9: 40, 10: 64, 11: 100, 12: 160, 13: 250, 14: 400, 15: 640, 16: 1000}
_FIT = re.compile(
    r"(?<![A-Za-z])(?:[A-HJ-NP-Za-hj-np-z]|JS|js|C[DR]|cd|E[FP]|ef|F[GR]|fg|Z[ABC]|z[abc])(\d{1,2})$"
)

COARSE_PITCH_MM: dict[float, float] = {
    1.6: 0.35,
    2: 0.4,
    2.5: 0.45,
    3: 0.5,
    4: 0.7,
    5: 0.8,
    6: 1.0,
    7: 1.0,
    8: 1.25,
    10: 1.5,
    12: 1.75,
    14: 2.0,
    16: 2.0,
    18: 2.5,
    20: 2.5,
    22: 2.5,
    24: 3.0,
    27: 3.0,
    30: 3.5,
    33: 3.5,
    36: 4.0,
    39: 4.0,
    42: 4.5,
    48: 5.0,
}
_THREAD = re.compile(r"(?<![A-Za-z])M\s?(\d{1,3}(?:[.,]\d+)?)(?:\s?[x×X]\s?(\d(?:[.,]\d+)?))?(?![\d.,]*\d)")


def it_value_mm(nominal_mm: float, grade: int) -> float:
    """Width of tolerance grade ``grade`` (5 to 16) for a size up to 500 mm; ISO 286-1: i = 0.45·∛D + 0.001·D µm."""
    size = min(max(abs(nominal_mm), 1.0), 500.0)
    upper = next(s for s in _STEPS_MM if size <= s)
    lower = 1 if upper == 3 else _STEPS_MM[_STEPS_MM.index(upper) - 1]
    mean = math.sqrt(lower * upper)
    unit_um = 0.45 * math.cbrt(mean) + 0.001 * mean
    return _FACTORS[grade] * unit_um / 1000


def it_from_width(nominal_mm: float, width_mm: float) -> int:
    """Coarsest grade that still holds a tolerance of ``width_mm``; 4 stands for anything finer than IT5."""
    fitting = [g for g in _FACTORS if it_value_mm(nominal_mm, g) <= width_mm * 1.06]
    return max(fitting, default=4)


def it_from_fit(fit: str) -> int | None:
    """Grade of a fit symbol such as ``H7``, ``g6`` or ``JS9``; None if it is not one."""
    match = _FIT.search(fit.strip().split("/")[0])
    return int(match.group(1)) if match else None


def parse_metric_thread(text: str) -> tuple[float, float] | None:
    """``M8`` or ``M20x1,5`` → (diameter_mm, pitch_mm); None if the text holds no known metric thread."""
    match = _THREAD.search(text)
    if match is None:
        return None
    diameter = float(match.group(1).replace(",", "."))
    if match.group(2):
        pitch = float(match.group(2).replace(",", "."))
        if 0.2 <= pitch <= 6 and pitch < diameter / 2:
            return diameter, pitch
    known = COARSE_PITCH_MM.get(diameter)
    return (diameter, known) if known else None


def general_tolerance_it(general: str) -> int:
    """Grade that ISO 2768-1 classes come near to: f → 11, m → 13, c → 15, v → 16."""
    match = re.search(r"2768\s*[-–]?\s*(?:1\s*[-–]?\s*)?([fmcv])", general, re.IGNORECASE)
    return {"f": 11, "m": 13, "c": 15, "v": 16}.get(match.group(1).lower() if match else "m", 13)
