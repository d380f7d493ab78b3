"""Accounts through the API of ACC-02, and what protects them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Principal
from coordinator.modules.identity.models import AccessLog, UserAccount
from tests.coordinator.identity.conftest import PASSWORD, House

NEW = {"first_name": "Léa", "last_name": "Petit", "email": "lea@atelier.fr", "language": "fr"}


def user_id(house: House, email: str) -> int:
    with house.factory.open(Principal.service("test")) as ctx:
        found = ctx.session.scalar(select(UserAccount.id).where(UserAccount.email == email))
        assert found is not None
        return found


@pytest.mark.requirement("ACC-02")
def test_the_users_api(house: House) -> None:
    headers = house.master()
    created = house.client.post(
        "/api/v1/users", json={**NEW, "password": PASSWORD, "roles": ["sales"]}, headers=headers
    )
    assert created.status_code == 201, created.text
    user = created.json()
    assert user["roles"] == ["sales"]
    assert not any("hash" in name or "secret" in name for name in user)
    url = f"/api/v1/users/{user['id']}"
    taken = house.client.post("/api/v1/users", json={**NEW, "email": "LEA@atelier.fr"}, headers=headers)
    assert (taken.status_code, taken.json()["detail"]) == (400, "Un utilisateur avec cet email existe déjà")
    unknown = house.client.get("/api/v1/users/999999", headers=headers)
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "Utilisateur non trouvé")
    assert house.client.patch("/api/v1/users/999999", json={"phone": "1"}, headers=headers).status_code == 404
    assert house.client.delete("/api/v1/users/999999", headers=headers).status_code == 404
    for wrong in ({"email": "lea"}, {"email": None}, {"first_name": 3}, {"unknown": 1}):
        assert (
            house.client.post("/api/v1/users", json={**NEW, **wrong}, headers=headers).status_code == 422
        ), wrong
    page = house.client.get("/api/v1/users", headers=headers).json()
    assert (page["skip"], page["limit"], page["total"]) == (0, 10, 2)
    assert "argon2" not in str(page)
    for wrong in ("skip=-1", "limit=0", "limit=101"):
        assert house.client.get(f"/api/v1/users?{wrong}", headers=headers).status_code == 422
    changed = house.client.patch(url, json={"phone": "0612"}, headers=headers).json()
    assert (changed["phone"], changed["last_name"]) == ("0612", "Petit")
    assert (
        house.client.patch(url, json={"password": "fraise-trois-dents"}, headers=headers).status_code == 200
    )
    assert house.login(NEW["email"]).status_code == 401
    assert house.login(NEW["email"], "fraise-trois-dents").status_code == 200
    assert house.client.delete(url, headers=headers).status_code == 204


@pytest.mark.requirement("ACC-03")
def test_a_used_account_is_closed_and_an_unused_one_removed(house: House) -> None:
    used, unused = house.user("sales"), house.user("sales")
    session = house.bearer(used)
    headers = house.master()
    ids = [user_id(house, used), user_id(house, unused)]
    for identifier in ids:
        assert house.client.delete(f"/api/v1/users/{identifier}", headers=headers).status_code == 204
    assert house.client.get("/api/v1/auth/me", headers=session).status_code == 401
    assert house.client.get(f"/api/v1/users/{ids[0]}", headers=headers).json()["is_active"] is False
    assert house.client.get(f"/api/v1/users/{ids[1]}", headers=headers).status_code == 404


@pytest.mark.requirement("ACC-47")
def test_without_role_an_account_is_saved_inactive(house: House) -> None:
    headers = house.master()
    user = house.client.post("/api/v1/users", json={**NEW, "password": PASSWORD}, headers=headers).json()
    assert user["is_active"] is False
    assert house.login(NEW["email"]).status_code == 401
    refused = house.client.patch(f"/api/v1/users/{user['id']}", json={"is_active": True}, headers=headers)
    assert refused.json()["code"] == "user.without_role"


def administrator(house: House, **kwargs: Any) -> dict[str, str]:
    """Header of a new administrator with a second factor."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    email = house.user("admin", totp_secret=secret, **kwargs)
    return house.bearer(email, totp=house.code(secret))


