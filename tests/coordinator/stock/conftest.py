"""Things to keep in stock."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome, dispatch
from coordinator.modules.catalogue.models import Material, StockItem, Tool
from coordinator.modules.stock.models import StorageLocation
from tests.coordinator.execution.conftest import build, shop

__all__ = ["build", "shop"]


@pytest.fixture
def place(ctx: Context) -> StorageLocation:
    return ctx.add(StorageLocation(code="A-01", name="Armoire 1", kind="compartment", vision_mode="auto"))


@pytest.fixture
def insert(ctx: Context) -> StockItem:
    return ctx.add(StockItem(code="PL-CNMG", name="Plaquette", item_kind="insert", is_consumable=True))


@pytest.fixture
def tool(ctx: Context) -> Tool:
    return ctx.add(Tool(code="FR-08", name="Fraise 8", item_kind="tool", tool_type="end_mill", life_min=100))


@pytest.fixture
def steel(ctx: Context) -> Material:
    return ctx.add(
        Material(code="ACIER-X", name="Acier X", item_kind="material", unit="mm", managed_by="lot")
    )


@pytest.fixture
def report(ctx: Context) -> Callable[..., Outcome]:
    def send(
        kind: str, uid: uuid.UUID | None = None, at: dt.datetime | None = None, **payload: Any
    ) -> Outcome:
        body = {"code": None, "item_code": None, "location_code": None, "operation_code": None, **payload}
        moment = at or ctx.now
        return dispatch(ctx, DeviceEvent(uid or uuid.uuid4(), kind, body, moment, moment, station_id="st-1"))

    return send


def d(value: str | int) -> Decimal:
    return Decimal(value)
