"""Life of tools: minutes and parts from machine cycles, warnings, changes proposed and decided (STK-06)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select, text

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.kernel.outbox import Event
from coordinator.modules.catalogue.api import Tool
from coordinator.modules.machines.api import Machine, MachineCycle, MachineToolCompatibility, ToolAssembly
from coordinator.modules.stock import ledger, readiness, shop, units
from coordinator.modules.stock.engine import tool_wear
from coordinator.modules.stock.events import operation_id, resolve
from coordinator.modules.stock.models import StockUnit, StorageLocation, ToolIncident, ToolUsage
from coordinator.modules.stock.models_tooling import ToolChange

GROUND = (
    "drill", "spot_drill", "countersink", "counterbore", "reamer", "tap", "thread_mill", "end_mill", "ball_mill", "slot_mill",
    "saw_blade",
)  # fmt: skip
"""Kinds of tools that are sharpened; inserts are turned or thrown away."""
ZERO = Decimal(0)


@dataclass(frozen=True)
class Use:
    """What a tool did; ``machine_id`` also names the edge in use of a tool kept by quantity."""

    tool_id: int
    used_min: Decimal
    uid: uuid.UUID
    basis: str = "declared"
    stock_unit_id: int | None = None
    machine_id: int | None = None
    machine_cycle_id: int | None = None
    work_order_operation_id: int | None = None
    user_id: int | None = None
    part_count: int | None = None
    occurred_at: dt.datetime | None = None


# --- from machine cycles ----------------------------------------------------------------------------------------


def on_cycle(ctx: Context, event: Event) -> None:
    """``machines.cycle_recorded`` and ``machines.cycle_linked``: each tool's time is booked once per cycle.

    What the control told counts as soon as the cycle is known; a plan can be asked only once its operation is.
    """
    cycle = ctx.get(MachineCycle, event.payload["machine_cycle_id"])
    user_id = event.payload.get("user_id")
    if cycle.tool_times:
        minutes, basis = _measured(ctx, cycle), "measured"
    else:
        minutes, basis = _estimated(ctx, cycle), "estimated"
    for tool_id, used_min in sorted(minutes.items()):
        unit = _unit_on(ctx, ctx.get(Tool, tool_id), cycle)
        record(
            ctx,
            Use(
                tool_id,
                used_min,
                uuid.uuid5(cycle.uid, f"tool:{tool_id}"),
                basis,
                unit.id if unit is not None else None,
                cycle.machine_id,
                cycle.id,
                cycle.work_order_operation_id,
                user_id,
                cycle.part_count,
                cycle.ended_at,
            ),
        )
    if cycle.work_order_operation_id is not None:
        _tie(ctx, cycle, user_id)


def _tie(ctx: Context, cycle: MachineCycle, user_id: int | None) -> None:
    """Time booked before its operation was known now names it."""
    query = select(ToolUsage).where(ToolUsage.machine_cycle_id == cycle.id)
    for usage in ctx.session.scalars(query):
        usage.work_order_operation_id = cycle.work_order_operation_id
        usage.user_id = user_id if user_id is not None else usage.user_id


def _measured(ctx: Context, cycle: MachineCycle) -> dict[int, Decimal]:
    found: dict[int, Decimal] = {}
    for row in cycle.tool_times:
        tool_id = tool_on_machine(ctx, cycle.machine_id, row["tool"])
        # No tool works longer than its cycle, whatever a station says.
        minutes = round(min(Decimal(row["used_min"]), cycle.duration_min), 2)
        if tool_id is None:
            _ask_who(ctx, cycle.machine_id, row["tool"])
        elif minutes > 0:
            found[tool_id] = found.get(tool_id, ZERO) + minutes
    return found


def tool_on_machine(ctx: Context, machine_id: int, name: str) -> int | None:
    """Tool behind what a control calls it: its place in the magazine (T12), the name of the assembly, the tool's code."""
    number = name[1:] if name[:1] in "Tt" else name
    if number.isdigit() and int(number) < 2**31:
        for model in (MachineToolCompatibility, ToolAssembly):
            place = select(model.tool_id).where(
                model.machine_id == machine_id,
                model.slot_number == int(number),
                model.archived_at.is_(None),
            )
            found = ctx.session.scalar(place.order_by(model.id.desc()).limit(1))
            if found is not None:
                return int(found)
    named = select(ToolAssembly.tool_id).where(
        func.lower(ToolAssembly.name) == name.lower(),
        ToolAssembly.machine_id.is_(None) | (ToolAssembly.machine_id == machine_id),
        ToolAssembly.archived_at.is_(None),
    )
    found = ctx.session.scalar(
        named.order_by(ToolAssembly.machine_id.nulls_last(), ToolAssembly.id.desc()).limit(1)
    )
    if found is None:
        found = ctx.session.scalar(select(Tool.id).where(func.lower(Tool.code) == name.lower()))
    return int(found) if found is not None else None


