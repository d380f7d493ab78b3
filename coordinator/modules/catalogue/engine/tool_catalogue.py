"""Reads tool catalogues of suppliers: CSV, ISO 13399 properties in XML or STEP P21, GTC packages (ZIP) of such. Pure.

Makers write the same thing in many shapes, so nothing depends on one file: an article is whatever carries a reference
and properties under ISO 13399 codes (DC, OAL, APMX…), as columns, attributes or nested elements.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser, fromstring

from coordinator.modules.catalogue.engine import p21

MAX_BYTES = 200_000_000
MAX_ARTICLES = 50_000
_TOO_MUCH = 10**9
"""No price, length or delay of a tool; a number such as 1e999999 would take all memory."""
_CODE = re.compile(r"^(?=.*[A-Z])[A-Z][A-Z0-9]{1,11}(?:_\d{1,2})?$")
_REFERENCE = (
    "reference",
    "référence",
    "ref",
    "articlenumber",
    "orderingcode",
    "ordercode",
    "productid",
    "itemid",
    "article",
    "code",
    "id",
)
_WORDS = {
    "description": ("description", "désignation", "designation", "name", "nom", "libellé", "bezeichnung"),
    "manufacturer": ("manufacturer", "fabricant", "marque", "brand", "hersteller", "vendor"),
    "price": ("price", "prix", "unitprice", "prixunitaire", "preis", "tarif"),
    "pack_qty": ("pack", "packqty", "conditionnement", "lot", "packaging"),
    "lead_time_days": ("leadtime", "délai", "delai", "leadtimedays", "délaijours"),
    "url": ("url", "link", "lien", "website"),
    "kind": ("type", "tooltype", "famille", "family", "class", "gtcclass", "catégorie"),
}
_KINDS = (
    ("spot_drill", r"spot|pointer|pointage|centrer|anbohr"),
    ("countersink", r"countersink|fraisure|chanfrein|senk"),
    ("thread_mill", r"thread.?mill|fraise à fileter|gewindefräs"),
    ("tap", r"\btaps?\b|taraud|gewindebohr"),
    ("reamer", r"ream|alésoir|alesoir|reibahle"),
    ("boring_bar", r"boring bar|barre d.al[ée]sage|bohrstange"),
    ("t_slot_mill", r"rainures? (?:en )?t\b|t[- ]?slot|t-nutenfr"),
    ("slitting_saw", r"fraise[- ]scie|slitting saw|metallkreiss(ä|ae)ge"),
    ("slotting", r"outil [àa] mortaiser|slotting (tool|bar)|sto(ß|ss)(werkzeug|stahl)"),
    ("drill", r"drill|foret|bohrer"),
    ("ball_mill", r"ball|hémisph|hemisph|kugel"),
    ("face_mill", r"face.?mill|surfac|planfräs"),
    ("slot_mill", r"slot.?mill|rainur|nutenfräs"),
    ("end_mill", r"end.?mill|fraise|schaftfräs|mill"),
    ("holder", r"holder|porte|attachement|aufnahme|chuck|mandrin"),
    ("insert", r"insert|plaquette|wendeplatte|schneidplatte"),
)


@dataclass(frozen=True)
class CatalogueTool:
    """An article of a catalogue; properties under their ISO 13399 codes."""

    reference: str
    description: str = ""
    manufacturer: str = ""
    tool_type: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    price: Decimal | None = None
    pack_qty: Decimal | None = None
    lead_time_days: int | None = None
    url: str | None = None


@dataclass(frozen=True)
class CatalogueReading:
    """Articles read, and what could not be read: place and code of the reason."""

    tools: tuple[CatalogueTool, ...]
    faults: tuple[tuple[str, str], ...] = ()


class CatalogueError(Exception):
    """The file is no catalogue: stable code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_catalogue(data: bytes, name: str) -> CatalogueReading:
    """Articles of a file.

    Raises:
        CatalogueError: ``too_big``, ``not_a_catalogue``, ``unsafe_xml``, ``bad_zip``, ``no_article``.
    """
    if len(data) > MAX_BYTES:
        raise CatalogueError("too_big")
    faults: list[tuple[str, str]] = []
    tools: dict[str, CatalogueTool] = {}
    for place, found in _articles(data, name, faults):
        if not found.reference:
            faults.append((place, "no_reference"))
        elif len(tools) < MAX_ARTICLES:
            tools[found.reference] = _merged(tools.get(found.reference), found)
    if not tools:
        raise CatalogueError("no_article")
    return CatalogueReading(tuple(tools.values()), tuple(faults))


