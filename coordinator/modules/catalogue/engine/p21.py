"""Property values of a STEP physical file (ISO 10303-21) of tool data after ISO 13399, as GTC packages carry them. Pure.

Makers' generators write the property's symbol into the value itself (``NUMERICAL_VALUE('DC',$,#12,8.)``,
``STRING_VALUE('GRADE',…)``), so neither the schema nor the paid dictionary of property identifiers is needed: a value is
any ``…_VALUE`` or ``VALUE_…`` instance with a symbol and something behind it. The scan is one pass without recursion;
text, instances and parameters are bounded, anything that is no instance is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_BYTES = 20_000_000
MAX_INSTANCES = 200_000
_MAX_PARAMETERS = 64
_TOKEN = re.compile(r"'(?:[^']|'')*(?:'|\Z)|/\*(?:.*?\*/|.*)|[();,]|[^'();,/]+|/", re.DOTALL)
"""A string or comment without end swallows the rest: looking for each end anew would take quadratic time."""
_HEAD = re.compile(r"^#(\d+)=([A-Z][A-Z0-9_]*)$")
_SYMBOL = re.compile(r"^[A-Z][A-Z0-9]{0,11}(?:_\d{1,2})?$")
_NUMBER = re.compile(r"^[+-]?\d{1,15}\.?\d{0,15}(?:E[+-]?\d{1,2})?$")
_WIDE = re.compile(r"\\X([24])\\((?:[0-9A-F]{4})+)\\X0\\")
_BYTE = re.compile(r"\\X\\([0-9A-F]{2})")
_PAGE = re.compile(r"\\S\\(.)", re.DOTALL)


def is_p21(data: bytes) -> bool:
    """Whether a file begins as a STEP physical file does."""
    return data[:2000].lstrip().startswith(b"ISO-10303-21")


def values(data: bytes) -> dict[str, str]:
    """Values by symbol, as text; the first of a symbol counts. ``ITEM`` gives the identifier under ``ITEM``.

    Raises:
        ValueError: larger than ``MAX_BYTES``, or more than ``MAX_INSTANCES`` instances.
    """
    if len(data) > MAX_BYTES:
        raise ValueError("too_big")
    found: dict[str, str] = {}
    for number, (keyword, parameters) in enumerate(_instances(data.decode("latin-1"))):
        if number >= MAX_INSTANCES:
            raise ValueError("too_big")
        texts = [_text(p) for p in parameters if p.startswith("'")]
        if keyword == "ITEM" and texts and texts[0].strip():
            found.setdefault("ITEM", texts[0].strip())
        elif keyword.endswith("_VALUE") or keyword.startswith("VALUE_"):
            symbol = next((text for text in texts if _SYMBOL.match(text)), None)
            value = _value(parameters, symbol) if symbol is not None else None
            if symbol is not None and value:
                found.setdefault(symbol, value)
    return found


def _value(parameters: list[str], symbol: str) -> str | None:
    """The last number behind the symbol, else the last text that is not the symbol."""
    names = [_text(p) if p.startswith("'") else None for p in parameters]
    behind = parameters[names.index(symbol) + 1 :] if symbol in names else []
    numbers = [p for p in behind if _NUMBER.match(p)]
    if numbers:
        return numbers[-1].rstrip(".")
    texts = [_text(p).strip() for p in behind if p.startswith("'")]
    return next((text[:200] for text in reversed(texts) if text), None)


def _instances(text: str) -> Iterator[tuple[str, list[str]]]:
    """Keyword and flat parameters of each simple instance; nested lists are flattened."""
    head, depth = "", 0
    parameters: list[str] = []
    for token in _TOKEN.finditer(text):
        part = token.group()
        if part.startswith("/"):
            continue
        if part == "(":
            depth += 1
        elif part == ")":
            depth -= 1
        elif part == ";":
            match = _HEAD.match(head)
            if match is not None and depth == 0:
                yield match[2], parameters
            head, depth, parameters = "", 0, []
        elif part != ",":
            plain = part if part.startswith("'") else "".join(part.split()).upper()
            if depth == 0:
                head += plain[:200]
            elif plain and len(parameters) < _MAX_PARAMETERS:
                parameters.append(plain)


def _text(literal: str) -> str:
    """A string without its quotes and with its letters beyond ASCII (ISO 10303-21, 6.4.3)."""
    plain = literal[1:-1].replace("''", "'")
    plain = _WIDE.sub(_wide, plain)
    plain = _BYTE.sub(lambda m: chr(int(m[1], 16)), plain)
    plain = _PAGE.sub(lambda m: chr((ord(m[1]) + 128) & 0xFF), plain)
    return plain.replace("\\\\", "\\")


def _wide(match: re.Match[str]) -> str:
    digits = match[0][4:-4]
    encoding = "utf-16-be" if match[1] == "2" else "utf-32-be"
    return (
        bytes.fromhex(digits).decode(encoding, errors="replace")
        if len(digits) % 8 == 0 or match[1] == "2"
        else ""
    )
