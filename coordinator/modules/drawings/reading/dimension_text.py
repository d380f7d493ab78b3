"""Understands the text of one dimension: count, symbol, nominal, fit, deviations, thread, chamfer, hole call-out (DRW-18)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from coordinator.modules.drawings.reading.key_marks import BEHIND
from coordinator.modules.drawings.reading.model import DimensionKind

NUMBER = r"(?:\d+(?:[.,]\d+)?|[.,]\d+)"
INCH_MM = 25.4
LIMITS_MAX_SPREAD = 0.1
DEVIATION_MAX_SHARE = 0.6  # "2-56" is no size with a deviation
THREAD_MAX_PITCH_MM = 12.0
TAP_MAX_RATIO = 1.6  # thread to its drill
_SIGNED = rf"[+\-]\s*{NUMBER}"
_DEVIATION_PART = rf"(?:{_SIGNED}|[+\-]?\s*0(?:[.,]0+)?|[.,]0+)"
_FRACTION = r"(?:\d+(?:\s+|-))?\d+/\d+"
_HOLES = r"(?:trous?|taraudages?|per[çc]ages?|al[ée]sages?|lamages?|chanfreins?|rayons?|rainures?|gewinde|tapped|holes?|off|bohrungen|places?|plcs?\.?|pl\.?|fois|st[üu]ck|stk\.?|pces?\.?|empl(?:acements?)?\.?)"
_COUNT = re.compile(
    rf"^(?:\(?\s*(\d{{1,3}})\s*[xX]\s*\)?\s*|[xX]\s?(\d{{1,3}})\s+|(\d{{1,3}})\s*-?\s*{_HOLES}(?![a-z])\s*[-:,]?\s*)",
    re.IGNORECASE,
)
_COUNT_BEHIND = re.compile(
    rf"^[-,/;]?\s*(?:\(\s*(?:(\d{{1,3}})\s*[xX]|[xX]\s*(\d{{1,3}})|(\d{{1,3}})\s*-?\s*{_HOLES})\s*\)|(\d{{1,3}})\s*[xX](?=\s*(?:$|[A-Za-z]))"
    rf"|(\d{{1,3}})\s*-?\s*{_HOLES}(?![a-z]))",
    re.IGNORECASE,
)
_LEADING_WORD = re.compile(
    r"^(?:taraud(?:age|[ée]e?s?)?|per[çc](?:age|[ée]e?s?|er)|al[ée]s(?:ages?|[ée]e?s?|er)|lam(?:ages?|[ée]e?s?|er)|fraisures?|filet(?:ages?|[ée])|tapped|tap"
    r"|drill(?:ed)?|reamed|ream|bored?|c'?bore|csk|spotface|gewinde|bohrung(?:en)?|gorge|trous?|hole|thread|typ\.?|[ée]p(?:aisseur)?\.?|thk\.?|t\s?=)\s*:?\s*(?=\S)",
    re.IGNORECASE,
)
_CHAMFER = re.compile(
    rf"^(?:(?:CHANF?(?:REINS?)?|CHAMFER|CHAM|CH|FASE)\.?\s*)?({NUMBER})\s*[xX/]\s*({NUMBER})\s*°",
    re.IGNORECASE,
)
_CHAMFER_BARE = re.compile(rf"^{NUMBER}(\s*)[xX](\s*){NUMBER}\s*°")
_CHAMFER_TURNED = re.compile(rf"^({NUMBER})\s*°\s*[xX]\s*({NUMBER})")
_CHAMFER_WORD = re.compile(
    rf"^(?:(?:CHANF?(?:REINS?)?|CHAMFER|CHAM|FASE)\.?\s*|C\s?)({NUMBER})(?:\s*[xX]\s*({NUMBER})(?!\s*°))?",
    re.IGNORECASE,
)
_GROOVE = re.compile(rf"^(\d*[.,]\d+)\s*[xX]\s*Ø\s*({NUMBER})")
_THREAD = re.compile(
    rf"^(?:(M|MF|MJ)\s?({NUMBER})(?:\s*[xX]\s*({NUMBER}))?(?:\s*[xX]?\s*P\s?{NUMBER})?|(Tr)\s?({NUMBER})\s*[xX]\s*({NUMBER})"
    rf"|(G|Rc|Rp|R|NPTF?|BSPP?|BSPT)\s*({_FRACTION}|(?<=G)\s?\d(?=\s*(?:[AB\"]|$)))\"?(?:\s*[AB](?![a-zA-Z]))?)"
)
_PIPE_BEHIND = re.compile(
    rf"^({_FRACTION}|\d+)\"?\s*(?:-\s*\d+(?:[.,]\d+)?\s*)?(NPTF?|NPSM?|BSPP?|BSPT|GAZ)(?![A-Z])",
    re.IGNORECASE,
)
_THREAD_CLASS = re.compile(
    r"^-?\s*(?:\d[a-zA-Z](?:\s?\d[a-zA-Z])?(?:/\d[a-zA-Z](?:\d[a-zA-Z])?)?|LH|RH)(?![A-Za-z0-9])"
)
_UNIFIED = re.compile(
    rf"^(#\s?\d+|{_FRACTION}|{NUMBER})\"?\s*-\s*(\d+)\s*-?\s*(UNC|UNF|UNEF|UNS|UNJF|UNJC|UN)(?:\s*-?\s*\d[AB])?(?:\s*-?\s*LH)?",
    re.IGNORECASE,
)
_SYMBOL = re.compile(r"^(S\s?Ø|Ø|DIA\.?|SR|CR|R|□|⌴|⌵|↧|⌒|PROF\.?|DEPTH|DEEP|TIEFE|SW|A/F)\s*", re.IGNORECASE)
_SYMBOL_BEHIND = re.compile(
    r"^(DIA\.?(?:M(?:ETER)?\.?)?|Ø|R(?:AD(?:IUS)?\.?)?)(?![A-Za-z0-9])", re.IGNORECASE
)
_NOMINAL = re.compile(rf"^({NUMBER})(?!\d)")
_INCH_FRACTION = re.compile(rf"^({_FRACTION})\s*(\"|in\b)", re.IGNORECASE)
_ANGLE = re.compile(
    rf"^({NUMBER})\s*°\s*(?:(\d{{1,2}}(?:[.,]\d+)?)\s*'(?!')\s*)?(?:(\d{{1,2}}(?:[.,]\d+)?)\s*(?:\"|''))?"
)
_LIMITS = re.compile(rf"^({NUMBER})\s*(?:-|/|…|\.\.\.|à|to|bis)\s*({NUMBER})(?![\d.,]*\s*(?:UN|°))")
# ISO 286-2 has no classes A1 to A8, B1 to B7, C1 to C7: after a size these are names of datum targets.
_FIT_CODE = r"(?![Aa]0?[1-8](?!\d)|[BbCc]0?[1-7](?!\d))(?:js|JS|Js|[A-HJKMNPRSTUVXYZ]|[a-hjkmnprstuvxyz]|z[abc]|Z[ABC]|EF|ef|FG|fg|CD|cd)(?:1[0-8]|(?<![xX])0?[1-9]|[5-9])(?![\d.,])"
# ISO 5459: size of the target area above, name of the target below.
_DATUM_TARGET = re.compile(r"^[A-C][1-8](?:/[A-C][1-8])*(?![\w.,])")
_FIT = re.compile(rf"^\(?({_FIT_CODE}(?:\s*/\s*{_FIT_CODE})?)\)?(?![a-zA-Z])")
# Older drawings write the class apart from its letter: "Ø25 h 8". Letters which also announce something else before a
# number (X and T a depth, R a radius, M a thread, A to C a section) only count where they touch their figure.
_FIT_APART = re.compile(
    r"^((?:js|JS|[D-HJKNP]|[d-hjkmnp])\s(?:[5-9]|1[0-3]))(?![\d.,°x])(?!\s*(?:x|mm|trous?|holes?)\b)"
)
_PLUS_MINUS = re.compile(rf"^\(?±\s*({NUMBER}|{_FRACTION})\s*(°|'|\")?\)?")
_DEVIATION = re.compile(rf"^\(?\s*({_DEVIATION_PART})°?\s*[/; ]?\s*({_DEVIATION_PART})(?![\d.,])°?\s*\)?")
_ONE_DEVIATION = re.compile(rf"^\(?({_SIGNED})(?![\d.,])°?\)?")
_UNIT_WORD = re.compile(r"^(mm|inch(?:es)?|in\.?|\"|pouces?)(?![a-z])", re.IGNORECASE)
_TAIL = re.compile(
    r"^(?:\"|°|maxi(?:mum)?\.?|max\.?|mini(?:mum)?\.?|min\.?|typ(?:ical)?\.?|r[ée]f\.?|thru(?:\s*all)?|through(?:\s*all)?|d[ée]bouchants?|d[ée]b\.?|traversants?"
    r"|durchgehend|durch|à travers tout|trous?|holes?|Ⓔ|Ⓜ|Ⓛ|E(?![a-z])|all(?:\s+(?:around|over))?|equi-?spaced|[ée]qui(?:distants?|r[ée]partis?)|equally spaced|eq\.?\s*sp\.?"
    r"|s/plats?|sur plats?|across flats|a/f|thk\.?|thick|[ée]p\.?|carr[ée]|square|sq\.?|both sides|(?:2|deux) c[ôo]t[ée]s|both ends|radial|b\.?c\.?d?\.?|p\.?c\.?d\.?"
    r"|far side|near side|basic|theo(?:r(?:etical)?)?\.?|CF|ST|SI|MMC|LMC|[()\[\]/,;·])",
    re.IGNORECASE,
)
_DEPTH_WORD = r"(?:↧|prof(?:ondeur)?[.,]?|deep|depth|dp\.?|tief(?:e)?|t=)"
_TRAILING_DEPTH = re.compile(
    rf"^(?:[xX]|{_DEPTH_WORD}|\(?=)\s*:?\s*({NUMBER})(?:\s*(?:°|mm\b))?", re.IGNORECASE
)
_DEPTH_BEHIND = re.compile(rf"^[-,;]?\s*[xX]?\s*({NUMBER})\s*(?:deep|tief|dp\.?|prof\.?)", re.IGNORECASE)
_FURTHER_STEP = re.compile(
    rf"^[-/,;]?\s*(?:⌴|⌵|SF(?![a-z])|c'?bored?|counterbored?|csk|c'?sunk|countersunk|lam(?:ages?|[ée]e?s?)|frais(?:ures?|[ée]e?s?)|gesenkt|senkung|spotface|(?:sur|on|auf|am)\s+(?:un\s+)?(?:Lk|Lochkreis|TK|Teilkreis|PCD|BC)\.?|(?:sur|on|auf|am)(?=\s*Ø?\d)|per[çc]age|avant[- ]trou|kernloch|drill)\s*(?:↧|prof(?:ondeur)?\.?)?\s*(?:Ø\s*)?({NUMBER})"
    rf"(?:\s*({_FIT_CODE})(?![a-zA-Z]))?(?:\s*±\s*({NUMBER}))?(?:\s*[àa]\s*({NUMBER})\s*°)?",
    re.IGNORECASE,
)
_SECOND_UNIT = re.compile(r"\[([^\[\]]*)\]")
_SECOND_ROUND = re.compile(rf"^(.*\d[\"°]?)\s*\(\s*({NUMBER})\s*(?:mm|in\.?|\")?\s*\)$")
_DATE = re.compile(r"^(?:(?:19|20)\d\d([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:19|20)\d\d)$")
_REFERENCE_WORD = re.compile(r"\bR[ÉE]F\b\.?", re.IGNORECASE)
_SIGNS = str.maketrans({"⌀": "Ø", "∅": "Ø", "φ": "Ø", "Φ": "Ø", "ø": "Ø", "×": "x", "✕": "x", "−": "-", "–": "-", "—": "-",
                        "º": "°", "˚": "°", "“": '"', "”": '"', "″": '"', "′": "'", "’": "'", "\u00a0": " ", "（": "(", "）": ")",
                        "，": ",", "⟂": "⊥"})  # fmt: skip


@dataclass
class DimensionText:
    """What one dimension text says; deviations are relative to ``nominal``. ``unit`` is set only where the text names it."""

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
    unit: str | None = None
    critical: bool = False
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
    if _DATE.match(body):
        return None
    reference = _in_parentheses(body) or bool(_REFERENCE_WORD.search(body))
    if _in_parentheses(body):
        body = body[1:-1].strip()
    body = _without_second_unit(body)
    count, body = _take_count(body)
    body = _LEADING_WORD.sub("", body, count=1)
    if count == 1:
        count, body = _take_count(body)
    parsed = (
        _parse_stacked_limits(body, stacked)
        or _parse_special(body)
        or (_parse_limits(body) if stacked is None else None)
        or _parse_plain(body)
    )
    if parsed is None or count == 0:
        return None
    result, rest = parsed
    result.count, result.reference = count, reference
    if not _consume_rest(result, rest):
        return None
    if stacked is not None and result.upper is None:
        high, low = (to_number(part) for part in stacked)
        result.upper, result.lower = max(high, low), min(high, low)
    result.unit = result.unit or ("inch" if result.inches else None)
    result.text = " ".join(
        [part for part in (normalise(text), *(normalise(item) for item in stacked or ())) if part]
    )
    return result


def _in_parentheses(body: str) -> bool:
    """True when one pair of parentheses surrounds the whole text."""
    return body.startswith("(") and body.endswith(")") and "(" not in body[1:-1] and ")" not in body[1:-1]


def _without_second_unit(body: str) -> str:
    """Leave out the same size in the other unit: "25.4 [1.000]", "1.000 (25.4)"; a wholly bracketed size stays."""
    outside = _SECOND_UNIT.sub(" ", body).strip()
    if outside and outside != body:
        return re.sub(r"\s+", " ", outside)
    if not outside:
        return body.strip("[] ")
    if match := _SECOND_ROUND.match(body):
        main = re.search(NUMBER, re.sub(rf"^\d+\s*[xX]\s*(?=\S*{NUMBER})", "", match[1]))
        if main is not None and (other := to_number(match[2])) > 0 and (size := to_number(main[0])) > 0:
            ratio = max(size / other, other / size)
            if abs(ratio - INCH_MM) < 0.012 * INCH_MM:
                return match[1].strip()
    return body


def _take_count(body: str) -> tuple[int, str]:
    """ "4x ", "(4x)", "4 trous", "x4 " before the size. "1x45°" and "1 x 45°" are chamfers, "4x 45°" is a count."""
    bare = _CHAMFER_BARE.match(body)
    match = None if bare and bool(bare[1]) == bool(bare[2]) else _COUNT.match(body)
    if match is None or not re.search(r"\d", body[match.end() :]):
        return 1, body
    return int(next(part for part in match.groups() if part)), body[match.end() :].strip()


def _parse_stacked_limits(body: str, stacked: tuple[str, str] | None) -> tuple[DimensionText, str] | None:
    """Limits of size ("R 11.30 / 11.20"): the nominal is the upper limit, the deviations follow from it."""
    if stacked is None or re.search(r"\d", body):
        return None
    match = _SYMBOL.match(body + " ") if body else None
    if body and (match is None or body[match.end() :].strip()):
        return None
    high, low = sorted((to_number(part) for part in stacked), reverse=True)
    kind = _symbol_kind(match.group(1)) if match else "linear"
    return DimensionText("", kind, high, 0.0, round(low - high, 6)), ""


def _parse_limits(body: str) -> tuple[DimensionText, str] | None:
    """Limits in one line ("45.95 - 46.00"): two close sizes, at least one with decimals."""
    symbol = _SYMBOL.match(body)
    start = symbol.end() if symbol else 0
    bare = re.sub(r"(?<=[-/] )Ø|(?<=[-/])Ø", "", body[start:])
    if symbol is not None:
        # Limits over each other repeat their symbol: "Ø20.00 Ø19.97".
        bare = re.sub(rf"(?<=\d)\s+{re.escape(symbol[1])}\s*(?=[\d.,])", " - ", bare)
    match = _LIMITS.match(bare)
    if match is None or re.search(r"[+±]", body):
        return None
    high, low = sorted((to_number(match[1]), to_number(match[2])), reverse=True)
    decimals = re.search(r"[.,]", match[1] + match[2])
    if not decimals or low <= 0 or high == low or high - low > LIMITS_MAX_SPREAD * high:
        return None
    kind: DimensionKind = _symbol_kind(symbol[1]) if symbol else "linear"
    return DimensionText("", kind, high, 0.0, round(low - high, 6)), bare[match.end() :]


def _parse_special(body: str) -> tuple[DimensionText, str] | None:
    if match := _CHAMFER.match(body):
        return DimensionText("", "chamfer", to_number(match[1]), extra=[to_number(match[2])]), body[
            match.end() :
        ]
    if match := _CHAMFER_TURNED.match(body):
        return DimensionText("", "chamfer", to_number(match[2]), extra=[to_number(match[1])]), body[
            match.end() :
        ]
    if match := _GROOVE.match(body):
        return DimensionText("", "linear", to_number(match[1]), extra=[to_number(match[2])]), body[
            match.end() :
        ]
    if match := _CHAMFER_WORD.match(body):
        return DimensionText("", "chamfer", to_number(match[1])), body[match.end() :]
    return _parse_thread(body)


def _parse_thread(body: str) -> tuple[DimensionText, str] | None:
    if match := _UNIFIED.match(body):
        return _thread(match[0], _unified_size(match[1]), "inch"), body[match.end() :]
    if match := _PIPE_BEHIND.match(body):
        return _thread(match[0], _fraction(match[1]), "inch"), body[match.end() :]
    match = _THREAD.match(body)
    if match is None:
        return None
    if match[7]:
        return _thread(match[0], _fraction(match[8]), "inch"), body[match.end() :]
    end, pitch = match.end(), match[3] or match[6]
    # "M8x20" is a length behind the size: no pitch is that coarse.
    if match[3] and to_number(match[3]) > min(THREAD_MAX_PITCH_MM, to_number(match[2])):
        end, pitch = match.end(2), None
    result = _thread(body[:end], to_number(match[2] or match[5]), "mm")
    result.extra = [to_number(pitch)] if pitch else []
    rest = body[end:].lstrip()
    while grade := _THREAD_CLASS.match(rest):
        result.thread = f"{result.thread} {grade[0].strip()}"
        rest = rest[grade.end() :].lstrip()
    result.thread = re.sub(r" -\s*", "-", result.thread or "")
    return result, rest


def _thread(name: str, size: float, unit: str) -> DimensionText:
    return DimensionText("", "thread", size, thread=name.strip(), unit=unit)


def _unified_size(text: str) -> float:
    if "/" in text:
        return _fraction(text)
    if text.startswith("#") or (text.isdigit() and int(text) <= 12):
        return round(0.060 + 0.013 * int(text.lstrip("# ")), 4)
    return to_number(text)


def _fraction(text: str) -> float:
    if "/" not in text:
        return to_number(text)
    *whole, part = re.split(r"[\s-]+", text.strip())
    top, bottom = part.split("/")
    return (int(whole[0]) if whole else 0) + int(top) / max(1, int(bottom))


def _parse_plain(body: str) -> tuple[DimensionText, str] | None:
    kind: DimensionKind = "linear"
    symbol = _SYMBOL.match(body)
    if symbol:
        kind, body = _symbol_kind(symbol.group(1)), body[symbol.end() :]
        if symbol[1] in "⌴⌵" and (inner := _SYMBOL.match(body)):
            kind, body = _symbol_kind(inner.group(1)), body[inner.end() :]
    if match := _INCH_FRACTION.match(body):
        return DimensionText("", kind, _fraction(match[1]), inches=True), body[match.end() :]
    if symbol is None and (match := _ANGLE.match(body)):
        minutes, seconds = (to_number(part) if part else 0.0 for part in (match[2], match[3]))
        return DimensionText(
            "", "angle", round(to_number(match[1]) + minutes / 60 + seconds / 3600, 6)
        ), body[match.end() :]
    match = _NOMINAL.match(body)
    # Leading zeros ("007") are numbers of something, not sizes.
    if match is None or re.match(r"^0\d", match[1]):
        return None
    rest = body[match.end() :].lstrip()
    if symbol is None and (behind := _SYMBOL_BEHIND.match(rest)):
        kind, rest = ("radius" if behind[1].upper().startswith("R") else "diameter"), rest[behind.end() :]
    return DimensionText("", kind, to_number(match[1])), rest


def _symbol_kind(symbol: str) -> DimensionKind:
    upper = symbol.upper().replace(" ", "")
    if upper.endswith("Ø") or upper.startswith("DIA") or upper in ("⌴", "⌵"):
        return "diameter"
    if upper in ("R", "SR", "CR"):
        return "radius"
    if upper in ("□", "⌒", "SW", "A/F"):
        return "linear"
    return "depth"


def _consume_rest(result: DimensionText, rest: str) -> bool:
    """Take fit, deviations, depths, further steps and known words from the rest; False when something unknown remains."""
    rest = rest.strip()
    while rest:
        counted = rest.startswith("(") and _COUNT_BEHIND.match(rest)
        # Behind a depth, or with a class of its own, M6 is the thread of the hole; right behind the size it is a fit.
        tapped = result.kind == "diameter" and (
            result.extra or re.match(r"^M\d+(?:[.,]\d+)?(?:\s*[xX-])", rest)
        )
        match = (
            (_take_thread(result, rest) if tapped else None)
            or (None if counted else _take_tolerance(result, rest))
            or _take_more(result, rest)
        )
        if match is None:
            return False
        rest = rest[match.end() :].strip()
    return True


def _take_tolerance(result: DimensionText, rest: str) -> re.Match[str] | None:
    if match := _PLUS_MINUS.match(rest):
        share = {"'": 60.0}.get(match[2] or "", 1.0) if result.kind == "angle" else 1.0
        result.upper = round(_fraction(match[1]) / share, 6)
        result.lower = -result.upper
        result.inches |= match[2] == '"' and result.kind != "angle"
    elif (
        (match := _FIT.match(rest) or _FIT_APART.match(rest))
        and result.fit is None
        and result.kind in ("linear", "diameter", "radius", "depth")
    ):
        result.fit = re.sub(r"\s+", "", match[1])
    elif (match := _DEVIATION.match(rest)) and to_number(match[1]) != to_number(match[2]):
        result.lower, result.upper = sorted((to_number(match[1]), to_number(match[2])))
    elif (match := _ONE_DEVIATION.match(rest)) and abs(
        to_number(match[1])
    ) <= DEVIATION_MAX_SHARE * result.nominal:
        value = to_number(match[1])
        result.upper, result.lower = max(value, 0.0), min(value, 0.0)
    else:
        return None
    return match


def _take_thread(result: DimensionText, rest: str) -> re.Match[str] | None:
    """The thread tapped into the drilled hole just read ("Ø.201 ↧ .75 1/4-20 UNC ↧ .50")."""
    found = _parse_thread(rest.lstrip("-/,; "))
    if found is None or not result.nominal < found[0].nominal < TAP_MAX_RATIO * result.nominal:
        return None
    result.thread = found[0].thread
    result.extra += [found[0].nominal, *found[0].extra]
    return re.match(rf".{{{len(rest) - len(found[1])}}}", rest)


def _take_more(result: DimensionText, rest: str) -> re.Match[str] | None:
    if match := _COUNT_BEHIND.match(rest):
        result.count = int(next(part for part in match.groups() if part))
    elif match := _UNIT_WORD.match(rest):
        inches = not match[1].lower().startswith("mm")
        result.inches |= inches and result.kind != "angle"
        result.unit = result.unit or (None if inches else "mm")
    elif match := _FURTHER_STEP.match(rest) or _DEPTH_BEHIND.match(rest) or _TRAILING_DEPTH.match(rest):
        result.extra += [to_number(part) for part in match.groups() if part and re.fullmatch(NUMBER, part)]
    elif result.kind == "thread" and (match := _THREAD_CLASS.match(rest)):
        result.thread = f"{result.thread} {match[0]}"
    elif result.kind == "diameter" and result.fit is None and (match := _DATUM_TARGET.match(rest)):
        return match
    elif result.thread and (match := re.match(rf"^[-/,]?\s*Ø\s*({NUMBER})", rest)):
        result.extra.append(to_number(match[1]))
    elif result.kind == "diameter" and result.thread is None and (match := _take_thread(result, rest)):
        return match
    elif match := BEHIND.match(rest):
        result.critical = True
    else:
        match = _TAIL.match(rest)
    return match
