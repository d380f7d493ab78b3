"""Facts declared at stations and on phones: kept once, judged, and never lost when they come late (EXE-54, EXE-55)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text

from coordinator.kernel import qr, tasks
from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome
from coordinator.kernel.errors import BusinessError, DomainError
from coordinator.kernel.i18n import t
from coordinator.kernel.models import ScanEvent
from coordinator.modules.execution import rules
from coordinator.modules.execution.models import ShopEvent, TraceEvent, WorkOrder, WorkOrderOperation
from coordinator.modules.execution.orders import lot_of
from coordinator.modules.identity.models import UserAccount

DOUBLE_SCAN = dt.timedelta(seconds=5)
_MEANS = ("qr", "button", "badge_reader", "camera", "voice", "manual")


@dataclass
class Fact:
    """A declaration about one operation while it is being judged.

    ``against`` refuses a contradiction of somebody who stands at the machine; when the fact comes late from a queue,
    work has already gone on, so it is noted as a doubt and the fact is kept.
    """

    ctx: Context
    event: DeviceEvent
    operation: WorkOrderOperation
    order: WorkOrder
    employee_id: int | None
    late: bool
    doubts: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def payload(self) -> Mapping[str, Any]:
        """What was declared."""
        return self.event.payload

    @property
    def at(self) -> dt.datetime:
        """When it happened; a clock ahead of ours counts as now."""
        return min(self.event.occurred_at, self.ctx.now)

    @property
    def is_critical(self) -> bool:
        """Whether the part is critical."""
        return self.order.criticality in rules.CRITICAL

    def may_manage(self) -> bool:
        """Whether the person may go beyond the rule, with a reason."""
        reason = str(self.payload.get("force_reason") or "").strip()
        return (
            bool(reason)
            and self.ctx.principal.kind == "user"
            and self.ctx.principal.may("routing", "validate")
        )

    def against(self, code: str, **params: Any) -> None:
        """A contradiction.

        Raises:
            BusinessError: when the person can still act otherwise.
        """
        if not self.late:
            raise BusinessError(code, **params)
        self.doubts.append((code, t(f"error.{code}", self.ctx.locale, **params)))

    def warn(self, key: str, **params: Any) -> None:
        """Something the person should know, which does not refuse."""
        self.warnings.append(t(key, self.ctx.locale, **params))

    def trace(self, what: str, **details: Any) -> None:
        """One line of the lot's life (TRC-04)."""
        means = str(self.payload.get("means") or "")
        write_trace(
            self.ctx, self.operation, what, self.at, source="qr" if means in {"qr", ""} else "manual",
            user_id=self.event.user_id, remark=self.payload.get("comment"), details=details or None,
            uid=uuid.uuid5(self.event.uid, what),
        )  # fmt: skip


Handler = Callable[[Fact], str]
"""Applies a fact and answers the words for the person."""


def write_trace(
    ctx: Context, operation: WorkOrderOperation, kind: str, at: dt.datetime, *, source: str = "system",
    user_id: int | None = None, remark: str | None = None, details: dict[str, Any] | None = None, uid: uuid.UUID | None = None,
) -> None:  # fmt: skip
    """Append to the life of the lot an operation works on."""
    ctx.session.add(
        TraceEvent(
            uid=uid or uuid.uuid4(), part_lot_id=lot_of(ctx, operation.work_order_id).id, work_order_operation_id=operation.id,
            kind=kind, occurred_at=at, source=source, user_id=user_id, remark=remark, details=details,
        )
    )  # fmt: skip


def handled(
    purpose: str, apply: Handler, *, needs_operation: bool = True
) -> Callable[[Context, DeviceEvent], Outcome | None]:
    """Device handler of a fact about an operation: once per uid, a scan line, the verdict kept (TRC-18, EXE-54).

    With ``needs_operation=False`` a fact that names no operation is none of execution's business.
    """

    def run(ctx: Context, event: DeviceEvent) -> Outcome | None:
        if not needs_operation and not event.payload.get("operation_code"):
            return None
        known = replayed(ctx, event.uid)
        if known is not None:
            return known
        operation_id = None
        try:
            with ctx.session.begin_nested():
                fact = _fact(ctx, event)
                operation_id = fact.operation.id
                double = _double_scan(ctx, event, operation_id)
                outcome = double or _verdict(fact, apply(fact))
                ctx.session.flush()
        except DomainError as refusal:
            outcome = Outcome("refused", refusal.code, refusal.message(ctx.locale))
        _scan(ctx, event, purpose, outcome)
        keep(ctx, event, outcome, operation_id)
        return outcome

    return run