@pytest.mark.requirement("ACC-15")
def test_nobody_else_touches_the_master(house: House) -> None:
    headers = administrator(house)
    url = f"/api/v1/users/{user_id(house, 'chef@atelier.fr')}"
    acts = [
        house.client.patch(url, json={"is_active": False}, headers=headers),
        house.client.patch(url, json={"password": "fraise-trois-dents"}, headers=headers),
        house.client.delete(url, headers=headers),
        house.client.post(f"{url}/archive", json={}, headers=headers),
        *(house.client.post(f"{url}/{act}", json={}, headers=headers)
          for act in ("reset-password", "revoke-sessions", "remove-totp", "issue-badge", "revoke-badge")),
        house.client.post(f"{url}/set-pin", json={"pin": "4071"}, headers=headers),
        house.client.post("/api/v1/permission-grants", headers=headers,
                          json={"user_id": user_id(house, "chef@atelier.fr"), "module_code": "settings", "is_enabled": False}),
    ]  # fmt: skip
    assert {(a.status_code, a.json()["code"]) for a in acts} == {(403, "master.protected")}
    own = house.client.delete(url, headers=house.master())
    assert own.status_code == 409
    for _ in range(30):
        house.login("chef@atelier.fr", "mauvais")
        house.clock.advance(hours=3)
    assert house.login("chef@atelier.fr", totp=house.code()).status_code == 200


@pytest.mark.requirement("ACC-15")
def test_the_master_account_is_handed_over_only_with_proof_and_acceptance(house: House) -> None:
    headers = administrator(house)
    receiver = house.client.get("/api/v1/auth/me", headers=headers).json()["user"]["id"]
    master = house.master()
    offer, accept = "/api/v1/auth/master/offer", "/api/v1/auth/master/accept"
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    house.clock.advance(seconds=30)
    unproven = house.client.post(
        offer, json={"user_id": receiver, "password": PASSWORD, "totp": "000000"}, headers=master
    )
    assert unproven.json()["code"] == "totp.wrong"
    events = house.client.get("/api/v1/auth/security-events", headers=master).json()
    assert (events[0]["result"], events[0]["means"]) == ("failed", "totp")  # a guess counts (ACC-10)
    early = house.client.post(
        accept, json={"password": PASSWORD, "totp": house.code(secret)}, headers=headers
    )
    assert early.json()["code"] == "master.no_offer"
    proof = {"user_id": receiver, "password": PASSWORD, "totp": house.code()}
    assert house.client.post(offer, json=proof, headers=master).status_code == 200
    assert house.client.get("/api/v1/auth/me", headers=master).json()["is_master"] is True
    house.clock.advance(seconds=30)
    done = house.client.post(accept, json={"password": PASSWORD, "totp": house.code(secret)}, headers=headers)
    assert done.status_code == 204, done.text
    assert house.client.get("/api/v1/auth/me", headers=headers).json()["is_master"] is True
    former = house.client.get("/api/v1/auth/me", headers=master).json()
    assert (former["is_master"], former["roles"]) == (False, ["admin"])


def role_id(house: House, code: str, headers: dict[str, str]) -> int:
    return int(house.client.get(f"/api/v1/roles?code={code}", headers=headers).json()["items"][0]["id"])


@pytest.mark.requirement("ACC-16")
def test_nobody_gives_a_right_he_lacks_nor_raises_his_own(house: House) -> None:
    headers = administrator(house)
    me = house.client.get("/api/v1/auth/me", headers=headers).json()["user"]["id"]
    other = user_id(house, house.user("operator"))
    grants = "/api/v1/permission-grants"

    def grant(**values: Any) -> Any:
        return house.client.post(grants, json={"can_read": True, **values}, headers=headers)

    lacking = grant(user_id=other, module_code="quoting")
    assert (lacking.status_code, lacking.json()["code"], lacking.json()["module"]) == (
        403,
        "rights.not_held",
        "quoting",
    )
    assert grant(user_id=me, module_code="settings").json()["code"] == "rights.own"
    role = role_id(house, "management", headers)
    assert (
        house.client.post(
            "/api/v1/user-roles", json={"user_id": other, "role_id": role}, headers=headers
        ).status_code
        == 403
    )
    own_role = house.client.post("/api/v1/user-roles", json={"user_id": me, "role_id": role}, headers=headers)
    assert own_role.json()["code"] == "rights.own"
    admin_role = role_id(house, "admin", headers)
    assert grant(role_id=admin_role, module_code="settings").json()["code"] == "rights.own"
    held = grant(user_id=other, module_code="settings")
    assert held.status_code == 201, held.text
    wider = house.client.patch(
        f"{grants}/{held.json()['id']}", json={"can_delete": True, "row_version": 1}, headers=headers
    )
    assert wider.status_code == 200
    heir = house.client.post(
        "/api/v1/roles", json={"code": "x", "label": "X", "parent_id": role}, headers=headers
    )
    assert heir.json()["code"] == "rights.not_held"
    master_role = role_id(house, "master", house.master())
    given = house.client.post(
        "/api/v1/user-roles", json={"user_id": other, "role_id": master_role}, headers=house.master()
    )
    assert given.json()["code"] == "master.by_handover"


