"""What the cabinet cameras saw, decided on a phone and a tablet in front of the real coordinator."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from coordinator.kernel import tasks
from coordinator.kernel.context import Principal
from coordinator.kernel.models import Task
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.stations.models import VisionDetection
from coordinator.modules.stock import api as stock
from tests.cabinet_queue import HELD, waiting_detections
from tests.clients.mobile.atelier import Atelier
from tests.clients.mobile.gestures import sign_in
from tests.clients.mobile.test_receipt import storekeeper

Shot = Callable[..., None]


def _status(atelier: Atelier, row_id: int) -> tuple[str, int]:
    with atelier.session() as session:
        row = session.get_one(VisionDetection, row_id)
        return row.status, row.delta


def _held(atelier: Atelier, item_id: int) -> Decimal:
    with atelier.factory.open(Principal.service("test")) as ctx:
        return stock.on_hand(ctx, item_id)


@pytest.mark.requirement("VIS-19", "VIS-20")
def test_a_queue_is_decided_with_the_thumb(phone: Page, atelier: Atelier, shot: Shot) -> None:
    anne = atelier.person("Anne", "Preneuse")
    first, second, third, fourth = (queue := waiting_detections(atelier.factory, 4, user_id=anne.user_id)).ids
    with atelier.factory.open(Principal.service("test")) as ctx:
        ctx.add(StockItem(code="FO-85", name="Foret 8,5", item_kind="tool"))
        tasks.open_task(ctx, "vision.look", "À regarder", ctx.get(VisionDetection, first), role="storekeeper")
    sign_in(phone, atelier.base_url, storekeeper(atelier))
    phone.get_by_role("link", name="Plus").click()
    expect(phone.get_by_role("button", name="4 prises de vue à vérifier")).to_be_visible()
    phone.get_by_role("button", name="Tâches et messages").click()
    expect(phone.get_by_role("button", name="À regarder")).to_be_visible()
    shot(phone, "mobile-notices")
    phone.get_by_role("button", name="À regarder").click()
    expect(phone).to_have_url(f"{atelier.base_url}#/review/{first}")

    expect(phone.get_by_role("heading", name=queue.place)).to_be_visible()
    expect(phone.get_by_text("avant 5, après 3")).to_contain_text("sûre à 84")
    expect(phone.get_by_text("confiance insuffisante")).to_be_visible()
    expect(phone.get_by_text("Anne Preneuse")).to_be_visible()
    expect(phone.locator("figure img")).to_have_count(4)
    expect(phone.get_by_test_id("frame")).to_have_count(2)
    assert phone.locator("figure img").first.evaluate("image => image.naturalWidth > 50")
    box = phone.get_by_role("button", name="Confirmer : 2 pris").bounding_box()
    assert box is not None
    assert box["height"] >= 72
    assert box["y"] + box["height"] < 844 - 70, "the usual answer needs no scrolling"
    shot(phone, "mobile-review", whole=True)
    phone.get_by_role("button", name="Confirmer : 2 pris").click()

    expect(phone).to_have_url(f"{atelier.base_url}#/review/{second}")
    expect(phone.get_by_role("status").first).to_contain_text(f"{queue.place}")
    phone.get_by_role("button", name="Un de moins dans le compartiment").click()
    expect(phone.get_by_text("il en reste 2")).to_be_visible()
    phone.get_by_role("button", name="Corriger : 3 pris").click()

    expect(phone).to_have_url(f"{atelier.base_url}#/review/{third}")
    phone.get_by_role("button", name="Rejeter").click()

    expect(phone).to_have_url(f"{atelier.base_url}#/review/{fourth}")
    phone.get_by_role("button", name="Autre article").click()
    phone.get_by_label("Référence ou nom").fill("FO-85")
    phone.get_by_role("button", name="Chercher", exact=True).click()
    phone.get_by_role("button", name="FO-85").click()
    expect(phone.get_by_role("button", name="Corriger : 2 pris")).to_be_visible()
    shot(phone, "mobile-review-correct", whole=True)
    phone.get_by_role("button", name="Faire compter").click()
    expect(phone.get_by_text("comptage demandé")).to_be_visible()

    assert [_status(atelier, one) for one in (first, second, third, fourth)] == [
        ("confirmed", -2),
        ("confirmed", -3),
        ("rejected", -2),
        ("to_confirm", -2),
    ]
    assert _held(atelier, queue.item_id) == HELD - 5
    with atelier.session() as session:
        asked = select(Task).where(Task.kind == "stock.count", Task.object_id == fourth)
        assert session.scalars(asked).one().role_code == "storekeeper"


def test_without_the_line_nothing_is_pretended(
    phone: Page, real_context: BrowserContext, atelier: Atelier, shot: Shot
) -> None:
    queue = waiting_detections(atelier.factory, 1)
    sign_in(phone, atelier.base_url, storekeeper(atelier))
    expect(phone.get_by_role("heading", name="Mes opérations")).to_be_visible()
    phone.goto(f"{atelier.base_url}#/review/{queue.ids[0]}")
    expect(phone.get_by_role("button", name="Confirmer : 2 pris")).to_be_visible()
    real_context.set_offline(True)
    phone.get_by_role("button", name="Confirmer : 2 pris").click()
    expect(phone.get_by_role("alert")).to_contain_text("Rien n’est gardé sur l’appareil")
    shot(phone, "mobile-review-offline")
    assert _status(atelier, queue.ids[0]) == ("to_confirm", -2)
    with atelier.factory.open(Principal.service("test")) as ctx:
        ctx.get(VisionDetection, queue.ids[0]).status = "rejected"
    real_context.set_offline(False)
    expect(phone.get_by_text("Déjà décidé")).to_be_visible(timeout=15_000)
    assert _held(atelier, queue.item_id) == HELD


def test_a_tablet_shows_pictures_beside_the_answer_and_an_operator_none_of_it(
    phone: Page, atelier: Atelier, shot: Shot
) -> None:
    queue = waiting_detections(atelier.factory, 1)
    anne = atelier.person("Anne", "Curieuse")
    sign_in(phone, atelier.base_url, anne)
    expect(phone.get_by_role("heading", name="Mes opérations")).to_be_visible()
    phone.get_by_role("link", name="Plus").click()
    expect(phone.get_by_role("button", name="Tâches et messages")).to_be_visible()
    expect(phone.get_by_role("button", name="vérifier")).to_have_count(0)
    phone.goto(f"{atelier.base_url}#/review/{queue.ids[0]}")
    expect(phone.get_by_text("Votre rôle ne décide pas")).to_be_visible()
    phone.get_by_role("link", name="Plus").click()
    phone.get_by_role("button", name="Se déconnecter").click()

    phone.set_viewport_size({"width": 1180, "height": 820})
    sign_in(phone, atelier.base_url, storekeeper(atelier))
    expect(phone.get_by_role("heading", name="Mes opérations")).to_be_visible()
    phone.goto(f"{atelier.base_url}#/review/{queue.ids[0]}")
    confirm = phone.get_by_role("button", name="Confirmer : 2 pris")
    picture = phone.locator("figure img").first
    expect(phone.locator("figure img")).to_have_count(4)
    shot(phone, "tablet-review")
    beside, image = confirm.bounding_box(), picture.bounding_box()
    assert beside is not None
    assert image is not None
    assert beside["x"] > image["x"] + image["width"]