def replayed(ctx: Context, uid: uuid.UUID) -> Outcome | None:
    """The verdict on a fact that came before; a refusal is repeated, the rest is a duplicate (TRC-48)."""
    # Two deliveries of one fact at the same time wait for each other here.
    ctx.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:uid, 12))"), {"uid": str(uid)})
    known = ctx.session.scalars(select(ShopEvent).where(ShopEvent.uid == uid)).one_or_none()
    if known is None:
        return None
    if known.result == "refused":
        return Outcome("refused", known.code, known.message or "")
    return Outcome("duplicate", "duplicate", t("shop.duplicate", ctx.locale))


def keep(ctx: Context, event: DeviceEvent, outcome: Outcome, operation_id: int | None = None) -> None:
    """Remember what became of a fact."""
    ctx.session.add(
        ShopEvent(
            uid=event.uid, event_type=event.event_type[:60], work_order_operation_id=operation_id, user_id=event.user_id,
            station_code=event.station_id, occurred_at=event.occurred_at, received_at=event.received_at,
            result=outcome.result, code=outcome.code[:80], message=outcome.message[:500], payload=plain(event.payload),
        )
    )  # fmt: skip
    ctx.session.flush()


def _fact(ctx: Context, event: DeviceEvent) -> Fact:
    operation = operation_of(ctx, event.payload.get("operation_code"))
    order = ctx.get(WorkOrder, operation.work_order_id, lock=True)
    ctx.session.refresh(operation, with_for_update=True)
    user = ctx.session.get(UserAccount, event.user_id) if event.user_id is not None else None
    seconds = ctx.settings.integer("execution.late_after_s")
    late = event.received_at - event.occurred_at > dt.timedelta(seconds=seconds)
    fact = Fact(ctx, event, operation, order, user.employee_id if user is not None else None, late)
    if user is not None and not user.is_active:
        fact.against("shop.user_disabled")
    return fact


def operation_of(ctx: Context, code: Any) -> WorkOrderOperation:
    """Operation of a scanned code.

    Raises:
        BusinessError: ``shop.unknown_code``, ``shop.revoked_code`` or ``shop.foreign_code`` (EXE-50).
    """
    row = qr.find(ctx, str(code or ""))
    if row is None:
        raise BusinessError("shop.unknown_code")
    if row.revoked_at is not None:
        raise BusinessError("shop.revoked_code")
    if row.object_type != "work_order_operation":
        raise BusinessError("shop.foreign_code")
    return ctx.get(WorkOrderOperation, row.object_id)


def _double_scan(ctx: Context, event: DeviceEvent, operation_id: int) -> Outcome | None:
    """The same act of the same person within 5 s counts once (EXE-51, TRC-21)."""
    query = select(ShopEvent).where(
        ShopEvent.work_order_operation_id == operation_id, ShopEvent.event_type == event.event_type,
        ShopEvent.user_id.is_not_distinct_from(event.user_id), ShopEvent.result.in_(("done", "review")),
        ShopEvent.occurred_at.between(event.occurred_at - DOUBLE_SCAN, event.occurred_at + DOUBLE_SCAN),
    )  # fmt: skip
    same = [row for row in ctx.session.scalars(query) if dict(row.payload) == plain(event.payload)]
    return Outcome("duplicate", "shop.double_scan", t("shop.double_scan", ctx.locale)) if same else None


