"""What the modules declare: entities, commands, lifecycles, handlers, settings; and the one registry of it all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Index, PrimaryKeyConstraint, UniqueConstraint, inspect

from coordinator.kernel.db import Record
from coordinator.kernel.settings_store import SettingDef

if TYPE_CHECKING:
    from fastapi import APIRouter

    from coordinator.kernel.context import Context
    from coordinator.kernel.outbox import Event

Right = Literal["read", "create", "update", "delete", "validate", "export"]
RIGHTS: tuple[Right, ...] = ("read", "create", "update", "delete", "validate", "export")
ActionTone = Literal["primary", "default", "danger"]


@dataclass(frozen=True)
class Permission:
    """Right on a module code (SET-19); stands beside what it guards."""

    module_code: str
    right: Right

    def __str__(self) -> str:
        return f"{self.module_code}:{self.right}"


class NoParams(BaseModel):
    """Parameters of an action that needs none."""


@dataclass(frozen=True)
class Command:
    """An act with a rule. ``handler(ctx, record, params)`` for an entity's act, ``handler(ctx, params)`` without entity.

    Entity commands are served at ``POST /{plural}/{id}/{name}``; the others at ``POST {path}``.
    """

    name: str
    permission: Permission
    handler: Callable[..., Any]
    params: type[BaseModel] = NoParams
    entity: str | None = None
    path: str | None = None
    available: Callable[[Any], bool] | None = None
    tone: ActionTone = "default"
    confirm: bool = False
    critical: bool = False
    """Marked in the history as TRC-23 asks."""
    in_menu: bool = True


@dataclass(frozen=True)
class Transition:
    """One arrow of a lifecycle; becomes a command. ``effect(ctx, record, params)`` runs before the status moves."""

    name: str
    sources: tuple[str, ...]
    target: str
    right: Right = "update"
    effect: Callable[..., Any] | None = None
    params: type[BaseModel] = NoParams
    event: str | None = None
    """Event emitted after the move, past tense: ``quote.approved``."""
    tone: ActionTone = "default"
    confirm: bool = False
    critical: bool = False
    module_code: str | None = None
    """Another module code than the entity's, where the right belongs elsewhere."""
    automatic: bool = False
    """Moved by rules only: no button, no route."""


@dataclass(frozen=True)
class Lifecycle:
    """A state machine is a table."""

    field: str
    transitions: tuple[Transition, ...]

    def transition(self, name: str) -> Transition:
        """The arrow called ``name``."""
        for candidate in self.transitions:
            if candidate.name == name:
                return candidate
        raise KeyError(name)


@dataclass(frozen=True)
class EntitySpec:
    """An entity declared once; the kernel derives REST, metadata, import, export, permissions and audit."""

    model: type[Record]
    module_code: str
    menu_group: str | None = None
    title: tuple[str, ...] = ("name",)
    title_separator: str = " · "
    """Between the fields of the title; a space where they are one name, as those of people."""
    plural: str | None = None
    list_fields: tuple[str, ...] = ()
    default_sort: str = "-id"
    can_create: bool = True
    can_update: bool = True
    can_delete: bool = True
    import_key: tuple[str, ...] = ()
    lifecycle: Lifecycle | None = None
    on_create: Callable[[Context, Any], None] | None = None
    on_update: Callable[[Context, Any], None] | None = None
    on_archive: Callable[[Context, Any], None] | None = None
    """Called before a record is archived or restored; refuses by raising."""
    scope_filter: Callable[[Context, str], ColumnElement[bool]] | None = None
    visibility: Callable[[Context], ColumnElement[bool] | None] | None = None
    """Rows this person may know of at all, whatever the scope; ``None`` for all of them. Holds for lists, single records,
    searches, names in links, exports, histories, commands and live messages; the master is no exception."""
    signed: Callable[[Context, Any], dict[str, Any]] | None = None
    """What an electronic signature of a record covers, as plain values (TRC-35…40); without it the entity is not signed."""
    part_of: str | None = None
    """Reference to the record this one is a line of; a line never moves to another one, whose guards did not see it come."""
    computed: dict[str, Callable[[Context, Any], Any]] = field(default_factory=dict)
    """Values added to the answers of one record, e.g. a balance."""
    create_right: Right = "create"
    defaults: dict[str, Any] = field(default_factory=dict)
    """What ``on_create`` puts where nothing is given, told to the clients; column defaults are told by themselves."""

    @property
    def name(self) -> str:
        """Identifier, the table's name."""
        return str(self.model.__tablename__)

    @property
    def path(self) -> str:
        """Plural path segment."""
        return self.plural or plural_path(self.name)


def plural_path(name: str) -> str:
    """``sales_order`` → ``sales-orders``."""
    words = name.replace("_", "-")
    if words.endswith("y") and words[-2] not in "aeiou":
        return words[:-1] + "ies"
    if words.endswith(("s", "x", "ch")):
        return words + "es"
    return words + "s"


@dataclass(frozen=True)
class Handler:
    """Reaction to an event; idempotent, in a transaction of its own."""

    event_type: str
    name: str
    function: Callable[[Context, Event], None]


@dataclass(frozen=True)
class Job:
    """Background work, run by a worker: ``function(ctx, **kwargs)`` in a transaction of its own.

    ``detached`` jobs receive a ``ContextFactory`` instead and open their own transactions (long work).
    """

    name: str
    function: Callable[..., Any]
    queue: str = "default"
    detached: bool = False
    max_attempts: int = 5
    cron: str | None = None


