"""The customer's purchase order: received, read, matched, reviewed, confirmed by a person (ORD-01…04, ORD-45…48)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import func, or_, select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.errors import BusinessError, Conflict, FieldError, TooLarge
from coordinator.kernel.lifecycle import move
from coordinator.modules.documents import api as documents
from coordinator.modules.orders import offers, sales
from coordinator.modules.orders.models import CustomerPo, SalesOrder
from coordinator.modules.orders.po_discounts import PoDiscount
from coordinator.modules.orders.po_matching import Candidate, differences, score
from coordinator.modules.orders.po_reading import PoLine, PoReading, recognise
from coordinator.modules.orders.po_text import read_text
from coordinator.modules.orders.priorities import working_days
from coordinator.modules.parties.models import Customer
from coordinator.modules.quoting import api as quoting

READ_JOB = "orders.read_po"
_LOWEST = 0.2


class AssignParams(BaseModel):
    """The quote this order answers."""

    quote_id: int = Field(ge=1, json_schema_extra={"x-field": {"type": "reference", "target": "quotes"}})


class ReasonParams(BaseModel):
    """Why."""

    reason: str = Field(min_length=2, max_length=300)


class ConfirmParams(BaseModel):
    """``accept_differences``: the differences shown are accepted as the customer wrote them. ``accept_duplicate``: this
    number was used before and is still another order (ORD-46)."""

    accept_differences: bool = False
    accept_duplicate: bool = False
    delivery_date: dt.date | None = None


def receive(ctx: Context, name: str, content: bytes, customer_id: int | None = None) -> CustomerPo:
    """Keep the file unchanged and hashed, and queue its reading; nothing is ever dropped (ORD-45).

    Raises:
        BusinessError, UnsupportedFormat, TooLarge: empty, executable or too large content.
    """
    limit = ctx.settings.integer("orders.max_po_mb")
    if len(content) > limit << 20:
        raise TooLarge("too_large", limit_mb=limit)
    file_name = Path(name).name[:255] or "commande"
    version = documents.file_document(
        ctx,
        "commercial",
        f"Commande client {file_name}",
        content,
        file_name=file_name,
        document_type="customer_po",
    )
    record = ctx.add(
        CustomerPo(
            customer_id=customer_id,
            document_id=version.document_id,
            file_name=file_name,
            sha256=version.sha256,
            owner_user_id=ctx.principal.user_id,
        )
    )
    documents.link(ctx, version.document_id, record)
    ctx.defer(READ_JOB, customer_po_id=record.id)
    return record


def read(factory: ContextFactory, customer_po_id: int) -> None:
    """Read the file in a limited process, outside any transaction, then match. Repeating it changes nothing."""
    with factory.open(Principal.service(READ_JOB)) as ctx:
        record = ctx.get(CustomerPo, customer_po_id)
        if record.status != "received" or record.sha256 is None:
            return
        path = ctx.files.path(record.sha256).resolve()
    reading: PoReading | None = None
    try:
        reading = recognise(read_text(path).lines)
    except BusinessError:
        reading = None
    with factory.open(Principal.service(READ_JOB)) as ctx:
        record = ctx.get(CustomerPo, customer_po_id, lock=True)
        if record.status == "received":
            keep(ctx, record, reading)


def keep(ctx: Context, record: CustomerPo, reading: PoReading | None) -> None:
    """Store what was read and look for the quote; what is not certain waits for a person with its reason."""
    if reading is None:
        return _to_check(ctx, record, "Fichier illisible : saisissez la commande à la main.")
    record.read_values = reading.to_json()
    record.po_number = reading.po_number[:60] if reading.po_number else None
    record.po_date = reading.po_date
    record.delivery_date_requested = reading.delivery_date
    record.total_excl_tax = reading.total_excl_tax
    if record.customer_id is None:
        record.customer_id = find_customer(ctx, reading)
    candidates = match(ctx, record, reading)
    record.candidates = [c.to_json() for c in candidates]
    record.match_score = Decimal(str(round(candidates[0].score, 3))) if candidates else None
    if not reading.is_po:
        return _to_check(ctx, record, "Ce document ne ressemble pas à une commande.")
    if record.customer_id is None:
        return _to_check(ctx, record, "Client non reconnu.")
    if not record.po_number:
        return _to_check(ctx, record, "Numéro de commande du client non lu.")
    twin = duplicate_of(ctx, record)
    if twin is not None:
        return _to_check(
            ctx, record, f"Doublon probable : commande {record.po_number} déjà reçue (n° {twin.id})."
        )
    sure = float(ctx.settings.decimal("orders.match_sure"))
    if not candidates or candidates[0].score < sure:
        return _to_check(
            ctx, record, "Devis à choisir dans la liste." if candidates else "Aucun devis trouvé."
        )
    record.quote_id = candidates[0].quote_id
    review(ctx, record)
    move(ctx, record, "match")
    tasks.open_task(
        ctx,
        "customer_po",
        f"Commande {record.po_number} à confirmer",
        record,
        role="sales",
        dedupe_key=f"po:{record.id}",
    )
    return None


def _to_check(ctx: Context, record: CustomerPo, reason: str) -> None:
    record.check_reason = reason[:300]
    move(ctx, record, "check")
    title = f"Commande client à vérifier : {record.po_number or record.file_name or record.id}"
    tasks.open_task(ctx, "customer_po_check", title, record, role="sales", dedupe_key=f"po_check:{record.id}")


def find_customer(ctx: Context, reading: PoReading) -> int | None:
    """Customer of the identifiers in the text; our own ones belong to nobody here. Ambiguous means unknown."""
    sirens = {s[:9] for s in reading.sirets} | set(reading.sirens)
    by_number = _customers(
        ctx,
        or_(
            func.replace(Customer.siret, " ", "").in_(reading.sirets),
            Customer.siren.in_(sirens),
            func.replace(func.upper(Customer.vat_number), " ", "").in_(
                [v.upper() for v in reading.vat_numbers]
            ),
        ),
    )
    if len(by_number) == 1:
        return by_number[0]
    exact = _customers(ctx, func.replace(Customer.siret, " ", "").in_(reading.sirets))
    if len(exact) == 1:
        return exact[0]
    owners = {
        quote.customer_id
        for quote in quoting.by_numbers(ctx, reading.quote_numbers)
        if quote.status in offers.ORDERABLE
    }
    return owners.pop() if len(owners) == 1 and not by_number else None


def _customers(ctx: Context, condition: Any) -> list[int]:
    query = select(Customer.id).where(condition, Customer.archived_at.is_(None)).limit(3)
    return list(ctx.session.scalars(query))


def match(ctx: Context, record: CustomerPo, reading: PoReading) -> list[Candidate]:
    """Quotes the order may answer, best first (ORD-02)."""
    found = [
        score(reading, offer, record.customer_id)
        for offer in offers.possible(ctx, record.customer_id, reading)
    ]
    ranked = sorted((c for c in found if c.score >= _LOWEST), key=lambda c: (-c.score, -c.quote_id))
    return ranked[:10]


def duplicate_of(ctx: Context, record: CustomerPo) -> CustomerPo | None:
    """An order of the same customer with the same number that was not rejected (ORD-46)."""
    if record.customer_id is None or not record.po_number:
        return None
    query = select(CustomerPo).where(
        CustomerPo.customer_id == record.customer_id,
        func.lower(CustomerPo.po_number) == record.po_number.lower(),
        CustomerPo.status != "rejected",
        CustomerPo.id != record.id,
        CustomerPo.archived_at.is_(None),
    )
    return ctx.session.scalars(query.order_by(CustomerPo.id).limit(1)).one_or_none()


def reading_of(record: CustomerPo) -> PoReading:
    """What was read, with the header a person corrected."""
    values = record.read_values or {}
    lines = tuple(
        PoLine(
            str(line.get("text") or ""),
            Decimal(line["quantity"]),
            _decimal(line.get("unit_price")),
            _decimal(line.get("total")),
            line.get("drawing_number"),
            line.get("revision"),
            discount=_decimal(line.get("discount")) or Decimal(0),
        )
        for line in values.get("lines") or []
    )
    discounts = tuple(
        PoDiscount(str(d.get("text") or ""), Decimal(d["amount"]), _decimal(d.get("pct")))
        for d in values.get("discounts") or []
    )
    plain = PoReading(is_po=bool(values.get("is_po", True)))
    lists: dict[str, Any] = {
        n: tuple(values.get(n) or ()) for n in ("quote_numbers", "clauses", "ibans", "warnings")
    }
    return replace(
        plain,
        po_number=record.po_number,
        po_date=record.po_date,
        lines=lines,
        delivery_date=record.delivery_date_requested,
        total_excl_tax=record.total_excl_tax,
        payment_days=values.get("payment_days"),
        discounts=discounts,
        **lists,
    )


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def review(ctx: Context, record: CustomerPo) -> None:
    """Compare the order with its quote, field by field (ORD-03)."""
    offer = offers.offer_of(ctx, quoting.quote(ctx, record.quote_id or 0))
    found = differences(reading_of(record), offer, ctx.now.date())
    record.differences = [d.to_json() for d in found]


def assign(ctx: Context, record: CustomerPo, params: AssignParams) -> None:
    """A person names the quote; the review is done on it.

    Raises:
        BusinessError: ``po.quote_customer`` when the quote is another customer's.
    """
    quote = quoting.quote(ctx, params.quote_id)
    if record.customer_id is not None and record.customer_id != quote.customer_id:
        raise BusinessError(
            "po.quote_customer", errors=[FieldError("quote_id", "po.quote_customer")], number=quote.number
        )
    record.customer_id = quote.customer_id
    record.quote_id = quote.id
    record.check_reason = None
    review(ctx, record)


def on_create(ctx: Context, record: CustomerPo) -> None:
    """An order typed by hand waits to be assigned."""
    record.owner_user_id = record.owner_user_id or ctx.principal.user_id
    record.status = "to_check"
    record.check_reason = "Commande saisie à la main : choisissez le devis."
    _check(record)


def on_update(ctx: Context, record: CustomerPo) -> None:
    """Corrections are possible until confirmation; the review follows them.

    Raises:
        Conflict: ``po.confirmed``.
    """
    if record.is_confirmed or record.status == "rejected":
        raise Conflict("po.confirmed", number=record.po_number or record.id)
    _check(record)
    if record.quote_id is not None:
        with ctx.session.no_autoflush:
            review(ctx, record)


def _check(record: CustomerPo) -> None:
    if record.total_excl_tax is not None and record.total_excl_tax < 0:
        raise BusinessError("po.negative", errors=[FieldError("total_excl_tax", "po.negative")])


def reject(ctx: Context, record: CustomerPo, params: ReasonParams) -> None:  # noqa: ARG001 — signature of an effect
    """Not an order, or not for us.

    Raises:
        Conflict: ``po.confirmed``.
    """
    if record.is_confirmed:
        raise Conflict("po.confirmed", number=record.po_number or record.id)
    record.check_reason = params.reason


def confirm(ctx: Context, record: CustomerPo, params: ConfirmParams) -> dict[str, Any]:
    """A person accepts the order: quote accepted, order opened and validated, all or nothing (ORD-04, ORD-53).

    Raises:
        Conflict: ``po.confirmed``, ``po.duplicate``, ``po.not_matched``.
        BusinessError: ``po.differences``, ``po.blocking_differences``, ``po.no_number``.
    """
    if record.is_confirmed:
        raise Conflict("po.confirmed", number=record.po_number or record.id)
    if record.status != "matched" or record.quote_id is None:
        raise Conflict("po.not_matched", number=record.po_number or record.id)
    if not record.po_number:
        raise BusinessError("po.no_number", errors=[FieldError("po_number", "field.missing")])
    _serialise(ctx, record)
    twin = duplicate_of(ctx, record)
    if twin is not None and not params.accept_duplicate:
        raise Conflict("po.duplicate", extra={"customer_po_id": twin.id}, number=record.po_number)
    review(ctx, record)
    found: Sequence[dict[str, Any]] = record.differences or []
    blocking = [d for d in found if d["blocking"]]
    if blocking:
        words = " ".join(d["message"] for d in blocking)
        raise BusinessError("po.blocking_differences", extra={"differences": blocking}, words=words)
    if found and not params.accept_differences:
        raise BusinessError("po.differences", extra={"differences": list(found)}, count=len(found))
    record.accepted_differences = list(found)
    order = sales.open_from_po(ctx, record, reading_of(record), params.delivery_date)
    record.is_confirmed = True
    return {"sales_order_id": order.id, "number": order.number}


def _serialise(ctx: Context, record: CustomerPo) -> None:
    """Two confirmations for one customer wait for each other, so that neither a quote nor a number is used twice."""
    ctx.get(Customer, record.customer_id, lock=True)
    quote_id = record.quote_id
    taken = select(SalesOrder).where(SalesOrder.quote_id == quote_id, SalesOrder.status != "cancelled")
    order = ctx.session.scalars(taken.limit(1)).one_or_none()
    if order is not None:
        raise Conflict("po.quote_ordered", extra={"sales_order_id": order.id}, number=order.number)


def remind(ctx: Context) -> int:
    """Orders that wait longer than the limit are called again (ORD-45)."""
    limit = ctx.settings.integer("orders.to_check_days")
    query = select(CustomerPo).where(CustomerPo.status == "to_check", CustomerPo.archived_at.is_(None))
    count = 0
    for record in ctx.session.scalars(query):
        age = working_days(record.created_at.date(), ctx.now.date())
        if age > limit:
            text = f"Commande client sans affectation depuis {age} jours ouvrés : {record.po_number or record.file_name}"
            tasks.notify(ctx, "warning", "orders", text, record, role="sales", user_id=record.owner_user_id)
            count += 1
    return count
