"""What a camera's words mean for bars and for instruments (VIS-10, VIS-12)."""

from __future__ import annotations

from sqlalchemy import func, select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import t
from coordinator.modules.catalogue.api import StockItem
from coordinator.modules.stock.models import StorageLocation
from coordinator.modules.stock.models_people import Instrument
from coordinator.modules.stock.views import StockBalance

_LENGTHS = frozenset({"mm", "m"})


def is_measured(item: StockItem) -> bool:
    """Whether an item is kept by length: sawing debits it, a camera only tells how many bars there are (VIS-12)."""
    return item.unit in _LENGTHS


def bars_at(ctx: Context, item: StockItem, place: StorageLocation) -> int:
    """Bars, offcuts and plates followed one by one which the ledger holds at a place."""
    query = select(func.count(func.distinct(StockBalance.stock_unit_id))).where(
        StockBalance.stock_item_id == item.id,
        StockBalance.storage_location_id == place.id,
        StockBalance.stock_unit_id.is_not(None),
        StockBalance.quantity > 0,
    )
    return ctx.session.scalar(query) or 0


def note_instrument(ctx: Context, item: StockItem, place: StorageLocation, delta: int) -> None:
    """An instrument came or went in front of a camera: presence, a wrong place and an expired return are told (VIS-10)."""
    query = select(Instrument).where(Instrument.stock_item_id == item.id, Instrument.archived_at.is_(None))
    rows = list(ctx.session.scalars(query.limit(2)))
    if len(rows) != 1 or not delta:
        return
    instrument = rows[0]
    at_home = instrument.storage_location_id in (None, place.id)
    if delta < 0:
        if at_home:
            instrument.is_present = False
        return
    instrument.is_present = True
    if not at_home:
        words = t("vision.instrument_misplaced", ctx.locale, name=instrument.name, place=place.code)
        tasks.notify(ctx, "warning", "vision", words, instrument, role="storekeeper")
    due = instrument.extended_until or instrument.next_calibration_due
    if due is not None and due < ctx.now.date():
        words = t(
            "vision.instrument_expired", ctx.locale, name=instrument.name, date=due.strftime("%d/%m/%Y")
        )
        tasks.notify(ctx, "warning", "vision", words, instrument, role="quality")
