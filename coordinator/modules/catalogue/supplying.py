"""Catalogues of suppliers: import of files, prices read again from their sites (STK-36, STK-52)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import httpx
from fastapi import APIRouter, UploadFile
from sqlalchemy import select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.i18n import t, written
from coordinator.kernel.registry import Permission
from coordinator.modules.catalogue.engine.price_page import read_offer
from coordinator.modules.catalogue.engine.tool_catalogue import CatalogueError, CatalogueTool, read_catalogue
from coordinator.modules.catalogue.models import SupplierItem
from coordinator.modules.parties.models import Supplier, SupplierCatalogue

UPDATE = Permission("purchasing", "update")
TIMEOUT_S = 5.0
MAX_PAGE_BYTES = 2_000_000
router = APIRouter(tags=["catalogue"])
Fetch = Callable[[str], str]


@router.post(
    "/supplier-catalogues/{catalogue_id}/tools", operation_id="import_tools", openapi_extra=guarded(UPDATE)
)
def import_tools(ctx: Ctx, catalogue_id: int, file: UploadFile) -> dict[str, Any]:
    """Read a catalogue of tools into the supplier's articles: CSV, ISO 13399 XML or P21, GTC package."""
    ctx.require(UPDATE)
    catalogue = ctx.get(SupplierCatalogue, catalogue_id, lock=True)
    try:
        reading = read_catalogue(file.file.read(), file.filename or "")
    except CatalogueError as error:
        raise BusinessError(f"catalogue.{error.code}") from None
    created = sum(_keep(ctx, catalogue, tool) for tool in reading.tools)
    catalogue.refreshed_at = ctx.now
    return {
        "articles": len(reading.tools),
        "created": created,
        "updated": len(reading.tools) - created,
        "faults": [
            {"place": place, "message": t(f"error.catalogue.{code}", ctx.locale)}
            for place, code in reading.faults[:100]
        ],
    }


def _keep(ctx: Context, catalogue: SupplierCatalogue, tool: CatalogueTool) -> bool:
    """Write an article; what a person linked or preferred stays. Whether it is new."""
    query = select(SupplierItem).where(
        SupplierItem.supplier_id == catalogue.supplier_id, SupplierItem.supplier_reference == tool.reference
    )
    row = ctx.session.scalars(query).one_or_none()
    is_new = row is None
    if row is None:
        row = SupplierItem(supplier_id=catalogue.supplier_id, supplier_reference=tool.reference)
    row.description = tool.description or row.description
    row.manufacturer = tool.manufacturer or row.manufacturer
    row.tool_type = tool.tool_type or row.tool_type
    row.iso13399 = {**(row.iso13399 or {}), **tool.properties}
    row.price = tool.price if tool.price is not None else row.price
    row.pack_qty = tool.pack_qty or row.pack_qty or Decimal(1)
    row.lead_time_days = tool.lead_time_days if tool.lead_time_days is not None else row.lead_time_days
    row.catalogue_url = tool.url or row.catalogue_url
    row.fetched_at = ctx.now
    row.fetch_status = "ok"
    ctx.add(row)
    return is_new


def refresh(ctx: Context, article: SupplierItem, _params: Any, fetch: Fetch | None = None) -> dict[str, Any]:
    """Read the price of an article on its page. What is known stays, with its date, when the site says nothing (STK-52).

    Raises:
        BusinessError: ``supplier_item.no_page``, ``supplier_item.foreign_page``.
    """
    url = article.source_url or article.catalogue_url
    if not url:
        raise BusinessError("supplier_item.no_page")
    if urlsplit(url).scheme not in {"http", "https"} or urlsplit(url).hostname not in _hosts(
        ctx, article.supplier_id
    ):
        raise BusinessError("supplier_item.foreign_page", host=urlsplit(url).hostname or "—")
    try:
        page = (fetch or fetch_page)(url)
    except (httpx.HTTPError, httpx.InvalidURL):
        return _ask(ctx, article, "unreachable")
    offer = read_offer(page)
    if offer is None or (offer.currency and offer.currency != article.currency):
        return _ask(ctx, article, "changed")
    article.price = round(offer.price, 4)
    article.availability = (offer.availability or "")[:120] or article.availability
    article.fetched_at = ctx.now
    article.fetch_status = "ok"
    return {"outcome": "ok", "price": str(article.price)}


def fetch_page(url: str) -> str:
    """Text of a page; redirections stay on the way they were given: none is followed."""
    with httpx.stream("GET", url, timeout=TIMEOUT_S, follow_redirects=False) as answer:
        answer.raise_for_status()
        body = b""
        for chunk in answer.iter_bytes():
            body += chunk
            if len(body) > MAX_PAGE_BYTES:
                break
        return body.decode(answer.encoding or "utf-8", errors="replace")


def _hosts(ctx: Context, supplier_id: int) -> set[str]:
    """Sites set up for the supplier: only these are asked."""
    supplier = ctx.get(Supplier, supplier_id)
    query = select(SupplierCatalogue.url).where(SupplierCatalogue.supplier_id == supplier_id)
    urls = [supplier.website, *ctx.session.scalars(query)]
    return {
        host for url in urls if url and (host := urlsplit(url if "//" in url else f"https://{url}").hostname)
    }


def _ask(ctx: Context, article: SupplierItem, status: str) -> dict[str, Any]:
    article.fetch_status = status
    known = f"{written(article.price, ctx.locale)} {article.currency}" if article.price is not None else "—"
    date = f"{article.fetched_at:%d/%m/%Y}" if article.fetched_at is not None else "—"
    words = {"reference": article.supplier_reference, "price": known, "date": date}
    title = t("task.enter_price", ctx.locale, **words)
    key = f"enter_price:{article.id}:{ctx.now.date().isoformat()}"
    tasks.open_task(ctx, "purchasing.enter_price", title, article, role="purchasing", dedupe_key=key)
    return {
        "outcome": status,
        "price": str(article.price) if article.price is not None else None,
        "message": t(f"supplier_item.{status}", ctx.locale, **words),
    }
