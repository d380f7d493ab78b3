"""Phone and station in front of the real coordinator: what is touched on the screen is what the database holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from urllib.request import urlopen

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import func, select

from coordinator.modules.execution.models import (
    Comment,
    ShopEvent,
    TimeEntry,
    TimePause,
    WorkOrder,
    WorkOrderOperation,
)
from coordinator.modules.stock.models import StockMovement
from tests.clients.mobile.atelier import CRANE, PASSWORD, Atelier, Person, Work
from tests.clients.mobile.conftest import STATION
from tests.clients.mobile.gestures import confirm, open_operation, sign_in, wait_offline_ready

Shot = Callable[..., None]
STATION_NAME = "Poste débit 1"


def report_good_and_scrap(phone: Page) -> None:
    """Four good, one scrapped: the cause must be told."""
    phone.get_by_role("button", name="Déclarer des pièces").click()
    for _ in range(4):
        phone.get_by_role("button", name="Pièces bonnes : ajouter une pièce").click()
    phone.get_by_role("button", name="Rebut : ajouter une pièce").click()
    phone.get_by_role("button", name="Enregistrer les pièces").click()
    expect(phone.get_by_role("alert")).to_contain_text("Choisissez la cause")
    phone.get_by_label("Cause").select_option(label="Outil")
    phone.get_by_role("button", name="Enregistrer les pièces").click()
    confirm(phone, "4")


@pytest.mark.requirement("EXE-18", "EXE-20", "EXE-31", "EXE-38", "UIX-21")
def test_a_day_at_the_saw_and_the_mill(
    phone: Page, real_context: BrowserContext, atelier: Atelier, shot: Shot
) -> None:
    anne = atelier.person("Anne", "Martin")
    saw, mill = atelier.order(anne)
    sign_in(phone, atelier.base_url, anne)
    expect(phone.get_by_text("À faire maintenant")).to_be_visible()
    expect(phone.get_by_role("link", name=re.compile(mill.label))).to_be_visible()
    open_operation(phone, saw.label)
    expect(phone.get_by_text("10 × 70,5 mm")).to_be_visible()
    phone.get_by_role("button", name="Démarrer la production").click()
    confirm(phone, saw.label)
    phone.get_by_role("button", name="Mettre en pause").click()
    phone.get_by_role("button", name="Attente du pont roulant").click()
    confirm(phone, "pause")
    phone.get_by_role("button", name="Reprendre").click()
    confirm(phone, "repr")
    report_good_and_scrap(phone)
    phone.get_by_role("link", name="Opérations").click()
    shot(phone, "mobile-operations")
    open_operation(phone, saw.label)
    shot(phone, "mobile-operation", whole=True)

    phone.get_by_role("button", name="Terminer").click()
    expect(phone.get_by_label("Pièces bonnes", exact=True)).to_have_value("5")
    expect(phone.get_by_label("Longueur débitée (mm)")).to_have_value("70,5")
    phone.get_by_label("Morceaux débités").fill("11")
    phone.get_by_label("Temps passé").fill("42")
    phone.get_by_role("button", name="Terminer l’opération").click()
    assert "operation.finished" not in atelier.facts(saw), "a corrected time needs a comment first"
    phone.get_by_label("Commentaire").fill("lame changée")
    shot(phone, "mobile-finish", whole=True)
    phone.get_by_role("button", name="Terminer l’opération").click()
    confirm(phone, "terminée")
    check_the_saw(atelier, anne, saw)

    mill_offline(phone, real_context, atelier, mill)
    finish_with_a_new_tool(phone, atelier, mill)
    with atelier.session() as session:
        entry = session.scalars(select(TimeEntry).where(TimeEntry.work_order_operation_id == mill.id)).one()
        assert (entry.user_id, entry.kind, entry.means) == (anne.user_id, "run", "button")


def check_the_saw(atelier: Atelier, anne: Person, saw: Work) -> None:
    """What the first operation left in the database."""
    assert atelier.facts(saw) == [
        "operation.started",
        "operation.paused",
        "operation.resumed",
        "operation.reported",
        "operation.finished",
    ]
    with atelier.session() as session:
        done = session.get_one(WorkOrderOperation, saw.id)
        assert (done.status, done.good_qty, done.scrap_qty, done.rework_qty) == (
            "done",
            Decimal(9),
            Decimal(1),
            Decimal(0),
        )
        assert (done.operator_remark, done.started_by_id) == ("lame changée", anne.user_id)
        entry = session.scalars(select(TimeEntry).where(TimeEntry.work_order_operation_id == saw.id)).one()
        assert (entry.user_id, entry.employee_id, entry.kind) == (anne.user_id, anne.employee_id, "run")
        assert entry.ended_at is not None
        assert entry.ended_at == done.ended_at
        assert entry.confirmed_min == Decimal(42)
        pause = session.scalars(select(TimePause).where(TimePause.time_entry_id == entry.id)).one()
        assert pause.reason == CRANE
        assert pause.ended_at is not None
        assert entry.started_at < pause.started_at < pause.ended_at < entry.ended_at
        reported = session.scalars(
            select(ShopEvent.payload).where(
                ShopEvent.work_order_operation_id == saw.id, ShopEvent.event_type == "operation.reported"
            )
        ).one()
        assert reported["scrap_cause"] == "tool"
        cut = session.scalars(
            select(StockMovement).where(StockMovement.work_order_operation_id == saw.id)
        ).all()
        assert sum(abs(movement.quantity) for movement in cut) >= 11 * Decimal("70.5")
        order = session.get_one(WorkOrder, done.work_order_id)
        assert order.status == "in_progress"


def mill_offline(phone: Page, context: BrowserContext, atelier: Atelier, mill: Work) -> None:
    """Without network the next operation is started; the device is restarted; one fact arrives, once."""
    wait_offline_ready(phone)
    open_operation(phone, mill.label)
    context.set_offline(True)
    phone.get_by_role("button", name="Démarrer la production").click()
    confirm(phone, "Production démarrée")
    phone.reload()
    expect(phone.get_by_test_id("offline-banner")).to_contain_text("1 saisie en attente d’envoi")
    expect(phone.get_by_text("En cours", exact=True)).to_be_visible()
    assert atelier.facts(mill) == []
    context.set_offline(False)
    expect(phone.get_by_test_id("offline-banner")).to_have_count(0, timeout=15_000)
    assert atelier.facts(mill) == ["operation.started"]
    with atelier.session() as session:
        assert session.get_one(WorkOrderOperation, mill.id).status == "in_progress"


def finish_with_a_new_tool(phone: Page, atelier: Atelier, mill: Work) -> None:
    """Nine parts came from the saw, so nine are proposed; a changed tool is told to methods."""
    phone.get_by_role("button", name="Terminer").click()
    expect(phone.get_by_label("Pièces bonnes", exact=True)).to_have_value("9")
    phone.get_by_label("Modification outils").check()
    phone.get_by_label("Outil remplacé").select_option("FR-10")
    phone.get_by_label("Remplacé par").fill("FR-12")
    phone.get_by_label("Raison").fill("arête ébréchée")
    phone.get_by_role("button", name="Terminer l’opération").click()
    confirm(phone, "terminée")
    with atelier.session() as session:
        done = session.get_one(WorkOrderOperation, mill.id)
        assert (done.status, done.good_qty, done.tool_change_flag) == ("done", Decimal(9), True)
        said = session.scalars(select(Comment).where(Comment.object_id == mill.id)).one()
        assert (said.kind, said.text) == ("technical", "Outil FR-10 remplacé par FR-12\u00a0: arête ébréchée")


@pytest.mark.requirement("EXE-07", "EXE-08", "EXE-50", "UIX-64")
def test_a_typed_code_takes_the_operation_of_a_colleague_and_unknown_ones_book_nothing(
    phone: Page, real_context: BrowserContext, atelier: Atelier
) -> None:
    real_context.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'))"
    )
    anne, luc = atelier.person("Anne", "Petit"), atelier.person("Luc", "Morel")
    saw, mill = atelier.order(anne)
    sign_in(phone, atelier.base_url, luc)
    expect(phone.get_by_text("Aucune opération ne vous est affectée")).to_be_visible()
    phone.get_by_role("link", name="Scanner").click()
    expect(phone.get_by_role("alert")).to_contain_text("Aucune caméra sur cet appareil")
    number = phone.get_by_label("Numéro de l’OF et de l’opération")
    number.fill("gu:q/inconnu")
    phone.get_by_role("button", name="Chercher").click()
    confirm(phone, "Code inconnu")
    number.fill(f"{mill.order_number} {mill.sequence_no}".lower())
    phone.get_by_role("button", name="Chercher").click()
    expect(phone.locator("main .title")).to_have_text(mill.label)
    phone.get_by_role("link", name="Scanner").click()
    number.fill(saw.code)
    phone.get_by_role("button", name="Chercher").click()
    expect(phone.locator("main .title")).to_have_text(saw.label)
    phone.get_by_role("button", name="Démarrer la production").click()
    confirm(phone, saw.label)
    with atelier.session() as session:
        entry = session.scalars(select(TimeEntry).where(TimeEntry.work_order_operation_id == saw.id)).one()
        assert (entry.user_id, entry.means) == (luc.user_id, "manual")
        assert session.scalar(select(func.count()).where(ShopEvent.user_id == luc.user_id)) == 1


@pytest.mark.requirement("ACC-10", "EXE-03", "UIX-29", "UIX-32", "UIX-33")
def test_a_station_is_opened_by_badge_and_an_operation_by_its_code(
    phone: Page, atelier: Atelier, shot: Shot
) -> None:
    anne = atelier.person("Anne", "Martin")
    saw, _ = atelier.order(anne)
    phone.clock.install()
    phone.set_viewport_size(STATION)
    phone.goto(f"{atelier.base_url}?station=1&name={STATION_NAME}")
    expect(phone.get_by_role("heading", name="Identifiez-vous pour commencer")).to_be_visible()
    expect(phone.get_by_text("Connecté", exact=True)).to_be_visible()
    phone.keyboard.type(anne.badge, delay=2)
    phone.keyboard.press("Enter")
    expect(phone.get_by_role("heading", name="Saisissez votre code PIN")).to_be_visible()
    phone.set_viewport_size({"width": 1024, "height": 600})
    for name in ("1", "Valider", "Annuler"):
        expect(phone.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
    shot(phone, "station-pin-1024x600")
    phone.set_viewport_size(STATION)
    enter_pin(phone, "000000")
    expect(phone.get_by_role("alert")).to_contain_text("Badge ou code PIN incorrect")
    enter_pin(phone, anne.pin)
    expect(phone.get_by_text("À faire maintenant")).to_be_visible()
    expect(phone.get_by_text(STATION_NAME)).to_be_visible()
    phone.keyboard.type(saw.code, delay=2)
    phone.keyboard.press("Enter")
    expect(phone.locator("main .title")).to_have_text(saw.label)
    phone.get_by_role("button", name="Démarrer la production").click()
    expect(phone.get_by_test_id("confirmation")).to_contain_text("Retour à l’accueil")
    phone.clock.run_for(6_000)
    expect(phone.get_by_role("heading", name="Identifiez-vous pour commencer")).to_be_visible(timeout=9_000)
    expect(phone.get_by_role("button", name="Anne Martin")).to_be_visible()
    shot(phone, "station-waiting")
    with atelier.session() as session:
        entry = session.scalars(select(TimeEntry).where(TimeEntry.work_order_operation_id == saw.id)).one()
        assert (entry.user_id, entry.means) == (anne.user_id, "qr")


def enter_pin(page: Page, pin: str) -> None:
    """Type on the keys of the screen."""
    for digit in pin:
        page.get_by_role("button", name=digit, exact=True).click()
    page.get_by_role("button", name="Valider").click()


@pytest.mark.requirement("ACC-10")
def test_a_wrong_password_is_refused_and_a_temporary_one_replaced(phone: Page, atelier: Atelier) -> None:
    anne = atelier.person("Anne", "Neuve", temporary=True)
    sign_in(phone, atelier.base_url, anne, password="faux")
    expect(phone.get_by_role("alert")).to_contain_text("Adresse ou mot de passe incorrect")
    phone.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    phone.get_by_role("button", name="Se connecter").click()
    expect(phone.get_by_role("heading", name="Choisissez votre mot de passe")).to_be_visible()

    def enter(new: str, again: str) -> None:
        phone.get_by_label("Mot de passe provisoire").fill(PASSWORD)
        phone.get_by_label("Nouveau mot de passe", exact=True).fill(new)
        phone.get_by_label("Nouveau mot de passe, encore une fois").fill(again)
        phone.get_by_role("button", name="Enregistrer le mot de passe").click()

    enter("Fraise-Carbure-12", "autre")
    expect(phone.get_by_role("alert")).to_contain_text("Les deux saisies diffèrent")
    enter("court", "court")
    expect(phone.get_by_role("alert")).to_contain_text("caractères")
    enter("Fraise-Carbure-12", "Fraise-Carbure-12")
    expect(phone.get_by_text("Aucune opération ne vous est affectée")).to_be_visible()


@pytest.mark.requirement("EXE-18")
def test_the_clock_of_a_short_operation_is_accepted_without_comment(phone: Page, atelier: Atelier) -> None:
    anne = atelier.person("Anne", "Brève")
    saw, _ = atelier.order(anne)
    sign_in(phone, atelier.base_url, anne)
    phone.get_by_role("button", name="Démarrer la production").click()
    confirm(phone, saw.label)
    phone.get_by_role("button", name="Terminer").click()
    phone.get_by_role("button", name="Terminer l’opération").click()
    confirm(phone, "terminée")
    with atelier.session() as session:
        done = session.get_one(WorkOrderOperation, saw.id)
        assert (done.status, done.good_qty, done.operator_remark) == ("done", Decimal(10), None)


def test_the_page_may_only_speak_to_its_coordinator_and_is_renewed(build: object, atelier: Atelier) -> None:
    with urlopen(atelier.base_url) as answer:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-cache"
        script = re.search(r'src="\./(assets/[^"]+\.js)"', answer.read().decode())
    assert script is not None
    with urlopen(atelier.base_url + script.group(1)) as answer:
        assert "immutable" in answer.headers["cache-control"]
    with urlopen(atelier.base_url + "sw.js") as answer:
        assert answer.headers["cache-control"] == "no-cache"
