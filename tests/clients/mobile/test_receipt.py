"""Goods received by their label on a phone, in front of the real coordinator."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from sqlalchemy import select

from coordinator.kernel.context import Principal
from coordinator.kernel.models import Task
from coordinator.modules.catalogue.models import StockItem, SupplierItem
from coordinator.modules.identity import api as identity
from coordinator.modules.parties.models import Supplier
from coordinator.modules.purchasing.models import (
    GoodsReceipt,
    GoodsReceiptLine,
    PurchaseOrder,
    PurchaseOrderLine,
)
from coordinator.modules.stock.models import StockLot
from tests.clients.mobile.atelier import PASSWORD, Atelier, Person
from tests.clients.mobile.gestures import confirm, sign_in
from tests.conftest import master

Shot = Callable[..., None]
_NUMBERS = itertools.count(1)


def storekeeper(atelier: Atelier) -> Person:
    email = f"magasin{next(_NUMBERS)}@atelier.test"
    with atelier.factory.open(Principal.service("test")) as ctx:
        user = identity.create_user(
            ctx,
            roles=["storekeeper"],
            first_name="Odile",
            last_name="Renard",
            email=email,
            password=PASSWORD,
            temporary=False,
        )
        return Person(email, "", user.id, 0)


def order(atelier: Atelier, number: str, code: str, quantity: int, **line: Any) -> int:
    with atelier.factory.open(master()) as ctx:
        supplier = ctx.session.scalars(
            select(Supplier).where(Supplier.code == "F-77")
        ).one_or_none() or ctx.add(Supplier(code="F-77", name="Aciers du Perche"))
        item = ctx.add(StockItem(code=code, name="Rond 42CrMo4 Ø40", item_kind="material", unit="pce"))
        made = ctx.add(PurchaseOrder(number=number, supplier_id=supplier.id, status="sent"))
        ctx.add(
            PurchaseOrderLine(
                purchase_order_id=made.id,
                stock_item_id=item.id,
                description=code,
                quantity=Decimal(quantity),
                **line,
            )
        )
        return item.id


def scan(phone: Page, content: str) -> None:
    """A code as a USB reader types it: fast, separators as control keys, Enter at the end."""
    keys = {"\x1d": ("]", True), "\x1e": ("^", True), "\x04": ("d", True)}
    typed = [keys.get(c, (c, False)) for c in content] + [("Enter", False)]
    phone.evaluate(
        "keys => { for (const [key, ctrlKey] of keys) window.dispatchEvent(new KeyboardEvent('keydown', {key, ctrlKey})) }",
        [list(key) for key in typed],
    )


@pytest.mark.requirement("CRM-38", "STK-25")
def test_a_label_is_received_once(phone: Page, atelier: Atelier, shot: Shot) -> None:
    order(atelier, "BCF-2026-0701", "ROND-40", 10, certificate_type="3.1")
    sign_in(phone, atelier.base_url, storekeeper(atelier))
    expect(phone.get_by_role("heading", name="Mes opérations")).to_be_visible()
    text = "[)>\x1e06\x1dPROND-40\x1dQ10\x1d1TL-4711\x1dHC4471\x1dKBCF-2026-0701\x1d3SPK-9\x1e\x04"
    scan(phone, text)
    expect(phone.get_by_label("Ligne de commande")).to_contain_text("BCF-2026-0701 · ROND-40")
    expect(phone.get_by_label("Quantité", exact=True)).to_have_value("10")
    expect(phone.get_by_label("Numéro de coulée", exact=True)).to_have_value("C4471")
    shot(phone, "mobile-receipt", whole=True)
    phone.get_by_label("Numéro de certificat").fill("CERT-12")
    phone.get_by_role("button", name="Réceptionner").click()
    confirm(phone, "Reçu : 10 pce")
    with atelier.session() as session:
        line = session.scalars(select(GoodsReceiptLine)).one()
        lot = session.get_one(StockLot, line.stock_lot_id)
        assert (line.quantity, line.heat_number, lot.supplier_lot) == (Decimal(10), "C4471", "L-4711")
        assert (lot.certificate_number, lot.status) == ("CERT-12", "quarantine")
    phone.wait_for_timeout(5_100)
    scan(phone, text)
    expect(phone.get_by_role("alert")).to_contain_text("Ce colis est déjà reçu")
    expect(phone.get_by_role("button", name="Réceptionner")).to_have_count(0)
    shot(phone, "mobile-receipt-twice", whole=True)


def test_an_unknown_reference_is_tied_and_a_damaged_label_refused(
    phone: Page, atelier: Atelier, shot: Shot
) -> None:
    item_id = order(atelier, "BCF-2026-0702", "PL-CNMG", 20)
    sign_in(phone, atelier.base_url, storekeeper(atelier))
    expect(phone.get_by_role("heading", name="Mes opérations")).to_be_visible()
    scan(phone, "[)>\x1e06\x1dPPL-CNMG\x1dQ10")
    confirm(phone, "la lecture s'arrête avant la fin")
    scan(phone, "]d2010400638133393110L1\x1d3020")
    phone.get_by_label("Ligne de commande").select_option(label="BCF-2026-0702 · PL-CNMG · Rond 42CrMo4 Ø40")
    phone.get_by_role("button", name="Réceptionner").click()
    expect(phone.get_by_role("alert")).to_contain_text("n'est rattachée à aucun article")
    shot(phone, "mobile-receipt-tie", whole=True)
    phone.get_by_label("désigne bien cet article").check()
    phone.get_by_role("button", name="Réceptionner").click()
    confirm(phone, "Reçu : 20 pce")
    with atelier.session() as session:
        tied = session.scalars(select(SupplierItem).where(SupplierItem.stock_item_id == item_id)).one()
        assert tied.supplier_reference == "04006381333931"


@pytest.mark.requirement("CRM-49", "CRM-50")
def test_without_a_network_receipts_are_noted_and_sent_once(
    phone: Page, atelier: Atelier, shot: Shot, tmp_path: Path
) -> None:
    order(atelier, "BCF-2026-0703", "VIS-CHC-M6", 50)
    sign_in(phone, atelier.base_url, storekeeper(atelier))
    expect(phone.get_by_role("heading", name="Mes opérations")).to_be_visible()
    photo = tmp_path / "colis.png"
    Image.new("RGB", (2400, 1800), (120, 140, 90)).save(photo)
    phone.context.set_offline(True)
    scan(phone, "[)>\x1e06\x1dPVIS-CHC-M6\x1dQ50\x1dKBCF-2026-0703\x1d3SPK-77\x1e\x04")
    expect(phone.get_by_role("status")).to_contain_text("Sans réseau")
    phone.get_by_label("Quantité", exact=True).fill("50")
    shot(phone, "mobile-receipt-offline", whole=True)
    phone.get_by_role("button", name="Noter la réception").click()
    confirm(phone, "Réception notée : 50")
    scan(phone, "[)>\x1e06\x1dPINCONNU-1\x1dQ3\x1d3SPK-78\x1e\x04")
    phone.get_by_label("Quantité", exact=True).fill("3")
    phone.get_by_label("Photo du colis").set_input_files(photo)
    phone.get_by_role("button", name="Noter la réception").click()
    confirm(phone, "Réception notée : 3")
    noted = dt.datetime.now(dt.UTC)
    phone.context.set_offline(False)

    def rows() -> list[tuple[str, bool, Decimal, str, bool]]:
        query = select(GoodsReceipt, GoodsReceiptLine).join(
            GoodsReceiptLine, GoodsReceiptLine.goods_receipt_id == GoodsReceipt.id
        )
        with atelier.session() as session:
            found = session.execute(
                query.where(GoodsReceiptLine.label_key.in_(("serial:VISCHCM6:PK77", "serial:INCONNU1:PK78")))
            ).all()
            return sorted(
                (
                    receipt.set_aside_reason or "",
                    receipt.purchase_order_id is not None,
                    line.quantity,
                    line.result,
                    receipt.photo_sha256 is not None and receipt.received_at < noted,
                )
                for receipt, line in found
            )

    wanted = [
        ("", True, Decimal(50), "accepted", False),
        ("unknown_article", False, Decimal(3), "quarantine", True),
    ]
    for _ in range(60):
        if rows() == wanted:
            break
        phone.wait_for_timeout(500)
    assert rows() == wanted
    with atelier.session() as session:
        task = session.scalars(select(Task).where(Task.kind == "purchasing.set_aside")).one()
        assert task.role_code == "purchasing"
