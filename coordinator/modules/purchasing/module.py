"""Manifest of the purchasing module."""

from decimal import Decimal

from coordinator.kernel.registry import (
    Command,
    DeviceHandler,
    EntitySpec,
    Handler,
    Lifecycle,
    Module,
    Permission,
    Transition,
)
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.purchasing import endpoints, label_receipts, service, set_aside
from coordinator.modules.purchasing.models import (
    GoodsReceipt,
    GoodsReceiptLine,
    PurchaseOrder,
    PurchaseOrderLine,
)

ORDER_LIFE = Lifecycle(
    "status",
    (
        Transition("submit", ("draft",), "to_approve", "update", service.submit, tone="primary"),
        Transition("take_back", ("to_approve",), "draft", "update"),
        Transition(
            "approve",
            ("to_approve",),
            "sent",
            "validate",
            service.approve,
            event="purchase_order.sent",
            critical=True,
            tone="primary",
        ),
        Transition("begin_receipt", ("sent",), "partly_received", automatic=True),
        Transition(
            "complete",
            ("sent", "partly_received"),
            "received",
            event="purchase_order.received",
            automatic=True,
        ),
        Transition(
            "cancel", ("draft", "to_approve", "sent"), "cancelled", "validate", confirm=True, tone="danger"
        ),
    ),
)

MODULE = Module(
    name="purchasing",
    depends=("company", "identity", "parties", "catalogue", "stock"),
    entities=[
        EntitySpec(
            PurchaseOrder,
            "purchasing",
            "parties",
            title=("number",),
            lifecycle=ORDER_LIFE,
            list_fields=(
                "number",
                "supplier_id",
                "status",
                "is_urgent",
                "ordered_on",
                "required_on",
                "total_excl_tax",
            ),
            on_create=service.on_create_order,
        ),
        EntitySpec(
            PurchaseOrderLine,
            "purchasing",
            None,
            title=("description", "quantity"),
            on_create=service.on_line,
            on_update=service.on_line,
        ),
        EntitySpec(
            GoodsReceipt,
            "purchasing",
            "parties",
            title=("delivery_note", "received_at"),
            list_fields=(
                "received_at",
                "purchase_order_id",
                "delivery_note",
                "received_by_id",
                "set_aside_reason",
                "settled_at",
            ),
            can_create=False,
            can_update=False,
            can_delete=False,
        ),
        EntitySpec(
            GoodsReceiptLine,
            "purchasing",
            None,
            title=("quantity", "result"),
            can_create=False,
            can_update=False,
            can_delete=False,
        ),
    ],
    commands=[
        Command(
            "receive",
            Permission("stock", "create"),
            service.receive,
            service.ReceiptParams,
            entity="purchase_order",
            available=lambda order: order.status in {"sent", "partly_received"},
            tone="primary",
        ),
        Command(
            "read_label",
            Permission("stock", "create"),
            label_receipts.propose,
            label_receipts.LabelParams,
            path="/goods-receipts/read-label",
        ),
        Command(
            "set_aside",
            set_aside.RECEIVE,
            set_aside.set_aside,
            set_aside.Goods,
            path="/goods-receipts/set-aside",
        ),
        Command(
            "settle",
            Permission("purchasing", "update"),
            set_aside.settle,
            set_aside.SettleParams,
            entity="goods_receipt",
            available=set_aside.is_open,
            tone="primary",
        ),
        Command(
            "dismiss",
            Permission("purchasing", "update"),
            set_aside.dismiss,
            entity="goods_receipt",
            available=set_aside.is_open,
            confirm=True,
            tone="danger",
        ),
    ],
    device_handlers=[DeviceHandler("goods.received", set_aside.on_received)],
    routers=[endpoints.router],
    handlers=[
        Handler("reorder_proposal.accepted", "purchasing.draft_order", service.on_proposal_accepted),
    ],
    settings=[SettingDef("purchasing.over_delivery_pct", "purchasing", "decimal", Decimal(5), "%", 0, 100)],
)
