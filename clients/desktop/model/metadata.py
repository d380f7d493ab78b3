"""Description of the entities as the server gives it (`GET /meta`): the client is built from this alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NUMERIC = frozenset({"integer", "decimal", "money", "quantity"})
TEXTUAL = frozenset({"text", "long_text", "email", "phone", "url"})


_SIGN_OF_TONE = {"info": "right", "success": "check", "warning": "pause", "danger": "alert"}
_SIGNS = {
    "draft": "dashed", "running": "play", "in_progress": "play", "in_production": "play", "done": "check", "closed": "check",
    "delivered": "check", "paid": "check", "cancelled": "close", "obsolete": "close", "superseded": "close", "archived": "archive",
    "blocked": "stop",
}  # fmt: skip


_UNIT_LETTERS = 2


def _capital(text: str) -> str:
    """Text with a capital, as it stands alone in a badge or a list; units (mm, kg, m²) keep their letters."""
    if len(text) <= _UNIT_LETTERS:
        return text
    return text[:1].upper() + text[1:]


@dataclass(frozen=True)
class Choice:
    """One value of an enumeration."""

    value: str
    label: str
    tone: str

    @property
    def look(self) -> str:
        """Colours: the tone, but an outline for drafts."""
        return "draft" if self.value == "draft" else self.tone

    @property
    def sign(self) -> str:
        """Sign beside the word, so that no meaning rests on colour alone."""
        return _SIGNS.get(self.value) or _SIGN_OF_TONE.get(self.tone, "circle")


@dataclass(frozen=True)
class Field:
    """One field of an entity or parameter of an action."""

    name: str
    label: str
    type: str
    help: str | None = None
    required: bool = False
    nullable: bool = True
    default: Any = None
    read_only: bool = False
    unit: str | None = None
    decimals: int | None = None
    max_length: int | None = None
    choices: tuple[Choice, ...] = ()
    target: str | None = None
    sortable: bool = True
    filterable: bool = True

    @property
    def is_numeric(self) -> bool:
        """Whether values are numbers, shown on the right."""
        return self.type in NUMERIC

    @property
    def is_duration(self) -> bool:
        """Whether values are minutes, shown as « 7 h 30 »."""
        return self.unit == "min" and self.is_numeric

    def choice(self, value: Any) -> Choice | None:
        """Choice of a value."""
        return next((c for c in self.choices if c.value == value), None)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Field:
        """Field of its JSON description; unknown keys are ignored so that a newer server is understood."""
        choices = tuple(
            Choice(str(c["value"]), _capital(str(c["label"])), str(c.get("tone", "neutral")))
            for c in data.get("choices") or ()
        )
        names = {f for f in cls.__dataclass_fields__ if f != "choices"}
        return cls(choices=choices, **{k: v for k, v in data.items() if k in names})


@dataclass(frozen=True)
class Action:
    """Command of a record."""

    name: str
    label: str
    tone: str
    confirm: bool
    params: tuple[Field, ...]
    help: str | None = None
    """What it does, where the label does not say it all."""

    @property
    def path(self) -> str:
        """Last part of its address."""
        return self.name.replace("_", "-")


@dataclass(frozen=True)
class Entity:
    """Subject of lists and forms, with what the person may do."""

    name: str
    plural: str
    label: str
    label_plural: str
    description: str
    menu_group: str | None
    title_field: str
    fields: tuple[Field, ...]
    list_fields: tuple[str, ...]
    search_fields: tuple[str, ...]
    default_sort: str
    rights: dict[str, bool]
    archivable: bool
    status_field: str | None
    actions: tuple[Action, ...]
    signable: bool = False

    def field(self, name: str) -> Field | None:
        """Field by name."""
        return next((f for f in self.fields if f.name == name), None)

    def may(self, right: str) -> bool:
        """Whether the person has the right."""
        return self.rights.get(right, False)

    @property
    def columns(self) -> list[Field]:
        """Fields of the list, in order."""
        return [f for f in (self.field(n) for n in self.list_fields) if f is not None]

    @property
    def form_fields(self) -> list[Field]:
        """Fields of the form, in order."""
        return [f for f in self.fields if f.type not in {"secret", "uid"}]

    def action(self, name: str) -> Action | None:
        """Action by name."""
        return next((a for a in self.actions if a.name == name), None)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Entity:
        """Entity of its JSON description."""
        return cls(
            name=data["name"],
            plural=data["plural"],
            label=data["label"],
            label_plural=data["label_plural"],
            description=data.get("description") or "",
            menu_group=data.get("menu_group"),
            title_field=data["title_field"],
            fields=tuple(Field.from_json(f) for f in data["fields"]),
            list_fields=tuple(data["list_fields"]),
            search_fields=tuple(data.get("search_fields") or ()),
            default_sort=data.get("default_sort") or "-created_at",
            rights=dict(data["rights"]),
            archivable=bool(data.get("archivable")),
            signable=bool(data.get("signable")),
            status_field=data.get("status_field"),
            actions=tuple(
                Action(a["name"], a["label"], a.get("tone", "default"), bool(a.get("confirm")),
                       tuple(Field.from_json(p) for p in a.get("params") or ()), a.get("help"))
                for a in data.get("actions") or ()
            ),
        )  # fmt: skip


@dataclass(frozen=True)
class MenuGroup:
    """Group of the left menu (UIX-03)."""

    group: str
    label: str
    entities: tuple[str, ...]


@dataclass(frozen=True)
class Metadata:
    """All the person may see."""

    entities: dict[str, Entity]
    menu: tuple[MenuGroup, ...]

    def by_plural(self, plural: str | None) -> Entity | None:
        """Entity of a path."""
        return next((e for e in self.entities.values() if e.plural == plural), None)

    def names(self) -> dict[str, str]:
        """Label of a field by its name, the first entity's where several call it so."""
        return {f.name: f.label for e in reversed(self.entities.values()) for f in e.fields}

    def incoming(self, entity: Entity) -> list[tuple[Entity, Field]]:
        """Entities whose records point to this one, with the pointing field."""
        return [
            (e, f)
            for e in self.entities.values()
            for f in e.fields
            if f.type == "reference" and f.target == entity.plural
        ]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Metadata:
        """Metadata of the answer of ``GET /meta``."""
        entities = [Entity.from_json(e) for e in data["entities"]]
        menu = tuple(MenuGroup(m["group"], m["label"], tuple(m["entities"])) for m in data["menu"])
        return cls({e.name: e for e in entities}, menu)


USUAL = (
    "customer", "supplier", "quote", "sales_order", "invoice", "delivery_note", "work_order", "work_order_operation", "machine", "part",
    "routing", "stock_item", "tool", "material", "stock_movement", "employee", "document", "purchase_order",
)  # fmt: skip
"""What people work with all day stands first in its group."""


def _importance(entity: Entity) -> int:
    return USUAL.index(entity.name) if entity.name in USUAL else len(USUAL)


def visible_menu(metadata: Metadata) -> list[tuple[MenuGroup, list[Entity]]]:
    """Groups with the entities the person may read; empty groups do not appear."""
    shown = []
    for group in metadata.menu:
        entities = [metadata.entities[n] for n in group.entities if n in metadata.entities]
        readable = sorted((e for e in entities if e.may("read")), key=_importance)
        if readable:
            shown.append((group, readable))
    return shown
