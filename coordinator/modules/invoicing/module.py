"""Manifest of the invoicing module."""

from typing import Any

from coordinator.kernel.context import Context
from coordinator.kernel.outbox import Event
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
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.invoicing import drafts, issuing, payments
from coordinator.modules.invoicing.models import Invoice, InvoiceDeposit, InvoiceLine, Payment

CREATE = Permission("invoicing", "create")
UPDATE = Permission("invoicing", "update")
VALIDATE = Permission("invoicing", "validate")

INVOICE_LIFE = Lifecycle(
    "status",
    (
        Transition("submit", ("draft",), "pending", "update", issuing.submit, tone="primary"),
        Transition("return_to_draft", ("pending",), "draft", "update"),
        Transition(
            "validate",
            ("pending",),
            "validated",
            "validate",
            issuing.issue,
            event="invoice.validated",
            tone="primary",
            confirm=True,
            critical=True,
        ),
        Transition("cancel", ("draft", "pending"), "cancelled", "update", tone="danger", confirm=True),
        Transition("settle", ("validated",), "paid", automatic=True, event="invoice.paid"),
        Transition("reopen_payment", ("paid",), "validated", automatic=True),
        Transition(
            "cancel_by_credit", ("validated", "paid"), "cancelled", automatic=True, event="invoice.cancelled"
        ),
    ),
)


def _settle_covered(ctx: Context, event: Event) -> None:
    payments.settle_nothing(ctx, ctx.get(Invoice, int(event.payload["id"]), lock=True))


def _check_numbers(ctx: Context, **_kwargs: Any) -> None:
    issuing.check_numbers(ctx)


MODULE = Module(
    name="invoicing",
    depends=("company", "identity", "documents", "parties", "catalogue", "orders"),
    entities=[
        EntitySpec(
            Invoice,
            "invoicing",
            "sales",
            title=("number", "kind"),
            can_create=False,
            can_delete=False,
            lifecycle=INVOICE_LIFE,
            on_update=drafts.check_draft,
            list_fields=(
                "number",
                "kind",
                "customer_id",
                "sales_order_id",
                "status",
                "issued_on",
                "due_on",
                "total_incl_tax",
                "paid_amount",
            ),
            computed={
                "missing_fields": issuing.missing,
                "open_amount": lambda ctx, i: (
                    payments.open_amount(i) if ctx.principal.sees("prices") else None
                ),
            },
        ),
        EntitySpec(
            InvoiceLine,
            "invoicing",
            None,
            title=("line_no", "description"),
            default_sort="line_no",
            can_delete=False,
            part_of="invoice_id",
            on_create=drafts.on_new_line,
            on_update=drafts.on_line_change,
        ),
        EntitySpec(
            InvoiceDeposit,
            "invoicing",
            None,
            title=("deposit_invoice_id", "amount"),
            can_create=False,
            can_update=False,
            can_delete=False,
        ),
        EntitySpec(
            Payment,
            "invoicing",
            "sales",
            title=("paid_on", "reference"),
            default_sort="-paid_on",
            can_update=False,
            can_delete=False,
            on_create=payments.record,
            list_fields=("paid_on", "invoice_id", "amount", "payment_method", "reference"),
        ),
    ],
    commands=[
        Command(
            "invoice_order", CREATE, drafts.invoice_order, drafts.OrderParams, path="/invoices/from-order"
        ),
        Command(
            "deposit_order", CREATE, drafts.deposit_order, drafts.DepositParams, path="/invoices/deposit"
        ),
        Command(
            "credit",
            VALIDATE,
            drafts.credit,
            drafts.CreditParams,
            entity="invoice",
            available=lambda i: i.kind != "credit_note" and i.status in {"validated", "paid"},
            tone="danger",
            critical=True,
        ),
        Command("remove", UPDATE, drafts.remove_line, entity="invoice_line", tone="danger", confirm=True),
        Command(
            "reverse",
            VALIDATE,
            payments.reverse,
            payments.ReverseParams,
            entity="payment",
            available=lambda p: p.reverses_id is None,
            tone="danger",
            critical=True,
        ),
    ],
    handlers=[
        Handler("delivery_note.shipped", "invoicing.draft_delivery", drafts.on_shipped),
        Handler("invoice.validated", "invoicing.settle_covered", _settle_covered),
    ],
    jobs=[Job("invoicing.check_numbers", _check_numbers, cron="15 5 * * *")],
    settings=[
        SettingDef("invoicing.operation_nature", "invoicing", "text", "goods"),
        SettingDef("invoicing.vat_on_debits", "invoicing", "boolean", False),
        SettingDef(
            "invoicing.late_rate",
            "invoicing",
            "text",
            "taux de refinancement de la BCE majoré de 10 points de pourcentage",
        ),
        SettingDef(
            "invoicing.recovery_indemnity",
            "invoicing",
            "text",
            "Indemnité forfaitaire pour frais de recouvrement : 40 €",
        ),
        SettingDef("invoicing.early_discount", "invoicing", "text", "Pas d'escompte pour paiement anticipé"),
        SettingDef(
            "invoicing.vat_mention_K",
            "invoicing",
            "text",
            "Exonération de TVA, article 262 ter I du CGI : livraison intracommunautaire",
        ),
        SettingDef(
            "invoicing.vat_mention_G",
            "invoicing",
            "text",
            "Exonération de TVA, article 262 I du CGI : exportation",
        ),
        SettingDef("invoicing.vat_mention_AE", "invoicing", "text", "Autoliquidation"),
        SettingDef(
            "invoicing.vat_mention_E", "invoicing", "text", "TVA non applicable, article 293 B du CGI"
        ),
    ],
)