def plain(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload as it is kept."""
    import json

    from coordinator.kernel.audit import jsonable

    found: dict[str, Any] = json.loads(json.dumps(dict(payload), default=jsonable))
    return found


def _verdict(fact: Fact, words: str) -> Outcome:
    ctx = fact.ctx
    if fact.doubts:
        reasons = " ".join(message for _, message in fact.doubts)
        title = t(
            "task.shop_contradiction", ctx.locale, order=fact.order.number, number=fact.operation.sequence_no
        )
        details = {
            "event": fact.event.event_type, "uid": str(fact.event.uid), "occurred_at": fact.event.occurred_at.isoformat(),
            "user_id": fact.event.user_id, "payload": plain(fact.payload), "reasons": [m for _, m in fact.doubts],
        }  # fmt: skip
        key = f"shop_event:{fact.event.uid}"
        tasks.open_task(
            ctx, "shop.contradiction", f"{title} {reasons}", fact.operation, role="workshop_manager", details=details,
            dedupe_key=key,
        )  # fmt: skip
        return Outcome("review", fact.doubts[0][0], t("shop.review", ctx.locale, reasons=reasons))
    return Outcome("done", "done", " ".join([words, *fact.warnings]).strip())


def _scan(ctx: Context, event: DeviceEvent, purpose: str, outcome: Outcome) -> None:
    code = str(event.payload.get("operation_code") or "")[:200]
    row = qr.find(ctx, code)
    means = str(event.payload.get("means") or ("qr" if event.station_id else "button"))
    ctx.session.add(
        ScanEvent(
            uid=uuid.uuid5(event.uid, "scan"), occurred_at=event.occurred_at, qr_code_id=row.id if row is not None else None,
            code=code, user_id=event.user_id, station_id=event.station_id, terminal_id=event.terminal_id,
            terminal_type="station" if event.station_id else "phone", purpose=purpose,
            means=means if means in _MEANS else "manual", result=outcome.code[:40] if outcome.result == "refused" else outcome.result,
        )
    )  # fmt: skip


def number(payload: Mapping[str, Any], name: str) -> Decimal:
    """Whole, non-negative count of a payload.

    Raises:
        BusinessError: ``shop.quantity`` (EXE-52).
    """
    try:
        value = Decimal(str(payload.get(name) or 0))
    except ArithmeticError:
        raise BusinessError("shop.quantity") from None
    if not value.is_finite() or value < 0 or value != value.to_integral_value():
        raise BusinessError("shop.quantity")
    return value


def on_scan(ctx: Context, event: DeviceEvent) -> Outcome:
    """``scan.read``: every scan is a line, also of an unknown code; twice within 5 s is one (TRC-18, TRC-21)."""
    code = str(event.payload.get("code") or "")[:200]
    purpose = str(event.payload.get("purpose") or "unknown")[:40]
    if ctx.session.scalar(select(ScanEvent.id).where(ScanEvent.uid == event.uid)) is not None:
        return Outcome("duplicate", "duplicate", t("shop.duplicate", ctx.locale))
    near = select(ScanEvent.id).where(
        ScanEvent.code == code, ScanEvent.purpose == purpose, ScanEvent.user_id.is_not_distinct_from(event.user_id),
        ScanEvent.station_id.is_not_distinct_from(event.station_id),
        ScanEvent.occurred_at.between(event.occurred_at - DOUBLE_SCAN, event.occurred_at + DOUBLE_SCAN),
    )  # fmt: skip
    if ctx.session.scalar(near.limit(1)) is not None:
        return Outcome("duplicate", "shop.double_scan", t("shop.double_scan", ctx.locale))
    row = qr.find(ctx, code)
    known = row is not None and row.revoked_at is None
    ctx.session.add(
        ScanEvent(
            uid=event.uid, occurred_at=event.occurred_at, qr_code_id=row.id if row is not None else None, code=code,
            user_id=event.user_id, station_id=event.station_id, terminal_id=event.terminal_id,
            terminal_type="station" if event.station_id else "phone", purpose=purpose, means="qr",
            result="done" if known else "unknown" if row is None else "revoked",
        )
    )  # fmt: skip
    if not known and code.startswith(qr.PREFIX):
        key = "shop.unknown_code" if row is None else "shop.revoked_code"
        return Outcome("refused", key, t(f"error.{key}", ctx.locale))
    return Outcome("done", "done", "")


def on_breakdown(ctx: Context, event: DeviceEvent) -> None:
    """``breakdown.reported``: a line in the life of what runs on the machine; machines and planning do the rest."""
    from coordinator.modules.machines.api import machine_by_code

    machine = machine_by_code(ctx, event.payload["machine_code"])
    query = select(WorkOrderOperation).where(
        WorkOrderOperation.machine_id == machine.id, WorkOrderOperation.status == "in_progress"
    )
    for operation in ctx.session.scalars(query):
        uid = uuid.uuid5(event.uid, str(operation.id))
        if ctx.session.scalar(select(TraceEvent.id).where(TraceEvent.uid == uid)) is None:
            write_trace(
                ctx, operation, "breakdown.reported", event.occurred_at, source="manual", user_id=event.user_id,
                remark=event.payload.get("comment"), uid=uid,
            )  # fmt: skip
