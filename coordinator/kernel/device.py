"""Facts reported by stations and phones: one dispatcher for MQTT events and the phones' queue.

A fact is applied once (its ``uid``), in a savepoint of its own: a refused one leaves no trace but its outcome,
and never blocks the next.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog

from coordinator.kernel.context import Context
from coordinator.kernel.errors import DomainError
from coordinator.kernel.i18n import t

Result = Literal["done", "duplicate", "refused", "review"]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DeviceEvent:
    """One fact. ``user_id`` is the recognised person, ``user_ref`` what the station knew of him."""

    uid: uuid.UUID
    event_type: str
    payload: Mapping[str, Any]
    occurred_at: dt.datetime
    received_at: dt.datetime
    station_id: str | None = None
    user_id: int | None = None
    user_ref: str | None = None
    time_quality: str = "trusted"
    terminal_id: str | None = None


@dataclass
class Outcome:
    """What became of a fact, in words for the person who reported it.

    ``review`` means: kept, and a task was opened for a person (EDG-26).
    """

    result: Result = "done"
    code: str = "done"
    message: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


def dispatch(ctx: Context, event: DeviceEvent) -> Outcome:
    """Give the fact to its handlers, in order of declaration; the most severe outcome wins.

    A refusal undoes what its handlers did; an unexpected error is raised to the caller, who keeps the fact for retry.
    """
    handlers = ctx.registry.device_handlers.get(event.event_type, [])
    outcome = Outcome(message=t("device.recorded", ctx.locale))
    try:
        with ctx.session.begin_nested():
            for handler in handlers:
                answer = handler.function(ctx, event)
                if answer is not None and (answer.result != "done" or answer.message):
                    outcome = answer
                if outcome.result != "done":
                    break
            ctx.session.flush()
    except DomainError as refusal:
        _log.info("device event refused", uid=str(event.uid), type=event.event_type, code=refusal.code)
        return Outcome(
            "refused",
            refusal.code,
            refusal.message(ctx.locale),
            {"errors": [e.field for e in refusal.errors]},
        )
    return outcome
