"""Orders: opened from a purchase order or by force, validated, changed, cancelled, acknowledged (ORD-05…10, ORD-16)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import func, inspect, select

from coordinator.kernel import qr, tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.kernel.i18n import t
from coordinator.kernel.lifecycle import legal_moves, move
from coordinator.kernel.numbering import next_number
from coordinator.kernel.registry import Permission
from coordinator.modules.catalogue.models import Part, PartRevision
from coordinator.modules.documents import api as documents
from coordinator.modules.documents.models import Document, DocumentVersion
from coordinator.modules.execution import api as execution
from coordinator.modules.identity import api as identity
from coordinator.modules.orders import offers, prices
from coordinator.modules.orders.models import CustomerPo, SalesOrder, SalesOrderLine
from coordinator.modules.orders.papers import AcknowledgedLine, OrderAcknowledgement, render_acknowledgement
from coordinator.modules.orders.po_matching import goods, own_discount, pair
from coordinator.modules.orders.po_reading import PoLine, PoReading
from coordinator.modules.orders.priorities import ORDER, priority_of, working_days
from coordinator.modules.parties import api as parties
from coordinator.modules.quoting import api as quoting
from coordinator.modules.quoting.defaults import engine_settings
from coordinator.modules.quoting.models import QuoteScenario
from coordinator.modules.quoting.rules import PricedLine, below_minimum, named

DEFENCE = ("aerospace", "military", "armament")
_APART = ("one_off_excl_tax", "discount_excl_tax")
OPEN = ("pending", "validated", "in_production")
SEVERITY = ("standard", "sensitive", "critical", *DEFENCE)


class ForcedParams(BaseModel):
    """An order without the customer's purchase order (ORD-05)."""

    quote_id: int = Field(ge=1)
    forced_reason: str = Field(min_length=5, max_length=300)
    delivery_date: dt.date | None = None


class ReasonParams(BaseModel):
    """Why."""

    reason: str = Field(min_length=2, max_length=300)


def open_from_po(ctx: Context, po: CustomerPo, reading: PoReading, delivery: dt.date | None) -> SalesOrder:
    """Open and validate the order of a confirmed purchase order; the customer's accepted figures hold.

    Raises:
        Forbidden, BusinessError, Conflict: customer on hold, price under the minimum, quote not to be accepted.
    """
    quote = quoting.quote(ctx, po.quote_id or 0)
    order = _open(ctx, quote, delivery)
    order.customer_po_id = po.id
    if po.delivery_date_requested is not None:
        order.delivery_date_requested = po.delivery_date_requested
    offer = offers.offer_of(ctx, quote)
    ordered = {
        offered.line_id: line
        for line, offered in pair(goods(reading, offer), offer.lines)
        if line is not None and offered is not None
    }
    given = reading if own_discount(reading, offer) else None
    _add_lines(ctx, order, quote, ordered, is_typed=not reading.lines, discounted=given)
    quoting.accept(ctx, quote)
    if po.document_id is not None:
        documents.link(ctx, po.document_id, order)
    file_acknowledgement(ctx, order, deviations=[d["message"] for d in po.accepted_differences or []])
    if order.criticality in DEFENCE:
        text = f"Commande {order.number} à signer avant validation"
        tasks.open_task(ctx, "order_signature", text, order, role="management")
    else:
        move(ctx, order, "validate")
    return order


def open_forced(ctx: Context, params: ForcedParams) -> dict[str, Any]:
    """Open an order from a sent quote without purchase order; it stays pending until a person validates it.

    Raises:
        BusinessError: ``order.forced_defence`` for aerospace or military lines.
    """
    quote = quoting.quote(ctx, params.quote_id)
    lines = quoting.lines_of(ctx, quote.id)
    if any(line.criticality in DEFENCE for line in lines):
        raise BusinessError("order.forced_defence", number=quote.number)
    taken = select(SalesOrder.number).where(SalesOrder.quote_id == quote.id, SalesOrder.status != "cancelled")
    number = ctx.session.scalar(taken.limit(1))
    if number is not None:
        raise Conflict("po.quote_ordered", number=number)
    quoting.accept(ctx, quote)
    order = _open(ctx, quote, params.delivery_date)
    order.is_forced = True
    order.forced_reason = params.forced_reason
    _add_lines(ctx, order, quote, {}, is_typed=True)
    ctx.note("open_forced", order, details=params.forced_reason, critical=True)
    tasks.notify(
        ctx,
        "warning",
        "orders",
        f"Commande {order.number} ouverte sans bon de commande",
        order,
        role="management",
    )
    return {"sales_order_id": order.id, "number": order.number}


