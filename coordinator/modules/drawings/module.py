"""Manifest of the drawings module."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement

from coordinator.kernel.context import Context
from coordinator.kernel.registry import (
    Command,
    EntitySpec,
    Handler,
    Job,
    Lifecycle,
    Module,
    Permission,
    Transition,
)
from coordinator.modules.drawings import (
    access,
    corrections,
    endpoints,
    imports,
    keeping,
    learning,
    limits,
    offered,
    outlook,
    review_endpoints,
    service,
)
from coordinator.modules.drawings.models import (
    DrawingAccess,
    DrawingAnalysis,
    DrawingAnalysisFile,
    DrawingCorrection,
    DrawingFeature,
    DrawingFile,
    DrawingImport,
    TitleBlockStyle,
    TitleBlockTemplate,
)

_CODE = "drawing_analysis"
_UPDATE = Permission(_CODE, "update")
_VALIDATE = Permission(_CODE, "validate")
Act = Callable[[Context, Any, Any], Any]


def _opened(act: Act) -> Act:
    """An act on a restricted analysis is for named persons only, and written down (DRW-28)."""

    def run(ctx: Context, record: DrawingAnalysis, params: Any) -> Any:
        access.check_open(ctx, record, act.__name__)
        return act(ctx, record, params)

    return run


def _of(model: Any) -> Callable[[Context], ColumnElement[bool]]:
    """Rows of analyses the acting person may know of."""
    return lambda ctx: access.of_visible(ctx, model.drawing_analysis_id)


def _new_version(ctx: Context, record: DrawingAnalysis, params: Any) -> dict[str, int]:
    return {"analysis_id": service.new_version(ctx, record, params).id}


LIFECYCLE = Lifecycle(
    "status",
    (
        Transition("begin", ("uploaded",), "analysing", automatic=True),
        Transition("analysed", ("analysing",), "to_review", event="drawing_analysis.analysed", automatic=True),
        Transition("fail", ("uploaded", "analysing"), "failed", event="drawing_analysis.failed", automatic=True),
        Transition("read_again", ("to_review",), "uploaded", automatic=True),
        Transition("retry", ("failed",), "uploaded", effect=_opened(service.retry)),
        Transition("enter_by_hand", ("failed",), "to_review", effect=_opened(service.enter_by_hand)),
        Transition(
            "validate", ("to_review",), "validated", right="validate", effect=_opened(service.validate),
            event="drawing_analysis.validated", tone="primary", critical=True,
        ),
        Transition(
            "reject", ("to_review", "failed"), "rejected", right="validate", effect=_opened(service.close_review),
            tone="danger", confirm=True,
        ),
        Transition("supersede", ("validated", "to_review", "failed"), "superseded", effect=service.close_review, automatic=True),
    ),
)  # fmt: skip

TEMPLATE_LIFECYCLE = Lifecycle(
    "status",
    (
        Transition("approve", ("proposed", "rejected"), "approved", right="validate", effect=learning.decide, tone="primary"),
        Transition("reject", ("proposed", "approved"), "rejected", right="validate", effect=learning.decide, tone="danger"),
    ),
)  # fmt: skip


def _has_status(*states: str) -> Callable[[Any], bool]:
    return lambda record: record.status in states


def _analysis_command(name: str, act: Act, permission: Permission, **kwargs: Any) -> Command:
    return Command(name, permission, _opened(act), entity="drawing_analysis", **kwargs)


_UNDER_REVIEW = _has_status("to_review")
COMMANDS = [
    _analysis_command("reanalyse", _new_version, _UPDATE, available=_has_status("to_review", "validated", "rejected", "failed"), confirm=True),
    _analysis_command("join", keeping.join, _UPDATE, params=keeping.JoinParams, available=_UNDER_REVIEW),
    _analysis_command("split", keeping.split, _UPDATE, params=keeping.FilesParams, available=_UNDER_REVIEW, in_menu=False),
    _analysis_command("choose", corrections.choose, _UPDATE, params=corrections.ChooseParams, available=_UNDER_REVIEW, in_menu=False),
    _analysis_command("confirm", corrections.confirm, _UPDATE, params=corrections.ConfirmParams, available=_UNDER_REVIEW, in_menu=False),
    _analysis_command("number_balloons", corrections.number_balloons, _UPDATE, available=_UNDER_REVIEW),
    _analysis_command("restrict", access.restrict_by_hand, _VALIDATE, params=access.ReasonParams,
                      available=lambda r: not r.is_restricted, critical=True, confirm=True),
    _analysis_command("lift_restriction", access.lift, _VALIDATE, params=access.ReasonParams,
                      available=lambda r: r.is_restricted, critical=True, confirm=True),
    _analysis_command("grant_access", access.grant, _VALIDATE, params=access.GrantParams,
                      available=lambda r: r.is_restricted, critical=True),
    _analysis_command("revoke_access", access.revoke, _VALIDATE, params=access.GrantParams,
                      available=lambda r: r.is_restricted, critical=True),
    _analysis_command("take_parts", offered.take, _UPDATE, params=offered.TakeParams, available=_has_status("to_review", "validated"), in_menu=False),
    _analysis_command("check_feasibility", outlook.renew, _UPDATE, available=_has_status("to_review", "validated")),
    Command("remove", _UPDATE, corrections.remove_feature, entity="drawing_feature",
            available=lambda r: r.archived_at is None, tone="danger"),
]  # fmt: skip

_FIXED: dict[str, Any] = {"can_create": False, "can_update": False, "can_delete": False}
MODULE = Module(
    name="drawings",
    depends=("company", "identity", "documents", "parties", "catalogue", "machines", "stock"),
    entities=[
        EntitySpec(
            DrawingAnalysis, _CODE, "sales", title=("drawing_number", "part_name", "unnamed_file"), plural="drawing-analyses",
            can_create=False, can_delete=False, lifecycle=LIFECYCLE, on_update=corrections.on_update,
            list_fields=("drawing_number", "revision", "part_name", "material_text", "status", "confidence", "complexity", "feasibility"),
            visibility=access.visible,
        ),
        EntitySpec(DrawingImport, _CODE, title=("subject", "id"), **_FIXED),
        EntitySpec(DrawingFile, _CODE, title=("file_name",), visibility=access.visible_files, **_FIXED),
        EntitySpec(
            DrawingAnalysisFile, _CODE, title=("drawing_file_id",), visibility=_of(DrawingAnalysisFile), **_FIXED,
        ),
        EntitySpec(
            DrawingFeature, _CODE, title=("kind", "text"), can_create=False, can_delete=False, default_sort="id",
            on_update=corrections.on_update_feature, visibility=_of(DrawingFeature),
        ),
        EntitySpec(DrawingCorrection, _CODE, title=("field_name",), visibility=_of(DrawingCorrection), **_FIXED),
        EntitySpec(TitleBlockStyle, _CODE, title=("name",), can_create=False),
        EntitySpec(
            TitleBlockTemplate, _CODE, "sales", title=("field_name", "label"), can_create=False, can_update=False,
            can_delete=False, lifecycle=TEMPLATE_LIFECYCLE,
            list_fields=("title_block_style_id", "field_name", "label", "read_value", "corrected_value", "evidence_count", "status"),
        ),
        EntitySpec(DrawingAccess, _CODE, title=("user_id",), plural="drawing-accesses", visibility=_of(DrawingAccess), **_FIXED),
    ],
    commands=COMMANDS,
    routers=[endpoints.router, review_endpoints.router],
    handlers=[Handler("drawing_analysis.analysed", "drawings.review_task", service.analysed)],
    jobs=[Job(imports.ANALYSE_JOB, service.analyse, queue="drawings", detached=True, max_attempts=3)],
    settings=limits.SETTINGS,
)  # fmt: skip
