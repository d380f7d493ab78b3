"""The stock in the hand: find, scan, move, declare a broken tool and take the solution, against the real coordinator."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from coordinator.kernel import qr
from coordinator.modules.catalogue.models import Tool
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import StorageLocation, ToolIncident
from tests.clients.mobile.atelier import Atelier
from tests.clients.mobile.gestures import confirm, open_operation, sign_in
from tests.conftest import master

Shot = Callable[..., None]


def _stock_tools(atelier: Atelier) -> tuple[int, int, str]:
    """Three mills in a drawer and a second drawer; the code on the mill's label."""
    with atelier.factory.open(master()) as ctx:
        tool = ctx.session.scalars(select(Tool).where(Tool.code == "FR-10")).one()
        drawer = ctx.add(StorageLocation(code="TIROIR-4", name="Tiroir 4", kind="drawer"))
        ctx.add(StorageLocation(code="TIROIR-5", name="Tiroir 5", kind="drawer"))
        stock.receive(ctx, tool.id, Decimal(3), location_id=drawer.id)
        return tool.id, drawer.id, qr.code_of(ctx, tool)


def _held(atelier: Atelier, tool_id: int, place: str | None = None) -> Decimal:
    with atelier.factory.open(master()) as ctx:
        query = select(StorageLocation.id).where(StorageLocation.code == place)
        return stock.on_hand(ctx, tool_id, location_id=ctx.session.scalar(query) if place else None)


@pytest.mark.requirement("STK-20")
@pytest.mark.requirement("STK-37")
def test_a_tool_is_found_moved_broken_and_replaced(
    phone: Page, real_context: BrowserContext, atelier: Atelier, shot: Shot
) -> None:
    anne = atelier.person("Anne", "Martin")
    _, mill = atelier.order(anne)
    tool_id, _, code = _stock_tools(atelier)
    sign_in(phone, atelier.base_url, anne)
    expect(phone.get_by_role("link", name=re.compile(mill.label))).to_be_visible()

    phone.get_by_role("link", name="Plus").click()
    phone.get_by_role("button", name="Chercher un article").click()
    phone.get_by_label("Référence ou nom").fill("fraise")
    phone.get_by_role("button", name="Chercher", exact=True).click()
    expect(phone.get_by_text("TIROIR-4")).to_be_visible()
    shot(phone, "mobile-find")

    phone.get_by_role("link", name="Opérations").click()
    expect(phone.get_by_role("link", name=re.compile(mill.label))).to_be_visible()
    phone.keyboard.type(code)
    phone.keyboard.press("Enter")
    for act in ("Prendre", "Rendre", "Déplacer", "Compter", "Casse"):
        expect(phone.get_by_role("button", name=act, exact=True).first).to_be_visible()
    expect(phone.get_by_text("Nature")).to_be_visible()
    phone.get_by_role("button", name="Déplacer").first.click()
    shot(phone, "mobile-stock", whole=True)
    phone.locator("form button[type=submit]").click()
    expect(phone.get_by_role("alert")).to_contain_text("emplacement d’arrivée")
    phone.get_by_label("Vers l’emplacement").fill("TIROIR-5")
    phone.locator("form button[type=submit]").click()
    confirm(phone, "")
    assert (_held(atelier, tool_id, "TIROIR-4"), _held(atelier, tool_id, "TIROIR-5")) == (2, 1)

    open_operation(phone, mill.label)
    phone.get_by_role("button", name="Signaler").click()
    phone.get_by_role("button", name="Casse d’outil").click()
    phone.get_by_label("Outil cassé").fill("FR-10")
    phone.get_by_label("Cause").select_option("overload")
    phone.get_by_role("button", name="Envoyer").click()
    expect(phone.get_by_text("Solutions proposées")).to_be_visible()
    expect(phone.get_by_text("Même référence")).to_be_visible()
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "grey").save(picture, "JPEG")
    phone.get_by_label("Photo de l’outil cassé").set_input_files(
        {"name": "casse.jpg", "mimeType": "image/jpeg", "buffer": picture.getvalue()}
    )
    expect(phone.get_by_text("Photo gardée.")).to_be_visible()
    shot(phone, "mobile-breakage", whole=True)
    phone.get_by_role("button", name="Prendre cet outil").first.click()
    confirm(phone, "remplace")
    with atelier.factory.open(master()) as ctx:
        incident = ctx.session.scalars(select(ToolIncident)).one()
        assert (incident.status, incident.cause, incident.work_order_operation_id) == (
            "replaced", "overload", mill.id,
        )  # fmt: skip
        assert incident.photo_sha256 is not None
        assert ctx.files.is_intact(incident.photo_sha256)
    assert _held(atelier, tool_id) == 1, "one broken, one taken"


@pytest.mark.requirement("STK-47")
def test_a_code_nobody_knows_is_said_so_and_nothing_can_be_booked(
    phone: Page, atelier: Atelier, shot: Shot
) -> None:
    anne = atelier.person("Anne", "Martin")
    atelier.order(anne)
    sign_in(phone, atelier.base_url, anne)
    phone.get_by_role("link", name="Plus").wait_for()
    phone.evaluate("location.hash = '#/stock/FR-10/FR-10'")
    expect(phone.locator("main .title")).to_contain_text("FR-10 ·")
    phone.evaluate("location.hash = '#/stock/INCONNU-1/INCONNU-1'")
    expect(phone.get_by_role("alert")).to_contain_text("INCONNU-1")
    expect(phone.locator("main .title")).to_have_text("INCONNU-1")
    shot(phone, "mobile-stock-unknown")
    expect(phone.get_by_role("button", name="Sortir du stock")).to_have_count(0)
    phone.get_by_role("button", name="Revenir").click()
    expect(phone.get_by_role("alert")).to_have_count(0)