@pytest.mark.requirement("ACC-47")
def test_the_last_administrator_stays(house: House) -> None:
    with house.factory.open(Principal.service("test")) as ctx:
        master = ctx.session.scalars(select(UserAccount).where(UserAccount.is_master)).one()
        master.is_master, master.is_active = False, False
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    last = user_id(house, house.user("admin", totp_secret=secret))
    client = house.client
    clerk = house.user("sales")
    with house.factory.open(Principal.service("test")) as ctx:
        from coordinator.modules.identity.seeds import make_grant

        ctx.add(
            make_grant(
                "users_access",
                "RUD",
                user_id=ctx.session.scalar(select(UserAccount.id).where(UserAccount.email == clerk)),
            )
        )
    headers = house.bearer(clerk)
    assert client.delete(f"/api/v1/users/{last}", headers=headers).status_code == 204, (
        "another manager of rights remains"
    )
    second = user_id(house, house.user("admin", totp_secret=secret))
    own = client.patch(f"/api/v1/users/{user_id(house, clerk)}", json={"is_active": False}, headers=headers)
    assert own.status_code == 200, "the other administrator remains"
    with house.factory.open(Principal.service("test")) as ctx:
        from coordinator.kernel.errors import Conflict
        from coordinator.modules.identity import accounts

        with pytest.raises(Conflict, match=r"admin\.last"):
            accounts.close_account(ctx, ctx.get(UserAccount, second))


@pytest.mark.requirement("ACC-48")
def test_role_loops_and_used_roles_are_refused(house: House) -> None:
    headers = house.master()
    operator, leader = role_id(house, "operator", headers), role_id(house, "team_leader", headers)
    version = house.client.get(f"/api/v1/roles/{operator}", headers=headers).json()["row_version"]
    loop = house.client.patch(
        f"/api/v1/roles/{operator}", json={"parent_id": leader, "row_version": version}, headers=headers
    )
    assert (loop.status_code, loop.json()["code"]) == (400, "role.loop")
    itself = house.client.patch(
        f"/api/v1/roles/{operator}", json={"parent_id": operator, "row_version": version}, headers=headers
    )
    assert itself.json()["code"] == "role.loop"
    house.user("sales")
    used = house.client.post(
        f"/api/v1/roles/{role_id(house, 'sales', headers)}/archive", json={}, headers=headers
    )
    assert (used.status_code, used.json()["users"]) == (409, ["Ana Durand"])
    unused = house.client.post(
        f"/api/v1/roles/{role_id(house, 'programmer', headers)}/archive", json={}, headers=headers
    )
    assert unused.json()["archived_at"]


@pytest.mark.requirement("ACC-27")
def test_a_refusal_leaves_a_line_in_the_access_log(house: House) -> None:
    email = house.user("sales")
    assert house.client.get("/api/v1/users", headers=house.bearer(email)).status_code == 403
    with house.factory.open(Principal.service("test")) as ctx:
        line = ctx.session.scalars(select(AccessLog)).one()
        assert (line.user_id, line.resource, line.access_level) == (
            user_id(house, email),
            "GET /api/v1/users",
            "users_access:read",
        )


def test_station_users_carry_hashes_a_station_can_check(house: House) -> None:
    from coordinator.modules.identity import accounts
    from coordinator.modules.identity import api as identity
    from edge_agents.protocol import credentials

    email = house.user("operator", pin="4071")
    house.user("sales")
    with house.factory.open(Principal.service("test")) as ctx:
        content = accounts.issue_badge(ctx, ctx.get(UserAccount, user_id(house, email)))
        (listed,) = identity.station_users(ctx)
        assert listed["name"] == "Ana Durand"
        assert credentials.matches_badge(content, listed["badge_hash"])
        assert credentials.matches_pin("4071", listed["pin_hash"])
        assert identity.user_of_ref(ctx, listed["ref"]) == user_id(house, email)
        assert [identity.user_of_ref(ctx, ref) for ref in ("u0", "x", "", "u²", "u" + "9" * 30)] == [None] * 5
        principal = identity.verify_badge_pin(ctx, content, "4071")
        assert principal is not None
        assert principal.user_id == user_id(house, email)
        assert identity.verify_badge_pin(ctx, content, "4072") is None
