"""Manifest of the routings module."""

from coordinator.kernel.registry import Command, EntitySpec, Lifecycle, Module, Permission, Transition
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.routings import service
from coordinator.modules.routings.models import (
    OperationDependency,
    OperationMaterial,
    OperationTool,
    Routing,
    RoutingOperation,
)

LIFE = Lifecycle(
    "status",
    (
        Transition("submit", ("draft",), "to_validate", "update", service.submit, event="routing.submitted", tone="primary"),
        Transition(
            "validate", ("draft", "to_validate"), "validated", "validate", service.validate, event="routing.validated",
            critical=True, tone="primary",
        ),
        Transition("reject", ("to_validate",), "draft", "validate", event="routing.rejected", tone="danger"),
        Transition(
            "retire", ("draft", "to_validate", "validated"), "obsolete", "validate", event="routing.retired", confirm=True,
            critical=True,
        ),
    ),
)  # fmt: skip

MODULE = Module(
    name="routings",
    depends=("company", "identity", "parties", "catalogue", "people", "machines", "stock"),
    entities=[
        EntitySpec(
            Routing, "routing", "methods", title=("number", "name"), lifecycle=LIFE, on_create=service.on_create_routing,
            list_fields=("number", "version_no", "name", "part_revision_id", "status", "source", "is_template"),
        ),
        EntitySpec(
            RoutingOperation, "routing", "methods", title=("sequence_no", "operation_label"), default_sort="routing_id,sequence_no",
            list_fields=(
                "routing_id", "sequence_no", "operation_label", "operation_type", "machine_id", "setup_time_min",
                "planned_time_min", "time_basis",
            ),
            on_create=service.on_save_operation, on_update=service.on_save_operation,
        ),
        EntitySpec(
            OperationDependency, "routing", "methods", title=("id",), on_create=service.on_save_part, on_update=service.on_save_part
        ),
        EntitySpec(
            OperationTool, "routing", "methods", title=("tool_text",), on_create=service.on_save_part, on_update=service.on_save_part
        ),
        EntitySpec(
            OperationMaterial, "routing", "methods", title=("shape",), on_create=service.on_save_part,
            on_update=service.on_save_part,
        ),
    ],
    commands=[Command("new_version", Permission("routing", "create"), service.new_version, service.VersionParams, entity="routing")],
    settings=[
        SettingDef("routing.release_gate", "routing", "boolean", True),
        SettingDef("routing.require_final_operations", "routing", "boolean", True),
        SettingDef("routing.final_operation_min", "routing", "decimal", 5, "min", 1, 480),
    ],
)  # fmt: skip
