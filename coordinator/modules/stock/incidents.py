"""Breakage of a tool: declared, replaced with somebody's approval, confirmed, kept (STK-37…42)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel import lifecycle, numbering, tasks
from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.kernel.i18n import t
from coordinator.kernel.models import Task
from coordinator.kernel.registry import Permission
from coordinator.modules.catalogue.api import Tool
from coordinator.modules.stock import alternatives, assignments, flow, ledger, reorder, shop
from coordinator.modules.stock.ledger import Movement
from coordinator.modules.stock.models import StockUnit, ToolIncident
from coordinator.modules.stock.models_tooling import ToolEquivalent, ToolIncidentOption

_CONDITIONS = ("vc_m_min", "fz_mm", "f_mm_rev", "ap_mm", "ae_mm", "passes")


@dataclass(frozen=True)
class Breakage:
    """What somebody declares."""

    tool: Tool
    uid: uuid.UUID
    lot_id: int | None = None
    unit_id: int | None = None
    operation_id: int | None = None
    cause: str | None = None
    comment: str | None = None
    user_id: int | None = None
    station_code: str | None = None
    source: str = "qr"
    photo_sha256: str | None = None
    at: Any = None


class BreakParams(BaseModel):
    """Declaration from the office: operation, cause, words, photo."""

    model_config = ConfigDict(extra="forbid")

    uid: uuid.UUID | None = None
    work_order_operation_id: int | None = None
    stock_unit_id: int | None = Field(
        default=None, json_schema_extra={"x-field": {"type": "reference", "target": "stock-units"}}
    )
    cause: str | None = Field(default=None, max_length=120)
    comment: str | None = Field(default=None, max_length=500)
    photo_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class AcceptParams(BaseModel):
    """The option taken; conditions typed here replace the proposed ones."""

    model_config = ConfigDict(extra="forbid")

    option_id: int = Field(
        json_schema_extra={"x-field": {"type": "reference", "target": "tool-incident-options"}}
    )
    comment: str | None = Field(default=None, max_length=500)
    vc_m_min: Decimal | None = Field(default=None, gt=0, max_digits=8, decimal_places=2)
    fz_mm: Decimal | None = Field(default=None, gt=0, max_digits=8, decimal_places=4)
    f_mm_rev: Decimal | None = Field(default=None, gt=0, max_digits=8, decimal_places=4)
    ap_mm: Decimal | None = Field(default=None, gt=0, max_digits=8, decimal_places=3)
    ae_mm: Decimal | None = Field(default=None, gt=0, max_digits=8, decimal_places=3)
    passes: int | None = Field(default=None, ge=1, le=100)


class EscalateParams(BaseModel):
    """Words for methods."""

    comment: str = Field(min_length=3, max_length=500)


class ConfirmParams(BaseModel):
    """Whether the replacement is allowed from now on without asking."""

    keep_as_equivalent: bool = False
    comment: str | None = Field(default=None, max_length=300)


def declare(ctx: Context, breakage: Breakage) -> ToolIncident:
    """Book the broken tool, take it off the operation, propose replacements; once per ``uid``."""
    tool = breakage.tool
    ledger.lock_item(ctx, tool.id)
    known = ctx.session.scalars(select(ToolIncident).where(ToolIncident.uid == breakage.uid)).one_or_none()
    if known is not None:
        return known
    facts = shop.operation(ctx, breakage.operation_id)
    incident = ctx.add(
        ToolIncident(
            uid=breakage.uid,
            number=numbering.next_number(ctx, "tool_incident"),
            occurred_at=breakage.at or ctx.now,
            tool_id=tool.id,
            stock_unit_id=breakage.unit_id,
            machine_id=facts.machine_id if facts is not None else None,
            work_order_operation_id=breakage.operation_id,
            cause=breakage.cause,
            comment=breakage.comment,
            photo_sha256=breakage.photo_sha256,
            is_critical=facts.is_critical if facts is not None else False,
            cost=round(tool.unit_cost, 2) if tool.unit_cost is not None else None,
            reported_by_id=breakage.user_id,
        )
    )
    _book_out(ctx, breakage)
    if breakage.operation_id is not None:
        assignments.assign(ctx, breakage.operation_id, tool.id, None, incident, None)
    _count_repeats(ctx, incident, tool)
    options = alternatives.propose(ctx, incident, facts)
    _call_methods(ctx, incident, tool)
    if not options:
        _buy(ctx, incident, tool)
    ctx.emit(
        "tool_incident.opened",
        {"id": incident.id, "tool_id": tool.id, "work_order_operation_id": breakage.operation_id},
    )
    return incident


def _book_out(ctx: Context, breakage: Breakage) -> None:
    """The broken piece leaves: from who has it first, else from the shelf."""
    tool = breakage.tool
    if breakage.unit_id is not None:
        ctx.get(StockUnit, breakage.unit_id, lock=True).condition = "broken"
    scrap = Movement(
        tool.id,
        Decimal(1),
        "scrap",
        breakage.source,
        breakage.lot_id,
        breakage.unit_id,
        work_order_operation_id=breakage.operation_id,
        user_id=breakage.user_id,
        station_code=breakage.station_code,
        occurred_at=breakage.at,
        uid=breakage.uid,
    )
    keys = [
        flow.holder(work_order_operation_id=breakage.operation_id),
        flow.holder(user_id=breakage.user_id),
        "unknown",
    ]
    held = flow.holdings(ctx, tool.id, list(dict.fromkeys(keys)))
    held = [h for h in held if breakage.unit_id is None or h[1] == breakage.unit_id]
    if held:
        lot_id, unit_id, key, _ = held[0]
        if unit_id is not None:
            ctx.get(StockUnit, unit_id, lock=True).condition = "broken"
        ledger.post(ctx, replace(scrap, stock_lot_id=lot_id, stock_unit_id=unit_id, from_holder=key))
    else:
        for row in flow.take(ctx, scrap):
            if row.stock_unit_id is not None:
                ctx.get(StockUnit, row.stock_unit_id, lock=True).condition = "broken"


def _count_repeats(ctx: Context, incident: ToolIncident, tool: Tool) -> None:
    days = ctx.settings.integer("stock.breakage_days")
    times = alternatives.breakages(ctx, incident, days)
    if times < ctx.settings.integer("stock.breakage_repeat"):
        return
    incident.is_repeated = True
    title = t("task.tool_repeated", ctx.locale, tool=f"{tool.code} · {tool.name}", times=times, days=days)
    key = f"tool_repeated:{tool.id}:{incident.occurred_at.date().isoformat()}"
    tasks.open_task(ctx, "tool.repeated", title, incident, role="methods", dedupe_key=key)


def _call_methods(ctx: Context, incident: ToolIncident, tool: Tool) -> None:
    title = t("task.tool_broken", ctx.locale, tool=tool.code)
    tasks.open_task(
        ctx, "tool.broken", title, incident, role="methods", dedupe_key=f"tool_broken:{incident.uid}"
    )


def _buy(ctx: Context, incident: ToolIncident, tool: Tool) -> None:
    """No tool left: an urgent purchase is prepared; a responsible validates it (STK-35, STK-41)."""
    reorder.propose_urgent(ctx, tool, Decimal(1), reason="breakage")
    words = t("stock.no_tool_left", ctx.locale, tool=f"{tool.code} · {tool.name}")
    for role in ("purchasing", "workshop_manager"):
        tasks.notify(ctx, "alarm", "stock", words, incident, role=role)


def on_tool_broken(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``tool.broken`` of a phone or station (STK-37)."""
    from coordinator.modules.stock.events import operation_id, resolve

    if ctx.session.scalar(select(ToolIncident.id).where(ToolIncident.uid == event.uid)) is not None:
        return Outcome("duplicate", "duplicate")
    target = resolve(ctx, event.payload.get("tool_code"))
    tool = ctx.session.get(Tool, target.item.id)
    if tool is None:
        raise BusinessError("stock.not_a_tool", item=target.item.code)
    declare(
        ctx,
        Breakage(
            tool,
            event.uid,
            target.lot_id,
            target.unit_id,
            operation_id(ctx, event.payload.get("operation_code")),
            event.payload.get("cause"),
            event.payload.get("comment"),
            event.user_id,
            event.station_id,
            at=event.occurred_at,
        ),
    )
    return None