def _ask_who(ctx: Context, machine_id: int, name: str) -> None:
    """Nobody said which tool stands there: methods are asked once, its time is on the cycle."""
    machine = ctx.get(Machine, machine_id)
    title = t("task.tool_unknown", ctx.locale, tool=name, machine=machine.name)
    key = f"tool_unknown:{machine_id}:{name.lower()}"[:200]
    tasks.open_task(ctx, "tool.unknown", title, machine, role="methods", dedupe_key=key)


def _estimated(ctx: Context, cycle: MachineCycle) -> dict[int, Decimal]:
    facts = shop.operation(ctx, cycle.work_order_operation_id)
    if facts is None:
        return {}
    minutes = dict(facts.tool_minutes)
    planned = [
        tool_wear.PlannedTool(used, minutes.get(tool_id))
        for tool_id, used in readiness.current_tools(ctx, facts)
        if used is not None
    ]
    return tool_wear.estimate_min(planned, cycle.duration_min, cycle.part_count)


def _unit_on(ctx: Context, tool: Tool, cycle: MachineCycle) -> StockUnit | None:
    """The one piece of a tool that is at the machine or with its operation; several are not told apart."""
    if tool.managed_by != "unit":
        return None
    holders = [f"machine:{cycle.machine_id}", f"operation:{cycle.work_order_operation_id}"]
    held = text(
        "SELECT stock_unit_id FROM stock_in_use WHERE stock_item_id = :item AND quantity > 0 AND holder = ANY(:holders)"
    )
    ids = set(ctx.session.scalars(held, {"item": tool.id, "holders": holders}))
    placed = (
        select(StockUnit.id)
        .join(StorageLocation, StorageLocation.id == StockUnit.storage_location_id)
        .where(StorageLocation.machine_id == cycle.machine_id)
    )
    query = select(StockUnit).where(
        StockUnit.stock_item_id == tool.id,
        StockUnit.archived_at.is_(None),
        StockUnit.condition.not_in(("broken", "out_of_service")),
        StockUnit.id.in_(ids) | StockUnit.id.in_(placed),
    )
    found = list(ctx.session.scalars(query.limit(2)))
    return found[0] if len(found) == 1 else None


# --- booking ----------------------------------------------------------------------------------------------------


def record(ctx: Context, use: Use) -> Decimal | None:
    """Book time in the cut, once per ``uid``; near the end of life people are told and a change is proposed.

    Returns:
        Share of the tool's life used, in percent; ``None`` when its life is unknown.
    """
    ledger.lock_item(ctx, use.tool_id)
    tool = ctx.get(Tool, use.tool_id)
    unit = ctx.get(StockUnit, use.stock_unit_id, lock=True) if use.stock_unit_id is not None else None
    before = _share(ctx, tool, unit, use.machine_id)
    if ctx.session.scalar(select(ToolUsage.id).where(ToolUsage.uid == use.uid)) is not None:
        return before
    values = vars(use) | {"occurred_at": use.occurred_at or ctx.now}
    ctx.add(ToolUsage(**values))
    if unit is not None and not _was_ground_since(unit, values["occurred_at"]):
        unit.used_min += use.used_min
        unit.used_parts += use.part_count or 0
    ctx.session.flush()
    after = _share(ctx, tool, unit, use.machine_id)
    if before is not None and after is not None:
        _warn(ctx, use, tool, unit, before, after)
    return after


def _was_ground_since(unit: StockUnit, at: dt.datetime) -> bool:
    """Whether a late report is about a life that a regrinding ended."""
    return unit.reground_at is not None and at <= unit.reground_at


def _share(ctx: Context, tool: Tool, unit: StockUnit | None, machine_id: int | None) -> Decimal | None:
    used_min, parts = (unit.used_min, unit.used_parts) if unit else edge_use(ctx, tool.id, machine_id)[:2]
    return tool_wear.life_pct(used_min, parts, tool.life_min, tool.life_parts)


def edge_use(ctx: Context, tool_id: int, machine_id: int | None) -> tuple[Decimal, int, bool]:
    """Minutes and parts of the edge a machine works with, since the last change or breakage; whether any is estimated."""
    changed = select(func.max(ToolChange.decided_at)).where(
        ToolChange.tool_id == tool_id,
        ToolChange.machine_id.is_not_distinct_from(machine_id),
        ToolChange.stock_unit_id.is_(None),
        ToolChange.status == "accepted",
    )
    broken = select(func.max(ToolIncident.occurred_at)).where(
        ToolIncident.tool_id == tool_id,
        ToolIncident.machine_id.is_not_distinct_from(machine_id),
        ToolIncident.status != "cancelled",
    )
    moments = [m for m in (ctx.session.scalar(changed), ctx.session.scalar(broken)) if m is not None]
    query = select(
        func.coalesce(func.sum(ToolUsage.used_min), 0),
        func.coalesce(func.sum(ToolUsage.part_count), 0),
        func.coalesce(func.bool_or(ToolUsage.basis == "estimated"), False),
    ).where(
        ToolUsage.tool_id == tool_id,
        ToolUsage.machine_id.is_not_distinct_from(machine_id),
        ToolUsage.stock_unit_id.is_(None),
    )
    if moments:
        query = query.where(ToolUsage.occurred_at > max(moments))
    used_min, parts, estimated = ctx.session.execute(query).one()
    return Decimal(used_min), int(parts), bool(estimated)


