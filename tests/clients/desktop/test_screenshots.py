"""The pictures of the documentation come from one command."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from clients.desktop import screenshots
from coordinator.kernel.context import Principal
from coordinator.modules.orders.models import SalesOrder
from coordinator.modules.parties.models import Customer
from tests.clients.desktop.office import PASSWORD, Office
from tests.factories import make


def test_one_walk_takes_the_dialogs_and_the_pictures_of_the_documentation(
    qapp: QApplication, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with office.factory.open(Principal.service("test")) as ctx:
        order = make(ctx, SalesOrder).id
        make(ctx, Customer, name="Mécanique du Lac")
    monkeypatch.setattr(screenshots, "LISTS", ("customer",))
    monkeypatch.setattr(screenshots, "RECORDS", ("customer",))
    docs = tmp_path / "docs"
    docs.mkdir()
    taken = screenshots.photograph(
        qapp, office.server.url, "bureau@atelier.fr", PASSWORD, tmp_path / "out", tmp_path / "data", docs
    )
    names = {path.stem.partition("-")[2] for path in taken}
    assert {"accueil", "fiche-customer-1", "conflit", "signature", "sombre-customer"} <= names
    assert {path.name for path in docs.iterdir()} == {"desktop-home.png", "desktop-conflict.png"}
    assert not QImage(str(docs / "desktop-home.png")).isNull()
    with office.factory.open(Principal.service("test")) as ctx:
        assert ctx.get(SalesOrder, order).status == "pending"
    assert set(screenshots.IN_DOCS.values()) == {
        path.stem for path in (Path(__file__).parents[3] / "docs" / "screenshots").glob("desktop-*.png")
    }
