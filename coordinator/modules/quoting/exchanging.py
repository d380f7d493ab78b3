"""Quotes out to another quoting tool and back, as CSV or JSON (QUO-43)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.enumerations import ENUMERATIONS
from coordinator.kernel.errors import BusinessError, FieldError
from coordinator.kernel.i18n import t
from coordinator.modules.catalogue import api as catalogue
from coordinator.modules.catalogue.models import Material
from coordinator.modules.machines.models import Machine
from coordinator.modules.quoting import document, queries, rules, service
from coordinator.modules.quoting.engine import exchange
from coordinator.modules.quoting.engine.discounts import Discount
from coordinator.modules.quoting.engine.part import ManualOperation
from coordinator.modules.quoting.engine.values import QuotingError, euros
from coordinator.modules.quoting.models import Quote, QuoteLine, QuoteLineOperation
from coordinator.modules.quoting.parts import machine_codes, operations_of

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def export(ctx: Context, quote: Quote, format_: str) -> bytes:
    """Lines and operations of the quote; prices and material costs only for who may see them. Noted in the history."""
    published = {
        "lines": [_line(ctx, line) for line in queries.lines_of(ctx, quote.id)],
        "discount": _discount(ctx, quote),
    }
    ctx.note("export", quote, details=format_)
    if format_ == "json":
        return exchange.to_json(published).encode()
    return exchange.to_csv(published).encode("utf-8-sig")


def _line(ctx: Context, line: QuoteLine) -> dict[str, Any]:
    sees = ctx.principal.sees
    number, _ = document.drawing_of(ctx, line.part_revision_id)
    material = ctx.session.get(Material, line.material_id) if line.material_id else None
    price = line.unit_price_excl_tax if sees("prices") else None
    cost = line.manual_material_cost
    if cost is None and (computed := (line.blank or {}).get("cost")) is not None:
        cost = Decimal(str(computed))
    codes = machine_codes(ctx)
    return {
        "drawing_number": number,
        "part_name": line.description or "",
        "material": material.code if material else "",
        "quantity": int(line.quantity),
        "unit_price": None if price is None else float(price),
        "discount": _discount(ctx, line),
        "blank": {"cost": float(cost) if cost is not None and sees("costs_margins") else None},
        "operations": [_operation(row, codes) for row in operations_of(ctx, line.id)],
    }


def _discount(ctx: Context, record: Quote | QuoteLine) -> dict[str, float | None] | None:
    """Percentage or amount given on a line or on the whole; a price, shown to whoever sees prices."""
    if not ctx.principal.sees("prices"):
        return None
    pct, amount = record.discount_pct, record.discount_amount
    return {"pct": None if pct is None else float(pct), "amount": None if amount is None else float(amount)}


def _operation(row: QuoteLineOperation, codes: dict[int, str]) -> dict[str, Any]:
    return {
        "sequence_no": row.sequence_no,
        "operation_type": row.operation_type,
        "label": row.operation_label,
        "machine": codes.get(row.machine_id) if row.machine_id else None,
        "tool": row.tool_text,
        "run_min": float(row.run_min),
        "loading_min": float(row.loading_min or 0),
        "setup_min": float(row.setup_min),
    }


def bring_in(
    ctx: Context, quote: Quote, file_name: str, content: bytes, *, take_prices: bool
) -> dict[str, Any]:
    """Lines of another tool as manual lines of this quote, all or none. Its prices and discounts are taken only if asked for.

    ``warnings`` tells what of the file was left aside, in French.

    Raises:
        BusinessError: ``quote.import_invalid`` with line and column of the file in its words.
    """
    rules.check_editable(quote)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    try:
        is_json = file_name.lower().endswith(".json") or text.lstrip()[:1] in ("{", "[")
        found = exchange.from_json(text) if is_json else exchange.from_csv(text)
        whole = exchange.quote_discount(found)
    except QuotingError as error:
        raise _refusal(error.message) from error
    was_empty = not queries.lines_of(ctx, quote.id)
    machines = dict(ctx.session.execute(select(Machine.code, Machine.id)).tuples().all())
    ids = [_add(ctx, quote, line, machines, take_prices=take_prices) for line in found]
    if not ids:
        raise _refusal("Le fichier ne contient aucune ligne.")
    given = any(line.discount for line in found) or bool(whole)
    warnings = [t("quote.import_no_discount", ctx.locale)] if given and not take_prices else []
    if whole and take_prices:
        warnings += _take_whole(ctx, quote, whole, was_empty=was_empty)
    return {"quote_line_ids": ids, "warnings": warnings}


def _take_whole(ctx: Context, quote: Quote, whole: Discount, *, was_empty: bool) -> list[str]:
    """The file's discount on the whole becomes the quote's where nothing else would be lowered by it."""
    own = Discount(quote.discount_pct, quote.discount_amount)
    if own == whole:
        return []
    if own or not was_empty:
        told = whole.words() or euros(whole.amount or 0)
        return [t("quote.import_whole_discount", ctx.locale, discount=told)]
    quote.discount_pct, quote.discount_amount = whole.pct, whole.amount
    ctx.session.flush()
    return []


def _add(
    ctx: Context, quote: Quote, found: exchange.ImportedLine, machines: dict[str, int], *, take_prices: bool
) -> int:
    material = catalogue.find_material(ctx, found.material) if found.material else None
    if found.material and material is None:
        raise _refusal(f"Matière inconnue : « {found.material} ».")
    cost = found.manual.material_cost_per_piece
    line = QuoteLine(
        quote_id=quote.id,
        method="manual",
        description=(" · ".join(t for t in (found.drawing_number, found.part_name) if t) or "Ligne importée")[
            :200
        ],
        material_id=material.id if material else None,
        quantity=Decimal(found.quantity),
        manual_material_cost=None if cost is None else Decimal(cost),
    )
    if take_prices:
        line.discount_pct, line.discount_amount = found.discount.pct, found.discount.amount
    if take_prices and found.unit_price is not None:
        line.manual_unit_price = Decimal(str(found.unit_price))
    service.on_create_line(ctx, line)
    ctx.add(line)
    for number, operation in enumerate(found.manual.operations, start=1):
        row = _row(line.id, number * 10, operation, machines)
        service.on_create_operation(ctx, row)
        ctx.add(row)
    return line.id


def _row(
    line_id: int, number: int, operation: ManualOperation, machines: dict[str, int]
) -> QuoteLineOperation:
    if operation.operation_type not in ENUMERATIONS["operation_type"]:
        raise _refusal(f"Type d'opération inconnu : « {operation.operation_type} ».")
    if operation.machine and operation.machine not in machines:
        raise _refusal(f"Machine inconnue : « {operation.machine} ».")
    return QuoteLineOperation(
        quote_line_id=line_id,
        sequence_no=number,
        operation_type=operation.operation_type,
        operation_label=(operation.label or operation.operation_type)[:300],
        machine_id=machines[operation.machine] if operation.machine else None,
        tool_text=(operation.tool or "")[:200] or None,
        run_min=Decimal(str(operation.run_min)),
        setup_min=Decimal(str(operation.setup_min)),
    )


def _refusal(reason: str) -> BusinessError:
    error = FieldError("file", "quote.import_invalid", {"reason": reason})
    return BusinessError("quote.import_invalid", errors=[error], reason=reason)
