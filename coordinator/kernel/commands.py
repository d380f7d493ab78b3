"""Execution of commands: permission, lock, version, effect, audit mark; and answers kept for repeated requests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from coordinator.kernel import audit
from coordinator.kernel.context import Context
from coordinator.kernel.crud import visible_record
from coordinator.kernel.db import Record
from coordinator.kernel.errors import Conflict
from coordinator.kernel.models import IdempotencyKey
from coordinator.kernel.registry import Command


def execute(ctx: Context, command: Command, params: BaseModel) -> Any:
    """Run a command that belongs to no record."""
    ctx.require(command.permission)
    return command.handler(ctx, params)


def execute_on(
    ctx: Context, command: Command, record_id: int, params: BaseModel, *, row_version: int | None = None
) -> tuple[Record, Any]:
    """Run a command on a record the person may see, under a row lock.

    Raises:
        Forbidden, NotFound, Conflict: right missing, unknown or hidden record, stale version or illegal state.
    """
    spec = ctx.registry.entities[command.entity or ""]
    scope = ctx.require(command.permission)
    record = visible_record(ctx, spec, record_id, scope, lock=True)
    ctx.check_version(record, row_version)
    audit.mark_action(ctx.session, record, command.name, critical=command.critical)
    result = command.handler(ctx, record, params)
    ctx.session.flush()
    return record, result


def idempotent(ctx: Context, key: str | None, request: Any, run: Callable[[], Any]) -> Any:
    """Answer of ``run``, or the kept answer when the same key comes again (OPS-12).

    Raises:
        Conflict: ``idempotency.reused`` when the key comes with another request.
    """
    if not key:
        return run()
    owner = f"{ctx.principal.kind}:{ctx.principal.user_id or ctx.principal.station_id or ctx.principal.name}"
    digest = hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).digest()
    row = {"owner": owner, "key": key, "request_sha256": digest, "response": None}
    # The unique index makes a concurrent twin wait here until the first one commits.
    inserted = ctx.session.scalar(
        insert(IdempotencyKey).values(row).on_conflict_do_nothing().returning(IdempotencyKey.id)
    )
    query = select(IdempotencyKey).where(IdempotencyKey.owner == owner, IdempotencyKey.key == key)
    kept = ctx.session.scalars(query).one()
    if inserted is None:
        if kept.request_sha256 != digest:
            raise Conflict("idempotency.reused")
        return kept.response
    answer = run()
    kept.response = json.loads(json.dumps(answer, default=audit.jsonable))
    return answer
