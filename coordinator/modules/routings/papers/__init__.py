"""The routing sheet that travels with the parts."""

from __future__ import annotations

from pathlib import Path

from coordinator.kernel.papers import render
from coordinator.modules.routings.papers.data import RoutingRow, RoutingSheet

__all__ = ["RoutingRow", "RoutingSheet", "render_routing_sheet"]


def render_routing_sheet(data: RoutingSheet) -> bytes:
    """PDF of a work order's routing, A4 landscape, one QR per operation. For one machine, pass only its
    rows."""
    return render(Path(__file__).parent / "routing_sheet.typ", data)
