"""MTConnect documents: pure reading of what an agent sends, whatever its version (1.3 to 2.x)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree

MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
_NAMESPACE = re.compile(r"urn:mtconnect\.org:MTConnect(Streams|Devices|Error|Assets):(\d+)\.(\d+)")
_LEVELS = {"Fault": 1000, "Warning": 500}
UNAVAILABLE = "UNAVAILABLE"


class DocumentError(ValueError):
    """Not an MTConnect document of a known version. The text is French."""


class AgentError(Exception):
    """The agent answered with an error document; ``code`` is its errorCode, such as OUT_OF_RANGE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} : {message}")
        self.code = code


@dataclass(frozen=True)
class Header:
    """Where a document stands in the agent's buffer."""

    instance_id: str
    version: tuple[int, int]
    created: float | None
    first: int
    last: int
    next: int


@dataclass(frozen=True)
class DataItem:
    """One declared data item with the component it belongs to."""

    id: str
    category: str
    type: str
    sub_type: str
    component: str
    component_name: str
    units: str


@dataclass(frozen=True)
class Observation:
    """One value or condition; ``level`` is set for conditions (0 normal, 500 warning, 1000 fault, ``None`` unavailable)."""

    item_id: str
    text: str
    at: float
    sequence: int
    is_condition: bool = False
    level: int | None = None
    code: str = ""
    key: str = ""


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def parse(data: bytes) -> ElementTree.Element:
    """Root of a document; an error document raises ``AgentError``, anything else unknown ``DocumentError``."""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise DocumentError("document MTConnect trop grand")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise DocumentError("document MTConnect avec une déclaration de type : refusé")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - no document type gets this far
    except ElementTree.ParseError as error:
        raise DocumentError(f"document MTConnect illisible : {error}") from None
    found = _NAMESPACE.match(root.tag[1:].partition("}")[0]) if root.tag.startswith("{") else None
    if found is None or not _local(root.tag).startswith("MTConnect"):
        raise DocumentError(f"ce n'est pas un document MTConnect : {root.tag[:80]}")
    if not (1, 0) <= (int(found[2]), int(found[3])) < (3, 0):
        raise DocumentError(f"version MTConnect {found[2]}.{found[3]} inconnue")
    if _local(root.tag) == "MTConnectError":
        for element in root.iter():
            if "errorCode" in element.attrib:
                raise AgentError(element.attrib["errorCode"], (element.text or "").strip())
        raise AgentError("ERROR", "sans précision")
    return root


def header(root: ElementTree.Element) -> Header:
    """Header of any document. Raises ``DocumentError``."""
    found = next((child for child in root if _local(child.tag) == "Header"), None)
    namespace = _NAMESPACE.match(root.tag[1:].partition("}")[0])
    if found is None or namespace is None or "instanceId" not in found.attrib:
        raise DocumentError("document MTConnect sans en-tête")
    values = found.attrib
    try:
        return Header(
            values["instanceId"],
            (int(namespace[2]), int(namespace[3])),
            moment(values.get("creationTime", "")),
            int(values.get("firstSequence", 0)),
            int(values.get("lastSequence", 0)),
            int(values.get("nextSequence", 0)),
        )
    except ValueError:
        raise DocumentError("en-tête MTConnect illisible") from None


def moment(text: str) -> float | None:
    """Epoch seconds of a timestamp; a duration behind ``@`` is left out; ``None`` when it is none."""
    try:
        found = datetime.fromisoformat(text.partition("@")[0].strip())
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def devices(root: ElementTree.Element) -> dict[str, list[DataItem]]:
    """Data items of every device, by its name and its uuid."""
    found: dict[str, list[DataItem]] = {}
    for element in root.iter():
        if _local(element.tag) == "Device":
            items = list(_items(element, "Device", element.attrib.get("name", "")))
            for name in {element.attrib.get("name", ""), element.attrib.get("uuid", "")} - {""}:
                found[name] = items
    return found


def _items(element: ElementTree.Element, component: str, name: str) -> Iterator[DataItem]:
    for child in element:
        tag = _local(child.tag)
        if tag == "DataItems":
            for item in child:
                values = item.attrib
                if _local(item.tag) == "DataItem" and "id" in values:
                    yield DataItem(
                        values["id"],
                        values.get("category", ""),
                        values.get("type", "").upper(),
                        values.get("subType", "").upper(),
                        component,
                        name,
                        values.get("units", ""),
                    )
        elif tag == "Components":
            for inner in child:
                yield from _items(inner, _local(inner.tag), inner.attrib.get("name", ""))


def observations(root: ElementTree.Element, device: str | None) -> list[Observation]:
    """Everything a streams document tells of a device, in order of sequence."""
    found: list[Observation] = []
    for stream in root.iter():
        if _local(stream.tag) != "DeviceStream":
            continue
        names = (stream.attrib.get("name"), stream.attrib.get("uuid"))
        if device is not None and device not in names:
            continue
        for component in stream:
            for group in component:
                is_condition = _local(group.tag) == "Condition"
                found += [_observation(element, is_condition=is_condition) for element in group]
    return sorted(found, key=lambda one: one.sequence)


def _observation(element: ElementTree.Element, *, is_condition: bool) -> Observation:
    values, text = element.attrib, (element.text or "").strip()
    item_id = values.get("dataItemId", "")
    at = moment(values.get("timestamp", "")) or 0.0
    sequence = int(values["sequence"]) if values.get("sequence", "").isdigit() else 0
    if not is_condition:
        return Observation(item_id, text, at, sequence)
    tag, code = _local(element.tag), values.get("nativeCode", "")
    level = _LEVELS.get(tag, 0 if tag == "Normal" else None)
    key = values.get("conditionId") or code
    return Observation(item_id, text, at, sequence, True, level, code or values.get("type", tag), key)