def declare_breakage(ctx: Context, tool: Tool, params: BreakParams) -> dict[str, Any]:
    """The same from the office."""
    if params.photo_sha256 is not None and not ctx.files.is_intact(params.photo_sha256):
        raise BusinessError("stock.photo_file")
    unit = ctx.get(StockUnit, params.stock_unit_id) if params.stock_unit_id is not None else None
    if unit is not None and unit.stock_item_id != tool.id:
        raise BusinessError("stock.not_this_item", item=tool.code)
    incident = declare(
        ctx,
        Breakage(
            tool,
            params.uid or uuid.uuid4(),
            unit.stock_lot_id if unit is not None else None,
            unit.id if unit is not None else None,
            params.work_order_operation_id,
            params.cause,
            params.comment,
            ctx.principal.user_id,
            source="manual",
            photo_sha256=params.photo_sha256,
        ),
    )
    return {"tool_incident_id": incident.id}


def may_decide(ctx: Context) -> bool:
    """Whether the person answers for changes of tools: workshop manager, methods manager."""
    return ctx.principal.kind == "user" and ctx.principal.may("routing", "validate")


def needs_manager(incident: ToolIncident, option: ToolIncidentOption) -> bool:
    """Whether an operator must not begin with it by himself (STK-40)."""
    return incident.is_critical or option.kind == "alternative" or option.needs_program


