"""What other modules may ask of machines."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.machines.cadence import judge as judge_cadence
from coordinator.modules.machines.cameras import camera_by_code, is_camera_picture
from coordinator.modules.machines.events import machine_by_code
from coordinator.modules.machines.models import (
    Machine,
    MachineCapability,
    MachineCycle,
    MachineEvent,
    MachineState,
    MachineToolCompatibility,
    ToolAssembly,
)
from coordinator.modules.machines.rules import MachineLimits, PartNeed, misfits
from coordinator.modules.machines.sensors import may_operate
from coordinator.modules.machines.telemetry import (
    ensure_partitions,
    forget_channels,
    write_batches,
)

__all__ = [
    "Machine",
    "MachineCycle",
    "MachineEvent",
    "MachineLimits",
    "MachineState",
    "MachineToolCompatibility",
    "PartNeed",
    "ToolAssembly",
    "camera_by_code",
    "capable_machines",
    "compatible_tool_ids",
    "current_state",
    "ensure_partitions",
    "forget_channels",
    "is_camera_picture",
    "judge_cadence",
    "limits_of",
    "link_cycle",
    "machine_by_code",
    "may_operate",
    "states_between",
    "write_batches",
]


def limits_of(machine: Machine) -> MachineLimits:
    """What a machine offers to a part."""
    return MachineLimits(
        (machine.travel_x_mm, machine.travel_y_mm, machine.travel_z_mm),
        machine.max_turning_diameter_mm,
        machine.table_load_kg,
        machine.axis_count,
        machine.max_spindle_rpm,
        machine.spindle_power_kw,
    )


def capable_machines(
    ctx: Context, operation_type: str, need: PartNeed | None = None
) -> list[tuple[Machine, list[str]]]:
    """Machines in use that do a kind of operation, each with the limits the part exceeds (MCH-05).

    Nothing fits when every list is non-empty: the part is not feasible in this workshop.
    """
    query = (
        select(Machine)
        .join(MachineCapability, MachineCapability.machine_id == Machine.id)
        .where(MachineCapability.operation_type == operation_type, MachineCapability.archived_at.is_(None))
        .where(Machine.archived_at.is_(None), Machine.status != "retired")
        .order_by(Machine.code)
    )
    need = need or PartNeed()
    return [(machine, misfits(need, limits_of(machine))) for machine in ctx.session.scalars(query)]


def compatible_tool_ids(ctx: Context, machine_id: int) -> set[int]:
    """Tools a machine takes."""
    query = select(MachineToolCompatibility.tool_id).where(
        MachineToolCompatibility.machine_id == machine_id, MachineToolCompatibility.archived_at.is_(None)
    )
    return set(ctx.session.scalars(query))


def current_state(ctx: Context, machine_id: int) -> MachineState | None:
    """Open span of a machine; ``None`` when it never reported."""
    query = select(MachineState).where(MachineState.machine_id == machine_id, MachineState.ended_at.is_(None))
    return ctx.session.scalars(query).one_or_none()


def states_between(ctx: Context, machine_id: int, start: dt.datetime, end: dt.datetime) -> list[MachineState]:
    """Spans that touch an interval, in order."""
    query = select(MachineState).where(MachineState.machine_id == machine_id, MachineState.started_at < end)
    query = query.where((MachineState.ended_at.is_(None)) | (MachineState.ended_at > start))
    return list(ctx.session.scalars(query.order_by(MachineState.started_at)))


def link_cycle(
    ctx: Context, machine_cycle_id: int, work_order_operation_id: int, *, user_id: int | None = None
) -> MachineCycle:
    """Tie a cycle to the operation that was open on its machine, and to who worked there (MCH-13)."""
    cycle = ctx.get(MachineCycle, machine_cycle_id, lock=True)
    cycle.work_order_operation_id = work_order_operation_id
    ctx.emit(
        "machines.cycle_linked",
        {
            "machine_cycle_id": cycle.id,
            "work_order_operation_id": work_order_operation_id,
            "user_id": user_id,
        },
    )
    return cycle
