"""Accepted facts go to the modules: per station in ``seq`` order, each in a transaction of its own, each once."""

from __future__ import annotations

import structlog
from sqlalchemy import select, text, update

from coordinator.kernel import tasks
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.device import DeviceEvent, Outcome, dispatch
from coordinator.modules.identity import api as identity
from coordinator.modules.stations.models import DeviceEvent as StoredEvent
from coordinator.modules.stations.models import InboxMessage, Station, StationStream

MAX_ATTEMPTS = 5
URGENT = ("health.alert", "machine.alarm", "collision.risk", "collision.impact", "breakdown.reported")
"""Warnings that depend on no earlier fact: they are applied as soon as they are stored, before what a station replays."""
_QUARANTINED = select(Station.code).where(Station.is_quarantined).scalar_subquery()
_log = structlog.get_logger(__name__)


def stations_with_work(factory: ContextFactory) -> list[str]:
    """Stations that have accepted facts waiting for their handlers."""
    with factory.sessions() as session:
        query = select(InboxMessage.station_code).where(InboxMessage.needs_processing)
        query = query.where(InboxMessage.station_code.not_in(_QUARANTINED)).distinct()
        return list(session.scalars(query))


def process_station(
    factory: ContextFactory, station_code: str, *, limit: int = 500
) -> list[tuple[InboxMessage, Outcome]]:
    """Apply waiting facts of one station in order, up to the last gap. Returns those refused or sent to review.

    One process at a time works on a station (advisory lock), so that order holds with several ingest processes.
    """
    notable: list[tuple[InboxMessage, Outcome]] = []
    for _ in range(limit):
        step = _process_next(factory, station_code)
        if step is None:
            break
        message, outcome = step
        if outcome.result in {"refused", "review"}:
            notable.append((message, outcome))
    return notable


def _process_next(factory: ContextFactory, station_code: str) -> tuple[InboxMessage, Outcome] | None:
    message_id = None
    try:
        with factory.open(Principal.service("stations")) as ctx:
            message = _claim(ctx, station_code)
            if message is None:
                return None
            message_id = message.id
            ctx.principal = Principal(kind="service", name=station_code, station_id=station_code)
            outcome = dispatch(ctx, _event(ctx, message))
            message.outcome, message.outcome_code = outcome.result, outcome.code
            message.message = outcome.message
            message.processed_at = ctx.now
            message.needs_processing = False
            message.attempts += 1
            return message, outcome
    except Exception as error:  # a supervisor: one bad fact must not stop its station for ever
        if message_id is None:
            raise
        return _failed(factory, message_id, error)


def _claim(ctx: Context, station_code: str) -> InboxMessage | None:
    locked = ctx.session.scalar(
        text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 7))"), {"name": station_code}
    )
    if not locked:
        return None
    reached = select(StationStream.contiguous_seq).where(
        StationStream.station_code == station_code, StationStream.stream == "event"
    )
    urgent = InboxMessage.event_type.in_(URGENT)
    query = (
        select(InboxMessage)
        .where(InboxMessage.station_code == station_code, InboxMessage.needs_processing)
        .where(InboxMessage.station_code.not_in(_QUARANTINED))
        .where(urgent | (InboxMessage.seq <= reached.scalar_subquery()))
        .order_by(urgent.desc(), InboxMessage.seq, InboxMessage.id)
        .limit(1)
        .with_for_update()
    )
    return ctx.session.scalars(query).one_or_none()


def _event(ctx: Context, message: InboxMessage) -> DeviceEvent:
    query = select(StoredEvent).where(
        StoredEvent.uid == message.message_id, StoredEvent.occurred_at == message.occurred_at
    )
    stored = ctx.session.scalars(query).one()
    user_id = identity.user_of_ref(ctx, stored.user_ref) if stored.user_ref else None
    return DeviceEvent(
        uid=stored.uid,
        event_type=stored.event_type,
        payload=stored.payload,
        occurred_at=stored.occurred_at,
        received_at=stored.received_at,
        station_id=stored.station_code,
        user_id=user_id,
        user_ref=stored.user_ref,
        time_quality=stored.time_quality,
    )


def _failed(
    factory: ContextFactory, message_id: int, error: Exception
) -> tuple[InboxMessage, Outcome] | None:
    with factory.open(Principal.service("stations")) as ctx:
        message = ctx.session.get_one(InboxMessage, message_id)
        message.attempts += 1
        message.reason = f"{type(error).__name__}: {error}"[:1000]
        _log.error("fact not applied", uid=str(message.message_id), type=message.event_type, attempts=message.attempts,
                   exc_info=error)  # fmt: skip
        if message.attempts < MAX_ATTEMPTS:
            return None
        message.needs_processing = False
        message.outcome, message.outcome_code, message.processed_at = "failed", "unexpected", ctx.now
        title = f"Fait non pris en compte : {message.event_type} de {message.station_code}"
        tasks.open_task(ctx, "device_event_failed", title, role="admin", dedupe_key=f"inbox:{message.id}",
                        details={"message_id": str(message.message_id), "error": message.reason})  # fmt: skip
        return message, Outcome("review", "unexpected", "")


def retry(ctx: Context, message_id: int) -> None:
    """Give a failed fact another round after its cause was mended."""
    statement = update(InboxMessage).where(InboxMessage.id == message_id, InboxMessage.outcome == "failed")
    ctx.session.execute(statement.values(needs_processing=True, attempts=0, outcome=None))