@dataclass(frozen=True)
class DeviceHandler:
    """What a module does with an event type of a station or a phone (EDG-16)."""

    event_type: str
    function: Callable[..., Any]


@dataclass(frozen=True)
class Module:
    """Manifest of a business module."""

    name: str
    depends: tuple[str, ...] = ()
    entities: Sequence[EntitySpec] = ()
    commands: Sequence[Command] = ()
    routers: Sequence[APIRouter] = ()
    handlers: Sequence[Handler] = ()
    device_handlers: Sequence[DeviceHandler] = ()
    jobs: Sequence[Job] = ()
    settings: Sequence[SettingDef] = ()
    station_data: Callable[[Context, str], dict[str, Any]] | None = None
    """Part of the reference data a station works with offline (EDG-22): ``(ctx, station_code) → fields``."""
    switched_off: Callable[[Context], frozenset[str]] | None = None
    """Module codes switched off in this installation (SET-20); one module answers."""
    seed: Callable[[Context], None] | None = None
    """Idempotent reference data put in place by ``usinage migrate``."""


class Registry:
    """Everything declared, by name. Refuses duplicates, unknown dependencies and commands without permission."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.modules: dict[str, Module] = {}
        self.entities: dict[str, EntitySpec] = {}
        self.by_path: dict[str, EntitySpec] = {}
        self.commands: dict[tuple[str | None, str], Command] = {}
        self._by_entity: dict[str, list[Command]] = {}
        self.handlers: dict[str, list[Handler]] = {}
        self.handler_by_name: dict[str, Handler] = {}
        self.device_handlers: dict[str, list[DeviceHandler]] = {}
        self.jobs: dict[str, Job] = {}
        self.settings: dict[str, SettingDef] = {}
        for module in modules:
            self._add(module)

    def _add(self, module: Module) -> None:
        missing = [d for d in module.depends if d not in self.modules]
        if missing:
            raise ValueError(f"module {module.name} depends on {missing}, which are not loaded before it")
        self.modules[module.name] = module
        for spec in module.entities:
            self._add_entity(spec)
        for command in module.commands:
            self._add_command(command)
        for handler in module.handlers:
            if handler.name in self.handler_by_name:
                raise ValueError(f"handler {handler.name} declared twice")
            self.handler_by_name[handler.name] = handler
            self.handlers.setdefault(handler.event_type, []).append(handler)
        for device_handler in module.device_handlers:
            self.device_handlers.setdefault(device_handler.event_type, []).append(device_handler)
        for job in module.jobs:
            if self.jobs.setdefault(job.name, job) is not job:
                raise ValueError(f"job {job.name} declared twice")
        for setting in module.settings:
            if self.settings.setdefault(setting.key, setting) is not setting:
                raise ValueError(f"setting {setting.key} declared twice")

    def _add_entity(self, spec: EntitySpec) -> None:
        if spec.name in self.entities or spec.path in self.by_path:
            raise ValueError(f"entity {spec.name} declared twice")
        self.entities[spec.name] = spec
        self.by_path[spec.path] = spec
        _index_order(spec)
        if spec.lifecycle:
            from coordinator.kernel.lifecycle import transition_command

            for transition in spec.lifecycle.transitions:
                if not transition.automatic:
                    self._add_command(transition_command(spec, transition))

    def _add_command(self, command: Command) -> None:
        key = (command.entity, command.name)
        if key in self.commands:
            raise ValueError(f"command {key} declared twice")
        if command.entity is not None and command.entity not in self.entities:
            raise ValueError(f"command {command.name} names the unknown entity {command.entity}")
        self.commands[key] = command
        if command.entity is not None:
            self._by_entity.setdefault(command.entity, []).append(command)

    def switched_off(self, ctx: Context) -> frozenset[str]:
        """Module codes not in use in this installation (SET-20)."""
        answers = [m.switched_off(ctx) for m in self.modules.values() if m.switched_off]
        return frozenset().union(*answers)

    def codes_of(self, module: Module) -> frozenset[str]:
        """Module codes under which a module serves its entities and commands."""
        served = {s.module_code for s in module.entities}
        return frozenset(served | {c.permission.module_code for c in module.commands})

    def entity_commands(self, entity: str) -> Sequence[Command]:
        """Commands of one entity, in order of declaration."""
        return self._by_entity.get(entity, [])

    def permissions(self) -> list[str]:
        """Every permission that guards something, sorted: the committed permission list."""
        found = {str(c.permission) for c in self.commands.values()}
        for spec in self.entities.values():
            found.add(f"{spec.module_code}:read")
            found.add(f"{spec.module_code}:export")
            if spec.can_create:
                found.add(f"{spec.module_code}:{spec.create_right}")
            if spec.can_update:
                found.add(f"{spec.module_code}:update")
            if spec.can_delete:
                found.add(f"{spec.module_code}:delete")
        return sorted(found)


def _index_order(spec: EntitySpec) -> None:
    """An index for the order lists are shown in, where none begins with that column: a page never sorts the table."""
    # A model that extends another one may be ordered by a column of the other's table.
    column: Any = inspect(spec.model).column_attrs[spec.default_sort.split(",")[0].lstrip("-")].columns[-1]
    table = column.table
    constraints = (PrimaryKeyConstraint, UniqueConstraint)
    groups = [
        *(index.columns for index in table.indexes),
        *(c.columns for c in table.constraints if isinstance(c, constraints)),
    ]
    if not any(next(iter(columns), None) is column for columns in groups):
        Index(None, column, table.c.id)