def accept(ctx: Context, incident: ToolIncident, params: AcceptParams) -> dict[str, Any]:
    """Take an option, or ask for it where a manager has to agree first (STK-39, STK-40).

    Raises:
        Conflict: ``stock.incident_closed``; BusinessError: ``stock.other_incident``, ``stock.tool_gone``.
    """
    if incident.status != "open":
        raise Conflict("stock.incident_closed")
    option = ctx.get(ToolIncidentOption, params.option_id, lock=True)
    if option.tool_incident_id != incident.id:
        raise BusinessError("stock.other_incident")
    if needs_manager(incident, option) and not may_decide(ctx):
        return _ask(ctx, incident, option, params)
    changed = {n: getattr(params, n) for n in _CONDITIONS if getattr(params, n) is not None}
    _take_over(ctx, incident, option, changed, params.comment)
    lifecycle.move(ctx, incident, "take_over")
    if incident.is_critical:
        lifecycle.move(ctx, incident, "confirm", ConfirmParams())
    return {
        "outcome": "replaced",
        "tool_id": option.tool_id,
        "message": _words(ctx, "stock.replaced", option),
    }


def _ask(
    ctx: Context, incident: ToolIncident, option: ToolIncidentOption, params: AcceptParams
) -> dict[str, Any]:
    """The operator's wish waits for the manager, with his words."""
    tool = ctx.get(Tool, option.tool_id)
    broken = ctx.get(Tool, incident.tool_id)
    option.decision_comment = params.comment
    incident.escalated_at = ctx.now
    role = "methods" if option.needs_program and not incident.is_critical else "workshop_manager"
    title = t("task.tool_approval", ctx.locale, tool=tool.code, broken=broken.code)
    details = {"option_id": option.id, "comment": params.comment, "needs_program": option.needs_program}
    key = f"tool_approval:{option.id}"
    tasks.open_task(ctx, "tool.approval", title, incident, role=role, details=details, dedupe_key=key)
    return {
        "outcome": "waiting",
        "tool_id": tool.id,
        "message": _words(ctx, "stock.replacement_asked", option),
    }


def _words(ctx: Context, key: str, option: ToolIncidentOption) -> str:
    tool = ctx.get(Tool, option.tool_id)
    return t(key, ctx.locale, tool=f"{tool.code} · {tool.name}")


def _take_over(
    ctx: Context,
    incident: ToolIncident,
    option: ToolIncidentOption,
    changed: dict[str, Any],
    comment: str | None,
) -> None:
    ledger.lock_item(ctx, option.tool_id)
    if ledger.on_hand(ctx, option.tool_id, usable_only=True) < 1:
        raise BusinessError("stock.tool_gone")
    key = flow.holder(
        work_order_operation_id=incident.work_order_operation_id,
        user_id=ctx.principal.user_id,
        machine_id=incident.machine_id,
    )
    movement = Movement(
        option.tool_id,
        Decimal(1),
        "issue",
        "manual" if ctx.principal.kind == "user" else "system",
        to_holder=key,
        work_order_operation_id=incident.work_order_operation_id,
        uid=uuid.uuid5(incident.uid, f"replacement:{option.id}"),
    )
    flow.take(ctx, movement)
    option.time_factor = round(option.time_factor * _slower(option, changed), 3)
    for name, value in changed.items():
        setattr(option, name, value)
    data = {n: str(v) for n in _CONDITIONS if (v := getattr(option, n)) is not None}
    if incident.work_order_operation_id is not None:
        assignments.assign(
            ctx, incident.work_order_operation_id, incident.tool_id, option.tool_id, incident, data
        )
    _close_options(ctx, incident, option, "corrected" if changed else "accepted", comment)
    incident.replacement_tool_id = option.tool_id
    incident.replaced_at = ctx.now
    incident.action = t(f"enum.replacement_kind.{option.kind}", ctx.locale)
    ctx.emit(
        "tool_incident.took_over",
        {
            "id": incident.id,
            "work_order_operation_id": incident.work_order_operation_id,
            "tool_id": option.tool_id,
            "time_factor": str(option.time_factor),
            "cutting_data": data,
        },
    )