def _open(ctx: Context, quote: quoting.Quote, delivery: dt.date | None) -> SalesOrder:
    customer = parties.customer(ctx, quote.customer_id)
    if parties.order_needs_manager(customer):
        ctx.require(Permission("crm", "validate"))
    if delivery is not None and delivery < ctx.now.date():
        raise BusinessError("order.date_past", errors=[FieldError("delivery_date", "order.date_past")])
    lines = quoting.lines_of(ctx, quote.id)
    order = SalesOrder(
        number=next_number(ctx, "sales_order"),
        customer_id=quote.customer_id,
        quote_id=quote.id,
        quote_scenario_id=quote.selected_scenario_id,
        order_date=ctx.now.date(),
        delivery_date_requested=quote.delivery_date_requested,
        delivery_date_confirmed=delivery or _promised(ctx, quote),
        criticality=max((line.criticality for line in lines), key=SEVERITY.index, default="standard"),
        owner_user_id=ctx.principal.user_id,
    )
    ctx.add(order)
    qr.code_of(ctx, order)
    return order


def _promised(ctx: Context, quote: quoting.Quote) -> dt.date | None:
    """The scenario's date; when the order comes late, its lead time counts from today."""
    scenario = (
        ctx.session.get(QuoteScenario, quote.selected_scenario_id) if quote.selected_scenario_id else None
    )
    if scenario is None or scenario.delivery_date is None:
        return quote.delivery_date_requested
    waited = (ctx.now.date() - (quote.computed_at or ctx.now).date()).days
    return scenario.delivery_date + dt.timedelta(days=max(waited, 0))


def _add_lines(
    ctx: Context,
    order: SalesOrder,
    quote: quoting.Quote,
    ordered: dict[int, PoLine],
    *,
    is_typed: bool,
    discounted: PoReading | None = None,
) -> None:
    """Lines of the order: quantity and price as ordered, the quote's where nothing was read (``is_typed``).

    ``discounted``: the customer's paper whose own discounts, told and accepted, stand in the place of the quote's.
    """
    vat = quoting.vat_pct(ctx, order.customer_id)
    rows = quoting.scenario_lines(ctx, quote.selected_scenario_id) if quote.selected_scenario_id else {}
    taken: list[tuple[quoting.QuoteLine, PricedLine, PoLine | None]] = []
    for line in quoting.lines_of(ctx, quote.id):
        wanted = ordered.get(line.id)
        if wanted is None and not is_typed:
            continue
        if line.unit_price_excl_tax is None and (wanted is None or wanted.unit_price is None):
            raise BusinessError("order.unpriced", line=line.line_no)
        agreed = offers.agreed(
            quoting.priced(line, rows.get(line.id)), wanted, quoting.priced_breaks(ctx, quote, line)
        )
        taken.append((line, agreed, wanted))
    priced = [agreed for _, agreed, _ in taken]
    if discounted is not None:
        priced = offers.as_discounted(discounted, [(agreed, wanted) for _, agreed, wanted in taken])
    for (line, _, _), agreed in zip(taken, priced, strict=True):
        assert agreed.unit_price is not None  # noqa: S101 — looked at above
        row = SalesOrderLine(
            sales_order_id=order.id,
            line_no=line.line_no,
            quote_line_id=line.id,
            part_revision_id=line.part_revision_id or _new_part(ctx, order, quote, line).id,
            quantity=agreed.quantity,
            unit_price_excl_tax=agreed.unit_price,
            one_off_excl_tax=agreed.one_off_price or None,
            discount_excl_tax=agreed.discount or None,
            vat_pct=vat,
            due_date=order.delivery_date_confirmed,
            certificate_required=line.certificate_required,
        )
        qr.code_of(ctx, ctx.add(row))
    if not priced:
        raise BusinessError("order.no_line", number=order.number)
    low = below_minimum(priced, engine_settings(ctx).costs)
    if low:
        raise BusinessError("order.below_minimum_margin", extra={"lines": low}, lines=named(low))
    refresh_total(ctx, order)
    order.supplement_excl_tax = _supplement(ctx, order)
    refresh_total(ctx, order)


