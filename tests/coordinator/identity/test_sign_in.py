"""Signing in, renewing and closing sessions, over HTTP."""

from __future__ import annotations

import pyotp
import pytest
from pwdlib.hashers.bcrypt import BcryptHasher
from sqlalchemy import select, update

from coordinator.kernel.context import Principal
from coordinator.modules.identity import keys
from coordinator.modules.identity.models import SecurityEvent, UserAccount
from tests.coordinator.identity.conftest import MASTER_SECRET, PASSWORD, House

ME = "/api/v1/auth/me"


def test_login_and_me(house: House) -> None:
    email = house.user("estimator")
    answer = house.login(email.upper()).json()
    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] == 900
    assert answer["must_change_password"] is False
    assert answer["user"]["email"] == email
    me = house.client.get(ME, headers={"authorization": f"Bearer {answer['access_token']}"}).json()
    assert me["roles"] == ["estimator"]
    assert me["rights"]["quoting"] == {"read": "all", "create": "all", "update": "all", "export": "all"}
    assert "password" not in str(me)


@pytest.mark.requirement("ACC-46")
def test_unknown_forged_expired_and_revoked_tokens_are_all_the_same_401(house: House) -> None:
    email = house.user("sales")
    headers = house.bearer(email)
    token = headers["authorization"].removeprefix("Bearer ")
    head, body, signature = token.split(".")
    assert house.client.get(ME, headers=headers).status_code == 200
    refusals = [
        house.client.get(ME, headers={"authorization": f"Bearer {bad}"})
        for bad in ("x", f"{head}.{body}.{signature[::-1]}", f"eyJhbGciOiJub25lIn0.{body}.")
    ]
    house.client.post("/api/v1/auth/logout", headers=headers)
    refusals.append(house.client.get(ME, headers=headers))
    later = house.bearer(email)
    house.clock.advance(minutes=16)
    refusals.append(house.client.get(ME, headers=later))
    assert {r.status_code for r in refusals} == {401}
    assert {r.json()["code"] for r in refusals} == {"auth.invalid_token"}
    assert {r.json()["detail"] for r in refusals} == {
        "Votre session n'est plus valable : connectez-vous à nouveau."
    }
    missing = house.client.get("/api/v1/users", headers=house.bearer(email))
    assert missing.status_code == 403
    assert (missing.json()["module"], missing.json()["right"]) == ("users_access", "read")
    assert missing.json()["detail"].startswith("Vous n'avez pas le droit d'effectuer cette action")


@pytest.mark.requirement("ACC-07")
def test_refresh_rotates_and_a_stolen_token_closes_the_session(house: House) -> None:
    first = house.login(house.user("sales")).json()
    refresh = "/api/v1/auth/refresh"
    house.clock.advance(hours=11)
    second = house.client.post(refresh, json={"refresh_token": first["refresh_token"]})
    assert second.status_code == 200
    headers = {"authorization": f"Bearer {second.json()['access_token']}"}
    assert house.client.get(ME, headers=headers).status_code == 200
    house.clock.advance(seconds=90)
    assert house.client.post(refresh, json={"refresh_token": first["refresh_token"]}).status_code == 401
    assert house.client.get(ME, headers=headers).status_code == 401
    assert (
        house.client.post(refresh, json={"refresh_token": second.json()["refresh_token"]}).status_code == 401
    )


def test_a_lost_answer_to_a_refresh_can_be_asked_again(house: House) -> None:
    first = house.login(house.user("sales")).json()
    body = {"refresh_token": first["refresh_token"]}
    outlived = {"authorization": "Bearer outlived"}
    assert house.client.post("/api/v1/auth/refresh", json=body, headers=outlived).status_code == 200
    assert house.client.post("/api/v1/auth/refresh", json=body).status_code == 200


@pytest.mark.requirement("ACC-07")
def test_refresh_ends_after_twelve_hours(house: House) -> None:
    first = house.login(house.user("sales")).json()
    house.clock.advance(hours=12, seconds=1)
    assert (
        house.client.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]}).status_code
        == 401
    )


@pytest.mark.requirement("ACC-07")
def test_one_or_all_sessions_can_be_closed(house: House) -> None:
    email = house.user("sales")
    here, there, elsewhere = house.bearer(email), house.bearer(email), house.bearer(email)
    listed = house.client.get("/api/v1/auth/sessions", headers=here).json()
    assert [s["is_current"] for s in listed] == [False, False, True]
    house.client.post(f"/api/v1/auth/sessions/{listed[0]['id']}/revoke", headers=here)
    assert house.client.get(ME, headers=elsewhere).status_code == 401
    assert house.client.get(ME, headers=there).status_code == 200
    assert house.client.post("/api/v1/auth/sessions/revoke-others", headers=here).json() == {"revoked": 1}
    assert house.client.get(ME, headers=there).status_code == 401
    user_id = house.client.get(ME, headers=here).json()["user"]["id"]
    house.client.post(f"/api/v1/users/{user_id}/revoke-sessions", headers=house.master())
    assert house.client.get(ME, headers=here).status_code == 401


