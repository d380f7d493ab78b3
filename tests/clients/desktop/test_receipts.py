"""Goods receipt in the office: the label proposes, a person confirms; what fits no order waits for a decision."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from sqlalchemy import select

from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.receipts.page import ReceiptPage
from coordinator.kernel.context import Principal
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.parties.models import Supplier
from coordinator.modules.purchasing.models import (
    GoodsReceipt,
    GoodsReceiptLine,
    PurchaseOrder,
    PurchaseOrderLine,
)
from coordinator.modules.stock.models import StockLot
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import Office

_KEYS = {"\x1d": Qt.Key.Key_BracketRight, "\x1e": Qt.Key.Key_AsciiCircum, "\x04": Qt.Key.Key_D}


def _type_label(page: ReceiptPage, content: str) -> None:
    """As a USB reader does: separators as control keys, Enter at the end."""
    for letter in content:
        if letter in _KEYS:
            QTest.keyClick(page.scan, _KEYS[letter], Qt.KeyboardModifier.ControlModifier)
        else:
            QTest.keyClicks(page.scan, letter)
    QTest.keyClick(page.scan, Qt.Key.Key_Return)


def _ordered(office: Office) -> None:
    with office.factory.open(Principal.service("test")) as ctx:
        supplier = ctx.add(Supplier(code="F-REC", name="Aciers du Perche"))
        item = ctx.add(StockItem(code="ROND-50", name="Rond 42CrMo4 Ø50", item_kind="material", unit="pce"))
        order = ctx.add(PurchaseOrder(number="BCF-2026-0901", supplier_id=supplier.id, status="sent"))
        ctx.add(
            PurchaseOrderLine(
                purchase_order_id=order.id, stock_item_id=item.id, description="ROND-50", quantity=Decimal(12)
            )
        )


def _texts(page: ReceiptPage) -> str:
    return "\n".join(w.text() for w in page.findChildren(QLabel))


@pytest.mark.requirement("CRM-38", "CRM-49")
def test_a_label_is_received_and_goods_without_order_are_set_aside(
    window: MainWindow, office: Office, tmp_path: Path
) -> None:
    _ordered(office)
    window.open_list("goods_receipt")
    window.desk.open_page("receipts")
    page = window.tabs.currentWidget()
    assert isinstance(page, ReceiptPage)
    wait(lambda: "Rien n'attend de décision" in _texts(page), "page")
    content = "[)>\x1e06\x1dPROND-50\x1dQ12\x1d1TL-9\x1dHC77\x1dKBCF-2026-0901\x1d3SPK-1\x1e\x04"
    _type_label(page, content)
    wait(lambda: page.lines is not None and page.lines.currentIndex() == 1, "proposal")
    assert page.lines is not None
    assert page.lines.currentText().startswith("BCF-2026-0901 · ROND-50")
    assert (page.fields["quantity"].text(), page.fields["heat_number"].text()) == ("12", "C77")
    _picture(window, page, "desktop-receipt")
    page.fields["delivery_note"].setText("BL 88")
    page.receive()
    wait(lambda: page.told.text.startswith("Reçu"), "received")
    with office.factory.open(Principal.service("test")) as ctx:
        line = ctx.session.scalars(select(GoodsReceiptLine)).one()
        lot = ctx.get(StockLot, line.stock_lot_id)
        assert (line.quantity, lot.supplier_lot, lot.heat_number) == (Decimal(12), "L-9", "C77")
        assert ctx.get(GoodsReceipt, line.goods_receipt_id).delivery_note == "BL 88"
    _type_label(page, content)
    wait(lambda: "déjà reçu" in _texts(page), "told once")
    assert not [b for b in page.findChildren(QPushButton) if b.text() == "Réceptionner"]
    page.begin_without_label()
    photo = tmp_path / "colis.jpg"
    photo.write_bytes(b"\xff\xd8\xff\xe0" + b"colis" * 9)
    page.fields["description"].setText("Carton sans étiquette")
    page.fields["quantity"].setText("0")
    page.set_aside()
    assert page.told.text == "Indiquez une quantité positive."
    page.fields["quantity"].setText("2,5")
    page.photo = photo
    page.set_aside()
    wait(lambda: "quarantaine" in page.told.text, "set aside")
    wait(lambda: "Article inconnu · 2,5 × Carton sans étiquette" in _texts(page), "waits below")
    assert page.count.text() == "1 à décider"
    _picture(window, page, "desktop-receipt-aside")
    with office.factory.open(Principal.service("test")) as ctx:
        aside = ctx.session.scalars(
            select(GoodsReceipt).where(GoodsReceipt.set_aside_reason.is_not(None))
        ).one()
        assert aside.photo_sha256 is not None
        assert ctx.files.read(aside.photo_sha256) == photo.read_bytes()


def _picture(window: MainWindow, page: ReceiptPage, name: str) -> None:
    folder = os.environ.get("USINAGE_PICTURES")
    if folder:
        window.resize(1440, 900)
        for _ in range(50):
            QApplication.processEvents()
        window.grab().save(str(Path(folder) / f"{name}.png"))