def _supplement(ctx: Context, order: SalesOrder) -> Decimal | None:
    """What the ordered lines lack to the minimum the quote was raised to; fewer pieces than quoted lack more."""
    scenario = ctx.session.get(QuoteScenario, order.quote_scenario_id) if order.quote_scenario_id else None
    if scenario is None or scenario.price_excl_tax is None or quoting.supplement(scenario) <= 0:
        return None
    return max(scenario.price_excl_tax - (order.total_excl_tax or Decimal(0)), Decimal(0)) or None


def _new_part(ctx: Context, order: SalesOrder, quote: quoting.Quote, line: quoting.QuoteLine) -> PartRevision:
    """A part quoted by hand without drawing gets a part of its own, numbered after its quote."""
    number = f"{quote.number}-{line.line_no}"
    part = ctx.add(
        Part(customer_id=order.customer_id, name=line.description or number, drawing_number=number)
    )
    revision = ctx.add(
        PartRevision(
            part_id=part.id, revision="-", material_id=line.material_id, criticality=line.criticality
        )
    )
    line.part_revision_id = revision.id
    return revision


def lines_of(ctx: Context, order_id: int) -> list[SalesOrderLine]:
    """Lines of an order by number."""
    query = select(SalesOrderLine).where(
        SalesOrderLine.sales_order_id == order_id, SalesOrderLine.archived_at.is_(None)
    )
    return list(ctx.session.scalars(query.order_by(SalesOrderLine.line_no)))


def refresh_total(ctx: Context, order: SalesOrder) -> None:
    """Total excl. VAT from the lines, each rounded to the cent, and the supplement to the minimum order."""
    amounts = (prices.net(row) for row in lines_of(ctx, order.id))
    order.total_excl_tax = sum(amounts, order.supplement_excl_tax or Decimal(0))


def validate(ctx: Context, order: SalesOrder, _params: Any) -> None:
    """Checks before production starts; a defence order goes neither without purchase order (ORD-05) nor unsigned (ORD-04)."""
    if order.customer_po_id is None and order.criticality in DEFENCE:
        raise BusinessError("order.forced_defence", number=order.number)
    if not lines_of(ctx, order.id):
        raise BusinessError("order.no_line", number=order.number)
    if order.criticality in DEFENCE:
        identity.require_signature(ctx, order)


def signed_content(ctx: Context, order: SalesOrder) -> dict[str, Any]:
    """What whoever validates a defence order signs: the customer's order and every line of it (ORD-04)."""
    return {
        "number": order.number,
        "customer": parties.customer(ctx, order.customer_id).name,
        "customer_po_id": order.customer_po_id,
        "criticality": order.criticality,
        "total_excl_tax": order.total_excl_tax,
        "lines": [
            {
                "line_no": line.line_no,
                "part_revision_id": line.part_revision_id,
                "quantity": line.quantity,
                "unit_price_excl_tax": line.unit_price_excl_tax,
                **{name: value for name in _APART if (value := getattr(line, name))},
                "due_date": line.due_date,
                "certificate_required": line.certificate_required,
            }
            for line in lines_of(ctx, order.id)
        ],
    }


def cancel(ctx: Context, order: SalesOrder, params: ReasonParams) -> None:
    """Stop an order: its work orders that may still stop are cancelled, the others are told (ORD-16)."""
    order.change_reason = params.reason
    for line in lines_of(ctx, order.id):
        for work in execution.work_orders_of_line(ctx, line.id):
            spec = ctx.registry.entities["work_order"]
            if "cancel" in legal_moves(spec, work):
                move(ctx, work, "cancel", params)
            elif work.status not in {"done", "cancelled"}:
                text = f"Commande {order.number} annulée : décider de l'OF {work.number} en cours"
                tasks.open_task(ctx, "order_cancelled", text, work, role="production_manager")