@pytest.mark.requirement("ACC-53")
def test_changing_the_key_signs_everybody_out(house: House) -> None:
    headers = house.bearer(house.user("sales"))
    keys.change_signing_key(house.factory.config)
    assert house.client.get(ME, headers=headers).status_code == 401
    assert house.bearer(house.user("sales"))
    mode = (house.factory.config.secrets_dir / "token-signing.key").stat().st_mode
    assert mode & 0o077 == 0


@pytest.mark.requirement("ACC-10")
def test_five_failures_lock_fifteen_minutes_then_thirty(house: House) -> None:
    email = house.user("sales")
    for _ in range(5):
        assert house.login(email, "mauvais").json()["code"] == "auth.invalid_credentials"
    assert house.login(email).json()["code"] == "auth.locked"
    house.clock.advance(minutes=16)
    for _ in range(5):
        assert house.login(email, "mauvais").json()["code"] == "auth.invalid_credentials"
    house.clock.advance(minutes=16)
    assert house.login(email).json()["code"] == "auth.locked"
    house.clock.advance(minutes=15)
    assert house.login(email).status_code == 200


@pytest.mark.requirement("ACC-10")
def test_an_unknown_email_is_treated_like_a_known_one(house: House) -> None:
    known = house.user("sales")

    def attempts(email: str) -> list[tuple[int, str, str]]:
        answers = [house.login(email, "mauvais") for _ in range(6)]
        house.clock.advance(minutes=16)  # the address is locked too
        return [(a.status_code, a.json()["code"], a.json()["detail"]) for a in answers]

    assert attempts(known) == attempts("personne@atelier.fr")


@pytest.mark.requirement("ACC-10")
def test_an_address_is_locked_whatever_the_accounts_tried(house: House) -> None:
    for number in range(5):
        house.login(f"inconnu{number}@atelier.fr", "mauvais")
    assert house.login(house.user("sales")).json()["code"] == "auth.locked"


@pytest.mark.requirement("ACC-10")
def test_after_four_timed_locks_an_administrator_must_act(house: House) -> None:
    email = house.user("sales")
    for lock in range(5):
        for _ in range(5):
            house.login(email, "mauvais")
        house.clock.advance(hours=3 + lock)
    house.clock.advance(days=400)
    assert house.login(email).json()["code"] == "auth.locked"
    user = house.client.get(f"/api/v1/users?q={email}", headers=house.master()).json()["items"][0]
    assert house.client.post(f"/api/v1/users/{user['id']}/unlock", headers=house.master()).status_code == 200
    assert house.login(email).status_code == 200


@pytest.mark.requirement("ACC-11")
def test_sign_ins_and_failures_are_recorded_and_shown_to_the_person(house: House) -> None:
    email = house.user("sales")
    house.login(email, "mauvais")
    headers = house.bearer(email)
    lines = house.client.get("/api/v1/auth/security-events", headers=headers).json()
    assert [(line["kind"], line["result"]) for line in lines] == [("sign_in", "ok"), ("sign_in", "failed")]
    assert lines[0]["ip"] == "testclient"


@pytest.mark.requirement("ACC-09")
def test_a_role_with_two_factor_duty_can_only_enrol_first(house: House) -> None:
    email = house.user("accountant")
    answer = house.login(email).json()
    assert answer["totp_enrolment_required"] is True
    headers = {"authorization": f"Bearer {answer['access_token']}"}
    assert house.client.get("/api/v1/users", headers=headers).status_code == 403
    assert house.client.get(ME, headers=headers).json()["rights"] == {}
    secret = house.client.post("/api/v1/auth/totp/enrol", headers=headers).json()["secret"]
    wrong = house.client.post("/api/v1/auth/totp/confirm", json={"code": "000000"}, headers=headers)
    assert wrong.json()["code"] == "totp.wrong"
    codes = house.client.post(
        "/api/v1/auth/totp/confirm", json={"code": house.code(secret)}, headers=headers
    ).json()
    assert len(set(codes["recovery_codes"])) == 10
    assert "invoicing" in house.client.get(ME, headers=headers).json()["rights"]

    assert house.login(email).json()["code"] == "auth.totp_required"
    assert house.login(email, totp="123").json()["code"] == "auth.invalid_credentials"
    house.clock.advance(seconds=60)
    assert house.login(email, totp=house.code(secret)).status_code == 200
    assert house.login(email, totp=house.code(secret)).json()["code"] == "auth.invalid_credentials", (
        "replayed code"
    )
    recovery = codes["recovery_codes"][0]
    assert house.login(email, totp=recovery).status_code == 200
    assert house.login(email, totp=recovery).json()["code"] == "auth.invalid_credentials", (
        "recovery code used twice"
    )


