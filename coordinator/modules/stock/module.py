"""Manifest of the stock module."""

from decimal import Decimal
from typing import Any

from coordinator.kernel import audit
from coordinator.kernel.db import Record
from coordinator.kernel.registry import (
    DeviceHandler,
    EntitySpec,
    Handler,
    Job,
    Module,
)
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.stock import (
    commands,
    counts,
    endpoints,
    events,
    handing_out,
    incidents,
    places,
    supply,
    tool_life,
    units,
)
from coordinator.modules.stock.acts import COMMANDS
from coordinator.modules.stock.lifecycles import (
    CHANGE_LIFE,
    COUNT_LIFE,
    INCIDENT_LIFE,
    LOT_LIFE,
    PLACE_LIFE,
    PLAN_LIFE,
    PLATE_LIFE,
    PROPOSAL_LIFE,
)
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
from coordinator.modules.stock.models_cutting import (
    CuttingPlan,
    CuttingPlanBar,
    CuttingPlanNeed,
    PlatePlan,
    PlatePlanSheet,
)
from coordinator.modules.stock.models_people import Instrument, PlaceProposal, PpeIssue
from coordinator.modules.stock.models_tooling import (
    ToolAssemblyItem,
    ToolAssignment,
    ToolChange,
    ToolEquivalent,
    ToolIncidentOption,
)
from coordinator.modules.stock.station_data import station_data
from coordinator.modules.stock.views import StockBalance, StockLevel
from edge_agents.protocol.posting import AUTO_LEAST_PCT, REVIEW_LEAST_PCT

# The ledger is its own history.
audit.silent(StockMovement)


def _read_only(model: type[Record], **kwargs: Any) -> EntitySpec:
    return EntitySpec(model, "stock", "stock", can_create=False, can_update=False, can_delete=False, **kwargs)


def _child(model: type[Record], module_code: str, title: tuple[str, ...]) -> EntitySpec:
    """Rows that only rules write, shown beside their parent."""
    return EntitySpec(
        model, module_code, None, title=title, can_create=False, can_update=False, can_delete=False
    )


