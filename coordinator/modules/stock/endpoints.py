"""Routes of stock beside the generic ones: scan, search, labels, prepared pages, tools of an operation."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel import crud
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, NotFound
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.papers import PaperError
from coordinator.kernel.registry import Permission
from coordinator.modules.catalogue.api import StockItem, Tool
from coordinator.modules.stock import (
    boards,
    flow,
    incidents,
    labels,
    places,
    readiness,
    record_boards,
    scanned,
    shop,
    supply,
    surroundings,
    tool_search,
)
from coordinator.modules.stock.ledger import Movement
from coordinator.modules.stock.models import ReorderProposal, ToolIncident
from coordinator.modules.stock.models_people import Instrument

READ = Permission("stock", "read")
DECLARE = Permission("stock", "create")
TOOLS = Permission("tools", "read")
USE_TOOLS = Permission("tools", "create")
MATERIALS = Permission("materials", "read")
PHOTOS = ("image/jpeg", "image/png", "image/webp")
MAX_PHOTO_BYTES = 15_000_000
router = APIRouter(tags=["stock"])
Text = Annotated[str, Query(max_length=200)]


# --- scan and search --------------------------------------------------------------------------------------------


@router.get("/stock/scan", operation_id="stock_scan", openapi_extra=guarded(DECLARE))
def scan(ctx: Ctx, code: Text, operation_code: Text | None = None) -> dict[str, Any]:
    """What a scanned thing is, where it is, what may be done with it; no price (STK-20)."""
    ctx.require(DECLARE)
    return scanned.describe(ctx, code, operation_code)


@router.get("/stock/locate", operation_id="stock_locate", openapi_extra=guarded(DECLARE))
def locate(ctx: Ctx, q: Text) -> dict[str, Any]:
    """Where the things of this name are (STK-16, STK-47)."""
    ctx.require(DECLARE)
    return {"items": scanned.locate(ctx, q)}


@router.get("/stock/place-map", operation_id="stock_place_map", openapi_extra=guarded(DECLARE))
def place_map(ctx: Ctx, code: Text) -> dict[str, Any]:
    """Where a place is, with what stands around it (STK-16)."""
    ctx.require(DECLARE)
    return surroundings.around(ctx, code)


@router.get("/stock/place-suggestions", operation_id="stock_places", openapi_extra=guarded(DECLARE))
def suggestions(
    ctx: Ctx, stock_item_id: int, quantity: Decimal = Decimal(1), is_certified: bool = False
) -> dict[str, Any]:
    """Best places for a receipt or return (STK-15)."""
    ctx.require(DECLARE)
    item = ctx.get(StockItem, stock_item_id)
    found = places.suggest(ctx, item, quantity, is_certified=is_certified)
    return {
        "items": [
            {
                "id": s.location.id,
                "code": s.location.code,
                "display": f"{s.location.code} · {s.location.name}",
                "reasons": s.reasons,
            }
            for s in found
        ]
    }


@router.get("/stock/labels.pdf", operation_id="stock_labels", openapi_extra=guarded(DECLARE))
def print_labels(
    ctx: Ctx,
    entity: Text,
    ids: Annotated[str, Query(pattern=r"^\d+(,\d+){0,199}$")],
    width_mm: float = 60,
    height_mm: float = 30,
    on_a4: bool = False,
) -> Response:
    """Labels with QR codes; an offcut's repeats grade and heat (STK-10, STK-23)."""
    ctx.require(DECLARE)
    try:
        content = labels.print_labels(
            ctx, entity, [int(i) for i in ids.split(",")], width_mm=width_mm, height_mm=height_mm, on_a4=on_a4
        )
    except PaperError as error:
        raise BusinessError("stock.label_size", reason=str(error)) from None
    return _pdf(content, "etiquettes.pdf")


def _pdf(content: bytes, name: str) -> Response:
    headers = {"content-disposition": f'inline; filename="{name}"'}
    return Response(content, media_type="application/pdf", headers=headers)


@router.get(
    "/instruments/{instrument_id}/return-slip.pdf",
    operation_id="instrument_slip",
    openapi_extra=guarded(READ),
)
def return_slip(ctx: Ctx, instrument_id: int) -> Response:
    """Return slip of an instrument that may not measure (STK-12)."""
    ctx.require(READ)
    from coordinator.modules.stock.papers import instrument_slip

    return _pdf(instrument_slip(ctx, ctx.get(Instrument, instrument_id)), "bon-de-retour.pdf")


# --- supply ------------------------------------------------------------------------------------------------------


@router.get("/stock-items/{stock_item_id}/supply", operation_id="stock_supply", openapi_extra=guarded(READ))
def item_supply(ctx: Ctx, stock_item_id: int, quantity: Decimal | None = None) -> dict[str, Any]:
    """There, promised, expected, equivalent; with a quantity also when it is there (STK-32)."""
    ctx.require(READ)
    found = supply.supply(ctx, stock_item_id)
    answer = supply.plain(found)
    if quantity is not None:
        now = ctx.now.date() if found.available >= quantity else found.available_on(quantity)
        answer["available_on"] = now.isoformat() if now is not None else None
    return answer


