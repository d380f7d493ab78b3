"""From the raw content of one or several codes of a label to what it says.

Raises ``LabelError`` with a code of the catalogue: ``label.unknown`` for what is no supplier's label, and others for
one that is damaged. A label in doubt is refused as a whole: a wrong lot is worse than one typed by hand.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from urllib.parse import parse_qsl, unquote, urlsplit

from coordinator.modules.purchasing.labels import gs1
from coordinator.modules.purchasing.labels.content import (
    EOT,
    GS,
    RS,
    UNITS,
    Field,
    LabelError,
    SupplierLabel,
    date,
    number,
)
from coordinator.modules.purchasing.labels.identifiers import (
    DATA_IDENTIFIERS,
    DAY_FIRST,
    DI_SHAPE,
    MEASURES,
    TEXT_ELEMENTS,
)
from edge_agents.protocol import label_fields

MOST_CHARACTERS = 4000
_SYMBOLOGY = re.compile(r"^\](?:[A-Za-z][0-9A-Za-z])")
_GS1_SYMBOLOGIES = ("]C1", "]d2", "]Q3", "]e0", "]J1")
_VISIBLE = {
    "\u241d": GS,
    "\u241e": RS,
    "\u2404": EOT,
    "<GS>": GS,
    "<RS>": RS,
    "<EOT>": EOT,
    "{GS}": GS,
    "{RS}": RS,
    "{EOT}": EOT,
    "[GS]": GS,
    "[RS]": RS,
    "[EOT]": EOT,
}
"""How readers and printers show what cannot be seen."""
_DI = re.compile(rf"^({DI_SHAPE})(.+)$", re.DOTALL)


def read(contents: Sequence[str], today: dt.date) -> SupplierLabel:
    """One label from the contents of its codes (one two-dimensional code, or several codes of one field each).

    Raises:
        LabelError: ``label.unknown``, ``label.truncated``, ``label.no_separator``, ``label.empty_field``,
            ``label.bad_identifier``, ``label.bad_number``, ``label.bad_date``, ``label.check_digit``,
            ``label.contradiction``, ``label.too_long``, ``label.compressed_link``.
    """
    syntaxes: list[str] = []
    fields: list[Field] = []
    for content in contents:
        if len(content) > MOST_CHARACTERS:
            raise LabelError("label.too_long")
        syntax, found = _fields(_plain(content))
        syntaxes.append(syntax)
        fields += [field for field in found if field not in fields]
    if not fields:
        raise LabelError("label.unknown")
    return _understood(syntaxes[0], fields, today)


def _plain(content: str) -> str:
    for shown, meant in _VISIBLE.items():
        content = content.replace(shown, meant)
    return content.strip(" \r\n\t")


def _fields(content: str) -> tuple[str, list[Field]]:
    mark = _SYMBOLOGY.match(content)
    is_gs1 = mark is not None and mark.group() in _GS1_SYMBOLOGIES
    if mark is not None:
        content = content[len(mark.group()) :]
    if content.startswith("[)>"):
        return _enveloped(content)
    if is_gs1 or content.startswith(GS):
        return "gs1", gs1.elements(content.lstrip(GS))
    if re.match(r"https?://", content, re.IGNORECASE):
        return "gs1_link", _link(content)
    if re.match(r"\([0-9]{2,4}\)", content):
        return "gs1", gs1.bracketed(content)
    if gs1.looks_like(content):
        return "gs1", gs1.elements(content)
    return "mh10", _loose(content)


def _enveloped(content: str) -> tuple[str, list[Field]]:
    """ISO/IEC 15434: ``[)>`` RS, then format by format: two digits, its data, RS; EOT at the end."""
    body = content[3:]
    if not body.startswith(RS):
        # Some readers drop what they cannot type; the rest is only sure while fields are still apart.
        if GS not in body:
            raise LabelError("label.no_separator")
        body = RS + body
    ended = body.rstrip(EOT)
    if ended == body and not body.endswith(RS):
        raise LabelError("label.truncated")
    fields: list[Field] = []
    kinds: list[str] = []
    for part in ended.strip(RS).split(RS):
        kind, data = part[:2], part[2:]
        if kind not in {"05", "06", "12"}:
            raise LabelError("label.format", format=kind or "—")
        if not data.startswith(GS):
            raise LabelError("label.no_separator")
        kinds.append(kind)
        if kind == "05":
            fields += gs1.elements(data[1:])
        else:
            fields += [(_di if kind == "06" else _text_element)(one) for one in data[1:].rstrip(GS).split(GS)]
    return f"iso15434_{kinds[0]}", fields


def _di(text: str) -> Field:
    if not text:
        raise LabelError("label.empty_field", identifier="—")
    found = _DI.match(text)
    if found is None:
        name = re.match(rf"^{DI_SHAPE}$", text)
        if name is not None:
            raise LabelError("label.empty_field", identifier=text)
        raise LabelError("label.bad_identifier", value=text[:20])
    identifier, value = found.group(1), found.group(2).strip()
    if not value:
        raise LabelError("label.empty_field", identifier=identifier)
    if identifier == "H" and re.search(r"\+[A-Z]{1,3}$", value):
        return Field(identifier, "party", value)
    return Field(identifier, DATA_IDENTIFIERS.get(identifier, "other"), value)


def _text_element(text: str) -> Field:
    """Spec 2000: three letters, a blank, the value."""
    found = re.match(r"^([A-Z]{3})[ /]?(.*)$", text, re.DOTALL)
    if found is None:
        raise LabelError("label.bad_identifier", value=text[:20])
    if not found.group(2).strip():
        raise LabelError("label.empty_field", identifier=found.group(1))
    return Field(found.group(1), TEXT_ELEMENTS.get(found.group(1), "other"), found.group(2).strip())


def _loose(content: str) -> list[Field]:
    """Data identifiers without an envelope: several, apart by separators, or a code of one field."""
    parts = [part for part in re.split(f"[{GS}{RS}]", content.strip(RS + GS + EOT)) if part]
    if len(parts) > 1:
        fields = [_di(part) for part in parts]
        if all(field.meaning == "other" for field in fields):
            raise LabelError("label.unknown")
        return fields
    if label_fields.single(content) is None:
        raise LabelError("label.unknown")
    field = _di(content)
    return [field]


def _link(content: str) -> list[Field]:
    """GS1 Digital Link: pairs of identifier and value in the path, further ones in the query."""
    try:
        address = urlsplit(content)
    except ValueError:
        raise LabelError("label.unknown") from None
    steps = [unquote(step) for step in address.path.split("/") if step]
    names = {"gtin": "01", "lot": "10", "ser": "21", "cpv": "22", "sscc": "00", "itip": "8006", "exp": "17"}
    first = next((i for i, step in enumerate(steps) if names.get(step, step) in gs1.PRIMARY), None)
    if first is None:
        raise LabelError("label.unknown")
    rest = steps[first:]
    if len(rest) % 2:
        raise LabelError("label.truncated")
    pairs = list(zip(rest[::2], rest[1::2], strict=True))
    pairs += [(name, value) for name, value in parse_qsl(address.query) if gs1.known(names.get(name, name))]
    return [
        gs1.element(names.get(name, name), value.zfill(14) if names.get(name, name) == "01" else value)
        for name, value in pairs
    ]


def _understood(syntax: str, fields: list[Field], today: dt.date) -> SupplierLabel:
    fields = _resolved(fields)
    for meaning in ("our_part", "gtin", "heat", "order", "package", "plate"):
        values = {field.value for field in fields if field.meaning == meaning}
        if len(values) > 1:
            raise LabelError("label.contradiction", values=", ".join(sorted(values))[:80])
    quantity, unit = _quantity(fields)
    made = _dated(fields, today, "made", "made_hour")
    expires = _dated(fields, today, "expires", "expires_hour", "best_before")
    return SupplierLabel(syntax, tuple(fields), quantity, unit, made, expires)


def _resolved(fields: list[Field]) -> list[Field]:
    """Fields whose meaning depends on what else stands on the label."""
    found = []
    for field in fields:
        if field.meaning == "supplier_part_level":
            own = any(other.meaning == "supplier_part" for other in fields)
            is_number = len(field.value) > 3 and any(c.isdigit() for c in field.value)
            found.append(replace(field, meaning="supplier_part" if is_number and not own else "other"))
        elif field.meaning == "order_and_line" and field.value.count("+") == 1:
            order, line = field.value.split("+")
            found += [
                replace(field, meaning="order", value=order),
                replace(field, meaning="order_line", value=line),
            ]
        else:
            found.append(field)
    return found


def _dated(fields: list[Field], today: dt.date, *meanings: str) -> dt.date | None:
    """Date of the first of these meanings on the label.

    Raises:
        LabelError: ``label.bad_date``, ``label.contradiction``.
    """
    for meaning in meanings:
        texts = [
            (f.identifier, f.value[:6] if meaning.endswith("_hour") else f.value)
            for f in fields
            if f.meaning == meaning
        ]
        days = {date(name, _year_first(name, text), today) for name, text in texts}
        if len(days) > 1:
            raise LabelError("label.contradiction", values=", ".join(text for _, text in texts)[:80])
        if days:
            return days.pop()
    return None


def _year_first(identifier: str, text: str) -> str:
    return text[4:] + text[2:4] + text[:2] if identifier in DAY_FIRST and len(text) == 8 else text


def _quantity(fields: list[Field]) -> tuple[Decimal | None, str | None]:
    """Pieces before measures; a unit beside the quantity counts for it."""
    unit = next((UNITS.get(f.value.upper(), f.value) for f in fields if f.meaning == "unit"), None)
    found: list[tuple[Decimal, str | None]] = []
    for field in fields:
        if field.meaning == "quantity":
            text, own = _split_unit(field.value)
            found.append((number(field.identifier, text), own or unit))
        elif field.meaning == "quantity_unit":
            found.append(
                (
                    number(field.identifier, field.value[:-2]),
                    UNITS.get(field.value[-2:].upper(), field.value[-2:]),
                )
            )
        elif field.meaning in {"count", "contained"}:
            found.append((number(field.identifier, field.value), "pce"))
    if len({value for value, _ in found}) > 1:
        raise LabelError("label.contradiction", values=", ".join(f"{value:f}" for value, _ in found))
    if not found:
        for field in fields:
            if field.meaning == "measure":
                value = number(field.identifier, field.value).scaleb(-int(field.identifier[3]))
                return _positive(field.identifier, value), MEASURES[field.identifier[:3]]
        return None, None
    value, name = next((pair for pair in found if pair[1] is not None), found[0])
    return _positive("Q", value), name


def _positive(identifier: str, value: Decimal) -> Decimal:
    if value <= 0:
        raise LabelError("label.bad_number", identifier=identifier, value=f"{value:f}")
    return value


def _split_unit(text: str) -> tuple[str, str | None]:
    found = re.match(r"^([0-9.,]+)\s*([A-Za-z0-9]{1,4})?$", text)
    if found is None or found.group(2) is None:
        return text, None
    if found.group(2).upper() not in UNITS:
        return text, None
    return found.group(1), UNITS[found.group(2).upper()]
