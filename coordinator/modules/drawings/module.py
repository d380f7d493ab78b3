"""Manifest of the drawings module."""

from coordinator.kernel.registry import EntitySpec, Handler, Job, Lifecycle, Module, Transition
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.drawings import endpoints, service
from coordinator.modules.drawings.models import (
    DrawingAnalysis,
    DrawingAnalysisFile,
    DrawingCorrection,
    DrawingFeature,
    DrawingFile,
)

LIFECYCLE = Lifecycle(
    "status",
    (
        Transition("begin", ("uploaded",), "analysing", automatic=True),
        Transition("analysed", ("analysing",), "to_review", event="drawing_analysis.analysed", automatic=True),
        Transition("fail", ("uploaded", "analysing"), "failed", event="drawing_analysis.failed", automatic=True),
        Transition(
            "validate", ("to_review",), "validated", right="validate", effect=service.validate,
            event="drawing_analysis.validated", tone="primary", critical=True,
        ),
        Transition("reject", ("to_review", "failed"), "rejected", right="validate", tone="danger", confirm=True),
        Transition("supersede", ("validated", "to_review"), "superseded", automatic=True),
    ),
)  # fmt: skip

MODULE = Module(
    name="drawings",
    depends=("company", "identity", "documents", "parties", "catalogue"),
    entities=[
        EntitySpec(
            DrawingAnalysis, "drawing_analysis", "sales", title=("drawing_number", "part_name"), plural="drawing-analyses",
            can_create=False, can_delete=False, lifecycle=LIFECYCLE, on_update=service.on_update,
            list_fields=("drawing_number", "revision", "part_name", "material_text", "status", "confidence", "complexity"),
        ),
        EntitySpec(
            DrawingFile, "drawing_analysis", title=("file_name",), can_create=False, can_update=False, can_delete=False,
        ),
        EntitySpec(
            DrawingAnalysisFile, "drawing_analysis", title=("drawing_file_id",), can_create=False, can_update=False,
            can_delete=False,
        ),
        EntitySpec(
            DrawingFeature, "drawing_analysis", title=("kind", "text"), can_create=False, can_delete=False,
            default_sort="id",
        ),
        EntitySpec(
            DrawingCorrection, "drawing_analysis", title=("field_name",), can_create=False, can_update=False,
            can_delete=False,
        ),
    ],
    routers=[endpoints.router],
    handlers=[Handler("drawing_analysis.analysed", "drawings.review_task", service.analysed)],
    jobs=[Job(service.ANALYSE_JOB, service.analyse, queue="drawings", detached=True, max_attempts=3)],
    settings=[SettingDef("drawing_max_file_mb", "quoting", "integer", 100, unit="Mo", minimum=1, maximum=500)],
)  # fmt: skip
