"""Codes of a supplier's label that hold one field each: known by the data identifier (ANSI MH10.8.2) they begin with.

Shared by the scan station, which collects them, and the coordinator, which reads them.
"""

from __future__ import annotations

import re

SINGLES = frozenset({
    "P", "1P", "30P", "T", "1T", "H", "Q", "7Q", "K", "V", "12V", "S", "3S", "4S", "J", "1J", "5J", "6J", "4L", "16D", "14D", "11K",
})  # fmt: skip
"""Identifiers believed where nothing but themselves says that a code is a label."""
PARTS = frozenset({"P", "1P", "30P"})
"""Those that name what was delivered: without one a label is not whole."""
_AIM = re.compile(r"^\][A-Za-z][0-9A-Za-z]")
_FIELD = re.compile(r"^([0-9]{0,3}[A-Z])(.+)$", re.DOTALL)
_VALUE = re.compile(r"(?=.*[0-9])[A-Z0-9][A-Z0-9 ./_+-]{1,39}")
_COUNTED = re.compile(r"[0-9][A-Z0-9 ./_+-]{0,39}")
_COUNTS = frozenset({"Q", "7Q"})
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)?")


def single(content: str) -> tuple[str, str] | None:
    """Identifier and value of a code of one field, a reader's mark of the symbology left out; ``None`` for any other code."""
    found = _FIELD.match(_AIM.sub("", content).strip())
    if found is None or found[1] not in SINGLES:
        return None
    if (_COUNTED if found[1] in _COUNTS else _VALUE).fullmatch(found[2]) is None:
        return None
    return found[1], found[2]


def quantity(content: str) -> float | None:
    """Quantity a code tells, without its unit."""
    field = single(content)
    if field is None or field[0] != "Q":
        return None
    number = _NUMBER.match(field[1])
    return float(number[0].replace(",", ".")) if number else None
