"""First start over HTTP: nothing before it, everything or nothing during it, never twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from sqlalchemy import func, select

from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.db import utcnow
from coordinator.modules.company import api as company
from coordinator.modules.company.models import CompanyProfile, Site
from coordinator.modules.identity.models import UserAccount
from tests.conftest import master, person

Api = Callable[..., Any]
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PASSWORD = "copeaux-bleus-7"


def description(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "company": {"legal_name": "Mécanique du Val", "siren": "732 829 320", "iban": "FR14 2004 1010 0505 0001 3M02 606",
                    "sectors": ["aerospace"]},
        "master": {"first_name": "Marie", "last_name": "Chef", "email": "Chef@val.fr", "password": PASSWORD, "totp_secret": SECRET},
        "trades": {"activities": ["machining", "welding"], "main": "machining"},
        "certifications": [{"standard": "EN 9100", "status": "target"}],
        "calendars": [{"code": "2X8", "name": "Deux équipes", "shifts": [
            {"start": "05:00", "end": "13:00", "break_start": "09:00", "break_min": 20},
            {"start": "21:00", "end": "05:00", "weekdays": [1, 2, 3, 4]}]}],
        "sites": [{"code": "VAL", "name": "Le Val", "siret": "73282932000074", "calendar": "2X8",
                   "workshops": [{"code": "TOUR", "name": "Tournage"}]}],
        "rates": [{"kind": "machine_hour", "rate": "72", "unit": "€/h"},
                  {"kind": "machine_hour", "rate": "85", "unit": "€/h", "machine_type": "lathe"}],
        "settings": {"security.session_h": 10},
    }  # fmt: skip
    for path, value in changes.items():
        part, _, name = path.partition("__")
        body[part] = {**body[part], name: value} if name else value
    return body


@pytest.mark.requirement("SET-01")
def test_before_set_up_everything_else_answers_503(api: Api) -> None:
    client = api()
    for path in ("/api/v1/users", "/api/v1/meta", "/api/v1/auth/me", "/api/v1/sites/1"):
        answer = client.get(path, headers={"authorization": "Bearer x"})
        assert (answer.status_code, answer.json()["code"]) == (503, "setup_required"), path
    assert client.post("/api/v1/auth/login", json={"email": "a@b.fr", "password": "x"}).status_code == 503
    assert client.get("/api/v1/health").status_code == 200
    assert client.get("/docs").status_code == 200
    assert client.get("/api/v1/setup").json() == {"is_set_up": False}


@pytest.mark.requirement("SET-04")
@pytest.mark.requirement("SET-06")
def test_one_description_installs_the_company(api: Api, factory: ContextFactory) -> None:
    client = api()
    with factory.open(Principal.service("test")) as ctx:
        assert ctx.session.scalar(select(func.count()).select_from(UserAccount)) == 0, "no default account"
    done = client.post("/api/v1/setup", json=description())
    assert done.status_code == 201, done.text
    assert client.get("/api/v1/setup").json() == {"is_set_up": True}
    login = client.post(
        "/api/v1/auth/login",
        json={"email": "chef@val.fr", "password": PASSWORD, "totp": pyotp.TOTP(SECRET).at(utcnow())},
    )
    assert login.status_code == 200, login.text
    headers = {"authorization": f"Bearer {login.json()['access_token']}"}
    assert client.get("/api/v1/auth/me", headers=headers).json()["is_master"] is True
    profile = client.get("/api/v1/company-profiles", headers=headers).json()["items"][0]
    assert profile["siren"] == "732829320"
    assert profile["vat_number"] == "FR44732829320"
    assert profile["iban"] == "FR1420041010050500013M02606"
    activities = client.get("/api/v1/company-activities", headers=headers).json()["items"]
    assert [a["activity_type"]["display"] for a in activities if a["is_main"]] == ["Usinage"]
    with factory.open(Principal.service("test")) as ctx:
        site = company.site_of_code(ctx, "VAL")
        assert site is not None
        assert site.is_default
        assert site.work_calendar_id
        assert len(company.calendar(ctx, site.work_calendar_id).shifts) == 9
        assert company.rate(ctx, "machine_hour").value == 72
        assert company.rate(ctx, "machine_hour", machine_type="lathe", machine=4).value == 85
        assert ctx.settings.integer("security.session_h") == 10
    again = client.post("/api/v1/setup", json=description())
    assert (again.status_code, again.json()["code"]) == (409, "setup.done")


@pytest.mark.requirement("SET-51")
@pytest.mark.parametrize(
    ("change", "value", "code"),
    [
        ("company__siren", "732829321", "company.siren"),
        ("company__siren", None, "company.siren_missing"),
        ("company__iban", "FR1420041010050500013M02607", "company.iban"),
        ("master__password", "motdepasse123", "password.common"),
        ("master__password", "court-7x", "password.too_short"),
        ("trades__main", "sorcery", "trade.unknown"),
        ("trades__activities", ["welding"], "trade.main_missing"),
        ("modules_off", ["stock"], "module.needed"),
        ("modules_off", ["settings"], "module.core"),
        ("sites", [{"code": "A", "name": "A", "siret": "73282932000075"}], "company.siret"),
        ("settings", {"security.session_h": 1000}, "setting.invalid"),
        ("settings", {"unknown": 1}, "setting.unknown"),
    ],
)
def test_a_refused_value_leaves_nothing_behind(
    api: Api, factory: ContextFactory, change: str, value: Any, code: str
) -> None:
    client = api()
    refused = client.post("/api/v1/setup", json=description(**{change: value}))
    assert refused.status_code in {400, 409}, refused.text
    assert refused.json()["code"] == code
    assert not refused.json()["detail"].startswith("error.")
    with factory.open(Principal.service("test")) as ctx:
        for model in (CompanyProfile, UserAccount, Site):
            assert ctx.session.scalar(select(func.count()).select_from(model)) == 0


@pytest.mark.requirement("SET-50")
def test_not_yet_registered_can_be_chosen(api: Api) -> None:
    client = api()
    body = description(company={"legal_name": "En création", "is_not_yet_registered": True})
    assert client.post("/api/v1/setup", json=body).status_code == 201


@pytest.mark.requirement("SET-31")
@pytest.mark.requirement("SET-33")
def test_settings_are_changed_with_a_reason_and_keep_their_history(api: Api) -> None:
    client = api(master())
    url = "/api/v1/settings/security.session_h"
    listed = {s["key"]: s for s in client.get("/api/v1/settings").json()}["security.session_h"]
    assert (listed["value"], listed["default"], listed["unit"], listed["can_change"]) == (12, 12, "h", True)
    assert listed["label"] == "Durée d'une session sans nouvelle connexion"
    refused = client.put(url, json={"value": 500, "reason": "essai"})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "value"
    assert client.put(url, json={"value": 8}).status_code == 422, "no change without reason"
    assert client.put(url, json={"value": 8, "reason": "journée courte"}).json()["value"] == 8
    changed = client.put(url, json={"value": 9, "reason": "une heure de plus"}).json()
    assert changed["values"][0]["value"] == 9
    history = client.get(f"{url}/history").json()
    assert [(h["old_value"], h["new_value"], h["reason"]) for h in history] == [
        (8, 9, "une heure de plus"),
        (None, 8, "journée courte"),
    ]
    stale = client.put(url, json={"value": 7, "reason": "autre", "row_version": 1})
    assert (stale.status_code, stale.json()["current"]["value"]) == (409, 9)
    restored = client.put(url, json={"value": history[1]["new_value"], "reason": "retour"})
    assert restored.json()["value"] == 8


@pytest.mark.requirement("SET-34")
def test_a_group_of_settings_is_changed_by_its_owner(api: Api) -> None:
    from coordinator.kernel.registry import Permission
    from coordinator.kernel.settings_store import SettingDef
    from coordinator.modules.company.settings_endpoints import owner_of

    assert owner_of(SettingDef("x", "quoting", "integer", 1)) == Permission("quoting", "validate")
    assert owner_of(SettingDef("x", "planning", "integer", 1)) == Permission("planning", "validate")
    client = api(person("settings:read"))
    refused = client.put("/api/v1/settings/security.session_h", json={"value": 8, "reason": "essai"})
    assert refused.status_code == 403
    assert client.get("/api/v1/settings").json()[0]["can_change"] is False


@pytest.mark.requirement("SET-28")
def test_a_new_rate_closes_the_old_one_at_its_date(api: Api, factory: ContextFactory) -> None:
    client = api(master())
    card = client.post("/api/v1/rate-cards", json={"name": "Grille", "valid_from": "2026-01-01"}).json()["id"]

    def add(rate: str, day: str) -> Any:
        body = {"rate_card_id": card, "kind": "labour_hour", "rate": rate, "unit": "€/h", "valid_from": day}
        return client.post("/api/v1/rate-card-lines", json=body)

    first = add("40", "2026-01-01").json()
    assert add("44", "2026-07-01").status_code == 201
    assert client.get(f"/api/v1/rate-card-lines/{first['id']}").json()["valid_to"] == "2026-06-30"
    assert (
        client.patch(
            f"/api/v1/rate-card-lines/{first['id']}", json={"rate": "50", "row_version": 2}
        ).status_code
        == 405
    )
    with factory.open(Principal.service("test")) as ctx:
        import datetime as dt

        assert company.rate(ctx, "labour_hour", on=dt.date(2026, 6, 30)).value == 40
        assert company.rate(ctx, "labour_hour", on=dt.date(2026, 7, 1)).value == 44


@pytest.mark.requirement("SET-29")
def test_a_missing_rate_names_what_to_fill(factory: ContextFactory) -> None:
    from coordinator.kernel.errors import BusinessError

    with factory.open(Principal.service("test")) as ctx, pytest.raises(BusinessError) as refusal:
        company.rate(ctx, "programming")
    assert refusal.value.code == "rate.missing"
    assert "« programmation »" in refusal.value.message()


@pytest.mark.requirement("SET-12")
def test_one_trade_is_the_main_one(api: Api) -> None:
    client = api(master())
    types = client.get("/api/v1/activity-types?code__in=turning,milling").json()["items"]
    rows = [
        client.post("/api/v1/company-activities", json={"activity_type_id": t["id"]}).json() for t in types
    ]
    for row in rows:
        made = client.post(f"/api/v1/company-activities/{row['id']}/make-main", json={})
        assert made.json()["record"]["is_main"] is True
    listed = client.get("/api/v1/company-activities").json()["items"]
    assert [a["is_main"] for a in listed].count(True) == 1
    refused = client.post(f"/api/v1/company-activities/{rows[1]['id']}/remove", json={})
    assert refused.status_code == 409


def test_tasks_notifications_and_dead_deliveries(api: Api, factory: ContextFactory) -> None:
    from coordinator.kernel import tasks
    from coordinator.kernel.models import OutboxDelivery, OutboxEvent

    with factory.open(Principal.service("test")) as ctx:
        mine = tasks.open_task(ctx, "review", "À relire", role="sales").id
        tasks.open_task(ctx, "review", "Pour un autre", role="hr_manager")
        note = tasks.notify(ctx, "warning", "stock", "Stock bas", role="sales").id
        event = OutboxEvent(event_type="x", payload={}, occurred_at=ctx.now)
        ctx.session.add(event)
        ctx.session.flush()
        delivery = OutboxDelivery(
            outbox_event_id=event.id, handler="nobody", status="dead", attempts=8, last_error="panne"
        )
        ctx.session.add(delivery)
        ctx.session.flush()
        delivery_id = delivery.id
    rights = {("projects", "read"): "own", ("projects", "update"): "own"}
    client = api(Principal(kind="user", name="Ana", roles=frozenset({"sales"}), rights=rights))
    assert [t["title"] for t in client.get("/api/v1/tasks").json()["items"]] == ["À relire"]
    done = client.post(f"/api/v1/tasks/{mine}/done", json={"answer": "conforme"}).json()["record"]
    assert (done["status"], done["answer"]) == ("done", "conforme")
    assert client.post(f"/api/v1/tasks/{mine}/done", json={}).status_code == 409
    seen = client.post(f"/api/v1/notifications/{note}/acknowledge", json={}).json()["record"]
    assert seen["acknowledged_at"]
    assert client.get("/api/v1/outbox-deliveries").status_code == 403
    admin = api(person("platform:*"))
    assert admin.get("/api/v1/outbox-deliveries").json()["items"][0]["last_error"] == "panne"
    assert admin.post(f"/api/v1/outbox-deliveries/{delivery_id}/retry").json() == {"status": "pending"}
    assert admin.get("/api/v1/outbox-deliveries").json()["total"] == 0
