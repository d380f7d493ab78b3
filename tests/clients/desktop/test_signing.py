"""Signing at the desk: an act that asks for a signature opens the dialog and goes on once it is given (TRC-35…40)."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QDialog, QLabel

from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.signing import SignaturesView, SigningDialog
from coordinator.kernel.context import Principal
from coordinator.modules.orders.models import CustomerPo, SalesOrder, SalesOrderLine
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import PASSWORD, Office
from tests.clients.desktop.steps import opened
from tests.factories import make


def _order(office: Office) -> dict[str, Any]:
    with office.factory.open(Principal.service("test")) as ctx:
        po = make(ctx, CustomerPo)
        order = make(ctx, SalesOrder, criticality="military", customer_po_id=po.id)
        make(ctx, SalesOrderLine, sales_order_id=order.id, line_no=10, quantity=5, unit_price_excl_tax=12)
        return {"id": order.id}


@pytest.mark.requirement("TRC-35", "TRC-37")
def test_an_act_that_needs_a_signature_asks_for_it_and_goes_on(
    window: MainWindow, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = _order(office)
    page = opened(window, record, "sales_order")
    told: list[str] = []

    def person(dialog: SigningDialog) -> int:
        wait(dialog.sign_button.isEnabled, "what is signed")
        told.extend(w.text() for w in dialog.findChildren(QLabel))
        assert not dialog.totp.isVisibleTo(dialog)
        dialog.password.setText("pas le bon")
        dialog.sign_button.click()
        wait(lambda: dialog.banner.text, "refusal")
        assert dialog.password.text() == ""
        dialog.password.setText(PASSWORD)
        dialog.sign_button.click()
        wait(lambda: dialog.result() == QDialog.DialogCode.Accepted, "signature")
        return dialog.result()

    monkeypatch.setattr(SigningDialog, "exec", person)
    page.header.buttons["validate"].click()
    wait(lambda: page.state and page.state.record["status"] == "validated", "validation")
    assert {"Approuvé", "Lignes de commande", "militaire"} <= set(told)
    assert any(words.startswith("12,00") for words in told)
    tab = next(i for i in range(page.tabs.count()) if page.tabs.tabText(i) == "Signatures")
    page.tabs.setCurrentIndex(tab)
    view = page.tabs.widget(tab)
    assert isinstance(view, SignaturesView)
    wait(lambda: view.signatures, "signatures")
    assert [(s["meaning"], s["is_valid"]) for s in view.signatures] == [("approved", True)]


def test_giving_up_the_signature_leaves_the_record_as_it_was(
    window: MainWindow, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(window, _order(office), "sales_order")
    monkeypatch.setattr(SigningDialog, "exec", lambda _dialog: int(QDialog.DialogCode.Rejected))
    page.header.buttons["validate"].click()
    wait(lambda: page.banner.text, "refusal told")
    assert page.state is not None
    assert page.state.record["status"] != "validated"
