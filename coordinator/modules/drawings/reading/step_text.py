"""The text of a STEP file (ISO 10303-21) as records by number, parsed one by one when they are asked for."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_INSTANCE = re.compile(rb"#(\d+)\s*=\s*([A-Za-z!]\w*)?\s*(\((?:[^';]+|'[^']*')*);")
_KEYWORD = re.compile(rb"(?<![\w.'#])([A-Za-z!][A-Za-z_0-9]*)\s*\(")
_TOKEN = re.compile(
    r"\s*(?:(?P<ref>#\d+)|(?P<text>'(?:[^']|'')*')|(?P<enum>\.[A-Za-z_0-9]+\.)|(?P<number>[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?)"
    r'|(?P<word>!?[A-Za-z][A-Za-z_0-9]*)|(?P<binary>"[0-9A-F]*")|(?P<sign>[(),$*]))'
)
_ESCAPE = re.compile(
    r"\\X2\\((?:[0-9A-F]{4})+)\\X0\\|\\X4\\((?:[0-9A-F]{8})+)\\X0\\|\\X\\([0-9A-F]{2})|\\S\\(.)|\\(\\)|\\(N)\\"
)


class Ref(int):
    """The number of another record."""


class Enum(str):
    """An enumeration value, without its points."""

    __slots__ = ()


@dataclass(frozen=True)
class Typed:
    """A value with its type written before it, such as LENGTH_MEASURE(2.5)."""

    kind: str
    args: tuple[Any, ...]


class Record(dict[str, list[Any]]):
    """One instance: arguments by entity name; a simple instance has one name, a complex one several."""

    number: int = 0

    def get_any(self, *names: str) -> list[Any] | None:
        """Arguments of the first of these entities that the record has."""
        return next((self[name] for name in names if name in self), None)


class StepText:
    """Records of a STEP file. Broken records are left out; nothing here raises for what the file holds."""

    def __init__(self, content: bytes) -> None:
        start = content.find(b"DATA")
        self._content = content
        self._places: dict[int, tuple[int, int]] = {}
        self._by_type: dict[str, list[int]] = defaultdict(list)
        self._known: dict[int, Record] = {}
        for match in _INSTANCE.finditer(content, max(start, 0)):
            number, keyword = int(match[1]), match[2]
            self._places[number] = (match.start(3) if keyword is None else match.start(2), match.end(3))
            names = [keyword] if keyword is not None else _KEYWORD.findall(match[3])
            for name in names:
                self._by_type[name.decode("ascii").upper()].append(number)

    def numbers(self, *names: str) -> list[int]:
        """Numbers of the records which are one of these entities, each once, in the order of the file."""
        return list(dict.fromkeys(number for name in names for number in self._by_type.get(name, ())))

    def names(self) -> list[str]:
        """Every entity name used in the file."""
        return list(self._by_type)

    def of(self, *names: str) -> Iterator[Record]:
        """Records which are one of these entities."""
        for number in self.numbers(*names):
            yield self[number]

    def __getitem__(self, number: Any) -> Record:
        """The record of a reference; an empty record for anything else."""
        if not isinstance(number, int) or number not in self._places:
            return Record()
        if number not in self._known:
            first, last = self._places[number]
            self._known[number] = _parse(self._content[first:last].decode("latin-1"))
            self._known[number].number = number
        return self._known[number]


def _parse(text: str) -> Record:
    tokens = list(_TOKEN.finditer(text))
    record = Record()
    try:
        position = 0
        if tokens and tokens[0]["sign"] == "(":
            position = 1
        while position < len(tokens) and tokens[position]["word"]:
            name = tokens[position]["word"].upper()
            record[name], position = _list(tokens, position + 1)
    except (IndexError, ValueError, RecursionError):
        return Record()
    return record


def _list(tokens: list[re.Match[str]], position: int) -> tuple[list[Any], int]:
    """Read a list; ``position`` is that of its opening parenthesis. Returns it and the position behind it."""
    if tokens[position]["sign"] != "(":
        raise ValueError("list expected")
    items: list[Any] = []
    position += 1
    while tokens[position]["sign"] != ")":
        if tokens[position]["sign"] == ",":
            position += 1
            continue
        item, position = _value(tokens, position)
        items.append(item)
    return items, position + 1


def _value(tokens: list[re.Match[str]], position: int) -> tuple[Any, int]:
    token = tokens[position]
    if token["sign"] == "(":
        return _list(tokens, position)
    if token["word"]:
        args, position = _list(tokens, position + 1)
        return Typed(token["word"].upper(), tuple(args)), position
    if token["ref"]:
        return Ref(token["ref"][1:]), position + 1
    if token["text"]:
        return plain_text(token["text"][1:-1]), position + 1
    if token["enum"]:
        return Enum(token["enum"].strip(".").upper()), position + 1
    if token["number"]:
        number = token["number"]
        return (float(number) if re.search(r"[.eE]", number) else int(number)), position + 1
    return None, position + 1


def plain_text(text: str) -> str:
    """Decode a STEP string: doubled quotes and the escapes of ISO 10303-21."""

    def plain(match: re.Match[str]) -> str:
        two, four, one, shifted, backslash, _ = match.groups()
        if two or four:
            return bytes.fromhex(two or four).decode("utf-16-be" if two else "utf-32-be", "replace")
        if shifted:
            return chr(ord(shifted) + 128)
        return chr(int(one, 16)) if one else backslash or "\n"

    return _ESCAPE.sub(plain, text.replace("''", "'"))