@router.get("/stock/materials/alerts", operation_id="material_alerts", openapi_extra=guarded(MATERIALS))
def material_alerts(ctx: Ctx, days: Annotated[int | None, Query(ge=1, le=365)] = None) -> dict[str, Any]:
    """Materials below their minimum or running short, with the purchase under way (STK-46)."""
    ctx.require(MATERIALS)
    rows = []
    for one in supply.outlook(ctx, days):
        if one.item.item_kind != "material":
            continue
        query = select(ReorderProposal.id).where(
            ReorderProposal.stock_item_id == one.item.id,
            ReorderProposal.status.in_(("proposed", "accepted", "ordered")),
            ReorderProposal.received_at.is_(None),
        )
        short, low = one.result.short_on, one.result.below_minimum_on
        rows.append(
            {
                "material_id": one.item.id,
                "display": f"{one.item.code} · {one.item.name}",
                "unit": one.item.unit,
                "available": str(one.available),
                "needed": str(one.result.needed_qty),
                "short_on": short.isoformat() if short else None,
                "below_minimum_on": low.isoformat() if low else None,
                "level": "critical" if short is not None else "warning",
                "reorder_proposal_id": ctx.session.scalar(query.limit(1)),
            }
        )
    return {"items": rows}


# --- tools --------------------------------------------------------------------------------------------------------


class SearchIn(BaseModel):
    """A job to find a tool for; lengths in mm."""

    model_config = ConfigDict(extra="forbid")

    tool_type: str = Field(max_length=40)
    diameter_mm: float | None = Field(default=None, gt=0)
    depth_mm: float | None = Field(default=None, gt=0)
    corner_radius_mm: float | None = Field(default=None, ge=0)
    pitch_mm: float | None = Field(default=None, gt=0)
    material_id: int | None = None
    holder: str | None = Field(default=None, max_length=40)


@router.post("/stock/tools/search", operation_id="tool_search", openapi_extra=guarded(TOOLS))
def search_tools(ctx: Ctx, body: SearchIn) -> dict[str, Any]:
    """Tools for a job: those in stock, then the others known, then the suppliers' catalogues (STK-36)."""
    ctx.require(TOOLS)
    return {"items": tool_search.search(ctx, **body.model_dump())}


@router.get(
    "/work-order-operations/{operation_id}/tools/found",
    operation_id="operation_tools",
    openapi_extra=guarded(TOOLS),
)
def tools_of_operation(ctx: Ctx, operation_id: int) -> dict[str, Any]:
    """Tools an operation needs, found by the software (STK-36)."""
    ctx.require(TOOLS)
    facts = _facts(ctx, operation_id)
    return {"items": tool_search.for_operation(ctx, facts)}


def _facts(ctx: Context, operation_id: int) -> shop.OperationFacts:
    facts = shop.operation(ctx, operation_id)
    if facts is None:
        raise NotFound
    return facts


class ReplaceIn(BaseModel):
    """A tool to replace on an operation."""

    model_config = ConfigDict(extra="forbid")

    uid: uuid.UUID | None = None
    work_order_operation_id: int | None = None
    cause: str | None = Field(default=None, max_length=120)
    comment: str | None = Field(default=None, max_length=500)
    option_id: int | None = None


@router.post("/stock/tools/{tool_id}/replace", operation_id="replace_tool", openapi_extra=guarded(USE_TOOLS))
def replace_tool(ctx: Ctx, tool_id: int, body: ReplaceIn) -> dict[str, Any]:
    """Declare a tool broken and get its options; with an option, take it in the same call (STK-46)."""
    ctx.require(USE_TOOLS)
    tool = ctx.get(Tool, tool_id)
    params = incidents.BreakParams(
        uid=body.uid,
        work_order_operation_id=body.work_order_operation_id,
        cause=body.cause,
        comment=body.comment,
    )
    incident_id = incidents.declare_breakage(ctx, tool, params)["tool_incident_id"]
    incident = ctx.get(ToolIncident, incident_id, lock=True)
    outcome = None
    if body.option_id is not None:
        outcome = incidents.accept(
            ctx, incident, incidents.AcceptParams(option_id=body.option_id, comment=body.comment)
        )
    return {**scanned.incident_of(ctx, incident), "outcome": outcome}


@router.get("/stock/breakages/{uid}", operation_id="breakage_by_uid", openapi_extra=guarded(USE_TOOLS))
def breakage(ctx: Ctx, uid: uuid.UUID) -> dict[str, Any]:
    """A declared breakage with its options, for whoever declared it on a phone (STK-39)."""
    ctx.require(USE_TOOLS)
    incident = ctx.session.scalars(select(ToolIncident).where(ToolIncident.uid == uid)).one_or_none()
    if incident is None:
        raise NotFound
    return scanned.incident_of(ctx, incident)


