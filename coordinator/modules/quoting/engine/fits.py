"""Limits of fits: ISO 286-1 and ISO 286-2 for the classes that drawings of a workshop carry. Sizes mm, deviations µm."""

from __future__ import annotations

import re
from bisect import bisect_left

_STEPS_MM = (3, 6, 10, 18, 30, 50, 80, 120, 180, 250, 315, 400, 500)
_GRADES: dict[int, tuple[float, ...]] = {
    3: (2, 2.5, 2.5, 3, 4, 4, 5, 6, 8, 10, 12, 13, 15),
    4: (3, 4, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20),
    5: (4, 5, 6, 8, 9, 11, 13, 15, 18, 20, 23, 25, 27),
    6: (6, 8, 9, 11, 13, 16, 19, 22, 25, 29, 32, 36, 40),
    7: (10, 12, 15, 18, 21, 25, 30, 35, 40, 46, 52, 57, 63),
    8: (14, 18, 22, 27, 33, 39, 46, 54, 63, 72, 81, 89, 97),
    9: (25, 30, 36, 43, 52, 62, 74, 87, 100, 115, 130, 140, 155),
    10: (40, 48, 58, 70, 84, 100, 120, 140, 160, 185, 210, 230, 250),
    11: (60, 75, 90, 110, 130, 160, 190, 220, 250, 290, 320, 360, 400),
    12: (100, 120, 150, 180, 210, 250, 300, 350, 400, 460, 520, 570, 630),
    13: (140, 180, 220, 270, 330, 390, 460, 540, 630, 720, 810, 890, 970),
}
_UPPER: dict[str, tuple[int, ...]] = {
    "d": (-20, -30, -40, -50, -65, -80, -100, -120, -145, -170, -190, -210, -230),
    "e": (-14, -20, -25, -32, -40, -50, -60, -72, -85, -100, -110, -125, -135),
    "f": (-6, -10, -13, -16, -20, -25, -30, -36, -43, -50, -56, -62, -68),
    "g": (-2, -4, -5, -6, -7, -9, -10, -12, -14, -15, -17, -18, -20),
    "h": (0,) * 13,
}
"""Upper deviations es of shafts on the free side; a hole of the same letter has EI = −es."""
_LOWER: dict[str, tuple[int, ...]] = {
    "k": (0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5),
    "m": (2, 4, 6, 7, 8, 9, 11, 13, 15, 17, 20, 21, 23),
    "n": (4, 8, 10, 12, 15, 17, 20, 23, 27, 31, 34, 37, 40),
    "p": (6, 12, 15, 18, 22, 26, 32, 37, 43, 50, 56, 62, 68),
}
"""Lower deviations ei of shafts on the tight side; holes follow by the rule of ISO 286-1 with Δ = ITn − IT(n−1)."""
_FIT = re.compile(r"^(JS|js|[D-HKMNPd-hkmnp])\s?(\d{1,2})$")


def deviations_mm(nominal_mm: float, fit: str) -> tuple[float, float] | None:
    """(lower, upper) deviation in mm of a fit such as ``H7``, ``g6``, ``P9``; None outside what the tables here hold."""
    match = _FIT.match(fit.strip().split("/")[0].strip())
    if match is None or not 0 < nominal_mm <= _STEPS_MM[-1]:
        return None
    letter, grade = match[1], int(match[2])
    row = bisect_left(_STEPS_MM, nominal_mm)
    if grade not in _GRADES:
        return None
    width = float(_GRADES[grade][row])
    if letter.casefold() == "js":
        return -width / 2000, width / 2000
    lower = _shaft(letter, grade, row, width) if letter.islower() else _hole(letter, grade, row, width)
    return None if lower is None else (round(lower / 1000, 6), round((lower + width) / 1000, 6))


def _shaft(letter: str, grade: int, row: int, width: float) -> float | None:
    if letter in _UPPER:
        return _UPPER[letter][row] - width
    if letter == "k" and not 4 <= grade <= 7:
        return 0.0
    return float(_LOWER[letter][row])


def _hole(letter: str, grade: int, row: int, width: float) -> float | None:
    """Lower deviation EI: −es on the free side; on the tight side EI = ES − IT with ES = −ei (+ Δ up to IT8, P to IT7)."""
    small = letter.lower()
    if small in _UPPER:
        return float(-_UPPER[small][row])
    ruled = grade <= (7 if small == "p" else 8)
    if ruled and row > 0 and grade - 1 not in _GRADES:
        return None
    delta = width - _GRADES[grade - 1][row] if ruled and row > 0 else 0.0
    if small == "k" and not ruled:
        return None
    if small == "m" and (not ruled or row == 10):
        return None
    upper = 0.0 if small == "n" and not ruled and row > 0 else -_LOWER[small][row] + delta
    return upper - width
