"""Manifest of the finance module."""

from decimal import Decimal

from coordinator.kernel.registry import (
    Command,
    EntitySpec,
    Handler,
    Lifecycle,
    Module,
    Permission,
    Transition,
)
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.finance import endpoints, fec, ledger, profitability
from coordinator.modules.finance.models import (
    FinanceCategory,
    FinancePeriod,
    FinanceTransaction,
    OrderProfitability,
    ProfitabilityCorrection,
)

VALIDATE = Permission("finance", "validate")

ENTRY_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "validate",
            ("draft",),
            "validated",
            "validate",
            ledger.validate,
            event="finance_transaction.validated",
            tone="primary",
            critical=True,
        ),
        Transition("reject", ("draft",), "rejected", "validate", tone="danger", confirm=True),
    ),
)

MODULE = Module(
    name="finance",
    depends=("company", "identity", "documents", "parties", "catalogue", "machines", "stock", "invoicing"),
    entities=[
        EntitySpec(
            OrderProfitability,
            "finance",
            "finance",
            title=("sales_order_line_id", "status"),
            can_create=False,
            can_update=False,
            can_delete=False,
            list_fields=(
                "sales_order_line_id",
                "status",
                "is_incomplete",
                "selling_price",
                "planned_cost",
                "actual_cost",
                "forecast_cost",
                "margin_pct",
                "forecast_margin_pct",
            ),
        ),
        EntitySpec(
            ProfitabilityCorrection,
            "finance",
            None,
            title=("order_profitability_id", "cause"),
            can_create=False,
            can_update=False,
            can_delete=False,
        ),
        EntitySpec(
            FinanceTransaction,
            "finance",
            "finance",
            title=("description",),
            default_sort="-transaction_date",
            can_delete=False,
            lifecycle=ENTRY_LIFE,
            on_create=ledger.on_create,
            on_update=ledger.on_update,
            computed={"is_unlinked": ledger.is_unlinked},
            list_fields=(
                "transaction_date",
                "transaction_type",
                "category_id",
                "description",
                "amount",
                "vat_amount",
                "status",
                "period",
            ),
        ),
        EntitySpec(
            FinanceCategory,
            "finance",
            "finance",
            title=("label",),
            import_key=("code",),
            default_sort="label",
        ),
        EntitySpec(
            FinancePeriod,
            "finance",
            "finance",
            title=("period",),
            default_sort="-period",
            can_create=False,
            can_update=False,
            can_delete=False,
        ),
    ],
    commands=[
        Command(
            "reverse",
            VALIDATE,
            ledger.reverse,
            ledger.ReverseParams,
            entity="finance_transaction",
            available=lambda e: e.status == "validated" and e.origin is None and e.reverses_id is None,
            tone="danger",
            critical=True,
        ),
        Command(
            "freeze",
            VALIDATE,
            profitability.freeze,
            entity="order_profitability",
            available=lambda r: r.frozen_at is None,
            confirm=True,
            critical=True,
        ),
        Command(
            "close_period", VALIDATE, ledger.close_period, ledger.PeriodParams, path="/finance/periods/close"
        ),
        Command(
            "reopen",
            VALIDATE,
            ledger.reopen_period,
            entity="finance_period",
            available=lambda p: p.is_closed,
            confirm=True,
            critical=True,
        ),
    ],
    routers=[endpoints.router, fec.router],
    handlers=[
        Handler("sales_order.validated", "finance.open_profitability", profitability.on_order),
        Handler("operation.finished", "finance.operation_finished", profitability.on_operation),
        Handler(
            "work_order_operation.finished", "finance.work_operation_finished", profitability.on_operation
        ),
        Handler("operation.scrapped", "finance.operation_scrapped", profitability.on_operation),
        Handler("work_order.created", "finance.work_order_created", profitability.on_work_order),
        Handler("work_order.changed", "finance.work_order_changed", profitability.on_work_order),
        Handler("work_order.done", "finance.work_order_done", profitability.on_work_order),
        Handler("stock.moved", "finance.stock_moved", profitability.on_stock),
        Handler("delivery_note.shipped", "finance.delivery_shipped", profitability.on_delivery),
        Handler("invoice.validated", "finance.invoice_entry", ledger.on_invoice),
        Handler("invoice.validated", "finance.invoice_profitability", profitability.on_invoice),
        Handler("payment.recorded", "finance.payment_entry", ledger.on_payment),
        Handler("finance_transaction.validated", "finance.purchase_profitability", ledger.on_purchase),
    ],
    settings=[
        SettingDef("finance.drift_min", "finance", "decimal", Decimal("0.7"), None, Decimal("0.1"), 1),
        SettingDef("finance.drift_max", "finance", "decimal", Decimal("2.0"), None, 1, 10),
        SettingDef("finance.overrun_pct", "finance", "decimal", Decimal(10), "%", 0, 100),
    ],
    seed=ledger.seed,
)
