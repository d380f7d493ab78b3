"""Delivery condition, hardness and strength written beside a material (DRW-22). Pure."""

from __future__ import annotations

import re

_CONDITIONS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (code, re.compile(pattern, re.IGNORECASE))
    for code, pattern in (
        ("H", r"\bH\s?(?:900|925|1025|1075|1100|1150M?D?)\b"),
        ("T", r"(?<![A-Za-z])T(?:3|4|5|6|7|8|9|35|351|3511|451|4511|61|62|651|6511|7351|73|74|7451|76|7651|851|8511)(?!\d)"),
        ("temper", r"(?<![A-Za-z\d])(?:H111|H112|H116|H12|H14|H16|H18|H22|H24|H26|H32|H34)(?!\d)"),
        ("+QT", r"\+\s*QT\b|\bQT\b|tremp[ée]s?[\s,/+et-]+revenus?|pr[ée]-?trait[ée]|verg[uü]tet|quenched\s+(?:and|&)\s+tempered|\bQ\s?&\s?T\b|\+\s*V\b"),
        ("+N", r"\+\s*N\b|normalis[ée]|normali[sz]ed|normalgegl[uü]ht"),
        ("+A", r"\+\s*A\b|\brecuit\b|annealed|weichgegl[uü]ht|\bl[öo]sungsgegl[uü]ht|solution treated"),
        ("+AT", r"\+\s*AT\b|hypertremp[ée]"),
        ("+C", r"\+\s*C\b|\+\s*SH\b|[ée]tir[ée]|cold drawn|blankgezogen|[ée]croui"),
        ("+AR", r"\+\s*AR\b|laminé"),
        ("+P", r"\+\s*P\d{3,4}\b"),
        ("R", r"\bR\s?\d{3}\b"),
    )
)  # fmt: skip
_HRC = re.compile(
    r"(\d{2})(?:\s*(?:[-–à/]|to|bis)\s*(\d{2}))?\s*HRC|HRC\s*[:=]?\s*(\d{2})(?:\s*[-–à/]\s*(\d{2}))?", re.I
)
_HARDNESS = re.compile(
    r"(?:[<>≥≤]\s*)?\d{2,4}(?:\s*(?:[-–à/±]|to|bis)\s*\d{1,4})?\s*(?:HRC|HRB|HB\w?|HBW|HV\s?\d*[.,]?\d*)\b(?:\s*(?:min|max|mini|maxi)\.?)?"
    r"|\bHRC\s*[:=]?\s*\d{2}(?:\s*[-–à/]\s*\d{2})?",
    re.I,
)
_STRENGTH = re.compile(r"(?:Rm\s*[=≥>:]*\s*)?(\d{3,4})(?:\s*[-–à/]\s*(\d{3,4}))?\s*(?:MPa|N/mm[²2])", re.I)
QUENCHED_MIN_MPA = 900


def condition_of(text: str) -> str | None:
    """Delivery condition as written in codes: "T651", "H900", "+QT", "+N", "+A"…; None when nothing is said."""
    for code, pattern in _CONDITIONS:
        if match := pattern.search(text):
            return code if code in ("+QT", "+N", "+A", "+AT", "+C", "+AR") else re.sub(r"\s", "", match[0])
    strength = _STRENGTH.search(text)
    if strength and int(strength[1]) >= QUENCHED_MIN_MPA:
        return "+QT"
    return None


def hardness_of(text: str) -> str | None:
    """Hardness as written: "58-62 HRC", "240 HB"."""
    match = _HARDNESS.search(text)
    return re.sub(r"\s+", " ", match[0]).strip() if match else None


def hrc_of(text: str) -> float | None:
    """Highest Rockwell C hardness written in a text, or None."""
    values = [float(value) for match in _HRC.finditer(text) for value in match.groups() if value]
    return max(values, default=None)
