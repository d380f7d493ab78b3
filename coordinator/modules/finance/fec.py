"""Accountant's export: the 18 columns of the FEC (LPF art. A47 A-1) from the ledger (FIN-23)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import Invalid
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.modules.company import api as company
from coordinator.modules.finance.models import FinanceCategory, FinanceTransaction
from coordinator.modules.parties.models import Customer, Supplier

router = APIRouter(prefix="/finance", tags=["finance_transaction"])
EXPORT = Permission("finance", "export")
COLUMNS = (
    "JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum", "CompAuxLib",
    "PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet", "ValidDate", "Montantdevise",
    "Idevise",
)  # fmt: skip
_JOURNALS = {"VT": "Ventes", "AC": "Achats", "BQ": "Banque", "OD": "Opérations diverses"}
_ACCOUNTS = {
    "411": "Clients", "401": "Fournisseurs", "44571": "TVA collectée", "44566": "TVA déductible", "512": "Banque",
    "421": "Personnel, rémunérations dues", "447": "Autres impôts et taxes", "467": "Débiteurs et créditeurs divers",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A validated entry of the ledger with the account of its category and its third party."""

    number: int
    transaction_type: str
    is_receipt: bool
    day: dt.date
    validated_on: dt.date
    description: str
    reference: str
    amount: Decimal
    vat_amount: Decimal
    account: str
    account_label: str
    party_code: str = ""
    party_name: str = ""


def legs(entry: Entry) -> list[tuple[str, Decimal]]:
    """Accounts with their signed amounts, debit positive; they sum to zero."""
    net, vat = entry.amount, entry.vat_amount
    if entry.is_receipt:
        return [("512", net), ("411", -net)]
    if entry.transaction_type == "sale":
        return [("411", net + vat), (entry.account, -net), ("44571", -vat)]
    against = {"salary": "421", "tax": "447", "other": "467"}.get(entry.transaction_type, "401")
    return [(entry.account, net), ("44566", vat), (against, -net - vat)]


def journal_of(entry: Entry) -> str:
    """Code of the journal."""
    if entry.is_receipt:
        return "BQ"
    return {"sale": "VT", "purchase": "AC", "service": "AC"}.get(entry.transaction_type, "OD")


def lines(entries: Iterable[Entry]) -> list[str]:
    """Lines of the file, header first, separated by tabs."""
    found = ["\t".join(COLUMNS)]
    for entry in entries:
        journal = journal_of(entry)
        for account, amount in legs(entry):
            if not amount:
                continue
            is_third = account in {"411", "401"}
            values = (
                journal, _JOURNALS[journal], f"{journal}{entry.number:08d}", f"{entry.day:%Y%m%d}", account,
                _ACCOUNTS.get(account, entry.account_label), entry.party_code if is_third else "",
                entry.party_name if is_third else "", entry.reference or f"{journal}{entry.number:08d}",
                f"{entry.day:%Y%m%d}", entry.description, _money(max(amount, Decimal(0))),
                _money(max(-amount, Decimal(0))), "", "", f"{entry.validated_on:%Y%m%d}", "", "",
            )  # fmt: skip
            found.append("\t".join(value.replace("\t", " ").replace("\n", " ") for value in values))
    return found


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}".replace(".", ",")


def entries(ctx: Context, first: dt.date, last: dt.date) -> list[Entry]:
    """Validated entries of a range of days, in the order in which they were written."""
    query = (
        select(FinanceTransaction, FinanceCategory, Customer, Supplier)
        .outerjoin(FinanceCategory, FinanceCategory.id == FinanceTransaction.category_id)
        .outerjoin(Customer, Customer.id == FinanceTransaction.customer_id)
        .outerjoin(Supplier, Supplier.id == FinanceTransaction.supplier_id)
        .where(
            FinanceTransaction.status == "validated",
            FinanceTransaction.transaction_date.between(first, last),
        )
    )
    found = []
    rows = ctx.session.execute(query.order_by(FinanceTransaction.transaction_date, FinanceTransaction.id))
    for row, category, customer, supplier in rows:
        party = customer if customer is not None else supplier
        found.append(
            Entry(
                row.id, row.transaction_type, row.payment_id is not None, row.transaction_date, row.updated_at.date(),
                row.description, row.external_invoice_ref or "", row.amount, row.vat_amount or Decimal(0),
                category.account if category is not None and category.account else "471",
                category.label if category is not None else "Compte d'attente",
                (party.code or "") if party is not None else "", party.name if party is not None else "",
            )
        )  # fmt: skip
    return found


@router.get("/fec", operation_id="finance_fec", openapi_extra=guarded(EXPORT), response_class=Response)
def download(
    ctx: Ctx, first_day: Annotated[dt.date, Query()], last_day: Annotated[dt.date, Query()]
) -> Response:
    """The file of a range of days, named ``SIRENFECYYYYMMDD.txt``; the export is logged (FIN-46)."""
    ctx.require(EXPORT)
    if last_day < first_day:
        raise Invalid("finance.range")
    content = "\r\n".join(lines(entries(ctx, first_day, last_day))) + "\r\n"
    siren = company.profile(ctx).siren or "000000000"
    ctx.note("export", None, details=f"FEC {first_day} {last_day}")
    headers = {"Content-Disposition": f'attachment; filename="{siren}FEC{last_day:%Y%m%d}.txt"'}
    return Response(content.encode(), media_type="text/plain; charset=utf-8", headers=headers)
