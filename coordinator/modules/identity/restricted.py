"""Who may know of restricted records: by clearance for a kind of mark, or named for one record (ACC-39, DRW-28, DOC-34)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select

from coordinator.kernel.context import Context
from coordinator.kernel.db import Record
from coordinator.kernel.errors import BusinessError, FieldError
from coordinator.modules.identity import granting
from coordinator.modules.identity.models import Clearance, ResourceAccessRight, Role, UserRole


def cleared(ctx: Context, kind: Any) -> ColumnElement[bool]:
    """SQL condition: the person holds a valid clearance for the value of the column ``kind``."""
    today = ctx.now.date()
    return exists(
        select(Clearance.id).where(
            Clearance.user_id == (ctx.principal.user_id or 0),
            Clearance.kind == kind,
            Clearance.archived_at.is_(None),
            or_(Clearance.valid_until.is_(None), Clearance.valid_until >= today),
        )
    )


def named(ctx: Context, model: type[Record]) -> ColumnElement[bool]:
    """SQL condition: the person, or one of his roles, is named for the row of ``model``."""
    right, me = ResourceAccessRight, ctx.principal.user_id or 0
    roles = select(UserRole.role_id).where(UserRole.user_id == me, UserRole.archived_at.is_(None))
    return exists(
        select(right.id).where(
            right.object_type == model.__tablename__,
            right.object_id == model.id,
            right.archived_at.is_(None),
            or_(right.valid_until.is_(None), right.valid_until >= ctx.now.date()),
            or_(right.user_id == me, right.role_id.in_(roles)),
        )
    )


def on_clearance(ctx: Context, clearance: Clearance) -> None:
    """Keep who granted it.

    Raises:
        Forbidden: ``rights.own``.
    """
    granting.check_not_self(ctx, clearance.user_id)
    clearance.granted_by_id = ctx.principal.user_id


def on_access_right(ctx: Context, right: ResourceAccessRight) -> None:
    """One holder, and a record that exists.

    Raises:
        BusinessError: ``grant.one_holder``, ``reference.unknown``.
        Forbidden: ``rights.own`` for oneself or a role one has.
    """
    if (right.user_id is None) == (right.role_id is None):
        raise BusinessError("grant.one_holder", errors=[FieldError("user_id", "grant.one_holder")])
    if right.user_id is not None:
        granting.check_not_self(ctx, right.user_id)
    elif right.role_id is not None:
        granting.check_not_own_role(ctx, ctx.get(Role, right.role_id))
    spec = ctx.registry.entities.get(right.object_type)
    if spec is None or ctx.session.get(spec.model, right.object_id) is None:
        params: dict[str, Any] = {"field": right.object_type, "id": right.object_id}
        errors = [FieldError("object_id", "reference.unknown", params)]
        raise BusinessError("reference.unknown", errors=errors, **params)
