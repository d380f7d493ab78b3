"""Manifest of the stations module."""

from coordinator.kernel.registry import Command, DeviceHandler, EntitySpec, Handler, Job, Module, Permission
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.stations import (
    camera_analyses,
    camera_endpoints,
    camera_views,
    clones,
    driver_settings,
    driver_spread,
    endpoints,
    history,
    identity,
    installation,
    local_settings,
    machine_config,
    packages,
    rollout,
    service,
    supervision,
    update_endpoints,
    uploads,
    vision,
    vision_models,
    vision_pages,
    vision_places,
    vision_review,
    zones,
)
from coordinator.modules.stations.models import (
    AiModel,
    CabinetSession,
    Station,
    StationCertificate,
    StationCheckPoint,
    StationClaim,
    StationCommand,
    StationConfig,
    VisionActivation,
    VisionCount,
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
_REVIEWABLE = vision_review.REVIEWABLE
_VALIDATE = Permission("vision", "validate")

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
            list_fields=("station_id", "opened_at", "closed_at", "opened_by", "status"), default_sort="-id",
            computed={"photographs": uploads.photographs},
        ),
        EntitySpec(
            VisionDetection, "vision", "stations", title=("detected_at",), can_create=False, can_update=False, can_delete=False,
            list_fields=("detected_at", "storage_location_id", "stock_item_id", "delta", "confidence_pct", "status", "reason"),
            computed={"photographs": vision_review.photographs, "circumstances": vision_review.circumstances}, default_sort="-id",
        ),
        EntitySpec(
            VisionCount, "vision", "stations", title=("counted_at",), can_create=False, can_update=False, can_delete=False,
            list_fields=("counted_at", "station_id", "trigger", "differences"), default_sort="-id",
        ),
        EntitySpec(
            VisionActivation, "vision", "stations", title=("informed_on",), can_create=False, can_update=False,
            list_fields=("station_id", "informed_on", "council", "consulted_on", "document_id", "declared_by_id"),
        ),
        EntitySpec(
            AiModel, "vision", "stations", title=("name", "version"), can_create=False, can_update=False, can_delete=False,
            list_fields=("name", "version", "status", "taught_at", "approved_by_id", "approved_at"), default_sort="-id",
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
        Command("roll_out", _APPROVE, vision_models.roll_out, rollout.RolloutParams, "update_package", tone="primary", confirm=True,
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
        Command("set_config", _UPDATE, service.set_config, service.ConfigParams, "station", in_menu=False),
        Command("approve_analysis", Permission("machines", "update"), camera_analyses.approve, camera_analyses.AnalysisParams, "camera",
                confirm=True, critical=True),
        Command("draw_zones", Permission("machines", "update"), zones.draw_camera, zones.CameraZones, "camera", critical=True, in_menu=False),
        Command("draw_zones", _UPDATE, zones.draw_places, zones.PlaceZones, "station", in_menu=False),
        Command("local_settings", _UPDATE, local_settings.change, local_settings.LocalSettings, "station"),
        Command("spread_driver", _UPDATE, driver_spread.change, driver_spread.SpreadParams, "station", in_menu=False),
        Command("set_driver", _UPDATE, driver_settings.change, driver_settings.DriverParams, "station", in_menu=False),
        Command("command", _UPDATE, service.request_command, service.CommandParams, "station"),
        Command("send_places", _UPDATE, vision_places.send_places, vision_places.PlacesParams, "station", confirm=True,
                available=lambda s: s.kind in {"cabinet_camera", "rack_camera"}),
        Command("confirm", _VALIDATE, vision_review.confirm, vision_review.ReviewParams,
                "vision_detection", tone="primary", available=lambda d: d.status in _REVIEWABLE),
        Command("reject", _VALIDATE, vision_review.reject, entity="vision_detection",
                tone="danger", available=lambda d: d.status in _REVIEWABLE),
        Command("count_again", _VALIDATE, vision_review.count_again, entity="vision_detection",
                available=lambda d: d.status in _REVIEWABLE),
        Command("set_vision_mode", _VALIDATE, vision_review.set_mode, vision_review.VisionModeParams, "storage_location"),
        Command("activate_vision", _UPDATE, vision_review.activate, vision_review.ActivationParams, "station", critical=True,
                available=lambda s: s.kind in {"cabinet_camera", "rack_camera"}),
        Command("register", Permission("vision", "create"), vision_models.register, vision_models.ModelParams,
                path="/ai-models/register"),
        Command("approve", _VALIDATE, vision_models.approve, entity="ai_model", tone="primary", confirm=True, critical=True,
                available=lambda m: m.status == "candidate"),
        Command("reject", _VALIDATE, vision_models.reject, vision_models.ReasonParams, "ai_model", tone="danger",
                available=lambda m: m.status in {"candidate", "approved"}),
    ],
    routers=[endpoints.router, camera_endpoints.router, update_endpoints.router, supervision.router, vision_pages.router],
    handlers=[
        Handler("machines.response_changed", "stations.collision_response", machine_config.on_response),
        Handler("machines.model_approved", "stations.anomaly_model", machine_config.on_model),
        Handler("machines.anomaly_judged", "stations.anomaly_verdict", machine_config.on_verdict),
    ],
    device_handlers=[
        DeviceHandler("cabinet.session", vision.on_session),
        DeviceHandler("vision.detection", vision.on_detection),
        DeviceHandler("vision.disputed", vision.on_disputed),
        DeviceHandler("vision.counted", vision.on_counted),
    ],
    jobs=[
        Job("stations.certificates", identity.care, cron="15 */6 * * *"),
        Job("stations.rollouts", rollout.step_all, cron="* * * * *"),
        Job("stations.forget_views", camera_views.forget, cron="* * * * *"),
        Job("stations.clean_health", history.clean, cron="20 4 * * *"),
        Job("stations.vision_reminders", vision_review.remind, cron="10 7 * * 1-5"),
        Job("stations.clean_vision", vision_pages.clean, detached=True, cron="35 3 * * *"),
        Job("stations.clean_uploads", uploads.clean, detached=True, cron="45 3 * * *"),
    ],
    settings=[
        SettingDef("station_claim_valid_min", "stations", "integer", 30, unit="min", minimum=5, maximum=240),
        SettingDef("update_observe_min", "stations", "integer", 1440, unit="min", minimum=0, maximum=20160),
        SettingDef("station_health_kept_days", "stations", "integer", 90, unit="j", minimum=1, maximum=3650),
        SettingDef("vision_escalate_days", "stations", "integer", 2, unit="j", minimum=1, maximum=30),
        SettingDef("vision_images_days", "stations", "integer", 7, unit="j", minimum=1, maximum=365),
        SettingDef("vision_crops_days", "stations", "integer", 90, unit="j", minimum=1, maximum=3650),
        SettingDef("station_upload_max_mb", "stations", "integer", 100, unit="Mo", minimum=1, maximum=2000),
    ],
)  # fmt: skip
