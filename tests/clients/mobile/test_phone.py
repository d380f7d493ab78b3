"""The operator's day on a phone, in a real browser."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.clients.mobile.workshop import REFUSED_COMMENT, Workshop

SMALLEST_TARGET_PX = 56


def sign_in(page: Page, workshop: Workshop, email: str | None = None) -> None:
    page.goto(workshop.base_url)
    page.get_by_label("Adresse e-mail").fill(email or workshop.email)
    page.get_by_label("Mot de passe", exact=True).fill(workshop.password)
    page.get_by_role("button", name="Se connecter").click()


def open_operation(page: Page, label: str) -> None:
    page.get_by_role("link", name=re.compile(re.escape(label))).click()
    expect(page.locator("main .title")).to_have_text(label)


def confirm(page: Page, words: str) -> None:
    panel = page.get_by_test_id("confirmation")
    expect(panel).to_contain_text(words)
    panel.get_by_role("button", name="Continuer").click()
    expect(panel).to_have_count(0)


def wait_offline_ready(page: Page) -> None:
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function(
        "caches.keys().then(k => k.length ? caches.open(k[0]).then(c => c.keys()).then(f => f.length > 8) : false)"
    )
    page.reload()
    page.wait_for_function("navigator.serviceWorker.controller !== null")


@pytest.mark.requirement("ACC-10")
def test_wrong_password_does_not_say_which_part_is_wrong(page: Page, workshop: Workshop, shots: Path) -> None:
    page.goto(workshop.base_url)
    page.get_by_label("Adresse e-mail").fill(workshop.email)
    page.get_by_label("Mot de passe", exact=True).fill("faux")
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("alert")).to_contain_text("Adresse ou mot de passe incorrect")
    page.screenshot(path=shots / "01-login.png")


@pytest.mark.requirement("ACC-09")
def test_second_factor_is_asked(page: Page, workshop: Workshop, shots: Path) -> None:
    sign_in(page, workshop, workshop.second_factor_email)
    page.get_by_label("Code à six chiffres").fill("000000")
    page.get_by_role("button", name="Valider le code").click()
    expect(page.get_by_role("alert")).to_contain_text("n’est plus valable")
    page.get_by_label("Code à six chiffres").fill(workshop.totp)
    page.screenshot(path=shots / "02-totp.png")
    page.get_by_role("button", name="Valider le code").click()
    expect(page.get_by_role("heading", name="Mes opérations")).to_be_visible()


@pytest.mark.requirement("UIX-21")
@pytest.mark.requirement("EXE-18")
@pytest.mark.requirement("EXE-20")
@pytest.mark.requirement("EXE-31")
def test_an_operation_from_start_to_finish(page: Page, workshop: Workshop, shots: Path) -> None:
    sign_in(page, workshop)
    expect(page.get_by_text("À faire maintenant")).to_be_visible()
    page.screenshot(path=shots / "03-list.png")
    open_operation(page, "Tournage ébauche")
    page.screenshot(path=shots / "04-operation.png", full_page=True)
    page.get_by_role("button", name="Démarrer la production").click()
    expect(page.get_by_test_id("confirmation")).to_contain_text("Production démarrée")
    page.screenshot(path=shots / "05-confirmation.png")
    confirm(page, "Production démarrée")
    expect(page.get_by_text("En cours", exact=True)).to_be_visible()
    page.screenshot(path=shots / "06-running.png", full_page=True)

    page.get_by_role("button", name="Mettre en pause").click()
    page.screenshot(path=shots / "07-pause.png")
    page.get_by_role("button", name="Attente de matière").click()
    confirm(page, "Opération en pause")
    page.get_by_role("button", name="Reprendre").click()
    confirm(page, "Opération reprise")

    page.get_by_role("button", name="Déclarer des pièces").click()
    for _ in range(4):
        page.get_by_role("button", name="Pièces bonnes : ajouter une pièce").click()
    page.get_by_role("button", name="Rebut : ajouter une pièce").click()
    page.get_by_role("button", name="Enregistrer les pièces").click()
    expect(page.get_by_role("alert")).to_contain_text("Choisissez la cause")
    page.get_by_label("Cause").select_option(label="Outil")
    page.screenshot(path=shots / "08-report.png")
    page.get_by_role("button", name="Enregistrer les pièces").click()
    confirm(page, "4 bonnes, 1 au rebut")

    page.get_by_role("button", name="Terminer").click()
    expect(page.get_by_label("Pièces bonnes", exact=True)).to_have_value("5")
    page.get_by_label("Temps passé").fill("80")
    page.get_by_label("Modification outils").check()
    page.get_by_label("Outil remplacé").select_option("T04")
    page.get_by_label("Remplacé par").fill("T12")
    page.get_by_label("Raison").fill("arête ébréchée")
    page.screenshot(path=shots / "09-finish.png", full_page=True)
    page.get_by_role("button", name="Terminer l’opération").click()
    assert workshop.of_type("operation.finished") == [], "a corrected time needs a comment first"
    page.get_by_label("Commentaire").fill("réglage long")
    page.get_by_role("button", name="Terminer l’opération").click()
    confirm(page, "Opération terminée : 9 bonnes, 1 au rebut")
    expect(page.get_by_text("Terminées")).to_be_visible()
    page.screenshot(path=shots / "10-after.png", full_page=True)

    kinds = [event["type"] for event in workshop.events]
    assert kinds == [
        "operation.started",
        "operation.paused",
        "operation.resumed",
        "operation.reported",
        "operation.finished",
        "comment.added",
    ]
    assert workshop.of_type("operation.paused")[0]["payload"]["reason_code"] == "waiting_material"
    assert workshop.of_type("operation.reported")[0]["payload"]["scrap_cause"] == "tool"
    finished = workshop.of_type("operation.finished")[0]["payload"]
    assert (finished["good"], finished["scrap"], finished["time_spent_min"]) == (5, 0, 80)
    assert finished["tool_change_flag"] is True
    assert finished["comment"] == "réglage long"
    assert "T04" in workshop.of_type("comment.added")[0]["payload"]["text"]


@pytest.mark.requirement("EXE-38")
def test_sawing_proposes_count_and_length(page: Page, workshop: Workshop, shots: Path) -> None:
    sign_in(page, workshop)
    page.get_by_role("button", name="Démarrer la production").click()
    confirm(page, "Production démarrée")
    page.get_by_role("button", name="Terminer").click()
    expect(page.get_by_label("Longueur débitée (mm)")).to_have_value("70,5")
    page.get_by_label("Morceaux débités").fill("11")
    page.screenshot(path=shots / "11-sawing.png", full_page=True)
    page.get_by_role("button", name="Terminer l’opération").click()
    confirm(page, "10 bonnes")
    payload = workshop.of_type("operation.finished")[0]["payload"]
    assert (payload["cut_count"], payload["cut_length_mm"]) == (11, 70.5)


@pytest.mark.requirement("UIX-25")
@pytest.mark.requirement("EXE-54")
def test_offline_work_survives_a_restart_and_is_sent_once_in_order(
    page: Page, context: BrowserContext, workshop: Workshop, shots: Path
) -> None:
    sign_in(page, workshop)
    expect(page.get_by_text("À faire maintenant")).to_be_visible()
    wait_offline_ready(page)
    expect(page.get_by_text("À faire maintenant")).to_be_visible()
    context.set_offline(True)
    page.get_by_role("button", name="Démarrer le réglage").click()
    expect(page.get_by_test_id("confirmation")).to_contain_text("envoyé dès que le réseau revient")
    page.screenshot(path=shots / "12-offline-confirmation.png")
    confirm(page, "Réglage démarré")
    page.get_by_role("button", name="Mettre en pause").click()
    page.get_by_role("button", name="Pause réglementaire").click()
    confirm(page, "Opération en pause")

    page.reload()
    expect(page.get_by_test_id("offline-banner")).to_contain_text("2 saisies en attente d’envoi")
    expect(page.get_by_text("En pause", exact=True)).to_be_visible()
    page.screenshot(path=shots / "13-offline.png")
    page.get_by_test_id("offline-banner").click()
    expect(page.get_by_role("heading", name="Saisies de l’appareil")).to_be_visible()
    page.screenshot(path=shots / "14-outbox.png")
    assert workshop.events == []

    context.set_offline(False)
    expect(page.get_by_text("Tout est envoyé.")).to_be_visible(timeout=15_000)
    assert [event["type"] for event in workshop.events] == ["operation.started", "operation.paused"]
    assert workshop.events[0]["occurred_at"] < workshop.events[1]["occurred_at"]


@pytest.mark.requirement("UIX-25")
def test_an_answer_lost_on_the_way_does_not_count_twice(page: Page, workshop: Workshop) -> None:
    sign_in(page, workshop)
    expect(page.get_by_text("À faire maintenant")).to_be_visible()
    workshop.drop_next_answer = True
    page.get_by_role("button", name="Démarrer la production").click()
    expect(page.get_by_test_id("confirmation")).to_contain_text("Production démarrée")
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_test_id("offline-banner")).to_have_count(0, timeout=15_000)
    assert workshop.posts >= 2
    assert len(workshop.of_type("operation.started")) == 1


@pytest.mark.requirement("EXE-52")
def test_a_refusal_says_what_to_do_and_stays_visible(page: Page, workshop: Workshop, shots: Path) -> None:
    sign_in(page, workshop)
    page.get_by_role("button", name="Démarrer la production").click()
    confirm(page, "Production démarrée")
    page.get_by_role("button", name="Déclarer des pièces").click()
    page.get_by_label("Pièces bonnes", exact=True).fill("12")
    expect(page.get_by_text("Le total dépasse la quantité prévue de 2")).to_be_visible()
    page.get_by_label("Commentaire").fill(REFUSED_COMMENT)
    page.get_by_role("button", name="Enregistrer les pièces").click()
    expect(page.get_by_test_id("confirmation")).to_contain_text("Quantité supérieure aux pièces reçues")
    page.screenshot(path=shots / "15-refused.png")
    confirm(page, "Saisie refusée")
    expect(page.get_by_label("Pièces bonnes", exact=True)).to_have_value("12")
    page.get_by_role("button", name="1 saisie à revoir").click()
    expect(page.get_by_text("Corrigez la saisie ou adressez-vous au chef d’atelier")).to_be_visible()
    page.screenshot(path=shots / "16-issues.png")
    page.get_by_role("button", name="J’ai compris").click()
    expect(page.get_by_text("Tout est envoyé.")).to_be_visible()


@pytest.mark.requirement("UIX-23")
def test_the_camera_reads_the_code_of_an_operation(page: Page, workshop: Workshop) -> None:
    sign_in(page, workshop)
    page.get_by_role("link", name="Scanner").click()
    expect(page.locator("main .title")).to_have_text("Tournage ébauche", timeout=20_000)
    page.get_by_role("button", name="Démarrer la production").click()
    confirm(page, "Production démarrée")
    assert workshop.of_type("operation.started")[0]["payload"]["means"] == "qr"


@pytest.mark.requirement("UIX-64")
@pytest.mark.requirement("EXE-50")
@pytest.mark.requirement("UIX-66")
def test_without_camera_the_number_is_typed_and_unknown_codes_book_nothing(
    page: Page, context: BrowserContext, workshop: Workshop, shots: Path
) -> None:
    context.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'))"
    )
    sign_in(page, workshop)
    page.get_by_role("link", name="Scanner").click()
    expect(page.get_by_role("alert")).to_contain_text("Aucune caméra sur cet appareil")
    number = page.get_by_label("Numéro de l’OF et de l’opération")
    number.fill("OF-1999-0001 10")
    page.screenshot(path=shots / "17-manual.png")
    page.get_by_role("button", name="Chercher").click()
    expect(page.get_by_test_id("confirmation")).to_contain_text("Rien n’a été enregistré")
    page.screenshot(path=shots / "18-unknown.png")
    confirm(page, "Code inconnu")
    number.fill("gu:q/stock-1")
    page.get_by_role("button", name="Chercher").click()
    expect(page.get_by_text("Plaquette CNMG 120408")).to_be_visible()
    page.screenshot(path=shots / "19-stock.png")
    page.get_by_label("Quantité", exact=True).fill("3")
    page.get_by_role("button", name="Sortir du stock").click()
    confirm(page, "3 sorties du stock")
    assert [event["type"] for event in workshop.events] == ["stock.taken"]
    page.get_by_role("link", name="Scanner").click()
    number.fill("of 2026 0012 20")
    page.get_by_role("button", name="Chercher").click()
    expect(page.locator("main .title")).to_have_text("Tournage ébauche")


@pytest.mark.requirement("ACC-08")
@pytest.mark.requirement("UIX-61")
def test_an_idle_phone_locks_and_keeps_the_entry(
    page: Page, context: BrowserContext, workshop: Workshop, shots: Path
) -> None:
    page.clock.install()
    sign_in(page, workshop)
    open_operation(page, "Tournage ébauche")
    page.get_by_role("button", name="Démarrer la production").click()
    confirm(page, "Production démarrée")
    page.get_by_role("button", name="Déclarer des pièces").click()
    page.get_by_label("Pièces bonnes", exact=True).fill("6")
    page.clock.fast_forward("10:06")
    expect(page.get_by_role("heading", name="Application verrouillée")).to_be_visible()
    page.screenshot(path=shots / "20-locked.png")
    context.set_offline(True)
    page.get_by_label("Mot de passe").fill("faux")
    page.get_by_role("button", name="Déverrouiller").click()
    expect(page.get_by_role("alert")).to_contain_text("Mot de passe incorrect")
    page.get_by_label("Mot de passe").fill(workshop.password)
    page.get_by_role("button", name="Déverrouiller").click()
    expect(page.get_by_role("heading", name="Application verrouillée")).to_have_count(0)
    expect(page.get_by_label("Pièces bonnes", exact=True)).to_have_value("6")


def test_targets_are_large_in_both_themes(page: Page, workshop: Workshop, shots: Path) -> None:
    page.emulate_media(color_scheme="dark")
    sign_in(page, workshop)
    expect(page.get_by_text("À faire maintenant")).to_be_visible()
    page.screenshot(path=shots / "21-dark-list.png")
    for route in (
        "",
        "more",
        "scan",
        "op/" + workshop.operations[1]["uid"],
        "op/" + workshop.operations[1]["uid"] + "/finish",
    ):
        page.evaluate("route => { location.hash = '/' + route }", route)
        page.wait_for_timeout(150)
        small = page.evaluate(
            "limit => [...document.querySelectorAll('main button, main a, nav a, main input:not([type=checkbox]), main select')]"
            ".filter(e => e.offsetParent && e.getBoundingClientRect().height < limit).map(e => e.outerHTML.slice(0, 90))",
            SMALLEST_TARGET_PX - 0.5,
        )
        assert small == [], route
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{route} scrolls sideways"
        )
    page.screenshot(path=shots / "22-dark-finish.png", full_page=True)
    page.evaluate("location.hash = '/more'")
    page.wait_for_timeout(150)
    page.screenshot(path=shots / "23-dark-more.png", full_page=True)
    page.evaluate("location.hash = '/machines'")
    expect(page.get_by_text("Alarme")).to_be_visible()
    page.screenshot(path=shots / "24-machines.png")


@pytest.mark.requirement("UIX-55")
def test_english_is_chosen_per_device(page: Page, workshop: Workshop) -> None:
    sign_in(page, workshop)
    page.get_by_role("link", name="Plus").click()
    page.get_by_label("Langue").select_option("en")
    expect(page.get_by_role("link", name="Operations")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.requirement("UIX-20")
def test_the_build_can_be_installed(page: Page, workshop: Workshop, build: Path) -> None:
    page.goto(workshop.base_url)
    assert page.locator("link[rel=manifest]").get_attribute("href") == "./manifest.webmanifest"
    manifest = json.loads((build / "manifest.webmanifest").read_text("utf-8"))
    assert manifest["display"] == "standalone"
    assert manifest["lang"] == "fr"
    sizes = {}
    for icon in manifest["icons"]:
        if icon["type"] == "image/png":
            head = (build / icon["src"]).read_bytes()[:24]
            assert head.startswith(b"\x89PNG")
            sizes[icon["sizes"]] = struct.unpack(">II", head[16:24])
    assert sizes == {"192x192": (192, 192), "512x512": (512, 512)}


def test_a_temporary_password_is_replaced_first(page: Page, workshop: Workshop, shots: Path) -> None:
    workshop.temporary_password = True
    sign_in(page, workshop)
    expect(page.get_by_role("heading", name="Choisissez votre mot de passe")).to_be_visible()
    page.screenshot(path=shots / "25-password.png")

    def enter(new: str, again: str) -> None:
        page.get_by_label("Mot de passe provisoire").fill(workshop.password)
        page.get_by_label("Nouveau mot de passe", exact=True).fill(new)
        page.get_by_label("Nouveau mot de passe, encore une fois").fill(again)
        page.get_by_role("button", name="Enregistrer le mot de passe").click()

    enter("Fraise-Carbure-12", "autre")
    expect(page.get_by_role("alert")).to_contain_text("Les deux saisies diffèrent")
    enter("court", "court")
    expect(page.get_by_role("alert")).to_contain_text("au moins 12 caractères")
    enter("Fraise-Carbure-12", "Fraise-Carbure-12")
    expect(page.get_by_role("heading", name="Choisissez votre mot de passe")).to_have_count(0)
    assert workshop.temporary_password is False


@pytest.mark.requirement("EXE-20")
def test_pause_reasons_are_those_of_the_shop(page: Page, workshop: Workshop) -> None:
    workshop.stop_reasons = [{"code": "crane", "label": "Attente du pont roulant"}]
    sign_in(page, workshop)
    page.get_by_role("button", name="Démarrer la production").click()
    confirm(page, "Production démarrée")
    page.get_by_role("button", name="Mettre en pause").click()
    page.get_by_role("button", name="Attente du pont roulant").click()
    confirm(page, "Opération en pause")
    assert workshop.of_type("operation.paused")[0]["payload"]["reason_code"] == "crane"
