"""Manifest of the quoting module."""

from __future__ import annotations

from coordinator.kernel import mail
from coordinator.kernel.registry import Command, EntitySpec, Job, Lifecycle, Module, Permission, Transition
from coordinator.modules.drawings import api as drawings
from coordinator.modules.quoting import (
    endpoints,
    history,
    inspection,
    learned,
    sending,
    service,
    stock_needs,
    versions,
)
from coordinator.modules.quoting.defaults import setting_defs
from coordinator.modules.quoting.models import (
    LearningFactor,
    Quote,
    QuoteLine,
    QuoteLineOperation,
    QuoteMail,
    QuotePriceBreak,
    QuoteReminder,
    QuoteScenario,
    QuoteScenarioBreak,
    QuoteScenarioLine,
    ResourceGap,
)
from coordinator.modules.quoting.rules import EDITABLE

stock_needs.connect()

_UPDATE = Permission("quoting", "update")
if history.quoted not in drawings.HISTORY_SOURCES:
    drawings.HISTORY_SOURCES.append(history.quoted)

LIFE = Lifecycle(
    "status",
    (
        Transition("submit", ("draft",), "to_review", effect=service.submit, event="quote.submitted", tone="primary"),
        Transition("approve", ("to_review",), "approved", "validate", service.approve, service.ApproveParams,
                   event="quote.approved", tone="primary", critical=True),
        Transition("reopen", ("approved",), "to_review", effect=service.reopen),
        Transition("send", ("approved",), "sent", effect=sending.send, params=sending.SendParams, event="quote.sent",
                   tone="primary"),
        Transition("accept", ("sent", "expired"), "accepted", effect=service.accept, event="quote.accepted", confirm=True),
        Transition("refuse", ("sent",), "refused", effect=service.refuse, params=service.ReasonParams, event="quote.refused"),
        Transition("expire", ("sent",), "expired", event="quote.expired", automatic=True),
        Transition("cancel", ("draft", "to_review", "approved", "sent"), "cancelled", effect=service.cancel, event="quote.cancelled",
                   tone="danger", confirm=True),
    ),
)  # fmt: skip


LEARNING = Lifecycle(
    "status",
    (
        Transition("accept", ("proposed", "refused"), "accepted", "validate", learned.accept, tone="primary", critical=True),
        Transition("refuse", ("proposed", "accepted"), "refused", "validate", learned.decide),
    ),
)  # fmt: skip


def _is_editable(quote: Quote) -> bool:
    return quote.status in EDITABLE


def _computed(model: type, **kwargs: object) -> EntitySpec:
    options: dict[str, object] = {"can_create": False, "can_update": False, "can_delete": False, **kwargs}
    return EntitySpec(model, "quoting", **options)  # type: ignore[arg-type]


MODULE = Module(
    name="quoting",
    depends=("company", "identity", "documents", "parties", "catalogue", "machines", "stock", "drawings"),
    entities=[
        EntitySpec(
            Quote, "quoting", "sales", title=("number",), lifecycle=LIFE, on_create=service.on_create, on_update=service.on_update,
            can_delete=False, signed=service.signed_content,
            list_fields=("number", "customer_id", "status", "quote_date", "valid_until", "total_excl_tax", "delivery_date_requested"),
        ),
        EntitySpec(
            QuoteLine, "quoting", title=("line_no", "description"), default_sort="line_no", can_delete=False,
            part_of="quote_id", on_create=service.on_create_line, on_update=service.on_update_line,
            list_fields=("quote_id", "line_no", "description", "quantity", "feasibility", "unit_price_excl_tax"),
        ),
        EntitySpec(
            QuotePriceBreak, "quoting", title=("quantity",), default_sort="quantity",
            part_of="quote_line_id", on_create=service.on_price_break, on_update=service.on_price_break,
            on_archive=service.on_archive_price_break,
        ),
        EntitySpec(
            QuoteLineOperation, "quoting", title=("sequence_no", "operation_label"), default_sort="sequence_no", can_delete=False,
            part_of="quote_line_id", on_create=service.on_create_operation, on_update=service.on_update_operation,
            list_fields=("sequence_no", "operation_type", "operation_label", "machine_id", "setup_min", "run_min", "is_manual"),
        ),
        _computed(QuoteScenario, title=("kind",), default_sort="id"),
        _computed(QuoteScenarioLine, title=("quote_line_id",), default_sort="id"),
        _computed(QuoteScenarioBreak, title=("quote_price_break_id",), default_sort="id"),
        _computed(ResourceGap, title=("what",), default_sort="id"),
        EntitySpec(QuoteReminder, "quoting", title=("due_on",), default_sort="due_on"),
        _computed(
            QuoteMail, title=("subject",), list_fields=("quote_id", "kind", "recipient", "status", "sent_at", "last_error"),
        ),
        _computed(
            LearningFactor, menu_group="sales", title=("operation_type", "iso513_group"), lifecycle=LEARNING,
            list_fields=("machine_id", "operation_type", "iso513_group", "factor", "median_ratio", "job_count", "status"),
        ),
    ],
    commands=[
        Command("compute", _UPDATE, service.compute, entity="quote", available=_is_editable, tone="primary",
                in_menu=False),
        Command("select_scenario", _UPDATE, service.select_scenario, service.ScenarioParams, entity="quote", available=_is_editable,
                in_menu=False),
        Command("add_drawings", _UPDATE, service.add_drawings, service.DrawingsParams, entity="quote", available=_is_editable,
                in_menu=False),
        Command("revise", Permission("quoting", "create"), versions.revise, entity="quote",
                available=lambda quote: quote.status in versions.REVISABLE),
        Command("remind", _UPDATE, sending.remind, sending.RemindParams, entity="quote",
                available=lambda quote: quote.status == "sent"),
        Command("send_again", _UPDATE, sending.again, entity="quote_mail", available=lambda row: row.status == "failed",
                tone="primary"),
        Command("split", _UPDATE, service.split_line, entity="quote_line",
                available=lambda line: line.drawing_analysis_id is not None and line.solid_no is None),
        Command("inspection_sheet", _UPDATE, inspection.renew, entity="quote_line"),
        Command("remove", _UPDATE, service.remove_line, entity="quote_line", tone="danger", confirm=True),
        Command("reset", _UPDATE, service.reset_operation, entity="quote_line_operation",
                available=lambda row: row.is_manual),
    ],
    routers=[endpoints.router],
    jobs=[
        Job("quoting.expire", service.expire, cron="10 2 * * *"),
        Job("quoting.follow_up", sending.follow_up, cron="20 5 * * *"),
        Job(inspection.JOB, inspection.file_all),
        Job("quoting.learn", learned.learn, cron="40 3 * * 0"),
        Job(sending.DELIVER_JOB, sending.deliver, detached=True, max_attempts=sending.MAX_ATTEMPTS),
    ],
    settings=[*setting_defs(), *mail.SETTINGS],
)  # fmt: skip
