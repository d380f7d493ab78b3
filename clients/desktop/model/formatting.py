"""French formats, out and in: 1 234,56 €, 12/03/2026, 7 h 30; comma and dot both accepted (UIX-58)."""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from clients.desktop.model.metadata import Field
from clients.desktop.model.readable import plain, readable
from clients.desktop.model.texts import t

THIN = "\u202f"
NO_BREAK = "\u00a0"
_space = [THIN]
_SPACES = re.compile(r"[\s\u00a0\u202f]")
_DURATION = re.compile(r"^(\d+)\s*h(?:\s*(\d{1,2}))?(?:\s*min)?$", re.IGNORECASE)
_AMBIGUOUS = re.compile(r"^[+-]?[1-9]\d{0,2}[.,]\d{3}$")
_GROUPED = re.compile(r"^([+-]?[1-9]\d{0,2}(?:([.,])\d{3})(?:\2\d{3})*)(?:(?!\2)([.,])(\d+))?$")
"""« 1.234.567 », « 1,234.56 »: groups of three with one sign, then the other sign."""
_DATE = re.compile(r"^(\d{1,2})[/. -](\d{1,2})[/. -](\d{2}|\d{4})$")
_TIME = re.compile(r"^(\d{1,2})(?:[:hH](\d{2})?)?$")
_LONG_DURATION_MIN = 120


class InputError(ValueError):
    """Text that is no value of the field; the message says what to type."""


class AmbiguousNumber(InputError):
    """« 1,234 » may be 1,234 or 1 234: the person is asked."""

    def __init__(self, text: str) -> None:
        self.readings = (Decimal(text.replace(",", ".")), Decimal(re.sub(r"[.,]", "", text)))
        super().__init__(t("input.ambiguous", text=text))


def number(value: Decimal | int | float | str, decimals: int | None = None, minimum: int = 0) -> str:
    """Number with comma and thin-space thousands; at most ``decimals`` places, at least ``minimum``."""
    amount = Decimal(str(value))
    if decimals is not None:
        amount = round(amount, decimals)
    text = f"{amount:,f}"
    whole, _, places = text.partition(".")
    places = places.rstrip("0").ljust(minimum, "0")
    sign = "\u2212" if whole.startswith("-") and (whole.strip("-0,") or places.strip("0")) else ""
    return sign + whole.lstrip("-").replace(",", _space[0]) + (f",{places}" if places else "")


def set_thin_space(space: str) -> None:
    """Space between thousands, where the font in use has no narrow one."""
    _space[0] = space


def money(value: Decimal | str) -> str:
    """Amount without its sign: two places, four for a price of small parts."""
    return number(value, 4, 2)


def duration(minutes: Decimal | int | float | str) -> str:
    """Minutes under two hours, then « 7 h 30 »."""
    value = Decimal(str(minutes))
    if abs(value) < _LONG_DURATION_MIN:
        return f"{number(value, 2)}{NO_BREAK}min"
    total = int(value.to_integral_value("ROUND_HALF_UP"))
    hours, rest = divmod(abs(total), 60)
    sign = "\u2212" if total < 0 else ""
    return f"{sign}{number(hours)}{NO_BREAK}h" + (f"{NO_BREAK}{rest:02d}" if rest else "")


def date(value: str | dt.date) -> str:
    """Day as 12/03/2026."""
    day = value if isinstance(value, dt.date) else dt.date.fromisoformat(value[:10])
    return day.strftime("%d/%m/%Y")


def instant(value: str | dt.datetime, zone: dt.tzinfo | None = None) -> str:
    """Instant in local time, 24 h."""
    moment = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value)
    return moment.astimezone(zone).strftime("%d/%m/%Y %H:%M")


def cell(field: Field, record: dict[str, Any]) -> str:
    """Value of a field in a table: the unit stands in the header."""
    return _shown(field, record.get(field.name), record, with_unit=False)


def text_of(field: Field, record: dict[str, Any]) -> str:
    """Value of a field alone, with its unit."""
    return _shown(field, record.get(field.name), record, with_unit=True)


def header(field: Field) -> str:
    """Head of a column with the unit; durations carry their own."""
    return field.label if not field.unit or field.is_duration else f"{field.label} ({field.unit})"


def _shown(field: Field, value: Any, record: dict[str, Any], *, with_unit: bool) -> str:
    if value is None or value == "":
        return ""
    if field.is_duration:
        return duration(value)
    if field.is_numeric:
        return numeric(field, value) + (f"{NO_BREAK}{field.unit}" if with_unit and field.unit else "")
    if field.type == "boolean":
        return t("yes") if value else t("no")
    if field.type == "date":
        return date(value)
    if field.type == "datetime":
        return instant(value)
    if field.type == "choice":
        return _word(field, value)
    if field.type == "reference":
        return reference(field, record)
    if field.type in {"choices", "words"} and isinstance(value, list):
        return ", ".join(_word(field, part) for part in value)
    if field.type == "json":
        return readable(value) if with_unit else readable(value).replace("\n", " · ")
    return _word(field, value) if field.choices else plain(value)


