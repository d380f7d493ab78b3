"""What phones, stations and the office ask of the shop floor."""

import datetime as dt
import re
import uuid
from collections.abc import Iterator
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import String, cast, func, select
from sqlalchemy.exc import OperationalError

from coordinator.kernel import crud, qr, tasks
from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome, dispatch
from coordinator.kernel.errors import Unauthenticated
from coordinator.kernel.http import Ctx, guarded, own
from coordinator.kernel.i18n import entity_label, t
from coordinator.kernel.models import QrCode, ScanEvent
from coordinator.kernel.registry import Permission
from coordinator.modules.execution import facts, sheet, trace, views
from coordinator.modules.execution.models import ShopEvent, WorkOrder, WorkOrderOperation
from edge_agents.protocol.errors import ProtocolError
from edge_agents.protocol.payloads import parse_payload

DECLARE = Permission("time_tracking", "create")
READ = Permission("routing", "read")
TRACE = Permission("traceability", "read")
ACCEPTED = frozenset(
    {
        "scan.read", "operation.started", "operation.paused", "operation.resumed", "operation.reported", "operation.finished",
        "operation.undone", "comment.added", "tool.broken", "tool.changed", "breakdown.reported", "stock.taken",
        "stock.returned", "stock.moved", "stock.counted", "goods.received",
    }
)  # fmt: skip
"""Facts a person may declare by HTTP; machines and cameras speak through their stations only."""
OF_STOCK = frozenset({"stock.taken", "stock.returned", "stock.moved", "stock.counted", "goods.received"})
_log = structlog.get_logger(__name__)
router = APIRouter(tags=["shop"])


class ShopEventIn(BaseModel):
    """One fact of a phone's queue."""

    model_config = ConfigDict(extra="ignore")

    uid: uuid.UUID
    type: str = Field(max_length=60)
    occurred_at: dt.datetime
    payload: dict[str, Any]


class ShopEvents(BaseModel):
    """A queue, in the order things happened."""

    events: Annotated[list[ShopEventIn], Field(max_length=200)]


@router.get("/me/operations", operation_id="my_operations", openapi_extra=guarded(READ))
def my_operations(ctx: Ctx) -> dict[str, Any]:
    """Operations of the person, with what may be declared now."""
    scope = ctx.require(READ)
    found = views.open_operations(ctx, views.mine(ctx, scope))
    return {"items": views.items(ctx, found, ctx.principal.user_id)}


def _turn() -> Iterator[None]:
    """A queue's turn: after a cut all phones send theirs at once, and the screens of everybody else must still be answered."""
    yield


_TURN = Depends(_turn, scope="function", max_concurrency=4)


@router.post("/shop-events", operation_id="shop_events", openapi_extra=guarded(DECLARE), dependencies=[_TURN])
def shop_events(ctx: Ctx, body: ShopEvents) -> dict[str, Any]:
    """Apply a phone's facts in order; each answers with its verdict, a replay is harmless (EXE-54).

    Who works in the store only may declare what is of the store.
    """
    if not (ctx.principal.may("stock", "create") and {one.type for one in body.events} <= OF_STOCK):
        ctx.require(DECLARE)
    return {"results": [_apply(ctx, one) for one in sorted(body.events, key=lambda e: e.occurred_at)]}


def _apply(ctx: Context, one: ShopEventIn) -> dict[str, Any]:
    at = one.occurred_at if one.occurred_at.tzinfo else one.occurred_at.replace(tzinfo=dt.UTC)
    event = DeviceEvent(
        uid=one.uid, event_type=one.type, payload=one.payload, occurred_at=at, received_at=ctx.now,
        user_id=ctx.principal.user_id, time_quality="uncertain" if at > ctx.now + dt.timedelta(minutes=5) else "trusted",
        terminal_id=ctx.terminal_id,
    )  # fmt: skip
    outcome = facts.replayed(ctx, event.uid) or _judge(ctx, event)
    return {"uid": str(one.uid), "result": outcome.result, "code": outcome.code, "message": outcome.message}


