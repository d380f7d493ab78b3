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
from coordinator.modules.machines import (
    alerts,
    anomalies,
    cadence,
    cameras,
    collisions,
    endpoints,
    events,
    quarantine,
    robots,
    sensors,
    service,
    telemetry,
    telemetry_notices,
    watch_endpoints,
)
from coordinator.modules.machines.camera_models import Camera, CameraClip, Device, Robot, RobotCommand
from coordinator.modules.machines.channels import DEFAULT_MAX_CHANNELS
from coordinator.modules.machines.models import (
    AlarmThreshold,
    AnomalyModel,
    Machine,
    MachineAuthorization,
    MachineCapability,
    MachineCycle,
    MachineEvent,
    MachineIncident,
    MachineState,
    MachineToolCompatibility,
    SensorKey,
    TelemetryChannel,
    ToolAssembly,
)
from coordinator.modules.machines.telemetry_models import UnknownMachine

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

INCIDENT_LIFE = Lifecycle(
    "status",
    (
        Transition("take", ("open",), "in_progress", tone="primary"),
        Transition(
            "close", ("open", "in_progress"), "closed", "update", alerts.close_incident, alerts.ClosingParams
        ),
        Transition("reopen", ("closed",), "in_progress"),
    ),
)
MODEL_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "approve", ("proposed", "retired"), "approved", "update", anomalies.approve, tone="primary"
        ),
        Transition("refuse", ("proposed",), "refused", "update", anomalies.refuse, tone="danger"),
        Transition("retire", ("approved",), "retired", "update", confirm=True),
    ),
)
CAMERA_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "activate",
            ("off",),
            "offline",
            "update",
            cameras.activate,
            tone="primary",
            confirm=True,
            critical=True,
            module_code="settings",
        ),
        Transition("deactivate", ("live", "offline", "covered"), "off", "update", cameras.deactivate),
    ),
)
ROBOT_LIFE = Lifecycle(
    "status",
    (
        Transition("report_fault", ("available", "running", "stopped"), "fault", tone="danger"),
        Transition("start_maintenance", ("available", "running", "stopped", "fault"), "maintenance"),
        Transition("return_to_service", ("fault", "maintenance", "retired"), "available", tone="primary"),
        Transition(
            "retire",
            ("available", "running", "stopped", "fault", "maintenance"),
            "retired",
            "validate",
            confirm=True,
        ),
    ),
)
ROBOT_COMMAND_LIFE = Lifecycle(
    "status",
    (
        Transition("approve", ("requested",), "approved", "validate", robots.approve, tone="primary"),
        Transition("hand_over", ("approved",), "sent", "update", robots.sent, confirm=True),
        Transition("confirm_done", ("sent",), "done", "update", robots.answered),
        Transition("confirm_failed", ("requested", "approved", "sent"), "failed", "update", robots.answered),
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
        EntitySpec(
            TelemetryChannel,
            "machines",
            "production",
            title=("code", "name"),
            on_update=service.check_channel,
        ),
        _reported(
            UnknownMachine,
            title=("machine_code",),
            default_sort="-last_at",
            list_fields=(
                "machine_code",
                "status",
                "station_code",
                "first_at",
                "last_at",
                "held_samples",
                "dropped_samples",
                "machine_id",
            ),
        ),
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
            title=("text",),
            default_sort="-occurred_at",
            list_fields=(
                "machine_id",
                "kind",
                "severity",
                "text",
                "occurred_at",
                "ended_at",
                "acknowledged_at",
                "verdict",
            ),
        ),
        EntitySpec(
            MachineAuthorization,
            "machines",
            "production",
            title=("training",),
            list_fields=("machine_id", "employee_id", "valid_from", "valid_to", "training"),
        ),
        EntitySpec(
            MachineIncident,
            "machines",
            "production",
            title=("number", "title"),
            lifecycle=INCIDENT_LIFE,
            on_create=alerts.number_incident,
            default_sort="-created_at",
            list_fields=("number", "title", "kind", "machine_id", "status", "owner_id", "created_at"),
        ),
        EntitySpec(
            SensorKey,
            "integrations",
            "stations",
            list_fields=("name", "machine_id", "key_start", "is_active", "last_used_at"),
        ),
        EntitySpec(
            AnomalyModel,
            "machines",
            "production",
            title=("version",),
            can_create=False,
            can_update=False,
            can_delete=False,
            lifecycle=MODEL_LIFE,
            default_sort="-learned_to",
            list_fields=(
                "machine_id",
                "version",
                "status",
                "learned_to",
                "cycles",
                "false_alarm_rate",
                "precision",
                "recall",
            ),
        ),
        EntitySpec(Device, "machines", "stations", title=("code", "name"), default_sort="code"),
        EntitySpec(
            Camera,
            "machines",
            "stations",
            title=("location_label",),
            lifecycle=CAMERA_LIFE,
            on_create=cameras.check_camera,
            on_update=cameras.check_camera,
            list_fields=(
                "device_id",
                "location_label",
                "purpose",
                "place_kind",
                "status",
                "status_since",
                "machine_id",
            ),
        ),
        EntitySpec(
            CameraClip,
            "machines",
            "stations",
            title=("reason",),
            can_create=False,
            can_update=False,
            can_delete=False,
            default_sort="-started_at",
            list_fields=(
                "camera_id",
                "reason",
                "started_at",
                "ended_at",
                "delete_after",
                "sealed_at",
                "erased_at",
            ),
        ),
        EntitySpec(
            Robot,
            "robots",
            "stations",
            lifecycle=ROBOT_LIFE,
            list_fields=("name", "function", "controller_brand", "status", "assignment", "machine_id"),
        ),
        EntitySpec(
            RobotCommand,
            "robots",
            "stations",
            title=("action_code",),
            lifecycle=ROBOT_COMMAND_LIFE,
            on_create=robots.check_command,
            can_update=False,
            default_sort="-created_at",
            list_fields=(
                "robot_id",
                "action_code",
                "status",
                "requested_by_id",
                "sent_at",
                "executed_at",
                "result",
            ),
        ),
    ],
    commands=[
        Command(
            "acknowledge",
            Permission("machines", "update"),
            alerts.acknowledge,
            alerts.AcknowledgeParams,
            entity="machine_event",
            available=lambda event: event.acknowledged_at is None,
        ),
        Command(
            "judge",
            Permission("machines", "update"),
            collisions.judge,
            collisions.VerdictParams,
            entity="machine_event",
            available=lambda event: event.kind in {"collision", "anomaly"},
        ),
        Command(
            "open_incident",
            Permission("machines", "update"),
            alerts.to_incident,
            alerts.IncidentParams,
            entity="machine_event",
        ),
        Command(
            "set_response",
            Permission("machines", "update"),
            collisions.set_response,
            collisions.ResponseParams,
            entity="machine",
            critical=True,
        ),
        Command(
            "issue_key",
            Permission("integrations", "update"),
            sensors.issue,
            entity="sensor_key",
            confirm=True,
        ),
        Command(
            "revoke_key",
            Permission("integrations", "update"),
            sensors.revoke,
            entity="sensor_key",
            tone="danger",
            available=lambda key: key.is_active,
        ),
        Command(
            "set_credentials",
            Permission("settings", "update"),
            cameras.set_credentials,
            cameras.CredentialsParams,
            entity="camera",
        ),
        Command(
            "seal",
            Permission("machines", "export"),
            cameras.seal,
            cameras.SealParams,
            entity="camera_clip",
            critical=True,
            available=lambda clip: clip.sealed_at is None and clip.erased_at is None,
        ),
        Command(
            "assign",
            Permission("machines", "update"),
            quarantine.assign,
            quarantine.AssignParams,
            entity="unknown_machine",
            tone="primary",
            available=lambda unknown: unknown.status != "assigned",
        ),
        Command(
            "ignore",
            Permission("machines", "update"),
            quarantine.ignore,
            entity="unknown_machine",
            tone="danger",
            confirm=True,
            available=lambda unknown: unknown.status != "ignored",
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
    routers=[endpoints.router, watch_endpoints.router],
    device_handlers=[
        DeviceHandler("machine.state", events.on_state),
        DeviceHandler("machine.cycle", events.on_cycle),
        DeviceHandler("machine.alarm", events.on_alarm),
        DeviceHandler("collision.risk", collisions.on_collision),
        DeviceHandler("collision.impact", collisions.on_collision),
        DeviceHandler("collision.recorded", collisions.on_recorded),
        DeviceHandler("collision.judged", collisions.on_judged),
        DeviceHandler("collision.counters", collisions.on_counters),
        DeviceHandler("machine.anomaly", anomalies.on_anomaly),
        DeviceHandler("machine.model", anomalies.on_model),
        DeviceHandler("camera.clip", cameras.on_clip),
        DeviceHandler("camera.state", cameras.on_state),
        DeviceHandler("breakdown.reported", events.on_breakdown),
    ],
    jobs=[
        Job("machines.watch_thresholds", service.watch_thresholds, cron="* * * * *"),
        Job("machines.watch", alerts.watch, cron="* * * * *"),
        Job("machines.repeat_alerts", alerts.repeat, cron="* * * * *"),
        Job("machines.tell_unknown", quarantine.tell_unknown, cron="* * * * *"),
        Job("machines.tell_telemetry", telemetry_notices.tell, cron="* * * * *"),
        Job("machines.replay_held", quarantine.replay),
        Job("machines.watch_cadence", cadence.watch_days, cron="20 5 * * *"),
        Job("machines.watch_cameras", cameras.watch, cron="* * * * *"),
        Job("machines.erase_clips", cameras.erase_outlived, cron="37 * * * *"),
        Job("machines.robot_answers", robots.fail_unanswered, cron="* * * * *"),
        Job("machines.roll_up_telemetry", telemetry.roll_up, cron="*/5 * * * *"),
        Job("machines.maintain_telemetry", telemetry.maintain, cron="17 1 * * *"),
    ],
    settings=[
        SettingDef("machines.max_parts_per_cycle", "machines", "integer", 100, "pce", 1, 100_000),
        SettingDef("machines.max_channels", "machines", "integer", DEFAULT_MAX_CHANNELS, None, 1, 10_000),
        SettingDef("machines.planned_stop_reasons", "machines", "text", "regulatory_break,end_of_shift"),
        SettingDef("machines.stop_reason_after_min", "machines", "integer", 5, "min", 1, 1_440),
        SettingDef("machines.cycle_longer_pct", "machines", "integer", 20, "%", 1, 1_000),
        SettingDef("machines.cadence_pct", "machines", "integer", 20, "%", 1, 1_000),
        SettingDef("machines.alert_repeat_min", "machines", "integer", 10, "min", 1, 1_440),
        SettingDef("machines.alert_roles_warning", "machines", "text", "workshop_manager"),
        SettingDef(
            "machines.alert_roles_alarm", "machines", "text", "workshop_manager,maintenance_technician"
        ),
        SettingDef(
            "machines.alert_roles_critical",
            "machines",
            "text",
            "workshop_manager,maintenance_technician,production_manager",
        ),
        SettingDef("machines.false_stops_max", "machines", "integer", 2, None, 0, 100),
        SettingDef("machines.false_stops_days", "machines", "integer", 7, "j", 1, 365),
        SettingDef("machines.robot_answer_s", "robots", "integer", 60, "s", 1, 3_600),
        SettingDef("machines.trs_target_pct", "machines", "decimal", 60, "%", 0, 100),
        SettingDef("machines.minute_retention_days", "machines", "integer", 730, "j", 1, 36_500),
        SettingDef("machines.hour_retention_days", "machines", "integer", 1_826, "j", 1, 36_500),
    ],
)
