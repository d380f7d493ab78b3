"""The paper invoice, deposit invoice and credit note."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from coordinator.kernel.papers import render
from coordinator.modules.invoicing.invoice_data import (
    InvoiceData,
    InvoiceKind,
    OperationNature,
    prepaid_of,
    totals_of,
)
from coordinator.modules.invoicing.papers.data import InvoicePaper, PaperDeposit, PaperLine

__all__ = ["InvoicePaper", "paper_of", "render_invoice"]

_TITLE = {
    InvoiceKind.INVOICE: "FACTURE",
    InvoiceKind.DEPOSIT: "FACTURE D'ACOMPTE",
    InvoiceKind.CREDIT_NOTE: "AVOIR",
}
_NATURE = {
    OperationNature.GOODS: "Livraison de biens",
    OperationNature.SERVICES: "Prestation de services",
    OperationNature.BOTH: "Livraison de biens et prestation de services",
}


def paper_of(data: InvoiceData) -> InvoicePaper:
    """What is printed for an invoice."""
    totals = totals_of(data)
    terms = [f"Pénalités de retard : {data.late_rate}", data.recovery_indemnity, data.early_discount]
    if data.vat_on_debits:
        terms.append("Option pour le paiement de la taxe d'après les débits")
    original = f"{data.original.number} du {data.original.issued_on:%d/%m/%Y}" if data.original else ""
    return InvoicePaper(
        title=_TITLE[data.kind],
        company=data.seller,
        customer=data.buyer,
        number=data.number,
        issued_on=data.issued_on,
        due_on=data.due_on,
        delivered_on=data.delivered_on,
        lines=[
            PaperLine(
                line.position,
                line.designation,
                line.quantity,
                line.unit,
                line.unit_price,
                line.discount_pct,
                line.vat_rate_pct,
                line.net,
                line.part_number,
                line.description,
                line.discount_amount,
            )
            for line in data.lines
        ],
        totals=totals,
        deposits=[PaperDeposit(d.number, d.issued_on, d.amount) for d in data.deposits],
        due=totals.incl - prepaid_of(data),
        payment_terms=data.payment_terms,
        terms=terms,
        nature=_NATURE[data.nature],
        original=original,
        billing_address=data.billing_address,
        delivery_address=data.delivery_address,
        customer_order_number=data.customer_order_number,
        order_numbers=", ".join(data.order_numbers),
        delivery_note_numbers=", ".join(data.delivery_note_numbers),
        notes=data.notes,
    )


def render_invoice(data: InvoiceData, *, assets: Mapping[str, bytes] | None = None) -> bytes:
    """PDF/A-3b of the invoice without embedded XML (see `facturx.issue` for the legal one)."""
    return render(Path(__file__).parent / "invoice.typ", paper_of(data), pdf_standard="a-3b", assets=assets)
