"""Understands the text of one dimension: count, symbol, nominal, fit, deviations, thread, chamfer (DRW-18)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from coordinator.modules.drawings.reading.model import DimensionKind

NUMBER = r"(?:\d+(?:[.,]\d+)?|[.,]\d+)"
_SIGNED = rf"[+\-]\s*{NUMBER}"
_FRACTION = r"\d+(?:\s+\d+)?/\d+"
_COUNT = re.compile(
    r"^(\d{1,3})\s*(?:[xX]\s*(?!\d+(?:[.,]\d+)?\s*°\s*$)|(?:trous?|holes?|off)\b\s*)", re.IGNORECASE
)
_CHAMFER = re.compile(rf"^(?:(?:CHANFREIN|CHAMFER|CH\.?)\s*)?({NUMBER})\s*[xX]\s*({NUMBER})\s*°")
_CHAMFER_WORD = re.compile(rf"^(?:CHANFREINS?|CHAMFER|FASE)\s*({NUMBER})", re.IGNORECASE)
_THREAD = re.compile(
    rf"^(?:(M)\s*({NUMBER})(?:\s*[xX]\s*({NUMBER}))?|(Tr)\s*({NUMBER})\s*[xX]\s*({NUMBER})"
    rf"|(G|Rc|Rp|R|NPT)\s*({_FRACTION})\"?)(?:\s*-?\s*\d[a-zA-Z]{{1,2}}(?:\d[a-zA-Z])?)?"
)
_UNIFIED = re.compile(
    rf"^(#?\d+|{_FRACTION})\s*-\s*(\d+)\s*(UNC|UNF|UNEF|UNS)(?:\s*-?\s*\d[AB])?", re.IGNORECASE
)
_SYMBOL = re.compile(r"^(SØ|Ø|SR|R|□|⌴|⌵|↧|PROF\.?|DEPTH|DEEP)\s*", re.IGNORECASE)
_NOMINAL = re.compile(rf"^({NUMBER})")
_FIT = re.compile(
    r"^(?:js|JS|Js|[A-HJKMNPRSTUVXYZ]|[a-hjkmnprstuvxyz]|z[abc]|Z[ABC]|EF|ef|FG|fg|CD|cd)\d{1,2}\b"
)
_PLUS_MINUS = re.compile(rf"^±\s*({NUMBER})\s*°?")
_DEVIATION = re.compile(rf"^\(?\s*({_SIGNED}|0(?:[.,]0+)?)\s*[/ ]\s*({_SIGNED}|0(?:[.,]0+)?)(?![\d.,])\s*\)?")
_ONE_DEVIATION = re.compile(rf"^({_SIGNED})(?![\d.,])")
_TAIL = re.compile(
    r"^(?:mm|\"|°|max\.?|mini?\.?|maxi\.?|typ\.?|ref\.?|prof\.?|thru|through|débouchants?|trous?|holes?|E|Ⓔ|↧|deep"
    r"|équidistants?|equi-?spaced|[()/])+",
    re.IGNORECASE,
)
_TRAILING_DEPTH = re.compile(rf"^(?:[xX↧]|prof\.?|deep|depth)\s*({NUMBER})", re.IGNORECASE)
_SIGNS = str.maketrans({"⌀": "Ø", "∅": "Ø", "φ": "Ø", "Φ": "Ø", "ø": "Ø", "×": "x", "−": "-", "–": "-", "—": "-",
                        "º": "°", "˚": "°", "“": '"', "”": '"', "″": '"', "\u00a0": " ", "（": "(", "）": ")", "，": ","})  # fmt: skip


@dataclass
class DimensionText:
    """What one dimension text says; deviations are relative to ``nominal``."""

    text: str
    kind: DimensionKind
    nominal: float
    upper: float | None = None
    lower: float | None = None
    fit: str | None = None
    count: int = 1
    thread: str | None = None
    reference: bool = False
    inches: bool = False
    extra: list[float] = field(default_factory=list)


def normalise(text: str) -> str:
    """Use one character for each sign and single blanks."""
    return re.sub(r"\s+", " ", text.translate(_SIGNS)).strip()


def to_number(text: str) -> float:
    """Read "12,5", ".25" or "+ 0.1"."""
    return float(text.replace(" ", "").replace(",", "."))


def parse_dimension(text: str, stacked: tuple[str, str] | None = None) -> DimensionText | None:
    """Read a dimension text; ``stacked`` are numbers written one over the other behind it, top first.

    Returns None when the text is not wholly a dimension: the rest would have to be invented.
    """
    body = normalise(text)
    reference = body.startswith("(") and body.endswith(")")
    body = body.strip("()[] ")
    count = 1
    if match := _COUNT.match(body):
        # "1x45°" is a chamfer, "2x 1x45°" two of them.
        count, body = int(match.group(1)), body[match.end() :].strip()
    parsed = _parse_limits(body, stacked) or _parse_special(body) or _parse_plain(body)
    if parsed is None or count == 0:
        return None
    result, rest = parsed
    result.count, result.reference = count, reference
    if _consume_tolerances(result, rest) is None:
        return None
    if stacked is not None and result.upper is None:
        result.upper, result.lower = (to_number(part) for part in stacked)
        if result.upper < result.lower:
            result.upper, result.lower = result.lower, result.upper
    result.inches = '"' in body
    result.text = " ".join([normalise(text), *(normalise(part) for part in stacked or ())])
    return result


def _parse_limits(body: str, stacked: tuple[str, str] | None) -> tuple[DimensionText, str] | None:
    """Limits of size ("R 11.30 / 11.20"): the nominal is the upper limit, the deviations follow from it."""
    if stacked is None or re.search(r"\d", body):
        return None
    match = _SYMBOL.match(body + " ") if body else None
    if body and (match is None or body[match.end() :].strip()):
        return None
    high, low = sorted((to_number(part) for part in stacked), reverse=True)
    kind = _symbol_kind(match.group(1)) if match else "linear"
    return DimensionText("", kind, high, 0.0, round(low - high, 6)), ""


def _parse_special(body: str) -> tuple[DimensionText, str] | None:
    if match := _CHAMFER.match(body):
        return DimensionText("", "chamfer", to_number(match[1]), extra=[to_number(match[2])]), body[
            match.end() :
        ]
    if match := _CHAMFER_WORD.match(body):
        return DimensionText("", "chamfer", to_number(match[1])), body[match.end() :]
    if match := _UNIFIED.match(body):
        return DimensionText("", "thread", _unified_size(match[1]), thread=match[0]), body[match.end() :]
    if match := _THREAD.match(body):
        size = match[2] or match[5]
        nominal = to_number(size) if size else _fraction(match[8])
        extra = [to_number(part) for part in (match[3], match[6]) if part]
        return DimensionText("", "thread", nominal, thread=match[0].strip(), extra=extra), body[match.end() :]
    return None


def _unified_size(text: str) -> float:
    if "/" in text:
        return _fraction(text)
    return round(0.060 + 0.013 * int(text.lstrip("#")), 4)


def _fraction(text: str) -> float:
    *whole, part = text.split()
    top, bottom = part.split("/")
    return (int(whole[0]) if whole else 0) + int(top) / max(1, int(bottom))


def _parse_plain(body: str) -> tuple[DimensionText, str] | None:
    kind: DimensionKind = "linear"
    if match := _SYMBOL.match(body):
        kind, body = _symbol_kind(match.group(1)), body[match.end() :]
    match = _NOMINAL.match(body)
    if match is None:
        return None
    rest = body[match.end() :].lstrip()
    if rest.startswith("°"):
        kind, rest = "angle", rest[1:].lstrip()
    # Leading zeros ("007") are numbers of something, not sizes.
    if re.match(r"^0\d", match[1]):
        return None
    return DimensionText("", kind, to_number(match[1])), rest


def _symbol_kind(symbol: str) -> DimensionKind:
    upper = symbol.upper()
    if upper.endswith("Ø"):
        return "diameter"
    if upper in ("R", "SR"):
        return "radius"
    if upper in ("□",):
        return "linear"
    return "depth" if upper not in ("⌴", "⌵") else "diameter"


def _consume_tolerances(result: DimensionText, rest: str) -> str | None:
    """Take fit, deviations and known words from the rest; None when something unknown remains."""
    rest = rest.strip()
    while rest:
        if match := _PLUS_MINUS.match(rest):
            result.upper = to_number(match[1])
            result.lower = -result.upper
        elif (match := _FIT.match(rest)) and result.kind in ("linear", "diameter", "radius", "depth"):
            result.fit = match[0]
        elif match := _DEVIATION.match(rest):
            values = sorted((to_number(match[1]), to_number(match[2])))
            result.lower, result.upper = values
        elif match := _ONE_DEVIATION.match(rest):
            value = to_number(match[1])
            result.upper, result.lower = max(value, 0.0), min(value, 0.0)
        elif match := _TRAILING_DEPTH.match(rest):
            result.extra.append(to_number(match[1]))
        elif not (match := _TAIL.match(rest)):
            return None
        rest = rest[match.end() :].strip()
    return rest
