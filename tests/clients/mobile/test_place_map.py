"""Where a thing stands, on the phone: the cabinet in the workshop, the compartment in the cabinet, after a search or a scan."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from coordinator.kernel import qr
from coordinator.modules.catalogue.models import Tool
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.models import StorageLocation
from tests.clients.mobile.atelier import Atelier
from tests.clients.mobile.gestures import sign_in
from tests.conftest import master

Shot = Callable[..., None]
_WORKSHOP = {"ARM-A": (0, 6), "ARM-B": (5, 6), "ARM-C": (5, 0), "ARM-D": (11, 3)}


def _cabinets(atelier: Atelier) -> tuple[str, str]:
    """Four cabinets in the workshop, six drawers in one of them, a mill in a drawer; codes of the mill and of the drawer."""
    with atelier.factory.open(master()) as ctx:
        made = {}
        for code, (x, y) in _WORKSHOP.items():
            made[code] = ctx.add(
                StorageLocation(
                    code=code,
                    name=f"Armoire {code[-1]}",
                    kind="cabinet",
                    pos_x_m=Decimal(x),
                    pos_y_m=Decimal(y),
                )
            )
        drawers = [
            ctx.add(
                StorageLocation(
                    code=f"C-{n:02d}", name=f"Tiroir {n}", kind="drawer", parent_id=made["ARM-C"].id
                )
            )
            for n in range(1, 7)
        ]
        tool = ctx.session.scalars(select(Tool).where(Tool.code == "FR-10")).one()
        stock.receive(ctx, tool.id, Decimal(2), location_id=drawers[3].id)
        return qr.code_of(ctx, tool), qr.code_of(ctx, drawers[3])


def _shown(phone: Page) -> list[str]:
    """What is marked, the workshop first."""
    marked = phone.locator("[aria-current=location] strong")
    expect(marked).to_have_count(2, timeout=60_000)
    return marked.all_inner_texts()


@pytest.mark.requirement("STK-16", "STK-20")
def test_a_search_and_a_scan_lead_to_the_place_on_the_map(phone: Page, atelier: Atelier, shot: Shot) -> None:
    anne = atelier.person("Anne", "Martin")
    _, mill = atelier.order(anne)
    tool_code, drawer_code = _cabinets(atelier)
    sign_in(phone, atelier.base_url, anne)
    expect(phone.get_by_role("link", name=re.compile(mill.label))).to_be_visible()

    phone.get_by_role("link", name="Plus").click()
    phone.get_by_role("button", name="Chercher un article").click()
    phone.get_by_label("Référence ou nom").fill("fraise")
    phone.get_by_role("button", name="Chercher", exact=True).click()
    phone.get_by_role("button", name=re.compile("C-04")).click()
    assert _shown(phone) == ["ARM-C", "C-04"]
    expect(phone.get_by_role("heading", name="ARM-C · Armoire C")).to_be_visible()
    tops = {code: phone.get_by_text(code, exact=True).bounding_box() for code in _WORKSHOP}
    assert all(tops.values())
    boxes = {code: box for code, box in tops.items() if box}
    assert boxes["ARM-B"]["y"] < boxes["ARM-D"]["y"] < boxes["ARM-C"]["y"], "as they stand in the workshop"
    assert boxes["ARM-A"]["x"] < boxes["ARM-B"]["x"] < boxes["ARM-D"]["x"]
    shot(phone, "mobile-place", whole=True)

    phone.get_by_role("link", name="Opérations").click()
    expect(phone.get_by_role("link", name=re.compile(mill.label))).to_be_visible()
    phone.keyboard.type(tool_code)
    phone.keyboard.press("Enter")
    phone.get_by_role("button", name="Voir C-04 sur le plan").click()
    assert _shown(phone) == ["ARM-C", "C-04"]

    phone.get_by_role("link", name="Opérations").click()
    expect(phone.get_by_role("link", name=re.compile(mill.label))).to_be_visible()
    phone.keyboard.type(drawer_code)
    phone.keyboard.press("Enter")
    assert _shown(phone) == ["ARM-C", "C-04"]
    expect(phone.get_by_role("button", name=re.compile("FR-10"))).to_be_visible()
    shot(phone, "mobile-place-scanned", whole=True)