@pytest.mark.requirement("ACC-09")
def test_seeded_duty_and_its_secret_encrypted(house: House) -> None:
    with house.factory.open(Principal.service("test")) as ctx:
        master = ctx.session.scalars(select(UserAccount).where(UserAccount.is_master)).one()
        assert master.totp_secret
        assert MASTER_SECRET not in master.totp_secret
        assert pyotp.TOTP(keys.decrypt(ctx.config, master.totp_secret)).secret == MASTER_SECRET
    for role in ("admin", "workshop_manager", "quality_manager", "hr_manager", "accountant"):
        assert house.login(house.user(role)).json()["totp_enrolment_required"] is True
    assert house.login(house.user("operator")).json()["totp_enrolment_required"] is False


@pytest.mark.requirement("ACC-05")
def test_a_first_password_serves_once_and_must_be_changed(house: House) -> None:
    email = house.user("sales", temporary=True)
    answer = house.login(email).json()
    assert answer["must_change_password"] is True
    headers = {"authorization": f"Bearer {answer['access_token']}"}
    assert house.client.get("/api/v1/users", headers=headers).status_code == 403
    assert house.client.get(ME, headers=headers).json()["restrictions"] == ["password_change"]
    assert house.login(email).json()["code"] == "auth.invalid_credentials", "single use"
    weak = house.client.post("/api/v1/auth/password", json={"new_password": "Azerty123!"}, headers=headers)
    assert weak.json()["code"] == "password.common"
    changed = house.client.post(
        "/api/v1/auth/password", json={"new_password": "fraise-trois-dents"}, headers=headers
    )
    assert changed.status_code == 204
    assert house.client.get(ME, headers=headers).json()["restrictions"] == []
    assert house.login(email, "fraise-trois-dents").json()["must_change_password"] is False


@pytest.mark.requirement("ACC-05")
def test_a_first_password_expires_after_a_day(house: House) -> None:
    email = house.user("sales", temporary=True)
    house.clock.advance(hours=24, seconds=1)
    assert house.login(email).json()["code"] == "auth.invalid_credentials"


@pytest.mark.requirement("ACC-04")
def test_old_hashes_are_verified_and_replaced(house: House) -> None:
    email = house.user("sales")
    with house.factory.open(Principal.service("test")) as ctx:
        old = BcryptHasher(rounds=4).hash(PASSWORD)
        ctx.session.execute(update(UserAccount).where(UserAccount.email == email).values(password_hash=old))
    assert house.login(email, "mauvais").status_code == 401
    assert house.login(email).status_code == 200
    with house.factory.open(Principal.service("test")) as ctx:
        user = ctx.session.scalars(select(UserAccount).where(UserAccount.email == email)).one()
        assert user.password_hash
        assert user.password_hash.startswith("$argon2id$")
    assert house.login(email).status_code == 200


def test_badge_and_pin(house: House) -> None:
    email = house.user("operator", pin="4071")
    user = house.client.get(f"/api/v1/users?q={email}", headers=house.master()).json()["items"][0]
    badge = house.client.post(
        f"/api/v1/users/{user['id']}/issue-badge", json={}, headers=house.master()
    ).json()["result"]

    def sign_in(content: str, pin: str) -> int:
        return house.client.post("/api/v1/auth/badge", json={"badge": content, "pin": pin}).status_code

    assert sign_in(badge["content"], "9999") == 401
    assert sign_in(badge["content"], "4071") == 200
    second = house.client.post(
        f"/api/v1/users/{user['id']}/issue-badge", json={}, headers=house.master()
    ).json()["result"]
    assert sign_in(badge["content"], "4071") == 401, "the lost badge is revoked"
    assert sign_in(second["content"], "4071") == 200
    with house.factory.open(Principal.service("test")) as ctx:
        kinds = ctx.session.scalars(select(SecurityEvent.kind).where(SecurityEvent.means == "badge")).all()
        assert len(kinds) == 4


def test_a_badge_alone_never_opens_an_account_with_two_factor_duty(house: House) -> None:
    email = house.user("workshop_manager", pin="4071")
    user = house.client.get(f"/api/v1/users?q={email}", headers=house.master()).json()["items"][0]
    badge = house.client.post(
        f"/api/v1/users/{user['id']}/issue-badge", json={}, headers=house.master()
    ).json()["result"]
    answer = house.client.post("/api/v1/auth/badge", json={"badge": badge["content"], "pin": "4071"})
    assert answer.json()["code"] == "auth.password_needed"
