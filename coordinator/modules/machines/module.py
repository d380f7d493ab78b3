"""Manifest of the machines module."""

from typing import Any

from coordinator.kernel import audit
from coordinator.kernel.db import Record
from coordinator.kernel.registry import (
    Command,
    DeviceHandler,
    EntitySpec,
    Job,
    Lifecycle,
    Module,
    Permission,
    Transition,
)
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.machines import endpoints, events, service, telemetry
from coordinator.modules.machines.models import (
    AlarmThreshold,
    Machine,
    MachineCapability,
    MachineCycle,
    MachineEvent,
    MachineState,
    MachineToolCompatibility,
    TelemetryChannel,
    ToolAssembly,
)

# What machines report by themselves is its own history.
audit.silent(MachineState)
audit.silent(MachineCycle)

_WORKING = ("available", "running", "stopped")
MACHINE_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "report_breakdown",
            (*_WORKING, "maintenance"),
            "breakdown",
            "update",
            service.report_breakdown,
            service.CommentParams,
            tone="danger",
        ),
        Transition("start_maintenance", (*_WORKING, "breakdown"), "maintenance"),
        Transition(
            "return_to_service",
            ("breakdown", "maintenance", "retired"),
            "available",
            event="machines.returned",
            tone="primary",
        ),
        Transition("retire", (*_WORKING, "breakdown", "maintenance"), "retired", "validate", confirm=True),
    ),
)


def _reported(model: type[Record], **kwargs: Any) -> EntitySpec:
    return EntitySpec(
        model, "machines", "production", can_create=False, can_update=False, can_delete=False, **kwargs
    )


MODULE = Module(
    name="machines",
    depends=("company", "identity", "catalogue"),
    entities=[
        EntitySpec(
            Machine,
            "machines",
            "production",
            title=("code", "name"),
            import_key=("code",),
            default_sort="code",
            list_fields=(
                "code",
                "name",
                "machine_type",
                "status",
                "cnc_controller",
                "spindle_power_kw",
                "tool_slots",
            ),
            lifecycle=MACHINE_LIFE,
            on_create=service.check_machine,
            on_update=service.check_machine,
        ),
        EntitySpec(MachineCapability, "machines", "production", title=("operation_type",)),
        EntitySpec(MachineToolCompatibility, "machines", "production", title=("machine_id", "tool_id")),
        EntitySpec(ToolAssembly, "machines", "production"),
        EntitySpec(TelemetryChannel, "machines", "production", title=("code", "name")),
        EntitySpec(
            AlarmThreshold,
            "machines",
            "production",
            title=("telemetry_channel_id", "level"),
            on_create=service.check_threshold,
            on_update=service.check_threshold,
        ),
        _reported(
            MachineState,
            title=("state",),
            default_sort="-started_at",
            list_fields=("machine_id", "state", "started_at", "ended_at", "cause"),
        ),
        _reported(
            MachineCycle,
            title=("program",),
            default_sort="-started_at",
            list_fields=("machine_id", "program", "started_at", "ended_at", "result", "part_count"),
        ),
        _reported(
            MachineEvent,
            title=("kind", "code"),
            default_sort="-occurred_at",
            list_fields=("machine_id", "kind", "level", "code", "text", "occurred_at", "ended_at"),
        ),
    ],
    commands=[
        Command(
            "acknowledge",
            Permission("machines", "update"),
            service.acknowledge,
            entity="machine_event",
            available=lambda event: event.acknowledged_at is None,
        ),
        Command(
            "qualify",
            Permission("machines", "update"),
            service.qualify_stop,
            service.ReasonParams,
            entity="machine_state",
            available=lambda span: span.state not in {"running", "unknown"},
        ),
    ],
    routers=[endpoints.router],
    device_handlers=[
        DeviceHandler("machine.state", events.on_state),
        DeviceHandler("machine.cycle", events.on_cycle),
        DeviceHandler("machine.alarm", events.on_alarm),
        DeviceHandler("collision.risk", events.on_collision),
        DeviceHandler("collision.impact", events.on_collision),
        DeviceHandler("breakdown.reported", events.on_breakdown),
    ],
    jobs=[
        Job("machines.watch_thresholds", service.watch_thresholds, cron="* * * * *"),
        Job("machines.roll_up_telemetry", telemetry.roll_up, cron="*/5 * * * *"),
        Job("machines.maintain_telemetry", telemetry.maintain, cron="17 1 * * *"),
    ],
    settings=[
        SettingDef("machines.max_parts_per_cycle", "machines", "integer", 100, "pce", 1, 100_000),
        SettingDef("machines.planned_stop_reasons", "machines", "text", "regulatory_break,end_of_shift"),
        SettingDef("machines.stop_reason_after_min", "machines", "integer", 5, "min", 1, 1_440),
        SettingDef("machines.trs_target_pct", "machines", "decimal", 60, "%", 0, 100),
        SettingDef("machines.minute_retention_days", "machines", "integer", 730, "j", 1, 36_500),
        SettingDef("machines.hour_retention_days", "machines", "integer", 1_826, "j", 1, 36_500),
    ],
)
