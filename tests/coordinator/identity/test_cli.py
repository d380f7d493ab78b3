"""Commands of the console."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from coordinator.modules.identity import cli
from tests.coordinator.identity.conftest import PASSWORD, House


@pytest.mark.requirement("ACC-53")
@pytest.mark.requirement("ACC-15")
def test_console(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "_factory", lambda: house.factory)
    run = CliRunner().invoke
    email = house.user("sales")
    headers = house.bearer(email)
    closed = run(cli.app, ["revoke-all-sessions"])
    assert closed.exit_code == 0, closed.output
    assert "1 session(s) fermée(s)" in closed.output
    assert house.client.get("/api/v1/auth/me", headers=headers).status_code == 401
    for _ in range(5):
        house.login(email, "mauvais")
    house.clock.advance(minutes=1)
    assert run(cli.app, ["unlock", email]).exit_code == 0
    assert run(cli.app, ["unlock", "personne@atelier.fr"]).exit_code == 1
    options = [
        "create-master",
        "--email",
        "suite@atelier.fr",
        "--prenom",
        "Luc",
        "--nom",
        "Suite",
        "--mot-de-passe",
        PASSWORD,
    ]
    refused = run(cli.app, options)
    assert refused.exit_code == 1, "exactly one master at any time"
    replaced = run(cli.app, [*options, "--remplacer"])
    assert replaced.exit_code == 0, replaced.output
    house.clock.advance(minutes=20)
    answer = house.login("suite@atelier.fr")
    assert answer.json()["totp_enrolment_required"] is True
    former = house.client.get("/api/v1/auth/me", headers=house.master()).json()
    assert (former["is_master"], former["roles"]) == (False, ["admin"])
