"""Data of the routing sheet (fiche suiveuse), RTG-02 and RTG-03."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from coordinator.kernel.papers.data import Company


@dataclass(frozen=True, slots=True)
class RoutingRow:
    """One operation. Times in minutes; `time_basis` is "pièce" or "lot"; `qr` the text of the operation's
    code."""

    number: int
    operation: str
    machine: str
    quantity: Decimal
    time_per_min: Decimal | None
    total_min: Decimal | None
    qr: str
    time_basis: str = "pièce"
    setup_min: Decimal | None = None
    inspection: str = ""
    tools: list[str] = field(default_factory=list)
    state: str = "En attente"
    comment: str = ""
    program: str = ""
    critical: bool = False


@dataclass(frozen=True, slots=True)
class RoutingSheet:
    """Header and rows; `customer` is empty when operators may not see it; `qr` is the work order's code."""

    company: Company
    work_order_number: str
    routing_number: str
    routing_version: str
    issued_on: date
    part: str
    drawing_number: str
    revision: str
    quantity: Decimal
    rows: list[RoutingRow]
    qr: str
    order_line: str = ""
    customer: str = ""
    material: str = ""
    material_lot: str = ""
    due_on: date | None = None
    priority: str = ""
    criticality: str = ""
    treatments: str = ""
    status: str = ""
    author: str = ""
    approver: str = ""
    planned_min: Decimal | None = None
    actual_min: Decimal | None = None
    suggestions: list[str] = field(default_factory=list)
