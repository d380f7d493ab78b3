"""Checks of company identifiers and likeness of names. Pure."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

from coordinator.modules.company.rules import french_vat_number, siren_is_valid

_EMAIL = re.compile(r"^[^@\s,;<>]+@[^@\s,;<>]+\.[A-Za-z]{2,}$")
_EU_VAT = re.compile(r"^[A-Z]{2}[0-9A-Z+*]{2,13}$")
_LEGAL_FORMS = re.compile(r"\b(SARL|SASU?|SA|EURL|SNC|SCOP|SCI|GMBH|AG|LTD|INC|SRL|SPA|BV|NV)\b")


def compact(value: str) -> str:
    """``value`` in capitals without spaces, dots and dashes, as identifiers are stored."""
    return re.sub(r"[\s.\-]", "", value).upper()


def vat_number_is_valid(number: str) -> bool:
    """French numbers by their key, those of other countries by their shape."""
    if number.startswith("FR"):
        siren = number[4:]
        return siren_is_valid(siren) and number == french_vat_number(siren)
    return bool(_EU_VAT.fullmatch(number))


def email_is_valid(email: str) -> bool:
    """Plausible syntax of an e-mail address."""
    return len(email) <= 254 and bool(_EMAIL.fullmatch(email))


def normal_name(name: str) -> str:
    """Company name without accents, legal form and punctuation, for comparison."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().upper().replace(".", "")
    words = re.sub(r"[^A-Z0-9]+", " ", _LEGAL_FORMS.sub(" ", plain))
    return " ".join(words.split())


def similarity(first: str, second: str) -> float:
    """Likeness of two company names, 0 to 1."""
    a, b = normal_name(first), normal_name(second)
    if not a or not b:
        return 0.0
    matcher = SequenceMatcher(None, a, b)
    return matcher.ratio() if matcher.real_quick_ratio() >= 0.5 else 0.0
