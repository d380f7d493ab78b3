"""Manifest of the stock module."""

from decimal import Decimal
from typing import Any

from coordinator.kernel import audit
from coordinator.kernel.db import Record
from coordinator.kernel.registry import (
    Command,
    DeviceHandler,
    EntitySpec,
    Lifecycle,
    Module,
    Permission,
    Right,
    Transition,
)
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.stock import commands, counts, events, lots, reorder
from coordinator.modules.stock.models import (
    LocationItem,
    ReorderProposal,
    StockCount,
    StockCountLine,
    StockLot,
    StockMovement,
    StockReservation,
    StockUnit,
    StorageLocation,
    ToolIncident,
    ToolUsage,
)
from coordinator.modules.stock.station_data import station_data
from coordinator.modules.stock.views import StockBalance, StockLevel

# The ledger is its own history.
audit.silent(StockMovement)

LOT_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "release",
            ("quarantine", "blocked"),
            "released",
            "validate",
            lots.release,
            event="stock_lot.released",
            critical=True,
            tone="primary",
        ),
        Transition(
            "block",
            ("quarantine", "released"),
            "blocked",
            "update",
            lots.block,
            lots.BlockParams,
            event="stock_lot.blocked",
            critical=True,
            tone="danger",
        ),
        Transition("quarantine", ("released",), "quarantine", "update", critical=True),
    ),
)
COUNT_LIFE = Lifecycle(
    "status",
    (
        Transition("finish", ("open",), "counted", "update", counts.finish, tone="primary"),
        Transition("reopen", ("counted",), "open", "update"),
        Transition(
            "approve", ("counted",), "approved", "validate", counts.approve, critical=True, tone="primary"
        ),
        Transition("cancel", ("open", "counted"), "cancelled", "validate", tone="danger"),
    ),
)
INCIDENT_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "replace",
            ("open",),
            "replaced",
            "update",
            commands.replace_tool,
            commands.ReplaceParams,
            event="tool_incident.replaced",
        ),
        Transition("confirm", ("replaced",), "confirmed", "validate", event="tool_incident.confirmed"),
        Transition("cancel", ("open", "replaced"), "cancelled", "update", tone="danger"),
    ),
)
PROPOSAL_LIFE = Lifecycle(
    "status",
    (
        Transition(
            "accept",
            ("proposed",),
            "accepted",
            "validate",
            reorder.decide,
            event="reorder_proposal.accepted",
            module_code="purchasing",
            tone="primary",
        ),
        Transition(
            "refuse",
            ("proposed", "accepted"),
            "refused",
            "validate",
            reorder.refuse,
            reorder.RefuseParams,
            module_code="purchasing",
            tone="danger",
        ),
        Transition("order", ("accepted",), "ordered", automatic=True),
    ),
)


def _read_only(model: type[Record], **kwargs: Any) -> EntitySpec:
    return EntitySpec(model, "stock", "stock", can_create=False, can_update=False, can_delete=False, **kwargs)


def _on_item(name: str, right: Right, handler: Any, params: Any) -> list[Command]:
    """The same act on every kind of item, under the right of stock."""
    return [
        Command(name, Permission("stock", right), handler, params, entity=entity)
        for entity in ("stock_item", "tool", "material", "ppe_item")
    ]


