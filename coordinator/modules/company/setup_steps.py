"""Steps of the first-start wizard, kept as drafts, then as a start-up checklist (SET-02, SET-03, SET-51)."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select

from coordinator.kernel.context import Context, Principal
from coordinator.kernel.errors import BusinessError, NotFound
from coordinator.kernel.http import Ctx, public
from coordinator.kernel.registry import Permission
from coordinator.kernel.schema import StrictModel
from coordinator.modules.company import api
from coordinator.modules.company.models import SetupStep

router = APIRouter(prefix="/setup/steps", tags=["setup"])

STEPS = (
    "language", "company", "master", "trades", "certifications", "modules", "places", "machines", "rates", "roles",
    "suppliers", "stations", "backup", "files", "launch",
)  # fmt: skip
"""Steps of SET-02, in order."""
MANDATORY = frozenset({*STEPS[:6], "backup"})
_SECRETS = ("password", "totp_secret", "secret")
_REASON = "only while no company exists; afterwards the settings' right is asked"


class StepIn(StrictModel):
    """What was typed so far; ``done`` when the person goes on, ``skipped`` when he leaves it for later."""

    values: dict[str, Any] = Field(default_factory=dict)
    status: Literal["draft", "done", "skipped"] = "draft"


def _enter(ctx: Context, right: Literal["read", "update"]) -> None:
    if api.is_set_up(ctx):
        ctx.require(Permission("settings", right))
    else:
        ctx.principal = Principal.service("setup")


def _shown(code: str, step: SetupStep | None) -> dict[str, Any]:
    return {
        "code": code,
        "is_mandatory": code in MANDATORY,
        "status": step.status if step else "open",
        "values": step.values if step else {},
    }


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_secrets(v) for k, v in value.items() if not any(s in k.lower() for s in _SECRETS)}
    return [_without_secrets(v) for v in value] if isinstance(value, list) else value


@router.get("", operation_id="setup_steps", openapi_extra=public(_REASON))
def steps(ctx: Ctx) -> dict[str, Any]:
    """Every step in order with its draft, and the codes of those still to do."""
    _enter(ctx, "read")
    kept = {s.code: s for s in ctx.session.scalars(select(SetupStep))}
    shown = [_shown(code, kept.get(code)) for code in STEPS]
    return {"steps": shown, "to_do": [s["code"] for s in shown if s["status"] != "done"]}


@router.put("/{code}", operation_id="setup_step_save", openapi_extra=public(_REASON))
def save_step(ctx: Ctx, code: str, body: StepIn) -> dict[str, Any]:
    """Keep a step's draft; it can be resumed on another computer. Passwords are never kept.

    Raises:
        NotFound: unknown step.
        BusinessError: ``setup.mandatory`` when a mandatory step is skipped.
    """
    _enter(ctx, "update")
    if code not in STEPS:
        raise NotFound(entity="setup_step", id=code)
    if body.status == "skipped" and code in MANDATORY:
        raise BusinessError("setup.mandatory")
    query = select(SetupStep).where(SetupStep.code == code)
    step = ctx.session.scalars(query.with_for_update()).one_or_none() or SetupStep(code=code)
    step.values, step.status = _without_secrets(body.values), body.status
    ctx.add(step)
    return _shown(code, step)