def _warn(
    ctx: Context, use: Use, tool: Tool, unit: StockUnit | None, before: Decimal, after: Decimal
) -> None:
    limits = ((Decimal(100), "alarm"), (ctx.settings.decimal("stock.tool_life_warning_pct"), "warning"))
    passed = next(((limit, severity) for limit, severity in limits if before < limit <= after), None)
    change = _open_change(ctx, tool.id, unit, use.machine_id)
    if change is None and passed is not None:
        change = _propose(ctx, use, tool, unit)
    if change is not None:
        _note(ctx, change, tool, unit, after)
    if passed is not None:
        name = (unit.serial_number if unit is not None else None) or tool.code
        words = t("stock.tool_life", ctx.locale, tool=name, share=passed[0].normalize())
        tasks.notify(ctx, passed[1], "stock", words, change, role="storekeeper")


def _open_change(
    ctx: Context, tool_id: int, unit: StockUnit | None, machine_id: int | None
) -> ToolChange | None:
    query = select(ToolChange).where(ToolChange.tool_id == tool_id, ToolChange.status == "proposed")
    if unit is not None:
        query = query.where(ToolChange.stock_unit_id == unit.id)
    else:
        query = query.where(
            ToolChange.stock_unit_id.is_(None), ToolChange.machine_id.is_not_distinct_from(machine_id)
        )
    return ctx.session.scalars(query).one_or_none()


def _propose(ctx: Context, use: Use, tool: Tool, unit: StockUnit | None) -> ToolChange:
    can_grind = (
        unit is not None
        and tool.tool_type in GROUND
        and unit.regrind_count < ctx.settings.integer("stock.max_regrinds")
    )
    machine = ctx.get(Machine, use.machine_id).name if use.machine_id is not None else ""
    name = (unit.serial_number if unit is not None else None) or tool.code
    return ctx.add(
        ToolChange(
            uid=uuid.uuid5(use.uid, "change"),
            label=" · ".join(x for x in (name, machine) if x)[:200],
            tool_id=tool.id,
            stock_unit_id=unit.id if unit is not None else None,
            machine_id=use.machine_id,
            work_order_operation_id=use.work_order_operation_id,
            kind="regrind" if can_grind else "change",
        )
    )


def _note(
    ctx: Context, change: ToolChange, tool: Tool, unit: StockUnit | None, share: Decimal | None
) -> None:
    """Keep with the proposal what the tool has done so far."""
    if unit is None:
        change.used_min, change.used_parts, change.is_estimated = edge_use(ctx, tool.id, change.machine_id)
    else:
        change.used_min, change.used_parts = unit.used_min, unit.used_parts
        query = select(ToolUsage.id).where(ToolUsage.stock_unit_id == unit.id, ToolUsage.basis == "estimated")
        if unit.reground_at is not None:
            query = query.where(ToolUsage.occurred_at > unit.reground_at)
        change.is_estimated = ctx.session.scalar(query.limit(1)) is not None
    change.life_pct = share


# --- deciding ---------------------------------------------------------------------------------------------------


class DecisionParams(BaseModel):
    """Words on the decision."""

    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(default=None, max_length=300)


def accept(ctx: Context, change: ToolChange, params: DecisionParams) -> None:
    """The tool is changed, or goes to be ground; the life of a tool kept by quantity begins again on its machine."""
    change.reason = params.reason or change.reason
    change.decided_by_id, change.decided_at = ctx.principal.user_id, ctx.now
    if change.stock_unit_id is None:
        return
    unit = ctx.get(StockUnit, change.stock_unit_id, lock=True)
    if unit.condition in {"new", "used"}:
        units.set_condition(ctx, unit, units.ConditionParams(condition="worn", comment=params.reason))
    if change.kind == "regrind":
        title = t("task.tool_regrind", ctx.locale, tool=change.label or "")
        key = f"tool_regrind:{change.id}"
        tasks.open_task(ctx, "tool.regrind", title, unit, role="storekeeper", dedupe_key=key)


def refuse(ctx: Context, change: ToolChange, params: DecisionParams) -> None:
    """The tool goes on; it is proposed again at the end of its life."""
    change.reason = params.reason
    change.decided_by_id, change.decided_at = ctx.principal.user_id, ctx.now


