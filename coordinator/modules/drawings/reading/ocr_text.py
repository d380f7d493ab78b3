"""Repairs what OCR typically confuses on drawings, without guessing digits."""

from __future__ import annotations

import re

_SIGNS = str.maketrans({"⌀": "Ø", "∅": "Ø", "φ": "Ø", "Φ": "Ø", "ø": "Ø", "￠": "Ø", "¢": "Ø", "×": "x", "−": "-", "–": "-", "—": "-",
                        "º": "°", "˚": "°", "。": "°", "：": ":", "，": ",", "（": "(", "）": ")", "μ": "µ", "＋": "+", "±": "±", "·": "."})  # fmt: skip
_LEADING_STROKES = re.compile(r"^[/\\|_'`~^√V∨]+\s*(?=\d+[.,]\d)")
_ZERO_FOR_DIAMETER = re.compile(
    r"^(\(|\d{1,2}\s*[xX]\s*)?[0OQ](?=\s?[1-9]\d*(?:[.,]\d+)?(?:\s|$|[HhfgkmnprsJj±+\-()])|0[.,]\d)"
)
_DEPTH_SIGN = re.compile(r"(?<=\d)([A-Za-z]?)\s+[TIl]\s+(?=\d)")
_AFTER_TIMES = re.compile(r"(?<=\d[xX])0(?=[1-9])|(?<=\d [xX] )0(?=[1-9])")
_SPECK_BEFORE_ANGLE = re.compile(r"(?<=\d[xX])\.(?=\d{2,3}°)|(?<=\d[xX] )\.(?=\d{2,3}°)")
_DASHES = re.compile(
    r"^(?![+\-]?[.,]\d)[-_.,:;']+\s*(?=[ØR(]|0[1-9][\d.,]|\d+\s*[xX]|\d+ [a-zA-Z]{4})|(?<=[\d°)])\s*[-_]+$"
)
_COUNTERSINK = re.compile(r"^[∨√vV]\s*(?=Ø)")
_BARE_COUNTERSINK = re.compile(r"^(?=Ø\s?\d+(?:[.,]\d+)?\s?[xX]\s?\d{2,3}(?:[.,]\d+)?\s?°$)")
_ISO = re.compile(r"\b[1Il]S[O0](?=[ -]?\d{3,5})|\bIS0(?=[ -]?\d{3,5})")
_LETTER_O = re.compile(r"(?<=[\d.,])[oO](?=[\d.,]|$)|^[oO](?=[.,]\d)")
# A line through the nought of a deviation leaves an open ring.
_OPEN_NOUGHT = re.compile(r"(?<=[±+\-])(\s?)[oOCDGQUØ](?=[.,]\d)")
_PLUS_MINUS = re.compile(r"(?<=\d)\s*(?:\+/-|\+-|士|土)\s*(?=\d)")
_BLANK_IN_NUMBER = re.compile(r"(?<=\d)\s*([.,])\s*(?=\d)")
# Letters which some drafting fonts write as their figure 1, between figures and signs of a size only.
_STROKE_FOR_ONE = re.compile(r"(?<=[RMØ\d,.x])[Il|](?=[\d,.x)°/ ]|$)|^[Il|](?=[\d,.]{2})")
_SIZE_LETTERS = re.compile(r"^[\dIl|.,/x()ØRMHhfgk±+\-° ]*$")
_ZERO_BEHIND_WORDS = re.compile(
    r"((?:\b(?:trous?|holes?|bohrungen|thru|on|sur|auf|lk|tk)|[⌵xX]) )0(?=[1-9]\d?(?:[.,]\d+)(?!\d)|[1-9]\d(?!\d))"
    r"|^([⌵VvU] ?)0(?=[1-9]\d?(?:[.,]\d+)?\s?[xX])",
    re.IGNORECASE,
)
_FRACTION_BAR = re.compile(r"^((?:\d{1,2}\s*[xX]\s*)?)([1-9]\d?)[71lI|!]((?:2|4|8|16|32))(?=\s*-\s*\d+\s*UN)")


def clean_text(text: str) -> str:
    """Return the text with drafting signs normalised; a leading 0 before a size is the Ø sign."""
    text = text.translate(_SIGNS).strip()
    text = _LEADING_STROKES.sub("", text)
    text = _DASHES.sub("", text)
    text = _AFTER_TIMES.sub("Ø", text)
    text = _SPECK_BEFORE_ANGLE.sub("", text)
    if re.search(r"[ØM]\s?\d", text):
        text = _DEPTH_SIGN.sub(r"\1 ↧ ", text)
    text = _ZERO_BEHIND_WORDS.sub(lambda match: f"{match[1] or match[2]}Ø", text)
    text = _COUNTERSINK.sub("⌵ ", text)
    text = _BARE_COUNTERSINK.sub("⌵ ", text)
    if _SIZE_LETTERS.match(text) and re.search(r"\d|^[RMØ]", text):
        text = _STROKE_FOR_ONE.sub("1", text)
    text = _FRACTION_BAR.sub(r"\1\2/\3", text)
    text = _LETTER_O.sub("0", text)
    text = _ISO.sub("ISO", text)
    text = _PLUS_MINUS.sub(" ±", text)
    if re.search(r"\d|[+\-]", text[:2]):
        text = _OPEN_NOUGHT.sub(r"\g<1>0", text)
    if not re.search(r"[A-Za-z]{3}", text):
        text = _BLANK_IN_NUMBER.sub(r"\1", text)
    return _ZERO_FOR_DIAMETER.sub(lambda match: f"{match[1] or ''}Ø", text)
