"""A new version of a sent quote: everything a person typed goes over, the rest is computed again (QUO-03)."""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeVar

from coordinator.kernel.context import Context
from coordinator.kernel.db import Record
from coordinator.kernel.errors import Conflict
from coordinator.kernel.schema import field_columns
from coordinator.modules.quoting import queries
from coordinator.modules.quoting.defaults import VALIDITY_DAYS
from coordinator.modules.quoting.models import Quote, QuoteLine, QuotePriceBreak
from coordinator.modules.quoting.parts import operations_of
from coordinator.modules.quoting.rules import version_number

REVISABLE = ("sent", "refused", "expired")
_HEADER = (
    "customer_id", "contact_id", "customer_reference", "method", "delivery_date_requested", "margin_target_pct",
    "discount_pct", "discount_amount", "discount_reason", "incoterm", "exclusions", "notes",
)  # fmt: skip
T = TypeVar("T", bound=Record)


def revise(ctx: Context, quote: Quote, _params: Any = None) -> dict[str, Any]:
    """Open the next version as a draft; this one stays as it was sent.

    Raises:
        Conflict: ``quote.not_revisable`` before sending, ``quote.replaced`` when the next version exists.
    """
    if quote.status not in REVISABLE:
        raise Conflict("quote.not_revisable", number=quote.number)
    newer = queries.successor(ctx, quote)
    if newer is not None:
        raise Conflict(
            "quote.replaced", extra={"current_id": newer.id}, number=quote.number, current=newer.number
        )
    version_no = quote.version_no + 1
    copy = Quote(**{name: getattr(quote, name) for name in _HEADER})
    copy.number = version_number(quote.number, version_no)
    copy.version_no = version_no
    copy.previous_version_id = quote.id
    copy.quote_date = ctx.now.date()
    copy.valid_until = copy.quote_date + dt.timedelta(days=ctx.settings.integer(VALIDITY_DAYS))
    ctx.add(copy)
    for line in queries.lines_of(ctx, quote.id):
        _copy_line(ctx, line, copy)
    return {"quote_id": copy.id, "number": copy.number}


def _copy_line(ctx: Context, line: QuoteLine, quote: Quote) -> None:
    twin = ctx.add(_copy(line, quote_id=quote.id, line_no=line.line_no, solid_no=line.solid_no))
    for row in queries.price_breaks_of(ctx, line.id):
        ctx.add(QuotePriceBreak(quote_line_id=twin.id, quantity=row.quantity))
    for operation in operations_of(ctx, line.id):
        if operation.is_manual:
            values = {"is_manual": True, "sources": operation.sources, "phase_no": operation.phase_no}
            ctx.add(_copy(operation, quote_line_id=twin.id, **values))


def _copy(record: T, **changes: Any) -> T:
    """Same typed values; what rules wrote stays behind."""
    columns = field_columns(type(record))
    kept = {n: getattr(record, n) for n, c in columns.items() if not c.info["field"].read_only}
    return type(record)(**{**kept, **changes})
