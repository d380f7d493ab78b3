"""Element strings of GS1: identifiers one after the other, those of variable length ended by a separator (FNC1)."""

from __future__ import annotations

import re

from coordinator.modules.purchasing.labels.content import GS, Field, LabelError, check_digit_right
from coordinator.modules.purchasing.labels.identifiers import AIS, CHECKED, MEASURE_SHAPE, MEASURES, Ai

PRIMARY = {"00", "01", "253", "255", "402", "8003", "8004", "8006", "8010", "8013", "8017", "8018"}
"""Identifiers a Digital Link may begin with."""
_PREDEFINED = {
    *("00", "01", "02", "03", "04", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "41"),
    *("31", "32", "33", "34", "35", "36"),
}
"""First two digits of identifiers whose length is fixed for good, so that no separator follows (GS1, 7.8.5)."""


def known(name: str) -> bool:
    """Whether a name is an application identifier known here."""
    return _ai(name) is not None


def _ai(name: str) -> Ai | None:
    if re.fullmatch(MEASURE_SHAPE, name):
        return Ai("measure" if name[:3] in MEASURES else "other", r"[0-9]{6}", 6)
    return AIS.get(name)


def element(name: str, value: str) -> Field:
    """One element, checked.

    Raises:
        LabelError: ``label.bad_identifier``, ``label.empty_field``, ``label.bad_value``, ``label.check_digit``.
    """
    ai = _ai(name)
    if ai is None:
        raise LabelError("label.bad_identifier", value=name[:20])
    if not value:
        raise LabelError("label.empty_field", identifier=name)
    if not re.fullmatch(ai.pattern, value):
        raise LabelError("label.bad_value", identifier=name, value=value[:40])
    if name in CHECKED and not check_digit_right(value[: CHECKED[name]]):
        raise LabelError("label.check_digit", identifier=name, value=value)
    return Field(name, ai.meaning, value)


def elements(content: str) -> list[Field]:
    """Elements of a string with separators.

    Raises:
        LabelError: see ``element``; ``label.truncated`` for a fixed length cut short.
    """
    fields = []
    rest = content
    while rest:
        name = next((rest[:n] for n in (2, 3, 4) if len(rest) >= n and _ai(rest[:n]) is not None), None)
        if name is None:
            raise LabelError("label.bad_identifier", value=rest[:20])
        ai, rest = _ai(name), rest[len(name) :]
        if ai is not None and ai.length is not None and name[:2] in _PREDEFINED:
            value, rest = rest[: ai.length], rest[ai.length :]
            if len(value) < ai.length or GS in value:
                raise LabelError("label.truncated")
            rest = rest.removeprefix(GS)
        else:
            value, _, rest = rest.partition(GS)
        fields.append(element(name, value))
    if not fields:
        raise LabelError("label.unknown")
    return fields


def bracketed(content: str) -> list[Field]:
    """Elements written for people: ``(01)…(10)…``."""
    parts = re.findall(r"\(([0-9]{2,4})\)([^(]*)", content.replace(GS, ""))
    return [element(name, value.strip()) for name, value in parts]


def looks_like(content: str) -> bool:
    """Whether a string without any mark is one: it begins like a GTIN or SSCC."""
    if not re.match(r"^(?:0[12][0-9]{14}|00[0-9]{18})", content):
        return False
    try:
        elements(content)
    except LabelError as error:
        # A number that happens to begin like one is no label; more than a number was meant as one.
        return error.code != "label.check_digit" or len(content) > 18
    return True