def _articles(data: bytes, name: str, faults: list[tuple[str, str]]) -> Iterator[tuple[str, CatalogueTool]]:
    if data[:2] == b"PK":
        yield from _package(data, faults)
    elif data.lstrip()[:1] == b"<":
        yield from _xml(data, name)
    elif p21.is_p21(data):
        yield from _p21(data, name)
    elif b"\x00" in data[:4000]:
        raise CatalogueError("not_a_catalogue")
    else:
        yield from _csv(data)


def _package(data: bytes, faults: list[tuple[str, str]]) -> Iterator[tuple[str, CatalogueTool]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        raise CatalogueError("bad_zip") from None
    total = 0
    for entry in archive.infolist():
        suffix = entry.filename.lower().rsplit(".", 1)[-1]
        if entry.is_dir() or suffix not in _READ:
            continue
        total += entry.file_size
        if total > MAX_BYTES:
            raise CatalogueError("too_big")
        try:
            content = archive.read(entry)
        except (
            zipfile.BadZipFile,
            zlib.error,
            RuntimeError,
            EOFError,
        ):  # damaged, of another method, or locked
            faults.append((entry.filename, "bad_zip"))
            continue
        try:
            yield from _READ[suffix](content, entry.filename)
        except CatalogueError as error:
            faults.append((entry.filename, error.code))


def _merged(known: CatalogueTool | None, found: CatalogueTool) -> CatalogueTool:
    """The same article told in two files of a package."""
    if known is None:
        return found
    values = {
        name: getattr(found, name) if getattr(found, name) not in (None, "") else getattr(known, name)
        for name in ("description", "manufacturer", "tool_type", "price", "pack_qty", "lead_time_days", "url")
    }
    return CatalogueTool(found.reference, properties={**known.properties, **found.properties}, **values)


def _key(text: str) -> str:
    return re.sub(r"[\W_]", "", text).lower()


def _csv(data: bytes) -> Iterator[tuple[str, CatalogueTool]]:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    try:
        dialect = csv.Sniffer().sniff(text[:8000], delimiters=";,\t|")
    except csv.Error:
        raise CatalogueError("not_a_catalogue") from None
    rows = csv.reader(io.StringIO(text), dialect)
    heads = [head.strip() for head in next(rows, [])]
    if len(heads) < 2:
        raise CatalogueError("not_a_catalogue")
    try:
        for number, row in enumerate(rows, 2):
            if any(cell.strip() for cell in row):
                cells = [(head, cell.strip()) for head, cell in zip(heads, row, strict=False) if cell.strip()]
                yield f"ligne {number}", _tool(cells)
    except csv.Error:  # a cell without end
        raise CatalogueError("not_a_catalogue") from None


def _p21(data: bytes, name: str) -> Iterator[tuple[str, CatalogueTool]]:
    """One tool per file, named by its item or, without one, by the file."""
    try:
        found = p21.values(data)
    except ValueError:
        raise CatalogueError("too_big") from None
    stem = name.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    cells = [(head, value) for head, value in found.items() if head != "ITEM"]
    if not cells:
        raise CatalogueError("no_article")
    yield name, _tool([("reference", found.get("ITEM", stem)), *cells])


def _tool(cells: list[tuple[str, str]]) -> CatalogueTool:
    """An article of named values; the first of the usual names wins."""
    plain = {_key(head): cell for head, cell in reversed(cells)}
    values = {
        name: next((plain[_key(w)] for w in words if _key(w) in plain), "") for name, words in _WORDS.items()
    }
    properties = {
        head: _value(cell) for head, cell in cells if _CODE.match(head) and _key(head) not in _REFERENCE
    }
    reference = next((plain[_key(w)] for w in _REFERENCE if _key(w) in plain), "")
    words = " ".join((values["kind"], values["description"]))
    return CatalogueTool(
        reference[:120],
        values["description"][:500],
        values["manufacturer"][:120],
        kind_of(words),
        properties,
        _decimal(values["price"]),
        _decimal(values["pack_qty"]),
        int(days) if (days := _decimal(values["lead_time_days"])) is not None else None,
        values["url"][:500] if values["url"].startswith("http") else None,
    )


def kind_of(words: str) -> str | None:
    """Kind of tool that words in French, English or German name."""
    text = words.lower()
    return next((kind for kind, pattern in _KINDS if re.search(pattern, text)), None)


def _value(text: str) -> Any:
    number = _decimal(text)
    return text if number is None else float(number)


def _decimal(text: str) -> Decimal | None:
    plain = re.sub(r"[\s\u00a0\u202f€]", "", text).replace(",", ".")
    try:
        value = Decimal(plain)
    except InvalidOperation:
        return None
    return value if value.is_finite() and -_TOO_MUCH < value < _TOO_MUCH else None


def _xml(data: bytes, name: str) -> Iterator[tuple[str, CatalogueTool]]:
    try:
        root = fromstring(data, XMLParser(target=_NoDoctype()))  # noqa: S314 — no DTD, hence no entity
        records = list(_records(root))
    except (ParseError, RecursionError):
        raise CatalogueError("not_a_catalogue") from None
    for number, record in enumerate(records, 1):
        yield f"{name}, article {number}", _tool(_cells(record))


class _NoDoctype(TreeBuilder):
    """Stops at a document type, wherever and in whatever encoding it stands, before any entity is read."""

    def doctype(self, *_told: object) -> None:
        raise CatalogueError("unsafe_xml")


def _local(element: Element) -> str:
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""


def _property(element: Element) -> tuple[str, str] | None:
    """Code and value of an element that is a property, in any of the usual shapes."""
    children = {_key(_local(child)): (child.text or "").strip() for child in element}
    attributes = {_key(name.rsplit("}", 1)[-1]): value.strip() for name, value in element.attrib.items()}
    found = {**children, **attributes}
    code = next(
        (
            found[n]
            for n in ("shortname", "code", "propertycode", "symbol", "name", "id")
            if _CODE.match(found.get(n, ""))
        ),
        "",
    )
    if not code and _CODE.match(_local(element)) and not list(element):
        code = _local(element)
    value = next(
        (found[n] for n in ("value", "propertyvalue", "val", "content") if found.get(n)),
        (element.text or "").strip(),
    )
    return (code, value) if code and value else None


def _records(root: Element) -> Iterator[Element]:
    """The innermost elements that hold at least two properties and are no properties themselves."""

    def visit(element: Element) -> tuple[int, list[Element]]:
        if _property(element) is not None:
            return 1, []
        count, inside = 0, []
        for child in element:
            own, found = visit(child)
            count += own
            inside += found
        if inside:
            return 0, inside
        named = bool(_reference(element))
        if count >= 2 and named:
            return 0, [element]
        return count, []

    yield from visit(root)[1]


def _reference(element: Element) -> str:
    names = [_key(n) for n in _REFERENCE]
    found = {_key(n.rsplit("}", 1)[-1]): v for n, v in element.attrib.items()}
    found |= {_key(_local(c)): (c.text or "").strip() for c in element if not list(c)}
    return next((found[n] for n in names if found.get(n)), "")


def _cells(record: Element) -> list[tuple[str, str]]:
    cells = [(name.rsplit("}", 1)[-1], value) for name, value in record.attrib.items()]
    for element in record.iter():
        if element is record:
            continue
        found = _property(element)
        if found is not None:
            cells.append(found)
        elif not list(element) and (element.text or "").strip():
            cells.append((_local(element), (element.text or "").strip()))
    return cells


_READ = {
    "xml": _xml,
    "csv": lambda data, _name: _csv(data),
    "p21": _p21,
}
"""Readers by the ending of a file in a package."""
