"""Facts of a title block which say by themselves what they are, wherever they stand and without a label (DRW-16, DRW-19)."""

from __future__ import annotations

import re

from coordinator.modules.catalogue.grades import find_grades, identify

GENERAL_TOLERANCE = re.compile(
    r"(?:(?:NF|DIN|EN|BS|SN|UNI)[\s-]*)*(?:ISO[\s-]*)?(?<!\d)(?:2768(?:\s?-\s?1\b)?(?:\s?-\s?2\b)?|22768(?:\s?-\s?[12]\b)?|7168|13920|22081|8062(?:\s?-\s?\d\b)?)\b"
    r"(?:[\s:,-]*(?:part(?:ie)?|teil|classe?|klasse)?\s*[-–]?\s*\(?[fmcvsg]\s?[-–/]?\s?[HKLRSTEhkl]?\b\)?)?(?:[\s-]*E\b)?"
)  # fmt: skip
_PLUS_MINUS = re.compile(
    r"(?:general\s+tol\w*|gen\.?\s+tol\w*|tol\w*\.?\s+g[ée]n\w*\.?|allgemein-?\s?tol\w*|unless otherwise (?:specified|stated|noted)[^±]{0,40}|sauf indication[^±]{0,40}|all tolerances)"
    r"\W*?(±\s*\d+(?:[.,]\d+)?\s*(?:mm|in(?:ch)?|\")?)",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"\b(?:dim(?:ension)?s?\.?|cotes?|maße|masse|bema(?:ss|ß)ungen|units?|unit[ée]s?|measurements|alle maße)(?:\s+(?:are|sont|sind|exprim[ée]e?s|shown|given))*\s*(?:in|en|:)\s*"
    r"(millim\w*|mm\b|inch\w*|pouces?|zoll|in\b)",
    re.IGNORECASE,
)
_SCALE = re.compile(
    r"\b(?:scale|[ée]chelle|[ée]ch\.?|ma(?:ss|ß)stab|skala)\s*:?\s*(\d+(?:[.,]\d+)?\s*[:/]\s*\d+(?:[.,]\d+)?)",
    re.IGNORECASE,
)
_PROJECTION = re.compile(
    r"((?:first|third|1st|3rd)[\s-]+angle(?:\s+proj\w*)?|(?:premier|troisi[èe]me|1\s?er|3\s?(?:e|[èe]me))\s+di[èe]dre|m[ée]thode\s+(?:E|A|europ[ée]enne|am[ée]ricaine|du (?:premier|troisi[èe]me) di[èe]dre)\b"
    r"|projektions-?\s?methode\s*[13]|projection\s+(?:europ[ée]enne|am[ée]ricaine))",
    re.IGNORECASE,
)
TOLERANCE_LINE = re.compile(
    r"^(?:[.X]*X[.,]?X*\s*[:=]?|\d+\s*(?:-|–|to|à|bis|<)\s*\d+\s*(?:mm)?[:=]?|(?:one|two|three|1|2|3)\s+(?:place\s+)?dec\w*\.?[:=]?|angul\w*[:=]?|angles?[:=]?|linear\w*[:=]?|lin[ée]aires?[:=]?|winkel[:=]?|fractions?\w*[:=]?|decimals?[:=]?"
    r"|ang\.?[:=]?|dim\w*\.?[:=]?|mach\w*[:=]?|bend[:=]?)\s*(?:dimensions?)?\s*[:=]?\s*(?:±|\+/-)\s*[\d.,/]+\s*(?:°|mm|in|\"|')?.*$",
    re.IGNORECASE,
)
_LEGAL_FORM = re.compile(
    r"(?:\b(?:SAS|SASU|SARL|EURL|S\.A\.S\.?|S\.A\.R\.L\.?|S\.A\.?|SNC|GmbH|mbH|AG|KG|e\.K\.|OHG|Ltd\.?|LTD|Limited|Inc\.?|INC|LLC|L\.L\.C\.|Corp\.?|Corporation|Co\. KG|PLC|Plc|B\.V\.|N\.V\.|S\.p\.A\.|S\.r\.l\.|AB|Oy)|(?<=\w\s)SA)\W*$"
)
_DATE = re.compile(
    r"^(?:\d{4}-\d{2}-\d{2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}[ -][^\W\d]{3,9}\.?[ -]\d{2,4})$"
)
_MASS = re.compile(r"^\d+(?:[.,]\d+)?\s*(?:kg|g|lbs?|kgs)$", re.IGNORECASE)
_SHEET = re.compile(r"^(?:\d{1,2}\s*(?:of|sur|von|de)\s*\d{1,2}|\d{1,2}/\d{1,2})$", re.IGNORECASE)
_ONLY_SCALE = re.compile(r"^\d+(?:[.,]\d+)?\s*:\s*\d+(?:[.,]\d+)?$")
_NUMBER = re.compile(r"^(?=.*\d)[A-Z0-9][A-Z0-9 .\-_/]{3,24}$", re.IGNORECASE)


def fact_in(name: str, text: str) -> str | None:
    """The value of scale, unit, general tolerance or projection which a sentence states, else None."""
    if name == "general_tolerance":
        match = GENERAL_TOLERANCE.search(text)
        if match and re.search(r"[A-Za-z]", match[0]):
            # The second letter of ISO 2768 is a capital, whatever a scan makes of it.
            return re.sub(r"(?<=[fmcv])[hkl]$", lambda last: last[0].upper(), match[0].strip(" ,:-"))
        match = _PLUS_MINUS.search(text)
        return match[1].strip() if match else None
    pattern = {"scale": _SCALE, "unit": _UNIT, "projection": _PROJECTION}[name]
    match = pattern.search(text)
    return match[1].strip() if match else None


def kind_of(text: str) -> str | None:
    """Field whose value a lone text evidently is: date, mass, scale, sheet, general tolerance, material, customer; else None."""
    text = text.strip()
    if _DATE.match(text):
        return "date"
    if _MASS.match(text):
        return "mass"
    if _ONLY_SCALE.match(text):
        return "scale"
    if _SHEET.match(text):
        return "sheet"
    if fact_in("general_tolerance", text):
        return "general_tolerance"
    if is_company(text):
        return "customer"
    if is_material(text):
        return "material"
    return "projection" if _PROJECTION.fullmatch(text) else None


def is_company(text: str) -> bool:
    """True for a name which ends with the legal form of a company."""
    return len(text) < 60 and len(text.split()) >= 2 and _LEGAL_FORM.search(text) is not None


def is_material(text: str) -> bool:
    """True for a short text that names a grade beyond doubt."""
    if len(text) > 48 or len(text.split()) > 6:
        return False
    if find_grades(text) or re.match(r"^\d\.\d{4}\b", text):
        return True
    match = identify(text)
    letters = re.sub(r"[^A-Za-z]", "", text)
    return match.grade is not None and len(letters) >= 3 and len(text.split()) <= 2


def is_number_like(text: str) -> bool:
    """True for what looks like a drawing number."""
    return _NUMBER.match(text) is not None and kind_of(text) is None and len(re.sub(r"\D", "", text)) >= 3
