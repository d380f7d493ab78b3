"""Search over menu and objects (UIX-06), within the person's rights."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from clients.desktop.model.api import ApiClient
from clients.desktop.model.errors import ApiError, SessionExpired, Unreachable
from clients.desktop.model.metadata import Entity, Metadata

FIRST = (
    "customer", "quote", "sales_order", "work_order", "invoice", "part", "machine", "tool", "material", "supplier",
    "employee", "stock_item", "storage_location", "delivery_note", "purchase_order", "routing", "document",
)  # fmt: skip
"""Entities searched first: what people look for by number or name."""
_OTHERS = 8


@dataclass(frozen=True)
class Hit:
    """Something found: a list (``record_id`` None) or a record."""

    entity: Entity
    record_id: int | None
    title: str


def folded(text: str) -> str:
    """Text without case and accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))


def search_menu(metadata: Metadata, words: str) -> list[Hit]:
    """Lists whose name holds all the words; those that begin with them come first."""
    parts = folded(words).split()
    found = [
        (e, folded(e.label_plural))
        for e in metadata.entities.values()
        if e.menu_group and all(p in folded(e.label_plural) for p in parts)
    ]
    found.sort(key=lambda pair: (bool(parts) and not pair[1].startswith(parts[0]), pair[1]))
    return [Hit(e, None, e.label_plural) for e, _ in found]


def searched_entities(metadata: Metadata) -> list[Entity]:
    """Entities asked for objects, the usual ones first."""
    usable = [e for e in metadata.entities.values() if e.search_fields and e.menu_group]
    first = [e for name in FIRST for e in usable if e.name == name]
    others = [e for e in usable if e.name not in FIRST and e.may("create")]
    return first + others[:_OTHERS]


def search_everywhere(api: ApiClient, metadata: Metadata, words: str) -> list[Hit]:
    """Objects that hold the words, a few per entity; an entity that refuses is left out."""
    if words.startswith("gu:"):
        return _by_code(api, metadata, words)
    hits: list[Hit] = []
    for entity in searched_entities(metadata):
        try:
            page = api.page(entity.plural, {"q": words, "limit": 5})
        except (SessionExpired, Unreachable):
            raise
        except ApiError:
            continue
        hits += [Hit(entity, int(r["id"]), str(r.get("display") or f"#{r['id']}")) for r in page.items]
        if len(hits) >= 40:
            break
    return hits


def _by_code(api: ApiClient, metadata: Metadata, code: str) -> list[Hit]:
    found = api.code(code)
    entity = metadata.entities.get(str(found.get("kind")))
    target = found.get("object")
    if entity is None or not isinstance(target, dict) or "id" not in target:
        return []
    return [Hit(entity, int(target["id"]), str(found.get("display", code)))]
