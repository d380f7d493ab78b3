"""The operations of the client, typed; pages start them through the runner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clients.desktop.model.api import ApiClient, Page, Record, SignedIn
from clients.desktop.model.listing import PAGE_SIZE, ListState
from clients.desktop.model.metadata import Action, Entity, Field, Metadata
from clients.desktop.model.saving import save
from clients.desktop.model.search import Hit, search_everywhere
from clients.desktop.operations.runner import Operation


def sign_in(api: ApiClient, email: str, password: str, totp: str | None) -> Operation[SignedIn]:
    """Open a session."""
    return Operation("sign_in", lambda: api.login(email, password, totp))


def change_password(api: ApiClient, current: str, new: str) -> Operation[None]:
    """Change one's own password."""
    return Operation("change_password", lambda: api.change_password(current, new))


def begin_totp(api: ApiClient) -> Operation[Record]:
    """Secret for an authenticator."""
    return Operation("begin_totp", api.begin_totp)


def confirm_totp(api: ApiClient, code: str) -> Operation[list[str]]:
    """Put the second factor in force."""
    return Operation("confirm_totp", lambda: api.confirm_totp(code))


def sign_out(api: ApiClient) -> Operation[None]:
    """Close the session."""
    return Operation("sign_out", api.logout)


def load_metadata(api: ApiClient) -> Operation[Metadata]:
    """Entities and menu."""
    return Operation("load_metadata", api.meta)


def load_page(api: ApiClient, state: ListState) -> Operation[Page]:
    """Next page of a list."""
    plural, params = state.entity.plural, state.params(skip=len(state.rows))
    return Operation(f"list {plural}", lambda: api.page(plural, params))


def reload_rows(api: ApiClient, state: ListState) -> Operation[Page]:
    """All rows already loaded, again; a row that moved between two pages comes once."""
    plural = state.entity.plural
    pages = [state.params(skip=skip) for skip in range(0, max(len(state.rows), 1), PAGE_SIZE)]

    def call() -> Page:
        rows: dict[int, Record] = {}
        total = 0
        for params in pages:
            page = api.page(plural, params)
            rows |= {int(r["id"]): r for r in page.items}
            total = page.total
            if len(page.items) < PAGE_SIZE:
                break
        return Page(list(rows.values()), total, 0)

    return Operation(f"reload {plural}", call)


def load_record(api: ApiClient, entity: Entity, record_id: int) -> Operation[Record]:
    """One record."""
    return Operation(f"get {entity.plural}", lambda: api.get(entity.plural, record_id))


def create_record(api: ApiClient, entity: Entity, values: Record, key: str) -> Operation[Record]:
    """New record."""
    return Operation(f"create {entity.plural}", lambda: api.create(entity.plural, values, key))


def update_record(
    api: ApiClient, entity: Entity, record_id: int, values: Record, row_version: int
) -> Operation[Record]:
    """Change fields of a record."""
    return Operation(
        f"update {entity.plural}", lambda: api.update(entity.plural, record_id, values, row_version)
    )


def archive_record(api: ApiClient, entity: Entity, record: Record, *, archived: bool) -> Operation[Record]:
    """Archive or restore a record."""
    record_id, version = int(record["id"]), int(record["row_version"])
    return Operation(
        f"archive {entity.plural}",
        lambda: api.set_archived(entity.plural, record_id, version, archived=archived),
    )


def run_action(
    api: ApiClient, entity: Entity, record: Record, action: Action, params: Record, key: str
) -> Operation[Record]:
    """Run an action on a record."""
    record_id, version = int(record["id"]), int(record["row_version"])
    return Operation(
        f"{action.name} {entity.plural}",
        lambda: api.act(entity.plural, record_id, action.path, params, version, key),
    )


def load_links(api: ApiClient, source: Entity, field: Field, record_id: int, limit: int) -> Operation[Page]:
    """Records of ``source`` that point to a record."""
    return Operation(
        f"links {source.plural}",
        lambda: api.page(source.plural, {"limit": limit, field.name: str(record_id)}),
    )


def suggest(api: ApiClient, plural: str, words: str) -> Operation[list[Record]]:
    """Records whose name holds the typed words, for a reference field."""
    params: dict[str, Any] = {"limit": 12, **({"q": words} if words else {})}
    return Operation(f"suggest {plural}", lambda: api.page(plural, params).items)


def search(api: ApiClient, metadata: Metadata, words: str) -> Operation[list[Hit]]:
    """Objects of any entity that hold the words."""
    return Operation("search", lambda: search_everywhere(api, metadata, words))


def export_list(api: ApiClient, state: ListState, kind: str, path: Path) -> Operation[Path]:
    """Write a list to a file."""
    plural, params = state.entity.plural, state.params()

    def call() -> Path:
        save(path, api.export(plural, params, kind))
        return path

    return Operation(f"export {plural}", call)


def load_sheet(name: str, call: Callable[[], Mapping[str, Any]]) -> Operation[Mapping[str, Any]]:
    """Data of a prepared page."""
    return Operation(f"sheet {name}", call)


def station_supervision(api: ApiClient) -> Operation[Record]:
    """State of the stations and the alerts grouped."""
    return Operation("supervision", lambda: dict(api.request("GET", "/stations/supervision").json()))


def signature_content(api: ApiClient, object_type: str, object_id: int) -> Operation[Record]:
    """What a signature of a record would cover."""
    params = {"object_type": object_type, "object_id": object_id}
    return Operation(
        "signature content", lambda: dict(api.request("GET", "/signatures/content", params=params).json())
    )


def sign(api: ApiClient, body: Record) -> Operation[Record]:
    """Sign a record, with a new proof of who signs."""
    return Operation("sign", lambda: dict(api.request("POST", "/signatures", json=body).json()))
