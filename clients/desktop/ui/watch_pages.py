"""The pages over many records, by the name the desk asks for."""

from __future__ import annotations

from clients.desktop.ui.machines.wall import CameraWallPage
from clients.desktop.ui.receipts.page import ReceiptPage
from clients.desktop.ui.stations.supervision import SupervisionPage
from clients.desktop.ui.vision.dashboard import CabinetsPage
from clients.desktop.ui.watch_page import WatchPage

WATCH_PAGES: dict[str, type[WatchPage]] = {
    "stations": SupervisionPage,
    "cabinets": CabinetsPage,
    "cameras": CameraWallPage,
    "receipts": ReceiptPage,
}
