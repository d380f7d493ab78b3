"""State machines as tables: legal moves, the refusal of the others, and the buttons a person is offered."""

from __future__ import annotations

from typing import Any

from coordinator.kernel import audit
from coordinator.kernel.context import Context
from coordinator.kernel.db import Record
from coordinator.kernel.errors import Conflict
from coordinator.kernel.i18n import action_label, choice_label, entity_label
from coordinator.kernel.registry import Command, EntitySpec, NoParams, Permission, Transition


def transition_command(spec: EntitySpec, transition: Transition) -> Command:
    """The command a transition is served as."""
    assert spec.lifecycle is not None  # noqa: S101 — called for entities with a lifecycle only
    status_field = spec.lifecycle.field

    def run(ctx: Context, record: Record, params: Any) -> Any:
        return _run(ctx, spec, transition, record, params)

    return Command(
        name=transition.name,
        permission=Permission(transition.module_code or spec.module_code, transition.right),
        handler=run,
        params=transition.params,
        entity=spec.name,
        available=lambda record: getattr(record, status_field) in transition.sources,
        tone=transition.tone,
        confirm=transition.confirm,
        critical=transition.critical,
    )


def move(ctx: Context, record: Record, name: str, params: Any = None) -> Any:
    """Make the transition ``name`` from code, under the rules of the table; rights are the caller's affair.

    Raises:
        Conflict: ``lifecycle.illegal_transition`` with the present state and the legal moves.
    """
    spec = ctx.registry.entities[record.__tablename__]
    assert spec.lifecycle is not None, spec.name  # noqa: S101
    transition = spec.lifecycle.transition(name)
    audit.mark_action(ctx.session, record, name, critical=transition.critical)
    return _run(ctx, spec, transition, record, params if params is not None else NoParams())


def _run(ctx: Context, spec: EntitySpec, transition: Transition, record: Record, params: Any) -> Any:
    assert spec.lifecycle is not None  # noqa: S101
    current = getattr(record, spec.lifecycle.field)
    if current not in transition.sources:
        raise Conflict(
            "lifecycle.illegal_transition",
            extra={"state": current, "allowed_actions": legal_moves(spec, record)},
            entity=entity_label(spec.name, ctx.locale),
            state=choice_label(_enumeration(spec), current, ctx.locale),
            action=action_label(spec.name, transition.name, ctx.locale),
        )
    result = transition.effect(ctx, record, params) if transition.effect else None
    setattr(record, spec.lifecycle.field, transition.target)
    ctx.session.flush()
    if transition.event:
        ctx.emit(transition.event, {"id": record.id, "from": current, "to": transition.target})
    return result


def legal_moves(spec: EntitySpec, record: Record) -> list[str]:
    """Names of the moves the table allows from the record's state."""
    if spec.lifecycle is None:
        return []
    current = getattr(record, spec.lifecycle.field)
    return [tr.name for tr in spec.lifecycle.transitions if current in tr.sources and not tr.automatic]


def _enumeration(spec: EntitySpec) -> str:
    assert spec.lifecycle is not None  # noqa: S101
    info = spec.model.__table__.c[spec.lifecycle.field].info["field"]
    return str(info.enumeration)


def allowed_actions(ctx: Context, spec: EntitySpec, record: Record) -> list[str]:
    """Commands this person may use on this record now."""
    return [
        c.name
        for c in ctx.registry.entity_commands(spec.name)
        if c.in_menu
        and (c.available is None or c.available(record))
        and ctx.principal.may(c.permission.module_code, c.permission.right)
    ]
