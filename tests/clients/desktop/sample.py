"""Metadata of a small server."""

from __future__ import annotations

from typing import Any

from clients.desktop.model.metadata import Metadata


def entity(name: str = "customer", **over: Any) -> dict[str, Any]:
    rights = dict.fromkeys(("read", "create", "update", "delete", "export", "validate"), True)
    fields = [
        {"name": "name", "label": "Nom", "type": "text", "required": True, "max_length": 20, "new_server_key": 1},
        {"name": "phone", "label": "Téléphone", "type": "text"},
        {"name": "limit", "label": "Encours", "type": "money", "unit": "€", "decimals": 2},
        {"name": "site_id", "label": "Site", "type": "reference", "target": "sites"},
        {"name": "status", "label": "État", "type": "choice", "read_only": True,
         "choices": [{"value": "draft", "label": "brouillon", "tone": "muted"}, {"value": "active", "label": "actif", "tone": "success"}]},
    ]  # fmt: skip
    made = {
        "name": name, "plural": f"{name}s", "label": "client", "label_plural": "Clients", "menu_group": "parties", "title_field": "name",
        "fields": fields, "list_fields": ["name", "status", "hidden"], "search_fields": ["name"], "default_sort": "name", "rights": rights,
        "archivable": True, "status_field": "status", "actions": [],
    }  # fmt: skip
    return {**made, **over}


def metadata(*entities: dict[str, Any], menu: list[dict[str, Any]] | None = None) -> Metadata:
    names = [e["name"] for e in entities]
    groups = menu or [{"group": "parties", "label": "Clients et fournisseurs", "entities": names}]
    return Metadata.from_json({"entities": list(entities), "menu": groups, "modules": []})