MODULE = Module(
    name="stock",
    depends=("company", "identity", "parties", "catalogue", "people", "machines"),
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
            computed={"remaining_life_min": units.remaining_life_min},
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
            title=("number",),
            can_create=False,
            lifecycle=INCIDENT_LIFE,
            list_fields=(
                "number",
                "occurred_at",
                "tool_id",
                "machine_id",
                "cause",
                "replacement_tool_id",
                "is_critical",
                "is_repeated",
                "status",
            ),
        ),
        _child(ToolIncidentOption, "tools", ("rank", "label")),
        _child(ToolAssignment, "tools", ("tool_id", "replaces_tool_id")),
        EntitySpec(
            ToolEquivalent,
            "tools",
            "stock",
            title=("tool_id", "equivalent_id"),
            list_fields=("tool_id", "equivalent_id", "approved_by_id", "note"),
            create_right="validate",
            on_create=incidents.on_equivalent,
        ),
        EntitySpec(ToolAssemblyItem, "tools", None, title=("role", "stock_item_id")),
        EntitySpec(
            CuttingPlan,
            "materials",
            "stock",
            title=("number",),
            can_create=False,
            can_delete=False,
            lifecycle=PLAN_LIFE,
            list_fields=(
                "number",
                "stock_item_id",
                "bar_count",
                "remnant_count",
                "consumed_mm",
                "scrap_mm",
                "missing_count",
                "status",
            ),
        ),
        EntitySpec(
            PlatePlan,
            "materials",
            "stock",
            title=("number",),
            can_create=False,
            can_update=False,
            can_delete=False,
            lifecycle=PLATE_LIFE,
            list_fields=(
                "number",
                "stock_item_id",
                "thickness_mm",
                "status",
                "sheet_count",
                "remnant_count",
                "missing_count",
            ),
        ),
        _child(PlatePlanSheet, "materials", ("sequence_no", "length_mm", "width_mm")),
        _child(CuttingPlanNeed, "materials", ("label", "piece_count")),
        _child(CuttingPlanBar, "materials", ("sequence_no", "length_mm")),
        EntitySpec(
            PpeIssue,
            "ppe",
            "stock",
            title=("label",),
            can_create=False,
            can_delete=False,
            default_sort="-issued_on",
            list_fields=("issued_on", "employee_id", "ppe_item_id", "quantity", "renew_on"),
        ),
        EntitySpec(
            Instrument,
            "stock",
            "stock",
            title=("name", "serial_number"),
            import_key=("serial_number",),
            default_sort="name",
            list_fields=(
                "name",
                "instrument_type",
                "serial_number",
                "status",
                "is_present",
                "storage_location_id",
                "next_calibration_due",
                "is_compliant",
            ),
        ),
        EntitySpec(
            PlaceProposal,
            "stock",
            "stock",
            title=("label",),
            can_create=False,
            can_update=False,
            can_delete=False,
            lifecycle=PLACE_LIFE,
            list_fields=(
                "stock_item_id",
                "from_location_id",
                "to_location_id",
                "moves_per_month",
                "gain_m_per_month",
                "reasons",
                "status",
            ),
        ),
        _child(ToolUsage, "tools", ("used_min",)),
        EntitySpec(
            ToolChange,
            "tools",
            "stock",
            title=("label",),
            can_create=False,
            can_update=False,
            can_delete=False,
            lifecycle=CHANGE_LIFE,
            list_fields=(
                "label",
                "tool_id",
                "machine_id",
                "kind",
                "life_pct",
                "is_estimated",
                "status",
                "created_at",
            ),
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
    commands=COMMANDS,
    routers=[endpoints.router],
    jobs=[
        Job("stock.announce_needs", supply.announce, cron="15 4 * * *"),
        Job("stock.call_instruments_back", handing_out.call_back, cron="30 4 * * *"),
        Job("stock.rearrange", places.rearrange, cron="45 4 1 * *"),
    ],
    station_data=station_data,
    handlers=[
        Handler("machines.cycle_recorded", "stock.tool_time", tool_life.on_cycle),
        Handler("machines.cycle_linked", "stock.tool_time_of_operation", tool_life.on_cycle),
    ],
    device_handlers=[
        DeviceHandler("stock.taken", events.on_taken),
        DeviceHandler("stock.returned", events.on_returned),
        DeviceHandler("stock.moved", events.on_moved),
        DeviceHandler("stock.counted", events.on_counted),
        DeviceHandler("tool.broken", incidents.on_tool_broken),
        DeviceHandler("tool.changed", tool_life.on_tool_changed),
    ],
    settings=[
        SettingDef("stock.saw_kerf_mm", "stock", "decimal", Decimal(2), "mm", 0, 20),
        SettingDef("stock.saw_facing_mm", "stock", "decimal", Decimal(0), "mm", 0, 50),
        SettingDef("stock.offcut_min_mm", "stock", "decimal", Decimal(50), "mm", 0, 5000),
        SettingDef("stock.plate_offcut_min_mm", "stock", "decimal", Decimal(100), "mm", 0, 5000),
        SettingDef("stock.match_window_min", "stock", "integer", 10, "min", 0, 240),
        SettingDef("stock.tool_life_warning_pct", "stock", "decimal", Decimal(80), "%", 1, 100),
        SettingDef("stock.max_regrinds", "tools", "integer", 5, None, 0, 50),
        SettingDef("stock.tool_idle_days", "tools", "integer", 90, "j", 1, 3650),
        SettingDef("stock.breakage_repeat", "tools", "integer", 3, None, 2, 100),
        SettingDef("stock.breakage_days", "tools", "integer", 30, "j", 1, 365),
        SettingDef("stock.quote_weight_pct", "stock", "decimal", Decimal(50), "%", 0, 100),
        SettingDef("stock.forecast_days", "stock", "integer", 30, "j", 1, 365),
        SettingDef("stock.rearrange_gain_m", "stock", "decimal", Decimal(200), "m", 0, None),
        SettingDef("stock.vision_auto_pct", "vision", "decimal", Decimal(90), "%", AUTO_LEAST_PCT, 100),
        SettingDef("stock.vision_review_pct", "vision", "decimal", Decimal(60), "%", REVIEW_LEAST_PCT, 100),
        SettingDef("stock.vision_value_eur", "vision", "decimal", Decimal(150), "€", 0, None),
    ],
)
