"""The real coordinator with a workshop in it: what the browser meets on the premises.

The application, its database, sign-in, rights and live push are those of the product; only the hashing of passwords
is made cheap.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import uvicorn
from sqlalchemy import select
from sqlalchemy.orm import Session

from coordinator.gateway.app import create_app
from coordinator.kernel import qr
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.lifecycle import move
from coordinator.modules.catalogue.models import Material, Part, PartRevision, Tool
from coordinator.modules.company.models import CompanyProfile
from coordinator.modules.execution import api as execution
from coordinator.modules.execution.models import ShopEvent, StopReason, WorkOrderOperation
from coordinator.modules.identity import accounts
from coordinator.modules.identity import api as identity
from coordinator.modules.machines.models import Machine, MachineCapability
from coordinator.modules.people.models import Employee
from coordinator.modules.routings import api as routings
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import StockUnit, StorageLocation
from tests.conftest import master

PASSWORD = "copeaux-bleus-7"
PIN = "471182"
PLANNED_QTY = 10
CUT_MM = Decimal("70.5")
CRANE = "crane"


@dataclass(frozen=True)
class Person:
    """Somebody who works here."""

    email: str
    badge: str
    user_id: int
    employee_id: int
    password: str = PASSWORD
    pin: str = PIN


@dataclass(frozen=True)
class Work:
    """An operation as printed on the routing sheet."""

    id: int
    uid: uuid.UUID
    code: str
    order_number: str
    sequence_no: int
    label: str


@dataclass
class Atelier:
    """A running coordinator. ``base_url`` is what a phone opens."""

    factory: ContextFactory
    base_url: str = ""
    _ids: dict[str, int] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def furnish(self) -> None:
        """Company, machines, a bar of steel, tools and one more reason to pause."""
        with self.factory.open(Principal.service("test")) as ctx:
            ctx.add(CompanyProfile(legal_name="Mécanique de l’Orne", country="FR"))
        with self.factory.open(master()) as ctx:
            for code, name, kind, does in (
                ("SC1", "Scie à ruban Behringer", "saw", "cutting"),
                ("CU1", "Centre Haas VF-2", "mill", "milling"),
            ):
                machine = ctx.add(Machine(code=code, name=name, machine_type=kind))
                ctx.add(MachineCapability(machine_id=machine.id, operation_type=does))
                self._ids[code] = machine.id
            steel = ctx.add(
                Material(
                    code="42CRMO4-50", name="42CrMo4 Ø50", item_kind="material", unit="mm", managed_by="unit"
                )
            )
            lot = stock.new_lot(ctx, steel.id, heat_number="H-4711")
            rack = ctx.add(StorageLocation(code="RACK-1", name="Rack à barres"))
            length = Decimal(30_000)
            bar = ctx.add(
                StockUnit(stock_item_id=steel.id, stock_lot_id=lot.id, length_mm=length, shape="round")
            )
            stock.receive(ctx, steel.id, length, location_id=rack.id, lot=lot, unit_id=bar.id)
            tool = ctx.add(
                Tool(code="FR-10", name="Fraise carbure Ø10", item_kind="tool", tool_type="end_mill")
            )
            part = ctx.add(Part(name="Axe de broche", drawing_number="D-1042"))
            revision = ctx.add(PartRevision(part_id=part.id, revision="B"))
            ctx.add(StopReason(code=CRANE, label="Attente du pont roulant"))
            self._ids |= {"steel": steel.id, "tool": tool.id, "revision": revision.id}

    def person(self, first_name: str, last_name: str, *, temporary: bool = False) -> Person:
        """An operator with an account, a badge and a PIN."""
        number = next(self._numbers)
        email = f"operateur{number}@atelier.test"
        with self.factory.open(Principal.service("test")) as ctx:
            employee = ctx.add(Employee(number=f"E-{number}", first_name=first_name, last_name=last_name))
            user = identity.create_user(
                ctx, roles=["operator"], first_name=first_name, last_name=last_name, email=email, password=PASSWORD,
                temporary=temporary, pin=PIN, employee_id=employee.id,
            )  # fmt: skip
            return Person(email, accounts.issue_badge(ctx, user), user.id, employee.id)

    def order(self, person: Person) -> list[Work]:
        """A released order whose sawing and milling are given to the person."""
        with self.factory.open(master()) as ctx:
            routing = routings.create_routing(
                ctx, self._ids["revision"], self._rows(), source="quote", name="Axe de broche"
            )
            move(ctx, routing, "validate")
            order = execution.create_work_order(ctx, routing, Decimal(PLANNED_QTY))
            move(ctx, order, "release")
            operations = execution.operations_of(ctx, order.id)[:2]
            for operation in operations:
                operation.assigned_employee_id = person.employee_id
            return [self._work(ctx, order.number, operation) for operation in operations]

    def _rows(self) -> list[routings.RoutingOperationInput]:
        blank = routings.MaterialInput(self._ids["steel"], "round", Decimal(50), cut_length_mm=CUT_MM)
        return [
            routings.RoutingOperationInput(
                "cutting", "Débit Ø50 × 70,5", Decimal("2.5"), machine_id=self._ids["SC1"], material=blank
            ),
            routings.RoutingOperationInput(
                "milling", "Fraisage rainure de clavette", Decimal(6), Decimal(20), machine_id=self._ids["CU1"],
                tools=[routings.ToolInput(self._ids["tool"])],
            ),
        ]  # fmt: skip

    @staticmethod
    def _work(ctx: Context, number: str, operation: WorkOrderOperation) -> Work:
        code = qr.code_of(ctx, operation)
        return Work(
            operation.id, operation.uid, code, number, operation.sequence_no, operation.operation_label
        )

    def session(self) -> Session:
        """A look into the database, as it was committed."""
        return self.factory.sessions()

    def facts(self, work: Work) -> list[str]:
        """Types of the facts kept about an operation, in the order they happened."""
        query = select(ShopEvent.event_type).where(ShopEvent.work_order_operation_id == work.id)
        with self.session() as session:
            return list(session.scalars(query.order_by(ShopEvent.occurred_at)))


@contextmanager
def serve(factory: ContextFactory) -> Iterator[Atelier]:
    """The furnished workshop, answering on a free local port."""
    atelier = Atelier(factory)
    atelier.furnish()
    server = uvicorn.Server(
        uvicorn.Config(create_app(factory), port=0, log_config=None, timeout_graceful_shutdown=2)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
        if not thread.is_alive():
            raise RuntimeError("the coordinator did not start")
    sockets: Any = server.servers[0].sockets
    atelier.base_url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/m/"
    yield atelier
    server.should_exit = True
    thread.join(10)
