"""What other modules may ask about orders."""

from __future__ import annotations

from coordinator.modules.orders.delivery import Progress, progress
from coordinator.modules.orders.delivery import lines_of as delivery_lines_of
from coordinator.modules.orders.models import (
    CustomerPo,
    DeliveryNote,
    DeliveryNoteLine,
    SalesOrder,
    SalesOrderLine,
)
from coordinator.modules.orders.priorities import priority_of, working_days
from coordinator.modules.orders.sales import lines_of

__all__ = [
    "CustomerPo",
    "DeliveryNote",
    "DeliveryNoteLine",
    "Progress",
    "SalesOrder",
    "SalesOrderLine",
    "delivery_lines_of",
    "lines_of",
    "priority_of",
    "progress",
    "working_days",
]