def _word(field: Field, value: Any) -> str:
    found = field.choice(value)
    return found.label if found else str(value)


def numeric(field: Field, value: Any) -> str:
    """Number of a field, without unit."""
    try:
        return money(value) if field.type == "money" else number(value, field.decimals)
    except InvalidOperation:
        return str(value)


def reference(field: Field, record: dict[str, Any]) -> str:
    """Name of a referenced record."""
    link = record.get(field.name.removesuffix("_id"))
    if isinstance(link, dict):
        return str(link.get("display", ""))
    value = record.get(field.name)
    return "" if value is None else t("reference.number", number=value)


def parse_number(text: str, *, decimals: int | None = None) -> Decimal:
    """Number typed by a person.

    Raises:
        AmbiguousNumber: « 1,234 » and « 1.234 ». InputError: anything that is no number, or has too many places.
    """
    raw = _SPACES.sub("", text).replace("\u2212", "-")
    if _AMBIGUOUS.match(raw):
        if decimals != 0:
            raise AmbiguousNumber(raw)
        raw = re.sub(r"[.,]", "", raw)
    elif grouped := _GROUPED.match(raw):
        raw = re.sub(r"[.,]", "", grouped[1]) + "." + (grouped[4] or "0")
    raw = raw.replace(",", ".")
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", raw):
        raise InputError(t("input.number"))
    value = Decimal(raw)
    exponent = value.normalize().as_tuple().exponent
    if decimals is not None and isinstance(exponent, int) and -exponent > decimals:
        raise InputError(t("input.decimals", count=decimals) if decimals else t("input.integer"))
    return value


def parse_date(text: str) -> dt.date:
    """Day typed as 12/03/2026, 12/3/26, 12.03.2026 or 2026-03-12.

    Raises:
        InputError: no such day.
    """
    raw = text.strip()
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", raw):
            return dt.date.fromisoformat(raw)
        found = _DATE.match(raw)
        if found is None:
            raise InputError(t("input.date"))
        day, month, year = (int(part) for part in found.groups())
        return dt.date(year + 2000 if year < 100 else year, month, day)
    except ValueError:
        raise InputError(t("input.date")) from None


def parse_instant(text: str, zone: dt.tzinfo | None = None) -> dt.datetime:
    """Instant typed as 12/03/2026 14:30, local time; answered in UTC.

    Raises:
        InputError: no such instant.
    """
    first, _, rest = text.strip().partition(" ")
    day = parse_date(first)
    found = _TIME.match(rest.strip() or "0")
    if found is None or int(found[1]) > 23 or int(found[2] or 0) > 59:
        raise InputError(t("input.datetime"))
    local = dt.datetime(day.year, day.month, day.day, int(found[1]), int(found[2] or 0), tzinfo=zone)
    return local.astimezone(dt.UTC)


def parse(field: Field, text: str) -> Any:
    """JSON value of a typed text; empty is ``None``.

    Raises:
        InputError: the text is no value of the field.
    """
    raw = text.strip()
    if not raw:
        return None
    if field.is_duration and (found := _DURATION.match(raw)):
        return str(int(found[1]) * 60 + int(found[2] or 0))
    if field.is_numeric:
        value = parse_number(raw, decimals=field.decimals if field.type != "integer" else 0)
        return int(value) if field.type == "integer" else format(value, "f")
    if field.type == "date":
        return parse_date(raw).isoformat()
    if field.type == "datetime":
        return parse_instant(raw).isoformat().replace("+00:00", "Z")
    if field.type == "words":
        return [line.strip() for line in raw.splitlines() if line.strip()]
    if field.type == "json":
        try:
            return json.loads(raw)
        except ValueError:
            raise InputError(t("input.json")) from None
    if field.type == "email" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", raw):
        raise InputError(t("input.email"))
    if field.max_length and len(raw) > field.max_length:
        raise InputError(t("input.too_long", max=field.max_length))
    return raw


def editable(field: Field, value: Any) -> str:
    """Text an editor starts from; :func:`parse` gives the value back."""
    if value is None:
        return ""
    if field.is_numeric:
        return numeric(field, value)
    if field.type == "date":
        return date(value)
    if field.type == "datetime":
        return instant(value)
    if field.type == "words" and isinstance(value, list):
        return "\n".join(str(part) for part in value)
    if field.type == "json":
        return json.dumps(value, ensure_ascii=False, indent=2)
    return str(value)
