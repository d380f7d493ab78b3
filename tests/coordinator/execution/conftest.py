"""A small workshop: two machines, two people, a bar of steel, one released order."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel import qr
from coordinator.kernel.context import Context
from coordinator.kernel.device import DeviceEvent, Outcome, dispatch
from coordinator.kernel.lifecycle import move
from coordinator.modules.catalogue.models import Material, Part, PartRevision, Tool
from coordinator.modules.execution import api as execution
from coordinator.modules.execution.models import TimeEntry, WorkOrder, WorkOrderOperation
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.machines.models import Machine, MachineCapability
from coordinator.modules.people.models import Employee
from coordinator.modules.routings import api as routings
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import StockUnit, StorageLocation
from tests.factories import make

Send = Callable[..., Outcome]


@dataclass
class Shop:
    """What the tests act on. ``now`` is the instant facts happen by default."""

    ctx: Context
    order: WorkOrder
    routing: routings.Routing
    operations: list[WorkOrderOperation]
    ana: UserAccount
    bob: UserAccount
    saw: Machine
    lathe: Machine
    steel: Material
    bar: StockUnit
    lot: stock.StockLot
    now: dt.datetime
    sent: list[uuid.UUID] = field(default_factory=list)

    def code(self, index: int = 0) -> str:
        """Text of the QR code of an operation."""
        return qr.code_of(self.ctx, self.operations[index])

    def send(
        self, event_type: str, index: int = 0, *, after: float = 0, user: UserAccount | None = None, uid: uuid.UUID | None = None,
        received_after: float | None = None, **payload: Any,
    ) -> Outcome:  # fmt: skip
        """A fact ``after`` minutes; received at once unless said (minutes too)."""
        at = self.now + dt.timedelta(minutes=after)
        seen = at if received_after is None else self.now + dt.timedelta(minutes=received_after)
        self.ctx.now = max(self.ctx.now, seen)
        uid = uid or uuid.uuid4()
        self.sent.append(uid)
        body = {"operation_code": self.code(index), **payload}
        event = DeviceEvent(uid, event_type, body, at, seen, station_id="st-1", user_id=(user or self.ana).id)
        outcome = dispatch(self.ctx, event)
        self.ctx.session.flush()
        self.ctx.session.expire_all()
        return outcome

    def start(self, index: int = 0, *, kind: str = "run", **kwargs: Any) -> Outcome:
        """Start an operation."""
        return self.send("operation.started", index, kind=kind, means="qr", **kwargs)

    def finish(
        self,
        index: int = 0,
        *,
        good: int = 10,
        rework: int = 0,
        scrap: int = 0,
        spent: float = 30,
        **kwargs: Any,
    ) -> Outcome:
        """Finish an operation."""
        quantities = {"good": good, "rework": rework, "scrap": scrap}
        return self.send(
            "operation.finished",
            index,
            **quantities,
            time_spent_min=spent,
            tool_change_flag=False,
            means="qr",
            **kwargs,
        )

    def report(
        self, index: int = 0, *, good: int = 0, rework: int = 0, scrap: int = 0, **kwargs: Any
    ) -> Outcome:
        """Report parts."""
        return self.send("operation.reported", index, good=good, rework=rework, scrap=scrap, **kwargs)

    def times(self, index: int = 0) -> list[TimeEntry]:
        """Time entries of an operation."""
        query = select(TimeEntry).where(TimeEntry.work_order_operation_id == self.operations[index].id)
        return list(self.ctx.session.scalars(query.order_by(TimeEntry.started_at)))


def rows(saw: Machine, lathe: Machine, steel: Material, tool: Tool) -> list[routings.RoutingOperationInput]:
    """Sawing, turning; the last operations are added by themselves."""
    blank = routings.MaterialInput(steel.id, "round", Decimal(50), cut_length_mm=Decimal(70))
    return [
        routings.RoutingOperationInput(
            "cutting", "Débit Ø50 longueur 70", Decimal(3), machine_id=saw.id, material=blank
        ),
        routings.RoutingOperationInput(
            "turning", "Tournage ébauche et finition", Decimal(6), Decimal(20), machine_id=lathe.id,
            tools=[routings.ToolInput(tool.id)],
        ),
    ]  # fmt: skip


@pytest.fixture
def build(ctx: Context) -> Callable[..., Shop]:
    """Make the workshop; ``criticality`` of the order."""

    def run(
        *, criticality: str = "standard", quantity: int = 10, release: bool = True, certified: bool = False
    ) -> Shop:
        saw = ctx.add(Machine(code="SCIE", name="Scie", machine_type="saw"))
        lathe = ctx.add(Machine(code="TOUR", name="Tour", machine_type="lathe"))
        for machine, kind in ((saw, "cutting"), (lathe, "turning")):
            ctx.add(MachineCapability(machine_id=machine.id, operation_type=kind))
        steel = ctx.add(
            Material(code="C45-X", name="C45", item_kind="material", unit="mm", managed_by="unit")
        )
        tool = ctx.add(
            Tool(code="CNMG-1", name="Plaquette CNMG", item_kind="tool", tool_type="turning_finish")
        )
        place = ctx.add(StorageLocation(code="RACK-1", name="Rack"))
        lot = stock.new_lot(ctx, steel.id, heat_number="H-4711", is_certified=certified)
        bar = ctx.add(
            StockUnit(stock_item_id=steel.id, stock_lot_id=lot.id, length_mm=Decimal(3000), shape="round")
        )
        stock.receive(ctx, steel.id, Decimal(3000), location_id=place.id, lot=lot, unit_id=bar.id)
        part = ctx.add(Part(name="Axe", drawing_number="P-100"))
        revision = ctx.add(PartRevision(part_id=part.id, revision="B"))
        people = []
        for name in ("Ana", "Bob"):
            employee = ctx.add(Employee(number=f"E-{name}", first_name=name, last_name="Durand"))
            people.append(
                make(
                    ctx,
                    UserAccount,
                    first_name=name,
                    last_name="Durand",
                    employee_id=employee.id,
                    is_active=True,
                )
            )
        routing = routings.create_routing(
            ctx, revision.id, rows(saw, lathe, steel, tool), source="quote", name="Axe"
        )
        move(ctx, routing, "validate")
        order = execution.create_work_order(ctx, routing, Decimal(quantity), criticality=criticality)
        if release:
            move(ctx, order, "release")
        operations = execution.operations_of(ctx, order.id)
        return Shop(ctx, order, routing, operations, *people, saw, lathe, steel, bar, lot, ctx.now)

    return run


@pytest.fixture
def shop(build: Callable[..., Shop]) -> Shop:
    """A released standard order of 10 parts."""
    return build()
