"""The same application as the screen of a scan station."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.clients.mobile.conftest import STATION
from tests.clients.mobile.workshop import Workshop

Shot = Callable[..., None]
NAME = "Poste débit 1"
RETURN_MS = 6_000
"""Longer than a confirmation stays and than the next attempt to send waits."""


def open_station(page: Page, workshop: Workshop) -> None:
    page.set_viewport_size(STATION)
    page.goto(f"{workshop.base_url}?station=1&name={NAME}")


def sign_in(page: Page, workshop: Workshop) -> None:
    page.get_by_role("button", name="Ouvrir ma session").click()
    page.get_by_label("Adresse e-mail").fill(workshop.email)
    page.get_by_label("Mot de passe", exact=True).fill(workshop.password)
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_text("À faire maintenant")).to_be_visible()


@pytest.mark.requirement("UIX-33")
@pytest.mark.requirement("UIX-31")
def test_name_and_link_state_are_always_shown(
    page: Page, context: BrowserContext, workshop: Workshop, shot: Shot
) -> None:
    open_station(page, workshop)
    expect(page.get_by_text(NAME)).to_be_visible()
    expect(page.get_by_text("Connecté", exact=True)).to_be_visible()
    shot(page, "station-waiting")
    sign_in(page, workshop)
    expect(page.get_by_text(NAME)).to_be_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "20px"
    shot(page, "station-list")
    context.set_offline(True)
    page.get_by_role("button", name="Actualiser").or_(page.get_by_role("button", name="Mise à jour")).click()
    expect(page.get_by_text("Hors ligne", exact=True)).to_be_visible()


@pytest.mark.requirement("UIX-32")
def test_idle_for_two_minutes_returns_to_waiting(page: Page, workshop: Workshop) -> None:
    page.clock.install()
    open_station(page, workshop)
    sign_in(page, workshop)
    page.clock.fast_forward("02:06")
    expect(page.get_by_role("heading", name="Identifiez-vous pour commencer")).to_be_visible()
    expect(page.get_by_text("Tournage ébauche")).to_have_count(0)
    expect(page.get_by_role("button", name="Anne Martin")).to_be_visible()
    expect(page.get_by_role("button", name="Autre personne")).to_be_visible()


def test_a_question_left_open_by_the_person_who_leaves_breaks_nothing(page: Page, workshop: Workshop) -> None:
    page.route("**/api/v1/stop-reasons*", lambda _: None)
    page.clock.install()
    open_station(page, workshop)
    with page.expect_request("**/api/v1/stop-reasons*"):
        sign_in(page, workshop)
    page.clock.fast_forward("02:06")
    expect(page.get_by_role("heading", name="Identifiez-vous pour commencer")).to_be_visible()
    page.clock.run_for(RETURN_MS)
    expect(page.get_by_role("button", name="Anne Martin")).to_be_visible()


@pytest.mark.requirement("UIX-25")
def test_what_waits_is_sent_after_the_person_left(
    page: Page, context: BrowserContext, workshop: Workshop
) -> None:
    page.clock.install()
    open_station(page, workshop)
    sign_in(page, workshop)
    context.set_offline(True)
    page.get_by_role("button", name="Démarrer la production").click()
    expect(page.get_by_test_id("confirmation")).to_contain_text("Retour à l’accueil")
    page.clock.run_for(RETURN_MS)
    expect(page.get_by_role("heading", name="Identifiez-vous pour commencer")).to_be_visible(timeout=12_000)
    expect(page.get_by_text("1 saisie en attente d’envoi")).to_be_visible()
    assert workshop.events == []
    context.set_offline(False)
    page.clock.run_for(RETURN_MS)
    expect(page.get_by_text("1 saisie en attente d’envoi")).to_have_count(0, timeout=15_000)
    assert len(workshop.of_type("operation.started")) == 1
