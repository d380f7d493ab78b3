"""Manifest of the orders module."""

from __future__ import annotations

from decimal import Decimal

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
from coordinator.modules.orders import delivery, endpoints, production, purchase, sales
from coordinator.modules.orders.models import (
    CustomerPo,
    DeliveryNote,
    DeliveryNoteLine,
    SalesOrder,
    SalesOrderLine,
)

PO_LIFE = Lifecycle(
    "status",
    (
        Transition("match", ("received", "to_check"), "matched", event="customer_po.matched", automatic=True),
        Transition("check", ("received",), "to_check", event="customer_po.to_check", automatic=True),
        Transition("assign", ("to_check", "matched"), "matched", effect=purchase.assign, params=purchase.AssignParams,
                   event="customer_po.matched"),
        Transition("reject", ("received", "to_check", "matched"), "rejected", effect=purchase.reject, params=purchase.ReasonParams,
                   tone="danger"),
    ),
)  # fmt: skip

ORDER_LIFE = Lifecycle(
    "status",
    (
        Transition("validate", ("pending",), "validated", "validate", sales.validate, event="sales_order.validated", tone="primary",
                   critical=True),
        Transition("start", ("validated",), "in_production", event="sales_order.started", automatic=True),
        Transition("deliver", ("validated", "in_production"), "delivered", event="sales_order.delivered", automatic=True),
        Transition("close", ("delivered",), "closed", event="sales_order.closed"),
        Transition("step_back", ("delivered",), "in_production", "validate", sales.step_back, sales.ReasonParams, critical=True),
        Transition("cancel", ("pending", "validated", "in_production"), "cancelled", "validate", sales.cancel, sales.ReasonParams,
                   event="sales_order.cancelled", tone="danger", critical=True),
    ),
)  # fmt: skip

NOTE_LIFE = Lifecycle(
    "status",
    (
        Transition("ship", ("draft",), "shipped", effect=delivery.ship, params=delivery.ShipParams, event="delivery_note.shipped",
                   tone="primary", critical=True),
        Transition("deliver", ("shipped",), "delivered", event="delivery_note.delivered"),
        Transition("cancel", ("draft",), "cancelled", tone="danger", confirm=True),
    ),
)  # fmt: skip

MODULE = Module(
    name="orders",
    depends=("identity", "company", "documents", "parties", "catalogue", "stock", "routings", "execution", "quoting"),
    entities=[
        EntitySpec(
            CustomerPo, "orders", "sales", title=("po_number", "file_name"), lifecycle=PO_LIFE, can_delete=False,
            on_create=purchase.on_create, on_update=purchase.on_update,
            list_fields=("po_number", "customer_id", "status", "po_date", "quote_id", "match_score", "check_reason", "created_at"),
        ),
        EntitySpec(
            SalesOrder, "orders", "sales", title=("number",), lifecycle=ORDER_LIFE, can_create=False, can_delete=False,
            on_update=sales.on_update, signed=sales.signed_content,
            list_fields=("number", "customer_id", "status", "priority", "order_date", "delivery_date_confirmed", "total_excl_tax"),
        ),
        EntitySpec(
            SalesOrderLine, "orders", title=("line_no", "part_revision_id"), default_sort="line_no", can_create=False,
            can_delete=False, part_of="sales_order_id", on_update=sales.on_update_line,
            list_fields=("sales_order_id", "line_no", "part_revision_id", "quantity", "unit_price_excl_tax", "due_date"),
        ),
        EntitySpec(
            DeliveryNote, "orders", "sales", title=("number",), lifecycle=NOTE_LIFE, can_create=False, can_delete=False,
            on_update=delivery.on_update,
            list_fields=("number", "sales_order_id", "status", "delivery_date", "carrier", "tracking_number"),
        ),
        EntitySpec(
            DeliveryNoteLine, "orders", title=("sales_order_line_id", "quantity"), default_sort="id", can_delete=False,
            part_of="delivery_note_id", on_create=delivery.on_save_line, on_update=delivery.on_save_line,
        ),
    ],
    commands=[
        Command("confirm", Permission("orders", "validate"), purchase.confirm, purchase.ConfirmParams, entity="customer_po",
                available=lambda po: po.status == "matched" and not po.is_confirmed, tone="primary", critical=True),
        Command("open_forced", Permission("orders_forced", "validate"), sales.open_forced, sales.ForcedParams,
                path="/sales-orders/open-forced", critical=True),
        Command("acknowledge", Permission("orders", "update"), sales.acknowledge, entity="sales_order",
                available=lambda order: order.status in sales.OPEN),
        Command("create_delivery_note", Permission("orders", "update"), delivery.create, delivery.CreateParams,
                entity="sales_order", available=lambda order: order.status in delivery.DELIVERABLE),
        Command("remove", Permission("orders", "update"), delivery.remove_line, entity="delivery_note_line", tone="danger",
                confirm=True),
    ],
    routers=[endpoints.router],
    handlers=[
        Handler("sales_order.validated", "orders.open_production", production.on_validated),
        Handler("operation.started", "orders.operation_started", production.on_started),
    ],
    jobs=[
        Job(purchase.READ_JOB, purchase.read, queue="drawings", detached=True, max_attempts=3),
        Job("orders.remind_po", purchase.remind, cron="0 8 * * 1-5"),
        Job("orders.remind_forced", sales.remind_forced, cron="5 8 * * 1-5"),
        Job("orders.priorities", sales.refresh_priorities, cron="15 * * * *"),
    ],
    settings=[
        SettingDef("orders.match_sure", "orders", "decimal", Decimal("0.90"), minimum=Decimal("0.5"), maximum=1),
        SettingDef("orders.to_check_days", "orders", "integer", 1, unit="j", minimum=0, maximum=30),
        SettingDef("orders.forced_reminder_days", "orders", "integer", 3, unit="j", minimum=1, maximum=30),
        SettingDef("orders.urgent_slack_days", "orders", "integer", 1, unit="j", minimum=0, maximum=30),
        SettingDef("orders.over_delivery_pct", "orders", "decimal", Decimal(0), unit="%", minimum=0, maximum=100),
        SettingDef("orders.max_po_mb", "orders", "integer", 30, unit="Mo", minimum=1, maximum=200),
    ],
)  # fmt: skip
