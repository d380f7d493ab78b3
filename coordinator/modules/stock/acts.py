"""Commands of stock and the rights they need."""

from typing import Any

from coordinator.kernel.registry import Command, Permission, Right
from coordinator.modules.stock import (
    commands,
    cutting_plans,
    handing_out,
    incidents,
    lots,
    places,
    plate_plans,
    units,
)


def _on_item(name: str, right: Right, handler: Any, params: Any) -> list[Command]:
    """The same act on every kind of item, under the right of stock."""
    return [
        Command(name, Permission("stock", right), handler, params, entity=entity)
        for entity in ("stock_item", "tool", "material", "ppe_item")
    ]


COMMANDS: list[Command] = [
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
    Command("cut", Permission("stock", "create"), commands.cut_lot, commands.CutParams, entity="stock_lot"),
    Command("cut", Permission("stock", "create"), commands.cut_unit, commands.CutParams, entity="stock_unit"),
    Command(
        "propose_cutting_plan",
        Permission("materials", "create"),
        cutting_plans.propose,
        cutting_plans.PlanParams,
        entity="material",
    ),
    Command(
        "propose_plate_plan",
        Permission("materials", "create"),
        plate_plans.propose,
        plate_plans.PlatePlanParams,
        entity="material",
    ),
    Command(
        "cut_sheet",
        Permission("materials", "create"),
        plate_plans.cut,
        entity="plate_plan_sheet",
        available=lambda sheet: not sheet.is_cut,
        confirm=True,
        tone="primary",
    ),
    Command(
        "declare_breakage",
        Permission("tools", "create"),
        incidents.declare_breakage,
        incidents.BreakParams,
        entity="tool",
        tone="danger",
    ),
    Command(
        "accept",
        Permission("tools", "create"),
        incidents.accept,
        incidents.AcceptParams,
        entity="tool_incident",
        available=lambda row: row.status == "open",
        tone="primary",
    ),
    Command(
        "escalate",
        Permission("tools", "create"),
        incidents.escalate,
        incidents.EscalateParams,
        entity="tool_incident",
        available=lambda row: row.status == "open",
    ),
    Command(
        "set_condition",
        Permission("stock", "update"),
        units.set_condition,
        units.ConditionParams,
        entity="stock_unit",
    ),
    Command(
        "regrind",
        Permission("tools", "update"),
        units.regrind,
        units.RegrindParams,
        entity="stock_unit",
        available=lambda unit: unit.condition in {"new", "used", "worn"},
    ),
    Command(
        "issue_to",
        Permission("ppe", "create"),
        handing_out.issue_ppe,
        handing_out.PpeIssueParams,
        entity="ppe_item",
        tone="primary",
    ),
    Command(
        "hand_out",
        Permission("stock", "create"),
        handing_out.hand_out,
        handing_out.HandParams,
        entity="instrument",
        available=lambda row: row.is_present,
        tone="primary",
    ),
    Command(
        "bring_back",
        Permission("stock", "create"),
        handing_out.bring_back,
        handing_out.BringBackParams,
        entity="instrument",
        available=lambda row: not row.is_present,
    ),
    Command(
        "extend",
        Permission("quality", "validate"),
        handing_out.extend,
        handing_out.ExtensionParams,
        entity="instrument",
        critical=True,
    ),
    Command(
        "accept",
        Permission("stock", "update"),
        places.accept,
        places.DecideParams,
        entity="place_proposal",
        available=lambda row: row.status == "proposed",
        tone="primary",
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
]
