"""Goods received by the label their supplier put on them (CRM-38, STK-25, TRC-13).

A label proposes; a person confirms. What identifies the package is kept with the receipt, so that one label scanned
twice does not receive twice, and a supplier's reference tied to an article once is known from then on.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, or_, select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.kernel.i18n import t
from coordinator.modules.catalogue.api import StockItem, SupplierItem
from coordinator.modules.parties.api import Supplier
from coordinator.modules.purchasing.labels import LabelError, SupplierLabel, read
from coordinator.modules.purchasing.labels.content import converted
from coordinator.modules.purchasing.models import (
    GoodsReceipt,
    GoodsReceiptLine,
    PurchaseOrder,
    PurchaseOrderLine,
)

CHOICES = 20
MOST_CODES = 12
OPEN = ("sent", "partly_received")


class LabelParams(BaseModel):
    """Raw contents of the codes of one label, control characters included."""

    model_config = ConfigDict(extra="forbid")

    contents: list[str] = Field(min_length=1, max_length=MOST_CODES)
    purchase_order_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    line: PurchaseOrderLine
    order: PurchaseOrder
    supplier: Supplier
    item: StockItem | None

    @property
    def remaining(self) -> Decimal:
        return max(self.line.quantity - self.line.received_qty, Decimal(0))


def contents_of(label: str | list[str] | None) -> list[str]:
    """Contents of the codes: as scanned one by one, or typed by a reader into one field, one code per line."""
    codes = label.split("\n") if isinstance(label, str) else label or []
    return [code for code in codes if code.strip()][:MOST_CODES]


def understood(ctx: Context, contents: list[str]) -> SupplierLabel:
    """The label, or a refusal in words.

    Raises:
        BusinessError: ``label.…``
    """
    try:
        return read(contents, ctx.now.date())
    except LabelError as error:
        shown: dict[str, Any] = dict(error.params)
        raise BusinessError(error.code, **shown) from error


def key_of(label: SupplierLabel) -> tuple[str, bool]:
    """What tells this package from others, and whether it really does: a serial number does, equal content does not."""
    plate = label.first("plate")
    if plate is not None:
        return f"plate:{_plain(plate)}"[:120], True
    serial = label.first("package", "serial")
    if serial is not None:
        owner = label.first("supplier", "gtin", "supplier_part", "our_part") or ""
        return f"serial:{_plain(owner)}:{_plain(serial)}"[:120], True
    said = sorted(f"{field.meaning}={field.identifier}={field.value}" for field in label.fields)
    return "content:" + hashlib.sha256("\n".join(said).encode()).hexdigest(), False


def _plain(text: str) -> str:
    return re.sub(r"[^0-9A-Z]", "", text.upper())


def references(label: SupplierLabel) -> list[str]:
    """Supplier's references on a label, a GTIN also without its leading zeros."""
    found = label.every("supplier_part")
    for gtin in label.every("gtin"):
        found += [gtin, gtin.lstrip("0")]
    return found


def propose(ctx: Context, params: LabelParams) -> dict[str, Any]:
    """Order lines a label may belong to, the most probable first, with what it says. Nothing is booked."""
    label = understood(ctx, params.contents)
    lines = _open_lines(ctx, params.purchase_order_id)
    articles = _articles(ctx, label)
    numbers = {_plain(number) for number in label.every("order")}
    matched = [one for one in lines if _is_for(one, articles)]
    named = [one for one in lines if _plain(one.order.number) in numbers]
    parts = bool(label.every("our_part", "supplier_part", "gtin"))
    chosen = matched or ([] if articles else named or lines)
    chosen.sort(
        key=lambda one: (
            one not in named,
            one.remaining <= 0,
            one.line.required_on or ctx.now.date(),
            one.line.id,
        )
    )
    return {
        "syntax": label.syntax,
        "fields": [
            {"identifier": f.identifier, "label": t(f"label.{f.meaning}", ctx.locale), "value": f.value}
            for f in label.fields
        ],
        "part": label.first("supplier_part", "our_part", "gtin"),
        "lot": label.first("lot"),
        "heat_number": label.first("heat"),
        "quantity": _number(label.quantity),
        "unit": label.unit,
        "certificate_number": label.first("certificate"),
        "delivery_note": label.first("delivery_note"),
        "expires_on": label.expires_on.isoformat() if label.expires_on else None,
        "known_part": bool(articles),
        "can_tie": parts and not articles and bool(references(label)),
        "choices": [
            _choice(ctx, label, one, is_named=one in named or not numbers) for one in chosen[:CHOICES]
        ],
        "already": _already(ctx, label),
    }


