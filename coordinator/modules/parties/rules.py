"""Checks of company identifiers and likeness of names. Pure."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

_EMAIL = re.compile(r"^[^@\s,;<>]+@[^@\s,;<>]+\.[A-Za-z]{2,}$")
_EU_VAT = re.compile(r"^[A-Z]{2}[0-9A-Z+*]{2,13}$")
_LEGAL_FORMS = re.compile(r"\b(SARL|SASU?|SA|EURL|SNC|SCOP|SCI|GMBH|AG|LTD|INC|SRL|SPA|BV|NV)\b")
LA_POSTE_SIREN = "356000000"


def compact(value: str) -> str:
    """``value`` in capitals without spaces, dots and dashes, as identifiers are stored."""
    return re.sub(r"[\s.\-]", "", value).upper()


def luhn_is_valid(digits: str) -> bool:
    """Luhn key over a string of digits (ISO/IEC 7812-1, annex B)."""
    total = 0
    for position, character in enumerate(reversed(digits)):
        value = int(character)
        if position % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def siren_is_valid(siren: str) -> bool:
    """Nine digits with a Luhn key (INSEE)."""
    return bool(re.fullmatch(r"[0-9]{9}", siren)) and luhn_is_valid(siren)


def siret_is_valid(siret: str) -> bool:
    """Fourteen digits with a Luhn key, the first nine being a valid SIREN.

    The establishments of La Poste follow another rule of INSEE: the sum of their digits is a multiple of 5.
    """
    if not re.fullmatch(r"[0-9]{14}", siret) or not siren_is_valid(siret[:9]):
        return False
    if siret.startswith(LA_POSTE_SIREN) and sum(map(int, siret)) % 5 == 0:
        return True
    return luhn_is_valid(siret)


def french_vat_number(siren: str) -> str:
    """French VAT number of a SIREN: key = (12 + 3 × (SIREN mod 97)) mod 97 (CGI art. 286 ter; CRM-04)."""
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"


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
