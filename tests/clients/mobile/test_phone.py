"""The operator's day on a phone, in a real browser."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.clients.mobile.gestures import confirm, open_operation, sign_in
from tests.clients.mobile.workshop import REFUSED_COMMENT, Workshop

Shot = Callable[..., None]
SMALLEST_TARGET_PX = 56


@pytest.mark.requirement("ACC-09")
def test_second_factor_is_asked(page: Page, workshop: Workshop, shot: Shot) -> None:
    sign_in(
        page,
        workshop.base_url,
        SimpleNamespace(email=workshop.second_factor_email, password=workshop.password),
    )
    page.get_by_label("Code à six chiffres").fill("000000")
    page.get_by_role("button", name="Valider le code").click()
    expect(page.get_by_role("alert")).to_contain_text("n’est plus valable")
    page.get_by_label("Code à six chiffres").fill(workshop.totp)
    shot(page, "totp")
    page.get_by_role("button", name="Valider le code").click()
    expect(page.get_by_role("heading", name="Mes opérations")).to_be_visible()


@pytest.mark.requirement("UIX-25")
def test_an_answer_lost_on_the_way_does_not_count_twice(page: Page, workshop: Workshop) -> None:
    sign_in(page, workshop.base_url, workshop)
    expect(page.get_by_text("À faire maintenant")).to_be_visible()
    workshop.drop_next_answer = True
    page.get_by_role("button", name="Démarrer la production").click()
    expect(page.get_by_test_id("confirmation")).to_contain_text("Production démarrée")
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_test_id("offline-banner")).to_have_count(0, timeout=15_000)
    assert workshop.posts >= 2
    assert len(workshop.of_type("operation.started")) == 1


@pytest.mark.requirement("EXE-52")
def test_a_refusal_says_what_to_do_and_stays_visible(page: Page, workshop: Workshop, shot: Shot) -> None:
    sign_in(page, workshop.base_url, workshop)
    page.get_by_role("button", name="Démarrer la production").click()
    confirm(page, "Production démarrée")
    page.get_by_role("button", name="Déclarer des pièces").click()
    page.get_by_label("Pièces bonnes", exact=True).fill("12")
    expect(page.get_by_text("Le total dépasse la quantité prévue de 2")).to_be_visible()
    page.get_by_label("Commentaire").fill(REFUSED_COMMENT)
    page.get_by_role("button", name="Enregistrer les pièces").click()
    expect(page.get_by_test_id("confirmation")).to_contain_text("Quantité supérieure aux pièces reçues")
    shot(page, "refused")
    confirm(page, "Saisie refusée")
    expect(page.get_by_label("Pièces bonnes", exact=True)).to_have_value("12")
    page.get_by_role("button", name="1 saisie à revoir").click()
    expect(page.get_by_text("Corrigez la saisie ou adressez-vous au chef d’atelier")).to_be_visible()
    shot(page, "issues")
    page.get_by_role("button", name="J’ai compris").click()
    expect(page.get_by_text("Tout est envoyé.")).to_be_visible()


@pytest.mark.requirement("UIX-23")
def test_the_camera_reads_the_code_of_an_operation(page: Page, workshop: Workshop) -> None:
    sign_in(page, workshop.base_url, workshop)
    page.get_by_role("link", name="Scanner").click()
    expect(page.locator("main .title")).to_have_text("Tournage ébauche", timeout=20_000)
    page.get_by_role("button", name="Démarrer la production").click()
    confirm(page, "Production démarrée")
    assert workshop.of_type("operation.started")[0]["payload"]["means"] == "qr"


@pytest.mark.requirement("UIX-64")
@pytest.mark.requirement("EXE-50")
@pytest.mark.requirement("UIX-66")
def test_without_camera_the_number_is_typed_and_unknown_codes_book_nothing(
    page: Page, context: BrowserContext, workshop: Workshop, shot: Shot
) -> None:
    context.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'))"
    )
    sign_in(page, workshop.base_url, workshop)
    page.get_by_role("link", name="Scanner").click()
    expect(page.get_by_role("alert")).to_contain_text("Aucune caméra sur cet appareil")
    number = page.get_by_label("Numéro de l’OF et de l’opération")
    number.fill("OF-1999-0001 10")
    shot(page, "manual")
    page.get_by_role("button", name="Chercher").click()
    expect(page.get_by_test_id("confirmation")).to_contain_text("Rien n’a été enregistré")
    shot(page, "unknown")
    confirm(page, "Code inconnu")
    number.fill("gu:q/stock-1")
    page.get_by_role("button", name="Chercher").click()
    expect(page.get_by_text("Plaquette CNMG 120408")).to_be_visible()
    shot(page, "stock")
    page.get_by_label("Quantité", exact=True).fill("3")
    page.get_by_role("button", name="Sortir du stock").click()
    confirm(page, "3 sorties du stock")
    assert [event["type"] for event in workshop.events] == ["stock.taken"]
    page.get_by_role("link", name="Scanner").click()
    number.fill("of 2026 0012 20")
    page.get_by_role("button", name="Chercher").click()
    expect(page.locator("main .title")).to_have_text("Tournage ébauche")


@pytest.mark.requirement("UIX-61")
def test_an_idle_phone_locks_and_keeps_the_entry(
    page: Page, context: BrowserContext, workshop: Workshop, shot: Shot
) -> None:
    page.clock.install()
    sign_in(page, workshop.base_url, workshop)
    open_operation(page, "Tournage ébauche")
    page.get_by_role("button", name="Démarrer la production").click()
    confirm(page, "Production démarrée")
    page.get_by_role("button", name="Déclarer des pièces").click()
    page.get_by_label("Pièces bonnes", exact=True).fill("6")
    page.clock.fast_forward("10:06")
    expect(page.get_by_role("heading", name="Application verrouillée")).to_be_visible()
    shot(page, "locked")
    context.set_offline(True)
    page.get_by_label("Mot de passe").fill("faux")
    page.get_by_role("button", name="Déverrouiller").click()
    expect(page.get_by_role("alert")).to_contain_text("Mot de passe incorrect")
    page.get_by_label("Mot de passe").fill(workshop.password)
    page.get_by_role("button", name="Déverrouiller").click()
    expect(page.get_by_role("heading", name="Application verrouillée")).to_have_count(0)
    expect(page.get_by_label("Pièces bonnes", exact=True)).to_have_value("6")


def test_targets_are_large_in_both_themes(page: Page, workshop: Workshop, shot: Shot) -> None:
    page.emulate_media(color_scheme="dark")
    sign_in(page, workshop.base_url, workshop)
    expect(page.get_by_text("À faire maintenant")).to_be_visible()
    shot(page, "dark-list")
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
    shot(page, "dark-finish", whole=True)
    page.evaluate("location.hash = '/more'")
    page.wait_for_timeout(150)
    shot(page, "dark-more", whole=True)
    page.evaluate("location.hash = '/machines'")
    expect(page.get_by_text("Alarme")).to_be_visible()
    expect(page.get_by_text("TRS du jour 63 % *")).to_be_visible()
    expect(page.get_by_text("programme O1042")).to_be_visible()
    expect(page.get_by_text("ne remplace ni les protecteurs")).to_be_visible()
    page.get_by_role("button", name="Prendre en compte").click()
    expect(page.get_by_label("Cause, si elle est connue")).to_be_visible()
    shot(page, "machines")


@pytest.mark.requirement("UIX-55")
def test_english_is_chosen_per_device(page: Page, workshop: Workshop) -> None:
    sign_in(page, workshop.base_url, workshop)
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