def _open_lines(ctx: Context, order_id: int | None) -> list[_Line]:
    query = (
        select(PurchaseOrderLine, PurchaseOrder, Supplier, StockItem)
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.purchase_order_id)
        .join(Supplier, Supplier.id == PurchaseOrder.supplier_id)
        .outerjoin(StockItem, StockItem.id == PurchaseOrderLine.stock_item_id)
        .where(PurchaseOrder.status.in_(OPEN), PurchaseOrderLine.archived_at.is_(None))
        .order_by(PurchaseOrderLine.required_on.nulls_last(), PurchaseOrderLine.id)
    )
    if order_id is not None:
        query = query.where(PurchaseOrder.id == order_id)
    return [_Line(*row) for row in ctx.session.execute(query)]


def _articles(ctx: Context, label: SupplierLabel) -> dict[int, set[int | None]]:
    """Articles a label names, with the suppliers for whom that holds; ``None``: our own reference, for all."""
    found: dict[int, set[int | None]] = {}
    own = [code.upper() for code in label.every("our_part")]
    if own:
        for item_id in ctx.session.scalars(select(StockItem.id).where(func.upper(StockItem.code).in_(own))):
            found.setdefault(item_id, set()).add(None)
    known = [reference.upper() for reference in references(label)]
    if known:
        query = select(SupplierItem.stock_item_id, SupplierItem.supplier_id).where(
            func.upper(SupplierItem.supplier_reference).in_(known),
            SupplierItem.stock_item_id.is_not(None),
            SupplierItem.archived_at.is_(None),
        )
        for row in ctx.session.execute(query):
            found.setdefault(row.stock_item_id, set()).add(row.supplier_id)
    return found


def _is_for(one: _Line, articles: dict[int, set[int | None]]) -> bool:
    suppliers = articles.get(one.line.stock_item_id or 0, set())
    return None in suppliers or one.order.supplier_id in suppliers


def only_article(ctx: Context, label: SupplierLabel) -> int | None:
    """The one article a label can mean, whoever supplies it; ``None`` in doubt."""
    found = list(_articles(ctx, label))
    return found[0] if len(found) == 1 else None


def only_line(ctx: Context, label: SupplierLabel) -> int | None:
    """The one open order line a label can mean without anybody looking; ``None`` in doubt."""
    articles = _articles(ctx, label)
    numbers = {_plain(number) for number in label.every("order")}
    lines = [one for one in _open_lines(ctx, None) if _is_for(one, articles) and one.remaining > 0]
    if numbers:
        lines = [one for one in lines if _plain(one.order.number) in numbers]
    return lines[0].line.id if len(lines) == 1 else None


def in_own_unit(
    ctx: Context, label: SupplierLabel, item_id: int | None, quantity: Decimal | None
) -> Decimal | None:
    """A quantity noted without a line, in the article's unit: who notes what the label says means the label's unit."""
    if item_id is None or label.unit is None or quantity is None or quantity != label.quantity:
        return quantity
    return converted(quantity, label.unit, ctx.get(StockItem, item_id).unit)


def _choice(ctx: Context, label: SupplierLabel, one: _Line, *, is_named: bool) -> dict[str, Any]:
    unit = one.item.unit if one.item is not None else None
    quantity = label.quantity
    warnings = [] if is_named else [_say(ctx, "label.warning.order", order=label.first("order") or "")]
    if quantity is not None and label.unit is not None and unit is not None:
        quantity = converted(quantity, label.unit, unit)
        if quantity is None:
            warnings.append(
                _say(ctx, "label.warning.unit", quantity=_number(label.quantity), unit=label.unit)
            )
    if quantity is not None and quantity > one.remaining:
        warnings.append(_say(ctx, "label.warning.excess", remaining=_number(one.remaining)))
    if label.expires_on is not None and label.expires_on < ctx.now.date():
        warnings.append(_say(ctx, "label.warning.expired", date=f"{label.expires_on:%d/%m/%Y}"))
    if one.line.certificate_type in {"3.1", "3.2"} and label.first("heat") is None:
        warnings.append(_say(ctx, "label.warning.heat", certificate=one.line.certificate_type))
    return {
        "purchase_order_id": one.order.id,
        "row_version": one.order.row_version,
        "purchase_order_line_id": one.line.id,
        "order": one.order.number,
        "supplier": one.supplier.name,
        "item": f"{one.item.code} · {one.item.name}" if one.item is not None else one.line.description,
        "unit": unit,
        "remaining": _number(one.remaining),
        "quantity": _number(quantity),
        "certificate_type": one.line.certificate_type,
        "warnings": warnings,
    }