def _slower(option: ToolIncidentOption, changed: dict[str, Any]) -> Decimal:
    """How much longer the cut takes with the values a person typed over the proposed ones."""
    factor = Decimal(1)
    for name in ("vc_m_min", "fz_mm", "f_mm_rev", "ae_mm"):
        old = getattr(option, name)
        if old and changed.get(name):
            factor *= old / changed[name]
    if changed.get("passes"):
        factor *= Decimal(changed["passes"]) / option.passes
    return factor


def _close_options(
    ctx: Context, incident: ToolIncident, chosen: ToolIncidentOption | None, status: str, comment: str | None
) -> None:
    query = select(ToolIncidentOption).where(
        ToolIncidentOption.tool_incident_id == incident.id, ToolIncidentOption.status == "proposed"
    )
    for row in ctx.session.scalars(query):
        row.status = status if chosen is not None and row.id == chosen.id else "ignored"
        row.decided_by_id, row.decided_at = ctx.principal.user_id, ctx.now
        if chosen is not None and row.id == chosen.id and comment:
            row.decision_comment = comment
    done = select(Task).where(
        Task.object_type == "tool_incident",
        Task.object_id == incident.id,
        Task.kind.in_(("tool.broken", "tool.approval")),
        Task.status == "open",
    )
    for task in ctx.session.scalars(done):
        tasks.close_task(ctx, task, status)


def replace_tool(ctx: Context, incident: ToolIncident, params: Any) -> None:
    """The office names the tool that takes over, whether it was proposed or not.

    Raises:
        Forbidden: a manager has to agree to it first (STK-40).
    """
    query = select(ToolIncidentOption).where(
        ToolIncidentOption.tool_incident_id == incident.id,
        ToolIncidentOption.tool_id == params.replacement_tool_id,
    )
    option = ctx.session.scalars(query).one_or_none()
    if option is None:
        tool = ctx.get(Tool, params.replacement_tool_id)
        option = ctx.add(
            ToolIncidentOption(
                tool_incident_id=incident.id,
                tool_id=tool.id,
                rank=99,
                label=f"{tool.code} · {tool.name}",
                kind="same" if tool.id == incident.tool_id else "alternative",
                score_pct=Decimal(0),
                available_qty=ledger.on_hand(ctx, tool.id, usable_only=True),
            )
        )
    if needs_manager(incident, option):
        ctx.require(Permission("routing", "validate"))
    _take_over(ctx, incident, option, {}, None)


def escalate(ctx: Context, incident: ToolIncident, params: EscalateParams) -> dict[str, Any]:
    """None of the options will do: the case goes to methods with the operator's words (STK-39)."""
    if incident.status != "open":
        raise Conflict("stock.incident_closed")
    incident.escalated_at = ctx.now
    incident.comment = "\n".join(x for x in (incident.comment, params.comment) if x)
    tool = ctx.get(Tool, incident.tool_id)
    title = t("task.tool_to_methods", ctx.locale, tool=tool.code, words=params.comment[:120])
    tasks.open_task(
        ctx, "tool.methods", title, incident, role="methods", dedupe_key=f"tool_methods:{incident.uid}"
    )
    return {"outcome": "sent", "message": t("stock.sent_to_methods", ctx.locale)}


def confirm(ctx: Context, incident: ToolIncident, params: ConfirmParams) -> None:
    """A manager agrees to the change for good; the tool may become an allowed equivalent (STK-40)."""
    incident.confirmed_by_id, incident.confirmed_at = ctx.principal.user_id, ctx.now
    new_id = incident.replacement_tool_id
    if not getattr(params, "keep_as_equivalent", False) or new_id in (None, incident.tool_id):
        return
    known = select(ToolEquivalent.id).where(
        ToolEquivalent.tool_id == incident.tool_id, ToolEquivalent.equivalent_id == new_id
    )
    if ctx.session.scalar(known) is None:
        ctx.add(
            ToolEquivalent(
                tool_id=incident.tool_id,
                equivalent_id=new_id,
                approved_by_id=ctx.principal.user_id,
                note=params.comment,
            )
        )


def cancel(ctx: Context, incident: ToolIncident, _params: Any) -> None:
    """Declared by mistake: the proposals lapse, the operation has the tool back that it had before.

    The movement is reversed by hand where the tool is whole.
    """
    _close_options(ctx, incident, None, "ignored", None)
    assignments.take_back(ctx, incident)


def on_equivalent(ctx: Context, row: ToolEquivalent) -> None:
    """Who allowed it.

    Raises:
        BusinessError: ``stock.same_tool``.
    """
    if row.tool_id == row.equivalent_id:
        raise BusinessError("stock.same_tool")
    row.approved_by_id = ctx.principal.user_id