MODULE = Module(
    name="stock",
    depends=("company", "identity", "parties", "catalogue", "machines"),
    seed=commands.seed,
    entities=[
        _read_only(
            StockLevel,
            title=("stock_item_id",),
            default_sort="stock_item_id",
            list_fields=(
                "stock_item_id",
                "on_hand",
                "in_use_qty",
                "reserved_qty",
                "available_qty",
                "unit",
                "is_below_alert",
            ),
        ),
        _read_only(
            StockBalance,
            title=("stock_item_id", "quantity"),
            list_fields=(
                "stock_item_id",
                "stock_lot_id",
                "stock_unit_id",
                "storage_location_id",
                "quantity",
                "is_certified",
                "is_available",
            ),
        ),
        _read_only(
            StockMovement,
            title=("kind", "quantity"),
            list_fields=(
                "occurred_at",
                "stock_item_id",
                "kind",
                "quantity",
                "from_location_id",
                "to_location_id",
                "source",
                "is_flagged",
            ),
        ),
        EntitySpec(
            StorageLocation,
            "stock",
            "stock",
            title=("code", "name"),
            import_key=("code",),
            default_sort="code",
            list_fields=("code", "name", "kind", "parent_id", "zone", "capacity", "accepts", "vision_mode"),
            on_create=commands.check_location,
            on_update=commands.check_location,
        ),
        EntitySpec(LocationItem, "stock", "stock", title=("storage_location_id", "stock_item_id")),
        EntitySpec(
            StockLot,
            "stock",
            "stock",
            title=("lot_number", "heat_number"),
            can_create=False,
            lifecycle=LOT_LIFE,
            list_fields=(
                "lot_number",
                "stock_item_id",
                "status",
                "heat_number",
                "is_certified",
                "supplier_id",
                "received_on",
            ),
        ),
        EntitySpec(
            StockUnit,
            "stock",
            "stock",
            title=("serial_number", "length_mm"),
            can_create=False,
            list_fields=(
                "stock_item_id",
                "stock_lot_id",
                "serial_number",
                "condition",
                "length_mm",
                "storage_location_id",
                "parent_id",
            ),
        ),
        EntitySpec(
            StockReservation,
            "stock",
            "stock",
            title=("stock_item_id", "quantity"),
            can_create=False,
            can_update=False,
            list_fields=("stock_item_id", "quantity", "consumed_qty", "kind", "needed_on", "released_at"),
        ),
        EntitySpec(
            StockCount, "stock", "stock", title=("storage_location_id", "status"), lifecycle=COUNT_LIFE
        ),
        EntitySpec(
            StockCountLine,
            "stock",
            None,
            title=("stock_item_id", "counted_qty"),
            on_create=counts.on_line,
            on_update=counts.on_line,
        ),
        EntitySpec(
            ToolIncident,
            "tools",
            "stock",
            title=("tool_id", "occurred_at"),
            can_create=False,
            lifecycle=INCIDENT_LIFE,
        ),
        EntitySpec(
            ToolUsage,
            "tools",
            None,
            title=("used_min",),
            can_create=False,
            can_update=False,
            can_delete=False,
        ),
        EntitySpec(
            ReorderProposal,
            "purchasing",
            "stock",
            title=("stock_item_id", "quantity"),
            lifecycle=PROPOSAL_LIFE,
            list_fields=(
                "stock_item_id",
                "quantity",
                "supplier_id",
                "unit_price",
                "is_urgent",
                "reason",
                "status",
            ),
        ),
    ],
    commands=[
        *_on_item("receive", "create", commands.receive, commands.ReceiveParams),
        *_on_item("issue", "create", commands.issue, commands.IssueParams),
        *_on_item("return", "create", commands.return_, commands.ReturnParams),
        *_on_item("transfer", "create", commands.transfer, commands.TransferParams),
        *_on_item("adjust", "validate", commands.adjust, commands.AdjustParams),
        *_on_item("reserve", "update", commands.reserve, commands.ReserveParams),
        Command(
            "reverse",
            Permission("stock", "validate"),
            commands.reverse,
            commands.Params,
            entity="stock_movement",
            available=lambda row: row.reverses_id is None,
            confirm=True,
            critical=True,
        ),
        Command(
            "release_reservation",
            Permission("stock", "update"),
            commands.release_reservation,
            entity="stock_reservation",
            available=lambda row: row.released_at is None,
        ),
        Command(
            "cut", Permission("stock", "create"), commands.cut_lot, commands.CutParams, entity="stock_lot"
        ),
        Command(
            "cut", Permission("stock", "create"), commands.cut_unit, commands.CutParams, entity="stock_unit"
        ),
        Command(
            "attach_certificate",
            Permission("stock", "update"),
            lots.attach_certificate,
            lots.CertificateParams,
            entity="stock_lot",
        ),
        Command(
            "verify_certificate",
            Permission("quality", "validate"),
            lots.verify_certificate,
            entity="stock_lot",
            available=lambda lot: lot.certificate_number is not None and lot.certificate_verified_at is None,
            critical=True,
        ),
        Command(
            "set_vision_mode",
            Permission("vision", "validate"),
            commands.set_vision_mode,
            commands.ModeParams,
            entity="storage_location",
        ),
    ],
    station_data=station_data,
    device_handlers=[
        DeviceHandler("stock.taken", events.on_taken),
        DeviceHandler("stock.returned", events.on_returned),
        DeviceHandler("stock.moved", events.on_moved),
        DeviceHandler("stock.counted", events.on_counted),
        DeviceHandler("tool.broken", events.on_tool_broken),
    ],
    settings=[
        SettingDef("stock.saw_kerf_mm", "stock", "decimal", Decimal(2), "mm", 0, 20),
        SettingDef("stock.saw_facing_mm", "stock", "decimal", Decimal(0), "mm", 0, 50),
        SettingDef("stock.offcut_min_mm", "stock", "decimal", Decimal(50), "mm", 0, 5000),
        SettingDef("stock.match_window_min", "stock", "integer", 10, "min", 0, 240),
        SettingDef("stock.tool_life_warning_pct", "stock", "decimal", Decimal(80), "%", 1, 100),
        SettingDef("stock.vision_auto_pct", "vision", "decimal", Decimal(90), "%", 0, 100),
        SettingDef("stock.vision_review_pct", "vision", "decimal", Decimal(60), "%", 0, 100),
        SettingDef("stock.vision_value_eur", "vision", "decimal", Decimal(150), "€", 0, None),
    ],
)
