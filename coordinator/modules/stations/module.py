"""Manifest of the stations module."""

from coordinator.kernel.registry import Command, DeviceHandler, EntitySpec, Handler, Job, Module, Permission
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.stations import (
    clones,
    endpoints,
    history,
    identity,
    installation,
    machine_config,
    packages,
    rollout,
    service,
    supervision,
    update_endpoints,
    uploads,
    vision,
)
from coordinator.modules.stations.models import (
    CabinetSession,
    Station,
    StationCertificate,
    StationCheckPoint,
    StationClaim,
    StationCommand,
    StationConfig,
    VisionDetection,
)
from coordinator.modules.stations.update_models import (
    UpdateInstallation,
    UpdatePackage,
    UpdatePublisher,
    UpdateRollout,
)

_UPDATES = Permission("updates", "update")
_APPROVE = Permission("updates", "validate")
_GOING = {"pilot", "observing", "rolling"}
_UPDATE = Permission("platform", "update")
_REVIEWABLE = {"to_confirm", "auto_booked", "shadow"}

MODULE = Module(
    name="stations",
    depends=("company", "identity", "catalogue", "machines", "stock"),
    entities=[
        EntitySpec(
            Station, "platform", "stations", title=("name",), can_create=False,
            list_fields=("name", "code", "kind", "place", "status", "last_contact_at", "config_version", "software_version"),
        ),
        EntitySpec(
            StationClaim, "platform", "stations", title=("claim_code",), can_create=False, can_update=False,
            list_fields=("claim_code", "hardware_model", "hardware_serial", "ip", "status", "expires_at"),
        ),
        EntitySpec(
            StationCertificate, "platform", "stations", title=("serial",), can_create=False, can_update=False, can_delete=False,
            list_fields=("station_id", "serial", "reason", "issued_at", "expires_at", "revoked_at"),
        ),
        EntitySpec(
            StationCheckPoint, "platform", "stations", title=("point",), can_create=False, can_update=False, can_delete=False,
            list_fields=("station_id", "point", "is_done", "checked_at", "checked_by_id", "comment"),
        ),
        EntitySpec(
            StationConfig, "platform", "stations", title=("version_no",), can_create=False, can_update=False, can_delete=False,
            list_fields=("station_id", "version_no", "status", "reason", "published_at", "reported_at"),
        ),
        EntitySpec(
            StationCommand, "platform", "stations", title=("kind",), can_create=False, can_update=False, can_delete=False,
            list_fields=("station_id", "kind", "status", "detail", "expires_at", "done_at"),
        ),
        EntitySpec(
            CabinetSession, "vision", "stations", title=("opened_at",), can_create=False, can_update=False, can_delete=False,
            list_fields=("station_id", "user_id", "opened_at", "closed_at", "status"),
            computed={"photographs": uploads.photographs},
        ),
        EntitySpec(
            VisionDetection, "vision", "stations", title=("detected_at",), can_create=False, can_update=False, can_delete=False,
            list_fields=("detected_at", "storage_location_id", "stock_item_id", "delta", "confidence_pct", "status", "reason"),
            computed={"photographs": vision.photographs},
        ),
        EntitySpec(
            UpdatePublisher, "updates", "stations", title=("name",), can_create=False, can_update=False,
            list_fields=("name", "public_key", "created_at"),
        ),
        EntitySpec(
            UpdatePackage, "updates", "stations", title=("name", "version"), can_create=False, can_update=False, can_delete=False,
            list_fields=("kind", "name", "version", "title", "status", "built_at"), default_sort="-id",
        ),
        EntitySpec(
            UpdateRollout, "updates", "stations", title=("update_package_id",), can_create=False, can_update=False, can_delete=False,
            list_fields=("update_package_id", "status", "pilot_station_id", "observe_until", "reason", "ended_at"),
            default_sort="-id", computed={"progress": rollout.progress},
        ),
        EntitySpec(
            UpdateInstallation, "updates", "stations", title=("station_id", "to_version"), can_create=False, can_update=False,
            can_delete=False, default_sort="-id",
            list_fields=("station_id", "update_package_id", "action", "from_version", "to_version", "status", "phase", "detail"),
        ),
    ],
    commands=[
        Command("trust", Permission("updates", "create"), packages.trust, packages.PublisherParams,
                path="/update-publishers/trust", critical=True),
        Command("roll_out", _APPROVE, rollout.start, rollout.RolloutParams, "update_package", tone="primary", confirm=True,
                critical=True, available=lambda p: p.status in {"verified", "approved"}),
        Command("reject", _APPROVE, packages.reject, entity="update_package", tone="danger",
                available=lambda p: p.status == "verified"),
        Command("pause", _UPDATES, rollout.pause, entity="update_rollout", available=lambda r: r.status in _GOING),
        Command("resume", _UPDATES, rollout.resume, entity="update_rollout", available=lambda r: r.status == "paused"),
        Command("cancel", _UPDATES, rollout.cancel, entity="update_rollout", tone="danger", confirm=True,
                available=lambda r: r.status in {*_GOING, "paused"}),
        Command("roll_back", _APPROVE, rollout.roll_back, entity="update_rollout", tone="danger", confirm=True, critical=True,
                available=lambda r: r.status not in {"rolling_back", "reverted"}),
        Command("retry", _UPDATES, rollout.retry, entity="update_installation", available=rollout.may_retry),
        Command("approve", _UPDATE, service.approve_claim, service.ApproveParams, "station_claim", tone="primary",
                available=lambda c: c.status == "pending", critical=True),
        Command("refuse", _UPDATE, service.refuse_claim, entity="station_claim",
                available=lambda c: c.status == "pending", tone="danger"),
        Command("revoke", _UPDATE, service.revoke_station, entity="station", tone="danger", confirm=True, critical=True,
                available=lambda s: not s.is_revoked),
        Command("lift_quarantine", _UPDATE, clones.lift, entity="station", confirm=True, critical=True,
                available=lambda s: s.is_quarantined),
        Command("check", _UPDATE, installation.check, installation.CheckParams, "station_check_point", tone="primary"),
        Command("set_config", _UPDATE, service.set_config, service.ConfigParams, "station"),
        Command("command", _UPDATE, service.request_command, service.CommandParams, "station"),
        Command("confirm", Permission("vision", "validate"), vision.confirm_detection, vision.ReviewParams,
                "vision_detection", tone="primary", available=lambda d: d.status in _REVIEWABLE),
        Command("reject", Permission("vision", "validate"), vision.reject_detection, entity="vision_detection",
                tone="danger", available=lambda d: d.status in _REVIEWABLE),
    ],
    routers=[endpoints.router, update_endpoints.router, supervision.router],
    handlers=[
        Handler("machines.response_changed", "stations.collision_response", machine_config.on_response),
        Handler("machines.model_approved", "stations.anomaly_model", machine_config.on_model),
        Handler("machines.anomaly_judged", "stations.anomaly_verdict", machine_config.on_verdict),
    ],
    device_handlers=[
        DeviceHandler("cabinet.session", vision.on_session),
        DeviceHandler("vision.detection", vision.on_detection),
    ],
    jobs=[
        Job("stations.certificates", identity.care, cron="15 */6 * * *"),
        Job("stations.rollouts", rollout.step_all, cron="* * * * *"),
        Job("stations.clean_health", history.clean, cron="20 4 * * *"),
        Job("stations.clean_uploads", uploads.clean, detached=True, cron="45 3 * * *"),
    ],
    settings=[
        SettingDef("station_claim_valid_min", "stations", "integer", 30, unit="min", minimum=5, maximum=240),
        SettingDef("update_observe_min", "stations", "integer", 1440, unit="min", minimum=0, maximum=20160),
        SettingDef("station_health_kept_days", "stations", "integer", 90, unit="j", minimum=1, maximum=3650),
        SettingDef("station_upload_max_mb", "stations", "integer", 100, unit="Mo", minimum=1, maximum=2000),
    ],
)  # fmt: skip
