"""Registry of taught models: tested on recorded sessions, approved by a person, only then rolled out (VIS-24, VIS-25)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.modules.stations import rollout
from coordinator.modules.stations.models import AiModel
from coordinator.modules.stations.update_models import UpdatePackage

_NAME = r"^[a-z0-9][a-z0-9_-]{0,59}$"


class ModelParams(BaseModel):
    """A model as ``usinage vision teach`` and ``usinage vision replay`` describe it."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=_NAME)
    version: str = Field(min_length=1, max_length=40)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    taught_at: dt.datetime
    classes: list[str] = Field(min_length=1, max_length=2000)
    training: dict[str, Any]
    metrics: dict[str, Any]


class ReasonParams(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=3, max_length=300)


def register(ctx: Context, params: ModelParams) -> dict[str, Any]:
    """Note a candidate with its figures on sessions it was not taught with; nothing runs it yet.

    Raises:
        Conflict: ``model.known`` for another content under a version that is known.
        BusinessError: ``model.no_figures`` without the result of a replay.
    """
    if not isinstance(params.metrics.get("sessions"), int) or "passes" not in params.metrics:
        raise BusinessError("model.no_figures")
    query = select(AiModel).where(AiModel.name == params.name, AiModel.version == params.version)
    known = ctx.session.scalars(query).one_or_none()
    if known is not None:
        if known.sha256 != params.sha256:
            raise Conflict("model.known", version=params.version)
        return {"ai_model_id": known.id}
    row = ctx.add(AiModel(**params.model_dump()))
    return {"ai_model_id": row.id}


def approve(ctx: Context, model: AiModel, _params: BaseModel) -> None:
    """A person answers for a model.

    Raises:
        BusinessError: ``model.not_good_enough`` when its replay did not reach the limits.
    """
    if model.metrics.get("passes") is not True or not model.metrics.get("sessions"):
        raise BusinessError("model.not_good_enough", share=model.metrics.get("session_delta_accuracy", "?"))
    model.status, model.approved_by_id, model.approved_at = "approved", ctx.principal.user_id, ctx.now


def reject(_ctx: Context, model: AiModel, params: ReasonParams) -> None:
    """Never to be used, or not any more."""
    model.status, model.reason = "retired" if model.status == "approved" else "rejected", params.reason


def check_package(ctx: Context, package: UpdatePackage) -> None:
    """A model package goes to stations only when its model was approved under the same name and version.

    Raises:
        BusinessError: ``model.not_approved``.
    """
    if package.kind != "model":
        return
    of_name = select(AiModel).where(AiModel.name == package.name)
    if ctx.session.scalars(of_name.limit(1)).first() is None:
        return  # a model of another kind, kept in no registry
    row = ctx.session.scalars(of_name.where(AiModel.version == package.version)).one_or_none()
    if row is None or row.status != "approved":
        raise BusinessError("model.not_approved", name=package.name, version=package.version)


def roll_out(ctx: Context, package: UpdatePackage, params: rollout.RolloutParams) -> dict[str, Any]:
    """Start the roll-out of a package; a cabinet model needs its approval first.

    Raises:
        BusinessError: ``model.not_approved``, and what ``rollout.start`` raises.
    """
    check_package(ctx, package)
    return rollout.start(ctx, package, params)
