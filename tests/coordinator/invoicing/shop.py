"""A company that may issue invoices, a customer and a delivered order."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.outbox import Event
from coordinator.modules.catalogue.models import Part, PartRevision
from coordinator.modules.company.models import CompanyProfile
from coordinator.modules.invoicing import drafts
from coordinator.modules.invoicing.models import Invoice
from coordinator.modules.orders.models import (
    CustomerPo,
    DeliveryNote,
    DeliveryNoteLine,
    SalesOrder,
    SalesOrderLine,
)
from coordinator.modules.parties.models import Address, Customer
from tests.conftest import master

D = Decimal


@dataclass
class Sale:
    customer_id: int
    order_id: int
    line_ids: list[int]


def company(ctx: Context) -> CompanyProfile:
    known = ctx.session.scalars(select(CompanyProfile)).one_or_none()
    return known or ctx.add(
        CompanyProfile(
            legal_name="Atelier Meyer", legal_form="SARL", share_capital=D(20000), siren="732829320",
            rcs_city="Colmar", vat_number="FR44732829320", street="4 rue du Tour", postal_code="68000",
            city="Colmar", country="FR",
        )
    )  # fmt: skip


def customer(ctx: Context, **given: Any) -> Customer:
    values: dict[str, Any] = {
        "code": f"C-{ctx.session.scalar(select(Customer.id).order_by(Customer.id.desc()).limit(1)) or 0}",
        "name": "Pompes Weber", "legal_name": "Pompes Weber SAS", "siren": "404833048", "vat_number": "FR83404833048",
    }  # fmt: skip
    made = ctx.add(Customer(**{**values, **given}))
    country = given.get("country", "FR")
    ctx.add(
        Address(
            customer_id=made.id,
            kind="head_office",
            street="1 quai Est",
            postal_code="67000",
            city="Strasbourg",
            country=country,
        )
    )
    return made


def sale(ctx: Context, *lines: tuple[str, str], po: str | None = "45-2211", **customer_values: Any) -> Sale:
    """An order of lines (quantity, unit price)."""
    company(ctx)
    buyer = customer(ctx, **customer_values)
    purchase = ctx.add(CustomerPo(customer_id=buyer.id, po_number=po)) if po is not None else None
    number = f"CMD-T-{buyer.id}"
    order = SalesOrder(
        number=number, customer_id=buyer.id, order_date=dt.date(2026, 3, 2), status="validated"
    )
    order.customer_po_id = purchase.id if purchase else None
    ctx.add(order)
    ids = []
    for index, (quantity, price) in enumerate(lines, start=1):
        part = ctx.add(Part(name="Bride", drawing_number=f"AC-{buyer.id}-{index}", customer_id=buyer.id))
        revision = ctx.add(PartRevision(part_id=part.id, revision="B"))
        line = SalesOrderLine(
            sales_order_id=order.id, line_no=index, part_revision_id=revision.id, quantity=D(quantity),
            unit_price_excl_tax=D(price), vat_pct=D(20),
        )  # fmt: skip
        ids.append(ctx.add(line).id)
    return Sale(buyer.id, order.id, ids)


def deliver(ctx: Context, made: Sale, *quantities: str) -> DeliveryNote:
    """Ship quantities of the order's lines."""
    count = len(list(ctx.session.scalars(select(DeliveryNote.id))))
    note = ctx.add(
        DeliveryNote(
            number=f"BL-T-{made.order_id}-{count}", sales_order_id=made.order_id, status="shipped",
            delivery_date=ctx.now.date(),
        )
    )  # fmt: skip
    for line_id, quantity in zip(made.line_ids, quantities, strict=True):
        if D(quantity):
            ctx.add(
                DeliveryNoteLine(delivery_note_id=note.id, sales_order_line_id=line_id, quantity=D(quantity))
            )
    return note


def shipped(ctx: Context, note: DeliveryNote) -> Invoice | None:
    """What the event of the shipment does; the draft it makes."""
    import uuid

    drafts.on_shipped(ctx, Event(uuid.uuid4(), "delivery_note.shipped", {"id": note.id}, ctx.now, None, None))
    query = select(Invoice).where(Invoice.delivery_note_id == note.id, Invoice.kind == "invoice")
    return ctx.session.scalars(query.order_by(Invoice.id.desc()).limit(1)).one_or_none()


def pending_invoice(factory: ContextFactory, *lines: tuple[str, str], **values: Any) -> int:
    """An invoice that waits for validation."""
    from coordinator.kernel.lifecycle import move

    with factory.open(master()) as ctx:
        made = sale(ctx, *(lines or (("10", "84.60"),)), **values)
        invoice = shipped(ctx, deliver(ctx, made, *(q for q, _ in (lines or (("10", "84.60"),)))))
        assert invoice is not None
        move(ctx, invoice, "submit")
        return invoice.id


def accountant() -> Principal:
    rights = {("invoicing", r): "all" for r in ("read", "create", "update", "validate", "export")}
    return Principal(kind="user", name="comptable", rights=rights, field_groups=frozenset({"prices"}))
