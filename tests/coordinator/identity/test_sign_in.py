"""Signing in, renewing and closing sessions, over HTTP."""

from __future__ import annotations

import pytest

from tests.coordinator.identity.conftest import PASSWORD, House


def test_login_and_me(house: House) -> None:
    email = house.user("estimator")
    answer = house.login(email.upper()).json()
    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] == 900
    assert answer["must_change_password"] is False
    assert answer["user"]["email"] == email
    me = house.client.get("/api/v1/auth/me", headers={"authorization": f"Bearer {answer['access_token']}"}).json()
    assert me["roles"] == ["estimator"]
    assert me["rights"]["quoting"] == {"read": "all", "create": "all", "update": "all", "export": "all"}
    assert "password" not in str(me)