def step_back(ctx: Context, order: SalesOrder, params: ReasonParams) -> None:  # noqa: ARG001 — signature of an effect
    """Going back needs a reason (ORD-09)."""
    order.change_reason = params.reason


def on_update(ctx: Context, order: SalesOrder) -> None:
    """Dates and priority are told to the planning; a closed order does not change.

    Raises:
        Conflict: ``order.closed``.
    """
    state = inspect(order)
    changed = {a.key for a in state.mapper.column_attrs if state.attrs[a.key].history.has_changes()}
    if order.status not in OPEN and changed - {"notes", "owner_user_id"}:
        raise Conflict("order.closed", number=order.number)
    if changed & {"delivery_date_requested", "priority"} and order.status != "pending":
        ctx.emit("sales_order.changed", {"id": order.id, "fields": sorted(changed)})


def on_update_line(ctx: Context, line: SalesOrderLine) -> None:
    """Lines change only before validation (ORD-16 afterwards)."""
    with ctx.session.no_autoflush:
        order = ctx.get(SalesOrder, line.sales_order_id, lock=True)
    if order.status != "pending":
        raise Conflict("order.line_locked", number=order.number)
    if line.quantity <= 0:
        raise BusinessError("order.quantity", errors=[FieldError("quantity", "order.quantity")])
    if line.unit_price_excl_tax < 0:
        raise BusinessError("order.price", errors=[FieldError("unit_price_excl_tax", "order.price")])
    _keep_discount(line)
    if not 0 <= (line.discount_excl_tax or 0) <= prices.gross(line):
        raise BusinessError("order.discount", errors=[FieldError("discount_excl_tax", "order.discount")])
    refresh_total(ctx, order)


def _keep_discount(line: SalesOrderLine) -> None:
    """Another quantity or price keeps the share of the discount, unless that was typed too."""
    attrs = inspect(line).attrs
    if line.discount_excl_tax is None or attrs.discount_excl_tax.history.has_changes():
        return
    before = {
        n: (attrs[n].history.deleted or [getattr(line, n)])[0] for n in ("quantity", "unit_price_excl_tax")
    }
    old = prices.cents(before["quantity"] * before["unit_price_excl_tax"]) + (line.one_off_excl_tax or 0)
    line.discount_excl_tax = prices.scaled(line.discount_excl_tax, old, prices.gross(line))


def file_acknowledgement(
    ctx: Context, order: SalesOrder, deviations: list[str] | None = None
) -> DocumentVersion:
    """Render and file the acknowledgement; a change gives a new version of the same document (ORD-06)."""
    earlier = (
        ctx.session.get(DocumentVersion, order.document_version_id) if order.document_version_id else None
    )
    version_no = earlier.version_no + 1 if earlier else 1
    content = render_acknowledgement(acknowledgement(ctx, order, str(version_no), deviations or []))
    version = documents.file_document(
        ctx,
        "commercial",
        f"Accusé de réception de commande {order.number}",
        content,
        "application/pdf",
        (order,),
        file_name=f"AR-{order.number}.pdf",
        document=ctx.get(Document, earlier.document_id) if earlier else None,
        document_type="order_acknowledgement",
        issued_on=ctx.now.date(),
    )
    order.document_version_id = version.id
    return version


def acknowledge(ctx: Context, order: SalesOrder, _params: Any) -> dict[str, Any]:
    """Make the acknowledgement again, after a change."""
    return {"document_version_id": file_acknowledgement(ctx, order).id}


