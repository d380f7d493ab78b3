"""What other modules may ask of routings."""

from __future__ import annotations

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.routings.models import OperationMaterial, OperationTool, Routing, RoutingOperation
from coordinator.modules.routings.rules import STRICT_CRITICALITIES, predecessors
from coordinator.modules.routings.service import (
    MaterialInput,
    OperationSet,
    RoutingOperationInput,
    ToolInput,
    create_routing,
    operations_of,
    rows_of,
)

__all__ = [
    "STRICT_CRITICALITIES",
    "MaterialInput",
    "OperationMaterial",
    "OperationSet",
    "OperationTool",
    "Routing",
    "RoutingOperation",
    "RoutingOperationInput",
    "ToolInput",
    "create_routing",
    "needs_validation",
    "operations_of",
    "predecessors",
    "rows_of",
    "validated_routing",
]


def validated_routing(ctx: Context, part_revision_id: int) -> Routing | None:
    """Newest validated routing of a part revision, for a part made again."""
    query = select(Routing).where(
        Routing.part_revision_id == part_revision_id,
        Routing.status == "validated",
        Routing.archived_at.is_(None),
    )
    return ctx.session.scalars(query.order_by(Routing.id.desc()).limit(1)).one_or_none()


def needs_validation(ctx: Context, routing: Routing, criticality: str) -> bool:
    """Whether a person must validate this routing before the workshop gets it (RTG-16)."""
    gate = bool(ctx.settings.get("routing.release_gate")) or criticality in STRICT_CRITICALITIES
    return gate and routing.status != "validated"