@router.post("/stock/breakages/{uid}/photo", operation_id="breakage_photo", openapi_extra=guarded(USE_TOOLS))
def breakage_photo(ctx: Ctx, uid: uuid.UUID, file: UploadFile) -> dict[str, Any]:
    """Photo of a broken tool, taken with the phone (STK-37)."""
    ctx.require(USE_TOOLS)
    query = select(ToolIncident).where(ToolIncident.uid == uid).with_for_update()
    incident = ctx.session.scalars(query).one_or_none()
    if incident is None:
        raise NotFound
    if file.content_type not in PHOTOS:
        raise BusinessError("stock.photo_kind")
    incident.photo_sha256 = ctx.files.put(file.file, file.content_type, max_bytes=MAX_PHOTO_BYTES).sha256
    return {"photo_sha256": incident.photo_sha256}


class UsedTool(BaseModel):
    """A tool or insert used up by an operation."""

    model_config = ConfigDict(extra="forbid")

    stock_item_id: int
    quantity: Decimal = Field(default=Decimal(1), gt=0, max_digits=14, decimal_places=3)


class ValidateIn(BaseModel):
    """What an operation used; ``uid`` makes a replay harmless."""

    model_config = ConfigDict(extra="forbid")

    uid: uuid.UUID
    tools: list[UsedTool] = Field(max_length=50)


@router.post(
    "/work-order-operations/{operation_id}/tools/validate",
    operation_id="validate_tools",
    openapi_extra=guarded(DECLARE),
)
def validate_tools(ctx: Ctx, operation_id: int, body: ValidateIn) -> dict[str, Any]:
    """Debit the tools of an operation: what is in use first, consumables from the shelf (STK-22, STK-46)."""
    ctx.require(DECLARE)
    facts = _facts(ctx, operation_id)
    found = readiness.obstacles(ctx, facts)
    moved = []
    wanted: dict[int, Decimal] = {}
    for used in body.tools:
        wanted[used.stock_item_id] = wanted.get(used.stock_item_id, Decimal(0)) + used.quantity
    for item_id, quantity in sorted(wanted.items()):  # always in this order, so that two callers do not block
        movement = Movement(
            item_id,
            quantity,
            "consumption",
            "manual",
            work_order_operation_id=facts.id,
            work_order_id=facts.work_order_id,
            uid=uuid.uuid5(body.uid, str(item_id)),
        )
        moved += flow.consume_for_operation(ctx, movement, user_id=ctx.principal.user_id)
    return {
        "movement_ids": [m.id for m in moved],
        "is_flagged": any(m.is_flagged for m in moved),
        "obstacles": [{"code": o.code, "message": scanned.words(ctx, o)} for o in found],
    }


# --- prepared pages ------------------------------------------------------------------------------------------------


@router.get("/stock/boards/{name}", operation_id="stock_board", openapi_extra=guarded(READ))
def page(
    ctx: Ctx,
    name: str,
    start: dt.date | None = None,
    end: dt.date | None = None,
    days: Annotated[int | None, Query(ge=1, le=365)] = None,
    q: Text | None = None,
) -> dict[str, Any]:
    """Prepared pages: ``dashboard``, ``forecast``, ``map``, ``breakages``."""
    ctx.require(READ)
    period = boards.default_period(ctx, start, end)
    pages = {
        "dashboard": lambda: boards.dashboard(ctx, period),
        "forecast": lambda: boards.forecast(ctx, days),
        "map": lambda: boards.the_map(ctx, q),
        "breakages": lambda: boards.breakages(ctx, period),
    }
    if name not in pages:
        raise NotFound
    return pages[name]()


_RECORDS = {
    "stock_lot": record_boards.lot_life,
    "stock_unit": record_boards.unit_life,
    "stock_item": record_boards.item_supply,
    "tool": record_boards.item_supply,
    "material": record_boards.item_supply,
    "tool_incident": record_boards.incident,
    "cutting_plan": record_boards.plan,
    "plate_plan": record_boards.plate_plan,
}


@router.get(
    "/stock/boards/{entity}/{record_id}", operation_id="stock_record_board", openapi_extra=guarded(READ)
)
def record_page(ctx: Ctx, entity: str, record_id: int) -> dict[str, Any]:
    """Prepared page of one record: life, supply, options of a breakage, bars of a plan."""
    ctx.require(READ)
    build = _RECORDS.get(entity)
    if build is None:
        raise NotFound
    spec = ctx.registry.entities[entity]
    scope = ctx.require(Permission(spec.module_code, "read"))
    return build(ctx, crud.visible_record(ctx, spec, record_id, scope))  # type: ignore[operator, no-any-return]