def acknowledgement(
    ctx: Context, order: SalesOrder, version: str, deviations: list[str]
) -> OrderAcknowledgement:
    """Data of the paper."""
    rows, amounts = [], []
    for line in lines_of(ctx, order.id):
        revision = ctx.get(PartRevision, line.part_revision_id)
        part = ctx.get(Part, revision.part_id)
        total = prices.net(line)
        amounts.append((total, line.vat_pct))
        rows.append(
            AcknowledgedLine(
                line.line_no, part.name, line.quantity, line.unit_price_excl_tax, total, line.due_date,
                part.drawing_number, revision.revision, one_off=line.one_off_excl_tax or Decimal(0),
                discount=line.discount_excl_tax or Decimal(0),
            )
        )  # fmt: skip
    if order.supplement_excl_tax:
        extra = order.supplement_excl_tax
        amounts.append((extra, amounts[0][1]))
        title = t("orders.supplement", "fr")
        rows.append(AcknowledgedLine(len(rows) + 1, title, Decimal(1), extra, extra, None, unit="forfait"))
    po = ctx.session.get(CustomerPo, order.customer_po_id) if order.customer_po_id else None
    quote = quoting.quote(ctx, order.quote_id) if order.quote_id else None
    certified = any(line.certificate_required for line in lines_of(ctx, order.id))
    return OrderAcknowledgement(
        company=quoting.seller(ctx),
        customer=quoting.party(ctx, order.customer_id, quote.contact_id if quote else None),
        number=order.number,
        version=version,
        issued_on=ctx.now.date(),
        customer_order_number=(po.po_number or "") if po else "",
        lines=rows,
        totals=quoting.totals(ctx, order.customer_id, amounts),
        payment_terms=quoting.payment_terms(ctx, order.customer_id),
        customer_order_date=po.po_date if po else None,
        quote_number=quote.number if quote else "",
        delivery_address=quoting.postal_address(ctx, order.customer_id, "delivery"),
        incoterm=(quote.incoterm or "") if quote else "",
        deviations=deviations,
        certificates=["Certificat matière EN 10204 3.1"] if certified else [],
        late_rate=ctx.settings.get("quoting.late_rate"),
        general_conditions=ctx.settings.get("quoting.general_conditions"),
        qr=qr.code_of(ctx, order),
    )


def refresh_priorities(ctx: Context) -> int:
    """Label every open order by its dates and forecast; answers how many changed (PLN-04, ORD-10)."""
    count = 0
    slack = ctx.settings.integer("orders.urgent_slack_days")
    query = select(SalesOrder).where(SalesOrder.status.in_(OPEN), SalesOrder.archived_at.is_(None))
    for order in ctx.session.scalars(query):
        due = order.delivery_date_confirmed or order.delivery_date_requested
        wanted = priority_of(
            order.priority, due, forecast_end(ctx, order), ctx.now.date(), min_slack_days=slack
        )
        if wanted != order.priority:
            is_worse = ORDER.index(wanted) > ORDER.index(order.priority)
            order.priority = wanted
            ctx.emit("sales_order.changed", {"id": order.id, "fields": ["priority"]})
            if is_worse:
                text = f"Commande {order.number} : délai menacé ou dépassé"
                tasks.notify(
                    ctx,
                    "alarm" if wanted == "overdue_urgent" else "warning",
                    "orders",
                    text,
                    order,
                    role="planning",
                )
            count += 1
    return count


def forecast_end(ctx: Context, order: SalesOrder) -> dt.date | None:
    """Last planned day of the order's work; ``None`` where nothing is planned."""
    slot_spec = ctx.registry.entities.get("machine_slot")
    if slot_spec is None:
        return None
    slot: Any = slot_spec.model
    works = [w.id for line in lines_of(ctx, order.id) for w in execution.work_orders_of_line(ctx, line.id)]
    operation = execution.WorkOrderOperation
    query = (
        select(func.max(slot.end_at))
        .join(operation, operation.id == slot.work_order_operation_id)
        .where(operation.work_order_id.in_(works), slot.status.in_(("planned", "in_progress")))
    )
    end = ctx.session.scalar(query) if works else None
    return end.date() if end is not None else None


def remind_forced(ctx: Context) -> int:
    """Orders without purchase order are called every few working days (ORD-05)."""
    every = ctx.settings.integer("orders.forced_reminder_days")
    query = select(SalesOrder).where(
        SalesOrder.is_forced, SalesOrder.customer_po_id.is_(None), SalesOrder.status.in_((*OPEN, "delivered"))
    )
    count = 0
    for order in ctx.session.scalars(query):
        age = working_days(order.order_date, ctx.now.date())
        if age and age % every == 0:
            text = f"Bon de commande manquant depuis {age} jours ouvrés : {order.number}"
            tasks.notify(ctx, "warning", "orders", text, order, role="sales", user_id=order.owner_user_id)
            count += 1
    return count
