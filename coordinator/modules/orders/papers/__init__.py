"""Papers of an order: acknowledgement and delivery note."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from coordinator.kernel.papers import render
from coordinator.modules.orders.papers.data import (
    AcknowledgedLine,
    DeliveredLine,
    DeliveryNote,
    OrderAcknowledgement,
)

__all__ = [
    "AcknowledgedLine",
    "DeliveredLine",
    "DeliveryNote",
    "OrderAcknowledgement",
    "render_acknowledgement",
    "render_delivery_note",
]

_FOLDER = Path(__file__).parent


def render_acknowledgement(data: OrderAcknowledgement, *, assets: Mapping[str, bytes] | None = None) -> bytes:
    """PDF confirming an order to the customer."""
    return render(_FOLDER / "order_acknowledgement.typ", data, pdf_standard="a-3b", assets=assets)


def render_delivery_note(data: DeliveryNote, *, assets: Mapping[str, bytes] | None = None) -> bytes:
    """PDF of a delivery note; it carries no price."""
    return render(_FOLDER / "delivery_note.typ", data, pdf_standard="a-3b", assets=assets)
