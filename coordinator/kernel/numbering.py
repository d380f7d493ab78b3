"""Document numbers: chronological, unique, without gap (SET-42, ORD-30, ORD-54)."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert

from coordinator.kernel.context import Context
from coordinator.kernel.models import NumberSequence

FORMATS: dict[str, tuple[str, int]] = {
    "quote": ("DEV", 4),
    "sales_order": ("CMD", 4),
    "work_order": ("OF", 4),
    "delivery_note": ("BL", 4),
    "invoice": ("FAC", 5),
    "credit_note": ("AV", 5),
    "purchase_order": ("CDA", 4),
    "nonconformity": ("NC", 4),
    "machine_incident": ("INC", 4),
    "routing": ("GAM", 4),
    "customer": ("C", 4),
    "supplier": ("F", 4),
    "stock_lot": ("LOT", 5),
    "cutting_plan": ("DEB", 4),
    "tool_incident": ("CAS", 4),
}
"""Prefix and width by document type (Default)."""


def next_number(ctx: Context, document_type: str) -> str:
    """Take the next number of the year.

    The counter's row stays locked until the transaction ends: a rollback gives the number back, so none is ever
    consumed without its document.
    """
    prefix, width = FORMATS[document_type]
    period = f"{ctx.now.year:04d}"
    row = {"document_type": document_type, "prefix": prefix, "period": period, "width": width, "next_value": 2,
           "gap_free": True, "row_version": 1}  # fmt: skip
    statement = (
        insert(NumberSequence)
        .values(row)
        .on_conflict_do_update(
            index_elements=["document_type", "period"], set_={"next_value": NumberSequence.next_value + 1}
        )
        .returning(NumberSequence.next_value, NumberSequence.prefix, NumberSequence.width)
    )
    taken = ctx.session.execute(statement).one()
    return f"{taken.prefix}-{period}-{taken.next_value - 1:0{taken.width}d}"
