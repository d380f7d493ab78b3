"""Customers and suppliers: identifiers, lives, duplicates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.kernel.context import Context
from coordinator.modules.company import rules as company_rules
from coordinator.modules.parties import api as parties
from coordinator.modules.parties import rules
from tests.conftest import master, person

Api = Callable[..., Any]
SIRET = "73282932000074"


@pytest.mark.requirement("CRM-04")
def test_known_identifiers() -> None:
    assert rules.vat_number_is_valid("FR83404833048")
    assert not rules.vat_number_is_valid("FR84404833048")
    assert rules.vat_number_is_valid("DE136695976")


@pytest.mark.requirement("CRM-04")
@given(st.integers(0, 99_999_999), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(stem: int, position: int, shift: int) -> None:
    key = next(k for k in range(10) if company_rules.luhn_is_valid(f"{stem:08d}{k}"))
    siren = f"{stem:08d}{key}"
    wrong = list(siren)
    wrong[position] = str((int(wrong[position]) + shift) % 10)
    assert company_rules.siren_is_valid(siren)
    assert not company_rules.siren_is_valid("".join(wrong))


@pytest.mark.requirement("CRM-45")
def test_refused_fields_are_named_in_french_and_nothing_is_saved(api: Api) -> None:
    client = api(master())
    body = {"name": "Métal SA", "siret": "12345678901234", "vat_number": "FR00123456789", "email": "x@y"}
    answer = client.post("/api/v1/customers", json=body)
    assert answer.status_code in {400, 422}
    assert client.post("/api/v1/customers", json=body | {"email": "x@y.fr"}).json()["errors"] == [
        {"field": "siret", "code": "party.siret", "message": rules_text("party.siret")},
        {"field": "vat_number", "code": "party.vat_number", "message": rules_text("party.vat_number")},
    ]
    assert client.get("/api/v1/customers").json()["total"] == 0
    foreign = client.post(
        "/api/v1/customers", json={"name": "Feinwerk GmbH", "is_foreign": True, "country": "de"}
    )
    assert foreign.status_code == 201
    assert foreign.json()["country"] == "DE"


def rules_text(code: str) -> str:
    from coordinator.kernel.i18n import catalogue

    return catalogue("fr")[f"error.{code}"]


def test_siren_and_vat_follow_from_the_siret(api: Api) -> None:
    made = (
        api(master())
        .post("/api/v1/customers", json={"name": "Atelier Dupont", "siret": "732 829 320 00074"})
        .json()
    )
    assert made["siren"] == "732829320"
    assert made["vat_number"] == "FR44732829320"
    assert made["code"].startswith("C-")
    assert made["status"] == "prospect"


@pytest.mark.requirement("CRM-05")
def test_likely_duplicates_are_shown_not_refused(api: Api) -> None:
    client = api(master())
    first = client.post("/api/v1/customers", json={"name": "Mécanique Durand SARL", "siret": SIRET}).json()
    by_name = client.post("/api/v1/customers", json={"name": "MECANIQUE DURAND"}).json()
    assert [(d["id"], d["reason"]) for d in by_name["possible_duplicates"]] == [(first["id"], "name")]
    by_number = client.post(
        "/api/v1/customers", json={"name": "Autre nom", "vat_number": "FR44732829320"}
    ).json()
    assert (first["id"], "identifier") in [(d["id"], d["reason"]) for d in by_number["possible_duplicates"]]
    other = client.post("/api/v1/customers", json={"name": "Zéphyr Aéro"}).json()
    assert other["possible_duplicates"] == []


@pytest.mark.requirement("CRM-06")
def test_life_of_a_customer(api: Api, ctx: Context) -> None:
    client = api(master())
    customer = client.post("/api/v1/customers", json={"name": "Client"}).json()
    url = f"/api/v1/customers/{customer['id']}"
    assert client.post(f"{url}/activate", json={}).json()["record"]["status"] == "active"
    seller = api(person("crm:read", "crm:create", "crm:update"))
    assert seller.post(f"{url}/hold", json={"reason": "impayé"}).status_code == 403
    held = client.post(f"{url}/hold", json={"reason": "impayé"}).json()["record"]
    assert held["status"] == "on_hold"
    assert parties.order_needs_manager(parties.customer(ctx, customer["id"]))
    illegal = client.post(f"{url}/hold", json={"reason": "encore"})
    assert illegal.status_code == 409
    assert illegal.json()["code"] == "lifecycle.illegal_transition"
    closed = client.post(f"{url}/close", json={}).json()["record"]
    assert closed["status"] == "archived"
    assert closed["archived_at"]
    assert client.post(f"{url}/reopen", json={}).json()["record"]["archived_at"] is None


@pytest.mark.requirement("CRM-03")
def test_a_contact_mail_belongs_to_one_customer_contact(api: Api) -> None:
    client = api(master())
    one = client.post("/api/v1/customers", json={"name": "Un"}).json()["id"]
    two = client.post("/api/v1/customers", json={"name": "Deux"}).json()["id"]
    made = client.post("/api/v1/contacts", json={"full_name": "A", "customer_id": one, "email": "A@site.fr"})
    assert made.json()["email"] == "a@site.fr"
    twice = client.post("/api/v1/contacts", json={"full_name": "B", "customer_id": two, "email": "a@site.fr"})
    assert twice.status_code == 400
    assert twice.json()["errors"][0]["field"] == "email"
    nobody = client.post("/api/v1/contacts", json={"full_name": "C"})
    assert nobody.json()["errors"][0]["code"] == "party.one_owner"


@pytest.mark.requirement("CRM-25")
def test_only_an_approver_approves_a_supplier(api: Api, ctx: Context) -> None:
    client = api(master())
    supplier = client.post("/api/v1/suppliers", json={"name": "Aciers du Nord", "kinds": ["material"]}).json()
    url = f"/api/v1/suppliers/{supplier['id']}/approve"
    assert api(person("crm:read", "crm:update")).post(url, json={}).status_code == 403
    assert not parties.supplier_may_serve(parties.supplier(ctx, supplier["id"]), critical=True)
    approved = client.post(url, json={}).json()["record"]
    assert approved["next_review_on"] > approved["approved_on"]
    ctx.session.expire_all()
    assert parties.supplier_may_serve(parties.supplier(ctx, supplier["id"]), critical=True)
    unknown = client.post("/api/v1/suppliers", json={"name": "X", "kinds": ["magie"]})
    assert unknown.json()["errors"][0]["field"] == "kinds.0"