def on_tool_changed(ctx: Context, event: DeviceEvent) -> Outcome | None:
    """``tool.changed`` of a phone or station: the open proposal is done, or the change is kept without one.

    A tool written in free words changes no life: the remark to methods stays.
    """
    if ctx.session.scalar(select(ToolChange.id).where(ToolChange.uid == event.uid)) is not None:
        return Outcome("duplicate", "duplicate")
    try:
        target = resolve(ctx, event.payload.get("tool_code"))
    except BusinessError:
        return None
    tool = ctx.session.get(Tool, target.item.id)
    if tool is None:
        return None
    ledger.lock_item(ctx, tool.id)
    facts = shop.operation(ctx, operation_id(ctx, event.payload.get("operation_code")))
    machine_id = facts.machine_id if facts is not None else None
    unit = ctx.get(StockUnit, target.unit_id) if target.unit_id is not None else None
    change = _open_change(ctx, tool.id, unit, machine_id) or _worn_piece(ctx, tool.id, machine_id)
    if change is None:
        use = Use(tool.id, ZERO, event.uid, stock_unit_id=target.unit_id, machine_id=machine_id)
        change = _propose(ctx, use, tool, unit)
        _note(ctx, change, tool, unit, _share(ctx, tool, unit, machine_id))
    change.uid = event.uid
    change.work_order_operation_id = facts.id if facts is not None else None
    accept(ctx, change, DecisionParams(reason=str(event.payload.get("cause") or "")[:300] or None))
    change.status = "accepted"
    change.decided_by_id, change.decided_at = event.user_id, event.occurred_at
    return None


def _worn_piece(ctx: Context, tool_id: int, machine_id: int | None) -> ToolChange | None:
    """The one proposal for a piece of this tool on this machine, where the piece itself was not scanned."""
    query = select(ToolChange).where(
        ToolChange.tool_id == tool_id, ToolChange.machine_id == machine_id, ToolChange.status == "proposed"
    )
    found = list(ctx.session.scalars(query.limit(2)))
    return found[0] if len(found) == 1 else None


# --- shown ------------------------------------------------------------------------------------------------------


def ending(ctx: Context, machine_ids: Sequence[int]) -> dict[tuple[int, str], dict[str, Any]]:
    """Tools to change or grind, by machine and code of the tool, the furthest on of each."""
    query = (
        select(ToolChange, Tool.code)
        .join(Tool, Tool.id == ToolChange.tool_id)
        .where(ToolChange.machine_id.in_(machine_ids), ToolChange.status == "proposed")
        .order_by(ToolChange.life_pct.asc().nulls_first(), ToolChange.id)
    )
    return {
        (change.machine_id, code): {
            "life_pct": float(change.life_pct) if change.life_pct is not None else None,
            "life_is_estimated": change.is_estimated,
            "advice": change.kind,
        }
        for change, code in ctx.session.execute(query)
        if change.machine_id is not None
    }


@dataclass(frozen=True)
class Life:
    """How far a piece, or the edge on a machine, is through its life."""

    name: str
    machine_id: int | None
    stock_unit_id: int | None
    used_min: Decimal
    used_parts: int
    share_pct: Decimal | None
    is_estimated: bool


def lives(ctx: Context, tool: Tool) -> list[Life]:
    """Every piece that worked, and every machine's edge of a tool kept by quantity, the most worn first."""
    units_query = select(StockUnit).where(
        StockUnit.stock_item_id == tool.id, StockUnit.archived_at.is_(None), StockUnit.used_min > 0
    )
    guessed = set(
        ctx.session.scalars(
            select(ToolUsage.stock_unit_id)
            .where(ToolUsage.tool_id == tool.id, ToolUsage.basis == "estimated")
            .distinct()
        )
    )
    found = [
        Life(
            unit.serial_number or f"#{unit.id}", None, unit.id, unit.used_min, unit.used_parts,
            tool_wear.life_pct(unit.used_min, unit.used_parts, tool.life_min, tool.life_parts), unit.id in guessed,
        )
        for unit in ctx.session.scalars(units_query)
    ]  # fmt: skip
    machines = select(ToolUsage.machine_id).where(
        ToolUsage.tool_id == tool.id, ToolUsage.stock_unit_id.is_(None)
    )
    for machine_id in ctx.session.scalars(machines.distinct()):
        minutes, parts, estimated = edge_use(ctx, tool.id, machine_id)
        name = ctx.get(Machine, machine_id).name if machine_id is not None else "—"
        share = tool_wear.life_pct(minutes, parts, tool.life_min, tool.life_parts)
        found.append(Life(name, machine_id, None, minutes, parts, share, estimated))
    return sorted(found, key=lambda life: life.share_pct or ZERO, reverse=True)
