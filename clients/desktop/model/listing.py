"""State of a list: search, filters, order, loaded rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from clients.desktop.model.api import Page, Record
from clients.desktop.model.metadata import Entity, Field

PAGE_SIZE = 100


@dataclass(frozen=True)
class Filter:
    """One condition: field, operator of the server (``""``, ``gte``, ``lte``, ``contains``, ``in``), value, and its words."""

    name: str
    operator: str
    value: str
    label: str

    @property
    def key(self) -> str:
        """Name of the query parameter."""
        return f"{self.name}__{self.operator}" if self.operator else self.name


@dataclass
class ListState:
    """What a list shows and what it asks the server for."""

    entity: Entity
    search: str = ""
    filters: list[Filter] = field(default_factory=list)
    sort: list[tuple[str, bool]] = field(default_factory=list)
    """Field and whether descending; empty: the server's order."""
    archived: bool = False
    rows: list[Record] = field(default_factory=list)
    total: int | None = None

    @property
    def complete(self) -> bool:
        """Whether all rows are loaded."""
        return self.total is not None and len(self.rows) >= self.total

    @property
    def is_narrowed(self) -> bool:
        """Whether a search or filter hides rows."""
        return bool(self.search or self.filters or self.archived)

    def params(self, skip: int = 0, limit: int = PAGE_SIZE) -> dict[str, Any]:
        """Query parameters of one page."""
        found: dict[str, Any] = {"skip": skip, "limit": limit}
        if self.search:
            found["q"] = self.search
        if self.archived:
            found["archived"] = "true"
        if self.sort:
            found["sort"] = ",".join(("-" if desc else "") + name for name, desc in self.sort)
        for one in self.filters:
            found[one.key] = one.value
        return found

    def toggle_sort(self, name: str, *, add: bool = False) -> None:
        """Order by a field; again: the other way; a third time: no order. ``add`` keeps the former ones first."""
        chosen = self.entity.field(name)
        if chosen is not None and not chosen.sortable:
            return
        present = dict(self.sort)
        kept = [(n, d) for n, d in self.sort if n != name] if add else []
        if name not in present:
            kept.append((name, False))
        elif not present[name]:
            kept.append((name, True))
        self.sort = kept

    def set_filter(self, new: Filter) -> None:
        """Put a condition in force, in place of one with the same key."""
        self.filters = [*(f for f in self.filters if f.key != new.key), new]

    def remove_filter(self, key: str) -> None:
        """Give a condition up."""
        self.filters = [f for f in self.filters if f.key != key]

    def choice_of(self, name: str) -> str | None:
        """Value a field is filtered by."""
        return next((f.value for f in self.filters if f.key == name), None)

    def reset(self) -> None:
        """Forget the rows, before another search."""
        self.rows, self.total = [], None

    def append(self, page: Page) -> int:
        """Add a page; rows that moved between two pages are not shown twice. Returns how many are new."""
        known = {r["id"] for r in self.rows}
        new = [r for r in page.items if r["id"] not in known]
        self.rows += new
        self.total = page.total if page.items else len(self.rows)
        return len(new)


def quick_filter_field(entity: Entity) -> Field | None:
    """Field whose values stand as chips above the list: the status, when it has few values."""
    found = entity.field(entity.status_field) if entity.status_field else None
    return found if found is not None and found.choices else None