def _say(ctx: Context, key: str, **params: Any) -> str:
    return t(key, ctx.locale, **params)


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"


def _receipts(ctx: Context, key: str) -> list[tuple[GoodsReceiptLine, GoodsReceipt, str]]:
    """Receipts of equal labels with their order's number, the last first; what is set aside has none yet."""
    query = (
        select(GoodsReceiptLine, GoodsReceipt, PurchaseOrder.number)
        .join(GoodsReceipt, GoodsReceipt.id == GoodsReceiptLine.goods_receipt_id)
        .outerjoin(PurchaseOrder, PurchaseOrder.id == GoodsReceipt.purchase_order_id)
        .where(GoodsReceiptLine.label_key == key)
        .order_by(GoodsReceiptLine.id.desc())
    )
    return [(row[0], row[1], row[2] or "—") for row in ctx.session.execute(query)]


def _already(ctx: Context, label: SupplierLabel) -> dict[str, Any] | None:
    key, is_unique = key_of(label)
    before = _receipts(ctx, key)
    if not before:
        return None
    line, receipt, order = before[0]
    text = _say(
        ctx,
        "label.already" if is_unique else "label.already_alike",
        order=order,
        date=f"{receipt.received_at:%d/%m/%Y}",
        quantity=_number(line.quantity),
    )
    return {"message": text, "repeatable": not is_unique, "count": len(before)}


def keep(
    ctx: Context, label: SupplierLabel, contents: list[str], line: GoodsReceiptLine, *, another_package: bool
) -> None:
    """The label stays with its receipt.

    Raises:
        Conflict: ``label.received``, ``label.received_alike`` (a second package of equal content must be confirmed).
    """
    key, is_unique = key_of(label)
    before = _receipts(ctx, key)
    if before and (is_unique or not another_package):
        _, receipt, order = before[0]
        raise Conflict(
            "label.received" if is_unique else "label.received_alike",
            extra={"needs_confirmation": not is_unique},
            order=order,
            date=f"{receipt.received_at:%d/%m/%Y}",
        )
    line.label_key, line.label_number = key, len(before) + 1
    line.label_content = "\n".join(contents)


def check_article(
    ctx: Context, label: SupplierLabel, order: PurchaseOrder, line: PurchaseOrderLine, *, tie: bool
) -> None:
    """The label must name the article of the line; a reference never seen is tied to it when the person says so.

    Raises:
        BusinessError: ``label.other_item``, ``label.unknown_part``.
    """
    articles = _articles(ctx, label)
    item_id = line.stock_item_id
    if item_id is None or not label.every("our_part", "supplier_part", "gtin"):
        return
    suppliers = articles.get(item_id, set())
    if None in suppliers or order.supplier_id in suppliers:
        return
    part = label.first("supplier_part", "our_part", "gtin") or ""
    if any(None in known or order.supplier_id in known for known in articles.values()):
        raise BusinessError("label.other_item", part=part)
    if not tie:
        raise BusinessError("label.unknown_part", extra={"needs_confirmation": True}, part=part)
    if references(label):
        _tie(ctx, references(label)[0], order.supplier_id, item_id)


def _tie(ctx: Context, reference: str, supplier_id: int, item_id: int) -> None:
    query = select(SupplierItem).where(
        SupplierItem.supplier_id == supplier_id,
        or_(
            SupplierItem.supplier_reference == reference,
            func.upper(SupplierItem.supplier_reference) == reference.upper(),
        ),
    )
    article = ctx.session.scalars(query.limit(1)).one_or_none()
    if article is None:
        ctx.add(
            SupplierItem(supplier_id=supplier_id, stock_item_id=item_id, supplier_reference=reference[:120])
        )
    else:
        article.stock_item_id, article.archived_at = item_id, None
