"""A tool at the end of its life and parts to inspect, shown on the operation's screen by the real coordinator."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from coordinator.modules.catalogue.models import Tool
from coordinator.modules.execution.models import PartHold, WorkOrderOperation
from coordinator.modules.execution.orders import lot_of
from coordinator.modules.stock.models_tooling import ToolChange
from tests.clients.mobile.atelier import Atelier
from tests.clients.mobile.gestures import open_operation, sign_in
from tests.conftest import master

Shot = Callable[..., None]


@pytest.mark.requirement("STK-06", "MCH-23")
def test_the_operation_says_which_tool_to_change_and_that_parts_wait(
    phone: Page, atelier: Atelier, shot: Shot
) -> None:
    anne = atelier.person("Anne", "Usure")
    _, mill = atelier.order(anne)
    with atelier.factory.open(master()) as ctx:
        tool = ctx.session.scalars(select(Tool).where(Tool.code == "FR-10")).one()
        query = select(WorkOrderOperation).where(WorkOrderOperation.operation_label == mill.label)
        operation = ctx.session.scalars(query.order_by(WorkOrderOperation.id.desc()).limit(1)).one()
        ctx.add(
            ToolChange(
                uid=uuid.uuid4(), tool_id=tool.id, machine_id=operation.machine_id, kind="regrind", life_pct=Decimal("91.5"),
                is_estimated=True,
            )
        )  # fmt: skip
        order_id = operation.work_order_id
        ctx.add(
            PartHold(
                uid=uuid.uuid4(), work_order_operation_id=operation.id, work_order_id=order_id, part_lot_id=lot_of(ctx, order_id).id,
                reason="Choc sur Centre 1, programme O12.", marked_at=ctx.now,
            )
        )  # fmt: skip
    sign_in(phone, atelier.base_url, anne)
    open_operation(phone, mill.label)
    expect(phone.get_by_text("À réaffûter")).to_contain_text("environ 92 % de sa durée de vie (estimé)")
    expect(phone.get_by_role("alert").filter(has_text="Pièces à contrôler")).to_contain_text(
        "Choc sur Centre 1"
    )
    shot(phone, "mobile-outil-use", whole=True)