def _judge(ctx: Context, event: DeviceEvent) -> Outcome:
    outcome = _shape(ctx, event) or _dispatched(ctx, event)
    kept = ctx.session.scalar(select(ShopEvent.id).where(ShopEvent.uid == event.uid))
    if kept is None:
        facts.keep(ctx, event, outcome)
    return outcome


def _dispatched(ctx: Context, event: DeviceEvent) -> Outcome:
    """The verdict of the modules; one fact that breaks a module is kept for a person and never stops the queue."""
    try:
        return dispatch(ctx, event)
    except OperationalError:
        raise
    except Exception as error:  # a supervisor: without it one bad fact would keep a phone's queue for ever
        _log.error("fact not applied", uid=str(event.uid), type=event.event_type, exc_info=error)
        title = t("task.fact_failed", ctx.locale, type=event.event_type[:60])
        details = {
            "uid": str(event.uid),
            "payload": facts.plain(event.payload),
            "error": f"{type(error).__name__}: {error}"[:500],
        }
        key = f"shop_event:{event.uid}"
        tasks.open_task(ctx, "shop.failed", title, role="workshop_manager", details=details, dedupe_key=key)
        return Outcome("review", "unexpected", t("shop.kept", ctx.locale))


def _shape(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """Refusal of a fact nobody handles or whose payload is wrong."""
    if event.event_type not in ACCEPTED:
        return Outcome(
            "refused",
            "shop.unknown_type",
            t("error.shop.unknown_type", ctx.locale, type=event.event_type[:60]),
        )
    try:
        parse_payload(event.event_type, dict(event.payload))
    except ProtocolError as error:
        return Outcome(
            "refused", "shop.payload", t("error.shop.payload", ctx.locale, reason=str(error)[:200])
        )
    return None


@router.get("/codes/{code:path}", operation_id="code_lookup", openapi_extra=own())
def look_up(ctx: Ctx, code: str) -> dict[str, Any]:
    """What a scanned code stands for, for whoever may read it."""
    if ctx.principal.kind == "anonymous":
        raise Unauthenticated
    scanned = qr.find(ctx, code)
    row = scanned or _typed(ctx, code)
    answer: dict[str, Any] = {
        "kind": "unknown",
        "display": None,
        "object": None,
        "allowed_actions": [],
        "message": None,
    }
    _note_scan(ctx, code, row, means="qr" if scanned is row else "manual")
    if row is None or row.revoked_at is not None:
        key = "error.shop.unknown_code" if row is None else "error.shop.revoked_code"
        return {**answer, "message": t(key, ctx.locale)}
    if row.object_type == "work_order_operation":
        return {**answer, "kind": row.object_type, **_operation(ctx, row.object_id)}
    spec = ctx.registry.entities.get(row.object_type)
    if spec is None or not ctx.principal.may(spec.module_code, "read"):
        return {**answer, "kind": row.object_type, "display": entity_label(row.object_type, ctx.locale),
                "message": t("shop.no_access", ctx.locale)}  # fmt: skip
    record = ctx.get(spec.model, row.object_id)
    shown = crud.serialize(ctx, spec, record)
    return {**answer, "kind": row.object_type, "display": shown["display"], "object": shown,
            "allowed_actions": shown["allowed_actions"]}  # fmt: skip


def _typed(ctx: Context, text: str) -> QrCode | None:
    """Code of the open operation whose order and sequence number somebody typed, "of 2026 0012 10" as well as "OF-2026-0012 10"."""
    wanted = re.sub(r"[^0-9A-Z]", "", text.upper())
    whole = WorkOrder.number + cast(WorkOrderOperation.sequence_no, String)
    query = (
        select(QrCode)
        .join(WorkOrderOperation, WorkOrderOperation.id == QrCode.object_id)
        .join(WorkOrder, WorkOrder.id == WorkOrderOperation.work_order_id)
        .where(QrCode.object_type == "work_order_operation", QrCode.revoked_at.is_(None))
        .where(WorkOrder.status.in_(("released", "in_progress")), WorkOrder.archived_at.is_(None))
        .where(func.upper(func.regexp_replace(whole, "[^0-9A-Za-z]", "", "g")) == wanted)
    )
    found = list(ctx.session.scalars(query.limit(2)))
    return found[0] if len(found) == 1 else None


def _operation(ctx: Context, operation_id: int) -> dict[str, Any]:
    operation = ctx.get(WorkOrderOperation, operation_id)
    order = ctx.get(WorkOrder, operation.work_order_id)
    item = views.items(ctx, [operation], ctx.principal.user_id)[0]
    message = None
    if not item["allowed_actions"]:
        state = (
            f"operation_{operation.status}"
            if operation.status not in views.OPEN[:2]
            else f"order_{order.status}"
        )
        params = {
            "number": operation.sequence_no,
            "reason": operation.blocked_reason or "",
            "order": order.number,
        }
        message = t(f"error.shop.{state}", ctx.locale, **params)
    display = f"{order.number} · {operation.sequence_no} · {operation.operation_label}"
    return {
        "display": display,
        "object": item,
        "allowed_actions": item["allowed_actions"],
        "message": message,
    }


def _note_scan(ctx: Context, code: str, row: QrCode | None, *, means: str) -> None:
    """Every look-up by a code is a scan (TRC-18)."""
    result = "unknown" if row is None else "revoked" if row.revoked_at is not None else "done"
    ctx.session.add(
        ScanEvent(
            uid=uuid.uuid4(), occurred_at=ctx.now, qr_code_id=row.id if row is not None else None, code=code[:200],
            user_id=ctx.principal.user_id, terminal_id=ctx.terminal_id, terminal_type="phone", purpose="consultation",
            means=means, result=result,
        )
    )  # fmt: skip


@router.get(
    "/work-orders/{work_order_id}/sheet", operation_id="work_order_sheet", openapi_extra=guarded(READ)
)
def order_sheet(ctx: Ctx, work_order_id: int) -> dict[str, Any]:
    """Order, operations with planned and real figures, who, cycles, material."""
    scope = ctx.require(READ)
    spec = ctx.registry.entities["work_order"]
    return sheet.content(ctx, crud.visible_record(ctx, spec, work_order_id, scope))


@router.get(
    "/work-orders/{work_order_id}/routing-sheet.pdf",
    operation_id="routing_sheet_pdf",
    openapi_extra=guarded(READ),
)
def routing_sheet(ctx: Ctx, work_order_id: int, machine_id: int | None = None) -> Response:
    """Printable routing sheet, whole or of one machine (RTG-03, RTG-05)."""
    scope = ctx.require(READ)
    order = crud.visible_record(ctx, ctx.registry.entities["work_order"], work_order_id, scope)
    content = sheet.pdf(ctx, order, machine_id=machine_id)
    name = f'inline; filename="{order.number}.pdf"'
    return Response(content, media_type="application/pdf", headers={"content-disposition": name})


@router.get("/part-lots/{part_lot_id}/trace", operation_id="part_lot_trace", openapi_extra=guarded(TRACE))
def lot_trace(ctx: Ctx, part_lot_id: int) -> dict[str, Any]:
    """The whole file of a lot (TRC-02)."""
    scope = ctx.require(TRACE)
    return trace.file_of(ctx, crud.visible_record(ctx, ctx.registry.entities["part_lot"], part_lot_id, scope))


@router.get("/shop-board", operation_id="shop_board", openapi_extra=guarded(READ))
def board(ctx: Ctx) -> dict[str, Any]:
    """What runs now: where, who, since when, and how long it should last (EXE-28)."""
    scope = ctx.require(READ)
    condition = views.mine(ctx, scope) & (WorkOrderOperation.status == "in_progress")
    return {"items": sheet.running(ctx, views.open_operations(ctx, condition)), "at": ctx.now.isoformat()}
